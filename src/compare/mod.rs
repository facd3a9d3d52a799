//! Comparison of measurement and theory: deviation with interval, verdict against a tolerance, p-value, reductions
//! across cells, relations between two quantities, rankings of theories, and fits of a theory's parameters.
//!
//! Everything works on plain arrays: [`Blocks`] of measured values, [`Blocks`] of predicted ones (one row per draw that the
//! theory conditions on, or a single row), and numerical bounds. Three errors are never mixed: the scatter of draws gives the
//! interval, the numerical `bound` widens it, and limits (infinite width, zero step) are tested by [`reductions`].
//!
//! ```
//! use saddlepoint::compare::{Blocks, TheoryCurve, Tolerance, Verdict, compare};
//! use saddlepoint::experiment::DrawIndex;
//!
//! // Eight networks measured at three times; the theory predicts 1, 2, 3 for all of them.
//! let draws: Vec<(DrawIndex, Vec<f64>)> = (0..8)
//!     .map(|replica| {
//!         let noise = 0.02 * (replica as f64 - 3.5) / 3.5;
//!         (DrawIndex { dataset: 0, replica }, vec![1.0 + noise, 2.0 - noise, 3.0 + 2.0 * noise])
//!     })
//!     .collect();
//! let measured = Blocks::from_draws(&draws)?;
//! let theory = TheoryCurve::exact(Blocks::fixed(&[1.0, 2.0, 3.0]));
//! let row = compare(&measured, &theory, Tolerance::Relative(0.05), 0)?;
//! assert_eq!(row.verdict, Verdict::Agree);
//! assert!(row.deviation == 0.0 && row.interval.unwrap()[1] < 0.01);
//! assert_eq!(row.p, Some(1.0));
//!
//! // A rival that is 10 % too high disagrees, and every point is off.
//! let rival = TheoryCurve::exact(Blocks::fixed(&[1.1, 2.2, 3.3]));
//! let row = compare(&measured, &rival, Tolerance::Relative(0.05), 0)?;
//! assert_eq!(row.verdict, Verdict::Disagree);
//! assert!((row.deviation - 0.1).abs() < 1e-3);
//! assert_eq!(row.p, Some(1.0 / 128.0));
//! # Ok::<(), saddlepoint::Error>(())
//! ```

#[cfg(test)]
mod calibration;
mod comparison;
pub mod deviation;
mod draws;
pub mod fit;
mod held_out;
pub mod ranking;
pub mod reductions;
pub mod relations;
mod significance;
mod stream;
mod theories;
mod verdict;

pub use comparison::{Comparison, TheoryCurve, Worst, compare};
pub use draws::{Blocks, Level, MAX_BLOCKS};
pub use held_out::{HeldOutError, Sampling, TestSet};
pub use reductions::{Cell, Reduced};
pub use significance::{MIN_DRAWS_FOR_P, Residual, p_value, residuals, smallest_p, worst};
pub use stream::Stream;
pub use theories::Pair;
pub use verdict::{Tolerance, Verdict};
