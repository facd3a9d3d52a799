//! Entries of `[[theory]]`: their common keys, the experiment as they see it, and what they are asked.

use super::build::{check_text, experiment};
use super::keys::Frame;
use super::{Expect, TheoryEntry, overrides, take_table};
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::instrument::{Chosen, INSTRUMENTS, Wanted};
use crate::kind::{component, parse_table, unknown};
use crate::theory::{Asked as Question, Info, THEORIES, Theory};
use std::collections::BTreeSet;
use std::sync::Arc;
use toml::Table;

/// Names that tables and arrays use for what is not a theory.
const RESERVED: [&str; 6] = ["networks", "simulation", "measured", "axis", "set", "draws"];

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
    theory: &dyn Theory,
    experiment: &Experiment,
) -> Result<Vec<Question>> {
    let (own, observables) = (theory.info().own, theory.observables());
    let mut asked = measured.to_vec();
    for name in told {
        if asked.iter().any(|a| a.name() == name) {
            continue;
        }
        let told = own.iter().find(|o| o.name == name);
        let instrument = INSTRUMENTS.iter().find(|i| i.observable().name == name);
        let instrument = instrument.filter(|_| observables.contains(&name));
        asked.push(match (told, instrument) {
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
                let own = own.iter().map(|o| o.name);
                let known: Vec<&str> = own.chain(observables).collect();
                return Err(unknown(place, name, &known));
            }
        });
    }
    Ok(asked)
}

/// A `[[theory]]` table as it is stated, before it looks at an experiment.
#[derive(Clone)]
pub(super) struct Stated {
    place: String,
    label: String,
    expect: Option<Expect>,
    assume: Option<Table>,
    tell: Vec<String>,
    theory: Arc<dyn Theory>,
}

impl Stated {
    /// All entries of a spec, each with a label of its own.
    pub fn all(tables: &[Table], quick: bool) -> Result<Vec<Stated>> {
        let mut labels = BTreeSet::new();
        let entries = tables.iter().cloned().enumerate();
        entries
            .map(|(index, table)| {
                let stated = Stated::new(index, table, quick)?;
                match labels.insert(stated.label.clone()) {
                    true => Ok(stated),
                    false => Err(Error::input(
                        format!("theory[{index}].label"),
                        format!("the label \"{}\" is used twice", stated.label),
                        "give each [[theory]] its own label",
                    )),
                }
            })
            .collect()
    }

    fn new(index: usize, mut entry: Table, quick: bool) -> Result<Stated> {
        let place = format!("theory[{index}]");
        let kind = entry.get("kind").and_then(|k| k.as_str()).unwrap_or("");
        let kind = kind.to_string();
        let label = match entry.remove("label") {
            None => kind,
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
        let assume = take_table(&mut entry, "assume").map_err(|e| assumed(&place, e))?;
        let tell = match entry.remove("tell") {
            None => Vec::new(),
            Some(toml::Value::Array(names)) if names.iter().all(|n| n.is_str()) => names,
            Some(_) => {
                let remedy =
                    "write tell = [\"name\", ...], see `saddlepoint explain` of the theory";
                return Err(Error::input(
                    format!("{place}.tell"),
                    "not a list of names",
                    remedy,
                ));
            }
        };
        let names = tell.iter().filter_map(|n| n.as_str());
        Ok(Stated {
            tell: names.map(String::from).collect(),
            theory: component(&place, THEORIES, entry)?,
            expect: expect.filter(|_| !quick),
            place,
            label,
            assume,
        })
    }

    /// Its label.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Adds keys to what it assumes.
    pub fn assume_too(&mut self, keys: impl Iterator<Item = (String, toml::Value)>) {
        self.assume.get_or_insert_with(Table::new).extend(keys);
    }

    /// The theory with its keys.
    pub fn theory(&self) -> &dyn Theory {
        self.theory.as_ref()
    }

    /// Name, source and conventions of the theory.
    pub fn info(&self) -> &'static Info {
        self.theory.info()
    }

    /// The experiment as this theory sees it; `cell` is the table of the experiment that is measured.
    pub fn seen(&self, cell: &Table, measured: &Experiment) -> Result<Experiment> {
        let Some(assume) = &self.assume else {
            return Ok(measured.clone());
        };
        let mut table = cell.clone();
        overrides::replace(&mut table, assume)
            .and_then(|()| parse_table::<Frame>("", table))
            .and_then(|frame| {
                let mut seen = experiment(&frame)?;
                if frame.measure.is_some_and(|m| m.from.is_some()) {
                    seen.draws = measured.draws.clone();
                }
                Ok(seen)
            })
            .map_err(|e| assumed(&self.place, e))
    }

    /// The entry of a cell: asked what is measured, then what it is to tell.
    pub fn entry(
        &self,
        cell: &Table,
        experiment: &Experiment,
        measured: &[Question],
    ) -> Result<TheoryEntry> {
        let seen = self.seen(cell, experiment)?;
        let names = self.tell.iter().map(String::as_str);
        let place = format!("{}.tell", self.place);
        let asked = asked(&place, measured, names, self.theory(), &seen)?;
        Ok(self.asking(seen, asked))
    }

    /// The entry with these questions about an experiment as it sees it.
    pub fn asking(&self, experiment: Experiment, asked: Vec<Question>) -> TheoryEntry {
        let about = self.info().about;
        TheoryEntry {
            kind: about.kind,
            label: self.label.clone(),
            revision: about.revision,
            theory: self.theory.clone(),
            experiment,
            asked,
            expect: self.expect,
        }
    }
}

/// An error about what a theory assumes, at its place.
fn assumed(place: &str, error: Error) -> Error {
    match error {
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
    }
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
