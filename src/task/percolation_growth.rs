//! Growth of single percolation clusters on an infinite lattice.

use super::Task;
use super::occupation::Occupation;
use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::percolation::thresholds::threshold;
use crate::percolation::{Crystal, Element, Leath, MOST_DOUBLINGS, Simulation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Construction, keys and conventions of the task.
pub const ABOUT: About = About {
    kind: "percolation-growth",
    summary: "single clusters grown on an infinite lattice, followed up to 2^doublings sites (a simulation without a learner)",
    text: "\
Starting from one occupied site, every site (bond) next to the cluster is occupied with probability p, breadth first, until the
cluster has died or has 2^task.doublings sites (Leath). There is no boundary and no finite-size effect. What is kept is which sizes 2, 4, 8, ...
each cluster reached, and after how many tests: with it the probability of reaching them is known without bias for all p near task.p.
A draw (measure.datasets) grows task.clusters clusters; their mean size at the threshold is about s^(3 - tau), s = 2^doublings: in two
dimensions half of them reach any size, above six it is the root of s.

Keys
  lattice     hypercubic (default), triangular, honeycomb, kagome, bcc, fcc, diamond
  dimension   of the hypercubic lattice (default 2); the others have their own. Coordinates are packed into 62/d bits each: a
              cluster that outgrows them is an error (it has not been seen below 8 dimensions with 2^18 sites)
  element     \"site\" (default) or \"bond\"
  p           occupation at which clusters are grown, or \"threshold\" (default: the published one). An estimate of the threshold does not
              depend on it, as long as it lies within about 2^(-doublings/2) p_c of p_c
  doublings   clusters are followed up to 2^doublings sites, 1 to 24 (default: 14 up to three dimensions, 15 in four, 16 above)
  clusters    per draw, at least 20 (default 1000), or { sites = n }: as many as have about n sites at the threshold, so that all
              dimensions of a sweep take the same time
source: Leath 1976; Lorenz & Ziff, PRE 57, 230 (1998); Grassberger, cond-mat/0202144",
    revision: 1,
};

/// Registry line of `kind = "percolation-growth"`.
pub const KIND: Kind<dyn Task> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let keys: Keys = parse_table(place, table)?;
        Ok(Arc::new(keys.task().map_err(|e| e.within(place))?))
    },
    schema: Keys::json_schema,
};

/// Keys of `[task]`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Keys {
    /// Name of the lattice.
    #[serde(default = "hypercubic")]
    lattice: String,
    /// Dimension of space.
    dimension: Option<usize>,
    /// Sites or bonds.
    #[serde(default = "site")]
    element: Element,
    /// Occupation at which clusters are grown.
    #[serde(default)]
    p: Occupation,
    /// Clusters are followed up to 2^doublings sites.
    doublings: Option<u32>,
    /// Clusters of a draw.
    #[serde(default = "thousand")]
    clusters: Clusters,
}

fn hypercubic() -> String {
    "hypercubic".into()
}

fn site() -> Element {
    Element::Site
}

/// Fewer where a larger share of the clusters is large.
fn usual_doublings(dimension: usize) -> u32 {
    match dimension {
        0..=3 => 14,
        4 => 15,
        _ => 16,
    }
}

fn thousand() -> Clusters {
    Clusters::Count(1000)
}

/// Number of clusters of a draw.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a positive integer, or { sites = n }")]
enum Clusters {
    /// This many.
    Count(usize),
    /// As many as have about this many sites.
    Effort(Effort),
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Effort {
    /// Sites of all clusters of a draw together.
    sites: f64,
}

/// Clusters of one draw are at most this many.
const MOST_CLUSTERS: f64 = 1e9;

impl Keys {
    fn task(self) -> Result<PercolationGrowth> {
        let dimension = self
            .dimension
            .unwrap_or(Crystal::usual_dimension(&self.lattice));
        let doublings = self.doublings.unwrap_or(usual_doublings(dimension));
        let crystal = Crystal::named(&self.lattice, dimension)?;
        let known = || Ok(threshold(&self.lattice, dimension, self.element)?.value);
        let p = self.p.value(known)?;
        let clusters = match self.clusters {
            Clusters::Count(n) => n as f64,
            // Too many doublings are refused below.
            Clusters::Effort(Effort { sites }) => {
                (sites / Leath::mean_size(dimension, doublings.min(MOST_DOUBLINGS))).ceil()
            }
        };
        if clusters.is_nan() || clusters > MOST_CLUSTERS {
            return Err(Error::input(
                "clusters",
                format!("{clusters} clusters"),
                format!("use at most {MOST_CLUSTERS:e}"),
            ));
        }
        let clusters = clusters as usize;
        Ok(PercolationGrowth {
            growth: Leath::new(crystal, self.element, p, doublings, clusters)?,
            lattice: self.lattice,
        })
    }
}

/// Clusters of an infinite lattice.
#[derive(Debug, Clone, PartialEq)]
pub struct PercolationGrowth {
    /// Name of the lattice.
    pub lattice: String,
    /// What is grown in one draw.
    pub growth: Leath,
}

impl Task for PercolationGrowth {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!({
            "lattice": self.lattice,
            "dimension": self.growth.dimension(),
            "element": self.growth.element(),
            "p": self.growth.occupation(),
            "doublings": self.growth.doublings(),
            "clusters": self.growth.clusters(),
        })
    }

    fn simulation(&self) -> Option<Simulation<'_>> {
        Some(Simulation::Leath {
            lattice: &self.lattice,
            growth: &self.growth,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::component;
    use crate::task::TASKS;

    fn parse(text: &str) -> Result<Arc<dyn Task>> {
        let table = format!("kind = \"percolation-growth\"\n{text}");
        component("task", TASKS, table.parse().unwrap())
    }

    #[test]
    fn keys_have_the_defaults_that_are_documented() {
        assert_eq!(
            parse("lattice = \"triangular\"").unwrap().resolved(),
            serde_json::json!({"lattice": "triangular", "dimension": 2, "element": "site", "p": 0.5, "doublings": 14, "clusters": 1000})
        );
    }

    #[test]
    fn wrong_keys_name_their_place() {
        for (text, place) in [
            ("p = 1.5", "task.p"),
            ("dimension = 1", "task.p"),
            ("lattice = \"cubic\"", "task.lattice"),
            ("dimension = 14", "task.dimension"),
            ("doublings = 25", "task.doublings"),
            ("clusters = 19", "task.clusters"),
            ("clusters = { sites = 10 }", "task.clusters"),
            ("clusters = { sites = nan }", "task.clusters"),
            ("clusters = { sites = 1e30 }", "task.clusters"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(place), "{text}: {error}");
        }
    }
}
