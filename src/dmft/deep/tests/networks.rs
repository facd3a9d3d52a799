//! Networks of finite width, trained step by step and extrapolated to infinite width: no equation of the theory enters.

use super::*;
use crate::numerics::normal;
use crate::numerics::random::{Stream, stream};
use rayon::prelude::*;

/// Two training samples, then a test sample; inputs are sqrt(2) x for D = 2.
const SAMPLES: [[f64; 2]; 3] = [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]];

/// A matrix of weights with its velocity.
struct Weights {
    entries: Vec<f64>,
    velocity: Vec<f64>,
}

impl Weights {
    fn new(rng: &mut Stream, count: usize, variance: f64) -> Self {
        let mut entries = vec![0.0; count];
        normal::fill(rng, &mut entries);
        entries.iter_mut().for_each(|w| *w *= variance.sqrt());
        Weights {
            entries,
            velocity: vec![0.0; count],
        }
    }

    /// `v <- m v + update + sqrt(v_n) xi`, `theta <- (1 - eta wd) theta + v`.
    fn step(&mut self, rng: &mut Stream, rule: &Optimiser, update: impl Fn(usize) -> f64) {
        let mut noise = vec![
            0.0;
            if rule.noise > 0.0 {
                self.entries.len()
            } else {
                0
            }
        ];
        normal::fill(rng, &mut noise);
        for (i, (weight, velocity)) in self.entries.iter_mut().zip(&mut self.velocity).enumerate() {
            let kick = rule.noise.sqrt() * noise.get(i).unwrap_or(&0.0);
            *velocity = rule.momentum * *velocity + update(i) + kick;
            *weight = (1.0 - rule.decay) * *weight + *velocity;
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// One network, of tanh or relu, with hidden layers of `n` neurons: outputs of all samples after all steps, then 11,
/// 12 and 22 of every `Phi^l` and every `G^l`.
fn train(rng: &mut Stream, n: usize, case: &Case) -> Vec<f64> {
    let (width, depth) = (n as f64, case.variances.len() - 1);
    let rule = &case.optimiser;
    let mut input = Weights::new(rng, 2 * n, case.variances[0]);
    let inner = case.variances[1..depth].iter();
    let mut inner: Vec<Weights> = inner.map(|&s2| Weights::new(rng, n * n, s2)).collect();
    let mut readout = Weights::new(rng, n, case.variances[depth]);
    for step in 0.. {
        let first = SAMPLES.map(|x| -> Vec<f64> {
            input
                .entries
                .chunks(2)
                .map(|row| case.activation.value(dot(row, &x)))
                .collect()
        });
        let mut features = vec![first];
        for weights in &inner {
            let below = &features[features.len() - 1];
            let above = [0, 1, 2].map(|a| -> Vec<f64> {
                let rows = weights.entries.chunks(n);
                rows.map(|row| case.activation.value(dot(row, &below[a]) / width.sqrt()))
                    .collect()
            });
            features.push(above);
        }
        let top = &features[depth - 1];
        let f = [0, 1, 2].map(|a| dot(&readout.entries, &top[a]) / (case.richness * width));
        let slope = |phi: &[f64], z: &[f64]| -> Vec<f64> {
            let pairs = phi.iter().zip(z);
            match case.activation {
                Activation::Relu => pairs
                    .map(|(&phi, z)| if phi > 0.0 { *z } else { 0.0 })
                    .collect(),
                _ => pairs.map(|(phi, z)| (1.0 - phi * phi) * z).collect(),
            }
        };
        let mut gradients = vec![[0, 1].map(|a| slope(&top[a], &readout.entries))];
        for (l, weights) in inner.iter().enumerate().rev() {
            let above = &gradients[gradients.len() - 1];
            let below = [0, 1].map(|a| {
                let mut back = vec![0.0; n];
                for (row, g) in weights.entries.chunks(n).zip(&above[a]) {
                    back.iter_mut()
                        .zip(row)
                        .for_each(|(sum, w)| *sum += g * w / width.sqrt());
                }
                slope(&features[l][a], &back)
            });
            gradients.push(below);
        }
        gradients.reverse();
        if step == case.steps {
            let corner =
                |a: &[f64], b: &[f64]| [dot(a, a), dot(a, b), dot(b, b)].map(|x| x / width);
            let phi = features.iter().flat_map(|phi| corner(&phi[0], &phi[1]));
            let g = gradients.iter().flat_map(|g| corner(&g[0], &g[1]));
            return f.into_iter().chain(phi).chain(g).collect();
        }
        let pull = [0, 1].map(|a| case.rate * case.richness * (case.targets[a] - f[a]));
        let top = &features[depth - 1];
        readout.step(rng, rule, |i| pull[0] * top[0][i] + pull[1] * top[1][i]);
        for (l, weights) in inner.iter_mut().enumerate() {
            let (phi, g) = (&features[l], &gradients[l + 1]);
            weights.step(rng, rule, |k| {
                let (i, j) = (k / n, k % n);
                (pull[0] * g[0][i] * phi[0][j] + pull[1] * g[1][i] * phi[1][j]) / width.sqrt()
            });
        }
        let g = &gradients[0];
        input.step(rng, rule, |k| {
            let (i, j) = (k / 2, k % 2);
            pull[0] * g[0][i] * SAMPLES[0][j] + pull[1] * g[1][i] * SAMPLES[1][j]
        });
    }
    unreachable!("the loop returns at the last step")
}

/// Means over networks and the variances of these means.
fn ensemble(n: usize, networks: u64, case: &Case) -> Vec<(f64, f64)> {
    let seeds = (0..networks).into_par_iter();
    let key = |i: u64| stream(5, "deep networks", &[n as u64, i]);
    let all: Vec<_> = seeds.map(|i| train(&mut key(i), n, case)).collect();
    let count = networks as f64;
    let of = |k: usize| {
        let mean = all.iter().map(|found| found[k]).sum::<f64>() / count;
        let squares = all
            .iter()
            .map(|found| (found[k] - mean).powi(2))
            .sum::<f64>();
        (mean, squares / (count * (count - 1.0)))
    };
    (0..all[0].len()).map(of).collect()
}

/// `z` of the theory against networks of the widths 32, 64 and 128 without their terms in `1/N` and `1/N^2`.
fn scores(mut case: Case, networks: [u64; 3]) -> Vec<f64> {
    case.settings.samples = 1400;
    case.add_test_sample(&[0.0, 0.8], 1.0);
    let (solution, t) = (case.solve(), case.steps);
    let layers = 1..=solution.depth();
    let mut theory = vec![solution.outputs(t)];
    theory.extend(
        layers
            .clone()
            .map(|l| corner(&solution.feature_kernel(l, t, t))),
    );
    theory.extend(layers.map(|l| corner(&solution.gradient_kernel(l, t, t))));
    let means = theory
        .iter()
        .flat_map(|sampled| sampled.mean.iter().copied());
    let mut difference: Vec<f64> = means.map(|mean| -mean).collect();
    let errors = theory.iter().flat_map(|sampled| sampled.stderr.iter());
    let mut variance: Vec<f64> = errors.map(|error| error * error).collect();
    let weights = [1.0 / 3.0, -2.0, 8.0 / 3.0];
    for ((n, networks), weight) in [32, 64, 128].into_iter().zip(networks).zip(weights) {
        for (k, (mean, squared)) in ensemble(n, networks, &case).into_iter().enumerate() {
            difference[k] += weight * mean;
            variance[k] += weight * weight * squared;
        }
    }
    difference
        .iter()
        .zip(variance)
        .map(|(d, v)| d / v.sqrt())
        .collect()
}

#[test]
fn trained_networks_extrapolate_to_the_theory() {
    let case = Case::two(Activation::Tanh, 2, 1.2, 0.5, 8);
    let z = scores(case, [800, 400, 300]);
    assert!(z.iter().all(|z| z.abs() < 4.0), "{z:.1?}");
}

/// Three hidden layers with weights of different variances, so that each term of a response at equal times counts.
#[test]
fn deeper_networks_extrapolate_to_the_theory() {
    let mut case = Case::two(Activation::Tanh, 3, 1.5, 0.6, 4);
    case.variances = vec![1.5, 3.0, 2.5, 1.5];
    let z = scores(case, [600, 400, 300]);
    assert!(z.iter().all(|z| z.abs() < 4.0), "{z:.1?}");
}

#[test]
fn networks_with_momentum_decay_and_noise_extrapolate_to_the_theory() {
    let mut case = Case::two(Activation::Tanh, 2, 1.2, 0.5, 5);
    case.optimiser = Optimiser {
        momentum: 0.5,
        decay: 0.05,
        noise: 0.02,
        ..Optimiser::default()
    };
    let z = scores(case, [800, 400, 200]);
    assert!(z.iter().all(|z| z.abs() < 4.0), "{z:.1?}");
}

/// Relu, whose responses come from Stein's form.
#[test]
fn relu_networks_extrapolate_to_the_theory() {
    for depth in [2, 3] {
        let case = Case::two(Activation::Relu, depth, 1.2, 0.4, 6);
        let z = scores(case, [500, 250, 150]);
        assert!(z.iter().all(|z| z.abs() < 4.0), "{z:.1?}");
    }
}
