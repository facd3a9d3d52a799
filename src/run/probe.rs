//! How long a run takes on this machine: short trials of its cheapest and its dearest cell put the estimates of the cost model right.

use super::cost::{CellCost, of_cell};
use super::execute::{Settings, Side, execute};
use super::units::{Planned, plan};
use crate::error::Error;
use crate::numerics::interrupt;
use crate::spec::{Cell, Options, Source, Spec};
use std::time::{Duration, Instant};

/// Seconds that one trial aims at.
const AIM: f64 = 0.06;
/// A trial is stopped after this time.
const MOST: Duration = Duration::from_secs(3);
/// A single draw or solve estimated above this is not tried whole.
const LONGEST: f64 = 0.5;
/// Seconds that the shortest trial takes besides its work.
const OVERHEAD: f64 = 5e-3;
/// Trials scatter, and what is extrapolated from them does.
const SPREAD: f64 = 1.3;
/// How far the cost model may be off where nothing was tried.
const UNTRIED: [f64; 2] = [0.2, 5.0];

/// Seconds that a run is expected to take.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Expected {
    /// From and to, on one core.
    pub one_core: [f64; 2],
    /// From and to, on the threads that were asked for.
    pub wall: [f64; 2],
}

/// What a trial found: measured over estimated seconds.
#[derive(Debug, Clone, Copy)]
struct Factor {
    low: f64,
    high: f64,
}

impl Factor {
    fn of(ratios: &[f64]) -> Factor {
        let usable = ratios.iter().copied().filter(|r| r.is_finite() && *r > 0.0);
        let (low, high) = usable.fold((f64::INFINITY, 0.0f64), |(a, b), r| (a.min(r), b.max(r)));
        match low <= high {
            true => Factor {
                low: low / SPREAD,
                high: high * SPREAD,
            },
            false => Factor {
                low: UNTRIED[0],
                high: UNTRIED[1],
            },
        }
    }
}

/// Tries and extrapolates; `maps` are seconds that the maps of the spec add.
pub fn expected(spec: &Spec, threads: usize, maps: f64) -> Expected {
    let cells: Vec<(&Cell, Vec<Planned>)> = spec.cells.iter().map(|c| (c, plan(c))).collect();
    let seconds = |side: Side| -> Vec<f64> {
        let of = |(cell, plans): &(&Cell, Vec<Planned>)| of_cell(cell, plans, side).seconds;
        cells.iter().map(of).collect()
    };
    let (networks, theories) = (seconds(Side::Networks), seconds(Side::Theory));
    let measured = trials(spec, &networks, Side::Networks);
    let solved = trials(spec, &theories, Side::Theory);
    let total = |values: &[f64]| values.iter().sum::<f64>();
    let (networks, theories) = (total(&networks), total(&theories) + maps);
    let one_core = [
        networks * measured.low + theories * solved.low,
        networks * measured.high + theories * solved.high,
    ];
    let units: usize = cells.iter().map(|(c, plans)| units(c, plans)).sum();
    let share = threads.min(units.max(1)).max(1) as f64;
    Expected {
        one_core,
        wall: one_core.map(|s| s / share),
    }
}

/// Draws and solves that may run side by side.
fn units(cell: &Cell, plans: &[Planned]) -> usize {
    let cost: CellCost = of_cell(cell, plans, Side::Both);
    cost.loads.iter().map(|l| l.count as usize).sum()
}

/// Measured over estimated seconds, of the cheapest and of the dearest cell.
fn trials(spec: &Spec, estimated: &[f64], side: Side) -> Factor {
    let mut order: Vec<usize> = (0..estimated.len())
        .filter(|&k| estimated[k] > 0.0)
        .collect();
    order.sort_by(|&a, &b| estimated[a].total_cmp(&estimated[b]));
    let mut chosen = vec![];
    chosen.extend(order.first());
    chosen.extend(order.last().filter(|_| order.len() > 1));
    let found = chosen.into_iter().filter_map(|&k| match side {
        Side::Theory => solve(spec, k),
        _ => train(spec, k),
    });
    let ratios: Vec<f64> = found.flat_map(Tried::ends).collect();
    Factor::of(&ratios)
}

/// What a trial tells: a number, or that it was stopped and is larger.
#[derive(Debug, Clone, Copy)]
enum Tried {
    Whole(f64),
    Stopped(f64),
}

impl Tried {
    fn map(self, change: impl Fn(f64) -> f64) -> Tried {
        match self {
            Tried::Whole(x) => Tried::Whole(change(x)),
            Tried::Stopped(x) => Tried::Stopped(change(x)),
        }
    }

    /// What it may be at least and at most.
    fn ends(self) -> [f64; 2] {
        match self {
            Tried::Whole(x) => [x; 2],
            Tried::Stopped(x) => [x, 4.0 * UNTRIED[1] * x],
        }
    }
}

/// The spec of one draw of one cell, with further overrides.
fn single(spec: &Spec, cell: usize, more: &[String]) -> Option<Spec> {
    let set = &spec.cells[cell].set;
    let axes = set
        .iter()
        .map(|(key, value)| format!("\"{key}\" = [{value}]"));
    let axes: Vec<String> = axes.collect();
    let mut sets: Vec<String> = spec
        .document
        .overrides
        .iter()
        .filter_map(|o| match &o.source {
            Source::Set(text) => Some(text.clone()),
            _ => None,
        })
        .collect();
    if !set.is_empty() {
        sets.push(format!("sweep={{ {} }}", axes.join(", ")));
    }
    for list in ["reduce", "relate", "fit", "league", "figure"] {
        sets.push(format!("{list}=[]"));
    }
    sets.extend(more.iter().cloned());
    let options = Options {
        quick: spec.quick,
        set: sets,
        seed: None,
        explore: true,
    };
    let found = Spec::parse(
        &spec.name,
        &spec.document.path,
        &spec.document.text,
        &options,
    )
    .ok()?;
    let mut found = found;
    found.map = None;
    Some(found)
}

/// Seconds of a run in memory on one thread; `None` where it fails.
fn timed(spec: &Spec, side: Side) -> Option<Tried> {
    let settings = Settings {
        side,
        out: None,
        threads: 1,
        progress: false,
        ..Settings::default()
    };
    let start = Instant::now();
    // A cell that fails, such as a chain that is too short, has taken its time all the same, and so has a trial that is stopped.
    match interrupt::within(MOST, || execute(spec, &settings)) {
        Ok(_) => Some(Tried::Whole(start.elapsed().as_secs_f64())),
        Err(Error::Interrupted) => Some(Tried::Stopped(start.elapsed().as_secs_f64())),
        Err(_) => None,
    }
}

fn seconds_of(spec: &Spec, side: Side) -> f64 {
    let cells = spec.cells.iter();
    cells.map(|c| of_cell(c, &plan(c), side).seconds).sum()
}

/// One draw with few steps, then with more: the time of a step and what comes before the first.
fn train(spec: &Spec, cell: usize) -> Option<Tried> {
    const ONE_DRAW: [&str; 2] = ["measure.datasets=1", "measure.replicas=1"];
    let of_draw: Vec<String> = ONE_DRAW.map(String::from).to_vec();
    let whole = single(spec, cell, &of_draw)?;
    let estimate = seconds_of(&whole, Side::Networks);
    if estimate <= AIM {
        // What comes before the first step is no matter of a rate.
        return Some(timed(&whole, Side::Networks)?.map(|s| s / estimate.max(OVERHEAD)));
    }
    let training = spec.cells[cell].experiment.training.as_ref();
    let steps = training.and_then(|t| t.resolved()["steps"].as_u64());
    let Some(steps) = steps.filter(|s| *s > 20) else {
        let tried = (estimate < LONGEST).then(|| timed(&whole, Side::Networks));
        return tried.flatten().map(|t| t.map(|s| s / estimate));
    };
    let with = |count: u64| -> Option<Tried> {
        let mut sets = of_draw.clone();
        sets.push(format!("training.steps={count}"));
        timed(&single(spec, cell, &sets)?, Side::Networks)
    };
    let all = |count: u64| move |seconds: f64| seconds * steps as f64 / count as f64 / estimate;
    let wished = |seconds: f64, of: f64| ((steps as f64 * seconds / of) as u64).clamp(10, steps);
    let few = wished(AIM / 4.0, estimate);
    let first = match with(few)? {
        Tried::Whole(seconds) => seconds,
        stopped => return Some(stopped.map(all(few))),
    };
    // What the first trial took tells how many steps the second one may have.
    let per_step = first / few as f64;
    let more = ((AIM / per_step.max(1e-12)) as u64)
        .clamp(2 * few, steps.max(2 * few))
        .min(steps);
    if more <= few {
        return Some(Tried::Whole(all(few)(first)));
    }
    let second = match with(more)? {
        Tried::Whole(seconds) => seconds,
        stopped => return Some(stopped.map(all(more))),
    };
    let slope = ((second - first) / (more - few) as f64).max(0.0);
    let slope = if slope > 0.0 {
        slope
    } else {
        second / more as f64
    };
    let seconds = second + slope * (steps - more) as f64;
    Some(Tried::Whole(seconds / estimate))
}

/// The theories of one draw, where the model of their cost calls them short.
fn solve(spec: &Spec, cell: usize) -> Option<Tried> {
    let with = |sets: &[String]| single(spec, cell, sets);
    let one = [
        "measure.datasets=1".to_string(),
        "measure.replicas=1".to_string(),
    ];
    let whole = with(&one).or_else(|| with(&[]))?;
    let estimate = seconds_of(&whole, Side::Theory);
    if estimate <= 0.0 || estimate > LONGEST {
        return None;
    }
    // Drawing the data set is part of a short solve and not of a long one.
    let tried = timed(&whole, Side::Theory)?;
    Some(match tried.map(|s| s / estimate.max(OVERHEAD)) {
        Tried::Whole(ratio) => Tried::Whole(ratio.clamp(0.05, 20.0)),
        stopped => stopped,
    })
}
