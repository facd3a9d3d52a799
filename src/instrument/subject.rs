//! What the instruments of a training run look at: learner, training rule and data shape of an experiment.

use super::{Axis, Declined};
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::learner::{Learner, MlpView};
use crate::task::Shape;
use crate::training::Training;

/// What is watched.
pub struct Subject<'a> {
    /// What learns.
    pub learner: &'a dyn Learner,
    /// How it learns.
    pub training: &'a dyn Training,
    /// Dimensions of the data.
    pub shape: Shape,
    /// Test samples of a data set.
    pub test_samples: usize,
    /// Blocks of the held-out samples that all data sets share, see [`super::blocks::count`].
    pub(super) held_out_blocks: usize,
    /// Whether the start is recorded.
    records_start: bool,
}

impl<'a> Subject<'a> {
    /// Declines without a learner or a training rule.
    pub fn of(experiment: &'a Experiment) -> std::result::Result<Self, Declined> {
        let (Some(learner), Some(training)) = (&experiment.learner, &experiment.training) else {
            return Err(Declined("needs a learner and a training rule".into()));
        };
        Ok(Subject {
            learner: learner.as_ref(),
            training: training.as_ref(),
            shape: experiment.task.shape(),
            test_samples: experiment.task.test_samples(),
            held_out_blocks: super::blocks::count(experiment),
            records_start: experiment.records_start(),
        })
    }

    /// Scalars of a copy of `columns` samples and of a forward pass over them.
    pub(super) fn forward(&self, columns: usize) -> usize {
        let samples = columns * (self.shape.inputs + self.shape.outputs);
        samples + self.learner.forward_space(self.shape, columns)
    }

    /// Bytes of what an instrument holds by its account of scalars; nothing where it declines.
    pub(super) fn bytes(experiment: &Experiment, scalars: impl Fn(&Subject) -> usize) -> u64 {
        8 * Subject::of(experiment).map_or(0, |s| scalars(&s)) as u64
    }

    /// What is compared with the start needs one.
    pub(super) fn needs_start(&self) -> std::result::Result<(), Declined> {
        match self.records_start {
            true => Ok(()),
            false => Err(Declined(
                "needs the start, which is not recorded (measure.points >= 2)".into(),
            )),
        }
    }

    /// The view as a linear network with at least `layers` layers.
    pub fn linear(&self, layers: usize) -> std::result::Result<MlpView, Declined> {
        match self.learner.plain_mlp(self.shape) {
            Some(view) if !view.linear => Err(Declined("needs a linear activation".into())),
            Some(view) if view.multipliers.len() < layers => {
                Err(Declined(format!("needs at least {layers} layers")))
            }
            Some(view) => Ok(view),
            None => Err(Declined(
                "needs a multilayer perceptron without biases and with a trained read-out".into(),
            )),
        }
    }
}

/// The axis of recorded times.
pub(super) fn time_axis(experiment: &Experiment) -> Axis {
    Axis::new("time", "tau", experiment.record_times())
}

/// An axis that counts `1, ..., n`.
pub(super) fn counting_axis(name: &str, n: usize) -> Axis {
    Axis::new(name, "1", (1..=n).map(|i| i as f64).collect())
}

/// The axis of the task's modes.
pub(super) fn mode_axis(experiment: &Experiment) -> std::result::Result<Axis, Declined> {
    match experiment.task.mode_count() {
        0 => Err(Declined("the task has no input-output modes".into())),
        n => Ok(counting_axis("mode", n)),
    }
}

/// A recorder was asked for although the instrument declines.
pub(super) fn refused(name: &str, declined: Declined) -> Error {
    Error::input(
        "measure.observables",
        format!("{name}: {declined}"),
        "remove it from the list",
    )
}

/// Collects a fixed number of values per recorded time, time last and fastest.
pub(super) struct Series {
    width: usize,
    /// All values of the first time, then of the second, ...
    pub by_time: Vec<f64>,
}

impl Series {
    pub fn new(width: usize) -> Self {
        Series {
            width,
            by_time: Vec::new(),
        }
    }

    pub fn push(&mut self, values: impl IntoIterator<Item = f64>) -> Result<()> {
        let before = self.by_time.len();
        self.by_time.extend(values);
        match self.by_time.len() - before == self.width {
            true => Ok(()),
            false => Err(Error::bug(
                "instrument",
                "wrong number of values at one time",
            )),
        }
    }

    pub fn finish(self) -> Vec<f64> {
        (0..self.width)
            .flat_map(|i| self.by_time.iter().skip(i).step_by(self.width).copied())
            .collect()
    }
}
