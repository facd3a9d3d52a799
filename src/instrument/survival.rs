//! Grown percolation clusters as measurements: how many reach a size, the exponent of that, and the threshold.

use super::observable::{Axis, Observable};
use super::sweeps::no_recorder;
use super::{Declined, Instrument, ReadsSimulation, Recorder};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::kind::{About, parse_table};
use crate::percolation::{Leath, Simulated, Simulation, Survival};
use crate::task::Dataset;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is read off the grown clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Probability,
    Exponent,
    Threshold,
}

/// An observable of grown clusters.
pub struct Grown {
    about: &'static About,
    observable: &'static Observable,
    quantity: Quantity,
    keys: Keys,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Keys {
    span: usize,
}

/// A factor of 32 in size.
const SPAN: Keys = Keys { span: 5 };

impl Default for Keys {
    fn default() -> Self {
        SPAN
    }
}

/// As registered.
pub(super) static SURVIVAL: Grown = Grown {
    about: &About {
        kind: "cluster-survival",
        summary: "Q(s): probability that the cluster of an occupied site reaches s sites, at s = 2, 4, 8, ...",
        text: "\
Q(s) = sum_(s' >= s) s' n_(s')/sum s' n_(s'), by growth of single clusters (task percolation-growth) at task.p. At the threshold
Q ~ s^(2 - tau). The points of one draw are correlated (a cluster that reaches 8 sites has reached 4).
keys: none",
        revision: 1,
    },
    observable: &Observable {
        name: "cluster-survival",
        label: "survival probability Q(s)",
        unit: "1",
        convention: "probability that the cluster of an occupied site has s sites or more",
        ..Observable::PLAIN
    },
    quantity: Quantity::Probability,
    keys: SPAN,
};

/// As registered.
pub(super) static EXPONENT: Grown = Grown {
    about: &About {
        kind: "survival-exponent",
        summary: "local exponent tau - 2 of the survival probability between s and r s sites, at task.p",
        text: "\
ln(Q(s)/Q(r s))/ln r at r s = 2^task.doublings, r = 2^span (task percolation-growth); at the threshold it tends to tau - 2 as
s^(-Omega), in six dimensions with logarithms. The jackknife over 20 groups of clusters takes off the bias of order 1/clusters.

Keys
  span   doublings between the two sizes (default 5: r = 32)",
        revision: 1,
    },
    observable: &Observable {
        name: "survival-exponent",
        label: "local exponent of Q(s)",
        unit: "1",
        convention: "ln(Q(s)/Q(r s))/ln r at the largest size r s that is followed; tau - 2 for large s at the threshold",
        ..Observable::PLAIN
    },
    quantity: Quantity::Exponent,
    keys: SPAN,
};

/// As registered.
pub(super) static THRESHOLD: Grown = Grown {
    about: &About {
        kind: "growth-threshold",
        summary: "the p at which the survival probability of grown clusters is a power of their size",
        text: "\
The p at which Q(s)^2 = Q(s/r) Q(s r), with s r = 2^task.doublings and r = 2^span: below the threshold Q falls faster than a power of s, above
it levels off (task percolation-growth). No exponent and no threshold is put in: Q is known for all p near task.p by the exact weights of the clusters.
The estimate converges as s^(-sigma - Omega), s^(-Omega) being the correction to the power law. The jackknife over 20 groups of
clusters takes off the bias of order 1/clusters. Clusters can be weighted to about 3/2^(task.doublings/2) of task.p around it: a draw in which only tens of
clusters reach the largest size may have no root there, and fails. Some hundreds are enough.

Keys
  span   doublings between successive sizes (default 5: r = 32); 2 span <= task.doublings
source: in the spirit of Lorenz & Ziff, PRE 57, 230 (1998)",
        revision: 2,
    },
    observable: &Observable {
        name: "growth-threshold",
        label: "threshold estimate p_{s}",
        unit: "1",
        convention: "occupation probability at which the local exponents of Q(s) below and above a size s are equal",
        ..Observable::PLAIN
    },
    quantity: Quantity::Threshold,
    keys: SPAN,
};

fn grown(experiment: &Experiment) -> std::result::Result<&Leath, Declined> {
    match (experiment.task.simulation(), &experiment.learner) {
        (Some(Simulation::Leath { growth, .. }), None) => Ok(growth),
        _ => Err(Declined(
            "needs clusters grown on a lattice (task.kind = \"percolation-growth\")".into(),
        )),
    }
}

impl Grown {
    /// Successive factors `2^span` that must fit.
    fn factors(&self) -> usize {
        match self.quantity {
            Quantity::Probability => 0,
            Quantity::Exponent => 1,
            Quantity::Threshold => 2,
        }
    }
}

impl Instrument for Grown {
    fn about(&self) -> &'static About {
        self.about
    }

    fn observable(&self) -> &'static Observable {
        self.observable
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let doublings = grown(experiment)?.doublings();
        let span = self.keys.span;
        if self.factors() * span > doublings as usize {
            return Err(Declined(format!(
                "{} factors of 2^{span} do not fit below 2^{doublings} sites (span, task.doublings)",
                self.factors()
            )));
        }
        Ok(match self.quantity {
            Quantity::Probability => {
                let sizes = (1..=doublings).map(|k| f64::from(k).exp2()).collect();
                vec![Axis::new("size", "sites", sizes)]
            }
            Quantity::Exponent | Quantity::Threshold => Vec::new(),
        })
    }

    fn recorder(&self, _: &Experiment, _: &Dataset, _: &Context) -> Result<Box<dyn Recorder>> {
        Err(no_recorder(self.about.kind))
    }

    fn keyed(&self, place: &str, keys: toml::Table) -> Result<Arc<dyn Instrument>> {
        if self.quantity == Quantity::Probability {
            return match keys.keys().next() {
                None => Ok(Arc::new(Grown { ..*self })),
                Some(key) => Err(Error::input(
                    format!("{place}.{key}"),
                    format!("{} has no keys", self.about.kind),
                    "remove it",
                )),
            };
        }
        let keys: Keys = parse_table(place, keys)?;
        if keys.span == 0 {
            return Err(Error::input(
                format!("{place}.span"),
                "0 doublings",
                "use 1 or more",
            ));
        }
        Ok(Arc::new(Grown { keys, ..*self }))
    }

    fn resolved(&self) -> serde_json::Value {
        match self.quantity {
            Quantity::Probability => serde_json::json!({}),
            _ => serde_json::json!(self.keys),
        }
    }

    fn simulated(&self) -> Option<&dyn ReadsSimulation> {
        Some(self)
    }
}

impl ReadsSimulation for Grown {
    fn read(&self, simulated: Simulated<'_>, _: &[Axis]) -> Result<Vec<f64>> {
        let Simulated::Survival(growth, survival) = simulated else {
            return Err(Error::bug(self.about.kind, "reads grown clusters alone"));
        };
        self.values(growth, survival)
    }
}

impl Grown {
    fn values(&self, growth: &Leath, survival: &Survival) -> Result<Vec<f64>> {
        let (all, p) = (survival.doublings(), growth.occupation());
        Ok(match self.quantity {
            Quantity::Probability => (1..=all).map(|k| survival.at(k, p)).collect(),
            Quantity::Exponent => vec![survival.exponent(all, self.keys.span, p)?],
            Quantity::Threshold => vec![survival.threshold(all, self.keys.span)?],
        })
    }
}
