//! What a new user meets first: lists, pages, new specs, variations of a model, tables and figures.

use crate::common::{SMALL, run, with_spec};
use saddlepoint::error::Error;
use saddlepoint::learner::LEARNERS;
use saddlepoint::task::TASKS;
use saddlepoint::theory::THEORIES;
use saddlepoint::training::TRAININGS;
use std::path::Path;

fn ok(folder: &Path, arguments: &[&str]) -> String {
    let ran = run(folder, arguments);
    assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.err);
    ran.out
}

#[test]
fn tables_keys_choices_and_concepts_have_pages() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in [
        "spec",
        "task",
        "learner",
        "training",
        "measure",
        "theory",
        "compare",
        "sweep",
        "map",
        "reduce",
        "relate",
        "fit",
        "league",
        "figure",
        "quick",
        "verdict",
        "conditioning",
        "ranking",
        "time",
        "notation",
        "p",
        "held-out",
        "percolation",
        "init",
        "prior",
        "activation",
        "parametrization",
        "learner.prior.chi",
        "mean-field",
        "lambda-balanced",
        "spacing",
        "y_range",
    ] {
        assert!(ok(folder, &["explain", name]).len() > 60, "{name}");
    }
    // A choice of a key and a theory of one name are both told.
    let both = ok(folder, &["explain", "mean-field"]);
    assert!(both.contains("mean-field (theory)") && both.contains("learner.parametrization"));
    // The page of a model has what the gallery says of it.
    assert!(ok(folder, &["explain", "deep-linear"]).contains("each along its own sigmoid"));
}

/// No remedy leads to a page that does not exist.
#[test]
fn pages_that_texts_name_exist() {
    let folder = tempfile::tempdir().unwrap();
    let mut named = std::collections::BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let starts = ["saddlepoint explain ", "`explain "];
            for after in starts.iter().flat_map(|start| text.split(start).skip(1)) {
                let word: String = after
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || "-._".contains(*c))
                    .collect();
                if word.len() > 1 && word.chars().all(|c| !c.is_uppercase()) {
                    named.insert(word.trim_end_matches('.').to_string());
                }
            }
        }
    }
    assert!(named.len() > 5, "{named:?}");
    for name in named {
        let ran = run(folder.path(), &["explain", &name]);
        assert_eq!(ran.code, 0, "explain {name}: {}", ran.err);
    }
}

#[test]
fn lists_are_short_lines_by_noun_and_field() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["list"][..],
        &["list", "theories"],
        &["list", "instruments"],
        &["list", "models", "dmft"],
    ] {
        let text = ok(folder.path(), arguments);
        let long = text.lines().find(|l| l.chars().count() > 120);
        assert_eq!(long, None, "{arguments:?}");
    }
    assert!(ok(folder.path(), &["list", "models", "dmft"]).contains("dmft-loss"));
    assert!(!ok(folder.path(), &["list", "models", "dmft"]).contains("percolation"));
    for wrong in [
        &["list", "theoris"][..],
        &["list", "models", "dmtf"],
        &["list", "tasks", "dmft"],
    ] {
        assert_eq!(run(folder.path(), wrong).code, 2, "{wrong:?}");
    }
    let unknown = run(folder.path(), &["explain", "kernel-ridg"]).err;
    assert!(
        unknown.contains("did you mean \"kernel-ridge\"") && unknown.len() < 300,
        "{unknown}"
    );
}

/// A spec for every kind there is, alone and in the combination of the documentation.
#[test]
fn new_specs_are_valid_for_every_kind() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let given = run(folder, &["new", "nothing"]);
    assert_eq!(given.code, 2);
    assert!(
        given.err.contains("kernel-ridge") && given.err.contains("--task"),
        "{}",
        given.err
    );
    let mut made = 0;
    let mut make = |option: &str, kind: &str| {
        made += 1;
        let name = format!("{}-{kind}", &option[2..]);
        let ran = run(folder, &["new", &name, option, kind]);
        assert_eq!(ran.code, 0, "{option} {kind}: {}", ran.err);
        let check = run(
            folder,
            &["check", &format!("{name}.toml"), "--threads", "1"],
        );
        assert_eq!(check.code, 0, "{option} {kind}: {}", check.err);
    };
    // These need a file of the user, or what another stage leaves.
    let needs_more = ["table", "text", "stages"];
    let kinds = |all: Vec<&'static str>| all.into_iter().filter(move |k| !needs_more.contains(k));
    kinds(TASKS.iter().map(|k| k.about.kind).collect()).for_each(|k| make("--task", k));
    kinds(LEARNERS.iter().map(|k| k.about.kind).collect()).for_each(|k| make("--learner", k));
    kinds(TRAININGS.iter().map(|k| k.about.kind).collect()).for_each(|k| make("--training", k));
    kinds(THEORIES.iter().map(|k| k.about.kind).collect()).for_each(|k| make("--theory", k));
    assert!(made > 50);
    ok(
        folder,
        &[
            "new",
            "own",
            "--task",
            "file",
            "--learner",
            "kernel-ridge",
            "--theory",
            "learning-curve",
        ],
    );
    let text = ok(folder, &["run", "own.toml"]);
    assert!(
        text.contains("learning curve") && !text.contains("declined"),
        "{text}"
    );
    assert_eq!(run(folder, &["new", "own", "--task", "xor"]).code, 2);
    assert_eq!(run(folder, &["new", "odd", "--task", "xxor"]).code, 2);
}

/// A variation drops what was expected of the spec as it is written, and its title says what was changed.
#[test]
fn a_variation_is_named_and_asserts_nothing() {
    let folder = with_spec(&format!(
        "{SMALL}\n[[theory]]\nkind = \"ntk\"\nlabel = \"lazy\"\nexpect = \"agree\"\n"
    ));
    let folder = folder.path();
    assert_eq!(run(folder, &["run", "spec.toml"]).code, 1);
    let varied = run(
        folder,
        &["run", "spec.toml", "--set", "learner.activation=tanh"],
    );
    assert_eq!(varied.code, 0, "{}", varied.err);
    assert!(
        varied
            .err
            .contains("expectations are not asserted: --set learner.activation=tanh"),
        "{}",
        varied.err
    );
    assert!(
        varied.out.starts_with("spec (activation = tanh) ["),
        "{}",
        varied.out
    );
    let explored = run(folder, &["run", "spec.toml", "--explore"]);
    assert_eq!(explored.code, 0, "{}", explored.err);
    // What does not change the experiment keeps the expectations, and so does stating them anew.
    for kept in ["measure.replicas=4", "theory.3.expect=agree"] {
        assert_eq!(
            run(folder, &["run", "spec.toml", "--set", kept]).code,
            1,
            "{kept}"
        );
    }
    // A key that the sweep states cannot be overridden in silence.
    let swept = format!("{SMALL}\n[sweep]\n\"task.noise\" = [0.1, 0.2]\n");
    std::fs::write(folder.join("swept.toml"), swept).unwrap();
    let ran = run(folder, &["check", "swept.toml", "--set", "task.noise=0.3"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("sweep.task.noise=[0.3]"), "{}", ran.err);
    let one = run(
        folder,
        &["check", "swept.toml", "--set", "sweep.\"task.noise\"=[0.3]"],
    );
    assert_eq!(one.code, 0, "{}", one.err);
}

#[test]
fn numbers_and_tolerances_that_mean_nothing_are_refused() {
    let folder = with_spec(SMALL);
    for (set, place) in [
        ("compare.tolerance=5", "compare.tolerance"),
        (
            "compare.tolerances={ train-loss = 1.5 }",
            "compare.tolerances.train-loss",
        ),
        ("task.noise=nan", "task.noise"),
        ("task.noise=inf", "task.noise"),
        ("task.samples=9223372036854775807", "task.samples"),
        (
            "figure=[{ observable = \"train-loss\", y_range = [nan, 1.0] }]",
            "figure[0].y_range",
        ),
        (
            "figure=[{ observable = \"train-loss\", width = 1.0 }]",
            "figure[0].width",
        ),
        ("title=\"幅\"", "title"),
    ] {
        let ran = run(folder.path(), &["check", "spec.toml", "--set", set]);
        assert_eq!(ran.code, 2, "{set}: {}", ran.out);
        assert!(ran.err.contains(place), "{set}: {}", ran.err);
    }
    let absolute = [
        "check",
        "spec.toml",
        "--set",
        "compare.tolerances={ train-loss = { absolute = 1.5 } }",
    ];
    ok(folder.path(), &absolute);
}

/// The folder keeps who made the numbers, whoever draws them again; damage is told.
#[test]
fn provenance_outlives_a_redraw() {
    let folder = with_spec(SMALL);
    let folder = folder.path();
    let text = ok(folder, &["run", "spec.toml", "--threads", "2"]);
    let report = text
        .lines()
        .find_map(|l| l.strip_prefix("report: "))
        .unwrap();
    let dir = Path::new(report)
        .parent()
        .unwrap()
        .to_str()
        .unwrap()
        .to_string();
    let manifest = || -> serde_json::Value {
        let text = std::fs::read_to_string(folder.join(&dir).join("manifest.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let first = manifest();
    assert_eq!(first["history"].as_array().unwrap().len(), 1);
    ok(folder, &["run", "spec.toml", "--threads", "1"]);
    ok(folder, &["report", &dir]);
    let again = manifest();
    for key in ["threads", "wall_seconds", "command", "history"] {
        assert_eq!(first[key], again[key], "{key}");
    }
    for name in ["plot.py", "figures/train-loss.pdf"] {
        assert!(folder.join(&dir).join(name).exists(), "{name}");
    }
    let page = std::fs::read_to_string(folder.join(&dir).join("report.html")).unwrap();
    assert!(page.find("class=\"summary\"").unwrap() < page.find("<figure>").unwrap());
    // A record that is damaged, one that is gone, and a manifest of something else.
    let store = folder.join("runs/store");
    let record = walk(&store)
        .into_iter()
        .find(|p| p.extension().is_some_and(|e| e == "rec" || e == "bin"));
    let record = record.or_else(|| walk(&store).into_iter().next()).unwrap();
    std::fs::write(&record, b"nothing").unwrap();
    assert_eq!(run(folder, &["status", &dir]).code, 4);
    let redrawn = run(folder, &["report", &dir]);
    assert_eq!(redrawn.code, 2);
    let why = &redrawn.err;
    assert!(
        why.contains("1 of ") && why.contains("saddlepoint run"),
        "{why}"
    );
    ok(folder, &["run", "spec.toml"]);
    assert_eq!(run(folder, &["status", &dir]).code, 0);
    assert_eq!(manifest()["history"].as_array().unwrap().len(), 2);
    // A file of the folder that somebody changed.
    std::fs::write(folder.join(&dir).join("tables/league.csv"), "changed").unwrap();
    let status = run(folder, &["status", &dir]);
    assert_eq!(status.code, 4);
    assert!(status.out.contains("tables/league.csv"), "{}", status.out);
    ok(folder, &["report", &dir]);
    assert_eq!(run(folder, &["status", &dir]).code, 0);
    std::fs::write(
        folder.join(&dir).join("manifest.json"),
        "{\"schema\": \"other\"}",
    )
    .unwrap();
    assert_eq!(run(folder, &["status", &dir]).code, 2);
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(walk(&path)),
            false => files.push(path),
        }
    }
    files
}

#[test]
fn what_takes_longer_than_a_day_is_to_be_confirmed() {
    let error = Error::TooLong {
        what: "spec".into(),
        range: "3 to 5 years".into(),
    };
    assert_eq!(error.exit_code(), 5);
    let folder = with_spec(SMALL);
    let long = [
        "run",
        "spec.toml",
        "--max-memory",
        "90000G",
        "--set",
        "training.steps=100000000000",
        "--set",
        "measure.replicas=100",
    ];
    let ran = run(folder.path(), &long);
    assert_eq!(ran.code, 5, "{}", ran.err);
    assert!(
        ran.err.contains("--yes") && ran.err.contains("days") || ran.err.contains("years"),
        "{}",
        ran.err
    );
    let check = ok(folder.path(), &["check", "spec.toml"]);
    assert!(
        check.contains("by short trials on this machine") && check.contains("MiB"),
        "{check}"
    );
}

#[test]
fn tables_fit_the_terminal() {
    let folder = with_spec(SMALL);
    let text = ok(folder.path(), &["run", "spec.toml"]);
    assert!(text.lines().all(|l| l.chars().count() <= 120), "{text}");
    let wide = ok(folder.path(), &["run", "spec.toml", "--wide"]);
    assert!(
        wide.contains("seconds") && wide.contains("worst point"),
        "{wide}"
    );
}

/// Stated times are recorded, beside the start and the end; what lies between two steps is refused.
#[test]
fn times_are_recorded_as_stated() {
    let folder = with_spec(SMALL);
    let folder = folder.path();
    let times = |set: &str| -> Vec<f64> {
        let text = ok(folder, &["run", "spec.toml", "--json", "--set", set]);
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let axes = document["cells"][0]["measurements"][1]["axes"]
            .as_array()
            .unwrap()
            .clone();
        let values = axes.last().unwrap()["values"].as_array().unwrap().clone();
        values.iter().map(|v| v.as_f64().unwrap()).collect()
    };
    // 500 steps of 0.01: the end is at 5.
    assert_eq!(
        times("measure.times=[0.25, 1.0, 4.0]"),
        [0.0, 0.25, 1.0, 4.0, 5.0]
    );
    assert_eq!(times("measure.times=[5.0]"), [0.0, 5.0]);
    for (wrong, why) in [
        ("[0.2551]", "between two steps"),
        ("[6.0]", "outside"),
        ("[2.0, 1.0]", "increasing"),
    ] {
        let ran = run(
            folder,
            &[
                "check",
                "spec.toml",
                "--set",
                &format!("measure.times={wrong}"),
            ],
        );
        assert_eq!(ran.code, 2, "{wrong}");
        assert!(
            ran.err.contains(why) && ran.err.contains("measure.times["),
            "{}",
            ran.err
        );
    }
}

const CROSSING: &str = r#"
version = 1
[task]
kind = "percolation-lattice"
size = 4
sweeps = 20
[measure]
observables = [{ kind = "wrapping-x", p = { from = 0.4, to = 0.8, count = 11 } }]
datasets = 5
[sweep]
"task.size" = [4, 8]
[[theory]]
kind = "percolation-limit"
[[reduce]]
kind = "crossing"
key = "task.size"
observable = "wrapping-x"
"#;

/// A threshold has 0.5 % where the spec is silent; what is stated for its observable, or for all, holds for it.
#[test]
fn a_stated_tolerance_holds_for_a_crossing() {
    let folder = with_spec(CROSSING);
    for (set, wanted) in [
        ("seed=0", 0.005),
        ("compare.tolerance=0.1", 0.1),
        ("compare.tolerances={ wrapping-x = 0.02 }", 0.02),
    ] {
        let text = ok(folder.path(), &["run", "spec.toml", "--json", "--set", set]);
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let tolerance = &document["derived"][0]["theories"][0]["tolerance"]["relative"];
        assert_eq!(tolerance.as_f64(), Some(wanted), "{set}");
    }
}

/// A run that was stopped when all its records were made has them redrawn, and stays the one that made them.
#[test]
fn a_stopped_run_keeps_its_threads_and_its_time() {
    let folder = with_spec(SMALL);
    let folder = folder.path();
    let text = ok(folder, &["run", "spec.toml", "--threads", "2"]);
    let report = text.lines().find_map(|l| l.strip_prefix("report: "));
    let path = folder.join(report.unwrap()).with_file_name("manifest.json");
    let read = || -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
    };
    let mut stopped = read();
    let mut entry = stopped["history"][0].clone();
    entry["computed"] = serde_json::Value::Null;
    entry["stopped"] = true.into();
    (entry["threads"], entry["wall_seconds"]) = (7.into(), 12.5.into());
    stopped["history"] = vec![entry].into();
    stopped.as_object_mut().unwrap().remove("wall_seconds");
    std::fs::write(&path, stopped.to_string()).unwrap();
    ok(folder, &["run", "spec.toml", "--threads", "1"]);
    let again = read();
    assert_eq!(
        (&again["threads"], &again["wall_seconds"]),
        (&7.into(), &12.5.into())
    );
    assert_eq!(again["history"].as_array().unwrap().len(), 1);
}

/// The panel of differences is from the theory that the figure names; captions and tables call things by what they are.
#[test]
fn differences_are_from_the_theory_that_is_named() {
    const KERNELS: &str = r#"
version = 1
[task]
kind = "power-law-features"
modes = 20
spectrum_exponent = 2.0
target_exponent = 2.0
samples = 20
test_samples = 30
[learner]
kind = "kernel-ridge"
ridge = 0.1
kernel = { kind = "linear" }
[training]
kind = "closed-form"
[measure]
observables = ["test-loss", "population-error"]
datasets = 5
[sweep]
"task.samples" = [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]
[[theory]]
kind = "learning-curve"
label = "first"
[[theory]]
kind = "learning-curve"
label = "second"
[[figure]]
observable = "population-error"
kind = "sweep"
key = "task.samples"
residuals = "second"
[[figure]]
observable = "test-loss"
kind = "curves"
"#;
    let folder = with_spec(KERNELS);
    let folder = folder.path();
    let text = ok(folder, &["run", "spec.toml"]);
    let report = text
        .lines()
        .find_map(|l| l.strip_prefix("report: "))
        .unwrap();
    let dir = folder.join(report).parent().unwrap().to_path_buf();
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
    let page = read("report.html");
    assert!(page.contains("kernel machines minus second"), "{page}");
    assert!(page.contains("test set of P points") && page.contains("L = 1/(2P) sum_mu |y - f|^2"));
    assert!(!page.contains("half-sum)"), "conventions of other losses");
    assert!(
        page.contains("12 of 14 cells shown, without P = "),
        "{page}"
    );
    let table = read("figures/population-error.csv");
    assert!(table.contains("kernel machines minus second") && !table.contains("minus first"));
    assert!(read("tables/population-error.csv").contains(",kernel machines,"));
    for (residuals, wanted) in [
        ("\"third\"", "unknown name"),
        ("3", "expected true, false or the label"),
    ] {
        let spec = KERNELS.replace(
            "residuals = \"second\"",
            &format!("residuals = {residuals}"),
        );
        let folder = with_spec(&spec);
        let ran = run(folder.path(), &["check", "spec.toml"]);
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(
            ran.err.contains(wanted) && ran.err.contains("residuals"),
            "{}",
            ran.err
        );
    }
}

/// `reproduce --out` uses the records of a folder; without it everything is computed anew.
#[test]
fn reproduce_resumes_from_a_folder_of_records() {
    let folder = with_spec(SMALL);
    let folder = folder.path();
    std::fs::create_dir(folder.join("specs")).unwrap();
    std::fs::rename(folder.join("spec.toml"), folder.join("specs/one.toml")).unwrap();
    let all = ["reproduce", "specs", "--out", "kept"];
    let first = ok(folder, &all);
    assert!(first.contains("specs/one.toml"), "{first}");
    let records = walk(&folder.join("kept"));
    assert!(!records.is_empty());
    assert_eq!(ok(folder, &all), first);
    assert_eq!(walk(&folder.join("kept")), records);
}

/// What failed has no record: a folder is whole without it, and can be drawn again.
#[test]
fn a_run_with_failures_can_be_drawn_again() {
    const FAILS: &str = r#"
version = 1
[task]
kind = "linear-teacher"
singular_values = [1.0]
input_dim = 4
output_dim = 1
samples = 6
test_samples = 4
[learner]
kind = "mlp"
widths = [20]
activation = "erf"
prior = { chi = 400.0 }
[training]
kind = "langevin"
temperature = 1e-5
steps = 200
step = 0.01
certify = false
[measure]
observables = ["predictor-mean"]
datasets = 1
replicas = 2
points = 1
[[theory]]
kind = "mean-field"
[[theory]]
kind = "nngp"
"#;
    let folder = with_spec(FAILS);
    let folder = folder.path();
    let ran = run(folder, &["run", "spec.toml"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(ran.out.contains("the measurement failed") && ran.out.contains("did not converge"));
    let report = ran.out.lines().find_map(|l| l.strip_prefix("report: "));
    let dir = Path::new(report.unwrap())
        .parent()
        .unwrap()
        .to_str()
        .unwrap();
    let status = run(folder, &["status", dir]);
    assert!(
        status.out.contains("1 of 1 records in place"),
        "{}",
        status.out
    );
    let again = run(folder, &["report", dir]);
    assert!(!again.err.contains("missing"), "{}", again.err);
    // A figure over a sweep none of whose cells was measured is left out.
    let sweep = "sweep={ \"learner.widths\" = [[20], [30]] }";
    let deviation = "figure=[{ observable = \"predictor-mean\", kind = \"deviation\", key = \"learner.widths\" }]";
    let set = ["run", "spec.toml", "--set", sweep, "--set", deviation];
    let ran = run(folder, &set);
    assert_eq!(ran.code, 4, "{}", ran.err);
}
