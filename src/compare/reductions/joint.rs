//! Cells side by side: their draws belong together, and what is reduced of them is resampled together.
//!
//! Cells share their draws, so the values of one block at all cells belong together: a reduction is a function of the
//! cells' block means, and its error is the jackknife over blocks of all cells jointly (pseudo-values, Student t).
//! The same code reduces a theory: paired blocks, or one row per cell (then without error). The pseudo-values are
//! [`Blocks`] again, so a reduced measurement is compared with a reduced theory by [`crate::compare::compare`],
//! paired where both have the draws.

use super::Own;
use crate::compare::draws::Blocks;
use crate::error::{Error, Result};
use crate::numerics::statistics::student_quantile;
use nalgebra::DMatrix;

/// One cell of the sweep: the coordinate and its block values.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Learning rate, 1/width, number of samples, ...
    pub x: f64,
    /// Measured or predicted values at this x, or those of a deviation.
    pub blocks: Blocks,
    /// Errors that the values have beside the scatter of their draws: those of a theory, also within a deviation from
    /// it.
    pub own: Own,
}

impl Cell {
    /// Values without errors of their own.
    pub fn new(x: f64, blocks: Blocks) -> Cell {
        Cell {
            x,
            blocks,
            own: Own::default(),
        }
    }
}

/// A reduced quantity, per point of the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Reduced {
    /// Bias-corrected (jackknife) estimate; not-a-number where the reduction does not exist (see `notes`).
    pub estimate: Vec<f64>,
    /// By the scatter of the draws; `None` with one block.
    pub stderr: Option<Vec<f64>>,
    /// 95 % Student interval by the scatter of the draws.
    pub interval: Option<Vec<[f64; 2]>>,
    /// Pseudo-values: the reduced quantity's own blocks.
    pub blocks: Blocks,
    /// How far numerical errors within their bounds may move the estimate; `None` where the values have none.
    pub bound: Option<Vec<f64>>,
    /// Statistical error of a Monte Carlo theory; `None` where there is none.
    pub theory_stderr: Option<Vec<f64>>,
    /// Root mean square residual of the fitted form over cells, relative to the root mean square of the values; not
    /// for crossings.
    pub residual: Option<Vec<f64>>,
    /// Of a collapse alone: mean squared distance from the common curve in units of the errors, per degree of
    /// freedom. A measure, no chi2 statistic: the points of one curve are correlated, so that curves which collapse
    /// leave well below 1.
    pub spread: Option<f64>,
    /// p-value that the form holds at all cells, by the residual contrasts (Hotelling's T^2, of few blocks the largest
    /// Student's t); only with five blocks and one contrast (cells minus coefficients) at least.
    pub lack_of_fit: Option<Vec<f64>>,
    /// Number of blocks: the smallest over the cells.
    pub n: usize,
    /// Blocks left out to equalise the cells, and points at which the reduction does not exist.
    pub notes: Vec<String>,
}

/// Below this p-value a form does not hold.
const MISSES: f64 = 1e-3;

impl Reduced {
    /// Whether the points do not lie on the fitted form: the standard error of the estimate does not contain that.
    pub fn misses(&self, point: usize) -> bool {
        let p = self.lack_of_fit.as_ref().and_then(|p| p.get(point));
        p.is_some_and(|p| *p < MISSES)
    }

    /// A reduced value that is known without any cells, with its bound.
    pub fn known(values: &[f64], bound: f64) -> Reduced {
        Reduced {
            estimate: values.to_vec(),
            stderr: None,
            interval: None,
            blocks: Blocks::fixed(values),
            bound: Some(vec![bound; values.len()]),
            theory_stderr: None,
            residual: None,
            spread: None,
            lack_of_fit: None,
            n: 1,
            notes: Vec::new(),
        }
    }

    /// The points of one part alone, with the notes of all.
    pub(super) fn part(&self, points: std::ops::Range<usize>) -> Reduced {
        let of = |v: &Option<Vec<f64>>| v.as_ref().map(|v| v[points.clone()].to_vec());
        Reduced {
            estimate: self.estimate[points.clone()].to_vec(),
            stderr: of(&self.stderr),
            interval: self.interval.as_ref().map(|i| i[points.clone()].to_vec()),
            blocks: self.blocks.select(&points.clone().collect::<Vec<_>>()),
            bound: of(&self.bound),
            theory_stderr: of(&self.theory_stderr),
            residual: of(&self.residual),
            lack_of_fit: of(&self.lack_of_fit),
            notes: self.notes.clone(),
            ..*self
        }
    }
}

/// The cells of one reduction in order of x, their draws side by side.
pub(super) struct Joint<'a> {
    pub x: Vec<f64>,
    /// The cells in this order.
    pub cells: Vec<&'a Cell>,
    /// One row per block: point 0 at all cells, point 1 at all cells, ...
    pub blocks: Blocks,
    pub notes: Vec<String>,
}

impl<'a> Joint<'a> {
    pub fn new(cells: &'a [Cell]) -> Result<Joint<'a>> {
        let mut order: Vec<&Cell> = cells.iter().collect();
        order.sort_by(|a, b| a.x.total_cmp(&b.x));
        let first = check(&order)?;
        let x: Vec<f64> = order.iter().map(|c| c.x).collect();
        let points = first.blocks.points();
        let n = order.iter().map(|c| c.blocks.n()).min().unwrap_or(1);
        let mut notes = Vec::new();
        if order.iter().any(|c| c.blocks.n() != n) {
            notes.push(format!(
                "cells differ in draws: the first {n} of each are used"
            ));
        }
        let values = DMatrix::from_fn(n, points * x.len(), |r, k| {
            order[k % x.len()].blocks.values[(r, k / x.len())]
        });
        let blocks = Blocks {
            values,
            ..first.blocks.clone()
        };
        Ok(Joint {
            x,
            cells: order,
            blocks,
            notes,
        })
    }

    /// Number of points of a cell.
    pub fn points(&self) -> usize {
        self.blocks.points() / self.x.len()
    }

    /// A function of the block means with its jackknife error; `missing` says why one of its values may not exist.
    pub fn reduced(&self, value: impl Fn(&[f64]) -> Vec<f64>, missing: &str) -> Result<Reduced> {
        let mut notes = self.notes.clone();
        let n = self.blocks.n();
        let jackknife = self.blocks.jackknife(value);
        let undefined = jackknife.corrected.iter().enumerate();
        let undefined = undefined.filter(|(_, v)| !v.is_finite());
        notes.extend(undefined.map(|(k, _)| format!("point {k}: {missing}")));
        let half = match n {
            1 => 0.0,
            _ => student_quantile(0.975, n - 1)?,
        };
        let interval = jackknife.stderr.as_ref().map(|stderr| {
            let pairs = jackknife.corrected.iter().zip(stderr);
            pairs.map(|(m, s)| [m - half * s, m + half * s]).collect()
        });
        Ok(Reduced {
            bound: None,
            theory_stderr: None,
            residual: None,
            spread: None,
            lack_of_fit: None,
            estimate: jackknife.corrected,
            stderr: jackknife.stderr,
            interval,
            blocks: Blocks {
                values: jackknife.pseudo_values,
                ..self.blocks.clone()
            },
            n,
            notes,
        })
    }
}

/// The first of the cells, all of which must have values alike at coordinates apart.
fn check<'a>(cells: &[&'a Cell]) -> Result<&'a Cell> {
    let Some(&first) = cells.first() else {
        return Err(Error::input("reduce", "no cells", "sweep over more values"));
    };
    let distinct = cells.windows(2).all(|w| w[0].x < w[1].x);
    if !(distinct && cells.iter().all(|c| c.x.is_finite())) {
        return Err(Error::input(
            "reduce",
            "coordinates must be finite and distinct",
            "choose other values in the sweep",
        ));
    }
    let (points, level) = (first.blocks.points(), first.blocks.level);
    let alike = |c: &&Cell| c.blocks.points() == points && c.blocks.level == level;
    if points == 0 || !cells.iter().all(alike) {
        return Err(Error::bug("reduce", "cells differ in points or level"));
    }
    Ok(first)
}
