//! View: inputs that are Gaussian in the population, for averages over it without a test set.

use super::Modes;
use nalgebra::{DMatrix, DVector};
use std::ops::Range;

/// Gaussian inputs `x = sum_k sqrt(c_k) u_k g_k`, `g_k ~ N(0, 1)` independent, with the target
/// `f*(x) = A x + constant + rest`, whose `rest` is orthogonal to all affine functions. `A` is the map of
/// [`super::Dataset::modes`].
///
/// The `g_k` are the eigenfunctions of the kernel `linear` and the coefficients of an affine function `f` in them are
/// `f(sqrt(c_k) u_k) - f(0)`. So the error of an affine predictor over the population is a finite sum,
///
/// ```text
/// E_x |f(x) - f*(x)|^2 = sum_k |f(X_k) - f(0) - y_k|^2 + |f(0) - constant|^2 + beyond
/// X_k = sqrt(c_k) u_k,   y_k = A X_k,   beyond = E |rest|^2
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianInputs {
    /// Variances `c_k`, falling, each with the number of components that share it.
    pub variances: Vec<(f64, usize)>,
    /// The unit vectors `u_k` as columns; `None`: those of the coordinates.
    pub directions: Option<DMatrix<f64>>,
    /// Mean of the target, one number per output.
    pub constant: Vec<f64>,
    /// `E |rest|^2`, what no affine function expresses.
    pub beyond: f64,
    /// The shares of the target in the different variances are drawn anew with every data set.
    pub drawn_shares: bool,
}

impl GaussianInputs {
    /// White inputs in `inputs` dimensions, and a target that is linear.
    pub fn white(inputs: usize, outputs: usize) -> Self {
        GaussianInputs {
            variances: vec![(1.0, inputs)],
            directions: None,
            constant: vec![0.0; outputs],
            beyond: 0.0,
            drawn_shares: false,
        }
    }

    /// Number of components, which is that of the inputs.
    pub fn components(&self) -> usize {
        self.variances.iter().map(|(_, count)| count).sum()
    }

    /// The components of every variance, one range for each of the first `count` different ones.
    ///
    /// ```
    /// use saddlepoint::task::GaussianInputs;
    /// let mut inputs = GaussianInputs::white(2, 1);
    /// inputs.variances.push((0.5, 3));
    /// assert_eq!(inputs.levels(9), [0..2, 2..5]);
    /// ```
    pub fn levels(&self, count: usize) -> Vec<Range<usize>> {
        let mut end = 0;
        let level = |(_, count): &(f64, usize)| {
            end += count;
            end - count..end
        };
        self.variances.iter().take(count).map(level).collect()
    }

    /// The inputs `X_k` of these components as columns.
    pub fn points(&self, range: Range<usize>) -> DMatrix<f64> {
        let counts = self.variances.iter();
        let roots = counts.flat_map(|(c, count)| std::iter::repeat_n(c.sqrt(), *count));
        let roots: Vec<f64> = roots.skip(range.start).take(range.len()).collect();
        let entry = |i: usize, k: usize| {
            let unit = match &self.directions {
                Some(u) => u[(i, range.start + k)],
                None => f64::from(i == range.start + k),
            };
            unit * roots[k]
        };
        DMatrix::from_fn(self.components(), range.len(), entry)
    }

    /// The coefficients `y_k = A x` of the target at such inputs, `outputs x columns`.
    pub fn target(modes: &Modes, x: &DMatrix<f64>) -> DMatrix<f64> {
        &modes.u * DMatrix::from_diagonal(&modes.s) * modes.v.tr_mul(x)
    }

    /// The constant as a column.
    pub fn mean(&self) -> DVector<f64> {
        DVector::from_column_slice(&self.constant)
    }
}
