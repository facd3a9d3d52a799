//! From values to verdicts: every theory against every measured observable, reductions across cells, expectations.

pub use super::curve::{measured_blocks, theory_curve};
use super::expect::expectations;
use super::outcome::{Outcome, Status, TheoryOutcome};
use super::reduction::reductions;
pub use super::reference::pair_with_reference;
pub use super::relation::Relation;
use super::relation::relations;
pub use super::rows::NOT_TOLD;
use super::rows::theory_rows;
use super::standing::{Standing, standings};
use crate::compare::reductions::Part;
use crate::compare::{Comparison, Reduced, Verdict};
use crate::error::Result;
use crate::instrument::{Axis, Observable};
use crate::spec::{Expect, Reduce, Spec};

/// The league of a run.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// Cell by cell, in the order of the `[[theory]]` entries.
    pub rows: Vec<Row>,
    /// In the order of the `[[reduce]]` entries, one per group of cells.
    pub derived: Vec<Derived>,
    /// In the order of the `[[relate]]` entries, one per cell or one over all cells.
    pub relations: Vec<Relation>,
    /// In the order of the `[[league]]` entries, one per group of cells.
    pub leagues: Vec<Standing>,
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
    /// Label of the theory that it is compared with (`[compare] reference`); `None`: the measurement.
    pub against: Option<String>,
    /// Whether theories alone tell the quantity: where there is nothing to compare it with, nothing is expected of it.
    pub told: bool,
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
    /// Label of the theory that the entry is compared with; `None`: the measurement.
    pub against: Option<String>,
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
    /// Label of the theory that it is compared with (`[compare] reference`); `None`: the measurement.
    pub against: Option<String>,
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
    let leagues = standings(spec, outcome, &rows)?;
    Ok(Assessment {
        rows,
        leagues,
        derived,
        relations: relations(spec, outcome)?,
        expectations,
    })
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
/// not met, else 0. What is stated of a comparison with the measurement counts where something was measured; what is
/// stated of one with the reference theory always does.
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
            .any(|t| t.reduced.is_ok())
        || outcome.maps.iter().any(|m| m.is_solved());
    let expected_failed = theories
        .iter()
        .any(|t| t.expect.is_some() && matches!(t.status, Status::Failed(_)));
    if (!theories.is_empty() && !solved) || expected_failed {
        return 3;
    }
    let measured = spec.cells.iter().any(|c| c.is_measured())
        && outcome.cells.iter().any(|c| c.measurement.is_some());
    let mut counted = assessment
        .expectations
        .iter()
        .filter(|e| measured || e.against.is_some());
    match counted.any(|e| !e.met) {
        true => 1,
        false => 0,
    }
}
