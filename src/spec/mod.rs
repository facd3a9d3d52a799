//! Specs: TOML text to typed experiments, with defaults resolved, sweeps expanded and a hash of everything that affects a
//! number.

mod build;
mod code;
pub mod document;
mod entry;
mod expectations;
mod figure;
pub mod fit;
mod given;
pub mod keys;
pub mod labels;
mod league;
pub mod map;
pub mod overrides;
mod ranges;
mod reduce;
mod references;
mod relate;
pub mod schema;
pub mod sweep;
mod template;
mod title;

pub use crate::compare::reductions::{Abscissa, Of};
pub use document::{Document, Override, Source};
pub use figure::{Figure, FigureKind, LegendKey, Residuals, ScaleKey, Transition};
pub use fit::{Fit, FitGroup, Keys as FitKeys};
pub use keys::{
    Compare, EntryKeys, Expect, FromFile, Measure, NamedFile, NamedTolerance, Tolerance,
};
pub use league::League;
pub use map::{Keys as MapKeys, Map};
pub use reduce::{Keys as ReduceKeys, Reduce, own_keys, properties};
pub use relate::{Keys as RelateKeys, Over, Quantity, Relate};
pub use template::Template;

use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::instrument::{Chosen, Observable, Wanted};
use crate::numerics::content;
use crate::numerics::text::decode;
use crate::theory::{Asked as Question, Theory};
use crate::training::Loss;
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
    /// Replaces the spec's `seed`.
    pub seed: Option<u64>,
    /// Drops all expectations: the spec is varied to see what happens.
    pub explore: bool,
}

/// A theory entry of a cell.
#[derive(Debug, Clone)]
pub struct TheoryEntry {
    /// Kind of the theory, as in `saddlepoint list`.
    pub kind: &'static str,
    /// Name of the entry, unique in the spec; default: its kind.
    pub label: String,
    /// The theory with its options.
    pub theory: Arc<dyn Theory>,
    /// The experiment as this theory sees it (`assume`).
    pub experiment: Experiment,
    /// What it is asked: the observables of the cell in their order, then what the entry is to tell.
    pub asked: Vec<Question>,
    /// The verdict that the user expects; `None` when none is stated or in a quick run.
    pub expect: Option<Expect>,
    /// Version of the theory's code: a new one makes stored predictions invalid.
    pub revision: u32,
}

/// One cell of the sweep: an experiment and what is asked of it.
#[derive(Clone)]
pub struct Cell {
    /// Swept keys and their values; empty without a sweep.
    pub set: sweep::Settings,
    /// Task, learner, training and draws.
    pub experiment: Experiment,
    /// One per observable, in the order of `wanted`.
    pub instruments: Vec<Chosen>,
    /// Observables with their grids, in the order of `measure.observables`.
    pub wanted: Vec<Wanted>,
    /// In the order of the `[[theory]]` entries.
    pub theories: Vec<TheoryEntry>,
}

impl Cell {
    /// Whether something is measured: networks to train, a simulation that needs none, or a file of measured values.
    pub fn is_measured(&self) -> bool {
        (self.experiment.is_measured() || self.is_given()) && !self.instruments.is_empty()
    }

    /// The loss that the training minimises, or by which a rule in closed form is measured.
    pub fn loss(&self) -> Option<Loss> {
        self.experiment.training.as_ref().map(|t| t.loss())
    }

    /// Whether the measured values stand in a file (`measure.from`): nothing is trained, and the data sets are not those
    /// that the task would draw.
    pub fn is_given(&self) -> bool {
        self.instruments.iter().any(|i| i.given().is_some())
    }
}

/// A parsed, checked and resolved spec.
#[derive(Clone)]
pub struct Spec {
    /// File stem.
    pub name: String,
    /// Title of the report and of its figures; the name where the spec has none.
    pub title: String,
    /// The text that was parsed and its overrides, for messages and the report.
    pub document: Document,
    /// Whether the `[quick]` table was asked for: fewer draws, steps or sizes, and no expectations.
    pub quick: bool,
    /// Seed of every random number; a swept seed stands in the experiments of the cells.
    pub seed: u64,
    /// Grid of the sweep, first key outermost; a single cell without a sweep.
    pub cells: Vec<Cell>,
    /// Tolerances of the comparisons.
    pub compare: Compare,
    /// Fits across cells, as stated.
    pub reduce: Vec<Reduce>,
    /// Relations between two quantities, as stated.
    pub relate: Vec<Relate>,
    /// Keys on a dense grid for theories alone, as stated.
    pub map: Option<Map>,
    /// Parameters of theories that are estimated, as stated.
    pub fits: Vec<Fit>,
    /// Rankings of theories over the cells.
    pub leagues: Vec<League>,
    /// Figures, as stated; empty: one per observable.
    pub figures: Vec<Figure>,
    /// Why stated expectations are not asserted: the spec was varied.
    pub dropped: Option<String>,
    /// Every key with its default filled in.
    pub resolved: Json,
    /// BLAKE3 of the resolved spec, hexadecimal.
    pub hash: String,
}

impl Spec {
    /// What measures: `networks`, without any learner `simulation`, or `measured` where values come from a file of the user.
    pub fn source(&self) -> &'static str {
        if self.cells.iter().any(Cell::is_given) {
            return "measured";
        }
        let learners = self
            .cells
            .iter()
            .filter_map(|c| c.experiment.learner.as_ref());
        let mut plurals: Vec<&str> = learners.map(|l| l.plural()).collect();
        plurals.dedup();
        match plurals.as_slice() {
            [] => "simulation",
            [one] => one,
            _ => "learners",
        }
    }

    /// What gives the values of an observable: the data sets where the learner has no part in it, else [`Spec::source`].
    pub fn source_of(&self, observable: &Observable) -> &'static str {
        match observable.of_data && self.source() != "measured" {
            true => "data sets",
            false => self.source(),
        }
    }

    /// The loss that every cell minimises; `None` without one, or where cells differ.
    pub fn loss(&self) -> Option<Loss> {
        let losses = self.cells.iter().map(Cell::loss);
        let mut losses: Vec<Option<Loss>> = losses.collect();
        losses.dedup();
        match losses.as_slice() {
            [one] => *one,
            _ => None,
        }
    }

    /// What the tasks read from the user's files, as names and values, each once.
    pub fn sources(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (name, value) in self.cells.iter().flat_map(|c| c.experiment.task.sources()) {
            let source = (name.to_string(), value);
            if !found.contains(&source) {
                found.push(source);
            }
        }
        if let Some((cell, given)) = self
            .cells
            .iter()
            .find_map(|c| Some((c, c.instruments.first()?.given()?)))
        {
            let columns = given.draws(&cell.experiment).unwrap_or_default().len();
            let text = format!("{columns} columns of {} (nothing is trained)", given.file());
            found.push(("measured draws".into(), text));
            if !given.form().is_plain() {
                let form = given.form().to_string();
                found.push(("form of the measured file".into(), form));
            }
        }
        found
    }

    /// Reads and resolves a spec file.
    pub fn read(path: &Path, options: &Options) -> Result<Spec> {
        let bytes = std::fs::read(path).map_err(|e| {
            Error::input(
                path.display().to_string(),
                format!("cannot read the spec: {e}"),
                "check the path; `saddlepoint new NAME` writes a starting spec",
            )
        })?;
        let text = decode(&path.display().to_string(), &bytes)?;
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
            overrides: vec![],
        };
        let mut table = document.table()?;
        check_version(&table).map_err(|e| document.situate(e))?;
        let quick = take_table(&mut table, "quick").map_err(|e| document.situate(e))?;
        if options.quick {
            let mut quick = quick.ok_or_else(|| {
                Error::input(
                    "quick",
                    "a quick run was asked for, and the spec has no [quick] table",
                    "add one with fewer draws, steps or sizes (\"measure.datasets\" = 3), or leave --quick out",
                )
            })?;
            for key in overrides::paths(&quick) {
                document.over(key, Source::Quick);
            }
            if let Some(sweep) = quick.remove("sweep") {
                table.insert("sweep".into(), sweep);
            }
            overrides::merge(&mut table, &quick).map_err(|e| document.situate(e))?;
        }
        if let Some(seed) = options.seed {
            document.over("seed".into(), Source::Seed);
            overrides::set(&mut table, "seed", toml::Value::Integer(seed as i64))?;
        }
        for text in &options.set {
            let (key, value) = overrides::parse_set(text)?;
            document.over(key.clone(), Source::Set(text.clone()));
            overrides::set(&mut table, &key, value).map_err(|e| document.situate(e))?;
        }
        let mut spec = check_version(&table)
            .and_then(|()| numbers("", &table))
            .and_then(|()| resolve(name, document.clone(), table, options.quick))
            .map_err(|e| document.situate(e))?;
        let dropped = expectations::dropped(options, &spec.document);
        if dropped.is_some() && expectations::drop_all(&mut spec) {
            spec.dropped = dropped;
            spec = spec.sealed();
        }
        Ok(spec)
    }
}

/// No whole number of a spec but a seed is larger: what they count would not fit into any memory.
const LARGEST: i64 = 1_000_000_000_000;

/// Every number is finite, and whole ones are of a size that can be counted.
fn numbers(place: &str, table: &Table) -> Result<()> {
    let path = |key: &str| match place {
        "" => key.to_string(),
        place => format!("{place}.{key}"),
    };
    table
        .iter()
        .try_for_each(|(key, value)| number(&path(key), value))
}

fn number(place: &str, value: &toml::Value) -> Result<()> {
    match value {
        toml::Value::Float(x) if !x.is_finite() => Err(Error::input(
            place,
            format!("{x} is not a finite number"),
            "write a finite number, or leave the key out",
        )),
        toml::Value::Integer(n)
            if n.unsigned_abs() > LARGEST as u64 && !place.ends_with("seed") =>
        {
            Err(Error::input(
                place,
                format!("the whole number {n} is too large"),
                format!("whole numbers go up to {LARGEST}"),
            ))
        }
        toml::Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.try_for_each(|(i, item)| number(&format!("{place}[{i}]"), item))
        }
        toml::Value::Table(table) => numbers(place, table),
        _ => Ok(()),
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
        // A spec without relations or a map keeps its hash.
        if !self.relate.is_empty() {
            self.resolved["relate"] = json!(self.relate);
        }
        if !self.fits.is_empty() {
            let fits: Vec<Json> = self.fits.iter().map(Fit::resolved).collect();
            self.resolved["fit"] = json!(fits);
        }
        if !self.leagues.is_empty() {
            self.resolved["league"] = json!(self.leagues);
        }
        if let Some(map) = &self.map {
            self.resolved["map"] = map.resolved();
        }
        self.hash = content::of(&self.resolved);
        self
    }
}

/// Resolved form of an experiment: every default filled in, with the revisions of its components.
pub fn experiment_json(e: &Experiment) -> Json {
    let part = |about: &crate::kind::About, resolved: Json| json!({ "kind": about.kind, "revision": about.revision, "keys": resolved });
    let mut all = json!({
        "seed": e.seed,
        "task": part(e.task.about(), e.task.resolved()),
        "learner": e.learner.as_ref().map(|l| part(l.about(), l.resolved())),
        "training": e.training.as_ref().map(|t| part(t.about(), t.resolved())),
        "points": e.draws.points,
        "spacing": e.draws.spacing,
    });
    if !e.draws.times.is_empty() {
        all["times"] = json!(e.draws.times);
    }
    all
}

fn cell_json(cell: &Cell) -> Json {
    let base = experiment_json(&cell.experiment);
    let set: serde_json::Map<String, Json> = cell
        .set
        .iter()
        .map(|(k, v)| (k.clone(), json!(v)))
        .collect();
    let draws = &cell.experiment.draws;
    let mut numbers = json!({ "datasets": draws.datasets, "replicas": draws.replicas });
    if draws.first > 0 {
        numbers["first"] = json!(draws.first);
    }
    json!({
        "set": set,
        "experiment": base,
        "draws": numbers,
        "observables": cell.instruments.iter().map(Chosen::identity).collect::<Vec<_>>(),
        "theories": cell.theories.iter().map(|t| {
            let seen = experiment_json(&t.experiment);
            let mut entry = json!({
                "kind": t.kind, "revision": t.revision, "keys": t.theory.resolved(),
                "tell": t.asked[cell.wanted.len()..].iter().map(|a| a.name()).collect::<Vec<_>>(),
                "assume": if seen == base { Json::Null } else { seen },
            });
            // Another report: it says whether the expectation is met.
            if let Some(expect) = t.expect {
                entry["expect"] = json!(expect);
            }
            entry
        }).collect::<Vec<_>>(),
    })
}
