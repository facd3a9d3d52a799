//! From values to verdicts: every theory against every measured observable, reductions across cells, expectations.

use super::outcome::{CellOutcome, Outcome, Status, TheoryOutcome};
use crate::compare::{
    Blocks, Comparison, Reduced, Reduction, TheoryCurve, Verdict, compare, reduce,
};
use crate::error::{Error, Result};
use crate::experiment::DrawIndex;
use crate::instrument::{Axis, Observable};
use crate::spec::{Abscissa, Expect, Reduce, ReduceKind, Spec};

/// The league of a run.
#[derive(Debug, Clone)]
pub struct Assessment {
    pub rows: Vec<Row>,
    pub derived: Vec<Derived>,
    pub expectations: Vec<Expectation>,
}

/// One theory entry and one observable in one cell.
#[derive(Debug, Clone)]
pub struct Row {
    pub cell: usize,
    pub label: String,
    pub kind: &'static str,
    /// `None` for an entry that gave nothing at all in this cell.
    pub observable: Option<&'static Observable>,
    pub result: RowResult,
    pub expect: Option<Expect>,
    pub conditioning: Option<&'static str>,
    /// Time spent solving when the records were made.
    pub seconds: f64,
}

/// What stands in a row.
#[derive(Debug, Clone)]
pub enum RowResult {
    Compared {
        comparison: Box<Comparison>,
        worst_at: String,
    },
    Declined(String),
    Failed(String),
    /// A number without a measurement beside it.
    Unmeasured(String),
}

impl RowResult {
    pub fn verdict(&self) -> Option<Verdict> {
        match self {
            RowResult::Compared { comparison, .. } => Some(comparison.verdict),
            _ => None,
        }
    }
}

/// A stated expectation and whether it is met.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    pub label: String,
    pub expect: Expect,
    pub met: bool,
    pub why: String,
}

/// One reduction for one group of cells.
#[derive(Debug, Clone)]
pub struct Derived {
    pub label: String,
    pub reduce: Reduce,
    pub observable: &'static Observable,
    pub axes: Vec<Axis>,
    /// Swept keys that are held fixed, and the cells of the group.
    pub set: crate::spec::sweep::Settings,
    pub cells: Vec<usize>,
    /// Abscissas of the cells.
    pub x: Vec<f64>,
    pub measured: std::result::Result<Reduced, String>,
    pub theories: Vec<DerivedTheory>,
}

/// A theory's reduced values and their comparison.
#[derive(Debug, Clone)]
pub struct DerivedTheory {
    pub label: String,
    pub reduced: Reduced,
    pub row: RowResult,
    pub expect: Option<Expect>,
}

/// Compares everything that was computed.
pub fn assess(spec: &Spec, outcome: &Outcome) -> Result<Assessment> {
    let mut rows = Vec::new();
    for (index, cell) in outcome.cells.iter().enumerate() {
        for theory in &cell.theories {
            rows.extend(theory_rows(spec, index, cell, theory)?);
        }
    }
    let derived = spec
        .reduce
        .iter()
        .map(|r| reductions(spec, outcome, r))
        .collect::<Result<Vec<_>>>()?
        .concat();
    let expectations = expectations(spec, &rows, &derived);
    Ok(Assessment {
        rows,
        derived,
        expectations,
    })
}

/// Measured blocks of one observable in one cell.
pub fn measured_blocks(cell: &CellOutcome, wanted: usize) -> Result<Option<Blocks>> {
    let Some(m) = &cell.measurement else {
        return Ok(None);
    };
    let draws: Vec<(DrawIndex, Vec<f64>)> = m
        .draws
        .iter()
        .zip(&m.values)
        .map(|(d, v)| (*d, v[wanted].clone()))
        .collect();
    Blocks::from_draws(&draws).map(Some)
}

/// A theory's curve, paired with the measured draws of its cell (or with its own draws where nothing was measured).
pub fn theory_curve(
    cell: &CellOutcome,
    theory: &TheoryOutcome,
    wanted: usize,
) -> Result<Option<TheoryCurve>> {
    let own = || {
        theory
            .predictions
            .iter()
            .filter_map(|(d, _)| *d)
            .collect::<Vec<_>>()
    };
    let draws = match &cell.measurement {
        Some(m) if theory.predictions.first().is_some_and(|(d, _)| d.is_some()) => m.draws.clone(),
        _ => own(),
    };
    let parts: Vec<_> = match draws.is_empty() {
        true => theory
            .predictions
            .iter()
            .filter_map(|(_, p)| p.observables.iter().find(|o| o.wanted == wanted))
            .collect(),
        false => draws
            .iter()
            .filter_map(|d| theory.predicted(wanted, *d))
            .collect(),
    };
    let Some(first) = parts.first() else {
        return Ok(None);
    };
    let values = match draws.is_empty() {
        true => Blocks::fixed(&first.mean),
        false => {
            let rows: Vec<(DrawIndex, Vec<f64>)> = draws
                .iter()
                .zip(&parts)
                .map(|(d, p)| (*d, p.mean.clone()))
                .collect();
            Blocks::from_draws(&rows)?
        }
    };
    let mut bound = first.bound.clone();
    for part in &parts {
        for (b, other) in bound.iter_mut().zip(&part.bound) {
            *b = b.max(*other);
        }
    }
    Ok(Some(TheoryCurve {
        values,
        bound,
        stderr: first.stderr.clone(),
        averages_over: theory
            .promise
            .as_ref()
            .map(|p| p.averages_over.clone())
            .unwrap_or_default(),
    }))
}

fn theory_rows(
    spec: &Spec,
    index: usize,
    cell: &CellOutcome,
    theory: &TheoryOutcome,
) -> Result<Vec<Row>> {
    let row = |observable, result| Row {
        cell: index,
        label: theory.label.clone(),
        kind: theory.kind,
        observable,
        result,
        expect: theory.expect,
        conditioning: theory.promise.as_ref().map(|p| p.conditioning.name()),
        seconds: theory.seconds,
    };
    match &theory.status {
        Status::Declined(reason) => {
            return Ok(vec![row(None, RowResult::Declined(reason.clone()))]);
        }
        Status::Failed(error) => return Ok(vec![row(None, RowResult::Failed(error.to_string()))]),
        Status::Predicted => {}
    }
    let mut rows = Vec::new();
    for (wanted, w) in cell.wanted.iter().enumerate() {
        let Some(curve) = theory_curve(cell, theory, wanted)? else {
            continue;
        };
        let result = match (measured_blocks(cell, wanted)?, &cell.failure) {
            (Some(measured), _) => against(
                &measured,
                &curve,
                spec.compare.of(w.observable.name),
                spec.seed,
                &w.axes,
            )?,
            (None, Some(_)) => RowResult::Unmeasured("the cell's training failed".into()),
            (None, None) => RowResult::Unmeasured("no networks were trained".into()),
        };
        rows.push(row(Some(w.observable), result));
    }
    Ok(rows)
}

/// Comparison as a row; an undefined comparison is a row with its reason, not an error of the run.
fn against(
    measured: &Blocks,
    curve: &TheoryCurve,
    tolerance: crate::compare::Tolerance,
    seed: u64,
    axes: &[Axis],
) -> Result<RowResult> {
    match compare(measured, curve, tolerance, seed) {
        Ok(comparison) => Ok(RowResult::Compared {
            worst_at: comparison
                .worst
                .map(|w| point_text(axes, w.index))
                .unwrap_or_default(),
            comparison: Box::new(comparison),
        }),
        Err(Error::Input { cause, remedy, .. }) => {
            Ok(RowResult::Unmeasured(format!("{cause}; {remedy}")))
        }
        Err(e) => Err(e),
    }
}

/// `mode=2 time=1.5` for a row-major index.
pub fn point_text(axes: &[Axis], index: usize) -> String {
    let mut rest = index;
    let mut parts = Vec::new();
    for axis in axes.iter().rev() {
        let n = axis.values.len().max(1);
        let value = axis.values.get(rest % n).copied().unwrap_or(f64::NAN);
        parts.push(format!("{}={}", axis.name, short(value)));
        rest /= n;
    }
    parts.reverse();
    parts.join(" ")
}

/// Four significant digits, without trailing zeros.
pub fn short(x: f64) -> String {
    if x == 0.0 {
        return "0".into();
    }
    let magnitude = x.abs().log10().floor();
    if !x.is_finite() {
        return x.to_string();
    }
    if !(-3.0..5.0).contains(&magnitude) {
        return format!("{x:.2e}");
    }
    let digits = (3.0 - magnitude).max(0.0) as usize;
    let text = format!("{x:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

fn reductions(spec: &Spec, outcome: &Outcome, r: &Reduce) -> Result<Vec<Derived>> {
    let mut groups: Vec<(crate::spec::sweep::Settings, Vec<usize>)> = Vec::new();
    for (index, cell) in outcome.cells.iter().enumerate() {
        let rest: Vec<_> = cell
            .set
            .iter()
            .filter(|(k, _)| *k != r.key)
            .cloned()
            .collect();
        match groups.iter_mut().find(|(s, _)| *s == rest) {
            Some((_, cells)) => cells.push(index),
            None => groups.push((rest, vec![index])),
        }
    }
    groups
        .into_iter()
        .map(|(set, cells)| derive(spec, outcome, r, set, cells))
        .collect()
}

fn derive(
    spec: &Spec,
    outcome: &Outcome,
    r: &Reduce,
    set: crate::spec::sweep::Settings,
    cells: Vec<usize>,
) -> Result<Derived> {
    let place = format!("reduce over {}", r.key);
    let x = cells
        .iter()
        .map(|&c| coordinate(&outcome.cells[c], &r.key, r.abscissa))
        .collect::<Option<Vec<f64>>>()
        .ok_or_else(|| {
            Error::input(
                &place,
                "the swept values are not numbers",
                "reduce over a numeric key",
            )
        })?;
    let first = &outcome.cells[cells[0]];
    let wanted = first
        .wanted
        .iter()
        .position(|w| w.observable.name == r.observable)
        .ok_or_else(|| Error::bug(&place, "the observable is not measured"))?;
    let (observable, axes) = (
        first.wanted[wanted].observable,
        first.wanted[wanted].axes.clone(),
    );
    let kind = match r.kind {
        ReduceKind::Extrapolate => Reduction::Extrapolation { curvature: false },
        ReduceKind::Slope => Reduction::Slope,
    };
    let same_grid = cells
        .iter()
        .all(|&c| close(&outcome.cells[c].wanted[wanted].axes, &axes));
    let reduced = |blocks: Vec<Option<Blocks>>| -> std::result::Result<Reduced, String> {
        if !same_grid {
            return Err(format!(
                "the grid of {} differs between cells (choose points that fall on common times)",
                r.observable
            ));
        }
        let parts = x
            .iter()
            .zip(blocks)
            .map(|(&x, blocks)| blocks.map(|blocks| crate::compare::Cell { x, blocks }))
            .collect::<Option<Vec<_>>>()
            .ok_or("a cell has no value")?;
        reduce(&parts, kind).map_err(|e| e.to_string())
    };
    let blocks = cells
        .iter()
        .map(|&c| measured_blocks(&outcome.cells[c], wanted))
        .collect::<Result<Vec<_>>>()?;
    let measured = reduced(blocks);
    let mut theories = Vec::new();
    for (t, entry) in first.theories.iter().enumerate() {
        let curves = cells
            .iter()
            .map(|&c| theory_curve(&outcome.cells[c], &outcome.cells[c].theories[t], wanted))
            .collect::<Result<Vec<_>>>()?;
        let averages_over = entry
            .promise
            .as_ref()
            .map(|p| p.averages_over.clone())
            .unwrap_or_default();
        let Ok(prediction) = reduced(curves.into_iter().map(|c| c.map(|c| c.values)).collect())
        else {
            continue;
        };
        let curve = TheoryCurve {
            values: prediction.blocks.clone(),
            bound: vec![0.0; prediction.estimate.len()],
            stderr: None,
            averages_over,
        };
        let row = match &measured {
            Ok(m) => against(
                &m.blocks,
                &curve,
                r.tolerance
                    .map_or_else(|| spec.compare.of(observable.name), Into::into),
                spec.seed,
                &axes,
            )?,
            Err(reason) => RowResult::Unmeasured(reason.clone()),
        };
        theories.push(DerivedTheory {
            label: entry.label.clone(),
            reduced: prediction,
            row,
            expect: r.expect.get(&entry.label).copied().filter(|_| !spec.quick),
        });
    }
    Ok(Derived {
        label: r.label.clone().unwrap_or_else(|| {
            let what = match r.kind {
                ReduceKind::Extrapolate => "limit of",
                ReduceKind::Slope => "slope of",
            };
            format!("{what} {} in {}", r.observable, r.abscissa.text(&r.key))
        }),
        reduce: r.clone(),
        observable,
        axes,
        set,
        cells,
        x,
        measured,
        theories,
    })
}

/// Abscissa of a cell on the axis of a swept key; a list of equal numbers counts as the number (`learner.widths = [64]`).
pub fn coordinate(cell: &CellOutcome, key: &str, abscissa: Abscissa) -> Option<f64> {
    fn number(v: &toml::Value) -> Option<f64> {
        match v {
            toml::Value::Integer(i) => Some(*i as f64),
            toml::Value::Float(f) => Some(*f),
            toml::Value::Array(items) => {
                let first = number(items.first()?)?;
                items
                    .iter()
                    .all(|i| number(i) == Some(first))
                    .then_some(first)
            }
            _ => None,
        }
    }
    let (_, value) = cell.set.iter().find(|(k, _)| k == key)?;
    match (abscissa, value) {
        (Abscissa::Depth, toml::Value::Array(items)) => Some(items.len() as f64 + 1.0),
        (Abscissa::Depth, _) => None,
        _ => number(value).map(|k| abscissa.of(k)),
    }
}

fn close(a: &[Axis], b: &[Axis]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            let scale = a.values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            a.name == b.name
                && a.values.len() == b.values.len()
                && a.values
                    .iter()
                    .zip(&b.values)
                    .all(|(x, y)| (x - y).abs() <= 1e-9 * scale)
        })
}

fn expectations(spec: &Spec, rows: &[Row], derived: &[Derived]) -> Vec<Expectation> {
    let mut out = Vec::new();
    let Some(cell) = spec.cells.first() else {
        return out;
    };
    for entry in &cell.theories {
        let Some(expect) = entry.expect else { continue };
        let mine: Vec<&Row> = rows.iter().filter(|r| r.label == entry.label).collect();
        let verdicts: Vec<Option<Verdict>> = mine.iter().map(|r| r.result.verdict()).collect();
        let (met, why) = match expect {
            Expect::Agree => {
                let miss = mine
                    .iter()
                    .find(|r| r.result.verdict() != Some(Verdict::Agree));
                match miss {
                    _ if mine.is_empty() => (false, "nothing was compared".to_string()),
                    Some(r) => (false, row_text(r)),
                    None => (true, format!("{} comparisons agree", mine.len())),
                }
            }
            Expect::Disagree => {
                let lacking = (0..spec.cells.len()).find(|c| {
                    !mine
                        .iter()
                        .any(|r| r.cell == *c && r.result.verdict() == Some(Verdict::Disagree))
                });
                match lacking {
                    Some(c) => (false, format!("cell {c}: no comparison disagrees")),
                    None => (
                        true,
                        format!(
                            "{} of {} comparisons disagree",
                            verdicts
                                .iter()
                                .filter(|v| **v == Some(Verdict::Disagree))
                                .count(),
                            verdicts.len()
                        ),
                    ),
                }
            }
        };
        out.push(Expectation {
            label: entry.label.clone(),
            expect,
            met,
            why,
        });
    }
    for d in derived {
        for t in &d.theories {
            let Some(expect) = t.expect else { continue };
            let met = matches!(
                (expect, t.row.verdict()),
                (Expect::Agree, Some(Verdict::Agree)) | (Expect::Disagree, Some(Verdict::Disagree))
            );
            let verdict = t.row.verdict().map_or("not compared", |v| v.name());
            out.push(Expectation {
                label: format!("{}: {}", t.label, d.label),
                expect,
                met,
                why: verdict.into(),
            });
        }
    }
    out
}

fn row_text(r: &Row) -> String {
    let what = match &r.result {
        RowResult::Compared { comparison, .. } => comparison.verdict.name().to_string(),
        RowResult::Declined(why) => format!("declined: {why}"),
        RowResult::Failed(why) => format!("failed: {why}"),
        RowResult::Unmeasured(why) => why.clone(),
    };
    format!(
        "cell {}, {}: {what}",
        r.cell,
        r.observable.map_or("-", |o| o.name)
    )
}

/// Exit code of a finished run: 4 failed cells, 3 no theory gave a number (or one with an expectation failed), 1 an expectation is
/// not met, else 0.
pub fn exit_code(spec: &Spec, outcome: &Outcome, assessment: &Assessment) -> u8 {
    if outcome.cells.iter().any(|c| c.failure.is_some()) {
        return 4;
    }
    let theories: Vec<&TheoryOutcome> = outcome.cells.iter().flat_map(|c| &c.theories).collect();
    let solved = theories
        .iter()
        .any(|t| matches!(t.status, Status::Predicted));
    let expected_failed = theories
        .iter()
        .any(|t| t.expect.is_some() && matches!(t.status, Status::Failed(_)));
    if (!theories.is_empty() && !solved) || expected_failed {
        return 3;
    }
    let compared = spec.cells.iter().any(|c| c.experiment.learner.is_some())
        && outcome.cells.iter().any(|c| c.measurement.is_some());
    match compared && assessment.expectations.iter().any(|e| !e.met) {
        true => 1,
        false => 0,
    }
}
