//! The lazy limit: powers of the tangent kernel, and the closed form of momentum.

use super::*;
use crate::dmft::{Decay, Optimiser};
use nalgebra::DVector;

const TARGETS: [f64; 2] = [1.0, -0.5];

fn kernel() -> DMatrix<f64> {
    DMatrix::from_row_slice(3, 3, &[1.0, 0.6, 0.3, 0.6, 1.0, -0.2, 0.3, -0.2, 0.8])
}

fn problem<'a>(
    kernel: &'a DMatrix<f64>,
    variances: &'a [f64],
    optimiser: &'a Optimiser,
) -> Problem<'a> {
    Problem {
        kernel,
        targets: &TARGETS,
        richness: 1.0,
        rate: 0.05,
        steps: 30,
        weight_variances: variances,
        optimiser,
    }
}

#[test]
fn gradient_descent_contracts_by_the_tangent_kernel() {
    let (kernel, plain) = (kernel(), Optimiser::default());
    let variances = [1.5, 0.5, 2.0];
    let outputs = deep_linear(&problem(&kernel, &variances, &plain)).unwrap();
    // 0.5 * 2 + 1.5 * 2 + 1.5 * 0.5
    let tangent = kernel.clone() * 4.75;
    let train = tangent.view((0, 0), (2, 2)).into_owned();
    let step = DMatrix::identity(2, 2) - &train * 0.05;
    let mut errors = DVector::from_column_slice(&TARGETS);
    for t in 0..=30 {
        assert!(
            (outputs.column(t).rows(0, 2) + &errors - DVector::from_column_slice(&TARGETS)).amax()
                < 1e-14
        );
        // f_* = k_*^T K_0^{-1} (y - Delta)
        let learned = train.clone().try_inverse().unwrap() * outputs.column(t).rows(0, 2);
        assert!((outputs[(2, t)] - tangent.view((2, 0), (1, 2)).tr_dot(&learned)).abs() < 1e-14);
        errors = &step * errors;
    }
    let layers = [&tangent * 0.25, &tangent * 0.75];
    let same = from_tangent_kernel(&problem(&kernel, &variances, &plain), &layers).unwrap();
    assert!((same - outputs).amax() < 1e-14);
}

#[test]
fn momentum_and_decay_follow_their_own_recursions() {
    let kernel = DMatrix::from_element(1, 1, 0.9);
    let (one, y) = ([1.0, 1.0], [TARGETS[0]]);
    let heavy = Optimiser {
        momentum: 0.7,
        ..Optimiser::default()
    };
    let run = |optimiser: &Optimiser| {
        let problem = Problem {
            targets: &y,
            ..problem(&kernel, &one, optimiser)
        };
        deep_linear(&problem).unwrap()
    };
    let outputs = run(&heavy);
    // f <- f + v, v <- m v + q K_0 Delta.
    let (mut f, mut v) = (0.0, 0.0);
    for t in 0..=30 {
        assert!((outputs[(0, t)] - f).abs() < 1e-13);
        v = 0.7 * v + 0.05 * 1.8 * (1.0 - f);
        f += v;
    }
    // Both layers decay: <w u> falls with the square, one factor in the update and one in the kernel.
    let decay = Optimiser {
        decay: 0.1,
        ..Optimiser::default()
    };
    let outputs = run(&decay);
    let mut f = 0.0;
    for t in 0..=30 {
        assert!((outputs[(0, t)] - f).abs() < 1e-13);
        let weight = 0.9f64.powi(t as i32);
        f = 0.81 * f + 0.05 * 1.8 * 0.9 * weight * weight * (1.0 - f);
    }
}

#[test]
fn a_changing_tangent_kernel_and_divergence_are_refused() {
    let (kernel, one) = (kernel(), [1.0, 1.0]);
    let layers = [kernel.clone()];
    for optimiser in [
        Optimiser {
            decay: 0.1,
            decay_enters: Decay::Velocity,
            ..Optimiser::default()
        },
        Optimiser {
            noise: 0.1,
            ..Optimiser::default()
        },
    ] {
        let error = from_tangent_kernel(&problem(&kernel, &one, &optimiser), &layers).unwrap_err();
        assert!(error.to_string().starts_with("optimiser"), "{error}");
    }
    let plain = Optimiser::default();
    assert!(from_tangent_kernel(&problem(&kernel, &one, &plain), &[DMatrix::zeros(2, 2)]).is_err());
    assert!(from_tangent_kernel(&problem(&kernel, &one, &plain), &[]).is_err());
    // 2 (1 + m)/lambda_max is the edge of stability; the train block has the eigenvalue 1.6.
    for momentum in [0.0, 0.5] {
        let optimiser = Optimiser {
            momentum,
            ..Optimiser::default()
        };
        let run = |factor: f64| {
            let usual = problem(&kernel, &one, &optimiser);
            let rate = factor * 2.0 * (1.0 + momentum) / (2.0 * 1.6);
            deep_linear(&Problem {
                rate,
                steps: 2000,
                ..usual
            })
        };
        assert!(run(0.99).is_ok());
        assert!(
            run(1.02)
                .unwrap_err()
                .to_string()
                .contains("did not converge")
        );
    }
}
