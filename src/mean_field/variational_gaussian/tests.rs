//! Tests of the variational Gaussian theory.

use super::action::Duals;
use super::*;
use crate::kernel::Activation::{self, *};
use crate::kernel::Regression;
use crate::mean_field::linear_adaptation;

/// Networks of the reference: `s_w^2`, `s_a^2`, `T`, `N` and `chi` in turn.
fn network(phi: Activation, numbers: [f64; 5]) -> TwoLayer {
    let [weight_variance, readout_variance, temperature, width, chi] = numbers;
    TwoLayer {
        phi,
        width,
        weight_variance,
        readout_variance,
        temperature,
        chi,
    }
}

fn samples(d: usize, x: &[f64]) -> DMatrix<f64> {
    DMatrix::from_column_slice(d, x.len() / d, x)
}

/// `X4` and its targets of section 4.3.
fn four() -> (DMatrix<f64>, [f64; 4]) {
    let x = [1.0, 0.2, -0.4, 1.1, 0.7, -0.9, -1.2, -0.5];
    (samples(2, &x), [1.0, -0.6, 0.4, -0.9])
}

/// Section 9: twelve samples of three inputs, a cubic target along the first one, in mean-field scaling.
fn twelve() -> (TwoLayer, DMatrix<f64>, Vec<f64>) {
    let x = samples(
        3,
        &[
            -0.8019, -1.3244, -0.2484, 0.4204, 1.136, 0.1097, -0.5526, -0.7848, 0.7487, 1.6348,
            0.2728, -1.2333, -0.9583, 1.6, 0.2029, -1.7321, -0.0837, -1.1632, -0.6293, -0.488,
            -0.7133, 0.5534, -0.0631, -0.5894, 0.4096, 0.8299, -1.643, -0.2567, -0.9807, -0.1732,
            -1.2894, 0.0207, -0.0379, -0.3043, -1.0479, -0.3962,
        ],
    );
    let target = |z: f64| 0.6 * (z - 0.3 * (z.powi(3) - 3.0 * z));
    let y = x.row(0).iter().map(|&z| target(z)).collect();
    (network(UnscaledErf, [3.0, 1.0, 0.05, 200.0, 200.0]), x, y)
}

fn tight() -> Options {
    Options {
        tolerance: 1e-12,
        ..Options::default()
    }
}

#[test]
fn twelve_samples_meet_the_reference() {
    let (model, x, y) = twelve();
    let minima = solve(&model, &x, &y, &tight()).unwrap();
    let best = &minima.best;
    assert!(minima.others.is_empty() && minima.failed == 0 && best.residual <= 1e-12);
    assert!((best.action / model.width - 1.542832971666).abs() < 6e-13);
    // The bound: the exact mean-field theory has 1.364730.
    assert!(best.action / model.width > 1.364730);
    let error = |f: &DVector<f64>| (f - DVector::from_column_slice(&y)).norm_squared() / 12.0;
    assert!((error(&best.mean) - 0.002301152020).abs() < 6e-13);
    let s = &best.weight_covariance;
    let entries = [
        (0, 0, 1.6677617921),
        (1, 1, 0.4837794834),
        (2, 2, 0.8470304268),
        (0, 1, -0.0340422509),
        (0, 2, -0.0731094926),
        (1, 2, -0.0303067465),
    ];
    for (i, j, value) in entries {
        assert!((s[(i, j)] - value).abs() < 6e-11 && s[(i, j)] == s[(j, i)]);
    }
    // The infinitely wide network.
    let row = DMatrix::from_row_slice(1, 12, &y);
    let limit = Regression::fit(model.kernel(&x, 1 << 20).unwrap(), &row, 0.05).unwrap();
    let limit = limit.training_mean().transpose().column(0).into_owned();
    assert!((error(&limit) - 0.002640168472).abs() < 6e-13);
    // t = (Q + T)^{-1} y, and a prediction at the training inputs is the mean.
    let t = &best.discrepancies;
    assert!((&best.kernel * t + t * 0.05 - DVector::from_column_slice(&y)).amax() < 1e-10);
    assert!((best.predict(&x).unwrap() - &best.mean).amax() < 1e-10);
}

#[test]
fn two_samples_meet_the_table_of_evidences() {
    let x = samples(2, &[1.0, 0.5, -0.3, 1.2]);
    for (chi, width, plain, logdet) in [
        (1.0, 2.0, -0.723083, -2.610442),
        (1.0, 10.0, -0.782376886, -2.668564698),
        (10.0, 10.0, -6.764234804, -8.685193692),
    ] {
        let model = network(UnscaledErf, [1.5, 1.2, 0.1, width, chi]);
        for (with, value) in [(false, plain), (true, logdet)] {
            let options = Options {
                logdet: with,
                ..Options::default()
            };
            let action = solve(&model, &x, &[0.8, -0.5], &options)
                .unwrap()
                .best
                .action;
            let digits = if width == 2.0 { 6e-7 } else { 6e-10 };
            assert!((action + value).abs() < digits, "{action} {value}");
        }
    }
}

#[test]
fn deep_action_at_one_layer_meets_the_reference() {
    let (x, y) = four();
    for (chi, value) in [(1.0, 1.453928729925), (50.0, 65.380337914503)] {
        let model = network(UnscaledErf, [1.5, 1.0, 0.1, 50.0, chi]);
        let best = solve(&model, &x, &y, &tight()).unwrap().best;
        assert!(
            (best.action - value).abs() < 6e-12 * value.max(1.0),
            "{}",
            best.action
        );
    }
}

/// The printed free energy, written out with inverses and determinants.
fn printed(model: &TwoLayer, x: &DMatrix<f64>, y: &[f64], logdet: bool, s: &DMatrix<f64>) -> f64 {
    let (d, p) = x.shape();
    let prior = model.weight_variance / d as f64;
    let c = x.tr_mul(s) * x;
    let q = DMatrix::from_fn(p, p, |m, n| {
        model.readout_variance
            * model
                .phi
                .dual(c[(m, m)], c[(n, n)], c[(m, n)])
                .unwrap()
                .value
    });
    let shifted = &q + DMatrix::identity(p, p) * model.temperature;
    let y = DVector::from_column_slice(y);
    let fit = y.dot(&(shifted.clone().try_inverse().unwrap() * &y));
    let size = s.trace() / prior - s.determinant().ln() - d as f64 + d as f64 * prior.ln();
    let extra = if logdet {
        0.5 * (shifted / model.temperature).determinant().ln()
    } else {
        0.0
    };
    0.5 * model.width * size + 0.5 * model.chi * fit + extra
}

/// Value and gradient are those of the printed `F`, by finite differences, with a sample of zero among the inputs.
#[test]
fn gradient_is_that_of_the_printed_free_energy() {
    let x = samples(
        3,
        &[
            1.0, 0.2, -0.3, -0.4, 1.1, 0.8, 0.7, -0.9, 0.1, -1.2, -0.5, 0.4, 0.0, 0.0, 0.0,
        ],
    );
    let y = [1.0, -0.6, 0.4, -0.9, 0.2];
    for phi in [Linear, UnscaledErf, Erf, Relu, Quadratic] {
        for logdet in [false, true] {
            let model = network(phi.clone(), [0.9, 1.3, 0.2, 7.0, 3.0]);
            let options = Options {
                logdet,
                ..Options::default()
            };
            let problem = Problem::new(&model, &x, &y, &options).unwrap();
            let start = [0.2, 0.3, -0.4, -0.1, 0.25, 0.15];
            let (value, gradient) = problem.action.objective(&start);
            let f = |p: &[f64]| {
                let sigma = outer_gram(&unpack(p, 3)) * (0.9 / 3.0);
                printed(&model, &x, &y, logdet, &sigma) / 7.0
            };
            assert!((value - f(&start)).abs() < 1e-12);
            for k in 0..6 {
                let shifted = |h: f64| {
                    let mut p = start;
                    p[k] += h;
                    f(&p)
                };
                let h = 1e-4;
                let slope = (8.0 * (shifted(h) - shifted(-h)) - shifted(2.0 * h)
                    + shifted(-2.0 * h))
                    / (12.0 * h);
                assert!(
                    (slope - gradient[k]).abs() < 1e-9,
                    "{phi:?} {logdet} {k}: {slope} {}",
                    gradient[k]
                );
            }
        }
    }
}

/// The inverse of `Sigma` by the printed equation, from the solution.
#[test]
fn solution_is_stationary() {
    let (x, y) = four();
    let model = network(UnscaledErf, [0.9, 1.3, 0.1, 20.0, 20.0]);
    let best = solve(&model, &x, &y, &tight()).unwrap().best;
    let t = &best.discrepancies;
    let m = t * t.transpose() * (1.3 * 20.0);
    let b = Duals::new(&UnscaledErf, &best.preactivation)
        .unwrap()
        .back(&m);
    let inverse = DMatrix::identity(2, 2) * (2.0 / 0.9) - &x * b * x.transpose() / 20.0;
    assert!((inverse * &best.weight_covariance - DMatrix::identity(2, 2)).amax() < 1e-10);
}

/// First order in `chi/N`: the reference, the covariance under the tilted prior by direct integration over the weights
/// (which knows nothing of this file), and the solver itself.
#[test]
fn first_order_of_the_weight_covariance() {
    let (x, y) = four();
    let (prior, readout, temperature) = (0.9 / 2.0, 1.3, 0.1);
    let model = |chi: f64| network(UnscaledErf, [0.9, readout, temperature, 1000.0, chi]);
    let k = model(1.0).kernel(&x, 1 << 20).unwrap();
    let shifted = &k + DMatrix::identity(4, 4) * temperature;
    let t = shifted.lu().solve(&DVector::from_column_slice(&y)).unwrap();
    let expected = [0.4635267628, -0.1816112594, -0.0103317777];
    // By the formula.
    let c = x.tr_mul(&x) * prior;
    let b = Duals::new(&UnscaledErf, &c)
        .unwrap()
        .back(&(&t * t.transpose() * readout));
    let change = &x * b * x.transpose() * (prior * prior);
    let of = |s: &DMatrix<f64>| [s[(0, 0)], s[(0, 1)], s[(1, 1)]];
    for (found, value) in of(&change).iter().zip(expected) {
        assert!((found - value).abs() < 6e-11);
    }
    // By integration: dSigma = (s_a^2/2) Cov(w w^T, (t.phi)^2) under the prior.
    let (h, mut total, mut pull, mut square) = (0.15, 0.0, 0.0, [0.0; 3]);
    let mut both = [0.0; 3];
    for i in -60..=60 {
        for j in -60..=60 {
            let z = [h * i as f64, h * j as f64];
            let weight = (-0.5 * (z[0] * z[0] + z[1] * z[1])).exp();
            let w = z.map(|z| z * prior.sqrt());
            let phi = |m: usize| UnscaledErf.value(w[0] * x[(0, m)] + w[1] * x[(1, m)]);
            let f = (0..4).map(|m| t[m] * phi(m)).sum::<f64>().powi(2);
            total += weight;
            pull += weight * f;
            for (k, ww) in [w[0] * w[0], w[0] * w[1], w[1] * w[1]]
                .into_iter()
                .enumerate()
            {
                square[k] += weight * ww;
                both[k] += weight * ww * f;
            }
        }
    }
    for k in 0..3 {
        let covariance = both[k] / total - square[k] * pull / (total * total);
        assert!((0.5 * readout * covariance - expected[k]).abs() < 6e-11);
    }
    // By the solver, extrapolated to chi/N = 0.
    let y = y.to_vec();
    let at = |chi: f64| {
        let s = solve(&model(chi), &x, &y, &tight())
            .unwrap()
            .best
            .weight_covariance;
        (s - DMatrix::identity(2, 2) * prior) / (chi / 1000.0)
    };
    let (one, two, four) = (at(1.0), at(2.0), at(4.0));
    let solved = (one * 8.0 - two * 6.0 + four) / 3.0;
    for (found, value) in of(&solved).iter().zip(expected) {
        assert!((found - value).abs() < 1e-6, "{found} {value}");
    }
}

/// A linear network is that of the closed form, for fewer and for more samples than inputs, at training and test
/// inputs.
#[test]
fn linear_network_equals_linear_adaptation() {
    let wide = samples(5, &[1.0, 0.2, -0.4, 1.1, 0.7, -0.9, -1.2, -0.5, 0.3, 0.6]);
    let tall = samples(
        3,
        &[
            2.04, -2.56, 0.42, -0.57, -0.45, -0.22, -2.02, -0.23, -0.87, 3.32, 0.23, -0.35, -0.28,
            -0.67, -1.06,
        ],
    );
    for (x, y) in [
        (wide, vec![1.0, -0.7]),
        (tall, vec![-0.39, 0.48, -0.24, 0.96, -0.2]),
    ] {
        for chi in [3.0, 40.0] {
            let model = network(Linear, [1.5, 0.8, 0.3, 40.0, chi]);
            let closed = linear_adaptation::solve(&model, &x, &y).unwrap();
            let best = solve(&model, &x, &y, &tight()).unwrap().best;
            assert!((best.action - closed.saddle.action).abs() < 1e-10);
            assert!((&best.weight_covariance - &closed.weight_covariance).amax() < 1e-9);
            assert!((&best.mean - &closed.mean).amax() < 1e-9);
            let test = DMatrix::from_fn(x.nrows(), 3, |i, j| (1.3 * i as f64 + j as f64).sin());
            let (a, b) = (best.predict(&test).unwrap(), closed.predict(&test).unwrap());
            assert!((a - b).amax() < 1e-9);
        }
    }
}

/// Weak tilt and high temperature leave the Gaussian process, at the rate `chi/N`.
#[test]
fn limits_of_the_gaussian_process() {
    let (x, y) = four();
    let limit = |model: &TwoLayer| {
        let row = DMatrix::from_row_slice(1, 4, &y);
        let k = model.kernel(&x, 1 << 20).unwrap();
        let fit = Regression::fit(k, &row, model.temperature).unwrap();
        fit.training_mean().transpose().column(0).into_owned()
    };
    for phi in [UnscaledErf, Relu] {
        for logdet in [false, true] {
            let options = Options {
                logdet,
                starts: 1,
                ..tight()
            };
            let distance = |width: f64| {
                let model = network(phi.clone(), [0.9, 1.3, 0.1, width, 1.0]);
                let best = solve(&model, &x, &y, &options).unwrap().best;
                (best.mean - limit(&model)).norm()
            };
            let (near, nearer) = (distance(1e3), distance(1e4));
            assert!((near / nearer - 10.0).abs() < 0.2, "{near} {nearer}");
        }
        let hot = network(phi.clone(), [0.9, 1.3, 1e7, 20.0, 20.0]);
        let best = solve(&hot, &x, &y, &Options::default()).unwrap().best;
        assert!((best.weight_covariance - DMatrix::identity(2, 2) * 0.45).amax() < 1e-6);
        assert!(best.mean.amax() < 1e-6);
    }
}

/// Rotated data rotate `Sigma` and leave action and predictor, where the factor is in the span of the inputs too.
#[test]
fn rotation_of_the_data_rotates_the_weights() {
    let (x, y) = four();
    let model = network(UnscaledErf, [1.5, 1.0, 0.1, 50.0, 50.0]);
    let best = solve(&model, &x, &y, &tight()).unwrap().best;
    let turn = DMatrix::from_row_slice(2, 2, &[0.6, -0.8, 0.8, 0.6]);
    let turned = solve(&model, &(&turn * &x), &y, &tight()).unwrap().best;
    assert!((turned.action - best.action).abs() < 1e-10);
    let expected = &turn * &best.weight_covariance * turn.transpose();
    assert!((turned.weight_covariance - expected).amax() < 1e-9);
    // Four more inputs that are always 0, at the same s_w^2/d: more inputs than samples.
    let mut padded = DMatrix::zeros(6, 4);
    padded.rows_mut(0, 2).copy_from(&x);
    let model = network(UnscaledErf, [4.5, 1.0, 0.1, 50.0, 50.0]);
    let wide = solve(&model, &padded, &y, &tight()).unwrap().best;
    assert!((wide.action - best.action).abs() < 1e-9);
    let s = &wide.weight_covariance;
    assert!((s.view((0, 0), (2, 2)) - &best.weight_covariance).amax() < 1e-9);
    assert!((s.view((2, 2), (4, 4)) - DMatrix::identity(4, 4) * 0.75).amax() < 1e-12);
}

/// With one minimum at every `chi`, the paths from both ends meet.
#[test]
fn branches_are_followed_over_chi() {
    let (x, y) = four();
    let model = network(UnscaledErf, [1.5, 1.0, 0.1, 50.0, 1.0]);
    let up = anneal(&model, &x, &y, &[1.0, 4.0, 16.0, 50.0], &tight()).unwrap();
    let down = anneal(&model, &x, &y, &[50.0, 16.0, 4.0, 1.0], &tight()).unwrap();
    for (a, b) in up.iter().zip(down.iter().rev()) {
        assert!(a.model.chi == b.model.chi && (a.action - b.action).abs() < 1e-9);
    }
    assert!((up[3].action - 65.380337914503).abs() < 1e-9);
    let guess = Options {
        guesses: vec![up[3].weight_covariance.clone()],
        starts: 0,
        ..tight()
    };
    let again = solve(&model, &x, &y, &guess).unwrap();
    assert!((again.best.action - up[0].action).abs() < 1e-10);
}

/// Exclusive or: whatever is found comes sorted, distinct and stationary.
#[test]
fn distinct_minima_are_sorted() {
    let x = samples(2, &[1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0, 1.0]);
    let y = [1.0, 1.0, -1.0, -1.0];
    let model = network(Relu, [0.3, 1.0, 0.05, 10.0, 200.0]);
    let options = Options {
        starts: 12,
        ..Options::default()
    };
    let minima = solve(&model, &x, &y, &options).unwrap();
    let mut all = vec![&minima.best];
    all.extend(&minima.others);
    assert!(all.windows(2).all(|w| w[0].action <= w[1].action));
    for (i, a) in all.iter().enumerate() {
        assert!(a.residual <= 1e-10);
        for b in &all[..i] {
            assert!((&a.kernel - &b.kernel).norm() > DISTINCT * b.kernel.norm());
        }
    }
}

#[test]
fn wrong_input_is_refused() {
    let (x, y) = four();
    let numbers = [0.9, 1.3, 0.1, 20.0, 1.0];
    for phi in [Tanh, Gelu, Hermite(vec![0.0, 1.0])] {
        assert!(solve(&network(phi, numbers), &x, &y, &Options::default()).is_err());
    }
    let model = network(Erf, numbers);
    assert!(solve(&model, &x, &y[..3], &Options::default()).is_err());
    let guess = Options {
        guesses: vec![-DMatrix::identity(2, 2)],
        ..Options::default()
    };
    assert!(solve(&model, &x, &y, &guess).is_err());
    let cold = network(Erf, [0.9, 1.3, 0.0, 20.0, 1.0]);
    assert!(solve(&cold, &x, &y, &Options::default()).is_err());
    let best = solve(&model, &x, &y, &Options::default()).unwrap().best;
    assert!(best.predict(&DMatrix::zeros(3, 1)).is_err());
}
