//! Fits that are not plain: bounds, several minima, places without a prediction, and what is refused.

use super::fit_tests::{blocks, close, design, line, sampled, vector};
use super::*;
use crate::error::{Error, Result};

/// `x^2` and a little of `x`: minima near 1 and -1, the deeper one is the estimate.
#[test]
fn two_minima_are_both_found() {
    let curve = |x: f64| vec![x * x, x * x + 0.01 * x, 2.0 * x * x];
    let rows = sampled(4, 12, &curve(1.0), 0.05, 1.0);
    let model = Model::new(
        vec![Parameter::linear("x", -3.0, 3.0).from(-2.5)],
        |x: &[f64]| Ok(Predicted::exact(curve(x[0]))),
    );
    let fit = fit(&model, &blocks(&rows), &Settings::default()).unwrap();
    assert_eq!(fit.minima.len(), 2, "{:?}", fit.minima);
    close(fit.minima[0].x[0] + fit.minima[1].x[0], 0.0, 0.1);
    close(fit.minima[0].x[0].abs(), 1.0, 0.1);
    assert!(fit.minima[0].chi2 <= fit.minima[1].chi2);
    assert!(
        fit.notes.iter().any(|n| n.contains("2 minima")),
        "{:?}",
        fit.notes
    );
}

/// Where only `a b` acts, the direction in which it stays is named; so is a parameter that does not act.
#[test]
fn a_flat_direction_is_refused_by_name() {
    let curve = |product: f64| vec![product, product * product, 2.0 * product];
    let rows = sampled(5, 12, &curve(1.2), 0.05, 1.0);
    for log in [false, true] {
        let parameter = |name: &str| match log {
            true => Parameter::log(name, 0.1, 10.0),
            false => Parameter::linear(name, 0.1, 10.0),
        };
        let parameters = vec![
            parameter("width"),
            parameter("gain"),
            Parameter::linear("shift", -1.0, 1.0),
        ];
        let model = Model::new(parameters, |x: &[f64]| {
            Ok(Predicted::exact(
                curve(x[0] * x[1])
                    .iter()
                    .enumerate()
                    .map(|(k, y)| y + x[2] * k as f64)
                    .collect(),
            ))
        });
        let message = fit(&model, &blocks(&rows), &Settings::default())
            .unwrap_err()
            .to_string();
        assert!(message.contains("fix width or gain"), "{message}");
        assert!(!log || message.contains("(ln width, ln gain)"), "{message}");
    }
    let idle = vec![
        Parameter::linear("gain", 0.1, 10.0),
        Parameter::linear("idle", 0.0, 1.0),
    ];
    let model = Model::new(idle, |x: &[f64]| Ok(Predicted::exact(curve(x[0]))));
    let error = fit(&model, &blocks(&rows), &Settings::default()).unwrap_err();
    assert!(
        matches!(&error, Error::Input { place, .. } if place == "fit of idle"),
        "{error}"
    );
    // chi2 rises, but by less than an interval needs.
    let weak = vec![
        Parameter::linear("gain", 0.1, 10.0),
        Parameter::linear("weak", 0.0, 1.0),
    ];
    let model = Model::new(weak, |x: &[f64]| {
        Ok(Predicted::exact(
            curve(x[0])
                .iter()
                .enumerate()
                .map(|(k, y)| y + 1e-3 * x[1] * k as f64)
                .collect(),
        ))
    });
    let message = fit(&model, &blocks(&rows), &Settings::default())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("fit of weak") && message.contains("at most between the bounds"),
        "{message}"
    );
}

/// The truth lies beyond the bound: the estimate is the bound, and its interval has one end.
#[test]
fn an_estimate_at_a_bound_says_so() {
    let f = design();
    let truth = &f * vector(&[1.0, 4.2]);
    let rows = sampled(6, 20, truth.as_slice(), 0.1, 2.0);
    let fit = fit(&line(f), &blocks(&rows), &Settings::default()).unwrap();
    let slope = &fit.parameters[1];
    assert_eq!(
        (slope.estimate, slope.at_bound, slope.stderr),
        (4.0, Some(Side::Upper), None)
    );
    assert!(slope.profile[0].upper == 4.0 && slope.profile[0].open == [false, true]);
    assert!(slope.profile[0].lower < 4.0 && slope.profile[1].lower < slope.profile[0].lower);
    assert!(slope.bootstrap.is_none() && fit.parameters[0].stderr.is_some());
    assert_eq!((fit.degrees, fit.parameters[0].at_bound), (4, None));
    assert!(fit.covariance[0][1].is_nan() && fit.covariance[0][0] > 0.0);
}

/// Places without a prediction count as outside; the search goes round them.
#[test]
fn declined_places_are_outside() {
    let curve = |x: f64| vec![x.sqrt(), x, 1.0];
    let rows = sampled(12, 10, &curve(0.3), 0.02, 1.0);
    let model = Model::new(
        vec![Parameter::linear("x", -4.0, 1.0).from(-3.0)],
        |x: &[f64]| match x[0] {
            x if x < -2.0 => Err(Error::Declined {
                reason: "too far".into(),
            }),
            x => Ok(Predicted::exact(curve(x))),
        },
    );
    let fit = fit(&model, &blocks(&rows), &Settings::default()).unwrap();
    close(fit.parameters[0].estimate, 0.3, 0.05);
    assert!(fit.outside > 0 && fit.notes.iter().any(|n| n.contains("no prediction")));
    let never = Model::new(
        vec![Parameter::linear("x", 0.0, 1.0)],
        |_: &[f64]| -> Result<Predicted> {
            Err(Error::Declined {
                reason: "needs whitened inputs".into(),
            })
        },
    );
    let message = super::fit(&never, &blocks(&rows), &Settings::default())
        .unwrap_err()
        .to_string();
    assert!(message.contains("needs whitened inputs"), "{message}");
}

/// Points that one draw does not define, or that never scatter, do not enter.
#[test]
fn points_that_cannot_be_weighed_are_listed() {
    let mut rows = sampled(13, 10, &[0.5, 0.5, 0.5, 0.5], 0.1, 1.0);
    rows[(3, 1)] = f64::NAN;
    rows.column_mut(2).fill(0.25);
    let level = |x: &[f64]| Ok(Predicted::exact(vec![x[0]; 4]));
    let model = Model::new(vec![Parameter::linear("level", 0.0, 1.0)], level);
    let result = fit(&model, &blocks(&rows), &Settings::default()).unwrap();
    assert_eq!(
        (result.dropped.clone(), result.points, result.degrees),
        (vec![1, 2], 2, 1)
    );
    let three = ["a", "b", "c"]
        .map(|name| Parameter::linear(name, 0.0, 1.0))
        .to_vec();
    let message = fit(
        &Model::new(three, level),
        &blocks(&rows),
        &Settings::default(),
    )
    .unwrap_err()
    .to_string();
    assert!(message.contains("2 of 4 points"), "{message}");
    let few = rows.rows(0, 4).into_owned();
    let message = fit(&model, &blocks(&few), &Settings::default())
        .unwrap_err()
        .to_string();
    assert!(message.contains("4 draws of replicas"), "{message}");
}

/// A theory with steps in its values, as one that counts: its minimum is found without derivatives.
#[test]
fn a_rough_theory_is_fitted_without_derivatives() {
    let curve = |x: f64| vec![x, 2.0 * x, 0.5 - x];
    let rows = sampled(14, 20, &curve(0.4), 0.3, 1.0);
    let exact = Model::new(vec![Parameter::linear("x", -1.0, 1.0)], |x: &[f64]| {
        Ok(Predicted::exact(curve(x[0])))
    });
    let steps = Model::new(vec![Parameter::linear("x", -1.0, 1.0)], |x: &[f64]| {
        Ok(Predicted::exact(curve((x[0] * 300.0).round() / 300.0)))
    });
    let exact = fit(&exact, &blocks(&rows), &Settings::default()).unwrap();
    let rough = fit(&steps, &blocks(&rows), &Settings::default()).unwrap();
    assert!(rough.rough && !exact.rough);
    let (a, b) = (&exact.parameters[0], &rough.parameters[0]);
    close(a.estimate, b.estimate, 0.005);
    close(a.profile[1].upper, b.profile[1].upper, 0.01);
}

/// The same for two parameters: the simplex, and for the profiles a section along the other parameter.
#[test]
fn a_rough_theory_of_two_parameters_is_fitted_without_derivatives() {
    let f = design();
    let truth = &f * vector(&[1.0, -0.5]);
    let rows = blocks(&sampled(18, 20, truth.as_slice(), 0.3, 1.0));
    let parameters = || {
        let names = ["offset", "slope"];
        names
            .map(|name| Parameter::linear(name, -3.0, 3.0))
            .to_vec()
    };
    let row = |x: &[f64]| (&f * vector(x)).as_slice().to_vec();
    let exact = Model::new(parameters(), |x: &[f64]| Ok(Predicted::exact(row(x))));
    let steps = Model::new(parameters(), |x: &[f64]| {
        let stairs = row(x).iter().map(|y| (y * 200.0).round() / 200.0).collect();
        Ok(Predicted::exact(stairs))
    });
    let exact = fit(&exact, &rows, &Settings::default()).unwrap();
    let rough = fit(&steps, &rows, &Settings::default()).unwrap();
    assert!(rough.rough && !exact.rough);
    for (a, b) in exact.parameters.iter().zip(&rough.parameters) {
        let sigma = a.stderr.unwrap();
        close(a.estimate, b.estimate, 0.25 * sigma);
        close(a.profile[0].lower, b.profile[0].lower, 0.25 * sigma);
        close(a.profile[1].upper, b.profile[1].upper, 0.25 * sigma);
    }
}
