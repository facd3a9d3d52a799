//! The Bethe lattice: weights of clusters, mean size and infinite share, with the cap of the simulation.

use super::{OF_TREES, covered, growth, promise};
use crate::error::Result;
use crate::experiment::{Draw, Experiment, Promise};
use crate::instrument::{Declined, Wanted};
use crate::kind::{About, Kind, parse_table};
use crate::percolation::trees::{Bethe, Growth};
use crate::theory::constant::NoKeys;
use crate::theory::{
    Info, Known, Number, Plan, Predicted, Prediction, Question, SolverReport, Theory,
};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "bethe-lattice",
    summary: "cluster weights, mean size and infinite share of the Bethe lattice, exact at every p and cap",
    text: "\
Bonds of the tree with z neighbours per site, each present with probability p:

  cluster-weight      s n_s,  n_s = z ((z-1)s)! / (s! ((z-2)s+2)!) p^(s-1) (1-p)^((z-2)s+2)
  infinite-share      1 - sum_(s <= cap) s n_s  ->  1 - R^z as the cap grows, R the smallest root of R = 1 - p + p R^(z-1)
  mean-cluster-size   sum_s min(s, cap) s n_s  ->  (1 + p)/(1 - (z-1) p) below p_c = 1/(z-1)

Sites: s n_s and the infinite share times p; the mean size, from an occupied site, is the same. Sums over sizes are carried out
up to task.cap, so that nothing is taken to a limit; the entry with assume = { \"task.cap\" = 1000000 } shows what the cap costs.

At the threshold it states the exponents of the cap, for [[reduce]] kind = \"exponent\", key = \"task.cap\": infinite-share
~ cap^(2 - tau) = cap^(-1/2), mean-cluster-size ~ cap^(3 - tau) = cap^(1/2) (with a correction cap^(-1/2)).

keys: none
limits: none",
    revision: 1,
};

static INFO: Info = Info {
    about: &ABOUT,
    source: "Fisher & Essam, J. Math. Phys. 2, 609 (1961)",
    observables: OF_TREES,
    assumptions: &["no loops: the infinite regular tree"],
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        parse_table::<NoKeys>(place, table)?;
        Ok(Arc::new(OnBethe))
    },
    schema: <NoKeys as schemars::JsonSchema>::json_schema,
};

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;

#[derive(Debug)]
struct OnBethe;

/// Lattice and cap of the experiment.
fn lattice(experiment: &Experiment) -> Option<(Bethe, u64)> {
    match *growth(experiment)? {
        Growth::Bethe { lattice, cap, .. } => Some((lattice, cap as u64)),
        Growth::ErdosRenyi { .. } => None,
    }
}

impl Theory for OnBethe {
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
        let (lattice, cap) = lattice(experiment).ok_or_else(|| {
            Declined("needs a Bethe lattice (task.kind = \"percolation-tree\")".into())
        })?;
        Ok(Box::new(Sums {
            lattice,
            cap,
            covers: covered(wanted, OF_TREES)?,
            wanted: wanted.to_vec(),
            promise: promise(&[], 0, 1e-7 * cap as f64),
        }))
    }

    fn known(&self, experiment: &Experiment, question: &Question) -> Option<Known> {
        let (lattice, _) = lattice(experiment)?;
        if question.key != "task.cap" || lattice.occupation() != lattice.threshold() {
            return None;
        }
        match (question.number, question.observable) {
            (Number::Exponent, "infinite-share") => Some(Known::exact(-0.5)),
            (Number::Exponent, "mean-cluster-size") => Some(Known::exact(0.5)),
            _ => None,
        }
    }
}

struct Sums {
    lattice: Bethe,
    cap: u64,
    wanted: Vec<Wanted>,
    covers: Vec<usize>,
    promise: Promise,
}

impl Plan for Sums {
    fn promise(&self) -> &Promise {
        &self.promise
    }

    fn covers(&self) -> &[usize] {
        &self.covers
    }

    fn solve(&self, _: &Draw) -> Result<Prediction> {
        let cut = self.lattice.cut_off(self.cap);
        let density = self.lattice.site_density();
        let predict = |&i: &usize| {
            let wanted = &self.wanted[i];
            let (mean, bound) = match wanted.observable.name {
                "infinite-share" => (vec![density * cut.larger], vec![density * cut.bounds[0]]),
                "mean-cluster-size" => (vec![cut.mean_size], vec![cut.bounds[1]]),
                _ => {
                    let sizes = wanted.axes[0].values.iter();
                    let value = |&s: &f64| {
                        let weight = s * self.lattice.cluster_number(s as u64);
                        (weight, weight * self.lattice.rounding(s as u64))
                    };
                    sizes.map(value).unzip()
                }
            };
            Predicted {
                wanted: i,
                mean,
                bound,
                stderr: None,
            }
        };
        Ok(Prediction {
            observables: self.covers.iter().map(predict).collect(),
            solver: SolverReport {
                method: "closed forms, summed over sizes up to the cap".into(),
                ..SolverReport::default()
            },
            warnings: Vec::new(),
        })
    }
}
