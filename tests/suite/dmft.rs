//! Dynamical mean-field theory end to end: networks of every optimiser extrapolated to infinite width.

use saddlepoint::run::assess::{Assessment, RowResult, assess};
use saddlepoint::run::{Settings, execute};
use saddlepoint::spec::{Options, Spec};

fn run(text: &str) -> Assessment {
    let spec = Spec::parse("test", "test.toml", text, &Options::default()).unwrap();
    let outcome = execute(&spec, &Settings::default()).unwrap();
    assess(&spec, &outcome).unwrap()
}

/// Two samples in the plane, `K^x = [[1, 0.6], [0.6, 1]]`, and a test sample between them.
const DATA: &str = "version = 1\nseed = 8\n[task]\nkind = 'table'\ninputs = [[1.41421356, 0.0], [0.84852814, 1.13137085]]\ntargets = [1.0, -0.5]\n\
    test_inputs = [[1.2, 0.6]]\ntest_targets = [0.3]\n";

fn spec(widths: &str, activation: &str, training: &str, replicas: usize, theory: &str) -> String {
    format!(
        "{DATA}[learner]\nkind = 'mlp'\nwidths = [4]\nactivation = '{activation}'\nparametrization = 'mean-field'\nrichness = 1.0\n\
         init = {{ kind = 'gaussian', scale = 1.0 }}\n[training]\nlearning_rate = 0.2\nsteps = 20\n{training}\n\
         [measure]\nobservables = [{{ kind = 'outputs', over = 'time' }}, {{ kind = 'feature-kernel', over = 'time' }}, \
         {{ kind = 'gradient-kernel', over = 'times' }}, 'predictor-mean', {{ kind = 'preactivation-density', bins = 16, range = [-2.5, 2.5] }}]\nreplicas = {replicas}\npoints = 5\n\
         [sweep]\n'learner.widths' = {widths}\n[[theory]]\nkind = 'dmft'\n{theory}\n\
         [[reduce]]\nkind = 'extrapolate'\nkey = 'learner.widths'\nabscissa = 'inverse'\nobservable = 'outputs'\n\
         [[reduce]]\nkind = 'extrapolate'\nkey = 'learner.widths'\nabscissa = 'inverse'\nobservable = 'feature-kernel'\n\
         [[reduce]]\nkind = 'extrapolate'\nkey = 'learner.widths'\nabscissa = 'inverse'\nobservable = 'gradient-kernel'\n\
         [[reduce]]\nkind = 'extrapolate'\nkey = 'learner.widths'\nabscissa = 'inverse'\nobservable = 'predictor-mean'\n\
         [[reduce]]\nkind = 'extrapolate'\nkey = 'learner.widths'\nabscissa = 'inverse'\nobservable = 'preactivation-density'\n"
    )
}

/// Limits in 1/N of every observable: root mean square and largest of their distances from the theory in standard errors.
fn distances(assessment: &Assessment) -> Vec<(String, f64, f64)> {
    let of = |d: &saddlepoint::run::assess::Derived| {
        let measured = d.measured.as_ref().unwrap();
        let theory = d.theories[0].reduced.as_ref().unwrap();
        let stderr = measured.stderr.as_ref().unwrap();
        let z: Vec<f64> = (0..measured.estimate.len())
            .filter(|&k| stderr[k] > 1e-9 && measured.estimate[k].is_finite())
            .map(|k| {
                let own = theory.theory_stderr.as_ref().map_or(0.0, |s| s[k]);
                (measured.estimate[k] - theory.estimate[k]) / stderr[k].hypot(own)
            })
            .collect();
        let square: f64 = z.iter().map(|z| z * z).sum();
        let largest = z.iter().fold(0.0f64, |m, z| m.max(z.abs()));
        (d.label.clone(), (square / z.len() as f64).sqrt(), largest)
    };
    assessment.derived.iter().map(of).collect()
}

fn agree(text: &str) {
    for (label, rms, largest) in distances(&run(text)) {
        assert!(
            rms < 2.5 && largest < 4.5,
            "{label}: rms z {rms:.2}, largest {largest:.2}"
        );
    }
}

#[test]
fn deep_linear_networks_of_every_optimiser_have_this_limit() {
    let widths = "[[32, 32], [64, 64], [128, 128]]";
    for training in [
        "kind = 'gradient-descent'",
        "kind = 'sgd'\nmomentum = 0.5\nweight_decay = 0.002\nnoise = 0.02\ndecoupled = true",
    ] {
        agree(&spec(widths, "linear", training, 300, ""));
    }
}

#[test]
fn one_hidden_layer_has_this_limit() {
    for (activation, training) in [
        ("tanh", "kind = 'sgd'\nmomentum = 0.5"),
        ("relu", "kind = 'gradient-descent'"),
    ] {
        let text = spec(
            "[[32], [64], [128]]",
            activation,
            training,
            400,
            "points = 4096",
        );
        agree(&text);
    }
}

/// Every network has its own mini-batches, and the theory follows them.
#[test]
fn mini_batches_are_those_of_the_networks() {
    let batches = "kind = 'sgd'\nbatch = 1\nmomentum = 0.3";
    let text = spec(
        "[[32], [64], [128]]",
        "linear",
        batches,
        300,
        "condition = 'initial'",
    );
    agree(&text);
    let alone = spec("[[32]]", "linear", batches, 2, "");
    let declined = run(alone.split("[[reduce]]").next().unwrap());
    let reason = declined.rows.iter().find_map(|row| match &row.result {
        RowResult::Declined(reason) => Some(reason.clone()),
        _ => None,
    });
    assert!(reason.unwrap().contains("condition = \"initial\""));
}

/// The root mean square deviation over all times and samples falls as 1/N, the scatter of single networks as 1/sqrt(N).
#[test]
fn distances_over_the_grid_have_the_rates_of_the_limit() {
    let base = spec(
        "[[8, 8], [16, 16], [32, 32]]",
        "linear",
        "kind = 'gradient-descent'",
        4000,
        "",
    );
    let reduce = |of: &str| {
        format!(
            "[[reduce]]\nkind = 'exponent'\nkey = 'learner.widths'\nobservable = 'feature-kernel'\nof = '{of}'\nover = 'grid'\n"
        )
    };
    let text = base.split("[[reduce]]").next().unwrap().to_string()
        + &reduce("deviation")
        + &reduce("scatter");
    let assessment = run(&text);
    for (d, rate, within) in [
        (&assessment.derived[0], -1.0, 0.2),
        (&assessment.derived[1], -0.5, 0.08),
    ] {
        let found = d.measured.as_ref().unwrap();
        let error = found.stderr.as_ref().unwrap()[0];
        assert_eq!(found.estimate.len(), 1);
        assert!(error < 0.1, "{}: {error}", d.label);
        assert!(
            (found.estimate[0] - rate).abs() < within,
            "{}: {:?}",
            d.label,
            found.estimate
        );
    }
}

/// What the theory does not describe is declined with the key that would make it apply.
#[test]
fn other_networks_and_rules_are_declined_with_the_key() {
    let text = |from: &str, to: &str| {
        let spec = spec("[[8]]", "tanh", "kind = 'gradient-descent'", 2, "");
        let spec = spec.split("[[reduce]]").next().unwrap();
        let (before, rest) = spec.split_once("observables = [").unwrap();
        let (_, after) = rest.split_once("]\nreplicas").unwrap();
        let spec = format!("{before}observables = ['train-loss']\nreplicas{after}");
        assert!(spec.contains(from), "{from} is not in {spec}");
        spec.replace(from, to)
    };
    let plain = "kind = 'gradient-descent'";
    for (from, to, reason) in [
        (
            "parametrization = 'mean-field'\nrichness = 1.0",
            "parametrization = 'ntk'",
            "learner.parametrization = \"mean-field\"",
        ),
        (
            "'learner.widths' = [[8]]",
            "'learner.widths' = [[8, 9]]",
            "hidden layers of one width",
        ),
        (
            "activation = 'tanh'",
            "activation = 'tanh'\nbias = true",
            "without biases",
        ),
        (plain, "kind = 'adam'", "training by gradient descent"),
        (
            plain,
            "kind = 'sgd'\nmomentum = 0.5\nnesterov = true",
            "training.nesterov = false",
        ),
        (
            plain,
            "kind = 'sgd'\nschedule = { kind = 'cosine' }",
            "training.schedule",
        ),
        (
            plain,
            "kind = 'sgd'\nstop_at_loss = 0.1",
            "training.stop_at_loss",
        ),
        (
            "kind = 'dmft'",
            "kind = 'dmft'\napproximation = 'gradient-independence'",
            "drops nothing",
        ),
        (
            "kind = 'dmft'",
            "kind = 'dmft'\nreadout = 'ntk-euler'",
            "exact outputs",
        ),
        (
            "kind = 'dmft'",
            "kind = 'dmft'\ncondition = 'initial'",
            "mini-batches",
        ),
        (
            "kind = 'dmft'",
            "kind = 'dmft'\nassume = { 'training.steps' = 3 }",
            "no step of the assumed training",
        ),
        (
            "kind = 'dmft'",
            "kind = 'dmft'\nassume = { 'training.learning_rate' = 0.3 }",
            "no step of the assumed training",
        ),
        (plain, "kind = 'sgd'\nweight_decay = 1.0", "is not below 1"),
    ] {
        let assessment = run(&text(from, to));
        let found = assessment.rows.iter().find_map(|row| match &row.result {
            RowResult::Declined(reason) => Some(reason.clone()),
            _ => None,
        });
        let found = found.unwrap_or_else(|| panic!("{to}: nothing declined"));
        assert!(found.contains(reason), "{to}: {found}");
    }
}

/// A prediction of the theory, by the name of its observable.
fn told<'a>(
    spec: &Spec,
    outcome: &'a saddlepoint::run::Outcome,
    name: &str,
) -> &'a saddlepoint::theory::Answer {
    let entry = &spec.cells[0].theories[0];
    let plan = entry.theory.plan(&entry.experiment, &entry.asked).unwrap();
    let place = plan.asked().iter().position(|a| a.name() == name).unwrap();
    let (_, prediction) = &outcome.cells[0].theories[0].predictions[0];
    let answer = prediction.answers.iter().find(|a| a.asked == place);
    answer.unwrap_or_else(|| panic!("{name} is not told"))
}

fn solved(text: &str) -> (Spec, saddlepoint::run::Outcome) {
    let spec = Spec::parse("test", "test.toml", text, &Options::default()).unwrap();
    let outcome = execute(&spec, &Settings::default()).unwrap();
    (spec, outcome)
}

/// The exact read-out of a deep linear network, made of what the theory tells: `f(t) = sum_{s<t} A^L + q H^L Delta`.
#[test]
fn responses_of_linear_networks_give_the_outputs() {
    let text = spec("[[8, 8]]", "linear", "kind = 'gradient-descent'", 2, "");
    let text = text
        .split("[[reduce]]")
        .next()
        .unwrap()
        .replace("points = 5", "points = 21")
        .replace(
            "'feature-kernel', over = 'time'",
            "'feature-kernel', over = 'times'",
        )
        .replace(
            "kind = 'dmft'",
            "kind = 'dmft'\ntell = ['forward-response', 'backward-response']",
        );
    let (spec, outcome) = solved(&text);
    let response = told(&spec, &outcome, "forward-response");
    let kernel = told(&spec, &outcome, "feature-kernel");
    let outputs = told(&spec, &outcome, "outputs");
    let lengths = |a: &saddlepoint::theory::Answer| -> Vec<usize> {
        a.axes.iter().map(|a| a.values.len()).collect()
    };
    assert_eq!(lengths(response), [2, 2, 21, 21]);
    assert_eq!(lengths(kernel), [2, 21, 21, 2, 2]);
    let (y, q, times) = ([1.0, -0.5], 0.1, 21);
    for a in 0..2 {
        for t in 0..times {
            let mut f = 0.0;
            for s in 0..t {
                f += response.mean[((2 + a) * times + t) * times + s];
                for (b, y) in y.iter().enumerate() {
                    let h = kernel.mean[(((times + t) * times + s) * 2 + a) * 2 + b];
                    f += q * h * (y - outputs.mean[b * times + s]);
                }
            }
            let known = outputs.mean[a * times + t];
            assert!((f - known).abs() < 1e-6, "f_{a}({t}) {f} {known}");
        }
    }
    let backward = told(&spec, &outcome, "backward-response");
    assert_eq!(lengths(backward), [1, 2, 21, 21]);
    let early = |i: &usize| i % times >= (i / times) % times;
    assert!(
        (0..backward.mean.len())
            .filter(early)
            .all(|i| backward.mean[i] == 0.0)
    );
    assert!(backward.mean.iter().any(|b| b.abs() > 0.01));
}

/// In the lazy limit the first step leaves `A^1_ab(1,0) = q K_ab y_b <phi'(h_a) phi'(h_b)>`.
#[test]
fn responses_of_deep_networks_start_with_the_kernels() {
    let text = spec(
        "[[8, 8]]",
        "erf",
        "kind = 'gradient-descent'",
        2,
        "points = 4096",
    );
    let text = text
        .split("[[reduce]]")
        .next()
        .unwrap()
        .replace("richness = 1.0", "richness = 0.001")
        .replace("steps = 20", "steps = 4")
        .replace(
            "[[theory]]",
            "[[theory]]\ntell = ['forward-response', 'backward-response']",
        )
        .replace(
            "{ kind = 'preactivation-density', bins = 16, range = [-2.5, 2.5] }",
            "'train-loss'",
        );
    let (spec, outcome) = solved(&text);
    let answer = told(&spec, &outcome, "forward-response");
    let lengths: Vec<usize> = answer.axes.iter().map(|a| a.values.len()).collect();
    assert_eq!(lengths, [1, 2, 2, 5, 5]);
    let stderr = answer.stderr().unwrap();
    let (y, q) = ([1.0, -0.5], 0.1);
    for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let k: f64 = if a == b { 1.0 } else { 0.6 };
        let slopes = std::f64::consts::FRAC_2_PI / (4.0 - k * k).sqrt();
        let place = (a * 2 + b) * 25 + 5;
        let (found, known) = (answer.mean[place], q * k * y[b] * slopes);
        let allowed = 5.0 * stderr[place] + 2e-4 * known.abs();
        assert!(
            (found - known).abs() < allowed,
            "{a}{b}: {found} {known} {allowed:.1e}"
        );
    }
    let backward = told(&spec, &outcome, "backward-response");
    let later = |i: &usize| i % 5 > (i / 5) % 5;
    assert!(
        (0..backward.mean.len())
            .filter(later)
            .all(|i| backward.mean[i] == 0.0)
    );
    assert!(backward.mean.iter().any(|b| b.abs() > 0.001));
}

/// Where a solver has no responses the question is declined with the key that would give them.
#[test]
fn questions_about_responses_are_declined_with_the_key() {
    for (widths, activation, theory, reason) in [
        ("[[8]]", "tanh", "", "two hidden layers"),
        ("[[8]]", "linear", "", "two hidden layers"),
        (
            "[[8, 8]]",
            "linear",
            "approximation = 'gradient-independence'",
            "approximation = \"none\"",
        ),
        (
            "[[8, 8]]",
            "linear",
            "approximation = 'perturbation'",
            "approximation = \"none\"",
        ),
    ] {
        let theory = format!("tell = ['backward-response']\n{theory}");
        let text = spec(widths, activation, "kind = 'gradient-descent'", 2, &theory);
        let (before, _) = text.split_once("[measure]").unwrap();
        let text = format!(
            "{before}[sweep]\n'learner.widths' = {widths}\n[[theory]]\nkind = 'dmft'\n{theory}\n"
        );
        let (spec, _) = solved(&text);
        let entry = &spec.cells[0].theories[0];
        let declined = entry.theory.plan(&entry.experiment, &entry.asked);
        let declined = declined.err().unwrap().to_string();
        assert!(declined.contains(reason), "{declined}");
    }
}

/// Deviations of the weights layer by layer: the table of section 2.2 of the reference (`s2 = 1.5, 0.5, 2`), and networks.
#[test]
fn weights_may_have_a_variance_in_every_layer() {
    let scales = "scale = [1.224744871391589, 0.7071067811865476, 1.4142135623730951]";
    let of = |widths: &str, activation: &str, replicas: usize, theory: &str| {
        spec(
            widths,
            activation,
            "kind = 'gradient-descent'",
            replicas,
            theory,
        )
        .replace("scale = 1.0", scales)
        .replace("learning_rate = 0.2", "learning_rate = 0.1")
    };
    let text = of("[[8, 8]]", "linear", 2, "")
        .split("[[reduce]]")
        .next()
        .unwrap()
        .to_string();
    let (spec, outcome) = solved(&text.replace("points = 5", "points = 21"));
    let outputs = told(&spec, &outcome, "outputs");
    for (t, expected) in [
        (1, [0.16625, 0.02375]),
        (5, [0.54099415, -0.07468929]),
        (20, [0.96032565, -0.45730495]),
    ] {
        for (a, expected) in expected.into_iter().enumerate() {
            let found = outputs.mean[a * 21 + t];
            assert!((found - expected).abs() < 2e-8, "f_{a}({t}) {found}");
        }
    }
    agree(&of("[[32, 32], [64, 64], [128, 128]]", "linear", 300, ""));
    let scales = |text: String| {
        text.replace(
            "scale = [1.224744871391589, 0.7071067811865476, 1.4142135623730951]",
            "scale = [1.3, 0.6]",
        )
    };
    agree(&scales(of("[[32], [64], [128]]", "tanh", 400, "")));
}

/// A list of scales that does not fit the layers is refused with its place, and a layer without weights declined.
#[test]
fn scales_must_fit_the_layers() {
    let text = |scale: &str| {
        let text = spec("[[8, 8]]", "linear", "kind = 'gradient-descent'", 2, "");
        let text = text.split("[[reduce]]").next().unwrap().to_string();
        text.replace("scale = 1.0", &format!("scale = {scale}"))
    };
    let wrong = Spec::parse(
        "test",
        "test.toml",
        &text("[1.0, 2.0]"),
        &Options::default(),
    );
    let wrong = wrong.err().unwrap().to_string();
    assert!(
        wrong.contains("learner.init.scale") && wrong.contains("2 numbers for 3"),
        "{wrong}"
    );
    let (spec, _) = solved(&text("[1.0, 0.0, 2.0]"));
    let entry = &spec.cells[0].theories[0];
    let declined = entry.theory.plan(&entry.experiment, &entry.asked);
    let declined = declined.err().unwrap().to_string();
    assert!(declined.contains("positive variance"), "{declined}");
}
