//! Kernel adaptation of linear networks with one hidden layer, at tree level: the weights grow along one direction.

use super::kernel_scaling::Modes;
use super::{Failure, TwoLayer};
use crate::error::{Error, Result};
use crate::numerics::linalg::{eigh, multiply, outer_gram};
use crate::numerics::root::brent;
use nalgebra::{DMatrix, DVector};

const NAME: &str = "linear kernel adaptation";
/// The largest `ln q` that is looked at.
const REACH: f64 = 600.0;

/// The saddle point in the eigenbasis of the kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct Adaptation {
    /// `q`: the mean predictor is that of a Gaussian process with the kernel `q K`.
    pub scale: f64,
    /// `t_i = z_i/(q lam_i + T)`, the discrepancies.
    pub discrepancies: Vec<f64>,
    /// `F`, the action at the saddle point.
    pub action: f64,
    /// `ln Z` with the fluctuations of the output and of `q`, to `O(1/N)` at `chi = N`.
    pub log_evidence: f64,
    /// `|1 - 1/q - (chi/N) t^T K t|` at the solution.
    pub residual: f64,
}

/// The tree-level saddle point of a linear network with one hidden layer of `width` `N`, from the eigenvalues of its
/// kernel.
///
/// In mean-field scaling (`chi` of the order of `N`) the action of a linear network is of the order of `chi`, and its
/// saddle point is exact at leading order. The mean predictor sees only a factor `q` of the kernel:
///
/// ```text
/// 1/q = 1 - (chi/N) t^T K t,   t = (q K + T)^{-1} y
/// F = (N/2)(q - 1 - ln q) + (chi/2) y^T (q K + T)^{-1} y
/// ln Z = -F - 1/2 log det(I + q K/T) - 1/2 ln( q + 2 D''/N ) + O(1/N) at chi = N
/// ```
///
/// `D''` is the second derivative of the last term of `F` by `ln q`. The equation for `q` is that of `kernel_scaling`
/// without the trace of `q K (q K + T)^{-1}`, which is smaller by `1/chi`: at `chi = 1` use `kernel_scaling`. The root
/// is unique, since `t^T K t` falls with `q`. Cost: `O(P)` per step of the root search.
///
/// Source: Rubin, Fischer, Lindner, Dahmen, Ringel et al. 2025, arXiv:2502.03210; the evidence is derived here.
///
/// # Errors
/// Inputs out of range; `Unconverged` where the tilt of the weights diverges, `(chi/N) t^T K t >= 1`.
///
/// ```
/// use saddlepoint::mean_field::{kernel_scaling::Modes, linear_adaptation::solve_modes};
/// let (eigenvalues, targets) = (&[2.0, 1.0, 0.5, 0.25], &[1.0, 2.0, 1.0, 0.5]);
/// let modes = Modes { eigenvalues, targets, temperature: 0.1, chi: 1.0 };
/// assert!((solve_modes(4.0, &modes)?.scale - 1.85863565).abs() < 1e-8);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn solve_modes(width: f64, modes: &Modes) -> Result<Adaptation> {
    modes.check()?;
    if !(width.is_finite() && width > 0.0) {
        return Err(Error::input(
            "width",
            format!("{width} is not a finite number > 0"),
            "give a positive width",
        ));
    }
    let pairs = || modes.eigenvalues.iter().zip(modes.targets);
    let (temperature, strength) = (modes.temperature, modes.chi / width);
    // (chi/N) t^T K t
    let tilt = |q: f64| -> f64 {
        let pull = pairs().map(|(lam, z)| lam * (z / (q * lam + temperature)).powi(2));
        strength * pull.sum::<f64>()
    };
    let balance = |log: f64| -(-log).exp_m1() - tilt(log.exp());
    let root = match tilt(1.0) == 0.0 {
        true => 0.0,
        false => brent(balance, 0.0, REACH, 1e-16)?.x,
    };
    let scale = root.exp();
    let discrepancies: Vec<f64> = pairs()
        .map(|(lam, z)| z / (scale * lam + temperature))
        .collect();
    if tilt(scale) >= 1.0 {
        let norm = discrepancies.iter().map(|t| t * t).sum::<f64>().sqrt();
        return Err(Failure::TiltDiverges { norm }.of(NAME));
    }
    let (mut fit, mut bend, mut log_det) = (0.0, 0.0, 0.0);
    for ((lam, z), t) in pairs().zip(&discrepancies) {
        let signal = scale * lam;
        fit += 0.5 * modes.chi * z * t;
        bend -= 0.5 * modes.chi * signal * (temperature - signal) * t * t / (signal + temperature);
        log_det += (signal / temperature).ln_1p();
    }
    let action = 0.5 * width * (root.exp_m1() - root) + fit;
    Ok(Adaptation {
        scale,
        discrepancies,
        action,
        log_evidence: -action - 0.5 * log_det - 0.5 * (scale + 2.0 * bend / width).ln(),
        residual: balance(root).abs(),
    })
}

/// The saddle point with its directional covariances.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearAdaptation {
    /// Scale, action and evidence; its `discrepancies` are in the eigenbasis.
    pub saddle: Adaptation,
    /// `t = (Q + T)^{-1} y = (y - fbar)/T`, one per training input.
    pub discrepancies: DVector<f64>,
    /// `Sigma = <w w^T>` of one neuron, `d x d`.
    pub weight_covariance: DMatrix<f64>,
    /// `Q = s_a^2 X Sigma X^T`, covariance of the output times `chi`, `P x P`.
    pub kernel: DMatrix<f64>,
    /// `fbar = y - T t` at the training inputs.
    pub mean: DVector<f64>,
    readout_variance: f64,
    /// `Sigma X^T t`
    pull: DVector<f64>,
}

impl LinearAdaptation {
    /// `fbar(x) = s_a^2 x^T Sigma X^T t` at test inputs, the columns of `x`.
    pub fn predict(&self, x: &DMatrix<f64>) -> Result<DVector<f64>> {
        if x.nrows() != self.pull.len() {
            return Err(shape(format!(
                "{} inputs for {} weights",
                x.nrows(),
                self.pull.len()
            )));
        }
        Ok(x.tr_mul(&self.pull) * self.readout_variance)
    }
}

/// The tree-level saddle point of a linear network, with the covariance of its weights.
///
/// `q`, `F` and the evidence are those of [`solve_modes`] for the kernel `K = s_a^2 s_w^2 X X^T/d`. The weights of one
/// neuron are Gaussian, and wider than under the prior along one direction `v = X^T t` alone:
///
/// ```text
/// Sigma = (s_w^2/d) [ I + g v v^T/(1 - g v^T v) ]
/// g = (chi/N) s_a^2 s_w^2/d,   g v^T v = (chi/N) t^T K t = 1 - 1/q
/// Q = s_a^2 X Sigma X^T = K + (chi/N) K t t^T K/(1 - (chi/N) t^T K t),   Q t = q K t
/// ```
///
/// Samples are columns of `x` (`inputs x samples`). Cost `O(P^2 (P + d))`.
///
/// Source: as for [`solve_modes`].
///
/// # Errors
/// An activation that is not linear; shapes and ranges; as [`solve_modes`].
pub fn solve(model: &TwoLayer, x: &DMatrix<f64>, y: &[f64]) -> Result<LinearAdaptation> {
    model.check()?;
    if !model.phi.is_linear() {
        return Err(Error::input(
            "activation",
            "this theory is for linear networks",
            "use variational_gaussian for other activations",
        ));
    }
    let (d, p) = x.shape();
    if y.len() != p || p == 0 || d == 0 || x.iter().any(|x| !x.is_finite()) {
        return Err(shape(format!("{d} x {p} inputs with {} targets", y.len())));
    }
    let prior = model.weight_variance / d as f64;
    let kernel = outer_gram(&x.transpose()) * (model.readout_variance * prior);
    let (values, vectors) = eigh(&kernel)?;
    // The kernel is a Gram matrix: what is negative is rounding.
    let eigenvalues: Vec<f64> = values.iter().map(|l| l.max(0.0)).collect();
    let targets = vectors.tr_mul(&DVector::from_column_slice(y));
    let modes = Modes {
        eigenvalues: &eigenvalues,
        targets: targets.as_slice(),
        temperature: model.temperature,
        chi: model.chi,
    };
    let saddle = solve_modes(model.width, &modes)?;
    let t = &vectors * DVector::from_column_slice(&saddle.discrepancies);
    let v = x * &t;
    let strength = model.chi / model.width * model.readout_variance * prior;
    // 1/(1 - g v^T v) = q
    let spike = &v * v.transpose() * (strength * saddle.scale);
    let weight_covariance = (DMatrix::identity(d, d) + spike) * prior;
    let pull = &weight_covariance * &v;
    Ok(LinearAdaptation {
        kernel: x.tr_mul(&multiply(&weight_covariance, x)) * model.readout_variance,
        mean: DVector::from_column_slice(y) - &t * model.temperature,
        discrepancies: t,
        weight_covariance,
        readout_variance: model.readout_variance,
        pull,
        saddle,
    })
}

fn shape(cause: String) -> Error {
    Error::input(
        "inputs",
        cause,
        "give finite inputs, a sample per column, and one target per sample",
    )
}

#[cfg(test)]
#[path = "linear_adaptation_tests.rs"]
mod tests;
