//! Linearised dynamics: the network's own first-order expansion around its initialisation, trained exactly.
//!
//! [`Linearised`] is the solver; the theory entry `ntk` feeds it the empirical Jacobian of the experiment's network.

mod adapter;
mod wide;

pub use adapter::{KIND, Ntk, Options};

use crate::error::{Error, Result};
use crate::numerics::linalg::eigh;
use nalgebra::{DMatrix, DVector};

/// How time runs.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Time {
    /// Gradient descent of the linearised network, step by step: exact for a frozen kernel.
    #[default]
    Discrete,
    /// Gradient flow, `learning_rate -> 0` at fixed `learning_rate * step`.
    Flow,
}

/// A linear model `f(x; theta) = f0(x) + J(x) (theta - theta0)` under full-batch descent on `(w/2) ||y - f||^2`.
///
/// With the residual `r0 = f0 - y`, the eigenpairs `K = J J^T = U diag(lambda) U^T` (or those of `J^T J`, whichever is smaller)
/// and `kappa = w * rate`, after `n` steps
///
/// ```text
/// theta_n - theta0 = -J^T U phi_n(lambda) U^T r0,     phi_n = (1 - (1 - kappa lambda)^n) / lambda,
/// ```
///
/// and for the flow `phi = (1 - exp(-kappa lambda n)) / lambda`. `phi = kappa n` where `lambda = 0`. Exact up to rounding, for any
/// `J`. Cost: one eigendecomposition of size `min(samples * outputs, parameters)`. Sources: Jacot, Gabriel, Hongler 2018,
/// arXiv:1806.07572; Lee et al. 2019, arXiv:1902.06720.
///
/// ```
/// use nalgebra::DMatrix;
/// use saddlepoint::theory::ntk::{Linearised, Time};
/// // f = theta on one sample, y = 1, theta0 = 0, rate 0.1: theta_n = 1 - 0.9^n.
/// let one = DMatrix::from_element(1, 1, 1.0);
/// let model = Linearised::new(&one, &(0.0 * &one), &one, 1.0, 0.1, Time::Discrete).unwrap();
/// assert!((model.displacement(2.0)[0] - 0.19).abs() < 1e-15);
/// ```
#[derive(Debug, Clone)]
pub struct Linearised {
    lambda: DVector<f64>,
    /// `-U^T r0` (or `-V^T J^T r0`)
    drive: DVector<f64>,
    /// `J^T U` (or `V`): `parameters x eigenvalues`
    directions: DMatrix<f64>,
    kappa: f64,
    time: Time,
}

impl Linearised {
    /// `jacobian` has row `mu * outputs + i` for output `i` of sample `mu`; `f0` and `y` are `outputs x samples`; `weight` per
    /// sample, `rate` the step on the parameters.
    ///
    /// # Errors
    /// `Unconverged` from the eigensolver; `Input` when discrete time is unstable (`kappa lambda_max > 2`).
    pub fn new(
        jacobian: &DMatrix<f64>,
        f0: &DMatrix<f64>,
        y: &DMatrix<f64>,
        weight: f64,
        rate: f64,
        time: Time,
    ) -> Result<Self> {
        if f0.shape() != y.shape() || jacobian.nrows() != y.len() {
            return Err(Error::bug(
                "linearised dynamics",
                format!(
                    "Jacobian rows {}, outputs {:?}, targets {:?}",
                    jacobian.nrows(),
                    f0.shape(),
                    y.shape()
                ),
            ));
        }
        let pull = DVector::from_column_slice((y - f0).as_slice());
        let (lambda, drive, directions) = if jacobian.nrows() <= jacobian.ncols() {
            let (lambda, u) = eigh(&(jacobian * jacobian.transpose()))?;
            (lambda, u.tr_mul(&pull), jacobian.tr_mul(&u))
        } else {
            let (lambda, v) = eigh(&jacobian.tr_mul(jacobian))?;
            (lambda, v.tr_mul(&jacobian.tr_mul(&pull)), v)
        };
        let kappa = weight * rate;
        let top = lambda.max();
        if time == Time::Discrete && kappa * top > 2.0 {
            return Err(Error::input(
                "training.learning_rate",
                format!(
                    "descent of the linearised network diverges: weight * rate * lambda_max = {:.4} > 2",
                    kappa * top
                ),
                format!(
                    "lower training.learning_rate by a factor {:.3} or more",
                    0.5 * kappa * top
                ),
            ));
        }
        Ok(Linearised {
            lambda,
            drive,
            directions,
            kappa,
            time,
        })
    }

    /// Eigenvalues of the kernel (smaller side), ascending.
    pub fn eigenvalues(&self) -> &DVector<f64> {
        &self.lambda
    }

    /// Progress along every eigendirection after `step` steps; `displacement = directions * progress`.
    pub fn progress(&self, step: f64) -> DVector<f64> {
        let floor = f64::EPSILON * self.lambda.max().max(0.0);
        self.lambda.zip_map(&self.drive, |lambda, drive| {
            let x = self.kappa * lambda;
            let phi = match self.time {
                _ if lambda <= floor => self.kappa * step,
                Time::Flow => -(-x * step).exp_m1() / lambda,
                Time::Discrete if x < 1.0 => -(step * (-x).ln_1p()).exp_m1() / lambda,
                Time::Discrete => (1.0 - (1.0 - x).powi(step.round() as i32)) / lambda,
            };
            phi * drive
        })
    }

    /// `theta - theta0` after `step` steps.
    pub fn displacement(&self, step: f64) -> DVector<f64> {
        &self.directions * self.progress(step)
    }

    /// Response of the outputs on other inputs: `f - f0 = response * progress(step)` for the rows of their `jacobian`.
    pub fn response(&self, jacobian: &DMatrix<f64>) -> DMatrix<f64> {
        jacobian * &self.directions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::{normal_matrix, stream};

    /// Gradient descent of the linear model itself.
    fn descend(j: &DMatrix<f64>, pull: &DVector<f64>, kappa: f64, steps: usize) -> DVector<f64> {
        let mut theta = DVector::zeros(j.ncols());
        for _ in 0..steps {
            let gradient = j.tr_mul(&(j * &theta - pull));
            theta -= kappa * gradient;
        }
        theta
    }

    #[test]
    fn coincides_with_descent_for_a_frozen_kernel_on_either_side() {
        for (outputs, samples, parameters) in [(2, 6, 30), (2, 20, 7), (3, 5, 15)] {
            let mut rng = stream(1, "test", &[samples as u64]);
            let j = normal_matrix(&mut rng, outputs * samples, parameters);
            let f0 = normal_matrix(&mut rng, outputs, samples);
            let y = normal_matrix(&mut rng, outputs, samples);
            let pull = DVector::from_column_slice((&y - &f0).as_slice());
            let (weight, rate) = (1.0 / samples as f64, 0.02);
            let model = Linearised::new(&j, &f0, &y, weight, rate, Time::Discrete).unwrap();
            for steps in [0, 1, 10, 300] {
                let exact = descend(&j, &pull, weight * rate, steps);
                let got = model.displacement(steps as f64);
                assert!(
                    (&got - &exact).amax() < 1e-12,
                    "{outputs} {samples} {steps}"
                );
                let response = model.response(&j) * model.progress(steps as f64);
                assert!((response - &j * exact).amax() < 1e-11);
            }
        }
    }

    #[test]
    fn oscillating_and_dead_directions_are_exact() {
        let j = DMatrix::from_diagonal(&DVector::from_row_slice(&[1.3, 0.4, 0.0]));
        let y = DMatrix::from_row_slice(1, 3, &[1.0, 1.0, 1.0]);
        let model = Linearised::new(&j, &(0.0 * &y), &y, 1.0, 1.0, Time::Discrete).unwrap();
        let pull = DVector::from_element(3, 1.0);
        for steps in [1, 2, 7] {
            let gap = model.displacement(steps as f64) - descend(&j, &pull, 1.0, steps);
            assert!(gap.amax() < 1e-14);
        }
        assert!(Linearised::new(&j, &(0.0 * &y), &y, 1.0, 1.3, Time::Discrete).is_err());
        assert!(Linearised::new(&j, &(0.0 * &y), &y, 1.0, 1.3, Time::Flow).is_ok());
    }

    #[test]
    fn descent_tends_to_the_flow_linearly_in_the_step() {
        let mut rng = stream(3, "test", &[]);
        let j = normal_matrix(&mut rng, 6, 9);
        let y = normal_matrix(&mut rng, 2, 3);
        let gap = |rate: f64| {
            let at = |time| {
                Linearised::new(&j, &(0.0 * &y), &y, 1.0, rate, time)
                    .unwrap()
                    .displacement((0.4 / rate).round())
            };
            (at(Time::Discrete) - at(Time::Flow)).norm()
        };
        let ratio = gap(0.001) / gap(0.0005);
        assert!((ratio - 2.0).abs() < 0.05, "{ratio}");
    }
}
