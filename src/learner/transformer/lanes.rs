//! Small products with the samples of a batch side by side: every entry is a lane of samples.

use crate::learner::Real;

/// Samples that are worked on together.
pub(super) const LANES: usize = 16;

/// The same number of `LANES` samples.
pub(super) type Lane<T> = [T; LANES];

/// A matrix of lanes in a slice, with the distances between rows and between columns.
#[derive(Clone, Copy)]
pub(super) struct Grid<'a, T> {
    pub entries: &'a [Lane<T>],
    pub row: usize,
    pub column: usize,
}

/// `out_j = sum_k left[k * step] right_kj` for a row vector of `terms` lanes, four columns at a time.
#[inline(always)]
pub(super) fn row_times<T: Real>(
    out: &mut [Lane<T>],
    left: &[Lane<T>],
    step: usize,
    right: Grid<T>,
    terms: usize,
) {
    let mut j = 0;
    while j + 4 <= out.len() {
        let sums: [Lane<T>; 4] = columns(left, step, right, j, terms);
        out[j..j + 4].copy_from_slice(&sums);
        j += 4;
    }
    while j < out.len() {
        [out[j]] = columns(left, step, right, j, terms);
        j += 1;
    }
}

/// `C` neighbouring sums, kept in registers.
#[inline(always)]
fn columns<T: Real, const C: usize>(
    left: &[Lane<T>],
    step: usize,
    right: Grid<T>,
    first: usize,
    terms: usize,
) -> [Lane<T>; C] {
    let mut sums = [[T::zero(); LANES]; C];
    for k in 0..terms {
        let a = &left[k * step];
        for (c, sum) in sums.iter_mut().enumerate() {
            let b = &right.entries[k * right.row + (first + c) * right.column];
            for l in 0..LANES {
                sum[l] += a[l] * b[l];
            }
        }
    }
    sums
}

/// Softmax over the lanes of a row, in place.
#[inline(always)]
pub(super) fn softmax<T: Real>(row: &mut [Lane<T>]) {
    let mut top = row[0];
    for lane in row.iter() {
        for l in 0..LANES {
            top[l] = if lane[l] > top[l] { lane[l] } else { top[l] };
        }
    }
    let mut sum = [T::zero(); LANES];
    for lane in row.iter_mut() {
        for l in 0..LANES {
            lane[l] = (lane[l] - top[l]).exponential();
            sum[l] += lane[l];
        }
    }
    for lane in row {
        for l in 0..LANES {
            lane[l] /= sum[l];
        }
    }
}

/// Turns `dL/dA` of a softmax row `A` into `dL/dS = A (dL/dA - sum_u A_u dL/dA_u)`, in place.
#[inline(always)]
pub(super) fn softmax_backward<T: Real>(weights: &[Lane<T>], slope: &mut [Lane<T>]) {
    let mut sum = [T::zero(); LANES];
    for (a, d) in weights.iter().zip(slope.iter()) {
        for l in 0..LANES {
            sum[l] += a[l] * d[l];
        }
    }
    for (a, d) in weights.iter().zip(slope) {
        for l in 0..LANES {
            d[l] = a[l] * (d[l] - sum[l]);
        }
    }
}

/// Multiplies a row by a number.
#[inline(always)]
pub(super) fn scale<T: Real>(row: &mut [Lane<T>], factor: T) {
    for lane in row {
        for value in lane {
            *value *= factor;
        }
    }
}
