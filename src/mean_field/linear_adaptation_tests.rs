//! Tests of linear kernel adaptation.

use super::*;
use crate::kernel::Activation;
use crate::theory::linear_posterior;

const SPECTRUM: Modes = Modes {
    eigenvalues: &[2.0, 1.0, 0.5, 0.25],
    targets: &[1.0, 2.0, 1.0, 0.5],
    temperature: 0.1,
    chi: 1.0,
};

/// Section 4.3: five samples of three inputs, in mean-field scaling.
pub(in crate::mean_field) fn five() -> (TwoLayer, DMatrix<f64>, [f64; 5]) {
    let x = [
        2.04, -2.56, 0.42, -0.57, -0.45, -0.22, -2.02, -0.23, -0.87, 3.32, 0.23, -0.35, -0.28,
        -0.67, -1.06,
    ];
    let model = TwoLayer {
        phi: Activation::Linear,
        width: 40.0,
        weight_variance: 1.5,
        readout_variance: 0.8,
        temperature: 0.3,
        chi: 40.0,
    };
    (
        model,
        DMatrix::from_column_slice(3, 5, &x),
        [-0.39, 0.48, -0.24, 0.96, -0.2],
    )
}

#[test]
fn scales_meet_the_reference() {
    for (width, q) in [(4.0, 1.85863565), (10.0, 1.42785945), (1000.0, 1.00563449)] {
        let found = solve_modes(width, &SPECTRUM).unwrap();
        assert!((found.scale - q).abs() < 6e-9 && found.residual < 1e-12);
    }
    let (model, x, y) = five();
    let found = solve(&model, &x, &y).unwrap();
    assert!((found.saddle.scale - 1.2429085609).abs() < 6e-11);
    assert!((found.saddle.action / model.width - 0.999560252424).abs() < 6e-13);
}

/// What the matrices say about themselves: `t = (Q + T)^{-1} y`, `Q t = q K t`, the stationarity of `Sigma`.
#[test]
fn identities_of_the_saddle_point() {
    let (mut model, x, y) = five();
    model.chi = 9.0;
    let found = solve(&model, &x, &y).unwrap();
    let t = &found.discrepancies;
    let y = DVector::from_column_slice(&y);
    assert!((&found.kernel * t + t * model.temperature - &y).amax() < 1e-10);
    assert!((&found.kernel * t - &found.mean).amax() < 1e-12);
    let k = x.tr_mul(&x) * (model.readout_variance * model.weight_variance / 3.0);
    assert!((&found.kernel * t - &k * t * found.saddle.scale).amax() < 1e-12);
    // Sigma^{-1} = (d/s_w^2) I - (chi s_a^2/N) v v^T
    let v = &x * t;
    let inverse = DMatrix::identity(3, 3) * (3.0 / model.weight_variance)
        - &v * v.transpose() * (model.chi * model.readout_variance / model.width);
    assert!((inverse * &found.weight_covariance - DMatrix::identity(3, 3)).amax() < 1e-12);
    assert!((found.predict(&x).unwrap() - &found.mean).amax() < 1e-12);
    assert!(found.predict(&DMatrix::zeros(2, 1)).is_err());
}

/// The exact posterior at `chi = N`: action and predictor at leading order, the evidence to `O(1/N)`.
#[test]
fn exact_posterior_in_mean_field_scaling() {
    let errors = |n: usize| {
        let chi = n as f64;
        let modes = Modes { chi, ..SPECTRUM };
        let scaled: Vec<f64> = modes.eigenvalues.iter().map(|l| l / chi).collect();
        let exact = linear_posterior::solve(&[n], &scaled, modes.targets, 0.1 / chi).unwrap();
        let here = solve_modes(chi, &modes).unwrap();
        let ln_z = exact.log_evidence + 2.0 * (std::f64::consts::TAU * 0.1 / chi).ln();
        [
            ln_z - here.log_evidence,
            exact.scale - here.scale,
            exact.mean[1] - here.discrepancies[1] * here.scale,
        ]
    };
    let (wide, wider) = (errors(200), errors(400));
    for (a, b) in wide.iter().zip(&wider) {
        assert!(a.abs() < 0.05 && (a / b - 2.0).abs() < 0.1, "{a} {b}");
    }
}

/// Rotation of the data rotates the covariance; weak tilt and high temperature leave the prior.
#[test]
fn limits_and_symmetry() {
    let (model, x, y) = five();
    let found = solve(&model, &x, &y).unwrap();
    let (c, s) = (0.6, 0.8);
    let turn = DMatrix::from_row_slice(3, 3, &[c, -s, 0.0, s, c, 0.0, 0.0, 0.0, 1.0]);
    let turned = solve(&model, &(&turn * &x), &y).unwrap();
    let expected = &turn * &found.weight_covariance * turn.transpose();
    assert!((turned.weight_covariance - expected).amax() < 1e-12);
    let weak = TwoLayer {
        chi: 1e-8,
        ..model.clone()
    };
    assert!((solve(&weak, &x, &y).unwrap().saddle.scale - 1.0).abs() < 1e-8);
    let hot = TwoLayer {
        temperature: 1e8,
        ..model.clone()
    };
    let hot = solve(&hot, &x, &y).unwrap();
    assert!((hot.saddle.scale - 1.0).abs() < 1e-8 && hot.mean.amax() < 1e-6);
    let nothing = solve(&model, &x, &[0.0; 5]).unwrap();
    assert_eq!(nothing.saddle.scale, 1.0);
}

#[test]
fn wrong_input_is_refused() {
    let (model, x, y) = five();
    assert!(solve(&model, &x, &y[..4]).is_err());
    let erf = TwoLayer {
        phi: Activation::Erf,
        ..model
    };
    assert!(solve(&erf, &x, &y).is_err());
    assert!(solve_modes(0.0, &SPECTRUM).is_err());
}
