//! Memory and time, estimated before anything is computed; a run above its limit is refused.

use super::execute::Side;
use super::units::{Planned, plan};
use crate::error::{Error, Result};
use crate::experiment::Conditioning;
use crate::spec::{Cell, Spec};
use crate::task::PoolView;
use std::collections::BTreeSet;

/// Default of `--max-memory`: 4 GiB.
pub const DEFAULT_MAX_MEMORY: u64 = 4 << 30;
/// The program itself, its fonts and thread stacks.
const BASE: u64 = 32 << 20;
/// Sustained double-precision rate assumed for time estimates.
const FLOPS: f64 = 4e9;
/// Estimated seconds of one draw above which a checkpoint is to be expected.
const LONG: f64 = 3.0;
/// Numbers per parameter in the state of a rule: parameters, gradient, two moments.
const MOST_MOMENTS: f64 = 4.0;

/// Estimated cost of one cell.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CellCost {
    /// What the task keeps beside its data sets, counted once for all cells that share it.
    pub pool: Option<PoolView>,
    /// Working memory of one draw (training and the largest theory).
    pub draw_bytes: u64,
    /// Data sets kept for sharing, and all results.
    pub kept_bytes: u64,
    /// All results once more, while they are put together at the end.
    pub copied_bytes: u64,
    /// Seconds on one core.
    pub seconds: f64,
}

pub(crate) fn of_cell(cell: &Cell, plans: &[Planned], side: Side) -> CellCost {
    let e = &cell.experiment;
    let shape = e.task.shape();
    let datasets = e.draws.datasets as f64;
    let draws = datasets * e.draws.replicas as f64;
    let result: f64 = cell.wanted.iter().map(|w| 8.0 * w.size() as f64).sum();
    let results = result * draws * (1.0 + cell.theories.len() as f64);
    let samples = shape.samples as f64 + e.task.test_samples() as f64;
    let sample = 8.0 * (shape.inputs + shape.outputs) as f64;
    let data = sample * samples * datasets;
    let mut cost = CellCost {
        pool: e.task.pool(),
        // A data set is drawn beside a copy that is prepared.
        draw_bytes: ((sample * samples) as u64).saturating_add(e.task.draw_bytes()),
        // A conversion of too large a number saturates.
        kept_bytes: (data + results) as u64,
        copied_bytes: results as u64,
        ..CellCost::default()
    };
    if let (Some(learner), Some(training)) = (&e.learner, &e.training)
        && side != Side::Theory
    {
        let run = training.cost(learner.as_ref(), shape);
        // A checkpoint is written twice over (as the state of the training and as that of the measurement) before it is a file.
        let parameters: f64 = learner
            .shapes(shape)
            .iter()
            .map(|&(r, c)| r as f64 * c as f64)
            .sum();
        let state = match run.flops / FLOPS > LONG {
            true => (2.0 * MOST_MOMENTS * parameters * learner.precision().bytes() as f64) as u64,
            false => 0,
        };
        let watching: u64 = cell.instruments.iter().map(|i| i.bytes(e)).sum();
        // Data sets are kept, whoever trains on them.
        let own = run
            .bytes
            .saturating_sub((sample * shape.samples as f64) as u64);
        cost.draw_bytes = cost
            .draw_bytes
            .max(own.saturating_add(watching).saturating_add(state));
        cost.seconds += run.flops / FLOPS * draws;
    }
    if e.learner.is_none()
        && side != Side::Theory
        && let Some((bytes, seconds)) = super::simulation::cost(e, &cell.instruments)
    {
        cost.draw_bytes = cost.draw_bytes.max(bytes);
        cost.seconds += seconds * datasets;
    }
    if side != Side::Networks {
        for plan in plans.iter().flatten() {
            let promise = plan.promise();
            let solves = match promise.conditioning {
                Conditioning::None => 1.0,
                Conditioning::Data => datasets,
                _ => draws,
            };
            cost.draw_bytes = cost.draw_bytes.max(promise.bytes);
            cost.seconds += promise.seconds * solves;
        }
    }
    cost
}

/// Estimated peak memory: base + everything kept + threads x working set of one draw, or a copy of all results afterwards.
pub(crate) fn total_bytes(costs: &[CellCost], threads: usize) -> u64 {
    let largest = costs.iter().map(|c| c.draw_bytes).max().unwrap_or(0);
    let kept = costs
        .iter()
        .fold(BASE, |sum, c| sum.saturating_add(c.kept_bytes));
    let pools: BTreeSet<PoolView> = costs.iter().filter_map(|c| c.pool).collect();
    let kept = pools
        .iter()
        .fold(kept, |sum, p| sum.saturating_add(p.bytes));
    let copied = costs.iter().map(|c| c.copied_bytes).sum();
    kept.saturating_add(largest.saturating_mul(threads as u64).max(copied))
}

/// What a run would do and cost.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Estimate {
    /// In the order of the sweep.
    pub cells: Vec<CellEstimate>,
    /// Peak memory.
    pub bytes: u64,
    /// Seconds on one core.
    pub seconds: f64,
}

/// One cell of an [`Estimate`].
#[derive(Debug, Clone, serde::Serialize)]
pub struct CellEstimate {
    /// Position in the sweep, from 0.
    pub index: usize,
    /// Networks of the cell: data sets times replicas.
    pub draws: usize,
    /// In the order of the `[[theory]]` entries.
    pub theories: Vec<TheoryEstimate>,
}

/// One theory entry of an [`Estimate`].
#[derive(Debug, Clone, serde::Serialize)]
pub struct TheoryEstimate {
    /// Label of the `[[theory]]` entry.
    pub label: String,
    /// `none`, `data`, `initial` or `trained`; `None` when the theory declined.
    pub conditioning: Option<String>,
    /// Names of the observables that the theory will predict.
    pub observables: Vec<&'static str>,
    /// Extremes it takes, as `key -> value` (`learner.widths -> inf`).
    pub limits: Vec<String>,
    /// What only the data decide, and how it may be had cheaper.
    pub notes: Vec<String>,
    /// Reason why the theory does not apply.
    pub declined: Option<String>,
}

/// Plans everything and solves nothing.
///
/// # Errors
/// Data sets and networks alone are above `limit`: then nothing is planned either.
pub fn estimate(spec: &Spec, threads: usize, limit: u64) -> Result<Estimate> {
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
        n => n,
    };
    admit_networks(spec, threads, limit, Side::Both)?;
    let mut costs = Vec::new();
    let mut cells = Vec::new();
    for (index, cell) in spec.cells.iter().enumerate() {
        let plans = plan(cell);
        costs.push(of_cell(cell, &plans, Side::Both));
        let theories = plans
            .iter()
            .zip(&cell.theories)
            .map(|(plan, entry)| TheoryEstimate {
                label: entry.label.clone(),
                conditioning: plan
                    .as_ref()
                    .ok()
                    .map(|p| p.promise().conditioning.name().to_string()),
                observables: plan
                    .as_ref()
                    .map_or(vec![], |p| p.asked().iter().map(|a| a.name()).collect()),
                notes: plan.as_ref().map_or(vec![], |p| p.promise().notes.clone()),
                limits: plan.as_ref().map_or(vec![], |p| p.promise().limit_texts()),
                declined: plan.as_ref().err().cloned(),
            })
            .collect();
        cells.push(CellEstimate {
            index,
            draws: cell.experiment.draws.datasets * cell.experiment.draws.replicas,
            theories,
        });
    }
    Ok(Estimate {
        bytes: total_bytes(&costs, threads),
        seconds: costs.iter().map(|c| c.seconds).sum(),
        cells,
    })
}

/// Refuses a run whose data sets and networks alone need more than the limit; theories may look at a data set to plan, so this
/// comes before planning.
pub(crate) fn admit_networks(spec: &Spec, threads: usize, limit: u64, side: Side) -> Result<()> {
    let none: Vec<Vec<Planned>> = spec.cells.iter().map(|_| vec![]).collect();
    admit(spec, &none, threads, limit, side)
}

/// Refuses a run that would need more than the limit.
pub(crate) fn admit(
    spec: &Spec,
    plans: &[Vec<Planned>],
    threads: usize,
    limit: u64,
    side: Side,
) -> Result<()> {
    let costs: Vec<CellCost> = spec
        .cells
        .iter()
        .zip(plans)
        .map(|(c, p)| of_cell(c, p, side))
        .collect();
    let needed = total_bytes(&costs, threads);
    if needed <= limit {
        return Ok(());
    }
    let largest = costs.iter().map(|c| c.draw_bytes).max().unwrap_or(0);
    let fixed = needed.saturating_sub(largest.saturating_mul(threads as u64));
    let room = limit.saturating_sub(fixed);
    let raise = format!("raise --max-memory to {needed}");
    let remedy = match room / largest.max(1) {
        n if n >= 1 => format!("use --threads {n}, or {raise}"),
        _ if limit <= BASE => raise,
        _ if room > 0 => format!(
            "{raise}, or shrink one draw of the largest cell from {largest} to {room} bytes (fewer samples, smaller widths)"
        ),
        _ => format!(
            "{raise}; data sets and results of all draws take {} of them (fewer cells, draws, samples or points)",
            fixed.saturating_sub(BASE)
        ),
    };
    let count = |n: usize, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
    Err(Error::Resource {
        what: format!(
            "the run ({}, {})",
            count(spec.cells.len(), "cell"),
            count(threads, "thread")
        ),
        needed,
        limit,
        remedy,
    })
}
