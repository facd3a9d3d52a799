//! Gradient descent, full batch or mini-batch.

use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::learner::{Learner, Network, Objective, Parameters, Precision, Real};
use crate::numerics::random::Stream;
use crate::task::{Dataset, Shape};
use crate::training::compress::compress;
use crate::training::stability::stable_bound;
use crate::training::{Cost, Loss, OnSnapshot, Snapshot, Training};
use nalgebra::DMatrix;
use rand::seq::SliceRandom;
use std::any::Any;
use std::borrow::Cow;
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
                 gradient estimates the full one

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

/// Place of the table in a spec, for errors that arise after parsing.
const PLACE: &str = "training";
/// Loss, in units of the initial one, that counts as divergence.
const EXPLODED: f64 = 1e6;
/// More steps than any run can make.
const MAX_STEPS: f64 = 1e12;

/// Gradient descent: `W <- W - learning_rate * rate_scale * dL/dW`.
///
/// ```
/// use saddlepoint::training::{GradientDescent, Training};
/// let descent = GradientDescent { batch: Some(32), ..GradientDescent::new(5e-3, 4000) };
/// assert!(!descent.is_plain_descent());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GradientDescent {
    pub learning_rate: f64,
    pub steps: usize,
    /// Mini-batch size; `None` is the full batch.
    pub batch: Option<usize>,
    pub loss: Loss,
}

/// The table of a spec.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct GradientDescentTable {
    learning_rate: f64,
    steps: Option<usize>,
    time: Option<f64>,
    batch: Option<usize>,
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
        let wrong = |key: &str, value: f64| {
            Error::input(
                format!("{place}.{key}"),
                format!("{value} is not a finite number > 0"),
                "give a positive number, for example 0.01",
            )
        };
        let positive = |v: f64| v.is_finite() && v > 0.0;
        if !positive(t.learning_rate) {
            return Err(wrong("learning_rate", t.learning_rate));
        }
        let (key, steps) = match (t.steps, t.time) {
            (Some(steps), None) => ("steps", steps as f64),
            (None, Some(time)) if positive(time) => ("time", (time / t.learning_rate).round()),
            (None, Some(time)) => return Err(wrong("time", time)),
            (given, _) => {
                return Err(Error::input(
                    format!("{place}.steps"),
                    match given {
                        Some(_) => "given together with `time`",
                        None => "missing, and so is `time`",
                    },
                    "give either `steps` or `time` (= learning_rate * steps)",
                ));
            }
        };
        if !(1.0..=MAX_STEPS).contains(&steps) {
            return Err(Error::input(
                format!("{place}.{key}"),
                format!("{steps} steps"),
                "choose between 1 and 1e12 steps",
            ));
        }
        if t.batch == Some(0) {
            return Err(Error::input(
                format!("{place}.batch"),
                "an empty batch",
                "use a size >= 1, or remove it for the full batch",
            ));
        }
        Ok(GradientDescent {
            learning_rate: t.learning_rate,
            steps: steps as usize,
            batch: t.batch,
            loss: t.loss,
        })
    }

    /// The mini-batch size where it is a proper part of the samples.
    fn part(&self, samples: usize) -> Option<usize> {
        self.batch.filter(|&b| b < samples)
    }

    /// Runs all steps in the scalar type `T`.
    fn descend<T: Real>(
        &self,
        run: Run<T>,
        rng: &mut Stream,
        on_snapshot: &mut OnSnapshot,
    ) -> Result<Outcome> {
        let Run {
            network,
            start,
            data,
            rate_scale,
            record,
        } = run;
        let rate = T::of(self.learning_rate * rate_scale);
        let mut p = start.cast::<T>();
        let mut gradient = p.clone();
        let mut batches = Batches::new(data, self.part(data.x.ncols()));
        let objective = Objective::square(data.weight);
        let initial = network
            .gradient(&p, &data.x, &data.y, objective, &mut gradient)
            .f64();
        let zero = 0.5 * data.weight * data.y.iter().map(|y| y.f64() * y.f64()).sum::<f64>();
        let limit = EXPLODED * (initial.max(zero) + data.constant);
        let mut record = record.iter().copied().peekable();
        for step in 0..=self.steps {
            let (x, y, weight) = batches.next(rng);
            let objective = objective.with_weight(weight);
            let loss = network.gradient(&p, x, y, objective, &mut gradient).f64() + data.constant;
            if !(loss.is_finite() && loss <= limit) {
                return Ok(Outcome::Diverged(step));
            }
            if record.next_if_eq(&step).is_some() {
                with_f64(&p, |parameters| on_snapshot(Snapshot { step, parameters }))?;
            }
            if step < self.steps {
                descend_by(&mut p, rate, &gradient);
            }
        }
        Ok(Outcome::Trained(p.cast()))
    }
}

/// What one run trains on, in the scalar type `T`.
struct Run<'a, T: Real> {
    network: &'a mut dyn Network<T>,
    start: &'a Parameters,
    data: &'a Data<'a, T>,
    rate_scale: f64,
    record: &'a [usize],
}

enum Outcome {
    Trained(Parameters),
    /// At this step the loss had exploded.
    Diverged(usize),
}

/// Samples as columns, the loss weight per sample, and a constant part of the loss.
struct Data<'a, T: Real> {
    x: Cow<'a, DMatrix<T>>,
    y: Cow<'a, DMatrix<T>>,
    weight: f64,
    constant: f64,
}

impl Data<'_, f64> {
    fn single(&self) -> Data<'static, f32> {
        Data {
            x: Cow::Owned(self.x.map(|v| v as f32)),
            y: Cow::Owned(self.y.map(|v| v as f32)),
            weight: self.weight,
            constant: self.constant,
        }
    }
}

/// The sequence of batches, gathered into memory that is allocated once.
struct Batches<'a, T: Real> {
    data: &'a Data<'a, T>,
    size: Option<usize>,
    order: Vec<usize>,
    /// Samples of the epoch already used.
    used: usize,
    /// Whole batches, and the smaller one at the end of an epoch.
    whole: (DMatrix<T>, DMatrix<T>),
    tail: (DMatrix<T>, DMatrix<T>),
}

impl<'a, T: Real> Batches<'a, T> {
    fn new(data: &'a Data<'a, T>, size: Option<usize>) -> Self {
        let samples = data.x.ncols();
        let room = |n: usize| {
            (
                DMatrix::zeros(data.x.nrows(), n),
                DMatrix::zeros(data.y.nrows(), n),
            )
        };
        Batches {
            data,
            size,
            order: (0..size.map_or(0, |_| samples)).collect(),
            used: samples,
            whole: room(size.unwrap_or(0)),
            tail: room(size.map_or(0, |b| samples % b)),
        }
    }

    /// Inputs, targets and weight per sample of the next batch. The full batch draws nothing from `rng`.
    fn next(&mut self, rng: &mut Stream) -> (&DMatrix<T>, &DMatrix<T>, f64) {
        let samples = self.data.x.ncols();
        let Some(size) = self.size else {
            return (&self.data.x, &self.data.y, self.data.weight);
        };
        if self.used == samples {
            self.order.shuffle(rng);
            self.used = 0;
        }
        let count = size.min(samples - self.used);
        let (x, y) = if count == size {
            &mut self.whole
        } else {
            &mut self.tail
        };
        for (column, &mu) in self.order[self.used..self.used + count].iter().enumerate() {
            x.column_mut(column).copy_from(&self.data.x.column(mu));
            y.column_mut(column).copy_from(&self.data.y.column(mu));
        }
        self.used += count;
        (x, y, self.data.weight * samples as f64 / count as f64)
    }
}

fn descend_by<T: Real>(p: &mut Parameters<T>, rate: T, gradient: &Parameters<T>) {
    for (p, g) in p.blocks.iter_mut().zip(&gradient.blocks) {
        for (p, &g) in p.as_mut_slice().iter_mut().zip(g.as_slice()) {
            *p -= rate * g;
        }
    }
}

/// Hands out parameters in double precision, without a copy where they are.
fn with_f64<T: Real, R>(p: &Parameters<T>, f: impl FnOnce(&Parameters) -> R) -> R {
    match (p as &dyn Any).downcast_ref::<Parameters<f64>>() {
        Some(p) => f(p),
        None => f(&p.cast()),
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

    fn is_plain_descent(&self) -> bool {
        self.batch.is_none()
    }

    fn check(&self, shape: Shape) -> Result<()> {
        match self.batch {
            Some(batch) if batch > shape.samples => Err(Error::input(
                format!("{PLACE}.batch"),
                format!("{batch} is more than the {} samples", shape.samples),
                "use a smaller batch, or remove it for the full batch",
            )),
            _ => Ok(()),
        }
    }

    fn cost(&self, learner: &dyn Learner, shape: Shape) -> Cost {
        let columns = match self.part(shape.samples) {
            Some(batch) => batch,
            None if is_linear(learner, shape) => shape.samples.min(shape.inputs),
            None => shape.samples,
        };
        Cost::of_descent(learner, shape, columns, self.steps)
    }

    fn train(
        &self,
        learner: &dyn Learner,
        start: Parameters,
        dataset: &Dataset,
        record: &[usize],
        rng: &mut Stream,
        on_snapshot: &mut OnSnapshot,
    ) -> Result<Parameters> {
        let shape = Shape {
            inputs: dataset.x.nrows(),
            outputs: dataset.y.nrows(),
            samples: dataset.samples(),
        };
        self.check(shape)?;
        let shapes: Vec<_> = start.blocks.iter().map(|b| b.shape()).collect();
        if shapes != learner.shapes(shape) {
            let cause = "the start does not have the shapes of the learner";
            return Err(Error::bug("gradient descent", cause));
        }
        let weight = self.loss.weight(shape.samples);
        let full_batch = self.part(shape.samples).is_none();
        let data = if full_batch && is_linear(learner, shape) && shape.samples > shape.inputs {
            let c = compress(&dataset.x, &dataset.y);
            Data {
                x: Cow::Owned(c.x),
                y: Cow::Owned(c.y),
                weight,
                constant: 0.5 * weight * c.offset,
            }
        } else {
            Data {
                x: Cow::Borrowed(&dataset.x),
                y: Cow::Borrowed(&dataset.y),
                weight,
                constant: 0.0,
            }
        };
        let rate_scale = learner.rate_scale(shape);
        let outcome = match learner.precision() {
            Precision::F64 => {
                let run = Run {
                    network: &mut *learner.network(shape),
                    start: &start,
                    data: &data,
                    rate_scale,
                    record,
                };
                self.descend(run, rng, on_snapshot)?
            }
            Precision::F32 => {
                let run = Run {
                    network: &mut *learner.network_f32(shape),
                    start: &start,
                    data: &data.single(),
                    rate_scale,
                    record,
                };
                self.descend(run, rng, on_snapshot)?
            }
        };
        match outcome {
            Outcome::Trained(p) => Ok(p),
            Outcome::Diverged(step) => {
                let mut network = learner.network(shape);
                let bound =
                    stable_bound(&mut *network, &start, &data.x, &data.y, weight, rate_scale);
                Err(Error::Diverged {
                    place: PLACE.into(),
                    step,
                    learning_rate: self.learning_rate,
                    stable_bound: bound.filter(|&b| b < self.learning_rate),
                })
            }
        }
    }
}

fn is_linear(learner: &dyn Learner, shape: Shape) -> bool {
    learner.mlp(shape).is_some_and(|view| view.linear)
}

#[cfg(test)]
mod tests;
