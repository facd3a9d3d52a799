//! The result of a fit.

use super::law::Law;
use super::profile::Interval;

/// A bound at which an estimate lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The lower bound.
    Lower,
    /// The upper bound.
    Upper,
}

/// One parameter with its errors, all in its own unit.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Fitted {
    /// Its name.
    pub name: String,
    /// Value at the minimum of chi2.
    pub estimate: f64,
    /// Half the 68 % interval of the linearised model (finite number of draws included), with parameters at a bound
    /// held there; `None` for these, and where chi2 does not depend on the parameter to first order.
    pub stderr: Option<f64>,
    /// The bound at which the estimate lies, if it does: its intervals are then one-sided.
    pub at_bound: Option<Side>,
    /// Intervals at which chi2, minimised over all other parameters, has risen to [`Fitted::rise`]: 68 % and 95 %.
    pub profile: [Interval; 2],
    /// Values of the parameter and the rise of chi2 there, minimised over all others.
    pub curve: Vec<[f64; 2]>,
    /// Rise of chi2 at the ends of the two profile intervals; 1 and 3.84 for a known covariance. The interval of a
    /// parameter at its bound ends at the same rise, which covers more often than its level says.
    pub rise: [f64; 2],
    /// The law behind these rises.
    pub law: Law,
    /// Intervals from resampled draws, 68 % and 95 %; `None` where there is no `stderr`. Other parameters at a bound
    /// are held there: of a parameter that they can compensate, only the profile has the whole range.
    pub bootstrap: Option<[Interval; 2]>,
    /// Largest shift of the estimate if every prediction is off by no more than its numerical bound, to first order.
    pub systematic: f64,
    /// `estimate - reference` in standard deviations of a normal law, from the rise of the profile at the reference.
    pub pull: Option<f64>,
}

/// A minimum of chi2.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Minimum {
    /// Values of the parameters.
    pub x: Vec<f64>,
    /// chi2 there.
    pub chi2: f64,
}

/// How the p-value was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Significance {
    /// Hotelling's law: exact for normal errors and a theory that is linear in its parameters.
    Hotelling,
    /// Changed signs of draws, where the covariance is shrunk.
    SignFlips,
    /// Synthetic experiments, where the theory has a statistical error that all draws share.
    Synthetic,
}

/// Parameters of a theory as the measured draws give them.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Fit {
    /// The parameters, in the order of the problem.
    pub parameters: Vec<Fitted>,
    /// Covariance of the estimates, of the linearised model and scaled to [`Fitted::stderr`]; rows of parameters
    /// without a standard error are not-a-number.
    pub covariance: Vec<Vec<f64>>,
    /// Correlations of the estimates.
    pub correlation: Vec<Vec<f64>>,
    /// Minimum of `d^T C^-1 d`.
    pub chi2: f64,
    /// Points that entered minus free parameters.
    pub degrees: usize,
    /// Probability of a larger chi2 if the theory holds; `None` without degrees of freedom. From changed signs of `n`
    /// draws it is no less than `2^(1 - n)`, or 1/4097 for more than 12 draws.
    pub p: Option<f64>,
    /// How `p` was found.
    pub significance: Significance,
    /// All distinct minima that the starts led to, the lowest (the estimate) first.
    pub minima: Vec<Minimum>,
    /// Shrinkage of the correlations between points, 0 to 1.
    pub shrinkage: f64,
    /// Condition of the correlation matrix of the points in use.
    pub condition: f64,
    /// Condition of the curvature of chi2, each parameter in units of its conditional error.
    pub curvature: f64,
    /// Measured draws.
    pub n: usize,
    /// Points that entered.
    pub points: usize,
    /// Indices of points that did not: not defined in some draw, or without scatter and theory error.
    pub dropped: Vec<usize>,
    /// Predictions asked of the theory.
    pub evaluations: usize,
    /// Predictions that were declined or not a number.
    pub outside: usize,
    /// Distance to the minimum that is left, in standard errors of the linearised model.
    pub residual: f64,
    /// Whether chi2 was so rough that the minimum was sought without derivatives.
    pub rough: bool,
    /// What a reader of the numbers should know, in sentences.
    pub notes: Vec<String>,
}
