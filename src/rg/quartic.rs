//! The truncated theory with two couplings, mass and quartic vertex: one-loop recursion, continuous flow, fixed points.

use super::modes::Mode;
use super::potential::Quartic;
use super::quartic_partition::refuse_vertex;
use super::spectrum::PowerLaw;
use crate::error::{Error, Result};
use crate::numerics::flow::{Flow, Tolerance};

/// The couplings before each mode is eliminated, at one loop.
#[derive(Debug, Clone, PartialEq)]
pub struct OneLoop {
    /// `m_K`, `w_K` at index `K = 0, ..., D`.
    pub couplings: Vec<Quartic>,
    /// `m_K lam_K` and `w_K K lam_K^2` at index `K - 1`: the dimensionless couplings.
    pub dimensionless: Vec<[f64; 2]>,
}

/// The Wilson recursion at one loop, truncated at `X^2`.
///
/// ```text
/// q = 1 + m lam_K,   d2 = lam_K/q + y_K^2/q^2,   v = 2 lam_K^2/q^2 + 4 lam_K y_K^2/q^3
/// m <- m + w d2,     w <- w - w^2 v/2
/// ```
///
/// Derived: mean and variance of `Delta_K^2` in the Gaussian theory, the first two cumulants of the vertex. The error
/// of `m` is of second order in `w`, that of `w` of third. Modes go from the last to the first: unlike the exact
/// flow, the result depends on the order, and small eigenvalues must go first. Cost: `O(D)`.
///
/// # Errors
/// A step with `w v/2 >= 1`, where the vertex would change its sign: the truncation has broken down. A mass with
/// `q <= 0`.
///
/// ```
/// use saddlepoint::rg::{modes, quartic, PowerLaw, Quartic, Spectrum};
/// let modes = modes(&Spectrum::power_law(PowerLaw::new(1.0, 1.0), 50)?)?;
/// let flow = quartic::one_loop(&modes, Quartic { mass: 20.0, vertex: 50.0 })?;
/// assert!((flow.couplings[0].mass - 36.88247).abs() < 1e-5);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn one_loop(modes: &[Mode], bare: Quartic) -> Result<OneLoop> {
    refuse_vertex(bare.vertex)?;
    let mut couplings = vec![bare; modes.len() + 1];
    let mut dimensionless = vec![[0.0; 2]; modes.len()];
    for (index, mode) in modes.iter().enumerate().rev() {
        let Quartic { mass, vertex } = couplings[index + 1];
        let (lam, kept) = (mode.eigenvalue, index + 1);
        let (stiffness, target) = (1.0 + mass * lam, mode.coefficient * mode.coefficient);
        if stiffness.is_nan() || stiffness <= 0.0 {
            return Err(Error::input(
                "mass",
                format!("1 + m lam_K = {stiffness:e} at K = {kept}: a double well"),
                "take a mass above -1/lam_1",
            ));
        }
        let square = lam / stiffness + target / (stiffness * stiffness);
        let variance = 2.0 * (lam / stiffness).powi(2) + 4.0 * lam * target / stiffness.powi(3);
        if 0.5 * vertex * variance >= 1.0 {
            return Err(Error::unconverged(
                "one-loop flow",
                format!(
                    "w v/2 = {:.3} >= 1 at K = {kept}: the coupling is strong",
                    0.5 * vertex * variance
                ),
                "take a smaller vertex, more samples, or the exact functional flow",
            ));
        }
        dimensionless[index] = [mass * lam, vertex * kept as f64 * lam * lam];
        couplings[index] = Quartic {
            mass: mass + vertex * square,
            vertex: vertex - 0.5 * vertex * vertex * variance,
        };
    }
    Ok(OneLoop {
        couplings,
        dimensionless,
    })
}

/// Least and largest local exponent of a coupling over a range of cutoffs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScalingInterval {
    /// The least local exponent.
    pub least: f64,
    /// The cutoff `K` of the least one.
    pub least_at: usize,
    /// The largest local exponent.
    pub largest: f64,
    /// The cutoff `K` of the largest one.
    pub largest_at: usize,
}

/// The interval of local exponents `theta(K) = -ln(c_{K-1}/c_K)/ln((K-1)/K)` of a dimensionless coupling `c_K`, at
/// index `K - 1`, over `K` from `from` down to `to`.
///
/// A discrete spectrum gives a coupling no single dimension: loop sums are dominated by the modes that remain. The
/// interval is an operational definition, derived for this crate and not that of a paper; the engineering values are
/// `1 + alpha` for the mass and `1 + 2 alpha` for the vertex.
///
/// # Errors
/// A range outside `2..=D`, or couplings that are not positive there.
pub fn scaling_interval(couplings: &[f64], from: usize, to: usize) -> Result<ScalingInterval> {
    let inside = 2 <= to && to <= from && from <= couplings.len();
    if !inside || !couplings[to - 2..from].iter().all(|&c| c > 0.0) {
        return Err(Error::input(
            "cutoffs",
            format!(
                "the range {from}..{to} leaves 2..={} or has a coupling <= 0",
                couplings.len()
            ),
            "take cutoffs of the flow at which the coupling is positive",
        ));
    }
    let theta = |kept: usize| {
        let ratio = couplings[kept - 2] / couplings[kept - 1];
        -ratio.ln() / ((kept - 1) as f64 / kept as f64).ln()
    };
    let by = |a: &(usize, f64), b: &(usize, f64)| a.1.total_cmp(&b.1);
    let all = || (to..=from).map(|kept| (kept, theta(kept)));
    let (least, largest) = (all().min_by(by), all().max_by(by));
    match (least, largest) {
        (Some((least_at, least)), Some((largest_at, largest))) => Ok(ScalingInterval {
            least,
            least_at,
            largest,
            largest_at,
        }),
        _ => Err(Error::bug("scaling interval", "an empty range")),
    }
}

/// `(2 - 2 s)(1 + alpha) - 1`: the engineering exponent of the vertex `(w/4)(sum_k lam_k^-s Delta_k^2)^2`,
/// `0 <= s <= 1`, from a vertex of the loss (`s = 0`) to one of the prior or of finite width (`s = 1`); derived.
/// Negative: irrelevant in the infrared.
pub fn vertex_exponent(alpha: f64, locality: f64) -> f64 {
    (2.0 - 2.0 * locality) * (1.0 + alpha) - 1.0
}

/// `u* = 3 g sigma^4 K*/P` with `K* = (P/sigma^2)^(1/(1+alpha))`: strength of a quartic loss where its mass becomes
/// important, of the order of the relative change of the learning curve. It falls as `P^{-alpha/(1+alpha)}`; derived.
pub fn crossover_vertex(alpha: f64, samples: f64, ridge: f64, quartic: f64) -> f64 {
    3.0 * quartic * ridge * ridge / samples * (samples / ridge).powf(1.0 / (1.0 + alpha))
}

/// The dimensionless couplings `mh = m lam`, `uh = w K lam^2` and the target `yh = y^2/lam` at a cutoff.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Couplings {
    /// `mh`
    pub mass: f64,
    /// `uh`
    pub vertex: f64,
    /// `yh`
    pub target: f64,
}

/// The beta functions towards the infrared, `d/ds` with `s = ln(D/K)`.
///
/// ```text
/// d mh/ds = (1 + alpha) mh + uh [ 1/(1 + mh) + yh/(1 + mh)^2 ]
/// d uh/ds = (1 + 2 alpha) uh - uh^2 [ 1/(1 + mh)^2 + 2 yh/(1 + mh)^3 ]
/// d yh/ds = (beta - alpha) yh
/// ```
///
/// Derived: the limit of [`one_loop`] for `lam = K^-(1+alpha)` and many modes per decade.
pub fn beta_functions(law: PowerLaw, at: Couplings) -> Couplings {
    let left = 1.0 / (1.0 + at.mass);
    let pull = left + at.target * left * left;
    let screening = left * left + 2.0 * at.target * left * left * left;
    Couplings {
        mass: (1.0 + law.alpha) * at.mass + at.vertex * pull,
        vertex: (1.0 + 2.0 * law.alpha) * at.vertex - at.vertex * at.vertex * screening,
        target: (law.beta - law.alpha) * at.target,
    }
}

/// A line of the flow diagram: times `s` and couplings.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowLine {
    /// RG times, rising from 0.
    pub times: Vec<f64>,
    /// Couplings at each time.
    pub couplings: Vec<Couplings>,
    /// Whether the line left the square `|mh|, |uh| < bound` or met `mh = -1`, and was cut there.
    pub left: bool,
}

/// Integrates the beta functions from `start` at the rising `times`, until the line has left `|mh|, |uh| < bound` (its
/// last point may lie beyond) or comes near `mh = -1`, the end of the perturbative theory.
///
/// # Errors
/// A start at `mh <= -1`; times that do not rise; `Unconverged` from the integration.
pub fn flow_line(law: PowerLaw, start: Couplings, times: &[f64], bound: f64) -> Result<FlowLine> {
    integrate(law, start, times, bound, 1.0)
}

/// The flow line, with the beta functions times `sign`: -1 runs towards the ultraviolet.
pub(super) fn integrate(
    law: PowerLaw,
    start: Couplings,
    times: &[f64],
    bound: f64,
    sign: f64,
) -> Result<FlowLine> {
    let rising = times.windows(2).all(|w| w[0] < w[1]);
    let valid = rising && times.first().is_none_or(|&s| s >= 0.0) && start.mass > -1.0;
    if !valid {
        return Err(Error::input(
            "start",
            "a mass mh <= -1, or times that do not rise from 0",
            "start at mh > -1 and give rising times",
        ));
    }
    let mut slope = |_: f64, y: &[f64], dy: &mut [f64]| {
        let [mass, vertex, target] = [y[0], y[1], y[2]];
        let beta = beta_functions(
            law,
            Couplings {
                mass,
                vertex,
                target,
            },
        );
        dy.copy_from_slice(&[sign * beta.mass, sign * beta.vertex, sign * beta.target]);
    };
    let tolerance = Tolerance {
        relative: 1e-9,
        ..Tolerance::default()
    };
    let initial = vec![start.mass, start.vertex, start.target];
    let mut flow = Flow::new(0.0, initial, tolerance);
    let mut line = FlowLine {
        times: Vec::new(),
        couplings: Vec::new(),
        left: false,
    };
    for &time in times {
        // Beyond the bound the line is cut, and may be singular before the next time.
        let advanced = flow.advance(&mut slope, time);
        let within =
            |y: &[f64], bound: f64| y[0].abs() < bound && y[1].abs() < bound && y[0] > -0.999;
        let inside = |y: &[f64]| within(y, bound);
        // The first point beyond the edge, so that a drawn line reaches it.
        let near = |y: &[f64]| !line.couplings.is_empty() && within(y, 3.0 * bound);
        match advanced {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Ok(()) => {
                let y = flow.state();
                line.left = !inside(y);
                if !line.left || near(y) {
                    line.times.push(time);
                    line.couplings.push(Couplings {
                        mass: y[0],
                        vertex: y[1],
                        target: y[2],
                    });
                }
            }
            Err(_) => line.left = true,
        }
        if line.left {
            break;
        }
    }
    Ok(line)
}

#[cfg(test)]
#[path = "quartic_tests.rs"]
mod tests;
