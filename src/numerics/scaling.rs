//! Multidimensional scaling: points in few dimensions from their mutual distances.

use super::linalg::eigh;
use crate::error::{Error, Result};
use nalgebra::{DMatrix, DVector};

/// Points whose distances approximate given ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// `points x dimensions`, centred on the origin, dimensions in order of decreasing variance.
    pub points: DMatrix<f64>,
    /// All eigenvalues of the doubly centred matrix, descending; negative ones: no Euclidean points have these distances.
    pub eigenvalues: DVector<f64>,
}

impl Embedding {
    /// Share of the variance that `k` dimensions hold: `sum_{i <= k} max(e_i, 0) / sum_i max(e_i, 0)`.
    pub fn share(&self, k: usize) -> f64 {
        let positive =
            |n: usize| -> f64 { self.eigenvalues.iter().take(n).map(|e| e.max(0.0)).sum() };
        positive(k) / positive(self.eigenvalues.len()).max(f64::MIN_POSITIVE)
    }
}

/// Classical multidimensional scaling (Torgerson 1952) of `n` points in `dimensions` dimensions.
///
/// ```text
/// B = -1/2 J D2 J,  J = 1 - (1/n) 1 1^T,  B = V diag(e) V^T,  points = V sqrt(e)
/// ```
///
/// with `D2` the squared distances. `distances`: `n x n`, symmetric, zero diagonal. Euclidean distances of points in at most
/// `dimensions` dimensions are reproduced exactly; otherwise the projection keeps the largest variances. The sign of each
/// dimension is fixed by its largest entry, which is positive. Cost `O(n^3)`.
///
/// Errors: a matrix that is not square and finite.
///
/// ```
/// use nalgebra::DMatrix;
/// use saddlepoint::numerics::scaling::classical_scaling;
/// let d = DMatrix::from_row_slice(3, 3, &[0.0, 3.0, 4.0, 3.0, 0.0, 5.0, 4.0, 5.0, 0.0]);
/// let e = classical_scaling(&d, 2)?;
/// assert!(((e.points.row(1) - e.points.row(2)).norm() - 5.0).abs() < 1e-12);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn classical_scaling(distances: &DMatrix<f64>, dimensions: usize) -> Result<Embedding> {
    let n = distances.nrows();
    if distances.ncols() != n || !distances.iter().all(|d| d.is_finite()) {
        return Err(Error::input(
            "distances",
            format!(
                "a {n} x {} matrix, or entries that are not finite",
                distances.ncols()
            ),
            "give a square matrix of finite distances",
        ));
    }
    let square = distances.map(|d| d * d);
    let rows = square.column_mean();
    let all = rows.mean();
    let centred = DMatrix::from_fn(n, n, |i, j| {
        -0.5 * (square[(i, j)] - rows[i] - rows[j] + all)
    });
    let (values, vectors) = eigh(&centred)?;
    let dimensions = dimensions.min(n);
    let mut points = DMatrix::zeros(n, dimensions);
    for k in 0..dimensions {
        let index = n - 1 - k;
        let vector = vectors.column(index);
        let sign = vector[vector.icamax()].signum();
        points.set_column(k, &(vector * (sign * values[index].max(0.0).sqrt())));
    }
    Ok(Embedding {
        points,
        eigenvalues: DVector::from_fn(n, |k, _| values[n - 1 - k]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::{normal_matrix, stream};

    fn distances(points: &DMatrix<f64>) -> DMatrix<f64> {
        let n = points.nrows();
        DMatrix::from_fn(n, n, |i, j| (points.row(i) - points.row(j)).norm())
    }

    #[test]
    fn planar_points_come_back_up_to_a_rigid_motion() {
        let planar = normal_matrix(&mut stream(5, "planar", &[]), 30, 2);
        let basis = normal_matrix(&mut stream(5, "basis", &[]), 7, 2);
        let (q, _) = crate::numerics::linalg::qr(&basis);
        let seen = &planar * q.transpose();
        let d = distances(&seen);
        let e = classical_scaling(&d, 2).unwrap();
        assert!((distances(&e.points) - &d).amax() < 1e-12);
        assert!((e.share(2) - 1.0).abs() < 1e-12);
        assert!(e.points.row_sum().amax() < 1e-12);
    }

    #[test]
    fn variances_are_the_eigenvalues() {
        let points = normal_matrix(&mut stream(6, "points", &[]), 40, 5);
        let e = classical_scaling(&distances(&points), 3).unwrap();
        let gram = e.points.transpose() * &e.points;
        for i in 0..3 {
            for j in 0..3 {
                let expected = if i == j { e.eigenvalues[i] } else { 0.0 };
                assert!((gram[(i, j)] - expected).abs() < 1e-11);
            }
        }
        let total: f64 = e.eigenvalues.iter().sum();
        let centred = points.clone() - DMatrix::from_fn(40, 5, |_, j| points.column(j).mean());
        assert!((total - centred.norm_squared()).abs() < 1e-10);
    }

    #[test]
    fn distances_along_a_circle_are_not_euclidean() {
        // Four points on a circle with distances along the arc.
        let arc = |i: usize, j: usize| (i.abs_diff(j)).min(4 - i.abs_diff(j)) as f64;
        let e = classical_scaling(&DMatrix::from_fn(4, 4, arc), 2).unwrap();
        assert!((e.eigenvalues - DVector::from_vec(vec![2.0, 2.0, 0.0, -1.0])).amax() < 1e-12);
    }

    #[test]
    fn what_is_no_distance_matrix_is_refused() {
        assert!(classical_scaling(&DMatrix::zeros(3, 2), 2).is_err());
        assert!(classical_scaling(&DMatrix::from_element(2, 2, f64::NAN), 2).is_err());
    }
}
