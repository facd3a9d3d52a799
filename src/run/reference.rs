//! Theory against theory: the entry that `[compare] reference` names stands where the measurement stands elsewhere.

use super::assess::RowResult;
use super::curve::{curve_on, own_draws};
use super::outcome::{CellOutcome, Outcome, Status, TheoryOutcome};
use super::rows::as_row;
use crate::compare::{Pair, TestSet, TheoryCurve, Tolerance};
use crate::error::Result;
use crate::experiment::{Conditioning, Promise};
use crate::instrument::Wanted;
use crate::spec::{Cell, Spec};

/// Stands in the row of the reference where nothing is measured.
pub(super) const IS_REFERENCE: &str = "the reference: the other theories are compared with it";

/// The theory with which another one is compared in a cell.
pub(super) struct Reference<'a>(pub &'a TheoryOutcome);

impl<'a> Reference<'a> {
    /// `None` where theories are compared with the measurement, and for the reference itself.
    pub fn of(spec: &Spec, cell: &'a CellOutcome, theory: &TheoryOutcome) -> Option<Self> {
        let label = spec.compare.reference.as_ref()?;
        let entry = cell.theories.iter().find(|t| t.label == *label)?;
        (theory.label != *label).then_some(Reference(entry))
    }

    pub fn label(&self) -> &'a str {
        &self.0.label
    }

    /// Why the reference gives no value of an observable in its cell.
    pub fn lacking(&self, cell: &CellOutcome, wanted: &Wanted) -> String {
        let name = wanted.observable.name;
        let label = self.label();
        match &self.0.status {
            Status::Declined(reason) => format!("the reference {label} declines: {reason}"),
            Status::Failed(error) => format!("the reference {label} failed: {error}"),
            Status::Mapped => format!("the reference {label} is asked for the map alone"),
            Status::Predicted if cell.answered(self.0, name).is_some() => {
                format!("the reference {label} tells {name} on other axes")
            }
            Status::Predicted => format!("the reference {label} gives no {name}"),
        }
    }

    /// Both curves with their rows paired; `None` where one of them has no values.
    ///
    /// The draws are those of the theory that is given more of them, so that each row of one belongs to the same
    /// draws as that of the other.
    pub fn pair(
        &self,
        stated: &Cell,
        cell: &CellOutcome,
        theory: &TheoryOutcome,
        wanted: usize,
    ) -> Result<Option<Pair>> {
        let (Some(of_reference), Some(of_theory)) = (&self.0.promise, &theory.promise) else {
            return Ok(None);
        };
        let finer = match of_reference.conditioning >= of_theory.conditioning {
            true => self.0,
            false => theory,
        };
        let draws = own_draws(finer);
        let reference = curve_on(self.0, wanted, &draws)?;
        let (Some(reference), Some(theory)) = (reference, curve_on(theory, wanted, &draws)?) else {
            return Ok(None);
        };
        let theory = TheoryCurve {
            averages_over: averages_over(of_reference, of_theory),
            test_set: test_set(stated, cell, wanted, of_reference, of_theory),
            ..theory
        };
        Ok(Some(Pair::new(reference, theory, !draws.is_empty())))
    }

    /// The row of a theory for one observable.
    pub fn row(
        &self,
        spec: &Spec,
        stated: &Cell,
        cell: &CellOutcome,
        theory: &TheoryOutcome,
        wanted: usize,
    ) -> Result<RowResult> {
        let w = &cell.wanted[wanted];
        let Some(pair) = self.pair(stated, cell, theory, wanted)? else {
            return Ok(RowResult::Unmeasured(self.lacking(cell, w)));
        };
        let tolerance = tolerance(spec, w, &pair);
        let key = format!(
            "compare.tolerances.{} = {{ absolute = ... }}",
            w.observable.name
        );
        as_row(pair.compare(tolerance, spec.seed), &key, &w.axes)
    }
}

fn tolerance(spec: &Spec, wanted: &Wanted, pair: &Pair) -> Tolerance {
    let stated = spec.compare.of(wanted.observable);
    let vanishing = spec.compare.vanishing(wanted.observable);
    stated.or_absolute(vanishing, &pair.reference.values, pair.theory.is_zero())
}

/// A theory beside the reference in one cell of a run; `None` for the reference itself, or where one has no values.
///
/// # Errors
/// Internal ones alone.
pub fn pair_with_reference(
    spec: &Spec,
    outcome: &Outcome,
    cell: &CellOutcome,
    theory: &TheoryOutcome,
    wanted: usize,
) -> Result<Option<Pair>> {
    let place = outcome.cells.iter().position(|c| c.set == cell.set);
    match (Reference::of(spec, cell, theory), place) {
        (Some(reference), Some(place)) => reference.pair(&spec.cells[place], cell, theory, wanted),
        _ => Ok(None),
    }
}

/// Levels over which one side averages while the other is given their draws.
fn averages_over(a: &Promise, b: &Promise) -> Vec<&'static str> {
    let given = |p: &Promise, level: &str| match level {
        "datasets" => p.conditioning >= Conditioning::Data,
        _ => p.conditioning >= Conditioning::Initial,
    };
    let open = |of: &Promise, other: &Promise| -> Vec<&'static str> {
        let levels = of.averages_over.iter().copied();
        levels.filter(|level| given(other, level)).collect()
    };
    [open(a, b), open(b, a)].concat()
}

/// Held-out samples that all draws share: where one side is evaluated on them and the other predicts the population,
/// the sampling error between the two is not known.
fn test_set(stated: &Cell, cell: &CellOutcome, wanted: usize, a: &Promise, b: &Promise) -> TestSet {
    match stated.experiment.task.held_out() {
        Some(held_out)
            if cell.wanted[wanted].observable.held_out
                && a.sees_test_samples() != b.sees_test_samples() =>
        {
            TestSet::Unknown {
                samples: held_out.samples,
            }
        }
        _ => TestSet::Drawn,
    }
}
