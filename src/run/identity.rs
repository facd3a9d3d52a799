//! What every record depends on: the key under which the store keeps it.

use super::manifest::simd_level;
use super::records::wanted_json;
use super::store::Store;
use super::units::{Unit, Work, units};
use super::{Side, execute, simulation};
use crate::experiment::{Conditioning, DrawIndex};
use crate::instrument::Chosen;
use crate::spec::{Cell, Spec, experiment_json, hash};
use serde_json::{Value as Json, json};

/// Key of a measured draw.
pub(super) fn measured(cell: &Cell, draw: DrawIndex) -> Json {
    let experiment = &cell.experiment;
    // With the shares of held-out blocks, which a record of other tasks does not have.
    let identity = |instrument: &Chosen| match instrument.held_out_blocks(experiment) {
        0 => instrument.identity(),
        blocks => json!([instrument.identity(), { "held_out_blocks": blocks }]),
    };
    let instruments: Vec<Json> = cell.instruments.iter().map(identity).collect();
    match experiment.learner {
        Some(_) => json!({
            "unit": "measure",
            "simd": simd_level(),
            "experiment": experiment_json(experiment),
            "instruments": instruments,
            "draw": draw,
        }),
        None => json!({
            "unit": "simulate",
            "experiment": simulation::identity(experiment),
            "instruments": instruments,
            "dataset": draw.dataset,
        }),
    }
}

/// Key of a theory solved for a draw.
pub(super) fn solved(
    cell: &Cell,
    theory: usize,
    conditioning: Conditioning,
    index: Option<DrawIndex>,
) -> Json {
    let entry = &cell.theories[theory];
    let conditioned = match conditioning {
        Conditioning::None => Json::Null,
        Conditioning::Data => {
            json!({ "task": experiment_json(&cell.experiment)["task"], "dataset": index.map(|d| d.dataset) })
        }
        _ => json!({ "experiment": experiment_json(&cell.experiment), "draw": index }),
    };
    json!({
        "unit": "theory",
        "simd": simd_level(),
        "kind": entry.kind,
        "revision": entry.revision,
        "keys": entry.theory.resolved(),
        "experiment": experiment_json(&entry.experiment),
        "wanted": cell.wanted.iter().map(wanted_json).collect::<Vec<_>>(),
        "conditioned": conditioned,
    })
}

/// Names of all records of a run, as they stand in its manifest (where trained weights are kept, those are more). Nothing is solved.
pub fn records(spec: &Spec, side: Side) -> Vec<String> {
    let plans: Vec<_> = spec.cells.iter().map(execute::plan).collect();
    let key = |unit: &Unit| {
        let cell = &spec.cells[unit.cell];
        match unit.work {
            Work::Measure { draw } => Some(measured(cell, draw)),
            Work::Solve { theory, draw } => {
                let plan = plans[unit.cell][theory].as_ref().ok()?;
                Some(solved(cell, theory, plan.promise().conditioning, draw))
            }
        }
    };
    let all = units(spec, &plans, side);
    let mut names: Vec<String> = all
        .iter()
        .filter_map(key)
        .map(|key| Store::name(&hash::of(&key)))
        .collect();
    names.sort();
    names.dedup();
    names
}
