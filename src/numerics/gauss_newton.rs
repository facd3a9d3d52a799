//! Weighted non-linear least squares, for models that are nearly linear.

use crate::error::{Error, Result};
use crate::numerics::statistics::least_squares;
use nalgebra::{DMatrix, DVector};

/// A fitted number with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Fitted value.
    pub value: f64,
    /// Standard error; 0 for a value that was held fixed.
    pub stderr: f64,
}

/// The minimum found.
#[derive(Debug, Clone)]
pub struct Minimum {
    /// Parameters.
    pub parameters: DVector<f64>,
    /// `(J^T W J)^-1` at the minimum.
    pub covariance: DMatrix<f64>,
    /// `sum_i w_i (y_i - f_i)^2`.
    pub chi2: f64,
}

/// Minimises `sum_i w_i (y_i - f_i(b))^2` from `start` by Gauss-Newton steps, halved until the sum falls.
///
/// `model` returns `f` and its Jacobian. Ends when every step is below 1e-8 of its standard error, or below
/// 1e-5 of it and the sum no longer falls (rounding).
pub fn minimise(
    start: DVector<f64>,
    y: &DVector<f64>,
    weights: &[f64],
    model: impl Fn(&DVector<f64>) -> (DVector<f64>, DMatrix<f64>),
) -> Result<Minimum> {
    let chi2 =
        |f: &DVector<f64>| -> f64 { (y - f).iter().zip(weights).map(|(r, w)| w * r * r).sum() };
    let mut parameters = start;
    let (mut f, mut jacobian) = model(&parameters);
    let mut sum = chi2(&f);
    for _ in 0..200 {
        let fit = least_squares(&jacobian, &(y - &f), weights)?;
        let step = fit.coefficients;
        let error = fit.covariance.diagonal().map(f64::sqrt);
        let below = |share: f64| {
            let mut pairs = step.iter().zip(error.iter());
            pairs.all(|(s, e)| s.abs() <= share * e)
        };
        let taken = (0..30).find_map(|halvings| {
            let trial = &parameters + &step * 0.5f64.powi(halvings);
            let (value, slope) = model(&trial);
            let new = chi2(&value);
            (new < sum).then_some((trial, value, slope, new))
        });
        let stalled = taken.is_none();
        if let Some(better) = taken {
            (parameters, f, jacobian, sum) = better;
        }
        if below(1e-8) || stalled && below(1e-5) {
            return Ok(Minimum {
                parameters,
                covariance: fit.covariance,
                chi2: sum,
            });
        }
        if stalled {
            break;
        }
    }
    Err(Error::unconverged(
        "least squares",
        format!("chi2 stopped falling at {sum:e}"),
        "start closer to the solution, or fit fewer terms",
    ))
}
