//! Specs: TOML text to typed experiments, with defaults resolved, sweeps expanded and a hash of everything that affects a
//! number.

pub mod document;
pub mod hash;
pub mod keys;
pub mod overrides;
pub mod schema;
pub mod sweep;

pub use document::Document;
pub use keys::{
    Abscissa, Compare, Expect, Figure, FigureKind, Measure, NamedTolerance, Reduce, ReduceKind,
    ScaleKey, Tolerance,
};

use crate::error::{Error, Result};
use crate::experiment::{Draws, Experiment};
use crate::instrument::{INSTRUMENTS, Instrument, Wanted};
use crate::kind::{find, parse_table, unknown};
use crate::learner::LEARNERS;
use crate::task::TASKS;
use crate::theory::{THEORIES, Theory};
use crate::training::TRAININGS;
use keys::Frame;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use toml::Table;

/// What the command line lays over a spec.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Apply the spec's `[quick]` table.
    pub quick: bool,
    /// `key.path=value` texts, applied last.
    pub set: Vec<String>,
    pub seed: Option<u64>,
}

/// A theory entry of a cell.
#[derive(Debug, Clone)]
pub struct TheoryEntry {
    pub kind: &'static str,
    pub label: String,
    pub theory: Arc<dyn Theory>,
    /// The experiment as this theory sees it (`assume`).
    pub experiment: Experiment,
    pub expect: Option<Expect>,
    pub revision: u32,
}

/// One cell of the sweep: an experiment and what is asked of it.
#[derive(Clone)]
pub struct Cell {
    pub set: sweep::Settings,
    pub experiment: Experiment,
    pub instruments: Vec<&'static dyn Instrument>,
    pub wanted: Vec<Wanted>,
    pub theories: Vec<TheoryEntry>,
}

/// A parsed, checked and resolved spec.
#[derive(Clone)]
pub struct Spec {
    /// File stem.
    pub name: String,
    pub title: String,
    pub document: Document,
    pub quick: bool,
    pub seed: u64,
    pub cells: Vec<Cell>,
    pub compare: Compare,
    pub reduce: Vec<Reduce>,
    pub figures: Vec<Figure>,
    /// Every key with its default filled in.
    pub resolved: Json,
    /// BLAKE3 of the resolved spec, hexadecimal.
    pub hash: String,
}

impl Spec {
    /// Reads and resolves a spec file.
    pub fn read(path: &Path, options: &Options) -> Result<Spec> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            Error::input(
                path.display().to_string(),
                format!("cannot read the spec: {e}"),
                "check the path; `saddlepoint new NAME` writes a starting spec",
            )
        })?;
        let name = path
            .file_stem()
            .map_or("spec".into(), |s| s.to_string_lossy().into_owned());
        Spec::parse(&name, &path.display().to_string(), &text, options)
    }

    /// Resolves a spec text; `path` is for messages only.
    pub fn parse(name: &str, path: &str, text: &str, options: &Options) -> Result<Spec> {
        let mut document = Document {
            path: path.into(),
            text: text.into(),
            overridden: vec![],
        };
        let mut table = document.table()?;
        check_version(&table).map_err(|e| document.situate(e))?;
        let quick = take_table(&mut table, "quick").map_err(|e| document.situate(e))?;
        if options.quick
            && let Some(quick) = &quick
        {
            let mut quick = quick.clone();
            if let Some(sweep) = quick.remove("sweep") {
                table.insert("sweep".into(), sweep);
            }
            overrides::merge(&mut table, &quick).map_err(|e| document.situate(e))?;
        }
        if let Some(seed) = options.seed {
            document.overridden.push("seed".into());
            overrides::set(&mut table, "seed", toml::Value::Integer(seed as i64))?;
        }
        for text in &options.set {
            let (key, value) = overrides::parse_set(text)?;
            overrides::set(&mut table, &key, value)?;
            document.overridden.push(key);
        }
        resolve(name, document.clone(), table, options.quick).map_err(|e| document.situate(e))
    }
}

fn check_version(table: &Table) -> Result<()> {
    match table.get("version") {
        Some(toml::Value::Integer(1)) => Ok(()),
        Some(toml::Value::Integer(v)) if *v > 1 => Err(Error::input(
            "version",
            format!("the spec is written for version {v}, this program knows version 1"),
            "use a newer saddlepoint, or rewrite the spec for version = 1",
        )),
        Some(_) => Err(Error::input(
            "version",
            "not a known spec version",
            "write version = 1",
        )),
        None => Err(Error::input(
            "version",
            "the spec has no version",
            "add version = 1 at the top",
        )),
    }
}

fn take_table(table: &mut Table, key: &str) -> Result<Option<Table>> {
    match table.remove(key) {
        None => Ok(None),
        Some(toml::Value::Table(t)) => Ok(Some(t)),
        Some(_) => Err(Error::input(key, "not a table", format!("write [{key}]"))),
    }
}

fn resolve(name: &str, document: Document, mut table: Table, quick: bool) -> Result<Spec> {
    let sweep_table = take_table(&mut table, "sweep")?;
    let settings = sweep::expand(sweep_table.as_ref())?;
    let base: Frame = parse_table("", table.clone())?;
    let cells = settings
        .into_iter()
        .map(|set| {
            let mut cell_table = table.clone();
            for (key, value) in &set {
                if overrides::get(&table, key.split('.').next().unwrap_or(key)).is_none() {
                    let known: Vec<&str> = table.keys().map(String::as_str).collect();
                    return Err(unknown(&format!("sweep.{key}"), key, &known));
                }
                overrides::set(&mut cell_table, key, value.clone())?;
            }
            build_cell(set, &cell_table, quick)
        })
        .collect::<Result<Vec<Cell>>>()?;
    check_references(&base, &cells, sweep_table.as_ref())?;
    let resolved = json!({
        "version": 1,
        "quick": quick,
        "seed": base.seed,
        "measure": base.measure,
        "compare": base.compare,
        "reduce": base.reduce,
        "cells": cells.iter().map(cell_json).collect::<Vec<_>>(),
    });
    Ok(Spec {
        name: name.into(),
        title: base.title.clone().unwrap_or_else(|| name.into()),
        hash: hash::of(&resolved),
        seed: base.seed,
        document,
        quick,
        cells,
        compare: base.compare,
        reduce: base.reduce,
        figures: base.figure,
        resolved,
    })
}

fn build_cell(set: sweep::Settings, table: &Table, quick: bool) -> Result<Cell> {
    let frame: Frame = parse_table("", table.clone())?;
    let experiment = experiment(&frame)?;
    let (instruments, wanted) = instruments(&frame.measure, &experiment)?;
    let mut theories = Vec::new();
    let mut labels = BTreeSet::new();
    for (index, entry) in frame.theory.iter().enumerate() {
        let entry = theory_entry(index, entry.clone(), table, &experiment, quick)?;
        if !labels.insert(entry.label.clone()) {
            return Err(Error::input(
                format!("theory[{index}].label"),
                format!("the label \"{}\" is used twice", entry.label),
                "give each [[theory]] its own label",
            ));
        }
        theories.push(entry);
    }
    Ok(Cell {
        set,
        experiment,
        instruments,
        wanted,
        theories,
    })
}

fn component<T: ?Sized>(
    place: &str,
    kinds: &'static [crate::kind::Kind<T>],
    mut table: Table,
) -> Result<Arc<T>> {
    let key = format!("{place}.kind");
    let names: Vec<&str> = kinds.iter().map(|k| k.about.kind).collect();
    let kind = match table.remove("kind") {
        Some(toml::Value::String(kind)) => kind,
        _ => {
            return Err(Error::input(
                key,
                "no kind given",
                format!("write kind = \"...\" with one of: {}", names.join(", ")),
            ));
        }
    };
    (find(kinds, &key, &kind)?.parse)(place, table)
}

fn experiment(frame: &Frame) -> Result<Experiment> {
    let m = &frame.measure;
    for (key, value, least) in [
        ("measure.datasets", m.datasets, 1),
        ("measure.replicas", m.replicas, 1),
        ("measure.points", m.points, 2),
    ] {
        if value < least {
            return Err(Error::input(
                key,
                format!("{value} is too small"),
                format!("use at least {least}"),
            ));
        }
    }
    let task = component("task", TASKS, frame.task.clone())?;
    let learner = frame
        .learner
        .clone()
        .map(|t| component("learner", LEARNERS, t))
        .transpose()?;
    let training = frame
        .training
        .clone()
        .map(|t| component("training", TRAININGS, t))
        .transpose()?;
    if let Some(learner) = &learner {
        learner.check(task.shape())?;
    }
    if let Some(training) = &training {
        training.check(task.shape())?;
    }
    if m.datasets > 1 && !task.is_random() {
        return Err(Error::input(
            "measure.datasets",
            format!(
                "every draw of the task {} is the same: {} data sets would repeat one",
                task.about().kind,
                m.datasets
            ),
            "use measure.datasets = 1 and vary measure.replicas",
        ));
    }
    if learner.is_some() != training.is_some() {
        let (have, lack) = if learner.is_some() {
            ("learner", "training")
        } else {
            ("training", "learner")
        };
        return Err(Error::input(
            have,
            format!("there is a [{have}] but no [{lack}]"),
            format!("add a [{lack}] table, or remove [{have}]"),
        ));
    }
    Ok(Experiment {
        seed: frame.seed,
        task,
        learner,
        training,
        draws: Draws {
            datasets: m.datasets,
            replicas: m.replicas,
            points: m.points,
            spacing: m.spacing,
        },
    })
}

fn instruments(
    measure: &Measure,
    experiment: &Experiment,
) -> Result<(Vec<&'static dyn Instrument>, Vec<Wanted>)> {
    if measure.observables.is_empty() {
        return Err(Error::input(
            "measure.observables",
            "an empty list",
            "name at least one observable; `saddlepoint list` shows them",
        ));
    }
    let known: Vec<&str> = INSTRUMENTS.iter().map(|i| i.about().kind).collect();
    let mut chosen: Vec<&'static dyn Instrument> = Vec::new();
    let mut wanted = Vec::new();
    for (index, name) in measure.observables.iter().enumerate() {
        let place = format!("measure.observables[{index}]");
        let instrument = INSTRUMENTS
            .iter()
            .copied()
            .find(|i| i.about().kind == name)
            .ok_or_else(|| unknown(&place, name, &known))?;
        if chosen.iter().any(|i| i.about().kind == name) {
            return Err(Error::input(
                place,
                format!("\"{name}\" is listed twice"),
                "list it once",
            ));
        }
        let axes = instrument.axes(experiment).map_err(|declined| {
            Error::input(
                &place,
                format!("{name} cannot be measured here: {declined}"),
                "remove it from measure.observables, or change the experiment",
            )
        })?;
        chosen.push(instrument);
        wanted.push(Wanted {
            observable: instrument.observable(),
            axes,
        });
    }
    Ok((chosen, wanted))
}

fn theory_entry(
    index: usize,
    mut entry: Table,
    cell: &Table,
    experiment_seen: &Experiment,
    quick: bool,
) -> Result<TheoryEntry> {
    let place = format!("theory[{index}]");
    let kind_name = entry
        .get("kind")
        .and_then(|k| k.as_str())
        .unwrap_or("")
        .to_string();
    let label = match entry.remove("label") {
        None => kind_name.clone(),
        Some(toml::Value::String(s)) if !s.is_empty() => s,
        Some(_) => {
            return Err(Error::input(
                format!("{place}.label"),
                "not a text",
                "write label = \"a name\"",
            ));
        }
    };
    let expect = match entry.remove("expect") {
        None => None,
        Some(v) => Some(Expect::deserialize_at(&format!("{place}.expect"), v)?),
    };
    let experiment = match take_table(&mut entry, "assume")? {
        None => experiment_seen.clone(),
        Some(assume) => {
            let mut assumed = cell.clone();
            overrides::merge(&mut assumed, &assume)?;
            let frame: Frame = parse_table("", assumed)?;
            experiment(&frame).map_err(|e| match e {
                Error::Input {
                    place: at,
                    cause,
                    remedy,
                } => Error::input(format!("{place}.assume"), format!("{at}: {cause}"), remedy),
                other => other,
            })?
        }
    };
    let theory = component(&place, THEORIES, entry)?;
    let about = theory.info().about;
    Ok(TheoryEntry {
        kind: about.kind,
        label,
        revision: about.revision,
        theory,
        experiment,
        expect: expect.filter(|_| !quick),
    })
}

impl Expect {
    fn deserialize_at(place: &str, value: toml::Value) -> Result<Expect> {
        match value.as_str() {
            Some("agree") => Ok(Expect::Agree),
            Some("disagree") => Ok(Expect::Disagree),
            _ => Err(Error::input(
                place,
                "neither \"agree\" nor \"disagree\"",
                "write expect = \"agree\" or expect = \"disagree\", or leave it out",
            )),
        }
    }
}

/// Names in `[compare]`, `[[reduce]]` and `[[figure]]` must exist.
fn check_references(base: &Frame, cells: &[Cell], sweep_table: Option<&Table>) -> Result<()> {
    let observables: Vec<&str> = base
        .measure
        .observables
        .iter()
        .map(String::as_str)
        .collect();
    let labels: Vec<&str> = cells
        .first()
        .map(|c| c.theories.iter().map(|t| t.label.as_str()).collect())
        .unwrap_or_default();
    let swept: Vec<&str> = cells
        .first()
        .map(|c| c.set.iter().map(|(k, _)| k.as_str()).collect())
        .unwrap_or_default();
    let observable = |place: String, name: &str| match observables.contains(&name) {
        true => Ok(()),
        false => Err(unknown(&place, name, &observables)),
    };
    let key = |place: String, name: &str| match swept.contains(&name) {
        true => Ok(()),
        false if sweep_table.is_none() => Err(Error::input(
            place,
            format!("\"{name}\" is not swept"),
            "add a [sweep] over it",
        )),
        false => Err(unknown(&place, name, &swept)),
    };
    let tolerances = std::iter::once(("compare.tolerance".to_string(), base.compare.tolerance))
        .chain(
            base.compare
                .tolerances
                .iter()
                .map(|(k, t)| (format!("compare.tolerances.{k}"), *t)),
        );
    for (place, tolerance) in tolerances {
        let size = match tolerance {
            Tolerance::Relative(x) => x,
            Tolerance::Named(NamedTolerance::Relative(x) | NamedTolerance::Absolute(x)) => x,
        };
        if !(size.is_finite() && size > 0.0) {
            return Err(Error::input(
                place,
                format!("{size} is not a positive number"),
                "use e.g. 0.05",
            ));
        }
    }
    for name in base.compare.tolerances.keys() {
        observable(format!("compare.tolerances.{name}"), name)?;
    }
    for (i, r) in base.reduce.iter().enumerate() {
        observable(format!("reduce[{i}].observable"), &r.observable)?;
        key(format!("reduce[{i}].key"), &r.key)?;
        for label in r.expect.keys() {
            if !labels.contains(&label.as_str()) {
                return Err(unknown(
                    &format!("reduce[{i}].expect.{label}"),
                    label,
                    &labels,
                ));
            }
        }
    }
    for (i, f) in base.figure.iter().enumerate() {
        observable(format!("figure[{i}].observable"), &f.observable)?;
        if let Some(k) = &f.key {
            key(format!("figure[{i}].key"), k)?;
        } else if matches!(f.kind, FigureKind::Sweep | FigureKind::Deviation) {
            return Err(Error::input(
                format!("figure[{i}].key"),
                "this kind of figure needs a swept key",
                "write key = \"...\"",
            ));
        }
        for label in f.theories.iter().flatten() {
            if !labels.contains(&label.as_str()) {
                return Err(unknown(&format!("figure[{i}].theories"), label, &labels));
            }
        }
    }
    Ok(())
}

/// Resolved form of an experiment: every default filled in, with the revisions of its components.
pub fn experiment_json(e: &Experiment) -> Json {
    let part = |about: &crate::kind::About, resolved: Json| json!({ "kind": about.kind, "revision": about.revision, "keys": resolved });
    json!({
        "seed": e.seed,
        "task": part(e.task.about(), e.task.resolved()),
        "learner": e.learner.as_ref().map(|l| part(l.about(), l.resolved())),
        "training": e.training.as_ref().map(|t| part(t.about(), t.resolved())),
        "points": e.draws.points,
        "spacing": e.draws.spacing,
    })
}

fn cell_json(cell: &Cell) -> Json {
    let base = experiment_json(&cell.experiment);
    let set: serde_json::Map<String, Json> = cell
        .set
        .iter()
        .map(|(k, v)| (k.clone(), json!(v)))
        .collect();
    json!({
        "set": set,
        "experiment": base,
        "draws": { "datasets": cell.experiment.draws.datasets, "replicas": cell.experiment.draws.replicas },
        "observables": cell.instruments.iter().map(|i| json!({ "kind": i.about().kind, "revision": i.about().revision })).collect::<Vec<_>>(),
        "theories": cell.theories.iter().map(|t| {
            let seen = experiment_json(&t.experiment);
            json!({
                "kind": t.kind, "revision": t.revision, "keys": t.theory.resolved(),
                "assume": if seen == base { Json::Null } else { seen },
            })
        }).collect::<Vec<_>>(),
    })
}
