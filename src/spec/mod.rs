//! Specs: TOML text to typed experiments, with defaults resolved, sweeps expanded and a hash of everything that affects a
//! number.

mod build;
mod code;
pub mod document;
mod figure;
pub mod hash;
pub mod keys;
pub mod overrides;
mod references;
pub mod schema;
pub mod sweep;

pub use document::Document;
pub use figure::{Figure, FigureKind, ScaleKey};
pub use keys::{Abscissa, Compare, Expect, Measure, NamedTolerance, Reduce, ReduceKind, Tolerance};

use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::instrument::{Instrument, Wanted};
use crate::theory::Theory;
use build::resolve;
use serde_json::{Value as Json, json};
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

impl Spec {
    /// Fills in the resolved form and its hash.
    fn sealed(mut self) -> Spec {
        self.resolved = json!({
            "version": 1,
            "quick": self.quick,
            "seed": self.seed,
            "compare": self.compare,
            "reduce": self.reduce,
            "cells": self.cells.iter().map(cell_json).collect::<Vec<_>>(),
        });
        self.hash = hash::of(&self.resolved);
        self
    }
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
