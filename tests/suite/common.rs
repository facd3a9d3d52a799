//! Runs the built program in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_saddlepoint");

/// A spec that takes a fraction of a second.
pub const SMALL: &str = r#"
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
observables = ["mode-strength", "train-loss", "half-rise-time"]
replicas = 5
points = 6
[[theory]]
kind = "saxe"
label = "matched"
expect = "agree"
[[theory]]
kind = "saxe"
label = "idealised"
condition = "none"
[[theory]]
kind = "ntk"
[quick]
"measure.replicas" = 2
"#;

pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub fn run(folder: &Path, arguments: &[&str]) -> Ran {
    ran(Command::new(PROGRAM)
        .args(arguments)
        .current_dir(folder)
        .env("SADDLEPOINT_DATA", data_folder())
        .output()
        .unwrap())
}

pub fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

pub fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("not one JSON document ({e}):\n{text}"))
}

/// A fresh folder with `spec.toml`.
pub fn with_spec(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("spec.toml"), text).unwrap();
    folder
}

/// Names and bytes of all files below `folder`, sorted.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    fn walk(root: &Path, folder: &Path, out: &mut Vec<(String, Vec<u8>)>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, out);
            } else {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                out.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    let mut out = Vec::new();
    walk(folder, folder, &mut out);
    out.sort();
    out
}

/// The files of the only run folder that must not depend on when and how the run was made.
pub fn results(out: &Path) -> Vec<(String, Vec<u8>)> {
    files(out)
        .into_iter()
        .filter(|(n, _)| {
            n.contains("/tables/")
                || n.ends_with("arrays.npz")
                || n.ends_with("result.json")
                || n.contains("/figures/")
        })
        .collect()
}

pub fn records(out: &Path) -> Vec<(String, Vec<u8>)> {
    files(&out.join("store"))
}

/// Fails with the names of the files that differ, without printing their bytes.
pub fn assert_same(a: &[(String, Vec<u8>)], b: &[(String, Vec<u8>)]) {
    let names = |f: &[(String, Vec<u8>)]| f.iter().map(|f| f.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(a), names(b));
    let differ: Vec<&String> = a
        .iter()
        .zip(b)
        .filter(|(a, b)| a.1 != b.1)
        .map(|(a, _)| &a.0)
        .collect();
    assert!(differ.is_empty(), "these files differ: {differ:?}");
}

/// Folder of the data sets that are not part of the project: `SADDLEPOINT_DATA`, else `../shared/data`.
pub fn data_folder() -> PathBuf {
    match std::env::var_os("SADDLEPOINT_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
    }
}

/// Says that a file is absent, past the test harness, which captures `eprintln!`.
pub fn skipped(absent: &str) {
    use std::io::Write;
    let _ = writeln!(
        std::io::stderr(),
        "skipped: {absent} is absent (SADDLEPOINT_DATA names the folder)"
    );
}

/// True when all data files that a spec's text names in `path` and `labels` are there; says so when not.
pub fn has_data(spec: &str) -> bool {
    let table: toml::Table = spec.parse().unwrap();
    let task = table["task"].as_table().unwrap();
    let named = ["path", "labels"]
        .iter()
        .filter_map(|key| task.get(*key)?.as_str());
    let absent = named.map(|f| data_folder().join(f)).find(|p| !p.exists());
    match absent {
        Some(path) => {
            skipped(&path.display().to_string());
            false
        }
        None => true,
    }
}
