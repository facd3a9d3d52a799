//! Bayesian training: Langevin and Hamiltonian samplers of the posterior `exp(-U/T)`, with a stiffness guard.
//!
//! `U = Lo + (T/2) sum_j theta_j^2/s_j^2` with the loss `Lo = (1/2) sum |y - f|^2` (the sum, never the mean), temperature `T` (the variance
//! of the likelihood) and prior variances `s_j^2`. In whitened coordinates `phi_j = theta_j/s_j` the target is `exp(-V)`,
//! `V = U/T`: the prior-preconditioned step `eta s_j^2/T` on `theta` is the number `eta` for every group. [`sample`] runs chains in
//! parallel, [`diagnose`] turns them into a [`Measurement`] with its certificate, [`Langevin`] is the adapter for specs.

pub mod adapter;
pub mod chain;
pub mod measurement;
pub mod network;
pub mod potential;
pub mod report;
pub mod sampling;
pub mod scheme;

pub use adapter::Langevin;
pub use chain::{Chain, Window};
pub use measurement::{Measurement, diagnose};
pub use network::NetworkPotential;
pub use potential::{Potential, batch_noise, curvature};
pub use report::ChainReport;
pub use sampling::{Plan, Sampled, Sampler, Trace, sample};
pub use scheme::{Scheme, State, kinetic, leapfrog};

#[cfg(test)]
mod tests;
