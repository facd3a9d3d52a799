//! Tests of kernel scaling.

use super::*;
use crate::kernel::Activation;
use crate::mean_field::TwoLayer;
use crate::numerics::linalg::eigh;
use crate::theory::linear_posterior;
use nalgebra::{DMatrix, DVector};

const SPECTRUM: Modes = Modes {
    eigenvalues: &[2.0, 1.0, 0.5, 0.25],
    targets: &[1.0, 2.0, 1.0, 0.5],
    temperature: 0.1,
    chi: 1.0,
};

#[test]
fn scales_meet_the_reference() {
    for (width, q) in [(4.0, 1.28497104), (10.0, 1.15810760), (1000.0, 1.00223873)] {
        let all = solve(&[width], &SPECTRUM).unwrap();
        assert_eq!(all.len(), 1);
        assert!((all[0].scale - q).abs() < 6e-9 && all[0].residual < 1e-12);
        assert_eq!(all[0].layers, [all[0].scale]);
    }
    let deep = &solve(&[10.0, 10.0], &SPECTRUM).unwrap()[0];
    assert!((deep.scale - 1.25950541).abs() < 6e-9);
    assert!((deep.layers[0] * deep.layers[1] / deep.scale - 1.0).abs() < 1e-14);
}

#[test]
fn zero_temperature_meets_the_reference() {
    let reference: [(usize, f64, f64, f64); 8] = [
        (1, 0.5, 2.0, 1.28077641),
        (1, 0.5, 0.3, 0.71097722),
        (1, 2.0, 1.5, 1.30277564),
        (2, 0.5, 2.0, 1.19742934),
        (2, 0.5, 0.3, 0.75981902),
        (2, 2.0, 1.5, 1.17455941),
        (3, 0.5, 2.0, 1.15277658),
        (3, 0.5, 0.3, 0.79666427),
    ];
    for (depth, alpha, r, q) in reference {
        let eigenvalues = [0.7, 0.2, 3.0, 1.0];
        let targets = eigenvalues.map(|l: f64| (l * r / 1.5).sqrt());
        let modes = Modes {
            eigenvalues: &eigenvalues,
            targets: &targets,
            temperature: 1.0,
            chi: 1.5,
        };
        let widths = vec![4.0 / alpha; depth];
        for layer in zero_temperature(&widths, &modes).unwrap() {
            assert!((layer - q).abs() < 6e-9);
        }
        // The saddle point at a small temperature is close to it.
        let cold = Modes {
            temperature: 1e-7,
            ..modes
        };
        let near = &solve(&widths, &cold).unwrap()[0];
        assert!((near.layers[0] - q).abs() < 1e-5);
    }
    let none = Modes {
        eigenvalues: &[1.0, 0.0],
        targets: &[1.0, 1.0],
        ..SPECTRUM
    };
    assert!(zero_temperature(&[4.0], &none).is_err());
}

/// The derivative of the printed action, written out with matrices, by finite differences: zero at the solution in
/// every `ln q_l`, and with its second derivatives the determinant of the evidence.
#[test]
fn solution_is_a_stationary_point_of_the_printed_action() {
    let k = DMatrix::from_row_slice(3, 3, &[1.0, 0.3, -0.2, 0.3, 0.8, 0.1, -0.2, 0.1, 1.4]);
    let y = DVector::from_column_slice(&[1.0, -2.0, 0.7]);
    let (temperature, chi, widths) = (0.2, 7.0, [5.0, 12.0, 8.0]);
    let action = |u: &[f64]| {
        let q = u.iter().sum::<f64>().exp();
        let one = DMatrix::<f64>::identity(3, 3);
        let data = 0.5 * (&one + &k * (q / temperature)).determinant().ln();
        let all = (&k * q + &one * temperature).lu().solve(&y).unwrap();
        let size: f64 = (0..3)
            .map(|l| 0.5 * widths[l] * (u[l].exp() - 1.0 - u[l]))
            .sum();
        size + data + 0.5 * chi * y.dot(&all)
    };
    let (lam, vectors) = eigh(&k).unwrap();
    let z = vectors.tr_mul(&y);
    let modes = Modes {
        eigenvalues: lam.as_slice(),
        targets: z.as_slice(),
        temperature,
        chi,
    };
    let found = &solve(&widths, &modes).unwrap()[0];
    let u: Vec<f64> = found.layers.iter().map(|q| q.ln()).collect();
    assert!((found.action - action(&u)).abs() < 1e-12);
    let shifted = |steps: [(usize, f64); 2]| {
        let mut u = u.clone();
        for (l, step) in steps {
            u[l] += step;
        }
        action(&u)
    };
    let h = 1e-4;
    let mut hessian = DMatrix::zeros(3, 3);
    for l in 0..3 {
        let slope = (shifted([(l, h), (0, 0.0)]) - shifted([(l, -h), (0, 0.0)])) / (2.0 * h);
        assert!(slope.abs() < 1e-6, "{slope}");
        for m in 0..3 {
            let corner = |a: f64, b: f64| shifted([(l, a * h), (m, b * h)]);
            hessian[(l, m)] = (corner(1.0, 1.0) - corner(1.0, -1.0) - corner(-1.0, 1.0)
                + corner(-1.0, -1.0))
                / (4.0 * h * h);
        }
    }
    let determinant = hessian.determinant() / widths.iter().map(|n| 0.5 * n).product::<f64>();
    let evidence = -found.action - 0.5 * determinant.ln();
    assert!((found.log_evidence.unwrap() - evidence).abs() < 1e-5);
    // Equal widths as a limit of unequal ones.
    let near = &solve(&[9.0, 9.0 + 1e-9], &modes).unwrap()[0];
    let equal = &solve(&[9.0, 9.0], &modes).unwrap()[0];
    assert!((near.scale / equal.scale - 1.0).abs() < 1e-9);
}

/// The exact posterior of linear networks: its mode in `ln q` is the root at every width, and its evidence is met to
/// `O(1/N^2)`, at `chi = 1` and beyond, at one layer and at two.
#[test]
fn exact_posterior_of_linear_networks() {
    for width in [4, 10, 50] {
        let exact =
            linear_posterior::solve(&[width], SPECTRUM.eigenvalues, SPECTRUM.targets, 0.1).unwrap();
        let root = solve(&[width as f64], &SPECTRUM).unwrap()[0].scale;
        let step = (exact.scales[1].0 / exact.scales[0].0).ln();
        assert!((exact.mode / root).ln().abs() <= 0.51 * step);
    }
    for (depth, chi) in [(1, 1.0), (1, 3.0), (2, 3.0)] {
        let modes = Modes { chi, ..SPECTRUM };
        let error = |n: usize| {
            let scaled: Vec<f64> = modes.eigenvalues.iter().map(|l| l / chi).collect();
            let exact = linear_posterior::solve(&vec![n; depth], &scaled, modes.targets, 0.1 / chi)
                .unwrap();
            let here = solve(&vec![n as f64; depth], &modes).unwrap()[0]
                .log_evidence
                .unwrap();
            exact.log_evidence + 2.0 * (std::f64::consts::TAU * 0.1 / chi).ln() - here
        };
        let (wide, wider) = (error(200), error(400));
        assert!(
            wide.abs() < 2e-3 && (wide / wider - 4.0).abs() < 0.6,
            "{wide} {wider}"
        );
    }
}

/// Section 0 of the theory file: an erf network of two inputs and two samples.
#[test]
fn evidence_meets_the_reference() {
    let x = DMatrix::from_column_slice(2, 2, &[1.0, 0.5, -0.3, 1.2]);
    for (chi, width, saddle, full) in [
        (1.0, 2.0, -2.672629, -2.858718),
        (1.0, 10.0, -2.680975033, -2.718313),
        (10.0, 10.0, -8.298319185, -8.741590),
    ] {
        let model = TwoLayer {
            phi: Activation::UnscaledErf,
            width,
            weight_variance: 1.5,
            readout_variance: 1.2,
            temperature: 0.1,
            chi,
        };
        let (lam, u) = eigh(&model.kernel(&x, 1 << 20).unwrap()).unwrap();
        let z = u.tr_mul(&DVector::from_column_slice(&[0.8, -0.5]));
        let modes = Modes {
            eigenvalues: lam.as_slice(),
            targets: z.as_slice(),
            temperature: 0.1,
            chi,
        };
        let found = &solve(&[width], &modes).unwrap()[0];
        assert!((found.action + saddle).abs() < 6e-7, "{}", found.action);
        assert!((found.log_evidence.unwrap() - full).abs() < 6e-7);
        // The infinitely wide network, from the same action at Q = 1.
        let limit = -modes.cost(0.0)[0];
        let gaussian = if chi == 1.0 {
            -2.684155932
        } else {
            -9.915634460
        };
        assert!((limit - gaussian).abs() < 6e-10);
    }
}

/// Deep networks can have several stationary points: sorted by action, minima and maxima in turn along `ln Q`.
#[test]
fn all_roots_are_found() {
    let modes = Modes {
        eigenvalues: &[1.0, 1e-4],
        targets: &[0.0, 40.0],
        temperature: 1.0,
        chi: 1.0,
    };
    let all = solve(&[1.0; 6], &modes).unwrap();
    assert!(all.len() >= 3 && all.len() % 2 == 1, "{}", all.len());
    assert!(all.windows(2).all(|w| w[0].action <= w[1].action));
    let minima = all.iter().filter(|s| s.log_evidence.is_some()).count();
    assert_eq!(2 * minima, all.len() + 1);
    assert!(all.iter().all(|s| s.residual < 1e-10));
}

#[test]
fn limits_and_wrong_input() {
    let wide = &solve(&[1e9], &SPECTRUM).unwrap()[0];
    assert!((wide.scale - 1.0).abs() < 1e-7);
    let hot = Modes {
        temperature: 1e9,
        ..SPECTRUM
    };
    assert!((solve(&[4.0], &hot).unwrap()[0].scale - 1.0).abs() < 1e-7);
    assert!(solve(&[], &SPECTRUM).is_err() && solve(&[0.0], &SPECTRUM).is_err());
    let negative = Modes {
        eigenvalues: &[-1.0, 1.0, 1.0, 1.0],
        ..SPECTRUM
    };
    assert!(solve(&[4.0], &negative).is_err());
    let frozen = Modes {
        temperature: 0.0,
        ..SPECTRUM
    };
    assert!(solve(&[4.0], &frozen).is_err());
}
