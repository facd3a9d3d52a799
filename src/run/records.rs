//! What stands in the store's records: keys of instruments and grids, predictions as named arrays.

use super::store::Record;
use crate::error::{Error, Result};
use crate::instrument::Wanted;
use crate::theory::{Predicted, Prediction, SolverReport};
use serde_json::{Value as Json, json};

pub(super) fn wanted_json(w: &Wanted) -> Json {
    json!({ "name": w.observable.name, "axes": w.axes })
}

/// Errors: `Unconverged` for a residual that is no number.
pub(super) fn to_record(p: &Prediction) -> Result<Record> {
    if !p.solver.residual.is_finite() {
        return Err(Error::unconverged(
            p.solver.method.clone(),
            format!("its residual is {}", p.solver.residual),
            "bring the numbers of the experiment nearer to 1: their squares or products leave the range of double precision",
        ));
    }
    let mut arrays = Vec::new();
    for o in &p.observables {
        arrays.push((format!("mean:{}", o.wanted), o.mean.clone()));
        arrays.push((format!("bound:{}", o.wanted), o.bound.clone()));
        if let Some(stderr) = &o.stderr {
            arrays.push((format!("stderr:{}", o.wanted), stderr.clone()));
        }
    }
    Ok(Record {
        meta: json!({ "solver": p.solver, "warnings": p.warnings }),
        arrays,
    })
}

pub(super) fn from_record(record: &Record) -> Option<Prediction> {
    let observables = record
        .arrays
        .iter()
        .filter_map(|(name, mean)| {
            let wanted = name.strip_prefix("mean:")?;
            Some(Predicted {
                wanted: wanted.parse().ok()?,
                mean: mean.clone(),
                bound: record.array(&format!("bound:{wanted}"))?.to_vec(),
                stderr: record
                    .array(&format!("stderr:{wanted}"))
                    .map(<[f64]>::to_vec),
            })
        })
        .collect();
    Some(Prediction {
        observables,
        solver: serde_json::from_value::<SolverReport>(record.meta["solver"].clone()).ok()?,
        warnings: serde_json::from_value(record.meta["warnings"].clone()).ok()?,
    })
}
