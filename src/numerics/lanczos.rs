//! Largest eigenvalues of a symmetric operator that is known by its products alone.

use crate::error::{Error, Result};
use crate::numerics::linalg::eigh;
use crate::numerics::random::stream;
use nalgebra::DMatrix;
use rand_distr::{Distribution, StandardNormal};

/// Products between two looks at the Ritz values.
const LOOK_EVERY: usize = 4;
/// Off-diagonal element, relative to the size of the operator, below which the Krylov space counts as invariant.
const INVARIANT: f64 = 1e-12;

/// The largest eigenvalues of a symmetric operator.
#[derive(Debug, Clone, PartialEq)]
pub struct Top {
    /// Ritz values, descending.
    pub values: Vec<f64>,
    /// Residual norms `|A v - value v|`: an eigenvalue lies within this distance of each value.
    pub bounds: Vec<f64>,
    /// Products with the operator that were used.
    pub products: usize,
}

/// The `count` largest eigenvalues of the symmetric operator `A: R^n -> R^n`; `apply(v, out)` writes `A v` to `out`.
///
/// Lanczos iteration with full reorthogonalisation (twice) from a fixed random start, so that the same operator gives the same bits.
/// With the orthonormal basis `Q` of the Krylov space, `T = Q^T A Q` tridiagonal and `T s = value s`, the residual norm of the Ritz
/// vector `Q s` is `|beta_m s_m|`. Stops when all `count` residual norms are at most `tolerance` times the largest absolute Ritz value.
/// When the Krylov space becomes invariant, the iteration goes on in its orthogonal complement; before that, an eigenvalue of
/// any multiplicity appears once. Memory `n` numbers per product, time `O(n m^2)` beside the products.
///
/// Source: C. Lanczos (1950); C. C. Paige (1971).
///
/// Errors: a product that is not finite; residuals above the tolerance after `max_products` (or `n`) products.
///
/// ```
/// use saddlepoint::numerics::lanczos::top_eigenvalues;
/// let diagonal = |v: &[f64], out: &mut [f64]| out.iter_mut().zip(v).enumerate().for_each(|(i, (o, v))| *o = i as f64 * v);
/// let top = top_eigenvalues(50, 2, 1e-10, 50, diagonal).unwrap();
/// assert!((top.values[0] - 49.0).abs() < 1e-9 && (top.values[1] - 48.0).abs() < 1e-9);
/// ```
pub fn top_eigenvalues(
    n: usize,
    count: usize,
    tolerance: f64,
    max_products: usize,
    mut apply: impl FnMut(&[f64], &mut [f64]),
) -> Result<Top> {
    if n == 0 || count == 0 || count > n {
        let cause = format!("{count} eigenvalues of an operator on {n} dimensions");
        return Err(Error::bug("Lanczos iteration", cause));
    }
    let mut rng = stream(0, "lanczos", &[n as u64]);
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let (mut diagonal, mut off) = (Vec::new(), Vec::new());
    let mut next = fresh_direction(n, &basis, &mut rng);
    let mut size = 0.0f64;
    let most = max_products.max(count).min(n);
    loop {
        let mut product = vec![0.0; n];
        apply(&next, &mut product);
        if !product.iter().all(|v| v.is_finite()) {
            return Err(Error::unconverged(
                "Lanczos iteration",
                format!("product {} is not finite", basis.len() + 1),
                "check the operator for overflow",
            ));
        }
        size = size.max(norm(&product));
        diagonal.push(dot(&next, &product));
        basis.push(next);
        orthogonalise(&mut product, &basis);
        let beta = norm(&product);
        let m = basis.len();
        let invariant = beta <= INVARIANT * size;
        if m >= count && (m.is_multiple_of(LOOK_EVERY) || invariant || m == most) {
            let top = ritz(&diagonal, &off, if m == n { 0.0 } else { beta }, count)?;
            let largest = top.values.iter().fold(0.0f64, |l, v| l.max(v.abs()));
            let converged = top.bounds.iter().all(|&b| b <= tolerance * largest);
            if converged {
                return Ok(top);
            }
            if m == most {
                return Err(Error::unconverged(
                    "Lanczos iteration",
                    format!(
                        "residuals {:?} of the eigenvalues {:?} after {m} products",
                        top.bounds, top.values
                    ),
                    "allow more products or a larger tolerance",
                ));
            }
        }
        if invariant {
            off.push(0.0);
            next = fresh_direction(n, &basis, &mut rng);
        } else {
            off.push(beta);
            product.iter_mut().for_each(|v| *v /= beta);
            next = product;
        }
    }
}

/// Ritz values of the tridiagonal matrix with residual norms; `beta` couples it to what is left out.
fn ritz(diagonal: &[f64], off: &[f64], beta: f64, count: usize) -> Result<Top> {
    let m = diagonal.len();
    let tridiagonal = DMatrix::from_fn(m, m, |i, j| match i.abs_diff(j) {
        0 => diagonal[i],
        1 => off[i.min(j)],
        _ => 0.0,
    });
    let (values, vectors) = eigh(&tridiagonal)?;
    let top = (m - count..m).rev();
    Ok(Top {
        values: top.clone().map(|k| values[k]).collect(),
        bounds: top.map(|k| (beta * vectors[(m - 1, k)]).abs()).collect(),
        products: m,
    })
}

/// A random unit vector orthogonal to the basis.
fn fresh_direction(
    n: usize,
    basis: &[Vec<f64>],
    rng: &mut crate::numerics::random::Stream,
) -> Vec<f64> {
    let mut v: Vec<f64> = (0..n).map(|_| StandardNormal.sample(rng)).collect();
    orthogonalise(&mut v, basis);
    let length = norm(&v);
    v.iter_mut().for_each(|v| *v /= length);
    v
}

/// Removes the components along an orthonormal basis, twice.
fn orthogonalise(v: &mut [f64], basis: &[Vec<f64>]) {
    for _ in 0..2 {
        for q in basis {
            let overlap = dot(q, v);
            v.iter_mut().zip(q).for_each(|(v, q)| *v -= overlap * q);
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::normal_matrix;
    use nalgebra::DVector;

    fn product(a: &DMatrix<f64>) -> impl FnMut(&[f64], &mut [f64]) + '_ {
        move |v, out| out.copy_from_slice((a * DVector::from_column_slice(v)).as_slice())
    }

    #[test]
    fn agrees_with_the_dense_decomposition_within_its_own_bound() {
        for (seed, n) in [(1, 30), (2, 120), (3, 250)] {
            let mut rng = stream(seed, "lanczos test", &[]);
            let b = normal_matrix(&mut rng, n, n);
            let a = &b + b.transpose();
            let exact = eigh(&a).unwrap().0;
            for tolerance in [1e-2, 1e-6, 1e-10] {
                let top = top_eigenvalues(n, 3, tolerance, n, product(&a)).unwrap();
                for k in 0..3 {
                    let error = (top.values[k] - exact[n - 1 - k]).abs();
                    assert!(top.bounds[k] <= tolerance * top.values[0].abs());
                    let nearest = exact
                        .iter()
                        .map(|e| (e - top.values[k]).abs())
                        .fold(f64::INFINITY, f64::min);
                    assert!(nearest <= top.bounds[k] + 1e-12 * n as f64);
                    if tolerance < 1e-5 {
                        assert!(error <= top.bounds[k] + 1e-12 * n as f64, "{n} {k}");
                    }
                }
                assert!(tolerance > 1e-3 || top.products <= n);
            }
        }
    }

    #[test]
    fn low_rank_multiple_and_zero_operators() {
        let mut rng = stream(4, "lanczos test", &[]);
        let b = normal_matrix(&mut rng, 40, 2);
        let a = &b * b.transpose();
        let exact = eigh(&a).unwrap().0;
        let top = top_eigenvalues(40, 3, 1e-9, 40, product(&a)).unwrap();
        for k in 0..3 {
            assert!((top.values[k] - exact[39 - k]).abs() < 1e-8 * exact[39]);
        }
        let identity = DMatrix::identity(7, 7) * 5.0;
        let top = top_eigenvalues(7, 3, 1e-9, 7, product(&identity)).unwrap();
        assert!(top.values.iter().all(|v| (v - 5.0).abs() < 1e-12));
        let top = top_eigenvalues(7, 1, 1e-9, 7, product(&DMatrix::zeros(7, 7))).unwrap();
        assert_eq!((top.values, top.products), (vec![0.0], 1));
    }

    #[test]
    fn the_start_is_fixed_and_failures_are_errors() {
        let mut rng = stream(5, "lanczos test", &[]);
        let b = normal_matrix(&mut rng, 60, 60);
        let a = &b + b.transpose();
        let once = || top_eigenvalues(60, 2, 1e-8, 60, product(&a));
        assert_eq!(once().unwrap(), once().unwrap());
        let short = top_eigenvalues(60, 2, 1e-8, 5, product(&a));
        assert!(matches!(short, Err(Error::Unconverged { .. })));
        let nan = top_eigenvalues(3, 1, 1e-8, 3, |_, out: &mut [f64]| out.fill(f64::NAN));
        assert!(matches!(nan, Err(Error::Unconverged { .. })));
    }
}
