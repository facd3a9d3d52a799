//! The self-consistent average over data sets: one scalar equation for the effective ridge.

use super::{Level, check};
use crate::error::{Error, Result};
use crate::numerics::root::brent;

/// Averages over data sets of `P` samples.
#[derive(Debug, Clone, PartialEq)]
pub struct LearningCurve {
    /// Effective ridge `kap` (`kap/P` in the convention with the mean loss).
    pub kappa: f64,
    /// `gam`, in `[0, 1)`: the share of the samples spent on fluctuations.
    pub gamma: f64,
    /// `E_g = E (fbar - g)^2`, without the label noise of the test sample.
    pub generalization_error: f64,
    /// `E_tr = E (1/P) sum (fbar - y)^2`, with the label noise of the training samples; `E_g + s_n^2` at `P = 0`.
    pub training_error: f64,
    /// Share of the target that is learned in every level on average: `P lam_k/(kap + P lam_k)`.
    pub learned: Vec<f64>,
    /// Residual of the equation of `kap`, relative to `kap`.
    pub residual: f64,
    /// Evaluations of the equation of `kap`; 0 where it is solved in closed form.
    pub iterations: usize,
}

/// Learning curve of kernel ridge regression, `min sum (f - y)^2 + ridge |f|_H^2` (a Gaussian process with `T = ridge`), on `samples`
/// `P` with label noise of variance `noise` `s_n^2`.
///
/// ```text
/// kap = ridge + kap sum_k lam_k/(kap + P lam_k)
/// gam = P sum_k lam_k^2/(kap + P lam_k)^2
/// E_g = [ sum_k w_k^2 kap^2/(kap + P lam_k)^2 + s_n^2 gam ] / (1 - gam)
/// E_tr = (ridge/kap)^2 (E_g + s_n^2)
/// ```
///
/// Exact for Gaussian features as `P`, number of modes `-> inf`; corrections are `O(1/P)`. Modes with `lam = 0` are never learned
/// and act as noise. The equation has one positive root, which lies in `[ridge, ridge + sum lam]` (Brent's method in `ln kap`). At
/// `ridge = 0` it is positive as long as `P < rank`; beyond, `kap = 0` and the limits `kap -> 0` of the formulas are returned.
///
/// Sources: Bordelon, Canatar, Pehlevan 2020, arXiv:2002.02561; Canatar, Bordelon, Pehlevan 2021, arXiv:2006.13198.
///
/// # Errors
/// Numbers that are negative or not finite; `ridge = 0` with `P = rank`, the interpolation threshold, where `E_g` diverges.
///
/// ```
/// use saddlepoint::theory::learning_curve::{learning_curve, Level};
/// // 20 equal modes, no ridge: E_g = (1 - P/M) sum w^2.
/// let modes = [Level { eigenvalue: 0.3, multiplicity: 20.0, target: 2.0 }];
/// let curve = learning_curve(&modes, 5.0, 0.0, 0.0)?;
/// assert!((curve.generalization_error - 1.5).abs() < 1e-12);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn learning_curve(
    levels: &[Level],
    samples: f64,
    ridge: f64,
    noise: f64,
) -> Result<LearningCurve> {
    check(
        levels,
        &[("samples", samples), ("ridge", ridge), ("noise", noise)],
    )?;
    let positive = || levels.iter().filter(|l| l.eigenvalue > 0.0);
    let rank: f64 = positive().map(|l| l.multiplicity).sum();
    let root = effective_ridge(levels, samples, ridge, rank)?;
    let kappa = root.kappa;
    // What is left of a level, kap/(kap + P lam), also in the limit kap -> 0.
    let left = |level: &Level| match samples * level.eigenvalue {
        0.0 => 1.0,
        signal => kappa / (kappa + signal),
    };
    let gamma: f64 = positive()
        .filter(|_| samples > 0.0)
        .map(|l| l.multiplicity * (1.0 - left(l)).powi(2) / samples)
        .sum();
    if gamma >= 1.0 {
        return Err(Error::unconverged(
            "learning curve",
            format!(
                "gamma = {gamma} at P = {samples} = rank and ridge = {ridge}: the error diverges"
            ),
            "use a ridge > 0 or another number of samples",
        ));
    }
    let bias: f64 = levels.iter().map(|l| l.target * left(l).powi(2)).sum();
    let generalization_error = (bias + noise * gamma) / (1.0 - gamma);
    Ok(LearningCurve {
        kappa,
        gamma,
        generalization_error,
        training_error: root.share.powi(2) * (generalization_error + noise),
        learned: levels.iter().map(|l| 1.0 - left(l)).collect(),
        residual: root.residual,
        iterations: root.iterations,
    })
}

struct Effective {
    kappa: f64,
    /// `ridge / kap`, also in the limit of both to 0.
    share: f64,
    residual: f64,
    iterations: usize,
}

fn effective_ridge(levels: &[Level], samples: f64, ridge: f64, rank: f64) -> Result<Effective> {
    let trace: f64 = levels.iter().map(|l| l.multiplicity * l.eigenvalue).sum();
    let closed = |kappa: f64, share: f64| Effective {
        kappa,
        share,
        residual: 0.0,
        iterations: 0,
    };
    if trace == 0.0 {
        return Ok(closed(ridge, 1.0));
    }
    if ridge == 0.0 && samples >= rank {
        return Ok(closed(0.0, 1.0 - rank / samples));
    }
    // 1 - ridge/kap - sum lam/(kap + P lam): increasing in kap.
    let gap = |kappa: f64| {
        let spread = |l: &Level| l.multiplicity * l.eigenvalue / (kappa + samples * l.eigenvalue);
        1.0 - ridge / kappa - levels.iter().map(spread).sum::<f64>()
    };
    let smallest = levels
        .iter()
        .map(|l| l.eigenvalue)
        .filter(|e| *e > 0.0)
        .fold(f64::INFINITY, f64::min);
    let low = ridge.max(0.5 * smallest * (rank - samples));
    let high = (ridge + trace) * (1.0 + 1e-12);
    let root = brent(|u| gap(u.exp()), low.ln() - 1e-9, high.ln(), 1e-15)?;
    let kappa = root.x.exp();
    Ok(Effective {
        kappa,
        share: ridge / kappa,
        residual: gap(kappa).abs(),
        iterations: root.evaluations,
    })
}

#[cfg(test)]
#[path = "self_consistent_tests.rs"]
mod tests;
