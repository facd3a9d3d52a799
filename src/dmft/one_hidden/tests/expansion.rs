//! The expansion in the richness: closed form of linear networks, order of its remainder, and nothing statistical.

use super::*;
use crate::dmft::perturbation;

fn expanded(case: &Case, setting: &Setting) -> Expansion {
    expand(&case.problem(), &case.activation, setting).unwrap()
}

/// Of a linear activation the correction is known in closed form; the rule is made to sample neurons for it.
#[test]
fn of_linear_networks_it_is_the_closed_form() {
    let case = Case::two(Activation::Linear, 0.7, 0.4, 12);
    let known = perturbation::solve(&case.problem()).unwrap();
    let nodes = Rule::GaussHermite {
        nodes: 12,
        fewer: 8,
    };
    for rule in [None, Some(nodes)] {
        let found = expanded(
            &case,
            &Setting {
                rule,
                ..Setting::default()
            },
        );
        let kernels = found.equal_time(&[5, 12]).unwrap();
        for t in 0..=12 {
            let exact = known.outputs(t);
            for a in 0..2 {
                let place = 2 * t + a;
                let outputs = found.outputs();
                let distance = (outputs.mean[place] - exact[a]).abs();
                assert!(distance < 2e-8, "f_{a}({t}): {distance:.1e}");
                assert!(distance <= 2.0 * outputs.error[place] + 1e-9);
            }
        }
        for (k, t) in [5, 12].into_iter().enumerate() {
            let exact = known.feature_kernel(1, t, t);
            for (i, exact) in exact.iter().enumerate() {
                let distance = (kernels.feature.mean[4 * k + i] - exact).abs();
                assert!(distance < 1e-7, "H({t}) {i}: {distance:.1e}");
            }
            let exact = known.gradient_kernel(1, t, t);
            assert!((kernels.gradient.mean[4 * k] - exact).abs() < 1e-7);
        }
    }
}

/// The remainder is of fourth order: it falls by 16 when the richness is halved. The lazy limit is the sum of the parts
/// of order zero, and no error is statistical.
#[test]
fn the_remainder_is_of_fourth_order() {
    for activation in [Activation::Tanh, Activation::Gelu] {
        let remainder = |richness: f64| {
            let case = Case::two(activation.clone(), richness, 0.5, 15);
            let (whole, part) = (case.solve(), expanded(&case, &Setting::default()));
            assert_eq!(part.outputs().uncertainty, Uncertainty::Difference);
            let kernels = [
                whole.equal_time(&[15]).unwrap().feature,
                part.equal_time(&[15]).unwrap().feature,
            ];
            let pairs = whole.outputs.mean.iter().zip(part.outputs().mean);
            let outputs = pairs.fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
            let pairs = kernels[0].mean.iter().zip(&kernels[1].mean);
            let features = pairs.fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
            [outputs, features]
        };
        let (wide, near) = (remainder(0.4), remainder(0.2));
        for (wide, near) in wide.into_iter().zip(near) {
            let ratio = wide / near;
            assert!(
                (12.0..20.0).contains(&ratio),
                "{activation:?}: {wide:.2e} to {near:.2e}, a factor {ratio:.2}"
            );
        }
    }
}

/// Weights of any variance, and targets of any size: the step has the scale of the targets.
#[test]
fn targets_set_the_scale_of_the_step() {
    let small = Case {
        variances: vec![1.5, 0.6],
        ..Case::two(Activation::Erf, 0.3, 0.3, 8)
    };
    let mut large = small.clone();
    large.targets.iter_mut().for_each(|y| *y *= 100.0);
    large.richness /= 100.0;
    let (small, large) = (
        expanded(&small, &Setting::default()).outputs(),
        expanded(&large, &Setting::default()).outputs(),
    );
    for (a, b) in small.mean.iter().zip(&large.mean) {
        assert!((100.0 * a - b).abs() < 1e-7, "{a} {b}");
    }
}

#[test]
fn relu_and_momentum_are_refused() {
    let relu = Case::two(Activation::Relu, 1.0, 0.1, 3);
    let error = expand(&relu.problem(), &relu.activation, &Setting::default());
    assert!(error.err().unwrap().to_string().contains("smooth"));
    let mut fast = Case::two(Activation::Tanh, 1.0, 0.1, 3);
    fast.optimiser.momentum = 0.5;
    let error = expand(&fast.problem(), &fast.activation, &Setting::default());
    assert!(error.err().unwrap().to_string().contains("momentum"));
}
