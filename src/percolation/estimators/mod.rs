//! Exponents from data: maximum likelihood of a size law, finite-size scaling with a correction, collapse of curves.

mod collapse;
#[cfg(test)]
mod collapse_tests;
mod gauss_newton;
mod power_law;
mod size_scaling;

pub(crate) use collapse::CollapseFit;
pub use collapse::{Collapse, Curve, Parameter, Scales, collapse};
pub use power_law::{PowerLaw, fit_power_law};
pub use size_scaling::{SizePoint, SizeScaling, fit_size_scaling, scan_smallest_size};

/// A fitted number with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Fitted value.
    pub value: f64,
    /// Standard error; 0 for a value that was held fixed.
    pub stderr: f64,
}

/// Whether `count` of `trials` 95 % intervals held the truth as often as they should, within four standard deviations.
#[cfg(test)]
fn covers(count: usize, trials: usize) -> bool {
    let n = trials as f64;
    (count as f64 - 0.95 * n).abs() < 4.0 * (n * 0.95 * 0.05).sqrt()
}
