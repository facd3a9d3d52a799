//! Instruments stated as data: an observable, its axes, and a function of the parameters.

use super::observable::size;
use super::subject::{Subject, refused, time_axis};
use super::{Axis, Declined, Instrument, Observable, Recorder};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::kind::About;
use crate::learner::Parameters;
use crate::task::Dataset;

/// Reads the values off a network, row-major on the axes without time.
pub type Read = Box<dyn FnMut(&Parameters) -> Result<Vec<f64>> + Send>;

/// When a network is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At every recorded time; the axis `time` comes last.
    Recorded,
    /// Before the first step and after the last; the axis `endpoint` (0 = start, 1 = end) comes first.
    Ends,
    /// After the last step.
    End,
}

/// An instrument that reads a function of the parameters at certain times.
pub struct Reading {
    /// Name, sources and revision.
    pub about: &'static About,
    /// The quantity.
    pub observable: &'static Observable,
    /// Times at which it is read.
    pub when: When,
    /// Axes without time and endpoint, or why the experiment cannot be read.
    pub axes: fn(&Subject, &Experiment) -> std::result::Result<Vec<Axis>, Declined>,
    /// The function for one data set. Of an observable that is formed on held-out samples and of no ensemble, the
    /// shares of held-out blocks follow, see [`Instrument::held_out_blocks`]; there are none where draws carry groups.
    pub reader: fn(&Subject, &Dataset) -> Result<Read>,
    /// Scalars that the reader holds.
    pub space: fn(&Subject) -> usize,
    /// Makes ensemble quantities of the networks' numbers.
    pub ensemble: Option<Ensemble>,
}

/// How the numbers of several networks are formed into one quantity.
pub struct Ensemble {
    /// Numbers of one network per time.
    pub primitives: fn(&Subject) -> usize,
    /// See [`Instrument::combine`]; the time runs fastest.
    pub combine: fn(Vec<Vec<f64>>, usize) -> Vec<Vec<f64>>,
}

impl Instrument for Reading {
    fn about(&self) -> &'static About {
        self.about
    }

    fn observable(&self) -> &'static Observable {
        self.observable
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let subject = Subject::of(experiment)?;
        if self.when == When::Ends {
            subject.needs_start()?;
        }
        let mut axes = (self.axes)(&subject, experiment)?;
        match self.when {
            When::Recorded => axes.push(time_axis(experiment)),
            When::Ends => axes.insert(0, Axis::new("endpoint", "1", vec![0.0, 1.0])),
            When::End => {}
        }
        Ok(axes)
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        let subject = Subject::of(experiment).map_err(|d| refused(self.about.kind, d))?;
        Ok(Box::new(Reader {
            when: self.when,
            last: subject.training.steps(),
            read: (self.reader)(&subject, dataset)?,
            width: 0,
            values: Vec::new(),
        }))
    }

    fn primitives(&self, experiment: &Experiment, axes: &[Axis]) -> usize {
        match (&self.ensemble, Subject::of(experiment)) {
            (Some(ensemble), Ok(subject)) => {
                let times = axes
                    .iter()
                    .filter(|a| a.name == "time")
                    .map(|a| a.values.len());
                (ensemble.primitives)(&subject) * times.product::<usize>()
            }
            _ => size(axes) * (1 + self.held_out_blocks(experiment)),
        }
    }

    fn held_out_blocks(&self, experiment: &Experiment) -> usize {
        match self.observable.held_out && self.ensemble.is_none() {
            true => super::blocks::count(experiment),
            false => 0,
        }
    }

    fn bytes(&self, experiment: &Experiment) -> u64 {
        Subject::bytes(experiment, self.space)
    }

    fn combines(&self) -> bool {
        self.ensemble.is_some()
    }

    fn combine(&self, replicas: Vec<Vec<f64>>, size: usize) -> Vec<Vec<f64>> {
        match &self.ensemble {
            Some(ensemble) => (ensemble.combine)(replicas, size),
            None => replicas,
        }
    }
}

struct Reader {
    when: When,
    last: usize,
    read: Read,
    /// Numbers per time, known after the first one.
    width: usize,
    /// All numbers of the first time, then of the second, ...
    values: Vec<f64>,
}

impl Recorder for Reader {
    fn record(&mut self, step: usize, _time: f64, parameters: &Parameters) -> Result<()> {
        let times = match self.when {
            When::Recorded => 1,
            When::Ends => usize::from(step == 0) + usize::from(step == self.last),
            When::End => usize::from(step == self.last),
        };
        if times > 0 {
            let values = (self.read)(parameters)?;
            if self.width != values.len() && !self.values.is_empty() {
                return Err(Error::bug(
                    "instrument",
                    "wrong number of values at one time",
                ));
            }
            self.width = values.len();
            for _ in 0..times {
                self.values.extend_from_slice(&values);
            }
        }
        Ok(())
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.values
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        match self.when {
            When::Recorded => (0..self.width)
                .flat_map(|i| self.values.iter().skip(i).step_by(self.width).copied())
                .collect(),
            When::Ends | When::End => self.values,
        }
    }
}
