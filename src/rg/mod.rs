//! Learning curves as a flow of the renormalisation group: high modes of a spectrum are integrated out one by one.
//! Solvers are plain functions, without learners and specs.
//!
//! Conventions, the same in every file. The eigenvalues `lam_k` are those of the kernel as an operator (no factor
//! `P`: the Gram matrix has eigenvalues of about `P lam_k`). The estimator is kernel ridge regression, the minimiser
//! of `sum_mu (t_mu - f_mu)^2 + ridge |f|_K^2`, which is the posterior mean of a Gaussian process with noise variance
//! `ridge`; with a mean in place of the sum, `ridge = P l`. Mode 1 has the largest eigenvalue; the cutoff `K` is the
//! number of modes that are kept, and RG time `s = ln(D/K)` runs from the spectrum as it is (`K = D`) to one mode.

pub mod closed_form;
pub mod continuum;
mod elimination;
pub mod equivalent;
pub mod finite_width;
pub mod fixed_point;
pub mod functional;
mod gauss_hermite;
pub mod hartree;
mod interpolant;
pub mod modes;
pub mod potential;
pub mod quartic;
pub mod quartic_partition;
pub mod random_features;
pub mod ridge_flow;
#[cfg(test)]
mod sampling_tests;
pub mod spectrum;
mod sums;
mod tail;
mod threshold;

pub use continuum::{Continuum, Shift};
pub use equivalent::{Equivalent, equivalent, equivalent_kernel, learning_curve, least_squares};
pub use finite_width::{ScalePosterior, scale_posterior};
pub use functional::{FunctionalFlow, functional_flow};
pub use hartree::{Hartree, hartree};
pub use modes::{Mode, modes};
pub use potential::{Huber, Potential, Quartic};
pub use quartic_partition::{QuarticPartition, quartic_partition};
pub use random_features::RandomFeatures;
pub use ridge_flow::{Scheme, Trajectory, noise_flow, ridge_flow};
pub use spectrum::{Level, PowerLaw, Spectrum};
pub use tail::Tail;
