//! Numbers with their errors.

use crate::numerics::statistics::mean_stderr;

/// What the error of an [`Estimate`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncertainty {
    /// The standard error of the mean over independent repeats, from their scatter.
    StandardError,
    /// The difference of two rules, of which the first row is the finer one and the answer.
    Difference,
    /// A closed form: rounding alone, given as 0.
    Rounding,
}

/// Several numbers with their errors, and the rows that they come from.
#[derive(Debug, Clone)]
pub struct Estimate {
    /// The answer.
    pub mean: Vec<f64>,
    /// The error of each number.
    pub error: Vec<f64>,
    /// One row per repeat or rule, as long as `mean`: what is not linear in them can be jackknifed.
    pub rows: Vec<Vec<f64>>,
    /// What `error` is.
    pub uncertainty: Uncertainty,
}

impl Estimate {
    /// The mean over the rows with their scatter, or the first row with its difference from the second.
    pub(super) fn of(uncertainty: Uncertainty, rows: Vec<Vec<f64>>) -> Estimate {
        let length = rows.first().map_or(0, Vec::len);
        let (mut mean, mut error) = (vec![0.0; length], vec![0.0; length]);
        for k in 0..length {
            let column: Vec<f64> = rows.iter().map(|row| row[k]).collect();
            (mean[k], error[k]) = match uncertainty {
                Uncertainty::StandardError => {
                    let (mean, stderr) = mean_stderr(&column);
                    (mean, stderr.unwrap_or(f64::INFINITY))
                }
                Uncertainty::Difference => {
                    let other = column.get(1).copied().unwrap_or(f64::INFINITY);
                    (column[0], (column[0] - other).abs())
                }
                Uncertainty::Rounding => (column[0], 0.0),
            };
        }
        Estimate {
            mean,
            error,
            rows,
            uncertainty,
        }
    }

    /// The largest error.
    pub fn largest_error(&self) -> f64 {
        self.error.iter().copied().fold(0.0, f64::max)
    }
}
