//! Finite width as a source of quartic vertices, exactly: a Bayesian network with one hidden layer of linear neurons.

use crate::error::{Error, Result};
use crate::numerics::linalg::eigh;
use nalgebra::{DMatrix, DVector};

/// `ln Q` runs up to this, and down to its negative minus `DECAY/N`, since `p(ln Q) ~ Q^{N/2}` for small `Q`.
const REACH: f64 = 6.0;
const DECAY: f64 = 120.0;
const POINTS: usize = 4000;

/// The posterior of the scale `Q = |a|^2/N` of the readout, given the data.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalePosterior {
    /// `E[Q]`
    pub mean: f64,
    /// Standard deviation of `Q`.
    pub deviation: f64,
    /// `E[(K Q + sigma^2)^{-1} Q] t`: the mean predictor at an input with kernel vector `k` is `k . dual`.
    pub dual: DVector<f64>,
    /// Points `ln Q` and their probabilities.
    pub law: Vec<(f64, f64)>,
    /// Probability of the two end points of the grid, which must be negligible.
    pub cut: f64,
}

impl ScalePosterior {
    /// Posterior mean coefficients `theta_k = lam_k phi_k . dual` in the features `phi` (`P` rows, `D` columns).
    ///
    /// # Errors
    /// Features or eigenvalues whose numbers differ from those of the samples or of each other.
    pub fn coefficients(&self, features: &DMatrix<f64>, eigenvalues: &[f64]) -> Result<Vec<f64>> {
        let expected = (self.dual.len(), eigenvalues.len());
        if features.shape() != expected {
            return Err(Error::input(
                "features",
                format!("their shape is {:?}, not {expected:?}", features.shape()),
                "give one row per training sample and one column per eigenvalue",
            ));
        }
        let projected = features.tr_mul(&self.dual);
        let pairs = projected.iter().zip(eigenvalues);
        Ok(pairs.map(|(value, lam)| lam * value).collect())
    }
}

/// `3 (2/N) K(x,x)^2`: the fourth cumulant of the prior of `f(x)` at width `N`, the quartic vertex of finite width;
/// it vanishes for infinite width, `E f^4 = 3 (1 + 2/N) K^2`. Derived.
pub fn prior_cumulant(kernel: f64, width: f64) -> f64 {
    6.0 / width * kernel * kernel
}

/// The exact posterior of a network `f(x) = N^{-1/2} sum_j a_j w_j . phi(x)` with the Gaussian likelihood of variance
/// `ridge` `sigma^2`.
///
/// ```text
/// a_j ~ N(0, 1),  w_jk ~ N(0, lam_k)
/// given a, f is a Gaussian process with the kernel Q K,   Q = |a|^2/N ~ chi^2_N/N
/// p(ln Q | t) ~ Q^{N/2} e^{-N Q/2} det(Q K + sigma^2)^{-1/2} exp( -(1/2) t^T (Q K + sigma^2)^{-1} t )
/// theta_k = lam_k phi_k^T E[ Q (Q K + sigma^2)^{-1} ] t
/// N -> inf:   E[Q] = 1 + (t^T S^{-1} K S^{-1} t - tr K S^{-1})/N,   S = K + sigma^2
/// ```
///
/// `gram` is `K` on the training inputs, `targets` is `t`, `width` `N` (any real number > 0). Both layers are
/// sampled, not only the last: the network learns the scale of its features. Derived. Cost: one eigendecomposition,
/// then 4,000 points of `O(P)`.
///
/// # Errors
/// Sizes that differ, numbers out of range, a kernel with a negative eigenvalue; a posterior that leaves the grid
/// (`ln Q` above 6).
///
/// ```
/// use nalgebra::{DMatrix, DVector};
/// let (gram, targets) = (DMatrix::identity(1, 1), DVector::from_element(1, 2.0));
/// let wide = saddlepoint::rg::finite_width::scale_posterior(&gram, &targets, 0.5, 1e6)?;
/// assert!((wide.mean - 1.0).abs() < 1e-5 && (wide.dual[0] - 2.0 / 1.5).abs() < 1e-5);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn scale_posterior(
    gram: &DMatrix<f64>,
    targets: &DVector<f64>,
    ridge: f64,
    width: f64,
) -> Result<ScalePosterior> {
    let samples = targets.len();
    let positive = |v: f64| v.is_finite() && v > 0.0;
    let finite = gram.iter().chain(targets.iter()).all(|v| v.is_finite());
    if samples == 0 || gram.shape() != (samples, samples) || !finite {
        return Err(Error::input(
            "gram",
            "its size is not that of the targets, there are none, or a number is not finite",
            "give the kernel on the training inputs, one row per target",
        ));
    }
    if !(positive(ridge) && positive(width)) {
        return Err(Error::input(
            "width",
            format!("width {width} or ridge {ridge} is out of range"),
            "give finite numbers > 0",
        ));
    }
    let (eigenvalues, vectors) = eigh(gram)?;
    let trace: f64 = eigenvalues.iter().map(|e| e.abs()).sum();
    if let Some(least) = eigenvalues.iter().copied().find(|&e| e < -1e-10 * trace) {
        return Err(Error::input(
            "gram",
            format!("it has the negative eigenvalue {least:e}"),
            "give a kernel that is positive semidefinite",
        ));
    }
    let eigenvalues: Vec<f64> = eigenvalues.iter().map(|e| e.max(0.0)).collect();
    let projected: Vec<f64> = vectors.tr_mul(targets).iter().copied().collect();
    let density = |log: f64| {
        let scale = log.exp();
        let mut value = 0.5 * width * (log - scale + 1.0);
        for (&e, &z) in eigenvalues.iter().zip(&projected) {
            let all = scale * e + ridge;
            value -= 0.5 * ((scale * e / ridge).ln_1p() + z * z / all);
        }
        value
    };
    let grid = refined(&density, -REACH - DECAY / width);
    let top = grid.iter().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = grid.iter().map(|p| (p.1 - top).exp()).sum();
    let law: Vec<(f64, f64)> = grid
        .iter()
        .map(|&(log, value)| (log, (value - top).exp() / total))
        .collect();
    let cut = law[0].1 + law[law.len() - 1].1;
    // Not-a-number counts as a failure.
    let passed = cut < 1e-12;
    if !passed {
        return Err(Error::unconverged(
            "posterior of the scale",
            format!("the probability at the ends of the grid is {cut:.1e}"),
            "scale the targets or the kernel: ln Q reaches above 6",
        ));
    }
    let moment = |f: &dyn Fn(f64) -> f64| law.iter().map(|&(log, p)| p * f(log.exp())).sum::<f64>();
    let mean = moment(&|q| q);
    let variance = moment(&|q| (q - mean) * (q - mean));
    let mut weights = DVector::from_vec(projected.clone());
    for (weight, &e) in weights.iter_mut().zip(&eigenvalues) {
        *weight *= moment(&|q| q / (q * e + ridge));
    }
    Ok(ScalePosterior {
        mean,
        deviation: variance.sqrt(),
        dual: &vectors * weights,
        law,
        cut,
    })
}

/// The density on a grid of `ln Q` over the reach, or over that part of it where it is above `e^-60` of its peak:
/// wide networks have a narrow law.
fn refined(density: &impl Fn(f64) -> f64, least: f64) -> Vec<(f64, f64)> {
    let grid = |low: f64, high: f64| -> Vec<(f64, f64)> {
        let at = |i: usize| low + (high - low) * i as f64 / (POINTS - 1) as f64;
        (0..POINTS).map(|i| (at(i), density(at(i)))).collect()
    };
    let mut current = grid(least, REACH);
    for _ in 0..20 {
        let top = current
            .iter()
            .map(|p| p.1)
            .fold(f64::NEG_INFINITY, f64::max);
        let inside = |p: &(f64, f64)| p.1 > top - 60.0;
        let (Some(first), Some(last)) = (
            current.iter().position(inside),
            current.iter().rposition(inside),
        ) else {
            break;
        };
        if last - first > POINTS / 8 {
            break;
        }
        let (low, high) = (first.saturating_sub(1), (last + 1).min(POINTS - 1));
        current = grid(current[low].0, current[high].0);
    }
    current
}

#[cfg(test)]
#[path = "finite_width_tests.rs"]
mod tests;
