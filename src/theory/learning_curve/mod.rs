//! Learning curves of kernel ridge regression from the spectrum of the kernel.
#![doc = include_str!("learning_curve.md")]

mod adapter;
pub mod equivalent_kernel;
pub mod finite_population;
pub mod self_consistent;

pub use adapter::{KIND, Options};
pub use equivalent_kernel::{KIND as EQUIVALENT_KERNEL, equivalent_kernel};
pub use finite_population::{Errors, Mode, finite_population, population_modes};
pub use self_consistent::{LearningCurve, learning_curve};

use crate::error::{Error, Result};

/// A group of eigenvalues that are equal: `int dmu(z) K(x, z) phi_k(z) = lam_k phi_k(x)`.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Level {
    /// `lam >= 0`
    pub eigenvalue: f64,
    /// Number of eigenfunctions, at least 1 (a real number is allowed: a density of modes).
    pub multiplicity: f64,
    /// `sum w_k^2` over the level: squared target coefficients in the orthonormal eigenfunctions.
    pub target: f64,
}

impl Level {
    /// One eigenfunction.
    pub fn single(eigenvalue: f64, target: f64) -> Self {
        Level {
            eigenvalue,
            multiplicity: 1.0,
            target,
        }
    }
}

/// Checks a spectrum and the numbers that come with it.
fn check(levels: &[Level], named: &[(&str, f64)]) -> Result<()> {
    let valid = |v: f64| v.is_finite() && v >= 0.0;
    for (name, value) in named {
        if !valid(*value) {
            return Err(Error::input(
                *name,
                format!("{value} is out of range"),
                "give a finite number >= 0",
            ));
        }
    }
    let bad = levels
        .iter()
        .position(|l| !(valid(l.eigenvalue) && valid(l.target) && valid(l.multiplicity)));
    match bad {
        None => Ok(()),
        Some(k) => Err(Error::input(
            "spectrum",
            format!("level {k} is {:?}", levels[k]),
            "eigenvalues, multiplicities and squared targets are finite and >= 0",
        )),
    }
}
