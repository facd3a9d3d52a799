//! One nearest neighbour on critical clusters: its error from the exact law of the distance to the nearest training point of a tree.

use crate::context::Context;
use crate::error::Result;
use crate::experiment::{Conditioning, Draw, Experiment, Limit, Promise};
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::percolation::trees::NearestSeen;
use crate::theory::cluster_discovery::one_neighbour;
use crate::theory::sheet::Sheet;
use crate::theory::{
    Asked, Info, Plan, Prediction, Solve, SolverReport, Theory, answered_of, missing,
};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

static ABOUT: About = About {
    kind: "tree-nearest",
    summary: "error of one nearest neighbour on clusters that are random trees, from how far the nearest training point is",
    text: "\
How far from a test point is the nearest training point of its cluster, and how large is the error of one nearest
neighbour for that reason?

Above six dimensions a critical cluster of s points is a uniform random tree. Of n points in all, P are trained
on, so that each other point of the tree is a training point with probability phi = P/(n - 1). The number of
edges l between a test point and the nearest training point of its tree (the chemical distance) then has a law
that is known in closed form (percolation::trees::NearestSeen). Nothing is fitted. The target is a coordinate of
the walk that places the points: over l edges it changes by edge * l in the mean square, where edge is the
square of one step over the variance of the targets.

  test-loss-seen  =  (edge/2)  sum_s s N_s (1 - u_s) l_s / sum_s s N_s (1 - u_s)          half of the mean square
  test-loss       =  (1 - u) test-loss-seen + u,      u = sum_s s N_s u_s/n

  N_s   number of clusters of s points in the draw
  u_s   probability that a cluster of s points has no training point; u is the share of test points in such clusters
  l_s   mean of l in a cluster of s points that has one

In one large cluster the mean of l is sqrt(2 n/P), and test-loss falls as P^(-1/2).

A test point whose cluster has no training point is answered like a random point: two independent targets of variance 1
have the half-mean error 1, which is the last u in the formula. This part is an estimate, because clusters differ in
their spread.

The theory is given the sizes of the clusters and the variance of all targets of each draw (condition \"data\"). It
averages over the shapes of the trees and over the steps.

keys: none
limits: task.embedding_dim -> inf, where the nearest point in space is the nearest in the tree; task.samples -> inf
needs: percolation-hierarchy with target = \"coordinate\", one nearest neighbour
worked number: n = 100000, P = 1000, one cluster: sqrt(2 n/P) = 14.1 edges
source: derived here; manifold and discovery curves: Brill 2024 (arXiv:2412.07942)",
    revision: 2,
};

static INFO: Info = Info {
    source: "derived here; Brill 2024, arXiv:2412.07942",
    observables: &["test-loss", "test-loss-seen"],
    assumptions: &[
        "one nearest neighbour",
        "the nearest point in space is the nearest in the tree",
        "clusters are uniform random trees, the target a walk along their edges",
    ],
    conditions: &[Conditioning::Data],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = without_keys!(TreeNearest);

#[derive(Debug)]
struct TreeNearest;

impl Theory for TreeNearest {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn plan(
        &self,
        experiment: &Experiment,
        asked: &[Asked],
    ) -> std::result::Result<Plan, Declined> {
        let decline = |why: &str| Err(Declined(why.into()));
        if !experiment.task.walks_on_trees() {
            return decline(
                "needs clusters that are trees and a target that walks along them (percolation-hierarchy with target = \"coordinate\")",
            );
        }
        if !one_neighbour(experiment) {
            return decline("needs learner.kind = \"nearest\" with one neighbour");
        }
        let promise = Promise {
            limits: ["task.embedding_dim", "task.samples"]
                .map(Limit::infinite)
                .into(),
            averages_over: vec!["datasets"],
            seconds: 0.1,
            ..Promise::of(Conditioning::Data)
        };
        Ok(Plan::new(
            promise,
            asked,
            answered_of(asked, INFO.observables)?,
            Law,
        ))
    }
}

/// The law of the distances in the clusters of a draw.
struct Law;

impl Solve for Law {
    fn inputs(&self) -> Json {
        json!(null)
    }

    fn solve(&self, asked: &[Asked], draw: &Draw, _: &Context) -> Result<Prediction> {
        let data = draw.dataset.as_ref().ok_or_else(|| missing("data set"))?;
        let groups = data
            .groups
            .as_ref()
            .ok_or_else(|| missing("clusters of the points"))?;
        let edge = groups.edge.ok_or_else(|| missing("steps of the targets"))?;
        let found = curve(&groups.sizes, data.samples(), edge)?;
        let mut sheet = Sheet::new(asked);
        for t in sheet.times() {
            sheet.at_time(t, |name| {
                Ok::<_, crate::Error>(vec![match name {
                    "test-loss-seen" => found.seen,
                    _ => (1.0 - found.unseen) * found.seen + found.unseen,
                }])
            })?;
        }
        Ok(Prediction {
            answers: sheet.answers(|_, _, _, value| 1e-9 * value),
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
