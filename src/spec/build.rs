//! From tables to typed cells: components through their registries, theories with their assumed experiments.

use super::keys::Frame;
use super::references::check_references;
use super::{Cell, Document, Expect, Measure, Spec, TheoryEntry, overrides, sweep, take_table};
use crate::error::{Error, Result};
use crate::experiment::{Draws, Experiment};
use crate::instrument::{INSTRUMENTS, Instrument, Wanted};
use crate::kind::{find, parse_table, unknown};
use crate::learner::LEARNERS;
use crate::task::TASKS;
use crate::theory::THEORIES;
use crate::training::TRAININGS;
use std::collections::BTreeSet;
use std::sync::Arc;
use toml::Table;

pub(super) fn resolve(
    name: &str,
    document: Document,
    mut table: Table,
    quick: bool,
) -> Result<Spec> {
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
    Ok(Spec {
        name: name.into(),
        title: base.title.clone().unwrap_or_else(|| name.into()),
        seed: base.seed,
        document,
        quick,
        cells,
        compare: base.compare,
        reduce: base.reduce,
        figures: base.figure,
        resolved: serde_json::Value::Null,
        hash: String::new(),
    }
    .sealed())
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
    let experiment = Experiment {
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
    };
    check(&experiment)?;
    Ok(experiment)
}

/// What holds for every experiment, read from a table or stated in code.
pub(super) fn check(experiment: &Experiment) -> Result<()> {
    let draws = &experiment.draws;
    for (key, value, least) in [
        ("measure.datasets", draws.datasets, 1),
        ("measure.replicas", draws.replicas, 1),
        ("measure.points", draws.points, 2),
    ] {
        if value < least {
            return Err(Error::input(
                key,
                format!("{value} is too small"),
                format!("use at least {least}"),
            ));
        }
    }
    if let Some(learner) = &experiment.learner {
        learner.check(experiment.task.shape())?;
    }
    if let Some(training) = &experiment.training {
        training.check(experiment.task.shape())?;
    }
    if draws.datasets > 1 && !experiment.task.is_random() {
        return Err(Error::input(
            "measure.datasets",
            format!(
                "every draw of the task {} is the same: {} data sets would repeat one",
                experiment.task.about().kind,
                draws.datasets
            ),
            "use measure.datasets = 1 and vary measure.replicas",
        ));
    }
    if experiment.learner.is_some() != experiment.training.is_some() {
        let (have, lack) = if experiment.learner.is_some() {
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
    Ok(())
}

pub(super) fn instruments(
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
