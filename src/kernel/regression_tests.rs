//! Tests of Gaussian process regression.

use super::*;
use crate::kernel::{Kernel, Network, Nonlinearity, cross_gram, gram};
use crate::numerics::random::{normal_matrix, stream};

fn erf() -> Kernel {
    Kernel::Nngp(Network::new(Nonlinearity::Erf, 2, 1.3, 0.2))
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
    assert_eq!(fit.jitter(), 0.0);
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
    assert!((all.log_evidence() - part.log_evidence() - conditional).abs() < 1e-11);
}

#[test]
fn jitter_is_reported_and_an_indefinite_matrix_refused() {
    let (k, y) = (
        DMatrix::from_row_slice(2, 2, &[1.0, 1.0, 1.0, 1.0]),
        DMatrix::from_row_slice(1, 2, &[1.0, 1.0]),
    );
    let fit = Regression::fit(k.clone(), &y, 0.0).unwrap();
    assert!(
        [1e-12, 1e-10, 1e-8].contains(&fit.jitter()),
        "{}",
        fit.jitter()
    );
    assert!((fit.mean(&k).unwrap() - &y).amax() < 1e-7);
    let indefinite = DMatrix::from_row_slice(2, 2, &[1.0, 2.0, 2.0, 1.0]);
    let error = Regression::fit(indefinite, &y, 0.0).unwrap_err();
    assert!(matches!(error, Error::Unconverged { .. }));
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
