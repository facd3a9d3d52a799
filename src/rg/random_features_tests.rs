//! Tests of random features: reference numbers, duality, limits, and sampled regression.

use super::*;
use crate::numerics::linalg::{multiply, solve_spd};
use crate::numerics::random::{normal_matrix, stream};
use crate::numerics::statistics::mean_stderr;
use crate::rg::closed_form::best_features_per_sample;
use crate::rg::{PowerLaw, equivalent};
use nalgebra::DMatrix;

fn power_law(alpha: f64, beta: f64, modes: usize, noise: f64) -> Spectrum {
    let spectrum = Spectrum::power_law(PowerLaw::new(alpha, beta), modes).unwrap();
    spectrum.with_noise(noise).unwrap()
}

#[test]
fn errors_meet_the_reference() {
    for (alpha, beta, samples, features, ridge, noise, expected) in [
        (
            1.0,
            1.0,
            100.0,
            300.0,
            1e-3,
            0.0,
            [0.00178586, 36.297154, 18.085120, 0.04286762],
        ),
        (
            1.0,
            1.0,
            300.0,
            100.0,
            1e-3,
            0.0,
            [0.00178586, 36.297154, 18.085120, 0.04286762],
        ),
        (
            1.0,
            1.0,
            100.0,
            300.0,
            1e-4,
            0.02,
            [0.00045869, 71.390714, 36.171118, 0.06489352],
        ),
        (
            0.5,
            0.8,
            200.0,
            200.0,
            1e-3,
            0.05,
            [0.00339249, 91.414759, 35.185887, 0.15270079],
        ),
    ] {
        let modes = power_law(alpha, beta, 1500, noise);
        let curve = random_features(&modes, samples, features, ridge).unwrap();
        assert!((curve.threshold - expected[0]).abs() < 6e-9, "{curve:?}");
        assert!(
            (curve.learned_modes - expected[1]).abs() < 6e-7,
            "{curve:?}"
        );
        assert!(
            (curve.squared_modes - expected[2]).abs() < 6e-7,
            "{curve:?}"
        );
        assert!((curve.total_error - expected[3]).abs() < 6e-9, "{curve:?}");
        // The two renormalisations, one after the other.
        let first = ridge / (1.0 - curve.learned_modes / samples);
        assert!((curve.sample_ridge / first - 1.0).abs() < 1e-12);
    }
    let dual = random_features(&power_law(1.0, 1.0, 1500, 0.02), 300.0, 100.0, 1e-4).unwrap();
    assert!((dual.total_error - 0.05561856).abs() < 6e-9);
}

/// Samples and features are dual for a matched target without noise; noise and other targets break it.
#[test]
fn samples_and_features_are_dual() {
    let modes = power_law(0.7, 0.7, 2000, 0.0);
    for (p, n, ridge) in [
        (50.0, 400.0, 1e-3),
        (90.0, 100.0, 1e-7),
        (30.0, 31.0, 0.0),
        (80.0, 4000.0, 0.1),
    ] {
        let curve = random_features(&modes, p, n, ridge).unwrap();
        let dual = random_features(&modes, n, p, ridge).unwrap();
        assert!((curve.threshold / dual.threshold - 1.0).abs() < 1e-12);
        let ratio = curve.generalization_error / dual.generalization_error;
        assert!((ratio - 1.0).abs() < 1e-8, "{p} {n} {ratio}");
        let (df1, df2) = (curve.learned_modes, curve.squared_modes);
        let symmetric = curve.threshold * p * n * (df1 - df2)
            / (p * n - df2 * (p + n) + 2.0 * df1 * df2 - df1 * df1);
        assert!((curve.generalization_error / symmetric - 1.0).abs() < 1e-8);
    }
    let other = power_law(0.7, 1.5, 2000, 0.0);
    let a = random_features(&other, 50.0, 400.0, 1e-3).unwrap();
    let b = random_features(&other, 400.0, 50.0, 1e-3).unwrap();
    assert!((a.generalization_error / b.generalization_error - 1.0).abs() > 1e-2);
}

/// Infinitely many features are kernel ridge regression with the ridge `P l`.
#[test]
fn many_features_are_kernel_regression() {
    let modes = power_law(1.0, 0.8, 2000, 0.05);
    let kernel = equivalent(&modes, 120.0, 0.3).unwrap();
    let deviation = |features| {
        let curve = random_features(&modes, 120.0, features, 0.3 / 120.0).unwrap();
        (curve.total_error / kernel.total_error - 1.0).abs()
    };
    assert!(deviation(1e10) < 1e-8);
    assert!((deviation(1e5) / deviation(1e6) - 10.0).abs() < 0.1);
}

#[test]
fn the_ridgeless_peak_and_the_best_ratio_are_where_they_must_be() {
    let modes = power_law(1.0, 1.0, 1500, 0.0);
    let many = power_law(1.0, 1.0, 20_000, 0.0);
    for (features, expected) in [(95.0, 0.511), (100.0, 6.02), (105.0, 0.509)] {
        let found = random_features(&many, 100.0, features, 1e-9)
            .unwrap()
            .total_error;
        assert!((found / expected - 1.0).abs() < 1e-3, "{features} {found}");
    }
    // Ridgeless, N < P: E = kappa_2 N/(1 - N/P).
    let curve = random_features(&modes, 100.0, 40.0, 0.0).unwrap();
    assert!((curve.total_error / (curve.threshold * 40.0 / 0.6) - 1.0).abs() < 1e-12);
    assert!(random_features(&modes, 100.0, 100.0, 0.0).is_err());
    assert!(
        random_features(&modes, 2000.0, 3000.0, 0.0)
            .unwrap_err()
            .to_string()
            .contains("D = 1500")
    );
    assert!(random_features(&modes, 2000.0, 3000.0, 0.1).is_ok());
}

/// Without ridge the best number of features per sample is `alpha/(2 + alpha)` at fixed cost `N P`, up to `O(1/N)`.
#[test]
fn the_best_ratio_is_that_of_the_closed_form() {
    for alpha in [0.5, 1.0, 2.0] {
        let law = PowerLaw::new(alpha, alpha);
        // Relative to the closed form.
        let best = |cost: f64| {
            let modes = Spectrum::infinite(law, 20_000)
                .unwrap()
                .with_tail(law, 1.0)
                .unwrap();
            let error = |log: f64| {
                let ratio = log.exp();
                let samples = (cost / ratio).sqrt();
                random_features(&modes, samples, samples * ratio, 0.0)
                    .unwrap()
                    .total_error
            };
            let start = best_features_per_sample(alpha).unwrap().ln();
            // The vertex of a parabola through three points near the minimum.
            let h = 0.05;
            let (a, b, c) = (error(start - h), error(start), error(start + h));
            (0.5 * h * (a - c) / (a - 2.0 * b + c)).exp()
        };
        let (small, large) = (best(4e4) - 1.0, best(4e6) - 1.0);
        assert!(
            small.abs() < 0.015 && large.abs() < 0.002,
            "{alpha} {small} {large}"
        );
        assert!(large.abs() < 0.5 * small.abs());
    }
}

/// Sampled data and features at small size: the error on the population, exactly summed.
#[test]
fn errors_are_those_of_sampled_regression() {
    for (samples, features, ridge, noise) in [
        (40, 90, 1e-3, 0.0),
        (90, 40, 1e-3, 0.0),
        (60, 60, 3e-3, 0.05),
    ] {
        let modes = power_law(1.0, 1.0, 300, noise);
        let root: Vec<f64> = modes.eigenvalues().iter().map(|l| l.sqrt()).collect();
        // Matched target: x-space coefficients are all 1.
        let errors: Vec<f64> = (0..150)
            .map(|draw| {
                let mut rng = stream(5, "rg random features", &[samples, features, draw]);
                let mut x = normal_matrix(&mut rng, samples as usize, 300);
                for (k, mut column) in x.column_iter_mut().enumerate() {
                    column *= root[k];
                }
                let f = normal_matrix(&mut rng, 300, features as usize) / (features as f64).sqrt();
                let eps = normal_matrix(&mut rng, samples as usize, 1) * f64::sqrt(noise);
                let labels = x.column_sum() + eps.column(0);
                let labels = DMatrix::from_column_slice(samples as usize, 1, labels.as_slice());
                let v = multiply(&x, &f);
                let mut gram = multiply(&v, &v.transpose());
                for i in 0..samples as usize {
                    gram[(i, i)] += ridge * samples as f64;
                }
                let weights = v.tr_mul(&solve_spd(&gram, &labels).unwrap());
                let learned = &f * weights;
                let terms = learned.iter().zip(modes.eigenvalues());
                terms.map(|(b, lam)| lam * (b - 1.0) * (b - 1.0)).sum()
            })
            .collect();
        let (mean, stderr) = mean_stderr(&errors);
        let stderr = stderr.unwrap();
        let expected = random_features(&modes, samples as f64, features as f64, ridge).unwrap();
        let expected = expected.generalization_error;
        let z = (mean - expected) / stderr;
        assert!(
            (mean - expected).abs() < 3.0 * stderr,
            "{samples} {features} z = {z}"
        );
        assert!(stderr < 0.04 * expected);
    }
}
