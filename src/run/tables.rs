//! CSV tables of a run: no times in them, so that equal results are equal bytes.

use super::assess::{Assessment, RowResult};
use super::document::{Values, measured, predicted};
use super::mapping;
use super::outcome::Outcome;
use super::ranked;
use crate::compare::Reduced;
use crate::error::{Error, Result};
use crate::instrument::observable::names;
use crate::spec::Spec;
use crate::spec::sweep::named;
use std::collections::BTreeMap;

/// File name and bytes of every table.
pub fn tables(
    spec: &Spec,
    outcome: &Outcome,
    assessment: &Assessment,
) -> Result<Vec<(String, Vec<u8>)>> {
    let mut out = vec![("league.csv".to_string(), league(outcome, assessment)?)];
    if !assessment.derived.is_empty() {
        out.push(("derived.csv".into(), derived(spec, assessment)?));
    }
    if !assessment.relations.is_empty() {
        out.push(("relations.csv".into(), relations(outcome, assessment)?));
    }
    if !outcome.fits.is_empty() {
        out.push(("fits.csv".into(), ranked::fits(outcome)?));
    }
    if !assessment.leagues.is_empty() {
        let table = ranked::standings(&assessment.leagues)?;
        out.push(("nearest.csv".into(), table));
    }
    let mut observables: BTreeMap<&'static str, Vec<(usize, String, Values)>> = BTreeMap::new();
    for (index, cell) in outcome.cells.iter().enumerate() {
        for v in measured(cell)? {
            observables.entry(v.observable.name).or_default().push((
                index,
                spec.source_of(v.observable).into(),
                v,
            ));
        }
        for theory in &cell.theories {
            for v in predicted(cell, theory)? {
                observables.entry(v.observable.name).or_default().push((
                    index,
                    theory.label.clone(),
                    v,
                ));
            }
        }
    }
    for (name, entries) in observables {
        out.push((format!("{name}.csv"), values(outcome, &entries)?));
    }
    out.extend(mapping::document::tables(spec, outcome)?);
    Ok(out)
}

fn failed(e: impl std::fmt::Display) -> Error {
    Error::bug("csv", e.to_string())
}

fn finish(writer: csv::Writer<Vec<u8>>) -> Result<Vec<u8>> {
    writer.into_inner().map_err(failed)
}

fn number(x: f64) -> String {
    match x.is_finite() {
        true => format!("{x}"),
        false => String::new(),
    }
}

fn keys(outcome: &Outcome) -> Vec<String> {
    outcome
        .cells
        .first()
        .map(|c| c.set.iter().map(|(k, _)| k.clone()).collect())
        .unwrap_or_default()
}

fn setting(outcome: &Outcome, cell: usize) -> Vec<String> {
    outcome.cells[cell]
        .set
        .iter()
        .map(|(_, v)| v.to_string())
        .collect()
}

fn values(outcome: &Outcome, entries: &[(usize, String, Values)]) -> Result<Vec<u8>> {
    let mut w = csv::Writer::from_writer(Vec::new());
    let axes = entries
        .first()
        .map(|(_, _, v)| v.axes.clone())
        .unwrap_or_default();
    let mut header = vec!["cell".to_string()];
    header.extend(keys(outcome));
    header.push("source".into());
    header.extend(names(&axes));
    header.extend(["mean", "stderr", "bound", "n", "level"].map(String::from));
    w.write_record(&header).map_err(failed)?;
    for (cell, source, v) in entries {
        for k in 0..v.mean.len() {
            let mut row = vec![cell.to_string()];
            row.extend(setting(outcome, *cell));
            row.push(source.clone());
            let mut rest = k;
            let mut at: Vec<String> = v
                .axes
                .iter()
                .rev()
                .map(|a| {
                    let n = a.values.len().max(1);
                    let x = a.values.get(rest % n).copied().unwrap_or(f64::NAN);
                    rest /= n;
                    number(x)
                })
                .collect();
            at.reverse();
            row.extend(at);
            row.push(number(v.mean[k]));
            row.push(v.stderr.as_ref().map_or(String::new(), |s| number(s[k])));
            row.push(v.bound.as_ref().map_or(String::new(), |b| number(b[k])));
            row.push(v.n.to_string());
            row.push(v.level.into());
            w.write_record(&row).map_err(failed)?;
        }
    }
    finish(w)
}

const RESULT: [&str; 13] = [
    "status",
    "deviation",
    "lower",
    "upper",
    "bound",
    "metric",
    "tolerance",
    "p",
    "worst_at",
    "worst_z",
    "verdict",
    "n",
    "reason",
];

fn result(row: &RowResult) -> Vec<String> {
    let reason = |status: &str, text: &str| {
        let mut out = vec![status.to_string()];
        out.extend(std::iter::repeat_n(String::new(), RESULT.len() - 2));
        out.push(text.to_string());
        out
    };
    match row {
        RowResult::Compared {
            comparison: c,
            worst_at,
        } => vec![
            "compared".into(),
            number(c.deviation),
            c.interval.map_or(String::new(), |i| number(i[0])),
            c.interval.map_or(String::new(), |i| number(i[1])),
            number(c.bound),
            c.tolerance.metric().into(),
            number(c.tolerance.value()),
            c.p.map_or(String::new(), number),
            worst_at.clone(),
            c.worst.and_then(|w| w.z).map_or(String::new(), number),
            c.verdict.name().into(),
            c.n.to_string(),
            c.notes.join("; "),
        ],
        RowResult::Declined(text) => reason("declined", text),
        RowResult::Failed(text) => reason("failed", text),
        RowResult::Unmeasured(text) => reason("not-compared", text),
    }
}

/// What a row is compared with: a theory's label, or the measurement.
fn beside(against: &Option<String>) -> &str {
    against.as_deref().unwrap_or("measured")
}

fn league(outcome: &Outcome, assessment: &Assessment) -> Result<Vec<u8>> {
    let mut w = csv::Writer::from_writer(Vec::new());
    let mut header = vec!["cell".to_string()];
    header.extend(keys(outcome));
    header.extend(["theory", "observable", "conditioning", "against"].map(String::from));
    header.extend(RESULT.map(String::from));
    w.write_record(&header).map_err(failed)?;
    for r in &assessment.rows {
        let mut row = vec![r.cell.to_string()];
        row.extend(setting(outcome, r.cell));
        row.push(r.label.clone());
        row.push(r.observable.map_or(String::new(), |o| o.name.into()));
        row.push(r.conditioning.unwrap_or("").into());
        row.push(beside(&r.against).into());
        row.extend(result(&r.result));
        w.write_record(&row).map_err(failed)?;
    }
    finish(w)
}

fn derived(spec: &Spec, assessment: &Assessment) -> Result<Vec<u8>> {
    let mut w = csv::Writer::from_writer(Vec::new());
    let mut header = ["reduction", "held", "point", "source", "value", "stderr"]
        .map(String::from)
        .to_vec();
    header.extend(RESULT.map(String::from));
    header.extend(["spread", "value_bound", "against"].map(String::from));
    w.write_record(&header).map_err(failed)?;
    for d in &assessment.derived {
        let spread = |r: &Reduced| r.spread.map_or(String::new(), number);
        let at = |v: &Option<Vec<f64>>, k: usize| v.as_ref().map(|v| number(v[k]));
        let held: Vec<String> = d
            .set
            .iter()
            .map(|(k, v)| format!("{k}={}", named(v)))
            .collect();
        let source = spec.source_of(d.observable);
        let start = |k: usize, from: &str| {
            vec![
                d.label.clone(),
                held.join(" "),
                super::assess::point_text(&d.axes, k),
                from.to_string(),
            ]
        };
        match &d.measured {
            Ok(m) => {
                for k in 0..m.estimate.len() {
                    let mut row = start(k, source);
                    row.push(number(m.estimate[k]));
                    row.push(m.stderr.as_ref().map_or(String::new(), |s| number(s[k])));
                    row.extend(std::iter::repeat_n(String::new(), RESULT.len()));
                    row.push(spread(m));
                    row.push(at(&m.bound, k).unwrap_or_default());
                    row.push(String::new());
                    w.write_record(&row).map_err(failed)?;
                }
            }
            Err(reason) => {
                let mut row = start(0, source);
                row.extend([String::new(), String::new()]);
                row.extend(result(&RowResult::Unmeasured(reason.clone())));
                row.extend([String::new(), String::new(), String::new()]);
                w.write_record(&row).map_err(failed)?;
            }
        }
        for t in &d.theories {
            let reduced = match &t.reduced {
                Ok(reduced) => reduced,
                Err(_) => {
                    let mut row = start(0, &t.label);
                    row.extend([String::new(), String::new()]);
                    row.extend(result(&t.row));
                    row.extend([String::new(), String::new(), beside(&t.against).into()]);
                    w.write_record(&row).map_err(failed)?;
                    continue;
                }
            };
            for k in 0..reduced.estimate.len() {
                let mut row = start(k, &t.label);
                row.push(number(reduced.estimate[k]));
                // As for values: the error of a Monte Carlo theory, else the scatter of its predictions.
                row.push(
                    at(&reduced.theory_stderr, k)
                        .unwrap_or_else(|| at(&reduced.stderr, k).unwrap_or_default()),
                );
                match k {
                    0 => row.extend(result(&t.row)),
                    _ => row.extend(std::iter::repeat_n(String::new(), RESULT.len())),
                }
                row.push(spread(reduced));
                row.push(at(&reduced.bound, k).unwrap_or_default());
                row.push(beside(&t.against).into());
                w.write_record(&row).map_err(failed)?;
            }
        }
    }
    finish(w)
}

fn relations(outcome: &Outcome, assessment: &Assessment) -> Result<Vec<u8>> {
    let mut w = csv::Writer::from_writer(Vec::new());
    let mut header = vec!["relation".to_string(), "kind".into(), "cell".into()];
    header.extend(keys(outcome));
    let columns = [
        "x", "y", "value", "stderr", "n", "level", "chance", "lower", "upper", "p", "pairs",
        "reason",
    ];
    header.extend(columns.map(String::from));
    w.write_record(&header).map_err(failed)?;
    for r in &assessment.relations {
        let cell = r.cell.map_or(String::new(), |c| c.to_string());
        let mut row = vec![r.label.clone(), r.relate.kind.into(), cell];
        match r.cell {
            Some(cell) => row.extend(setting(outcome, cell)),
            None => row.extend(keys(outcome).iter().map(|_| String::new())),
        }
        row.extend([r.relate.x.to_string(), r.relate.y.to_string()]);
        match &r.related {
            Ok(v) => row.extend([
                number(v.value),
                v.stderr.map_or(String::new(), number),
                v.n.to_string(),
                v.level.into(),
                number(v.chance),
                number(v.chance_interval[0]),
                number(v.chance_interval[1]),
                number(v.p),
                v.pairs.to_string(),
                v.notes.join("; "),
            ]),
            Err(reason) => {
                row.extend(std::iter::repeat_n(String::new(), columns.len() - 3));
                row.push(reason.clone());
            }
        }
        w.write_record(&row).map_err(failed)?;
    }
    finish(w)
}
