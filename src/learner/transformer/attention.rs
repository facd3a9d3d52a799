//! Multi-head attention of a batch: forward and backward, one head and `LANES` samples at a time.

use super::lanes::{Grid, LANES, Lane, row_times, scale, softmax, softmax_backward};
use super::{Attention, Mask};
use crate::learner::Real;
use crate::numerics::simd::vectorised;

/// What a layer's attention is: the numbers that every function here needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads {
    pub attention: Attention,
    pub mask: Mask,
    pub context: usize,
    pub heads: usize,
    /// Dimension of one head.
    pub width: usize,
}

/// Work space of one head and one group of samples.
#[derive(Debug, Clone, Default)]
pub(super) struct Bench<T> {
    /// Queries (times `1/sqrt(width)`), keys, values: `[position][component]`.
    query: Vec<Lane<T>>,
    key: Vec<Lane<T>>,
    value: Vec<Lane<T>>,
    /// Outputs or their errors.
    output: Vec<Lane<T>>,
    /// Errors of queries, keys or values, one after the other.
    error: Vec<Lane<T>>,
    /// Errors of the attention weights, `[position][position]`.
    slope: Vec<Lane<T>>,
}

impl<T: Real> Bench<T> {
    pub fn new(heads: &Heads) -> Self {
        let room = |n: usize| vec![[T::zero(); LANES]; n];
        let vectors = heads.context * heads.width;
        Bench {
            query: room(vectors),
            key: room(vectors),
            value: room(vectors),
            output: room(vectors),
            error: room(vectors),
            slope: room(heads.context * heads.context),
        }
    }

    /// Scalars held.
    pub fn len(&self) -> usize {
        LANES * (5 * self.query.len() + self.slope.len())
    }
}

impl Heads {
    fn dimension(&self) -> usize {
        self.heads * self.width
    }

    /// Lanes of attention weights for `samples` samples.
    pub fn weights(&self, samples: usize) -> usize {
        samples.div_ceil(LANES) * self.heads * self.context * self.context
    }

    /// Positions that position `t` sees.
    #[inline(always)]
    fn visible(&self, t: usize) -> usize {
        match self.mask {
            Mask::Causal => t + 1,
            Mask::Full => self.context,
        }
    }

    /// First position that sees position `u`.
    #[inline(always)]
    fn first_viewer(&self, u: usize) -> usize {
        match self.mask {
            Mask::Causal => u,
            Mask::Full => 0,
        }
    }

    fn query_factor<T: Real>(&self) -> T {
        T::of(1.0 / (self.width as f64).sqrt())
    }

    /// Writes the concatenated heads to `output` (`rows x d`) and the attention weights to `weights`.
    ///
    /// `qkv` is `rows x 3d`, rows are `position * samples + sample`.
    pub fn forward<T: Real>(
        &self,
        qkv: &[T],
        samples: usize,
        weights: &mut [Lane<T>],
        output: &mut [T],
        bench: &mut Bench<T>,
    ) {
        vectorised(
            #[inline(always)]
            || self.forward_inlined(qkv, samples, weights, output, bench),
        )
    }

    #[inline(always)]
    fn forward_inlined<T: Real>(
        &self,
        qkv: &[T],
        samples: usize,
        weights: &mut [Lane<T>],
        output: &mut [T],
        bench: &mut Bench<T>,
    ) {
        let (context, width, d) = (self.context, self.width, self.dimension());
        let mut matrices = weights.chunks_exact_mut(context * context);
        for first in (0..samples).step_by(LANES) {
            for head in 0..self.heads {
                let Some(weights) = matrices.next() else {
                    return;
                };
                let place = |part: usize| Place {
                    column: part * d + head * width,
                    first,
                    samples,
                };
                self.load(qkv, place(0), &mut bench.query);
                scale(&mut bench.query, self.query_factor());
                self.load(qkv, place(1), &mut bench.key);
                self.load(qkv, place(2), &mut bench.value);
                let keys = Grid {
                    entries: &bench.key,
                    row: 1,
                    column: width,
                };
                let values = Grid {
                    entries: &bench.value,
                    row: width,
                    column: 1,
                };
                for t in 0..context {
                    let visible = self.visible(t);
                    let row = &mut weights[t * context..][..visible];
                    let query = &bench.query[t * width..][..width];
                    row_times(row, query, 1, keys, width);
                    match self.attention {
                        Attention::Softmax => softmax(row),
                        Attention::Linear => scale(row, T::of(1.0 / visible as f64)),
                    }
                    let out = &mut bench.output[t * width..][..width];
                    row_times(out, row, 1, values, visible);
                }
                self.store(&bench.output, place(0), output);
            }
        }
    }

    /// Writes `dL/d qkv` to `errors` (`rows x 3d`) from `dL/d output` in `slope` (`rows x d`).
    pub fn backward<T: Real>(
        &self,
        qkv: &[T],
        samples: usize,
        weights: &[Lane<T>],
        slope: &[T],
        errors: &mut [T],
        bench: &mut Bench<T>,
    ) {
        vectorised(
            #[inline(always)]
            || self.backward_inlined(qkv, samples, weights, slope, errors, bench),
        )
    }

    #[inline(always)]
    fn backward_inlined<T: Real>(
        &self,
        qkv: &[T],
        samples: usize,
        weights: &[Lane<T>],
        slope: &[T],
        errors: &mut [T],
        bench: &mut Bench<T>,
    ) {
        let (context, width, d) = (self.context, self.width, self.dimension());
        let mut matrices = weights.chunks_exact(context * context);
        for first in (0..samples).step_by(LANES) {
            for head in 0..self.heads {
                let Some(weights) = matrices.next() else {
                    return;
                };
                let place = |part: usize| Place {
                    column: part * d + head * width,
                    first,
                    samples,
                };
                self.load(qkv, place(0), &mut bench.query);
                scale(&mut bench.query, self.query_factor());
                self.load(qkv, place(1), &mut bench.key);
                self.load(qkv, place(2), &mut bench.value);
                self.load(slope, place(0), &mut bench.output);
                let rows = |entries| Grid {
                    entries,
                    row: width,
                    column: 1,
                };
                // Values: dV_u = sum_t A_tu dO_t.
                for u in 0..context {
                    let viewer = self.first_viewer(u);
                    row_times(
                        &mut bench.error[u * width..][..width],
                        &weights[viewer * context + u..],
                        context,
                        rows(&bench.output[viewer * width..]),
                        context - viewer,
                    );
                }
                self.store(&bench.error, place(2), errors);
                // Weights: dA_tu = dO_t . V_u, then scores; queries: dQ_t = sum_u dS_tu K_u.
                let values = Grid {
                    entries: &bench.value,
                    row: 1,
                    column: width,
                };
                for t in 0..context {
                    let visible = self.visible(t);
                    let row = &mut bench.slope[t * context..][..visible];
                    let output = &bench.output[t * width..][..width];
                    row_times(row, output, 1, values, width);
                    match self.attention {
                        Attention::Softmax => {
                            softmax_backward(&weights[t * context..][..visible], row)
                        }
                        Attention::Linear => scale(row, T::of(1.0 / visible as f64)),
                    }
                    let error = &mut bench.error[t * width..][..width];
                    row_times(error, row, 1, rows(&bench.key), visible);
                }
                scale(&mut bench.error, self.query_factor());
                self.store(&bench.error, place(0), errors);
                // Keys: dK_u = sum_t dS_tu Q_t.
                for u in 0..context {
                    let viewer = self.first_viewer(u);
                    row_times(
                        &mut bench.error[u * width..][..width],
                        &bench.slope[viewer * context + u..],
                        context,
                        rows(&bench.query[viewer * width..]),
                        context - viewer,
                    );
                }
                self.store(&bench.error, place(1), errors);
            }
        }
    }

    /// Gathers one head of up to `LANES` samples; lanes beyond the last sample are zero.
    #[inline(always)]
    fn load<T: Real>(&self, matrix: &[T], place: Place, lanes: &mut [Lane<T>]) {
        let count = place.count();
        for i in 0..self.width {
            for t in 0..self.context {
                let from = &matrix[place.start(i, t, self.context)..][..count];
                let to = &mut lanes[t * self.width + i];
                match <&[T; LANES]>::try_from(from) {
                    Ok(whole) => *to = *whole,
                    Err(_) => {
                        *to = [T::zero(); LANES];
                        to[..count].copy_from_slice(from);
                    }
                }
            }
        }
    }

    /// The inverse of [`Heads::load`].
    #[inline(always)]
    fn store<T: Real>(&self, lanes: &[Lane<T>], place: Place, matrix: &mut [T]) {
        let count = place.count();
        for i in 0..self.width {
            for t in 0..self.context {
                let to = &mut matrix[place.start(i, t, self.context)..][..count];
                let from = &lanes[t * self.width + i];
                match <&mut [T; LANES]>::try_from(&mut *to) {
                    Ok(whole) => *whole = *from,
                    Err(_) => to.copy_from_slice(&from[..count]),
                }
            }
        }
    }
}

/// Where one head of a group of samples stands in a matrix.
#[derive(Clone, Copy)]
struct Place {
    /// First column of the head.
    column: usize,
    /// First sample of the group, and samples in all.
    first: usize,
    samples: usize,
}

impl Place {
    #[inline(always)]
    fn count(&self) -> usize {
        LANES.min(self.samples - self.first)
    }

    #[inline(always)]
    fn start(&self, component: usize, position: usize, context: usize) -> usize {
        ((self.column + component) * context + position) * self.samples + self.first
    }
}
