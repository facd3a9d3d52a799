//! Limits of the solution, with their orders: small rates, small richness, late times without data, dropped responses.

use super::laws_tests::{plain, rich};
use super::tests::{Case, close, two_samples};
use super::*;
use crate::dmft::{Decay, Optimiser, lazy, perturbation};

#[test]
fn one_sample_and_one_layer_conserve_the_difference_of_kernels_to_the_order_of_the_rate() {
    // f(t) at t = 1/4, 1/2, 1, 2 of df/dt = 2 (1 - f) sqrt(1 + gamma_0^2 f^2).
    let flow = [
        (0.5, [0.3956758, 0.6397761, 0.8768758, 0.9865533]),
        (1.0, [0.4022773, 0.6618641, 0.9065883, 0.9942285]),
        (2.0, [0.4283917, 0.7378497, 0.9656691, 0.9995969]),
        (4.0, [0.5268628, 0.9023844, 0.9982624, 0.9999995]),
    ];
    for (richness, curve) in flow {
        let run = |rate: f64| Case::one(1, richness, rate, (2.0 / rate).round() as usize).solve();
        // Rich training is faster.
        let rate = if richness < 3.0 { 0.025 } else { 0.0125 };
        let (coarse, middle, fine) = (run(rate), run(rate / 2.0), run(rate / 4.0));
        for (time, expected) in [0.25, 0.5, 1.0, 2.0].into_iter().zip(curve) {
            let at = |solution: &Solution, rate: f64| {
                solution.outputs((time / rate).round() as usize)[0]
            };
            let [a, b, c] = [
                at(&coarse, rate),
                at(&middle, rate / 2.0),
                at(&fine, rate / 4.0),
            ];
            let error = |f: f64| (f - expected).abs();
            if error(c) > 1e-5 {
                let order = (error(b) / error(c)).log2();
                assert!(
                    (order - 1.0).abs() < 0.2,
                    "order {order} at {time}, richness {richness}"
                );
            }
            // Two steps of Richardson's extrapolation in the rate.
            let limit = (8.0 * c - 6.0 * b + a) / 3.0;
            close(limit, expected, 2e-4 * expected);
        }
        for (solution, rate) in [(&middle, rate / 2.0), (&fine, rate / 4.0)] {
            let last = solution.steps();
            let (f, h) = (
                solution.outputs(last)[0],
                solution.feature_kernel(1, last, last)[(0, 0)],
            );
            let g = solution.gradient_kernel(1, last, last);
            close(h, g, 1e-12);
            let conserved = h * h - (richness * f).powi(2);
            close(conserved, 1.0, 3.0 * rate * (1.0 + richness * richness));
            close(
                solution.tangent_kernel(last)[(0, 0)],
                2.0 * (1.0 + (richness * f).powi(2)).sqrt(),
                8.0 * richness * rate,
            );
        }
    }
}

#[test]
fn a_small_richness_reaches_the_lazy_limit_for_every_optimiser() {
    for depth in 1..=3 {
        for case in [plain(depth), rich(depth)] {
            let lazy = lazy::deep_linear(&case.problem()).unwrap();
            let error = |richness: f64| {
                let solution = Case {
                    richness,
                    ..case.clone()
                }
                .solve();
                let far = (0..=25).map(|t| (solution.outputs(t) - lazy.column(t)).amax());
                far.fold(0.0, f64::max)
            };
            let [small, smaller] = [error(1e-3), error(1e-4)];
            assert!(
                small > 1e-9 && small < 2e-5 && smaller < 1.1e-2 * small,
                "{small} {smaller}"
            );
            assert!(error(1e-7) < 1e-12);
        }
    }
}

#[test]
fn the_two_read_outs_approach_each_other_in_the_order_of_the_rate() {
    let gap = |steps: usize| {
        let case = Case {
            rate: 0.5 / steps as f64,
            steps,
            ..Case::two(2, 1)
        };
        let (exact, euler) = (
            case.solve(),
            case.solve_with(Readout::NtkEuler, Approximation::None),
        );
        (exact.outputs(steps) - euler.outputs(steps)).amax()
    };
    let gaps = [gap(10), gap(20), gap(40), gap(80)];
    for pair in gaps.windows(2) {
        assert!((pair[0] / pair[1] - 2.0).abs() < 0.35, "{gaps:?}");
    }
    assert!(gaps[0] > 1e-3);
}

#[test]
fn the_correction_in_the_richness_is_that_of_perturbation_theory() {
    for depth in 1..=3 {
        let case = plain(depth);
        let first = perturbation::solve(&case.problem()).unwrap();
        let lazy = lazy::deep_linear(&case.problem()).unwrap();
        let at = |richness: f64| {
            Case {
                richness,
                ..case.clone()
            }
            .solve()
        };
        let (wide, near) = (at(0.04), at(0.02));
        // (4 Q(g/2) - Q(g))/3 for Q(g) = [K(g) - K(0)]/g^2, without the order g^4.
        let richardson =
            |a: f64, b: f64, start: f64| (4.0 * (b - start) / 4e-4 - (a - start) / 1.6e-3) / 3.0;
        for t in [2, 11, 25] {
            for a in 0..6 {
                let found = richardson(wide.outputs(t)[a], near.outputs(t)[a], lazy[(a, t)]);
                close(found, first.correction(t)[a], 1e-7);
            }
            for l in 1..=depth {
                let expected = first.feature_correction(l, t, 7);
                let (h, smaller) = (wide.feature_kernel(l, t, 7), near.feature_kernel(l, t, 7));
                for i in 0..36 {
                    close(
                        richardson(h[i], smaller[i], case.kernel[i]),
                        expected[i],
                        2e-7,
                    );
                }
                let g = richardson(
                    wide.gradient_kernel(l, t, 7),
                    near.gradient_kernel(l, t, 7),
                    1.0,
                );
                close(g, first.gradient_correction(l, t, 7), 2e-7);
            }
        }
    }
}

#[test]
fn without_a_pull_of_the_data_decay_and_noise_lead_to_the_prior() {
    let (decay, noise) = (0.1, 0.02);
    let stationary: f64 = noise / (1.0 - (1.0 - decay) * (1.0 - decay));
    for decay_enters in [Decay::Weights, Decay::Velocity] {
        let optimiser = Optimiser {
            decay,
            noise,
            decay_enters,
            ..Optimiser::default()
        };
        let case = Case {
            targets: vec![0.0; 2],
            optimiser,
            variances: vec![1.5, 0.4, 1.0, 2.0],
            ..Case::two(3, 200)
        };
        let solution = case.solve();
        let (last, kernels) = (solution.steps(), solution.feature_kernels(200, 200));
        for (l, kernel) in kernels.iter().enumerate().skip(1) {
            let expected = two_samples() * stationary.powi(l as i32);
            assert!((kernel - expected).amax() < 1e-12);
            close(
                solution.gradient_kernel(l, last, last),
                stationary.powi(4 - l as i32),
                1e-12,
            );
        }
        // Early on they still hold their start.
        let start = 1.5 * 0.9f64.powi(2) + noise;
        close(solution.feature_kernel(1, 1, 1)[(0, 0)], start, 1e-14);
        // Two times: the memory of one matrix decays once in every kernel.
        close(
            solution.feature_kernel(1, 200, 190)[(0, 0)],
            stationary * 0.9f64.powi(10),
            1e-12,
        );
    }
}

#[test]
fn gradient_independence_keeps_the_lazy_limit_and_misses_the_kernels_of_rich_training() {
    let case = Case::two(3, 40);
    let small = Case {
        richness: 1e-4,
        ..case.clone()
    };
    let independent =
        |case: &Case| case.solve_with(Readout::NtkEuler, Approximation::GradientIndependence);
    let lazy = lazy::deep_linear(&small.problem()).unwrap();
    for t in [1, 10, 40] {
        assert!((independent(&small).outputs(t) - lazy.column(t)).amax() < 1e-7);
    }
    // One hidden layer has no response to drop in C and D.
    let shallow = Case::two(1, 40);
    let (one, other) = (
        independent(&shallow),
        shallow.solve_with(Readout::NtkEuler, Approximation::None),
    );
    assert!((one.outputs(40) - other.outputs(40)).amax() < 1e-15);
    let (exact, dropped) = (
        case.solve_with(Readout::NtkEuler, Approximation::None),
        independent(&case),
    );
    let (h, missed) = (
        exact.feature_kernel(3, 40, 40),
        dropped.feature_kernel(3, 40, 40),
    );
    assert!((h - missed).norm() > 0.05);
    // The responses are still those of the fields; they do not enter C and D.
    assert!(dropped.backward_response(1, 9, 4).amax() > 0.0);
}
