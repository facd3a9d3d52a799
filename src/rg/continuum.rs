//! The running ridge as a differential equation in RG time, and what the discreteness of the spectrum adds to it.

use super::ridge_flow::{Scheme, ridge_flow, truncated};
use super::spectrum::{PowerLaw, Spectrum};
use crate::error::{Error, Result};
use crate::numerics::flow::{Flow, Tolerance};
use crate::numerics::root::brent;

/// Where the continuum starts and is read, in numbers of modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shift {
    /// The cutoff `K` is the continuum at `K`.
    None,
    /// The cutoff `K`, with the modes above `K` gone, is the continuum at `K + 1/2`: most of the discreteness error
    /// is removed.
    Half,
}

/// The continuous flow of the ridge of a power law.
#[derive(Debug, Clone, PartialEq)]
pub struct Continuum {
    /// The cutoffs `K` asked for, falling.
    pub cutoffs: Vec<f64>,
    /// `sigma_K^2` at each.
    pub ridges: Vec<f64>,
    /// `K*`, where `r = sigma_K^2/(P lam_K) = 1`: the number of modes that are learned; none if all cutoffs lie above.
    pub learned_modes: Option<f64>,
    /// `sigma_K^2` of the discrete recursion minus the continuum, over the former, at each cutoff that is a whole
    /// number.
    pub discreteness: Vec<Option<f64>>,
    /// Sum of the local error estimates of `ln r`.
    pub local_error: f64,
}

/// Flow of the dimensionless ridge `r = sigma_K^2/(P lam_K)` for `lam_k = A k^-(1+alpha)`, from `modes` `D` to each
/// cutoff.
///
/// ```text
/// dr/ds = -(1+alpha) r + p r/(1+r),      dp/ds = -p         s = ln(D/K),   p = K/P
/// ```
///
/// Derived: the limit of [`Scheme::Running`] for many modes per decade. `(r, p) = (0, 0)` is the Gaussian process
/// that has learned all; far in the ultraviolet the tail dominates and `r -> p/alpha`. The variable of the
/// integration is `ln r`, which is never stiff. The difference from the discrete recursion is an output: the
/// discreteness error.
///
/// # Errors
/// A spectrum that ends inside the learnable region (`r <= 1` at the start); cutoffs outside `(0, D]` or not falling.
///
/// ```
/// use saddlepoint::rg::{continuum, PowerLaw, Shift};
/// let flow = continuum::continuum(PowerLaw::new(1.0, 1.0), 4000, 100.0, 0.1, &[1.0], Shift::None)?;
/// assert!((flow.ridges[0] - 0.15689829).abs() < 1e-8);
/// assert!((flow.learned_modes.unwrap() - 28.007869).abs() < 1e-6);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn continuum(
    law: PowerLaw,
    modes: usize,
    samples: f64,
    ridge: f64,
    cutoffs: &[f64],
    shift: Shift,
) -> Result<Continuum> {
    let spectrum = Spectrum::power_law(law, modes)?;
    let discrete = ridge_flow(&spectrum, samples, ridge, Scheme::Running)?;
    let falling = cutoffs.windows(2).all(|w| w[0] > w[1]);
    if !falling || cutoffs.iter().any(|&k| !(k > 0.0 && k <= modes as f64)) {
        return Err(Error::input(
            "cutoffs",
            format!("cutoffs that do not fall, or lie outside (0, {modes}]"),
            "give numbers of modes, falling",
        ));
    }
    let offset = match shift {
        Shift::None => 0.0,
        Shift::Half => 0.5,
    };
    let start = modes as f64 + offset;
    let signal = |k: f64| samples * law.eigenvalue_scale * k.powf(-(1.0 + law.alpha));
    let first = ridge / signal(start);
    if first <= 1.0 {
        return Err(truncated(1.0 / (1.0 + first)));
    }
    let mut slope = |s: f64, y: &[f64], dy: &mut [f64]| {
        dy[0] = -(1.0 + law.alpha) + start * (-s).exp() / samples / (1.0 + y[0].exp());
    };
    let tolerance = Tolerance {
        relative: 1e-11,
        absolute: 1e-12,
        ..Tolerance::default()
    };
    let mut flow = Flow::new(0.0, vec![first.ln()], tolerance);
    let mut ridges = Vec::with_capacity(cutoffs.len());
    let mut learned_modes = None;
    for &cutoff in cutoffs {
        let before = flow.clone();
        let time = (start / (cutoff + offset)).ln().max(0.0);
        flow.advance(&mut slope, time)?;
        if before.state()[0] > 0.0 && flow.state()[0] <= 0.0 {
            learned_modes =
                Some(crossing(&before, time, &mut slope)?).map(|s: f64| start * (-s).exp());
        }
        ridges.push(flow.state()[0].exp() * signal(cutoff + offset));
    }
    let discreteness = cutoffs.iter().zip(&ridges).map(|(&cutoff, ridge)| {
        (cutoff.fract() == 0.0).then(|| 1.0 - ridge / discrete.ridges[cutoff as usize])
    });
    Ok(Continuum {
        discreteness: discreteness.collect(),
        cutoffs: cutoffs.to_vec(),
        ridges,
        learned_modes,
        local_error: flow.report().local_error,
    })
}

/// The time at which `ln r` passes 0, between the time of `before` and `end`.
fn crossing(
    before: &Flow,
    end: f64,
    slope: &mut impl FnMut(f64, &[f64], &mut [f64]),
) -> Result<f64> {
    let mut failed = None;
    let at = |s: f64| {
        let mut flow = before.clone();
        match flow.advance(slope, s) {
            Ok(()) => flow.state()[0],
            Err(error) => {
                failed = Some(error);
                f64::NAN
            }
        }
    };
    let root = brent(at, before.time(), end, 1e-12);
    match failed {
        Some(error) => Err(error),
        None => Ok(root?.x),
    }
}

#[cfg(test)]
#[path = "continuum_tests.rs"]
mod tests;
