//! Bad input gives one clear message with place, cause and remedy, exit code 2, and leaves nothing behind.

mod common;
use common::{SMALL, files, run, with_spec};

/// Runs a spec text; it must fail with `code`, name every one of `says`, and write nothing.
fn refused(spec: &str, extra: &[&str], code: i32, says: &[&str]) {
    let folder = with_spec(spec);
    let mut arguments = vec!["run", "spec.toml"];
    arguments.extend(extra);
    let ran = run(folder.path(), &arguments);
    assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
    assert!(ran.out.is_empty(), "{}", ran.out);
    assert_eq!(ran.err.matches("error: ").count(), 1, "{}", ran.err);
    assert!(ran.err.contains("remedy: "), "{}", ran.err);
    for text in says {
        assert!(ran.err.contains(text), "\"{text}\" is not in:\n{}", ran.err);
    }
    assert_eq!(files(folder.path()).len(), 1, "files were written");
}

fn with(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    SMALL.replace(from, to)
}

#[test]
fn the_small_spec_is_good() {
    let folder = with_spec(SMALL);
    let ran = run(folder.path(), &["run", "spec.toml"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
}

#[test]
fn unknown_keys_are_located_and_corrected() {
    refused(
        &with("[task]", "[tsk]"),
        &[],
        2,
        &["spec.toml", "tsk", "`task`"],
    );
    refused(
        &with("input_dim = 4", "inputdim = 4"),
        &[],
        2,
        &["spec.toml:7:1: task.inputdim", "`input_dim`"],
    );
    refused(
        &with("scale = 0.1", "skale = 0.1"),
        &[],
        2,
        &["learner.init.skale", "`scale`"],
    );
    refused(
        &with("condition = \"none\"", "conditoin = \"none\""),
        &[],
        2,
        &["theory[1].conditoin", "`condition`"],
    );
    refused(
        &with("\"train-loss\"", "\"train-los\""),
        &[],
        2,
        &["measure.observables[1]", "\"train-loss\""],
    );
    refused(
        &with("\"linear-teacher\"", "\"linear-teecher\""),
        &[],
        2,
        &["task.kind", "\"linear-teacher\""],
    );
    refused(
        &with("kind = \"ntk\"", "kind = \"nkt\""),
        &[],
        2,
        &["theory[2].kind", "\"ntk\""],
    );
}

#[test]
fn wrong_values_name_their_key() {
    refused(
        &with("widths = [5]", "widths = [-5]"),
        &[],
        2,
        &["spec.toml:12:", "learner.widths[0]", "-5"],
    );
    refused(
        &with("widths = [5]", "widths = [0]"),
        &[],
        2,
        &["learner.widths[0]"],
    );
    refused(
        &with("widths = [5]", "widths = \"five\""),
        &[],
        2,
        &["learner.widths", "five"],
    );
    refused(
        &with("learning_rate = 0.01", "learning_rate = nan"),
        &[],
        2,
        &["training.learning_rate"],
    );
    refused(
        &with("learning_rate = 0.01", "learning_rate = inf"),
        &[],
        2,
        &["training.learning_rate"],
    );
    refused(&with("[2.0, 1.0]", "[]"), &[], 2, &["task.singular_values"]);
    refused(
        &with("[2.0, 1.0]", "[2.0, -1.0]"),
        &[],
        2,
        &["task.singular_values[1]"],
    );
    refused(
        &with("[2.0, 1.0]", "[2.0, nan]"),
        &[],
        2,
        &["task.singular_values[1]"],
    );
    refused(
        &with(
            "[\"mode-strength\", \"train-loss\", \"half-rise-time\"]",
            "[]",
        ),
        &[],
        2,
        &["measure.observables"],
    );
    refused(
        &with("replicas = 5", "replicas = 0"),
        &[],
        2,
        &["measure.replicas"],
    );
    refused(
        &with("expect = \"agree\"", "expect = \"yes\""),
        &[],
        2,
        &["theory[0].expect"],
    );
    refused(
        &with("label = \"idealised\"", "label = \"matched\""),
        &[],
        2,
        &["theory[1].label", "twice"],
    );
    refused(&with("steps = 500", ""), &[], 2, &["training"]);
    refused(
        &(SMALL.to_string() + "[compare]\ntolerance = -1.0\n"),
        &[],
        2,
        &["compare.tolerance"],
    );
}

#[test]
fn versions_and_syntax() {
    refused(
        &with("version = 1", "version = 2"),
        &[],
        2,
        &["spec.toml:2:1: version", "newer saddlepoint"],
    );
    refused(&with("version = 1\n", "\n"), &[], 2, &["version"]);
    refused(&with("seed = 3", "seed = = 3"), &[], 2, &["spec.toml:3:"]);
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), &["run", "nowhere.toml"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("nowhere.toml") && ran.err.contains("remedy"));
}

#[test]
fn overrides_and_sweeps_are_checked() {
    refused(
        SMALL,
        &["--set", "learner.widths=[-1]"],
        2,
        &["--set learner.widths"],
    );
    refused(
        SMALL,
        &["--set", "learner.widths=[1"],
        2,
        &["--set learner.widths=[1"],
    );
    refused(
        SMALL,
        &["--set", "learner.with=3"],
        2,
        &["--set learner.with", "`widths`"],
    );
    refused(
        &(SMALL.to_string() + "[sweep]\n\"lerner.widths\" = [[4], [5]]\n"),
        &[],
        2,
        &["sweep.lerner.widths", "learner"],
    );
    refused(
        &(SMALL.to_string() + "[sweep]\n\"learner.widths\" = []\n"),
        &[],
        2,
        &["sweep", "empty list"],
    );
    let reduce =
        "[[reduce]]\nkind = \"slope\"\nkey = \"learner.widths\"\nobservable = \"train-loss\"\n";
    refused(
        &(SMALL.to_string() + reduce),
        &[],
        2,
        &["reduce[0].key", "not swept"],
    );
}

#[test]
fn parts_must_fit_together() {
    let cut = SMALL.split("[learner]").next().unwrap().to_string();
    let rest = SMALL.split("[training]").nth(1).unwrap();
    refused(&format!("{cut}[training]{rest}"), &[], 2, &["no [learner]"]);
    refused(
        &with("samples = 20", "samples = 2"),
        &[],
        2,
        &["task.samples"],
    );
    let lambda = "kind = \"lambda-balanced\"\nlambda = 1.0\nscale = 0.1";
    refused(
        &with("kind = \"gaussian\"\nscale = 0.1", lambda),
        &[],
        2,
        &["learner.init.lambda"],
    );
}

#[test]
fn files_of_data_are_checked_with_their_line() {
    let folder = with_spec(&with(
        "kind = \"linear-teacher\"\nsingular_values = [2.0, 1.0]\ninput_dim = 4\noutput_dim = 3\nsamples = 20",
        "kind = \"file\"\npath = \"data.csv\"",
    ));
    let ran = run(folder.path(), &["check", "spec.toml"]);
    assert!(ran.code == 2 && ran.err.contains("data.csv"), "{}", ran.err);
    std::fs::write(folder.path().join("data.csv"), "x1,x2,y1\n1,2,3\n4,5\n").unwrap();
    let ran = run(folder.path(), &["check", "spec.toml"]);
    assert!(ran.code == 2 && ran.err.contains("line 3"), "{}", ran.err);
    std::fs::write(folder.path().join("data.csv"), "x1,x2,y1\n1,2,3\n4,nan,6\n").unwrap();
    assert_eq!(run(folder.path(), &["check", "spec.toml"]).code, 2);
}

#[test]
fn too_large_a_run_is_refused_with_the_byte_count() {
    refused(
        SMALL,
        &["--max-memory", "1M"],
        5,
        &["bytes", "1048576", "--max-memory"],
    );
    let wide = with("widths = [5]", "widths = [100000, 100000]");
    refused(&wide, &[], 5, &["bytes"]);
}

#[test]
fn missing_folders_and_names() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        ["status", "no"],
        ["report", "no"],
        ["reproduce", "no"],
        ["explain", "saxxe"],
    ] {
        let ran = run(folder.path(), &arguments);
        assert_eq!(ran.code, 2, "{arguments:?}");
        assert!(ran.err.contains("remedy"), "{}", ran.err);
    }
    assert!(
        run(folder.path(), &["explain", "saxxe"])
            .err
            .contains("\"saxe\"")
    );
    assert_eq!(run(folder.path(), &["fly"]).code, 2);
}

#[test]
fn an_output_folder_that_cannot_be_written_is_one_error() {
    let folder = with_spec(SMALL);
    std::fs::write(folder.path().join("plain"), "a file, not a folder").unwrap();
    for out in ["plain", "plain/below", "/proc/nothing"] {
        let ran = run(folder.path(), &["run", "spec.toml", "--out", out]);
        assert_eq!(ran.code, 2, "{out}: {}", ran.err);
        assert!(
            ran.err.contains("--out") || ran.err.contains("path"),
            "{}",
            ran.err
        );
    }
    assert_eq!(files(folder.path()).len(), 2);
}

#[test]
fn figures_draw_what_is_there() {
    let figure = |base: String, keys: &str| format!("{base}\n[[figure]]\n{keys}\n");
    let cases = [
        (
            "observable = \"mode-strength\"\nkind = \"mds\"",
            "figure[0].observable",
            "not a matrix over time",
        ),
        (
            "observable = \"mode-strength\"\nx_range = [1.0, 0.0]",
            "figure[0].x_range",
            "from 1 to 0",
        ),
        (
            "observable = \"mode-strength\"\ny_scale = \"log\"\ny_range = [0.0, 1.0]",
            "figure[0].y_range",
            "logarithmic",
        ),
        (
            "observable = \"train-loss\"\nkind = \"overlay\"\nrescale = true",
            "figure[0].key",
            "swept key",
        ),
        (
            "observable = \"mode-strength\"\nonly = [0]",
            "figure[0].only",
            "count from 1",
        ),
    ];
    for (keys, place, cause) in cases {
        refused(&figure(SMALL.into(), keys), &[], 2, &[place, cause]);
    }
    let matrix = with("\"train-loss\"", "\"input-output-map\"");
    let keys = "observable = \"input-output-map\"\nkind = \"entries\"\nentries = [[99, 1]]";
    refused(
        &figure(matrix, keys),
        &[],
        2,
        &["figure[0].entries", "inside a"],
    );
}
