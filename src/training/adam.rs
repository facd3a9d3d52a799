//! Adam with decoupled weight decay (AdamW).

use crate::error::Result;
use crate::kind::{About, Kind, parse_table};
use crate::learner::{Learner, Parameters};
use crate::numerics::random::Stream;
use crate::task::{Dataset, Shape};
use crate::training::table::{Common, WeightDecay, check_fraction, check_positive, resolved};
use crate::training::{Cost, Descent, Loss, OnSnapshot, Rule, Schedule, Start, Training};
use std::sync::Arc;

const ABOUT: About = About {
    kind: "adam",
    summary: "Adam with decoupled weight decay (AdamW)",
    text: "\
m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, w <- w - r [m/(1 - b1^t) / (sqrt(v/(1 - b2^t)) + epsilon) + d w];
g = dL/dw of a mini-batch, r = learning_rate * schedule. The step does not grow with the gradient, so rate_scale is not applied.
Kingma, Ba 2015 (arXiv:1412.6980); Loshchilov, Hutter 2019 (arXiv:1711.05101).

keys
  learning_rate  > 0
  steps          number of updates; or time = learning_rate * steps
  batch          mini-batch size; without it the full batch. Every epoch runs through a fresh permutation of the samples
  loss           half-mean (default) | half-sum | cross-entropy | { quartic = q } | ..., see gradient-descent
  schedule       table: kind constant (default) | linear | cosine, warmup (steps, default 0), floor (factor at the end, default 0)
  weight_decay   d >= 0 (default 0): one number, or a list with one per parameter block (weights first, then biases)
  stop_at_loss   parameters stay where the loss (with mini-batches its mean over an epoch) falls to this value
  beta1, beta2   0 <= b < 1 (default 0.9, 0.999)
  epsilon        > 0 (default 1e-8)

Recorded losses are those of the data, without the decay.",
    revision: 1,
};

pub(super) const KIND: Kind<dyn Training> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(Adam::parse(place, table)?)),
    schema: |generator| generator.subschema_for::<AdamTable>(),
};

/// A [`Descent`] under the kind `adam`.
#[derive(Debug, Clone, PartialEq)]
pub struct Adam(pub Descent);

/// The table of a spec.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct AdamTable {
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
    /// Training ends when the loss falls below this number; default: it goes on to the last step.
    stop_at_loss: Option<f64>,
    /// Decay of the mean of the gradients; default: 0.9.
    #[serde(default = "beta1")]
    beta1: f64,
    /// Decay of the mean of their squares; default: 0.999.
    #[serde(default = "beta2")]
    beta2: f64,
    /// Number added to the root of the mean square; default: 1e-8.
    #[serde(default = "epsilon")]
    epsilon: f64,
}

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.999
}

fn epsilon() -> f64 {
    1e-8
}

impl Adam {
    /// Parses the training table (without `kind`) and checks its ranges.
    pub fn parse(place: &str, table: toml::Table) -> Result<Self> {
        let t: AdamTable = parse_table(place, table)?;
        check_fraction(place, "beta1", t.beta1)?;
        check_fraction(place, "beta2", t.beta2)?;
        check_positive(place, "epsilon", t.epsilon)?;
        let rule = Rule::Adam {
            beta1: t.beta1,
            beta2: t.beta2,
            epsilon: t.epsilon,
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
        common.descent(place, rule).map(Adam)
    }
}

impl Training for Adam {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        resolved(ABOUT.kind, &self.0)
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
