//! What a run gives: per cell the measured draws, and per theory its predictions or the reason why there are none.

use super::fitting::Fitting;
use super::mapping::Mapped;
use super::streams::Streamed;
use super::units::Planned;
use crate::compare::Blocks;
use crate::compare::reductions::primitives;
use crate::error::{Error, Result};
use crate::experiment::{Conditioning, DrawIndex, Promise};
use crate::instrument::Wanted;
use crate::spec::{Cell, Expect, TheoryEntry, sweep};
use crate::theory::{Answer, Asked, Info, Prediction};

/// Everything that was computed for a spec.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// In the order of the sweep.
    pub cells: Vec<CellOutcome>,
    /// Theories on the map, chart by chart and in each in the order of the `[[theory]]` entries.
    pub maps: Vec<Mapped>,
    /// Estimates of parameters, fit by fit.
    pub fits: Vec<Fitting>,
    /// Damaged records and the like.
    pub warnings: Vec<String>,
    /// Files of the store that this run consists of.
    pub records: Vec<String>,
    /// How many of them were computed now; the others stood in the store.
    pub made: usize,
    /// Threads that computed it.
    pub threads: usize,
    /// Wall-clock time of the run, stored records included.
    pub seconds: f64,
}

/// One cell of the sweep.
#[derive(Debug, Clone)]
pub struct CellOutcome {
    /// Swept keys and their values.
    pub set: sweep::Settings,
    /// Observables with their grids: those that are measured, then those that theories alone tell, each with the axes of
    /// its answer.
    pub wanted: Vec<Wanted>,
    /// How many of them are measured, or would be.
    pub measured: usize,
    /// Networks' values; `None` without networks, for a run of theories alone, or when training failed.
    pub measurement: Option<Measurement>,
    /// In the order of the `[[theory]]` entries; empty for a run of networks alone.
    pub theories: Vec<TheoryOutcome>,
    /// Why the cell has no measurement although one was asked for.
    pub failure: Option<Error>,
}

impl CellOutcome {
    /// Place of an observable among those of this cell; cells of a sweep over instruments may have different ones.
    pub fn wanted(&self, observable: &str) -> Option<usize> {
        let named = |w: &Wanted| w.observable.name == observable;
        self.wanted.iter().position(named)
    }

    /// Place of a theory's answer to the question of an observable: theories that tell it on axes of their own have places
    /// of their own.
    pub fn answered(&self, theory: &TheoryOutcome, observable: &str) -> Option<usize> {
        let named = |k: &usize| self.wanted[*k].observable.name == observable;
        theory.covers.iter().copied().find(named)
    }

    /// Sets the places of a theory's answers among `wanted`, where quantities that theories alone tell are added. `asked` are
    /// the questions of the entry, of which those at `places` are answered.
    pub(super) fn place(&mut self, asked: &[Asked], places: &[usize], prediction: &mut Prediction) {
        for answer in &mut prediction.answers {
            answer.asked = places[answer.asked];
            let observable = asked[answer.asked].observable;
            if answer.asked < self.measured {
                continue;
            }
            let told = &self.wanted[self.measured..];
            let known = told
                .iter()
                .position(|w| w.observable.name == observable.name && w.axes == answer.axes);
            answer.asked = self.measured + known.unwrap_or(told.len());
            if known.is_none() {
                self.wanted.push(Wanted {
                    observable,
                    axes: answer.axes.clone(),
                });
            }
        }
    }
}

/// Values of all draws, or their sums.
#[derive(Debug, Clone, Default)]
pub struct Measurement {
    /// Data set and replica of every draw.
    pub draws: Vec<DrawIndex>,
    /// `values[draw][observable]`, row-major on the observable's grid; empty where the draws are `streamed`.
    pub values: Vec<Vec<Vec<f64>>>,
    /// `shares[draw][observable]` of the blocks of held-out samples that all data sets share in these values, block by
    /// block; empty where there are none. See [`crate::instrument::Instrument::held_out_blocks`].
    pub shares: Vec<Vec<Vec<f64>>>,
    /// The draws in blocks, where they are more than [`crate::compare::MAX_BLOCKS`]: then no draw is kept.
    pub streamed: Option<Streamed>,
    /// Time spent training when the records were made.
    pub seconds: f64,
}

impl Measurement {
    pub(crate) fn push(&mut self, draw: DrawIndex, values: Vec<Vec<f64>>, seconds: f64) {
        self.draws.push(draw);
        self.values.push(values);
        self.seconds += seconds;
    }

    /// Sums of the draws in their place.
    pub(super) fn stream(&mut self, streamed: Streamed) {
        (self.values, self.shares) = (Vec::new(), Vec::new());
        self.streamed = Some(streamed);
    }

    /// Forms ensemble quantities of the replicas of every data set. Draws of one data set are neighbours.
    pub(crate) fn combine(&mut self, cell: &Cell) {
        let mut rest = std::mem::take(&mut self.values).into_iter();
        for draws in self.draws.chunk_by(|a, b| a.dataset == b.dataset) {
            let replicas = rest.by_ref().take(draws.len()).collect();
            let (values, shares) = combined(cell, replicas);
            self.values.extend(values);
            self.shares.extend(shares);
        }
    }

    fn of_draws(&self, values: &[Vec<Vec<f64>>], observable: usize) -> Vec<(DrawIndex, Vec<f64>)> {
        let draws = self.draws.iter().zip(values);
        draws.map(|(d, v)| (*d, v[observable].clone())).collect()
    }

    /// Blocks of the values of an observable.
    pub fn blocks(&self, observable: usize) -> Result<Blocks> {
        match &self.streamed {
            Some(streamed) => streamed.values[observable].blocks(),
            None => Blocks::from_draws(&self.of_draws(&self.values, observable)),
        }
    }

    /// What the scatter of its draws is formed from, see [`primitives`].
    pub fn primitives(&self, observable: usize) -> Result<Blocks> {
        match &self.streamed {
            Some(streamed) => streamed.values[observable].primitives(),
            None => primitives(&self.of_draws(&self.values, observable)),
        }
    }

    /// Blocks of the shares of held-out samples in its values.
    pub fn held_out(&self, observable: usize) -> Result<Blocks> {
        match &self.streamed {
            Some(streamed) => match &streamed.shares[observable] {
                Some(shares) => shares.blocks(),
                None => Err(Error::bug(
                    "held-out blocks",
                    "the observable has no shares",
                )),
            },
            None => Blocks::from_draws(&self.of_draws(&self.shares, observable)),
        }
    }
}

/// Values of one draw, by observable.
pub(super) type Values = Vec<Vec<f64>>;

/// Of the replicas of one data set (`[replica][observable]`): what instruments form of them together, see
/// [`crate::instrument::Instrument::combine`], and the shares of held-out blocks, which are set apart first.
pub(super) fn combined(cell: &Cell, mut replicas: Vec<Values>) -> (Vec<Values>, Vec<Values>) {
    let (instruments, wanted) = (&cell.instruments, &cell.wanted);
    let sizes: Vec<Option<usize>> = instruments
        .iter()
        .zip(wanted)
        .map(|(i, w)| (i.held_out_blocks(&cell.experiment) > 0).then(|| w.size()))
        .collect();
    let apart = |(values, size): (&mut Vec<f64>, &Option<usize>)| match size {
        Some(size) => values.split_off(*size),
        None => Vec::new(),
    };
    let shares = replicas
        .iter_mut()
        .map(|values| values.iter_mut().zip(&sizes).map(apart).collect())
        .collect();
    for (k, (instrument, wanted)) in instruments.iter().zip(wanted).enumerate() {
        let values = replicas.iter_mut().map(|r| std::mem::take(&mut r[k]));
        let combined = instrument.combine(values.collect(), wanted.size());
        for (replica, values) in replicas.iter_mut().zip(combined) {
            replica[k] = values;
        }
    }
    (replicas, shares)
}

/// How a theory ended in a cell.
#[derive(Debug, Clone)]
pub enum Status {
    /// It gave numbers (or will, while the run goes on).
    Predicted,
    /// It does not apply; the reason.
    Declined(String),
    /// Its solver did not converge or diverged.
    Failed(Error),
    /// Nothing is asked of it beside the map.
    Mapped,
}

/// One theory entry in one cell.
#[derive(Debug, Clone)]
pub struct TheoryOutcome {
    /// Kind of the theory, as in `saddlepoint list`.
    pub kind: &'static str,
    /// Label of the `[[theory]]` entry, unique in the spec.
    pub label: String,
    /// Source, assumptions and observables of the theory.
    pub info: &'static Info,
    /// The verdict that the spec states for the entry.
    pub expect: Option<Expect>,
    /// How it ended.
    pub status: Status,
    /// What it conditions on, limits and costs, known before it solves; `None` when it declined.
    pub promise: Option<Promise>,
    /// Observables predicted, as places among those of the cell.
    pub covers: Vec<usize>,
    /// One prediction per draw it conditions on (`None`: one for all), its answers at their places among the observables of
    /// the cell.
    pub predictions: Vec<(Option<DrawIndex>, Prediction)>,
    /// Time spent solving when the records were made.
    pub seconds: f64,
}

impl TheoryOutcome {
    pub(crate) fn planned(entry: &TheoryEntry, plan: Planned, mapped: bool) -> Self {
        let (status, promise) = match plan {
            Ok(plan) => (Status::Predicted, Some(plan.promise().clone())),
            Err(_) if mapped && entry.asked.is_empty() => (Status::Mapped, None),
            Err(reason) => (Status::Declined(reason), None),
        };
        TheoryOutcome {
            kind: entry.kind,
            label: entry.label.clone(),
            info: entry.theory.info(),
            expect: entry.expect,
            status,
            promise,
            covers: vec![],
            predictions: vec![],
            seconds: 0.0,
        }
    }

    pub(super) fn push(&mut self, draw: Option<DrawIndex>, prediction: Prediction, seconds: f64) {
        for answer in &prediction.answers {
            if !self.covers.contains(&answer.asked) {
                self.covers.push(answer.asked);
            }
        }
        self.predictions.push((draw, prediction));
        self.seconds += seconds;
    }

    /// The theory gave no number for one of its draws.
    pub(super) fn fail(&mut self, error: Error) {
        self.status = match error {
            Error::Declined { reason } => Status::Declined(reason),
            error => Status::Failed(error),
        };
    }

    /// Forgets what it gave for some draws where others have none: that is no prediction of the cell.
    pub(super) fn drop_partial(&mut self) {
        if !matches!(self.status, Status::Predicted) {
            self.predictions.clear();
            self.covers.clear();
        }
    }

    /// What its kind always assumes, and what this entry assumes as it is configured here.
    pub fn assumptions(&self) -> Vec<String> {
        let always = self.info.assumptions.iter().map(|a| a.to_string());
        let own = self.promise.iter().flat_map(|p| p.assumptions.clone());
        always.chain(own).collect()
    }

    /// The prediction of observable `wanted` for a measured draw, as far as the theory conditions on it.
    pub fn predicted(&self, wanted: usize, draw: DrawIndex) -> Option<&Answer> {
        let conditioning = self.promise.as_ref()?.conditioning;
        let fits = |on: &Option<DrawIndex>| match on {
            None => true,
            Some(d) if conditioning == Conditioning::Data => d.dataset == draw.dataset,
            Some(d) => *d == draw,
        };
        self.predictions
            .iter()
            .find(|(on, _)| fits(on))
            .and_then(|(_, p)| p.answers.iter().find(|o| o.asked == wanted))
    }
}
