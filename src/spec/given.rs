//! `measure.from`: the observable of a measurement that stands in a file, and its columns as draws.

use super::keys::{Asked, FromFile, Measure};
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::instrument::{Chosen, Given};
use crate::task::loader::Dialect;
use std::path::Path;
use std::sync::Arc;

/// What is measured, with the place of each entry: by instruments, or one of them from a file.
///
/// # Errors
/// No observable, one that is listed twice or not known, a file for several of them, a file that cannot be read.
pub(super) fn instruments(measure: &Measure) -> Result<Vec<(String, Chosen)>> {
    let listed = measure.observables.iter().enumerate();
    let mut all = Vec::new();
    for (index, asked) in listed {
        let place = format!("measure.observables[{index}]");
        if all
            .iter()
            .any(|(_, i): &(_, Chosen)| i.about().kind == asked.kind())
        {
            return Err(Error::input(
                place,
                format!("\"{}\" is listed twice", asked.kind()),
                "list it once",
            ));
        }
        let instrument = Chosen::new(&place, asked.kind(), asked.keys())?;
        all.push((place, instrument));
    }
    let Some(from) = &measure.from else {
        return match all.is_empty() {
            true => Err(Error::input(
                "measure.observables",
                "an empty list",
                "name at least one observable; `saddlepoint list` shows them",
            )),
            false => Ok(all),
        };
    };
    let (path, dialect) = match from {
        FromFile::Path(path) => (path, Dialect::default()),
        FromFile::Named(named) => {
            let kind = &named.observable;
            if all.is_empty() {
                let asked = Asked::Name(kind.clone());
                let place = "measure.from.observable";
                all.push((place.into(), Chosen::new(place, kind, asked.keys())?));
            }
            if all.iter().any(|(_, i)| i.about().kind != kind) {
                return Err(several("measure.from.observable", &all));
            }
            let dialect = Dialect {
                separator: named.separator,
                decimal: named.decimal,
            };
            (&named.file, dialect)
        }
    };
    match <[_; 1]>::try_from(all) {
        Ok([(_, instrument)]) => Ok(vec![(
            "measure.from".into(),
            open(instrument, path, &dialect)?,
        )]),
        Err(all) => Err(several("measure.from", &all)),
    }
}

fn open(instrument: Chosen, path: &Path, dialect: &Dialect) -> Result<Chosen> {
    let given = Given::open_as(instrument, path, dialect)?;
    Ok(Chosen::Keyed(Arc::new(given)))
}

fn several(place: &str, all: &[(String, Chosen)]) -> Error {
    let names: Vec<&str> = all.iter().map(|(_, i)| i.about().kind).collect();
    Error::input(
        place,
        format!(
            "a file holds one observable, and measure.observables lists {}",
            match names.is_empty() {
                true => "none".to_string(),
                false => names.join(", "),
            }
        ),
        "write from = \"curves.csv\" with observables = [\"NAME\"], or from = { file = \"curves.csv\", observable = \"NAME\" } alone",
    )
}

/// Makes the columns of a file the draws of the experiment: independent data sets, or initialisations where the task has one data
/// set alone.
///
/// # Errors
/// Numbers of draws in `[measure]` that are not those of the file; a file that does not suit the experiment.
pub(super) fn set_draws(
    measure: &Measure,
    instruments: &[Chosen],
    experiment: &mut Experiment,
) -> Result<()> {
    let Some(given) = instruments.iter().find_map(|i| i.given()) else {
        return Ok(());
    };
    let columns = given.draws(experiment).map_err(|declined| {
        let name = instruments.first().map_or("", |i| i.about().kind);
        let axes = given.axis_names(experiment);
        Error::input(
            "measure.from",
            format!("{name} cannot be read from the file here: {declined}"),
            match axes.is_empty() {
                true => "give the file one row per cell, and one column per draw".to_string(),
                false => format!(
                    "give the file the columns {}, one column per draw and, in a sweep, columns named like its keys",
                    axes.join(", ")
                ),
            },
        )
    })?;
    let n = columns.len();
    let (datasets, replicas) = match experiment.task.is_random() {
        true => (n, 1),
        false => (1, n),
    };
    for (key, stated, own) in [
        ("measure.datasets", measure.datasets, datasets),
        ("measure.replicas", measure.replicas, replicas),
        ("measure.first", Some(measure.first), 0),
    ] {
        if let Some(stated) = stated.filter(|stated| *stated != own) {
            return Err(Error::input(
                key,
                format!(
                    "{stated}, and the file {} has {n} columns of draws ({}), which makes it {own}",
                    given.file(),
                    columns.join(", ")
                ),
                "leave it out: every column of the file is one draw",
            ));
        }
    }
    experiment.draws.datasets = datasets;
    experiment.draws.replicas = replicas;
    Ok(())
}
