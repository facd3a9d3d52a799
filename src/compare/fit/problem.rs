//! What is fitted: parameters, and a prediction for every choice of them.

use super::parameter::Parameter;
use crate::error::Result;

/// The prediction of a theory at one choice of its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicted {
    /// One row of points for all draws, or one row per draw (a theory that is given the data, or the initialisation).
    pub rows: Vec<Vec<f64>>,
    /// Standard error of each point of a Monte Carlo theory, common to all draws; it enters the covariance.
    pub stderr: Option<Vec<f64>>,
    /// Numerical bound of each point, or empty for none. It is kept apart: see [`super::Fitted::systematic`].
    pub bound: Vec<f64>,
}

impl Predicted {
    /// One exact row for all draws.
    pub fn exact(row: Vec<f64>) -> Self {
        Predicted {
            rows: vec![row],
            stderr: None,
            bound: vec![],
        }
    }

    /// One exact row per draw, in the order of the measured blocks.
    pub fn per_draw(rows: Vec<Vec<f64>>) -> Self {
        Predicted {
            rows,
            stderr: None,
            bound: vec![],
        }
    }
}

/// A theory with free parameters.
///
/// `predict` must be a function: the same parameters give the same bits. It is asked at several places in parallel. A Monte
/// Carlo theory therefore uses the same random streams at all parameters, which also makes its prediction smooth in them.
pub trait Problem: Sync {
    /// The parameters to estimate.
    fn parameters(&self) -> &[Parameter];

    /// The prediction at values `x` of the parameters, all within their bounds.
    ///
    /// # Errors
    /// A theory that declines, does not converge or is not finite at `x` makes this place count as outside: chi2 is
    /// infinite there. So does a prediction that is not a number. Every other error ends the fit.
    fn predict(&self, x: &[f64]) -> Result<Predicted>;
}

/// A problem made of a function.
#[derive(Debug, Clone)]
pub struct Model<F> {
    parameters: Vec<Parameter>,
    predict: F,
}

impl<F: Fn(&[f64]) -> Result<Predicted> + Sync> Model<F> {
    /// Parameters and the function that predicts.
    ///
    /// ```
    /// use saddlepoint::compare::fit::{Model, Parameter, Predicted, Problem};
    /// let times = [1.0, 2.0, 4.0];
    /// let decay = Model::new(vec![Parameter::log("rate", 0.01, 10.0)], |x: &[f64]| {
    ///     Ok(Predicted::exact(times.iter().map(|t| (-x[0] * t).exp()).collect()))
    /// });
    /// assert_eq!(decay.predict(&[0.0])?.rows, [[1.0, 1.0, 1.0]]);
    /// # Ok::<(), saddlepoint::Error>(())
    /// ```
    pub fn new(parameters: Vec<Parameter>, predict: F) -> Self {
        Model {
            parameters,
            predict,
        }
    }
}

impl<F: Fn(&[f64]) -> Result<Predicted> + Sync> Problem for Model<F> {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn predict(&self, x: &[f64]) -> Result<Predicted> {
        (self.predict)(x)
    }
}
