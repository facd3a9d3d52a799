//! Gaussian process and kernel ridge regression.

use crate::error::{Error, Result};
use crate::numerics::linalg::{cholesky, solve_lower, solve_lower_transposed};
use nalgebra::{DMatrix, DVector};

/// Multiples of the mean diagonal that are tried, in turn, when `K + T` is not numerically positive definite.
const JITTERS: [f64; 3] = [1e-12, 1e-10, 1e-8];

/// The posterior of a Gaussian process with prior covariance `K` and noise variance `T` (or ridge regression
/// `min sum (f - y)^2 + T |f|_H^2`: the same mean).
///
/// ```text
/// fbar = k_*^T (K + T)^{-1} y,   var = k_** - k_*^T (K + T)^{-1} k_*
/// log evidence = -1/2 y^T (K + T)^{-1} y - 1/2 log det (K + T) - (P/2) log 2 pi
/// ```
///
/// Samples are columns of `y` (`outputs x samples`); outputs are independent and share `K`. Cost `P^3/3`.
///
/// ```
/// use nalgebra::DMatrix;
/// use saddlepoint::kernel::Regression;
/// let (one, three) = (DMatrix::identity(1, 1), DMatrix::from_element(1, 1, 3.0));
/// let fit = Regression::fit(one.clone(), &three, 0.5)?;
/// assert!((fit.mean(&one)?[0] - 2.0).abs() < 1e-15);
/// assert!((fit.variance(&one, &[1.0])?[0] - 1.0 / 3.0).abs() < 1e-15);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Regression {
    factor: DMatrix<f64>,
    /// `(K + T)^{-1} y^T`, `samples x outputs`: the discrepancies `t = (y - fbar)/T`.
    discrepancy: DMatrix<f64>,
    targets: DMatrix<f64>,
    temperature: f64,
    jitter: f64,
}

impl Regression {
    /// Factorises `K + T`; `kernel`: symmetric `samples x samples` (the lower triangle is read), `temperature` `T >= 0`.
    ///
    /// # Errors
    /// Shapes that do not fit, entries that are not finite, `T < 0`; `Unconverged` when `K + T` is not positive definite after
    /// three steps of jitter.
    pub fn fit(kernel: DMatrix<f64>, y: &DMatrix<f64>, temperature: f64) -> Result<Self> {
        let p = kernel.nrows();
        if kernel.ncols() != p || y.ncols() != p || p == 0 {
            return Err(shape(format!(
                "a {p} x {} kernel matrix with targets of {} samples",
                kernel.ncols(),
                y.ncols()
            )));
        }
        if !(temperature.is_finite() && temperature >= 0.0) {
            return Err(Error::input(
                "temperature",
                format!("{temperature} is not a noise variance"),
                "give a finite number >= 0",
            ));
        }
        if kernel.iter().chain(y.iter()).any(|v| !v.is_finite()) {
            return Err(Error::input(
                "kernel",
                "the kernel matrix or the targets have entries that are not finite",
                "check the data",
            ));
        }
        let mut shifted = kernel;
        for i in 0..p {
            shifted[(i, i)] += temperature;
        }
        let scale = shifted.diagonal().mean();
        let (factor, jitter) = factorise(&mut shifted, scale)?;
        let mut discrepancy = y.transpose();
        solve_lower(&factor, &mut discrepancy);
        solve_lower_transposed(&factor, &mut discrepancy);
        Ok(Regression {
            factor,
            discrepancy,
            targets: y.clone(),
            temperature,
            jitter,
        })
    }

    /// What was added to the diagonal beyond `T`; 0 when the factorisation succeeded at once. Report it.
    pub fn jitter(&self) -> f64 {
        self.jitter
    }

    /// `t = (K + T)^{-1} y`, `outputs x samples`.
    pub fn discrepancy(&self) -> DMatrix<f64> {
        self.discrepancy.transpose()
    }

    /// Posterior mean, `outputs x test samples`, from `cross`: `training samples x test samples`.
    pub fn mean(&self, cross: &DMatrix<f64>) -> Result<DMatrix<f64>> {
        self.fits(cross)?;
        Ok(self.discrepancy.tr_mul(cross))
    }

    /// Posterior mean on the training samples, by the residual identity `y - fbar = (T + jitter) (K + T)^{-1} y`, which keeps its
    /// digits when the residual is small.
    pub fn training_mean(&self) -> DMatrix<f64> {
        &self.targets - self.discrepancy.transpose() * (self.temperature + self.jitter)
    }

    /// Posterior variance of the (noise-free) function at test samples with prior variances `prior`; not below 0.
    pub fn variance(&self, cross: &DMatrix<f64>, prior: &[f64]) -> Result<DVector<f64>> {
        self.fits(cross)?;
        if prior.len() != cross.ncols() {
            return Err(shape(format!(
                "{} prior variances for {} test samples",
                prior.len(),
                cross.ncols()
            )));
        }
        let mut whitened = cross.clone();
        solve_lower(&self.factor, &mut whitened);
        let explained = whitened.column_iter().map(|c| c.norm_squared());
        let left = prior.iter().zip(explained).map(|(k, e)| (k - e).max(0.0));
        Ok(DVector::from_iterator(prior.len(), left))
    }

    /// Log evidence, summed over outputs.
    pub fn log_evidence(&self) -> f64 {
        let (outputs, p) = self.targets.shape();
        let fit: f64 = self
            .targets
            .row_iter()
            .zip(self.discrepancy.column_iter())
            .map(|(y, t)| y.transpose().dot(&t))
            .sum();
        let log_det: f64 = 2.0 * self.factor.diagonal().iter().map(|l| l.ln()).sum::<f64>();
        let each = log_det + p as f64 * std::f64::consts::TAU.ln();
        -0.5 * (fit + outputs as f64 * each)
    }

    fn fits(&self, cross: &DMatrix<f64>) -> Result<()> {
        if cross.nrows() == self.factor.nrows() {
            return Ok(());
        }
        Err(shape(format!(
            "{} rows for {} training samples",
            cross.nrows(),
            self.factor.nrows()
        )))
    }
}

fn factorise(shifted: &mut DMatrix<f64>, scale: f64) -> Result<(DMatrix<f64>, f64)> {
    let mut added = 0.0;
    let mut attempt = cholesky(shifted);
    for jitter in JITTERS {
        if attempt.is_ok() {
            break;
        }
        let total = jitter * scale;
        for i in 0..shifted.nrows() {
            shifted[(i, i)] += total - added;
        }
        added = total;
        attempt = cholesky(shifted);
    }
    attempt.map(|factor| (factor, added)).map_err(|_| {
        Error::unconverged(
            "Gaussian process regression",
            format!(
                "K + T ({0} x {0}) is not positive definite, also with 1e-8 of its mean diagonal added",
                shifted.nrows()
            ),
            "raise the temperature, or remove repeated samples",
        )
    })
}

fn shape(cause: String) -> Error {
    Error::input(
        "kernel",
        cause,
        "rows of the kernel matrix are the training samples",
    )
}

#[cfg(test)]
#[path = "regression_tests.rs"]
mod tests;
