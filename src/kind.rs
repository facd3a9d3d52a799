//! Registries: what a `kind = "..."` in a spec stands for, how its table is parsed, documented and listed.

mod wording;

use crate::error::{Error, Result};
use std::sync::Arc;

/// Name, one-line summary and source of a registered component, as `list` and `explain` print them.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The value of `kind` in a spec.
    pub kind: &'static str,
    /// One line.
    pub summary: &'static str,
    /// What `explain` prints: formulas, conventions, keys, source.
    pub text: &'static str,
    /// Changes whenever the component's numbers change; part of every record's hash.
    pub revision: u32,
}

/// One registry line: how a spec table becomes a component of type `T`.
pub struct Kind<T: ?Sized> {
    /// Name, summary, description and revision of the component.
    pub about: &'static About,
    /// Parses the table (without its `kind` key); the first argument is the key path for error messages.
    pub parse: fn(&str, toml::Table) -> Result<Arc<T>>,
    /// JSON schema of the table.
    pub schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
}

/// The entry called `name`, or an input error that suggests the nearest one.
pub fn find<'a, T: ?Sized>(kinds: &'a [Kind<T>], place: &str, name: &str) -> Result<&'a Kind<T>> {
    kinds.iter().find(|k| k.about.kind == name).ok_or_else(|| {
        let names: Vec<&str> = kinds.iter().map(|k| k.about.kind).collect();
        unknown(place, name, &names)
    })
}

/// The component that a table names by its `kind`; errors name the key under `place`.
pub fn component<T: ?Sized>(
    place: &str,
    kinds: &[Kind<T>],
    mut table: toml::Table,
) -> Result<Arc<T>> {
    let key = format!("{place}.kind");
    let names: Vec<&str> = kinds.iter().map(|k| k.about.kind).collect();
    let kind = match table.remove("kind") {
        Some(toml::Value::String(kind)) => kind,
        given => {
            return Err(Error::input(
                key,
                given.map_or("missing".into(), |v| format!("{v} is not a text")),
                format!("write kind = \"...\" with one of: {}", names.join(", ")),
            ));
        }
    };
    (find(kinds, &key, &kind)?.parse)(place, table)
}

/// The error for a name that is not in `known`, with the nearest known one as suggestion.
pub fn unknown(place: &str, name: &str, known: &[&str]) -> Error {
    Error::input(
        place,
        format!("unknown name \"{name}\""),
        nearest(name, known),
    )
}

/// A list of at most this many names is told in full.
const FEW: usize = 12;

/// The remedy for an unknown name: the nearest known one, where one is near, and all known ones; of many the three nearest.
pub fn nearest(name: &str, known: &[&str]) -> String {
    if known.is_empty() {
        return "remove it".into();
    }
    let mut ranked: Vec<(usize, &str)> = known.iter().map(|k| (distance(name, k), *k)).collect();
    ranked.sort();
    ranked.dedup();
    let (distance, first) = ranked[0];
    // Of a short name every letter counts.
    let allowed = match name.len() < 4 {
        true => 1,
        false => 1 + first.len() / 3,
    };
    let is_near = distance <= allowed;
    if ranked.len() <= FEW {
        return match is_near {
            true => format!("did you mean \"{first}\"? (known: {})", known.join(", ")),
            false => format!("use one of: {}", known.join(", ")),
        };
    }
    let three: Vec<String> = ranked[..3]
        .iter()
        .map(|(_, k)| format!("\"{k}\""))
        .collect();
    let others = ranked.len();
    match is_near {
        true => format!(
            "did you mean \"{first}\"? (near: {}; {others} are known)",
            three[1..].join(", ")
        ),
        false => format!("the nearest of {others} known names: {}", three.join(", ")),
    }
}

/// Edits from one name to the other; a name that holds the other one is nearer than its length says.
fn distance(name: &str, known: &str) -> usize {
    // The cost grows with the product of the lengths.
    let short: String = name.chars().take(64).collect();
    let edits = strsim::damerau_levenshtein(known, &short);
    let (low, high) = (short.to_lowercase(), known.to_lowercase());
    match short.len() >= 3 && (high.contains(&low) || low.contains(&high)) {
        true => edits.min(1 + edits / 4),
        false => edits,
    }
}

/// Deserialises `table` into `T`; an error names the full key path under `place` and suggests a near key.
pub fn parse_table<T: serde::de::DeserializeOwned>(place: &str, table: toml::Table) -> Result<T> {
    serde_path_to_error::deserialize(toml::Value::Table(table)).map_err(|e| {
        let path = e.path().to_string();
        let place = match (place, path.as_str()) {
            (p, ".") => p.to_string(),
            ("", p) => p.to_string(),
            (p, q) if q.starts_with('[') => format!("{p}{q}"),
            (p, q) => format!("{p}.{q}"),
        };
        let key = place.rsplit('.').next().unwrap_or(&place);
        let (cause, remedy) = wording::plain(key, &e.inner().to_string());
        Error::input(place, cause, remedy)
    })
}
