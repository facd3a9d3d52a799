//! The deterministic equivalent against sampled Gram matrices and regressions on sampled data.

use super::equivalent;
use super::spectrum::{PowerLaw, Spectrum};
use crate::numerics::linalg::{cholesky, eigh, outer_gram, solve_lower, solve_spd};
use crate::numerics::random::{normal_matrix, stream};
use crate::numerics::statistics::mean_stderr;
use nalgebra::{DMatrix, DVector};

fn power_law(alpha: f64, beta: f64, modes: usize, noise: f64) -> Spectrum {
    let spectrum = Spectrum::power_law(PowerLaw::new(alpha, beta), modes).unwrap();
    spectrum.with_noise(noise).unwrap()
}

/// Gaussian features `x_k`, Gram matrix `K = X diag(lam) X^T` of `P` samples.
fn features(modes: &Spectrum, samples: usize, draw: u64) -> (DMatrix<f64>, DMatrix<f64>) {
    let key = [samples as u64, modes.len() as u64, draw];
    let x = normal_matrix(&mut stream(11, "rg equivalent", &key), samples, modes.len());
    let mut scaled = x.clone();
    for (mut column, lam) in scaled.column_iter_mut().zip(modes.eigenvalues()) {
        column *= lam.sqrt();
    }
    (x, outer_gram(&scaled))
}

/// `1/kappa = (1/P) E tr (K + sigma^2)^{-1}` on sampled Gram matrices; the deviation at several sizes falls with `P`.
#[test]
fn kappa_is_the_resolvent_of_sampled_gram_matrices() {
    for (samples, draws) in [(20, 200), (60, 60), (160, 16)] {
        let modes = power_law(1.0, 1.0, 600, 0.0);
        let ridge = 0.1;
        let traces: Vec<f64> = (0..draws)
            .map(|draw| {
                let (eigenvalues, _) = eigh(&features(&modes, samples, draw).1).unwrap();
                eigenvalues.iter().map(|e| 1.0 / (e + ridge)).sum::<f64>() / samples as f64
            })
            .collect();
        let (mean, stderr) = mean_stderr(&traces);
        let theory = 1.0
            / equivalent(&modes, samples as f64, ridge)
                .unwrap()
                .renormalised_ridge;
        let z = (mean - theory) / stderr.unwrap();
        // Corrections of the equivalent are O(1/P): 0.8 % at P = 20.
        let systematic = 0.2 * theory / samples as f64;
        let allowed = 3.0 * stderr.unwrap() + systematic;
        assert!(
            (mean - theory).abs() < allowed,
            "P = {samples}: {mean} {theory} z = {z}"
        );
        assert!(
            3.0 * stderr.unwrap() < 0.02 * theory,
            "the test has no power: {stderr:?} {theory}"
        );
    }
}

/// The learning curve against regression on sampled data: error on the population, training error, posterior variance.
#[test]
fn learning_curves_are_those_of_sampled_regression() {
    for (ridge, noise, samples, draws) in [
        (0.1, 0.0, 40, 120),
        (0.3, 0.05, 100, 40),
        (1e-10, 0.0, 60, 60),
    ] {
        let modes = power_law(1.0, 1.0, 500, noise);
        let coefficients = DVector::from_iterator(500, modes.targets().iter().map(|t| t.sqrt()));
        let mut rows = [const { Vec::new() }; 3];
        for draw in 0..draws {
            let (x, mut gram) = features(&modes, samples, draw);
            let key = [samples as u64, draw];
            let eps = normal_matrix(&mut stream(12, "rg labels", &key), samples, 1);
            let labels = &x * &coefficients + eps.column(0) * f64::sqrt(noise);
            for i in 0..samples {
                gram[(i, i)] += ridge;
            }
            let labels = DMatrix::from_column_slice(samples, 1, labels.as_slice());
            let dual = solve_spd(&gram, &labels).unwrap();
            let mut learned = x.tr_mul(&dual);
            for (value, lam) in learned.iter_mut().zip(modes.eigenvalues()) {
                *value *= lam;
            }
            rows[0].push((learned.column(0) - &coefficients).norm_squared());
            rows[1].push(dual.norm_squared() * ridge * ridge / samples as f64);
            let factor = cholesky(&gram).unwrap();
            let mut half = x.clone();
            solve_lower(&factor, &mut half);
            let explained = half.column_iter().zip(modes.eigenvalues());
            let explained: f64 = explained.map(|(c, lam)| lam * lam * c.norm_squared()).sum();
            rows[2].push(modes.trace() - explained);
        }
        let theory = equivalent(&modes, samples as f64, ridge).unwrap();
        let expected = [
            theory.generalization_error,
            theory.training_error,
            theory.posterior_variance,
        ];
        for (row, expected) in rows.iter().zip(expected) {
            let (mean, stderr) = mean_stderr(row);
            let stderr = stderr.unwrap();
            let z = (mean - expected) / stderr;
            assert!(
                (mean - expected).abs() < 3.0 * stderr + 0.5 * expected / samples as f64,
                "{ridge} {samples} z = {z}: {mean} {expected}"
            );
            assert!(stderr < 0.06 * expected, "no power: {stderr} {expected}");
        }
    }
}
