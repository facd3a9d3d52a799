//! Rows of the league: one theory and one observable in one cell.

use super::assess::{Row, RowResult, measured_blocks, point_text, short, theory_curve};
use super::outcome::{CellOutcome, Status, TheoryOutcome};
use super::reference::{IS_REFERENCE, Reference};
use crate::compare::{Blocks, Comparison, Sampling, TestSet, TheoryCurve, compare};
use crate::error::{Error, Result};
use crate::experiment::Promise;
use crate::instrument::Axis;
use crate::spec::{Cell, Spec};
use crate::task::HeldOut;

/// In the row of a quantity that a theory was asked to tell and does not.
pub const NOT_TOLD: &str = "the theory does not tell it here";

/// The rows of one theory in one cell: one per observable that it answers, or one that says why there is none.
pub(super) fn theory_rows(
    spec: &Spec,
    index: usize,
    cell: &CellOutcome,
    theory: &TheoryOutcome,
) -> Result<Vec<Row>> {
    let reference = Reference::of(spec, cell, theory);
    let row = |observable, told, result| Row {
        cell: index,
        label: theory.label.clone(),
        kind: theory.kind,
        observable,
        against: reference.as_ref().map(|r| r.label().to_string()),
        told,
        result,
        expect: theory.expect,
        conditioning: theory.promise.as_ref().map(|p| p.conditioning.name()),
        seconds: theory.seconds,
    };
    match &theory.status {
        Status::Declined(reason) => {
            return Ok(vec![row(None, false, RowResult::Declined(reason.clone()))]);
        }
        Status::Failed(error) => {
            return Ok(vec![row(None, false, RowResult::Failed(error.to_string()))]);
        }
        Status::Mapped => return Ok(vec![]),
        Status::Predicted => {}
    }
    let mut rows = Vec::new();
    for (wanted, w) in cell.wanted.iter().enumerate() {
        let Some(mut curve) = theory_curve(cell, theory, wanted)? else {
            continue;
        };
        let told = wanted >= cell.measured;
        if let Some(reference) = &reference {
            let result = reference.row(spec, &spec.cells[index], cell, theory, wanted)?;
            rows.push(row(Some(w.observable), told, result));
            continue;
        }
        let result = match (measured_blocks(cell, wanted)?, &cell.failure) {
            (Some(measured), _) => {
                let promise = theory.promise.as_ref();
                curve.test_set = test_set(&spec.cells[index], cell, promise, wanted)?;
                let name = w.observable.name;
                let tolerance = spec.compare.of(w.observable);
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
            (None, Some(_)) if told => RowResult::Unmeasured(number_told(&curve)),
            (None, Some(e)) => RowResult::Unmeasured(format!("the measurement failed: {e}")),
            (None, None) if spec.compare.reference.as_deref() == Some(&theory.label) => {
                RowResult::Unmeasured(IS_REFERENCE.into())
            }
            (None, None) => RowResult::Unmeasured(match told {
                false => "nothing was measured".into(),
                true => number_told(&curve),
            }),
        };
        rows.push(row(Some(w.observable), told, result));
    }
    let mut entries = spec.cells[index].theories.iter();
    let entry = entries.find(|t| t.label == theory.label);
    for asked in entry
        .iter()
        .flat_map(|t| t.asked.iter().skip(cell.measured))
    {
        if cell.answered(theory, asked.name()).is_none() {
            let result = RowResult::Unmeasured(NOT_TOLD.into());
            rows.push(row(Some(asked.observable), true, result));
        }
    }
    Ok(rows)
}

/// What stands in the row of a quantity that theories alone tell: the number, or how many there are.
fn number_told(curve: &TheoryCurve) -> String {
    match curve.values.mean()[..] {
        [value] => format!("told: {}", short(value)),
        ref values => format!("told: {} values", values.len()),
    }
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
    let is_held_out = observable.held_out && wanted < cell.measured;
    let (Some(HeldOut { samples, .. }), true) = (held_out, is_held_out) else {
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
    as_row(compare(measured, curve, tolerance, seed), key, axes)
}

/// The result of a comparison as a row.
pub(super) fn as_row(compared: Result<Comparison>, key: &str, axes: &[Axis]) -> Result<RowResult> {
    match compared {
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
