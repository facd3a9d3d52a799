//! The house rules that a machine can check: direction of dependencies, who may name which crate, panics, file headers.

use std::path::{Path, PathBuf};

/// Modules that each module may use, beside itself.
const MAY_USE: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("numerics", &["error"]),
    ("kind", &["error"]),
    ("percolation", &["error", "kind", "numerics"]),
    ("kernel", &["error", "kind", "numerics"]),
    ("mean_field", &["error", "kind", "numerics", "kernel"]),
    ("dmft", &["error", "numerics", "kernel"]),
    ("rg", &["error", "numerics", "kernel"]),
    (
        "task",
        &["error", "kind", "numerics", "percolation", "kernel", "rg"],
    ),
    ("learner", &["error", "kind", "numerics", "task", "kernel"]),
    (
        "training",
        &[
            "error", "kind", "numerics", "task", "kernel", "dmft", "learner",
        ],
    ),
    (
        "experiment",
        &[
            "error", "kind", "numerics", "task", "kernel", "learner", "training",
        ],
    ),
    (
        "context",
        &["error", "numerics", "task", "kernel", "experiment"],
    ),
    (
        "instrument",
        &[
            "context",
            "error",
            "kind",
            "numerics",
            "percolation",
            "task",
            "kernel",
            "mean_field",
            "learner",
            "training",
            "experiment",
        ],
    ),
    (
        "theory",
        &[
            "context",
            "error",
            "kind",
            "numerics",
            "percolation",
            "task",
            "kernel",
            "mean_field",
            "dmft",
            "rg",
            "learner",
            "training",
            "experiment",
            "instrument",
        ],
    ),
    (
        "compare",
        &[
            "error",
            "kind",
            "numerics",
            "experiment",
            "instrument",
            "theory",
        ],
    ),
    (
        "spec",
        &[
            "error",
            "kind",
            "numerics",
            "task",
            "kernel",
            "learner",
            "training",
            "experiment",
            "instrument",
            "theory",
            "compare",
        ],
    ),
    (
        "run",
        &[
            "context",
            "error",
            "kind",
            "numerics",
            "percolation",
            "task",
            "kernel",
            "learner",
            "training",
            "experiment",
            "instrument",
            "theory",
            "compare",
            "spec",
        ],
    ),
    ("plot", &["error", "numerics"]),
    ("models", &[]),
    (
        "report",
        &[
            "error",
            "numerics",
            "percolation",
            "task",
            "experiment",
            "instrument",
            "compare",
            "spec",
            "run",
            "plot",
            "theory",
            "models",
        ],
    ),
    (
        "gallery",
        &["error", "numerics", "task", "spec", "run", "plot", "report"],
    ),
    ("papers", &[]),
    (
        "cli",
        &[
            "error",
            "kind",
            "numerics",
            "task",
            "kernel",
            "learner",
            "training",
            "instrument",
            "theory",
            "compare",
            "spec",
            "run",
            "plot",
            "report",
            "gallery",
            "models",
            "papers",
        ],
    ),
];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, out: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                out.push((path, text));
            }
        }
    }
    let mut out = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut out);
    out.sort();
    out
}

/// Lines outside tests: everything before a `#[cfg(test)]` that opens an inline module; test files are left out whole.
fn library_lines<'a>(path: &Path, text: &'a str) -> Vec<(usize, &'a str)> {
    let name = path.file_stem().unwrap().to_string_lossy();
    let in_tests = path
        .parent()
        .is_some_and(|folder| folder.ends_with("tests"));
    if in_tests
        || name == "tests"
        || name == "testing"
        || name == "calibration"
        || name.ends_with("_tests")
    {
        return vec![];
    }
    let lines: Vec<&str> = text.lines().collect();
    let end = (0..lines.len())
        .find(|&k| {
            lines[k] == "#[cfg(test)]"
                && lines
                    .get(k + 1)
                    .is_some_and(|l| l.contains("mod ") && l.ends_with('{'))
        })
        .unwrap_or(lines.len());
    (1..).zip(lines[..end].iter().copied()).collect()
}

fn module_of(path: &Path) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let relative = path.strip_prefix(root).unwrap();
    let first = relative
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_string_lossy()
        .into_owned();
    first.trim_end_matches(".rs").to_string()
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

fn report(violations: Vec<String>) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn dependencies_point_one_way() {
    let mut violations = Vec::new();
    for (path, text) in sources() {
        let module = module_of(&path);
        if module == "lib" || module == "main" {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(m, _)| *m == module) else {
            violations.push(format!(
                "{}: module {module} has no line in MAY_USE",
                path.display()
            ));
            continue;
        };
        for (number, line) in library_lines(&path, &text) {
            if is_comment(line) {
                continue;
            }
            for piece in line.split("crate::").skip(1) {
                let used: String = piece
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                let known = MAY_USE.iter().any(|(m, _)| *m == used);
                if known && used != module && !allowed.contains(&used.as_str()) {
                    violations.push(format!("{}:{number}: {module} uses {used}", path.display()));
                }
            }
        }
    }
    report(violations);
}

#[test]
fn the_order_has_no_cycle() {
    for (k, (module, allowed)) in MAY_USE.iter().enumerate() {
        for used in *allowed {
            let position = MAY_USE.iter().position(|(m, _)| m == used).unwrap();
            assert!(
                position < k,
                "{module} may use {used}, which stands after it"
            );
        }
    }
}

#[test]
fn crates_stay_in_their_module() {
    let owners = [
        ("faer", "numerics/linalg.rs"),
        ("argmin", "numerics/optimize.rs"),
        ("zip", "numerics/npz.rs"),
        ("plotters", "plot/"),
        ("indicatif", "run/"),
        ("clap", "cli/"),
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut violations = Vec::new();
    for (path, text) in sources() {
        let file = path.strip_prefix(&root).unwrap().to_string_lossy();
        for (number, line) in library_lines(&path, &text) {
            for (name, owner) in owners {
                if !is_comment(line) && names_crate(line, name) && !file.starts_with(owner) {
                    violations.push(format!(
                        "{}:{number}: only src/{owner} names {name}",
                        path.display()
                    ));
                }
            }
        }
    }
    report(violations);
}

/// Whether a path of the line starts with the crate.
fn names_crate(line: &str, name: &str) -> bool {
    line.match_indices(&format!("{name}::"))
        .any(|(k, _)| !line[..k].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
}

#[test]
fn no_panics_on_the_users_path() {
    let mut violations = Vec::new();
    for (path, text) in sources() {
        for (number, line) in library_lines(&path, &text) {
            let bad = [
                ".unwrap()",
                ".expect(",
                "panic!(",
                "todo!(",
                "unimplemented!(",
            ];
            if !is_comment(line) && bad.iter().any(|b| line.contains(b)) {
                violations.push(format!("{}:{number}: {}", path.display(), line.trim()));
            }
        }
    }
    report(violations);
}

#[test]
fn files_say_what_they_are_for_and_stay_short() {
    let mut violations = Vec::new();
    for (path, text) in sources() {
        if !text.starts_with("//!") {
            violations.push(format!("{}: no //! line at the top", path.display()));
        }
        let length = library_lines(&path, &text).len();
        if length > 500 {
            violations.push(format!("{}: {length} lines, split it", path.display()));
        }
    }
    report(violations);
}

#[test]
fn every_component_explains_itself() {
    use saddlepoint::{
        instrument::INSTRUMENTS, learner::LEARNERS, task::TASKS, theory::THEORIES,
        training::TRAININGS,
    };
    let abouts = TASKS
        .iter()
        .map(|k| k.about)
        .chain(LEARNERS.iter().map(|k| k.about))
        .chain(TRAININGS.iter().map(|k| k.about))
        .chain(THEORIES.iter().map(|k| k.about))
        .chain(INSTRUMENTS.iter().map(|i| i.about()));
    for about in abouts {
        assert!(about.summary.len() > 10, "{} has no summary", about.kind);
        assert!(about.text.len() > 80, "{} has no text", about.kind);
        assert!(about.revision >= 1);
    }
}
