//! From tables to typed cells: components through their registries, theories with their assumed experiments.

use super::entry::{Stated, measured};
use super::keys::{Frame, TrainingTables};
use super::references::check_references;
use super::{
    Cell, Document, Fit, Map, Measure, Reduce, Relate, Source, Spec, given, overrides, ranges,
    sweep, take_table, title,
};
use crate::error::{Error, Result};
use crate::experiment::{Draws, Experiment, step_at};
use crate::instrument::{Chosen, Wanted, observable};
use crate::kind::{component, parse_table, unknown};
use crate::learner::{Learner, loaded};
use crate::task::{TASKS, Task};
use crate::training::{TRAININGS, Training};
use std::sync::Arc;
use toml::Table;

/// No dimension, number of samples, draws or times is larger.
const LARGEST: usize = 10_000_000;

pub(super) fn resolve(
    name: &str,
    document: Document,
    mut table: Table,
    quick: bool,
) -> Result<Spec> {
    let sweep_table = take_table(&mut table, "sweep")?;
    let map_table = take_table(&mut table, "map")?;
    let base: Frame = parse_table("", table.clone())?;
    // A range of a key that takes whole numbers alone is rounded to them.
    let ranged = sweep_table.as_ref().map(ranges::ranged).unwrap_or_default();
    let whole = ranges::whole_keys(&ranged, |whole| {
        let settings = sweep::expand(sweep_table.as_ref(), whole)?;
        let Some(first) = settings.into_iter().next() else {
            return Ok(());
        };
        let cell = with(&table, &first)?;
        build_cell(first, &cell, quick).map(drop)
    });
    let settings = sweep::expand(sweep_table.as_ref(), &whole)?;
    if let Some(first) = settings.first() {
        overridden(first, &document)?;
    }
    let swept = settings.first().into_iter().flatten();
    for (key, _) in swept {
        check_swept("sweep", key, &table)?;
    }
    let settings_seen: Vec<sweep::Settings> = settings.clone();
    let cells = settings
        .into_iter()
        .map(|set| {
            let cell = with(&table, &set).map_err(|e| from_sweep(e, &set))?;
            build_cell(set.clone(), &cell, quick).map_err(|e| from_sweep(e, &set))
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
    let map = map_table
        .map(|keys| Map::parse(&keys, &table, &cells, quick))
        .transpose()?;
    let fits = Fit::all(&base.fit, &table, &cells, quick)?;
    for (i, league) in base.league.iter().enumerate() {
        league.check(&format!("league[{i}]"), &cells, &base.compare)?;
        if base.league[..i].iter().any(|l| l.name() == league.name()) {
            return Err(Error::input(
                format!("league[{i}].label"),
                format!("there is another league called {}", league.name()),
                "give it a label of its own",
            ));
        }
    }
    let title = title::of(
        base.title.as_deref().unwrap_or(name),
        &table,
        &settings_seen,
        &document,
    )?;
    let mut figures = base.figure.clone();
    for (i, figure) in figures.iter_mut().enumerate() {
        if let Some(stated) = &figure.title {
            let place = format!("figure[{i}].title");
            let varied = title::of(stated, &table, &settings_seen, &document);
            figure.title = Some(varied.map_err(|e| e.at(&place))?);
        }
    }
    check_references(&base, &reduce, &cells, sweep_table.as_ref(), map.as_ref())?;
    Ok(Spec {
        name: name.into(),
        title,
        dropped: None,
        seed: base.seed,
        document,
        quick,
        cells,
        compare: base.compare,
        reduce,
        relate,
        map,
        fits,
        leagues: base.league,
        figures,
        resolved: serde_json::Value::Null,
        hash: String::new(),
    }
    .sealed())
}

/// Refuses a `--set` of a key whose values the sweep states: it would change nothing.
fn overridden(swept: &sweep::Settings, document: &Document) -> Result<()> {
    for o in &document.overrides {
        let Source::Set(text) = &o.source else {
            continue;
        };
        let key = overrides::dotted(&o.key);
        let covers = |s: &str| key == s || key.starts_with(&format!("{s}."));
        if let Some((swept, _)) = swept.iter().find(|(s, _)| covers(s)) {
            let value = text.split_once('=').map_or("...", |(_, v)| v.trim());
            let remedy = match *swept == key {
                true => format!("write --set 'sweep.{swept}=[{value}]' for this value alone"),
                false => format!("write --set 'sweep.{swept}=[...]' with the tables it is to take"),
            };
            return Err(Error::input(
                format!("--set {key}"),
                format!(
                    "the sweep over {swept} gives it its values: the override would change nothing"
                ),
                remedy,
            ));
        }
    }
    Ok(())
}

/// What stands in tables and figures is one line of bearable length.
pub(super) fn check_text(place: &str, text: &str, most: usize) -> Result<()> {
    let cause = match text.chars().find(|c| c.is_control()) {
        Some(c) => format!("the control character {c:?}"),
        None if text.chars().count() > most => format!("{} characters", text.chars().count()),
        None => return Ok(()),
    };
    let remedy = format!("write one line of at most {most} characters");
    Err(Error::input(place, cause, remedy))
}

/// The table with these keys set.
pub(super) fn with(table: &Table, set: &sweep::Settings) -> Result<Table> {
    let mut changed = table.clone();
    for (key, value) in set {
        overrides::set(&mut changed, key, sweep::unlabelled(value))?;
    }
    Ok(changed)
}

/// Tables whose keys may be swept (or mapped: `noun`), as far as the spec has them; the others are the same for all
/// cells.
pub(super) fn check_swept(noun: &str, key: &str, table: &Table) -> Result<()> {
    let path = overrides::dotted(key);
    let head = path.split('.').next().unwrap_or_default();
    let known: Vec<&str> = ["task", "learner", "training", "measure", "theory", "seed"]
        .into_iter()
        .filter(|k| table.contains_key(*k))
        .collect();
    match known.contains(&head) {
        true => Ok(()),
        false if table.contains_key(head) => Err(Error::input(
            format!("{noun}.{key}"),
            format!("{head} is the same for all cells"),
            format!("{noun} keys of: {}", known.join(", ")),
        )),
        false => Err(unknown(&format!("{noun}.{key}"), head, &known)),
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
    let mut experiment = experiment(&frame)?;
    let trains = |m: &Measure| m.from.is_none();
    is_measurable(&experiment, frame.measure.as_ref().is_some_and(trains))?;
    let (instruments, wanted) = match &frame.measure {
        Some(measure) => instruments(measure, &mut experiment)?,
        None => (vec![], vec![]),
    };
    let measured = measured(&instruments, &wanted);
    let stated = Stated::all(&frame.theory, quick)?;
    let theories = stated
        .iter()
        .map(|t| t.entry(table, &experiment, &measured))
        .collect::<Result<_>>()?;
    Ok(Cell {
        set,
        experiment,
        instruments,
        wanted,
        theories,
    })
}

pub(super) fn experiment(frame: &Frame) -> Result<Experiment> {
    let m = frame.measure();
    let learner = frame.learner.clone().map(learner).transpose()?;
    let training = frame.training.clone().map(training).transpose()?;
    let experiment = Experiment {
        seed: frame.seed,
        task: task(frame.task.clone())?,
        draws: draws(&m, learner.as_deref(), training.as_deref()),
        learner,
        training,
    };
    check(&experiment)?;
    Ok(experiment)
}

pub(super) fn task(table: Table) -> Result<Arc<dyn Task>> {
    component("task", TASKS, table)
}

pub(super) fn learner(table: Table) -> Result<Arc<dyn Learner>> {
    loaded::parse("learner", table)
}

pub(super) fn training(tables: TrainingTables) -> Result<Arc<dyn Training>> {
    component("training", TRAININGS, tables.table())
}

pub(super) fn draws(
    measure: &Measure,
    learner: Option<&dyn Learner>,
    training: Option<&dyn Training>,
) -> Draws {
    // The optimum of a kernel, or of neighbours, is that of the data set whatever the start.
    let fixed = |l: &dyn Learner| l.kernel().is_some() || l.nearest().is_some();
    let solved = learner.is_some_and(fixed) && training.is_none_or(|t| t.is_optimum());
    Draws {
        datasets: measure.datasets.unwrap_or(1),
        replicas: match measure.replicas {
            _ if learner.is_none() => 1,
            Some(stated) => stated,
            None if solved => 1,
            None => 8,
        },
        points: measure.points,
        spacing: measure.spacing,
        times: measure.times.clone(),
        first: measure.first,
    }
}

/// Stated times are those of steps, in increasing order.
fn times(experiment: &Experiment) -> Result<()> {
    let times = &experiment.draws.times;
    let wrong = |k: usize, cause: String, remedy: &str| {
        Err(Error::input(format!("measure.times[{k}]"), cause, remedy))
    };
    let Some(training) = experiment.training.as_deref() else {
        return match times.is_empty() {
            true => Ok(()),
            false => wrong(
                0,
                "nothing is trained: there are no times".into(),
                "remove measure.times",
            ),
        };
    };
    let end = training.time(training.steps());
    for (k, &t) in times.iter().enumerate() {
        if k > 0 && times[k - 1] >= t {
            return wrong(
                k,
                format!("{t} follows {}", times[k - 1]),
                "state times in increasing order",
            );
        }
        if !(0.0..=end * (1.0 + 1e-9)).contains(&t) {
            return wrong(
                k,
                format!("{t} is outside the training, from 0 to {end}"),
                "state times within it",
            );
        }
        let near = training.time(step_at(training, t));
        if (near - t).abs() > 1e-6 * end {
            return wrong(
                k,
                format!("{t} lies between two steps; the nearest step is at {near}"),
                "state the times of steps, or lower the learning rate (raise training.steps)",
            );
        }
    }
    Ok(())
}

/// What holds for every experiment, read from a table or stated in code.
pub(super) fn check(experiment: &Experiment) -> Result<()> {
    let draws = &experiment.draws;
    for (key, value, least) in [
        ("measure.datasets", draws.datasets, 1),
        ("measure.replicas", draws.replicas, 1),
        ("measure.points", draws.points, 1),
        ("measure.first", draws.first, 0),
        ("measure.times", draws.times.len(), 0),
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
        ("test samples", experiment.task.test_samples()),
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
    times(experiment)?;
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

/// The instruments with their grids; where their values stand in a file, its columns become the draws of the experiment.
pub(super) fn instruments(
    measure: &Measure,
    experiment: &mut Experiment,
) -> Result<(Vec<Chosen>, Vec<Wanted>)> {
    let (places, chosen): (Vec<_>, Vec<_>) = given::instruments(measure)?.into_iter().unzip();
    given::set_draws(measure, &chosen, experiment)?;
    let wanted = places.iter().zip(&chosen).map(|(place, instrument)| {
        let axes = instrument.axes(experiment).map_err(|declined| {
            let name = instrument.about().kind;
            Error::input(
                place,
                format!("{name} cannot be measured here: {declined}"),
                "remove it from measure.observables, or change the experiment",
            )
        })?;
        let values = observable::size(&axes);
        if values > LARGEST {
            return Err(Error::input(
                place,
                format!("it has {values} values in every draw"),
                format!("use fewer times (measure.points), samples or modes, so that there are at most {LARGEST}"),
            ));
        }
        Ok(Wanted {
            observable: instrument.observable(),
            axes,
        })
    });
    let wanted = wanted.collect::<Result<Vec<_>>>()?;
    Ok((chosen, wanted))
}
