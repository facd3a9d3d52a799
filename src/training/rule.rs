//! Update rules: how a gradient moves the parameters.

use crate::learner::{Parameters, Real};
use serde::{Deserialize, Serialize};

/// Update rule with its constants. `g` is the gradient, `r` the learning rate of the step (schedule and, but for `Adam`,
/// `rate_scale` included), `d` the weight decay of the block.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Rule {
    /// `w <- w - r (g + d w)`.
    Plain,
    /// Heavy ball, `v <- b v + g + d w`, `w <- w - r v`; with `nesterov` `w <- w - r (g + d w + b v)` after the update of `v`.
    /// Convention of PyTorch: the velocity is not multiplied by `1 - b`, so the effective rate is `r/(1 - b)`.
    Momentum {
        /// `b`, `0 <= b < 1`.
        momentum: f64,
        /// Look-ahead form.
        nesterov: bool,
    },
    /// Adam with decoupled decay (AdamW): `m <- b1 m + (1 - b1) g`, `v <- b2 v + (1 - b2) g^2`,
    /// `w <- w - r (m/(1 - b1^t) / (sqrt(v/(1 - b2^t)) + epsilon) + d w)`. Kingma, Ba 2015 (arXiv:1412.6980); Loshchilov, Hutter 2019
    /// (arXiv:1711.05101).
    Adam {
        /// `b1`
        beta1: f64,
        /// `b2`
        beta2: f64,
        /// Added to the root of the second moment.
        epsilon: f64,
    },
}

impl Rule {
    /// Numbers kept per parameter.
    pub(super) fn moments(self) -> usize {
        match self {
            Rule::Plain => 0,
            Rule::Momentum { .. } => 1,
            Rule::Adam { .. } => 2,
        }
    }
}

/// What a rule remembers between steps.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound = "")]
pub(super) struct Memory<T: Real> {
    rule: Rule,
    /// Velocity, or first moment.
    first: Option<Parameters<T>>,
    /// Second moment.
    second: Option<Parameters<T>>,
    updates: i32,
}

impl<T: Real> Memory<T> {
    pub fn new(rule: Rule, like: &Parameters<T>) -> Self {
        let zeros = || Parameters {
            blocks: like.blocks.iter().map(|b| b * T::zero()).collect(),
        };
        Memory {
            rule,
            first: (rule != Rule::Plain).then(zeros),
            second: matches!(rule, Rule::Adam { .. }).then(zeros),
            updates: 0,
        }
    }

    /// One update; `decay` is read cyclically, one number for all blocks or one per block.
    pub fn update(&mut self, p: &mut Parameters<T>, g: &Parameters<T>, rate: f64, decay: &[f64]) {
        self.updates = self.updates.saturating_add(1);
        let decays = decay.iter().copied().cycle();
        for (l, ((p, g), decay)) in p.blocks.iter_mut().zip(&g.blocks).zip(decays).enumerate() {
            let (p, g) = (p.as_mut_slice(), g.as_slice());
            let first = self.first.as_mut().map(|m| m.blocks[l].as_mut_slice());
            let second = self.second.as_mut().map(|m| m.blocks[l].as_mut_slice());
            let (rule, updates) = (self.rule, self.updates);
            // Compiled for the widest vectors of the processor; nothing is fused, so the bits do not depend on it.
            pulp::Arch::new().dispatch(
                #[inline(always)]
                || match (rule, first, second) {
                    (Rule::Momentum { momentum, nesterov }, Some(v), _) => {
                        heavy_ball(p, g, v, rate, decay, momentum, nesterov);
                    }
                    (
                        Rule::Adam {
                            beta1,
                            beta2,
                            epsilon,
                        },
                        Some(m),
                        Some(v),
                    ) => {
                        let corrections = (1.0 - beta1.powi(updates), 1.0 - beta2.powi(updates));
                        adam(
                            p,
                            g,
                            (m, v),
                            rate,
                            decay,
                            (beta1, beta2, epsilon),
                            corrections,
                        );
                    }
                    _ => plain(p, g, rate, decay),
                },
            );
        }
    }
}

#[inline(always)]
fn plain<T: Real>(p: &mut [T], g: &[T], rate: f64, decay: f64) {
    let (rate, decay) = (T::of(rate), T::of(decay));
    if decay == T::zero() {
        for (p, &g) in p.iter_mut().zip(g) {
            *p -= rate * g;
        }
    } else {
        for (p, &g) in p.iter_mut().zip(g) {
            *p -= rate * (g + decay * *p);
        }
    }
}

#[inline(always)]
fn heavy_ball<T: Real>(
    p: &mut [T],
    g: &[T],
    v: &mut [T],
    rate: f64,
    decay: f64,
    momentum: f64,
    nesterov: bool,
) {
    let (rate, decay, momentum) = (T::of(rate), T::of(decay), T::of(momentum));
    let (now, ahead) = match nesterov {
        true => (T::one(), momentum),
        false => (T::zero(), T::one()),
    };
    for ((p, &g), v) in p.iter_mut().zip(g).zip(v) {
        let g = g + decay * *p;
        *v = momentum * *v + g;
        *p -= rate * (now * g + ahead * *v);
    }
}

#[inline(always)]
fn adam<T: Real>(
    p: &mut [T],
    g: &[T],
    (m, v): (&mut [T], &mut [T]),
    rate: f64,
    decay: f64,
    (beta1, beta2, epsilon): (f64, f64, f64),
    corrections: (f64, f64),
) {
    let (b1, b2) = (T::of(beta1), T::of(beta2));
    let (c1, c2) = (T::of(1.0 - beta1), T::of(1.0 - beta2));
    let (first, second) = (T::of(rate / corrections.0), T::of(1.0 / corrections.1));
    let (shrink, epsilon) = (T::of(rate * decay), T::of(epsilon));
    for (((p, &g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
        *m = b1 * *m + c1 * g;
        *v = b2 * *v + c2 * g * g;
        *p -= first * *m / ((*v * second).sqrt() + epsilon) + shrink * *p;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::DMatrix;

    /// Trajectory of one parameter in the potential `h w^2/2` from `w = 1`.
    fn roll(rule: Rule, rate: f64, decay: f64, h: f64, steps: usize) -> Vec<f64> {
        let mut p = Parameters {
            blocks: vec![DMatrix::from_element(1, 1, 1.0)],
        };
        let mut memory = Memory::new(rule, &p);
        let mut path = vec![1.0];
        for _ in 0..steps {
            let g = Parameters {
                blocks: vec![&p.blocks[0] * h],
            };
            memory.update(&mut p, &g, rate, &[decay]);
            path.push(p.blocks[0][0]);
        }
        path
    }

    #[test]
    fn decay_shifts_the_curvature() {
        for (k, w) in roll(Rule::Plain, 0.1, 0.5, 2.0, 20).iter().enumerate() {
            assert!((w - 0.75f64.powi(k as i32)).abs() < 1e-15);
        }
    }

    /// Heavy ball on a quadratic: `w_{n+1} = (1 + b - r h) w_n - b w_{n-1}`, so the characteristic roots have modulus `sqrt(b)` where
    /// they are complex. Nesterov: `w_{n+1} = (1 - r h)((1 + b) w_n - b w_{n-1})`.
    #[test]
    fn momentum_obeys_its_two_step_recursion() {
        let (b, r, h) = (0.8, 0.05, 1.5);
        for (nesterov, second) in [(false, 1.0), (true, 1.0 - r * h)] {
            let rule = Rule::Momentum {
                momentum: b,
                nesterov,
            };
            let path = roll(rule, r, 0.0, h, 40);
            for w in path.windows(3).skip(1) {
                let expected = match nesterov {
                    false => (1.0 + b - r * h) * w[1] - b * w[0],
                    true => second * ((1.0 + b) * w[1] - b * w[0]),
                };
                assert!((w[2] - expected).abs() < 1e-14, "{nesterov}: {w:?}");
            }
        }
    }

    #[test]
    fn adam_starts_with_steps_of_the_learning_rate_and_decays_apart() {
        let rule = Rule::Adam {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-12,
        };
        // The corrected moments of the first gradient are g and g^2, whatever its size.
        for h in [1e-3, 1.0, 1e3] {
            let path = roll(rule, 0.01, 0.0, h, 1);
            assert!((path[1] - 0.99).abs() < 1e-8, "{path:?}");
            let decayed = roll(rule, 0.01, 0.5, h, 1);
            assert!((decayed[1] - 0.985).abs() < 1e-8);
        }
        // Against a direct transcription of the algorithm.
        let (mut w, mut m, mut v) = (1.0f64, 0.0f64, 0.0f64);
        let path = roll(rule, 0.03, 0.0, 2.0, 30);
        for t in 1..=30 {
            let g = 2.0 * w;
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            w -= 0.03 * (m / (1.0 - 0.9f64.powi(t)))
                / ((v / (1.0 - 0.999f64.powi(t))).sqrt() + 1e-12);
            assert!((path[t as usize] - w).abs() < 1e-13);
        }
    }
}
