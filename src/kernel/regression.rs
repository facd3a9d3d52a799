//! Gaussian process and kernel ridge regression.

use crate::error::{Error, Result};
use crate::numerics::linalg::{cholesky, eigh, pivot_floor, solve_lower, solve_lower_transposed};
use nalgebra::{DMatrix, DVector};

/// An eigenvalue of the kernel below minus this part of the largest one is not rounding: the matrix is no kernel.
const INDEFINITE: f64 = 1e-8;

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
/// Where `K + T` is singular to rounding (repeated samples and `T = 0`), the limit `T -> 0` is taken: the
/// pseudo-inverse, which gives the function of smallest norm among those with the least squared error.
/// [`Regression::warning`] says so; the cost is then some `10 P^3`.
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
    factor: Factor,
    /// `(K + T)^{-1} y^T`, `samples x outputs`: the discrepancies `t = (y - fbar)/T`.
    discrepancy: DMatrix<f64>,
    targets: DMatrix<f64>,
    temperature: f64,
    warning: Option<String>,
}

/// How `K + T` is inverted.
#[derive(Debug, Clone)]
enum Factor {
    /// The lower Cholesky factor.
    Cholesky(DMatrix<f64>),
    /// Eigenvectors of `K` and `1/(lambda + T)`, without the eigenvalues that are rounding.
    Spectrum {
        vectors: DMatrix<f64>,
        inverse: DVector<f64>,
    },
}

impl Factor {
    /// `R B` with `R^T R = (K + T)^{-1}`.
    fn whiten(&self, b: &DMatrix<f64>) -> DMatrix<f64> {
        match self {
            Factor::Cholesky(l) => {
                let mut b = b.clone();
                solve_lower(l, &mut b);
                b
            }
            Factor::Spectrum { vectors, inverse } => {
                let mut b = vectors.tr_mul(b);
                for (mut row, inverse) in b.row_iter_mut().zip(inverse.iter()) {
                    row *= inverse.sqrt();
                }
                b
            }
        }
    }

    /// `(K + T)^{-1} B`
    fn solve(&self, b: &DMatrix<f64>) -> DMatrix<f64> {
        let mut white = self.whiten(b);
        match self {
            Factor::Cholesky(l) => {
                solve_lower_transposed(l, &mut white);
                white
            }
            Factor::Spectrum { vectors, inverse } => {
                for (mut row, inverse) in white.row_iter_mut().zip(inverse.iter()) {
                    row *= inverse.sqrt();
                }
                vectors * white
            }
        }
    }
}

impl Regression {
    /// Factorises `K + T`; `kernel`: symmetric `samples x samples` (the lower triangle is read), `temperature` `T >= 0`.
    ///
    /// # Errors
    /// Shapes that do not fit, entries that are not finite, `T < 0`; `Unconverged` when `K` has a negative eigenvalue
    /// that is not rounding.
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
        let mut kernel = kernel;
        for i in 0..p {
            kernel[(i, i)] += temperature;
        }
        let (factor, warning) = match cholesky(&kernel) {
            Ok(l) => (Factor::Cholesky(l), None),
            Err(_) => spectrum(&kernel, y, temperature)?,
        };
        Ok(Regression {
            discrepancy: factor.solve(&y.transpose()),
            factor,
            targets: y.clone(),
            temperature,
            warning,
        })
    }

    /// What the reader of the result must know: that `K + T` is singular to rounding, its rank, and how much of the
    /// targets no function of the kernel can take. `None` otherwise.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
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

    /// Posterior mean on the training samples, by the residual identity `y - fbar = T (K + T)^{-1} y`, which keeps its
    /// digits when the residual is small; of a singular matrix, the projection of the targets.
    pub fn training_mean(&self) -> DMatrix<f64> {
        match &self.factor {
            Factor::Cholesky(_) => &self.targets - self.discrepancy.transpose() * self.temperature,
            Factor::Spectrum { vectors, inverse } => {
                let mut inside = &self.targets * vectors;
                for (mut column, inverse) in inside.column_iter_mut().zip(inverse.iter()) {
                    column *= 1.0 - self.temperature * inverse;
                }
                inside * vectors.transpose()
            }
        }
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
        let whitened = self.factor.whiten(cross);
        let explained = whitened.column_iter().map(|c| c.norm_squared());
        let left = prior.iter().zip(explained).map(|(k, e)| (k - e).max(0.0));
        Ok(DVector::from_iterator(prior.len(), left))
    }

    /// Log evidence, summed over outputs.
    ///
    /// # Errors
    /// A singular `K + T`: the targets then have no density.
    pub fn log_evidence(&self) -> Result<f64> {
        let Factor::Cholesky(l) = &self.factor else {
            return Err(Error::input(
                "temperature",
                "the kernel matrix is singular to rounding, so that the targets have no density",
                "raise the temperature (ridge), or remove repeated samples",
            ));
        };
        let (outputs, p) = self.targets.shape();
        let fit: f64 = self
            .targets
            .row_iter()
            .zip(self.discrepancy.column_iter())
            .map(|(y, t)| y.transpose().dot(&t))
            .sum();
        let log_det: f64 = 2.0 * l.diagonal().iter().map(|l| l.ln()).sum::<f64>();
        let each = log_det + p as f64 * std::f64::consts::TAU.ln();
        Ok(-0.5 * (fit + outputs as f64 * each))
    }

    fn fits(&self, cross: &DMatrix<f64>) -> Result<()> {
        let samples = self.discrepancy.nrows();
        if cross.nrows() == samples {
            return Ok(());
        }
        Err(shape(format!(
            "{} rows for {samples} training samples",
            cross.nrows()
        )))
    }
}

/// The pseudo-inverse of `shifted = K + T`, and what it leaves out.
fn spectrum(
    shifted: &DMatrix<f64>,
    y: &DMatrix<f64>,
    temperature: f64,
) -> Result<(Factor, Option<String>)> {
    let p = shifted.nrows();
    let (values, vectors) = eigh(shifted)?;
    let (least, most) = (values.min(), values.max());
    if least < -INDEFINITE * most {
        return Err(Error::unconverged(
            "kernel regression",
            format!(
                "the {p} x {p} kernel matrix has the eigenvalue {least:.1e} beside {most:.1e}: it is not positive"
            ),
            "raise ridge, or use another kernel",
        ));
    }
    // What is negative is rounding, and shows its size.
    let floor = (pivot_floor(p) * most).max(-2.0 * least);
    let kept: Vec<usize> = (0..p).filter(|&i| values[i] > floor).collect();
    let vectors = vectors.select_columns(&kept);
    let inverse = DVector::from_iterator(kept.len(), kept.iter().map(|&i| 1.0 / values[i]));
    let all = y.norm_squared();
    let inside = (y * &vectors).norm_squared();
    let outside = if all > 0.0 {
        (1.0 - inside / all).max(0.0)
    } else {
        0.0
    };
    let warning = format!(
        "the kernel matrix of {p} samples has rank {} to rounding with ridge = {temperature:?}: the function of \
         smallest norm with the least squared error is taken, which leaves {:.3} of the targets' sum of squares; \
         raise ridge, or expect it (repeated samples, or more samples than the kernel has directions)",
        kept.len(),
        outside
    );
    Ok((Factor::Spectrum { vectors, inverse }, Some(warning)))
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
