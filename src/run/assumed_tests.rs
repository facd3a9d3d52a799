//! An entry that assumes other keys is given the draws of what it assumes, or says why not.

use super::super::assess::{RowResult, assess};
use super::super::{Outcome, Settings, execute};
use crate::context::Context;
use crate::error::Result as Solved;
use crate::experiment::{Conditioning, Draw, Experiment, Promise};
use crate::instrument::Declined;
use crate::kind::About;
use crate::spec::{Options, Spec};
use crate::theory::{Answer, Asked, Info, Plan, Prediction, Solve, Theory};
use serde_json::{Value as Json, json};
use std::sync::Arc;

const NETWORKS: &str = "version = 1\nseed = 3\n[task]\nkind = 'linear-teacher'\nsingular_values = [2.0]\ninput_dim = 4\n\
    output_dim = 1\nsamples = 6\nwhitened = false\n[learner]\nkind = 'mlp'\nwidths = [5]\ninit = { kind = 'gaussian', scale = 0.3 }\n\
    [training]\nkind = 'gradient-descent'\nlearning_rate = 0.01\nsteps = 20\n";

fn spec(from: &str, to: &str, observables: &str, theory: &str) -> Spec {
    assert!(NETWORKS.contains(from), "{from}");
    let networks = NETWORKS.replace(from, to);
    let text = format!(
        "{networks}[measure]\nobservables = [{observables}]\ndatasets = 2\nreplicas = 2\n[[theory]]\n{theory}\n"
    );
    Spec::parse("assumed", "spec.toml", &text, &Options::default()).unwrap()
}

fn run(spec: &Spec) -> Outcome {
    execute(spec, &Settings::default()).unwrap()
}

fn predicted(spec: &Spec) -> Vec<(Option<crate::experiment::DrawIndex>, Vec<f64>)> {
    let outcome = run(spec);
    let predictions = outcome.cells[0].theories[0].predictions.iter();
    predictions
        .map(|(index, p)| (*index, p.answers[0].mean.clone()))
        .collect()
}

fn reason(spec: &Spec) -> String {
    let found = assess(spec, &run(spec)).unwrap();
    match &found.rows[0].result {
        RowResult::Declined(why) => why.clone(),
        other => panic!("{other:?}"),
    }
}

/// Assumed keys of the task and of the learner reach the data sets and the initial parameters: the numbers are those of an
/// experiment with these keys.
#[test]
fn the_draw_is_that_of_what_is_assumed() {
    for (from, to, assume) in [
        (
            "singular_values = [2.0]",
            "singular_values = [3.0]",
            "'task.singular_values' = [3.0]",
        ),
        ("samples = 6", "samples = 9", "'task.samples' = 9"),
        ("scale = 0.3", "scale = 0.5", "'learner.init.scale' = 0.5"),
        ("seed = 3", "seed = 4", "seed = 4"),
    ] {
        for condition in ["data", "initial"] {
            let theory = format!("kind = 'ntk'\ncondition = '{condition}'");
            let assumed = format!("{theory}\nassume = {{ {assume} }}");
            let [stated, assumed, plain] = [
                spec(from, to, "'train-loss'", &theory),
                spec("seed", "seed", "'train-loss'", &assumed),
                spec("seed", "seed", "'train-loss'", &theory),
            ];
            let values = predicted(&assumed);
            assert_eq!(values, predicted(&stated), "{assume}, {condition}");
            assert_ne!(values, predicted(&plain), "{assume}, {condition}");
        }
    }
}

/// A grid that numbers samples has no place for another number of them.
#[test]
fn other_numbers_of_samples_do_not_fit_a_measured_grid() {
    let theory = "kind = 'ntk'\ncondition = 'data'\nassume = { 'task.samples' = 9 }";
    let why = reason(&spec("seed", "seed", "'ntk'", theory));
    assert!(
        why.contains("9 values of sample") && why.contains("at 6"),
        "{why}"
    );
    assert!(why.contains("measure.observables"), "{why}");
}

/// Predicts 1 from the trained weights.
#[derive(Debug)]
struct Afterwards;

static ABOUT: About = About {
    kind: "afterwards",
    summary: "",
    text: "",
    revision: 1,
};

static INFO: Info = Info {
    observables: &["train-loss"],
    conditions: &[Conditioning::Trained],
    ..Info::of(&ABOUT)
};

impl Theory for Afterwards {
    fn info(&self) -> &'static Info {
        &INFO
    }
    fn plan(&self, _: &Experiment, asked: &[Asked]) -> Result<Plan, Declined> {
        let promise = Promise::of(Conditioning::Trained);
        Ok(Plan::new(promise, asked, vec![0], Afterwards))
    }
}

impl Solve for Afterwards {
    fn inputs(&self) -> Json {
        json!(null)
    }
    fn solve(&self, asked: &[Asked], draw: &Draw, _: &Context) -> Solved<Prediction> {
        assert!(draw.trained.is_some());
        let answer = Answer::on_grid(0, &asked[0], vec![(1.0, 0.0); asked[0].size()]);
        Ok(Prediction::of("one", vec![answer]))
    }
}

/// Trained networks are those that are measured: other rules of training may be assumed of them, other data sets may not.
#[test]
fn trained_networks_are_those_that_are_measured() {
    let of = |assume: &str| {
        let theory = format!("kind = 'ntk'\nassume = {{ {assume} }}");
        let mut spec = spec("seed", "seed", "'train-loss'", &theory);
        spec.cells[0].theories[0].theory = Arc::new(Afterwards);
        spec
    };
    for (assume, key) in [
        ("'task.singular_values' = [3.0]", "task"),
        ("'learner.init.scale' = 0.5", "learner"),
    ] {
        let why = reason(&of(assume));
        assert!(
            why.contains("condition = \"trained\"") && why.contains(&format!("their {key}")),
            "{why}"
        );
    }
    assert_eq!(predicted(&of("'training.learning_rate' = 0.02")).len(), 4);
}
