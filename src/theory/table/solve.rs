//! The answer: the rows of the file, with a statistical error that reductions can follow.

use crate::context::Context;
use crate::error::Result;
use crate::experiment::Draw;
use crate::instrument::Axis;
use crate::theory::{Answer, Asked, Prediction, Solve};
use serde::Serialize;
use serde_json::{Value as Json, json};

/// Numbers of repeats that carry a standard error: few rows have 32, and more than 1023 rows share signs.
const REPEATS: [usize; 2] = [32, 1024];

/// A row of the file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Value {
    /// Its place in the file, which sets the signs of its repeats.
    pub row: usize,
    /// What is predicted.
    pub mean: f64,
    /// Statistical error.
    pub stderr: Option<f64>,
    /// Bound of the numerical error.
    pub bound: f64,
}

/// The rows that answer one question.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The grid that was asked for, or the axes of the file.
    pub axes: Vec<Axis>,
    /// In the order of the grid, the last axis fastest.
    pub values: Vec<Value>,
    /// Number of rows of the whole file.
    pub of: usize,
}

impl Curve {
    /// Repeats whose mean and standard error are those of the rows: `mean + stderr sqrt(n-1) W_rj`, with the Walsh
    /// functions `W_rj = (-1)^(number of ones of r AND j)`, `j = 1..n-1`, one per row of the file. They sum to zero over the
    /// repeats and are orthogonal, so that the errors of different rows, in whatever cell they stand, are uncorrelated.
    ///
    /// ```text
    /// sum_r (stderr sqrt(n-1))^2 / (n (n-1)) = stderr^2
    /// ```
    fn repeats(&self) -> Option<Vec<Vec<f64>>> {
        let errors: Option<Vec<f64>> = self.values.iter().map(|v| v.stderr).collect();
        let errors = errors?;
        let n = (self.of + 1).next_power_of_two();
        let n = n.clamp(REPEATS[0], REPEATS[1]);
        let scale = ((n - 1) as f64).sqrt();
        let at = |r: usize, value: &Value, error: f64| {
            let function = 1 + value.row % (n - 1);
            let sign = match (r & function).count_ones() % 2 {
                0 => 1.0,
                _ => -1.0,
            };
            value.mean + sign * scale * error
        };
        let row = |r: usize| {
            let both = self.values.iter().zip(&errors);
            both.map(|(value, &error)| at(r, value, error)).collect()
        };
        Some((0..n).map(row).collect())
    }
}

impl Solve for Curve {
    fn inputs(&self) -> Json {
        // Where there is a statistical error, its signs depend on the places in the file.
        let row = |v: &Value| match v.stderr {
            Some(stderr) => json!([v.mean, v.bound, stderr, v.row]),
            None => json!([v.mean, v.bound]),
        };
        let rows: Vec<Json> = self.values.iter().map(row).collect();
        let has_errors = self.values.iter().any(|v| v.stderr.is_some());
        json!([self.axes, rows, has_errors.then_some(self.of)])
    }

    fn solve(&self, _: &[Asked], _: &Draw, _: &Context) -> Result<Prediction> {
        let answer = Answer {
            asked: 0,
            axes: self.axes.clone(),
            mean: self.values.iter().map(|v| v.mean).collect(),
            bound: self.values.iter().map(|v| v.bound).collect(),
            repeats: self.repeats(),
        };
        Ok(Prediction::of("read from a file", vec![answer]))
    }
}
