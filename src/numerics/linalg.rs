//! Dense factorisations: nalgebra matrices in and out, faer inside (the only place that names it).

use crate::error::{Error, Result};
use faer::linalg::solvers::{Llt, Solve};
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{Accum, MatMut, MatRef, Par, Side};
use nalgebra::{DMatrix, DVector};

fn view(a: &DMatrix<f64>) -> MatRef<'_, f64> {
    MatRef::from_column_major_slice(a.as_slice(), a.nrows(), a.ncols())
}

fn owned(a: MatRef<'_, f64>) -> DMatrix<f64> {
    let mut copy = DMatrix::zeros(a.nrows(), a.ncols());
    let entries = copy.as_mut_slice();
    MatMut::from_column_major_slice_mut(entries, a.nrows(), a.ncols()).copy_from(a);
    copy
}

fn failed(what: &str, a: &DMatrix<f64>) -> Error {
    Error::unconverged(
        what,
        format!("a {} x {} matrix", a.nrows(), a.ncols()),
        "check the matrix for non-finite entries",
    )
}

/// Eigenvalues (ascending) and orthonormal eigenvectors (columns) of a symmetric matrix; the lower triangle is read.
pub fn eigh(a: &DMatrix<f64>) -> Result<(DVector<f64>, DMatrix<f64>)> {
    let e = view(a)
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| failed("symmetric eigendecomposition", a))?;
    let values = DVector::from_fn(a.nrows(), |i, _| e.S()[i]);
    Ok((values, owned(e.U())))
}

/// Thin singular value decomposition `A = U diag(s) V^T`, `s` descending, `k = min(rows, cols)` columns.
pub fn svd(a: &DMatrix<f64>) -> Result<(DMatrix<f64>, DVector<f64>, DMatrix<f64>)> {
    let d = view(a)
        .thin_svd()
        .map_err(|_| failed("singular value decomposition", a))?;
    let k = a.nrows().min(a.ncols());
    let s = DVector::from_fn(k, |i, _| d.S()[i]);
    Ok((owned(d.U()), s, owned(d.V())))
}

/// Solves `A X = B` for a symmetric positive definite `A` (Cholesky; the lower triangle is read).
///
/// # Errors
/// As [`cholesky`].
pub fn solve_spd(a: &DMatrix<f64>, b: &DMatrix<f64>) -> Result<DMatrix<f64>> {
    let llt = factorise(a)?;
    Ok(owned(llt.solve(view(b)).as_ref()))
}

/// Pivots of a Cholesky factorisation of `n` rows below this part of their diagonal entry are rounding: `4 n eps`.
pub fn pivot_floor(n: usize) -> f64 {
    4.0 * n as f64 * f64::EPSILON
}

/// Lower Cholesky factor `L` with `A = L L^T`; the lower triangle of `A` is read.
///
/// # Errors
/// `Unconverged` for a matrix that is not positive definite to rounding: with a pivot that is not above [`pivot_floor`]
/// of its diagonal entry. Such a factorisation would go through or not by the luck of rounding, and what it gives would
/// be noise.
pub fn cholesky(a: &DMatrix<f64>) -> Result<DMatrix<f64>> {
    Ok(owned(factorise(a)?.L()))
}

/// The factorisation of [`cholesky`], in the memory of one matrix.
fn factorise(a: &DMatrix<f64>) -> Result<Llt<f64>> {
    let n = a.nrows();
    let refused = |why: String| {
        Error::unconverged(
            "Cholesky factorisation",
            format!("a {n} x {n} matrix is not positive definite{why}"),
            "remove linearly dependent directions or repeated samples, or raise ridge",
        )
    };
    let llt = view(a).llt(Side::Lower);
    let llt = llt.map_err(|_| refused(String::new()))?;
    let l = llt.L();
    let parts = || (0..n).map(|i| l[(i, i)] * l[(i, i)] / a[(i, i)]);
    match parts().all(|part| part > pivot_floor(n)) {
        true => Ok(llt),
        false => Err(refused(format!(
            " to rounding: a pivot is {:.1e} of its diagonal entry",
            parts().fold(f64::INFINITY, f64::min)
        ))),
    }
}

/// `A A^T`, both triangles filled; little more than half the work of a general product.
pub fn outer_gram(a: &DMatrix<f64>) -> DMatrix<f64> {
    // Columns computed at once, from the diagonal down: wide enough for the product to run at full speed.
    const PANEL: usize = 128;
    let n = a.nrows();
    let mut g = DMatrix::zeros(n, n);
    let mut lower = MatMut::from_column_major_slice_mut(g.as_mut_slice(), n, n);
    for start in (0..n).step_by(PANEL) {
        let width = PANEL.min(n - start);
        faer::linalg::matmul::matmul(
            lower.as_mut().submatrix_mut(start, start, n - start, width),
            Accum::Replace,
            view(a).subrows(start, n - start),
            view(a).subrows(start, width).transpose(),
            1.0,
            Par::Seq,
        );
    }
    g.fill_upper_triangle_with_lower_triangle();
    g
}

/// `A B` for large matrices, one thread.
pub fn multiply(a: &DMatrix<f64>, b: &DMatrix<f64>) -> DMatrix<f64> {
    let mut c = DMatrix::zeros(a.nrows(), b.ncols());
    let (left, right) = (
        Factor::new(a.as_slice(), a.nrows(), a.ncols()),
        Factor::new(b.as_slice(), b.nrows(), b.ncols()),
    );
    f64::gemm(1.0, left, right, c.as_mut_slice());
    c
}

/// `A^T B` for large matrices, one thread.
pub fn transpose_multiply(a: &DMatrix<f64>, b: &DMatrix<f64>) -> DMatrix<f64> {
    let mut c = DMatrix::zeros(a.ncols(), b.ncols());
    let (left, right) = (
        Factor::new(a.as_slice(), a.nrows(), a.ncols()).t(),
        Factor::new(b.as_slice(), b.nrows(), b.ncols()),
    );
    f64::gemm(1.0, left, right, c.as_mut_slice());
    c
}

/// `L^{-1} B` for a lower triangular `L`, in place of `B`.
pub fn solve_lower(l: &DMatrix<f64>, b: &mut DMatrix<f64>) {
    let (rows, columns) = b.shape();
    let b = MatMut::from_column_major_slice_mut(b.as_mut_slice(), rows, columns);
    solve_lower_triangular_in_place(view(l), b, Par::Seq);
}

/// `L^{-T} B` for a lower triangular `L`, in place of `B`.
pub fn solve_lower_transposed(l: &DMatrix<f64>, b: &mut DMatrix<f64>) {
    let (rows, columns) = b.shape();
    let b = MatMut::from_column_major_slice_mut(b.as_mut_slice(), rows, columns);
    solve_upper_triangular_in_place(view(l).transpose(), b, Par::Seq);
}

/// Thin QR factorisation `A = Q R` of a tall matrix, signs fixed by `R_ii >= 0`.
pub fn qr(a: &DMatrix<f64>) -> (DMatrix<f64>, DMatrix<f64>) {
    let f = view(a).qr();
    let mut q = owned(f.compute_thin_Q().as_ref());
    let mut r = owned(f.thin_R());
    for i in 0..r.nrows() {
        if r[(i, i)] < 0.0 {
            q.column_mut(i).neg_mut();
            r.row_mut(i).neg_mut();
        }
    }
    (q, r)
}

/// A column-major matrix in a slice, or its transpose: one factor of [`Gemm::gemm`].
#[derive(Debug, Clone, Copy)]
pub struct Factor<'a, T> {
    entries: &'a [T],
    rows: usize,
    cols: usize,
    /// Distance between the heads of two columns.
    stride: usize,
    transposed: bool,
}

impl<'a, T> Factor<'a, T> {
    /// The `rows x cols` matrix stored in `entries`, column by column.
    pub fn new(entries: &'a [T], rows: usize, cols: usize) -> Self {
        debug_assert_eq!(entries.len(), rows * cols);
        Self::strided(entries, rows, cols, rows)
    }

    /// The `rows x cols` matrix whose column `j` starts at `entries[j * stride]`: some rows of a larger matrix.
    pub fn strided(entries: &'a [T], rows: usize, cols: usize, stride: usize) -> Self {
        Factor {
            entries,
            rows,
            cols,
            stride,
            transposed: false,
        }
    }

    /// The transpose, without moving an entry.
    pub fn t(self) -> Self {
        Factor {
            transposed: !self.transposed,
            ..self
        }
    }

    fn view(self) -> MatRef<'a, T> {
        let m = MatRef::from_column_major_slice_with_stride(
            self.entries,
            self.rows,
            self.cols,
            self.stride,
        );
        if self.transposed { m.transpose() } else { m }
    }
}

/// Scalars with a fast matrix product into existing memory: `f64` and `f32`.
///
/// One thread, and the same bits whenever shapes and entries are the same. Transposed factors cost no copy.
pub trait Gemm: Sized {
    /// `C = alpha A B`; `c` holds `C` column by column.
    ///
    /// ```
    /// use saddlepoint::numerics::linalg::{Factor, Gemm};
    /// let a = [1.0, 2.0, 3.0, 4.0]; // columns (1, 2) and (3, 4)
    /// let mut c = [0.0; 4];
    /// f64::gemm(2.0, Factor::new(&a, 2, 2), Factor::new(&a, 2, 2).t(), &mut c);
    /// assert_eq!(c, [20.0, 28.0, 28.0, 40.0]);
    /// ```
    fn gemm(alpha: Self, a: Factor<Self>, b: Factor<Self>, c: &mut [Self]) {
        let rows = if a.transposed { a.cols } else { a.rows };
        Self::gemm_strided(alpha, a, b, c, rows);
    }

    /// `C = alpha A B`, column `j` of `C` starting at `c[j * stride]`.
    fn gemm_strided(alpha: Self, a: Factor<Self>, b: Factor<Self>, c: &mut [Self], stride: usize);

    /// `C += alpha A B`; `c` holds `C` column by column.
    fn gemm_add(alpha: Self, a: Factor<Self>, b: Factor<Self>, c: &mut [Self]);
}

macro_rules! gemm {
    ($($scalar:ty),*) => {$(
        impl Gemm for $scalar {
            fn gemm_strided(
                alpha: Self,
                a: Factor<Self>,
                b: Factor<Self>,
                c: &mut [Self],
                stride: usize,
            ) {
                let (a, b) = (a.view(), b.view());
                let c = MatMut::from_column_major_slice_with_stride_mut(
                    c,
                    a.nrows(),
                    b.ncols(),
                    stride,
                );
                faer::linalg::matmul::matmul(c, Accum::Replace, a, b, alpha, Par::Seq);
            }

            fn gemm_add(alpha: Self, a: Factor<Self>, b: Factor<Self>, c: &mut [Self]) {
                let (a, b) = (a.view(), b.view());
                let c = MatMut::from_column_major_slice_mut(c, a.nrows(), b.ncols());
                faer::linalg::matmul::matmul(c, Accum::Add, a, b, alpha, Par::Seq);
            }
        }
    )*};
}

gemm!(f64, f32);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::{normal_matrix, stream};

    #[test]
    fn gemm_equals_the_definition_in_every_orientation() {
        let mut rng = stream(2, "gemm", &[]);
        for (m, k, n) in [(1, 1, 1), (3, 7, 2), (33, 18, 41)] {
            let (a, b) = (normal_matrix(&mut rng, m, k), normal_matrix(&mut rng, k, n));
            let (at, bt) = (a.transpose(), b.transpose());
            let exact = DMatrix::from_fn(m, n, |i, j| -> f64 {
                (0..k).map(|l| -0.5 * a[(i, l)] * b[(l, j)]).sum()
            });
            let plain = |x: &'_ DMatrix<f64>| (x.clone(), false);
            for (x, tx) in [plain(&a), (at.clone(), true)] {
                for (y, ty) in [plain(&b), (bt.clone(), true)] {
                    let mut c = DMatrix::zeros(m, n);
                    let f = Factor::new(x.as_slice(), x.nrows(), x.ncols());
                    let g = Factor::new(y.as_slice(), y.nrows(), y.ncols());
                    let f = if tx { f.t() } else { f };
                    let g = if ty { g.t() } else { g };
                    f64::gemm(-0.5, f, g, c.as_mut_slice());
                    assert!((&c - &exact).amax() < 1e-13);
                    f64::gemm_add(-1.0, f, g, c.as_mut_slice());
                    assert!((c - &exact * 3.0).amax() < 1e-13);
                }
            }
        }
    }

    #[test]
    fn strided_products_touch_only_their_rows() {
        let mut rng = stream(3, "strided", &[]);
        let (a, b) = (normal_matrix(&mut rng, 9, 4), normal_matrix(&mut rng, 4, 5));
        let mut c = DMatrix::from_element(8, 5, 7.0);
        // Rows 2..5 of A, into rows 1..4 of C.
        let f = Factor::strided(&a.as_slice()[2..], 3, 4, 9);
        let g = Factor::new(b.as_slice(), 4, 5);
        f64::gemm_strided(1.0, f, g, &mut c.as_mut_slice()[1..], 8);
        let exact = a.rows(2, 3) * &b;
        assert!((c.rows(1, 3) - exact).amax() < 1e-14);
        assert!(
            c.row(0)
                .iter()
                .chain(c.rows(4, 4).iter())
                .all(|&v| v == 7.0)
        );
    }

    #[test]
    fn factorisations_reproduce_the_matrix() {
        let mut rng = stream(1, "linalg", &[]);
        let a = normal_matrix(&mut rng, 40, 17);
        let (u, s, v) = svd(&a).unwrap();
        assert!((&u * DMatrix::from_diagonal(&s) * v.transpose() - &a).norm() < 1e-12);
        assert!(s.as_slice().windows(2).all(|w| w[0] >= w[1]));
        let (q, r) = qr(&a);
        assert!((&q * &r - &a).norm() < 1e-12);
        assert!((q.transpose() * &q - DMatrix::identity(17, 17)).norm() < 1e-13);
        let g = a.transpose() * &a;
        let (f, w) = eigh(&g).unwrap();
        assert!((&w * DMatrix::from_diagonal(&f) * w.transpose() - &g).norm() < 1e-11);
        let b = normal_matrix(&mut rng, 17, 3);
        assert!((&g * solve_spd(&g, &b).unwrap() - &b).norm() < 1e-10);
        let l = cholesky(&g).unwrap();
        assert!((&l * l.transpose() - &g).norm() < 1e-11);
        assert!(solve_spd(&-&g, &b).is_err());
        // Singular: the last pivot is 0 up to rounding of either sign.
        let flat = normal_matrix(&mut rng, 3, 17);
        for shift in [0.0, 1e-18, 1e-16] {
            let g = flat.transpose() * &flat + DMatrix::identity(17, 17) * shift;
            assert!(solve_spd(&g, &b).is_err());
        }
        let g = flat.transpose() * &flat + DMatrix::identity(17, 17) * 1e-6;
        assert!((&g * solve_spd(&g, &b).unwrap() - &b).amax() < 1e-7);
        assert!((outer_gram(&a) - &a * a.transpose()).norm() < 1e-12);
        let tall = normal_matrix(&mut rng, 150, 5);
        assert!((outer_gram(&tall) - &tall * tall.transpose()).norm() < 1e-12);
        assert!(
            (multiply(&tall, &a.transpose().rows(0, 5).into_owned())
                - &tall * a.transpose().rows(0, 5))
            .norm()
                < 1e-11
        );
        assert!((transpose_multiply(&a, &a) - a.tr_mul(&a)).norm() < 1e-12);
        let mut x = b.clone();
        solve_lower(&l, &mut x);
        assert!((&l * &x - &b).norm() < 1e-12);
        let mut x = b.clone();
        solve_lower_transposed(&l, &mut x);
        assert!((l.transpose() * &x - &b).norm() < 1e-12);
    }
}
