//! What every record depends on: the key under which the store keeps it.

use super::manifest::simd_level;
use super::mapping::lines;
use super::store::Store;
use super::units::{Planned, Unit, Work, plan, units};
use super::{Side, simulation};
use crate::experiment::{Conditioning, DrawIndex, Experiment};
use crate::instrument::Chosen;
use crate::numerics::content;
use crate::spec::{Spec, TheoryEntry, experiment_json};
use crate::theory::{Asked, Plan};
use serde_json::{Value as Json, json};

/// Key of what one instrument measures on a draw: other instruments do not enter.
pub(super) fn measured(experiment: &Experiment, instrument: &Chosen, draw: DrawIndex) -> Json {
    if let Some(given) = instrument.given() {
        return json!({
            "unit": "given",
            "instrument": instrument.identity(),
            "rows": given.identity(experiment),
            "draw": draw,
        });
    }
    // With the shares of held-out blocks, which a record of other tasks does not have.
    let instrument = match instrument.held_out_blocks(experiment) {
        0 => instrument.identity(),
        blocks => json!([instrument.identity(), { "held_out_blocks": blocks }]),
    };
    match experiment.learner {
        Some(_) => json!({
            "unit": "measure",
            "simd": simd_level(),
            "experiment": experiment_json(experiment),
            "instrument": instrument,
            "draw": draw,
        }),
        None => json!({
            "unit": "simulate",
            "experiment": simulation::identity(experiment),
            "instrument": instrument,
            "dataset": draw.dataset,
        }),
    }
}

/// Key of a theory solved for a draw: its inputs, the questions, and what the draw holds.
pub(super) fn solved(
    measured: &Experiment,
    entry: &TheoryEntry,
    plan: &Plan,
    index: Option<DrawIndex>,
) -> Json {
    // Trained networks are those that are measured, all else is drawn from what the entry assumes.
    let e = &entry.experiment;
    let draw = match plan.promise().conditioning {
        Conditioning::None => Json::Null,
        Conditioning::Data => json!([e.task_json(), index.map(|d| d.dataset)]),
        Conditioning::Initial => json!([e.task_json(), e.learner_json(), index]),
        Conditioning::Trained => json!([experiment_json(measured), index]),
    };
    let asked = |a: &Asked| json!([a.name(), a.keys, a.grid]);
    json!({
        "unit": "theory",
        "simd": simd_level(),
        "kind": entry.kind,
        "revision": entry.revision,
        "seed": entry.experiment.seed,
        "inputs": plan.inputs(),
        "asked": plan.asked().iter().map(asked).collect::<Vec<_>>(),
        "draw": draw,
    })
}

/// What tells a unit from another of a run: units with one key have one result.
pub(super) fn of_unit(spec: &Spec, plans: &[Vec<Planned>], unit: &Unit) -> String {
    keys(spec, plans, unit).concat()
}

/// Hashes of the keys of a unit's records.
fn keys(spec: &Spec, plans: &[Vec<Planned>], unit: &Unit) -> Vec<String> {
    let cell = &spec.cells[unit.cell];
    match unit.work {
        Work::Measure { draw } => {
            let key = |i| content::of(&measured(&cell.experiment, i, draw));
            cell.instruments.iter().map(key).collect()
        }
        Work::Solve { theory, draw } => match &plans[unit.cell][theory] {
            Ok(plan) => vec![content::of(&solved(
                &cell.experiment,
                &cell.theories[theory],
                plan,
                draw,
            ))],
            Err(_) => vec![],
        },
    }
}

/// Names of all records of a run, as they stand in its manifest (where trained weights are kept, those are more). Nothing is solved.
pub fn records(spec: &Spec, side: Side) -> Vec<String> {
    let plans: Vec<_> = spec.cells.iter().map(plan).collect();
    let all = units(spec, &plans, side);
    let keys = all.iter().flat_map(|unit| keys(spec, &plans, unit));
    let mut names: Vec<String> = keys.map(|key| Store::name(&key)).collect();
    if let (Some(map), true) = (&spec.map, side != Side::Networks) {
        let lines = map.lines();
        let keys = lines.iter().filter_map(|line| lines::key(map, line).ok());
        names.extend(keys.map(|key| Store::name(&content::of(&key))));
    }
    names.sort();
    names.dedup();
    names
}
