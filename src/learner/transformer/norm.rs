//! Layer normalisation of every row of a matrix, forward and backward.

use crate::learner::Real;
use crate::numerics::simd::vectorised;

/// Added to the variance, so that a constant row stays finite.
const EPSILON: f64 = 1e-5;
/// Partial sums of a reduction.
const PARTS: usize = 16;

/// `y = gain x_hat + bias`, `x_hat = (x - mean)/sqrt(variance + 1e-5)` over the columns of each row; keeps what the backward pass needs.
#[derive(Debug, Clone, Default)]
pub(super) struct LayerNorm<T> {
    /// `x_hat`, `rows x d`.
    normal: Vec<T>,
    /// `1/sqrt(variance + 1e-5)` of each row.
    inverse: Vec<T>,
    /// Sums over the columns.
    first: Vec<T>,
    second: Vec<T>,
}

impl<T: Real> LayerNorm<T> {
    /// Scalars held.
    pub fn len(&self) -> usize {
        self.normal.len() + self.inverse.len() + self.first.len() + self.second.len()
    }

    pub fn forward(&mut self, x: &[T], rows: usize, gain: &[T], bias: &[T], y: &mut [T]) {
        self.normal.resize(x.len(), T::zero());
        for sums in [&mut self.inverse, &mut self.first, &mut self.second] {
            sums.resize(rows, T::zero());
        }
        vectorised(
            #[inline(always)]
            || self.forward_inlined(x, rows, gain, bias, y),
        )
    }

    #[inline(always)]
    fn forward_inlined(&mut self, x: &[T], rows: usize, gain: &[T], bias: &[T], y: &mut [T]) {
        let per_column = T::of(1.0 / gain.len() as f64);
        let (mean, inverse) = (&mut self.first, &mut self.inverse);
        mean.fill(T::zero());
        inverse.fill(T::zero());
        for x in x.chunks_exact(rows) {
            for (mean, &x) in mean.iter_mut().zip(x) {
                *mean += x;
            }
        }
        for mean in mean.iter_mut() {
            *mean *= per_column;
        }
        for (x, normal) in x.chunks_exact(rows).zip(self.normal.chunks_exact_mut(rows)) {
            for (((n, &x), &mean), sum) in normal
                .iter_mut()
                .zip(x)
                .zip(mean.iter())
                .zip(inverse.iter_mut())
            {
                *n = x - mean;
                *sum += *n * *n;
            }
        }
        for v in inverse.iter_mut() {
            *v = T::one() / (*v * per_column + T::of(EPSILON)).sqrt();
        }
        for (((normal, y), &gain), &bias) in self
            .normal
            .chunks_exact_mut(rows)
            .zip(y.chunks_exact_mut(rows))
            .zip(gain)
            .zip(bias)
        {
            for ((n, y), &inverse) in normal.iter_mut().zip(y).zip(inverse.iter()) {
                *n *= inverse;
                *y = gain * *n + bias;
            }
        }
    }

    /// Adds `dL/dx` to `error` from `slope = dL/dy`, and the derivatives to the gradients of gain and bias.
    pub fn backward(
        &mut self,
        slope: &[T],
        gain: &[T],
        gradients: (&mut [T], &mut [T]),
        error: &mut [T],
    ) {
        vectorised(
            #[inline(always)]
            || self.backward_inlined(slope, gain, gradients, error),
        )
    }

    #[inline(always)]
    fn backward_inlined(
        &mut self,
        slope: &[T],
        gain: &[T],
        (gain_gradient, bias_gradient): (&mut [T], &mut [T]),
        error: &mut [T],
    ) {
        let rows = self.inverse.len();
        let (sum, product) = (&mut self.first, &mut self.second);
        sum.fill(T::zero());
        product.fill(T::zero());
        let columns = slope
            .chunks_exact(rows)
            .zip(self.normal.chunks_exact(rows))
            .zip(gain);
        for (j, ((slope, normal), &gain)) in columns.enumerate() {
            for (((sum, product), &s), &n) in sum
                .iter_mut()
                .zip(product.iter_mut())
                .zip(slope)
                .zip(normal)
            {
                let g = gain * s;
                *sum += g;
                *product += g * n;
            }
            let (total, with_normal) = sums(slope, normal);
            bias_gradient[j] += total;
            gain_gradient[j] += with_normal;
        }
        let per_column = T::of(1.0 / gain.len() as f64);
        for (sum, product) in sum.iter_mut().zip(product.iter_mut()) {
            *sum *= per_column;
            *product *= per_column;
        }
        let columns = slope
            .chunks_exact(rows)
            .zip(self.normal.chunks_exact(rows))
            .zip(error.chunks_exact_mut(rows))
            .zip(gain);
        for (((slope, normal), error), &gain) in columns {
            let parts = slope.iter().zip(normal).zip(&self.inverse);
            let sums = sum.iter().zip(product.iter());
            for ((e, ((&s, &n), &inverse)), (&sum, &product)) in
                error.iter_mut().zip(parts).zip(sums)
            {
                *e += inverse * (gain * s - sum - n * product);
            }
        }
    }
}

/// `sum a` and `sum a b`.
#[inline(always)]
fn sums<T: Real>(a: &[T], b: &[T]) -> (T, T) {
    let mut plain = [T::zero(); PARTS];
    let mut weighted = [T::zero(); PARTS];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<PARTS>(), b.as_chunks::<PARTS>());
    for (a, b) in a.iter().zip(b) {
        for l in 0..PARTS {
            plain[l] += a[l];
            weighted[l] += a[l] * b[l];
        }
    }
    for (l, (&a, &b)) in a_rest.iter().zip(b_rest).enumerate() {
        plain[l] += a;
        weighted[l] += a * b;
    }
    let total = |parts: [T; PARTS]| parts.iter().fold(T::zero(), |sum, &v| sum + v);
    (total(plain), total(weighted))
}
