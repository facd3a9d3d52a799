//! Memory and time, estimated before anything is computed; a run above its limit is refused.

use super::execute::{Planned, Settings, Side};
use crate::error::{Error, Result};
use crate::spec::{Cell, Spec};

/// Default of `--max-memory`: 4 GiB.
pub const DEFAULT_MAX_MEMORY: u64 = 4 << 30;
/// The program itself, its fonts and thread stacks.
const BASE: u64 = 32 << 20;
/// Sustained double-precision rate assumed for time estimates.
const FLOPS: f64 = 4e9;

/// Estimated cost of one cell.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CellCost {
    /// Working memory of one draw (training and the largest theory).
    pub draw_bytes: u64,
    /// Data sets kept for sharing, and all results.
    pub kept_bytes: u64,
    /// Seconds on one core.
    pub seconds: f64,
}

pub(crate) fn of_cell(cell: &Cell, plans: &[Planned], side: Side) -> CellCost {
    let e = &cell.experiment;
    let shape = e.task.shape();
    let draws = e.draws.datasets * e.draws.replicas;
    let result: u64 = cell.wanted.iter().map(|w| 8 * w.size() as u64).sum();
    let mut cost = CellCost {
        kept_bytes: 8 * ((shape.inputs + shape.outputs) * shape.samples * e.draws.datasets) as u64
            + 2 * result * draws as u64 * (1 + plans.len() as u64),
        ..CellCost::default()
    };
    if let (Some(learner), Some(training)) = (&e.learner, &e.training)
        && side != Side::Theory
    {
        let run = training.cost(learner.as_ref(), shape);
        cost.draw_bytes = run.bytes;
        cost.seconds += run.flops / FLOPS * draws as f64;
    }
    if side != Side::Networks {
        for plan in plans.iter().flatten() {
            let promise = plan.promise();
            let solves = match promise.conditioning {
                crate::experiment::Conditioning::None => 1,
                crate::experiment::Conditioning::Data => e.draws.datasets,
                _ => draws,
            };
            cost.draw_bytes = cost.draw_bytes.max(promise.bytes);
            cost.seconds += promise.seconds * solves as f64;
        }
    }
    cost
}

/// Estimated peak memory: base + threads x working set of one draw + everything kept.
pub(crate) fn total_bytes(costs: &[CellCost], threads: usize) -> u64 {
    let largest = costs.iter().map(|c| c.draw_bytes).max().unwrap_or(0);
    let kept: u64 = costs.iter().map(|c| c.kept_bytes).sum();
    BASE + largest.saturating_mul(threads as u64) + kept
}

/// Whether a run of `bytes` is admitted under a limit.
pub fn fits(bytes: u64, limit: u64) -> bool {
    bytes <= limit
}

/// What a run would do and cost.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Estimate {
    pub cells: Vec<CellEstimate>,
    /// Peak memory.
    pub bytes: u64,
    /// Seconds on one core.
    pub seconds: f64,
}

/// One cell of an [`Estimate`].
#[derive(Debug, Clone, serde::Serialize)]
pub struct CellEstimate {
    pub index: usize,
    pub draws: usize,
    pub theories: Vec<TheoryEstimate>,
}

/// One theory entry of an [`Estimate`].
#[derive(Debug, Clone, serde::Serialize)]
pub struct TheoryEstimate {
    pub label: String,
    pub conditioning: Option<String>,
    pub observables: Vec<&'static str>,
    pub limits: Vec<String>,
    /// Reason why the theory does not apply.
    pub declined: Option<String>,
}

/// Plans everything and solves nothing.
pub fn estimate(spec: &Spec, threads: usize) -> Estimate {
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
        n => n,
    };
    let mut costs = Vec::new();
    let mut cells = Vec::new();
    for (index, cell) in spec.cells.iter().enumerate() {
        let plans = super::execute::plan(cell);
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
                observables: plan.as_ref().map_or(vec![], |p| {
                    p.covers()
                        .iter()
                        .map(|&k| cell.wanted[k].observable.name)
                        .collect()
                }),
                limits: plan.as_ref().map_or(vec![], |p| p.promise().limits.clone()),
                declined: plan.as_ref().err().cloned(),
            })
            .collect();
        cells.push(CellEstimate {
            index,
            draws: cell.experiment.draws.datasets * cell.experiment.draws.replicas,
            theories,
        });
    }
    Estimate {
        bytes: total_bytes(&costs, threads),
        seconds: costs.iter().map(|c| c.seconds).sum(),
        cells,
    }
}

/// Refuses a run that would need more than the limit.
pub(crate) fn admit(
    spec: &Spec,
    plans: &[Vec<Planned>],
    threads: usize,
    settings: &Settings,
) -> Result<()> {
    let costs: Vec<CellCost> = spec
        .cells
        .iter()
        .zip(plans)
        .map(|(c, p)| of_cell(c, p, settings.side))
        .collect();
    let needed = total_bytes(&costs, threads);
    if needed <= settings.max_memory {
        return Ok(());
    }
    let largest = costs.iter().map(|c| c.draw_bytes).max().unwrap_or(0);
    let rest = needed - largest * threads as u64;
    let room = settings.max_memory.saturating_sub(rest);
    let remedy = match room.checked_div(largest.max(1)) {
        Some(n) if n >= 1 => format!("use --threads {n}, or --max-memory {needed}"),
        _ => format!(
            "use --max-memory {needed}, or shrink the largest cell to a working set of {room} bytes (about {:.0} % of its size)",
            100.0 * room as f64 / largest.max(1) as f64
        ),
    };
    Err(Error::Resource {
        what: format!("{} cells on {threads} threads", spec.cells.len()),
        needed,
        limit: settings.max_memory,
        remedy,
    })
}
