//! Bad input gives one clear message with place, cause and remedy, exit code 2, and leaves nothing behind.
//!
//! `refused` looks for the words of a message; the tables below quote whole causes, as a reader sees them.

use crate::common::{SMALL, files, run, with_spec};
use saddlepoint::run::estimate;
use saddlepoint::spec::{Options, Spec};

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
        &["spec.toml", "tsk", "\"task\""],
    );
    refused(
        &with("input_dim = 4", "inputdim = 4"),
        &[],
        2,
        &["spec.toml:7:1: task.inputdim", "\"input_dim\""],
    );
    refused(
        &with("scale = 0.1", "skale = 0.1"),
        &[],
        2,
        &["learner.init.skale", "\"scale\""],
    );
    refused(
        &with("condition = \"none\"", "conditoin = \"none\""),
        &[],
        2,
        &["theory[1].conditoin", "\"condition\""],
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
        &with("label = \"matched\"", "label = \"a\\u001b[31m\""),
        &[],
        2,
        &["theory[0].label", "control character"],
    );
    let long = format!("seed = 3\ntitle = \"{}\"", "a".repeat(161));
    refused(&with("seed = 3", &long), &[], 2, &["title", "161"]);
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
        &["--set learner.with", "\"widths\""],
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
    let exponent = SMALL.to_string()
        + "[sweep]\n\"task.noise\" = [0.0, 0.1]\n"
        + &reduce
            .replace("slope", "exponent")
            .replace("learner.widths", "task.noise");
    refused(&exponent, &[], 2, &["reduce[0].key", "no logarithm"]);
    refused(
        &(exponent + "abscissa = \"log\"\n"),
        &[],
        2,
        &["reduce[0].key", "is not a finite number in every cell"],
    );
    let sizes = SMALL.to_string()
        + "[sweep]\n\"task.samples\" = [20, 40]\n"
        + &reduce
            .replace("slope", "exponent")
            .replace("learner.widths", "task.samples");
    refused(
        &(sizes + "abscissa = \"log\"\n"),
        &[],
        2,
        &["reduce[0].abscissa", "takes the logarithms itself"],
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
        &["1.0 MiB", "--max-memory"],
    );
    let wide = with("widths = [5]", "widths = [100000, 100000]");
    refused(&wide, &[], 5, &["GiB"]);
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

/// One change of the small spec (empty text: an addition at its end) and the message that it must give, without its remedy.
fn says(changes: &[(&str, &str, &str)]) {
    for (from, to, message) in changes {
        let spec = match *from {
            "" => format!("{SMALL}{to}\n"),
            from => with(from, to),
        };
        refused(&spec, &[], 2, &[&format!("error: {message}\n")]);
    }
}

#[test]
fn wrong_types_are_told_in_the_words_of_a_spec() {
    says(&[
        (
            "input_dim = 4",
            "input_dim = 4.5",
            "spec.toml:7:1: task.input_dim: expected a whole number >= 0, found 4.5",
        ),
        (
            "input_dim = 4",
            "",
            "spec.toml:4:2: task: the key \"input_dim\" is missing",
        ),
        (
            "learning_rate = 0.01",
            "learning_rate = \"fast\"",
            "spec.toml:18:1: training.learning_rate: expected a number, found \"fast\"",
        ),
        (
            "learning_rate = 0.01",
            "learning_rate = 0.01\nloss = \"quartic\"",
            "spec.toml:19:1: training.loss: \"quartic\" is no loss: write half-mean, half-sum, cross-entropy, { quartic = q }, { huber = d } or { log-cosh = d }",
        ),
        (
            "learning_rate = 0.01",
            "learning_rate = 0.01\nloss = { quartic = 1.0, huber = 2.0 }",
            "spec.toml:19:1: training.loss: a table with the keys \"huber\", \"quartic\" is no loss: write half-mean, half-sum, cross-entropy, { quartic = q }, { huber = d } or { log-cosh = d }",
        ),
        (
            "widths = [5]",
            "widths = 5",
            "spec.toml:12:1: learner.widths: expected a list, found 5",
        ),
        (
            "widths = [5]",
            "widths = [99999999999999999999]",
            "spec.toml:12:11: the number 99999999999999999999 is too large",
        ),
        (
            "widths = [5]",
            "widths = [5]\nactivation = \"rellu\"",
            "spec.toml:13:1: learner.activation: unknown value \"rellu\"",
        ),
        (
            "kind = \"ntk\"",
            "kind = 3",
            "spec.toml:33:1: theory[2].kind: 3 is not a text",
        ),
        (
            "kind = \"ntk\"",
            "kind = \"ntk\"\nassume = { \"learner.widths\" = [-3] }",
            "spec.toml:34:1: theory[2].assume: learner.widths[0]: expected a whole number >= 0, found -3",
        ),
        (
            "kind = \"ntk\"",
            "kind = \"ntk\"\nlabel = \"measured\"",
            "spec.toml:34:1: theory[2].label: \"measured\" is not a name for a theory",
        ),
        (
            "",
            "[compare]\ntolerance = \"5 %\"",
            "spec.toml:37:1: compare.tolerance: expected a number, { relative = x } or { absolute = x }",
        ),
        (
            "",
            "[[figure]]\nobservable = \"train-loss\"\nname = \"../elsewhere\"",
            "spec.toml:38:1: figure[0].name: \"../elsewhere\" is not a plain file name",
        ),
        (
            "",
            "[[figure]]\nobservable = \"train-loss\"\n[[figure]]\nobservable = \"train-loss\"",
            "spec.toml:38:1: figure[1].name: two figures are called \"train-loss\"",
        ),
    ]);
}

#[test]
fn sweeps_and_quick_forms_are_named_as_the_place() {
    let rate = "\"training.learning_rate\"";
    says(&[
        (
            "",
            &format!("[sweep]\n{rate} = [0.01, -1]"),
            "spec.toml:37:1: sweep.training.learning_rate: with -1: -1 is not a finite number > 0",
        ),
        (
            "",
            "[sweep]\ntraining.learning_rat = [0.01]",
            "spec.toml:37:10: sweep.training.learning_rat: with 0.01: unknown key \"learning_rat\"",
        ),
        (
            "",
            &format!("[sweep]\n{rate} = {{ from = 0.1, to = 1.0, points = 1000000000000 }}"),
            "spec.toml:37:1: sweep.training.learning_rate: a range needs 1 to 100000 points, finite ends, and positive ends when \
             scale = \"log\"",
        ),
        (
            "",
            "[sweep]\n\"compare.tolerance\" = [0.1, 0.2]\n[compare]\ntolerance = 0.1",
            "spec.toml:37:1: sweep.compare.tolerance: compare is the same for all cells",
        ),
        (
            "",
            "[sweep]\n\"measure.observables\" = [[\"train-loss\"], [\"mode-strength\"]]",
            "spec.toml:36:2: sweep: the cells differ in their observables or theory labels",
        ),
        (
            "",
            "[sweep]\n\"learner.activation\" = [\"linear\", \"tanh\"]\n[[reduce]]\nkind = \"slope\"\n\
             key = \"learner.activation\"\nobservable = \"train-loss\"",
            "spec.toml:40:1: reduce[0].key: learner.activation is not a finite number in every cell",
        ),
    ]);
    let quick = with("\"measure.replicas\" = 2", "\"measure.replica\" = 2");
    refused(
        &quick,
        &["--quick"],
        2,
        &["error: spec.toml:35:1: [quick] measure.replica: unknown key \"replica\"\n"],
    );
    let folder = with_spec(&quick);
    let ran = run(folder.path(), &["check", "spec.toml"]);
    assert_eq!(ran.code, 2, "check looks at [quick] too: {}", ran.out);
    // Without the table a spec is valid, and has no quick run.
    let bare = quick.split("[quick]").next().unwrap();
    let folder = with_spec(bare);
    let ran = run(folder.path(), &["check", "spec.toml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    refused(bare, &["--quick"], 2, &["the spec has no [quick] table"]);
}

#[test]
fn overrides_are_named_as_the_place() {
    for (set, message) in [
        (
            "theory.0.condtion=none",
            "--set theory[0].condtion: unknown key \"condtion\"",
        ),
        (
            "theory[1].expect=maybe",
            "--set theory[1].expect: neither \"agree\" nor \"disagree\"",
        ),
        (
            "theory.7.label=x",
            "--set theory.7.label: \"7\" does not name an entry of the list theory, which has 3",
        ),
        ("title.x=3", "--set title: expected a text, found a table"),
        (
            "version=2",
            "--set version: the spec is written for version 2, this program knows version 1",
        ),
        ("a..b=3", "--set a..b: an empty key"),
    ] {
        refused(SMALL, &["--set", set], 2, &[&format!("error: {message}\n")]);
    }
    for arguments in [
        ["--seed", "-1"],
        ["--threads", "100000"],
        ["--max-memory", "2Q"],
    ] {
        let folder = with_spec(SMALL);
        let ran = run(
            folder.path(),
            &["run", "spec.toml", arguments[0], arguments[1]],
        );
        assert_eq!(ran.code, 2);
        assert!(
            ran.err.contains(arguments[0]) && ran.err.contains(arguments[1]),
            "{}",
            ran.err
        );
        assert_eq!(files(folder.path()).len(), 1);
    }
}

/// Whatever stands at a key, the answer is a number, an input error or a refusal; never a crash, whatever the size.
#[test]
fn no_value_of_any_key_is_a_crash() {
    let keys = [
        "seed",
        "title",
        "task.kind",
        "task.singular_values",
        "task.singular_values.0",
        "task.input_dim",
        "task.output_dim",
        "task.samples",
        "task.test_samples",
        "task.noise",
        "task.correlation",
        "task.whitened",
        "learner.widths",
        "learner.widths.0",
        "learner.richness",
        "learner.init",
        "learner.init.scale",
        "training.learning_rate",
        "training.steps",
        "training.batch",
        "measure.observables",
        "measure.datasets",
        "measure.replicas",
        "measure.points",
        "measure.first",
        "theory",
        "theory.0",
        "theory.0.label",
        "theory.0.assume",
        "theory.0.condition",
        "compare",
        "compare.tolerance",
        "reduce",
        "figure",
        "sweep",
        "sweep.seed",
    ];
    let values = [
        "-1",
        "0",
        "1",
        "7",
        "1e-300",
        "1e300",
        "0.5",
        "nan",
        "-inf",
        "4000000000",
        "9223372036854775807",
        "true",
        "\"\"",
        "\"ü\"",
        "[]",
        "[0]",
        "[-1]",
        "[nan]",
        "[[]]",
        "[1, 2]",
        "[9223372036854775807]",
        "{}",
        "{ x = 1 }",
        "[{}]",
        "1979-05-27",
    ];
    let (mut accepted, mut refused) = (0, 0);
    for key in keys {
        for value in values {
            let set = format!("{key}={value}");
            let options = Options {
                set: vec![set.clone()],
                ..Options::default()
            };
            let answer = Spec::parse("spec", "spec.toml", SMALL, &options)
                .and_then(|spec| estimate(&spec, 2, 1 << 28));
            match answer {
                Ok(_) => accepted += 1,
                Err(e) => {
                    assert!(matches!(e.exit_code(), 2 | 5), "{set}: {e}");
                    assert!(e.to_string().contains("remedy: "), "{set}: {e}");
                    refused += 1;
                }
            }
        }
    }
    assert!(accepted > 50 && refused > 400, "{accepted} {refused}");
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

/// Files of a few lines that once gave a wrong number without a word, with the right number or the message.
mod small_files {
    use crate::common::{Ran, json, run, with_spec};

    const MACHINE: &str = "[training]\nkind = 'closed-form'\n[measure]\nobservables = ['train-loss'LOSS]\npoints = 1\n";

    fn machine(kernel: &str, test: bool) -> String {
        let losses = if test { ", 'test-loss'" } else { "" };
        let learner =
            format!("[learner]\nkind = 'kernel-ridge'\nridge = 0\nkernel = {{ {kernel} }}\n");
        let fraction = if test { "test_fraction = 0.5\n" } else { "" };
        let task = format!("version = 1\n[task]\nkind = 'file'\npath = 'a.csv'\n{fraction}");
        format!("{task}{learner}{}", MACHINE.replace("LOSS", losses))
    }

    /// Runs `verb` of a spec beside the file `a.csv` or `edges.txt` of this text, in JSON.
    fn ran(verb: &str, spec: &str, file: &str) -> Ran {
        let folder = with_spec(spec);
        for name in ["a.csv", "edges.txt"] {
            std::fs::write(folder.path().join(name), file).unwrap();
        }
        run(
            folder.path(),
            &[verb, "spec.toml", "--json", "--threads", "1"],
        )
    }

    /// The last mean of an observable.
    fn mean(ran: &Ran, observable: &str) -> f64 {
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        let document = json(&ran.out);
        let all = document["cells"][0]["measurements"]
            .as_array()
            .unwrap_or_else(|| panic!("{}", ran.out));
        let found = all.iter().find(|o| o["name"] == observable).unwrap();
        found["mean"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .as_f64()
            .unwrap()
    }

    fn refused(ran: &Ran, says: &[&str]) {
        assert_ne!(ran.code, 0, "{}", ran.out);
        for text in ["remedy: "].iter().chain(says) {
            assert!(ran.err.contains(text), "\"{text}\" is not in:\n{}", ran.err);
        }
    }

    /// One sample of the two is trained on. `L = (1 - K(x, x')/K(x', x'))^2/2`, from Gaussian integrals (tests/reference/duals.py).
    #[test]
    fn the_tangent_kernel_of_tanh_is_exact_for_large_inputs() {
        let spec = machine("kind = 'ntk', nonlinearity = 'tanh', depth = 1", true);
        let loss = mean(&ran("measure", &spec, "x1,y\n10,1\n20,1\n"), "test-loss");
        let exact = [0.05406027601375182, 0.030965543276687404];
        let right = exact.iter().any(|e| (loss - e).abs() < 1e-12);
        assert!(right, "{loss}");
    }

    /// Twice the same sample, with opposite targets: each residual is 3, `(9 + 9)/(2 x 4)`.
    #[test]
    fn repeated_samples_are_fitted_by_their_mean_and_said_to_be() {
        let file = "x1,x2,y\n1,2,3\n1,2,-3\n2,0,1\n0,1,-1\n";
        for kernel in [
            "kind = 'ntk', nonlinearity = 'gelu', depth = 2",
            "kind = 'nngp', nonlinearity = 'tanh', depth = 3, bias_variance = 0.1",
            "kind = 'ntk', nonlinearity = 'relu'",
            "kind = 'gaussian', length = 1.0",
            "kind = 'laplace', length = 0.3",
        ] {
            let ran = ran("measure", &machine(kernel, false), file);
            let loss = mean(&ran, "train-loss");
            assert!((loss - 2.25).abs() < 1e-12, "{kernel}: {loss}");
            let warnings = json(&ran.out)["warnings"].to_string();
            for text in ["rank 3 to rounding", "ridge", "leaves 0.900 of"] {
                assert!(warnings.contains(text), "{warnings}");
            }
        }
    }

    /// Different samples have nothing in common at a length of 1e-200: the test sample is predicted to be 0.
    #[test]
    fn lengths_and_inputs_out_of_all_range_give_numbers_or_say_so() {
        for kind in ["gaussian", "laplace"] {
            let spec = machine(&format!("kind = '{kind}', length = 1e-200"), true);
            let ran = ran("measure", &spec, "x1,y\n1,2\n3,2\n");
            assert_eq!(
                (mean(&ran, "train-loss"), mean(&ran, "test-loss")),
                (0.0, 2.0)
            );
        }
        for kernel in [
            "kind = 'gaussian', length = 1.0",
            "kind = 'linear'",
            "kind = 'ntk', nonlinearity = 'relu'",
        ] {
            for (file, test) in [
                ("x1,x2,y\n1,1e200,2\n3,1,2\n", false),
                ("x1,x2,y\n1,1e200,2\n3,1,2\n", true),
            ] {
                let ran = ran("measure", &machine(kernel, test), file);
                let says = [
                    "task.inputs: input 1 of sample",
                    "is 1e200: the square of its norm overflows",
                ];
                refused(&ran, &says);
            }
        }
    }

    /// `year` is no target; a linear kernel of two inputs cannot fit three samples of these targets.
    #[test]
    fn columns_that_begin_alike_are_not_taken() {
        let spec = machine("kind = 'linear'", false);
        let file = "x1,x2,y,year\n1,0,1,2001\n0,1,2,2002\n1,1,0,2003\n";
        let with = ran("measure", &spec, file);
        // Residuals of least squares: (1, 2, 0) has the part (1, 1, -1)/sqrt 3 left over, of size sqrt 3.
        let loss = mean(&with, "train-loss");
        assert!((loss - 0.5).abs() < 1e-12, "{loss}");
        let without = ran("measure", &spec, "x1,x2,y\n1,0,1\n0,1,2\n1,1,0\n");
        assert_eq!(mean(&without, "train-loss"), loss);
        let check = json(&ran("check", &spec, file).out);
        let columns = |k: usize| check["sources"][k]["value"].as_str().unwrap().to_string();
        assert_eq!((columns(0), columns(1)), ("x1, x2".into(), "y".into()));
        let twice = ran("check", &spec, "x1,y,x1\n1,2,3\n");
        refused(
            &twice,
            &["task.path", "a.csv: column \"x1\"", "number 1 and number 3"],
        );
    }

    /// A triangle numbered from 1 is one cluster when all bonds are there.
    #[test]
    fn graphs_numbered_from_one_have_no_vertex_more() {
        let spec = |keys: &str| {
            format!(
                "version = 1\n[task]\nkind = 'percolation-lattice'\nlattice = 'edges'\nfile = 'edges.txt'\nelement = 'bond'\n{keys}\n\
                 [measure]\ndatasets = 2\nobservables = [{{ kind = 'largest-cluster', p = [1.0] }}]\n"
            )
        };
        let edges = "1 2\n2 3\n3 1\n";
        refused(
            &ran("measure", &spec(""), edges),
            &["task.first", "first = 1", "vertices = 4"],
        );
        let largest = |keys: &str| mean(&ran("measure", &spec(keys), edges), "largest-cluster");
        assert_eq!(largest("first = 1"), 1.0);
        assert_eq!(largest("first = 0"), 0.75);
        assert_eq!(largest("vertices = 4"), 0.75);
    }
}
