//! Derivatives of sample paths, packed by causality.

use super::collect::{Rows, collect};
use super::layout::{By, Layout};
use crate::numerics::simd::vectorised;

/// Paths that are followed together: as many as numbers of a vector register.
pub(super) const LANES: usize = 8;

/// What the derivatives of one time need of the layer: rates `C` or `D` and the factors of each path.
pub(super) struct Drive<'a> {
    /// For every sample the rates of `(s, a)`, `s < t`, `a` trained.
    pub rates: &'a [f32],
    pub richness: f32,
    /// `phi'(h)`, sample by sample, then lane by lane.
    pub slope: &'a [f32],
}

/// What the derivatives of `g` need beyond that.
pub(super) struct Turn<'a> {
    /// `D_{mu mu}(t,t)`
    pub equal_time: &'a [f32],
    /// `phi''(h) z`, laid out as the slopes.
    pub bend: &'a [f32],
    /// What `dr(t)` is in each derivative: sample by sample; for derivatives by `r` alone.
    pub unit: &'a [f32],
}

/// Histories of eight paths: `dg` and `phi' dh` of the trained samples, and `dh` of all samples at the present time.
///
/// ```text
/// by r:   a(t) = gamma_0^{-1} dh(t) = sum_{s<t} C w(s)                              p = phi' a          A(t,.) = <p>
///         w(t) = dg(t) = gamma_0 phi'' z a + phi' [ 1 + gamma_0^2 ( sum_{s<t} D p(s) + D(t,t) p(t) ) ]
/// by u:   e(t) = sum_{s<t} C w(s),   x(t) = dh(t) = 1 + gamma_0 e                   p = phi' x
///         y(t) = gamma_0^{-1} dz(t) = sum_{s<t} D p(s) + D(t,t) p(t)
///         w(t) = dg(t) = phi'' z x + gamma_0 phi' y                                 B(t,s<t) = <phi'' z e + phi' y>
/// ```
#[derive(Debug)]
pub(super) struct History {
    gradients: Vec<f32>,
    features: Vec<f32>,
    /// `a` or `e`, sample by sample with the stride of the last width.
    present: Vec<f32>,
}

impl History {
    pub fn new(layout: &Layout) -> Self {
        let last = layout.last();
        let zeros = |numbers: usize| vec![0.0; LANES * numbers];
        History {
            gradients: zeros(layout.starts[0][last]),
            features: zeros(layout.starts[1][last]),
            present: zeros(layout.all * layout.widths[last]),
        }
    }

    /// `dh(t)`; adds `phi' a` to the sums (sample by sample with the stride `forward_width(t)`) where the derivatives
    /// are by `r`.
    pub fn forward(&mut self, layout: &Layout, t: usize, drive: &Drive, sums: &mut [f32]) {
        vectorised(
            #[inline(always)]
            || self.forward_step(layout, t, drive, sums),
        );
    }

    #[inline(always)]
    fn forward_step(&mut self, layout: &Layout, t: usize, drive: &Drive, sums: &mut [f32]) {
        let stride = LANES * layout.widths[layout.last()];
        let width = layout.forward_width(t);
        let length = LANES * width;
        for row in self.present.chunks_exact_mut(stride) {
            row[..length].fill(0.0);
        }
        collect(
            layout,
            t,
            drive.rates,
            Rows::Gradients(&self.gradients),
            stride,
            &mut self.present,
        );
        for mu in 0..layout.all {
            let present = &self.present[mu * stride..][..length];
            if layout.by == By::Backward {
                let slope = lanes(drive.slope, mu);
                let sums = &mut sums[mu * length..][..length];
                for (sum, a) in blocks_mut(sums).zip(blocks(present)) {
                    for l in 0..LANES {
                        sum[l] += slope[l] * a[l];
                    }
                }
            }
            if t < layout.last() && mu < layout.trained {
                let start = LANES * (layout.starts[1][t] + mu * width);
                let features = &mut self.features[start..start + length];
                feature(layout, t, mu, drive, present, features);
            }
        }
    }

    /// `dg(t)`; adds `phi'' z e + phi' y` to the sums (stride `widths[t - 1]`) where the derivatives are by `u`.
    pub fn backward(
        &mut self,
        layout: &Layout,
        t: usize,
        (drive, turn): (&Drive, &Turn),
        sums: &mut [f32],
        scratch: &mut Vec<f32>,
    ) {
        vectorised(
            #[inline(always)]
            || self.backward_step(layout, t, (drive, turn), sums, scratch),
        );
    }

    #[inline(always)]
    fn backward_step(
        &mut self,
        layout: &Layout,
        t: usize,
        (drive, turn): (&Drive, &Turn),
        sums: &mut [f32],
        scratch: &mut Vec<f32>,
    ) {
        let stride = LANES * layout.widths[layout.last()];
        let (width, forward) = (layout.widths[t], LANES * layout.forward_width(t));
        let length = LANES * width;
        scratch.clear();
        scratch.resize((layout.all + 1) * length, 0.0);
        let (echoes, own) = scratch.split_at_mut(layout.all * length);
        let own = &mut own[..forward];
        collect(
            layout,
            t,
            drive.rates,
            Rows::Features(&self.features),
            length,
            echoes,
        );
        let past = LANES * t.checked_sub(1).map_or(0, |before| layout.widths[before]);
        for mu in 0..layout.all {
            let present = &self.present[mu * stride..][..forward];
            let (slope, bend) = (lanes(drive.slope, mu), lanes(turn.bend, mu));
            feature(layout, t, mu, drive, present, own);
            let echo = &mut echoes[mu * length..][..length];
            for (echo, feature) in echo.iter_mut().zip(own.iter()) {
                *echo += turn.equal_time[mu] * feature;
            }
            if layout.by == By::Forward {
                let sums = &mut sums[mu * past..][..past];
                bend_and_turn(&present[..past], &echo[..past], bend, slope, 1.0, sums);
            }
            if t == layout.last() || mu >= layout.trained {
                continue;
            }
            let start = LANES * (layout.starts[0][t] + mu * width);
            let gradients = &mut self.gradients[start..start + length];
            gradients.fill(0.0);
            let g0 = drive.richness;
            match layout.by {
                By::Backward => {
                    let unit = &turn.unit[mu * width..(mu + 1) * width];
                    for ((w, echo), unit) in blocks_mut(gradients).zip(blocks(echo)).zip(unit) {
                        for l in 0..LANES {
                            w[l] = slope[l] * (unit + g0 * g0 * echo[l]);
                        }
                    }
                    for (w, a) in blocks_mut(&mut gradients[..forward]).zip(blocks(present)) {
                        for l in 0..LANES {
                            w[l] += g0 * bend[l] * a[l];
                        }
                    }
                }
                By::Forward => {
                    bend_and_turn(present, echo, bend, slope, g0, gradients);
                    let own = LANES * (t * layout.trained + mu);
                    for l in 0..LANES {
                        gradients[own + l] += bend[l];
                    }
                }
            }
        }
    }
}

/// `p = phi' a` or `p = phi' (1 + gamma_0 e)`, where the 1 stands at the sample's own derivative of the present time.
#[inline(always)]
fn feature(layout: &Layout, t: usize, mu: usize, drive: &Drive, present: &[f32], out: &mut [f32]) {
    let slope = lanes(drive.slope, mu);
    let factor = match layout.by {
        By::Backward => 1.0,
        By::Forward => drive.richness,
    };
    for (out, present) in blocks_mut(out).zip(blocks(present)) {
        for l in 0..LANES {
            out[l] = slope[l] * (factor * present[l]);
        }
    }
    if layout.by == By::Forward && mu < layout.trained {
        let own = LANES * (t * layout.trained + mu);
        for l in 0..LANES {
            out[own + l] += slope[l];
        }
    }
}

/// `out <- out + factor (phi'' z e + phi' y)`
#[inline(always)]
fn bend_and_turn(
    e: &[f32],
    y: &[f32],
    bend: &[f32; LANES],
    slope: &[f32; LANES],
    factor: f32,
    out: &mut [f32],
) {
    for ((out, e), y) in blocks_mut(out).zip(blocks(e)).zip(blocks(y)) {
        for l in 0..LANES {
            out[l] += factor * (bend[l] * e[l] + slope[l] * y[l]);
        }
    }
}

#[inline(always)]
fn lanes(values: &[f32], mu: usize) -> &[f32; LANES] {
    &values.as_chunks::<LANES>().0[mu]
}

#[inline(always)]
fn blocks(values: &[f32]) -> impl Iterator<Item = &[f32; LANES]> {
    values.as_chunks::<LANES>().0.iter()
}

#[inline(always)]
fn blocks_mut(values: &mut [f32]) -> impl Iterator<Item = &mut [f32; LANES]> {
    values.as_chunks_mut::<LANES>().0.iter_mut()
}
