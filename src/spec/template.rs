//! An experiment with its theories of which single keys change: a change parses anew what it touches, and nothing else.

use super::entry::{Stated, asked};
use super::keys::{Frame, Measure, TrainingTables};
use super::{TheoryEntry, build, given, overrides, sweep};
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::instrument::Chosen;
use crate::kind::parse_table;
use crate::theory::{Asked as Question, Info};
use std::sync::Arc;
use toml::{Table, Value};

/// A cell without its results' grids: what a point of a map is made of.
#[derive(Clone)]
pub struct Template {
    table: Table,
    experiment: Experiment,
    /// Those of `measure.observables`, whose keys and grids hold for what theories are asked.
    instruments: Arc<Vec<Chosen>>,
    stated: Arc<Vec<Stated>>,
    quick: bool,
}

/// One theory at one point: whom to ask what.
pub struct Posed {
    /// The experiment of the point.
    pub experiment: Experiment,
    /// The theory with its questions.
    pub entry: TheoryEntry,
    /// For each of its questions the place of its quantity among those that were named.
    pub places: Vec<usize>,
    /// Quantities that this experiment does not have, with the reason.
    pub lacking: Vec<(usize, String)>,
}

impl Template {
    /// Parses every component of a table.
    ///
    /// # Errors
    /// Those of a cell.
    pub(super) fn new(table: Table, quick: bool) -> Result<Template> {
        let frame: Frame = parse_table("", table.clone())?;
        let mut experiment = build::experiment(&frame)?;
        let instruments = instruments(frame.measure.as_ref())?;
        if let Some(measure) = &frame.measure {
            given::set_draws(measure, &instruments, &mut experiment)?;
        }
        Ok(Template {
            stated: Arc::new(Stated::all(&frame.theory, quick)?),
            instruments: Arc::new(instruments),
            table,
            experiment,
            quick,
        })
    }

    /// The template with one key changed.
    ///
    /// # Errors
    /// A value that its component refuses, or that does not suit the others.
    pub fn with(&self, key: &str, value: &Value) -> Result<Template> {
        let mut next = self.clone();
        overrides::set(&mut next.table, key, sweep::unlabelled(value))?;
        let path = overrides::dotted(key);
        let head = path.split('.').next().unwrap_or_default();
        let part = next.table.get(head).cloned();
        let is_given = next.instruments.iter().any(|i| i.given().is_some());
        let e = &mut next.experiment;
        match (head, part) {
            // The file decides the number of draws.
            _ if is_given => return Template::new(next.table, next.quick),
            // Another kind of component: what its absence or presence decides elsewhere is decided anew.
            _ if path == head || path.ends_with(".kind") => {
                return Template::new(next.table, next.quick);
            }
            ("task", Some(Value::Table(task))) => e.task = build::task(task)?,
            ("learner", Some(Value::Table(learner))) => e.learner = Some(build::learner(learner)?),
            ("training", Some(Value::Table(one))) => {
                e.training = Some(build::training(TrainingTables::One(one))?);
            }
            ("measure", Some(Value::Table(measure))) => {
                let measure: Measure = parse_table("measure", measure)?;
                e.draws = build::draws(&measure, e.learner.as_deref(), e.training.as_deref());
                next.instruments = Arc::new(instruments(Some(&measure))?);
            }
            ("theory", Some(Value::Array(entries))) => {
                let tables: Vec<Table> = entries
                    .iter()
                    .filter_map(|t| t.as_table().cloned())
                    .collect();
                next.stated = Arc::new(Stated::all(&tables, next.quick)?);
            }
            // The rest is rare: a seed, a stage, a component given as a whole.
            _ => return Template::new(next.table, next.quick),
        }
        build::check(&next.experiment)?;
        Ok(next)
    }

    /// The template in whose `theory` these keys are assumed, too.
    pub fn assuming(&self, theory: usize, keys: impl Iterator<Item = (String, Value)>) -> Template {
        let mut stated = self.stated.to_vec();
        if let Some(entry) = stated.get_mut(theory) {
            entry.assume_too(keys);
        }
        Template {
            stated: Arc::new(stated),
            ..self.clone()
        }
    }

    /// Number of `[[theory]]` entries.
    pub fn theories(&self) -> usize {
        self.stated.len()
    }

    /// Names of all that a theory can be asked for, its own quantities first.
    pub fn quantities(&self, theory: usize) -> Vec<&'static str> {
        let theory = self.stated[theory].theory();
        let own = theory.info().own.iter().map(|o| o.name);
        own.chain(theory.observables()).collect()
    }

    /// Name, source and own quantities of a theory.
    pub fn info(&self, theory: usize) -> &'static Info {
        self.stated[theory].info()
    }

    /// Label of a `[[theory]]` entry.
    pub fn label(&self, theory: usize) -> &str {
        self.stated[theory].label()
    }

    /// A theory asked for quantities by their names, on the grids of their instruments or told on its own.
    ///
    /// # Errors
    /// What the theory assumes does not make an experiment; an unknown name.
    pub fn posed<'a>(
        &self,
        theory: usize,
        names: impl Iterator<Item = (usize, &'a str)>,
    ) -> Result<Posed> {
        let stated = &self.stated[theory];
        let seen = stated.seen(&self.table, &self.experiment)?;
        let (mut questions, mut places, mut lacking) = (Vec::new(), Vec::new(), Vec::new());
        for (place, name) in names {
            match self.question(stated, name, &seen)? {
                Ok(question) => {
                    questions.push(question);
                    places.push(place);
                }
                Err(reason) => lacking.push((place, reason)),
            }
        }
        Ok(Posed {
            experiment: self.experiment.clone(),
            entry: stated.asking(seen, questions),
            places,
            lacking,
        })
    }

    /// The question for one quantity, or why it is no quantity of this experiment.
    fn question(
        &self,
        stated: &Stated,
        name: &str,
        seen: &Experiment,
    ) -> Result<std::result::Result<Question, String>> {
        let no_grid = |why: String| format!("{name} cannot be measured here: {why}");
        if let Some(instrument) = self.instruments.iter().find(|i| i.about().kind == name) {
            let axes = instrument.axes(&self.experiment);
            return Ok(axes
                .map(|axes| Question {
                    observable: instrument.observable(),
                    keys: instrument.resolved(),
                    grid: Some(axes),
                })
                .map_err(|declined| no_grid(declined.to_string())));
        }
        let found = asked("map.of", &[], std::iter::once(name), stated.theory(), seen)?;
        let question = found.into_iter().next();
        let question = question.ok_or_else(|| Error::bug("map", "a quantity has no question"))?;
        let own = stated.info().own.iter().any(|o| o.name == name);
        Ok(match own || question.grid.is_some() {
            true => Ok(question),
            false => Err(no_grid(
                "the experiment lacks what it is measured on".into(),
            )),
        })
    }
}

fn instruments(measure: Option<&Measure>) -> Result<Vec<Chosen>> {
    let chosen = measure.map(given::instruments).transpose()?;
    let chosen = chosen.unwrap_or_default().into_iter();
    Ok(chosen.map(|(_, instrument)| instrument).collect())
}
