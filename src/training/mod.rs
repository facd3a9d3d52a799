//! Training: how a learner's parameters move.

mod adam;
mod batches;
mod closed_form;
pub mod compress;
pub mod cost;
pub mod descent;
pub mod diagnostics;
pub mod gradient_descent;
mod gradient_flow;
pub mod langevin;
mod none;
mod rule;
mod schedule;
mod sgd;
pub mod sharpness;
pub mod stability;
mod stages;
mod state;
mod table;
mod view;

pub use adam::Adam;
pub use closed_form::ClosedForm;
pub use cost::Cost;
pub use descent::Descent;
pub use gradient_descent::GradientDescent;
pub use gradient_flow::GradientFlow;
pub use langevin::{ChainReport, Langevin};
pub use none::Untrained;
pub use rule::Rule;
pub use schedule::{Decay, Schedule};
pub use sgd::Sgd;
pub use stages::{Stage, Stages};
pub use state::{Start, State};
pub use view::DescentView;

use crate::error::{Error, Result};
use crate::kind::{About, Kind};
use crate::learner::{Learner, Objective, Parameters, Penalty};
use crate::numerics::random::Stream;
use crate::task::{Dataset, Shape};
use std::fmt::Debug;

/// What is minimised: the squared loss `L = (w/2) sum_mu ||y_mu - f(x_mu)||^2` (sum over outputs) in one of two normalisations, the
/// cross-entropy of a softmax, or the sum of a convex function of every residual ([`Penalty`]). In a spec the last are tables,
/// `loss = { quartic = 0.3 }`.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// `w = 1/P`: half the mean over samples (default).
    #[default]
    HalfMean,
    /// `w = 1`: half the sum over samples (one-hot items).
    HalfSum,
    /// Mean over samples and positions of `-sum_k y_k ln softmax(f)_k`, in nats.
    CrossEntropy,
    /// Sum over samples and outputs of `r^2/2 + q r^4/4`, `r = f - y`.
    Quartic(f64),
    /// Sum over samples and outputs of `r^2/2` up to `|r| = d`, and `d |r| - d^2/2` beyond.
    Huber(f64),
    /// Sum over samples and outputs of `d^2 ln cosh(r/d)`.
    LogCosh(f64),
}

impl<'de> serde::Deserialize<'de> for Loss {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        const FORMS: &str = "half-mean, half-sum, cross-entropy, { quartic = q }, { huber = d } or { log-cosh = d }";
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Given {
            Name(String),
            Table(std::collections::BTreeMap<String, f64>),
        }
        let wrong =
            |given: &str| serde::de::Error::custom(format!("{given} is no loss: write {FORMS}"));
        let given = Given::deserialize(deserializer).map_err(|_| wrong("the value"))?;
        let table = match given {
            Given::Name(name) => {
                return match name.as_str() {
                    "half-mean" => Ok(Loss::HalfMean),
                    "half-sum" => Ok(Loss::HalfSum),
                    "cross-entropy" => Ok(Loss::CrossEntropy),
                    _ => Err(wrong(&format!("\"{name}\""))),
                };
            }
            Given::Table(table) => table,
        };
        let entries: Vec<(&str, f64)> = table.iter().map(|(k, v)| (k.as_str(), *v)).collect();
        match entries[..] {
            [("quartic", q)] => Ok(Loss::Quartic(q)),
            [("huber", d)] => Ok(Loss::Huber(d)),
            [("log-cosh", d)] => Ok(Loss::LogCosh(d)),
            _ => {
                let keys: Vec<&str> = entries.iter().map(|(key, _)| *key).collect();
                Err(wrong(&format!(
                    "a table with the keys \"{}\"",
                    keys.join("\", \"")
                )))
            }
        }
    }
}

impl Loss {
    /// Weight per sample for `samples` samples.
    pub fn weight(self, samples: usize) -> f64 {
        match self {
            Loss::HalfMean | Loss::CrossEntropy => 1.0 / samples as f64,
            Loss::HalfSum | Loss::Quartic(_) | Loss::Huber(_) | Loss::LogCosh(_) => 1.0,
        }
    }
    /// True for the squared losses.
    pub fn is_square(self) -> bool {
        matches!(self, Loss::HalfMean | Loss::HalfSum)
    }
    /// The convex function of every residual, where it is not half the square.
    pub fn penalty(self) -> Option<Penalty> {
        match self {
            Loss::Quartic(q) => Some(Penalty::Quartic(q)),
            Loss::Huber(d) => Some(Penalty::Huber(d)),
            Loss::LogCosh(d) => Some(Penalty::LogCosh(d)),
            Loss::HalfMean | Loss::HalfSum | Loss::CrossEntropy => None,
        }
    }
    /// Ranges; `place` is the path of the key.
    ///
    /// Errors: a negative quartic term, a width that is not positive, numbers that are not finite.
    pub fn check(self, place: &str) -> Result<()> {
        let (fault, remedy) = match self {
            Loss::Quartic(q) if !(q.is_finite() && q >= 0.0) => (
                q,
                "give the strength of r^4/4 relative to r^2/2, a finite number >= 0",
            ),
            Loss::Huber(d) | Loss::LogCosh(d) if !(d.is_finite() && d > 0.0) => (
                d,
                "give the residual at which the loss becomes linear, a finite number > 0",
            ),
            _ => return Ok(()),
        };
        Err(Error::input(
            place,
            format!("{fault} is out of range"),
            remedy,
        ))
    }
    /// The objective on `samples` samples with `outputs` outputs, in groups of `classes` for the cross-entropy.
    pub fn objective(self, samples: usize, outputs: usize, classes: usize) -> Objective {
        let weight = self.weight(samples);
        match self.penalty() {
            Some(penalty) => Objective::Convex { weight, penalty },
            None if self == Loss::CrossEntropy => Objective::CrossEntropy {
                weight: weight * classes as f64 / outputs as f64,
                classes,
            },
            None => Objective::square(weight),
        }
    }
    /// Convention in words, for observables.
    pub fn convention(self) -> &'static str {
        match self {
            Loss::HalfMean => "L = 1/(2P) sum_mu |y - f|^2",
            Loss::HalfSum => "L = 1/2 sum_mu |y - f|^2",
            Loss::CrossEntropy => {
                "L = -mean over samples and positions of sum_k y_k ln softmax(f)_k"
            }
            Loss::Quartic(_) => "L = sum_mu (r^2/2 + q r^4/4), r = y - f, q of training.loss",
            Loss::Huber(_) => {
                "L = sum_mu l(r), r = y - f, l = r^2/2 up to |r| = d, then d |r| - d^2/2, d of training.loss"
            }
            Loss::LogCosh(_) => "L = sum_mu d^2 ln cosh(r/d), r = y - f, d of training.loss",
        }
    }
}

/// What the trainer hands out at a recorded step.
pub struct Snapshot<'a> {
    /// Parameter updates made so far.
    pub step: usize,
    /// Parameters in double precision, whatever the learner trains in.
    pub parameters: &'a Parameters,
    /// Where the run stands, for [`Start::paused`]; `None` where it cannot be continued from here.
    pub state: Option<&'a dyn Fn() -> Result<State>>,
    /// What a sampler tells about its chain, with the snapshot after its last step.
    pub chain: Option<&'a dyn Fn() -> Result<ChainReport>>,
    /// What the reader of the result must know, with the snapshot after the last step: a step that was made smaller.
    pub warning: Option<&'a str>,
}

impl<'a> Snapshot<'a> {
    /// A snapshot of the parameters alone.
    pub fn new(step: usize, parameters: &'a Parameters) -> Self {
        Snapshot {
            step,
            parameters,
            state: None,
            chain: None,
            warning: None,
        }
    }
}

/// View for theories: a rule that samples the posterior `exp(-U/T)` instead of minimising.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplingView {
    /// `T`, the variance of the likelihood, before the division by `chi` of the prior.
    pub temperature: f64,
    /// The samples follow the posterior at any step (Metropolis decisions), not only as the step goes to 0.
    pub exact: bool,
    /// `Lo` of the posterior `exp(-Lo/T)`, a sum over samples.
    pub loss: Loss,
}

impl SamplingView {
    /// Half the sum of squares: what theories of Bayesian networks describe.
    pub fn has_gaussian_likelihood(&self) -> bool {
        self.loss.is_square()
    }
}

/// Receives snapshots; an error stops the training.
pub type OnSnapshot<'a> = dyn FnMut(Snapshot) -> Result<()> + 'a;

/// A training rule.
pub trait Training: Debug + Send + Sync {
    /// Name, sources and revision for lists and records.
    fn about(&self) -> &'static About;
    /// The training table with every default filled in; part of the record hash.
    fn resolved(&self) -> serde_json::Value;
    /// Minimised loss with its normalisation.
    fn loss(&self) -> Loss;
    /// Time per step `eta`, `t = eta * step`: the learning rate, the spacing of the flow's grid, or 1 for closed forms.
    fn learning_rate(&self) -> f64;
    /// Time after `step` updates.
    fn time(&self, step: usize) -> f64 {
        self.learning_rate() * step as f64
    }
    /// Steps that are recorded beside the grid of the spec: the ends of stages.
    fn marks(&self) -> Vec<usize> {
        Vec::new()
    }
    /// Number of parameter updates.
    fn steps(&self) -> usize;
    /// View: descent along the gradient, or its flow.
    fn descent(&self) -> Option<DescentView> {
        None
    }
    /// Full-batch gradient descent or flow without noise or momentum, see [`DescentView::is_plain`].
    fn is_plain_descent(&self) -> bool {
        self.descent().is_some_and(|descent| descent.is_plain())
    }
    /// First step of the measured part, over which time averages are taken: the end of the burn-in of a sampler, the last step of a rule
    /// that minimises.
    fn measured_from(&self) -> usize {
        self.steps()
    }
    /// View: the learner is set to its optimum at once ([`crate::learner::Solver`]).
    fn is_optimum(&self) -> bool {
        false
    }
    /// View: a sampler of the posterior.
    fn sampling(&self) -> Option<SamplingView> {
        None
    }
    /// The samples of every step's batch in a training with this stream; `None` of rules in full batches.
    fn batches(&self, _samples: usize, _rng: &mut Stream) -> Option<Vec<Vec<usize>>> {
        None
    }
    /// Gradient flow itself, without the error of a step.
    fn is_flow(&self) -> bool {
        self.descent().is_some_and(|descent| descent.flow)
    }
    /// Checks that can be made before anything is drawn (a batch larger than the data, ...).
    fn check(&self, _shape: Shape) -> Result<()> {
        Ok(())
    }
    /// Whether the start is among the recorded times: not where it says nothing (a closed form).
    fn records_start(&self) -> bool {
        true
    }
    /// Whether the rule can train this learner at all.
    fn suits(&self, _learner: &dyn Learner) -> Result<()> {
        Ok(())
    }
    /// Memory and work of one training run; by default that of full-batch back-propagation.
    fn cost(&self, learner: &dyn Learner, shape: Shape) -> Cost {
        Cost::of_descent(learner, shape, shape.samples, self.steps())
    }
    /// Trains from `start`, calling `on_snapshot` at every step of `record` (sorted, may hold 0 and `steps`; of a paused run those after the
    /// pause).
    fn train(
        &self,
        learner: &dyn Learner,
        start: Start,
        dataset: &Dataset,
        record: &[usize],
        rng: &mut Stream,
        on_snapshot: &mut OnSnapshot,
    ) -> Result<Parameters>;
}

/// All training rules that a spec can name.
pub const TRAININGS: &[Kind<dyn Training>] = &[
    gradient_descent::KIND,
    gradient_flow::KIND,
    sgd::KIND,
    adam::KIND,
    closed_form::KIND,
    stages::KIND,
    none::KIND,
    langevin::adapter::KIND,
];
