//! Memory and time, estimated before anything is computed; a run above its limit is refused.

use super::assumed;
use super::engine::MEMO_SHARE;
use super::execute::{Side, workers};
use super::mapping::{self, cost::MapEstimate};
use super::streams::streamed_rows;
use super::units::{Planned, plan};
use crate::compare::MAX_BLOCKS;
use crate::error::{Error, Result, human_bytes};
use crate::experiment::{Conditioning, Experiment};
use crate::numerics::content;
use crate::numerics::memo::Kept;
use crate::spec::{Cell, Spec};
use crate::task::PoolView;
use std::collections::{BTreeMap, BTreeSet};

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

/// Units of one kind in one cell: draws that are measured, or solves of one theory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Working memory of one of them, without what the memo keeps.
    pub bytes: u64,
    /// Its data set, which it holds by itself where the memo is full.
    pub dataset: u64,
    /// How many there are.
    pub count: u64,
}

/// Estimated cost of one cell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CellCost {
    /// What the task keeps beside its data sets, counted once for all cells that share it.
    pub pool: Option<PoolView>,
    /// Everything that is computed at one time on one thread.
    pub loads: Vec<Load>,
    /// Data sets and eigensystems, each counted once for all cells, theories and instruments that share it.
    pub shared: Vec<Kept>,
    /// All results.
    pub result_bytes: u64,
    /// What is copied of them while they are put together at the end.
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
    let samples = shape.samples as f64 + e.task.test_samples() as f64;
    let sample = 8.0 * (shape.inputs + shape.outputs) as f64;
    // A conversion of too large a number saturates.
    let dataset = (sample * samples) as u64;
    // A data set is drawn beside a copy that is prepared.
    let drawing = dataset.saturating_add(e.task.draw_bytes());
    let load = |bytes: u64, count: f64| Load {
        bytes: bytes.max(drawing),
        dataset,
        count: count as u64,
    };
    let mut cost = CellCost {
        pool: e.task.pool(),
        ..CellCost::default()
    };
    // Data sets that the units ask for, and what all units give.
    let (mut drawn, mut results, mut copied) = (0.0_f64, 0.0, 0.0);
    if let (Some(learner), Some(training)) = (&e.learner, &e.training)
        && side != Side::Theory
        && !cell.is_given()
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
        // Draws that came before their turn wait while the next ones are measured.
        let held = Held::of(cell, draws);
        let waiting = (result * held.waiting) as u64;
        let bytes = own
            .saturating_add(watching)
            .saturating_add(state)
            .saturating_add(waiting);
        cost.loads.push(load(bytes, draws));
        cost.shared
            .extend(cell.instruments.iter().flat_map(|i| i.keeps(e)));
        cost.seconds += run.flops / FLOPS * draws;
        drawn = datasets;
        results += result * held.kept;
        copied += result * held.copied;
    }
    if cell.is_given() && side != Side::Theory {
        // Numbers are read, nothing is drawn.
        results += result * draws;
        copied += result * draws;
    }
    if e.learner.is_none()
        && side != Side::Theory
        && !cell.is_given()
        && let Some((bytes, seconds)) = super::simulation::cost(e, &cell.instruments)
    {
        let held = Held::of(cell, datasets);
        let bytes = bytes.saturating_add((result * held.waiting) as u64);
        cost.loads.push(load(bytes, datasets));
        cost.seconds += seconds * datasets;
        results += result * held.kept;
        copied += result * held.copied;
    }
    if side != Side::Networks {
        for (entry, plan) in cell.theories.iter().zip(plans) {
            let Ok(plan) = plan else { continue };
            let promise = plan.promise();
            let solves = match promise.conditioning {
                Conditioning::None => 1.0,
                Conditioning::Data => datasets,
                _ => draws,
            };
            cost.loads.push(load(promise.bytes, solves));
            cost.shared.extend(promise.keeps.iter().cloned());
            cost.seconds += promise.seconds * solves;
            // A theory of the experiment alone may look at the first data set.
            let drawn_for_it = solves.min(datasets);
            match assumed::has_own_data(cell, entry) {
                true => cost.shared.push(data_sets(&entry.experiment, drawn_for_it)),
                false => drawn = drawn.max(drawn_for_it),
            }
            // Values and their bounds.
            results += 2.0 * result * solves;
            copied += 2.0 * result * solves;
        }
    }
    if cost.loads.is_empty() {
        // A theory may look at a data set to plan.
        cost.loads.push(load(0, 1.0));
    }
    cost.shared.push(data_sets(e, drawn));
    cost.result_bytes = results as u64;
    cost.copied_bytes = copied as u64;
    cost
}

/// The memo's data sets of an experiment, of which so many are drawn.
fn data_sets(e: &Experiment, drawn: f64) -> Kept {
    let shape = e.task.shape();
    let samples = shape.samples as f64 + e.task.test_samples() as f64;
    let task = content::of(&e.task_json());
    Kept {
        content: format!("data sets from {}: {task}", e.first_draw().dataset),
        bytes: (8.0 * (shape.inputs + shape.outputs) as f64 * samples * drawn) as u64,
    }
}

/// What a cell holds of its draws, in numbers of draws.
struct Held {
    /// All of them, or three sums in every block.
    kept: f64,
    /// Copied at one time when results are put together.
    copied: f64,
    /// Came before their turn, and wait while others are measured.
    waiting: f64,
}

impl Held {
    fn of(cell: &Cell, draws: f64) -> Held {
        let blocks = MAX_BLOCKS as f64;
        match streamed_rows(cell) {
            None => Held {
                kept: draws,
                copied: draws,
                waiting: 0.0,
            },
            Some(rows) => Held {
                kept: 3.0 * blocks,
                copied: blocks,
                waiting: draws / rows as f64 * rows.div_ceil(MAX_BLOCKS) as f64,
            },
        }
    }
}

/// Costs of all cells together.
struct Total {
    /// The program, the results, what tasks keep, and the memo.
    fixed: u64,
    /// What is copied of the results, while they are put together at the end.
    copied: u64,
    /// Working memory of units and how many need it, the largest first.
    loads: Vec<(u64, u64)>,
}

impl Total {
    fn of(costs: &[CellCost], limit: u64) -> Total {
        let sum = |values: &mut dyn Iterator<Item = u64>| values.fold(0, u64::saturating_add);
        let mut shared: BTreeMap<&str, u64> = BTreeMap::new();
        for kept in costs.iter().flat_map(|c| &c.shared) {
            let bytes = shared.entry(&kept.content).or_default();
            *bytes = kept.bytes.max(*bytes);
        }
        let (wished, budget) = (sum(&mut shared.into_values()), limit / MEMO_SHARE);
        let pools: BTreeSet<PoolView> = costs.iter().filter_map(|c| c.pool).collect();
        let results = sum(&mut costs.iter().map(|c| c.result_bytes));
        let copied = sum(&mut costs.iter().map(|c| c.copied_bytes));
        let parts = [BASE, wished.min(budget), results];
        let fixed = parts.into_iter().chain(pools.iter().map(|p| p.bytes));
        let own = |load: &Load| match wished > budget {
            true => load.bytes.saturating_add(load.dataset),
            false => load.bytes,
        };
        let loads = costs.iter().flat_map(|c| &c.loads);
        let mut loads: Vec<(u64, u64)> = loads.map(|l| (own(l), l.count)).collect();
        loads.sort_unstable_by(|a, b| b.cmp(a));
        Total {
            fixed: sum(&mut fixed.into_iter()),
            copied,
            loads,
        }
    }

    /// Working memory of the `threads` largest units.
    fn at_work(&self, threads: usize) -> u64 {
        let mut left = threads as u64;
        self.loads.iter().fold(0, |sum: u64, (bytes, count)| {
            let busy = left.min(*count);
            left -= busy;
            sum.saturating_add(bytes.saturating_mul(busy))
        })
    }

    /// Estimated peak memory: the largest units at work, or a copy of all results afterwards.
    fn bytes(&self, threads: usize) -> u64 {
        let working = self.at_work(threads).max(self.copied);
        self.fixed.saturating_add(working)
    }
}

/// What a run would do and cost.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Estimate {
    /// In the order of the sweep.
    pub cells: Vec<CellEstimate>,
    /// Theories on the map, chart by chart.
    pub maps: Vec<MapEstimate>,
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
    let threads = workers(threads);
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
    let (maps, of_maps): (Vec<_>, Vec<_>) = mapping::cost::all(spec)?.into_iter().unzip();
    costs.extend(of_maps);
    Ok(Estimate {
        maps,
        bytes: Total::of(&costs, limit).bytes(threads),
        seconds: costs.iter().map(|c| c.seconds).sum(),
        cells,
    })
}

/// Refuses a run whose data sets and networks alone need more than the limit; theories may look at a data set to plan, so this
/// comes before planning.
pub(crate) fn admit_networks(spec: &Spec, threads: usize, limit: u64, side: Side) -> Result<()> {
    let none: Vec<Vec<Planned>> = spec.cells.iter().map(|_| vec![]).collect();
    admit(spec, &none, &[], threads, limit, side)
}

/// Refuses a run that would need more than the limit; `maps` is what its maps add.
pub(crate) fn admit(
    spec: &Spec,
    plans: &[Vec<Planned>],
    maps: &[CellCost],
    threads: usize,
    limit: u64,
    side: Side,
) -> Result<()> {
    let cells = spec.cells.iter().zip(plans);
    let cells = cells.map(|(c, p)| of_cell(c, p, side));
    let costs: Vec<CellCost> = cells.chain(maps.iter().cloned()).collect();
    let total = Total::of(&costs, limit);
    let needed = total.bytes(threads);
    if needed <= limit {
        return Ok(());
    }
    let largest = total.at_work(1);
    let room = limit.saturating_sub(total.fixed);
    // In whole MiB, so that what is raised to is enough.
    let raise = format!("raise --max-memory to {}M", needed.div_ceil(1 << 20));
    let fewer = (1..threads).rev().find(|&n| total.bytes(n) <= limit);
    let remedy = match fewer {
        Some(n) => format!("use --threads {n}, or {raise}"),
        None if limit <= BASE => raise,
        None if room > total.copied => format!(
            "{raise}, or shrink one draw of the largest cell from {} to {} (fewer samples, smaller widths)",
            human_bytes(largest),
            human_bytes(room)
        ),
        None => format!(
            "{raise}; data sets and results of all draws take {} of it (fewer cells, draws, samples or points)",
            human_bytes(total.fixed.saturating_sub(BASE))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn load(bytes: u64, dataset: u64, count: u64) -> Load {
        Load {
            bytes,
            dataset,
            count,
        }
    }

    fn kept(content: &str, bytes: u64) -> Kept {
        let content = content.into();
        Kept { content, bytes }
    }

    /// Two cells that share their data sets: 2 large draws and 5 small solves, 3 draws of middle size.
    fn cells() -> [CellCost; 2] {
        let first = CellCost {
            loads: vec![load(1000, 7, 2), load(10, 7, 5)],
            shared: vec![kept("data sets", 40), kept("eigensystem", 60)],
            result_bytes: 5,
            ..CellCost::default()
        };
        let second = CellCost {
            loads: vec![load(300, 7, 3)],
            shared: vec![kept("data sets", 40)],
            result_bytes: 6,
            ..CellCost::default()
        };
        [first, second]
    }

    #[test]
    fn the_largest_units_of_all_cells_are_at_work_at_one_time() {
        let of = |threads| Total::of(&cells(), u64::MAX).bytes(threads) - BASE;
        // Results, and the memo once.
        let fixed = 11 + 100;
        let largest = [1000, 1000, 300, 300, 300, 10, 10, 10, 10, 10];
        for threads in 1..=10 {
            let sum: u64 = largest[..threads].iter().sum();
            assert_eq!(of(threads), fixed + sum, "{threads} threads");
        }
        assert_eq!(of(200), of(10), "there is no eleventh unit");
    }

    #[test]
    fn the_memo_keeps_its_share_and_else_a_unit_holds_its_own_data_set() {
        let limit = 80 * MEMO_SHARE;
        let full = Total::of(&cells(), limit);
        assert_eq!(full.fixed, BASE + 11 + 80);
        assert_eq!(full.at_work(3), 1007 + 1007 + 307);
        let enough = Total::of(&cells(), 100 * MEMO_SHARE);
        assert_eq!(enough.fixed, BASE + 11 + 100);
        assert_eq!(enough.at_work(3), 2300);
    }

    #[test]
    fn many_results_outweigh_the_work() {
        let cell = CellCost {
            loads: vec![load(10, 0, 1)],
            result_bytes: 500,
            copied_bytes: 500,
            ..CellCost::default()
        };
        assert_eq!(Total::of(&[cell], u64::MAX).bytes(4), BASE + 1000);
    }
}
