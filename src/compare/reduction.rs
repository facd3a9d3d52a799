//! Reductions across cells: extrapolation, slope and exponent along one swept key; crossings are in `crossing`, collapses in `collapse`.
//!
//! Cells share their draws, so the values of one block at all cells belong together: the reduction is a function of the cells'
//! block means, and its error is the jackknife over blocks of all cells jointly (pseudo-values, Student t). The same
//! code reduces a theory: paired blocks, or one row per cell (then without error). The pseudo-values are [`Blocks`] again, so a
//! reduced measurement is compared with a reduced theory by [`super::compare`], paired where both have the draws.

use super::draws::Blocks;
use crate::error::{Error, Result};
use crate::numerics::statistics::{least_squares, student_quantile};
use nalgebra::{DMatrix, DVector};
use statrs::distribution::{ContinuousCDF, FisherSnedecor};

/// One cell of the sweep: the coordinate and its block values.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Learning rate, 1/width, number of samples, ...
    pub x: f64,
    /// Measured or predicted values at this x.
    pub blocks: Blocks,
}

/// What becomes of the swept key.
#[derive(
    Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Reduction {
    /// Value at x = 0 of `a + b x`, or of `a + b x + c x^2` with `curvature`.
    Extrapolation {
        /// Whether the quadratic term `c x^2` is fitted too (three cells at least).
        #[serde(default)]
        curvature: bool,
    },
    /// `b` of `a + b x`.
    Slope,
    /// `k` of `value = C x^k`, the slope of ln value against ln x; values and x positive. With a `correction` omega:
    /// `ln value = ln C + k ln x + b x^-omega` (three cells at least).
    Exponent {
        /// Exponent of the correction to the power law.
        #[serde(default)]
        correction: Option<f64>,
    },
}

/// A reduced quantity, per point of the observable.
#[derive(Debug, Clone, PartialEq)]
pub struct Reduced {
    /// Bias-corrected (jackknife) estimate; not-a-number where the reduction does not exist (see `notes`).
    pub estimate: Vec<f64>,
    /// `None` with one block.
    pub stderr: Option<Vec<f64>>,
    /// 95 % Student interval.
    pub interval: Option<Vec<[f64; 2]>>,
    /// Pseudo-values: the reduced quantity's own blocks.
    pub blocks: Blocks,
    /// Root mean square residual of the fitted form over cells, relative to the root mean square of the values; not for crossings.
    pub residual: Option<Vec<f64>>,
    /// Of a collapse alone: mean squared distance from the common curve in units of the errors, per degree of freedom. A measure, no chi2
    /// statistic: the points of one curve are correlated, so that curves which collapse leave well below 1.
    pub spread: Option<f64>,
    /// p-value that the form holds at all cells, by Hotelling's T^2 of the residual contrasts; only when there are at least
    /// four times as many blocks as contrasts (cells minus coefficients), and at least one contrast.
    pub lack_of_fit: Option<Vec<f64>>,
    /// Number of blocks: the smallest over the cells.
    pub n: usize,
    /// Blocks left out to equalise the cells, and points at which the reduction does not exist.
    pub notes: Vec<String>,
}

impl Reduced {
    /// A reduced value that is known without any cells.
    pub fn fixed(values: &[f64]) -> Reduced {
        Reduced {
            estimate: values.to_vec(),
            stderr: None,
            interval: None,
            blocks: Blocks::fixed(values),
            residual: None,
            spread: None,
            lack_of_fit: None,
            n: 1,
            notes: Vec::new(),
        }
    }

    /// One point alone, with the notes of all.
    pub(super) fn point(&self, k: usize) -> Reduced {
        Reduced {
            estimate: vec![self.estimate[k]],
            stderr: self.stderr.as_ref().map(|s| vec![s[k]]),
            interval: self.interval.as_ref().map(|i| vec![i[k]]),
            blocks: self.blocks.select(&[k]),
            residual: self.residual.as_ref().map(|r| vec![r[k]]),
            lack_of_fit: self.lack_of_fit.as_ref().map(|p| vec![p[k]]),
            notes: self.notes.clone(),
            ..*self
        }
    }
}

/// Reduces `cells` (any order, equal numbers of points) along x.
///
/// Fits are ordinary least squares with the same weight for every cell (correlated cells have no diagonal weights). With unequal
/// numbers of blocks the common prefix is used and noted.
///
/// Errors: fewer cells than coefficients or equal coordinates; x <= 0 for an exponent; blocks of different levels or points.
///
/// ```
/// use saddlepoint::compare::{Blocks, Cell, Reduction, reduce};
/// let cell = |x: f64| Cell { x, blocks: Blocks::fixed(&[2.0 + 3.0 * x]) };
/// let limit = reduce(&[cell(0.1), cell(0.2), cell(0.4)], Reduction::Extrapolation { curvature: false })?;
/// assert!((limit.estimate[0] - 2.0).abs() < 1e-12);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn reduce(cells: &[Cell], reduction: Reduction) -> Result<Reduced> {
    let needed = match reduction {
        Reduction::Extrapolation { curvature: true } => 3,
        Reduction::Exponent {
            correction: Some(_),
        } => 3,
        _ => 2,
    };
    let positive = matches!(reduction, Reduction::Exponent { .. });
    let joint = Joint::new(cells, needed, positive)?;
    let form = Form::new(&joint.x, reduction)?;
    let width = joint.x.len();
    let missing = "an exponent needs positive values in every leave-one-out mean";
    let value = |means: &[f64]| means.chunks(width).map(|v| form.value(v)).collect();
    let mean = joint.blocks.mean();
    let residual = form.residuals(mean.chunks(width));
    let lack_of_fit = form.lack_of_fit(&joint.blocks)?;
    Ok(Reduced {
        residual: Some(residual),
        lack_of_fit,
        ..joint.reduced(value, missing)?
    })
}

/// The cells of one reduction in order of x, their draws side by side.
pub(super) struct Joint {
    pub x: Vec<f64>,
    /// One row per block: point 0 at all cells, point 1 at all cells, ...
    pub blocks: Blocks,
    notes: Vec<String>,
}

impl Joint {
    pub fn new(cells: &[Cell], needed: usize, positive: bool) -> Result<Joint> {
        let mut order: Vec<&Cell> = cells.iter().collect();
        order.sort_by(|a, b| a.x.total_cmp(&b.x));
        check(&order, needed, positive)?;
        let x: Vec<f64> = order.iter().map(|c| c.x).collect();
        let points = order[0].blocks.points();
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
            ..order[0].blocks.clone()
        };
        Ok(Joint { x, blocks, notes })
    }

    /// A function of the block means with its jackknife error; `missing` says why one of its values may not exist.
    pub fn reduced(self, value: impl Fn(&[f64]) -> Vec<f64>, missing: &str) -> Result<Reduced> {
        let Joint {
            blocks, mut notes, ..
        } = self;
        let n = blocks.n();
        let jackknife = blocks.jackknife(value);
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
            residual: None,
            spread: None,
            lack_of_fit: None,
            estimate: jackknife.corrected,
            stderr: jackknife.stderr,
            interval,
            blocks: Blocks {
                values: jackknife.pseudo_values,
                ..blocks
            },
            n,
            notes,
        })
    }
}

fn check(cells: &[&Cell], needed: usize, positive: bool) -> Result<()> {
    if cells.len() < needed {
        return Err(Error::input(
            "reduce",
            format!("{} cells, {needed} needed", cells.len()),
            "sweep over more values",
        ));
    }
    let distinct = cells.windows(2).all(|w| w[0].x < w[1].x);
    if !(distinct && (!positive || cells[0].x > 0.0) && cells.iter().all(|c| c.x.is_finite())) {
        return Err(Error::input(
            "reduce",
            "coordinates must be finite and distinct, and positive for a power of them",
            "choose other values in the sweep",
        ));
    }
    let first = &cells[0].blocks;
    let alike = |c: &&Cell| c.blocks.points() == first.points() && c.blocks.level == first.level;
    if !cells.iter().all(alike) {
        return Err(Error::bug("reduce", "cells differ in points or level"));
    }
    Ok(())
}

/// A reduction bound to its coordinates, as a design matrix.
struct Form {
    design: DMatrix<f64>,
    /// Row of `(X^T X)^-1 X^T` of the wanted coefficient.
    weights: DVector<f64>,
    /// `1 - X (X^T X)^-1 X^T`.
    remainder: DMatrix<f64>,
    log: bool,
}

impl Form {
    fn new(x: &[f64], reduction: Reduction) -> Result<Form> {
        let (wanted, terms, log) = match reduction {
            Reduction::Extrapolation { curvature } => (0, if curvature { 3 } else { 2 }, false),
            Reduction::Slope => (1, 2, false),
            Reduction::Exponent { correction } => {
                (1, if correction.is_some() { 3 } else { 2 }, true)
            }
        };
        // Powers of x in units of its largest size keep the columns comparable.
        let scale = match log {
            true => 1.0,
            false => x.iter().fold(0.0f64, |m, v| m.max(v.abs())),
        };
        let at = |i: usize| if log { x[i].ln() } else { x[i] / scale };
        let cells = x.len();
        let design = DMatrix::from_fn(cells, terms, |i, k| match (reduction, k) {
            (
                Reduction::Exponent {
                    correction: Some(omega),
                },
                2,
            ) => (x[i] / x[0]).powf(-omega),
            _ => at(i).powi(k as i32),
        });
        let mut weights = DVector::zeros(cells);
        let mut remainder = DMatrix::zeros(cells, cells);
        for i in 0..cells {
            let unit = DVector::from_fn(cells, |j, _| f64::from(u8::from(i == j)));
            let fit = least_squares(&design, &unit, &vec![1.0; cells])?;
            weights[i] = fit.coefficients[wanted] / if wanted == 1 { scale } else { 1.0 };
            remainder.set_column(i, &fit.residuals);
        }
        Ok(Form {
            design,
            weights,
            remainder,
            log,
        })
    }

    /// The reduced value of one curve.
    fn value(&self, v: &[f64]) -> f64 {
        let terms = self.logs(v).into_iter().zip(self.weights.iter());
        terms.map(|(v, w)| w * v).sum()
    }

    /// What is linear in the coefficients.
    fn logs(&self, v: &[f64]) -> Vec<f64> {
        match self.log {
            true => v.iter().map(|v| v.ln()).collect(),
            false => v.to_vec(),
        }
    }

    /// Relative residual of the form for each curve of means.
    fn residuals<'a>(&self, curves: impl Iterator<Item = &'a [f64]>) -> Vec<f64> {
        let relative = |v: &[f64]| {
            let y = DVector::from_vec(self.logs(v));
            let left = (&self.remainder * &y).norm();
            // The residual of a logarithm is a relative one already.
            left / match self.log {
                true => (v.len() as f64).sqrt(),
                false => y.norm(),
            }
        };
        curves.map(relative).collect()
    }

    /// Hotelling's T^2 of the contrasts that vanish if the form holds: `T^2 (n-q) / (q (n-1)) ~ F(q, n-q)`.
    fn lack_of_fit(&self, blocks: &Blocks) -> Result<Option<Vec<f64>>> {
        if self.log {
            return Ok(None);
        }
        let Form {
            design, remainder, ..
        } = self;
        let (cells, n) = (design.nrows(), blocks.n());
        let contrasts = cells - design.ncols();
        if contrasts == 0 || n < 4 * contrasts || n < 2 {
            return Ok(None);
        }
        // Orthonormal basis of the complement of the design: eigenvectors of the projector with eigenvalue one.
        let eigen = remainder.clone().symmetric_eigen();
        let chosen: Vec<usize> = (0..cells).filter(|&k| eigen.eigenvalues[k] > 0.5).collect();
        let basis = eigen.eigenvectors.select_columns(&chosen);
        let (q, freedom) = (contrasts as f64, (n - contrasts) as f64);
        let law =
            FisherSnedecor::new(q, freedom).map_err(|e| Error::bug("Hotelling", e.to_string()))?;
        let p = |point: usize| {
            let columns = blocks.values.columns(point * cells, cells) * &basis;
            let mean = columns.row_mean();
            let centred = DMatrix::from_fn(n, contrasts, |r, k| columns[(r, k)] - mean[k]);
            let covariance = centred.transpose() * &centred / (n - 1) as f64;
            match covariance.cholesky() {
                Some(c) => {
                    let t2 = n as f64 * mean.transpose().dot(&c.solve(&mean.transpose()));
                    law.sf(t2 * freedom / (q * (n - 1) as f64))
                }
                None => f64::NAN, // the draws do not scatter along some contrast
            }
        };
        Ok(Some((0..blocks.points() / cells).map(p).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Level;
    use crate::numerics::random::{normal_matrix, stream};

    /// Cells whose draws share their noise: `value(x) + common_r + own_rx`.
    fn cells(x: &[f64], value: impl Fn(f64) -> f64, n: usize, noise: f64, seed: u64) -> Vec<Cell> {
        let z = normal_matrix(&mut stream(seed, "cells", &[]), n, x.len() + 1);
        let cell = |(i, &x): (usize, &f64)| Cell {
            x,
            blocks: Blocks {
                values: DMatrix::from_fn(n, 1, |r, _| {
                    value(x) + noise * (z[(r, 0)] + 0.3 * z[(r, i + 1)])
                }),
                level: Level::Replicas,
                datasets: 1,
                draws: n,
            },
        };
        x.iter().enumerate().map(cell).collect()
    }

    const LINE: Reduction = Reduction::Extrapolation { curvature: false };
    const PARABOLA: Reduction = Reduction::Extrapolation { curvature: true };

    #[test]
    fn exact_forms_are_recovered() {
        let x = [0.4, 0.1, 0.2];
        let at = |f: &dyn Fn(f64) -> f64, r| reduce(&cells(&x, f, 5, 0.0, 1), r).unwrap();
        let line = at(&|x| 2.0 - 3.0 * x, LINE);
        assert!((line.estimate[0] - 2.0).abs() < 1e-12 && line.residual.unwrap()[0] < 1e-14);
        let slope = at(&|x| 2.0 - 3.0 * x, Reduction::Slope);
        assert!((slope.estimate[0] + 3.0).abs() < 1e-12);
        let parabola = at(&|x| 2.0 - 3.0 * x + 7.0 * x * x, PARABOLA);
        assert!((parabola.estimate[0] - 2.0).abs() < 1e-12);
        let power = at(
            &|x| 5.0 * x.powf(-1.5),
            Reduction::Exponent { correction: None },
        );
        assert!((power.estimate[0] + 1.5).abs() < 1e-12);
        let corrected = Reduction::Exponent {
            correction: Some(1.5),
        };
        let x = [8.0f64, 16.0, 32.0, 64.0];
        let law = |x: f64| 3.0 * x.powf(0.7) * (2.0 * x.powf(-1.5)).exp();
        let exponent = reduce(&cells(&x, law, 5, 0.0, 1), corrected).unwrap();
        assert!(
            (exponent.estimate[0] - 0.7).abs() < 1e-12 && exponent.residual.unwrap()[0] < 1e-13
        );
    }

    #[test]
    fn a_common_fluctuation_moves_the_intercept_and_not_the_slope() {
        // Jointly resampled: the common noise cancels from the slope block by block.
        let x = [1.0, 2.0, 3.0];
        let mut shared = cells(&x, |x| x, 8, 1.0, 2);
        let common = shared[0].blocks.values.clone();
        for cell in &mut shared {
            cell.blocks.values = common.add_scalar(cell.x);
        }
        let slope = reduce(&shared, Reduction::Slope).unwrap();
        assert!((slope.estimate[0] - 1.0).abs() < 1e-12 && slope.stderr.unwrap()[0] < 1e-12);
        assert!(reduce(&shared, LINE).unwrap().stderr.unwrap()[0] > 0.1);
    }

    #[test]
    fn the_intervals_cover() {
        let x = [0.1, 0.2, 0.4];
        for (reduction, truth) in [(LINE, 2.0), (Reduction::Slope, 3.0)] {
            let covered = (0..1000)
                .filter(|&seed| {
                    let cells = cells(&x, |x| 2.0 + 3.0 * x, 8, 0.02, 100 + seed);
                    let [lower, upper] = reduce(&cells, reduction).unwrap().interval.unwrap()[0];
                    lower <= truth && truth <= upper
                })
                .count();
            assert!((920..=980).contains(&covered), "{reduction:?}: {covered}");
        }
    }

    #[test]
    fn lack_of_fit_is_uniform_for_a_line_and_small_for_a_parabola() {
        let x = [0.1, 0.2, 0.4];
        let p = |value: &dyn Fn(f64) -> f64, seed| {
            let r = reduce(&cells(&x, value, 8, 0.02, seed), LINE).unwrap();
            r.lack_of_fit.unwrap()[0]
        };
        let line: Vec<f64> = (0..200).map(|s| p(&|x| 2.0 + 3.0 * x, s)).collect();
        assert!(crate::numerics::statistics::kolmogorov_smirnov_uniform(&line).1 > 0.01);
        assert!(p(&|x| 2.0 + 30.0 * x * x, 1) < 1e-4);
        // Two contrasts need eight draws.
        let four = cells(&[0.1, 0.2, 0.3, 0.4], |x| x, 7, 0.02, 1);
        assert_eq!(reduce(&four, LINE).unwrap().lack_of_fit, None);
    }

    #[test]
    fn theory_rows_have_no_error_and_unequal_draws_use_the_common_prefix() {
        let mut c = cells(&[1.0, 2.0], |x| x, 8, 0.1, 3);
        c[1] = cells(&[1.0, 2.0], |x| x, 5, 0.1, 3).swap_remove(1);
        let r = reduce(&c, LINE).unwrap();
        assert_eq!((r.n, r.notes.len()), (5, 1));
        let theory = c.iter().map(|c| Cell {
            x: c.x,
            blocks: Blocks::fixed(&[c.x]),
        });
        let theory = reduce(&theory.collect::<Vec<_>>(), LINE).unwrap();
        assert_eq!((theory.stderr, theory.interval), (None, None));
    }

    #[test]
    fn what_does_not_exist_is_not_a_number_and_bad_coordinates_are_refused() {
        let c = cells(&[1.0, 2.0], |x| -x, 5, 0.0, 4);
        let missing = reduce(&c, Reduction::Exponent { correction: None }).unwrap();
        assert!(missing.estimate[0].is_nan() && missing.notes[0].contains("positive values"));
        assert!(reduce(&c[..1], LINE).is_err());
        assert!(reduce(&c, PARABOLA).is_err());
        let equal = [c[0].clone(), c[0].clone()];
        assert!(reduce(&equal, LINE).is_err());
    }
}
