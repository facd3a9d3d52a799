//! The equivalent kernel: regression with so many samples that their sum is an integral.

use super::{Level, check};
use crate::error::Result;

/// Share of the target that is learned in every level, `fbar_k / g_k`, for `samples` `P` at temperature `T`.
///
/// ```text
/// fbar = sum_k lam_k/(lam_k + T/P) g_k phi_k
/// ```
///
/// Valid for `P -> inf` at fixed `P/T`, that is at large `T`. The data enter through their density alone: training and test
/// samples are not told apart, so the equivalent kernel cannot show a generalisation gap; use [`super::learning_curve()`] for that.
/// At `T = 0` every level with `lam > 0` is learned. Sources: Silverman 1984; Sollich and Williams 2005.
///
/// # Errors
/// Numbers that are negative or not finite.
///
/// ```
/// use saddlepoint::theory::learning_curve::{equivalent_kernel, Level};
/// let learned = equivalent_kernel(&[Level::single(0.5, 1.0)], 10.0, 5.0)?;
/// assert_eq!(learned, [0.5]);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn equivalent_kernel(levels: &[Level], samples: f64, temperature: f64) -> Result<Vec<f64>> {
    check(
        levels,
        &[("samples", samples), ("temperature", temperature)],
    )?;
    Ok(levels
        .iter()
        .map(|level| {
            let signal = samples * level.eigenvalue;
            if signal > 0.0 {
                signal / (signal + temperature)
            } else {
                0.0
            }
        })
        .collect())
}
