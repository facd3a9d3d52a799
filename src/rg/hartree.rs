//! Self-consistent Gaussian (Hartree) solution of the quartic theory, and its learning curve with the corrections of
//! finite data.

use super::equivalent::equivalent;
use super::modes::Mode;
use super::potential::Quartic;
use super::quartic_partition::refuse_vertex;
use super::spectrum::Spectrum;
use crate::error::{Error, Result};
use crate::numerics::root::brent;

/// The saddle point of the quartic theory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hartree {
    /// `M`, the self-consistent mass.
    pub mass: f64,
    /// `X = sum_k <Delta_k^2>`
    pub square: f64,
    /// `X` at mass `m`, of the theory without vertex.
    pub gaussian_square: f64,
    /// `w/(1 + w sum v/2)`, the sum of all bubble diagrams: the vertex after all modes are gone, at this order.
    pub vertex: f64,
}

impl Hartree {
    /// `X/X_Gauss - 1`: what the vertex changes in the learning curve.
    pub fn correction(&self) -> f64 {
        self.square / self.gaussian_square - 1.0
    }
}

/// `X(M) = sum_k [ lam_k/(1 + M lam_k) + y_k^2/(1 + M lam_k)^2 ]`, and `Var X` of that Gaussian theory.
fn gaussian(modes: &[Mode], mass: f64) -> (f64, f64) {
    let (mut square, mut variance) = (0.0, 0.0);
    for mode in modes.iter().rev() {
        let left = 1.0 / (1.0 + mass * mode.eigenvalue);
        let (spread, mean) = (mode.eigenvalue * left, mode.coefficient * left);
        square += spread + mean * mean;
        variance += 2.0 * spread * spread + 4.0 * spread * mean * mean;
    }
    (square, variance)
}

/// The Hartree solution: every mode in the mean field of all others.
///
/// ```text
/// M = m + w X(M),     X(M) = sum_k [ lam_k/(1 + M lam_k) + y_k^2/(1 + M lam_k)^2 ]
/// ```
///
/// Derived: the saddle point of the decoupling field. Unique for `w >= 0`, since `X` falls with `M`; bracketed by `m`
/// and `m + w X(m)`. Exact when every mode is repeated `n` times with `w/n`, `n -> inf`; for a power law at
/// infinitely many modes it is not. The bubble sum gives the vertex at the same order, with
/// `v_k = 2 s_k^2 + 4 s_k mu_k^2` of variance `s_k` and mean `mu_k` at mass `M`. Cost: `O(D)` for each of about 10
/// evaluations.
///
/// # Errors
/// No mode; a negative vertex; a mass with `1 + m lam_k <= 0`, where the Gaussian theory does not exist.
///
/// ```
/// use saddlepoint::rg::{modes, hartree, PowerLaw, Quartic, Spectrum};
/// let modes = modes(&Spectrum::power_law(PowerLaw::new(1.0, 1.0), 50)?)?;
/// let saddle = hartree(&modes, Quartic { mass: 20.0, vertex: 50.0 })?;
/// assert!((saddle.mass - 36.77992033).abs() < 1e-8);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn hartree(modes: &[Mode], bare: Quartic) -> Result<Hartree> {
    refuse_vertex(bare.vertex)?;
    let largest = modes.iter().map(|m| m.eigenvalue).fold(0.0, f64::max);
    if modes.is_empty() || !bare.mass.is_finite() || 1.0 + bare.mass * largest <= 0.0 {
        return Err(Error::input(
            "mass",
            format!(
                "no mode, or a mass {} below -1/lam_1: a double well",
                bare.mass
            ),
            "give at least one mode and a mass above -1/lam_1",
        ));
    }
    let (gaussian_square, _) = gaussian(modes, bare.mass);
    let high = bare.mass + bare.vertex * gaussian_square;
    let mass = match bare.vertex > 0.0 {
        true => {
            let gap = |mass: f64| mass - bare.mass - bare.vertex * gaussian(modes, mass).0;
            brent(gap, bare.mass, high, 1e-15 * high.abs())?.x
        }
        false => bare.mass,
    };
    let (square, variance) = gaussian(modes, mass);
    Ok(Hartree {
        mass,
        square,
        gaussian_square,
        vertex: bare.vertex / (1.0 + 0.5 * bare.vertex * variance),
    })
}

/// The learning curve of a quartic loss with the corrections of finite data sets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuarticCurve {
    /// `sigma_e^2`, the ridge that the quartic term lowers.
    pub effective_ridge: f64,
    /// `X_tr`, the mean squared residual on the training labels under the posterior.
    pub training_square: f64,
    /// `X = V + E_g`, the mean squared deviation of a posterior sample from the target.
    pub square: f64,
}

/// Estimate of the posterior's error under the loss `sum_mu Delta_mu^2/(2 sigma^2) + (g/4) Delta_mu^4`, `g = quartic`.
///
/// ```text
/// 1/sigma_e^2 = 1/sigma^2 + 3 g X_tr,     X_tr = sigma_e^2 V/kappa + (sigma_e^2/kappa)^2 E_tot
/// X = V + E_tot - s^2
/// kappa, V = kappa - sigma_e^2 and E_tot of the equivalent at the ridge sigma_e^2
/// ```
///
/// Derived: Hartree's mean field with the residuals of the deterministic equivalent in place of the population's.
/// `g = 0` is the equivalent itself, `P -> inf` is [`hartree()`] with `m = P/sigma^2`, `w = 3 P g`. Measured by
/// Hamiltonian Monte Carlo to within 1 %. Cost: some ten solutions of the equivalent.
///
/// # Errors
/// As [`equivalent`]; a ridge that is not positive, a negative vertex.
pub fn quartic_curve(
    spectrum: &Spectrum,
    samples: f64,
    ridge: f64,
    quartic: f64,
) -> Result<QuarticCurve> {
    refuse_vertex(quartic)?;
    if !(ridge > 0.0 && ridge.is_finite()) {
        return Err(Error::input(
            "ridge",
            format!("{ridge} is out of range: the likelihood needs a width"),
            "give a finite number > 0",
        ));
    }
    let at = |effective: f64| -> Result<QuarticCurve> {
        let curve = equivalent(spectrum, samples, effective)?;
        let share = effective / curve.renormalised_ridge;
        Ok(QuarticCurve {
            effective_ridge: effective,
            training_square: share * curve.posterior_variance + curve.training_error,
            square: curve.posterior_variance + curve.generalization_error,
        })
    };
    let bare = at(ridge)?;
    if quartic == 0.0 {
        return Ok(bare);
    }
    // The residuals fall with the ridge, so that the answer lies between the two.
    let low = ridge / (1.0 + 3.0 * quartic * ridge * bare.training_square);
    let mut failed = None;
    let gap = |log: f64| match at(log.exp()) {
        Ok(curve) => (-log).exp() - 1.0 / ridge - 3.0 * quartic * curve.training_square,
        Err(error) => {
            failed = Some(error);
            f64::NAN
        }
    };
    let root = brent(gap, low.ln() - 1e-12, ridge.ln(), 1e-14);
    match failed {
        Some(error) => Err(error),
        None => at(root?.x.exp()),
    }
}

#[cfg(test)]
#[path = "hartree_tests.rs"]
mod tests;
