//! Deep linear networks: matched to the start, and idealised modes.

use super::*;
use crate::instrument::{self, Instrument};
use crate::learner::LEARNERS;
use crate::task::TASKS;
use crate::training::TRAININGS;

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
            assert!(p.answers.iter().all(|o| o.bound.iter().all(|b| *b < 1e-5)));
            [
                distance(&p.answers[0].mean, &u),
                distance(&p.answers[1].mean, &l),
                distance(&p.answers[2].mean, &f),
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
        let exact = &closed.answers[k].mean;
        assert!(distance(exact, &ode.answers[k].mean) < 2e-9, "{}", name);
        assert!(distance(exact, &ideal.answers[k].mean) < 1e-10, "{}", name);
        let o = &ode.answers[k];
        let outside = (0..exact.len())
            .any(|i| (o.mean[i] - exact[i]).abs() > o.bound[i] + closed.answers[k].bound[i]);
        assert!(!outside, "the stated bound of {name} does not hold");
    }
    assert!(distance(&ode.answers[3].mean, &[0.0; 6]) == 0.0);
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
        let gap = distance(&ideal.answers[k].mean, &matched.answers[k].mean);
        assert!(gap < 1e-8, "{} {gap}", name);
    }
}

/// Mode strengths (mode, time) of the idealised modes at t = 0, 1, ..., 5, and the half-rise times.
fn idealised(options: &str, learner: Linear) -> (Vec<f64>, Vec<f64>) {
    let e = experiment(CLEAN, learner, 0.01, 500);
    let options = format!("condition = \"none\"\n{options}");
    let names = ["mode-strength", "half-rise-time"];
    let p = predict(
        theory("saxe", &options).as_ref(),
        &e,
        &names,
        &Draw::default(),
    );
    let [strengths, times] = &p.answers[..] else {
        panic!("two observables")
    };
    (strengths.mean.clone(), times.mean.clone())
}

/// Three rules for u0 = 1e-3 in two layers: scale^2, N scale^2 / 2, and the number itself. Reference digits for s = 3 and 1.5.
#[test]
fn idealised_modes_start_where_their_rule_says() {
    let gaussian = |scale: f64| StartView::Gaussian { scale };
    let product = learner(&[5, 6, 4], gaussian(1e-3f64.sqrt()));
    let overlap = learner(&[5, 20, 4], gaussian(0.01));
    let given = learner(&[5, 6, 4], gaussian(0.3));
    for (options, learner) in [
        ("", product),
        ("start = \"mean-overlap\"", overlap),
        ("u0 = 1e-3", given),
    ] {
        let (u, half) = idealised(options, learner);
        for (mode, time, expected) in [
            (0, 0, 1e-3),
            (1, 0, 1e-3),
            (2, 0, 1e-3),
            (0, 1, 0.35571248),
            (0, 2, 2.9457207),
            (0, 3, 2.99986298),
            (1, 2, 0.3180898),
            (1, 3, 1.26583208),
        ] {
            let found = u[6 * mode + time];
            assert!(
                (found - expected).abs() < 5e-8,
                "{options} {mode} {time} {found}"
            );
        }
        assert!((half[0] - 1.33433903).abs() < 5e-9, "{options} {half:?}");
        assert!((half[1] - 2.43751783).abs() < 5e-9, "{options} {half:?}");
    }
}

/// The forward multipliers belong to the start: the map itself is `C W_2 W_1`. Deeper, the product has L factors.
#[test]
fn idealised_starts_count_multipliers_and_layers() {
    let at_start = |options: &str, widths: &[usize], multipliers: &[f64], start: StartView| {
        let learner = Linear {
            multipliers: multipliers.to_vec(),
            ..learner(widths, start)
        };
        idealised(options, learner).0[0]
    };
    let gaussian = StartView::Gaussian { scale: 0.1 };
    let balanced = StartView::Balanced { scale: 0.1 };
    let aligned = StartView::Aligned {
        first: 0.1,
        last: 0.3,
    };
    let two: &[usize] = &[5, 8, 4];
    let three: &[usize] = &[5, 8, 6, 4];
    for (options, widths, multipliers, start, expected) in [
        ("", two, &[0.5, 3.0][..], gaussian, 0.015),
        ("", two, &[0.5, 3.0], balanced, 0.015),
        ("", two, &[0.5, 3.0], aligned, 0.045),
        ("start = \"mean-overlap\"", two, &[0.5, 3.0], gaussian, 0.06),
        ("", three, &[1.0, 0.5, 3.0], gaussian, 0.0015),
        ("", three, &[1.0, 0.5, 3.0], balanced, 0.0015),
        ("", three, &[1.0, 0.5, 3.0], aligned, 0.0045),
    ] {
        let found = at_start(options, widths, multipliers, start);
        assert!(
            (found / expected - 1.0).abs() < 1e-12,
            "{options} {start:?} {found} {expected}"
        );
    }
}

/// Lambda-balanced modes obey du/dt = sqrt(lambda^2 + 4 u^2) (s - u) from u = scale, for either sign of lambda.
#[test]
fn idealised_lambda_balanced_modes_start_with_their_imbalance() {
    for lambda in [-2.0, 0.0, 5.0] {
        let start = StartView::LambdaBalanced { scale: 0.2, lambda };
        let step = 1e-5;
        let e = experiment(CLEAN, learner(&[5, 4, 4], start), step, 5);
        let saxe = theory("saxe", "condition = \"none\"");
        let plan = saxe.plan(&e, &wanted(&e, &["mode-strength"])).unwrap();
        let u = &plan
            .solve(&Draw::default(), &Context::default())
            .unwrap()
            .answers[0]
            .mean;
        for (mode, s) in u.chunks(6).zip(doubles::S) {
            assert!((mode[0] - 0.2).abs() < 1e-12, "{lambda}");
            let slope = (mode[2] - mode[0]) / (2.0 * step);
            let expected = (2.0 * mode[1]).hypot(lambda) * (s - mode[1]);
            assert!(
                (slope / expected - 1.0).abs() < 1e-6,
                "{lambda} {slope} {expected}"
            );
        }
    }
}

/// Layers of their own deviations, `1/sqrt(fan-in)`: the modes start with the scales of both layers, and follow the
/// unbalanced flow `u' = hypot(2u, a^2 - b^2) (s - u)`, not that of two equal layers.
#[test]
fn layers_of_different_deviations_start_with_their_own() {
    let mut e = experiment(CLEAN, learner(&[5, 9, 4], SMALL), 1e-5, 5);
    e.learner = Some(Arc::new(crate::learner::Mlp {
        widths: vec![9],
        ..Default::default()
    }));
    let saxe = theory("saxe", "condition = \"none\"");
    let plan = saxe.plan(&e, &wanted(&e, &["mode-strength"])).unwrap();
    let found = plan.solve(&Draw::default(), &Context::default()).unwrap();
    let (a2, b2) = (1.0 / 5.0, 1.0 / 9.0);
    for (mode, s) in found.answers[0].mean.chunks(6).zip(doubles::S) {
        assert!((mode[0] - f64::sqrt(a2 * b2)).abs() < 1e-12, "{}", mode[0]);
        let slope = (mode[2] - mode[0]) / 2e-5;
        let expected = (2.0 * mode[1]).hypot(a2 - b2) * (s - mode[1]);
        assert!((slope / expected - 1.0).abs() < 1e-6, "{slope} {expected}");
    }
}

/// The component that a spec table names.
fn parsed<T: ?Sized>(kinds: &[crate::kind::Kind<T>], table: &str) -> Arc<T> {
    let mut table: toml::Table = table.parse().unwrap();
    let kind = table.remove("kind").unwrap();
    let kind = crate::kind::find(kinds, "kind", kind.as_str().unwrap()).unwrap();
    (kind.parse)("test", table).unwrap()
}

const CORRELATED: &str = "kind = 'linear-teacher'\nsingular_values = [3.0, 1.5]\ninput_dim = 5\n\
    output_dim = 4\nsamples = 30\ntest_samples = 20\nnoise = 0.2\nwhitened = false\ncorrelation = 0.7";

/// Networks of the library: a task, hidden widths and a learning rate that reaches the time 3.
fn library(task: &str, widths: &str, rate: f64) -> Experiment {
    let mlp = format!("kind = 'mlp'\nwidths = {widths}\nactivation = 'linear'");
    let start = "init = { kind = 'gaussian', scale = 0.3 }\nprecision = 'f64'";
    let steps = (3.0 / rate).round() as usize;
    let training = format!("kind = 'gradient-descent'\nlearning_rate = {rate}\nsteps = {steps}");
    Experiment {
        task: parsed(TASKS, task),
        learner: Some(parsed(LEARNERS, &format!("{mlp}\n{start}"))),
        training: Some(parsed(TRAININGS, &training)),
        ..experiment(CLEAN, learner(&[5, 6, 4], SMALL), rate, steps)
    }
}

const ALL: [&str; 9] = [
    "train-loss",
    "test-loss",
    "mode-strength",
    "singular-alignment",
    "half-rise-time",
    "conserved-drift",
    "ntk-change",
    "input-output-map",
    "predictor-mean",
];

/// What the library's instruments measure of its networks, on the grids of the questions.
fn measured(e: &Experiment) -> (Vec<Asked>, Vec<Vec<f64>>) {
    let d = draw(e);
    let data = d.dataset.as_deref().unwrap();
    let start = d.initial.as_deref().unwrap().clone().into();
    let instruments = ALL.map(|name| instrument::find("test", name).unwrap());
    let cx = Context::default();
    let mut rng = stream(0, "", &[]);
    let values = instrument::measure(e, &cx, &instruments, data, start, &mut rng, None).unwrap();
    let asked = instruments.map(|i: &dyn Instrument| {
        let axes = i.axes(e).unwrap();
        Asked::from(Wanted {
            observable: i.observable(),
            axes,
        })
    });
    let shares = |(values, asked): (Vec<f64>, &Asked)| values[..asked.size()].to_vec();
    let values = values.values.into_iter().zip(&asked).map(shares).collect();
    (asked.into(), values)
}

/// Any inputs: every answer is what gradient descent of the library's own networks comes to as its step goes to 0, by one step of
/// Richardson's extrapolation. Three layers on correlated inputs, and two layers on fewer samples than inputs.
#[test]
fn answers_on_correlated_inputs_are_what_networks_come_to_as_the_step_vanishes() {
    let few = CORRELATED.replace("samples = 30\n", "samples = 3\n");
    for (task, widths) in [(CORRELATED, "[6, 5]"), (&few, "[6]")] {
        let [(_, coarse), (_, middle), (asked, fine)] =
            [0.01, 0.005, 0.0025].map(|rate| measured(&library(task, widths, rate)));
        let e = library(task, widths, 0.0025);
        let saxe = theory("saxe", "");
        let plan = saxe.plan(&e, &asked).unwrap();
        let found = plan.solve(&draw(&e), &Context::default()).unwrap();
        assert!(found.solver.method.contains("correlated inputs"));
        assert_eq!(found.answers.len(), ALL.len());
        for (k, name) in ALL.iter().enumerate() {
            let answer = &found.answers[k];
            let (mut last, mut square, mut size) = (0.0f64, [0.0f64; 2], 0.0f64);
            for (i, &exact) in answer.mean.iter().enumerate() {
                let [a, b, c] = [coarse[k][i], middle[k][i], fine[k][i]];
                assert_eq!(exact.is_nan(), c.is_nan(), "{name} {i} {exact} {c}");
                if exact.is_nan() {
                    continue;
                }
                size = size.max(exact.abs());
                last = last.max((c - exact).abs());
                square[0] = square[0].max((2.0 * b - a - exact).abs());
                square[1] = square[1].max((2.0 * c - b - exact).abs());
                assert!(answer.bound[i] < 1e-5, "{name} {:e}", answer.bound[i]);
            }
            let told = format!("{widths} {name}: {last:e} {square:?} of {size}");
            assert!(last > 0.0 && square[1] < 0.05 * last, "{told}");
            // Interpolation between steps, at another place between them for every step size, is of second order too.
            let regular = *name != "half-rise-time";
            assert!(
                !regular || (square[0] / square[1] - 4.0).abs() < 1.0,
                "{told}"
            );
        }
    }
}

/// Idealised modes and the closed form name the key that makes the inputs white, and the entry that does without.
#[test]
fn declines_on_inputs_name_the_key_of_the_task() {
    let whole = |task: &str, options: &str| {
        let e = library(task, "[6]", 0.01);
        let saxe = theory("saxe", options);
        let asked = wanted(&e, &["train-loss"]);
        match saxe
            .plan(&e, &asked)
            .map(|p| p.solve(&draw(&e), &Context::default()))
        {
            Err(declined) => declined.0,
            Ok(Err(Error::Declined { reason })) => reason,
            Ok(other) => format!("{other:?}"),
        }
    };
    let balanced = "method = 'closed-form'";
    let none = whole(CORRELATED, "condition = 'none'");
    for word in ["task.whitened = true", "condition = \"initial\""] {
        assert!(none.contains(word), "{none}");
    }
    let gaussian = whole(CORRELATED, balanced);
    assert!(gaussian.contains("method = \"auto\""), "{gaussian}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.csv");
    std::fs::write(&path, "x1,x2,y1\n1,2,3\n4,5,6\n2,1,2\n0,1,1\n").unwrap();
    let file = format!("kind = 'file'\npath = '{}'", path.display());
    let none = whole(&file, "condition = 'none'");
    for word in ["task.whiten = true", "condition = \"initial\""] {
        assert!(none.contains(word), "{none}");
    }
    assert!(!whole(&file, "").contains("white"));
    // A start that the closed form takes, on inputs that it does not take.
    let mut e = library(&file, "[6]", 0.01);
    let start = "kind = 'mlp'\nwidths = [1]\nactivation = 'linear'\ninit = { kind = 'balanced', scale = 0.3 }";
    e.learner = Some(parsed(LEARNERS, start));
    let saxe = theory("saxe", balanced);
    let plan = saxe.plan(&e, &wanted(&e, &["train-loss"])).unwrap();
    let declined = plan
        .solve(&draw(&e), &Context::default())
        .unwrap_err()
        .to_string();
    for word in ["task.whiten = true", "method = \"ode\""] {
        assert!(declined.contains(word), "{declined}");
    }
}

/// The stated error of the integration holds against one to a tolerance a thousand times tighter, on inputs whose variances differ
/// by a factor of some thousand.
#[test]
fn the_bound_of_an_integration_on_correlated_inputs_holds() {
    use crate::numerics::flow::Tolerance;
    use crate::theory::saxe::{flow::WeightFlow, inputs::Inputs, path::product};
    let task = CORRELATED.replace("0.7", "0.998");
    let e = library(&task, "[6, 5]", 0.01);
    let d = draw(&e);
    let names = ["train-loss", "input-output-map"];
    let found = predict(theory("saxe", "").as_ref(), &e, &names, &d);
    let data = d.dataset.as_deref().unwrap();
    let inputs = Inputs::new(&data.x, &data.y, 1.0 / data.samples() as f64).unwrap();
    let spread = inputs.deviations[0] / inputs.deviations[4];
    assert!(spread * spread > 1e3, "{spread}");
    let tolerance = Tolerance {
        relative: 1e-13,
        absolute: 1e-15,
        ..Tolerance::default()
    };
    let weights = d.initial.as_deref().unwrap().blocks.clone();
    let mut flow = WeightFlow::new(Arc::new(inputs.clone()), weights, tolerance);
    let (mut losses, mut maps) = (Vec::new(), Vec::new());
    for t in e.record_times() {
        flow.advance(t).unwrap();
        let f = product(&flow.weights());
        losses.push(inputs.loss(&f));
        maps.extend(readout::entries(&f));
    }
    for (answer, exact) in found.answers.iter().zip([losses, maps]) {
        for (i, exact) in exact.iter().enumerate() {
            let error = (answer.mean[i] - exact).abs();
            assert!(
                error <= answer.bound[i] && answer.bound[i] < 1e-6,
                "{i} {error:e}"
            );
        }
    }
}
