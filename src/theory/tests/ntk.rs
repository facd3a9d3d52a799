//! The linearised network against the network itself.

use super::*;

#[test]
fn ntk_is_exact_for_a_frozen_kernel_and_tangent_otherwise() {
    let names = [
        "mode-strength",
        "train-loss",
        "input-output-map",
        "half-rise-time",
        "test-loss",
        "ntk-change",
    ];
    // A single layer is linear in its parameters.
    let noisy = Teacher {
        noise: 0.2,
        stretch: 1.4,
    };
    let e = experiment(noisy, learner(&[5, 4], SMALL), 0.05, 100);
    let d = draw(&e);
    let p = predict(theory("ntk", "").as_ref(), &e, &names, &d);
    let (u, l, f) = trained(&e, &d);
    assert!(distance(&p.answers[0].mean, &u) < 1e-12);
    assert!(distance(&p.answers[1].mean, &l) < 1e-12);
    assert!(distance(&p.answers[2].mean, &f) < 1e-12);
    assert!(p.answers[3].mean.iter().all(|t| *t > 0.0 && *t < 5.0));
    assert_eq!(p.answers[5].mean, [0.0; 6]);
    // Read off by regression instead of as the map of a linear network: the same.
    let hidden_linear = Linear {
        linear: false,
        ..learner(&[5, 4], SMALL)
    };
    let e2 = experiment(
        Teacher {
            noise: 0.2,
            stretch: 1.4,
        },
        hidden_linear,
        0.05,
        100,
    );
    let q = predict(theory("ntk", "").as_ref(), &e2, &names, &d);
    for k in 0..6 {
        assert!(distance(&p.answers[k].mean, &q.answers[k].mean) < 1e-11);
    }
    // Two layers: tangent to the true dynamics, so that the error over two steps is of second order in the step.
    let gap = |eta: f64| {
        let e = experiment(
            CLEAN,
            learner(&[5, 6, 4], StartView::Gaussian { scale: 0.4 }),
            eta,
            2,
        );
        let d = draw(&e);
        let p = predict(theory("ntk", "").as_ref(), &e, &["input-output-map"], &d);
        distance(&p.answers[0].mean, &trained(&e, &d).2)
    };
    let ratio = gap(1e-3) / gap(5e-4);
    assert!((ratio - 4.0).abs() < 0.1, "{ratio}");
}

/// `f = C W x` stepped by `k * learning_rate` has the rate `k C^2` in function space: 4.5 here, of which 2 from the step.
#[test]
fn the_rate_of_the_parametrisation_enters_the_linearised_descent() {
    let scaled = |multiplier: f64, rate_scale: f64| Linear {
        multipliers: vec![multiplier],
        rate_scale,
        ..learner(&[5, 4], StartView::Gaussian { scale: 0.0 })
    };
    let solve = |learner: Linear, time: &str| {
        let e = experiment(CLEAN, learner, 0.05, 20);
        let d = draw(&e);
        let options = format!("time = \"{time}\"");
        let p = predict(theory("ntk", &options).as_ref(), &e, &["mode-strength"], &d);
        (p.answers[0].mean.clone(), trained(&e, &d).0)
    };
    let (discrete, network) = solve(scaled(1.5, 2.0), "discrete");
    assert!(distance(&discrete, &network) < 1e-12);
    // From zero on whitened inputs every mode is s (1 - (1 - 4.5 eta)^n), or s (1 - exp(-4.5 t)) for the flow.
    let (flow, _) = solve(scaled(1.5, 2.0), "flow");
    for (k, s) in doubles::S.iter().enumerate() {
        for (i, t) in [0.0, 0.2, 0.4, 0.6, 0.8, 1.0].iter().enumerate() {
            let steps = 1.0 - (1.0 - 4.5 * 0.05f64).powf(t / 0.05);
            assert!((discrete[6 * k + i] - s * steps).abs() < 1e-12);
            assert!((flow[6 * k + i] + s * (-4.5 * t).exp_m1()).abs() < 1e-12);
        }
    }
}
