//! Instruments stated as data whose values are averaged over the measured part of a training: the chain of a sampler.

use super::reading::Read;
use super::subject::{Subject, refused, time_axis};
use super::{Axis, Declined, Instrument, Observable, Recorder, chosen, observable};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::kind::About;
use crate::learner::Parameters;
use crate::task::Dataset;
use std::sync::Arc;

/// What is done with the values of the recorded times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    /// Their mean over the measured part: the recorded steps after the burn-in of a sampler, the last step of a rule
    /// that minimises.
    #[default]
    Chain,
    /// All of them; the axis `time` comes last.
    Time,
}

/// An instrument with the keys `K` whose values are means over the chain of a function of the parameters.
pub struct Averaged<K: 'static> {
    /// Name, sources and revision.
    pub about: &'static About,
    /// The quantity.
    pub observable: &'static Observable,
    /// The keys in use.
    pub keys: K,
    /// Reads and checks the keys of a table; `None`: there are none.
    pub parse: Option<fn(&str, toml::Table) -> Result<K>>,
    /// Mean or course in time.
    pub over: fn(&K) -> Over,
    /// Axes without time, or why the experiment cannot be read.
    pub axes: fn(&K, &Subject, &Experiment) -> std::result::Result<Vec<Axis>, Declined>,
    /// The function for one data set, row-major on the axes without time.
    pub reader: fn(&K, &Subject, &Dataset) -> Result<Read>,
    /// Scalars that the reader holds.
    pub space: fn(&K, &Subject) -> usize,
    /// Makes ensemble quantities of the means of several chains.
    pub ensemble: Option<Ensemble<K>>,
}

/// How the means of several chains are formed into one quantity.
pub struct Ensemble<K> {
    /// Numbers of one chain.
    pub primitives: fn(&K, &Subject) -> usize,
    /// See [`Instrument::combine`].
    pub combine: fn(Vec<Vec<f64>>, usize) -> Vec<Vec<f64>>,
}

impl<K> Clone for Ensemble<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Ensemble<K> {}

impl<K: serde::Serialize + Send + Sync> Instrument for Averaged<K> {
    fn about(&self) -> &'static About {
        self.about
    }

    fn observable(&self) -> &'static Observable {
        self.observable
    }

    fn keyed(&self, place: &str, keys: toml::Table) -> Result<Arc<dyn Instrument>> {
        match self.parse {
            None => Err(chosen::no_keys(place, self.about.kind, &keys)),
            Some(parse) => Ok(Arc::new(Averaged {
                keys: parse(place, keys)?,
                ..*self
            })),
        }
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self.keys)
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let subject = Subject::of(experiment)?;
        let mut axes = (self.axes)(&self.keys, &subject, experiment)?;
        if (self.over)(&self.keys) == Over::Time {
            axes.push(time_axis(experiment));
        }
        Ok(axes)
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        let refuse = |declined| refused(self.about.kind, declined);
        let subject = Subject::of(experiment).map_err(refuse)?;
        Ok(Box::new(Averager {
            over: (self.over)(&self.keys),
            from: subject.training.measured_from(),
            width: 0,
            read: (self.reader)(&self.keys, &subject, dataset)?,
            numbers: Vec::new(),
        }))
    }

    fn primitives(&self, experiment: &Experiment, axes: &[Axis]) -> usize {
        match (&self.ensemble, Subject::of(experiment)) {
            (Some(ensemble), Ok(subject)) => (ensemble.primitives)(&self.keys, &subject),
            _ => observable::size(axes),
        }
    }

    fn bytes(&self, experiment: &Experiment) -> u64 {
        Subject::bytes(experiment, |subject| (self.space)(&self.keys, subject))
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

struct Averager {
    over: Over,
    from: usize,
    /// Values of one time, known after a look.
    width: usize,
    read: Read,
    /// Over the chain: the number of looks, then the sums of the values. Over time: all values, time after time.
    numbers: Vec<f64>,
}

impl Recorder for Averager {
    fn record(&mut self, step: usize, _time: f64, parameters: &Parameters) -> Result<()> {
        if self.over == Over::Time {
            let values = (self.read)(parameters)?;
            self.width = values.len();
            self.numbers.extend(values);
        } else if step >= self.from {
            let values = (self.read)(parameters)?;
            if self.numbers.is_empty() {
                self.numbers = vec![0.0; 1 + values.len()];
            } else if self.numbers.len() != 1 + values.len() {
                return Err(Error::bug(
                    "instrument",
                    "wrong number of values at one time",
                ));
            }
            self.numbers[0] += 1.0;
            let sums = self.numbers[1..].iter_mut();
            sums.zip(values).for_each(|(sum, value)| *sum += value);
        }
        Ok(())
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.numbers
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        match (self.over, self.numbers.split_first()) {
            (Over::Chain, Some((count, sums))) => sums.iter().map(|sum| sum / count).collect(),
            (Over::Time, Some(_)) => {
                let course = |k: usize| self.numbers.iter().skip(k).step_by(self.width.max(1));
                (0..self.width).flat_map(|k| course(k).copied()).collect()
            }
            _ => self.numbers,
        }
    }
}
