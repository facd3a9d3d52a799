//! Exponents from data: maximum likelihood of a size law, finite-size scaling with a correction (collapse of curves: [`crate::numerics::collapse`]).

mod power_law;
mod size_scaling;

pub use crate::numerics::gauss_newton::Estimate;
pub use power_law::{PowerLaw, fit_power_law};
pub use size_scaling::{SizePoint, SizeScaling, fit_size_scaling, scan_smallest_size};

/// Whether `count` of `trials` 95 % intervals held the truth as often as they should, within four standard deviations.
#[cfg(test)]
fn covers(count: usize, trials: usize) -> bool {
    let n = trials as f64;
    (count as f64 - 0.95 * n).abs() < 4.0 * (n * 0.95 * 0.05).sqrt()
}
