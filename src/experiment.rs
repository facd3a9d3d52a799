//! An experiment: task, learner, training and numbers of draws put together.

mod keys;

use crate::error::Result;
use crate::learner::{Learner, Parameters};
use crate::numerics::memo::Kept;
use crate::numerics::random::{Stream, stream};
use crate::task::{Dataset, Picture, Task};
use crate::training::Training;
use serde_json::{Value as Json, json};
use std::ops::Range;
use std::sync::Arc;

/// Spacing of the recorded steps.
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
pub enum Spacing {
    /// Equal steps from 0 to the last.
    #[default]
    Linear,
    /// Step 0, then equal ratios from step 1 to the last.
    Log,
}

/// Numbers of draws and recorded times.
#[derive(Debug, Clone, PartialEq)]
pub struct Draws {
    /// Quenched data sets.
    pub datasets: usize,
    /// Initialisations (and training noise) per data set.
    pub replicas: usize,
    /// Number of recorded times, the start and the end included.
    pub points: usize,
    /// Spacing of the recorded times along training.
    pub spacing: Spacing,
    /// Recorded times beside the start and the end, increasing; empty: `points` of them by `spacing`.
    pub times: Vec<f64>,
    /// Number of the first draw of the level that is drawn anew, see [`Experiment::first_draw`].
    pub first: usize,
}

impl Default for Draws {
    /// One draw, looked at in the end.
    fn default() -> Self {
        Draws {
            datasets: 1,
            replicas: 1,
            points: 1,
            spacing: Spacing::Linear,
            times: Vec::new(),
            first: 0,
        }
    }
}

/// What is stated once: everything that a theory and a network need to know.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// Root of all random streams.
    pub seed: u64,
    /// What is learned: the data model and its target.
    pub task: Arc<dyn Task>,
    /// What learns; `None` for a pure simulation.
    pub learner: Option<Arc<dyn Learner>>,
    /// How it is trained; `None` where nothing is trained.
    pub training: Option<Arc<dyn Training>>,
    /// Numbers of data sets, replicas and recorded times.
    pub draws: Draws,
}

/// Index of one draw: which data set, which replica of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct DrawIndex {
    /// Quenched data set, from 0.
    pub dataset: usize,
    /// Initialisation (and training noise) on this data set, from 0.
    pub replica: usize,
}

/// What a theory may condition on, and what each theory entry must say it conditions on.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Conditioning {
    /// Solved once per cell, from the experiment alone.
    None,
    /// Solved once per data set.
    Data,
    /// Solved once per replica, from its initial parameters (and data set).
    Initial,
    /// Solved after training, from the trained parameters.
    Trained,
}

impl Conditioning {
    /// The word used in specs and tables (`"none"`, `"data"`, `"initial"`, `"trained"`).
    pub fn name(self) -> &'static str {
        match self {
            Conditioning::None => "none",
            Conditioning::Data => "data",
            Conditioning::Initial => "initial",
            Conditioning::Trained => "trained",
        }
    }
}

/// The quenched information handed to a theory: exactly what its conditioning names.
#[derive(Debug, Clone, Default)]
pub struct Draw {
    /// Which draw; `None` when conditioning on the experiment alone.
    pub index: Option<DrawIndex>,
    /// The data set, from [`Conditioning::Data`] upwards.
    pub dataset: Option<Arc<Dataset>>,
    /// Parameters before the first step, from [`Conditioning::Initial`] upwards.
    pub initial: Option<Arc<Parameters>>,
    /// Parameters after the last step, for [`Conditioning::Trained`] alone.
    pub trained: Option<Arc<Parameters>>,
}

/// An extreme that a theory takes, with the rate at which the networks come near it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Limit {
    /// The key of the spec that goes to the extreme.
    pub key: String,
    /// Where it goes: `inf`, `0`.
    pub to: String,
    /// The exponent `w` of `measurement - theory ~ key^w` on the way to the limit, with all other keys and the time of the
    /// measurement held fixed: -1 for what falls as one over a width. `None` where it is not known, or differs between
    /// the observables.
    pub rate: Option<f64>,
}

impl Limit {
    /// `key -> inf`, at a rate that is not known.
    pub fn infinite(key: &str) -> Self {
        Limit::new(key, "inf")
    }

    /// `key -> 0`, at a rate that is not known.
    pub fn zero(key: &str) -> Self {
        Limit::new(key, "0")
    }

    /// `key -> to`, at a rate that is not known.
    pub fn new(key: &str, to: &str) -> Self {
        Limit {
            key: key.into(),
            to: to.into(),
            rate: None,
        }
    }

    /// The same limit, approached as `deviation ~ key^rate`.
    pub fn rate(self, rate: f64) -> Self {
        Limit {
            rate: Some(rate),
            ..self
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{} -> {}", self.key, self.to)
    }
}

/// What a theory promises before it solves: what it conditions on, which limits it takes, what it costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Promise {
    /// The quenched information [`Draw`] must hold.
    pub conditioning: Conditioning,
    /// What this entry assumes of this experiment beside what its kind always assumes, one clause each.
    pub assumptions: Vec<String>,
    /// Extremes taken.
    pub limits: Vec<Limit>,
    /// Levels of randomness the theory averages over although it does not condition on them
    /// (`"datasets"`, `"replicas"`); empty when it claims self-averaging or conditions on them.
    pub averages_over: Vec<&'static str>,
    /// Number of samples through which the theory knows the population, where it does not know it exactly.
    pub population: Option<usize>,
    /// Working memory of one solve.
    pub bytes: u64,
    /// What a solve leaves in the memo beside data sets.
    pub keeps: Vec<Kept>,
    /// Rough seconds of one solve.
    pub seconds: f64,
    /// What `check` tells beside: what only the data decide, a cheaper setting.
    pub notes: Vec<String>,
}

impl Promise {
    /// Conditions on this and takes no limit; costs nothing to speak of.
    pub fn of(conditioning: Conditioning) -> Self {
        Promise {
            conditioning,
            assumptions: Vec::new(),
            limits: Vec::new(),
            averages_over: Vec::new(),
            population: None,
            bytes: 0,
            keeps: Vec::new(),
            seconds: 0.0,
            notes: Vec::new(),
        }
    }

    /// The limits as text.
    pub fn limit_texts(&self) -> Vec<String> {
        self.limits.iter().map(Limit::to_string).collect()
    }

    /// Whether a prediction on held-out samples is for those of the draw, with which the data set is handed over; else
    /// it is for the population.
    pub fn sees_test_samples(&self) -> bool {
        self.conditioning >= Conditioning::Data
    }
}

/// A component in the keys of records: kind, revision, and every key with its default filled in.
pub fn component_json(about: &crate::kind::About, keys: Json) -> Json {
    json!({ "kind": about.kind, "revision": about.revision, "keys": keys })
}

impl Experiment {
    /// The task in the keys of records, with the seed of its draws.
    pub fn task_json(&self) -> Json {
        json!([
            self.seed,
            component_json(self.task.about(), self.task.resolved())
        ])
    }

    /// The learner in the keys of records; null without one.
    pub fn learner_json(&self) -> Json {
        let learner = self.learner.as_ref();
        json!(learner.map(|l| component_json(l.about(), l.resolved())))
    }

    /// The training in the keys of records; null without one.
    pub fn training_json(&self) -> Json {
        let training = self.training.as_ref();
        json!(training.map(|t| component_json(t.about(), t.resolved())))
    }

    /// Data set number `index`.
    pub fn dataset(&self, index: usize) -> Result<Dataset> {
        self.task
            .draw(&mut stream(self.seed, "dataset", &[index as u64]))
    }

    /// The task's pictures of data set number `index`.
    pub fn pictures(&self, index: usize) -> Result<Vec<Picture>> {
        self.task
            .pictures(&mut stream(self.seed, "dataset", &[index as u64]))
    }

    /// Initial parameters of a draw; `None` without a learner.
    pub fn initial(&self, dataset: &Dataset, draw: DrawIndex) -> Result<Option<Parameters>> {
        let Some(learner) = &self.learner else {
            return Ok(None);
        };
        let mut rng = stream(
            self.seed,
            "initial",
            &[draw.dataset as u64, draw.replica as u64],
        );
        learner.initialize(dataset, &mut rng).map(Some)
    }

    /// Stream of the training noise of a draw (mini-batches).
    pub fn training_stream(&self, draw: DrawIndex) -> Stream {
        stream(
            self.seed,
            "training",
            &[draw.dataset as u64, draw.replica as u64],
        )
    }

    /// Stream of a draw of a simulation without a learner.
    pub fn simulation_stream(&self, draw: DrawIndex) -> Stream {
        stream(self.seed, "simulation", &[draw.dataset as u64])
    }

    /// Whether there is something to measure: networks to train, or a simulation that needs none.
    pub fn is_measured(&self) -> bool {
        self.learner.is_some() || self.task.simulation().is_some()
    }

    /// The first draw. `measure.first` counts the outermost level that is drawn more than once: data sets where there are
    /// several, or where one replica of a random task is all, else replicas. Draws of a pilot run are left out by it.
    pub fn first_draw(&self) -> DrawIndex {
        let Draws {
            datasets,
            replicas,
            first,
            ..
        } = self.draws;
        let of_datasets = datasets > 1 || (replicas == 1 && self.task.is_random());
        match of_datasets {
            true => DrawIndex {
                dataset: first,
                replica: 0,
            },
            false => DrawIndex {
                dataset: 0,
                replica: first,
            },
        }
    }

    /// Numbers of all data sets.
    pub fn dataset_indices(&self) -> Range<usize> {
        let first = self.first_draw().dataset;
        first..first + self.draws.datasets
    }

    /// All draws, data sets outermost.
    pub fn draw_indices(&self) -> Vec<DrawIndex> {
        let first = self.first_draw().replica;
        let replicas = first..first + self.draws.replicas;
        self.dataset_indices()
            .flat_map(|dataset| {
                replicas
                    .clone()
                    .map(move |replica| DrawIndex { dataset, replica })
            })
            .collect()
    }

    /// Whether the start is among the recorded times: not for `measure.points = 1` and for rules whose start says nothing.
    pub fn records_start(&self) -> bool {
        let training = self.training.as_ref();
        self.draws.points > 1 && training.is_none_or(|t| t.records_start())
    }

    /// Recorded steps: 0 and `steps` included, rounded to whole steps, without repetition; the last one alone where the start is not recorded.
    pub fn record_steps(&self) -> Vec<usize> {
        let Some(training) = &self.training else {
            return Vec::new();
        };
        let last = training.steps();
        if !self.records_start() {
            return vec![last];
        }
        if !self.draws.times.is_empty() {
            let stated = self
                .draws
                .times
                .iter()
                .map(|t| step_at(training.as_ref(), *t));
            let mut steps: Vec<usize> = stated.chain([0, last]).collect();
            steps.extend(training.marks());
            steps.sort_unstable();
            steps.dedup();
            return steps;
        }
        let intervals = self.draws.points.max(2) - 1;
        let mut steps: Vec<usize> = (0..=intervals)
            .map(|k| {
                let x = k as f64 / intervals as f64;
                match self.draws.spacing {
                    Spacing::Linear => (x * last as f64).round() as usize,
                    Spacing::Log if k == 0 => 0,
                    Spacing::Log => {
                        let y = (k - 1) as f64 / (intervals - 1).max(1) as f64;
                        ((last as f64).ln() * y).exp().round() as usize
                    }
                }
            })
            .collect();
        steps.extend(training.marks());
        steps.sort_unstable();
        steps.dedup();
        steps
    }

    /// Times of the recorded steps: gradient-flow time `t = learning_rate * step` (tau = 1).
    pub fn record_times(&self) -> Vec<f64> {
        let Some(training) = &self.training else {
            return Vec::new();
        };
        let steps = self.record_steps();
        steps.into_iter().map(|step| training.time(step)).collect()
    }
}

/// The step whose time is nearest to `t`; times grow with the steps.
pub(crate) fn step_at(training: &dyn Training, t: f64) -> usize {
    let (mut low, mut high) = (0, training.steps());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match training.time(middle) <= t {
            true => low = middle,
            false => high = middle,
        }
    }
    let distance = |step: usize| (training.time(step) - t).abs();
    if distance(low) <= distance(high) {
        low
    } else {
        high
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learner::Mlp;
    use crate::task::LinearTeacher;
    use rand::Rng;

    fn experiment(seed: u64) -> Experiment {
        Experiment {
            seed,
            task: Arc::new(LinearTeacher::new(vec![2.0, 1.0], 4, 3)),
            learner: Some(Arc::new(Mlp {
                widths: vec![5],
                ..Mlp::default()
            })),
            training: None,
            draws: Draws {
                datasets: 3,
                replicas: 3,
                points: 2,
                spacing: Spacing::Linear,
                ..Draws::default()
            },
        }
    }

    fn assert_distinct<T: PartialEq>(values: &[T], what: &str) {
        for (i, a) in values.iter().enumerate() {
            assert!(values[..i].iter().all(|b| a != b), "{what} {i} repeats");
        }
    }

    /// Both levels and the seed key every stream, the two levels are not interchangeable, and the purposes are apart.
    #[test]
    fn every_draw_has_its_own_start_and_training_noise() {
        let e = experiment(7);
        let data = e.dataset(0).unwrap();
        let draws = e.draw_indices();
        assert_eq!(draws.len(), 9);
        let start = |e: &Experiment, d: &DrawIndex| e.initial(&data, *d).unwrap().unwrap();
        let noise = |e: &Experiment, d: &DrawIndex| e.training_stream(*d).next_u64();
        let mut starts: Vec<Parameters> = draws.iter().map(|d| start(&e, d)).collect();
        let mut noises: Vec<u64> = draws.iter().map(|d| noise(&e, d)).collect();
        let again: Vec<Parameters> = draws.iter().map(|d| start(&e, d)).collect();
        assert!(starts == again, "a draw is not reproducible");
        starts.push(start(&experiment(8), &draws[0]));
        noises.push(noise(&experiment(8), &draws[0]));
        assert_distinct(&starts, "start");
        assert_distinct(&noises, "training noise");
        let data: Vec<_> = (0..3).map(|k| e.dataset(k).unwrap().x).collect();
        assert_distinct(&data, "data set");
    }
}
