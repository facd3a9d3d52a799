//! Deep linear networks: the theory closes in algebraic equations, and one sweep through time solves them exactly.

mod fields;
mod layer;
mod record;
mod solution;
mod sweep;

use super::Problem;
use crate::error::{Error, Result};

pub use solution::Solution;

/// How the outputs are formed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Readout {
    /// The outputs of the discrete steps, exact for every learning rate.
    #[default]
    Exact,
    /// `f(t+1) = f(t) + q K^NTK(t) Delta(t)`: exact to first order in the learning rate; for plain gradient descent
    /// alone.
    NtkEuler,
}

/// What is left out of the equations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Approximation {
    /// Nothing.
    #[default]
    None,
    /// The responses `A` and `B` are set to 0 in `C` and `D`, as if weights forward and weights backward were
    /// independent.
    ///
    /// It needs [`Readout::NtkEuler`]. The exact sum `f = sum (A^L + q H^L Delta)` would lose with `A` what all layers
    /// but the last one contribute to the outputs. `K^NTK = sum_l G^{l+1} H^l` has a term for every layer, and so keeps
    /// the lazy limit.
    GradientIndependence,
}

/// How a problem is solved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// How the outputs are formed.
    pub readout: Readout,
    /// What is left out.
    pub approximation: Approximation,
}

/// Outputs and kernels of an infinitely wide deep linear network, for all times `0 ..= T`, exact to rounding.
///
/// ```text
/// h^l_a(t) = u^l_a(t) + gamma_0 sum_{s<t} C^l_a(t,s) g^l(s)              <u^l u^l> = S^{l-1} H^{l-1},   H^0 = K^x
/// g^l(t)   = r^l(t)   + gamma_0 sum_{s<t,b} D^l_b(t,s) h^l_b(s)          <r^l r^l> = S^l G^{l+1},       G^{L+1} = 1
/// C^l_a(t,s) = S^{l-1} A^{l-1}_a(t,s) + q kappa(t,s) sum_b H^{l-1}_ab(t,s) Delta_b(s)
/// D^l_b(t,s) = S^l B^l_b(t,s) + q kappa(t,s) G^{l+1}(t,s) Delta_b(s)
/// A^l = gamma_0^{-1} <dh^l/dr^l>,   A^0 = 0              B^l = gamma_0^{-1} <dg^{l+1}/du^{l+1}>,   B^L = 0
/// f_a(t) = <g^l(t) h^l_a(t)>/gamma_0       the same for every l = 1 .. L, and sum_{s<t} C^{L+1}_a(t,s) in another form
/// ```
///
/// `H^l = <h^l h^l>` and `G^l = <g^l g^l>` are the kernels of the `l`-th hidden layer, `Delta_b(s) = y_b - f_b(s)`
/// (times `P/B` in the batch of step `s`, 0 outside of it and for test samples), `q` the rate of a step per sample;
/// `S^l(t,s)` and `kappa(t,s)` say what the weights remember ([`super::Memory`]), for each layer with the variance
/// `s2_l` of its weights. With `S = kappa = 1` this is gradient descent from normal weights of variance 1.
///
/// # One field per time
/// A hidden field acts on the training only through `v^l(t) = sum_a Delta_a(t) h^l_a(t)`: by induction from the
/// read-out down, `D^l_b(t,s) = d^l(t,s) Delta_b(s)` and `B^l_b(t,s) = z^{l+1}(t,s) Delta_b(s)`. The equations
/// therefore close in matrices over pairs of times, as if there were one sample whose input changes, with
/// `eta^0(t,s) = sum_ab Delta_a(t) K^x_ab Delta_b(s)` in place of `K^x`:
///
/// ```text
/// g = r + gamma_0 d v                   d^l = S^l z^{l+1} + q kappa G^{l+1}           <r r>     = S^l G^{l+1}
/// v = u_v + gamma_0 c g                 c^l = S^{l-1} a^{l-1} + q kappa eta^{l-1}     <u_v u_v> = S^{l-1} eta^{l-1}
/// W = dg/dr = 1 + gamma_0^2 d a             z = gamma_0^{-1} dg/du_v = W d
/// x = dv/du_v = 1 + gamma_0^2 c z           a = gamma_0^{-1} dv/dr = x c
/// Y = gamma_0^{-1} <v g^T> = a <r r> + eta d^T = <u_v u_v> z^T + c G
/// G = <g g^T> = W <r r> + gamma_0^2 Y^T d^T             eta = <v v^T> = x <u_v u_v> + gamma_0^2 Y c^T
/// f_a(t) = sum_{s<t} [S^0 z^1 + q kappa G^1](t,s) sum_b K^x_ab Delta_b(s)          (the form of f at l = 0)
/// ```
///
/// Row `t` of every matrix follows from earlier ones: `g^L .. g^1`, then `f(t)` and `Delta(t)`, then `v^1 .. v^L`.
/// There is no iteration and no tolerance. Neither the rank of `K^x` nor the number of samples enters the sums over
/// pairs of times, so that white inputs and dependent samples are no cases of their own.
///
/// Cost: `8 L T^3/3` products for the sweep, `(P + M) T^2 + (P + M)^2 T` for the outputs; memory `9 L T^2` numbers.
/// [`Readout::NtkEuler`] adds `(5/3) L (P + M) T^3` products. What [`Solution`] answers per sample is computed on
/// demand.
///
/// Source: Bordelon and Pehlevan 2022, arXiv:2205.09653 (deep linear networks; here in discrete time).
///
/// # Errors
/// `Input` for a problem out of its ranges, and for a read-out or an approximation that does not fit the optimiser;
/// `Unconverged` where an error is not a number or larger than 1e6.
///
/// ```
/// use nalgebra::DMatrix;
/// use saddlepoint::dmft::{linear, Optimiser, Problem};
/// let problem = Problem {
///     kernel: &DMatrix::from_row_slice(2, 2, &[1.0, 0.6, 0.6, 1.0]),
///     targets: &[1.0, -0.5],
///     richness: 1.0,
///     rate: 0.2 / 2.0,
///     steps: 20,
///     weight_variances: &[1.0; 3],
///     optimiser: &Optimiser::default(),
/// };
/// let solution = linear::solve(&problem, &linear::Settings::default())?;
/// assert!((solution.outputs(5)[0] - 0.65686384).abs() < 1e-8);
/// assert!((solution.outputs(5)[1] + 0.14681017).abs() < 1e-8);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn solve(problem: &Problem, settings: &Settings) -> Result<Solution> {
    problem.check()?;
    let readout = |cause: &str, remedy: &str| Err(Error::input("readout", cause, remedy));
    match settings.readout {
        Readout::NtkEuler if !problem.optimiser.is_plain() => {
            return readout(
                "the NTK-Euler rule holds for gradient descent without momentum, decay and noise",
                "take the exact read-out",
            );
        }
        Readout::Exact if settings.approximation == Approximation::GradientIndependence => {
            return readout(
                "the exact sum loses the terms of most layers when the responses are dropped",
                "take the NTK-Euler read-out with gradient independence",
            );
        }
        _ => {}
    }
    sweep::sweep(problem, settings)
}

/// Bytes that [`solve`] and its answer hold.
pub fn bytes(problem: &Problem) -> u64 {
    let times = problem.steps as u64 + 1;
    let noise = if problem.optimiser.noise > 0.0 { 1 } else { 0 };
    // Eight triangles, and five squares for the answers.
    let pairs = 9 * problem.depth() as u64 + noise;
    8 * times * (pairs * times + 3 * problem.samples() as u64)
}

/// Floating-point operations of [`solve`], a product and a sum counted as two.
pub fn flops(problem: &Problem, settings: &Settings) -> f64 {
    let (times, depth) = (problem.steps as f64 + 1.0, problem.depth() as f64);
    let samples = problem.samples() as f64;
    let sweep = 16.0 / 3.0 * depth * times.powi(3);
    let outputs = samples * times * times + 2.0 * samples * samples * times;
    let tangent = match settings.readout {
        Readout::Exact => 0.0,
        Readout::NtkEuler => 10.0 / 3.0 * depth * samples * times.powi(3),
    };
    sweep + outputs + tangent
}

#[cfg(test)]
mod dense_tests;
#[cfg(test)]
mod laws_tests;
#[cfg(test)]
mod limits_tests;
#[cfg(test)]
mod network_tests;
#[cfg(test)]
mod reference_tests;
#[cfg(test)]
mod tests;
