//! From tables to typed cells: components through their registries, theories with their assumed experiments.

use super::keys::Frame;
use super::references::check_references;
use super::{
    Cell, Document, Expect, Measure, Reduce, Relate, Spec, TheoryEntry, overrides, sweep,
    take_table,
};
use crate::error::{Error, Result};
use crate::experiment::{Draws, Experiment};
use crate::instrument::{Chosen, INSTRUMENTS, Wanted};
use crate::kind::{component, parse_table, unknown};
use crate::learner::loaded;
use crate::task::TASKS;
use crate::theory::{Asked as Question, Info, THEORIES};
use crate::training::TRAININGS;
use std::collections::BTreeSet;
use toml::Table;

/// Names that tables and arrays use for what is not a theory.
const RESERVED: [&str; 6] = ["networks", "simulation", "measured", "axis", "set", "draws"];

/// No dimension, number of samples, draws or times is larger.
const LARGEST: usize = 10_000_000;

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
                check_swept(key, &table)?;
                overrides::set(&mut cell_table, key, sweep::unlabelled(value))
                    .map_err(|e| from_sweep(e, &set))?;
            }
            build_cell(set.clone(), &cell_table, quick).map_err(|e| from_sweep(e, &set))
        })
        .collect::<Result<Vec<Cell>>>()?;
    if let Some(title) = &base.title {
        check_text("title", title, 160)?;
    }
    if base.measure.is_none() && base.theory.is_empty() {
        return Err(Error::input(
            "measure",
            "there is neither a [measure] nor a [[theory]]: nothing is asked",
            "add [measure] with observables, or [[theory]] with what it is to tell",
        ));
    }
    let reduce = Reduce::all(&base.reduce)?;
    let relate = Relate::all(&base.relate)?;
    for (i, relate) in relate.iter().enumerate() {
        if let Some(cell) = cells.first() {
            relate.check(&format!("relate[{i}]"), cell)?;
        }
        if let Some(label) = &relate.label {
            check_text(&format!("relate[{i}].label"), label, 160)?;
        }
    }
    check_references(&base, &reduce, &cells, sweep_table.as_ref())?;
    Ok(Spec {
        name: name.into(),
        title: base.title.clone().unwrap_or_else(|| name.into()),
        seed: base.seed,
        document,
        quick,
        cells,
        compare: base.compare,
        reduce,
        relate,
        figures: base.figure,
        resolved: serde_json::Value::Null,
        hash: String::new(),
    }
    .sealed())
}

/// What stands in tables and figures is one line of bearable length.
fn check_text(place: &str, text: &str, most: usize) -> Result<()> {
    let cause = match text.chars().find(|c| c.is_control()) {
        Some(c) => format!("the control character {c:?}"),
        None if text.chars().count() > most => format!("{} characters", text.chars().count()),
        None => return Ok(()),
    };
    let remedy = format!("write one line of at most {most} characters");
    Err(Error::input(place, cause, remedy))
}

/// Tables whose keys may be swept, as far as the spec has them; the others are the same for all cells.
fn check_swept(key: &str, table: &Table) -> Result<()> {
    let path = overrides::dotted(key);
    let head = path.split('.').next().unwrap_or_default();
    let known: Vec<&str> = ["task", "learner", "training", "measure", "theory", "seed"]
        .into_iter()
        .filter(|k| table.contains_key(*k))
        .collect();
    match known.contains(&head) {
        true => Ok(()),
        false if table.contains_key(head) => Err(Error::input(
            format!("sweep.{key}"),
            format!("{head} is the same for all cells"),
            format!("sweep keys of: {}", known.join(", ")),
        )),
        false => Err(unknown(&format!("sweep.{key}"), head, &known)),
    }
}

/// The place of an error about a swept value is the sweep.
fn from_sweep(error: Error, set: &sweep::Settings) -> Error {
    let Error::Input {
        place,
        cause,
        remedy,
    } = error
    else {
        return error;
    };
    let path = overrides::dotted(&place);
    let swept = set.iter().find(|(key, _)| {
        let key = overrides::dotted(key);
        path == key || path.starts_with(&format!("{key}."))
    });
    match swept {
        Some((key, value)) => Error::Input {
            place: format!("sweep.{key}"),
            cause: format!("with {value}: {cause}"),
            remedy,
        },
        None => Error::Input {
            place,
            cause,
            remedy,
        },
    }
}

fn build_cell(set: sweep::Settings, table: &Table, quick: bool) -> Result<Cell> {
    let frame: Frame = parse_table("", table.clone())?;
    let experiment = experiment(&frame)?;
    is_measurable(&experiment, frame.measure.is_some())?;
    let (instruments, wanted) = match &frame.measure {
        Some(measure) => instruments(measure, &experiment)?,
        None => (vec![], vec![]),
    };
    let measured = measured(&instruments, &wanted);
    let mut theories = Vec::new();
    let mut labels = BTreeSet::new();
    for (index, entry) in frame.theory.iter().enumerate() {
        let entry = theory_entry(index, entry.clone(), table, (&experiment, &measured), quick)?;
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

fn experiment(frame: &Frame) -> Result<Experiment> {
    let m = frame.measure();
    let task = component("task", TASKS, frame.task.clone())?;
    let learner = frame
        .learner
        .clone()
        .map(|t| loaded::parse("learner", t))
        .transpose()?;
    let training = frame
        .training
        .clone()
        .map(|t| component("training", TRAININGS, t.table()))
        .transpose()?;
    let learner_is_there = learner.is_some();
    let experiment = Experiment {
        seed: frame.seed,
        task,
        learner,
        training,
        draws: Draws {
            datasets: m.datasets,
            // Without a learner nothing differs between the replicas of a data set.
            replicas: if learner_is_there { m.replicas } else { 1 },
            points: m.points,
            spacing: m.spacing,
            first: m.first,
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
        ("measure.points", draws.points, 1),
        ("measure.first", draws.first, 0),
    ] {
        if !(least..=LARGEST).contains(&value) {
            return Err(Error::input(
                key,
                format!("{value} is outside {least} to {LARGEST}"),
                format!("use at least {least} and at most {LARGEST}"),
            ));
        }
    }
    let shape = experiment.task.shape();
    for (what, n) in [
        ("inputs", shape.inputs),
        ("outputs", shape.outputs),
        ("samples", shape.samples),
    ] {
        if n > LARGEST {
            return Err(Error::input(
                "task",
                format!("{n} {what} are too many"),
                format!("use at most {LARGEST}"),
            ));
        }
    }
    if experiment.learner.is_some() && experiment.task.simulation().is_some() {
        return Err(Error::input(
            "learner",
            format!(
                "the task {} has no samples to learn from",
                experiment.task.about().kind
            ),
            "remove [learner] and [training], or use task.kind = \"percolation-hierarchy\"",
        ));
    }
    if let Some(learner) = &experiment.learner {
        learner.check(experiment.task.shape())?;
    }
    if let (Some(learner), Some(training)) = (&experiment.learner, &experiment.training) {
        training.suits(learner.as_ref())?;
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
    Ok(())
}

/// What is measured on networks needs both a learner and a training rule; theories alone may have either.
pub(super) fn is_measurable(experiment: &Experiment, is_measured: bool) -> Result<()> {
    if is_measured && experiment.learner.is_some() != experiment.training.is_some() {
        let (have, lack) = if experiment.learner.is_some() {
            ("learner", "training")
        } else {
            ("training", "learner")
        };
        return Err(Error::input(
            have,
            format!("there is a [{have}] but no [{lack}]"),
            format!(
                "add a [{lack}] table, or remove [{have}] (theories alone, without [measure], may have either)"
            ),
        ));
    }
    Ok(())
}

pub(super) fn instruments(
    measure: &Measure,
    experiment: &Experiment,
) -> Result<(Vec<Chosen>, Vec<Wanted>)> {
    if measure.observables.is_empty() {
        return Err(Error::input(
            "measure.observables",
            "an empty list",
            "name at least one observable; `saddlepoint list` shows them",
        ));
    }
    let mut chosen: Vec<Chosen> = Vec::new();
    let mut wanted = Vec::new();
    for (index, asked) in measure.observables.iter().enumerate() {
        let place = format!("measure.observables[{index}]");
        let name = asked.kind();
        let instrument = Chosen::new(&place, name, asked.keys())?;
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
        wanted.push(Wanted {
            observable: instrument.observable(),
            axes,
        });
        chosen.push(instrument);
    }
    Ok((chosen, wanted))
}

/// The questions of the measured observables, with their grids.
pub(super) fn measured(instruments: &[Chosen], wanted: &[Wanted]) -> Vec<Question> {
    let both = instruments.iter().zip(wanted);
    let question = |(instrument, wanted): (&Chosen, &Wanted)| Question {
        observable: wanted.observable,
        keys: instrument.resolved(),
        grid: Some(wanted.axes.clone()),
    };
    both.map(question).collect()
}

/// What an entry is asked: what is measured, then what it is to tell. A quantity of an instrument is told on the
/// instrument's own grid, where the experiment gives it one.
pub(super) fn asked<'a>(
    place: &str,
    measured: &[Question],
    told: impl Iterator<Item = &'a str>,
    info: &Info,
    experiment: &Experiment,
) -> Result<Vec<Question>> {
    let mut asked = measured.to_vec();
    for name in told {
        if asked.iter().any(|a| a.name() == name) {
            continue;
        }
        let own = info.own.iter().find(|o| o.name == name);
        let instrument = INSTRUMENTS.iter().find(|i| i.observable().name == name);
        let instrument = instrument.filter(|_| info.observables.contains(&name));
        asked.push(match (own, instrument) {
            (Some(observable), _) => Question {
                observable,
                keys: serde_json::Value::Null,
                grid: None,
            },
            (None, Some(instrument)) => Question {
                observable: instrument.observable(),
                keys: instrument.resolved(),
                grid: instrument.axes(experiment).ok(),
            },
            (None, None) => {
                let own = info.own.iter().map(|o| o.name);
                let known: Vec<&str> = own.chain(info.observables.iter().copied()).collect();
                return Err(unknown(place, name, &known));
            }
        });
    }
    Ok(asked)
}

fn theory_entry(
    index: usize,
    mut entry: Table,
    cell: &Table,
    (experiment_seen, measured): (&Experiment, &[Question]),
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
        Some(toml::Value::String(s)) if !s.is_empty() && !RESERVED.contains(&s.as_str()) => s,
        Some(label) => {
            return Err(Error::input(
                format!("{place}.label"),
                format!("{label} is not a name for a theory"),
                format!("write label = \"a name\", none of: {}", RESERVED.join(", ")),
            ));
        }
    };
    check_text(&format!("{place}.label"), &label, 60)?;
    let expect = match entry.remove("expect") {
        None => None,
        Some(v) => Some(Expect::deserialize_at(&format!("{place}.expect"), v)?),
    };
    let within = |e: Error| match e {
        Error::Input {
            place: at,
            cause,
            remedy,
        } if at == "assume" => Error::input(format!("{place}.assume"), cause, remedy),
        Error::Input {
            place: at,
            cause,
            remedy,
        } => Error::input(format!("{place}.assume"), format!("{at}: {cause}"), remedy),
        other => other,
    };
    let experiment = match take_table(&mut entry, "assume").map_err(within)? {
        None => experiment_seen.clone(),
        Some(assume) => {
            let mut assumed = cell.clone();
            overrides::replace(&mut assumed, &assume)
                .and_then(|()| parse_table("", assumed))
                .and_then(|frame| experiment(&frame))
                .map_err(within)?
        }
    };
    let told = match entry.remove("tell") {
        None => Vec::new(),
        Some(toml::Value::Array(names)) if names.iter().all(|n| n.is_str()) => names,
        Some(_) => {
            let remedy = "write tell = [\"name\", ...], see `saddlepoint explain` of the theory";
            return Err(Error::input(
                format!("{place}.tell"),
                "not a list of names",
                remedy,
            ));
        }
    };
    let theory = component(&place, THEORIES, entry)?;
    let names = told.iter().filter_map(|n| n.as_str());
    let about = theory.info().about;
    let asked = asked(
        &format!("{place}.tell"),
        measured,
        names,
        theory.info(),
        &experiment,
    )?;
    Ok(TheoryEntry {
        kind: about.kind,
        label,
        revision: about.revision,
        theory,
        experiment,
        asked,
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
