//! Dynamical mean-field theory of infinitely wide networks that learn features. Solvers are plain functions, without
//! learners and specs.

pub mod deep;
pub mod lazy;
pub mod linear;
pub mod one_hidden;
mod optimiser;
pub mod perturbation;
mod problem;

pub use optimiser::{Decay, Memory, Noise, Optimiser};
pub use problem::Problem;
