//! Reductions of theory against theory: the reference is reduced by the same code, on the draws that both sides share.

use super::{Group, TOLERANCE_KEY, as_curve, own};
use crate::compare::reductions::Part;
use crate::compare::{Cell, Pair, Reduced, TestSet, TheoryCurve};
use crate::error::Result;
use crate::run::assess::{DerivedTheory, RowResult};
use crate::run::reference::Reference;
use crate::run::rows::as_row;

/// One number of a reduction, or why there is none.
type Number = std::result::Result<Reduced, String>;

impl Group<'_> {
    /// Place of the theory with which theory `t` is compared; `None`: the measurement.
    pub(super) fn reference(&self, t: usize) -> Option<usize> {
        let label = self.spec.compare.against(self.label(t))?;
        let entries = &self.outcome.cells[self.cells[0]].theories;
        entries.iter().position(|entry| entry.label == label)
    }

    pub(super) fn is_reference(&self, t: usize) -> bool {
        self.spec.compare.reference.as_deref() == Some(self.label(t))
    }

    /// Why there is nothing to compare with.
    pub(super) fn no_reference(&self, r: usize, why: &str) -> String {
        format!("the reference {}: {why}", self.label(r))
    }

    /// Theory `t` beside its reference in every cell; `None` where one of them has no values.
    fn pairs(&self, t: usize) -> Result<Option<Vec<Pair>>> {
        let pairs = self.places().map(|(c, w)| {
            let cell = &self.outcome.cells[c];
            let Some(w) = w else { return Ok(None) };
            match Reference::of(self.spec, cell, &cell.theories[t]) {
                Some(reference) => reference.pair(&self.spec.cells[c], cell, &cell.theories[t], w),
                None => Ok(None),
            }
        });
        pairs.collect()
    }

    fn cells_of(&self, pairs: &[Pair], side: impl Fn(&Pair) -> &TheoryCurve) -> Vec<Cell> {
        let curves: Vec<TheoryCurve> = pairs.iter().map(|p| side(p).clone()).collect();
        self.predicted(&curves)
    }

    /// The row of theory `t` beside the reference `r`, for number `k` of the reduction of values.
    pub(super) fn beside_reference(
        &self,
        t: usize,
        r: usize,
        k: usize,
        part: &Part,
        networks: Option<&[Cell]>,
    ) -> Result<Option<DerivedTheory>> {
        let pairs = self.pairs(t)?;
        let both = pairs.as_ref().map(|pairs| {
            let reference = self.cells_of(pairs, |p| &p.reference);
            let theory = self.cells_of(pairs, |p| &p.theory);
            let scatter = Some(networks.unwrap_or(&reference));
            (
                self.reduced(&reference, scatter),
                self.reduced(&theory, scatter),
            )
        });
        let (mut of_theory, mut lacking) = (None, None);
        let mut of_reference = None;
        if let Some((reference, theory)) = &both {
            let of_part = |parts: &super::Parts| {
                let parts = parts.as_ref().map(|p| p[k].clone());
                parts.map_err(Clone::clone)
            };
            (of_reference, of_theory) = (Some(of_part(reference)), Some(of_part(theory)));
        }
        let alone = |t: usize| -> Result<(Number, Option<RowResult>)> {
            let (parts, lacking) = self.prediction(t, networks)?;
            Ok((parts.map(|p| p[k].clone()), lacking))
        };
        let theory = match (self.known(t, part), of_theory.take()) {
            (Some(known), _) => Ok(self.constant(known)),
            (None, Some(reduced)) => reduced,
            (None, None) => {
                let (reduced, row) = alone(t)?;
                lacking = row;
                reduced
            }
        };
        // A theory of one of several numbers says nothing of the others.
        if lacking.is_some() && self.knows_another(t) {
            return Ok(None);
        }
        let theory = match theory {
            Ok(theory) => theory,
            Err(_) if !self.concerns(t) => return Ok(None),
            Err(why) => {
                let row = lacking.unwrap_or(RowResult::Unmeasured(why.clone()));
                return Ok(Some(self.row(t, Err(why), row)));
            }
        };
        let reference = match (self.known(r, part), of_reference) {
            (Some(known), _) => Ok(self.constant(known)),
            (None, Some(reduced)) => reduced,
            (None, None) => alone(r)?.0,
        };
        let row = match reference {
            Err(why) => RowResult::Unmeasured(self.no_reference(r, &why)),
            Ok(reference) => {
                let drawn = pairs.iter().flatten().any(|p| p.drawn);
                let curve = self.as_paired(t, &theory)?;
                self.verdict_beside(part, &reference, curve, drawn)?
            }
        };
        Ok(Some(self.row(t, Ok(theory), row)))
    }

    /// A reduced number of theory `t` as a curve, with the conditions under which it stands beside the reference.
    pub(super) fn as_paired(&self, t: usize, reduced: &Reduced) -> Result<TheoryCurve> {
        let pairs = self.pairs(t)?.unwrap_or_default();
        let first = pairs.into_iter().next().map(|p| p.theory);
        let (averages_over, test_set) = match first {
            Some(theory) => (theory.averages_over, theory.test_set),
            None => (Vec::new(), TestSet::Drawn),
        };
        Ok(as_curve(reduced, averages_over, test_set))
    }

    /// Verdict of a reduced prediction beside the reduced reference.
    pub(super) fn verdict_beside(
        &self,
        part: &Part,
        reference: &Reduced,
        theory: TheoryCurve,
        drawn: bool,
    ) -> Result<RowResult> {
        let reference = as_curve(reference, Vec::new(), TestSet::Drawn);
        let pair = Pair::new(reference, theory, drawn);
        let is_zero = pair.theory.is_zero();
        let tolerance = self.tolerance(part, &pair.reference.values, is_zero);
        as_row(
            pair.compare(tolerance, self.spec.seed),
            TOLERANCE_KEY,
            &self.axes,
        )
    }

    /// Cells of the reference minus theory `t`, with the errors of both, and whether something of the draws is given.
    pub(super) fn differences(
        &self,
        t: usize,
    ) -> Result<std::result::Result<(Vec<Cell>, bool), String>> {
        let Some(pairs) = self.pairs(t)? else {
            return Ok(Err("a cell of the reference has no value".into()));
        };
        if !self.same_grid {
            return Ok(Err(format!(
                "the grid of {} differs between cells",
                self.r.observable
            )));
        }
        let drawn = pairs.iter().any(|p| p.drawn);
        let minus = pairs.iter().zip(&self.x).map(|(pair, &x)| {
            let curve = pair.curve();
            let mut own = own(&curve);
            if pair.reference.stderr.is_some() {
                own.repeats = None;
            }
            Ok(Cell {
                x,
                blocks: pair.reference.values.minus(&pair.theory.values)?,
                own,
            })
        });
        Ok(Ok((minus.collect::<Result<Vec<Cell>>>()?, drawn)))
    }
}
