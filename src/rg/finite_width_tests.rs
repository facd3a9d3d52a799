//! Tests of the finite-width posterior: reference numbers, importance sampling over all weights, large width.

use super::*;
use crate::numerics::linalg::outer_gram;
use crate::numerics::random::{normal_matrix, stream};

/// `phi_{mu k} = sqrt 2 cos(mu k)`, `lam = k^-2`, `y = 3/k`.
fn deterministic() -> (DMatrix<f64>, Vec<f64>, DMatrix<f64>, DVector<f64>) {
    let phi = DMatrix::from_fn(40, 20, |mu, k| {
        2f64.sqrt() * (((mu + 1) * (k + 1)) as f64).cos()
    });
    let eigenvalues: Vec<f64> = (1..=20).map(|k| 1.0 / (k * k) as f64).collect();
    let mut scaled = phi.clone();
    for (mut column, lam) in scaled.column_iter_mut().zip(&eigenvalues) {
        column *= lam.sqrt();
    }
    let gram = outer_gram(&scaled);
    let targets = &phi * DVector::from_fn(20, |k, _| 3.0 / (k + 1) as f64);
    (phi, eigenvalues, gram, targets)
}

#[test]
fn scales_meet_the_reference() {
    let (phi, eigenvalues, gram, targets) = deterministic();
    for (width, expected) in [
        (5.0, [2.28470988, 0.61576415, 2.84048553, 0.58185561]),
        (80.0, [1.23130708, 0.15643525, 2.81225566, 0.78075169]),
    ] {
        let posterior = scale_posterior(&gram, &targets, 0.2, width).unwrap();
        let theta = posterior.coefficients(&phi, &eigenvalues).unwrap();
        let error: f64 = theta
            .iter()
            .enumerate()
            .map(|(k, t)| (t - 3.0 / (k + 1) as f64).powi(2))
            .sum();
        let found = [posterior.mean, posterior.deviation, theta[0], error];
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() < 6e-9,
                "{width} {found} {expected}"
            );
        }
    }
}

/// The first order in `1/N`, by its own formula, and its approach.
#[test]
fn wide_networks_are_gaussian_processes() {
    let (_, _, gram, targets) = deterministic();
    let mut s = gram.clone();
    for i in 0..40 {
        s[(i, i)] += 0.2;
    }
    let inverse = s.try_inverse().unwrap();
    let u = &inverse * &targets;
    let slope = u.dot(&(&gram * &u)) - (&gram * &inverse).trace();
    let error = |width: f64| {
        let posterior = scale_posterior(&gram, &targets, 0.2, width).unwrap();
        assert!((&posterior.dual - &u).norm() < 30.0 * u.norm() / width);
        (posterior.mean - 1.0) * width / slope - 1.0
    };
    let (coarse, fine) = (error(1e5), error(1e6));
    assert!(
        fine.abs() < 1e-3 && (coarse / fine - 10.0).abs() < 0.5,
        "{coarse} {fine}"
    );
}

/// Sampling of all weights of the network from the prior, weighted by the likelihood: nothing of the scale mixture is
/// used.
#[test]
fn small_networks_are_those_of_sampled_weights() {
    let (samples, inputs, ridge) = (4, 3, 1.0);
    let phi = DMatrix::from_fn(samples, inputs, |mu, k| {
        2f64.sqrt() * (((mu + 1) * (k + 1)) as f64).cos()
    });
    let eigenvalues = [1.0, 0.5, 0.25];
    let targets = &phi * DVector::from_column_slice(&[1.2, 0.5, -0.4]);
    let kernel = DMatrix::from_diagonal(&DVector::from_column_slice(&eigenvalues));
    let gram = &phi * &kernel * phi.transpose();
    for width in [1usize, 2, 3] {
        let (blocks, draws) = (20, 20_000);
        let mut means = [const { Vec::new() }; 2];
        for block in 0..blocks {
            let mut rng = stream(8, "rg finite width", &[width as u64, block]);
            let mut sums = [0.0; 3];
            for _ in 0..draws {
                let w = normal_matrix(&mut rng, inputs + 1, width);
                let a = w.row(inputs);
                let mut theta = [0.0; 3];
                for (k, theta) in theta.iter_mut().enumerate() {
                    *theta = f64::sqrt(eigenvalues[k] / width as f64) * w.row(k).dot(&a);
                }
                let f = &phi * DVector::from_column_slice(&theta);
                let weight = (-(&targets - f).norm_squared() / (2.0 * ridge)).exp();
                sums[0] += weight;
                sums[1] += weight * a.norm_squared() / width as f64;
                sums[2] += weight * theta[0];
            }
            means[0].push(sums[1] / sums[0]);
            means[1].push(sums[2] / sums[0]);
        }
        let posterior = scale_posterior(&gram, &targets, ridge, width as f64).unwrap();
        let theta = posterior.coefficients(&phi, &eigenvalues).unwrap();
        for (row, expected) in means.iter().zip([posterior.mean, theta[0]]) {
            let (mean, stderr) = crate::numerics::statistics::mean_stderr(row);
            let stderr = stderr.unwrap();
            let z = (mean - expected) / stderr;
            assert!(z.abs() < 3.5, "{width} {mean} {expected} {z}");
            assert!(stderr < 0.01 * expected, "no power");
        }
    }
    let (mut fourth, mut second) = (0.0, 0.0);
    let mut rng = stream(9, "rg finite width prior", &[]);
    for _ in 0..200_000 {
        let w = normal_matrix(&mut rng, 2, 5);
        let f = w.row(0).dot(&w.row(1)) / 5f64.sqrt();
        second += f * f / 2e5;
        fourth += f.powi(4) / 2e5;
    }
    let cumulant = fourth - 3.0 * second * second;
    assert!(
        (cumulant - prior_cumulant(1.0, 5.0)).abs() < 0.15,
        "{cumulant}"
    );
}

#[test]
fn bad_data_are_refused() {
    let (_, _, gram, targets) = deterministic();
    let good = scale_posterior(&gram, &targets, 0.2, 5.0).unwrap();
    assert!(good.coefficients(&gram, &[1.0]).is_err());
    assert!(scale_posterior(&gram, &targets, 0.0, 5.0).is_err());
    assert!(scale_posterior(&gram, &targets, 0.2, 0.0).is_err());
    assert!(
        scale_posterior(&-gram.clone(), &targets, 0.2, 5.0)
            .unwrap_err()
            .to_string()
            .contains("negative")
    );
    assert!(scale_posterior(&gram, &DVector::zeros(3), 0.2, 5.0).is_err());
}
