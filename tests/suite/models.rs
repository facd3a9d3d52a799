//! Every shipped model parses and plans; short ones run in full and meet their expectations, the others run in their quick form.
//! `saddlepoint reproduce models` runs all of them in full.

use crate::common;
use saddlepoint::models::MODELS;
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
}
