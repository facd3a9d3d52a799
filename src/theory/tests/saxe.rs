//! Deep linear networks: matched to the start, and idealised modes.

use super::*;

#[test]
fn matched_saxe_differs_from_descent_by_the_step_size_alone() {
    let scaled = || Linear {
        multipliers: vec![0.5, 3.0],
        rate_scale: 2.0,
        ..learner(&[5, 6, 4], StartView::Gaussian { scale: 0.02 })
    };
    let deep = || learner(&[5, 6, 7, 4], StartView::Gaussian { scale: 0.3 });
    let noisy = || Teacher {
        noise: 0.2,
        stretch: 1.0,
    };
    let cases: [(&dyn Fn() -> Linear, f64, f64); 2] = [(&scaled, 0.003, 1.2), (&deep, 0.01, 6.0)];
    for (build, eta, horizon) in cases {
        let gap = |eta: f64| {
            let e = experiment(noisy(), build(), eta, (horizon / eta).round() as usize);
            let d = draw(&e);
            let names = ["mode-strength", "train-loss", "input-output-map"];
            let p = predict(theory("saxe", "").as_ref(), &e, &names, &d);
            let (u, l, f) = trained(&e, &d);
            assert!(
                p.observables
                    .iter()
                    .all(|o| o.bound.iter().all(|b| *b < 1e-5))
            );
            [
                distance(&p.observables[0].mean, &u),
                distance(&p.observables[1].mean, &l),
                distance(&p.observables[2].mean, &f),
            ]
        };
        let (coarse, fine) = (gap(eta), gap(0.5 * eta));
        for k in 0..3 {
            let ratio = coarse[k] / fine[k];
            assert!((ratio - 2.0).abs() < 0.2, "{coarse:?} {fine:?}");
        }
    }
}

#[test]
fn closed_form_integration_and_aligned_modes_agree() {
    let start = StartView::Aligned {
        first: 0.1,
        last: 0.1,
    };
    let build = |start| Linear {
        multipliers: vec![2.0, 0.7],
        rate_scale: 1.5,
        ..learner(&[5, 3, 4], start)
    };
    let e = experiment(CLEAN, build(start), 0.01, 500);
    let d = draw(&e);
    let names = [
        "mode-strength",
        "train-loss",
        "half-rise-time",
        "conserved-drift",
        "input-output-map",
    ];
    let closed = predict(
        theory("saxe", "method = \"closed-form\"").as_ref(),
        &e,
        &names,
        &d,
    );
    let ode = predict(theory("saxe", "method = \"ode\"").as_ref(), &e, &names, &d);
    let ideal = predict(
        theory("saxe", "condition = \"none\"").as_ref(),
        &e,
        &names,
        &d,
    );
    assert!(closed.solver.method.starts_with("closed form"));
    for (k, name) in names.iter().enumerate() {
        let exact = &closed.observables[k].mean;
        assert!(distance(exact, &ode.observables[k].mean) < 2e-9, "{}", name);
        assert!(
            distance(exact, &ideal.observables[k].mean) < 1e-10,
            "{}",
            name
        );
        let o = &ode.observables[k];
        let outside = (0..exact.len())
            .any(|i| (o.mean[i] - exact[i]).abs() > o.bound[i] + closed.observables[k].bound[i]);
        assert!(!outside, "the stated bound of {name} does not hold");
    }
    assert!(distance(&ode.observables[3].mean, &[0.0; 6]) == 0.0);
    // Unequal layers: the unbalanced modes against integration.
    let start = StartView::Aligned {
        first: 0.6,
        last: 0.05,
    };
    let e = experiment(CLEAN, build(start), 0.01, 300);
    let d = draw(&e);
    let names = ["mode-strength", "half-rise-time", "train-loss"];
    let ideal = predict(
        theory("saxe", "condition = \"none\"").as_ref(),
        &e,
        &names,
        &d,
    );
    let matched = predict(theory("saxe", "").as_ref(), &e, &names, &d);
    for (k, name) in names.iter().enumerate() {
        let gap = distance(&ideal.observables[k].mean, &matched.observables[k].mean);
        assert!(gap < 1e-8, "{} {gap}", name);
    }
}
