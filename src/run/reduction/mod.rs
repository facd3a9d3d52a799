//! Reductions across cells: one swept key is removed, the same way for measurement and theory.

mod deviation;
mod held_out;
mod reference;
mod scatter;
mod value;

use super::assess::{Derived, DerivedTheory, RowResult, measured_blocks, theory_curve};
use super::gather::place;
use super::outcome::{CellOutcome, Outcome, Status, TheoryOutcome};
use super::rows::against;
use crate::compare::reductions::{Of, Over, Own, Part, Reducer, lengths};
use crate::compare::{Blocks, Cell, Reduced, TestSet, TheoryCurve, Tolerance};
use crate::error::{Error, Result};
use crate::instrument::{Axis, Observable, observable};
use crate::spec::sweep::{Settings, coordinate, partners};
use crate::spec::{Reduce, Spec};
use crate::theory::Number;

/// Relative tolerance of a point where curves cross, unless the spec states one: 5 % off is another threshold.
const THRESHOLD_TOLERANCE: f64 = 0.005;
/// Where an absolute tolerance of a reduction is stated.
const TOLERANCE_KEY: &str = "tolerance = { absolute = ... } in its [[reduce]]";

/// What a reduction gives, or why there is none.
type Parts = std::result::Result<Vec<Reduced>, String>;

pub(super) fn reductions(spec: &Spec, outcome: &Outcome, r: &Reduce) -> Result<Vec<Derived>> {
    let mut groups: Vec<(Settings, Vec<usize>)> = Vec::new();
    let zipped = partners(outcome.cells.iter().map(|c| &c.set), &r.key);
    for (index, cell) in outcome.cells.iter().enumerate() {
        let rest: Vec<_> = cell
            .set
            .iter()
            .filter(|(k, _)| *k != r.key && !zipped.contains(k))
            .cloned()
            .collect();
        match groups.iter_mut().find(|(s, _)| *s == rest) {
            Some((_, cells)) => cells.push(index),
            None => groups.push((rest, vec![index])),
        }
    }
    let mut derived = Vec::new();
    for (set, cells) in groups {
        for wanted in places(outcome, &cells, &r.observable) {
            let group = Group::new(spec, outcome, r, set.clone(), cells.clone(), wanted)?;
            derived.extend(match r.of {
                Of::Value => group.values()?,
                Of::Deviation => group.deviations()?,
                Of::Scatter => group.scatter()?,
            });
        }
    }
    Ok(derived)
}

/// Place of an observable in every cell: one list where it is measured, and of quantities that theories alone tell one
/// for all theories with the same axes. A cell in which nobody gives it has none.
fn places(outcome: &Outcome, cells: &[usize], observable: &str) -> Vec<Vec<Option<usize>>> {
    let of_cells = |place: &dyn Fn(&CellOutcome) -> Option<usize>| -> Vec<Option<usize>> {
        cells.iter().map(|&c| place(&outcome.cells[c])).collect()
    };
    let is_measured = |cell: &CellOutcome, k: &usize| *k < cell.measured;
    let measured = of_cells(&|cell| cell.wanted(observable).filter(|k| is_measured(cell, k)));
    let theories = 0..outcome.cells[cells[0]].theories.len();
    let told = theories.map(|t| of_cells(&|cell| cell.answered(&cell.theories[t], observable)));
    let mut lists: Vec<Vec<Option<usize>>> = Vec::new();
    for list in std::iter::once(measured).chain(told) {
        if list.iter().all(Option::is_none) {
            continue;
        }
        let fits = |other: &&mut Vec<Option<usize>>| {
            let mut both = other.iter().zip(&list);
            both.all(|(a, b)| a == b || a.is_none() || b.is_none())
        };
        match lists.iter_mut().find(fits) {
            Some(other) => other.iter_mut().zip(list).for_each(|(a, b)| *a = a.or(b)),
            None => lists.push(list),
        }
    }
    lists
}

/// Cells that differ in the removed key alone.
struct Group<'a> {
    spec: &'a Spec,
    outcome: &'a Outcome,
    r: &'a Reduce,
    set: Settings,
    cells: Vec<usize>,
    x: Vec<f64>,
    /// Place of the observable in every cell that has it.
    wanted: Vec<Option<usize>>,
    observable: &'static Observable,
    /// Axes of the observable in the first cell.
    grid: Vec<Axis>,
    /// Axes of the result.
    axes: Vec<Axis>,
    same_grid: bool,
}

impl<'a> Group<'a> {
    fn new(
        spec: &'a Spec,
        outcome: &'a Outcome,
        r: &'a Reduce,
        set: Settings,
        cells: Vec<usize>,
        wanted: Vec<Option<usize>>,
    ) -> Result<Group<'a>> {
        let place = format!("reduce over {}", r.key);
        let x = cells
            .iter()
            .map(|&c| coordinate(&outcome.cells[c].set, &r.key, r.abscissa))
            .collect::<Option<Vec<f64>>>()
            .ok_or_else(|| {
                Error::input(
                    &place,
                    "the swept values are not numbers",
                    "reduce over a numeric key",
                )
            })?;
        let found = cells.iter().zip(&wanted);
        let found = found.filter_map(|(&c, w)| Some(&outcome.cells[c].wanted[(*w)?]));
        let asked = found.clone().next();
        let asked = asked.ok_or_else(|| Error::bug(&place, "no cell has the observable"))?;
        let grid = asked.axes.clone();
        let same_grid = found.into_iter().all(|w| close(&w.axes, &grid));
        let grid = match r.over {
            Over::Points => grid,
            Over::Grid => Vec::new(),
        };
        let mut ascending = x.clone();
        ascending.sort_by(f64::total_cmp);
        Ok(Group {
            axes: r.reduction.axes(&r.key, &ascending, &grid),
            observable: asked.observable,
            grid,
            same_grid,
            spec,
            outcome,
            r,
            set,
            cells,
            x,
            wanted,
        })
    }

    /// Positions of the cells with the places of the observable in them.
    fn places(&self) -> impl Iterator<Item = (usize, Option<usize>)> + '_ {
        self.cells.iter().copied().zip(self.wanted.iter().copied())
    }

    /// Whether theories alone tell the observable, and nothing measures it.
    fn is_told(&self) -> bool {
        let told =
            |(c, w): (usize, Option<usize>)| w.is_none_or(|w| w >= self.outcome.cells[c].measured);
        self.places().all(told)
    }

    /// Number of values of every part.
    fn points(&self) -> usize {
        observable::size(&self.axes)
    }

    /// Measured values; `None` where a cell has none.
    fn measured(&self) -> Result<Option<Vec<Cell>>> {
        let blocks = self
            .places()
            .map(|(c, w)| match w {
                Some(w) => measured_blocks(&self.outcome.cells[c], w),
                None => Ok(None),
            })
            .collect::<Result<Option<Vec<_>>>>()?;
        Ok(blocks.map(|blocks| {
            let pairs = self.x.iter().zip(blocks);
            pairs.map(|(&x, blocks)| Cell::new(x, blocks)).collect()
        }))
    }

    /// The curve of a theory in every cell, or the first reason why it has none.
    fn curves(&self, theory: usize) -> Result<std::result::Result<Vec<TheoryCurve>, RowResult>> {
        let mut curves = Vec::new();
        for (c, w) in self.places() {
            let cell = &self.outcome.cells[c];
            let curve = match w {
                Some(w) => theory_curve(cell, &cell.theories[theory], w)?,
                None => None,
            };
            match curve {
                Some(curve) => curves.push(curve),
                None => return Ok(Err(self.lacking(c, &cell.theories[theory]))),
            }
        }
        Ok(Ok(curves))
    }

    /// Why a theory has no curve in a cell.
    fn lacking(&self, cell: usize, theory: &TheoryOutcome) -> RowResult {
        let place = place(&self.spec.cells[cell]);
        let at = |reason: &str| format!("{place}{reason}");
        match &theory.status {
            Status::Declined(reason) => RowResult::Declined(at(reason)),
            Status::Failed(error) => RowResult::Failed(at(&error.to_string())),
            Status::Predicted | Status::Mapped => {
                RowResult::Unmeasured(at(&format!("it gives no {}", self.observable.name)))
            }
        }
    }

    /// Whether a theory that gives no number here gets a row that says why: it predicts the observable in other
    /// cells, or something is expected of it. One that declines everywhere has its rows in the cells.
    fn concerns(&self, theory: usize) -> bool {
        let entry = &self.outcome.cells[self.cells[0]].theories[theory];
        let covers = |(c, w): (usize, Option<usize>)| {
            w.is_some_and(|w| self.outcome.cells[c].theories[theory].covers.contains(&w))
        };
        let elsewhere = |c: &usize| {
            let cell = &self.outcome.cells[*c];
            cell.answered(&cell.theories[theory], self.observable.name)
                .is_some()
        };
        let expected = self.r.expect.contains_key(&entry.label);
        self.places().any(covers) || (expected && !self.cells.iter().any(elsewhere))
    }

    /// A theory's cells, with the errors that its values have.
    fn predicted(&self, curves: &[TheoryCurve]) -> Vec<Cell> {
        let pairs = self.x.iter().zip(curves);
        let cell = |(&x, curve): (&f64, &TheoryCurve)| Cell {
            own: own(curve),
            ..Cell::new(x, curve.values.clone())
        };
        pairs.map(cell).collect()
    }

    /// The reduction of some cells; `scatter` are the measured ones.
    fn reduced(&self, cells: &[Cell], scatter: Option<&[Cell]>) -> Parts {
        if !self.same_grid {
            return Err(format!(
                "the grid of {} differs between cells (choose points that fall on common times)",
                self.r.observable
            ));
        }
        let reducer = Reducer {
            of: self.r.of,
            over: self.r.over,
            scatter,
            ..Reducer::new(&*self.r.reduction, &self.grid)
        };
        let whole: Option<Vec<Cell>> = match self.r.over {
            Over::Points => None,
            Over::Grid => Some(cells.iter().map(|c| lengths(c, self.r.of)).collect()),
        };
        reducer
            .reduce(whole.as_deref().unwrap_or(cells))
            .map_err(|e| e.to_string())
    }

    /// Verdict of a reduced prediction, whose errors are those of the curve.
    fn verdict(
        &self,
        part: &Part,
        measured: &std::result::Result<Reduced, String>,
        curve: &TheoryCurve,
    ) -> Result<RowResult> {
        let measured = match measured {
            Ok(measured) => measured,
            Err(reason) => return Ok(RowResult::Unmeasured(reason.clone())),
        };
        against(
            &measured.blocks,
            curve,
            self.tolerance(part, &measured.blocks, curve.is_zero()),
            TOLERANCE_KEY,
            self.spec.seed,
            &self.axes,
        )
    }

    /// How far a reduced number may be off.
    fn tolerance(&self, part: &Part, beside: &Blocks, theory_is_zero: bool) -> Tolerance {
        // A limit of the observable may vanish like the observable; a slope or an exponent has a scale of its own.
        let vanishing = match part.asks {
            Some(Number::Limit) => self.spec.compare.vanishing(self.observable),
            _ => None,
        };
        let compare = &self.spec.compare;
        let silent =
            compare.tolerance.is_none() && !compare.tolerances.contains_key(self.observable.name);
        let default = || match part.asks {
            Some(Number::Crossing) if silent => Tolerance::Relative(THRESHOLD_TOLERANCE),
            _ => {
                let tolerance = compare.of(self.observable);
                tolerance.or_absolute(vanishing, beside, theory_is_zero)
            }
        };
        self.r.stated(part.name).unwrap_or_else(default)
    }

    /// One row of theories beside one number of the measurement.
    fn derived(
        &self,
        part: &Part,
        theory: Option<&str>,
        measured: std::result::Result<Reduced, String>,
        theories: Vec<DerivedTheory>,
    ) -> Derived {
        let axis = self.grid.first().map(|a| a.name.as_str());
        let symbol = part.symbol(axis);
        Derived {
            label: self.r.name(self.x.len(), theory, symbol.as_deref()),
            reduce: self.r.clone(),
            part: *part,
            theory: theory.map(String::from),
            observable: self.observable,
            axes: self.axes.clone(),
            set: self.set.clone(),
            cells: self.cells.clone(),
            x: self.x.clone(),
            measured,
            theories,
        }
    }

    fn label(&self, theory: usize) -> &str {
        &self.outcome.cells[self.cells[0]].theories[theory].label
    }

    /// A theory's row of a reduction.
    fn row(
        &self,
        theory: usize,
        reduced: std::result::Result<Reduced, String>,
        row: RowResult,
    ) -> DerivedTheory {
        let label = self.label(theory);
        let expect = self.r.expect.get(label).copied();
        DerivedTheory {
            label: label.to_string(),
            against: self.spec.compare.against(label),
            reduced,
            row,
            expect: expect.filter(|_| !self.spec.quick),
        }
    }
}

/// Errors of a theory's values.
fn own(curve: &TheoryCurve) -> Own {
    Own {
        bound: curve.bound.clone(),
        stderr: curve.stderr.clone(),
        repeats: curve.repeats.clone(),
    }
}

/// A reduced prediction as the curve of a comparison.
fn as_curve(reduced: &Reduced, averages_over: Vec<&'static str>, test_set: TestSet) -> TheoryCurve {
    let points = reduced.estimate.len();
    TheoryCurve {
        values: reduced.blocks.clone(),
        bound: reduced.bound.clone().unwrap_or_else(|| vec![0.0; points]),
        stderr: reduced.theory_stderr.clone(),
        repeats: None,
        averages_over,
        test_set,
    }
}

/// Text of the reason in a row without a number.
fn reason(row: &RowResult) -> String {
    match row {
        RowResult::Declined(text) | RowResult::Failed(text) | RowResult::Unmeasured(text) => {
            text.clone()
        }
        RowResult::Compared { .. } => String::new(),
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

#[cfg(test)]
pub(super) mod tests;
