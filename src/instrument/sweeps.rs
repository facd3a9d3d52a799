//! Percolation sweeps as measurements: wrapping and spanning probabilities, cluster sizes.

use super::clusters::{census, growth};
use super::observable::{Axis, Observable};
use super::{Declined, Instrument, ReadsSimulation, Recorder};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::kind::{About, parse_table};
use crate::percolation::exponents::exponents;
use crate::percolation::thresholds::threshold;
use crate::percolation::{Boundary, Event, Need, Setting, Simulated};
use crate::task::Dataset;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Occupation probabilities at which an observable is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a probability, a list of them, { from, to, count }, { scaled = [from, to], count } or \"threshold\""
)]
enum Points {
    /// This one.
    One(f64),
    /// These.
    List(Vec<f64>),
    /// Equally spaced, both ends included.
    Range { from: f64, to: f64, count: usize },
    /// Equally spaced in `x = (p - p_c) L^(1/nu)`.
    Scaled { scaled: [f64; 2], count: usize },
    /// The published threshold of the lattice.
    Word(Word),
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Word {
    Threshold,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    p: Points,
}

/// 41 points from 0 to 1.
const DEFAULT: Points = Points::Range {
    from: 0.0,
    to: 1.0,
    count: 41,
};

impl Points {
    fn check(&self, place: &str) -> Result<()> {
        let wrong =
            |cause: String, remedy: &str| Err(Error::input(format!("{place}.p"), cause, remedy));
        match self {
            Points::Word(_) => Ok(()),
            Points::List(list) if list.is_empty() => {
                wrong("an empty list".into(), "name a probability")
            }
            Points::One(p) => Points::List(vec![*p]).check(place),
            Points::List(list) => match list.iter().find(|p| !(0.0..=1.0).contains(*p)) {
                Some(p) => wrong(format!("{p} is not between 0 and 1"), "use probabilities"),
                None => Ok(()),
            },
            Points::Scaled {
                scaled: [from, to],
                count,
            } => match from < to && *count >= 2 {
                true => Ok(()),
                false => wrong(
                    format!("no {count} points from {from} to {to}"),
                    "use scaled = [from, to] in increasing order and count >= 2",
                ),
            },
            Points::Range { from, to, count } => {
                match 0.0 <= *from && from < to && *to <= 1.0 && *count >= 2 {
                    true => Ok(()),
                    false => wrong(
                        format!("no {count} points from {from} to {to}"),
                        "use 0 <= from < to <= 1 and count >= 2",
                    ),
                }
            }
        }
    }

    /// The axis, and the probability at each of its points.
    fn axis(&self, setting: &Setting) -> std::result::Result<(Axis, Vec<f64>), Declined> {
        let spaced = |from: f64, to: f64, count: usize| -> Vec<f64> {
            let step = (to - from) / (count - 1) as f64;
            (0..count).map(|k| from + step * k as f64).collect()
        };
        let critical = || -> std::result::Result<f64, Declined> {
            let known = threshold(&setting.lattice, setting.dimension, setting.element);
            Ok(known.map_err(|e| Declined(e.to_string()))?.value)
        };
        let values = match self {
            Points::One(p) => vec![*p],
            Points::List(list) => list.clone(),
            Points::Range { from, to, count } => spaced(*from, *to, *count),
            Points::Word(Word::Threshold) => vec![critical()?],
            Points::Scaled {
                scaled: [from, to],
                count,
            } => {
                let critical = critical()?;
                let width = correlation_width(setting).map_err(|e| Declined(e.to_string()))?;
                let x = spaced(*from, *to, *count);
                let p: Vec<f64> = x.iter().map(|x| critical + x * width).collect();
                if let Some(p) = p.iter().find(|p| !(0.0..=1.0).contains(*p)) {
                    return Err(Declined(format!("scaled points reach p = {p}")));
                }
                return Ok((Axis::new("scaled-p", "1", x), p));
            }
        };
        Ok((Axis::new("p", "1", values.clone()), values))
    }
}

/// `L^(-1/nu)`, the width of the critical region in `p`; `N^(-1/3)` above six dimensions.
fn correlation_width(setting: &Setting) -> Result<f64> {
    let side = setting.sides[0] as f64;
    let d = setting.dimension;
    Ok(match d > 6 {
        true => side.powf(-(d as f64) / 3.0),
        false => side.powf(-1.0 / exponents(d)?.nu.value),
    })
}

/// What is read at every `p`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Wrapping(Event),
    Spanning(Event),
    Slope(Event),
    Largest,
    MeanSize,
    Finite,
    Number,
}

/// An observable of percolation as a function of `p`.
pub struct Percolation {
    about: &'static About,
    observable: &'static Observable,
    quantity: Quantity,
    points: Points,
}

macro_rules! percolation {
    ($name:literal, $label:literal, $convention:literal, $text:literal, $quantity:expr) => {
        Percolation {
            about: &About {
                kind: $name,
                summary: $convention,
                text: concat!(
                    $text,
                    "

Read off the sweeps of one draw (task percolation-lattice, no learner): mean over task.sweeps sweeps at every number n of
occupied elements, averaged over the binomial law of n at each p. The points of one curve come from the same sweeps and are
correlated; draws (measure.datasets) are independent.

Keys
  p    [p1, p2, ...], { from, to, count }, \"threshold\" (the published value of the lattice), or { scaled = [from, to], count } in the
       variable (p - p_c) L^(1/nu) of finite-size scaling (N^(1/3) above six dimensions); default: 41 points from 0 to 1"
                ),
                revision: 1,
            },
            observable: &Observable {
                name: $name,
                label: $label,
                unit: "1",
                convention: $convention,
                undefined: match matches!($quantity, Quantity::MeanSize) {
                    true => Some("nothing is occupied"),
                    false => None,
                },
                ..Observable::PLAIN
            },
            quantity: $quantity,
            points: DEFAULT,
        }
    };
}

pub(super) static WRAPPING_X: Percolation = percolation!(
    "wrapping-x",
    "wrapping probability R_{x}",
    "probability that a cluster wraps around the torus along its first direction, whatever else it does",
    "R_x: some closed path within a cluster has a winding vector with a component along the first direction.",
    Quantity::Wrapping(Event::X)
);
pub(super) static WRAPPING_ANY: Percolation = percolation!(
    "wrapping-any",
    "wrapping probability R_{any}",
    "probability that a cluster wraps around the torus along at least one direction",
    "R_any; on a lattice with equal directions in two dimensions R_any + R_all = 2 R_x at every n and p.",
    Quantity::Wrapping(Event::Any)
);
pub(super) static WRAPPING_ALL: Percolation = percolation!(
    "wrapping-all",
    "wrapping probability R_{all}",
    "probability that clusters wrap around the torus along every direction",
    "R_all: along every direction, by one cluster or by several; a single diagonal winding counts for all directions it has components in.",
    Quantity::Wrapping(Event::All)
);
pub(super) static WRAPPING_ONLY: Percolation = percolation!(
    "wrapping-only-x",
    "wrapping probability R_{1}",
    "probability that clusters wrap around the torus along its first direction and along no other",
    "R_1 = R_x - R_all in two dimensions.",
    Quantity::Wrapping(Event::Only)
);
pub(super) static WRAPPING_CROSS: Percolation = percolation!(
    "wrapping-cross",
    "cross-wrapping probability",
    "probability that one cluster has as many linearly independent winding vectors as the torus has dimensions",
    "In two dimensions a cross; bond duality: no winding with n bonds is a cross with M - n bonds of the dual lattice.",
    Quantity::Wrapping(Event::FullRank)
);
pub(super) static WRAPPING_SLOPE: Percolation = percolation!(
    "wrapping-slope",
    "slope dR_{x}/dp",
    "derivative of the wrapping probability R_x with respect to p: mean number of pivotal elements, occupied or not, whose state decides whether R_x holds",
    "dR_x/dp, exactly the derivative of the binomial average. By Russo's formula it counts the pivotal elements of wrapping along the first direction; the
occupied ones among them, p dR_x/dp, are the red bonds of the torus. At the threshold ~ L^(1/nu), with weaker corrections than the
red-bonds of open lattices.
source: Russo 1981; Coniglio 1982; Newman & Ziff 2001, cond-mat/0101295",
    Quantity::Slope(Event::X)
);
pub(super) static SPANNING_X: Percolation = percolation!(
    "spanning-x",
    "spanning probability",
    "probability that a cluster of the open lattice touches both faces of its first direction",
    "Crossing probability of an open lattice; another quantity, with another limit, than wrapping around a torus.",
    Quantity::Spanning(Event::X)
);
pub(super) static LARGEST: Percolation = percolation!(
    "largest-cluster",
    "largest cluster ⟨s_{max}⟩/N",
    "mean size of the largest cluster divided by the number N of sites",
    "The finite-size estimator of the strength of the infinite cluster, P_inf.",
    Quantity::Largest
);
pub(super) static MEAN_SIZE: Percolation = percolation!(
    "mean-cluster-size",
    "mean cluster size S",
    "<sum_i s_i^2>/<sum_i s_i>, all clusters: mean size of the cluster of a random (occupied) site",
    "S, the largest cluster included; sum_i s_i is N p for sites and N for bonds. Task percolation-tree: at task.p (no key p), by the clusters
of the sites looked at; one that is cut off has the size task.cap.",
    Quantity::MeanSize
);
pub(super) static SUSCEPTIBILITY: Percolation = percolation!(
    "susceptibility",
    "susceptibility χ′",
    "(<sum_i s_i^2> - <s_max^2>)/N: second moment of the cluster sizes without the largest cluster, per site",
    "chi' = (sum_i s_i^2 - s_max^2)/N, peaked at the threshold.",
    Quantity::Finite
);
pub(super) static CLUSTER_NUMBER: Percolation = percolation!(
    "cluster-number",
    "clusters per site",
    "mean number of clusters divided by the number N of sites",
    "Sites: clusters of occupied sites; bonds: isolated sites count as clusters.",
    Quantity::Number
);

/// The setting of a pure simulation.
pub(super) fn setting(experiment: &Experiment) -> std::result::Result<&Setting, Declined> {
    let why = match (experiment.task.percolation(), &experiment.learner) {
        (Some(setting), None) => return Ok(setting),
        (Some(_), Some(_)) => "belongs to a simulation without a learner",
        (None, _) => "needs a lattice to be swept (task.kind = \"percolation-lattice\")",
    };
    Err(Declined(why.into()))
}

/// Wrapping and spanning are along directions.
pub(super) fn has_directions(setting: &Setting) -> std::result::Result<(), Declined> {
    match setting.graph {
        None => Ok(()),
        Some(_) => Err(Declined(
            "a graph has no directions to wrap around or to span (susceptibility-peak finds its threshold)".into(),
        )),
    }
}

pub(super) fn on(setting: &Setting, boundary: Boundary) -> std::result::Result<(), Declined> {
    has_directions(setting)?;
    let (word, other) = match boundary {
        Boundary::Torus => ("torus", "spanning-x, red-bonds, chemical-distance"),
        Boundary::Open => ("open", "wrapping-x, hull-length, backbone-mass"),
    };
    match setting.boundary == boundary {
        true => Ok(()),
        false => Err(Declined(format!(
            "needs task.boundary = \"{word}\" (here: {other})"
        ))),
    }
}

pub(super) fn no_recorder(kind: &str) -> Error {
    Error::bug(kind, "asked to watch a network")
}

impl Instrument for Percolation {
    fn about(&self) -> &'static About {
        self.about
    }

    fn observable(&self) -> &'static Observable {
        self.observable
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        if self.quantity == Quantity::MeanSize && growth(experiment).is_ok() {
            return match self.points == DEFAULT {
                true => Ok(Vec::new()),
                false => Err(Declined(
                    "clusters are grown at task.p: it needs no key p".into(),
                )),
            };
        }
        let setting = setting(experiment)?;
        match self.quantity {
            Quantity::Wrapping(_) | Quantity::Slope(_) => on(setting, Boundary::Torus)?,
            Quantity::Spanning(_) => on(setting, Boundary::Open)?,
            _ => {}
        }
        Ok(vec![self.points.axis(setting)?.0])
    }

    fn recorder(&self, _: &Experiment, _: &Dataset, _: &Context) -> Result<Box<dyn Recorder>> {
        Err(no_recorder(self.about.kind))
    }

    fn keyed(&self, place: &str, keys: toml::Table) -> Result<Arc<dyn Instrument>> {
        let keys: Keys = parse_table(place, keys)?;
        keys.p.check(place)?;
        Ok(Arc::new(Percolation {
            about: self.about,
            observable: self.observable,
            quantity: self.quantity,
            points: keys.p,
        }))
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!({ "p": self.points })
    }

    fn simulated(&self) -> Option<&dyn ReadsSimulation> {
        Some(self)
    }
}

impl ReadsSimulation for Percolation {
    fn need(&self) -> Need {
        let onset = matches!(
            self.quantity,
            Quantity::Wrapping(_) | Quantity::Spanning(_) | Quantity::Slope(_)
        );
        Need {
            onset,
            sizes: !onset,
            ..Need::default()
        }
    }

    fn read(&self, simulated: Simulated<'_>, _: &[Axis]) -> Result<Vec<f64>> {
        let Simulated::Sweeps(setting, tally) = simulated else {
            return Ok(vec![census(self.about.kind, simulated)?.mean_size()]);
        };
        let (_, points) = self
            .points
            .axis(setting)
            .map_err(|d| Error::bug(self.about.kind, d.0))?;
        let n = tally.sites as f64;
        let value = |p: f64| -> Result<f64> {
            Ok(match self.quantity {
                Quantity::Wrapping(event) | Quantity::Spanning(event) => {
                    tally.probability(event, p)?
                }
                Quantity::Slope(event) => tally.slope(event, p)?,
                Quantity::Largest => tally.at(&tally.largest, p)? / n,
                Quantity::Finite => tally.at(&tally.finite, p)? / n,
                Quantity::Number => tally.at(&tally.clusters, p)? / n,
                Quantity::MeanSize => tally.at(&tally.squares, p)? / tally.members(p),
            })
        };
        points.into_iter().map(value).collect()
    }
}
