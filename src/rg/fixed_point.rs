//! Fixed points of the flow of mass and vertex, with their eigenvalues.

use super::quartic::{Couplings, FlowLine, beta_functions, integrate};
use super::spectrum::PowerLaw;
use crate::error::{Error, Result};

/// Continuation in the target from 0 to its value.
const STEPS: usize = 20;

/// A fixed point at a given target `yh`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FixedPoint {
    /// Where it is.
    pub couplings: Couplings,
    /// Eigenvalues of `d(beta_m, beta_u)/d(mh, uh)`, falling: positive ones are relevant (they grow towards the
    /// infrared).
    pub eigenvalues: [f64; 2],
    /// Largest modulus of the beta functions there.
    pub residual: f64,
}

/// The Gaussian process, `mh = uh = 0`: both couplings grow towards the infrared with their engineering exponents
/// `1 + 2 alpha` and `1 + alpha`, so that the point attracts in the ultraviolet, as in asymptotic freedom.
pub fn gaussian(law: PowerLaw, target: f64) -> FixedPoint {
    let at = Couplings {
        mass: 0.0,
        vertex: 0.0,
        target,
    };
    point(law, at)
}

/// The fixed point at a vertex > 0.
///
/// ```text
/// yh = 0:   mh = -(1+2 alpha)/(2+3 alpha),   uh = (1+2 alpha)(1+alpha)^2/(2+3 alpha)^2
///           eigenvalues [ -(1+3 alpha) +- sqrt((1+3 alpha)^2 + 4 (1+2 alpha)(2+3 alpha)) ]/2
/// ```
///
/// Derived. For `yh > 0` Newton's method follows the point from `yh = 0`; it is a fixed point of the whole flow where
/// `yh` does not run, `beta = alpha`. One direction is relevant, one irrelevant. The point lies at a negative mass, a
/// loss with a double well, and at strong coupling: it belongs to the truncated flow, and nothing says that it
/// survives beyond.
///
/// # Errors
/// `alpha <= 0` or a negative target; `Unconverged` when Newton's method fails.
///
/// ```
/// use saddlepoint::rg::{fixed_point, PowerLaw};
/// let point = fixed_point::interacting(PowerLaw::new(1.0, 1.0), 0.0)?;
/// assert!((point.couplings.mass + 0.6).abs() < 1e-12 && (point.couplings.vertex - 0.48).abs() < 1e-12);
/// assert!((point.eigenvalues[0] - 2.35889894).abs() < 1e-8);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn interacting(law: PowerLaw, target: f64) -> Result<FixedPoint> {
    let alpha = law.alpha;
    if !(alpha > 0.0 && alpha.is_finite() && target >= 0.0 && target.is_finite()) {
        return Err(Error::input(
            "alpha",
            format!("alpha = {alpha} or target = {target} out of range"),
            "take alpha > 0 and target >= 0",
        ));
    }
    let denominator = 2.0 + 3.0 * alpha;
    let mut at = Couplings {
        mass: -(1.0 + 2.0 * alpha) / denominator,
        vertex: (1.0 + 2.0 * alpha) * ((1.0 + alpha) / denominator).powi(2),
        target: 0.0,
    };
    for step in 1..=STEPS {
        at.target = target * step as f64 / STEPS as f64;
        let mut change = f64::INFINITY;
        for _ in 0..50 {
            let beta = beta_functions(law, at);
            let [a, b, c, d] = jacobian(law, at);
            let determinant = a * d - b * c;
            let dm = (d * beta.mass - b * beta.vertex) / determinant;
            let du = (a * beta.vertex - c * beta.mass) / determinant;
            at.mass -= dm;
            at.vertex -= du;
            change = dm.abs().max(du.abs());
            if change < 1e-15 {
                break;
            }
        }
        let found = change < 1e-12 && at.mass > -1.0 && at.vertex > 0.0;
        if !found {
            return Err(Error::unconverged(
                "fixed point",
                format!("Newton's method left the branch at yh = {}", at.target),
                "take a smaller target",
            ));
        }
    }
    Ok(point(law, at))
}

/// The two branches of the line that runs into the interacting fixed point, followed from it towards the ultraviolet:
/// the separatrix between the phases on its two sides. The branch to smaller vertices comes first; it comes from the
/// Gaussian fixed point. Times are those of the reversed flow.
///
/// It starts at the distance 1e-4 along the eigenvector of the irrelevant eigenvalue. Of a target `yh > 0` the line is
/// that of the truncated flow for `beta = alpha`, where `yh` does not run.
///
/// # Errors
/// As [`interacting`] and [`super::quartic::flow_line`].
pub fn separatrix(law: PowerLaw, target: f64, times: &[f64], bound: f64) -> Result<[FlowLine; 2]> {
    let end = interacting(law, target)?;
    let [a, b, ..] = jacobian(law, end.couplings);
    // (a - e) dm + b du = 0
    let (dm, du) = (-b, a - end.eigenvalues[1]);
    let step = 1e-4 / dm.hypot(du) * du.signum();
    let branch = |sign: f64| {
        let start = Couplings {
            mass: end.couplings.mass - sign * step * dm,
            vertex: end.couplings.vertex - sign * step * du,
            target,
        };
        let still = PowerLaw {
            beta: law.alpha,
            ..law
        };
        integrate(still, start, times, bound, -1.0)
    };
    Ok([branch(1.0)?, branch(-1.0)?])
}

fn point(law: PowerLaw, couplings: Couplings) -> FixedPoint {
    let beta = beta_functions(law, couplings);
    let [a, b, c, d] = jacobian(law, couplings);
    let (half_trace, determinant) = (0.5 * (a + d), a * d - b * c);
    let root = (half_trace * half_trace - determinant).max(0.0).sqrt();
    FixedPoint {
        couplings,
        eigenvalues: [half_trace + root, half_trace - root],
        residual: beta.mass.abs().max(beta.vertex.abs()),
    }
}

/// `d(beta_m, beta_u)/d(mh, uh)` by rows.
fn jacobian(law: PowerLaw, at: Couplings) -> [f64; 4] {
    let left = 1.0 / (1.0 + at.mass);
    let (left2, left3) = (left * left, left * left * left);
    let (u, y) = (at.vertex, at.target);
    [
        1.0 + law.alpha - u * (left2 + 2.0 * y * left3),
        left + y * left2,
        u * u * (2.0 * left3 + 6.0 * y * left3 * left),
        1.0 + 2.0 * law.alpha - 2.0 * u * (left2 + 2.0 * y * left3),
    ]
}

#[cfg(test)]
#[path = "fixed_point_tests.rs"]
mod tests;
