//! What stands in the store's records of theories: answers as named arrays.

use super::store::Record;
use crate::instrument::Axis;
use crate::theory::{Answer, Prediction, SolverReport};
use serde_json::json;

pub(super) fn to_record(p: &Prediction) -> Record {
    let mut arrays = Vec::new();
    let mut axes = Vec::new();
    for Answer {
        asked,
        axes: grid,
        mean,
        bound,
        repeats,
    } in &p.answers
    {
        axes.push(json!([asked, grid]));
        arrays.push((format!("mean:{asked}"), mean.clone()));
        arrays.push((format!("bound:{asked}"), bound.clone()));
        if let Some(repeats) = repeats {
            arrays.push((format!("repeats:{asked}"), repeats.concat()));
        }
    }
    Record {
        meta: json!({ "solver": p.solver, "warnings": p.warnings, "axes": axes }),
        arrays,
    }
}

pub(super) fn from_record(record: &Record) -> Option<Prediction> {
    let axes: Vec<(usize, Vec<Axis>)> = serde_json::from_value(record.meta["axes"].clone()).ok()?;
    let answer = |(asked, axes): (usize, Vec<Axis>)| {
        let array = |name: &str| {
            record
                .array(&format!("{name}:{asked}"))
                .map(<[f64]>::to_vec)
        };
        let mean = array("mean")?;
        let rows = |all: Vec<f64>| all.chunks(mean.len().max(1)).map(<[f64]>::to_vec).collect();
        Some(Answer {
            asked,
            axes,
            repeats: array("repeats").map(rows),
            bound: array("bound")?,
            mean,
        })
    };
    Some(Prediction {
        answers: axes.into_iter().map(answer).collect::<Option<_>>()?,
        solver: serde_json::from_value::<SolverReport>(record.meta["solver"].clone()).ok()?,
        warnings: serde_json::from_value(record.meta["warnings"].clone()).ok()?,
    })
}
