//! Tests of the minimisers.

use super::*;

fn rosenbrock(x: &[f64]) -> (f64, Vec<f64>) {
    let (u, v) = (1.0 - x[0], x[1] - x[0] * x[0]);
    (
        u * u + 100.0 * v * v,
        vec![-2.0 * u - 400.0 * x[0] * v, 200.0 * v],
    )
}

#[test]
fn rosenbrock_is_minimal_at_one() {
    let minimum = lbfgs(rosenbrock, vec![-1.2, 1.0], 1e-11).unwrap();
    assert!(minimum.x.iter().all(|x| (x - 1.0).abs() < 1e-10));
    assert!(minimum.residual <= 1e-11 && minimum.iterations < 100);
    let simplex = nelder_mead(|x| rosenbrock(x).0, vec![-1.2, 1.0], 0.5, 1e-8).unwrap();
    assert!(simplex.x.iter().all(|x| (x - 1.0).abs() < 1e-6));
}

/// `f = 1/2 x^T A x - b.x` with eigenvalues from 1 to 1e4: the minimum is `A^{-1} b`.
#[test]
fn quadratic_form_is_minimal_at_its_closed_form() {
    let stiff = |i: usize| 10f64.powf(4.0 * i as f64 / 29.0);
    let f = |x: &[f64]| {
        let gradient: Vec<f64> = (0..30).map(|i| stiff(i) * x[i] - 1.0).collect();
        let value = (0..30).map(|i| 0.5 * stiff(i) * x[i] * x[i] - x[i]).sum();
        (value, gradient)
    };
    let minimum = lbfgs(f, vec![0.0; 30], 1e-10).unwrap();
    for (i, x) in minimum.x.iter().enumerate() {
        assert!((x * stiff(i) - 1.0).abs() <= 1e-10);
    }
}

/// `x - ln x` is infinite for `x <= 0`, where the first steps from a far start lead.
#[test]
fn an_infinite_region_turns_the_line_search_back() {
    let barrier = |x: &[f64]| match x[0] > 0.0 {
        true => (100.0 * x[0] - x[0].ln(), vec![100.0 - 1.0 / x[0]]),
        false => (f64::INFINITY, vec![f64::NAN]),
    };
    let minimum = lbfgs(barrier, vec![0.5], 1e-9).unwrap();
    assert!((minimum.x[0] - 0.01).abs() < 1e-12);
    let simplex = nelder_mead(|x| barrier(x).0, vec![0.5], -0.6, 1e-10).unwrap();
    assert!((simplex.x[0] - 0.01).abs() < 1e-8);
    assert!(lbfgs(barrier, vec![-1.0], 1e-9).is_err());
    assert!(nelder_mead(|x| barrier(x).0, vec![-1.0], 0.1, 1e-9).is_err());
}

/// A gradient near rounding is reached although the value does not change any more.
#[test]
fn converges_below_the_rounding_of_the_value() {
    let f = |x: &[f64]| {
        (
            1e3 + x[0] * x[0] + x[0].powi(4),
            vec![2.0 * x[0] + 4.0 * x[0].powi(3)],
        )
    };
    let minimum = lbfgs(f, vec![1.0], 1e-13).unwrap();
    assert!(minimum.x[0].abs() < 1e-13);
}

#[test]
fn what_has_not_converged_is_an_error() {
    assert!(lbfgs_within(3, rosenbrock, vec![-1.2, 1.0], 1e-11).is_err());
    // No minimum at all.
    assert!(lbfgs(|x| (-x[0], vec![-1.0]), vec![0.0], 1e-6).is_err());
    // A gradient with the wrong sign never leads down.
    let wrong = |x: &[f64]| (x[0] * x[0], vec![-2.0 * x[0]]);
    assert!(lbfgs(wrong, vec![1.0], 1e-6).is_err());
    assert!(nelder_mead(|x| -x[0], vec![0.0], 1.0, 1e-9).is_err());
}
