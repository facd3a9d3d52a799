//! Every shipped model parses and plans; short ones run in full and meet their expectations, the others run in their quick form.
//! `saddlepoint reproduce models` runs all of them in full.

use crate::common;
use saddlepoint::gallery::absent_data;
use saddlepoint::models::{FIELDS, MODELS};
use saddlepoint::run::estimate;
use saddlepoint::spec::{Options, Spec};
use std::path::Path;

/// Every model whose name passes, checked and run.
fn all_run(chosen: impl Fn(&str) -> bool) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = tempfile::tempdir().unwrap();
    for model in MODELS.iter().filter(|m| chosen(m.name)) {
        if !common::has_data(model.text) {
            continue;
        }
        let name = model.name;
        let spec = format!("models/{name}.toml");
        let check = common::run(root, &["check", &spec]);
        assert_eq!(check.code, 0, "{name}: {}", check.err);
        let folder = out.path().to_str().unwrap();
        let mut arguments = vec!["run", &spec, "--out", folder];
        if !model.short {
            arguments.push("--quick");
        }
        let ran = common::run(root, &arguments);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{name}");
        assert_eq!(ran.out.contains("quick run"), !model.short);
    }
}

#[test]
fn models_of_percolation_run() {
    all_run(|name| name.starts_with("percolation"));
}

#[test]
fn models_of_learning_run() {
    all_run(|name| !name.starts_with("percolation"));
}

/// Words as a shell splits them, with single quotes.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
            c => word.push(c),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// Every `# Try: ARGS ; expect TEXT` makes another experiment that is valid, in full and in quick form.
#[test]
fn what_models_say_to_try_can_be_tried() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for model in MODELS {
        let name = model.name;
        let path = root.join(format!("models/{name}.toml"));
        if let Some(absent) = absent_data(&path).unwrap() {
            common::skipped(&absent.display().to_string());
            continue;
        }
        let lines: Vec<&str> = model
            .text
            .lines()
            .filter_map(|l| l.strip_prefix("# Try: "))
            .collect();
        assert!(
            (2..=3).contains(&lines.len()),
            "{name}: {} lines of things to try",
            lines.len()
        );
        for line in lines {
            let (arguments, text) = line
                .split_once(" ; expect ")
                .unwrap_or_else(|| panic!("{name}: {line}"));
            assert!(text.len() > 15, "{name}: {line}");
            let words = words(arguments);
            let set: Vec<String> = words.chunks(2).map(|pair| pair[1].clone()).collect();
            assert!(
                words.chunks(2).all(|pair| pair[0] == "--set"),
                "{name}: {line}"
            );
            for quick in [false, true] {
                let with = |set: &[String]| {
                    let options = Options {
                        quick,
                        set: set.to_vec(),
                        ..Options::default()
                    };
                    Spec::read(&path, &options).unwrap_or_else(|e| panic!("{name}: {line}: {e}"))
                };
                let (plain, tried) = (with(&[]), with(&set));
                // What [quick] sets so already is no change there.
                assert!(
                    quick || plain.hash != tried.hash,
                    "{name}: {line} changes nothing"
                );
                estimate(&tried, 1, u64::MAX).unwrap_or_else(|e| panic!("{name}: {line}: {e}"));
            }
        }
    }
}

#[test]
fn every_model_is_registered() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    files.sort();
    let mut names: Vec<&str> = MODELS.iter().map(|m| m.name).collect();
    names.sort();
    assert_eq!(files, names);
    for model in MODELS {
        assert!(
            FIELDS.iter().any(|(field, _)| *field == model.field),
            "{}",
            model.name
        );
    }
}
