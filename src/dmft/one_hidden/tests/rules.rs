//! Rules against each other, and their errors.

use super::super::points::Source;
use super::*;
use crate::numerics::random::{normal_matrix, stream};

/// Weights sum to 1; second moments are those of the normal law, exactly for the product rule.
#[test]
fn weights_and_moments_of_every_source() {
    let sources = [
        (Source::tensor(1, 12, false).unwrap(), 1e-12),
        (Source::tensor(1, 12, true).unwrap(), 1e-12),
        (Source::tensor(2, 11, true).unwrap(), 1e-12),
        (Source::sequence(2, 1 << 14, 0, 1, 0), 3e-3),
        (Source::random(2, 1 << 15, false, 1, 0), 2e-2),
        (Source::random(2, 1 << 15, true, 1, 0), 2e-2),
    ];
    for (k, (source, tolerance)) in sources.iter().enumerate() {
        let axes = if k < 2 { 2 } else { 3 };
        let mut sums = vec![0.0; 1 + 3 * axes];
        let mut neurons = 0;
        for block in 0..source.blocks() {
            let (position, weights) = source.start(block);
            neurons += weights.len();
            for (axis, column) in position.chunks(weights.len()).enumerate() {
                let next = &position[(axis + 1) % axes * weights.len()..];
                for ((x, w), y) in column.iter().zip(&weights).zip(next) {
                    sums[1 + axis] += w * x * x;
                    sums[1 + axes + axis] += w * x * y;
                    sums[1 + 2 * axes + axis] += w * x.powi(4);
                }
            }
            sums[0] += weights.iter().sum::<f64>();
        }
        assert!((sums[0] - 1.0).abs() < 1e-12, "{k}: {}", sums[0]);
        assert_eq!(neurons, source.neurons());
        same(&sums[1..1 + axes], &vec![1.0; axes], *tolerance);
        same(&sums[1 + axes..1 + 2 * axes], &vec![0.0; axes], *tolerance);
        same(&sums[1 + 2 * axes..], &vec![3.0; axes], 10.0 * tolerance);
    }
}

/// A product rule, scrambled Sobol points and independent points find the same outputs within their errors, and Sobol
/// points have the smaller one.
#[test]
fn rules_agree_within_their_errors() {
    let case = Case::two(Activation::Gelu, 1.5, 0.5, 12);
    let exact = case.hermite(48);
    let sobol = case.by(Rule::Sobol {
        points: 1 << 11,
        scrambles: 16,
    });
    let plain = case.by(Rule::MonteCarlo {
        points: 1 << 10,
        repeats: 16,
    });
    assert_eq!(sobol.neurons, plain.neurons);
    for solution in [&sobol, &plain] {
        assert_eq!(solution.outputs.uncertainty, Uncertainty::StandardError);
        for time in [1, 3, 6, 12] {
            for sample in 0..2 {
                let (value, error) = solution.output(time, sample);
                let gap = (value - exact.output(time, sample).0).abs();
                // Eight numbers, Student's law with 15 degrees of freedom.
                assert!(
                    gap < 4.5 * error + 1e-6,
                    "{time} {sample}: {gap} +- {error}"
                );
            }
        }
    }
    assert!(sobol.output(6, 0).1 < 0.25 * plain.output(6, 0).1);
    // The odd halves of the product rule and of the sample leave the answer as it is.
    let tanh = Case::two(Activation::Tanh, 1.5, 0.5, 6);
    let mut hidden = Case::two(Activation::Tanh, 1.5, 0.1, 4);
    hidden.activation = Activation::Hermite(vec![0.0, 1.0, 0.0, 0.03]);
    let odd = hidden.hermite(20);
    assert_eq!(odd.neurons, 4000);
    hidden.activation = Activation::Hermite(vec![1e-300, 1.0, 0.0, 0.03]);
    let all = hidden.hermite(20);
    assert_eq!(all.neurons, 8000);
    same(&odd.outputs.mean, &all.outputs.mean, 1e-12);
    let sample = tanh.by(Rule::MonteCarlo {
        points: 1 << 11,
        repeats: 12,
    });
    let exact = tanh.hermite(48);
    assert!((sample.output(6, 0).0 - exact.output(6, 0).0).abs() < 4.5 * sample.output(6, 0).1);
}

/// With noise, linear networks have a closed law: points with their own noise agree with it, for every optimiser.
#[test]
fn noise_of_linear_networks() {
    for (momentum, decay, decay_enters, noise_enters) in [
        (0.0, 0.0, Decay::Weights, Noise::Velocity),
        (0.6, 0.03, Decay::Weights, Noise::Velocity),
        (0.6, 0.03, Decay::Velocity, Noise::Weights),
    ] {
        let mut case = Case::two(Activation::Linear, 1.0, 0.2, 8);
        case.variances = vec![1.5, 0.5];
        case.optimiser = Optimiser {
            momentum,
            decay,
            decay_enters,
            noise: 0.03,
            noise_enters,
            batches: Some(
                (0..8)
                    .map(|t| if t % 3 == 0 { vec![0, 1] } else { vec![t % 2] })
                    .collect(),
            ),
        };
        let closed = case.solve();
        let points = case.by(Rule::Sobol {
            points: 1 << 13,
            scrambles: 12,
        });
        for (a, b) in closed.outputs.mean.iter().zip(&points.outputs.mean) {
            assert!((a - b).abs() < 3e-3, "{momentum}: {a} {b}");
        }
        let [closed, points] = [&closed, &points].map(|s| s.two_time(&[2, 8]).unwrap());
        same(&closed.feature.mean, &points.feature.mean, 1.5e-2);
        same(&closed.gradient.mean, &points.gradient.mean, 1.5e-2);
        // Noise of one place is not that of the other: the kernels would differ by more.
        assert!(closed.gradient.mean[15] > 0.5 + 0.1);
    }
}

/// Without data, decay and noise relax the weights to the variance `v_n/(1 - (1 - decay)^2)`.
#[test]
fn noise_and_decay_relax_to_the_prior() {
    let mut case = Case::two(Activation::Erf, 1.0, 0.2, 10);
    case.targets = vec![0.0, 0.0];
    case.optimiser = Optimiser {
        decay: 0.1,
        noise: 0.3,
        ..Optimiser::default()
    };
    case.rate = 1e-12;
    let solution = case.by(Rule::Density {
        spacing: 0.81,
        wider: 0.83,
    });
    let moments = solution.moments(&[10]).unwrap();
    let limit = 0.3 / (1.0 - 0.81);
    let expected = limit + (1.0 - limit) * 0.81f64.powi(10);
    for variable in 0..3 {
        same(
            &[moments.values.mean[moments.place(0, variable, 1)]],
            &[expected],
            1e-7,
        );
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let mut case = Case::two(Activation::Tanh, 1.5, 0.5, 3);
            let plain = case.hermite(24);
            case.optimiser.noise = 0.3;
            let noisy = case.by(Rule::Sobol {
                points: 1 << 10,
                scrambles: 2,
            });
            let grid = case.by(Rule::Density {
                spacing: 0.8,
                wider: 0.83,
            });
            let mut bits = Vec::new();
            for solution in [plain, noisy, grid] {
                bits.extend(solution.outputs.mean.iter().map(|f| f.to_bits()));
                let kernels = solution.two_time(&[1, 3]).unwrap();
                bits.extend(kernels.gradient.mean.iter().map(|k| k.to_bits()));
            }
            bits
        })
    };
    assert_eq!(on(1), on(2));
}

#[test]
fn rules_are_chosen_for_the_problem() {
    let mut rng = stream(4, "inputs", &[]);
    let inputs = normal_matrix(&mut rng, 50, 45);
    let mut case = Case::two(Activation::Tanh, 1.0, 0.2, 1);
    for (samples, starts) in [
        (2, "a smooth"),
        (10, "11 coordinates"),
        (45, "46 coordinates at the start"),
    ] {
        let x = inputs.columns(0, samples);
        case.kernel = x.tr_mul(&x) / 50.0;
        case.targets = vec![0.5; samples];
        let solution = case.solve();
        assert!(solution.reason.starts_with(starts), "{}", solution.reason);
        assert!(solution.output(1, 0).0.is_finite());
    }
    let mut noisy = Case::two(Activation::Erf, 1.0, 0.2, 1);
    noisy.optimiser.noise = 0.04;
    assert!(matches!(noisy.solve().rule, Rule::Density { .. }));
    noisy.optimiser.momentum = 0.5;
    assert!(matches!(noisy.solve().rule, Rule::Sobol { .. }));
}

#[test]
fn cost_grows_with_points_and_steps() {
    let of = |points: usize, steps: usize| {
        let case = Case::two(Activation::Relu, 1.0, 0.2, steps);
        let rule = Some(Rule::Sobol {
            points,
            scrambles: 8,
        });
        cost(
            &case.problem(),
            &case.activation,
            &Setting {
                rule,
                ..Setting::default()
            },
        )
        .unwrap()
    };
    let (small, large) = (of(1 << 10, 50), of(1 << 11, 100));
    assert!(small.flops > 1e6 && (large.flops / small.flops - 4.0).abs() < 1e-12);
    // At least the state and both values of every sample.
    assert!(large.bytes > 8.0 * 4096.0 * 7.0);
}
