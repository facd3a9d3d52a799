//! Clusters of trees and random graphs as measurements: weights by size, share of the infinite cluster.

use super::observable::{Axis, Observable};
use super::{Declined, Instrument, ReadsSimulation, Recorder};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::kind::{About, parse_table};
use crate::percolation::trees::{Census, Growth};
use crate::percolation::{Simulated, Simulation};
use crate::task::Dataset;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// The trees of a pure simulation.
pub(super) fn growth(experiment: &Experiment) -> std::result::Result<&Growth, Declined> {
    match (experiment.task.simulation(), &experiment.learner) {
        (Some(Simulation::Growth(growth)), None) => Ok(growth),
        _ => Err(Declined(
            "needs clusters that are grown (task.kind = \"percolation-tree\")".into(),
        )),
    }
}

/// What was counted, for an instrument that declines everything else.
pub(super) fn census<'a>(kind: &str, simulated: Simulated<'a>) -> Result<&'a Census> {
    match simulated {
        Simulated::Census(census) => Ok(census),
        Simulated::Sweeps(..) | Simulated::Survival(..) => {
            Err(Error::bug(kind, "reads grown clusters alone"))
        }
    }
}

/// `s n_s` on a grid of sizes.
pub struct ClusterWeight {
    sizes: Cow<'static, [u64]>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    sizes: Vec<u64>,
}

static WEIGHT_ABOUT: About = About {
    kind: "cluster-weight",
    summary: "s n_s: share of sites in clusters of s sites, by size",
    text: "\
s n_s, n_s the number of clusters of s sites per site of the lattice: probability that a random site belongs to a finite cluster of s
sites. For bonds the sum over s and the infinite share make 1, for sites p (the others are empty). Task percolation-tree: counted over
the sites of one draw; sizes of one draw are correlated.

Keys
  sizes   [s1, s2, ...], at most task.cap, or task.vertices of a random graph; default: 1 to 10",
    revision: 1,
};

static WEIGHT: Observable = Observable {
    name: "cluster-weight",
    label: "cluster weight s n_{s}",
    unit: "1",
    convention: "probability that a random site belongs to a finite cluster of s sites; empty sites of site percolation belong to none",
    ..Observable::PLAIN
};

/// As registered: sizes 1 to 10.
pub(super) static WEIGHTS: ClusterWeight = ClusterWeight {
    sizes: Cow::Borrowed(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
};

impl Instrument for ClusterWeight {
    fn about(&self) -> &'static About {
        &WEIGHT_ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &WEIGHT
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let largest = growth(experiment)?.largest() as u64;
        if let Some(s) = self.sizes.iter().find(|s| **s > largest) {
            return Err(Declined(format!(
                "no cluster of {s} sites is told from larger ones (limit: {largest})"
            )));
        }
        let sizes = self.sizes.iter().map(|&s| s as f64).collect();
        Ok(vec![Axis::new("size", "sites", sizes)])
    }

    fn recorder(&self, _: &Experiment, _: &Dataset, _: &Context) -> Result<Box<dyn Recorder>> {
        Err(Error::bug(WEIGHT_ABOUT.kind, "asked to watch a network"))
    }

    fn keyed(&self, place: &str, keys: toml::Table) -> Result<Arc<dyn Instrument>> {
        let Keys { sizes } = parse_table(place, keys)?;
        if sizes.is_empty() || sizes.contains(&0) {
            return Err(Error::input(
                format!("{place}.sizes"),
                "no cluster has 0 sites, and an empty list asks for nothing",
                "list numbers from 1 on",
            ));
        }
        Ok(Arc::new(ClusterWeight {
            sizes: sizes.into(),
        }))
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!({ "sizes": self.sizes })
    }

    fn simulated(&self) -> Option<&dyn ReadsSimulation> {
        Some(self)
    }
}

impl ReadsSimulation for ClusterWeight {
    fn read(&self, simulated: Simulated<'_>, _: &[Axis]) -> Result<Vec<f64>> {
        let census = census(WEIGHT_ABOUT.kind, simulated)?;
        Ok(self.sizes.iter().map(|&s| census.weight(s)).collect())
    }
}

/// Share of sites in the infinite cluster.
pub struct InfiniteShare;

static SHARE_ABOUT: About = About {
    kind: "infinite-share",
    summary: "P_inf: share of sites in the infinite cluster",
    text: "\
Bethe lattice: share of the sites looked at whose cluster has more than task.cap sites: these are cut off and count as infinite. It
tends to P_inf as the cap grows (at the threshold as cap^(-1/2)). Random graph: the largest component divided by the number of vertices. Task
percolation-tree; empty sites of site percolation are counted in the denominator.

keys: none",
    revision: 1,
};

static SHARE: Observable = Observable {
    name: "infinite-share",
    label: "infinite cluster P_{∞}",
    unit: "1",
    convention: "probability that a random site belongs to the infinite cluster: one of more sites than the cap, or the largest of a graph",
    ..Observable::PLAIN
};

impl Instrument for InfiniteShare {
    fn about(&self) -> &'static About {
        &SHARE_ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &SHARE
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        growth(experiment)?;
        Ok(Vec::new())
    }

    fn recorder(&self, _: &Experiment, _: &Dataset, _: &Context) -> Result<Box<dyn Recorder>> {
        Err(Error::bug(SHARE_ABOUT.kind, "asked to watch a network"))
    }

    fn simulated(&self) -> Option<&dyn ReadsSimulation> {
        Some(self)
    }
}

impl ReadsSimulation for InfiniteShare {
    fn read(&self, simulated: Simulated<'_>, _: &[Axis]) -> Result<Vec<f64>> {
        Ok(vec![census(SHARE_ABOUT.kind, simulated)?.infinite_share()])
    }
}
