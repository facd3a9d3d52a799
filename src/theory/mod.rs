//! Theories: what is predicted. Each looks at the whole experiment and predicts, or declines and says why.

mod bayes_optimal;
mod cluster_discovery;
mod constant;
mod edge_of_stability;
pub mod gate;
pub mod learning_curve;
pub mod linear_posterior;
mod manifold;
pub mod ntk;
pub mod percolation;
pub mod readout;
pub mod saddle_to_saddle;
pub mod saxe;
pub mod sheet;
mod tree_nearest;
mod virial_identity;

use crate::error::{Error, Result};
use crate::experiment::{Draw, Experiment, Promise};
use crate::instrument::{Declined, Wanted};
use crate::kind::{About, Kind};
use std::fmt::Debug;

/// Name, source and assumptions of a theory, as the league and the report print them.
#[derive(Debug)]
pub struct Info {
    /// Name, summary, description and revision.
    pub about: &'static About,
    /// Authors, year, arXiv id.
    pub source: &'static str,
    /// Observables it can predict.
    pub observables: &'static [&'static str],
    /// What it assumes whatever its keys, one clause each; an entry adds its own, see [`Promise::assumptions`].
    pub assumptions: &'static [&'static str],
}

/// A theory entry: its own options plus the common contract.
pub trait Theory: Debug + Send + Sync {
    /// Name, source, observables and assumptions.
    fn info(&self) -> &'static Info;
    /// The entry's own options with every default filled in; part of the record hash.
    fn resolved(&self) -> serde_json::Value;
    /// Cheap: decides whether the theory applies, and what it will predict. Nothing is solved.
    fn plan(
        &self,
        experiment: &Experiment,
        wanted: &[Wanted],
    ) -> std::result::Result<Box<dyn Plan>, Declined>;
    /// A number of a reduction over `question.key` that is known without the values, such as an exponent of the limit
    /// of large keys; `None`: the reduction uses the theory's own values, by the code that reduces the measurement.
    fn known(&self, _experiment: &Experiment, _question: &Question) -> Option<Known> {
        None
    }
}

/// Which number of a `[[reduce]]` entry is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'a> {
    /// What the reduction reads off.
    pub number: Number,
    /// Name of the observable that is reduced.
    pub observable: &'a str,
    /// The swept key that is removed.
    pub key: &'a str,
}

/// What a reduction reads off, in the limit in which it is a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// The exponent `w` of `observable ~ key^w`.
    Exponent,
    /// The point `x_c` of the observable's axis at which the curves for large values of `key` meet.
    Crossing,
    /// The exponent `w` of curves `F((x - x_c) key^w)` over the observable's axis `x`.
    ScalingExponent,
    /// The value of the observable itself in the limit that the abscissa of an extrapolation names.
    Limit,
}

/// A number that a theory knows without values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// The number.
    pub value: f64,
    /// How far off it may be: 0 where it is exact, else the published uncertainty.
    pub bound: f64,
}

impl Known {
    /// A number without uncertainty.
    pub fn exact(value: f64) -> Known {
        Known { value, bound: 0.0 }
    }
}

/// A theory bound to one experiment.
pub trait Plan: Send + Sync {
    /// Conditioning, limits taken, and cost of a solve.
    fn promise(&self) -> &Promise;
    /// Which of the wanted observables will be predicted (by index into `wanted`).
    fn covers(&self) -> &[usize];
    /// Solves for one draw, which must hold what the promise conditions on; `Unconverged` when the tolerance is missed.
    fn solve(&self, draw: &Draw) -> Result<Prediction>;
}

/// One predicted observable on the wanted grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicted {
    /// Index into the `wanted` list of the plan.
    pub wanted: usize,
    /// Row-major values.
    pub mean: Vec<f64>,
    /// Numerical error bound (quadrature, residual, rounding) of each value.
    pub bound: Vec<f64>,
    /// Statistical error of Monte Carlo theories.
    pub stderr: Option<Vec<f64>>,
}

/// What a solver returns: values, and how they were obtained.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prediction {
    /// The covered observables.
    pub observables: Vec<Predicted>,
    /// Method, effort and residual.
    pub solver: SolverReport,
    /// What the reader must know about the values, one sentence each.
    pub warnings: Vec<String>,
}

/// How a solver ended.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct SolverReport {
    /// Name of the method actually used.
    pub method: String,
    /// Iterations, integration steps or solved modes, whichever the method counts.
    pub iterations: usize,
    /// Residual or estimated error in the method's own norm.
    pub residual: f64,
}

/// All theories that a spec can name.
pub const THEORIES: &[Kind<dyn Theory>] = &[
    saxe::KIND,
    saddle_to_saddle::KIND,
    ntk::KIND,
    learning_curve::KIND,
    linear_posterior::KIND,
    bayes_optimal::KIND,
    edge_of_stability::KIND,
    virial_identity::KIND,
    cluster_discovery::KIND,
    manifold::KIND,
    tree_nearest::KIND,
    percolation::LIMIT,
    percolation::ENUMERATION,
    percolation::SCALING,
    percolation::SERIES,
    percolation::BETHE,
    percolation::ERDOS_RENYI,
];

/// A solver was handed a draw without what its promise names.
pub fn missing(what: &str) -> Error {
    Error::bug("theory", format!("the draw lacks {what}"))
}

#[cfg(test)]
mod tests;
