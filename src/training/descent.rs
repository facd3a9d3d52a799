//! The loop of every gradient rule: batches, update, schedule, early stop, divergence check, snapshots.

use super::batches::{Batches, Data};
use super::rule::Memory;
use crate::error::{Error, Result};
use crate::learner::{Learner, Network, Objective, Parameters, Precision, Real};
use crate::numerics::random::{Stored, Stream, stream};
use crate::task::{Dataset, Shape};
use crate::training::stability::stable_bound;
use crate::training::{
    Cost, DescentView, Loss, OnSnapshot, Rule, Schedule, Snapshot, Start, State,
};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// Place of the table in a spec, for errors that arise after parsing.
pub(super) const PLACE: &str = "training";
/// Loss, in units of the initial one, that counts as divergence.
const EXPLODED: f64 = 1e6;

/// A gradient rule with everything that the loop needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Descent {
    /// Step in gradient-flow time; for [`Rule::Adam`] the length of a coordinate's step.
    pub learning_rate: f64,
    /// Number of updates.
    pub steps: usize,
    /// Mini-batch size; `None` is the full batch.
    pub batch: Option<usize>,
    /// What is minimised.
    pub loss: Loss,
    /// How gradients move parameters.
    pub rule: Rule,
    /// Factor on the learning rate over time.
    pub schedule: Schedule,
    /// Weight decay `d >= 0`: one number for all parameter blocks, or one per block. Not part of the recorded loss.
    pub weight_decay: Vec<f64>,
    /// Whether the decay shrinks the weights themselves, `w <- (1 - r d) w - r v`, in place of entering the velocity.
    pub decoupled: bool,
    /// Variance of the normal number that every weight's update gets in a step (it enters the velocity).
    pub noise: f64,
    /// Parameters stay where the loss of an epoch (full batch: of a step) falls to this value.
    pub stop_at_loss: Option<f64>,
}

impl Descent {
    /// Full-batch gradient descent on the half-mean loss with a constant rate.
    pub fn new(learning_rate: f64, steps: usize) -> Self {
        Descent {
            learning_rate,
            steps,
            batch: None,
            loss: Loss::default(),
            rule: Rule::Plain,
            schedule: Schedule::default(),
            weight_decay: vec![0.0],
            decoupled: false,
            noise: 0.0,
            stop_at_loss: None,
        }
    }

    /// The samples of every batch of a training with this stream; `None` in full batches.
    pub(super) fn batches(&self, samples: usize, rng: &mut Stream) -> Option<Vec<Vec<usize>>> {
        let size = self.part(samples)?;
        Some(super::batches::sequence(samples, size, self.steps, rng))
    }

    /// The mini-batch size where it is a proper part of the samples.
    fn part(&self, samples: usize) -> Option<usize> {
        self.batch.filter(|&b| b < samples)
    }

    /// The view of theories; `None` for Adam, whose steps are not along the gradient.
    pub(super) fn view(&self) -> Option<DescentView> {
        let (momentum, nesterov) = match self.rule {
            Rule::Plain => (0.0, false),
            Rule::Momentum { momentum, nesterov } => (momentum, nesterov),
            Rule::Adam { .. } => return None,
        };
        Some(DescentView {
            constant_rate: self.schedule.is_constant(),
            momentum,
            nesterov,
            weight_decay: self.weight_decay.clone(),
            decoupled: self.decoupled,
            noise: self.noise,
            batch: self.batch,
            stop_at_loss: self.stop_at_loss,
            ..DescentView::plain(self.learning_rate, self.steps, self.loss)
        })
    }

    /// A batch larger than the data.
    pub(super) fn check(&self, shape: Shape) -> Result<()> {
        match self.batch {
            Some(batch) if batch > shape.samples => Err(Error::input(
                format!("{PLACE}.batch"),
                format!("{batch} is more than the {} samples", shape.samples),
                "use a smaller batch, or remove it for the full batch",
            )),
            _ => Ok(()),
        }
    }

    /// Beside [`Cost::of_descent`]: the memory of the rule, two mini-batches (whole and last of an epoch) with the order of the
    /// samples, and the work space of the first gradient, which is one of the whole data set.
    pub(super) fn cost(&self, learner: &dyn Learner, shape: Shape) -> Cost {
        let whole = match self.compresses(learner, shape) {
            true => shape.samples.min(shape.inputs),
            false => shape.samples,
        };
        let batch = self.part(shape.samples);
        let columns = batch.unwrap_or(whole);
        let parameters: f64 = learner
            .shapes(shape)
            .iter()
            .map(|&(r, c)| r as f64 * c as f64)
            .sum();
        let held = batch.map_or(0, |b| b + shape.samples % b) as f64;
        let space = |columns| learner.work_space(shape, columns) as f64;
        let numbers = self.rule.moments() as f64 * parameters
            + held * (shape.inputs + shape.outputs) as f64
            + space(whole)
            - space(columns);
        let order = batch.map_or(0, |_| size_of::<usize>() * shape.samples) as f64;
        let mut cost = Cost::of_descent(learner, shape, columns, self.steps);
        // A conversion of too large a number saturates.
        let more = (learner.precision().bytes() as f64 * numbers + order) as u64;
        cost.bytes = cost.bytes.saturating_add(more);
        cost
    }

    /// A linear network under a squared loss in full batch sees the data through their moments alone.
    fn compresses(&self, learner: &dyn Learner, shape: Shape) -> bool {
        let linear = learner.plain_mlp(shape).is_some_and(|view| view.linear);
        linear && self.part(shape.samples).is_none() && self.loss.is_square()
    }

    /// See [`crate::training::Training::train`].
    pub fn train(
        &self,
        learner: &dyn Learner,
        start: Start,
        dataset: &Dataset,
        record: &[usize],
        rng: &mut Stream,
        on_snapshot: &mut OnSnapshot,
    ) -> Result<Parameters> {
        let shape = dataset.shape();
        self.check(shape)?;
        let blocks = &start.parameters.blocks;
        let shapes: Vec<_> = blocks.iter().map(|b| b.shape()).collect();
        if shapes != learner.shapes(shape) {
            let cause = "the start does not have the shapes of the learner";
            return Err(Error::bug("gradient descent", cause));
        }
        if ![1, shapes.len()].contains(&self.weight_decay.len()) {
            return Err(Error::input(
                format!("{PLACE}.weight_decay"),
                format!(
                    "{} numbers for {} parameter blocks",
                    self.weight_decay.len(),
                    shapes.len()
                ),
                "give one number, or one per block (weights first, then biases)",
            ));
        }
        let classes = learner.classes(shape);
        let objective = self.loss.objective(shape.samples, shape.outputs, classes);
        let weight = objective.weight();
        let data = Data::of(dataset, weight, self.compresses(learner, shape));
        let rate_scale = match self.rule {
            Rule::Adam { .. } => 1.0,
            Rule::Plain | Rule::Momentum { .. } => learner.rate_scale(shape),
        };
        let run = Run {
            start: &start,
            objective,
            rate_scale,
            record,
        };
        let outcome = match learner.precision() {
            Precision::F64 => {
                self.descend(&mut *learner.network(shape), &data, run, rng, on_snapshot)?
            }
            Precision::F32 => self.descend(
                &mut *learner.network_f32(shape),
                &data.single(),
                run,
                rng,
                on_snapshot,
            )?,
        };
        match outcome {
            Outcome::Trained(p) => Ok(p),
            Outcome::Diverged(step, block) => {
                let bound = match (self.rule, self.loss.is_square()) {
                    (Rule::Plain, true) => {
                        let network = &mut *learner.network(shape);
                        stable_bound(
                            network,
                            &start.parameters,
                            &data.x,
                            &data.y,
                            weight,
                            rate_scale,
                        )
                    }
                    _ => None,
                };
                Err(Error::Diverged {
                    place: PLACE.into(),
                    step,
                    block: learner.names(shape).swap_remove(block),
                    learning_rate: self.learning_rate,
                    stable_bound: bound.filter(|&b| b < self.learning_rate),
                })
            }
        }
    }

    /// Runs all steps in the scalar type `T`.
    fn descend<T: Real>(
        &self,
        network: &mut dyn Network<T>,
        data: &Data<T>,
        run: Run,
        rng: &mut Stream,
        on_snapshot: &mut OnSnapshot,
    ) -> Result<Outcome> {
        let objective = run.objective;
        let rate = self.learning_rate * run.rate_scale;
        let mut batches = Batches::new(data, self.part(data.x.ncols()));
        let mut at = match run.start.paused {
            None => {
                let mut at = Progress::start(self.rule, run.start.parameters.cast());
                let initial = network
                    .gradient(&at.p, &data.x, &data.y, objective, &mut at.gradient)
                    .f64();
                let size = initial.max(objective.of_zero(data.y.as_slice()));
                at.limit = EXPLODED * (size + data.constant);
                at.noise_key = rng.clone().next_u64();
                at
            }
            Some(state) => {
                let (at, batch, Stored(noise)) = state.read()?;
                batches.seek(batch);
                *rng = noise;
                at
            }
        };
        let mut record = run.record.iter().copied().peekable();
        loop {
            let step = at.step;
            if !at.seen {
                if !at.stopped {
                    let (x, y, weight) = batches.next(rng);
                    let objective = objective.with_weight(weight);
                    let loss = network
                        .gradient(&at.p, x, y, objective, &mut at.gradient)
                        .f64()
                        + data.constant;
                    if !(loss.is_finite() && loss <= at.limit) {
                        return Ok(Outcome::Diverged(
                            step,
                            at.worst_block(&run.start.parameters),
                        ));
                    }
                    let mean = at.epoch.add(loss, batches.epoch_ended());
                    at.stopped = self.stop_at_loss.zip(mean).is_some_and(|(at, l)| l <= at);
                }
                at.seen = true;
                if record.next_if_eq(&step).is_some() {
                    let state = || State::of(&(&at, batches.position(), Stored(rng.clone())));
                    with_f64(&at.p, |parameters| {
                        on_snapshot(Snapshot {
                            state: Some(&state),
                            ..Snapshot::new(step, parameters)
                        })
                    })?;
                }
            }
            if step == self.steps {
                return Ok(Outcome::Trained(at.p.cast()));
            }
            if !at.stopped {
                let rate = rate * self.schedule.factor(step, self.steps);
                if self.noise > 0.0 {
                    at.shake(self.noise.sqrt() / rate);
                }
                match self.decoupled {
                    true => {
                        at.shrink(rate, &self.weight_decay);
                        at.memory.update(&mut at.p, &at.gradient, rate, &[0.0]);
                    }
                    false => {
                        let decay = &self.weight_decay;
                        at.memory.update(&mut at.p, &at.gradient, rate, decay);
                    }
                }
            }
            (at.step, at.seen) = (step + 1, false);
        }
    }
}

/// How far a run is.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
struct Progress<T: Real> {
    /// Updates made.
    step: usize,
    /// Whether the gradient of this step is known (and the step recorded).
    seen: bool,
    p: Parameters<T>,
    gradient: Parameters<T>,
    memory: Memory<T>,
    epoch: Epoch,
    stopped: bool,
    /// Loss that counts as divergence.
    limit: f64,
    /// Key of the noise, of which every step has its own stream.
    noise_key: u64,
}

impl<T: Real> Progress<T> {
    /// Adds independent normal numbers of this deviation to the gradient.
    fn shake(&mut self, deviation: f64) {
        let mut rng = stream(self.noise_key, "weight noise", &[self.step as u64]);
        for g in self.gradient.blocks.iter_mut().flat_map(|b| b.iter_mut()) {
            let normal: f64 = StandardNormal.sample(&mut rng);
            *g += T::of(deviation * normal);
        }
    }

    /// `w <- (1 - r d) w`
    fn shrink(&mut self, rate: f64, decay: &[f64]) {
        for (block, decay) in self.p.blocks.iter_mut().zip(decay.iter().cycle()) {
            *block *= T::of(1.0 - rate * decay);
        }
    }

    fn start(rule: Rule, p: Parameters<T>) -> Self {
        Progress {
            step: 0,
            seen: false,
            gradient: p.clone(),
            memory: Memory::new(rule, &p),
            p,
            epoch: Epoch::default(),
            stopped: false,
            limit: f64::INFINITY,
            noise_key: 0,
        }
    }

    /// The block that moved farthest from the start; the first one that is not finite (before the first step: with its gradient).
    fn worst_block(&self, start: &Parameters) -> usize {
        let distance = |l: usize| {
            let moved = self.p.blocks[l].map(T::f64) - &start.blocks[l];
            match (moved.norm(), self.gradient.blocks[l].norm().f64()) {
                (d, g) if d.is_finite() && (self.step > 0 || g.is_finite()) => d,
                _ => f64::INFINITY,
            }
        };
        let blocks = (0..self.p.blocks.len()).rev();
        blocks
            .max_by(|&a, &b| distance(a).total_cmp(&distance(b)))
            .unwrap_or(0)
    }
}

/// What one run trains on, whatever its scalar type.
struct Run<'a> {
    start: &'a Start<'a>,
    objective: Objective,
    rate_scale: f64,
    record: &'a [usize],
}

enum Outcome {
    Trained(Parameters),
    /// At this step the loss had exploded; the block that moved farthest.
    Diverged(usize, usize),
}

/// Mean loss of the batches of an epoch.
#[derive(Default, Serialize, Deserialize)]
struct Epoch {
    sum: f64,
    batches: usize,
}

impl Epoch {
    fn add(&mut self, loss: f64, ended: bool) -> Option<f64> {
        self.sum += loss;
        self.batches += 1;
        ended.then(|| {
            let Epoch { sum, batches } = std::mem::take(self);
            sum / batches as f64
        })
    }
}

/// Hands out parameters in double precision, without a copy where they are.
fn with_f64<T: Real, R>(p: &Parameters<T>, f: impl FnOnce(&Parameters) -> R) -> R {
    match (p as &dyn Any).downcast_ref::<Parameters<f64>>() {
        Some(p) => f(p),
        None => f(&p.cast()),
    }
}

#[cfg(test)]
mod tests;
