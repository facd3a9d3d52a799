//! Errors that values bring along beside the scatter of their draws, carried through a reduction.

use super::{Cell, Form};
use crate::numerics::statistics::jackknife;
use nalgebra::DMatrix;

/// Errors of a theory's values in one cell.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Own {
    /// Numerical bound of each point; empty for none.
    pub bound: Vec<f64>,
    /// Statistical error of a Monte Carlo theory.
    pub stderr: Option<Vec<f64>>,
    /// Independent repeats of a Monte Carlo theory, one row each. Repeat `r` has the same random stream in all cells,
    /// so that repeats are left out of all cells at once.
    pub repeats: Option<DMatrix<f64>>,
}

/// How far the numbers of a reduction may be moved by errors of the values: `bound`, and the statistical error of a
/// theory.
pub(super) struct Carried {
    pub bound: Option<Vec<f64>>,
    pub stderr: Option<Vec<f64>>,
}

/// What is perturbed: a function of the means (point 0 at all cells, point 1 at all cells, ...), in order of the cells.
pub(super) struct Carrier<'a> {
    pub form: &'a dyn Form,
    /// Whether a result depends on all points of a curve: then points are moved one by one.
    pub uses_axis: bool,
    pub means: &'a [f64],
    /// Sign with which the values of a point enter: -1 where magnitudes of negative deviations are reduced.
    pub signs: &'a [f64],
}

impl Carrier<'_> {
    /// Bound and statistical error of the reduced numbers.
    ///
    /// The bound is `sum_i max |R(v + b_i) - R(v)|` over cells (and points, where the reduction uses curves) and both
    /// signs: a bound for every combination of errors as far as the reduction is linear over them; infinite where it
    /// does not exist for some of them. The statistical error is the jackknife over repeats, left out of all cells at
    /// once; where a theory gives a standard error alone, the errors of all cells are added as if they moved
    /// together, which is the widest case.
    pub fn carry(&self, cells: &[&Cell]) -> Carried {
        let bounds: Vec<&[f64]> = cells.iter().map(|c| c.own.bound.as_slice()).collect();
        let bound = bounds.iter().any(|b| b.iter().any(|v| *v > 0.0));
        let known = bounds.iter().any(|b| !b.is_empty());
        let stderrs: Vec<&[f64]> = cells
            .iter()
            .map(|c| c.own.stderr.as_deref().unwrap_or_default())
            .collect();
        let statistical = stderrs.iter().any(|s| !s.is_empty());
        Carried {
            bound: match (known, bound) {
                (false, _) => None,
                (true, false) => Some(vec![0.0; self.form.value(self.means).len()]),
                (true, true) => Some(self.moved(&bounds, |up, down| up.max(down))),
            },
            stderr: self.repeated(cells).or_else(|| {
                let mean = |up: f64, down: f64| 0.5 * (up + down);
                statistical.then(|| self.moved(&stderrs, mean))
            }),
        }
    }

    /// Sum over single perturbations of what they do to every number.
    fn moved(&self, sizes: &[&[f64]], of: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        let cells = sizes.len();
        let points = self.means.len() / cells;
        let value = self.form.value(self.means);
        let mut total = vec![0.0; value.len()];
        let mut add = |cell: usize, chosen: std::ops::Range<usize>| {
            let size = |k: usize| sizes[cell].get(k).copied().unwrap_or(0.0);
            if chosen.clone().all(|k| size(k) == 0.0) {
                return;
            }
            let by = |sign: f64| -> Vec<f64> {
                let mut means = self.means.to_vec();
                for k in chosen.clone() {
                    means[k * cells + cell] += sign * size(k);
                }
                let moved = self.form.value(&means).into_iter().zip(&value);
                moved.map(|(m, v)| (m - v).abs()).collect()
            };
            for (sum, (up, down)) in total.iter_mut().zip(by(1.0).into_iter().zip(by(-1.0))) {
                *sum += match up.is_finite() && down.is_finite() {
                    true => of(up, down),
                    false => f64::INFINITY,
                };
            }
        };
        for cell in 0..cells {
            match self.uses_axis {
                true => (0..points).for_each(|k| add(cell, k..k + 1)),
                false => add(cell, 0..points),
            }
        }
        total
    }

    /// Jackknife over repeats, where all cells have as many of them.
    fn repeated(&self, cells: &[&Cell]) -> Option<Vec<f64>> {
        let rows: Vec<&DMatrix<f64>> = cells
            .iter()
            .map(|c| c.own.repeats.as_ref())
            .collect::<Option<_>>()?;
        let (n, points) = rows.first()?.shape();
        if n < 2 || rows.iter().any(|r| r.shape() != (n, points)) {
            return None;
        }
        // The scatter of the repeats around their mean, at the values that are reduced.
        let centre = |cell: usize, k: usize| rows[cell].column(k).mean();
        let joint = DMatrix::from_fn(n, points * cells.len(), |r, i| {
            let (k, cell) = (i / cells.len(), i % cells.len());
            self.means[i] + self.signs[k] * (rows[cell][(r, k)] - centre(cell, k))
        });
        jackknife(&joint, |means| self.form.value(means)).stderr
    }
}
