//! Pictures of a task: numbers on a grid of pixels.

/// One picture of a draw, row by row, the first row at the top.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// What it shows.
    pub title: String,
    /// What the numbers mean.
    pub label: String,
    /// A number per pixel, not-a-number where there is nothing.
    pub values: Vec<f64>,
    /// Pixels of a row.
    pub columns: usize,
}
