//! Tests of the learning curve: reference table, limits, and simulated ridge regression.

use super::*;
use crate::numerics::linalg::solve_spd;
use crate::numerics::random::{normal_matrix, stream};
use crate::numerics::statistics::mean_stderr;
use crate::rg::{Level, equivalent_kernel};
use nalgebra::DMatrix;

/// `M = 200`, `lam_k = k^-1.5`, `w_k^2 = k^-2`
fn levels() -> Vec<Level> {
    (1..=200)
        .map(|k| k as f64)
        .map(|k| Level::single(k.powf(-1.5), k.powi(-2)))
        .collect()
}

fn power_law(noise: f64) -> Spectrum {
    Spectrum::new(&levels()).unwrap().with_noise(noise).unwrap()
}

#[test]
fn reference_table_is_met() {
    let table = [
        (10.0, 1e-3, [0.89828452, 0.35223729, 0.24088016, 0.29525767]),
        (30.0, 1e-3, [0.44914587, 0.42391669, 0.07647187, 0.15005788]),
        (
            100.0,
            1e-3,
            [0.13351488, 0.60652607, 0.01431350, 0.16845994],
        ),
        (30.0, 0.1, [0.60891315, 0.34351073, 0.08382363, 0.13614905]),
        (100.0, 0.1, [0.31563518, 0.35858402, 0.01989470, 0.07579976]),
    ];
    for (p, ridge, exact) in table {
        let clean = learning_curve(&power_law(0.0), p, ridge).unwrap();
        let noisy = learning_curve(&power_law(0.1), p, ridge).unwrap();
        let found = [
            clean.renormalised_ridge,
            clean.gamma,
            clean.generalization_error,
            noisy.generalization_error,
        ];
        for (found, exact) in found.iter().zip(exact) {
            assert!(
                (found - exact).abs() < 5.1e-9,
                "{p} {ridge}: {found} {exact}"
            );
        }
        assert!(clean.residual < 1e-13);
    }
}

#[test]
fn without_samples_or_with_infinite_ridge_nothing_is_learned() {
    let noisy = power_law(0.3);
    let total = noisy.target_power();
    let none = learning_curve(&noisy, 0.0, 1e-3).unwrap();
    assert!((none.generalization_error - total).abs() < 1e-14 && none.gamma == 0.0);
    let stiff = learning_curve(&noisy, 50.0, 1e12).unwrap();
    assert!((stiff.generalization_error - total).abs() < 1e-9);
    assert!((stiff.training_error - total - 0.3).abs() < 1e-9);
}

#[test]
fn equal_modes_follow_the_closed_form() {
    let (m, lam) = (40.0, 0.7);
    let grouped = Spectrum::new(&[Level {
        eigenvalue: lam,
        multiplicity: m,
        target: 3.0,
    }]);
    let grouped = grouped.unwrap();
    let single = Spectrum::new(&[Level::single(lam, 3.0 / m); 40]).unwrap();
    for p in [1.0, 10.0, 39.0] {
        for spectrum in [&grouped, &single] {
            let curve = learning_curve(spectrum, p, 0.0).unwrap();
            assert!((curve.renormalised_ridge / (lam * (m - p)) - 1.0).abs() < 1e-13);
            assert!((curve.generalization_error - 3.0 * (1.0 - p / m)).abs() < 1e-11);
            assert_eq!(curve.training_error, 0.0);
        }
    }
    // Beyond the rank: ordinary least squares, E_g = s_n^2 M/(P - M), E_tr = s_n^2 (1 - M/P).
    let noisy = grouped.with_noise(0.5).unwrap();
    let curve = learning_curve(&noisy, 100.0, 0.0).unwrap();
    assert_eq!(curve.renormalised_ridge, 0.0);
    assert!((curve.generalization_error - 0.5 * 40.0 / 60.0).abs() < 1e-14);
    assert!((curve.training_error - 0.5 * 0.6).abs() < 1e-14);
    assert!(learning_curve(&noisy, 40.0, 0.0).is_err());
}

#[test]
fn the_limit_of_no_ridge_is_continuous() {
    let spectrum = power_law(0.2);
    for p in [30.0, 300.0] {
        let limit = learning_curve(&spectrum, p, 0.0).unwrap();
        let near = learning_curve(&spectrum, p, 1e-11).unwrap();
        for (a, b) in [
            (limit.generalization_error, near.generalization_error),
            (limit.training_error, near.training_error),
            (limit.gamma, near.gamma),
            (limit.slope, near.slope),
            (limit.learned_modes, near.learned_modes),
        ] {
            assert!((a - b).abs() < 1e-6 * (1.0 + a.abs()), "{p}: {a} {b}");
        }
    }
}

#[test]
fn unlearnable_modes_act_as_noise() {
    for (p, ridge) in [(30.0, 1e-2), (300.0, 0.0)] {
        let hidden = [levels(), vec![Level::single(0.0, 0.4)]].concat();
        let hidden = learning_curve(&Spectrum::new(&hidden).unwrap(), p, ridge).unwrap();
        let noisy = learning_curve(&power_law(0.4), p, ridge).unwrap();
        assert!((hidden.generalization_error - noisy.generalization_error - 0.4).abs() < 1e-13);
        assert!((hidden.training_error - noisy.training_error).abs() < 1e-13);
    }
}

/// The levels' errors sum to the whole, with fluctuations and without.
#[test]
fn level_errors_sum_to_the_error() {
    let spectrum = power_law(0.2);
    for curve in [
        learning_curve(&spectrum, 40.0, 1e-2).unwrap(),
        learning_curve(&spectrum, 400.0, 0.0).unwrap(),
        equivalent_kernel(&spectrum, 40.0, 1e-2).unwrap(),
    ] {
        let sum: f64 = spectrum.levels().map(|l| curve.level_error(&l)).sum();
        assert!((sum / curve.generalization_error - 1.0).abs() < 1e-12);
    }
}

#[test]
fn at_large_temperature_the_equivalent_kernel_is_recovered() {
    let spectrum = power_law(0.1);
    let (p, t) = (1e8, 1e7);
    let curve = learning_curve(&spectrum, p, t).unwrap();
    let dense = equivalent_kernel(&spectrum, p, t).unwrap();
    for &lam in spectrum.eigenvalues() {
        assert!((curve.learnability(lam) - dense.learnability(lam)).abs() < 1e-6);
    }
    for (a, b) in [
        (curve.generalization_error, dense.generalization_error),
        (curve.training_error, dense.training_error),
        (curve.slope, dense.slope),
        (curve.posterior_variance, dense.posterior_variance),
    ] {
        assert!((a / b - 1.0).abs() < 1e-5, "{a} {b}");
    }
    assert!(equivalent_kernel(&spectrum, p, 0.0).is_err());
    let prior = equivalent_kernel(&spectrum, 0.0, t).unwrap();
    assert_eq!(prior.bias, spectrum.target_power());
}

/// `E_g` and `E_tr` of one draw with Gaussian features, exact given the draw.
fn simulate(levels: &[Level], p: usize, ridge: f64, noise: f64, draw: u64) -> [f64; 2] {
    let mut rng = stream(5, "gaussian-features", &[draw]);
    let features = normal_matrix(&mut rng, levels.len(), p);
    let w = DMatrix::from_fn(1, levels.len(), |_, k| levels[k].target.sqrt());
    let y = &w * &features + normal_matrix(&mut rng, 1, p) * noise.sqrt();
    let scaled = DMatrix::from_fn(levels.len(), p, |k, i| {
        levels[k].eigenvalue.sqrt() * features[(k, i)]
    });
    let shifted = scaled.tr_mul(&scaled) + DMatrix::identity(p, p) * ridge;
    let t = solve_spd(&shifted, &y.transpose()).unwrap();
    let learned = &scaled * &t;
    let error =
        (0..levels.len()).map(|k| (levels[k].eigenvalue.sqrt() * learned[k] - w[k]).powi(2));
    [error.sum(), ridge * ridge * t.norm_squared() / p as f64]
}

#[test]
fn gaussian_feature_regression_agrees() {
    let levels = levels();
    let cases = [
        (10, 1e-3, 300),
        (30, 1e-3, 300),
        (100, 1e-3, 100),
        (30, 0.1, 300),
        (100, 0.1, 100),
    ];
    for (p, ridge, draws) in cases {
        let theory = learning_curve(&power_law(0.1), p as f64, ridge).unwrap();
        let results: Vec<[f64; 2]> = (0..draws)
            .map(|draw| simulate(&levels, p, ridge, 0.1, draw))
            .collect();
        let predicted = [theory.generalization_error, theory.training_error];
        for (k, exact) in predicted.into_iter().enumerate() {
            let values: Vec<f64> = results.iter().map(|r| r[k]).collect();
            let (mean, error) = mean_stderr(&values);
            let z = (mean - exact) / error.unwrap();
            assert!(
                z.abs() < 3.0,
                "P = {p}, ridge = {ridge}: {mean} {exact} z = {z}"
            );
            assert!(error.unwrap() < 0.1 * exact, "the test has no power");
        }
    }
}
