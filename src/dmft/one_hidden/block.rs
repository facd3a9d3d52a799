//! One step of the dynamics of a neuron, for a block of neurons at once.

use super::dynamics::Dynamics;
use super::points::Source;
use crate::dmft::{Decay, Noise};
use crate::numerics::linalg::{Factor, Gemm};
use crate::numerics::simd::{total, vectorised};

/// Neurons that are moved together: columns of neurons, one after the other.
pub(super) struct Block {
    /// Neurons.
    pub(super) count: usize,
    /// Weight of every neuron in averages.
    pub(super) weights: Vec<f64>,
    /// `b` (r columns), then `z`.
    pub(super) position: Vec<f64>,
    velocity: Vec<f64>,
    /// `phi(h)` of every sample.
    pub(super) feature: Vec<f64>,
    /// `phi'(h)` of every sample.
    pub(super) slope: Vec<f64>,
}

impl Block {
    /// The block of a source at the start of training.
    pub(super) fn start(dynamics: &Dynamics, source: &Source, index: usize) -> Block {
        let (mut position, weights) = source.start(index);
        let count = weights.len();
        let (inner, outer) = position.split_at_mut(count * dynamics.frame.rank);
        inner.iter_mut().for_each(|b| *b *= dynamics.deviations[0]);
        outer.iter_mut().for_each(|z| *z *= dynamics.deviations[1]);
        Block::at(dynamics, position, weights)
    }

    /// Neurons at these positions, at rest.
    pub(super) fn at(dynamics: &Dynamics, position: Vec<f64>, weights: Vec<f64>) -> Block {
        let count = weights.len();
        let velocity = if dynamics.has_velocity() {
            position.len()
        } else {
            0
        };
        Block {
            count,
            weights,
            velocity: vec![0.0; velocity],
            feature: vec![0.0; count * dynamics.frame.samples],
            slope: vec![1.0; count * dynamics.frame.samples],
            position,
        }
    }

    /// Read-out weights `z`.
    pub(super) fn readout(&self) -> &[f64] {
        &self.position[self.position.len() - self.count..]
    }

    /// `h = F b`, one column of neurons per sample.
    pub(super) fn preactivations(&self, dynamics: &Dynamics, out: &mut [f64]) {
        let frame = &dynamics.frame;
        let inner = &self.position[..self.count * frame.rank];
        f64::gemm(
            1.0,
            Factor::new(inner, self.count, frame.rank),
            Factor::new(&frame.factor, frame.samples, frame.rank).t(),
            out,
        );
    }

    /// Computes `phi(h)` and `phi'(h)` from the position.
    pub(super) fn read(&mut self, dynamics: &Dynamics) {
        let mut feature = std::mem::take(&mut self.feature);
        self.preactivations(dynamics, &mut feature);
        dynamics.activation.apply(&mut feature, &mut self.slope);
        self.feature = feature;
    }

    /// This block's part of `f = <z phi(h)>/gamma_0`, one number per sample.
    pub(super) fn outputs(&self, dynamics: &Dynamics) -> Vec<f64> {
        let weighted: Vec<f64> = self
            .readout()
            .iter()
            .zip(&self.weights)
            .map(|(z, w)| z * w)
            .collect();
        vectorised(
            #[inline(always)]
            || {
                let columns = self.feature.chunks_exact(self.count);
                columns
                    .map(|phi| total(phi, &weighted, |a, b| a * b) / dynamics.richness)
                    .collect()
            },
        )
    }

    /// One step of descent, all weights at once:
    ///
    /// ```text
    /// u_b = z sum_a F_a c_a phi'(h_a),   u_z = sum_a c_a phi(h_a),   c_a = gamma_0 q (P/B) Delta_a
    /// v <- m v + u (- decay theta) (+ noise),   theta <- (1 - decay) theta + v (+ noise)
    /// ```
    ///
    /// The brackets of decay and noise stand where the rule says they enter. Noise is independent for every neuron.
    pub(super) fn advance(&mut self, dynamics: &Dynamics, drive: &[f64], noise: Option<&[f64]>) {
        let (frame, optimiser, count) = (&dynamics.frame, &dynamics.optimiser, self.count);
        let trained = frame.trained;
        // c_a F_a: P x r.
        let mut pull = vec![0.0; trained * frame.moved];
        for (column, pull) in pull.chunks_exact_mut(trained).enumerate() {
            let factor = &frame.factor[column * frame.samples..];
            pull.iter_mut()
                .zip(factor)
                .zip(drive)
                .for_each(|((p, f), c)| *p = f * c);
        }
        let mut update = vec![0.0; self.position.len()];
        let (inner, outer) = update.split_at_mut(count * frame.rank);
        let columns = |all: &[f64]| -> usize { all.len().min(count * trained) };
        let slope = &self.slope[..columns(&self.slope)];
        let inner = &mut inner[..count * frame.moved];
        f64::gemm(
            1.0,
            Factor::new(slope, count, trained),
            Factor::new(&pull, trained, frame.moved),
            inner,
        );
        let readout = &self.position[self.position.len() - count..];
        let feature = &self.feature[..columns(&self.feature)];
        f64::gemm(
            1.0,
            Factor::new(feature, count, trained),
            Factor::new(drive, trained, 1),
            outer,
        );
        vectorised(
            #[inline(always)]
            || {
                for column in inner.chunks_exact_mut(count) {
                    column.iter_mut().zip(readout).for_each(|(u, z)| *u *= z);
                }
            },
        );
        let spread = optimiser.noise.sqrt();
        let (kept, pulled) = match optimiser.decay_enters {
            Decay::Weights => (1.0 - optimiser.decay, 0.0),
            Decay::Velocity => (1.0, optimiser.decay),
        };
        if let Some(noise) = noise.filter(|_| optimiser.noise_enters == Noise::Velocity) {
            update
                .iter_mut()
                .zip(noise)
                .for_each(|(u, x)| *u += spread * x);
        }
        vectorised(
            #[inline(always)]
            || {
                if self.velocity.is_empty() {
                    for (x, u) in self.position.iter_mut().zip(&update) {
                        *x = (kept - pulled) * *x + u;
                    }
                } else {
                    let moving = self.position.iter_mut().zip(&mut self.velocity);
                    for ((x, v), u) in moving.zip(&update) {
                        *v = optimiser.momentum * *v + u - pulled * *x;
                        *x = kept * *x + *v;
                    }
                }
            },
        );
        if let Some(noise) = noise.filter(|_| optimiser.noise_enters == Noise::Weights) {
            self.position
                .iter_mut()
                .zip(noise)
                .for_each(|(x, n)| *x += spread * n);
        }
    }
}
