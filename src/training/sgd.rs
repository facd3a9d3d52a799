//! Stochastic gradient descent with momentum, weight decay and schedules.

use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::learner::{Learner, Parameters};
use crate::numerics::random::Stream;
use crate::task::{Dataset, Shape};
use crate::training::table::{Common, WeightDecay, check_fraction, resolved};
use crate::training::{
    Cost, Descent, DescentView, Loss, OnSnapshot, Rule, Schedule, Start, Training,
};
use std::sync::Arc;

const ABOUT: About = About {
    kind: "sgd",
    summary: "stochastic gradient descent with momentum, weight decay and schedules",
    text: "\
v <- b v + g + d w, w <- w - r v (PyTorch's convention: effective rate r/(1 - b)), or the Nesterov form w <- w - r (g + d w + b v);
g = dL/dw of a mini-batch, r = learning_rate * rate_scale * schedule. Time is learning_rate * step, without the schedule.

keys
  learning_rate  > 0
  steps          number of updates; or time = learning_rate * steps
  batch          mini-batch size; without it the full batch. Every epoch runs through a fresh permutation of the samples
  loss           half-mean (default) | half-sum | cross-entropy | { quartic = q } | ..., see gradient-descent
  schedule       table: kind constant (default) | linear | cosine, warmup (steps, default 0), floor (factor at the end, default 0)
  weight_decay   d >= 0 (default 0): one number, or a list with one per parameter block (weights first, then biases)
  stop_at_loss   parameters stay where the loss (with mini-batches its mean over an epoch) falls to this value
  decoupled      the decay shrinks the weights, w <- (1 - r d) w - r v, and does not enter the velocity (default false)
  noise          variance s >= 0 of a normal number xi in the update of every raw weight and step (default 0): v <- b v + g + d w + xi/r
  momentum       0 <= b < 1 (default 0)
  nesterov       look-ahead form (default false)

Recorded losses are those of the data, without the decay.",
    revision: 1,
};

pub(super) const KIND: Kind<dyn Training> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(Sgd::parse(place, table)?)),
    schema: |generator| generator.subschema_for::<SgdTable>(),
};

/// A [`Descent`] under the kind `sgd`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sgd(pub Descent);

/// The table of a spec.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct SgdTable {
    /// Step of the descent, positive; a step moves time by it.
    learning_rate: f64,
    /// Number of steps; or `time`.
    steps: Option<usize>,
    /// Gradient-flow time `learning_rate * steps`, in place of `steps`.
    time: Option<f64>,
    /// Samples of a mini-batch, drawn anew in every step; default: all.
    batch: Option<usize>,
    /// Which loss is minimised; default: half the mean squared error.
    #[serde(default)]
    loss: Loss,
    /// Factor of the learning rate over the steps; default: constant.
    #[serde(default)]
    schedule: Schedule,
    /// Ridge on the weights, one number or one per block; default: 0.
    #[serde(default)]
    weight_decay: WeightDecay,
    /// Whether the decay acts on the weights beside the gradient, not in it; default: false.
    #[serde(default)]
    decoupled: bool,
    /// Standard deviation of Gaussian noise added to every gradient; default: 0.
    #[serde(default)]
    noise: f64,
    /// Training ends when the loss falls below this number; default: it goes on to the last step.
    stop_at_loss: Option<f64>,
    /// Momentum, from 0 to below 1; default: 0.
    #[serde(default)]
    momentum: f64,
    /// Whether the gradient is taken at the look-ahead point; default: false.
    #[serde(default)]
    nesterov: bool,
}

impl Sgd {
    /// Parses the training table (without `kind`) and checks its ranges.
    pub fn parse(place: &str, table: toml::Table) -> Result<Self> {
        let t: SgdTable = parse_table(place, table)?;
        check_fraction(place, "momentum", t.momentum)?;
        let rule = match t.momentum {
            0.0 => Rule::Plain,
            momentum => Rule::Momentum {
                momentum,
                nesterov: t.nesterov,
            },
        };
        let common = Common {
            learning_rate: t.learning_rate,
            steps: t.steps,
            time: t.time,
            batch: t.batch,
            loss: t.loss,
            schedule: t.schedule,
            weight_decay: t.weight_decay,
            stop_at_loss: t.stop_at_loss,
        };
        if !(t.noise.is_finite() && t.noise >= 0.0) {
            return Err(Error::input(
                format!("{place}.noise"),
                format!("{} is not a finite number >= 0", t.noise),
                "give the variance of the noise of a step",
            ));
        }
        Ok(Sgd(Descent {
            decoupled: t.decoupled,
            noise: t.noise,
            ..common.descent(place, rule)?
        }))
    }
}

impl Training for Sgd {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        let mut value = resolved(ABOUT.kind, &self.0);
        value["decoupled"] = self.0.decoupled.into();
        value["noise"] = self.0.noise.into();
        value
    }

    fn loss(&self) -> Loss {
        self.0.loss
    }

    fn learning_rate(&self) -> f64 {
        self.0.learning_rate
    }

    fn steps(&self) -> usize {
        self.0.steps
    }

    fn descent(&self) -> Option<DescentView> {
        self.0.view()
    }

    fn batches(&self, samples: usize, rng: &mut Stream) -> Option<Vec<Vec<usize>>> {
        self.0.batches(samples, rng)
    }

    fn check(&self, shape: Shape) -> Result<()> {
        self.0.check(shape)
    }

    fn cost(&self, learner: &dyn Learner, shape: Shape) -> Cost {
        self.0.cost(learner, shape)
    }

    fn train(
        &self,
        learner: &dyn Learner,
        start: Start,
        dataset: &Dataset,
        record: &[usize],
        rng: &mut Stream,
        on_snapshot: &mut OnSnapshot,
    ) -> Result<Parameters> {
        self.0
            .train(learner, start, dataset, record, rng, on_snapshot)
    }
}
