//! What a theory is asked, told and keyed by; what a record holds.

use super::assess::{RowResult, assess, exit_code};
use super::{Outcome, Settings, Side, execute};
use crate::context::Context;
use crate::error::{Error, Result as Solved};
use crate::experiment::{Conditioning, Draw, Experiment, Promise};
use crate::instrument::Declined;
use crate::kind::About;
use crate::numerics::npz::Writer;
use crate::spec::{Options, Spec};
use crate::theory::{Answer, Asked, Info, Plan, Prediction, Solve, Theory};
use serde_json::{Value as Json, json};
use std::path::Path;
use std::sync::Arc;

const NETWORKS: &str = r#"
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
widths = [20]
init = { kind = "gaussian", scale = 0.1 }
[training]
kind = "gradient-descent"
learning_rate = 0.01
steps = 100
"#;

fn parse(text: &str) -> Result<Spec, String> {
    let spec = Spec::parse("contract", "spec.toml", text, &Options::default());
    spec.map_err(|e| e.to_string())
}

fn run(spec: &Spec, out: Option<&Path>) -> Outcome {
    let settings = Settings {
        out: out.map(Into::into),
        threads: 2,
        ..Settings::default()
    };
    execute(spec, &settings).unwrap()
}

fn predictions(outcome: &Outcome, cell: usize, theory: usize) -> Vec<&Prediction> {
    let found = outcome.cells[cell].theories[theory].predictions.iter();
    found.map(|(_, p)| p).collect()
}

/// Task and learner alone: nothing is trained or measured, and what is told stands in rows, document, arrays and figures.
#[test]
fn quantities_are_told_without_training_and_measurement() {
    let head = NETWORKS.split("[training]").next().unwrap();
    let text = format!(
        "{head}[sweep]\n\"learner.init.scale\" = [0.1, 0.2]\n[[theory]]\nkind = \"signal-propagation\"\n\
         tell = [\"layer-variance\", \"layer-correlation\"]\n"
    );
    let spec = parse(&text).unwrap();
    let outcome = run(&spec, None);
    let found = assess(&spec, &outcome).unwrap();
    assert_eq!(exit_code(&spec, &outcome, &found), 0);
    assert_eq!(found.rows.len(), 4);
    let why = |row: &super::assess::Row| match &row.result {
        RowResult::Unmeasured(why) => why.clone(),
        other => panic!("{other:?}"),
    };
    assert!(found.rows.iter().all(|row| why(row).starts_with("told")));
    // s = 4 * 0.1^2 from an input of length 1.
    let values = super::document::predicted(&outcome.cells[0], &outcome.cells[0].theories[0]);
    let variance = &values.unwrap()[0];
    assert_eq!(variance.axes[0].values, [1.0]);
    assert!((variance.mean[0] - 0.04).abs() < 1e-15);
    let document = super::document::document("run", &spec, &outcome, &found).unwrap();
    let told = &document["cells"][1]["theories"][0]["observables"][0];
    assert_eq!(told["name"], "layer-variance");
    let bytes = super::arrays::npz(&spec, &outcome).unwrap();
    assert!(bytes.len() > Writer::default().finish().unwrap().len());
    let drawn = crate::report::figures::figures(&spec, &outcome, &found).unwrap();
    let names: Vec<&str> = drawn.iter().map(|d| d.name.as_str()).collect();
    assert_eq!(names, ["layer-variance", "layer-correlation"]);
    // A run of theories and a prediction are the same thing then.
    let settings = Settings {
        side: Side::Theory,
        ..Settings::default()
    };
    let predicted = execute(&spec, &settings).unwrap();
    assert_eq!(predictions(&predicted, 1, 0), predictions(&outcome, 1, 0));
}

/// A run points to its file of arrays for what is long; a prediction has no such file, and holds the numbers.
#[test]
fn a_prediction_holds_all_its_numbers() {
    let text = NETWORKS
        .replace("samples = 20", "samples = 70")
        .replace("steps = 100", "steps = 1");
    let text = format!("{text}[[theory]]\nkind = \"ntk\"\ntell = [\"ntk\"]\n");
    let text = text.replace("tell", "condition = \"data\"\ntell");
    let text = format!("{text}[measure]\nobservables = [{{ kind = \"ntk\", samples = 70 }}]\n");
    let spec = parse(&text).unwrap();
    let settings = Settings {
        side: Side::Theory,
        ..Settings::default()
    };
    let outcome = execute(&spec, &settings).unwrap();
    let found = assess(&spec, &outcome).unwrap();
    let observable = |kind: &str| {
        let document = super::document::document(kind, &spec, &outcome, &found).unwrap();
        document["cells"][0]["theories"][0]["observables"][0].clone()
    };
    let (predicted, run) = (observable("predict"), observable("run"));
    let numbers = predicted["mean"].as_array().unwrap().len();
    assert!(numbers > super::document::LARGEST_INLINE, "{numbers}");
    assert!(predicted["array"].is_null() && run["mean"].is_null());
    assert!(run["array"].as_str().unwrap().starts_with("arrays.npz#"));
}

/// A quantity that was asked for has a row, also where the theory does not tell it.
#[test]
fn what_is_not_told_is_a_row() {
    let head = NETWORKS.split("[training]").next().unwrap();
    let tell = "tell = [\"layer-variance\", \"layer-chi\"]\n";
    let text = format!("{head}[[theory]]\nkind = \"signal-propagation\"\n{tell}");
    let spec = parse(&text).unwrap();
    let found = assess(&spec, &run(&spec, None)).unwrap();
    let row = |r: &'_ super::assess::Row| match &r.result {
        RowResult::Unmeasured(why) => (r.observable.unwrap().name, why.clone()),
        other => panic!("{other:?}"),
    };
    let rows: Vec<(&str, String)> = found.rows.iter().map(row).collect();
    assert_eq!(rows[0], ("layer-variance", "told: 0.04".into()));
    assert_eq!(
        rows[1],
        ("layer-chi", "the theory does not tell it here".into())
    );
}

/// A quantity of an instrument is told on the grid that the instrument would have: the numbers are those of a comparison.
#[test]
fn what_is_told_is_what_is_compared() {
    let theory = "[[theory]]\nkind = \"saxe\"\ncondition = \"none\"\n";
    let told = format!("{NETWORKS}{theory}tell = [\"mode-strength\"]\n");
    let compared =
        format!("{NETWORKS}[measure]\nobservables = [\"mode-strength\"]\nreplicas = 2\n{theory}");
    let [told, compared] = [told, compared].map(|text| run(&parse(&text).unwrap(), None));
    let answers = |o: &Outcome| predictions(o, 0, 0)[0].answers[0].clone();
    assert_eq!(answers(&told), answers(&compared));
    assert!(told.cells[0].measurement.is_none() && compared.cells[0].measurement.is_some());
}

#[test]
fn what_a_theory_does_not_use_is_not_in_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let spec = |theory: &str| {
        let sweep = "[sweep]\n\"learner.widths\" = [[20], [30], [40]]\n";
        let text = format!("{NETWORKS}{sweep}[[theory]]\n{theory}tell = [\"mode-strength\"]\n");
        parse(&text).unwrap()
    };
    // Independent modes know the width by nothing but the number of modes.
    let modes = run(
        &spec("kind = \"saxe\"\ncondition = \"none\"\n"),
        Some(folder.path()),
    );
    assert_eq!(modes.records.len(), 1);
    assert_eq!(predictions(&modes, 0, 0), predictions(&modes, 2, 0));
    // The mean overlap of Gaussian layers is proportional to it.
    let overlap = "kind = \"saxe\"\ncondition = \"none\"\nstart = \"mean-overlap\"\n";
    let overlap = run(&spec(overlap), Some(folder.path()));
    assert_eq!(overlap.records.len(), 3);
    assert_ne!(predictions(&overlap, 0, 0), predictions(&overlap, 2, 0));
    // What conditions on the start knows the network: every cell has its own.
    assert_eq!(run(&spec("kind = \"ntk\"\n"), None).records.len(), 0);
    let ntk = run(&spec("kind = \"ntk\"\n"), Some(folder.path()));
    assert_eq!(ntk.records.len(), 3);
}

#[test]
fn an_added_observable_trains_for_itself_alone() {
    let folder = tempfile::tempdir().unwrap();
    let spec = |observables: &str| {
        let text = format!("{NETWORKS}[measure]\nobservables = [{observables}]\nreplicas = 3\n");
        parse(&text).unwrap()
    };
    let first = run(&spec("\"train-loss\""), Some(folder.path()));
    let both = spec("\"mode-strength\", \"train-loss\"");
    let added = run(&both, Some(folder.path()));
    assert_eq!((first.records.len(), added.records.len()), (3, 6));
    assert!(first.records.iter().all(|r| added.records.contains(r)));
    let at_once = run(&both, None);
    let values = |o: &Outcome| o.cells[0].measurement.as_ref().unwrap().values.clone();
    assert_eq!(values(&added), values(&at_once));
    assert_eq!(values(&first)[2][0], values(&added)[2][1]);
}

/// An instrument of a simulation reads the same numbers alone and beside all others, so that its record may be its own.
#[test]
fn instruments_of_a_simulation_do_not_disturb_each_other() {
    let spec = |observables: &str| {
        let text = format!(
            "version = 1\nseed = 5\n[task]\nkind = \"percolation-lattice\"\nsize = 8\nsweeps = 4\n\
             [measure]\nobservables = [{observables}]\ndatasets = 2\n"
        );
        parse(&text).unwrap()
    };
    let names = [
        "{ kind = \"wrapping-x\", p = [0.4, 0.6] }",
        "{ kind = \"largest-cluster\", p = \"threshold\" }",
        "{ kind = \"hull-length\", p = \"threshold\" }",
        "{ kind = \"backbone-mass\", p = \"threshold\" }",
        "\"percolation-threshold\"",
    ];
    let all = run(&spec(&names.join(", ")), None);
    let values = |o: &Outcome, k: usize| {
        let draws = &o.cells[0].measurement.as_ref().unwrap().values;
        draws.iter().map(|d| d[k].clone()).collect::<Vec<_>>()
    };
    for (k, name) in names.iter().enumerate() {
        assert_eq!(
            values(&run(&spec(name), None), 0),
            values(&all, k),
            "{name}"
        );
    }
}

#[test]
fn assumed_tables_replace_and_assumed_keys_change() {
    let seen = |assume: &str| {
        let theory =
            format!("[[theory]]\nkind = \"ntk\"\ntell = [\"train-loss\"]\nassume = {assume}\n");
        let spec = parse(&format!("{NETWORKS}{theory}"))?;
        let learner = spec.cells[0].theories[0].experiment.learner.clone();
        Ok::<_, String>(learner.unwrap().resolved())
    };
    let changed = seen("{ \"learner.widths\" = [7] }").unwrap();
    let replaced = seen("{ learner = { kind = \"mlp\", widths = [7] } }").unwrap();
    assert_eq!(changed["widths"], replaced["widths"]);
    assert_eq!(changed["init"]["scale"], 0.1);
    assert_ne!(changed["init"], replaced["init"]);
    let wrong = seen("{ learner = { widths = [7] } }").unwrap_err();
    assert!(
        wrong.contains("theory[0].assume") && wrong.contains("\"learner.widths\""),
        "{wrong}"
    );
}

#[test]
fn questions_and_conditions_that_a_theory_does_not_know_are_named() {
    let error = |theory: &str| {
        parse(&format!("{NETWORKS}[[theory]]\n{theory}\n"))
            .err()
            .unwrap()
    };
    let told = error("kind = \"saxe\"\ntell = [\"mode-strenth\"]");
    assert!(
        told.contains("theory[0].tell") && told.contains("mode-strength"),
        "{told}"
    );
    assert!(error("kind = \"saxe\"\ntell = \"mode-strength\"").contains("not a list"));
    let condition = error("kind = \"saxe\"\ncondition = \"trained\"");
    assert!(
        condition.contains("use one of: initial, none"),
        "{condition}"
    );
    assert!(parse(NETWORKS).err().unwrap().contains("nothing is asked"));
    // A learner alone is no measurement.
    let head = NETWORKS.split("[training]").next().unwrap();
    let measured = format!("{head}[measure]\nobservables = [\"train-loss\"]\n");
    assert!(
        parse(&measured)
            .err()
            .unwrap()
            .contains("there is a [learner] but no [training]")
    );
}

/// What only the data tell is a row with its reason, no failure; it is a record like any other, so that a run is complete.
#[test]
fn a_decline_on_the_data_is_a_row_and_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let text = NETWORKS
        .replace("samples = 20", "samples = 20\nwhitened = false")
        .replace("kind = \"gaussian\"", "kind = \"balanced\"");
    let theories =
        "[[theory]]\nkind = \"saxe\"\nmethod = \"closed-form\"\n[[theory]]\nkind = \"ntk\"\n";
    let measured = "[measure]\nobservables = [\"train-loss\"]\nreplicas = 2\n";
    let spec = parse(&format!("{text}{measured}{theories}")).unwrap();
    for _ in 0..2 {
        let outcome = run(&spec, Some(folder.path()));
        let found = assess(&spec, &outcome).unwrap();
        let RowResult::Declined(why) = &found.rows[0].result else {
            panic!("{:?}", found.rows[0].result);
        };
        assert!(why.contains("needs whitened inputs"), "{why}");
        assert!(found.rows[1].result.verdict().is_some());
        assert_eq!(exit_code(&spec, &outcome, &found), 0);
        assert_eq!(outcome.records.len(), 6);
        let expected = super::identity::records(&spec, Side::Both);
        assert_eq!(outcome.records, expected);
        let store = folder.path().join("store");
        assert!(expected.iter().all(|record| store.join(record).exists()));
    }
}

/// One record serves every spec that asks the same of a theory, wherever the question stands in its list: a record is
/// read by what was asked, not by its place.
#[test]
fn a_record_answers_its_question_whatever_else_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let spec = |observables: &str| {
        let theory = "[[theory]]\nkind = \"saxe\"\ncondition = \"none\"\n";
        let measured = format!("[measure]\nobservables = [{observables}]\nreplicas = 2\n");
        parse(&format!("{NETWORKS}{measured}{theory}")).unwrap()
    };
    let alone = run(&spec("\"train-loss\""), Some(folder.path()));
    let later = spec("\"ntk-change\", \"train-loss\"");
    for outcome in [run(&later, Some(folder.path())), run(&later, None)] {
        let found = assess(&later, &outcome).unwrap();
        let compared: Vec<&str> = found
            .rows
            .iter()
            .map(|r| r.observable.unwrap().name)
            .collect();
        assert_eq!(compared, ["train-loss"]);
        let [answer] = &predictions(&outcome, 0, 0)[0].answers[..] else {
            panic!("one answer");
        };
        assert_eq!(answer.asked, 1);
        assert_eq!(answer.mean, predictions(&alone, 0, 0)[0].answers[0].mean);
    }
}

/// Predicts 1 on every data set but the second, which it declines.
#[derive(Debug)]
struct Picky;

static ABOUT: About = About {
    kind: "picky",
    summary: "",
    text: "",
    revision: 1,
};

static INFO: Info = Info {
    observables: &["train-loss"],
    conditions: &[Conditioning::Data],
    ..Info::of(&ABOUT)
};

impl Theory for Picky {
    fn info(&self) -> &'static Info {
        &INFO
    }
    fn plan(&self, _: &Experiment, asked: &[Asked]) -> Result<Plan, Declined> {
        let promise = Promise::of(Conditioning::Data);
        Ok(Plan::new(promise, asked, vec![0], Picky))
    }
}

impl Solve for Picky {
    fn inputs(&self) -> Json {
        json!(null)
    }
    fn solve(&self, asked: &[Asked], draw: &Draw, _: &Context) -> Solved<Prediction> {
        if draw.index.is_some_and(|d| d.dataset == 1) {
            let reason = "the second data set is not for it".into();
            return Err(Error::Declined { reason });
        }
        let values = vec![(1.0, 0.0); asked[0].size()];
        let answer = Answer::on_grid(0, &asked[0], values);
        Ok(Prediction::of("one", vec![answer]))
    }
}

/// A theory that one data set rules out has no value in its cell: what it gave for the others is no mean over all, and is
/// neither drawn nor written.
#[test]
fn a_theory_that_declines_one_data_set_has_no_value() {
    let measured =
        "[measure]\nobservables = [\"train-loss\"]\ndatasets = 3\nreplicas = 2\npoints = 5\n";
    let reduce =
        "[[reduce]]\nkind = \"slope\"\nkey = \"learner.init.scale\"\nobservable = \"train-loss\"\n";
    let sweep = "[sweep]\n\"learner.init.scale\" = [0.1, 0.2]\n";
    let figure = "[[figure]]\nobservable = \"train-loss\"\nresiduals = true\n";
    let spec = parse(&format!("{NETWORKS}{measured}{sweep}{reduce}{figure}")).unwrap();
    let spec = spec.theory("picky", Arc::new(Picky), None).unwrap();
    let outcome = run(&spec, None);
    let found = assess(&spec, &outcome).unwrap();
    for row in &found.rows {
        let RowResult::Declined(why) = &row.result else {
            panic!("{:?}", row.result);
        };
        assert!(why.contains("second data set"), "{why}");
    }
    let theory = &outcome.cells[0].theories[0];
    assert!(
        super::document::predicted(&outcome.cells[0], theory)
            .unwrap()
            .is_empty()
    );
    assert!(super::document::document("run", &spec, &outcome, &found).is_ok());
    let drawn = crate::report::figures::figures(&spec, &outcome, &found).unwrap();
    assert!(!crate::plot::figure_csv(&drawn[0].figure).contains("picky"));
}
