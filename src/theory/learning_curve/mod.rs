//! Learning curves of kernel ridge regression from the spectrum of the kernel.
#![doc = include_str!("learning_curve.md")]

mod adapter;
pub mod equivalent_kernel;
mod exact;
pub mod finite_population;
pub mod self_consistent;

pub use adapter::{KIND, Options};
pub use equivalent_kernel::{KIND as EQUIVALENT_KERNEL, equivalent_modes};
pub use finite_population::{Errors, Mode, finite_population, population_modes};
pub use self_consistent::learning_curve;
