//! Gradient descent, full batch or mini-batch.

use crate::error::Result;
use crate::kind::{About, Kind, parse_table};
use crate::learner::{Learner, Parameters};
use crate::numerics::random::Stream;
use crate::task::{Dataset, Shape};
use crate::training::table::{check_batch, steps};
use crate::training::{Cost, Descent, DescentView, Loss, OnSnapshot, Start, Training};
use std::sync::Arc;

const ABOUT: About = About {
    kind: "gradient-descent",
    summary: "plain gradient descent with exact gradients, full batch or mini-batch",
    text: "\
W <- W - learning_rate * rate_scale * dL/dW, L = (w/2) sum_mu |y_mu - f(x_mu)|^2 (sum over outputs), rate_scale from
learner.parametrization. Gradient-flow time is t = learning_rate * step.

keys
  learning_rate  > 0
  steps          number of updates; or
  time           gradient-flow time T, steps = round(T / learning_rate); exactly one of the two
  batch          mini-batch size; without it the full batch. Every epoch runs through a fresh permutation of the samples; the
                 last batch of an epoch may be smaller
  loss           half-mean (default): w = 1/P; half-sum: w = 1. A mini-batch of B samples has w = 1/B or P/B, so that its
                 gradient estimates the full one. cross-entropy: L = -(1/P) sum_mu mean over positions of sum_k y_k ln softmax(f)_k;
                 { quartic = q }: L = sum_mu (r^2/2 + q r^4/4), r = f - y, sum over outputs; { huber = d }: r^2/2 up to |r| = d and
                 d |r| - d^2/2 beyond; { log-cosh = d }: d^2 ln cosh(r/d). These three are sums, as half-sum

A loss that is not finite, or above 1e6 times the larger one of the initial loss and the loss of f = 0, ends the run at
the very step, with a stable bound 2/(rate_scale lambda_max) from the Gauss-Newton matrix where that is below learning_rate.
A linear network in full batch is trained on the QR-compressed data set (same gradients, as many columns as inputs).",
    revision: 1,
};

pub(super) const KIND: Kind<dyn Training> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(GradientDescent::parse(place, table)?)),
    schema: |generator| generator.subschema_for::<GradientDescentTable>(),
};

/// Gradient descent: `W <- W - learning_rate * rate_scale * dL/dW`.
///
/// ```
/// use saddlepoint::training::{GradientDescent, Training};
/// let descent = GradientDescent { batch: Some(32), ..GradientDescent::new(5e-3, 4000) };
/// assert!(!descent.is_plain_descent());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GradientDescent {
    /// Step size `eta` in `W <- W - eta * rate_scale * dL/dW`.
    pub learning_rate: f64,
    /// Number of parameter updates.
    pub steps: usize,
    /// Mini-batch size; `None` is the full batch.
    pub batch: Option<usize>,
    /// Minimised loss with its normalisation.
    pub loss: Loss,
}

/// The table of a spec.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct GradientDescentTable {
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
}

impl GradientDescent {
    /// Full-batch descent on the half-mean loss.
    pub fn new(learning_rate: f64, steps: usize) -> Self {
        GradientDescent {
            learning_rate,
            steps,
            batch: None,
            loss: Loss::default(),
        }
    }

    /// Parses the training table (without `kind`) and checks its ranges.
    pub fn parse(place: &str, table: toml::Table) -> Result<Self> {
        let t: GradientDescentTable = parse_table(place, table)?;
        let steps = steps(place, t.learning_rate, t.steps, t.time)?;
        check_batch(place, t.batch)?;
        t.loss.check(&format!("{place}.loss"))?;
        Ok(GradientDescent {
            learning_rate: t.learning_rate,
            steps,
            batch: t.batch,
            loss: t.loss,
        })
    }

    fn rule(&self) -> Descent {
        Descent {
            batch: self.batch,
            loss: self.loss,
            ..Descent::new(self.learning_rate, self.steps)
        }
    }
}

impl Training for GradientDescent {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!({
            "kind": ABOUT.kind,
            "learning_rate": self.learning_rate,
            "steps": self.steps,
            "batch": self.batch,
            "loss": self.loss,
        })
    }

    fn loss(&self) -> Loss {
        self.loss
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn steps(&self) -> usize {
        self.steps
    }

    fn descent(&self) -> Option<DescentView> {
        self.rule().view()
    }

    fn batches(&self, samples: usize, rng: &mut Stream) -> Option<Vec<Vec<usize>>> {
        self.rule().batches(samples, rng)
    }

    fn check(&self, shape: Shape) -> Result<()> {
        self.rule().check(shape)
    }

    fn cost(&self, learner: &dyn Learner, shape: Shape) -> Cost {
        self.rule().cost(learner, shape)
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
        self.rule()
            .train(learner, start, dataset, record, rng, on_snapshot)
    }
}

#[cfg(test)]
mod tests;
