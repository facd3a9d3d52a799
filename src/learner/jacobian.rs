//! Jacobians from gradients of single outputs of single samples.

use crate::learner::{Parameters, Real};
use nalgebra::DMatrix;

/// Jacobian with the rows of [`Network::jacobian`](crate::learner::Network::jacobian): `pass(x, i, grad)` gets one sample as a
/// column and writes the gradient of output `i` to `grad`. It is called with all outputs of a sample in turn.
pub(super) fn row_by_row<T: Real>(
    p: &Parameters<T>,
    x: &DMatrix<T>,
    outputs: usize,
    mut pass: impl FnMut(&[T], usize, &mut Parameters<T>),
) -> DMatrix<T> {
    let mut jacobian = DMatrix::zeros(x.ncols() * outputs, p.len());
    let mut gradient = p.clone();
    for (mu, sample) in x.as_slice().chunks_exact(x.nrows()).enumerate() {
        for output in 0..outputs {
            pass(sample, output, &mut gradient);
            let entries = gradient.blocks.iter().flat_map(|block| block.iter());
            let mut row = jacobian.row_mut(mu * outputs + output);
            for (j, &g) in row.iter_mut().zip(entries) {
                *j = g;
            }
        }
    }
    jacobian
}
