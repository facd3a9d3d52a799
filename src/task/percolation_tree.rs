//! Percolation on trees and random graphs: clusters of random sites.

use super::Task;
use super::occupation::Occupation;
use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::percolation::trees::{Bethe, ErdosRenyi, Growth};
use crate::percolation::{Element, Simulation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Construction, keys and conventions of the task.
pub const ABOUT: About = About {
    kind: "percolation-tree",
    summary: "clusters of random sites of the Bethe lattice or of a random graph (a simulation without a learner)",
    text: "\
source = \"bethe\": a random site of the infinite tree with z neighbours per site is looked at, and its cluster grown breadth first: the
first site has Binomial(z, p) neighbours in it, every other one Binomial(z - 1, p) further ones. In site percolation the first site is empty with
probability 1 - p. A cluster of more than task.cap sites is cut off there and counts as infinite. A draw (measure.datasets) looks at
task.clusters sites. Threshold: p_c = 1/(z - 1).

source = \"erdos-renyi\": bonds join random pairs of N vertices one after the other, each pair at most once, until there are c N / 2 (rounded);
all components are counted, and the largest is taken for the infinite one. A draw is one graph. Threshold: c = 1.

Keys
  source         \"bethe\" (default) or \"erdos-renyi\"
  coordination   bethe: neighbours z of every site, 3 or more (default 3)
  element        bethe: \"bond\" (default) or \"site\"
  p              bethe: occupation probability, or \"threshold\"
  clusters       bethe: sites looked at per draw (default 1000)
  cap            bethe: largest size that is told from infinity, at most 10^7 (default 10000)
  vertices       erdos-renyi: number N of vertices
  degree         erdos-renyi: mean degree c
source: Fisher & Essam 1961; Erdos & Renyi 1960",
    revision: 1,
};

/// Registry line of `kind = "percolation-tree"`.
pub const KIND: Kind<dyn Task> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let keys: Keys = parse_table(place, table)?;
        Ok(Arc::new(keys.task(place)?))
    },
    schema: Keys::json_schema,
};

/// Keys of `[task]`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Keys {
    /// Tree or random graph.
    #[serde(default)]
    source: Source,
    /// Bethe lattice: neighbours of every site.
    coordination: Option<u32>,
    /// Bethe lattice: sites or bonds.
    element: Option<Element>,
    /// Bethe lattice: occupation probability.
    p: Option<Occupation>,
    /// Bethe lattice: sites looked at per draw.
    clusters: Option<usize>,
    /// Bethe lattice: largest size that is told from infinity.
    cap: Option<usize>,
    /// Random graph: number of vertices.
    vertices: Option<usize>,
    /// Random graph: mean degree.
    degree: Option<f64>,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Source {
    #[default]
    Bethe,
    ErdosRenyi,
}

impl Keys {
    fn task(self, place: &str) -> Result<PercolationTree> {
        let (foreign, source) = match self.source {
            Source::Bethe => (
                [
                    ("vertices", self.vertices.is_some()),
                    ("degree", self.degree.is_some()),
                ]
                .to_vec(),
                "bethe",
            ),
            Source::ErdosRenyi => (
                [
                    ("coordination", self.coordination.is_some()),
                    ("element", self.element.is_some()),
                    ("p", self.p.is_some()),
                    ("clusters", self.clusters.is_some()),
                    ("cap", self.cap.is_some()),
                ]
                .to_vec(),
                "erdos-renyi",
            ),
        };
        if let Some((key, _)) = foreign.into_iter().find(|(_, given)| *given) {
            return Err(Error::input(
                format!("{place}.{key}"),
                format!("source = \"{source}\" has no such key"),
                "remove it, or change task.source",
            ));
        }
        let growth = match self.source {
            Source::Bethe => self.bethe(place),
            Source::ErdosRenyi => self.erdos_renyi(place),
        }?;
        growth.check().map_err(|e| e.within(place))?;
        Ok(PercolationTree { growth })
    }

    fn bethe(&self, place: &str) -> Result<Growth> {
        let coordination = self.coordination.unwrap_or(3);
        let given = self.p.ok_or_else(|| missing(place, "p", "a probability"))?;
        let occupation = given.value(|| Ok(1.0 / (f64::from(coordination.max(3)) - 1.0)))?;
        let element = self.element.unwrap_or(Element::Bond);
        let lattice = Bethe::new(coordination, occupation, element);
        Ok(Growth::Bethe {
            lattice: lattice.map_err(|e| e.within(place))?,
            clusters: self.clusters.unwrap_or(1000),
            cap: self.cap.unwrap_or(10_000),
        })
    }

    fn erdos_renyi(&self, place: &str) -> Result<Growth> {
        let degree = self
            .degree
            .ok_or_else(|| missing(place, "degree", "a mean degree"))?;
        let graph = ErdosRenyi::new(degree).map_err(|e| match e {
            Error::Input { cause, remedy, .. } => {
                Error::input(format!("{place}.degree"), cause, remedy)
            }
            e => e,
        })?;
        let vertices = self.vertices;
        Ok(Growth::ErdosRenyi {
            graph,
            vertices: vertices.ok_or_else(|| missing(place, "vertices", "their number"))?,
        })
    }
}

fn missing(place: &str, key: &str, what: &str) -> Error {
    Error::input(
        format!("{place}.{key}"),
        "missing",
        format!("write {key} = {what}"),
    )
}

/// Clusters of a tree or of a random graph.
#[derive(Debug, Clone, PartialEq)]
pub struct PercolationTree {
    /// What is looked at in one draw.
    pub growth: Growth,
}

impl Task for PercolationTree {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        match self.growth {
            Growth::Bethe {
                lattice,
                clusters,
                cap,
            } => serde_json::json!({
                "source": "bethe",
                "coordination": lattice.coordination(),
                "element": lattice.element(),
                "p": lattice.occupation(),
                "clusters": clusters,
                "cap": cap,
            }),
            Growth::ErdosRenyi { graph, vertices } => serde_json::json!({
                "source": "erdos-renyi",
                "degree": graph.degree(),
                "vertices": vertices,
            }),
        }
    }

    fn simulation(&self) -> Option<Simulation<'_>> {
        Some(Simulation::Growth(&self.growth))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::component;
    use crate::task::TASKS;

    fn parse(text: &str) -> Result<Arc<dyn Task>> {
        let table = format!("kind = \"percolation-tree\"\n{text}");
        component("task", TASKS, table.parse().unwrap())
    }

    #[test]
    fn keys_have_the_defaults_that_are_documented() {
        let tree = parse("p = \"threshold\"").unwrap().resolved();
        assert_eq!(
            tree,
            serde_json::json!({"source": "bethe", "coordination": 3, "element": "bond", "p": 0.5, "clusters": 1000, "cap": 10000})
        );
        let graph = parse("source = \"erdos-renyi\"\ndegree = 1\nvertices = 100").unwrap();
        assert_eq!(graph.resolved()["degree"], 1.0);
    }

    #[test]
    fn wrong_keys_name_their_place() {
        let graph = "source = \"erdos-renyi\"\n";
        for (text, place) in [
            ("".into(), "task.p"),
            ("p = 1.5".into(), "task.p"),
            ("p = \"critical\"".into(), "task.p"),
            ("p = 0.3\ncoordination = 2".into(), "task.coordination"),
            ("p = 0.3\nclusters = 0".into(), "task.clusters"),
            ("p = 0.3\ncap = 0".into(), "task.cap"),
            ("p = 0.3\nvertices = 10".into(), "task.vertices"),
            (format!("{graph}degree = 1.0"), "task.vertices"),
            (format!("{graph}vertices = 9"), "task.degree"),
            (format!("{graph}degree = -1.0\nvertices = 9"), "task.degree"),
            (format!("{graph}degree = 9.0\nvertices = 9"), "task.degree"),
            (
                format!("{graph}degree = 1.0\nvertices = 9\np = 0.1"),
                "task.p",
            ),
        ] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.starts_with(place), "{text}: {error}");
        }
    }
}
