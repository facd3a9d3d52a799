//! Networks of any depth with any activation: causal Monte Carlo over the paths of single neurons.
//!
//! ```text
//! h^l_mu(t) = u^l_mu(t) + gamma_0 sum_{s<t,a}  C^l_{mu a}(t,s) g^l_a(s),         <u^l u^l> = S_W^{l-1} Phi^{l-1}
//! z^l_mu(t) = r^l_mu(t) + gamma_0 sum_{s<=t,a} D^l_{mu a}(t,s) phi(h^l_a(s)),    <r^l r^l> = S_W^l G^{l+1}
//! g = phi'(h) z,   Phi^l = <phi(h^l) phi(h^l)>,   G^l = <g^l g^l>,               Phi^0 = K^x,  G^{L+1} = 1
//! C^l = S_W^{l-1} A^{l-1} + q kappa Phi^{l-1} Delta                              for s < t,    A^0 = 0
//! D^l = S_W^l B^l + [s<t] q kappa G^{l+1} Delta                                  for s <= t,   B^L = 0
//! A^l_{mu a}(t,s) = gamma_0^{-1} <d phi(h^l_mu(t)) / d r^l_a(s)>
//! B^l_{mu a}(t,s) = gamma_0^{-1} <d g^{l+1}_mu(t) / d u^{l+1}_a(s)>
//! f_mu(t) = sum_{s<t,a} [ S_W^L A^L + q kappa Phi^L Delta ],   Delta = y - f,   q = eta/P (mean loss) or eta (sum)
//! ```
//!
//! A hidden layer is one neuron with its Gaussian fields `u` and `r`, whose covariances are the kernels of the layers
//! below and above. Averages run over sample paths of that neuron. As training is causal, one sweep through time
//! solves all layers: what a step needs is known when it comes. There is no iteration, no damping and no tolerance.
//! The response `B` at equal times is `gamma_0^{-1} <phi''(h) z>` and does not vanish for small steps; a theory
//! without it is wrong.
//!
//! Source: Bordelon and Pehlevan 2022, arXiv:2205.09653 (their equations, in discrete time).

mod block;
mod collect;
mod cost;
mod curvature;
mod expansion;
mod factor;
mod history;
mod known;
mod layout;
mod noise;
mod rates;
mod record;
mod repeat;
mod responses;
mod solution;
mod stein;
mod sums;
mod sweep;

use super::Problem;
pub use super::linear::{Approximation, Readout};
use crate::error::{Error, Result};
use crate::kernel::Activation;
pub use cost::{bytes, flops, network_flops};
pub use expansion::{Expansion, expand};
pub use solution::{Sampled, Solution};
use sweep::{Inner, Task};

/// How responses are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    /// By the derivatives of every sample path: `O(L S (P T)^3)` products, memory `O(L S (P T)^2)` in single precision.
    Paths,
    /// By Stein's lemma, from correlations of a field with what drives it: `O(L S (P T)^2)` products, memory
    /// `O(L S P T)`. The only form for relu, whose second derivative is a delta function.
    ///
    /// Outputs have about twice the sampling error of the same number of paths, kernels the same; a bias of the order
    /// of the number of independent directions in time over the number of paths remains. For long trainings more
    /// paths in this form can be the better use of time.
    Stein,
}

/// How a problem is solved.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Sample paths of one repeat; rounded up to a multiple of 8.
    pub samples: usize,
    /// Independent repeats, at least 2: each solves the theory by itself, and their scatter is the standard error.
    pub repeats: usize,
    /// Seed of the white noise.
    pub seed: u64,
    /// How responses are found; `None` takes [`Response::Paths`] where it is defined and fits into the memory.
    pub response: Option<Response>,
    /// How the outputs are formed.
    pub readout: Readout,
    /// What is left out.
    pub approximation: Approximation,
    /// Times at which the pre-activations of all paths are kept, for densities and moments.
    pub keep: Vec<usize>,
    /// Most bytes that a solve may hold.
    pub max_memory: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            samples: 4000,
            repeats: 4,
            seed: 0,
            response: None,
            readout: Readout::Exact,
            approximation: Approximation::None,
            keep: Vec::new(),
            max_memory: 8 << 30,
        }
    }
}

/// Outputs, kernels and responses of an infinitely wide network of any depth and activation, at all times `0 ..= T`.
///
/// The equations stand at the head of this module. One step extends Cholesky factors of the covariances of all `u^l`
/// and `r^l` over pairs of times and samples by P + M rows (pivots below `1e-9` of the mean diagonal entry are raised
/// to it, and counted), forms the fields of every path from its fixed white noise, and averages. The derivatives of
/// every path follow from
///
/// ```text
/// dh(t)/dr = gamma_0 sum_{s<t} C dg(s)/dr             dz(t)/dr = 1 + gamma_0 sum_{s<=t} D phi'(h(s)) dh(s)/dr
/// dh(t)/du = 1 + gamma_0 sum_{s<t} C dg(s)/du         dz(t)/du =     gamma_0 sum_{s<=t} D phi'(h(s)) dh(s)/du
/// dg(t)    = phi''(h) z dh(t) + phi'(h) dz(t)
/// ```
///
/// Test samples belong to the same Gaussian fields and have no part in the sums over `a`, save for the response at
/// equal times to their own field. White noise is made exactly white over the paths where they are at least twice as
/// many as its coordinates, every path has a mirror image with `-r` (and with `-u` for activations that are not odd),
/// and its numbers depend on the seed and the repeat alone, so that problems share them. The error is that of an
/// ensemble of S neurons, `1/sqrt(S)`: the standard error is the scatter of repeats.
///
/// `look` is called once per step with the fraction done, and may stop the solve by an error.
///
/// Cost: `L S (P + M) P^2 T^3` products and as many bytes of memory traffic as `L S P^2 T^3`; sums run over fixed
/// blocks in order, so that the bits do not depend on the number of threads. [`bytes`] and [`flops`] estimate it;
/// training one network of width S takes [`network_flops`].
///
/// # Errors
/// `Input` for a problem or settings out of their ranges; `Resource` for more memory than allowed; `Unconverged`
/// where an error is not a number or larger than 1e6; what `look` returns.
///
/// ```
/// use nalgebra::DMatrix;
/// use saddlepoint::dmft::{Optimiser, Problem, deep};
/// use saddlepoint::kernel::Activation;
/// let problem = Problem {
///     kernel: &DMatrix::from_row_slice(2, 2, &[1.0, 0.6, 0.6, 1.0]),
///     targets: &[1.0, -0.5],
///     richness: 1.5,
///     rate: 0.25, // eta = 0.5 over two samples
///     steps: 3,
///     weight_variances: &[1.0; 3],
///     optimiser: &Optimiser::default(),
/// };
/// let settings = deep::Settings { samples: 1000, ..Default::default() };
/// let solution = deep::solve(&problem, &Activation::Tanh, &settings, &|_| Ok(()))?;
/// let output = solution.outputs(3);
/// assert!((output.mean[0] - 0.325).abs() < 0.01 && output.stderr[0] < 0.005);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn solve(
    problem: &Problem,
    activation: &Activation,
    settings: &Settings,
    look: &dyn Fn(f64) -> Result<()>,
) -> Result<Solution> {
    solve_with(
        problem,
        activation,
        settings,
        problem.richness,
        Inner::default(),
        look,
    )
}

fn solve_with(
    problem: &Problem,
    activation: &Activation,
    settings: &Settings,
    richness: f64,
    inner: Inner,
    look: &dyn Fn(f64) -> Result<()>,
) -> Result<Solution> {
    problem.check()?;
    activation.check("activation")?;
    check(problem, activation, settings)?;
    let (response, reason) = cost::choose(problem, activation, settings)?;
    let task = Task {
        problem,
        activation,
        settings,
        richness,
        response,
        inner,
    };
    let repeats = settings.repeats;
    let mut blocks = Vec::new();
    let mut run = |repeat: usize| {
        let look = |part: f64| look((repeat as f64 + part) / repeats as f64);
        sweep::sweep(&task, repeat, &mut blocks, &look)
    };
    let repeats: Vec<_> = (0..repeats).map(&mut run).collect::<Result<_>>()?;
    Ok(Solution::new(&task, reason, repeats))
}

fn check(problem: &Problem, activation: &Activation, settings: &Settings) -> Result<()> {
    let wrong = |place: &str, cause: &str, remedy: &str| Err(Error::input(place, cause, remedy));
    if settings.samples == 0 {
        return wrong(
            "samples",
            "no sample paths",
            "give at least some hundreds of paths",
        );
    }
    if settings.repeats < 2 {
        return wrong(
            "repeats",
            "an error needs two repeats at least",
            "give 4 repeats or more",
        );
    }
    if settings.response == Some(Response::Paths) && *activation == Activation::Relu {
        return wrong(
            "response",
            "relu has no second derivative along a path",
            "take Stein's form, or leave the choice to the solver",
        );
    }
    let ascending = settings.keep.windows(2).all(|pair| pair[0] < pair[1]);
    if !ascending || settings.keep.iter().any(|&t| t > problem.steps) {
        return wrong(
            "keep",
            "times out of order or range",
            "give ascending times up to the number of steps",
        );
    }
    match settings.readout {
        Readout::NtkEuler if !problem.optimiser.is_plain() => wrong(
            "readout",
            "the NTK-Euler rule holds for gradient descent without momentum, decay and noise",
            "take the exact read-out",
        ),
        Readout::Exact if settings.approximation == Approximation::GradientIndependence => wrong(
            "readout",
            "the exact sum loses the terms of most layers when the responses are dropped",
            "take the NTK-Euler read-out with gradient independence",
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
