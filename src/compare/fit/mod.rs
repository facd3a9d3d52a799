//! Fits: the parameters of a theory, estimated from measured draws, with honest errors.
//!
//! ```text
//! chi2(x) = d(x)^T C^-1 d(x),      d(x) = mean over draws r of [ y_r - f_r(x) ]
//! ```
//!
//! `y_r` are the measured points of draw `r` and `f_r(x)` what the theory predicts with parameters `x`: one curve for
//! all draws, or one per draw if the theory is given something of it. `C` is the covariance of the mean, estimated from
//! the scatter of the draws about a fixed reference, so that correlations between points count and noise that theory
//! and measurement share cancels. It is taken once before the search and, if it depends on the parameters
//! (conditioned theories, Monte Carlo theories), once again at the estimate.
//!
//! The draws are few, and `C` is as uncertain as they are few. Three consequences, none of them optional:
//!
//! - Intervals end where chi2 has risen by more than 1: by [`Law`], exact for linear models with normal errors.
//! - The p-value of the minimum is that of Hotelling's `T^2`, not of a chi2 law.
//! - With no more draws than points `C` has no inverse. Its correlations are then shrunk towards zero; the errors are
//!   those of draws held out of the weights, and the p-value is that of changed signs.
//!
//! Numerical bounds of the theory are no part of chi2. They give the shift [`Fitted::systematic`], reported apart.
//!
//! ```
//! use saddlepoint::compare::Blocks;
//! use saddlepoint::compare::fit::{Model, Parameter, Predicted, Settings, fit};
//! use saddlepoint::experiment::DrawIndex;
//!
//! // Twelve draws of a decay with rate 0.5 at three times, each with its own small errors.
//! let times = [1.0, 2.0, 4.0];
//! let curve = |rate: f64| times.map(|t| (-rate * t).exp()).to_vec();
//! let draws: Vec<(DrawIndex, Vec<f64>)> = (0..12)
//!     .map(|replica| {
//!         let error = |k: usize| 0.01 * ((7 * replica + 5 * k * k) as f64 * 2.4).sin();
//!         let values = curve(0.5).iter().enumerate().map(|(k, y)| y + error(k)).collect();
//!         (DrawIndex { dataset: 0, replica }, values)
//!     })
//!     .collect();
//! let measured = Blocks::from_draws(&draws)?;
//! let decay = Model::new(vec![Parameter::log("rate", 0.01, 10.0)], |x: &[f64]| {
//!     Ok(Predicted::exact(curve(x[0])))
//! });
//! let result = fit(&decay, &measured, &Settings { reference: Some(vec![0.5]), ..Settings::default() })?;
//! let rate = &result.parameters[0];
//! assert!((rate.estimate - 0.5).abs() < 0.02 && rate.stderr.unwrap() < 0.02);
//! assert!(rate.pull.unwrap().abs() < 3.0 && result.degrees == 2);
//! # Ok::<(), saddlepoint::Error>(())
//! ```

mod assemble;
mod bootstrap;
mod calibrate;
mod covariance;
#[cfg(test)]
mod coverage_tests;
mod errors;
mod estimate;
#[cfg(test)]
mod fit_tests;
mod fitted;
mod identifiable;
mod law;
mod minima;
mod objective;
mod parameter;
mod problem;
mod profile;
#[cfg(test)]
mod refusal_tests;
mod rough;

pub use estimate::{Settings, fit};
pub use fitted::{Fit, Fitted, Minimum, Side, Significance};
pub use identifiable::WORST_CURVATURE;
pub use law::{LEVELS, Law, hotelling};
pub use parameter::{Parameter, Scale};
pub use problem::{Model, Predicted, Problem};
pub use profile::Interval;
