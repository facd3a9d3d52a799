//! Flows of the renormalisation group over the modes of a kernel, as league entries.

pub mod diagram;
pub mod features;
pub mod quartic;
pub mod ridge;

use crate::experiment::{Conditioning, Experiment, Limit, Promise};
use crate::instrument::{Axis, Declined};
use crate::rg::Spectrum;
use crate::theory::{Answer, Asked, Info};
use serde_json::Value as Json;

/// Most cutoffs at which a flow is told.
const MOST_CUTOFFS: usize = 200;

/// Which of the questions an entry answers: its observables on the grids of instruments, its own quantities where they
/// are told, if `has` grants the name.
fn places(
    asked: &[Asked],
    info: &Info,
    has: impl Fn(&str) -> bool,
) -> std::result::Result<Vec<usize>, Declined> {
    let possible = |i: &usize| {
        let name = asked[*i].name();
        let own = info.own.iter().any(|o| o.name == name);
        let compared = asked[*i].grid.is_some() && info.observables.contains(&name);
        (own || compared) && has(name)
    };
    let answers: Vec<usize> = (0..asked.len()).filter(possible).collect();
    if !answers.is_empty() {
        return Ok(answers);
    }
    let own = info.own.iter().map(|o| o.name);
    let names: Vec<&str> = info
        .observables
        .iter()
        .copied()
        .chain(own)
        .filter(|n| has(n))
        .collect();
    Err(Declined(format!(
        "predicts {}; nothing of this is asked for",
        names.join(", ")
    )))
}

/// A promise of the limit of many samples, whose error falls as `1/P`.
fn promise(modes: f64) -> Promise {
    Promise {
        limits: vec![Limit::infinite("task.samples").rate(-1.0)],
        averages_over: vec!["datasets", "replicas"],
        bytes: (8.0 * 20.0 * modes) as u64,
        ..Promise::of(Conditioning::None)
    }
}

/// All that a flow depends on: the task with its samples, and what the entry adds.
fn inputs(experiment: &Experiment, own: Json) -> Json {
    let task = &experiment.task;
    let task = crate::experiment::component_json(task.about(), task.resolved());
    serde_json::json!([task, own])
}

/// Whole numbers from 1 to `last`, rising, about evenly spaced in their logarithm.
fn cutoffs(last: usize) -> Vec<usize> {
    let points = last.min(MOST_CUTOFFS);
    let (modes, last) = (last, (last as f64).ln());
    let mut list: Vec<usize> = (0..points)
        .map(|i| (last * i as f64 / (points.max(2) - 1) as f64).exp().round() as usize)
        .map(|k| k.clamp(1, modes))
        .collect();
    list.dedup();
    list
}

/// The number of modes in the first levels of a spectrum, for 0, 1, ... levels.
fn modes_of_levels(spectrum: &Spectrum) -> Vec<f64> {
    let mut sum = 0.0;
    let upto = (0..spectrum.len()).map(|k| {
        sum += spectrum.multiplicity(k);
        sum
    });
    std::iter::once(0.0)
        .chain(upto.collect::<Vec<f64>>())
        .collect()
}

/// One number per cutoff, at the number of modes that are kept there, each with a relative bound.
fn over_cutoffs(
    index: usize,
    cutoffs: &[usize],
    modes: impl Fn(usize) -> f64,
    relative: f64,
    value: impl Fn(usize) -> f64,
) -> Answer {
    let mean: Vec<f64> = cutoffs.iter().map(|&k| value(k)).collect();
    let bound = mean.iter().map(|v| bound(*v, relative)).collect();
    let axis = cutoffs.iter().map(|&k| modes(k)).collect();
    Answer {
        asked: index,
        axes: vec![Axis::new("cutoff", "modes", axis)],
        mean,
        bound,
        repeats: None,
    }
}

/// One number.
fn scalar(index: usize, value: f64, relative: f64) -> Answer {
    Answer {
        asked: index,
        axes: Vec::new(),
        mean: vec![value],
        bound: vec![bound(value, relative)],
        repeats: None,
    }
}

fn bound(value: f64, relative: f64) -> f64 {
    match value.is_finite() {
        true => relative * value.abs(),
        false => 0.0,
    }
}

/// The number of modes that are learned at the threshold `kp`, `sum_k lam_k/(lam_k + kp)`, of the levels of a spectrum.
fn learned(spectrum: &Spectrum, threshold: f64) -> f64 {
    let values = spectrum.eigenvalues().iter().enumerate().rev();
    values
        .map(|(k, lam)| spectrum.multiplicity(k) * lam / (lam + threshold))
        .sum()
}
