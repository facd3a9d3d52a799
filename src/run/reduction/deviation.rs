//! Reductions of the deviation from a theory: how its limit is approached.

use super::{Group, as_curve, own, reason};
use crate::compare::reductions::{Approach, Part};
use crate::compare::{Cell, Reduced};
use crate::error::Result;
use crate::run::assess::{Derived, RowResult};

impl Group<'_> {
    /// One row per theory: measurement minus prediction draw by draw, reduced, beside what the theory's limit says of
    /// it.
    pub(super) fn deviations(&self) -> Result<Vec<Derived>> {
        let networks = self.measured()?;
        let mut derived = Vec::new();
        for t in 0..self.outcome.cells[self.cells[0]].theories.len() {
            if self.concerns(t) {
                derived.extend(self.deviation(t, networks.as_deref())?);
            }
        }
        Ok(derived)
    }

    fn deviation(&self, t: usize, networks: Option<&[Cell]>) -> Result<Vec<Derived>> {
        let label = self.outcome.cells[self.cells[0]].theories[t].label.as_str();
        let mut cells = Err("a cell has no value".to_string());
        let mut lacking = None;
        let mut drawn = None;
        match (self.curves(t)?, networks) {
            (Err(row), _) => {
                cells = Err(reason(&row));
                lacking = Some(row);
            }
            (Ok(_), _) if self.reference(t).is_some() => {
                let differences = self.differences(t)?;
                drawn = differences.as_ref().ok().map(|(_, drawn)| *drawn);
                cells = differences.map(|(cells, _)| cells);
            }
            (Ok(curves), Some(networks)) if self.same_grid => {
                let pairs = networks.iter().zip(&curves);
                let minus = pairs.map(|(measured, curve)| {
                    Ok(Cell {
                        x: measured.x,
                        blocks: measured.blocks.minus(&curve.values)?,
                        own: own(curve),
                    })
                });
                cells = Ok(minus.collect::<Result<Vec<Cell>>>()?);
            }
            (Ok(_), _) => {}
        }
        let of = |cells: &[Cell]| self.reduced(cells, None);
        let all = cells.as_deref().map_err(Clone::clone).and_then(of);
        let mut derived = Vec::new();
        for (k, part) in self.r.reduction.parts().iter().enumerate() {
            let measured = all.as_ref().map(|p| p[k].clone()).map_err(Clone::clone);
            let stated = match &lacking {
                Some(row) => Err(reason(row)),
                None => self.stated_of(t, part),
            };
            let row = match (&stated, &lacking, &measured) {
                (_, Some(row), _) => row.clone(),
                (Err(why), None, _) => RowResult::Unmeasured(why.clone()),
                (Ok(stated), None, Ok(measured)) => {
                    let again = |cells: &[Cell]| Ok(of(cells)?[k].clone());
                    let mut curve = match drawn {
                        Some(_) => self.as_paired(t, stated)?,
                        None => {
                            let test_set = self.test_set(t, cells.as_deref().ok(), &again)?;
                            as_curve(stated, self.averages_over(t), test_set)
                        }
                    };
                    // The theory's errors are in the deviation; what its limit says of it has none. A reference
                    // brings its own along.
                    if drawn.is_none() {
                        curve.bound = measured.bound.clone().unwrap_or(curve.bound);
                        curve.stderr = measured.theory_stderr.clone();
                    }
                    match drawn {
                        Some(drawn) => self.verdict_beside(part, measured, curve, drawn)?,
                        None => self.verdict(part, &Ok(measured.clone()), &curve)?,
                    }
                }
                (Ok(_), None, Err(why)) => RowResult::Unmeasured(why.clone()),
            };
            let theory = self.row(t, stated, row);
            derived.push(self.derived(part, Some(label), measured, vec![theory]));
        }
        Ok(derived)
    }

    /// What the theory's limit says of its reduced deviation, or why it says nothing.
    fn stated_of(&self, t: usize, part: &Part) -> std::result::Result<Reduced, String> {
        let value = match part.deviation {
            Approach::Vanishes => 0.0,
            Approach::Unknown => return Err("a limit says nothing of this number".into()),
            Approach::Rate => {
                let key = &self.r.key;
                let rate = |&c: &usize| {
                    let promise = self.outcome.cells[c].theories[t].promise.as_ref()?;
                    let limit = promise.limits.iter().find(|l| l.key == *key)?;
                    Some((limit.to_string(), limit.rate))
                };
                let stated: Vec<_> = self.cells.iter().map(rate).collect();
                let Some((limit, rate)) = stated[0].clone() else {
                    return Err(format!(
                        "it takes no limit of {key}, so that its deviation has no rate"
                    ));
                };
                if stated.iter().any(|s| *s != stated[0]) {
                    return Err("its limit differs between the cells".into());
                }
                let known = rate.and_then(|rate| self.r.abscissa.exponent(rate));
                known.ok_or_else(|| format!("it states no rate of {limit}"))?
            }
        };
        Ok(Reduced::known(&vec![value; self.points()], 0.0))
    }
}
