//! Reductions of values: the measurement and every theory through the same code, or a number that a theory knows.

use super::held_out::shared;
use super::{Group, Parts, as_curve, reason};
use crate::compare::reductions::Part;
use crate::compare::{Cell, Reduced, TestSet};
use crate::error::Result;
use crate::run::assess::{Derived, DerivedTheory, RowResult};
use crate::run::reference::IS_REFERENCE;
use crate::run::rows::test_set;
use crate::theory::{Known, Question};

impl Group<'_> {
    pub(super) fn values(&self) -> Result<Vec<Derived>> {
        let networks = self.measured()?;
        let scatter = networks.as_deref();
        let measured = match scatter {
            Some(cells) => self.reduced(cells, scatter),
            None if self.is_told() => Err("told by theories alone".into()),
            None => Err("a cell has no value".into()),
        };
        let theories = 0..self.outcome.cells[self.cells[0]].theories.len();
        let predictions = theories
            .map(|t| self.prediction(t, scatter))
            .collect::<Result<Vec<_>>>()?;
        let mut derived = Vec::new();
        for (k, part) in self.r.reduction.parts().iter().enumerate() {
            let of_part =
                |parts: &Parts| parts.as_ref().map(|p| p[k].clone()).map_err(Clone::clone);
            let measured = of_part(&measured);
            let mut rows = Vec::new();
            for (t, (own, lacking)) in predictions.iter().enumerate() {
                if let Some(r) = self.reference(t) {
                    rows.extend(self.beside_reference(t, r, k, part, scatter)?);
                    continue;
                }
                let prediction = match self.known(t, part) {
                    Some(known) => Ok(self.constant(known)),
                    // A theory of one of several numbers says nothing of the others.
                    None if lacking.is_some() && self.knows_another(t) => continue,
                    None => of_part(own),
                };
                let reduced = |cells: &[Cell]| {
                    let parts = self.reduced(cells, scatter)?;
                    Ok(parts[k].clone())
                };
                rows.extend(
                    self.compared(t, part, &measured, prediction, lacking, scatter, &reduced)?,
                );
            }
            derived.push(self.derived(part, None, measured, rows));
        }
        Ok(derived)
    }

    /// The reduction of a theory's own values, with the row that stands for it where a cell has none.
    pub(super) fn prediction(
        &self,
        t: usize,
        scatter: Option<&[Cell]>,
    ) -> Result<(Parts, Option<RowResult>)> {
        Ok(match self.curves(t)? {
            Ok(curves) => {
                let cells = self.predicted(&curves);
                (self.reduced(&cells, Some(scatter.unwrap_or(&cells))), None)
            }
            Err(row) => (Err(reason(&row)), Some(row)),
        })
    }

    /// The number as the theory knows it without values, in terms of the abscissa.
    pub(super) fn known(&self, t: usize, part: &Part) -> Option<Known> {
        let stated = &self.spec.cells[self.cells[0]].theories[t];
        let question = Question {
            number: part.asks?,
            observable: self.observable.name,
            key: &self.r.key,
        };
        let known = stated.theory.known(&stated.experiment, &question)?;
        part.in_abscissa(known, self.r.abscissa)
    }

    pub(super) fn knows_another(&self, t: usize) -> bool {
        let mut parts = self.r.reduction.parts().iter();
        parts.any(|part| self.known(t, part).is_some())
    }

    /// A known number at every point of the result.
    pub(super) fn constant(&self, known: Known) -> Reduced {
        Reduced::known(&vec![known.value; self.points()], known.bound)
    }

    #[allow(clippy::too_many_arguments)]
    fn compared(
        &self,
        t: usize,
        part: &Part,
        measured: &std::result::Result<Reduced, String>,
        prediction: std::result::Result<Reduced, String>,
        lacking: &Option<RowResult>,
        networks: Option<&[Cell]>,
        reduced: &dyn Fn(&[Cell]) -> std::result::Result<Reduced, String>,
    ) -> Result<Option<DerivedTheory>> {
        let prediction = match prediction {
            Ok(prediction) => prediction,
            Err(_) if !self.concerns(t) => return Ok(None),
            Err(why) => {
                let row = lacking
                    .clone()
                    .unwrap_or(RowResult::Unmeasured(why.clone()));
                return Ok(Some(self.row(t, Err(why), row)));
            }
        };
        let test_set = self.test_set(t, networks, reduced)?;
        let curve = as_curve(&prediction, self.averages_over(t), test_set);
        let row = match (measured, networks) {
            (Err(_), None) if self.is_reference(t) => RowResult::Unmeasured(IS_REFERENCE.into()),
            _ => self.verdict(part, measured, &curve)?,
        };
        Ok(Some(self.row(t, Ok(prediction), row)))
    }

    /// Levels that the theory averages over.
    pub(super) fn averages_over(&self, t: usize) -> Vec<&'static str> {
        let entry = &self.outcome.cells[self.cells[0]].theories[t];
        let promise = entry.promise.as_ref();
        promise.map(|p| p.averages_over.clone()).unwrap_or_default()
    }

    /// On which test samples the reduced measurement and the theory stand.
    pub(super) fn test_set(
        &self,
        t: usize,
        networks: Option<&[Cell]>,
        reduced: &dyn Fn(&[Cell]) -> std::result::Result<Reduced, String>,
    ) -> Result<TestSet> {
        let sets = self.places().map(|(c, w)| {
            let cell = &self.outcome.cells[c];
            let promise = cell.theories[t].promise.as_ref();
            match w {
                Some(w) => test_set(&self.spec.cells[c], cell, promise, w),
                None => Ok(TestSet::Drawn),
            }
        });
        let sets = sets.collect::<Result<Vec<_>>>()?;
        Ok(shared(&sets, networks, reduced))
    }
}
