//! Tests of the first correction to the Gaussian process limit.

use super::*;
use crate::kernel::Activation;
use crate::numerics::linalg::eigh;
use crate::theory::linear_posterior;

/// What is called with the weight and the features of every neuron.
type See<'a> = &'a mut dyn FnMut(f64, &[f64]);

/// Neurons of two inputs with `w ~ N(0, s_w^2/2)` by trapezoid sums: the columns of `x` are the points.
fn plane(phi: Activation, x: DMatrix<f64>, weight_variance: f64) -> impl Fn(See<'_>) {
    move |see: See<'_>| {
        let (h, sd) = (0.15, (0.5 * weight_variance).sqrt());
        for i in -60..=60 {
            for j in -60..=60 {
                let z = [h * i as f64, h * j as f64];
                let weight = (-0.5 * (z[0] * z[0] + z[1] * z[1])).exp();
                let at = |c: usize| phi.value(sd * (z[0] * x[(0, c)] + z[1] * x[(1, c)]));
                let values: Vec<f64> = (0..x.ncols()).map(at).collect();
                see(weight, &values);
            }
        }
    }
}

/// Importance sampling and the exact integrals behind section 0 of the theory file gave these digits.
#[test]
fn erf_network_meets_the_reference() {
    let x = DMatrix::from_column_slice(2, 2, &[1.0, 0.5, -0.3, 1.2]);
    let slope = slope(
        plane(Activation::UnscaledErf, x, 1.5),
        &[0.8, -0.5],
        1.2,
        0.1,
        1.0,
    )
    .unwrap();
    assert!((slope.slope[0] + 0.111786483).abs() < 6e-10);
    assert!((slope.slope[1] - 0.054714846).abs() < 6e-10);
}

/// Linear networks have an exact posterior at every width: `N (fbar_N - fbar_inf)` extrapolates to the slope, at
/// training and at test inputs, for every `chi`.
#[test]
fn linear_network_meets_its_exact_posterior() {
    let x = DMatrix::from_column_slice(2, 4, &[1.0, 0.5, -0.3, 1.2, 0.7, -0.9, 2.0, 0.4]);
    let (y, weight, readout, temperature) = ([0.8, -0.5], 1.5, 1.2, 0.3);
    for chi in [1.0, 2.5] {
        let slope = slope(
            plane(Activation::Linear, x.clone(), weight),
            &y,
            readout,
            temperature,
            chi,
        )
        .unwrap();
        let kernel = x.tr_mul(&x.columns(0, 2)) * (readout * weight / 2.0);
        let (lam, u) = eigh(&kernel.rows(0, 2).into_owned()).unwrap();
        let z = u.tr_mul(&DVector::from_column_slice(&y));
        let exact = |n: usize| -> DVector<f64> {
            let scaled: Vec<f64> = lam.iter().map(|l| l / chi).collect();
            let posterior =
                linear_posterior::solve(&[n], &scaled, z.as_slice(), temperature / chi).unwrap();
            let modes = DVector::from_fn(2, |i, _| posterior.mean[i] / lam[i]);
            &kernel * (&u * modes)
        };
        // Richardson: N (fbar_N - fbar) = slope + c/N + ...
        let limit = DVector::from_column_slice(&slope.limit);
        let at = |n: usize| (exact(n) - &limit) * n as f64;
        let extrapolated = at(1600) * 2.0 - at(800);
        for (measured, slope) in extrapolated.iter().zip(&slope.slope) {
            assert!(
                (measured - slope).abs() < 2e-5 * (1.0 + slope.abs()),
                "{measured} {slope}"
            );
        }
        let first = DVector::from_column_slice(&slope.at_width(800.0));
        assert!((first - exact(800)).amax() < 2e-5);
    }
}

/// Networks of forty neurons drawn from the prior, whose read-outs are integrated out, weighted by their likelihood.
#[test]
fn importance_sampling_of_networks_meets_the_slope_at_a_test_input() {
    use crate::numerics::random::{normal_matrix, stream};
    let x = DMatrix::from_column_slice(2, 3, &[1.0, 0.5, -0.3, 1.2, 0.6, -0.8]);
    let (y, weight, readout, temperature, width) = ([0.8, -0.5], 1.5f64, 1.2, 0.1, 40);
    let expected = slope(
        plane(Activation::UnscaledErf, x.clone(), weight),
        &y,
        readout,
        temperature,
        1.0,
    )
    .unwrap();
    let y = DVector::from_column_slice(&y);
    let mut rng = stream(5, "networks", &[]);
    let (blocks, each) = (40, 1500);
    let mut found = vec![[0.0; 3]; blocks];
    for block in &mut found {
        let (mut sum, mut mean) = (0.0, DVector::zeros(3));
        for _ in 0..each {
            let w = normal_matrix(&mut rng, width, 2) * (0.5 * weight).sqrt();
            let phi = (&w * &x).map(|h| Activation::UnscaledErf.value(h));
            let kernel = phi.tr_mul(&phi) * (readout / width as f64);
            let shifted =
                kernel.fixed_view::<2, 2>(0, 0) + nalgebra::Matrix2::identity() * temperature;
            let inverse = shifted.try_inverse().unwrap();
            let t = inverse * nalgebra::Vector2::new(y[0], y[1]);
            let log = -0.5 * (y[0] * t[0] + y[1] * t[1]) - 0.5 * shifted.determinant().ln();
            let likelihood = log.exp();
            let f = kernel.columns(0, 2) * DVector::from_column_slice(t.as_slice());
            sum += likelihood;
            mean += f * likelihood;
        }
        for u in 0..3 {
            block[u] = (mean[u] / sum - expected.limit[u]) * width as f64;
        }
    }
    for u in 0..3 {
        let mean = found.iter().map(|b| b[u]).sum::<f64>() / blocks as f64;
        let square = found.iter().map(|b| (b[u] - mean).powi(2)).sum::<f64>();
        let error = (square / (blocks * (blocks - 1)) as f64).sqrt();
        let slope = expected.slope[u];
        // Second order in 1/N beside the statistical error.
        assert!(
            (mean - slope).abs() < 4.0 * error + 0.1 * slope.abs(),
            "{u}: {mean} +- {error}, slope {slope}"
        );
        assert!(error < 0.1, "{error}");
    }
}

#[test]
fn wrong_neurons_are_refused() {
    let none = |_: &mut dyn FnMut(f64, &[f64])| {};
    assert!(slope(none, &[1.0], 1.0, 1.0, 1.0).is_err());
    let short = |see: &mut dyn FnMut(f64, &[f64])| see(1.0, &[1.0]);
    assert!(slope(short, &[1.0, 2.0], 1.0, 1.0, 1.0).is_err());
    assert!(slope(short, &[1.0], 1.0, 0.0, 1.0).is_err());
}
