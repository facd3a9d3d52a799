//! Kernel scaling: a Bayesian network as the Gaussian process of its own kernel, times one number that the data choose.

use super::Failure;
use crate::error::{Error, Result};
use crate::numerics::root::brent;

const NAME: &str = "kernel scaling";
/// The scan for roots: `ln Q` from -10 to 10, widened with the same spacing until the slope points inwards at both
/// ends.
const REACH: f64 = 10.0;
const POINTS: usize = 400;
const MOST_WIDENINGS: usize = 60;

/// The data as the action sees them, in the eigenbasis of the kernel; all of them at `chi = 1`.
#[derive(Debug, Clone, Copy)]
pub struct Modes<'a> {
    /// `lam_i >= 0`, eigenvalues of the kernel `K` of the infinitely wide network on the training inputs, with `s_a^2`.
    pub eigenvalues: &'a [f64],
    /// `z_i`, the targets in the eigenvectors of `K`.
    pub targets: &'a [f64],
    /// `T`
    pub temperature: f64,
    /// `chi`, which divides `K` and `T`.
    pub chi: f64,
}

impl Modes<'_> {
    fn pairs(&self) -> impl Iterator<Item = (f64, f64)> {
        let lam = self.eigenvalues.iter().copied();
        lam.zip(self.targets.iter().copied())
    }

    /// `1/2 log det(I + Q K/T) + chi/2 y^T (Q K + T)^{-1} y`, and its first two derivatives by `ln Q`.
    fn cost(&self, log_scale: f64) -> [f64; 3] {
        let (scale, t) = (log_scale.exp(), self.temperature);
        let mut sum = [0.0; 3];
        for (lam, z) in self.pairs() {
            let (signal, square) = (scale * lam, self.chi * z * z);
            let all = signal + t;
            let learned = signal / all;
            sum[0] += 0.5 * ((signal / t).ln_1p() + square / all);
            sum[1] += 0.5 * (learned - square * learned / all);
            sum[2] += 0.5 * (learned * t / all - square * learned * (t - signal) / (all * all));
        }
        sum
    }

    pub(super) fn check(&self) -> Result<()> {
        let positive = |v: f64| v.is_finite() && v > 0.0;
        let cause = if self.eigenvalues.len() != self.targets.len() || self.targets.is_empty() {
            "numbers of eigenvalues and targets that differ, or none"
        } else if self
            .eigenvalues
            .iter()
            .any(|l| !(l.is_finite() && *l >= 0.0))
        {
            "an eigenvalue that is negative or not finite (clip what rounding made negative to 0)"
        } else if self.targets.iter().any(|z| !z.is_finite()) {
            "a target that is not finite"
        } else if !positive(self.temperature) || !positive(self.chi) {
            "a temperature or chi that is not a finite number > 0"
        } else {
            return Ok(());
        };
        Err(Error::input(
            "modes",
            cause,
            "check the data and the priors",
        ))
    }
}

/// A stationary point of the action.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelScale {
    /// `q_l`, the factor of every hidden layer.
    pub layers: Vec<f64>,
    /// `Q = q_1 ... q_L`: the mean predictor is that of a Gaussian process with the kernel `Q K` and the temperature
    /// `T`.
    pub scale: f64,
    /// `Shat`; `-Shat` is the log evidence `ln Z` without fluctuations of `q`.
    pub action: f64,
    /// `ln Z` with the fluctuations of all `ln q_l`; none where the point is no minimum.
    pub log_evidence: Option<f64>,
    /// Modulus of the slope of the action by `ln Q` that the root search left, over the narrowest width.
    pub residual: f64,
}

/// All stationary points of the action of kernel scaling, by rising action: the first is the theory's answer.
///
/// A network with `L` hidden layers of widths `N_l` is, in this approximation, a Gaussian process with the kernel
/// `Q K`, where `K` is the kernel at infinite width and `Q = q_1 ... q_L`. The `q_l` are the sizes of the layers, and
/// minimise
///
/// ```text
/// Shat = sum_l (N_l/2)(q_l - 1 - ln q_l) + 1/2 log det(I + Q K/T) + (chi/2) y^T (Q K + T)^{-1} y
/// dShat/dln q_l = (N_l/2)(q_l - 1) + 1/2 sum_i [ Q lam_i/(Q lam_i + T) - chi z_i^2 Q lam_i/(Q lam_i + T)^2 ] = 0
/// ln Z = -Shat - 1/2 ln( prod_l q_l [1 + D'' sum_l 2/(N_l q_l)] )
/// ```
///
/// `D''` is the second derivative of the two terms of the data by `ln Q`. `chi` divides `K` and `T`: it leaves `Q K/T`
/// alone and multiplies the quadratic term. The sum over modes is the same for every layer, so that `N_l (q_l - 1)` is
/// too: one unknown remains, and all roots in it are bracketed by a scan of `ln Q` and polished by Brent's method.
/// `ln Z` is `ln E exp(-Loss/T)` over the prior, `ln p(y) = ln Z - (P/2) ln(2 pi T/chi)`.
///
/// For linear networks this is Laplace's approximation of the exact posterior of `q`: at fixed `chi` the error of `Q`
/// is `O(1/N)`, and that of `ln Z` with the determinant is `O(1/N^2)`, since the next order is that of the prior alone,
/// which its normalisation cancels. With `chi` of the order of `N` the error of `ln Z` is `O(1/N)`. For other
/// activations this is an approximation by equivalent Gaussian features, made for `E phi = 0` and `P` of the order of
/// `N`; a direction that features learn is beyond it.
///
/// Cost: `O(P)` for each of some 600 points, after one eigendecomposition by the caller.
///
/// Sources: Li and Sompolinsky 2021, PRX 11, 031059; Pacelli et al. 2023, arXiv:2209.04882.
///
/// # Errors
/// Widths or data out of range; `Unconverged` when no root is bracketed.
///
/// ```
/// use saddlepoint::mean_field::kernel_scaling::{solve, Modes};
/// let (eigenvalues, targets) = (&[2.0, 1.0, 0.5, 0.25], &[1.0, 2.0, 1.0, 0.5]);
/// let modes = Modes { eigenvalues, targets, temperature: 0.1, chi: 1.0 };
/// assert!((solve(&[4.0], &modes)?[0].scale - 1.28497104).abs() < 1e-8);
/// assert!((solve(&[10.0, 10.0], &modes)?[0].scale - 1.25950541).abs() < 1e-8);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn solve(widths: &[f64], modes: &Modes) -> Result<Vec<KernelScale>> {
    modes.check()?;
    let narrowest = check(widths)?;
    // The slope of the action by ln Q.
    let slope = |log_scale: f64| {
        0.5 * narrowest * (layer_scale(widths, narrowest, log_scale) - 1.0)
            + modes.cost(log_scale)[1]
    };
    let step = 2.0 * REACH / (POINTS - 1) as f64;
    let end = |sign: f64| {
        let mut end = sign * REACH;
        for _ in 0..MOST_WIDENINGS {
            if sign * slope(end) > 0.0 {
                return Ok(end);
            }
            end += sign * REACH;
        }
        Err(unbracketed(slope(end)))
    };
    let (low, high) = (end(-1.0)?, end(1.0)?);
    let points = ((high - low) / step).round() as usize;
    let mut found = Vec::new();
    let mut last = (low, slope(low));
    for k in 1..=points {
        let at = low + (high - low) * k as f64 / points as f64;
        let now = (at, slope(at));
        if (last.1 < 0.0) != (now.1 < 0.0) {
            let root = brent(slope, last.0, now.0, 1e-15)?.x;
            found.push(point(widths, narrowest, modes, root, slope(root)));
        }
        last = now;
    }
    if found.is_empty() {
        return Err(unbracketed(last.1));
    }
    found.sort_by(|a, b| a.action.total_cmp(&b.action));
    Ok(found)
}

/// The limit `T -> 0` of the saddle point: the factors `q_l` of the layers.
///
/// ```text
/// N_l (1 - q_l) = P - chi y^T K^{-1} y / Q        for every l;    equal widths: 1 - q = alpha (1 - chi r/q^L)
/// ```
///
/// with `alpha = P/N` and `r = y^T K^{-1} y/P`. The root is unique when `r > 0`. `K` must be invertible; the
/// `temperature` of `modes` is not read, as a scale of `K` it must only be positive.
///
/// Source: Li and Sompolinsky 2021, PRX 11, 031059.
///
/// # Errors
/// As [`solve`]; an eigenvalue of 0; targets of 0 where `P >= N`, whose factor would be 0.
///
/// ```
/// use saddlepoint::mean_field::kernel_scaling::{zero_temperature, Modes};
/// // alpha = 1/2 and r = 2.
/// let modes = Modes { eigenvalues: &[1.0, 0.5], targets: &[1.0, 1.5f64.sqrt()], temperature: 1.0, chi: 1.0 };
/// assert!((zero_temperature(&[4.0], &modes)?[0] - 1.28077641).abs() < 1e-8);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn zero_temperature(widths: &[f64], modes: &Modes) -> Result<Vec<f64>> {
    modes.check()?;
    let narrowest = check(widths)?;
    if modes.eigenvalues.contains(&0.0) {
        return Err(Failure::NotPositiveDefinite { least: 0.0 }.of(NAME));
    }
    let samples = modes.targets.len() as f64;
    let size = modes.chi * modes.pairs().map(|(lam, z)| z * z / lam).sum::<f64>();
    let balance = |log_scale: f64| {
        let layer = narrowest * (layer_scale(widths, narrowest, log_scale) - 1.0);
        layer + samples - size * (-log_scale).exp()
    };
    let end = |sign: f64| {
        let ends = (1..=MOST_WIDENINGS).map(|k| sign * REACH * k as f64);
        let end = ends.into_iter().find(|&end| sign * balance(end) > 0.0);
        end.ok_or_else(|| unbracketed(balance(sign * REACH)))
    };
    let root = brent(balance, end(-1.0)?, end(1.0)?, 1e-15)?;
    Ok(layers(
        widths,
        narrowest,
        layer_scale(widths, narrowest, root.x),
    ))
}

/// The factor `q` of the narrowest layer at a given `ln Q`: the root of `sum_l ln(1 + (N/N_l)(q - 1)) = ln Q`.
fn layer_scale(widths: &[f64], narrowest: f64, log_scale: f64) -> f64 {
    let depth = widths.len() as f64;
    if widths.iter().all(|&n| n == narrowest) {
        return (log_scale / depth).exp();
    }
    // The sum is a concave, rising function of q, and this start lies at or below the root: Newton's steps rise to it.
    let mut q = (log_scale / if log_scale > 0.0 { depth } else { 1.0 }).exp();
    for _ in 0..200 {
        let (mut sum, mut slope) = (q.ln(), 1.0 / q);
        let mut own = false;
        for &n in widths {
            if n == narrowest && !own {
                own = true;
                continue;
            }
            let part = narrowest / n;
            sum += (part * (q - 1.0)).ln_1p();
            slope += part / (1.0 + part * (q - 1.0));
        }
        let change = (log_scale - sum) / slope;
        q += change;
        if change.abs() <= 2.0 * f64::EPSILON * q {
            break;
        }
    }
    q
}

fn layers(widths: &[f64], narrowest: f64, q: f64) -> Vec<f64> {
    let of = |&n: &f64| {
        if n == narrowest {
            q
        } else {
            1.0 + (narrowest / n) * (q - 1.0)
        }
    };
    widths.iter().map(of).collect()
}

fn point(widths: &[f64], narrowest: f64, modes: &Modes, log_scale: f64, slope: f64) -> KernelScale {
    let layers = layers(widths, narrowest, layer_scale(widths, narrowest, log_scale));
    let [cost, _, curvature] = modes.cost(log_scale);
    let both = || widths.iter().zip(&layers);
    let size: f64 = both().map(|(n, q)| 0.5 * n * (q - 1.0 - q.ln())).sum();
    let action = size + cost;
    let soft: f64 = both().map(|(n, q)| 2.0 / (n * q)).sum();
    let determinant = layers.iter().product::<f64>() * (1.0 + curvature * soft);
    KernelScale {
        scale: log_scale.exp(),
        action,
        log_evidence: (determinant > 0.0).then(|| -action - 0.5 * determinant.ln()),
        residual: slope.abs() / narrowest,
        layers,
    }
}

/// The narrowest width.
fn check(widths: &[f64]) -> Result<f64> {
    if widths.is_empty() || widths.iter().any(|n| !(n.is_finite() && *n > 0.0)) {
        return Err(Error::input(
            "widths",
            "no hidden layer, or a width that is not a finite number > 0",
            "give one positive width per hidden layer",
        ));
    }
    Ok(widths.iter().copied().fold(f64::INFINITY, f64::min))
}

fn unbracketed(residual: f64) -> Error {
    let failure = Failure::NotConverged {
        residual: residual.abs(),
        iterations: MOST_WIDENINGS,
    };
    failure.of(NAME)
}

#[cfg(test)]
#[path = "kernel_scaling_tests.rs"]
mod tests;
