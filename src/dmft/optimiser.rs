//! Rules of descent that are linear in past gradients: momentum, weight decay, noise, mini-batches.

use crate::error::{Error, Result};

/// `v <- m v + update + sqrt(v_n) xi`, `theta <- (1 - eta wd) theta + v`; plain gradient descent has all of it at zero.
///
/// ```text
/// W(t) = W_random(t) + sum_{s<t} kappa(t,s) update(s)
/// <W_random(t) W_random(s)> = S_W(t,s) = s2 w(t) w(s) + s_n(t,s)
/// ```
///
/// holds for every such rule, with the functions of time that [`Optimiser::memory`] gives. Adam is no such rule.
#[derive(Debug, Clone, Default)]
pub struct Optimiser {
    /// Momentum `m` of the velocity, in [0, 1).
    pub momentum: f64,
    /// Decay `eta wd` of the weights in one step (the learning rate is a factor of it), in [0, 1).
    pub decay: f64,
    /// Whether the decay acts on the weights or enters the velocity.
    pub decay_enters: Decay,
    /// Variance `v_n` of the noise that each weight gets in a step.
    pub noise: f64,
    /// Whether the noise enters the velocity or the weights.
    pub noise_enters: Noise,
    /// The samples of each step's batch, T lists; `None` takes all samples in every step.
    pub batches: Option<Vec<Vec<usize>>>,
}

/// Where weight decay acts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Decay {
    /// `theta <- (1 - eta wd) theta + v` (decoupled).
    #[default]
    Weights,
    /// `v <- m v + update - eta wd theta`, `theta <- theta + v`.
    Velocity,
}

/// Where the noise of a step enters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Noise {
    /// With the update, hence into the velocity.
    #[default]
    Velocity,
    /// Into the weights, after the step.
    Weights,
}

impl Optimiser {
    /// Whether the rule is gradient descent without momentum, decay and noise; batches are free.
    pub fn is_plain(&self) -> bool {
        self.momentum == 0.0 && self.decay == 0.0 && self.noise == 0.0
    }

    /// One step of a weight and its velocity under an `update` and a `kick` of the noise, each added as this rule says.
    pub fn step(&self, weight: &mut f64, velocity: &mut f64, update: f64, kick: f64) {
        let (push, shove) = match self.noise_enters {
            Noise::Velocity => (update + kick, 0.0),
            Noise::Weights => (update, kick),
        };
        *velocity = self.momentum * *velocity + push;
        match self.decay_enters {
            Decay::Weights => *weight = (1.0 - self.decay) * *weight + *velocity,
            Decay::Velocity => {
                *velocity -= self.decay * *weight;
                *weight += *velocity;
            }
        }
        *weight += shove;
    }

    /// What the weights remember after 0 to `steps` steps: the response to an update, to the start and to the noise.
    ///
    /// The response is followed through [`Optimiser::step`] itself, so that every alternative of the rule has its own
    /// numbers. Cost: `O(T)`, and `O(T^2)` time and memory with noise.
    pub fn memory(&self, steps: usize) -> Memory {
        let response = |weight: f64, update: f64, kick: f64| {
            let (mut weight, mut velocity) = (weight, 0.0);
            let mut path = vec![weight];
            for step in 0..steps {
                let first = if step == 0 { 1.0 } else { 0.0 };
                self.step(&mut weight, &mut velocity, first * update, first * kick);
                path.push(weight);
            }
            path
        };
        let times = steps + 1;
        let mut noise = Vec::new();
        if self.noise > 0.0 {
            let kicked = response(0.0, 0.0, 1.0);
            noise = vec![0.0; times * times];
            // s_n(t,s) = v_n sum_{k < min(t,s)} n(t-k) n(s-k): the pair one step earlier, and the kick of step 0.
            for t in 1..times {
                for s in 1..times {
                    let before = noise[(t - 1) * times + s - 1];
                    noise[t * times + s] = before + self.noise * kicked[t] * kicked[s];
                }
            }
        }
        Memory {
            carry: response(0.0, 1.0, 0.0),
            weight: response(1.0, 0.0, 0.0),
            noise,
        }
    }

    /// The errors as the update of a step sees them: `(P/B) b_a Delta_a`, with `b_a = 1` in the batch and 0 outside.
    ///
    /// `errors` holds `Delta_a = y_a - f_a` of the P training samples; further samples are never learned.
    pub fn driven(&self, step: usize, errors: &[f64]) -> Vec<f64> {
        match &self.batches {
            None => errors.to_vec(),
            Some(batches) => {
                let batch = &batches[step];
                let factor = errors.len() as f64 / batch.len() as f64;
                let mut driven = vec![0.0; errors.len()];
                for &sample in batch {
                    driven[sample] = factor * errors[sample];
                }
                driven
            }
        }
    }

    /// Whether the numbers are in their ranges, for `samples` training samples and a number of steps.
    ///
    /// # Errors
    /// `Input` with the name of the field.
    pub fn check(&self, samples: usize, steps: usize) -> Result<()> {
        let within = |place: &str, value: f64| {
            if (0.0..1.0).contains(&value) {
                return Ok(());
            }
            let cause = format!("{value} is not in [0, 1)");
            Err(Error::input(
                place,
                cause,
                "give a number from 0 up to, but not, 1",
            ))
        };
        within("momentum", self.momentum)?;
        within("decay", self.decay)?;
        if !(self.noise.is_finite() && self.noise >= 0.0) {
            let cause = format!("a variance of {}", self.noise);
            return Err(Error::input("noise", cause, "give a finite number >= 0"));
        }
        let Some(batches) = &self.batches else {
            return Ok(());
        };
        if batches.len() < steps {
            let cause = format!("{} batches for {steps} steps", batches.len());
            return Err(Error::input(
                "batches",
                cause,
                "give one list of samples for every step",
            ));
        }
        for (step, batch) in batches.iter().take(steps).enumerate() {
            let mut seen = vec![false; samples];
            for &sample in batch {
                let cause = match seen.get_mut(sample) {
                    Some(seen) if !*seen => {
                        *seen = true;
                        continue;
                    }
                    Some(_) => format!("the batch of step {step} has sample {sample} twice"),
                    None => {
                        format!("the batch of step {step} has sample {sample} of {samples} samples")
                    }
                };
                return Err(Error::input(
                    "batches",
                    cause,
                    "name training samples from 0 on, each once in a batch",
                ));
            }
            if batch.is_empty() {
                let cause = format!("the batch of step {step} is empty");
                return Err(Error::input(
                    "batches",
                    cause,
                    "give every step at least one sample",
                ));
            }
        }
        Ok(())
    }
}

/// What the weights at a time still hold of an earlier update, of the start and of the noise.
///
/// ```text
/// kappa(t,s)  weight at t after a unit update in step s, from 0; 0 for s >= t and 1 for s = t - 1
/// w(t)        weight at t without updates, from 1
/// s_n(t,s)    v_n sum_{k < min(t,s)} n(t-k) n(s-k),  n the response to the noise of one step
/// ```
///
/// Gradient descent: `kappa = w = 1`; decay on the weights: `w = (1 - eta wd)^t`, `kappa = (1 - eta wd)^{t-1-s}`;
/// momentum: `kappa = (1 - m^{t-s})/(1 - m)`, `w = 1`.
///
/// ```
/// use saddlepoint::dmft::Optimiser;
/// let memory = Optimiser { momentum: 0.5, ..Optimiser::default() }.memory(10);
/// assert!((memory.carry(3, 0) - (1.0 - 0.125) / 0.5).abs() < 1e-15);
/// assert_eq!(memory.weight(10), 1.0);
/// ```
#[derive(Debug, Clone)]
pub struct Memory {
    /// By the lag `t - s`.
    carry: Vec<f64>,
    weight: Vec<f64>,
    /// Row by row; empty without noise.
    noise: Vec<f64>,
}

impl Memory {
    /// `kappa(t,s)`: what the weights at `t` hold of the update of step `s`.
    pub fn carry(&self, t: usize, s: usize) -> f64 {
        if s < t { self.carry[t - s] } else { 0.0 }
    }

    /// `w(t)`: what the weights at `t` hold of their start.
    pub fn weight(&self, t: usize) -> f64 {
        self.weight[t]
    }

    /// `s_n(t,s)`: covariance of the noise that the weights hold at two times.
    pub fn noise(&self, t: usize, s: usize) -> f64 {
        if self.noise.is_empty() {
            0.0
        } else {
            self.noise[t * self.weight.len() + s]
        }
    }

    /// `S_W(t,s) = s2 w(t) w(s) + s_n(t,s)`: covariance of the random part of a weight that starts with the `variance`
    /// s2.
    pub fn covariance(&self, variance: f64, t: usize, s: usize) -> f64 {
        variance * self.weight[t] * self.weight[s] + self.noise(t, s)
    }

    /// Writes `S_W(t,s)` for `s = 0, 1, ..` into `row`.
    pub fn covariances(&self, variance: f64, t: usize, row: &mut [f64]) {
        let factor = variance * self.weight[t];
        for (value, weight) in row.iter_mut().zip(&self.weight) {
            *value = factor * weight;
        }
        if !self.noise.is_empty() {
            let noise = &self.noise[t * self.weight.len()..];
            for (value, noise) in row.iter_mut().zip(noise) {
                *value += noise;
            }
        }
    }
}

#[cfg(test)]
#[path = "optimiser_tests.rs"]
mod tests;
