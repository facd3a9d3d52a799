//! Networks of finite width, trained by descent on their weights, extrapolated to infinite width.

use super::*;
use crate::numerics::normal;
use crate::numerics::random::stream;
use crate::numerics::statistics::mean_variance;

const WIDTHS: [usize; 3] = [32, 64, 128];

/// The outputs of one network at the times `0 ..= T`: `f = w . phi(W x/sqrt D)/(gamma_0 N)`, weights moved by `-eta
/// gamma_0^2 N` times the gradient of the loss, spelled out here for inputs in two dimensions.
fn network(case: &Case, inputs: &[[f64; 2]; 2], width: usize, seed: u64) -> Vec<f64> {
    let mut rng = stream(seed, "network", &[width as u64]);
    let mut weights = vec![0.0; 3 * width];
    normal::fill(&mut rng, &mut weights);
    let mut velocity = vec![0.0; 3 * width];
    let mut noise = vec![0.0; 3 * width];
    let optimiser = &case.optimiser;
    let mut all = Vec::new();
    for time in 0..=case.steps {
        let mut outputs = [0.0; 2];
        let mut gradient = vec![0.0; 3 * width];
        let h = |weights: &[f64], i: usize, mu: usize| {
            (weights[i] * inputs[mu][0] + weights[width + i] * inputs[mu][1]) / 2f64.sqrt()
        };
        for (mu, output) in outputs.iter_mut().enumerate() {
            let sum: f64 = (0..width)
                .map(|i| weights[2 * width + i] * case.activation.value(h(&weights, i, mu)))
                .sum();
            *output = sum / (case.richness * width as f64);
        }
        all.extend(outputs);
        if time == case.steps {
            break;
        }
        // The loss of a step is the mean over its batch.
        let batch = optimiser
            .batches
            .as_ref()
            .map_or(vec![0, 1], |batches| batches[time].clone());
        for &mu in &batch {
            // d loss/d f = -Delta/B, d f/d w_i = phi/(gamma_0 N), d f/d W_ij = w_i phi' x_j/(sqrt D gamma_0 N).
            let scale = (outputs[mu] - case.targets[mu])
                / batch.len() as f64
                / (case.richness * width as f64);
            for i in 0..width {
                let at = h(&weights, i, mu);
                let slope = weights[2 * width + i] * case.activation.slope(at) / 2f64.sqrt();
                gradient[i] += scale * slope * inputs[mu][0];
                gradient[width + i] += scale * slope * inputs[mu][1];
                gradient[2 * width + i] += scale * case.activation.value(at);
            }
        }
        let step = 2.0 * case.rate * case.richness.powi(2) * width as f64;
        if optimiser.noise > 0.0 {
            normal::fill(&mut rng, &mut noise);
        }
        let spread = optimiser.noise.sqrt();
        for k in 0..3 * width {
            velocity[k] = optimiser.momentum * velocity[k] - step * gradient[k];
            if optimiser.noise_enters == Noise::Velocity {
                velocity[k] += spread * noise[k];
            }
            match optimiser.decay_enters {
                Decay::Weights => weights[k] *= 1.0 - optimiser.decay,
                Decay::Velocity => velocity[k] -= optimiser.decay * weights[k],
            }
            weights[k] += velocity[k];
            if optimiser.noise_enters == Noise::Weights {
                weights[k] += spread * noise[k];
            }
        }
    }
    all
}

/// Means over seeds at three widths, extrapolated with terms 1/N and 1/N^2, against the infinite width: every |z|
/// below 4.
fn compare(case: &Case, seeds: u64, theory: &Solution) {
    use rayon::prelude::*;
    let inputs = [[2f64.sqrt(), 0.0], [0.6 * 2f64.sqrt(), 0.8 * 2f64.sqrt()]];
    // Weights of the extrapolation of a + b/N + c/N^2 from N, 2N, 4N.
    let extrapolate = [1.0 / 3.0, -2.0, 8.0 / 3.0];
    let rows: Vec<Vec<Vec<f64>>> = WIDTHS
        .iter()
        .map(|&width| {
            (0..seeds)
                .into_par_iter()
                .map(|seed| network(case, &inputs, width, seed))
                .collect()
        })
        .collect();
    let mut worst: f64 = 0.0;
    for k in 2..theory.outputs.mean.len() {
        let (mut value, mut variance) = (0.0, theory.outputs.error[k].powi(2));
        for (rows, weight) in rows.iter().zip(extrapolate) {
            let column: Vec<f64> = rows.iter().map(|row| row[k]).collect();
            let (mean, square) = mean_variance(&column);
            value += weight * mean;
            variance += weight * weight * square.unwrap() / seeds as f64;
        }
        worst = worst.max((value - theory.outputs.mean[k]).abs() / variance.sqrt());
        assert!(variance.sqrt() < 8e-3, "{}", variance.sqrt());
    }
    assert!(worst < 4.0, "z = {worst}");
    println!("networks: largest |z| = {worst:.2}");
}

#[test]
fn plain_descent() {
    let case = Case::two(Activation::Tanh, 1.5, 0.5, 8);
    compare(&case, 4000, &case.hermite(48));
}

#[test]
fn momentum_decay_noise_and_batches_at_once() {
    let mut case = Case::two(Activation::Tanh, 1.5, 0.3, 8);
    case.optimiser = Optimiser {
        momentum: 0.5,
        decay: 0.05,
        noise: 0.05,
        ..Optimiser::default()
    };
    compare(
        &case,
        3000,
        &case.by(Rule::Sobol {
            points: 1 << 12,
            scrambles: 8,
        }),
    );
    case.optimiser.decay_enters = Decay::Velocity;
    case.optimiser.noise_enters = Noise::Weights;
    case.optimiser.batches = Some(
        (0..8)
            .map(|t| if t % 4 == 0 { vec![0, 1] } else { vec![t % 2] })
            .collect(),
    );
    compare(
        &case,
        3000,
        &case.by(Rule::Sobol {
            points: 1 << 12,
            scrambles: 8,
        }),
    );
}
