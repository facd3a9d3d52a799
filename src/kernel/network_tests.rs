//! Tests of the recursion: the reference table, limits, and sampled finite networks.

use super::*;
use crate::numerics::random::{normal_matrix, stream};
use crate::numerics::statistics::mean_stderr;

/// x = (1, 2, -1), y = (0.5, -1, 2)
const XX: f64 = 6.0 / 3.0;
const YY: f64 = 5.25 / 3.0;
const XY: f64 = -3.5 / 3.0;

#[test]
fn reference_table_is_met() {
    let erf = Activation::UnscaledErf;
    type Row = (Activation, f64, f64, usize, [f64; 4]);
    #[rustfmt::skip]
    let table: Vec<Row> = vec![
        (erf.clone(), 1.5, 0.1, 0, [-1.65, -1.65, 3.1, 2.725]),
        (erf.clone(), 1.5, 0.1, 1, [-0.38272025, -0.91124523, 1.09069280, 1.06112972]),
        (erf, 1.5, 0.1, 3, [0.00252168, -0.51001859, 0.74059339, 0.73786508]),
        (Activation::Relu, 2.0, 0.1, 1, [0.41938386, -0.25628662, 4.2, 3.7]),
        (Activation::Relu, 2.0, 0.1, 3, [2.27103045, 3.17078168, 4.4, 3.9]),
        (Activation::Linear, 1.2, 0.05, 3, [-2.15080000, -8.94520000, 4.41560, 3.89720]),
        (Activation::Quadratic, 0.5, 0.1, 2, [2.31774351, 4.64389710, 5.60083750, 3.59272788]),
    ];
    for (phi, s_w2, s_b2, depth, exact) in table {
        let k = Network::new(phi.clone(), depth, s_w2, s_b2)
            .at(XX, YY, XY)
            .unwrap();
        let found = [k.nngp, k.ntk, k.variances[0], k.variances[1]];
        for (found, exact) in found.iter().zip(exact) {
            assert!(
                (found - exact).abs() < 5.1e-9,
                "{phi:?} {depth}: {found} {exact}"
            );
        }
    }
}

#[test]
fn layers_may_have_their_own_variances() {
    let mut network = Network::new(Activation::Relu, 2, 2.0, 0.0);
    let same = network.at(XX, YY, XY).unwrap();
    network.weight_variance = PerLayer::Each(vec![2.0, 2.0, 6.0]);
    let read_out = network.at(XX, YY, XY).unwrap();
    assert!((read_out.nngp - 3.0 * same.nngp).abs() < 1e-14);
    network.weight_variance = PerLayer::Each(vec![2.0]);
    assert!(network.at(XX, YY, XY).is_err());
    network.weight_variance = PerLayer::Same(-1.0);
    assert!(network.at(XX, YY, XY).is_err());
}

#[test]
fn exploding_networks_name_the_layer() {
    let error = Network::new(Activation::Quadratic, 40, 2.0, 0.0)
        .at(XX, YY, XY)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("overflows at layer") && error.contains("of 41"),
        "{error}"
    );
}

/// One finite network of the given hidden widths at inputs `x` (columns), weight variance `s_w2` in all layers, no bias.
fn sample(
    phi: fn(f64) -> f64,
    widths: &[usize],
    s_w2: f64,
    x: &nalgebra::DMatrix<f64>,
    index: u64,
) -> Vec<f64> {
    let mut rng = stream(11, "finite-width", &[index]);
    let mut z = x.clone();
    for &n in widths.iter().chain([&1]) {
        let w = normal_matrix(&mut rng, n, z.nrows());
        let scale = (s_w2 / z.nrows() as f64).sqrt();
        let h = w * z * scale;
        z = if n == 1 { h } else { h.map(phi) };
    }
    z.iter().copied().collect()
}

#[test]
fn covariance_of_sampled_networks_is_the_nngp_kernel() {
    // The covariance is exact at every width for one hidden layer.
    let x = nalgebra::DMatrix::from_column_slice(3, 2, &[1.0, 2.0, -1.0, 0.5, -1.0, 2.0]);
    type Case = (Activation, fn(f64) -> f64);
    let cases: [Case; 5] = [
        (Activation::Relu, |z| z.max(0.0)),
        (Activation::UnscaledErf, libm::erf),
        (Activation::Gelu, |z| 0.5 * z * libm::erfc(-z / 2f64.sqrt())),
        (Activation::Tanh, f64::tanh),
        (Activation::Quadratic, |z| z * z),
    ];
    for (kind, phi) in cases {
        let exact = Network::new(kind.clone(), 1, 1.5, 0.0)
            .at(XX, YY, XY)
            .unwrap()
            .nngp;
        let products: Vec<f64> = (0..40_000)
            .map(|k| sample(phi, &[4], 1.5, &x, k))
            .map(|f| f[0] * f[1])
            .collect();
        let (mean, error) = mean_stderr(&products);
        let z = (mean - exact) / error.unwrap();
        assert!(z.abs() < 3.0, "{kind:?}: {mean} {exact} z = {z}");
    }
}

#[test]
fn fourth_moment_of_finite_networks() {
    // E f^4 / (3 (E f^2)^2) = prod_l (1 + e/N_l), e = 2 (linear), 5 (ReLU).
    let x = nalgebra::DMatrix::from_column_slice(2, 1, &[1.0, 1.0]);
    type Case = (Activation, fn(f64) -> f64, f64);
    let cases: [Case; 2] = [
        (Activation::Linear, |z| z, 1.2),
        (Activation::Relu, |z| z.max(0.0), 1.5),
    ];
    for (kind, phi, exact) in cases {
        let variance = Network::new(kind.clone(), 1, 1.0, 0.0)
            .at(1.0, 1.0, 1.0)
            .unwrap()
            .nngp;
        let ratios: Vec<f64> = (0..200_000)
            .map(|k| sample(phi, &[10], 1.0, &x, k)[0].powi(4) / (3.0 * variance * variance))
            .collect();
        let (mean, error) = mean_stderr(&ratios);
        let (error, gap) = (error.unwrap(), mean - exact);
        // The Gaussian limit 1 must be excluded, or the test has no power.
        assert!(
            gap.abs() < 4.0 * error && (mean - 1.0) > 8.0 * error,
            "{kind:?}: {mean} +- {error}"
        );
    }
}

#[test]
fn a_deep_relu_network_forgets_angles() {
    let k = Network::new(Activation::Relu, 300, 2.0, 0.0)
        .at(1.0, 1.0, -0.5)
        .unwrap();
    let correlation = k.nngp / (k.variances[0] * k.variances[1]).sqrt();
    // 1 - rho ~ (9 pi^2 / 2) / l^2.
    let law = 4.5 * std::f64::consts::PI.powi(2) / (300.0f64 * 300.0);
    assert!(
        ((1.0 - correlation) / law - 1.0).abs() < 0.1,
        "{correlation}"
    );
    assert!((k.variances[0] - 2.0).abs() < 1e-12);
}
