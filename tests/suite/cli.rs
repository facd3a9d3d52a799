//! Every verb works, prints results on stdout only, and gives one JSON document with --json.

use crate::common;
use crate::common::{PROGRAM, SMALL, json, run, with_spec};
use saddlepoint::learner::LEARNERS;
use saddlepoint::models::MODELS;
use saddlepoint::task::TASKS;
use saddlepoint::theory::THEORIES;
use saddlepoint::training::TRAININGS;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

fn ok(folder: &Path, arguments: &[&str]) -> String {
    let ran = run(folder, arguments);
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (0, ""),
        "{arguments:?}\n{}",
        ran.out
    );
    ran.out
}

fn document(folder: &Path, arguments: &[&str], schema: &str) -> serde_json::Value {
    let mut arguments = arguments.to_vec();
    arguments.push("--json");
    let document = json(&ok(folder, &arguments));
    assert_eq!(document["schema"], schema);
    document
}

#[test]
fn components_are_listed_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    let text = ok(folder.path(), &["list"]);
    let listed = document(folder.path(), &["list"], "saddlepoint/1/list");
    let entries = listed["entries"].as_array().unwrap();
    assert!(entries.len() > 20);
    for entry in entries {
        let kind = entry["kind"].as_str().unwrap();
        assert!(text.contains(kind));
        for key in ["noun", "summary"] {
            assert!(!entry[key].as_str().unwrap().is_empty(), "{kind}: {key}");
        }
        assert!(ok(folder.path(), &["explain", kind]).len() > 100, "{kind}");
        document(folder.path(), &["explain", kind], "saddlepoint/1/explain");
    }
}

/// The keys that the page writes down are keys of a spec, and all papers are there.
#[test]
fn conventions_have_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let text = ok(folder.path(), &["explain", "conventions"]);
    assert_eq!(text, include_str!("../../src/cli/concepts/conventions.md"));
    let papers = [
        "2310.03789",
        "2112.15383",
        "2502.03210",
        "2209.04882",
        "1711.00165",
        "PRX 11, 031059",
    ];
    let keys = [
        "learner.prior.weight",
        "learner.prior.bias",
        "learner.prior.readout",
        "learner.prior.chi",
        "training.temperature",
    ];
    for part in papers.iter().chain(&keys) {
        assert!(text.contains(part), "{part}");
    }
    let too_long = text.lines().find(|line| line.chars().count() > 120);
    assert_eq!(too_long, None);
    let page = document(
        folder.path(),
        &["explain", "conventions"],
        "saddlepoint/1/explain",
    );
    assert_eq!(page["entries"][0]["text"], text);
}

#[test]
fn the_table_measure_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let text = ok(folder.path(), &["explain", "measure"]);
    let keys = [
        "observables",
        "datasets",
        "replicas",
        "points",
        "spacing",
        "first",
    ];
    for key in keys {
        assert!(text.contains(&format!("  {key} ")), "{key} in\n{text}");
    }
    document(
        folder.path(),
        &["explain", "measure"],
        "saddlepoint/1/explain",
    );
}

#[test]
fn a_new_spec_is_valid_and_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    for model in MODELS {
        let name = format!("my-{}", model.name);
        ok(folder.path(), &["new", &name, "--model", model.name]);
        let file = format!("{name}.toml");
        assert_eq!(run(folder.path(), &["new", &name]).code, 2);
        if !common::has_data(model.text) {
            continue;
        }
        assert!(ok(folder.path(), &["check", &file]).contains("is valid"));
    }
    document(
        folder.path(),
        &["new", "other", "--model", "deep-linear"],
        "saddlepoint/1/new",
    );
}

#[test]
fn predict_measure_and_run_print_the_documented_json() {
    let folder = with_spec(SMALL);
    let predicted = document(
        folder.path(),
        &["predict", "spec.toml"],
        "saddlepoint/1/predict",
    );
    let measured = document(
        folder.path(),
        &["measure", "spec.toml"],
        "saddlepoint/1/measure",
    );
    let both = document(folder.path(), &["run", "spec.toml"], "saddlepoint/1/run");
    let theory = &predicted["cells"][0]["theories"][0];
    assert_eq!(
        (&theory["theory"], &theory["status"]),
        (&"matched".into(), &"predicted".into())
    );
    for (place, observable) in [
        ("theory", &theory["observables"][1]),
        ("measurement", &measured["cells"][0]["measurements"][1]),
    ] {
        assert_eq!(observable["name"], "train-loss", "{place}");
        for key in [
            "label",
            "unit",
            "convention",
            "axes",
            "axis",
            "x",
            "shape",
            "mean",
            "stderr",
            "bound",
            "n",
            "level",
        ] {
            assert!(observable.get(key).is_some(), "{place} lacks {key}");
        }
        assert_eq!(observable["x"].as_array().unwrap().len(), 6);
        assert_eq!(observable["mean"].as_array().unwrap().len(), 6);
        assert_eq!(observable["n"], 5);
    }
    assert_eq!(
        predicted["cells"][0]["measurements"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    assert_eq!(
        measured["cells"][0]["theories"].as_array().unwrap().len(),
        0
    );
    assert_eq!(
        both["cells"][0]["measurements"],
        measured["cells"][0]["measurements"]
    );
    let row = &both["cells"][0]["comparison"][0];
    for key in [
        "theory",
        "observable",
        "status",
        "deviation",
        "interval",
        "tolerance",
        "p",
        "worst",
        "verdict",
        "expect",
    ] {
        assert!(row.get(key).is_some(), "a comparison lacks {key}");
    }
    assert_eq!(both["expectations"][0]["met"], true);
    // Curves with two axes are row-major over both.
    let strengths = &both["cells"][0]["measurements"][0];
    assert_eq!(strengths["shape"], serde_json::json!([2, 6]));
    assert_eq!(strengths["mean"].as_array().unwrap().len(), 12);
}

#[test]
fn a_run_folder_is_complete_and_can_be_revisited() {
    let folder = with_spec(SMALL);
    let out = ok(folder.path(), &["run", "spec.toml"]);
    assert!(out.contains("agree: met"), "{out}");
    let dir = out
        .lines()
        .find_map(|l| l.strip_prefix("report: "))
        .unwrap()
        .trim_end_matches("/report.html")
        .to_string();
    for file in [
        "spec.toml",
        "resolved.json",
        "manifest.json",
        "result.json",
        "arrays.npz",
        "report.html",
        "report.md",
        "tables/league.csv",
        "tables/mode-strength.csv",
        "figures/mode-strength.svg",
        "figures/mode-strength.png",
        "figures/mode-strength.csv",
    ] {
        assert!(
            folder.path().join(&dir).join(file).exists(),
            "{file} is missing"
        );
    }
    let page = std::fs::read_to_string(folder.path().join(&dir).join("report.html")).unwrap();
    assert!(
        page.contains("<svg")
            && page.contains("arXiv:1312.6120")
            && page.contains("saddlepoint reproduce")
    );
    document(folder.path(), &["status", &dir], "saddlepoint/1/status");
    document(folder.path(), &["report", &dir], "saddlepoint/1/report");
    let again = document(
        folder.path(),
        &["reproduce", &dir],
        "saddlepoint/1/reproduce",
    );
    assert_eq!(again["identical"], true);
    // A changed table is noticed.
    let table = folder.path().join(&dir).join("tables/train-loss.csv");
    let text = std::fs::read_to_string(&table).unwrap();
    std::fs::write(&table, text.replacen("0.", "1.", 1)).unwrap();
    assert_eq!(run(folder.path(), &["reproduce", &dir]).code, 1);
}

/// Two runs in one table; the prediction is that of all 512 configurations of the 3 x 3 torus.
#[test]
fn single_numbers_of_runs_stand_in_one_league() {
    let spec = r#"
version = 1
[task]
kind = "percolation-lattice"
size = 3
sweeps = 100
[measure]
observables = [{ kind = "wrapping-x", p = [0.5] }, { kind = "wrapping-any", p = [0.4, 0.6] }]
datasets = 6
[[theory]]
kind = "percolation-enumeration"
label = "exact"
"#;
    let folder = with_spec(spec);
    let run_folder = |folder: &Path, seed| {
        let ran = ok(folder, &["run", "spec.toml", "--seed", seed]);
        let report = ran.lines().find_map(|l| l.strip_prefix("report: "));
        report.unwrap().replace("/report.html", "")
    };
    let dirs = ["1", "2"].map(|seed| run_folder(folder.path(), seed));
    let league = ["league", &dirs[0], &dirs[1]];
    let table = ok(folder.path(), &league);
    assert_eq!(table.matches("wrapping-x").count(), 2, "{table}");
    let entries = &document(folder.path(), &league, "saddlepoint/1/league")["entries"];
    for entry in entries.as_array().unwrap() {
        let number = |key: &str| entry[key].as_f64().unwrap();
        assert_eq!(number("predicted"), 0.341796875);
        let sigmas = (number("measured") - number("predicted")) / number("stderr");
        assert!(sigmas.abs() < 6.0 && sigmas * number("z") > 0.0, "{entry}");
    }
    // Curves alone make no league.
    let curves = with_spec(SMALL);
    let dir = run_folder(curves.path(), "1");
    let refused = run(curves.path(), &["league", &dir]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("no single number"), "{}", refused.err);
    assert_eq!(run(curves.path(), &["league", "nowhere"]).code, 2);
}

#[test]
fn overrides_survive_in_the_run_folder() {
    let folder = with_spec(SMALL);
    let set = "task.singular_values=[3, 1]";
    let out = ok(
        folder.path(),
        &[
            "run",
            "spec.toml",
            "--set",
            set,
            "--set",
            "learner.widths=[6]",
            "--quick",
            "--seed",
            "9",
        ],
    );
    assert!(out.contains("quick run"));
    let dir = out
        .lines()
        .find_map(|l| l.strip_prefix("report: "))
        .unwrap()
        .trim_end_matches("/report.html")
        .to_string();
    assert!(ok(folder.path(), &["reproduce", &dir]).contains("identical"));
    assert!(ok(folder.path(), &["report", &dir]).contains("redrew"));
}

#[test]
fn the_command_in_the_manifest_can_be_pasted_into_a_shell() {
    let folder = with_spec(SMALL);
    std::fs::rename(
        folder.path().join("spec.toml"),
        folder.path().join("it's mine.toml"),
    )
    .unwrap();
    let set = "theory.2.label='the lazy one'";
    let first = document(
        folder.path(),
        &["run", "it's mine.toml", "--set", set],
        "saddlepoint/1/run",
    );
    let manifest = common::files(&folder.path().join("runs"))
        .into_iter()
        .find(|f| f.0.ends_with("manifest.json"))
        .unwrap();
    let dir = format!("runs/{}", manifest.0.trim_end_matches("/manifest.json"));
    let manifest = json(&String::from_utf8(manifest.1).unwrap());
    let command = manifest["command"].as_str().unwrap();
    let line = format!("{} --json", command.replacen("saddlepoint", PROGRAM, 1));
    let again = Command::new("sh")
        .args(["-c", &line])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(json(&common::ran(again).out), first, "{command}");
    assert_eq!(manifest["overrides"], serde_json::json!([set]));
    assert!(ok(folder.path(), &["reproduce", &dir]).contains("identical"));
}

#[test]
fn every_model_explains_itself_and_a_changed_data_file_is_told() {
    let folder = with_spec(&SMALL.replace(
        "kind = \"linear-teacher\"\nsingular_values = [2.0, 1.0]\ninput_dim = 4\noutput_dim = 3\nsamples = 20",
        "kind = \"file\"\npath = \"data.csv\"",
    ));
    for model in MODELS {
        assert!(ok(folder.path(), &["explain", model.name]).contains(model.text));
        assert!(!model.summary().is_empty());
    }
    let data = folder.path().join("data.csv");
    std::fs::write(&data, "x1,x2,y1\n1,2,3\n4,5,6\n2,1,1\n").unwrap();
    let ran = run(folder.path(), &["run", "spec.toml", "--quick"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let report = ran.out.lines().find_map(|l| l.strip_prefix("report: "));
    let dir = report.unwrap().trim_end_matches("/report.html").to_string();
    std::fs::write(&data, "x1,x2,y1\n1,2,3\n4,5,6\n2,1,2\n").unwrap();
    let told = run(folder.path(), &["reproduce", &dir]);
    assert_eq!(told.code, 2);
    assert!(told.err.contains("a data file changed"), "{}", told.err);
}

#[test]
fn check_estimates_and_names_declines() {
    let folder = with_spec(SMALL);
    let text = ok(
        folder.path(),
        &["check", "spec.toml", "--set", "task.whitened=false"],
    );
    assert!(text.contains("declines: needs whitened inputs"), "{text}");
    let document = document(
        folder.path(),
        &["check", "spec.toml"],
        "saddlepoint/1/check",
    );
    assert_eq!(document["fits"], true);
    assert!(document["bytes"].as_u64().unwrap() > 1 << 20);
    assert!(
        !folder.path().join("runs").exists(),
        "check wrote something"
    );
}

#[test]
fn verdicts_and_failures_have_exit_codes() {
    let folder = with_spec(SMALL);
    let unmet = run(
        folder.path(),
        &["run", "spec.toml", "--set", "theory.2.expect=agree"],
    );
    assert_eq!(unmet.code, 1);
    assert!(
        unmet.err.contains("expectation not met: ntk"),
        "{}",
        unmet.err
    );
    assert!(unmet.out.contains("agree: NOT MET"));
    // Only idealised modes, which decline correlated inputs: no theory gives a number.
    let none = [
        "run",
        "spec.toml",
        "--set",
        "task.whitened=false",
        "--set",
        "theory=[{kind=\"saxe\", condition=\"none\"}]",
    ];
    assert_eq!(run(folder.path(), &none).code, 3);
}

#[test]
fn pages_for_other_programs() {
    let folder = tempfile::tempdir().unwrap();
    let spec = json(&ok(folder.path(), &["schema"]));
    let text = spec.to_string();
    let kinds = (TASKS.iter().map(|k| k.about.kind))
        .chain(LEARNERS.iter().map(|k| k.about.kind))
        .chain(TRAININGS.iter().map(|k| k.about.kind))
        .chain(THEORIES.iter().map(|k| k.about.kind));
    for kind in kinds {
        assert!(
            text.contains(&format!("{{\"const\":\"{kind}\"}}")),
            "{kind}"
        );
    }
    assert!(json(&ok(folder.path(), &["schema", "output"]))["$defs"]["observable"].is_object());
    for shell in ["bash", "zsh", "fish"] {
        assert!(ok(folder.path(), &["completions", shell]).contains("reproduce"));
    }
    assert!(ok(folder.path(), &["man"]).starts_with(".ie"));
    assert!(ok(folder.path(), &["--help"]).contains("Exit codes"));
    assert!(ok(folder.path(), &["--version"]).starts_with("saddlepoint "));
}

#[test]
fn a_closed_pipe_is_no_crash() {
    let mut child = Command::new(PROGRAM)
        .arg("schema")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    let ran = common::ran(child.wait_with_output().unwrap());
    assert!(ran.err.is_empty(), "{}", ran.err);
}

/// Every instrument that applies, at once, through tables, arrays, figures and report.
#[test]
fn every_instrument_goes_through_a_whole_run() {
    use saddlepoint::spec::{Options, Spec};
    let text = SMALL
        .replace("samples = 20", "samples = 20\ntest_samples = 6")
        .replace("replicas = 5", "replicas = 2")
        .replace("expect = \"agree\"", "");
    let spec = Spec::parse("all", "all.toml", &text, &Options::default()).unwrap();
    let experiment = &spec.cells[0].experiment;
    let apply = saddlepoint::instrument::INSTRUMENTS.iter();
    let names: Vec<String> = apply
        .filter(|i| i.axes(experiment).is_ok())
        .map(|i| format!("\"{}\"", i.about().kind))
        .collect();
    assert!(names.len() > 15, "{names:?}");
    let folder = with_spec(&text);
    let observables = format!("measure.observables=[{}]", names.join(", "));
    ok(folder.path(), &["run", "spec.toml", "--set", &observables]);
    let found = common::files(&folder.path().join("runs"));
    for name in names {
        let table = format!("tables/{}.csv", name.trim_matches('"'));
        assert!(found.iter().any(|f| f.0.ends_with(&table)), "{table}");
    }
}
