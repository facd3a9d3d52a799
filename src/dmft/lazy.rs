//! The lazy limit `gamma_0 -> 0`: kernels stay at their start, and the outputs follow a linear equation.

use nalgebra::DMatrix;

use super::Problem;
use crate::error::{Error, Result};

/// Outputs of an infinitely wide deep linear network in the lazy limit, for any rule of descent.
///
/// ```text
/// f(t) = q sum_{s<t} kappa(t,s) k(t,s) K^x Delta(s),    k(t,s) = sum_{l=0}^L prod_{m != l} S^m(t,s)
/// ```
///
/// `k K^x` is the tangent kernel between the times `t` and `s` of weights that hold their start and the noise alone,
/// `S^m = s2_m w(t) w(s) + s_n(t,s)`; it is `(L + 1) K^x` for gradient descent from weights of variance 1. `Delta` is 0
/// for test samples and carries the factor of the batches. The richness is not read: the noise per step is what stays
/// fixed in the limit. Corrections are `O(gamma_0^2)`.
///
/// The answer has the sample as its row and the time `0 ..= T` as its column. Cost: `O((P + M) T^2 + (P + M)^2 T)`.
///
/// Source: Bordelon and Pehlevan 2022, arXiv:2205.09653 (lazy limit; with memory and noise here).
///
/// # Errors
/// `Input` for a problem out of its ranges; `Unconverged` where an error is not a number or larger than 1e6: gradient
/// descent needs `q lambda_max(K_0) < 2`, and `2 (1 + m)` with momentum.
///
/// ```
/// use nalgebra::DMatrix;
/// use saddlepoint::dmft::{lazy, Optimiser, Problem};
/// let problem = Problem {
///     kernel: &DMatrix::from_row_slice(1, 1, &[1.0]),
///     targets: &[1.0],
///     richness: 1.0,
///     rate: 0.1,
///     steps: 3,
///     weight_variances: &[1.0; 2],
///     optimiser: &Optimiser::default(),
/// };
/// // Delta(t) = (1 - 2 q)^t
/// assert!((lazy::deep_linear(&problem)?[(0, 3)] - (1.0 - 0.8f64.powi(3))).abs() < 1e-15);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn deep_linear(problem: &Problem) -> Result<DMatrix<f64>> {
    let memory = problem.optimiser.memory(problem.steps);
    descend(problem, problem.kernel, |t, s| {
        let covariances = problem
            .weight_variances
            .iter()
            .map(|&s2| memory.covariance(s2, t, s));
        // The products with one factor left out: (product, sum of products with one factor less), factor by factor.
        let (_, sum) = covariances.fold((1.0, 0.0), |(all, sum), s2| (all * s2, sum * s2 + all));
        memory.carry(t, s) * sum
    })
}

/// Outputs in the lazy limit from the tangent kernel at the start, for any activation.
///
/// ```text
/// f(t) = q sum_{s<t} kappa(t,s) K_0 Delta(s),    K_0 = sum_l G_0^{l+1} * Phi_0^l  (elementwise)
/// ```
///
/// `layers` holds the terms of `K_0`, one (P + M) x (P + M) matrix per layer of weights, or their sum as one matrix.
/// The kernel and the weight variances of the problem are not read: they are in `K_0`. Decay and noise change the
/// random part of the weights and with it `K_0` in time, which these matrices cannot tell: they are refused.
///
/// The answer and the cost are those of [`deep_linear`].
///
/// # Errors
/// As [`deep_linear`]; `Input` for decay, noise and for matrices of other shapes.
pub fn from_tangent_kernel(problem: &Problem, layers: &[DMatrix<f64>]) -> Result<DMatrix<f64>> {
    let optimiser = problem.optimiser;
    if optimiser.decay != 0.0 || optimiser.noise != 0.0 {
        return Err(Error::input(
            "optimiser",
            "with decay or noise the tangent kernel of the lazy limit changes in time",
            "set decay and noise to 0",
        ));
    }
    let all = problem.samples();
    if layers.is_empty() || layers.iter().any(|layer| layer.shape() != (all, all)) {
        let cause = format!("not all of the {} matrices are {all} x {all}", layers.len());
        return Err(Error::input(
            "layers",
            cause,
            "give the terms of the tangent kernel of all samples",
        ));
    }
    let tangent = layers
        .iter()
        .fold(DMatrix::zeros(all, all), |sum, layer| sum + layer);
    let memory = optimiser.memory(problem.steps);
    descend(problem, &tangent, |t, s| memory.carry(t, s))
}

/// `f(t) = q sum_{s<t} weight(t,s) K Delta(s)`.
fn descend(
    problem: &Problem,
    kernel: &DMatrix<f64>,
    weight: impl Fn(usize, usize) -> f64,
) -> Result<DMatrix<f64>> {
    problem.check()?;
    let times = problem.steps + 1;
    let mut pulled = DMatrix::zeros(problem.samples(), times);
    let mut outputs = pulled.clone();
    for t in 0..times {
        for s in 0..t {
            let weight = problem.rate * weight(t, s);
            outputs.column_mut(t).axpy(weight, &pulled.column(s), 1.0);
        }
        let errors = problem.errors(t, outputs.column(t).as_slice(), || kernel.clone())?;
        if t < problem.steps {
            let driven = DMatrix::from_vec(problem.samples(), 1, problem.driven(t, &errors));
            pulled.set_column(t, &(kernel * driven).column(0));
        }
    }
    Ok(outputs)
}

#[cfg(test)]
#[path = "lazy_tests.rs"]
mod tests;
