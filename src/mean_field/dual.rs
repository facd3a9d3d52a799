//! The convex dual of mean-field theory: which law over neurons a wide Bayesian network converges to.

use super::failure::Failure;
use super::neurons::{Neuron, Tilted};
use crate::error::{Error, Result};
use crate::numerics::interrupt;
use crate::numerics::linalg::{cholesky, solve_spd};
use crate::numerics::optimize::{Minimum, lbfgs, nelder_mead};
use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

/// The mean-field problem of a network `f(x) = (1/N) sum_i h(theta_i, x)` with likelihood variance `tau/N`.
///
/// As `N -> inf` the posterior concentrates on the law `p` over neurons that minimises
///
/// ```text
/// F[p]/N = KL(p || p0) + (1/(2 tau)) sum_mu (y_mu - E_p h_mu)^2
/// ```
///
/// which is convex in `p`: the minimiser is unique, and a tilt of the prior with one parameter per sample,
///
/// ```text
/// p_t ~ p0 exp(t.h),   t_mu = (y_mu - fbar_mu)/tau,   fbar_mu = E_t h_mu
/// dual: minimise G(t) = ln Z(t) - t.y + (tau/2) |t|^2,   grad G = E_t h - y + tau t,   Hess G = Cov_t(h, h) + tau,   F = -N G
/// ```
///
/// A network with `chi` and unscaled `s_a^2`, `T` ([`super::TwoLayer`]) has the read-out variance `s_a^2 N/chi` per neuron and
/// `tau = N T/chi`; `chi = N` leaves both as they are.
///
/// Source: Greenspan, Vaintrob 2026; Rubin, Ringel, Seroussi, Helias 2024, arXiv:2310.03789, Eqs. (7)-(10); review
/// arXiv:2502.18553.
pub struct Dual<'a> {
    /// Prior of one neuron.
    pub neuron: &'a dyn Neuron,
    /// Targets `y`.
    pub targets: &'a DVector<f64>,
    /// `tau`
    pub tau: f64,
}

/// How the dual is minimised. All find the same point, which is unique.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Newton steps with backtracking, above 500 parameters limited-memory BFGS.
    #[default]
    Auto,
    /// Newton steps with backtracking.
    Newton,
    /// Limited-memory BFGS.
    Lbfgs,
    /// The simplex of Nelder and Mead, for 6 parameters at most.
    NelderMead,
    /// `t <- t + mix ((Q(t) + tau)^{-1} y - t)`: the iteration of many papers, for comparison. It need not converge, and
    /// then is an error.
    FixedPoint(f64),
}

/// The solution of the dual.
#[derive(Debug, Clone)]
pub struct Saddle {
    /// `t = (y - fbar)/tau`
    pub tilt: DVector<f64>,
    /// `F/N = -G`
    pub free_energy: f64,
    /// `fbar = E_t h`
    pub mean: DVector<f64>,
    /// `F[p_t]/N + G(t) = |grad G|^2/(2 tau)`: 0 at the solution, an upper bound of the error of the free energy.
    pub gap: f64,
    /// Largest entry of `grad G`.
    pub residual: f64,
    /// Iterations of the method.
    pub iterations: usize,
}

const MAX_ITERATIONS: usize = 200;
const FIXED_POINT_ITERATIONS: usize = 3000;
/// Parameters above which a Hessian is too dear.
const NEWTON_PARAMETERS: usize = 500;
/// Parameters up to which a simplex finds its way.
const SIMPLEX_PARAMETERS: usize = 6;

/// Share of the value below which its changes are rounding.
const ROUNDING: f64 = 1e-12;

const NAME: &str = "mean-field";

impl Dual<'_> {
    /// Minimises the dual from `t = y/(tau + lambda_max)`, `lambda_max` the top of the kernel of the prior.
    ///
    /// Converged where `|grad G|_inf <= 1e-9 max(1, |y|_inf)`; the simplex, which does not see the gradient, where its
    /// size is 1e-10.
    ///
    /// # Errors
    /// `InvalidParameter` for `tau <= 0`; `TiltDiverges` where not even the prior can be normalised; `NotConverged`.
    pub fn solve(&self, method: Method) -> Result<Saddle> {
        let prior = self.covariance(&DVector::zeros(self.targets.len()))?;
        // The largest row sum bounds the largest eigenvalue.
        let top = prior.row_iter().map(|r| r.abs().sum());
        let top = top.fold(0.0, f64::max);
        self.solve_from(method, self.targets / (self.tau + top))
    }

    /// As [`Dual::solve`], from another start; one with infinite `Z` is shrunk until it is finite.
    pub fn solve_from(&self, method: Method, start: DVector<f64>) -> Result<Saddle> {
        if !(self.tau.is_finite() && self.tau > 0.0) {
            return Err(Error::input(
                "temperature",
                format!("{} is not a finite number > 0", self.tau),
                "give a positive temperature",
            ));
        }
        let n = self.targets.len();
        if n != self.neuron.features() || start.len() != n {
            return Err(Error::input(
                "targets",
                format!("{n} targets for {} features", self.neuron.features()),
                "give one target per feature",
            ));
        }
        let shrunk = |halvings: i32| &start * 0.5f64.powi(halvings);
        let mut finite = (0..60).map(shrunk);
        let start = finite.find_map(|t| Some((self.neuron.tilted(&t)?, t)));
        let Some((tilted, start)) = start else {
            return Err(Failure::TiltDiverges { norm: 0.0 }.of(NAME));
        };
        match method {
            Method::Auto if n <= NEWTON_PARAMETERS => self.newton(start, tilted),
            Method::Newton => self.newton(start, tilted),
            Method::Auto | Method::Lbfgs => self.lbfgs(start),
            Method::NelderMead if n > SIMPLEX_PARAMETERS => Err(Error::input(
                "method",
                format!("{n} parameters are too many for a simplex"),
                "use newton or lbfgs, or at most 6 parameters",
            )),
            Method::NelderMead => self.simplex(start),
            Method::FixedPoint(mix) => self.fixed_point(start, mix),
        }
    }

    fn tolerance(&self) -> f64 {
        1e-9 * self.targets.amax().max(1.0)
    }

    /// `G(t)`
    fn value(&self, t: &DVector<f64>, log_z: f64) -> f64 {
        log_z - t.dot(self.targets) + 0.5 * self.tau * t.norm_squared()
    }

    fn gradient(&self, t: &DVector<f64>, tilted: &Tilted) -> DVector<f64> {
        &tilted.mean - self.targets + t * self.tau
    }

    fn at(&self, t: &DVector<f64>) -> Result<Tilted> {
        let tilted = self.neuron.tilted(t);
        tilted.ok_or_else(|| Failure::TiltDiverges { norm: t.norm() }.of(NAME))
    }

    fn covariance(&self, t: &DVector<f64>) -> Result<DMatrix<f64>> {
        let covariance = self.neuron.covariance(t);
        covariance.ok_or_else(|| Failure::TiltDiverges { norm: t.norm() }.of(NAME))
    }

    fn newton(&self, mut t: DVector<f64>, mut tilted: Tilted) -> Result<Saddle> {
        let mut residual = f64::INFINITY;
        for iteration in 0..MAX_ITERATIONS {
            interrupt::check()?;
            let value = self.value(&t, tilted.log_z);
            let gradient = self.gradient(&t, &tilted);
            residual = gradient.amax();
            let mut hessian = self.covariance(&t)?;
            for i in 0..t.len() {
                hessian[(i, i)] += self.tau;
            }
            let column = DMatrix::from_column_slice(t.len(), 1, gradient.as_slice());
            let step = solve_spd(&hessian, &column)?.column(0).into_owned();
            let slope = gradient.dot(&step);
            // Near the minimum the change of the value is rounding, and the gradient tells whether a step gains.
            let at_end = slope <= ROUNDING * value.abs().max(1.0);
            let trial = |halving: i32| {
                let scale = 0.5f64.powi(halving);
                let trial = &t - &step * scale;
                let tilted = self.neuron.tilted(&trial)?;
                let gains = match at_end {
                    true => self.gradient(&trial, &tilted).amax() < 0.5 * residual,
                    false => self.value(&trial, tilted.log_z) <= value - 1e-4 * scale * slope,
                };
                gains.then_some((trial, tilted))
            };
            match (0..if at_end { 1 } else { 60 }).find_map(trial) {
                Some(better) => (t, tilted) = better,
                None if residual <= self.tolerance() => {
                    return Ok(self.saddle(t, tilted, iteration));
                }
                None => {
                    return Err(Failure::NotConverged {
                        residual,
                        iterations: iteration,
                    }
                    .of(NAME));
                }
            }
        }
        Err(Failure::NotConverged {
            residual,
            iterations: MAX_ITERATIONS,
        }
        .of(NAME))
    }

    fn lbfgs(&self, start: DVector<f64>) -> Result<Saddle> {
        let objective = |t: &[f64]| {
            let t = DVector::from_column_slice(t);
            match self.neuron.tilted(&t) {
                None => (f64::INFINITY, Vec::new()),
                Some(tilted) => {
                    let gradient = self.gradient(&t, &tilted);
                    (self.value(&t, tilted.log_z), gradient.as_slice().to_vec())
                }
            }
        };
        let minimum = lbfgs(objective, start.as_slice().to_vec(), self.tolerance())?;
        self.accept(minimum)
    }

    /// The simplex knows the minimum to about the square root of the rounding of its value; the residual says how well.
    fn simplex(&self, start: DVector<f64>) -> Result<Saddle> {
        let value = |t: &[f64]| {
            let t = DVector::from_column_slice(t);
            let tilted = self.neuron.tilted(&t);
            tilted.map_or(f64::INFINITY, |tilted| self.value(&t, tilted.log_z))
        };
        let edge = 0.3 * start.amax().max(0.1);
        let minimum = nelder_mead(value, start.as_slice().to_vec(), edge, 1e-10)?;
        self.accept(minimum)
    }

    /// The point with its gradient, which tells how far from the solution it is.
    fn accept(&self, minimum: Minimum) -> Result<Saddle> {
        let t = DVector::from_vec(minimum.x);
        let tilted = self.at(&t)?;
        Ok(self.saddle(t, tilted, minimum.iterations))
    }

    fn fixed_point(&self, start: DVector<f64>, mix: f64) -> Result<Saddle> {
        if !(mix > 0.0 && mix <= 1.0) {
            return Err(Error::input(
                "mix",
                format!("{mix} is not between 0 and 1"),
                "give the share of the new value, for example 0.05",
            ));
        }
        let mut t = start;
        let mut residual = f64::INFINITY;
        for iteration in 0..FIXED_POINT_ITERATIONS {
            interrupt::check()?;
            // A step of this iteration can leave the domain of Z, where the solution is not.
            let Some(tilted) = self.neuron.tilted(&t) else {
                return Err(Failure::NotConverged {
                    residual: f64::INFINITY,
                    iterations: iteration,
                }
                .of(NAME));
            };
            let gradient = self.gradient(&t, &tilted);
            residual = gradient.amax();
            if residual <= self.tolerance() {
                return Ok(self.saddle(t, tilted, iteration));
            }
            let kernel = self.neuron.kernel(&t);
            let mut kernel =
                kernel.ok_or_else(|| Failure::TiltDiverges { norm: t.norm() }.of(NAME))?;
            for i in 0..t.len() {
                kernel[(i, i)] += self.tau;
            }
            let column = DMatrix::from_column_slice(t.len(), 1, self.targets.as_slice());
            let next = solve_spd(&kernel, &column)?;
            t += (next.column(0) - &t) * mix;
        }
        Err(Failure::NotConverged {
            residual,
            iterations: FIXED_POINT_ITERATIONS,
        }
        .of(NAME))
    }

    fn saddle(&self, tilt: DVector<f64>, tilted: Tilted, iterations: usize) -> Saddle {
        let gradient = self.gradient(&tilt, &tilted);
        Saddle {
            free_energy: -self.value(&tilt, tilted.log_z),
            gap: gradient.norm_squared() / (2.0 * self.tau),
            residual: gradient.amax(),
            tilt,
            mean: tilted.mean,
            iterations,
        }
    }

    /// `ln Z` of the whole network of width `N`, with `ln Z = 0` at infinite temperature:
    /// `-F - (1/2) ln det(1 + Cov_t(h, h)/tau) + O(1/N)`.
    ///
    /// The log evidence `ln p(y)` is this minus `(P/2) ln(2 pi T/chi)`.
    pub fn log_evidence(&self, saddle: &Saddle, width: f64) -> Result<f64> {
        let mut matrix = self.covariance(&saddle.tilt)? / self.tau;
        for i in 0..matrix.nrows() {
            matrix[(i, i)] += 1.0;
        }
        let log_det = 2.0 * cholesky(&matrix)?.diagonal().map(f64::ln).sum();
        Ok(-width * saddle.free_energy - 0.5 * log_det)
    }
}

#[cfg(test)]
#[path = "dual_tests.rs"]
mod tests;
