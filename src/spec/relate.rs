//! `[[relate]]`: the keys that all kinds of relations have; those of a kind are parsed by its file.

use super::reduce::{own_keys, properties};
use super::{Cell, TheoryEntry};
use crate::compare::relations::{RELATIONS, Relation};
use crate::error::{Error, Result};
use crate::kind::{self, parse_table, unknown};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::sync::Arc;
use toml::{Table, Value};

/// Keys of `[[relate]]` beside `kind` and the kind's own.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// One quantity: the name of a measured observable, or `{ theory = LABEL, observable = NAME }`.
    pub x: Quantity,
    /// The other one, on the same grid.
    pub y: Quantity,
    /// What is paired: `points` (default), the points of the grid, one relation in every cell; or `cells`, the points
    /// of all cells of the sweep together, one relation in all.
    #[serde(default)]
    pub over: Over,
    /// Name of the relation in tables; default: what it does, such as `rank correlation of train-loss and ntk:
    /// train-loss`.
    #[serde(default)]
    pub label: Option<String>,
}

/// A quantity of a relation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected the name of a measured observable, or { theory = LABEL, observable = NAME }"
)]
pub enum Quantity {
    /// Name of a measured observable.
    Measured(String),
    /// What a theory gives.
    Of(OfTheory),
}

/// An observable as a theory gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfTheory {
    /// Label of the `[[theory]]` entry.
    pub theory: String,
    /// What it predicts or tells.
    pub observable: String,
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Quantity::Measured(name) => f.write_str(name),
            Quantity::Of(of) => write!(f, "{}: {}", of.theory, of.observable),
        }
    }
}

/// What is paired by a relation.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Over {
    /// The points of the grid: one relation in every cell.
    #[default]
    Points,
    /// The points of all cells of the sweep together: one relation.
    Cells,
}

/// One entry of `[[relate]]`.
#[derive(Debug, Clone)]
pub struct Relate {
    /// Kind of the relation, as in `saddlepoint list`.
    pub kind: &'static str,
    /// The relation with its own keys.
    pub relation: Arc<dyn Relation>,
    /// The keys that all kinds have.
    pub keys: Keys,
}

impl std::ops::Deref for Relate {
    type Target = Keys;

    fn deref(&self) -> &Keys {
        &self.keys
    }
}

/// In one table, as it is written.
impl Serialize for Relate {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        let mut all = serde_json::json!(self.keys);
        if let (Some(all), Json::Object(own)) = (all.as_object_mut(), self.relation.resolved()) {
            all.insert("kind".into(), self.kind.into());
            all.extend(own);
        }
        all.serialize(serializer)
    }
}

impl Relate {
    /// Parses the entries of a spec.
    ///
    /// # Errors
    /// `Input` for an unknown kind, a key that the kind does not have, or a value of another type.
    pub fn all(tables: &[Table]) -> Result<Vec<Relate>> {
        let place = |i: usize| format!("relate[{i}]");
        let tables = tables.iter().enumerate();
        tables.map(|(i, t)| Relate::new(&place(i), t)).collect()
    }

    fn new(place: &str, table: &Table) -> Result<Relate> {
        let mut own = table.clone();
        let names: Vec<&str> = RELATIONS.iter().map(|k| k.about.kind).collect();
        let of_kind = match own.remove("kind") {
            Some(Value::String(name)) => kind::find(RELATIONS, &format!("{place}.kind"), &name)?,
            given => {
                return Err(Error::input(
                    format!("{place}.kind"),
                    given.map_or("missing".into(), |v| format!("{v} is not a text")),
                    format!("write kind = \"...\" with one of: {}", names.join(", ")),
                ));
            }
        };
        let common = properties(&schemars::schema_for!(Keys));
        let common: Vec<String> = common.into_iter().map(|(key, _)| key).collect();
        let known = own_keys(of_kind);
        let all: Vec<&str> = known.iter().chain(&common).map(String::as_str).collect();
        if let Some(key) = own.keys().find(|k| !all.contains(&k.as_str())) {
            return Err(match unknown(&format!("{place}.{key}"), key, &all) {
                Error::Input { place, remedy, .. } => {
                    let kind = of_kind.about.kind;
                    Error::input(
                        place,
                        format!("kind = \"{kind}\" has no key \"{key}\""),
                        remedy,
                    )
                }
                other => other,
            });
        }
        let shared: Table = common
            .iter()
            .filter_map(|key| own.remove(key).map(|value| (key.clone(), value)))
            .collect();
        Ok(Relate {
            kind: of_kind.about.kind,
            keys: parse_table(place, shared)?,
            relation: (of_kind.parse)(place, own)?,
        })
    }

    /// Its name in tables.
    pub fn name(&self) -> String {
        let stated = self.label.clone();
        stated.unwrap_or_else(|| format!("{} {} and {}", self.relation.words(), self.x, self.y))
    }

    /// The observables and theories that it names must exist.
    ///
    /// # Errors
    /// `Input` with the nearest name.
    pub(super) fn check(&self, place: &str, cell: &Cell) -> Result<()> {
        for (key, quantity) in [("x", &self.x), ("y", &self.y)] {
            let place = format!("{place}.{key}");
            match quantity {
                Quantity::Measured(name) => measured(&place, name, cell)?,
                Quantity::Of(of) => told(&place, of, cell)?,
            }
        }
        Ok(())
    }
}

fn measured(place: &str, name: &str, cell: &Cell) -> Result<()> {
    let names: Vec<&str> = cell.wanted.iter().map(|w| w.observable.name).collect();
    match names.contains(&name) {
        true => Ok(()),
        false if names.is_empty() => Err(Error::input(
            place,
            format!("\"{name}\" is not measured: there is no [measure]"),
            "write { theory = LABEL, observable = NAME }, or measure it",
        )),
        false => Err(unknown(place, name, &names)),
    }
}

fn told(place: &str, of: &OfTheory, cell: &Cell) -> Result<()> {
    let labels: Vec<&str> = cell.theories.iter().map(|t| t.label.as_str()).collect();
    let entry = cell.theories.iter().find(|t| t.label == of.theory);
    let Some(TheoryEntry { asked, .. }) = entry else {
        return Err(unknown(&format!("{place}.theory"), &of.theory, &labels));
    };
    let names: Vec<&str> = asked.iter().map(|a| a.name()).collect();
    match names.contains(&of.observable.as_str()) {
        true => Ok(()),
        false => Err(unknown(
            &format!("{place}.observable"),
            &of.observable,
            &names,
        )),
    }
}
