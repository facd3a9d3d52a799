//! The gallery: complete, indexed, and its numbers are those of the program.

use crate::common;
use saddlepoint::gallery::{Expected, Options, reproduce};
use saddlepoint::spec::Spec;
use saddlepoint::task::loader::locate;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("figures")).unwrap();
    let mut folders: Vec<PathBuf> = entries
        .map(|e| e.unwrap().path())
        .filter(|p| p.is_dir())
        .collect();
    folders.sort();
    folders
}

fn files(folder: &Path, ending: &str) -> BTreeSet<String> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == ending))
        .map(|p| p.file_stem().unwrap().to_string_lossy().into_owned())
        .collect()
}

fn expected(folder: &Path) -> Expected {
    let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
}

#[test]
fn every_folder_has_numbers_with_reasons_and_the_figures_of_its_spec() {
    assert!(folders().len() >= 7);
    for folder in folders() {
        let expected = expected(&folder);
        let place = folder.display();
        assert!(!expected.numbers.is_empty(), "{place}: no numbers");
        for n in &expected.numbers {
            assert!(
                n.tolerance > 0.0 && n.value.is_finite(),
                "{place}: {}",
                n.name
            );
            assert!(!n.why.is_empty(), "{place}: {} has no reason", n.name);
        }
        let path = root().join(&expected.spec);
        if !expected.data.iter().all(|p| locate(p).is_some()) {
            common::skipped(&format!("{:?}", expected.data));
            continue;
        }
        let spec = Spec::read(&path, &Default::default()).unwrap();
        let mut named: BTreeSet<String> = spec.figures.iter().map(|f| f.file()).collect();
        // Every fit has a figure of its own.
        match spec.fits.iter().map(|f| f.groups.len()).sum() {
            1 => named.extend(["fit".to_string()]),
            fits => named.extend((1..=fits).map(|i| format!("fit-{i}"))),
        }
        // And so has every league.
        match spec.leagues.len() {
            1 => named.extend(["league".to_string()]),
            leagues => named.extend((1..=leagues).map(|i| format!("league-{i}"))),
        }
        assert_eq!(files(&folder, "svg"), named, "{place}");
        assert_eq!(files(&folder, "csv"), named, "{place}");
        for name in &named {
            let table = std::fs::read_to_string(folder.join(format!("{name}.csv"))).unwrap();
            assert!(table.lines().count() >= 5, "{place}/{name}.csv is empty");
            let picture = std::fs::read_to_string(folder.join(format!("{name}.svg"))).unwrap();
            assert!(picture.starts_with("<svg") || picture.starts_with("<?xml"));
        }
    }
}

#[test]
fn the_index_shows_every_figure_once() {
    let text = std::fs::read_to_string(root().join("figures/README.md")).unwrap();
    let shown: Vec<&str> = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|link| link.ends_with(".svg"))
        .collect();
    for link in &shown {
        assert!(
            root().join("figures").join(link).exists(),
            "{link} is missing"
        );
    }
    let mut all = BTreeSet::new();
    for folder in folders() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        all.extend(
            files(&folder, "svg")
                .iter()
                .map(|f| format!("{name}/{f}.svg")),
        );
        assert!(
            text.contains(&format!("models/{name}.toml")),
            "no command for {name}"
        );
    }
    let once: BTreeSet<String> = shown.iter().map(|s| s.to_string()).collect();
    assert_eq!(once.len(), shown.len());
    assert_eq!(once, all);
}

#[test]
fn the_gallery_stays_small() {
    let bytes: u64 = folders()
        .iter()
        .flat_map(|f| std::fs::read_dir(f).unwrap())
        .map(|e| e.unwrap().metadata().unwrap().len())
        .sum();
    // 100 kB per folder.
    assert!(bytes < 100_000 * folders().len() as u64, "{bytes} bytes");
}

/// A copy of one figure folder and its spec, to be regenerated.
fn copy(name: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let from = root().join("figures").join(name);
    let to = copy.path().join("figures").join(name);
    std::fs::create_dir_all(&to).unwrap();
    std::fs::create_dir_all(copy.path().join("models")).unwrap();
    std::fs::copy(from.join("expected.json"), to.join("expected.json")).unwrap();
    let spec = expected(&from).spec;
    std::fs::copy(root().join(&spec), copy.path().join(&spec)).unwrap();
    copy
}

#[test]
fn a_figure_comes_back_with_its_numbers() {
    let name = "deep-linear";
    let copy = copy(name);
    let folder = copy.path().join("figures").join(name);
    let options = Options {
        folder: copy.path().join("figures"),
        only: None,
        update: false,
        threads: 1,
        out: None,
    };
    let checks = reproduce(&options).unwrap().checks;
    for c in &checks {
        assert!(
            c.ok,
            "{}: {} is not {} ± {}",
            c.number, c.value, c.expected, c.tolerance
        );
    }

    // The pictures are those that the program draws now.
    reproduce(&Options {
        update: true,
        ..options.clone()
    })
    .unwrap();
    for file in files(&folder, "csv") {
        let read =
            |folder: &Path| std::fs::read_to_string(folder.join(format!("{file}.csv"))).unwrap();
        let (new, old) = (read(&folder), read(&root().join("figures").join(name)));
        assert_eq!(new.lines().count(), old.lines().count(), "{file}.csv");
        for (new, old) in new.lines().zip(old.lines()) {
            same_row(new, old);
        }
    }

    // A number that is off is seen.
    let path = folder.join("expected.json");
    let mut wrong = expected(&folder);
    wrong.numbers[0].value += 1.5 * wrong.numbers[0].tolerance;
    std::fs::write(&path, serde_json::to_string(&wrong).unwrap()).unwrap();
    let checks = reproduce(&options).unwrap().checks;
    assert!(!checks[0].ok && checks[1..].iter().all(|c| c.ok));
}

/// Equal texts; numbers equal up to what instruction sets may change (residuals in units of sigma magnify rounding).
fn same_row(new: &str, old: &str) {
    for (a, b) in new.split(',').zip(old.split(',')) {
        let close = match (a.parse::<f64>(), b.parse::<f64>()) {
            (Ok(x), Ok(y)) => (x - y).abs() <= 1e-4 * (1.0 + y.abs()),
            _ => a == b,
        };
        assert!(close, "{new}\n{old}");
    }
}
