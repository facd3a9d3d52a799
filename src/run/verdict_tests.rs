//! What a row may say: numbers that are not finite, predictions of zero, held-out samples that all draws share.

use super::assess::{Assessment, Row, RowResult, assess, exit_code, measured_blocks, theory_curve};
use super::{Outcome, Settings, Status, execute};
use crate::compare::{Blocks, TestSet, Tolerance, compare};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::{Conditioning, Experiment, Promise};
use crate::instrument::{Axis, Chosen, Declined, Instrument, Observable, Recorder, Wanted};
use crate::kind::About;
use crate::learner::Parameters;
use crate::numerics::random::{normal_matrix, stream};
use crate::spec::{Expect, Options, Spec};
use crate::task::Dataset;
use crate::theory::{Answer, Asked, Info, Plan, Theory};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

const LINEAR: &str = r#"
version = 1
seed = 3
[task]
kind = "linear-teacher"
singular_values = [2.0, 1.0]
input_dim = 4
output_dim = 3
samples = 20
[learner]
kind = "mlp"
widths = [300]
parametrization = "ntk"
[training]
kind = "gradient-descent"
learning_rate = 0.0005
steps = 40
[measure]
observables = ["ntk-change", "conserved-drift", "train-loss"]
replicas = 6
points = 4
[[theory]]
kind = "ntk"
expect = "agree"
[[theory]]
kind = "saxe"
label = "saxe"
"#;

fn parse(text: &str) -> Spec {
    Spec::parse("verdicts", "spec.toml", text, &Options::default()).unwrap()
}

fn run(spec: &Spec, out: Option<&Path>) -> (Outcome, Assessment) {
    let settings = Settings {
        out: out.map(Into::into),
        threads: 1,
        ..Settings::default()
    };
    let outcome = execute(spec, &settings).unwrap();
    let assessment = assess(spec, &outcome).unwrap();
    (outcome, assessment)
}

fn row<'a>(rows: &'a Assessment, label: &str, observable: &str) -> &'a Row {
    let of = |r: &&Row| r.label == label && r.observable.is_some_and(|o| o.name == observable);
    rows.rows.iter().find(of).unwrap()
}

/// The lazy kernel does not turn and flow conserves the imbalance: the predictions are 0, and networks that do neither
/// beyond the scales of the observables agree. A stated tolerance is used as it is; without a scale the row asks for
/// one.
#[test]
fn a_prediction_of_zero_has_an_absolute_tolerance_or_no_verdict() {
    let (outcome, found) = run(&parse(LINEAR), None);
    for (label, observable) in [("ntk", "ntk-change"), ("saxe", "conserved-drift")] {
        let mean = |name: &str| {
            let k = outcome.cells[0].wanted.iter();
            let k = k.clone().position(|w| w.observable.name == name).unwrap();
            measured_blocks(&outcome.cells[0], k)
                .unwrap()
                .unwrap()
                .mean()
        };
        let largest = mean(observable).iter().fold(0.0f64, |a, b| a.max(b.abs()));
        assert!(largest > 0.0 && largest < 0.01, "{observable} {largest}");
        let RowResult::Compared { comparison, .. } = &row(&found, label, observable).result else {
            panic!("{observable} is not compared");
        };
        assert_eq!(comparison.tolerance, Tolerance::Absolute(0.01));
        assert_eq!(comparison.verdict.name(), "agree", "{observable}");
        assert!(comparison.deviation <= largest);
    }
    assert_eq!(exit_code(&parse(LINEAR), &outcome, &found), 0);

    let strict =
        "[compare]\ntolerances = { ntk-change = { absolute = 1e-9 }, conserved-drift = 0.05 }\n";
    let (_, found) = run(&parse(&format!("{LINEAR}{strict}")), None);
    let verdict = |label, observable| row(&found, label, observable).result.verdict();
    assert_eq!(verdict("ntk", "ntk-change").unwrap().name(), "disagree");
    assert_eq!(verdict("saxe", "conserved-drift"), None);
    let RowResult::Unmeasured(why) = &row(&found, "saxe", "conserved-drift").result else {
        panic!("a relative tolerance of 0");
    };
    assert!(why.starts_with("theory is 0"), "{why}");
    assert!(why.contains("compare.tolerances.conserved-drift"), "{why}");
}

/// Values given, on the grid of the recorded times.
#[derive(Debug)]
struct Gives {
    observable: &'static Observable,
    about: &'static About,
    info: &'static Info,
    value: f64,
}

fn gives(name: &'static str, value: f64, undefined: Option<&'static str>) -> Gives {
    let about: &'static About = Box::leak(Box::new(About {
        kind: name,
        summary: "",
        text: "",
        revision: 1,
    }));
    Gives {
        observable: Box::leak(Box::new(Observable {
            name,
            undefined,
            ..Observable::PLAIN
        })),
        about,
        info: Box::leak(Box::new(Info { ..Info::of(about) })),
        value,
    }
}

struct Gave(Vec<f64>);

impl Recorder for Gave {
    fn record(&mut self, _: usize, _: f64, _: &Parameters) -> Result<()> {
        Ok(())
    }
    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.0
    }
    fn finish(self: Box<Self>) -> Vec<f64> {
        self.0
    }
}

impl Instrument for Gives {
    fn about(&self) -> &'static About {
        self.about
    }
    fn observable(&self) -> &'static Observable {
        self.observable
    }
    fn axes(&self, _: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        Ok(vec![Axis::new("point", "1", vec![1.0, 2.0])])
    }
    fn recorder(&self, _: &Experiment, _: &Dataset, _: &Context) -> Result<Box<dyn Recorder>> {
        Ok(Box::new(Gave(vec![1.0, self.value])))
    }
}

impl Theory for Gives {
    fn info(&self) -> &'static Info {
        self.info
    }
    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(format!("{}", self.value))
    }
    fn plan(&self, _: &Experiment, asked: &[Asked]) -> std::result::Result<Plan, Declined> {
        let values = [(1.0, 0.0), (self.value, 0.0)];
        let answer = Answer::on_grid(0, &asked[0], values);
        let promise = Promise::of(Conditioning::None);
        Ok(Plan::known(promise, asked, "given", vec![answer]))
    }
}

/// One measured quantity, and one theory of it.
fn toy(measured: Gives, predicted: f64) -> Spec {
    let mut spec = parse(LINEAR);
    let wanted = Wanted {
        observable: measured.observable,
        axes: measured.axes(&spec.cells[0].experiment).unwrap(),
    };
    spec.cells[0].theories.clear();
    let theory = Arc::new(gives("toy", predicted, None));
    let mut spec = spec.theory("toy", theory, Some(Expect::Agree)).unwrap();
    spec.cells[0].instruments = vec![Chosen::Keyed(Arc::new(measured))];
    spec.cells[0].theories[0].asked = vec![wanted.clone().into()];
    spec.cells[0].wanted = vec![wanted];
    spec
}

#[test]
fn a_measurement_that_is_no_number_fails_its_draw_new_and_stored() {
    let folder = tempfile::tempdir().unwrap();
    for value in [f64::NAN, f64::INFINITY] {
        let spec = toy(gives("height", value, None), 2.0);
        for _ in 0..2 {
            let (outcome, found) = run(&spec, Some(folder.path()));
            let failure = outcome.cells[0].failure.as_ref().unwrap();
            assert!(matches!(failure, Error::NotFinite { .. }), "{failure}");
            let message = failure.to_string();
            assert!(message.contains("data set 0, replica 0"), "{message}");
            assert!(message.contains("height is"), "{message}");
            assert!(message.contains("1 of 2 values"), "{message}");
            assert_eq!(exit_code(&spec, &outcome, &found), 4);
            assert!(!found.expectations[0].met);
            let RowResult::Unmeasured(why) = &row(&found, "toy", "height").result else {
                panic!("compared");
            };
            assert!(why.contains("height is"), "{why}");
        }
    }
}

#[test]
fn what_may_be_undefined_is_left_out_and_what_is_infinite_is_not() {
    let spec = toy(gives("height", f64::NAN, Some("nothing stands")), 2.0);
    let (outcome, found) = run(&spec, None);
    assert!(outcome.cells[0].failure.is_none());
    let RowResult::Compared { comparison, .. } = &row(&found, "toy", "height").result else {
        panic!("not compared");
    };
    assert_eq!((comparison.points, comparison.excluded), (1, 1));
    let spec = toy(gives("height", f64::INFINITY, Some("nothing stands")), 2.0);
    assert!(run(&spec, None).0.cells[0].failure.is_some());
}

#[test]
fn a_prediction_that_is_no_number_fails_its_theory() {
    let spec = toy(gives("height", 2.0, None), f64::NAN);
    let (outcome, found) = run(&spec, None);
    let Status::Failed(error) = &outcome.cells[0].theories[0].status else {
        panic!("not failed");
    };
    assert!(error.to_string().contains("toy: height is NaN"), "{error}");
    assert!(matches!(&found.rows[0].result, RowResult::Failed(why) if why.contains("height")));
    assert_eq!(exit_code(&spec, &outcome, &found), 3);
    let fine = toy(gives("height", 2.0, None), 2.0);
    let (outcome, found) = run(&fine, None);
    assert_eq!(exit_code(&fine, &outcome, &found), 0);
}

/// A reduction of a theory that declines has no value, and what was stated of it is not met.
#[test]
fn an_expectation_of_a_reduction_without_a_value_is_not_met() {
    let reduce = r#"
[sweep]
"training.learning_rate" = [0.0005, 0.001]
[[reduce]]
key = "training.learning_rate"
kind = "extrapolate"
observable = "train-loss"
expect = { modes = "agree" }
[[theory]]
kind = "learning-curve"
label = "modes"
"#;
    let spec = parse(&format!("{LINEAR}{reduce}"));
    let (outcome, found) = run(&spec, None);
    let stated = found.expectations.iter();
    let stated: Vec<_> = stated.filter(|e| e.label.starts_with("modes: ")).collect();
    assert_eq!(stated.len(), 1);
    assert!(!stated[0].met, "{}", stated[0].why);
    assert_eq!(exit_code(&spec, &outcome, &found), 1);
}

/// 240 samples of 6 Gaussian inputs with a falling spectrum, a linear target and noise.
fn samples(seed: u64) -> String {
    let x = normal_matrix(&mut stream(seed, "file inputs", &[]), 6, 240);
    let noise = normal_matrix(&mut stream(seed, "file noise", &[]), 1, 240);
    let mut text = String::from("x1,x2,x3,x4,x5,x6,y\n");
    for j in 0..240 {
        let inputs: Vec<f64> = (0..6).map(|i| x[(i, j)] / (1.0 + i as f64)).collect();
        let target = inputs.iter().sum::<f64>() + 0.3 * noise[j];
        let cells: Vec<String> = inputs.iter().map(|v| format!("{v}")).collect();
        writeln!(text, "{},{target}", cells.join(",")).unwrap();
    }
    text
}

fn ridge(path: &Path, more: &str) -> Spec {
    parse(&format!(
        r#"
version = 1
seed = 5
[task]
kind = "file"
path = {path:?}
samples = 20
test_samples = 40
[learner]
kind = "kernel-ridge"
ridge = 0.05
kernel = {{ kind = "linear" }}
[training]
kind = "closed-form"
[measure]
observables = ["test-loss", "train-loss"]
datasets = 12
replicas = 1
points = 1
[[theory]]
kind = "learning-curve"
{more}"#
    ))
}

/// 95 % intervals of the distance between the population's loss and the theory's, over files of which each is one draw,
/// with and without the sampling error of the 40 held-out samples.
#[test]
fn intervals_on_a_file_cover_the_population() {
    let folder = tempfile::tempdir().unwrap();
    let mut covered = [0, 0];
    let mut sigma = [0, 0];
    let repeats = 200;
    for seed in 0..repeats {
        let path = folder.path().join(format!("{seed}.csv"));
        std::fs::write(&path, samples(seed)).unwrap();
        let spec = ridge(&path, "");
        let (outcome, found) = run(&spec, None);
        let RowResult::Compared { comparison, .. } =
            &row(&found, "learning-curve", "test-loss").result
        else {
            panic!("not compared");
        };
        let held_out = comparison.held_out.unwrap();
        assert!(held_out.population && held_out.samples == 40);
        let cell = &outcome.cells[0];
        let measured = measured_blocks(cell, 0).unwrap().unwrap();
        let curve = theory_curve(cell, &cell.theories[0], 0).unwrap().unwrap();
        assert_eq!(curve.test_set, TestSet::Drawn);
        let by_draws = compare(&measured, &curve, Tolerance::default(), 0).unwrap();
        for (k, row) in [&**comparison, &by_draws].into_iter().enumerate() {
            covered[k] += usize::from(row.interval.unwrap()[0] == 0.0);
            sigma[k] += usize::from(row.worst.unwrap().z.unwrap().abs() > 3.0);
        }
    }
    println!("covered {covered:?} of {repeats}, |z| > 3 in {sigma:?}");
    assert!((184..=196).contains(&covered[0]), "{covered:?}");
    assert!(covered[1] < 120, "{covered:?}");
}

/// A theory that is handed the draw's data is evaluated on its test samples: nothing is added, and the row says so.
#[test]
fn a_theory_on_the_same_samples_is_compared_on_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, samples(0)).unwrap();
    let text = LINEAR
        .replace(
            "kind = \"linear-teacher\"\nsingular_values = [2.0, 1.0]\ninput_dim = 4\noutput_dim = 3\nsamples = 20",
            &format!("kind = \"file\"\npath = {path:?}\nsamples = 20\ntest_samples = 40"),
        )
        .replace(
            "[\"ntk-change\", \"conserved-drift\", \"train-loss\"]\nreplicas = 6",
            "[\"test-loss\", \"test-error\", \"predictor-variance\"]\nreplicas = 3\ndatasets = 2",
        );
    let spec = parse(&text);
    let (outcome, found) = run(&spec, None);
    let RowResult::Compared { comparison, .. } = &row(&found, "ntk", "test-loss").result else {
        panic!("not compared");
    };
    let held_out = comparison.held_out.unwrap();
    assert_eq!((held_out.population, held_out.error), (false, None));
    assert!(
        comparison
            .notes
            .iter()
            .any(|n| n.starts_with("given the test set"))
    );
    // Shares of 40 blocks in 4 values of the loss and of the error; the ensemble's variance has none.
    let measured = outcome.cells[0].measurement.as_ref().unwrap();
    let lengths: Vec<usize> = measured.shares[0].iter().map(Vec::len).collect();
    assert_eq!(lengths, [160, 160, 0]);
    let values = Blocks::from_draws(
        &measured
            .draws
            .iter()
            .zip(&measured.values)
            .map(|(d, v)| (*d, v[0].clone()))
            .collect::<Vec<_>>(),
    );
    assert_eq!(values.unwrap().points(), 4);
}

/// The exponent of a learning curve does not feel what moves the curve as a whole: the held-out samples' error of the
/// exponent is smaller than that of the losses, and not 0.
#[test]
fn reductions_carry_the_error_of_held_out_samples() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, samples(1)).unwrap();
    let spec = ridge(
        &path,
        r#"
[sweep]
"task.samples" = [10, 20, 40]
[[reduce]]
key = "task.samples"
kind = "exponent"
observable = "test-loss"
"#,
    );
    let (_, found) = run(&spec, None);
    let RowResult::Compared { comparison, .. } = &found.derived[0].theories[0].row else {
        panic!("not compared");
    };
    let of_exponent = comparison.held_out.unwrap();
    assert!(of_exponent.population && of_exponent.samples == 40);
    let exponent = found.derived[0].measured.as_ref().unwrap().estimate[0].abs();
    // In its own unit: an error of ln L of 1/sqrt(40 / 2) or so, as that of chi^2, over ln 4 at the two ends.
    let error = of_exponent.error.unwrap() * exponent;
    assert!(error > 0.01 && error < 0.3, "{error}");
}
