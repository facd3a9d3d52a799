//! Kernel adaptation of nonlinear networks with one hidden layer: the weights of a neuron as one Gaussian.

mod action;

use super::{Failure, TwoLayer};
use crate::error::{Error, Result};
use crate::numerics::linalg::{cholesky, multiply, outer_gram, qr};
use crate::numerics::optimize::lbfgs;
use crate::numerics::random::{normal_matrix, stream};
use action::{Action, pack, unpack};
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

/// Minima whose kernels differ by less than this part of their norm are one.
const DISTINCT: f64 = 1e-4;
/// Standard deviations of the random starts: of the logarithms on the diagonal of `L`, and of its other entries times
/// `sqrt(d)`.
const SPREAD: f64 = 0.5;

/// How the minimum is looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Adds `1/2 log det(I + Q/T)` to the free energy.
    pub logdet: bool,
    /// Random starts, beside the prior and the guesses.
    pub starts: usize,
    /// Root seed of the random starts.
    pub seed: u64,
    /// Covariances `Sigma` to start from, `d x d`.
    pub guesses: Vec<DMatrix<f64>>,
    /// Largest component of the gradient of `F/N` by the Cholesky factor of `Sigma d/s_w^2` (logarithms on its
    /// diagonal).
    pub tolerance: f64,
}

impl Default for Options {
    /// Without `logdet`; five random starts, no guess, a tolerance of 1e-10.
    fn default() -> Self {
        Options {
            logdet: false,
            starts: 5,
            seed: 0,
            guesses: Vec::new(),
            tolerance: 1e-10,
        }
    }
}

/// A minimum of the free energy.
#[derive(Debug, Clone, PartialEq)]
pub struct VariationalGaussian {
    /// `Sigma = <w w^T>` of one neuron, `d x d`.
    pub weight_covariance: DMatrix<f64>,
    /// `C = X Sigma X^T`, covariance of the pre-activations, `P x P`.
    pub preactivation: DMatrix<f64>,
    /// `Q = s_a^2 F(C)`, covariance of the output times `chi`, `P x P`.
    pub kernel: DMatrix<f64>,
    /// `t = (Q + T)^{-1} y = (y - fbar)/T`
    pub discrepancies: DVector<f64>,
    /// `fbar = y - T t` at the training inputs.
    pub mean: DVector<f64>,
    /// `F`. Its negative is the leading exponent of the evidence `ln Z` (of the order of `N` at `chi = N`); without
    /// `logdet` it lies below that of the exact mean-field theory, with `logdet` it is no bound.
    pub action: f64,
    /// Iterations of L-BFGS.
    pub iterations: usize,
    /// Largest component of the gradient, as in [`Options::tolerance`].
    pub residual: f64,
    /// The network at whose `chi` this is the minimum.
    pub model: TwoLayer,
    inputs: DMatrix<f64>,
}

impl VariationalGaussian {
    /// `k(x_mu, x_*) = s_a^2 F(x_mu^T Sigma x_mu, x_*^T Sigma x_*, x_mu^T Sigma x_*)`, `P x` test inputs; samples are
    /// columns.
    ///
    /// # Errors
    /// Inputs of another dimension or that are not finite.
    pub fn cross_kernel(&self, x: &DMatrix<f64>) -> Result<DMatrix<f64>> {
        if x.nrows() != self.inputs.nrows() || x.iter().any(|x| !x.is_finite()) {
            return Err(shape(
                "test inputs of another dimension, or not finite".into(),
            ));
        }
        let spread = multiply(&self.weight_covariance, x);
        let mut k = self.inputs.tr_mul(&spread);
        for (j, mut column) in k.column_iter_mut().enumerate() {
            let own = x.column(j).dot(&spread.column(j)).max(0.0);
            for (i, k) in column.iter_mut().enumerate() {
                let variance = self.preactivation[(i, i)];
                let most = (variance * own).sqrt();
                let dual = self.model.phi.dual(variance, own, k.clamp(-most, most))?;
                *k = self.model.readout_variance * dual.value;
            }
        }
        Ok(k)
    }

    /// The mean predictor `fbar(x_*) = sum_mu k(x_mu, x_*) t_mu` at test inputs.
    ///
    /// # Errors
    /// As [`VariationalGaussian::cross_kernel`].
    pub fn predict(&self, x: &DMatrix<f64>) -> Result<DVector<f64>> {
        Ok(self.cross_kernel(x)?.tr_mul(&self.discrepancies))
    }
}

/// All minima that were found.
#[derive(Debug, Clone, PartialEq)]
pub struct Minima {
    /// The one of least `F`.
    pub best: VariationalGaussian,
    /// The others, by rising `F`: kernels that differ by more than 1e-4 of their norm.
    pub others: Vec<VariationalGaussian>,
    /// Starts that did not converge; what they might have found is unknown.
    pub failed: usize,
}

/// Minimises the free energy of a network whose neurons have Gaussian weights, `w ~ N(0, Sigma)`.
///
/// ```text
/// F(Sigma) = (N/2) [ (d/s_w^2) tr Sigma - log det Sigma - d + d ln(s_w^2/d) ] + (chi/2) y^T (Q + T)^{-1} y
///            [ with logdet: + 1/2 log det(I + Q/T) ]
/// C = X Sigma X^T,   Q = s_a^2 F(C),   t = (Q + T)^{-1} y,   fbar = y - T t
/// Sigma^{-1} = (d/s_w^2) I - (1/N) X^T B X          (stationarity)
/// B_mn = M_mn F'_mn,   B_mm = M_mm g'(C_mm) + 2 sum_{n != m} M_mn dF_mn/dC_mm
/// M = s_a^2 ( chi t t^T [ with logdet: - (Q + T)^{-1} ] )
/// ```
///
/// `F(C)` is the dual activation entry by entry, `F'` its derivative by the covariance, `g(a) = F(a, a, a)`; a row of
/// `X` is a sample in these formulas, while samples are columns of `x` (`inputs x samples`). `s_a^2` and `T` are those
/// of `chi = 1`.
///
/// The minimum is sought by L-BFGS over the Cholesky factor of `Sigma d/s_w^2` with logarithms on its diagonal, from
/// the prior (`Sigma = (s_w^2/d) I`, the Gaussian process), from every guess and from random factors: `F` is not
/// convex. Where `d > P` the factor is written in the span of the inputs, off which `Sigma` keeps its prior.
///
/// Limits: linear networks are exact at leading order in mean-field scaling without `logdet` (`linear_adaptation`). For
/// other activations `F` is an upper bound, the first order of `Sigma` in `chi/N` is exact, `Q` and `fbar` are not. At
/// `chi = 1` the predictor is wrong at order `1/N` (at order `P/N` for `P` of the order of `N`), with and without
/// `logdet`: use `kernel_scaling` or `gaussian_process::slope` there.
///
/// Cost per iteration: `O(P^2 d + P d^2 + P^3)`, and one dual activation per pair of samples; starts run in parallel.
/// For `P = 200` and `d = 50` one start takes some 100 iterations and half a second of one core.
///
/// Source: Seroussi, Naveh, Ringel 2023, Nat. Commun. 14, 908, arXiv:2112.15383; the diagonal of `B` is derived here.
///
/// # Errors
/// Shapes and ranges; an activation without a closed form of `dF/da` (see `Activation::dual_gradient`); a guess that is
/// not positive definite; `Unconverged` when no start converges.
///
/// ```
/// use nalgebra::DMatrix;
/// use saddlepoint::kernel::Activation;
/// use saddlepoint::mean_field::{variational_gaussian, TwoLayer};
/// let model = TwoLayer {
///     phi: Activation::UnscaledErf, width: 10.0, weight_variance: 1.5,
///     readout_variance: 1.2, temperature: 0.1, chi: 10.0,
/// };
/// let x = DMatrix::from_column_slice(2, 2, &[1.0, 0.5, -0.3, 1.2]);
/// let minima = variational_gaussian::solve(&model, &x, &[0.8, -0.5], &Default::default())?;
/// assert!((minima.best.action - 6.764234804).abs() < 1e-9 && minima.others.is_empty());
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn solve(model: &TwoLayer, x: &DMatrix<f64>, y: &[f64], options: &Options) -> Result<Minima> {
    let problem = Problem::new(model, x, y, options)?;
    let dimension = problem.action.x.nrows();
    let mut starts = vec![DMatrix::identity(dimension, dimension)];
    for guess in &options.guesses {
        starts.push(problem.factor_of(guess)?);
    }
    for index in 0..options.starts {
        let mut rng = stream(options.seed, "variational gaussian", &[index as u64]);
        let z = normal_matrix(&mut rng, dimension, dimension) * SPREAD;
        starts.push(DMatrix::from_fn(dimension, dimension, |i, j| {
            match i.cmp(&j) {
                std::cmp::Ordering::Less => 0.0,
                std::cmp::Ordering::Equal => z[(i, i)].exp(),
                std::cmp::Ordering::Greater => z[(i, j)] / (dimension as f64).sqrt(),
            }
        }));
    }
    // Every start is on its own: the bits do not depend on the number of threads.
    let ends: Vec<Result<VariationalGaussian>> = starts
        .par_iter()
        .map(|start| problem.minimise(start, options.tolerance))
        .collect();
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for end in ends {
        match end {
            Ok(minimum) => found.push(minimum),
            Err(error) => failures.push(error),
        }
    }
    found.sort_by(|a, b| a.action.total_cmp(&b.action));
    let mut kept: Vec<VariationalGaussian> = Vec::new();
    for one in found {
        let same = |other: &VariationalGaussian| {
            (&one.kernel - &other.kernel).norm() <= DISTINCT * other.kernel.norm()
        };
        if !kept.iter().any(same) {
            kept.push(one);
        }
    }
    let failed = failures.len();
    match (kept.is_empty(), failures.into_iter().next()) {
        (true, Some(error)) => Err(error),
        (true, None) => Err(Error::bug("variational gaussian", "no start")),
        (false, _) => {
            let others = kept.split_off(1);
            Ok(Minima {
                best: kept.remove(0),
                others,
                failed,
            })
        }
    }
}

/// Follows one minimum over `chi`: the first value is solved as by [`solve`], and every further one starts from the
/// minimum before it and from nothing else.
///
/// Rising values follow the branch of the Gaussian process, falling ones that of strong feature learning. Where the two
/// differ at the same `chi` there are two minima.
///
/// # Errors
/// As [`solve`], at the first `chi` whose minimum is not found.
pub fn anneal(
    model: &TwoLayer,
    x: &DMatrix<f64>,
    y: &[f64],
    chis: &[f64],
    options: &Options,
) -> Result<Vec<VariationalGaussian>> {
    let mut branch: Vec<VariationalGaussian> = Vec::with_capacity(chis.len());
    for &chi in chis {
        let model = TwoLayer {
            chi,
            ..model.clone()
        };
        let next = match branch.last() {
            None => solve(&model, x, y, options)?.best,
            Some(last) => {
                let problem = Problem::new(&model, x, y, options)?;
                let start = problem.factor_of(&last.weight_covariance)?;
                problem.minimise(&start, options.tolerance)?
            }
        };
        branch.push(next);
    }
    Ok(branch)
}

/// The data in the coordinates of the Cholesky factor.
struct Problem<'a> {
    model: &'a TwoLayer,
    inputs: &'a DMatrix<f64>,
    action: Action<'a>,
    /// Orthonormal columns that span the inputs, where these are fewer than the dimensions.
    span: Option<DMatrix<f64>>,
}

impl<'a> Problem<'a> {
    fn new(model: &'a TwoLayer, x: &'a DMatrix<f64>, y: &[f64], options: &Options) -> Result<Self> {
        model.check()?;
        // Declines an activation without dF/da.
        model.phi.dual_gradient(1.0, 1.0, 0.5)?;
        let (d, p) = x.shape();
        let finite = x.iter().chain(y).all(|v| v.is_finite());
        if y.len() != p || p == 0 || d == 0 || !finite {
            return Err(shape(format!("{d} x {p} inputs with {} targets", y.len())));
        }
        let (span, inner) = match d > p {
            true => {
                let (span, inner) = qr(x);
                (Some(span), inner)
            }
            false => (None, x.clone()),
        };
        Ok(Problem {
            model,
            inputs: x,
            action: Action {
                phi: &model.phi,
                x: inner * (model.weight_variance / d as f64).sqrt(),
                y: DVector::from_column_slice(y),
                width: model.width,
                readout_variance: model.readout_variance,
                temperature: model.temperature,
                chi: model.chi,
                logdet: options.logdet,
            },
            span,
        })
    }

    /// `s_w^2/d`
    fn prior(&self) -> f64 {
        self.model.weight_variance / self.inputs.nrows() as f64
    }

    /// The Cholesky factor of `Sigma d/s_w^2` in the span of the inputs.
    fn factor_of(&self, covariance: &DMatrix<f64>) -> Result<DMatrix<f64>> {
        let d = self.inputs.nrows();
        if covariance.shape() != (d, d) {
            return Err(shape(format!("a guess that is not {d} x {d}")));
        }
        let inner = match &self.span {
            Some(span) => span.tr_mul(covariance) * span,
            None => covariance.clone(),
        };
        cholesky(&(inner / self.prior()))
    }

    fn minimise(&self, start: &DMatrix<f64>, tolerance: f64) -> Result<VariationalGaussian> {
        let minimum = lbfgs(|p| self.action.objective(p), pack(start), tolerance)?;
        let l = unpack(&minimum.x, start.nrows());
        let state = self.action.state(&l)?;
        let inner = outer_gram(&l);
        let d = self.inputs.nrows();
        let scaled = match &self.span {
            Some(span) => {
                let beyond = inner - DMatrix::identity(l.nrows(), l.nrows());
                DMatrix::identity(d, d) + multiply(&multiply(span, &beyond), &span.transpose())
            }
            None => inner,
        };
        if !state.action.is_finite() {
            let failure = Failure::NotConverged {
                residual: minimum.residual,
                iterations: minimum.iterations,
            };
            return Err(failure.of("variational gaussian"));
        }
        Ok(VariationalGaussian {
            weight_covariance: scaled * self.prior(),
            preactivation: state.preactivation,
            kernel: state.kernel,
            mean: &self.action.y - &state.discrepancies * self.model.temperature,
            discrepancies: state.discrepancies,
            action: self.model.width * state.action,
            iterations: minimum.iterations,
            residual: minimum.residual,
            model: self.model.clone(),
            inputs: self.inputs.clone(),
        })
    }
}

fn shape(cause: String) -> Error {
    Error::input(
        "inputs",
        cause,
        "give finite inputs, a sample per column, and one target per sample",
    )
}

#[cfg(test)]
mod tests;
