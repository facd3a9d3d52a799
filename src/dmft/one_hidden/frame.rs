//! Whitened coordinates: pre-activations of a neuron as a linear map of independent normal numbers.

use crate::error::{Error, Result};
use crate::numerics::linalg::eigh;
use nalgebra::DMatrix;

/// Eigenvalues below this part of the largest entry of the kernel are dropped.
const CUT: f64 = 1e-10;
/// Negative eigenvalues beyond this part of the largest one are an error, not rounding.
const NEGATIVE: f64 = 1e-8;

/// A factor `F` of the input kernel, `K^x = F F^T`, so that `h = F b` and `b(0)` has independent components.
///
/// The first columns factor the kernel of the training samples, by its eigenvectors, the largest eigenvalue first.
/// The others are the part of the test samples that is independent of them: these rows of `b` are not moved by
/// training, and the path of the training samples does not depend on which test samples there are.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// Samples, training and test.
    pub(super) samples: usize,
    /// Training samples P, the first ones.
    pub(super) trained: usize,
    /// Columns that training moves.
    pub(super) moved: usize,
    /// Columns r of the factor.
    pub(super) rank: usize,
    /// `F`, samples x rank, column by column.
    pub(super) factor: Vec<f64>,
    /// Largest eigenvalue that was dropped.
    pub(super) dropped: f64,
}

impl Frame {
    /// Without a factor, for estimates of cost: of a kernel of this rank.
    pub(super) fn of_rank(samples: usize, trained: usize, rank: usize) -> Frame {
        let rank = rank.min(samples);
        Frame {
            samples,
            trained,
            moved: rank.min(trained),
            rank,
            factor: Vec::new(),
            dropped: 0.0,
        }
    }

    /// The factor of a kernel whose first `trained` samples are those of training.
    ///
    /// # Errors
    /// A kernel that is not square, not finite, not symmetric or not positive semi-definite.
    pub(super) fn of(kernel: &DMatrix<f64>, trained: usize) -> Result<Frame> {
        let samples = kernel.nrows();
        let size = kernel.iter().fold(0.0f64, |m, k| m.max(k.abs()));
        let wrong = |cause: String| {
            Error::input(
                "kernel",
                cause,
                "give the symmetric, positive semi-definite matrix x . x' / D of all samples",
            )
        };
        if kernel.ncols() != samples || samples < trained {
            return Err(wrong(format!(
                "a {} x {} matrix for {trained} training samples",
                samples,
                kernel.ncols()
            )));
        }
        if !kernel.iter().all(|k| k.is_finite()) {
            return Err(wrong("an entry is not finite".into()));
        }
        if (kernel - kernel.transpose()).amax() > 1e-9 * size {
            return Err(wrong("the matrix is not symmetric".into()));
        }
        let mut dropped: f64 = 0.0;
        let own = kernel.view((0, 0), (trained, trained)).into_owned();
        let (own, values) = root(&own, size, &mut dropped, &wrong)?;
        let moved = values.len();
        let rest = samples - trained;
        let mut factor = DMatrix::zeros(samples, moved + rest);
        factor.view_mut((0, 0), (trained, moved)).copy_from(&own);
        let mut rank = moved;
        if rest > 0 {
            // F_* = K_* F lambda^{-1}, since F^T F = lambda.
            let mut cross = kernel.view((trained, 0), (rest, trained)) * &own;
            for (k, value) in values.iter().enumerate() {
                cross.column_mut(k).scale_mut(1.0 / value);
            }
            let left = kernel.view((trained, trained), (rest, rest)) - &cross * cross.transpose();
            let left = 0.5 * (&left + left.transpose());
            let (new, _) = root(&left, size, &mut dropped, &wrong)?;
            factor
                .view_mut((trained, 0), (rest, moved))
                .copy_from(&cross);
            factor
                .view_mut((trained, moved), (rest, new.ncols()))
                .copy_from(&new);
            rank += new.ncols();
        }
        Ok(Frame {
            samples,
            trained,
            moved,
            rank,
            factor: factor.as_slice()[..samples * rank].to_vec(),
            dropped,
        })
    }
}

/// `V sqrt(lambda)` with the eigenvalues that are kept, descending.
fn root(
    matrix: &DMatrix<f64>,
    size: f64,
    dropped: &mut f64,
    wrong: &dyn Fn(String) -> Error,
) -> Result<(DMatrix<f64>, Vec<f64>)> {
    if matrix.nrows() == 0 {
        return Ok((DMatrix::zeros(0, 0), Vec::new()));
    }
    let (values, vectors) = eigh(matrix)?;
    let mut kept = Vec::new();
    for k in (0..values.len()).rev() {
        match values[k] {
            value if value < -NEGATIVE * size => {
                return Err(wrong(format!(
                    "its smallest eigenvalue is {:.3e}",
                    values[0]
                )));
            }
            value if value > CUT * size => kept.push(k),
            value => *dropped = dropped.max(value.abs()),
        }
    }
    let root = DMatrix::from_fn(matrix.nrows(), kept.len(), |i, k| {
        // The sign of an eigenvector is fixed by its largest entry.
        let vector = vectors.column(kept[k]);
        vector[i] * values[kept[k]].sqrt() * vector[vector.icamax()].signum()
    });
    Ok((root, kept.iter().map(|&k| values[k]).collect()))
}
