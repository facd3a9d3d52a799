//! The first correction to the lazy limit of one hidden layer, in the square of the richness, by differences.

use super::answers::{EqualTime, TwoTime};
use super::estimate::{Estimate, Uncertainty};
use super::rule::Rule;
use super::solution::{Setting, Solution, solve};
use crate::dmft::Problem;
use crate::error::{Error, Result};
use crate::kernel::Activation;

/// Richness times the largest target, of the first of the differences.
const STEP: f64 = 0.0125;
/// Solves, at `1, 2, .. COUNT` times the step.
pub(super) const COUNT: usize = 4;

/// Outputs and kernels of one hidden layer up to the order `gamma_0^2`.
pub struct Expansion {
    parts: Vec<Solution>,
    /// Weights of the parts: a polynomial through all of them, and one through all but the last.
    weights: [Vec<f64>; 2],
}

/// Expands the dynamics of one hidden layer around the lazy limit, as a named approximation.
///
/// ```text
/// K = K(0) + gamma_0^2 dK/d(gamma_0^2)(0),    K(gamma_0^2) the cubic through K at gamma_0 = g, 2g, 3g, 4g,    g max|y| = 0.0125
/// ```
///
/// Everything depends on the targets through `gamma_0 y` alone, which gives the step its scale. All four solves have the
/// same points over neurons, whose mirror images in `z` make every average exactly even in the richness: what is left of
/// a difference is no noise, and the remainder of order `g^6` is about `1e-8`. The error of an answer holds the
/// difference of two quadratures, and that from the parabola through the first three. In up to six coordinates (the
/// rank of the kernel and 1) the quadrature is a product rule, and no error is statistical. Valid for gradient descent
/// on all samples without momentum, decay and noise, and for smooth activations.
///
/// Cost: four solves.
///
/// # Errors
/// As [`solve`]; `Input` for other optimisers and for relu.
pub fn expand(problem: &Problem, activation: &Activation, setting: &Setting) -> Result<Expansion> {
    let refused = |place: &str, cause: &str, remedy: &str| Err(Error::input(place, cause, remedy));
    if !problem.optimiser.is_plain() || problem.optimiser.batches.is_some() {
        return refused(
            "optimiser",
            "the perturbation in the richness is for gradient descent on all samples",
            "set momentum, decay and noise to 0 and leave out batches",
        );
    }
    if *activation == Activation::Relu {
        return refused(
            "activation",
            "relu has no second derivative at its kink, which neurons cross at this order",
            "take a smooth activation",
        );
    }
    let size = problem.targets.iter().fold(0.0f64, |m, y| m.max(y.abs()));
    let step = STEP / if size > 0.0 { size } else { 1.0 };
    let richness: Vec<f64> = (1..=COUNT).map(|k| k as f64 * step).collect();
    let mut setting = setting.clone();
    let tolerance = setting.tolerance.take();
    let mut parts: Vec<Solution> = Vec::with_capacity(COUNT);
    for &richness in &richness {
        let problem = Problem {
            richness,
            ..problem.clone()
        };
        if setting.rule.is_none() {
            setting.rule = Some(Rule::of_expansion(&problem, activation)?);
        }
        parts.push(solve(&problem, activation, &setting)?);
    }
    let squares: Vec<f64> = richness.iter().map(|g| g * g).collect();
    let squared = problem.richness * problem.richness;
    let expansion = Expansion {
        parts,
        weights: [
            weights(&squares, squared),
            weights(&squares[..COUNT - 1], squared),
        ],
    };
    let error = expansion.outputs().largest_error();
    match tolerance {
        Some(tolerance) if error.is_nan() || error > tolerance => Err(Error::unconverged(
            "dmft",
            format!(
                "the expansion leaves an error of {error:.3e} in an output, above {tolerance:.3e}"
            ),
            "give the rule more points, or accept a larger error",
        )),
        _ => Ok(expansion),
    }
}

/// Weights `w` with `sum w_i p(x_i) = p(0) + x p'(0)` for every polynomial through these points.
fn weights(points: &[f64], x: f64) -> Vec<f64> {
    let others = |i: usize| (0..points.len()).filter(move |&j| j != i);
    let one = |i: usize| {
        let scale: f64 = others(i).map(|j| points[i] - points[j]).product();
        let product = |skip: usize| -> f64 {
            others(i)
                .filter(|&j| j != skip)
                .map(|j| -points[j])
                .product()
        };
        let slope: f64 = others(i).map(product).sum();
        (product(i) + x * slope) / scale
    };
    (0..points.len()).map(one).collect()
}

impl Expansion {
    /// Number of steps T.
    pub fn steps(&self) -> usize {
        self.parts[0].steps()
    }

    /// Samples, training and test.
    pub fn samples(&self) -> usize {
        self.parts[0].samples()
    }

    /// The rule that was used, and its neurons.
    pub fn rule(&self) -> (&Rule, usize) {
        (&self.parts[0].rule, self.parts[0].neurons)
    }

    /// `f_mu(t)` at the times `0 ..= T`, as [`Solution::outputs`].
    pub fn outputs(&self) -> Estimate {
        let parts: Vec<&Estimate> = self.parts.iter().map(|s| &s.outputs).collect();
        self.combined(&parts)
    }

    /// As [`Solution::equal_time`].
    ///
    /// # Errors
    /// Those of [`Solution::equal_time`].
    pub fn equal_time(&self, times: &[usize]) -> Result<EqualTime> {
        let parts = self.parts.iter().map(|s| s.equal_time(times));
        let parts = parts.collect::<Result<Vec<_>>>()?;
        let of = |part: fn(&EqualTime) -> &Estimate| {
            self.combined(&parts.iter().map(part).collect::<Vec<_>>())
        };
        Ok(EqualTime {
            times: times.to_vec(),
            feature: of(|p| &p.feature),
            gradient: of(|p| &p.gradient),
            tangent: of(|p| &p.tangent),
        })
    }

    /// As [`Solution::two_time`].
    ///
    /// # Errors
    /// Those of [`Solution::two_time`].
    pub fn two_time(&self, times: &[usize]) -> Result<TwoTime> {
        let parts = self.parts.iter().map(|s| s.two_time(times));
        let parts = parts.collect::<Result<Vec<_>>>()?;
        let of = |part: fn(&TwoTime) -> &Estimate| {
            self.combined(&parts.iter().map(part).collect::<Vec<_>>())
        };
        Ok(TwoTime {
            times: times.to_vec(),
            feature: of(|p| &p.feature),
            gradient: of(|p| &p.gradient),
        })
    }

    /// The polynomial through one number of all parts; with two rules the coarser one goes with the lower degree.
    fn combined(&self, parts: &[&Estimate]) -> Estimate {
        let row = |k: usize, weights: &[f64]| -> Vec<f64> {
            let length = parts[0].rows[k].len();
            let at = |i: usize| {
                let terms = weights.iter().zip(parts);
                terms.map(|(w, part)| w * part.rows[k][i]).sum()
            };
            (0..length).map(at).collect()
        };
        let [fine, coarse] = &self.weights;
        match parts[0].uncertainty {
            Uncertainty::StandardError => {
                let rows = 0..parts[0].rows.len();
                Estimate::of(
                    Uncertainty::StandardError,
                    rows.map(|k| row(k, fine)).collect(),
                )
            }
            Uncertainty::Difference => {
                Estimate::of(Uncertainty::Difference, vec![row(0, fine), row(1, coarse)])
            }
            Uncertainty::Rounding => {
                Estimate::of(Uncertainty::Difference, vec![row(0, fine), row(0, coarse)])
            }
        }
    }
}
