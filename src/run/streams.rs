//! Measurements of cells with more draws than blocks: added up data set by data set, as their units are done.

use super::gather::Done;
use super::outcome::{Values, combined};
use super::units::{Unit, Work};
use crate::compare::{MAX_BLOCKS, Stream};
use crate::error::{Error, Result};
use crate::experiment::DrawIndex;
use crate::spec::{Cell, Spec};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// All draws of a cell in blocks, by observable.
#[derive(Debug, Clone)]
pub struct Streamed {
    /// The measured values.
    pub values: Vec<Stream>,
    /// Shares of held-out blocks, where an observable has them.
    pub shares: Vec<Option<Stream>>,
}

/// Rows of a cell whose draws are added up: data sets where there are several, else replicas. `None` where the draws are
/// kept: up to 256 rows, and where an ensemble quantity is formed of all replicas of the only data set.
pub(super) fn streamed_rows(cell: &Cell) -> Option<usize> {
    let draws = &cell.experiment.draws;
    let rows = match draws.datasets {
        1 if cell.instruments.iter().any(|i| i.combines()) => return None,
        1 => draws.replicas,
        n => n,
    };
    (rows > MAX_BLOCKS).then_some(rows)
}

/// The cells of a run whose draws are added up.
pub(super) struct Streams<'a> {
    spec: &'a Spec,
    cells: Vec<Option<Mutex<Arriving>>>,
}

struct Arriving {
    /// Replicas of data sets that are not complete.
    waiting: BTreeMap<usize, BTreeMap<usize, Values>>,
    streamed: Streamed,
}

impl<'a> Streams<'a> {
    pub fn new(spec: &'a Spec) -> Self {
        let arriving = |cell: &Cell| {
            streamed_rows(cell)?;
            let draws = &cell.experiment.draws;
            let stream = Stream::new(draws.datasets, draws.replicas);
            let has_shares =
                |i: &crate::instrument::Chosen| i.held_out_blocks(&cell.experiment) > 0;
            let instruments = cell.instruments.iter();
            Some(Mutex::new(Arriving {
                waiting: BTreeMap::new(),
                streamed: Streamed {
                    values: vec![stream.clone(); cell.instruments.len()],
                    shares: instruments
                        .map(|i| has_shares(i).then(|| stream.clone()))
                        .collect(),
                },
            }))
        };
        Streams {
            spec,
            cells: spec.cells.iter().map(arriving).collect(),
        }
    }

    /// Adds what was measured to the sums of the cells that use it; the values are kept where a cell keeps its draws.
    pub fn absorb<'u>(
        &self,
        uses: impl Iterator<Item = &'u Unit>,
        done: Result<Done>,
    ) -> Result<Done> {
        let Ok(Done::Measured(values, seconds)) = done else {
            return done;
        };
        let mut is_kept = false;
        for unit in uses {
            match (&self.cells[unit.cell], &unit.work) {
                (Some(arriving), Work::Measure { draw }) => {
                    let mut arriving = arriving.lock().unwrap_or_else(|e| e.into_inner());
                    arriving.add(&self.spec.cells[unit.cell], *draw, values.clone())?;
                }
                _ => is_kept = true,
            }
        }
        let values = if is_kept { values } else { Vec::new() };
        Ok(Done::Measured(values, seconds))
    }

    /// What was added up, by cell; `None` where draws are kept.
    pub fn finish(self) -> Vec<Option<Streamed>> {
        let sums = |arriving: Mutex<Arriving>| {
            let arriving = arriving.into_inner();
            arriving.unwrap_or_else(|e| e.into_inner()).streamed
        };
        self.cells.into_iter().map(|c| c.map(sums)).collect()
    }
}

impl Arriving {
    fn add(&mut self, cell: &Cell, draw: DrawIndex, values: Values) -> Result<()> {
        let (draws, first) = (&cell.experiment.draws, cell.experiment.first_draw());
        let outside = || Error::bug("streams", "a draw is not of its cell");
        if draws.datasets == 1 {
            let row = draw.replica.checked_sub(first.replica);
            return self.add_row(cell, row.ok_or_else(outside)?, vec![values]);
        }
        let row = draw.dataset.checked_sub(first.dataset);
        let row = row.ok_or_else(outside)?;
        let replicas = self.waiting.entry(row).or_default();
        replicas.insert(draw.replica, values);
        if replicas.len() < draws.replicas {
            return Ok(());
        }
        let replicas = self.waiting.remove(&row).unwrap_or_default();
        self.add_row(cell, row, replicas.into_values().collect())
    }

    fn add_row(&mut self, cell: &Cell, row: usize, replicas: Vec<Values>) -> Result<()> {
        let (values, shares) = combined(cell, replicas);
        let of = |draws: &[Values], k: usize| -> Vec<Vec<f64>> {
            draws.iter().map(|d| d[k].clone()).collect()
        };
        for (k, stream) in self.streamed.values.iter_mut().enumerate() {
            stream.add(row, &of(&values, k))?;
        }
        for (k, stream) in self.streamed.shares.iter_mut().enumerate() {
            if let Some(stream) = stream {
                stream.add(row, &of(&shares, k))?;
            }
        }
        Ok(())
    }
}
