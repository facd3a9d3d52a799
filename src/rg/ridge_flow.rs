//! The ridge as a running coupling: the modes of a Gaussian process are integrated out one level after the other.

use super::equivalent::Equivalent;
use super::spectrum::Spectrum;
use crate::error::{Error, Result};

/// Most modes that the one-loop scheme integrates one by one.
const MOST_MODES: f64 = 1e8;

/// How the ridge takes up a mode that is integrated out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `sigma_K^2 = sigma^2 + sum_{k>K} kappa lam_k/(kappa + P lam_k)` with the final `kappa`: exact for the
    /// equivalent.
    Exact,
    /// `sigma_K^2 = sigma^2 + sum_{k>K} lam_k`: for modes that are not learned.
    TailSum,
    /// `sigma_{K-1}^2 = sigma_K^2 + sigma_K^2 lam_K/(sigma_K^2 + P lam_K)`: one loop in the theory that is left.
    Running,
}

/// The running ridge `sigma_K^2` of the theory that keeps the levels `1..K`, for every `K`.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    /// How it was computed.
    pub scheme: Scheme,
    /// `P`
    pub samples: f64,
    /// `sigma_K^2` at index `K = 0, 1, ..., D`; the last one is the ridge of the bare theory.
    pub ridges: Vec<f64>,
    /// `lam_K` at index `K - 1`.
    pub eigenvalues: Vec<f64>,
}

/// Where a trajectory meets the modes that are learned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stop {
    /// `K`: the levels that are left.
    pub kept: usize,
    /// `sigma_K^2`
    pub ridge: f64,
}

impl Trajectory {
    /// `P lam_K/(sigma_K^2 + P lam_K)`: the share of mode `K` that the theory of the modes `1..K` learns, at tree
    /// level.
    ///
    /// None for a `K` that is 0 or beyond the number of levels.
    pub fn learnability(&self, kept: usize) -> Option<f64> {
        let lam = self.eigenvalues.get(kept.checked_sub(1)?)?;
        let signal = self.samples * lam;
        Some(signal / (self.ridges[kept] + signal))
    }

    /// The first `K` on the way down at which mode `K` is learned to the share `threshold` (1/2 in the source).
    ///
    /// Source: Howard, Jefferson, Maiti, Ringel 2024, arXiv:2405.06008, Eq. 37.
    ///
    /// # Errors
    /// A spectrum that ends inside the learnable region: its last mode already passes the threshold. No mode that does.
    ///
    /// ```
    /// use saddlepoint::rg::{ridge_flow, PowerLaw, Scheme, Spectrum};
    /// let modes = Spectrum::power_law(PowerLaw::new(1.0, 1.0), 4000)?;
    /// let stop = ridge_flow(&modes, 100.0, 0.1, Scheme::TailSum)?.stop(0.5)?;
    /// assert!(stop.kept == 27 && (stop.ridge - 0.136110).abs() < 1e-6);
    /// # Ok::<(), saddlepoint::Error>(())
    /// ```
    pub fn stop(&self, threshold: f64) -> Result<Stop> {
        let levels = self.eigenvalues.len();
        let learned = |&k: &usize| self.learnability(k).is_some_and(|l| l >= threshold);
        if learned(&levels) {
            return Err(truncated(threshold));
        }
        let found = (1..levels).rev().find(learned);
        match found {
            Some(kept) => Ok(Stop {
                kept,
                ridge: self.ridges[kept],
            }),
            None => Err(Error::input(
                "threshold",
                format!("no mode is learned to the share {threshold}"),
                "take more samples, a smaller ridge or a lower threshold",
            )),
        }
    }
}

/// The refusal of a flow whose first step is already beyond its validity.
pub(super) fn truncated(share: f64) -> Error {
    Error::input(
        "spectrum",
        format!(
            "the spectrum is truncated inside the learnable region: its last mode is learned to {share:.3} or more"
        ),
        "take more modes, a larger ridge or fewer samples; the scheme exact has no such limit",
    )
}

/// The flow of the ridge at fixed `samples` `P`, from all modes to none.
///
/// ```text
/// Exact     sigma_K^2 = sigma^2 + sum_{k>K} kappa lam_k/(kappa + P lam_k)                  sigma_0^2 = kappa
/// TailSum   sigma_K^2 = sigma^2 + sum_{k>K} lam_k
/// Running   sigma_{K-1}^2 = sigma_K^2 + sigma_K^2 lam_K/(sigma_K^2 + P lam_K)
/// ```
///
/// Exact (derived): the renormalised ridge of the modes `1..K` with the ridge `sigma_K^2` is the same `kappa` for
/// every `K`, and so are their learnabilities; the flow ends at `kappa`. The tail sum (Howard et al. 2024) is its
/// limit for modes that are not learned, the running ridge (derived) resums one loop. A level of several modes is one
/// step of the cutoff; the running scheme integrates its modes one by one. Cost: `O(D)`, and one
/// [`super::equivalent()`] by the caller of [`exact_flow`].
///
/// Source: Howard, Jefferson, Maiti, Ringel 2024, arXiv:2405.06008, Eqs. 33-34.
///
/// # Errors
/// As [`super::equivalent()`] for the exact scheme; an infinite tail, a fractional multiplicity or no ridge in the
/// running scheme.
pub fn ridge_flow(
    spectrum: &Spectrum,
    samples: f64,
    ridge: f64,
    scheme: Scheme,
) -> Result<Trajectory> {
    // Numbers out of range are refused here for all schemes.
    match scheme {
        Scheme::Exact => exact_flow(spectrum, &super::equivalent(spectrum, samples, ridge)?),
        Scheme::TailSum => {
            check(samples, ridge)?;
            let start = ridge + spectrum.tail().map_or(0.0, |tail| tail.trace());
            Ok(flow(spectrum, samples, scheme, start, |_, lam, mult| {
                mult * lam
            }))
        }
        Scheme::Running => {
            check(samples, ridge)?;
            check_running(spectrum, ridge)?;
            Ok(flow(
                spectrum,
                samples,
                scheme,
                ridge,
                |ridge, lam, mult| {
                    let mut now = ridge;
                    for _ in 0..mult as u64 {
                        now += one_loop(now, samples * lam, lam);
                    }
                    now - ridge
                },
            ))
        }
    }
}

/// `sigma^2 lam/(sigma^2 + P lam)`; a mode without ridge is interpolated and adds nothing.
fn one_loop(ridge: f64, signal: f64, lam: f64) -> f64 {
    match ridge + signal {
        0.0 => 0.0,
        all => ridge * lam / all,
    }
}

/// The exact scheme for a solution that is already known.
///
/// # Errors
/// A solution without samples: there is nothing to integrate against.
pub fn exact_flow(spectrum: &Spectrum, solution: &Equivalent) -> Result<Trajectory> {
    let (samples, threshold) = (solution.samples, solution.threshold);
    check(samples, solution.ridge)?;
    let tail = spectrum
        .tail()
        .map_or(0.0, |tail| threshold * tail.sum(1, 1, threshold, false));
    let start = solution.ridge + tail;
    Ok(flow(
        spectrum,
        samples,
        Scheme::Exact,
        start,
        |_, lam, mult| threshold * mult * lam / (lam + threshold),
    ))
}

fn flow(
    spectrum: &Spectrum,
    samples: f64,
    scheme: Scheme,
    start: f64,
    mut step: impl FnMut(f64, f64, f64) -> f64,
) -> Trajectory {
    let levels = spectrum.len();
    let mut ridges = vec![start; levels + 1];
    for kept in (0..levels).rev() {
        let (lam, mult) = (spectrum.eigenvalues()[kept], spectrum.multiplicity(kept));
        ridges[kept] = ridges[kept + 1] + step(ridges[kept + 1], lam, mult);
    }
    Trajectory {
        scheme,
        samples,
        ridges,
        eigenvalues: spectrum.eigenvalues().to_vec(),
    }
}

/// The flow of the label noise: `s_K^2` at index `K = 0..=D`, such that the theory of the levels `1..K` with the
/// exact ridge `sigma_K^2` and the noise `s_K^2` has the same `kappa` and the same `E_tot` for every `K`.
///
/// ```text
/// s_K^2 = (1 - gamma_K) E_tot - sum_{k<=K} y_k^2 (1 - L_k)^2           gamma_K = (1/P) sum_{k<=K} L_k^2
///       = s^2 + sum_{k>K} [ y_k^2 (1 - L_k)^2 + E_tot L_k^2/P ]
/// ```
///
/// Derived. A mode that is not learned acts as label noise, `s_K^2 = s^2 + sum_{k>K} y_k^2`; one that is learned acts
/// less by its signal and more by its share of `gamma`. `s_0^2 = E_tot`. The second line is summed: no numbers
/// cancel.
///
/// # Errors
/// A solution without samples.
pub fn noise_flow(spectrum: &Spectrum, solution: &Equivalent) -> Result<Vec<f64>> {
    check(solution.samples, solution.ridge)?;
    let (threshold, share) = (solution.threshold, solution.total_error / solution.samples);
    let tail = spectrum.tail().map_or(0.0, |tail| {
        tail.sum(0, 2, threshold, true) + share * tail.sum(2, 2, threshold, false)
    });
    let mut noise = vec![spectrum.noise() + tail; spectrum.len() + 1];
    for kept in (0..spectrum.len()).rev() {
        let learned = solution.learnability(spectrum.eigenvalues()[kept]);
        let left = 1.0 - learned;
        noise[kept] = noise[kept + 1]
            + spectrum.targets()[kept] * left * left
            + share * spectrum.multiplicity(kept) * learned * learned;
    }
    Ok(noise)
}

fn check(samples: f64, ridge: f64) -> Result<()> {
    let cause = if !(samples.is_finite() && samples > 0.0) {
        ("samples", samples, "give a finite number > 0")
    } else if !(ridge.is_finite() && ridge >= 0.0) {
        ("ridge", ridge, "give a finite number >= 0")
    } else {
        return Ok(());
    };
    Err(Error::input(
        cause.0,
        format!("{} is out of range", cause.1),
        cause.2,
    ))
}

fn check_running(spectrum: &Spectrum, ridge: f64) -> Result<()> {
    if ridge == 0.0 {
        return Err(Error::input(
            "ridge",
            "one loop never leaves a ridge of 0, although the renormalised ridge may be positive",
            "take ridge > 0, or the scheme exact",
        ));
    }
    if spectrum.tail().is_some() {
        return Err(Error::input(
            "spectrum",
            "the running ridge integrates modes one by one, and the tail has infinitely many",
            "take a finite number of modes, or the scheme exact or tail-sum",
        ));
    }
    if !spectrum.is_discrete() || spectrum.rank() > MOST_MODES {
        return Err(Error::input(
            "spectrum",
            format!(
                "the running ridge needs at most {MOST_MODES:e} modes with whole multiplicities"
            ),
            "round the multiplicities, or take the scheme exact or tail-sum",
        ));
    }
    Ok(())
}

#[cfg(test)]
#[path = "ridge_flow_tests.rs"]
mod tests;
