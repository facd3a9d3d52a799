//! Exact compression of a data set for linear networks: as many columns as inputs.

use crate::numerics::linalg::qr;
use nalgebra::DMatrix;

/// A data set with the same gradients for every linear network, and the constant by which the squared error differs.
///
/// A linear network `f(x) = W x` sees data through `X X^T` and `Y X^T` alone. With the thin QR factorisation `X^T = Q R`,
/// `X' = R^T` (`inputs x inputs`) and `Y' = Y Q` (`outputs x inputs`) have the same two products, and
/// `||Y - W X||^2 = ||Y' - W X'||^2 + offset` with `offset = ||Y - Y' Q^T||^2` for every `W`. The weight per sample of the loss
/// stays that of the original data.
#[derive(Debug, Clone, PartialEq)]
pub struct Compressed {
    /// `inputs x inputs`
    pub x: DMatrix<f64>,
    /// `outputs x inputs`
    pub y: DMatrix<f64>,
    /// `||Y - Y' Q^T||^2`: squared residual that no `W` can remove.
    pub offset: f64,
}

/// Compresses `x: inputs x samples`, `y: outputs x samples`; worth it for `samples > inputs`, which is required.
///
/// ```
/// use nalgebra::DMatrix;
/// use saddlepoint::training::compress::compress;
/// let x = DMatrix::from_row_slice(1, 2, &[3.0, 4.0]);
/// let y = DMatrix::from_row_slice(1, 2, &[1.0, 0.0]);
/// let c = compress(&x, &y);
/// assert!((c.x[(0, 0)] - 5.0).abs() < 1e-14 && (c.y[(0, 0)] - 0.6).abs() < 1e-14 && (c.offset - 0.64).abs() < 1e-14);
/// ```
pub fn compress(x: &DMatrix<f64>, y: &DMatrix<f64>) -> Compressed {
    let (q, r) = qr(&x.transpose());
    let compressed = y * &q;
    let offset = (y - &compressed * q.transpose()).norm_squared();
    Compressed {
        x: r.transpose(),
        y: compressed,
        offset,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::{normal_matrix, stream};

    #[test]
    fn moments_and_losses_are_kept() {
        let mut rng = stream(1, "compress", &[]);
        let (x, y) = (
            normal_matrix(&mut rng, 7, 50),
            normal_matrix(&mut rng, 3, 50),
        );
        let c = compress(&x, &y);
        assert_eq!((c.x.shape(), c.y.shape()), ((7, 7), (3, 7)));
        assert!((&c.x * c.x.transpose() - &x * x.transpose()).amax() < 1e-12);
        assert!((&c.y * c.x.transpose() - &y * x.transpose()).amax() < 1e-12);
        for _ in 0..3 {
            let w = normal_matrix(&mut rng, 3, 7);
            let full = (&y - &w * &x).norm_squared();
            let short = (&c.y - &w * &c.x).norm_squared() + c.offset;
            assert!((short / full - 1.0).abs() < 1e-13);
        }
    }
}
