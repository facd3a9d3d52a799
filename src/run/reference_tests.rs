//! Theory against theory: rows, pairing, reductions, expectations and exit codes.

use super::assess::{Assessment, Row, RowResult, assess, exit_code};
use super::{Outcome, Settings, Side, document, execute, tables};
use crate::spec::{Options, Spec};

/// The exact gradient flow of deep linear networks, from the networks' own starts and from the idealised one.
const FLOW: &str = r#"
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
widths = [6]
activation = "linear"
init = { kind = "gaussian", scale = 0.05 }
[training]
kind = "gradient-descent"
learning_rate = 0.02
steps = 200
[[theory]]
kind = "saxe"
label = "ideal"
condition = "none"
"#;

const MEASURE: &str = r#"
[measure]
observables = ["train-loss", "mode-strength"]
replicas = 6
points = 5
"#;

fn parse(text: &str) -> Spec {
    Spec::parse("against", "spec.toml", text, &Options::default()).unwrap()
}

fn refused(text: &str) -> String {
    let spec = Spec::parse("against", "spec.toml", text, &Options::default());
    spec.err().unwrap().to_string()
}

fn run(spec: &Spec, side: Side) -> (Outcome, Assessment) {
    let settings = Settings {
        threads: 1,
        side,
        ..Settings::default()
    };
    let outcome = execute(spec, &settings).unwrap();
    let assessment = assess(spec, &outcome).unwrap();
    (outcome, assessment)
}

fn rows<'a>(found: &'a Assessment, label: &str) -> Vec<&'a Row> {
    found.rows.iter().filter(|r| r.label == label).collect()
}

fn entry(label: &str, rest: &str) -> String {
    format!("[[theory]]\nkind = \"saxe\"\nlabel = \"{label}\"\ncondition = \"none\"\n{rest}\n")
}

/// The curve of twice the learning rate is another one; the curve of the same experiment is the same to rounding.
#[test]
fn equal_theories_agree_and_a_factor_two_does_not() {
    let twin = entry("twin", "expect = \"agree\"");
    let fast = entry(
        "fast",
        "expect = \"disagree\"\nassume = { \"task.singular_values\" = [4.0, 2.0] }",
    );
    let text = format!("{FLOW}{twin}{fast}{MEASURE}[compare]\nreference = \"ideal\"\n");
    let spec = parse(&text);
    let (outcome, found) = run(&spec, Side::Theory);
    for row in rows(&found, "twin") {
        let RowResult::Compared { comparison, .. } = &row.result else {
            panic!("{:?}", row.result);
        };
        assert_eq!(row.against.as_deref(), Some("ideal"));
        assert_eq!((comparison.verdict.name(), comparison.p), ("agree", None));
        assert!(comparison.interval.unwrap()[1] < 1e-9, "{comparison:?}");
        assert!(comparison.notes[0].starts_with("one number against another"));
    }
    assert_eq!(rows(&found, "twin").len(), 2);
    let verdicts = rows(&found, "fast")
        .into_iter()
        .map(|r| r.result.verdict().unwrap().name());
    assert!(verdicts.into_iter().all(|v| v == "disagree"));
    for row in rows(&found, "ideal") {
        assert!(
            matches!(&row.result, RowResult::Unmeasured(why) if why.starts_with("the reference"))
        );
    }
    assert_eq!(exit_code(&spec, &outcome, &found), 0);
    // Stated the other way round, it is not met, also where nothing is measured.
    let wrong = parse(&text.replace("expect = \"agree\"", "expect = \"disagree\""));
    let (outcome, found) = run(&wrong, Side::Theory);
    assert_eq!(exit_code(&wrong, &outcome, &found), 1);
    assert!(!found.expectations[0].met);

    let json = document::document("predict", &spec, &outcome, &found).unwrap();
    let row = json["cells"][0]["comparison"].as_array().unwrap();
    let twin = row.iter().find(|r| r["theory"] == "twin").unwrap();
    assert_eq!(twin["reference"], "ideal");
    let all = tables::tables(&spec, &outcome, &found).unwrap();
    let league = all.iter().find(|(name, _)| name == "league.csv").unwrap();
    let text = String::from_utf8(league.1.clone()).unwrap();
    assert!(
        text.lines()
            .any(|l| l.contains("twin,train-loss,none,ideal,compared")),
        "{text}"
    );
}

/// With a measurement, the reference alone is compared with it, and a theory that is given the start of every network
/// is paired with another one network by network: to itself it has no distance, whatever the networks scatter.
#[test]
fn theories_that_are_given_draws_are_paired() {
    let given =
        |label: &str| entry(label, "").replace("condition = \"none\"", "condition = \"initial\"");
    let [matched, again] = ["matched", "again"].map(given);
    let text = format!("{FLOW}{matched}{again}{MEASURE}[compare]\nreference = \"matched\"\n");
    let (_, found) = run(&parse(&text), Side::Both);
    for row in rows(&found, "again") {
        let RowResult::Compared { comparison, .. } = &row.result else {
            panic!("{:?}", row.result);
        };
        assert_eq!((comparison.n, comparison.level.name()), (6, "replicas"));
        assert!(comparison.interval.unwrap()[1] < 1e-6, "{comparison:?}");
    }
    for row in rows(&found, "ideal") {
        let RowResult::Compared { comparison, .. } = &row.result else {
            panic!("{:?}", row.result);
        };
        // The starts scatter, and the idealised curve does not.
        assert_eq!(comparison.n, 6);
        let [lower, upper] = comparison.interval.unwrap();
        assert!(upper - lower > 1e-3, "{comparison:?}");
    }
    for row in rows(&found, "matched") {
        assert!(row.against.is_none() && row.result.verdict().is_some());
    }
}

/// Reductions compare with the reduced reference; the reference has its row without a comparison.
#[test]
fn reductions_stand_beside_the_reduced_reference() {
    let twin = entry("twin", "");
    let slow = entry("slow", "assume = { \"learner.init.scale\" = 0.02 }");
    let reduce = |kind: &str, of: &str| {
        format!(
            "[[reduce]]\nkind = \"{kind}\"\nkey = \"learner.init.scale\"\nobservable = \"train-loss\"\nof = \"{of}\"\n\
             tolerance = {{ absolute = 1e-6 }}\nexpect = {{ twin = \"agree\", slow = \"disagree\" }}\n"
        )
    };
    let text = format!(
        "{FLOW}{twin}{slow}{MEASURE}[compare]\nreference = \"ideal\"\n[sweep]\n\"learner.init.scale\" = [0.04, 0.05, 0.06]\n{}",
        reduce("slope", "value")
    )
    .replace("points = 5", "points = 1")
    .replace(", \"mode-strength\"", "");
    let spec = parse(&text);
    let (outcome, found) = run(&spec, Side::Theory);
    let theories = &found.derived[0].theories;
    let verdict = |label: &str| {
        let t = theories.iter().find(|t| t.label == label).unwrap();
        t.row.verdict().map(|v| v.name())
    };
    assert_eq!(verdict("twin"), Some("agree"));
    assert_eq!(verdict("slow"), Some("disagree"));
    assert_eq!(verdict("ideal"), None);
    assert_eq!(exit_code(&spec, &outcome, &found), 0);
    let text = text.replace("twin = \"agree\"", "twin = \"disagree\"");
    let spec = parse(&text);
    let (outcome, found) = run(&spec, Side::Theory);
    assert_eq!(exit_code(&spec, &outcome, &found), 1);
}

#[test]
fn a_reference_must_exist_and_have_something_to_say() {
    let message = refused(&format!(
        "{FLOW}{MEASURE}[compare]\nreference = \"idael\"\n"
    ));
    assert!(
        message.contains("compare.reference") && message.contains("did you mean \"ideal\""),
        "{message}"
    );
    let told = FLOW.replace(
        "condition = \"none\"",
        "tell = [\"train-loss\"]\nexpect = \"agree\"",
    );
    let message = refused(&format!("{told}[compare]\nreference = \"ideal\"\n"));
    assert!(message.contains("compared with nothing"), "{message}");
    // A hash does not change where nothing is stated.
    let plain = parse(&format!("{FLOW}{MEASURE}"));
    assert!(plain.resolved["compare"].get("reference").is_none());
}

/// Without [measure], what both tell on the same axes is compared; what the reference does not tell is no failure.
#[test]
fn told_quantities_are_compared() {
    let text = r#"
version = 1
[task]
kind = "linear-teacher"
singular_values = [1.0]
input_dim = 4
output_dim = 1
samples = 4
[learner]
kind = "mlp"
widths = [50, 50, 50, 50]
activation = "tanh"
parametrization = "ntk"
bias = true
prior = { weight = 1.0, bias = 0.05 }
[[theory]]
kind = "signal-propagation"
label = "recursion"
tell = ["layer-variance"]
[[theory]]
kind = "signal-propagation"
label = "again"
tell = ["layer-variance", "layer-chi"]
expect = "agree"
[[theory]]
kind = "signal-propagation"
label = "chaotic"
tell = ["layer-variance"]
assume = { "learner.prior.weight" = 4.0 }
expect = "disagree"
[compare]
reference = "recursion"
"#;
    let spec = parse(text);
    let (outcome, found) = run(&spec, Side::Both);
    let verdict = |r: &Row| r.result.verdict().map(|v| v.name());
    let again = rows(&found, "again");
    assert_eq!((again.len(), verdict(again[0])), (2, Some("agree")));
    let RowResult::Unmeasured(why) = &again[1].result else {
        panic!("{:?}", again[1].result);
    };
    assert!(why.contains("recursion gives no layer-chi"), "{why}");
    assert_eq!(verdict(rows(&found, "chaotic")[0]), Some("disagree"));
    assert!(
        found.expectations.iter().all(|e| e.met),
        "{:?}",
        found.expectations
    );
    assert_eq!(exit_code(&spec, &outcome, &found), 0);
}

fn relate(kind: &str, x: &str, y: &str, rest: &str) -> String {
    format!("[[relate]]\nkind = \"{kind}\"\nx = {x}\ny = {y}\n{rest}\n")
}

/// The measured loss falls like the predicted one: ranks agree in every cell and over all of them, with the networks as
/// draws; a theory beside itself is one, and its table, document and report say so.
#[test]
fn relations_pair_points_and_cells() {
    let theory = "{ theory = \"ideal\", observable = \"train-loss\" }";
    let twin = entry("twin", "");
    let other = "{ theory = \"twin\", observable = \"train-loss\" }";
    let text = format!(
        "{FLOW}{twin}{MEASURE}[sweep]\n\"learner.init.scale\" = [0.04, 0.06]\n{}{}{}{}",
        relate("rank-correlation", "\"train-loss\"", theory, ""),
        relate("r2", theory, other, "over = \"cells\""),
        relate(
            "auc",
            "\"train-loss\"",
            theory,
            "above = 0.1\nlabel = \"large losses\""
        ),
        relate(
            "kolmogorov-smirnov",
            "\"train-loss\"",
            theory,
            "over = \"cells\""
        ),
    );
    let text = text.replace("points = 5", "points = 21");
    let spec = parse(&text);
    let (outcome, found) = run(&spec, Side::Both);
    let cells: Vec<Option<usize>> = found.relations.iter().map(|r| r.cell).collect();
    assert_eq!(cells, [Some(0), Some(1), None, Some(0), Some(1), None]);
    let related = |k: usize| found.relations[k].related.as_ref().unwrap();
    let ranks = related(0);
    assert!(ranks.value > 0.99 && ranks.p == 1.0 / 2000.0, "{ranks:?}");
    assert_eq!((ranks.n, ranks.level, ranks.pairs), (6, "replicas", 21));
    assert!(ranks.stderr.is_some());
    let same = related(2);
    assert!(
        (same.value - 1.0).abs() < 1e-9 && same.stderr.is_none(),
        "{same:?}"
    );
    assert_eq!(same.pairs, 42);
    assert!(related(5).value < 0.2 && related(5).pairs == 42);
    let json = document::document("run", &spec, &outcome, &found).unwrap();
    assert_eq!(json["relations"][3]["label"], "large losses");
    assert_eq!(json["relations"][3]["keys"]["above"], 0.1);
    assert!(json["relations"][0]["chance"].is_number());
    let all = tables::tables(&spec, &outcome, &found).unwrap();
    let table = all
        .iter()
        .find(|(name, _)| name == "relations.csv")
        .unwrap();
    let table = String::from_utf8(table.1.clone()).unwrap();
    assert_eq!(table.lines().count(), 7, "{table}");
    let text = crate::report::league::relations(&outcome, &found);
    assert_eq!(
        text.rows[0].cells[0],
        "rank correlation of train-loss and ideal: train-loss"
    );
    // Without the networks, what needs them says so.
    let (_, found) = run(&spec, Side::Theory);
    let why = found.relations[0].related.as_ref().unwrap_err();
    assert!(why.contains("nothing was measured"), "{why}");
    assert!(found.relations[2].related.is_ok());
}

#[test]
fn relations_name_what_exists() {
    let theory = |label: &str, observable: &str| {
        format!("{{ theory = \"{label}\", observable = \"{observable}\" }}")
    };
    let loss = "\"train-loss\"";
    for (entry, place, says) in [
        (
            relate("r2", "\"train-los\"", loss, ""),
            "relate[0].x",
            "did you mean \"train-loss\"",
        ),
        (
            relate("r2", loss, &theory("idel", "train-loss"), ""),
            "relate[0].y.theory",
            "did you mean \"ideal\"",
        ),
        (
            relate("r2", loss, &theory("ideal", "train-los"), ""),
            "relate[0].y.observable",
            "train-loss",
        ),
        (
            relate("r3", loss, loss, ""),
            "relate[0].kind",
            "did you mean \"r2\"",
        ),
        (
            relate("r2", loss, loss, "above = 1.0"),
            "relate[0].above",
            "has no key \"above\"",
        ),
        (relate("auc", loss, loss, ""), "relate[0]", "above"),
        (
            relate("r2", loss, loss, "over = \"draws\""),
            "relate[0].over",
            "points",
        ),
    ] {
        let message = refused(&format!("{FLOW}{MEASURE}{entry}"));
        assert!(
            message.contains(place) && message.contains(says),
            "{entry}: {message}"
        );
    }
    let plain = parse(&format!("{FLOW}{MEASURE}"));
    assert!(plain.resolved.get("relate").is_none());
}

/// The panel of differences shows the reference minus the others, and distances over a sweep are those from it.
#[test]
fn figures_show_differences_from_the_reference() {
    let fast = entry("fast", "assume = { \"task.singular_values\" = [4.0, 2.0] }");
    let figure = "[[figure]]\nobservable = \"train-loss\"\nkind = \"curves\"\n";
    let over = "[[figure]]\nobservable = \"train-loss\"\nkind = \"deviation\"\nkey = \"learner.init.scale\"\n";
    let text = format!(
        "{FLOW}{fast}{MEASURE}[compare]\nreference = \"ideal\"\n[sweep]\n\"learner.init.scale\" = [0.04, 0.06]\n{figure}{over}"
    );
    let spec = parse(&text);
    let (outcome, found) = run(&spec, Side::Theory);
    let drawn = crate::report::figures::figures(&spec, &outcome, &found).unwrap();
    let csv = crate::plot::figure_csv(&drawn[0].figure);
    let line = csv.lines().find(|l| l.contains("ideal minus fast"));
    assert!(line.is_some(), "{csv}");
    assert!(
        drawn[0].caption.contains("ideal minus every other theory"),
        "{}",
        drawn[0].caption
    );
    let csv = crate::plot::figure_csv(&drawn[1].figure);
    assert!(csv.contains("fast") && !csv.contains("ideal"), "{csv}");
    assert!(
        drawn[1]
            .caption
            .starts_with("Distance of every theory from the theory ideal")
    );
}
