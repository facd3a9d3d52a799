//! The `--json` document: cells with theories, measurements and comparisons, and the reduced values.

use super::assess::{Assessment, Derived, Relation, Row, RowResult, measured_blocks, theory_curve};
use super::fitting::Fitting;
use super::mapping;
use super::outcome::{CellOutcome, Outcome, Status, TheoryOutcome};
use super::standing::{Contest, Ranked, Standing};
use crate::compare::{Blocks, Reduced};
use crate::error::Result;
use crate::instrument::{Axis, Observable};
use crate::spec::Spec;
use crate::training::Loss;
use serde_json::{Map, Value as Json, json};

/// Arrays longer than this stand in `arrays.npz` instead of the document.
pub const LARGEST_INLINE: usize = 4096;

/// Values of one observable, ready for any output format.
#[derive(Debug, Clone)]
pub struct Values {
    /// What the numbers are: name, label, unit and convention.
    pub observable: &'static Observable,
    /// Grid of the values, outermost axis first; empty for one number.
    pub axes: Vec<Axis>,
    /// Mean over the blocks, row-major over `axes`; not-a-number where a draw does not define the value.
    pub mean: Vec<f64>,
    /// Standard error of `mean`, same layout; `None` with one block.
    pub stderr: Option<Vec<f64>>,
    /// Numerical error bound of a prediction, same layout; `None` for a measurement.
    pub bound: Option<Vec<f64>>,
    /// Number of independent blocks behind `mean`.
    pub n: usize,
    /// `datasets` or `replicas`: whose scatter `stderr` is.
    pub level: &'static str,
}

/// Measured values of a cell, in the order of its observables.
pub fn measured(cell: &CellOutcome) -> Result<Vec<Values>> {
    let mut out = Vec::new();
    for (k, w) in cell.wanted.iter().enumerate() {
        if let Some(blocks) = measured_blocks(cell, k)? {
            out.push(of_blocks(w.observable, &w.axes, &blocks, None));
        }
    }
    Ok(out)
}

/// Predicted values of a theory in a cell. The `stderr` of a theory that conditions on draws is the scatter of its own predictions.
pub fn predicted(cell: &CellOutcome, theory: &TheoryOutcome) -> Result<Vec<Values>> {
    let mut out = Vec::new();
    for (k, w) in cell.wanted.iter().enumerate() {
        if let Some(curve) = theory_curve(cell, theory, k)? {
            let mut values = of_blocks(w.observable, &w.axes, &curve.values, Some(curve.bound));
            values.stderr = curve.stderr.or(values.stderr);
            out.push(values);
        }
    }
    Ok(out)
}

fn of_blocks(
    observable: &'static Observable,
    axes: &[Axis],
    blocks: &Blocks,
    bound: Option<Vec<f64>>,
) -> Values {
    Values {
        observable,
        axes: axes.to_vec(),
        mean: blocks.mean(),
        stderr: blocks.stderr(),
        bound,
        n: blocks.n(),
        level: blocks.level.name(),
    }
}

pub(super) fn numbers(values: &[f64]) -> Json {
    Json::Array(values.iter().map(|v| json!(v)).collect())
}

/// `array` is its name in the file of arrays, where there is one; else the document holds all numbers.
fn observable_json(v: &Values, loss: Option<Loss>, array: Option<&str>) -> Json {
    let o = v.observable;
    let mut out = Map::new();
    out.insert("name".into(), json!(o.name));
    out.insert("label".into(), json!(o.label));
    out.insert("unit".into(), json!(o.unit));
    out.insert("convention".into(), json!(o.stated(loss)));
    out.insert("axes".into(), json!(v.axes));
    if let [axis] = v.axes.as_slice() {
        out.insert("axis".into(), json!(axis.name));
        out.insert("x".into(), numbers(&axis.values));
    }
    let shape: Vec<usize> = match v.axes.is_empty() {
        true => vec![1],
        false => v.axes.iter().map(|a| a.values.len()).collect(),
    };
    out.insert("shape".into(), json!(shape));
    if let Some(array) = array.filter(|_| v.mean.len() > LARGEST_INLINE) {
        out.insert("array".into(), json!(format!("arrays.npz#{array}")));
        out.insert("mean".into(), Json::Null);
        out.insert("stderr".into(), Json::Null);
        out.insert("bound".into(), Json::Null);
    } else {
        out.insert("mean".into(), numbers(&v.mean));
        out.insert(
            "stderr".into(),
            v.stderr.as_ref().map_or(Json::Null, |s| numbers(s)),
        );
        out.insert(
            "bound".into(),
            v.bound.as_ref().map_or(Json::Null, |b| numbers(b)),
        );
    }
    if v.mean.iter().any(|m| !m.is_finite()) {
        out.insert(
            "reason".into(),
            json!(format!(
                "null where the value is undefined in at least one draw: {}",
                o.undefined.unwrap_or("it leaves the finite numbers")
            )),
        );
    }
    out.insert("n".into(), json!(v.n));
    out.insert("level".into(), json!(v.level));
    Json::Object(out)
}

/// Name of an array in `arrays.npz`: `cellN/PART/PART`, a slash within a part written `%2F`.
pub fn array_name(cell: usize, parts: &[&str]) -> String {
    name_below(format!("cell{cell}"), parts)
}

pub(super) fn name_below(mut name: String, parts: &[&str]) -> String {
    for part in parts {
        name.push('/');
        name.push_str(&part.replace('%', "%25").replace('/', "%2F"));
    }
    name
}

/// The whole document; `kind` is `run`, `predict` or `measure`. A run alone writes a file of arrays, and points to it for what is
/// long.
pub fn document(
    kind: &str,
    spec: &Spec,
    outcome: &Outcome,
    assessment: &Assessment,
) -> Result<Json> {
    let cells = outcome
        .cells
        .iter()
        .enumerate()
        .map(|(index, cell)| {
            let loss = spec.cells.get(index).and_then(|c| c.loss());
            cell_json(index, cell, loss, assessment, kind == "run")
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(json!({
        "schema": format!("saddlepoint/1/{kind}"),
        "name": spec.name,
        "title": spec.title,
        "hash": spec.hash,
        "quick": spec.quick,
        "seed": spec.seed,
        "cells": cells,
        "maps": mapping::document::maps(spec, outcome),
        "fits": outcome.fits.iter().map(fit_json).collect::<Vec<_>>(),
        "leagues": assessment.leagues.iter().map(league_json).collect::<Vec<_>>(),
        "derived": assessment.derived.iter().map(derived_json).collect::<Vec<_>>(),
        "relations": assessment.relations.iter().map(|r| relation_json(r, outcome)).collect::<Vec<_>>(),
        "expectations": assessment.expectations.iter().map(|e| json!({
            "label": e.label, "expect": e.expect, "reference": e.against, "met": e.met, "why": e.why,
        })).collect::<Vec<_>>(),
        "warnings": outcome.warnings,
    }))
}

fn set_json(set: &crate::spec::sweep::Settings) -> Json {
    let set: Map<String, Json> = set.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
    Json::Object(set)
}

fn league_json(standing: &Standing) -> Json {
    let ranked = |r: &Ranked| {
        json!({
            "theory": r.label, "deviation": r.deviation, "interval": r.interval, "verdict": r.verdict.name(),
            "behind": r.behind, "conditioning": r.conditioning, "limits": r.limits, "seconds": r.seconds,
        })
    };
    let contest = |c: &Contest| {
        json!({
            "cell": c.cell,
            "at": c.at,
            "nearest": c.best().map(|b| &b.label),
            "leaders": c.leaders().map(|l| &l.label).collect::<Vec<_>>(),
            "ranked": c.ranked.iter().map(ranked).collect::<Vec<_>>(),
            "others": c.others.iter().map(|(label, why)| json!({ "theory": label, "reason": why })).collect::<Vec<_>>(),
        })
    };
    let held = |held: &Option<(String, f64)>| match held {
        Some((key, value)) => json!({ "key": key, "value": value }),
        None => Json::Null,
    };
    json!({
        "label": standing.league.name(),
        "observable": standing.observable.name,
        "over": standing.league.over,
        "along": standing.league.direction(),
        "set": set_json(&standing.set),
        "cells": standing.contests.iter().map(contest).collect::<Vec<_>>(),
        "changes": standing.changes.iter().map(|c| json!({
            "held": held(&c.held), "theories": c.theories, "between": c.between, "told_apart": c.told_apart, "located": c.located,
        })).collect::<Vec<_>>(),
        "boundaries": standing.boundaries.iter().map(|b| json!({
            "theory": b.theory, "held": held(&b.held), "between": b.between,
            "verdicts": b.verdicts.map(|v| v.name()), "located": b.located,
        })).collect::<Vec<_>>(),
        "pairs": standing.pairs.iter().map(|p| json!({
            "theories": p.theories, "held": held(&p.held), "told_apart_at": p.told, "not_at": p.not_told,
        })).collect::<Vec<_>>(),
    })
}

fn fit_json(fitting: &Fitting) -> Json {
    let mut out = json!({
        "label": fitting.label,
        "theory": fitting.theory,
        "observables": fitting.observables,
        "set": set_json(&fitting.set),
        "cells": fitting.cells,
    });
    match &fitting.result {
        Err(reason) => out["reason"] = json!(reason),
        Ok(found) => {
            out["fit"] = json!(found.fit);
            out["points"] = json!({
                "measured": found.measured, "stderr": found.stderr,
                "estimate": found.estimate, "stated": found.stated,
            });
            out["stated_chi2"] = json!(found.stated_chi2);
        }
    }
    out
}

fn cell_json(
    index: usize,
    cell: &CellOutcome,
    loss: Option<Loss>,
    assessment: &Assessment,
    with_arrays: bool,
) -> Result<Json> {
    let theories = cell
        .theories
        .iter()
        .map(|t| theory_json(index, cell, t, loss, with_arrays))
        .collect::<Result<Vec<_>>>()?;
    let measurements: Vec<Json> = measured(cell)?
        .iter()
        .map(|v| {
            let name = || array_name(index, &["measured", v.observable.name, "mean"]);
            observable_json(v, loss, with_arrays.then(name).as_deref())
        })
        .collect();
    let rows: Vec<Json> = assessment
        .rows
        .iter()
        .filter(|r| r.cell == index)
        .map(row_json)
        .collect();
    let set: Map<String, Json> = cell
        .set
        .iter()
        .map(|(k, v)| (k.clone(), json!(v)))
        .collect();
    Ok(json!({
        "set": set,
        "status": if cell.failure.is_some() { "failed" } else { "done" },
        "reason": cell.failure.as_ref().map(|e| e.to_string()),
        "theories": theories,
        "measurements": measurements,
        "comparison": rows,
    }))
}

fn theory_json(
    index: usize,
    cell: &CellOutcome,
    theory: &TheoryOutcome,
    loss: Option<Loss>,
    with_arrays: bool,
) -> Result<Json> {
    let (status, reason) = match &theory.status {
        Status::Predicted => ("predicted", None),
        Status::Declined(reason) => ("declined", Some(reason.clone())),
        Status::Failed(error) => ("failed", Some(error.to_string())),
        Status::Mapped => ("mapped", None),
    };
    let observables: Vec<Json> = predicted(cell, theory)?
        .iter()
        .map(|v| {
            let name = || array_name(index, &[&theory.label, v.observable.name, "mean"]);
            observable_json(v, loss, with_arrays.then(name).as_deref())
        })
        .collect();
    let reports: Vec<_> = theory.predictions.iter().map(|(_, p)| &p.solver).collect();
    let warnings: std::collections::BTreeSet<&String> = theory
        .predictions
        .iter()
        .flat_map(|(_, p)| &p.warnings)
        .collect();
    Ok(json!({
        "theory": theory.label,
        "kind": theory.kind,
        "status": status,
        "reason": reason,
        "conditioning": theory.promise.as_ref().map(|p| p.conditioning.name()),
        "assumptions": theory.assumptions(),
        "limits": theory.promise.as_ref().map(|p| p.limit_texts()).unwrap_or_default(),
        "observables": observables,
        "solver": {
            "methods": reports.iter().map(|r| r.method.clone()).collect::<std::collections::BTreeSet<_>>(),
            "solves": reports.len(),
            "iterations": reports.iter().map(|r| r.iterations).max(),
            "residual": reports.iter().map(|r| r.residual).fold(0.0, f64::max),
        },
        "warnings": warnings,
    }))
}

fn row_json(row: &Row) -> Json {
    let mut out = json!({
        "theory": row.label,
        "observable": row.observable.map(|o| o.name),
        "expect": row.expect,
        "reference": row.against,
        "conditioning": row.conditioning,
    });
    merge(&mut out, result_json(&row.result));
    out
}

fn merge(into: &mut Json, from: Json) {
    if let (Json::Object(into), Json::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn result_json(result: &RowResult) -> Json {
    match result {
        RowResult::Compared {
            comparison,
            worst_at,
        } => {
            let mut out = json!({ "status": "compared" });
            merge(&mut out, json!(**comparison));
            out["worst_at"] = json!(worst_at);
            out
        }
        RowResult::Declined(reason) => json!({ "status": "declined", "reason": reason }),
        RowResult::Failed(reason) => json!({ "status": "failed", "reason": reason }),
        RowResult::Unmeasured(reason) => json!({ "status": "not-compared", "reason": reason }),
    }
}

fn relation_json(r: &Relation, outcome: &Outcome) -> Json {
    let set = r.cell.map(|c| &outcome.cells[c].set);
    let set: Map<String, Json> = set
        .into_iter()
        .flatten()
        .map(|(k, v)| (k.clone(), json!(v)))
        .collect();
    let mut out = json!({
        "label": r.label,
        "kind": r.relate.kind,
        "x": r.relate.x,
        "y": r.relate.y,
        "over": r.relate.over,
        "keys": r.relate.relation.resolved(),
        "cell": r.cell,
        "set": set,
    });
    let found = match &r.related {
        Ok(related) => json!(related),
        Err(reason) => json!({ "reason": reason }),
    };
    merge(&mut out, found);
    out
}

fn derived_json(d: &Derived) -> Json {
    let set: Map<String, Json> = d.set.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
    let reduced = |r: &Reduced| {
        json!({
            "estimate": numbers(&r.estimate),
            "stderr": r.stderr.as_ref().map(|s| numbers(s)),
            "interval": r.interval,
            "bound": r.bound.as_ref().map(|b| numbers(b)),
            "theory_stderr": r.theory_stderr.as_ref().map(|s| numbers(s)),
            "residual": r.residual.as_ref().map(|s| numbers(s)),
            "spread": r.spread,
            "lack_of_fit": r.lack_of_fit,
            "n": r.n,
            "notes": r.notes,
        })
    };
    json!({
        "label": d.label,
        "kind": d.reduce.kind,
        "part": d.part.name,
        "of": d.reduce.of,
        "key": d.reduce.key,
        "abscissa": d.reduce.abscissa.text(&d.reduce.key),
        "x": d.x,
        "observable": d.observable.name,
        "axes": d.axes,
        "set": set,
        "measured": match &d.measured {
            Ok(r) => reduced(r),
            Err(reason) => json!({ "reason": reason }),
        },
        "theories": d.theories.iter().map(|t| {
            let value = match &t.reduced {
                Ok(r) => reduced(r),
                Err(reason) => json!({ "reason": reason }),
            };
            let mut out = json!({ "theory": t.label, "expect": t.expect, "reference": t.against, "reduced": value });
            merge(&mut out, result_json(&t.row));
            out
        }).collect::<Vec<_>>(),
    })
}
