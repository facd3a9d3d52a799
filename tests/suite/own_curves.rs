//! Curves of the user's own, of a theory and of a measurement, stand in the league as those that the program makes.

use crate::common::{json, run, with_spec};
use saddlepoint::instrument::observable::names;
use saddlepoint::models::MODELS;
use saddlepoint::run::assess::{Row, RowResult, assess};
use saddlepoint::run::outcome::Outcome;
use saddlepoint::run::{Settings, execute};
use saddlepoint::spec::{Options, Spec};
use std::path::Path;

/// Mode strengths over modes and time, with a theory of the experiment alone and one that is given the start.
const MODES: &str = r#"
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
widths = [5]
[learner.init]
kind = "gaussian"
scale = 0.1
[training]
kind = "gradient-descent"
learning_rate = 0.01
steps = 500
[measure]
observables = ["mode-strength"]
datasets = 6
replicas = 1
points = 6
[[theory]]
kind = "saxe"
label = "idealised"
condition = "none"
[[theory]]
kind = "saxe"
label = "matched"
[sweep]
"learner.widths" = [[5], [9]]
"#;

fn parsed(text: &str, quick: bool) -> Spec {
    let options = Options {
        quick,
        ..Options::default()
    };
    Spec::parse("own", "own.toml", text, &options).unwrap()
}

fn league(spec: &Spec) -> (Outcome, Vec<Row>) {
    let outcome = execute(spec, &Settings::default()).unwrap();
    let rows = assess(spec, &outcome).unwrap().rows;
    (outcome, rows)
}

/// All that a row says of a comparison, to the last bit.
fn said(row: &Row) -> String {
    match &row.result {
        RowResult::Compared {
            comparison,
            worst_at,
        } => format!("{comparison:?} {worst_at}"),
        other => panic!("{}: {other:?}", row.label),
    }
}

/// The measured draws of one observable as a csv file: columns of the swept keys and of the axes, one column per draw.
fn measured_csv(spec: &Spec, outcome: &Outcome, place: usize) -> String {
    let mut text = String::new();
    for (cell, found) in spec.cells.iter().zip(&outcome.cells) {
        let axes = &cell.wanted[place].axes;
        let measurement = found.measurement.as_ref().unwrap();
        if text.is_empty() {
            let keys = cell.set.iter().map(|(key, _)| key.clone());
            let draws = (0..measurement.draws.len()).map(|k| format!("draw {k}"));
            let header: Vec<String> = keys.chain(names(axes)).chain(draws).collect();
            text = header.join(",") + "\n";
        }
        for point in 0..cell.wanted[place].size() {
            let mut row: Vec<String> = cell.set.iter().map(|(key, _)| value(cell, key)).collect();
            let mut rest = point;
            let mut at = Vec::new();
            for axis in axes.iter().rev() {
                at.push(axis.values[rest % axis.values.len()].to_string());
                rest /= axis.values.len();
            }
            row.extend(at.into_iter().rev());
            let draws = measurement.values.iter();
            row.extend(draws.map(|values| values[place][point].to_string()));
            text += &(row.join(",") + "\n");
        }
    }
    text
}

/// A swept number as a file states it.
fn value(cell: &saddlepoint::spec::Cell, key: &str) -> String {
    cell.experiment.numbers()[key].to_string()
}

fn from_file(text: &str, path: &Path, observable: &str) -> String {
    let kept = text.lines().filter(|l| {
        !["observables = ", "datasets = ", "replicas = "]
            .iter()
            .any(|k| l.starts_with(k))
    });
    let measure = format!(
        "[measure]\nobservables = [\"{observable}\"]\nfrom = '{}'",
        path.display()
    );
    kept.collect::<Vec<_>>()
        .join("\n")
        .replace("[measure]", &measure)
}

fn power_law() -> &'static str {
    let name = "learning-curve-power-law";
    MODELS.iter().find(|m| m.name == name).unwrap().text
}

#[test]
fn a_predicted_curve_from_a_file_has_the_row_of_its_theory() {
    let folder = with_spec(power_law());
    let path = folder.path().join("curve.csv");
    let arguments = ["run", "spec.toml", "--quick", "--json"];
    let document = json(&run(folder.path(), &arguments).out);
    let mut csv = "samples,learner.ridge,time,value,bound\n".to_string();
    for cell in document["cells"].as_array().unwrap() {
        let entry = &cell["theories"][0];
        assert_eq!(entry["theory"], "learning curve");
        let observables = entry["observables"].as_array().unwrap();
        let found = observables.iter().find(|o| o["name"] == "population-error");
        let found = found.unwrap();
        let set = &cell["set"];
        csv += &format!(
            "{},{},{},{},{}\n",
            set["task.samples"],
            set["learner.ridge"],
            found["axes"][0]["values"][0],
            found["mean"][0],
            found["bound"][0]
        );
    }
    std::fs::write(&path, csv).unwrap();
    let own = "[[theory]]\nkind = \"table\"\nlabel = \"own\"\nobservable = \"population-error\"\nfile = \"curve.csv\"\n[quick]";
    let text = power_law().replace("[quick]", own);
    std::fs::write(folder.path().join("spec.toml"), text).unwrap();
    let document = json(&run(folder.path(), &arguments).out);
    let mut compared = 0;
    for cell in document["cells"].as_array().unwrap() {
        let rows = cell["comparison"].as_array().unwrap();
        let of = |label: &str| {
            let is_row = |r: &&serde_json::Value| {
                r["theory"] == label && r["observable"] == "population-error"
            };
            let mut row = rows.iter().find(is_row).unwrap().clone();
            for key in ["theory", "kind", "seconds"] {
                row.as_object_mut().unwrap().remove(key);
            }
            row
        };
        let (own, theory) = (of("own"), of("learning curve"));
        assert!(own["deviation"].is_number() && own["verdict"].is_string());
        assert_eq!(own, theory);
        compared += 1;
    }
    assert_eq!(compared, 6);
    // The reduction of the curve is that of the theory, too.
    let told = document["derived"].to_string();
    assert!(told.contains("\"own\""), "{told}");
}

#[test]
fn measured_curves_from_a_file_have_the_rows_of_the_run_that_trained() {
    for (text, quick, observable, compared) in [
        (MODES, false, "mode-strength", 2),
        (power_law(), true, "population-error", 18),
    ] {
        let trained = parsed(text, quick);
        let (outcome, rows) = league(&trained);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curves.csv");
        std::fs::write(&path, measured_csv(&trained, &outcome, 0)).unwrap();
        let given = parsed(&from_file(text, &path, observable), quick);
        let (again, own) = league(&given);
        for (cell, other) in again.cells.iter().zip(&outcome.cells) {
            assert_eq!(cell.wanted[0], other.wanted[0]);
            let first =
                |m: &Outcome, k: usize| m.cells[k].measurement.as_ref().unwrap().draws.len();
            assert_eq!(first(&again, 0), first(&outcome, 0));
        }
        let mut count = 0;
        for row in &own {
            let is_same = |r: &&Row| {
                (r.cell, &r.label) == (row.cell, &row.label) && r.observable == row.observable
            };
            let before = rows.iter().find(is_same);
            match (&row.result, row.label.as_str()) {
                (RowResult::Declined(reason), "matched") => {
                    assert!(reason.contains("measure.from"), "{reason}");
                    assert!(reason.contains("condition = \"none\""), "{reason}");
                }
                (RowResult::Compared { .. }, _) => {
                    assert_eq!(said(row), said(before.unwrap()));
                    count += 1;
                }
                (RowResult::Unmeasured(_), _) => {}
                (other, label) => panic!("{label}: {other:?}"),
            }
        }
        assert_eq!(count, compared, "{observable}");
    }
}

#[test]
fn a_file_of_measured_values_is_told_and_found_by_its_content() {
    let folder = with_spec("");
    let (trained, path) = (parsed(MODES, false), folder.path().join("curves.csv"));
    let (outcome, _) = league(&trained);
    let csv = measured_csv(&trained, &outcome, 0);
    std::fs::write(&path, &csv).unwrap();
    let text = from_file(MODES, Path::new("curves.csv"), "mode-strength");
    std::fs::write(folder.path().join("spec.toml"), &text).unwrap();
    let check = run(folder.path(), &["check", "spec.toml"]);
    assert!(
        check
            .out
            .contains("6 columns of curves.csv (nothing is trained)"),
        "{}",
        check.out
    );
    assert!(
        check
            .out
            .contains("declines: condition = \"initial\" is about data"),
        "{}",
        check.out
    );
    let deviation = |name: &str| {
        let from = format!("measure.from=\"{name}\"");
        let ran = run(
            folder.path(),
            &["run", "spec.toml", "--out", "out", "--json", "--set", &from],
        );
        assert_eq!(ran.code, 0, "{}", ran.err);
        json(&ran.out)["cells"][1]["comparison"][0]["deviation"].clone()
    };
    let first = deviation("curves.csv");
    // Under another name the same records are found; another number is another measurement.
    std::fs::write(folder.path().join("same.csv"), &csv).unwrap();
    let records = || {
        let out = folder.path().join("out").join("store");
        crate::common::files(&out).len()
    };
    let before = records();
    assert_eq!(deviation("same.csv"), first);
    assert_eq!(records(), before);
    let last = csv.trim_end().rsplit_once(',').unwrap();
    std::fs::write(&path, format!("{},7\n", last.0)).unwrap();
    assert_ne!(deviation("curves.csv"), first);
    assert!(records() > before);
}

#[test]
fn contradictions_with_the_file_are_refused() {
    let folder = with_spec("");
    std::fs::write(
        folder.path().join("a.csv"),
        "mode,time,a,b\n1,0,1,2\n2,0,1,2\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("b.csv"), "mode,a,b\n1,1,2\n").unwrap();
    let text = from_file(MODES, Path::new("a.csv"), "mode-strength");
    std::fs::write(folder.path().join("spec.toml"), text).unwrap();
    for (set, place, wanted) in [
        (
            "measure.datasets=3",
            "measure.datasets",
            "has 2 columns of draws (a, b)",
        ),
        ("measure.replicas=2", "measure.replicas", "which makes it 1"),
        ("measure.first=1", "measure.first", "leave it out"),
        (
            "measure.from=\"b.csv\"",
            "measure.from",
            "no column of the axis \"time\"",
        ),
        ("measure.from=\"c.csv\"", "c.csv", "cannot be read"),
        (
            "measure.observables=[\"mode-strength\", \"train-loss\"]",
            "measure.from",
            "a file holds one observable",
        ),
        (
            "measure.from={ file = \"a.csv\", observable = \"train-loss\" }",
            "measure.from.observable",
            "lists mode-strength",
        ),
    ] {
        let ran = run(folder.path(), &["check", "spec.toml", "--set", set]);
        assert_eq!(ran.code, 2, "{set}: {}", ran.out);
        assert!(
            ran.err.contains(place) && ran.err.contains(wanted),
            "{}",
            ran.err
        );
    }
}
