//! The exact functional renormalisation group of a potential of `X = sum_k Delta_k^2`: modes are integrated out one
//! at a time.

use super::elimination::{Quadrature, worst_change};
use super::interpolant::Interpolant;
use super::modes::Mode;
use super::potential::Potential;
use crate::error::{Error, Result};
use crate::numerics::root::brent;
use rayon::prelude::*;

/// A rule is fine enough for a mode when the next one changes less than this share of the tolerance.
const STEP_SHARE: f64 = 1e-5;
/// Values of `X`, beside 0, at which the quadrature is repeated with twice as many nodes.
const CHECKS: usize = 6;
/// The grid is even below this share of the mean field's `X`.
const SCALE: f64 = 0.03;

/// Numbers of the grid and the quadrature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The grid in `X` has `2^refinement` intervals per octave; from 3 to 10.
    pub refinement: u32,
    /// Most nodes of Gauss-Hermite quadrature, at most 100; a mode takes an eighth, a quarter or half of them where
    /// that suffices.
    pub nodes: usize,
    /// End of the grid in units of `sum lam + sum y^2`; beyond it the potential goes on linearly.
    pub reach: f64,
    /// Largest error of the quadrature, and of the grid, that is let through.
    pub tolerance: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            refinement: 4,
            nodes: 80,
            reach: 40.0,
            tolerance: 1e-6,
        }
    }
}

/// The renormalised potential at `X = 0` after the modes above `K` are gone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Renormalised {
    /// `K`: the modes that are left.
    pub kept: usize,
    /// `U_K(0)`; `-ln Z` at `K = 0`.
    pub value: f64,
    /// `m_K = 2 U_K'(0)`
    pub mass: f64,
    /// `w_K = 2 U_K''(0)`
    pub vertex: f64,
}

/// The flow of the potential from all modes to none.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionalFlow {
    /// At index `K = 0, ..., D`.
    pub steps: Vec<Renormalised>,
    /// Change of the potential or of its derivatives (relative) under twice as many nodes, the largest over the
    /// checked values of `X`, summed over modes.
    pub quadrature_error: f64,
    /// Change of the potential at 0 or of the mass (relative) from a grid with half as many intervals, over 15 (the
    /// order is 4): the largest over `K`.
    pub grid_error: f64,
}

/// Integrates `modes` out from the last to the first under a convex bare potential `U_D`.
///
/// ```text
/// exp(-U_{K-1}(X)) = int dDelta (2 pi lam_K)^{-1/2} exp( -(Delta + y_K)^2/(2 lam_K) - U_K(X + Delta^2) )
/// -ln Z = U_0(0),     m_K = 2 U_K'(0),     w_K = 2 U_K''(0)
/// U_{K-1}' = <U_K'>,      U_{K-1}'' = <U_K''> - Var U_K'
/// ```
///
/// Derived, and exact: no truncation in the number of couplings, which is possible since the loss couples all modes
/// to all, like an O(n) model. `Z` is relative to the prior. The last line (derivatives of the first by `X`, averages
/// over `Delta` with its weight) lets the potential carry its own derivatives, so that none is taken numerically.
///
/// The grid has a fixed number of intervals per octave of `X`, down to a small part of the `X` of the mean field;
/// between its points `U'` is the cubic through values and slopes, and `U` its integral. Gauss-Hermite nodes, as many
/// as the mode needs, lie around the Gaussian whose mass `2 U'` is taken at the mean of `X + Delta^2`. The flow is
/// run on half the grid, too, for the error. Cost: `O(D points nodes)`, a tenth of a second for 200 modes.
///
/// # Errors
/// A potential that is not convex in `Delta` (a double well), or not finite; an error above the tolerance.
///
/// ```
/// use saddlepoint::rg::{functional_flow, modes, PowerLaw, Quartic, Spectrum};
/// let modes = modes(&Spectrum::power_law(PowerLaw::new(1.0, 1.0), 50)?)?;
/// let bare = Quartic { mass: 20.0, vertex: 50.0 };
/// let flow = functional_flow(&modes, &bare, &Default::default())?;
/// assert!((flow.steps[0].value - 10.19157305).abs() < 1e-7);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn functional_flow(
    modes: &[Mode],
    bare: &impl Potential,
    settings: &Settings,
) -> Result<FunctionalFlow> {
    let size = check(modes, settings)?;
    let typical = mean_field(modes, bare, size)?;
    // The last rule only checks the one before.
    let nodes = settings.nodes;
    let rules = [nodes / 8, nodes / 4, nodes / 2, nodes, 2 * nodes]
        .iter()
        .map(|&count| Quadrature::new(count))
        .collect::<Result<Vec<_>>>()?;
    let run = |refinement: u32| {
        let reach = settings.reach * size;
        let mut grid = Interpolant::grid(refinement, SCALE * typical, reach);
        grid.fill(|square| bare.jet(square));
        check_convex(&grid)?;
        // Where the quadrature is checked: at 0, and from the typical X to its prior mean.
        let check = |i: usize| typical * (size / typical).powf(i as f64 / (CHECKS - 1) as f64);
        let checks: Vec<f64> = std::iter::once(0.0).chain((0..CHECKS).map(check)).collect();
        Ok::<_, Error>(eliminate(modes, grid, &rules, &checks, settings.tolerance))
    };
    let (steps, quadrature_error) = run(settings.refinement)?;
    let (coarse, _) = run(settings.refinement - 1)?;
    let pairs = steps.iter().zip(&coarse);
    let grid_error = pairs
        .map(|(a, b)| {
            let mass = (a.mass - b.mass).abs() / (1e-300 + a.mass.abs());
            (a.value - b.value).abs().max(mass) / 15.0
        })
        .fold(0.0, f64::max);
    // Not-a-number counts as a failure.
    let passed = quadrature_error <= settings.tolerance
        && grid_error <= settings.tolerance
        && steps[0].value.is_finite();
    if !passed {
        return Err(Error::unconverged(
            "functional renormalisation group",
            format!(
                "the quadrature error {quadrature_error:.1e} or the grid error {grid_error:.1e} exceeds {:.1e}",
                settings.tolerance
            ),
            "lower the vertex, raise the threshold of Huber's loss, or raise nodes or refinement in code",
        ));
    }
    Ok(FunctionalFlow {
        steps,
        quadrature_error,
        grid_error,
    })
}

/// All steps on one grid, each with the coarsest rule that suffices, and the error of the quadrature.
fn eliminate(
    modes: &[Mode],
    mut grid: Interpolant,
    rules: &[Quadrature],
    checks: &[f64],
    tolerance: f64,
) -> (Vec<Renormalised>, f64) {
    let mut steps = vec![renormalised(modes.len(), &grid)];
    let mut quadrature_error = 0.0;
    for (kept, mode) in modes.iter().enumerate().rev() {
        let (mut quadrature, mut change) = (&rules[0], f64::INFINITY);
        for pair in rules.windows(2) {
            quadrature = &pair[0];
            change = worst_change(pair, &grid, mode, checks);
            if change <= tolerance * STEP_SHARE {
                break;
            }
        }
        quadrature_error += change;
        let jets: Vec<[f64; 3]> = grid
            .points()
            .par_iter()
            .with_min_len(64)
            .map(|&x| quadrature.step(&grid, mode, x))
            .collect();
        grid.set(&jets);
        steps.push(renormalised(kept, &grid));
    }
    steps.reverse();
    (steps, quadrature_error)
}

/// `X` of the mean field, `X = sum_k [ lam_k/(1 + M lam_k) + y_k^2/(1 + M lam_k)^2 ]` with `M = 2 U'(X)`: the scale
/// of the grid.
fn mean_field(modes: &[Mode], bare: &impl Potential, size: f64) -> Result<f64> {
    let gap = |log: f64| {
        let square = log.exp();
        let mass = 2.0 * bare.jet(square)[1].max(0.0);
        let term = |m: &Mode| {
            let left = 1.0 / (1.0 + mass * m.eigenvalue);
            m.eigenvalue * left + (m.coefficient * left).powi(2)
        };
        log - modes.iter().map(term).sum::<f64>().ln()
    };
    Ok(brent(gap, size.ln() - 80.0, size.ln() + 1e-9, 1e-3)?
        .x
        .exp())
}

fn renormalised(kept: usize, grid: &Interpolant) -> Renormalised {
    let [value, slope, curvature] = grid.at_zero();
    Renormalised {
        kept,
        value,
        mass: 2.0 * slope,
        vertex: 2.0 * curvature,
    }
}

fn check(modes: &[Mode], settings: &Settings) -> Result<f64> {
    let cause = if modes.is_empty() {
        ("modes", "there is no mode", "give at least one")
    } else if modes
        .iter()
        .any(|m| !(m.eigenvalue.is_finite() && m.eigenvalue >= 0.0 && m.coefficient.is_finite()))
    {
        (
            "modes",
            "an eigenvalue or a coefficient out of range",
            "give finite eigenvalues >= 0 and finite coefficients",
        )
    } else if !(20..=100).contains(&settings.nodes) || !(3..=10).contains(&settings.refinement) {
        (
            "settings",
            "nodes outside 20..=100, or refinement outside 3..=10",
            "take the default settings",
        )
    } else {
        let size = |m: &Mode| m.eigenvalue + m.coefficient * m.coefficient;
        let size: f64 = modes.iter().map(size).sum();
        if size > 0.0 {
            return Ok(size);
        }
        (
            "modes",
            "all modes are 0",
            "give one with an eigenvalue or a coefficient that is not 0",
        )
    };
    Err(Error::input(cause.0, cause.1, cause.2))
}

/// `U(X)` is convex in `Delta` where `U' >= 0` and `U' + 2 X U'' >= 0`.
fn check_convex(grid: &Interpolant) -> Result<()> {
    for (x, [value, slope, curvature]) in grid.points().iter().zip(grid.jets()) {
        let convex = *slope >= 0.0 && slope + 2.0 * x * curvature >= -1e-12 * slope.abs();
        if !convex || !value.is_finite() {
            return Err(Error::input(
                "potential",
                format!(
                    "it is not convex at X = {x:e} (slope {slope:e}, curvature {curvature:e}): a double well"
                ),
                "take a convex loss (a mass >= 0 and a vertex >= 0); wells need a quadrature of their own",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "functional_tests.rs"]
mod tests;
