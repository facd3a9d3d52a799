//! Tests of Gaussian process regression.

use super::*;
use crate::kernel::{Activation, Kernel, Network, cross_gram, gram};
use crate::numerics::random::{normal_matrix, stream};

fn erf() -> Kernel {
    Kernel::Nngp(Network::new(Activation::Erf, 2, 1.3, 0.2))
}

#[test]
fn residual_identity() {
    let mut rng = stream(1, "regression", &[]);
    let (x, y) = (
        normal_matrix(&mut rng, 4, 40),
        normal_matrix(&mut rng, 2, 40),
    );
    let k = gram(&erf(), &x, 1 << 30).unwrap().kernel;
    let temperature = 0.3;
    let fit = Regression::fit(k.clone(), &y, temperature).unwrap();
    assert_eq!(fit.warning(), None);
    let mean = fit.mean(&k).unwrap();
    let residual = &y - &mean;
    assert!((&residual - fit.discrepancy() * temperature).amax() < 1e-12);
    assert!((mean - fit.training_mean()).amax() < 1e-12);
    let shifted = k + DMatrix::identity(40, 40) * temperature;
    assert!((fit.discrepancy() * shifted - &y).amax() < 1e-11);
}

#[test]
fn posterior_and_evidence_obey_the_product_rule() {
    // p(y1, y2) = p(y1) p(y2 | y1), with y2 | y1 Gaussian of the posterior mean and variance + T.
    let mut rng = stream(2, "regression", &[]);
    let (x, y) = (
        normal_matrix(&mut rng, 3, 12),
        normal_matrix(&mut rng, 1, 12),
    );
    let temperature = 0.2;
    let (before, last) = (x.columns(0, 11).into_owned(), x.columns(11, 1).into_owned());
    let whole = gram(&erf(), &x, 1 << 30).unwrap().kernel;
    let all = Regression::fit(whole, &y, temperature).unwrap();
    let part = gram(&erf(), &before, 1 << 30).unwrap().kernel;
    let part = Regression::fit(part, &y.columns(0, 11).into_owned(), temperature).unwrap();
    let cross = cross_gram(&erf(), &before, &last, 1 << 30).unwrap().kernel;
    let prior = crate::kernel::gram::diagonal(&erf(), &last).unwrap();
    let mean = part.mean(&cross).unwrap()[0];
    let variance = part.variance(&cross, &prior).unwrap()[0] + temperature;
    let conditional =
        -0.5 * (y[11] - mean).powi(2) / variance - 0.5 * (std::f64::consts::TAU * variance).ln();
    assert!(
        (all.log_evidence().unwrap() - part.log_evidence().unwrap() - conditional).abs() < 1e-11
    );
}

/// Twice the same sample: the least squares solution takes the mean of both targets, and its norm is the smallest.
#[test]
fn a_singular_matrix_is_inverted_where_it_can_be_and_says_so() {
    let k = DMatrix::from_row_slice(3, 3, &[2.0, 2.0, 0.5, 2.0, 2.0, 0.5, 0.5, 0.5, 1.0]);
    let y = DMatrix::from_row_slice(1, 3, &[3.0, -1.0, 2.0]);
    for temperature in [0.0, 1e-30] {
        let fit = Regression::fit(k.clone(), &y, temperature).unwrap();
        let warning = fit.warning().unwrap();
        assert!(
            warning.contains("rank 2") && warning.contains("ridge"),
            "{warning}"
        );
        // The squares of the half difference, twice 4, of 14.
        assert!(warning.contains("leaves 0.571 of"), "{warning}");
        let exact = DMatrix::from_row_slice(1, 3, &[1.0, 1.0, 2.0]);
        assert!((fit.mean(&k).unwrap() - &exact).amax() < 1e-14);
        assert!((fit.training_mean() - &exact).amax() < 1e-14);
        let t = fit.discrepancy();
        assert!((t[0] - t[1]).abs() < 1e-15);
        assert!(fit.variance(&k, &[2.0, 2.0, 1.0]).unwrap().amax() < 1e-14);
        assert!(
            fit.log_evidence()
                .unwrap_err()
                .to_string()
                .contains("ridge")
        );
    }
    // The limit of a small ridge that is not singular.
    let near = Regression::fit(k.clone(), &y, 1e-6).unwrap();
    let limit = Regression::fit(k.clone(), &y, 0.0).unwrap();
    assert_eq!(near.warning(), None);
    assert!((near.mean(&k).unwrap() - limit.mean(&k).unwrap()).amax() < 1e-5);
    let indefinite = DMatrix::from_row_slice(2, 2, &[1.0, 2.0, 2.0, 1.0]);
    let two = DMatrix::from_row_slice(1, 2, &[1.0, 1.0]);
    let error = Regression::fit(indefinite, &two, 0.0).unwrap_err();
    assert!(matches!(error, Error::Unconverged { .. }) && error.to_string().contains("ridge"));
}

#[test]
fn wrong_shapes_and_temperatures_are_refused() {
    let y = DMatrix::from_row_slice(1, 2, &[1.0, 2.0]);
    assert!(Regression::fit(DMatrix::from_row_slice(1, 1, &[1.0]), &y, 0.1).is_err());
    assert!(Regression::fit(DMatrix::identity(2, 2), &y, -0.1).is_err());
    let fit = Regression::fit(DMatrix::identity(2, 2), &y, 0.1).unwrap();
    assert!(fit.mean(&DMatrix::from_row_slice(1, 1, &[1.0])).is_err());
    assert!(
        fit.variance(&DMatrix::from_row_slice(2, 1, &[1.0, 1.0]), &[])
            .is_err()
    );
}
