//! Straight lines through cells, and through logarithms of them: what extrapolation, slope and exponents read off.

use super::{Form, at_least, positive};
use crate::compare::draws::Blocks;
use crate::error::{Error, Result};
use crate::numerics::statistics::{least_squares, student_cdf};
use nalgebra::{DMatrix, DVector, RowDVector};
use statrs::distribution::{ContinuousCDF, FisherSnedecor};

/// One coefficient of an ordinary least-squares fit with the same weight for every cell (correlated cells have no
/// diagonal weights), as a design matrix.
pub(super) struct Line {
    design: DMatrix<f64>,
    /// Row of `(X^T X)^-1 X^T` of the wanted coefficient.
    weights: DVector<f64>,
    /// `1 - X (X^T X)^-1 X^T`.
    remainder: DMatrix<f64>,
    log: bool,
}

impl Line {
    /// Coefficient `wanted` of a polynomial of `terms` coefficients in x.
    pub fn polynomial(x: &[f64], wanted: usize, terms: usize) -> Result<Line> {
        at_least(x, terms)?;
        // Powers of x in units of its largest size keep the columns comparable.
        let scale = x.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let design = DMatrix::from_fn(x.len(), terms, |i, k| (x[i] / scale).powi(k as i32));
        let unit = if wanted == 1 { scale } else { 1.0 };
        Line::new(design, wanted, unit, false)
    }

    /// `k` of `ln value = ln C + k ln x`, with a correction `+ b x^-omega`.
    pub fn power(x: &[f64], correction: Option<f64>) -> Result<Line> {
        let terms = if correction.is_some() { 3 } else { 2 };
        at_least(x, terms)?;
        positive(x)?;
        let design = DMatrix::from_fn(x.len(), terms, |i, k| match (correction, k) {
            (Some(omega), 2) => (x[i] / x[0]).powf(-omega),
            _ => x[i].ln().powi(k as i32),
        });
        Line::new(design, 1, 1.0, true)
    }

    fn new(design: DMatrix<f64>, wanted: usize, unit: f64, log: bool) -> Result<Line> {
        let cells = design.nrows();
        let mut weights = DVector::zeros(cells);
        let mut remainder = DMatrix::zeros(cells, cells);
        for i in 0..cells {
            let one = DVector::from_fn(cells, |j, _| f64::from(u8::from(i == j)));
            let fit = least_squares(&design, &one, &vec![1.0; cells])?;
            weights[i] = fit.coefficients[wanted] / unit;
            remainder.set_column(i, &fit.residuals);
        }
        Ok(Line {
            design,
            weights,
            remainder,
            log,
        })
    }

    /// The coefficient of one curve over the cells.
    pub fn coefficient(&self, v: &[f64]) -> f64 {
        let terms = self.linear(v).into_iter().zip(self.weights.iter());
        terms.map(|(v, w)| w * v).sum()
    }

    /// Relative residual of the form for one curve.
    pub fn distance(&self, v: &[f64]) -> f64 {
        let y = DVector::from_vec(self.linear(v));
        let left = (&self.remainder * &y).norm();
        // The residual of a logarithm is a relative one already.
        left / match self.log {
            true => (v.len() as f64).sqrt(),
            false => y.norm(),
        }
    }

    /// What is linear in the coefficients.
    fn linear(&self, v: &[f64]) -> Vec<f64> {
        match self.log {
            true => v.iter().map(|v| v.ln()).collect(),
            false => v.to_vec(),
        }
    }
}

impl Form for Line {
    fn value(&self, means: &[f64]) -> Vec<f64> {
        let curves = means.chunks(self.design.nrows());
        curves.map(|v| self.coefficient(v)).collect()
    }

    fn missing(&self) -> &'static str {
        match self.log {
            true => "an exponent needs positive values in every leave-one-out mean",
            false => "a value is not defined in every draw",
        }
    }

    fn residual(&self, means: &[f64]) -> Option<Vec<f64>> {
        let curves = means.chunks(self.design.nrows());
        Some(curves.map(|v| self.distance(v)).collect())
    }

    /// Hotelling's T^2 of the contrasts that vanish if the form holds: `T^2 (n-q) / (q (n-1)) ~ F(q, n-q)`. Of fewer than
    /// four draws per contrast the largest Student's t of the contrasts, with Bonferroni's factor for their number. Logarithms are taken to
    /// first order about the mean of the draws.
    fn lack_of_fit(&self, blocks: &Blocks) -> Result<Option<Vec<f64>>> {
        let (cells, n) = (self.design.nrows(), blocks.n());
        let contrasts = cells - self.design.ncols();
        if contrasts == 0 || n < crate::compare::MIN_DRAWS_FOR_P {
            return Ok(None);
        }
        let linear = match self.log {
            false => blocks.values.clone(),
            true => {
                let means = blocks.mean();
                DMatrix::from_fn(n, blocks.points(), |r, k| {
                    means[k].ln() + (blocks.values[(r, k)] - means[k]) / means[k]
                })
            }
        };
        // Orthonormal basis of the complement of the design: eigenvectors of the projector with eigenvalue one.
        let eigen = self.remainder.clone().symmetric_eigen();
        let chosen: Vec<usize> = (0..cells).filter(|&k| eigen.eigenvalues[k] > 0.5).collect();
        let basis = eigen.eigenvectors.select_columns(&chosen);
        let (q, count) = (contrasts as f64, n as f64);
        let hotelling = |mean: &RowDVector<f64>, centred: &DMatrix<f64>| -> Result<f64> {
            let freedom = count - q;
            let law = FisherSnedecor::new(q, freedom)
                .map_err(|e| Error::bug("Hotelling", e.to_string()))?;
            let covariance = centred.transpose() * centred / (count - 1.0);
            Ok(match covariance.cholesky() {
                Some(c) => {
                    let t2 = count * mean.transpose().dot(&c.solve(&mean.transpose()));
                    law.sf(t2 * freedom / (q * (count - 1.0)))
                }
                None => f64::NAN, // the draws do not scatter along some contrast
            })
        };
        let largest = |mean: &RowDVector<f64>, centred: &DMatrix<f64>| -> Result<f64> {
            let error = |k: usize| centred.column(k).norm() / (count * (count - 1.0)).sqrt();
            // Draws that differ by rounding alone say nothing of the form.
            let rounding = 1e-12 * linear.amax();
            if !(0..contrasts).all(|k| error(k) > rounding) {
                return Ok(f64::NAN);
            }
            let t = (0..contrasts).map(|k| mean[k].abs() / error(k));
            let t = t.fold(0.0, f64::max);
            Ok((2.0 * q * (1.0 - student_cdf(t, n - 1)?)).min(1.0))
        };
        let p = |point: usize| {
            let columns = linear.columns(point * cells, cells) * &basis;
            let mean = columns.row_mean();
            let centred = DMatrix::from_fn(n, contrasts, |r, k| columns[(r, k)] - mean[k]);
            match n >= 4 * contrasts {
                true => hotelling(&mean, &centred),
                false => largest(&mean, &centred),
            }
        };
        let all = (0..blocks.points() / cells).map(p);
        Ok(Some(all.collect::<Result<_>>()?))
    }
}
