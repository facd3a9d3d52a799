//! One hidden layer on power-law features: reference numbers, importance sampling over all weights, large width.

use super::predict;
use crate::numerics::random::{normal_matrix, stream};
use crate::numerics::statistics::mean_stderr;
use nalgebra::{DMatrix, DVector};

/// `phi_{mu k} = sqrt 2 cos(mu k)`, `lam = k^-2`; inputs `sqrt(lam_k) phi_{mu k}` and the points at which the output is
/// the coefficient `theta_k` of `phi_k`.
fn inputs(modes: usize, samples: usize) -> (DMatrix<f64>, DMatrix<f64>) {
    let root = |k: usize| 1.0 / (k + 1) as f64;
    let phi = |k: usize, mu: usize| 2f64.sqrt() * (((mu + 1) * (k + 1)) as f64).cos();
    let x = DMatrix::from_fn(modes, samples, |k, mu| root(k) * phi(k, mu));
    let points = DMatrix::from_diagonal(&DVector::from_fn(modes, |k, _| root(k)));
    (x, points)
}

/// Targets with the coefficients `y_k` of `phi_k`.
fn targets(x: &DMatrix<f64>, y: impl Fn(usize) -> f64) -> DMatrix<f64> {
    let map = DMatrix::from_fn(1, x.nrows(), |_, k| y(k) * (k + 1) as f64);
    map * x
}

#[test]
fn scales_and_coefficients_meet_the_reference() {
    let (x, points) = inputs(20, 40);
    let y = targets(&x, |k| 3.0 / (k + 1) as f64);
    for (width, expected) in [
        (5, [2.28470988, 2.84048553, 0.58185561]),
        (80, [1.23130708, 2.81225566, 0.78075169]),
    ] {
        let found = predict(&[width], 1.0, 0.2, &x, &y, &points).unwrap();
        let square = |(k, t): (usize, &f64)| (t - 3.0 / (k + 1) as f64).powi(2);
        let error: f64 = found.mean.iter().enumerate().map(square).sum();
        for (found, expected) in [found.scales[0], found.mean[0], error].iter().zip(expected) {
            assert!(
                (found - expected).abs() < 6e-9,
                "{width} {found} {expected}"
            );
        }
    }
}

/// The first order in `1/N` by its own formula, `E[q] - 1 = (t' S^-1 K S^-1 t - tr K S^-1)/N`, `S = K + T`.
#[test]
fn the_scale_leaves_one_as_one_over_the_width() {
    let (x, points) = inputs(20, 40);
    let y = targets(&x, |k| 3.0 / (k + 1) as f64);
    let gram = x.tr_mul(&x);
    let s = &gram + DMatrix::identity(40, 40) * 0.2;
    let inverse = s.try_inverse().unwrap();
    let u = &inverse * y.transpose();
    let slope = u.dot(&(&gram * &u)) - (&gram * &inverse).trace();
    let error = |width: usize| {
        let found = predict(&[width], 1.0, 0.2, &x, &y, &points).unwrap();
        (found.scales[0] - 1.0) * width as f64 / slope - 1.0
    };
    let (coarse, fine) = (error(100_000), error(1_000_000));
    assert!(
        fine.abs() < 1e-3 && (coarse / fine - 10.0).abs() < 0.5,
        "{coarse} {fine}"
    );
}

/// All weights from the prior, weighted by the likelihood: nothing of the mixture is used.
#[test]
fn narrow_networks_are_those_of_sampled_weights() {
    let (samples, modes, temperature) = (4, 3, 1.0);
    let (x, points) = inputs(modes, samples);
    let y = targets(&x, |k| [1.2, 0.5, -0.4][k]);
    for width in [1usize, 2, 3] {
        let mut means = [const { Vec::new() }; 2];
        for block in 0..20 {
            let mut rng = stream(8, "width of a linear layer", &[width as u64, block]);
            let mut sums = [0.0; 3];
            for _ in 0..20_000 {
                let w = normal_matrix(&mut rng, modes + 1, width);
                let a = w.row(modes);
                let map =
                    DMatrix::from_fn(1, modes, |_, k| w.row(k).dot(&a) / (width as f64).sqrt());
                let weight = (-(&y - &map * &x).norm_squared() / (2.0 * temperature)).exp();
                sums[0] += weight;
                sums[1] += weight * a.norm_squared() / width as f64;
                sums[2] += weight * map[0];
            }
            means[0].push(sums[1] / sums[0]);
            means[1].push(sums[2] / sums[0]);
        }
        let found = predict(&[width], 1.0, temperature, &x, &y, &points).unwrap();
        for (row, expected) in means.iter().zip([found.scales[0], found.mean[0]]) {
            let (mean, stderr) = mean_stderr(row);
            let stderr = stderr.unwrap();
            let z = (mean - expected) / stderr;
            assert!(z.abs() < 3.5, "{width} {mean} {expected} {z}");
            assert!(stderr < 0.01 * expected, "no power");
        }
    }
}
