//! What the two-layer solution shows at one time: weights, mode strengths, loss.

use super::matrix::Basis;
use crate::numerics::linalg::{multiply, outer_gram, transpose_multiply};
use nalgebra::{DMatrix, DVector};

/// The solution at one time.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    pub(super) basis: &'a Basis,
    /// `Q^T` in the eigenbasis of `F`.
    pub(super) state: &'a DMatrix<f64>,
}

impl Snapshot<'_> {
    /// Weights `(W1, W2)`, up to one rotation of the hidden space.
    pub fn weights(&self) -> (DMatrix<f64>, DMatrix<f64>) {
        let k = self.basis.s.len();
        let (input, output) = self.basis.split(self.state);
        let leave = |hidden: &DMatrix<f64>, basis: &DMatrix<f64>| {
            let inside = hidden.columns(0, k).into_owned();
            let mut w = multiply(&inside, &basis.transpose());
            if hidden.ncols() > k {
                w += hidden.columns(k, hidden.ncols() - k);
            }
            w
        };
        let w1 = leave(&input, &self.basis.v);
        (w1, leave(&output, &self.basis.u).transpose())
    }

    /// Strengths `u_i = U_i^T W2 W1 V_i` of the modes of `S` (or of those tracked), and the loss `1/2 ||S - W2 W1||^2`.
    /// Absolute rounding error of the loss: about `1e-15 (||S||^2 + ||W2 W1||^2)`.
    pub fn strengths_and_loss(&self) -> (DVector<f64>, f64) {
        let s = &self.basis.s;
        let (input, output) = self.basis.split(self.state);
        let overlaps = |input: &DMatrix<f64>, output: &DMatrix<f64>, n: usize| {
            DVector::from_fn(n, |i, _| input.column(i).dot(&output.column(i)))
        };
        let hidden = input.nrows();
        let (rows, columns) = (output.ncols(), input.ncols());
        let (u, distance) = match hidden * (rows + columns) < 2 * rows * columns {
            // A bottleneck: ||W2 W1||^2 = tr(W1 W1^T W2^T W2) without the product.
            true => {
                let u = overlaps(&input, &output, s.len());
                let product = outer_gram(&input).dot(&outer_gram(&output));
                let off_diagonal = (product - u.norm_squared()).max(0.0);
                let distance = (s - &u).norm_squared() + off_diagonal;
                (u, distance)
            }
            false => {
                let mut map = transpose_multiply(&output, &input);
                let u = map.diagonal().rows(0, s.len()).into_owned();
                for i in 0..s.len() {
                    map[(i, i)] -= s[i];
                }
                (u, map.norm_squared())
            }
        };
        let u = match &self.basis.tracked {
            None => u,
            Some((outputs, inputs)) => overlaps(
                &multiply(&input, inputs),
                &multiply(&output, outputs),
                outputs.ncols(),
            ),
        };
        (u, 0.5 * distance)
    }
}
