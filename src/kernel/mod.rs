//! Kernels: infinitely wide networks and classical kernels, their Gram matrices, and regression with them.
//!
//! Data matrices are `inputs x samples`: a sample is a column, as in [`crate::task::Dataset`].

pub mod activation;
mod angle;
mod choice;
mod covariance;
pub mod dual;
pub mod gram;
pub mod hermite;
mod layered;
mod mixture;
pub mod network;
mod pair;
pub mod regression;

pub use activation::Activation;
pub use choice::Kernel;
pub use covariance::Covariance;
pub use dual::{Dual, DualGradient, Moments};
pub use gram::{Gram, MAX_MEMORY, cross_gram, diagonal, gram};
pub(crate) use gram::{columns, with_key};
pub use network::{Network, PerLayer};
pub use regression::Regression;

#[cfg(test)]
mod reference_tests;
