//! The exact posterior of deep linear Bayesian networks: a scale mixture of Gaussian processes.

mod adapter;
pub mod predictor;
pub mod solver;

pub use adapter::{KIND, Limit, Options, Posterior};
pub use predictor::{Predictor, predict};
pub use solver::{LinearPosterior, solve};

#[cfg(test)]
mod free_energy_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod width_tests;
