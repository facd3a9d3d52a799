//! Linear networks: neurons stay Gaussian, and their covariance obeys a closed recursion.

use super::dynamics::Dynamics;
use super::observe::ORDERS;
use super::sampled::push_sum;
use crate::dmft::{Decay, Noise};
use crate::error::Result;
use crate::numerics::elementary::normal_cdf;
use nalgebra::DMatrix;

/// The law of a neuron `x = (b, z)`, with momentum `x = (b, z, v_b, v_z)`, at all times.
///
/// ```text
/// x(t+1) = A(t) x(t) + noise,   C(t+1) = A C A^T + v_n N
/// f_mu(t) = <z h_mu>/gamma_0 = sum_k F_{mu k} C_{k z}(t)/gamma_0
/// ```
///
/// `A(t)` holds the pull `w = F^T c` between `b` and `z`, and what the optimiser does; `N` is the unit matrix where
/// the noise enters. Two times: `<x(t) x(s)^T> = A(t-1) ... A(s) C(s)` for `t >= s`. Cost O(T (r + 1)^3).
pub(super) struct Covariance {
    /// `A(t)`, T of them.
    steps: Vec<DMatrix<f64>>,
    /// `C(t)` at the times `0 ..= T`.
    laws: Vec<DMatrix<f64>>,
}

impl Covariance {
    /// The law, and the outputs at the times `0 ..= T`.
    pub(super) fn solve(dynamics: &Dynamics) -> Result<(Covariance, Vec<f64>)> {
        let (frame, optimiser) = (&dynamics.frame, &dynamics.optimiser);
        let axes = dynamics.axes();
        let moving = dynamics.has_velocity();
        let size = if moving { 2 * axes } else { axes };
        let [inner, outer] = dynamics.deviations.map(|d| d * d);
        let mut law = DMatrix::zeros(size, size);
        for axis in 0..axes {
            law[(axis, axis)] = if axis == frame.rank { outer } else { inner };
        }
        let (kept, pulled) = match optimiser.decay_enters {
            Decay::Weights => (1.0 - optimiser.decay, 0.0),
            Decay::Velocity => (1.0, optimiser.decay),
        };
        let mut all = Covariance {
            steps: Vec::new(),
            laws: Vec::new(),
        };
        let mut outputs = Vec::new();
        for time in 0..=dynamics.steps {
            let now = all.read(dynamics, &law);
            push_sum(dynamics, &[now], &mut outputs, time)?;
            all.laws.push(law.clone());
            if time == dynamics.steps {
                break;
            }
            let drive = dynamics.drive(time, &outputs[time * frame.samples..]);
            let mut pull = DMatrix::identity(axes, axes) * -pulled;
            for axis in 0..frame.moved {
                let column = &frame.factor[axis * frame.samples..];
                let w: f64 = column.iter().zip(&drive).map(|(f, c)| f * c).sum();
                pull[(axis, frame.rank)] = w;
                pull[(frame.rank, axis)] = w;
            }
            let mut step = DMatrix::zeros(size, size);
            let stay = DMatrix::identity(axes, axes) * kept;
            step.view_mut((0, 0), (axes, axes))
                .copy_from(&(stay + &pull));
            if moving {
                let memory = DMatrix::identity(axes, axes) * optimiser.momentum;
                step.view_mut((0, axes), (axes, axes)).copy_from(&memory);
                step.view_mut((axes, 0), (axes, axes)).copy_from(&pull);
                step.view_mut((axes, axes), (axes, axes)).copy_from(&memory);
            }
            law = &step * law * step.transpose();
            for axis in 0..axes {
                law[(axis, axis)] += optimiser.noise;
                if moving && optimiser.noise_enters == Noise::Velocity {
                    law[(axes + axis, axes + axis)] += optimiser.noise;
                    law[(axis, axes + axis)] += optimiser.noise;
                    law[(axes + axis, axis)] += optimiser.noise;
                }
            }
            all.steps.push(step);
        }
        Ok((all, outputs))
    }

    fn read(&self, dynamics: &Dynamics, law: &DMatrix<f64>) -> Vec<f64> {
        let frame = &dynamics.frame;
        let factor = &frame.factor;
        let read = |sample: usize| -> f64 {
            (0..frame.rank)
                .map(|k| factor[k * frame.samples + sample] * law[(k, frame.rank)])
                .sum()
        };
        (0..frame.samples)
            .map(|sample| read(sample) / dynamics.richness)
            .collect()
    }

    /// `<x(t) x(s)^T>` for `t >= s`.
    fn between(&self, later: usize, earlier: usize) -> DMatrix<f64> {
        (earlier..later).fold(self.laws[earlier].clone(), |law, time| {
            &self.steps[time] * law
        })
    }

    /// `H(t, s)` and `G(t, s)`, samples x samples.
    fn kernels(&self, dynamics: &Dynamics, later: usize, earlier: usize) -> (DMatrix<f64>, f64) {
        let frame = &dynamics.frame;
        let law = self.between(later, earlier);
        let factor = DMatrix::from_column_slice(frame.samples, frame.rank, &frame.factor);
        let inner = law.view((0, 0), (frame.rank, frame.rank));
        (
            &factor * inner * factor.transpose(),
            law[(frame.rank, frame.rank)],
        )
    }

    /// `Phi(t, t)` of all chosen times, then `G(t, t)`.
    pub(super) fn equal_time(&self, dynamics: &Dynamics, times: &[usize]) -> Vec<f64> {
        let (mut feature, mut gradient) = (Vec::new(), Vec::new());
        for &time in times {
            let (kernel, readout) = self.kernels(dynamics, time, time);
            feature.extend_from_slice(kernel.as_slice());
            gradient.extend(std::iter::repeat_n(readout, kernel.len()));
        }
        feature.extend(gradient);
        feature
    }

    /// `Phi(t, s)` of all pairs of the chosen times, then `G(t, s)`.
    pub(super) fn two_time(&self, dynamics: &Dynamics, times: &[usize]) -> Vec<f64> {
        let samples = dynamics.frame.samples;
        let size = times.len() * samples;
        let mut all = vec![0.0; 2 * size * size];
        let (feature, gradient) = all.split_at_mut(size * size);
        for (i, &later) in times.iter().enumerate() {
            for (j, &earlier) in times[..=i].iter().enumerate() {
                let (kernel, readout) = self.kernels(dynamics, later, earlier);
                for mu in 0..samples {
                    for nu in 0..samples {
                        let (row, column) = (i * samples + mu, j * samples + nu);
                        for place in [row * size + column, column * size + row] {
                            feature[place] = kernel[(mu, nu)];
                            gradient[place] = readout;
                        }
                    }
                }
            }
        }
        all
    }

    /// Variances of every `h_mu`, then of `z`.
    fn variances(&self, dynamics: &Dynamics, time: usize) -> Vec<f64> {
        let (kernel, readout) = self.kernels(dynamics, time, time);
        kernel.diagonal().iter().copied().chain([readout]).collect()
    }

    /// Shares of the neurons between the edges, as [`super::observe::Shares`] has them.
    pub(super) fn shares(&self, dynamics: &Dynamics, times: &[usize], edges: &[f64]) -> Vec<f64> {
        let mut all = Vec::new();
        for &time in times {
            for variance in self.variances(dynamics, time) {
                let below = |edge: f64| match variance > 0.0 {
                    true => normal_cdf(edge / variance.sqrt()).0,
                    false => f64::from(u8::from(edge > 0.0)),
                };
                all.extend(edges.windows(2).map(|pair| below(pair[1]) - below(pair[0])));
            }
        }
        all
    }

    /// Moments of every variable, as [`super::observe::Powers`] has them.
    pub(super) fn moments(&self, dynamics: &Dynamics, times: &[usize]) -> Vec<f64> {
        let mut all = Vec::with_capacity(times.len() * ORDERS);
        for &time in times {
            for variance in self.variances(dynamics, time) {
                all.extend([0.0, variance, 0.0, 3.0 * variance * variance]);
            }
        }
        all
    }
}
