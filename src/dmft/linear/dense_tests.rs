//! The equations as they are printed, with full matrices over samples and times and no sweep: two roads to one answer.

use super::tests::Case;
use crate::dmft::{Decay, Noise, Optimiser};
use crate::numerics::random::{normal_matrix, stream};
use nalgebra::DMatrix;

/// All kernels and responses, by sweeps over the layers until nothing changes; index `t * samples + a` for samples.
struct Dense {
    outputs: DMatrix<f64>,
    features: Vec<DMatrix<f64>>,
    gradients: Vec<DMatrix<f64>>,
    forward: Vec<DMatrix<f64>>,
    backward: Vec<DMatrix<f64>>,
}

/// Matrices are copied and multiplied at will here: causality makes `T + 2` sweeps exact.
fn dense(case: &Case) -> Dense {
    let (depth, n, times) = (
        case.variances.len() - 1,
        case.kernel.nrows(),
        case.steps + 1,
    );
    let (all, squared, q) = (n * times, case.richness * case.richness, case.rate);
    let memory = case.optimiser.memory(case.steps);
    let covariance = |l: usize| {
        DMatrix::from_fn(times, times, |t, s| {
            memory.covariance(case.variances[l], t, s)
        })
    };
    let carry = DMatrix::from_fn(times, times, |t, s| q * memory.carry(t, s));
    // Every time of the small matrix repeated for all samples, along rows or columns.
    let wide = |m: &DMatrix<f64>, rows: usize, columns: usize| {
        DMatrix::from_fn(m.nrows() * rows, m.ncols() * columns, |i, j| {
            m[(i / rows, j / columns)]
        })
    };
    let mut driven = DMatrix::zeros(n, times);
    let mut outputs = DMatrix::zeros(n, times);
    let mut features =
        vec![DMatrix::from_fn(all, all, |i, j| case.kernel[(i % n, j % n)]); depth + 1];
    let mut gradients = vec![DMatrix::from_element(times, times, 1.0); depth + 2];
    let mut forward = vec![DMatrix::zeros(all, times); depth + 1];
    let mut backward = vec![DMatrix::zeros(times, all); depth + 1];
    let (one, wide_one) = (
        DMatrix::<f64>::identity(times, times),
        DMatrix::<f64>::identity(all, all),
    );
    for _ in 0..times + 2 {
        let drive = DMatrix::from_fn(all, times, |i, s| {
            if i / n == s { driven[(i % n, s)] } else { 0.0 }
        });
        let c = |l: usize, features: &[DMatrix<f64>], forward: &[DMatrix<f64>]| {
            let pull = (&features[l - 1] * &drive).component_mul(&wide(&carry, n, 1));
            wide(&covariance(l - 1), n, 1).component_mul(&forward[l - 1]) + pull
        };
        let d = |l: usize, gradients: &[DMatrix<f64>], backward: &[DMatrix<f64>]| {
            let pull = gradients[l + 1].component_mul(&carry) * drive.transpose();
            wide(&covariance(l), 1, n).component_mul(&backward[l]) + pull
        };
        for l in 1..=depth {
            let (c, d) = (c(l, &features, &forward), d(l, &gradients, &backward));
            let solved = (&wide_one - &c * &d * squared).try_inverse().unwrap();
            let prior = wide(&covariance(l - 1), n, n).component_mul(&features[l - 1]);
            let noise = covariance(l).component_mul(&gradients[l + 1]);
            features[l] =
                &solved * (prior + &c * noise * c.transpose() * squared) * solved.transpose();
            forward[l] = &solved * c;
        }
        // The read-out as the sum over responses of the last layer, not as an overlap.
        let last = c(depth + 1, &features, &forward);
        outputs = DMatrix::from_fn(n, times, |a, t| last.row(t * n + a).sum());
        for t in 0..case.steps {
            let errors: Vec<f64> = case
                .targets
                .iter()
                .zip(outputs.column(t).iter())
                .map(|(y, f)| y - f)
                .collect();
            let column = case.optimiser.driven(t, &errors);
            driven
                .view_mut((0, t), (column.len(), 1))
                .copy_from_slice(&column);
        }
        for l in (1..=depth).rev() {
            let (c, d) = (c(l, &features, &forward), d(l, &gradients, &backward));
            let solved = (&one - &d * &c * squared).try_inverse().unwrap();
            let prior = wide(&covariance(l - 1), n, n).component_mul(&features[l - 1]);
            let noise = covariance(l).component_mul(&gradients[l + 1]);
            gradients[l] =
                &solved * (noise + &d * prior * d.transpose() * squared) * solved.transpose();
            backward[l - 1] = &solved * d;
        }
    }
    Dense {
        outputs,
        features,
        gradients,
        forward,
        backward,
    }
}

/// Every number of the sweep against the printed equations.
fn agree(case: &Case, tolerance: f64) {
    let exact = dense(case);
    let found = case.solve();
    let (n, depth) = (case.kernel.nrows(), case.variances.len() - 1);
    let near = |what: &str, found: f64, expected: f64| {
        assert!(
            (found - expected).abs() < tolerance,
            "{what}: {found} is not {expected}"
        );
    };
    for t in 0..=case.steps {
        let responses = found.forward_responses(t);
        for a in 0..n {
            near("f", found.outputs(t)[a], exact.outputs[(a, t)]);
        }
        for s in 0..=t {
            let (ahead, kernels) = (found.feature_kernels(s, t), found.feature_kernels(t, s));
            for l in 0..=depth {
                let block = exact.features[l].view((t * n, s * n), (n, n));
                assert!((&kernels[l] - block).amax() < tolerance, "H^{l}({t},{s})");
                assert!(
                    (kernels[l].transpose() - &ahead[l]).amax() < tolerance,
                    "H^{l}({s},{t})"
                );
                near(
                    "G",
                    found.gradient_kernel(l + 1, t, s),
                    exact.gradients[l + 1][(t, s)],
                );
                near(
                    "G",
                    found.gradient_kernel(l + 1, s, t),
                    exact.gradients[l + 1][(t, s)],
                );
                let echo = found.backward_response(l, t, s);
                for a in 0..n {
                    near("B", echo[a], exact.backward[l][(t, s * n + a)]);
                    if l > 0 {
                        near(
                            "A",
                            responses[l - 1][(a, s)],
                            exact.forward[l][(t * n + a, s)],
                        );
                    }
                }
            }
        }
    }
}

fn random_case(depth: usize, samples: usize, trained: usize, inputs: usize) -> Case {
    let mut rng = stream(5, "dense", &[depth as u64, samples as u64]);
    let x = normal_matrix(&mut rng, inputs, samples);
    let targets = normal_matrix(&mut rng, trained, 1);
    Case {
        kernel: x.transpose() * &x / inputs as f64,
        targets: targets.as_slice().to_vec(),
        richness: 1.3,
        rate: 0.2 / (depth + 1) as f64,
        steps: 6,
        variances: vec![1.0; depth + 1],
        optimiser: Optimiser::default(),
    }
}

#[test]
fn the_sweep_solves_the_printed_equations() {
    for depth in 1..=4 {
        agree(&random_case(depth, 3, 3, 5), 1e-12);
    }
}

#[test]
fn dependent_samples_white_samples_and_test_samples_are_no_special_cases() {
    // Rank 2 among 4 samples.
    agree(&random_case(2, 4, 4, 2), 1e-12);
    agree(&random_case(3, 4, 2, 5), 1e-12);
    let white = Case {
        kernel: DMatrix::identity(3, 3) * 0.7,
        ..random_case(2, 3, 3, 4)
    };
    agree(&white, 1e-12);
}

#[test]
fn all_optimisers_and_weight_variances_solve_the_printed_equations() {
    let batches = Some(vec![
        vec![0],
        vec![1, 2],
        vec![2],
        vec![0, 1],
        vec![1],
        vec![0, 2],
    ]);
    for decay_enters in [Decay::Weights, Decay::Velocity] {
        for noise_enters in [Noise::Velocity, Noise::Weights] {
            let optimiser = Optimiser {
                momentum: 0.6,
                decay: 0.05,
                decay_enters,
                noise: 0.03,
                noise_enters,
                batches: batches.clone(),
            };
            let variances = vec![1.4, 0.6, 0.8, 1.2];
            agree(
                &Case {
                    optimiser,
                    variances,
                    ..random_case(3, 4, 3, 5)
                },
                1e-11,
            );
        }
    }
}
