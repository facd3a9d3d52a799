//! One step of the functional flow: the integral over one mode, with the derivatives of its logarithm.

use super::gauss_hermite::rule;
use super::interpolant::Interpolant;
use super::modes::Mode;
use crate::error::Result;
use crate::numerics::elementary::exp;
use crate::numerics::simd::vectorised;

/// Nodes with less weight than this are left out: a potential that falls below its local parabola cannot raise them
/// above rounding.
const LEAST_WEIGHT: f64 = 1e-26;
/// Room for the nodes that are kept, of 200 at most.
const MOST_NODES: usize = 128;

/// The largest change of `U`, and of its derivatives relative to themselves, from one rule to the next.
pub(super) fn worst_change(
    pair: &[Quadrature],
    grid: &Interpolant,
    mode: &Mode,
    checks: &[f64],
) -> f64 {
    let change = |&x: &f64| {
        let [coarse, fine] = [0, 1].map(|k: usize| pair[k].step(grid, mode, x));
        let slope = (coarse[1] - fine[1]).abs() / (1.0 + fine[1].abs());
        let curvature = (coarse[2] - fine[2]).abs() / (1.0 + fine[2].abs());
        // The vertex needs two digits less.
        (coarse[0] - fine[0]).abs().max(slope).max(0.01 * curvature)
    };
    // `max` drops not-a-number, which must count as a failure.
    checks
        .iter()
        .map(change)
        .fold(0.0, |a, b| if b >= a || b.is_nan() { b } else { a })
}

/// Gauss-Hermite quadrature over one mode.
pub(super) struct Quadrature {
    nodes: Vec<f64>,
    log_weights: Vec<f64>,
}

impl Quadrature {
    pub(super) fn new(count: usize) -> Result<Self> {
        let kept = rule(count)?.into_iter().filter(|(_, w)| *w > LEAST_WEIGHT);
        let (nodes, weights): (Vec<f64>, Vec<f64>) = kept.unzip();
        Ok(Quadrature {
            nodes,
            log_weights: weights.iter().map(|w| w.ln()).collect(),
        })
    }

    /// `U`, `U'`, `U''` of the potential without this mode, at `X = square`.
    pub(super) fn step(&self, grid: &Interpolant, mode: &Mode, square: f64) -> [f64; 3] {
        let (lam, y) = (mode.eigenvalue, mode.coefficient);
        let [reference, local, _] = grid.jet(square);
        let mut mass = 2.0 * local.max(0.0);
        let gaussian = |mass: f64| {
            let stiffness = 1.0 + mass * lam;
            (stiffness, -y / stiffness, lam / stiffness)
        };
        for _ in 0..4 {
            let (_, mean, variance) = gaussian(mass);
            let next = 2.0 * grid.jet(square + variance + mean * mean)[1].max(0.0);
            if (next - mass).abs() <= 1e-3 * mass {
                break;
            }
            mass = 0.5 * (mass + next);
        }
        let (stiffness, mean, variance) = gaussian(mass);
        let deviation = variance.sqrt();
        let half_mass = 0.5 * mass;
        let [sum, slope, slope2, curvature, top] = vectorised(
            #[inline(always)]
            || {
                let count = self.nodes.len();
                let mut squares = [0.0; MOST_NODES];
                let mut places = [0; MOST_NODES];
                let mut exponents = [0.0; MOST_NODES];
                let mut slopes = [0.0; MOST_NODES];
                let mut curvatures = [0.0; MOST_NODES];
                for i in 0..count {
                    let delta = mean + deviation * self.nodes[i];
                    squares[i] = delta * delta;
                    places[i] = grid.place(square + squares[i]);
                }
                let mut top = f64::NEG_INFINITY;
                for i in 0..count {
                    let jet = grid.jet_at(places[i], square + squares[i]);
                    let fall = half_mass * squares[i] - (jet[0] - reference);
                    exponents[i] = self.log_weights[i] + fall;
                    slopes[i] = jet[1];
                    curvatures[i] = jet[2];
                    top = top.max(exponents[i]);
                }
                let mut sums = [0.0; 5];
                for e in &mut exponents[..count] {
                    *e = exp(*e - top);
                }
                for i in 0..count {
                    let (weight, change) = (exponents[i], slopes[i] - local);
                    sums[0] += weight;
                    sums[1] += weight * slopes[i];
                    sums[2] += weight * change * change;
                    sums[3] += weight * curvatures[i];
                }
                sums[4] = top;
                sums
            },
        );
        let mean_slope = slope / sum;
        let shift = mean_slope - local;
        let spread = slope2 / sum - shift * shift;
        let normalisation = 0.5 * (mass * lam).ln_1p() + 0.5 * mass * y * y / stiffness;
        [
            reference + normalisation - top - sum.ln(),
            mean_slope,
            curvature / sum - spread,
        ]
    }
}
