//! Errors and p-values without a closed form: where the covariance is shrunk, or the theory has a statistical error.

use super::covariance::{Covariance, Shrink};
use crate::error::Result;
use crate::numerics::linalg::cholesky;
use crate::numerics::random::{normal_matrix, stream};
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

/// Synthetic experiments behind a p-value.
const EXPERIMENTS: usize = 1000;
/// Random sign patterns behind a p-value, and the number of draws up to which all patterns are used instead.
const FLIPS: usize = 4096;
const ALL_FLIPS: usize = 12;

/// Variance of the estimate of each parameter, with every draw weighed by what the others say.
///
/// ```text
/// V_j = (n - 1)/n 1/n^2 sum_r [ E_(-r) (e_r - mean of the others) ]_j^2  +  (E diag(s^2) E^T)_jj
/// ```
///
/// `E_(-r)` is the linearised estimator whose covariance, shrinkage included, comes from all draws but `r`. Weights of
/// shrunk covariances follow the noise of the draws they were made of, and make the scatter of these draws look too
/// small; a draw that had no part in them shows the scatter that there is. The expectation is the true variance for
/// draws of any law, up to the difference between the weights of `n` and of `n - 1` draws.
///
/// `jacobian` holds the derivatives of the whitened residuals, `differences` one row per draw.
pub(super) fn held_out_variances(
    covariance: &Covariance,
    jacobian: &DMatrix<f64>,
    differences: &DMatrix<f64>,
    stderr: Option<&[f64]>,
) -> Result<Vec<f64>> {
    let n = differences.nrows();
    let count = n as f64;
    let raw = covariance.colour(jacobian);
    let shrink = if covariance.shrinkage > 0.0 {
        Shrink::Yes
    } else {
        Shrink::No
    };
    let step = |r: usize| -> Result<DVector<f64>> {
        let others = differences.clone().remove_row(r);
        let own = (differences.row(r) - others.row_mean()).transpose();
        let covariance = Covariance::of(&others, stderr, shrink)?;
        Ok(covariance.estimator(&covariance.whiten(&raw))?.weights * own)
    };
    let steps = (0..n)
        .into_par_iter()
        .map(step)
        .collect::<Result<Vec<_>>>()?;
    let weights = covariance.estimator(jacobian)?.weights;
    let theory = |j: usize| -> f64 {
        let errors = stderr.into_iter().flatten().enumerate();
        errors.map(|(k, s)| (weights[(j, k)] * s).powi(2)).sum()
    };
    let drawn =
        |j: usize| steps.iter().map(|s| s[j] * s[j]).sum::<f64>() * (count - 1.0) / count.powi(3);
    Ok((0..jacobian.ncols())
        .map(|j| drawn(j) + theory(j))
        .collect())
}

/// Probability of a larger minimum of chi2 beside a theory with a standard error, by synthetic experiments.
///
/// Each has `n` normal draws with the estimated (shrunk) covariance and one normal draw of the theory's error. Its
/// chi2 is formed as that of the measurement, with its own covariance and shrinkage, and minimised over the
/// linearised parameters.
pub(super) fn synthetic(
    covariance: &Covariance,
    jacobian: &DMatrix<f64>,
    chi2: f64,
    stderr: &[f64],
    n: usize,
    seed: u64,
) -> Result<f64> {
    let m = jacobian.nrows();
    let raw = covariance.colour(jacobian);
    let mut scatter = &covariance.matrix * n as f64;
    for (k, s) in stderr.iter().enumerate() {
        scatter[(k, k)] -= n as f64 * s * s;
    }
    let lower = cholesky(&scatter)?;
    let shrink = if covariance.shrinkage > 0.0 {
        Shrink::Yes
    } else {
        Shrink::No
    };
    let larger = |index: usize| -> Result<bool> {
        let mut rng = stream(seed, "fit experiments", &[index as u64]);
        let noise = normal_matrix(&mut rng, n, m) * lower.transpose();
        let theory = normal_matrix(&mut rng, m, 1);
        let mean = DMatrix::from_fn(m, 1, |k, _| {
            noise.column(k).sum() / n as f64 + stderr[k] * theory[k]
        });
        let covariance = Covariance::of(&noise, Some(stderr), shrink)?;
        let left = without(&basis(covariance.whiten(&raw)), covariance.whiten(&mean));
        Ok(left.norm_squared() >= chi2)
    };
    let all = (0..EXPERIMENTS)
        .into_par_iter()
        .map(larger)
        .collect::<Result<Vec<_>>>()?;
    let count = all.iter().filter(|larger| **larger).count();
    Ok((count + 1) as f64 / (EXPERIMENTS + 1) as f64)
}

/// Orthonormal directions into which the parameters move the whitened mean.
fn basis(slopes: DMatrix<f64>) -> DMatrix<f64> {
    if slopes.ncols() > 0 {
        slopes.qr().q()
    } else {
        slopes
    }
}

/// Columns without what a step of the parameters could take away.
fn without(basis: &DMatrix<f64>, columns: DMatrix<f64>) -> DMatrix<f64> {
    &columns - basis * basis.tr_mul(&columns)
}

/// Probability of a larger minimum of chi2, by changing the signs of whole draws of the differences at the estimate.
///
/// Where the theory holds and the errors are symmetric, the combinations of points on which no parameter acts are as
/// likely as with any other signs. The covariance is taken about zero here, so that no sign changes it.
///
/// `differences` has one row per draw. Up to 12 draws all patterns are used, else 4096 random ones.
pub(super) fn sign_flips(
    covariance: &Covariance,
    jacobian: &DMatrix<f64>,
    differences: &DMatrix<f64>,
    seed: u64,
) -> Result<f64> {
    let n = differences.nrows();
    let about_zero = Covariance::about_zero(differences, covariance.shrinkage)?;
    let moved = basis(about_zero.whiten(&covariance.colour(jacobian)));
    // Columns are draws.
    let draws = without(&moved, about_zero.whiten(&differences.transpose()));
    let observed = draws.column_sum().norm_squared();
    let all = n <= ALL_FLIPS;
    let patterns = if all { 1 << (n - 1) } else { FLIPS };
    let larger = |pattern: &usize| {
        let plus: Vec<bool> = match all {
            true => (0..n).map(|r| (pattern >> r) & 1 == 0).collect(),
            false => {
                let mut rng = stream(seed, "fit flips", &[*pattern as u64]);
                normal_matrix(&mut rng, n, 1)
                    .iter()
                    .map(|z| *z > 0.0)
                    .collect()
            }
        };
        let signs = DVector::from_fn(n, |r, _| if plus[r] { 1.0 } else { -1.0 });
        (&draws * signs).norm_squared() >= observed * (1.0 - 1e-12)
    };
    let count = (0..patterns).into_par_iter().filter(larger).count();
    Ok(match all {
        true => count as f64 / patterns as f64,
        false => (count + 1) as f64 / (patterns + 1) as f64,
    })
}
