//! Networks of finite width, trained step by step and extrapolated to infinite width: no equation of the theory enters.

use super::tests::Case;
use crate::dmft::Optimiser;
use crate::numerics::random::{Stream, stream};
use rand_distr::{Distribution, StandardNormal};

const RICHNESS: f64 = 1.0;
const SAMPLES: [[f64; 2]; 2] = [[1.0, 0.0], [0.6, 0.8]];
const TARGETS: [f64; 2] = [1.0, -0.5];
const RATE: f64 = 0.2;
/// `f_1, f_2, H^1 (11, 12, 22), H^2 (11, 12, 22), G^1, G^2`.
type Observed = [f64; 10];

/// A matrix of weights with its velocity.
struct Weights {
    entries: Vec<f64>,
    velocity: Vec<f64>,
}

fn normals(rng: &mut Stream, count: usize) -> impl Iterator<Item = f64> {
    (0..count).map(move |_| StandardNormal.sample(rng))
}

impl Weights {
    fn new(rng: &mut Stream, count: usize) -> Self {
        Weights {
            entries: normals(rng, count).collect(),
            velocity: vec![0.0; count],
        }
    }

    /// `v <- m v + update + sqrt(v_n) xi`, `theta <- (1 - eta wd) theta + v`.
    fn step(&mut self, rng: &mut Stream, rule: &Optimiser, update: impl Fn(usize) -> f64) {
        let pairs = self.entries.iter_mut().zip(&mut self.velocity);
        for (i, (weight, velocity)) in pairs.enumerate() {
            *velocity = rule.momentum * *velocity + update(i);
            if rule.noise > 0.0 {
                let xi: f64 = StandardNormal.sample(rng);
                *velocity += rule.noise.sqrt() * xi;
            }
            *weight = (1.0 - rule.decay) * *weight + *velocity;
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// One network with two hidden layers of `n` neurons, observed after `steps` steps.
fn train(rng: &mut Stream, n: usize, steps: usize, rule: &Optimiser) -> Observed {
    let width = n as f64;
    // Rows of the inner matrix are the neurons of the second layer. Inputs are sqrt(2) x for D = 2.
    let (mut input, mut inner, mut readout) = (
        Weights::new(rng, 2 * n),
        Weights::new(rng, n * n),
        Weights::new(rng, n),
    );
    for step in 0.. {
        let first = SAMPLES
            .map(|x| -> Vec<f64> { input.entries.chunks(2).map(|row| dot(row, &x)).collect() });
        let rows = || inner.entries.chunks(n);
        let second = [0, 1].map(|a| -> Vec<f64> {
            rows()
                .map(|row| dot(row, &first[a]) / width.sqrt())
                .collect()
        });
        let f = [0, 1].map(|a| dot(&readout.entries, &second[a]) / (RICHNESS * width));
        let mut back = vec![0.0; n];
        for (row, w) in rows().zip(&readout.entries) {
            back.iter_mut()
                .zip(row)
                .for_each(|(sum, entry)| *sum += w * entry / width.sqrt());
        }
        if step == steps {
            let kernel = |h: &[Vec<f64>; 2], a: usize, b: usize| dot(&h[a], &h[b]) / width;
            let triangle = |h| [kernel(h, 0, 0), kernel(h, 0, 1), kernel(h, 1, 1)];
            let ([a, b, c], [d, e, g]) = (triangle(&first), triangle(&second));
            let gradients =
                [dot(&back, &back), dot(&readout.entries, &readout.entries)].map(|sum| sum / width);
            return [f[0], f[1], a, b, c, d, e, g, gradients[0], gradients[1]];
        }
        let pull = [0, 1].map(|a| RATE * RICHNESS / 2.0 * (TARGETS[a] - f[a]));
        let old = readout.entries.clone();
        readout.step(rng, rule, |i| {
            pull[0] * second[0][i] + pull[1] * second[1][i]
        });
        inner.step(rng, rule, |k| {
            let (i, j) = (k / n, k % n);
            old[i] * (pull[0] * first[0][j] + pull[1] * first[1][j]) / width.sqrt()
        });
        input.step(rng, rule, |k| {
            let (i, j) = (k / 2, k % 2);
            back[i] * (pull[0] * SAMPLES[0][j] + pull[1] * SAMPLES[1][j])
        });
    }
    unreachable!("the loop returns at the last step")
}

/// Means over networks and their variances.
fn ensemble(n: usize, networks: u64, steps: usize, rule: &Optimiser) -> (Observed, Observed) {
    let (mut sum, mut squares) = ([0.0; 10], [0.0; 10]);
    for network in 0..networks {
        let found = train(
            &mut stream(11, "networks", &[n as u64, network]),
            n,
            steps,
            rule,
        );
        for (i, value) in found.into_iter().enumerate() {
            sum[i] += value;
            squares[i] += value * value;
        }
    }
    let count = networks as f64;
    let mean = sum.map(|sum| sum / count);
    let mut variance = [0.0; 10];
    for i in 0..10 {
        variance[i] = (squares[i] / count - mean[i] * mean[i]) / (count - 1.0);
    }
    (mean, variance)
}

/// `z` of the theory against networks of the widths 16, 32 and 64 without their terms in `1/N` and `1/N^2`.
fn scores(steps: usize, networks: [u64; 3], rule: &Optimiser) -> Observed {
    let case = Case {
        optimiser: rule.clone(),
        rate: RATE / 2.0,
        richness: RICHNESS,
        ..Case::two(2, steps)
    };
    let solution = case.solve();
    let (f, h) = (
        solution.outputs(steps),
        solution.feature_kernels(steps, steps),
    );
    let (h1, h2) = (&h[1], &h[2]);
    let [g1, g2] = [1, 2].map(|l| solution.gradient_kernel(l, steps, steps));
    let theory = [
        f[0],
        f[1],
        h1[(0, 0)],
        h1[(0, 1)],
        h1[(1, 1)],
        h2[(0, 0)],
        h2[(0, 1)],
        h2[(1, 1)],
        g1,
        g2,
    ];
    let weights = [1.0 / 3.0, -2.0, 8.0 / 3.0];
    let (mut limit, mut variance) = ([0.0; 10], [0.0; 10]);
    for ((n, networks), weight) in [16, 32, 64].into_iter().zip(networks).zip(weights) {
        let (mean, squared) = ensemble(n, networks, steps, rule);
        for i in 0..10 {
            limit[i] += weight * mean[i];
            variance[i] += weight * weight * squared[i];
        }
    }
    std::array::from_fn(|i| (limit[i] - theory[i]) / variance[i].sqrt())
}

#[test]
fn trained_networks_extrapolate_to_the_theory() {
    for steps in [1, 5] {
        let z = scores(steps, [2000; 3], &Optimiser::default());
        assert!(z.iter().all(|z| z.abs() < 4.0), "{z:?}");
    }
}

#[test]
fn networks_with_momentum_decay_and_noise_extrapolate_to_the_theory() {
    let rule = Optimiser {
        momentum: 0.5,
        decay: 0.05,
        noise: 0.04,
        ..Optimiser::default()
    };
    for steps in [2, 5] {
        let z = scores(steps, [2000; 3], &rule);
        assert!(z.iter().all(|z| z.abs() < 4.0), "{z:?}");
    }
}
