//! Reductions of the scatter: how far one network is from the mean of many.

use super::{Group, Parts, as_curve, own, reason};
use crate::compare::reductions::primitives;
use crate::compare::{Blocks, Cell, TestSet};
use crate::error::Result;
use crate::experiment::{Conditioning, DrawIndex};
use crate::run::assess::{Derived, RowResult};

impl Group<'_> {
    /// The scatter of the networks, beside that of theories that predict every network from its own start.
    pub(super) fn scatter(&self) -> Result<Vec<Derived>> {
        let measured = self.of_draws(|c, w| {
            let measurement = self.outcome.cells[c].measurement.as_ref()?;
            Some(measurement.primitives(w))
        });
        let measured = measured.and_then(|cells| self.reduced(&cells, None));
        let mut rows = vec![Vec::new(); self.r.reduction.parts().len()];
        for t in 0..self.outcome.cells[self.cells[0]].theories.len() {
            if !self.concerns(t) {
                continue;
            }
            let (predicted, lacking) = self.scatter_of(t)?;
            for (k, part) in self.r.reduction.parts().iter().enumerate() {
                let of_part =
                    |parts: &Parts| parts.as_ref().map(|p| p[k].clone()).map_err(Clone::clone);
                let row = match (of_part(&predicted), &lacking) {
                    (_, Some(row)) => row.clone(),
                    (Err(why), None) => RowResult::Unmeasured(why),
                    (Ok(predicted), None) => {
                        let curve = as_curve(&predicted, Vec::new(), TestSet::Drawn);
                        match self.reference(t) {
                            None => self.verdict(part, &of_part(&measured), &curve)?,
                            Some(r) => match of_part(&self.scatter_of(r)?.0) {
                                Ok(reference) => {
                                    self.verdict_beside(part, &reference, curve, true)?
                                }
                                Err(why) => RowResult::Unmeasured(self.no_reference(r, &why)),
                            },
                        }
                    }
                };
                rows[k].push(self.row(t, of_part(&predicted), row));
            }
        }
        let parts = self.r.reduction.parts().iter().zip(rows).enumerate();
        Ok(parts
            .map(|(k, (part, rows))| {
                let measured = measured.as_ref().map(|p| p[k].clone());
                self.derived(part, None, measured.map_err(Clone::clone), rows)
            })
            .collect())
    }

    /// The scatter of a theory's predictions; with the row that stands for it where it has none.
    fn scatter_of(&self, t: usize) -> Result<(Parts, Option<RowResult>)> {
        let curves = match self.curves(t)? {
            Ok(curves) => curves,
            Err(row) => return Ok((Err(reason(&row)), Some(row))),
        };
        let promise = &self.outcome.cells[self.cells[0]].theories[t].promise;
        if promise
            .as_ref()
            .is_none_or(|p| p.conditioning < Conditioning::Initial)
        {
            let why = "it predicts the mean over networks, not the scatter of one";
            return Ok((Err(why.into()), None));
        }
        let cells = self.of_draws(|c, w| {
            let theory = &self.outcome.cells[c].theories[t];
            let of = |d: &DrawIndex| Some((*d, theory.predicted(w, *d)?.mean.clone()));
            let draws = theory.predictions.iter().filter_map(|(d, _)| *d);
            let draws: Option<Vec<_>> = draws.map(|d| of(&d)).collect();
            draws.map(|draws| primitives(&draws))
        });
        let mut cells = match cells {
            Ok(cells) => cells,
            Err(why) => return Ok((Err(why), None)),
        };
        // A standard deviation is moved by no more than the values are.
        for (cell, curve) in cells.iter_mut().zip(&curves) {
            cell.own = own(curve);
            cell.own.repeats = None;
        }
        Ok((self.reduced(&cells, None), None))
    }

    /// Cells of the primitives of a scatter, from those of all draws of every cell.
    fn of_draws(
        &self,
        of_cell: impl Fn(usize, usize) -> Option<Result<Blocks>>,
    ) -> std::result::Result<Vec<Cell>, String> {
        let cell = |((c, w), &x): ((usize, Option<usize>), &f64)| {
            let blocks = w.and_then(|w| of_cell(c, w)).ok_or("a cell has no value")?;
            let blocks = blocks.map_err(|e| e.to_string())?;
            Ok(Cell::new(x, blocks))
        };
        self.places().zip(&self.x).map(cell).collect()
    }
}
