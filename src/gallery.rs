//! The gallery: figures with the numbers they must show, each made from one model spec.

use crate::error::{Error, Result};
use crate::numerics::text::decode;
use crate::plot::{figure_csv, render_svg};
use crate::report::figures;
use crate::run::assess::assess;
use crate::run::store::write_atomic;
use crate::run::{Settings, Side, document, execute};
use crate::spec::{Options as SpecOptions, Spec};
use crate::task::loader::{DATA_FOLDER, locate};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

/// What `reproduce figures` does.
#[derive(Debug, Clone)]
pub struct Options {
    /// The gallery: one subfolder per figure, each with its `expected.json`.
    pub folder: PathBuf,
    /// Restricts to subfolders whose names contain this text.
    pub only: Option<String>,
    /// Writes figures and numbers instead of checking the numbers.
    pub update: bool,
    /// Folder of records that are used and added to; without one everything is computed anew.
    pub out: Option<PathBuf>,
    /// Worker threads of each run.
    pub threads: usize,
}

/// `expected.json` beside a figure: the spec, and numbers of the run's JSON document by pointer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Spec file, relative to the gallery's parent folder.
    pub spec: String,
    /// Data files that the spec reads and that are not part of the project; without them the figure is skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<PathBuf>,
    /// Numbers of the run that the figure must show.
    pub numbers: Vec<Number>,
}

/// One number with its tolerance and where the tolerance comes from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// What the number is, in the reader's words.
    pub name: String,
    /// JSON pointer into the document of `run --json`.
    pub pointer: String,
    /// Expected value.
    pub value: f64,
    /// Absolute.
    pub tolerance: f64,
    /// Where the tolerance comes from.
    pub why: String,
    /// Where the value comes from, when it is not this program's own: `--update` leaves it as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// One checked number.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// Subfolder of the figure.
    pub figure: String,
    /// Name of the number, as in [`Number::name`].
    pub number: String,
    /// Value of this run; NaN where the pointer leads to no number.
    pub value: f64,
    /// Value in `expected.json`.
    pub expected: f64,
    /// Absolute tolerance.
    pub tolerance: f64,
    /// `|value - expected| <= tolerance`; false for NaN.
    pub ok: bool,
}

/// What [`reproduce`] found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Reproduced {
    /// Every number of every figure that was recomputed.
    pub checks: Vec<Check>,
    /// Figures that were left out, with the data file that is absent.
    pub skipped: Vec<String>,
}

/// The first data file that a spec names and that is not there.
pub fn absent_data(spec: &Path) -> Result<Option<PathBuf>> {
    let bytes = std::fs::read(spec).map_err(|e| Error::storage(spec, &e))?;
    let text = decode(&spec.display().to_string(), &bytes)?;
    // What is wrong with the spec is said when it is read as one.
    let table: toml::Table = text.parse().unwrap_or_default();
    let named = ["path", "labels", "test_path", "test_labels"];
    let task = table.get("task");
    let files = named.iter().filter_map(|key| task?.get(*key)?.as_str());
    let mut files = files.map(PathBuf::from);
    Ok(files.find(|file| locate(file).is_none()))
}

/// Computes every figure of the gallery and checks its numbers. Figures are rewritten only with `update`.
pub fn reproduce(options: &Options) -> Result<Reproduced> {
    let entries = std::fs::read_dir(&options.folder).map_err(|e| {
        Error::input(
            options.folder.display().to_string(),
            e.to_string(),
            "the gallery stands in the source tree: run it in the root of the repository",
        )
    })?;
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|p| p.join("expected.json").exists())
        .filter(|p| {
            let name = p
                .file_name()
                .map_or(String::new(), |n| n.to_string_lossy().into_owned());
            options
                .only
                .as_ref()
                .is_none_or(|o| name.contains(o.as_str()))
        })
        .collect();
    folders.sort();
    if folders.is_empty() {
        return Err(Error::input(
            options.folder.display().to_string(),
            "no figure folder with an expected.json matches",
            "run it in the repository's root, and check --only",
        ));
    }
    let mut found = Reproduced::default();
    for folder in folders {
        one(&folder, options, &mut found)?;
    }
    Ok(found)
}

fn one(folder: &Path, options: &Options, found: &mut Reproduced) -> Result<()> {
    let path = folder.join("expected.json");
    let bytes = std::fs::read(&path).map_err(|e| Error::storage(&path, &e))?;
    let text = decode(&path.display().to_string(), &bytes)?;
    let mut expected: Expected = serde_json::from_str(&text).map_err(|e| {
        Error::input(
            path.display().to_string(),
            e.to_string(),
            "see CONTRIBUTING for the form of expected.json",
        )
    })?;
    let name = folder
        .file_name()
        .map_or(String::new(), |n| n.to_string_lossy().into_owned());
    if let Some(absent) = expected.data.iter().find(|p| locate(p).is_none()) {
        let absent = absent.display();
        found.skipped.push(format!(
            "{name}: {absent} is absent ({DATA_FOLDER} names the folder)"
        ));
        return Ok(());
    }
    let root = options
        .folder
        .parent()
        .filter(|p| !p.as_os_str().is_empty());
    let spec_path = root.unwrap_or(Path::new(".")).join(&expected.spec);
    let spec = Spec::read(&spec_path, &SpecOptions::default())?;
    let settings = Settings {
        side: Side::Both,
        out: options.out.clone(),
        threads: options.threads,
        progress: true,
        ..Settings::default()
    };
    let outcome = execute(&spec, &settings)?;
    let assessment = assess(&spec, &outcome)?;
    let document = document::document("run", &spec, &outcome, &assessment)?;
    for number in &mut expected.numbers {
        let value = document
            .pointer(&number.pointer)
            .and_then(Json::as_f64)
            .unwrap_or(f64::NAN);
        if options.update && value.is_finite() && number.reference.is_none() {
            number.value = value;
        }
        found.checks.push(Check {
            figure: name.clone(),
            number: number.name.clone(),
            value,
            expected: number.value,
            tolerance: number.tolerance,
            ok: (value - number.value).abs() <= number.tolerance,
        });
    }
    if options.update {
        for drawn in figures::figures(&spec, &outcome, &assessment)? {
            let file = |end: &str| folder.join(format!("{}.{end}", drawn.name));
            write_atomic(&file("svg"), render_svg(&drawn.figure)?.as_bytes())?;
            write_atomic(&file("csv"), figure_csv(&drawn.figure).as_bytes())?;
        }
        let text = serde_json::to_string_pretty(&expected)
            .map_err(|e| Error::bug("gallery", e.to_string()))?;
        write_atomic(&path, format!("{text}\n").as_bytes())?;
    }
    Ok(())
}
