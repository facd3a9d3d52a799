//! Closed forms of the learning curve for an infinite power law, `lam_k = k^-(1+alpha)`, `y_k^2 = k^-(1+beta)`.

use crate::error::{Error, Result};
use crate::numerics::zeta::log_moments;
use std::f64::consts::PI;

/// A law `E_g = amplitude x^-exponent` in the limit of large `x`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asymptote {
    /// The factor in front.
    pub amplitude: f64,
    /// The exponent, positive where the error falls.
    pub exponent: f64,
    /// Whether the exponent no longer depends on `beta`: the target is smoother than the kernel can use (`b > 2`).
    pub saturated: bool,
}

impl Asymptote {
    /// The law at `x`.
    pub fn at(&self, x: f64) -> f64 {
        self.amplitude * x.powf(-self.exponent)
    }
}

/// `c_a = (pi/a)/sin(pi/a)` with `a = 1 + alpha`: without ridge `kp = (c_a/P)^a`, so that `P/c_a` modes are half
/// learned.
///
/// Derived from `sum_k lam_k/(lam_k + kp) = c_a kp^(-1/a)` for `kp -> 0`. The leading correction replaces `P` by
/// `P + 1/2`.
///
/// # Errors
/// `alpha` that is not a finite number > 0.
pub fn packing_constant(alpha: f64) -> Result<f64> {
    positive("alpha", alpha)?;
    let angle = PI / (1.0 + alpha);
    Ok(angle / angle.sin())
}

/// The learning curve without ridge and noise as a function of `P`.
///
/// ```text
/// E_g = A P^-beta,    A = a (1-b) pi/(a sin(pi b)) c_a^beta        b = beta/a < 2
/// E_g = a c_a^(2a) zeta(1 + beta - 2a) P^-2a                         b > 2
/// ```
///
/// Derived for the deterministic equivalent, with `gamma -> alpha/(1+alpha)`.
///
/// # Errors
/// Exponents that are not finite numbers > 0; `b = 2`, where the law has a logarithm.
///
/// ```
/// let law = saddlepoint::rg::closed_form::ridgeless(1.0, 0.5)?;
/// assert!((law.amplitude - 4.17624600).abs() < 1e-8);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn ridgeless(alpha: f64, beta: f64) -> Result<Asymptote> {
    let (power, packing) = (1.0 + alpha, packing_constant(alpha)?);
    let bias = bias(alpha, beta)?;
    Ok(Asymptote {
        amplitude: power * bias.amplitude * packing.powf(power * bias.exponent),
        exponent: power * bias.exponent,
        saturated: bias.saturated,
    })
}

/// The learning curve of the ridge-dominated regime, `kappa -> sigma^2`, as a function of `P/sigma^2`.
///
/// ```text
/// E_g = (1-b) pi/(a sin(pi b)) (sigma^2/P)^b      b = beta/(1+alpha) < 2
/// ```
///
/// The matched prior `beta = alpha` has the exponent `alpha/(1+alpha)` (Howard, Jefferson, Maiti, Ringel 2024,
/// arXiv:2405.06008); the amplitude is derived.
///
/// # Errors
/// As [`ridgeless`].
pub fn ridge_dominated(alpha: f64, beta: f64) -> Result<Asymptote> {
    positive("alpha", alpha)?;
    bias(alpha, beta)
}

/// `P_x`, where `P/c_a = (P/sigma^2)^(1/a)`: beyond it the ridge wins, however small it is.
///
/// # Errors
/// Numbers that are not finite and > 0.
pub fn crossover_samples(alpha: f64, ridge: f64) -> Result<f64> {
    positive("ridge", ridge)?;
    let packing = packing_constant(alpha)?;
    Ok((packing.powf(1.0 + alpha) / ridge).powf(1.0 / alpha))
}

/// `N/P = alpha/(2 + alpha)`, the best number of random features per sample at fixed `N P` without ridge, for `N < P`
/// and a matched target (`beta = alpha`); derived.
///
/// # Errors
/// `alpha` that is not a finite number > 0.
pub fn best_features_per_sample(alpha: f64) -> Result<f64> {
    positive("alpha", alpha)?;
    Ok(alpha / (2.0 + alpha))
}

/// `sum_k y_k^2 (kp/(lam_k + kp))^2 = amplitude kp^exponent` for `kp -> 0`.
fn bias(alpha: f64, beta: f64) -> Result<Asymptote> {
    positive("beta", beta)?;
    let power = 1.0 + alpha;
    let ratio = beta / power;
    if ratio == 2.0 {
        return Err(Error::input(
            "beta",
            "beta = 2 (1 + alpha): the law has a logarithm and is no power",
            "take another beta, or solve the finite problem",
        ));
    }
    let saturated = ratio > 2.0;
    Ok(Asymptote {
        amplitude: match saturated {
            true => log_moments(1.0 + beta - 2.0 * power, 1.0, 1.0)[0],
            false => reflection(ratio) / power,
        },
        exponent: ratio.min(2.0),
        saturated,
    })
}

/// `(1 - b) pi/sin(pi b)` for `0 < b < 2`, 1 at `b = 1`.
fn reflection(b: f64) -> f64 {
    let angle = PI * (1.0 - b);
    if angle.abs() < 1e-6 {
        1.0 + angle * angle / 6.0
    } else {
        angle / angle.sin()
    }
}

fn positive(name: &str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Error::input(
        name,
        format!("{value} is out of range"),
        "give a finite number > 0",
    ))
}

#[cfg(test)]
#[path = "closed_form_tests.rs"]
mod tests;
