//! Products with a single row of weights (a read-out with one output): weighted sums kept in registers, outer products with the slopes in one pass.

use crate::learner::Real;
use crate::numerics::simd::vectorised;

/// Entries of a weighted sum of columns that are kept in registers.
const PANEL: usize = 32;

/// `g = factor sum_mu e_mu x_mu`, or `+=`.
pub(super) fn weighted_sum<T: Real>(factor: T, e: &[T], x: &[T], g: &mut [T], add: bool) {
    let length = g.len();
    vectorised(
        #[inline(always)]
        || {
            for (k, g) in g.chunks_mut(PANEL).enumerate() {
                let mut sums = [T::zero(); PANEL];
                let from = k * PANEL;
                let columns = x.chunks_exact(length).zip(e);
                match g.len() {
                    PANEL => {
                        for (x, &e) in columns {
                            let Some(x) = x[from..].first_chunk::<PANEL>() else {
                                break;
                            };
                            for l in 0..PANEL {
                                sums[l] += e * x[l];
                            }
                        }
                    }
                    _ => {
                        for (x, &e) in columns {
                            for (sum, &x) in sums.iter_mut().zip(&x[from..]) {
                                *sum += e * x;
                            }
                        }
                    }
                }
                for (g, &sum) in g.iter_mut().zip(&sums) {
                    let before = if add { *g } else { T::zero() };
                    *g = before + factor * sum;
                }
            }
        },
    )
}

/// `x_mu = factor e_mu w`
pub(super) fn outer<T: Real>(factor: T, w: &[T], e: &[T], x: &mut [T]) {
    vectorised(
        #[inline(always)]
        || {
            for (x, &e) in x.chunks_exact_mut(w.len()).zip(e) {
                let e = factor * e;
                for (x, &w) in x.iter_mut().zip(w) {
                    *x = e * w;
                }
            }
        },
    )
}

/// [`outer`] times `f(s)`, entry by entry.
pub(super) fn sloped_outer<T: Real>(
    factor: T,
    w: &[T],
    e: &[T],
    s: &[T],
    f: impl Fn(T) -> T,
    x: &mut [T],
) {
    vectorised(
        #[inline(always)]
        || {
            let columns = x.chunks_exact_mut(w.len()).zip(s.chunks_exact(w.len()));
            for ((x, s), &e) in columns.zip(e) {
                let e = factor * e;
                for ((x, &w), &s) in x.iter_mut().zip(w).zip(s) {
                    *x = e * w * f(s);
                }
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::DMatrix;

    #[test]
    fn products_equal_their_definitions() {
        for (n, samples) in [(1, 3), (22, 16), (32, 5), (70, 9)] {
            let x = DMatrix::from_fn(n, samples, |i, mu| (1.0 + i as f64 + 7.0 * mu as f64).sin());
            let w = DMatrix::from_fn(1, n, |_, i| (0.3 * i as f64).cos());
            let e = DMatrix::from_fn(1, samples, |_, mu| 0.5 - mu as f64);
            let exact = &x * e.transpose() * 2.0;
            let mut g = vec![f64::NAN; n];
            for times in [1.0, 2.0] {
                weighted_sum(2.0, e.as_slice(), x.as_slice(), &mut g, times > 1.0);
                let close = |(a, b): (&f64, &f64)| (a - times * b).abs() < 1e-12;
                assert!(g.iter().zip(exact.iter()).all(close));
            }

            let exact = w.transpose() * &e * 3.0;
            let mut y = vec![0.0; n * samples];
            outer(3.0, w.as_slice(), e.as_slice(), &mut y);
            assert!(
                y.iter()
                    .zip(exact.iter())
                    .all(|(a, b)| (a - b).abs() < 1e-13)
            );
            let (w, e) = (w.as_slice(), e.as_slice());
            sloped_outer(3.0, w, e, x.as_slice(), |s| s * s, &mut y);
            let exact = exact.component_mul(&x).component_mul(&x);
            assert!(
                y.iter()
                    .zip(exact.iter())
                    .all(|(a, b)| (a - b).abs() < 1e-13)
            );
        }
    }
}
