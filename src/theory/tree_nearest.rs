//! One nearest neighbour on critical clusters: its error from the exact law of the distance to the nearest training point of a tree.

use crate::error::Result;
use crate::experiment::{Conditioning, Draw, Experiment, Promise};
use crate::instrument::{Declined, Wanted};
use crate::kind::{About, Kind, parse_table};
use crate::percolation::trees::NearestSeen;
use crate::theory::cluster_discovery::one_neighbour;
use crate::theory::constant::NoKeys;
use crate::theory::gate::covered;
use crate::theory::sheet::Sheet;
use crate::theory::{Info, Plan, Prediction, SolverReport, Theory, missing};
use std::collections::BTreeMap;
use std::sync::Arc;

static ABOUT: About = About {
    kind: "tree-nearest",
    summary: "error of one nearest neighbour on clusters that are random trees, from how far the nearest training point is",
    text: "\
A critical cluster of s points above six dimensions is a uniform random tree, and each of its points is trained on with the probability
phi = T/(n - 1). The chemical distance l of a test point to the nearest training point has a law in closed form (percolation::trees::NearestSeen),
in which nothing is fitted. A coordinate of the walk differs by edge * l in the mean square, edge = (step of the walk)^2/(variance of the targets):

  test-loss-seen  =  edge/2  sum_s s N_s (1 - u_s) l_s / sum_s s N_s (1 - u_s)        N_s clusters of size s in the draw (half-mean)
  test-loss       =  (1 - u) test-loss-seen + u,    u = sum_s s N_s u_s/n
  u_s, l_s        =  probability that no training point is in the cluster; mean distance if one is

One large cluster: l = sqrt(2 n/T), and test-loss falls as T^(-1/2). Where nothing of a cluster is seen, the answer is that of a random
point: u stands for u Var y, an estimate, because clusters differ in their variance. \"data\" is the sizes of the clusters and the
variance of all targets of each draw; shapes and steps of trees are averaged over.

keys: none
limits: task.embedding_dim -> inf (the nearest point in space is the nearest in the tree), task.samples -> inf
needs: percolation-hierarchy with target = \"coordinate\", one nearest neighbour
source: derived here; manifold and discovery curves: Brill 2024 (arXiv:2412.07942)",
    revision: 2,
};

static INFO: Info = Info {
    about: &ABOUT,
    source: "derived here; Brill 2024, arXiv:2412.07942",
    observables: &["test-loss", "test-loss-seen"],
    assumptions: &[
        "one nearest neighbour",
        "the nearest point in space is the nearest in the tree",
        "clusters are uniform random trees, the target a walk along their edges",
    ],
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        parse_table::<NoKeys>(place, table)?;
        Ok(Arc::new(TreeNearest))
    },
    schema: <NoKeys as schemars::JsonSchema>::json_schema,
};

#[derive(Debug)]
struct TreeNearest;

impl Theory for TreeNearest {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!({})
    }

    fn plan(
        &self,
        experiment: &Experiment,
        wanted: &[Wanted],
    ) -> std::result::Result<Box<dyn Plan>, Declined> {
        if !experiment.task.walks_on_trees() {
            return Err(Declined(
                "needs clusters that are trees and a target that walks along them (percolation-hierarchy with target = \"coordinate\")".into(),
            ));
        }
        if !one_neighbour(experiment) {
            return Err(Declined(
                "needs learner.kind = \"nearest\" with one neighbour".into(),
            ));
        }
        let covers = covered(
            wanted,
            |name| INFO.observables.contains(&name),
            "predicts test-loss and test-loss-seen; none is measured",
        )?;
        Ok(Box::new(TreePlan {
            wanted: wanted.to_vec(),
            covers,
            promise: Promise {
                conditioning: Conditioning::Data,
                assumptions: vec![],
                limits: vec![
                    "task.embedding_dim -> inf".into(),
                    "task.samples -> inf".into(),
                ],
                averages_over: vec!["datasets"],
                population: None,
                bytes: 0,
                seconds: 0.1,
            },
        }))
    }
}

struct TreePlan {
    wanted: Vec<Wanted>,
    covers: Vec<usize>,
    promise: Promise,
}

impl Plan for TreePlan {
    fn promise(&self) -> &Promise {
        &self.promise
    }

    fn covers(&self) -> &[usize] {
        &self.covers
    }

    fn solve(&self, draw: &Draw) -> Result<Prediction> {
        let data = draw.dataset.as_ref().ok_or_else(|| missing("data set"))?;
        let groups = data
            .groups
            .as_ref()
            .ok_or_else(|| missing("clusters of the points"))?;
        let edge = groups.edge.ok_or_else(|| missing("steps of the targets"))?;
        let found = curve(&groups.sizes, data.samples(), edge)?;
        let mut sheet = Sheet::new(&self.wanted, &self.covers);
        for t in sheet.times() {
            sheet.at_time(t, |name| {
                Ok::<_, crate::Error>(vec![match name {
                    "test-loss-seen" => found.seen,
                    _ => (1.0 - found.unseen) * found.seen + found.unseen,
                }])
            })?;
        }
        Ok(Prediction {
            observables: sheet.predictions(|_, _, _, value| 1e-9 * value),
            solver: SolverReport {
                method: "distance to the nearest training point, for every size of cluster".into(),
                iterations: found.laws,
                ..SolverReport::default()
            },
            warnings: Vec::new(),
        })
    }
}

/// Losses of one nearest neighbour.
struct Curve {
    /// Half the mean square error on clusters with a training point; 0 without such a test point.
    seen: f64,
    /// Share of test points in the others.
    unseen: f64,
    /// Sizes that differ.
    laws: usize,
}

fn curve(sizes: &[u32], samples: usize, edge: f64) -> Result<Curve> {
    let mut number = BTreeMap::<u32, f64>::new();
    for &size in sizes {
        *number.entry(size).or_default() += 1.0;
    }
    let n: f64 = sizes.iter().map(|&s| f64::from(s)).sum();
    let phi = samples as f64 / (n - 1.0);
    let (mut mass, mut distance) = (0.0, 0.0);
    for (&size, number) in &number {
        let law = NearestSeen::uniform(size, phi)?;
        let seen = f64::from(size) * number * (1.0 - law.unseen());
        mass += seen;
        distance += seen * law.mean();
    }
    Ok(Curve {
        seen: match mass > 0.0 {
            true => 0.5 * edge * distance / mass,
            false => 0.0,
        },
        unseen: 1.0 - mass / n,
        laws: number.len(),
    })
}

#[cfg(test)]
#[path = "tree_nearest_tests.rs"]
mod tests;
