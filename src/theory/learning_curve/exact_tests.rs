//! The entry on tasks that state their spectrum: reference numbers, and machines that are trained.

use crate::context::Context;
use crate::experiment::{Draw, DrawIndex, Draws, Experiment, Spacing};
use crate::instrument::{Chosen, Instrument, measure};
use crate::kind::component;
use crate::learner::LEARNERS;
use crate::numerics::statistics::mean_stderr;
use crate::task::TASKS;
use crate::theory::{Asked, Number, Question, THEORIES};
use crate::training::TRAININGS;

fn experiment(task: &str, ridge: f64) -> Experiment {
    let learner =
        format!("kind = 'kernel-ridge'\nridge = {ridge:e}\nkernel = {{ kind = 'linear' }}");
    let closed = "kind = 'closed-form'";
    Experiment {
        seed: 3,
        task: component("task", TASKS, task.parse().unwrap()).unwrap(),
        learner: Some(component("learner", LEARNERS, learner.parse().unwrap()).unwrap()),
        training: Some(component("training", TRAININGS, closed.parse().unwrap()).unwrap()),
        draws: Draws {
            datasets: 60,
            replicas: 1,
            points: 1,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    }
}

fn power_law(a: f64, b: f64, modes: usize, noise: f64, samples: usize, ridge: f64) -> Experiment {
    let task = format!(
        "kind = 'power-law-features'\nspectrum_exponent = {a}\ntarget_exponent = {b}\nmodes = {modes}\n\
         noise = {noise}\nsamples = {samples}"
    );
    experiment(&task, ridge)
}

fn instruments(names: &[(&str, &str)]) -> Vec<Chosen> {
    let new = |(kind, keys): &(&str, &str)| Chosen::new("m", kind, keys.parse().unwrap()).unwrap();
    names.iter().map(new).collect()
}

fn asked(e: &Experiment, instruments: &[Chosen]) -> Vec<Asked> {
    let one = |i: &Chosen| Asked {
        observable: i.observable(),
        keys: i.resolved(),
        grid: Some(i.axes(e).unwrap()),
    };
    instruments.iter().map(one).collect()
}

/// Values of a theory, question by question.
fn predicted(kind: &str, e: &Experiment, instruments: &[Chosen]) -> Result<Vec<Vec<f64>>, String> {
    let entry = format!("kind = '{kind}'").parse().unwrap();
    let theory = component("theory", THEORIES, entry).unwrap();
    let plan = theory
        .plan(e, &asked(e, instruments))
        .map_err(|d| d.to_string())?;
    let prediction = plan.solve(&Draw::default(), &Context::default()).unwrap();
    Ok(prediction.answers.into_iter().map(|a| a.mean).collect())
}

fn measured(e: &Experiment, instruments: &[Chosen], dataset: usize) -> Vec<Vec<f64>> {
    let index = DrawIndex {
        dataset,
        replica: 0,
    };
    let data = e.dataset(dataset).unwrap();
    let start = e.initial(&data, index).unwrap().unwrap();
    let mut rng = e.training_stream(index);
    let dynamic: Vec<&dyn Instrument> = instruments.iter().map(|i| &**i).collect();
    let cx = Context::default();
    measure(e, &cx, &dynamic, &data, start.into(), &mut rng, None)
        .unwrap()
        .values
}

/// The table of the deterministic equivalent, whose simulations are independent of this library; noise is a variance
/// there.
#[test]
fn the_entry_has_the_reference_numbers() {
    for (alpha, beta, modes, ridge, variance, samples, total) in [
        (1.0, 1.0, 2000, 0.1, 0.0, 20, 0.133058),
        (1.0, 1.0, 2000, 0.1, 0.0, 80, 0.045115),
        (1.0, 1.0, 2000, 0.1, 0.0, 320, 0.017490),
        (1.0, 1.0, 2000, 1e-10, 0.0, 80, 0.029459),
        (1.0, 1.0, 2000, 1e-10, 0.0, 320, 0.006655),
        (0.5, 0.8, 4000, 1.0, 0.05, 20, 0.403653),
        (0.5, 0.8, 4000, 1.0, 0.05, 320, 0.112340),
    ] {
        let noise = f64::sqrt(variance);
        let e = power_law(1.0 + alpha, 1.0 + beta, modes, noise, samples, ridge);
        let observables = instruments(&[("population-error", ""), ("train-loss", "")]);
        let found = predicted("learning-curve", &e, &observables).unwrap();
        let error = found[0][0] + variance;
        assert!((error - total).abs() < 6e-7, "{samples} {ridge}: {error}");
        assert!(2.0 * found[1][0] < error);
    }
    // E_tr of the same file: D = 1000, P = 200, ridge 0.3, noise 0.05.
    let e = power_law(2.0, 2.0, 1000, f64::sqrt(0.05), 200, 0.3);
    let found = predicted("learning-curve", &e, &instruments(&[("train-loss", "")])).unwrap();
    assert!((2.0 * found[0][0] - 0.0611799).abs() < 6e-8);
}

/// Machines on 60 data sets against the entry, within three standard errors of the difference; the scatter is 3 to 6 %,
/// the terms of order 1/P that the theory leaves out are smaller.
#[test]
fn machines_have_these_errors_and_modes() {
    let names = [
        ("population-error", ""),
        ("train-loss", ""),
        ("population-mode-error", "modes = 4"),
        ("population-mode-error", "modes = 4\nrelative = true"),
        ("population-mode-learnability", "modes = 4"),
    ];
    let observables = instruments(&names);
    for (noise, samples, ridge) in [(0.3, 40, 0.1), (0.0, 40, 1e-9), (0.2, 120, 1.0)] {
        let e = power_law(1.7, 2.2, 250, noise, samples, ridge);
        let theory = predicted("learning-curve", &e, &observables).unwrap();
        let draws: Vec<_> = (0..60).map(|d| measured(&e, &observables, d)).collect();
        for (which, exact) in theory.iter().enumerate() {
            for (k, exact) in exact.iter().enumerate() {
                let values: Vec<f64> = draws.iter().map(|d| d[which][k]).collect();
                let (mean, stderr) = mean_stderr(&values);
                // Without ridge the training loss is rounding.
                let stderr = stderr.unwrap().max(1e-9);
                let z = (mean - exact) / stderr;
                println!(
                    "{} {k} P = {samples}: {mean:.6} {exact:.6} z = {z:.2}",
                    names[which].0
                );
                assert!(
                    z.abs() < 3.3,
                    "{} {k}: {mean} {exact} z = {z}",
                    names[which].0
                );
            }
        }
    }
}

/// White inputs: what no linear function expresses disturbs like noise and stays in the test loss.
#[test]
fn polynomials_and_linear_teachers_have_these_errors() {
    let rest = "input_dim = 40\nsamples = 80\nnoise = 0.3\ntest_samples = 400";
    let tasks = [
        format!("kind = 'hermite-teacher'\ncoefficients = [0.2, 1.0, 0.3, 0.1]\n{rest}"),
        format!(
            "kind = 'linear-teacher'\nsingular_values = [2.0, 0.7]\noutput_dim = 3\nwhitened = false\n\
             correlation = 0.0\n{rest}"
        ),
        format!(
            "kind = 'linear-teacher'\nsingular_values = [2.0, 0.7]\noutput_dim = 3\nwhitened = false\n\
             correlation = 0.8\n{rest}"
        ),
    ];
    let names = [
        ("population-error", ""),
        ("test-loss", ""),
        ("train-loss", ""),
    ];
    let observables = instruments(&names);
    for task in &tasks {
        for ridge in [0.4, 0.0] {
            let e = experiment(task, ridge);
            let theory = predicted("learning-curve", &e, &observables).unwrap();
            let draws: Vec<_> = (0..60).map(|d| measured(&e, &observables, d)).collect();
            for (which, exact) in theory.iter().enumerate() {
                let values: Vec<f64> = draws.iter().map(|d| d[which][0]).collect();
                let (mean, stderr) = mean_stderr(&values);
                // Least squares leave out a term of relative order 1/(P - D) of the variance.
                let slack = if ridge == 0.0 { exact[0] / 40.0 } else { 0.0 };
                let distance = (mean - exact[0]).abs();
                println!("{task} {ridge} {}: {mean} {}", names[which].0, exact[0]);
                assert!(
                    distance < 3.0 * stderr.unwrap() + slack,
                    "{task} {ridge} {}: {mean} +- {stderr:?} {}",
                    names[which].0,
                    exact[0]
                );
            }
        }
    }
}

#[test]
fn the_equivalent_kernel_sees_the_same_spectrum_without_renormalisation() {
    let e = power_law(2.0, 2.5, 300, 0.5, 50, 0.2);
    let names = [
        ("population-error", ""),
        ("train-loss", ""),
        ("population-mode-error", "modes = 2"),
        ("population-mode-learnability", "modes = 2"),
    ];
    let found = predicted("equivalent-kernel", &e, &instruments(&names)).unwrap();
    let left = |k: f64| 0.004 / (k.powi(-2) + 0.004);
    let term = |k: i32| f64::from(k).powf(-2.5) * left(f64::from(k)).powi(2);
    let error: f64 = (1..=300).rev().map(term).sum();
    assert!((found[0][0] / error - 1.0).abs() < 1e-12);
    assert!((found[1][0] / (0.5 * (error + 0.25)) - 1.0).abs() < 1e-12);
    assert!((found[2][1] / term(2) - 1.0).abs() < 1e-12);
    assert!((found[3][1] - (1.0 - left(2.0))).abs() < 1e-12);
}

#[test]
fn what_has_no_number_is_declined() {
    let observables = instruments(&[("population-error", "")]);
    let divergent = power_law(2.0, 2.0, 30, 0.1, 30, 0.0);
    let why = predicted("learning-curve", &divergent, &observables).unwrap_err();
    assert!(why.contains("learner.ridge"), "{why}");
    let beyond = power_law(2.0, 2.0, 30, 0.1, 90, 0.0);
    let found = predicted("learning-curve", &beyond, &observables).unwrap();
    assert!((found[0][0] - 0.01 * 30.0 / 60.0).abs() < 1e-14);
    let white = "kind = 'linear-teacher'\nsingular_values = [2.0]\ninput_dim = 4\noutput_dim = 2\nsamples = 8";
    let why = predicted("learning-curve", &experiment(white, 0.1), &observables).unwrap_err();
    assert!(why.contains("whitened = false"), "{why}");
    let drawn = experiment(&format!("{white}\nwhitened = false"), 0.1);
    let relative = instruments(&[("population-mode-error", "relative = true")]);
    assert!(predicted("learning-curve", &drawn, &relative).is_err());
    let whole = instruments(&[("population-mode-error", "")]);
    assert_eq!(
        predicted("learning-curve", &drawn, &whole).unwrap()[0].len(),
        4
    );
}

#[test]
fn exponents_are_known_in_the_asymptotic_regime_alone() {
    let known = |e: &Experiment, observable: &str, key: &str| {
        let entry = "kind = 'learning-curve'".parse().unwrap();
        let theory = component("theory", THEORIES, entry).unwrap();
        let question = Question {
            number: Number::Exponent,
            observable,
            key,
        };
        theory.known(e, &question).map(|k| k.value)
    };
    let error = |e: &Experiment| known(e, "population-error", "task.samples");
    // alpha = beta = 2, no ridge, D = 50 P: P^-beta.
    let ridgeless = power_law(3.0, 3.0, 20_000, 0.0, 400, 0.0);
    assert!((error(&ridgeless).unwrap() + 2.0).abs() < 1e-12);
    assert_eq!(
        known(&ridgeless, "test-loss", "task.samples"),
        error(&ridgeless)
    );
    assert_eq!(known(&ridgeless, "train-loss", "task.samples"), None);
    assert_eq!(known(&ridgeless, "population-error", "learner.ridge"), None);
    // A fixed ridge rules in the end: P^(-beta/(1 + alpha)).
    let ridged = power_law(3.0, 3.0, 20_000, 0.0, 200_000, 1.0);
    assert!((error(&ridged).unwrap() + 2.0 / 3.0).abs() < 1e-12);
    // alpha = 2, beta = 3/2: which of the two exponents is which.
    let ridgeless = power_law(3.0, 2.5, 20_000, 0.0, 200, 0.0);
    assert!((error(&ridgeless).unwrap() + 1.5).abs() < 1e-12);
    let ridged = power_law(3.0, 2.5, 20_000, 0.0, 200_000, 1.0);
    assert!((error(&ridged).unwrap() + 0.5).abs() < 1e-12);
    // Little noise bends the curve in the end, though not here.
    assert_eq!(error(&power_law(3.0, 3.0, 20_000, 1e-7, 400, 0.0)), None);
    for e in [
        power_law(3.0, 3.0, 500, 0.0, 400, 0.0),
        power_law(2.0, 2.0, 20_000, 0.0, 100, 0.1),
        power_law(3.0, 3.0, 20_000, 0.1, 400, 0.0),
    ] {
        assert_eq!(error(&e), None);
    }
}
