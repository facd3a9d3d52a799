//! Training: how a learner's parameters move.

pub mod compress;
pub mod cost;
pub mod diagnostics;
pub mod gradient_descent;
pub mod langevin;
pub mod stability;

pub use cost::Cost;
pub use gradient_descent::GradientDescent;
pub use langevin::Langevin;

use crate::error::Result;
use crate::kind::{About, Kind};
use crate::learner::{Learner, Parameters};
use crate::numerics::random::Stream;
use crate::task::{Dataset, Shape};
use std::fmt::Debug;

/// Normalisation of the squared loss `L = (w/2) sum_mu ||y_mu - f(x_mu)||^2` (sum over outputs).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// `w = 1/P`: half the mean over samples (default).
    #[default]
    HalfMean,
    /// `w = 1`: half the sum over samples (one-hot items).
    HalfSum,
}

impl Loss {
    /// Weight per sample for `samples` samples.
    pub fn weight(self, samples: usize) -> f64 {
        match self {
            Loss::HalfMean => 1.0 / samples as f64,
            Loss::HalfSum => 1.0,
        }
    }
    /// Convention in words, for observables.
    pub fn convention(self) -> &'static str {
        match self {
            Loss::HalfMean => "L = 1/(2P) sum_mu |y - f|^2",
            Loss::HalfSum => "L = 1/2 sum_mu |y - f|^2",
        }
    }
}

/// What the trainer hands out at a recorded step.
pub struct Snapshot<'a> {
    pub step: usize,
    /// Parameters in double precision, whatever the learner trains in.
    pub parameters: &'a Parameters,
}

/// Receives snapshots; an error stops the training.
pub type OnSnapshot<'a> = dyn FnMut(Snapshot) -> Result<()> + 'a;

/// A training rule.
pub trait Training: Debug + Send + Sync {
    fn about(&self) -> &'static About;
    fn resolved(&self) -> serde_json::Value;
    fn loss(&self) -> Loss;
    fn learning_rate(&self) -> f64;
    /// Number of parameter updates.
    fn steps(&self) -> usize;
    /// Full-batch gradient descent without noise or momentum: what the exact theories describe.
    fn is_plain_descent(&self) -> bool;
    /// Checks that can be made before anything is drawn (a batch larger than the data, ...).
    fn check(&self, _shape: Shape) -> Result<()> {
        Ok(())
    }
    /// Memory and work of one training run; by default that of full-batch back-propagation.
    fn cost(&self, learner: &dyn Learner, shape: Shape) -> Cost {
        Cost::of_descent(learner, shape, shape.samples, self.steps())
    }
    /// Trains from `start`, calling `on_snapshot` at every step of `record` (sorted, may hold 0 and `steps`).
    fn train(
        &self,
        learner: &dyn Learner,
        start: Parameters,
        dataset: &Dataset,
        record: &[usize],
        rng: &mut Stream,
        on_snapshot: &mut OnSnapshot,
    ) -> Result<Parameters>;
}

/// All training rules that a spec can name.
pub const TRAININGS: &[Kind<dyn Training>] = &[gradient_descent::KIND, langevin::adapter::KIND];
