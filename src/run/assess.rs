//! From values to verdicts: every theory against every measured observable, reductions across cells, expectations.

use super::expect::expectations;
use super::outcome::{CellOutcome, Outcome, Status, TheoryOutcome};
use super::reduction::reductions;
use crate::compare::reductions::Part;
use crate::compare::{
    Blocks, Comparison, Reduced, Sampling, TestSet, TheoryCurve, Verdict, compare,
};
use crate::error::{Error, Result};
use crate::experiment::{DrawIndex, Promise};
use crate::instrument::{Axis, Observable};
use crate::spec::{Cell, Expect, Reduce, Spec};
use crate::task::HeldOut;
use crate::theory::Answer;
use nalgebra::DMatrix;

/// The league of a run.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// Cell by cell, in the order of the `[[theory]]` entries.
    pub rows: Vec<Row>,
    /// In the order of the `[[reduce]]` entries, one per group of cells.
    pub derived: Vec<Derived>,
    /// Those of the theory entries, then those of the reductions; empty for a quick run.
    pub expectations: Vec<Expectation>,
}

/// One theory entry and one observable in one cell.
#[derive(Debug, Clone)]
pub struct Row {
    /// Position of the cell in the sweep, from 0.
    pub cell: usize,
    /// Label of the `[[theory]]` entry.
    pub label: String,
    /// Kind of the theory, as in `saddlepoint list`.
    pub kind: &'static str,
    /// `None` for an entry that gave nothing at all in this cell.
    pub observable: Option<&'static Observable>,
    /// The comparison, or why there is none.
    pub result: RowResult,
    /// The verdict that the spec states for the entry.
    pub expect: Option<Expect>,
    /// `none`, `data`, `initial` or `trained`: what the theory is given of each draw; `None` when it declined.
    pub conditioning: Option<&'static str>,
    /// Time spent solving when the records were made.
    pub seconds: f64,
}

/// What stands in a row.
#[derive(Debug, Clone)]
pub enum RowResult {
    /// Theory and measurement stand side by side.
    Compared {
        /// Deviation, interval, p-value and verdict.
        comparison: Box<Comparison>,
        /// Coordinates of the worst point, such as `mode=2 time=1.5`; empty for a scalar.
        worst_at: String,
    },
    /// The theory does not apply; the reason.
    Declined(String),
    /// The solver did not converge or diverged; its error.
    Failed(String),
    /// A number without a measurement beside it.
    Unmeasured(String),
}

impl RowResult {
    /// Verdict of the comparison; `None` when there was none.
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
    /// Label of the theory entry; for a reduction `ENTRY: REDUCTION`.
    pub label: String,
    /// What the spec states.
    pub expect: Expect,
    /// Whether the verdicts are those stated.
    pub met: bool,
    /// The first verdict or failure that misses it, or how many comparisons meet it.
    pub why: String,
}

/// One reduction for one group of cells.
#[derive(Debug, Clone)]
pub struct Derived {
    /// Label of the `[[reduce]]` entry; default: what it does, such as `slope of loss in learner.widths`.
    pub label: String,
    /// The entry of the spec.
    pub reduce: Reduce,
    /// Which of its numbers.
    pub part: Part,
    /// Label of the theory whose deviation is reduced; `None` for values and scatter.
    pub theory: Option<String>,
    /// The observable that is reduced.
    pub observable: &'static Observable,
    /// Axes of the result.
    pub axes: Vec<Axis>,
    /// Swept keys that are held fixed, and the cells of the group.
    pub set: crate::spec::sweep::Settings,
    /// Positions of the cells in the sweep, from 0.
    pub cells: Vec<usize>,
    /// Abscissas of the cells.
    pub x: Vec<f64>,
    /// Limit or slope of the measurement at every point of the grid, or why there is none.
    pub measured: std::result::Result<Reduced, String>,
    /// The theories that predict the observable, also those without a reduced value.
    pub theories: Vec<DerivedTheory>,
}

/// A theory's reduced values and their comparison.
#[derive(Debug, Clone)]
pub struct DerivedTheory {
    /// Label of the `[[theory]]` entry.
    pub label: String,
    /// Limit or slope of the predictions at every point of the result (of a deviation: what the theory's limit says of it), or why there is none.
    pub reduced: std::result::Result<Reduced, String>,
    /// Comparison of the reduced values, or why there is none.
    pub row: RowResult,
    /// The verdict that `[[reduce]]` states for the entry; `None` in a quick run.
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
    let Some(m) = cell.measurement.as_ref().filter(|_| wanted < cell.measured) else {
        return Ok(None);
    };
    m.blocks(wanted).map(Some)
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
            .filter_map(|(_, p)| p.answers.iter().find(|o| o.asked == wanted))
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
            let row = |d: &DrawIndex| Some((*d, theory.predicted(wanted, *d)?.mean.clone()));
            Blocks::from_draws(&draws.iter().filter_map(row).collect::<Vec<_>>())?
        }
    };
    let mut bound = first.bound.clone();
    for part in &parts {
        for (b, other) in bound.iter_mut().zip(&part.bound) {
            *b = b.max(*other);
        }
    }
    Ok(Some(TheoryCurve {
        test_set: TestSet::Drawn,
        values,
        bound,
        stderr: statistical(&parts),
        repeats: repeats(&parts),
        averages_over: theory
            .promise
            .as_ref()
            .map(|p| p.averages_over.clone())
            .unwrap_or_default(),
    }))
}

/// Repeats of a Monte Carlo theory, averaged over its solves.
fn repeats(parts: &[&Answer]) -> Option<DMatrix<f64>> {
    let all: Option<Vec<&Vec<Vec<f64>>>> = parts.iter().map(|a| a.repeats.as_ref()).collect();
    let all = all.filter(|a| !a.is_empty() && a.iter().all(|r| r.len() == a[0].len()))?;
    let (rows, points) = (all[0].len(), all[0][0].len());
    let mean = |r: usize, k: usize| {
        all.iter().map(|repeats| repeats[r][k]).sum::<f64>() / all.len() as f64
    };
    Some(DMatrix::from_fn(rows, points, mean))
}

/// Standard error of the mean over the solves of a Monte Carlo theory, whose noises are independent.
fn statistical(parts: &[&Answer]) -> Option<Vec<f64>> {
    let errors: Option<Vec<Vec<f64>>> = parts.iter().map(|a| a.stderr()).collect();
    let errors = errors.filter(|e| !e.is_empty())?;
    let n = errors.len() as f64;
    let mean = |k: usize| errors.iter().map(|e| e[k] * e[k]).sum::<f64>().sqrt() / n;
    Some((0..errors[0].len()).map(mean).collect())
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
        let Some(mut curve) = theory_curve(cell, theory, wanted)? else {
            continue;
        };
        let result = match (measured_blocks(cell, wanted)?, &cell.failure) {
            (Some(measured), _) => {
                let promise = theory.promise.as_ref();
                curve.test_set = test_set(&spec.cells[index], cell, promise, wanted)?;
                let name = w.observable.name;
                let tolerance = spec.compare.of(name);
                let vanishing = spec.compare.vanishing(w.observable);
                against(
                    &measured,
                    &curve,
                    tolerance.or_absolute(vanishing, &measured, curve.is_zero()),
                    &format!("compare.tolerances.{name} = {{ absolute = ... }}"),
                    spec.seed,
                    &w.axes,
                )?
            }
            (None, Some(e)) => RowResult::Unmeasured(format!("the measurement failed: {e}")),
            (None, None) => RowResult::Unmeasured(match wanted < cell.measured {
                true => "nothing was measured".into(),
                false => "told by theories alone".into(),
            }),
        };
        rows.push(row(Some(w.observable), result));
    }
    Ok(rows)
}

/// On which test samples the measurement and a theory of one cell stand.
pub(super) fn test_set(
    stated: &Cell,
    cell: &CellOutcome,
    promise: Option<&Promise>,
    wanted: usize,
) -> Result<TestSet> {
    let (observable, size) = (cell.wanted[wanted].observable, cell.wanted[wanted].size());
    let held_out = stated.experiment.task.held_out();
    let (Some(HeldOut { samples, .. }), true) = (held_out, observable.held_out) else {
        return Ok(TestSet::Drawn);
    };
    let Some(promise) = promise.filter(|p| !p.sees_test_samples()) else {
        return Ok(TestSet::Same { samples });
    };
    let blocks = stated.instruments[wanted].held_out_blocks(&stated.experiment);
    let shares = match (&cell.measurement, blocks) {
        (Some(m), 1..) => m.held_out(wanted)?.values,
        _ => return Ok(TestSet::Unknown { samples }),
    };
    if shares.ncols() != size * blocks {
        return Err(Error::bug(
            "held-out blocks",
            "shares and values differ in number",
        ));
    }
    Ok(TestSet::Sampled(Sampling {
        samples,
        blocks,
        shares,
        population: promise.population,
    }))
}

/// Comparison as a row; an undefined comparison is a row with its reason, not an error of the run. `key` is where an
/// absolute tolerance is stated.
pub(super) fn against(
    measured: &Blocks,
    curve: &TheoryCurve,
    tolerance: crate::compare::Tolerance,
    key: &str,
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
            let remedy = remedy.replace("an absolute tolerance", key);
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

/// Exit code of a finished run: 4 failed cells, 3 no theory gave a number (or one with an expectation failed), 1 an expectation is
/// not met, else 0.
pub fn exit_code(spec: &Spec, outcome: &Outcome, assessment: &Assessment) -> u8 {
    if outcome.cells.iter().any(|c| c.failure.is_some()) {
        return 4;
    }
    let theories: Vec<&TheoryOutcome> = outcome.cells.iter().flat_map(|c| &c.theories).collect();
    let solved = theories
        .iter()
        .any(|t| matches!(t.status, Status::Predicted))
        || assessment
            .derived
            .iter()
            .flat_map(|d| &d.theories)
            .any(|t| t.reduced.is_ok());
    let expected_failed = theories
        .iter()
        .any(|t| t.expect.is_some() && matches!(t.status, Status::Failed(_)));
    if (!theories.is_empty() && !solved) || expected_failed {
        return 3;
    }
    let compared = spec.cells.iter().any(|c| c.is_measured())
        && outcome.cells.iter().any(|c| c.measurement.is_some());
    match compared && assessment.expectations.iter().any(|e| !e.met) {
        true => 1,
        false => 0,
    }
}
