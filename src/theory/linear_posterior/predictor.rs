//! Moments of the predictor of a deep linear Bayesian network at any inputs.

use super::solve;
use crate::error::{Error, Result};
use crate::numerics::linalg::svd;
use nalgebra::{DMatrix, RowDVector};

/// Posterior moments of the outputs at given inputs, `outputs x inputs given`.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictor {
    /// `E[f(x) | D]`
    pub mean: DMatrix<f64>,
    /// `E[f(x)^2 | D]`
    pub second: DMatrix<f64>,
    /// `E[f | D]` at the training inputs, `outputs x P`.
    pub training: DMatrix<f64>,
    /// `ln p(y | X)`, summed over the outputs.
    pub log_evidence: f64,
    /// `E[q | D]` of every output, the scale of the kernel.
    pub scales: Vec<f64>,
    /// Points of the largest grid of `ln q`.
    pub points: usize,
}

/// Posterior moments of a network with the prior `f | q ~ GP(0, q K0)`, `K0(x, x') = sigma x . x'`, `q = prod_l chi^2_{N_l}/N_l`, and the
/// likelihood variance `temperature` `T`; every output is solved by itself.
///
/// ```text
/// X = U diag(s) W^T,  lam_i = sigma s_i^2,  z = W^T y,  c = U^T x
/// E[f | q] = sum_i q sigma s_i z_i c_i/(q lam_i + T)
/// Var[f | q] = q sigma (|x|^2 - |c|^2) + sum_i q sigma T c_i^2/(q lam_i + T)
/// E[f | D] = <E[f|q]>,  E[f^2 | D] = <Var[f|q] + E[f|q]^2>      averages over p(q | D) of [`solve`]
/// ln p(y | X) = ln p(z) - ((P - r)/2) ln(2 pi T) - (|y|^2 - |z|^2)/(2 T)                r = min(inputs, P) modes
/// ```
///
/// `x: inputs x P`, `y: outputs x P`, `at: inputs x M`. Exact for one output at every width, and for any number of outputs without hidden
/// layers (`widths` empty: Bayesian linear regression, `q = 1`). Cost: a singular value decomposition, and `P M` per grid point.
///
/// # Errors
/// Those of [`solve`]; `sigma` that is not a finite number > 0; several outputs with hidden layers, whose scales are a matrix.
///
/// ```
/// use nalgebra::DMatrix;
/// use saddlepoint::theory::linear_posterior::predict;
/// // One weight with prior variance 1, one sample (x, y) = (1, 1), T = 1: the posterior is N(1/2, 1/2).
/// let scalar = |v: f64| DMatrix::from_element(1, 1, v);
/// let p = predict(&[], 1.0, 1.0, &scalar(1.0), &scalar(1.0), &scalar(2.0))?;
/// assert!((p.mean[0] - 1.0).abs() < 1e-14 && (p.second[0] - 3.0).abs() < 1e-14);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn predict(
    widths: &[usize],
    sigma: f64,
    temperature: f64,
    x: &DMatrix<f64>,
    y: &DMatrix<f64>,
    at: &DMatrix<f64>,
) -> Result<Predictor> {
    if !(sigma.is_finite() && sigma > 0.0) {
        return Err(Error::input(
            "learner.prior",
            format!("the kernel of the network has the scale {sigma}"),
            "give variances > 0",
        ));
    }
    if y.nrows() > 1 && !widths.is_empty() {
        return Err(Error::input(
            "task",
            format!("{} outputs share the hidden layers", y.nrows()),
            "use a task with one output, or a network without hidden layers",
        ));
    }
    let (u, s, w) = svd(x)?;
    let eigenvalues: Vec<f64> = s.iter().map(|s| sigma * s * s).collect();
    let (targets, inside) = (y * &w, u.tr_mul(at));
    // Directions of the samples off the data matrix: what is seen there is noise.
    let unseen = (y.ncols() - s.len()) as f64 * (std::f64::consts::TAU * temperature).ln();
    let outside: Vec<f64> = (0..at.ncols())
        .map(|m| (at.column(m).norm_squared() - inside.column(m).norm_squared()).max(0.0))
        .collect();
    let mut found = Predictor {
        mean: DMatrix::zeros(y.nrows(), at.ncols()),
        second: DMatrix::zeros(y.nrows(), at.ncols()),
        training: DMatrix::zeros(y.nrows(), y.ncols()),
        log_evidence: 0.0,
        scales: Vec::new(),
        points: 0,
    };
    for output in 0..y.nrows() {
        let z: Vec<f64> = targets.row(output).iter().copied().collect();
        let posterior = solve(widths, &eigenvalues, &z, temperature)?;
        found.scales.push(posterior.scale);
        found.points = found.points.max(posterior.points);
        let noise = y.row(output).norm_squared() - targets.row(output).norm_squared();
        found.log_evidence +=
            posterior.log_evidence - 0.5 * unseen - 0.5 * noise.max(0.0) / temperature;
        let modes = RowDVector::from_row_slice(&posterior.mean);
        found.training.set_row(output, &(modes * w.transpose()));
        for &(q, probability) in &posterior.scales {
            // Posterior variance of each coordinate of the end-to-end vector, and its mean.
            let spread: Vec<f64> = eigenvalues
                .iter()
                .map(|lam| q * sigma * temperature / (q * lam + temperature))
                .collect();
            let vector: Vec<f64> = (0..z.len())
                .map(|i| spread[i] * s[i] * z[i] / temperature)
                .collect();
            for (m, outside) in outside.iter().enumerate() {
                let (mut mean, mut variance) = (0.0, q * sigma * outside);
                for ((c, v), spread) in inside.column(m).iter().zip(&vector).zip(&spread) {
                    mean += c * v;
                    variance += c * c * spread;
                }
                found.mean[(output, m)] += probability * mean;
                found.second[(output, m)] += probability * (variance + mean * mean);
            }
        }
    }
    Ok(found)
}
