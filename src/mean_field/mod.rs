//! Mean-field theory of wide networks: random ones, and Bayesian ones at their saddle points. Solvers are plain
//! functions, without learners and specs.

pub mod adaptive;
pub mod angle;
pub mod axis;
pub mod dual;
mod failure;
pub mod foreground;
pub mod gaussian_process;
pub mod kernel_scaling;
pub mod linear;
pub mod linear_adaptation;
pub mod neurons;
pub mod points;
pub mod signal_propagation;
mod two_layer;
pub mod variational_gaussian;
pub mod wide;

pub use failure::Failure;
pub use two_layer::TwoLayer;

#[cfg(test)]
mod sampled_tests;
