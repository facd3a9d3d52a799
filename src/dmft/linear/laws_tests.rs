//! Laws that the solution obeys at every richness and rate: identities and symmetries.

use super::tests::{Case, close};
use super::*;
use crate::dmft::Optimiser;
use crate::numerics::linalg::eigh;
use crate::numerics::random::{normal_matrix, stream};
use nalgebra::DMatrix;

/// Six samples, the last two of them for tests, with everything that an optimiser can have.
pub(super) fn rich(depth: usize) -> Case {
    let x = normal_matrix(&mut stream(3, "laws", &[]), 9, 6);
    Case {
        kernel: x.transpose() * &x / 9.0,
        targets: vec![1.0, -0.5, 0.3, -1.2],
        richness: 1.2,
        rate: 0.03,
        steps: 25,
        variances: (0..=depth).map(|l| 1.1 - 0.1 * l as f64).collect(),
        optimiser: Optimiser {
            momentum: 0.5,
            decay: 0.02,
            noise: 0.02,
            batches: Some((0..25).map(|step| vec![step % 4, (step + 1) % 4]).collect()),
            ..Optimiser::default()
        },
    }
}

pub(super) fn plain(depth: usize) -> Case {
    let optimiser = Optimiser::default();
    Case {
        variances: vec![1.0; depth + 1],
        optimiser,
        ..rich(depth)
    }
}

#[test]
fn the_first_step_is_that_of_the_tangent_kernel_at_every_richness() {
    for depth in 1..=4 {
        for richness in [1e-3, 0.7, 5.0] {
            let variances: Vec<f64> = (0..=depth).map(|l| 0.6 + 0.3 * l as f64).collect();
            let case = Case {
                richness,
                variances,
                ..plain(depth)
            };
            let solution = case.solve();
            let y = DMatrix::from_column_slice(4, 1, &case.targets);
            let expected = solution.tangent_kernel(0).columns(0, 4) * y * case.rate;
            assert!((expected - solution.outputs(1)).amax() < 1e-14);
            let all: f64 = case.variances.iter().product();
            let tangent = &case.kernel * case.variances.iter().map(|s2| all / s2).sum::<f64>();
            assert!((solution.tangent_kernel(0) - tangent).amax() < 1e-14);
        }
    }
}

#[test]
fn the_outputs_can_be_read_at_every_layer() {
    for depth in 1..=4 {
        let solution = rich(depth).solve();
        for t in [0, 1, 7, 25] {
            for read in solution.outputs_by_layer(t) {
                assert!((read - solution.outputs(t)).amax() < 1e-13);
            }
        }
    }
}

#[test]
fn kernels_over_samples_and_times_are_positive_and_responses_causal() {
    let solution = rich(3).solve();
    let (n, times) = (6, 26);
    for l in 1..=3 {
        let gradient = DMatrix::from_fn(times, times, |t, s| solution.gradient_kernel(l, t, s));
        assert!((&gradient - gradient.transpose()).amax() == 0.0);
        let values = eigh(&gradient).unwrap().0;
        assert!(values.min() > -1e-13 * values.max());
    }
    let mut whole = DMatrix::zeros(n * times, n * times);
    for t in 0..times {
        for s in 0..times {
            whole
                .view_mut((n * t, n * s), (n, n))
                .copy_from(&solution.feature_kernel(3, t, s));
        }
        let responses = solution.forward_responses(t);
        assert!(
            responses
                .iter()
                .all(|response| response.column(t).amax() == 0.0)
        );
        for s in t..times {
            assert!((0..=3).all(|l| solution.backward_response(l, t, s).amax() == 0.0));
        }
    }
    assert!((&whole - whole.transpose()).amax() < 1e-12);
    let values = eigh(&whole).unwrap().0;
    assert!(values.min() > -1e-13 * values.max());
    assert_eq!(solution.gradient_kernel(4, 3, 2), 1.0);
}

#[test]
fn targets_of_the_other_sign_give_outputs_of_the_other_sign_and_the_same_kernels() {
    let case = rich(3);
    let negative = Case {
        targets: case.targets.iter().map(|y| -y).collect(),
        ..case.clone()
    };
    let (one, other) = (case.solve(), negative.solve());
    for t in [1, 10, 25] {
        assert_eq!(one.outputs(t), -other.outputs(t));
        assert_eq!(one.tangent_kernel(t), other.tangent_kernel(t));
    }
}

#[test]
fn the_order_of_the_samples_does_not_matter() {
    let case = plain(2);
    let order = [2, 0, 3, 1, 5, 4];
    let permuted = Case {
        kernel: DMatrix::from_fn(6, 6, |a, b| case.kernel[(order[a], order[b])]),
        targets: order[..4].iter().map(|&a| case.targets[a]).collect(),
        ..case.clone()
    };
    let (one, other) = (case.solve(), permuted.solve());
    let (h, permuted_h) = (one.feature_kernel(2, 25, 9), other.feature_kernel(2, 25, 9));
    for a in 0..6 {
        close(other.outputs(25)[a], one.outputs(25)[order[a]], 1e-13);
        for b in 0..6 {
            close(permuted_h[(a, b)], h[(order[a], order[b])], 1e-13);
        }
    }
}

#[test]
fn one_sample_is_dual_between_forward_and_backward_layers() {
    for depth in [1, 2, 3, 5] {
        let solution = Case::one(depth, 1.5, 0.05, 30).solve();
        for (t, s) in [(30, 30), (17, 4), (3, 29)] {
            let features = solution.feature_kernels(t, s);
            for (l, feature) in features.iter().enumerate().skip(1) {
                close(
                    feature[(0, 0)],
                    solution.gradient_kernel(depth + 1 - l, t, s),
                    1e-13,
                );
            }
            let norms: Vec<f64> = solution
                .feature_kernels(30, 30)
                .iter()
                .map(|h| h[(0, 0)])
                .collect();
            assert!(norms.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}

#[test]
fn test_samples_change_nothing_and_copies_of_training_samples_have_their_outputs() {
    let with = rich(3);
    let without = Case {
        kernel: with.kernel.view((0, 0), (4, 4)).into_owned(),
        ..with.clone()
    };
    let order = [0, 1, 2, 3, 1, 3];
    let copies = Case {
        kernel: DMatrix::from_fn(6, 6, |a, b| with.kernel[(order[a], order[b])]),
        ..with.clone()
    };
    let (tested, alone, copied) = (with.solve(), without.solve(), copies.solve());
    for t in [1, 8, 25] {
        assert!((tested.outputs(t).rows(0, 4) - alone.outputs(t)).amax() < 1e-15);
        let (h, alone_h) = (tested.tangent_kernel(t), alone.tangent_kernel(t));
        assert!((h.view((0, 0), (4, 4)) - alone_h).amax() < 1e-13);
        close(copied.outputs(t)[4], copied.outputs(t)[1], 1e-15);
        close(copied.outputs(t)[5], copied.outputs(t)[3], 1e-15);
        let h = copied.feature_kernel(2, t, t);
        close(h[(4, 5)], h[(1, 3)], 1e-14);
        close(h[(4, 0)], h[(1, 0)], 1e-14);
    }
}

#[test]
fn white_samples_learn_one_direction() {
    // K^x = k: one sample with the kernel k and the target |y|; across y, fields keep the statistics of their start.
    let (k, y) = (0.8, [0.6, -1.0, 0.3, 0.5]);
    let norm = y.iter().map(|y| y * y).sum::<f64>().sqrt();
    let white = Case {
        kernel: DMatrix::identity(4, 4) * k,
        targets: y.to_vec(),
        rate: 0.05,
        ..plain(3)
    };
    let one = Case {
        kernel: DMatrix::from_element(1, 1, k),
        targets: vec![norm],
        ..white.clone()
    };
    let (full, reduced) = (white.solve(), one.solve());
    for t in [1, 9, 25] {
        for (f, y) in full.outputs(t).iter().zip(y) {
            close(*f, reduced.outputs(t)[0] * y / norm, 1e-14);
        }
        for l in 1..=3 {
            let along = DMatrix::from_fn(4, 4, |a, b| y[a] * y[b] / (norm * norm));
            let learned = reduced.feature_kernel(l, t, 5)[(0, 0)];
            let expected = &along * learned + (DMatrix::identity(4, 4) - &along) * k;
            assert!((full.feature_kernel(l, t, 5) - expected).amax() < 1e-13);
            close(
                full.gradient_kernel(l, t, 5),
                reduced.gradient_kernel(l, t, 5),
                1e-13,
            );
        }
    }
}

#[test]
fn estimates_of_memory_and_work_grow_with_the_powers_of_the_sizes() {
    let (small, large) = (Case::two(3, 99), Case::two(6, 199));
    let usual = Settings::default();
    let work = flops(&large.problem(), &usual) / flops(&small.problem(), &usual);
    assert!((work - 16.0).abs() < 0.2, "{work}");
    let memory = bytes(&large.problem()) as f64 / bytes(&small.problem()) as f64;
    assert!((memory - 8.0).abs() < 0.1, "{memory}");
}
