//! What all kinds of reductions have in common: the joint jackknife, deviations, scatter and errors of a theory.

use super::joint::Joint;
use super::own::{Carried, Carrier};
use super::{Cell, Curves, Of, Over, Reduced, Reduction};
use crate::compare::draws::Blocks;
use crate::error::{Error, Result};
use crate::experiment::DrawIndex;
use crate::instrument::Axis;
use crate::numerics::statistics::student_quantile;
use nalgebra::DMatrix;

/// A reduction of the values of `cells` (any order, equal numbers of points) along x: its parts, one after the other.
///
/// With unequal numbers of blocks the common prefix is used and noted.
///
/// # Errors
/// `Input` for fewer cells than the form needs or coordinates that it does not take; `Bug` for blocks of
/// different levels or points.
pub fn reduce(reduction: &dyn Reduction, cells: &[Cell], grid: &[Axis]) -> Result<Vec<Reduced>> {
    Reducer::new(reduction, grid).reduce(cells)
}

/// A reduction with what it is applied to.
#[derive(Debug, Clone, Copy)]
pub struct Reducer<'a> {
    /// The kind of reduction.
    pub reduction: &'a dyn Reduction,
    /// Axes of the observable, the same in all cells.
    pub grid: &'a [Axis],
    /// What the cells hold: values, deviations, or the [`primitives`] of a scatter.
    pub of: Of,
    /// Point by point, or the [`lengths`] of the cells over the whole grid.
    pub over: Over,
    /// The measured cells, whose scatter weighs the points also where a theory is reduced; `None`: the cells
    /// themselves.
    pub scatter: Option<&'a [Cell]>,
}

impl<'a> Reducer<'a> {
    /// A reduction of values.
    pub fn new(reduction: &'a dyn Reduction, grid: &'a [Axis]) -> Self {
        Reducer {
            reduction,
            grid,
            of: Of::Value,
            over: Over::Points,
            scatter: None,
        }
    }

    /// The parts of the reduction, with their errors.
    ///
    /// # Errors
    /// As [`reduce`]; `Input` for deviations that are all compatible with 0, or change their sign, where a
    /// logarithm is taken of them.
    pub fn reduce(&self, cells: &[Cell]) -> Result<Vec<Reduced>> {
        let mut joint = Joint::new(cells)?;
        let mut signs = vec![1.0; joint.points()];
        if self.over == Over::Grid {
            resolved(&joint, self.of)?;
        } else if self.of == Of::Deviation && self.reduction.is_logarithmic() {
            signs = magnitudes(&mut joint)?;
        }
        let scatter = self.scatter.map(Joint::new).transpose()?;
        if scatter.as_ref().is_some_and(|s| s.x != joint.x) {
            return Err(Error::bug("reduce", "weights of other cells"));
        }
        let width = joint.x.len();
        let (of, over, n) = (self.of, self.over, joint.blocks.n());
        let all = joint.blocks.mean();
        // Means without one of the blocks are those of n - 1.
        let blocks = |means: &[f64]| if means == all { n } else { n - 1 };
        let shown = |means: &[f64]| match (over, of) {
            (Over::Grid, _) => distances(means, width, of, blocks(means)),
            (Over::Points, Of::Scatter) => deviations(means, width),
            (Over::Points, Of::Value | Of::Deviation) => means.to_vec(),
        };
        let means = shown(&joint.blocks.mean());
        let form = self.reduction.bind(&Curves {
            x: &joint.x,
            means: &means,
            scatter: scatter.as_ref().map_or(&joint.blocks, |s| &s.blocks),
            grid: self.grid,
        })?;
        let lack_of_fit = match self.of {
            Of::Scatter => None,
            _ if over == Over::Grid => None,
            _ => form.lack_of_fit(&joint.blocks)?,
        };
        let Carried { bound, stderr } = Carrier {
            form: &*form,
            uses_axis: self.reduction.uses_axis(),
            means: &means,
            signs: &signs,
        }
        .carry(&joint.cells);
        let mut all = Reduced {
            residual: form.residual(&means),
            spread: form.spread(),
            lack_of_fit,
            bound,
            theory_stderr: stderr,
            ..joint.reduced(|means| form.value(&shown(means)), form.missing())?
        };
        if let Some(k) = (0..all.estimate.len()).find(|k| all.misses(*k)) {
            let p = all.lack_of_fit.as_ref().map_or(f64::NAN, |p| p[k]);
            all.notes.push(format!(
                "the cells do not lie on the fitted form (p = {p:.1e}), and the error does not contain that: leave out the cells that are \
                 farthest from the limit, or fit another form"
            ));
        }
        let parts = self.reduction.parts().len();
        let points = all.estimate.len() / parts;
        Ok((0..parts)
            .map(|part| all.part(part * points..(part + 1) * points))
            .collect())
    }
}

/// From the means of `v` and of `v^2` at all points and cells to the standard deviations.
fn deviations(means: &[f64], width: usize) -> Vec<f64> {
    let half = means.len() / (2 * width) * width;
    let (first, second) = means.split_at(half);
    let pairs = first.iter().zip(second);
    pairs.map(|(m, q)| (q - m * m).sqrt()).collect()
}

/// Means over `n` blocks of `v` at all points and of `|v|^2`, at all cells: to the root mean square of the means over the points,
/// without the part that the scatter of the blocks adds to it (of a scatter, to that of the standard deviations).
fn distances(means: &[f64], width: usize, of: Of, n: usize) -> Vec<f64> {
    let points = means.len() / width - 1;
    let at = |c: usize| {
        let square: f64 = (0..points).map(|k| means[k * width + c].powi(2)).sum();
        let variance = means[points * width + c] - square;
        let sum = match of {
            Of::Scatter => variance,
            Of::Value | Of::Deviation => square - variance / (n.max(2) - 1) as f64,
        };
        (sum / points as f64).sqrt()
    };
    (0..width).map(at).collect()
}

/// Refuses values that are not defined on the whole grid, and deviations whose squared length is not well above what the noise of the
/// draws adds to it, a fifth at most: its error would be as large as that.
fn resolved(joint: &Joint, of: Of) -> Result<()> {
    let (width, n, mean) = (joint.x.len(), joint.blocks.n(), joint.blocks.mean());
    let points = joint.points() - 1;
    for c in 0..width {
        let square: f64 = (0..points).map(|k| mean[k * width + c].powi(2)).sum();
        if !square.is_finite() {
            return Err(Error::input(
                "reduce",
                format!(
                    "at x = {} a value is not defined on the whole grid",
                    joint.x[c]
                ),
                "write over = \"points\"",
            ));
        }
        if of == Of::Scatter {
            continue;
        }
        let noise = (mean[points * width + c] - square) / (n.max(2) - 1) as f64;
        if noise > 0.2 * (square - noise) {
            let more = (5.0 * noise / (square - noise).max(1e-3 * square)).max(1.0);
            return Err(Error::input(
                "reduce",
                format!(
                    "the deviation at x = {} is not well above the noise of the draws",
                    joint.x[c]
                ),
                format!(
                    "measure {more:.1} times as many draws, or sweep where the deviation is larger"
                ),
            ));
        }
    }
    Ok(())
}

/// The cell whose length over the grid is reduced: the values of every block, then the sum of their squares.
///
/// Of the primitives of a scatter (values about their mean, then their squares) the squares are added up. A length is moved
/// by a numerical bound, or a statistical error, by no more than the length of that.
pub fn lengths(cell: &Cell, of: Of) -> Cell {
    let values = &cell.blocks.values;
    let points = match of {
        Of::Scatter => values.ncols() / 2,
        Of::Value | Of::Deviation => values.ncols(),
    };
    let last = |r: usize| -> f64 {
        let row = values.row(r);
        match of {
            Of::Scatter => row.columns(points, points).sum(),
            Of::Value | Of::Deviation => row.norm_squared(),
        }
    };
    let joined = DMatrix::from_fn(values.nrows(), points + 1, |r, k| match k == points {
        true => last(r),
        false => values[(r, k)],
    });
    let length = |v: &[f64]| {
        let square: f64 = v.iter().map(|v| v * v).sum();
        (square / v.len().max(1) as f64).sqrt()
    };
    let own = &cell.own;
    Cell {
        x: cell.x,
        blocks: Blocks {
            values: joined,
            ..cell.blocks.clone()
        },
        own: super::Own {
            bound: match own.bound.is_empty() {
                true => Vec::new(),
                false => vec![length(&own.bound)],
            },
            stderr: own.stderr.as_ref().map(|s| vec![length(s)]),
            repeats: None,
        },
    }
}

/// What the scatter of one network is formed from: the values of all draws and their squares, about the mean of the
/// cell.
///
/// The standard deviation over draws is `sqrt(<v^2> - <v>^2)`. Both means are averaged over the replicas of a data
/// set first, so that a block is a data set (or a replica of the only one) and the scatter is that of one network: of
/// data, initialisation and noise together. The jackknife over the blocks takes the bias of order 1/n off, which also
/// makes `1/n` of the variance `1/(n-1)`.
///
/// # Errors
/// `Input` for a single draw.
pub fn primitives(draws: &[(DrawIndex, Vec<f64>)]) -> Result<Blocks> {
    if draws.len() < 2 {
        return Err(Error::input(
            "reduce",
            "one draw has no scatter",
            "measure more replicas or data sets",
        ));
    }
    let centre = Blocks::from_draws(draws)?.mean();
    let row = |(index, values): &(DrawIndex, Vec<f64>)| {
        let off: Vec<f64> = values.iter().zip(&centre).map(|(v, c)| v - c).collect();
        let squares: Vec<f64> = off.iter().map(|d| d * d).collect();
        (*index, [off, squares].concat())
    };
    Blocks::from_draws(&draws.iter().map(row).collect::<Vec<_>>())
}

/// Turns the deviations of every point to positive mean and gives the signs.
///
/// A point whose deviation is compatible with 0 in some cell, or changes its sign between cells, has no logarithm: it
/// is undefined from here on, with a note.
fn magnitudes(joint: &mut Joint) -> Result<Vec<f64>> {
    let width = joint.x.len();
    let (n, points) = (joint.blocks.n(), joint.points());
    let mean = joint.blocks.mean();
    let stderr = joint.blocks.stderr();
    let quantile = match n {
        1 => 0.0,
        _ => student_quantile(0.975, n - 1)?,
    };
    let mut signs = Vec::new();
    let mut refusals = Vec::new();
    for k in 0..points {
        let refused = (0..width).find_map(|c| {
            let at = k * width + c;
            let by_draws = stderr.as_ref().map_or(0.0, |s| s[at]);
            let own = &joint.cells[c].own;
            let of_theory = own.stderr.as_ref().map_or(0.0, |s| s[k]);
            let bound = own.bound.get(k).copied().unwrap_or(0.0);
            // The quantile of the draws also for the theory's own error, the wider of the two.
            let half = quantile.max(1.96) * by_draws.hypot(of_theory);
            let (value, x) = (mean[at], joint.x[c]);
            (value.abs() <= half + bound).then(|| {
                let size = value.abs();
                let more = match (by_draws > 0.0, size > bound.max(of_theory)) {
                    (true, true) if size > by_draws => {
                        let needed = (n as f64 * (3.0 * by_draws / size).powi(2)).ceil();
                        format!("about {needed} draws would tell them apart")
                    }
                    (true, true) => format!("more than {} draws would be needed", 9 * n),
                    _ => "the theory must be solved more accurately".into(),
                };
                format!(
                    "the deviation at x = {x} is {value:.3e} +- {:.1e}, compatible with 0: {more}",
                    half / quantile.max(1.96) + bound
                )
            })
        });
        let of = |c: usize| mean[k * width + c];
        let turns = (1..width).find(|&c| of(c).signum() != of(0).signum());
        let reason = refused.or_else(|| {
            turns.map(|c| {
                format!(
                    "the deviation changes its sign between x = {} and {}: it is no power",
                    joint.x[c - 1],
                    joint.x[c]
                )
            })
        });
        let sign = match reason {
            Some(reason) => {
                refusals.push((k, reason));
                f64::NAN
            }
            None => of(0).signum(),
        };
        let mut columns = joint.blocks.values.columns_mut(k * width, width);
        columns *= sign;
        signs.push(sign);
    }
    if refusals.len() == points {
        let (_, reason) = refusals.swap_remove(0);
        return Err(Error::input(
            "reduce",
            reason,
            "measure more draws, or sweep where the deviation is larger",
        ));
    }
    let notes = refusals
        .into_iter()
        .map(|(k, reason)| format!("point {k}: {reason}"));
    joint.notes.extend(notes);
    Ok(signs)
}
