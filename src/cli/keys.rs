//! Keys of a spec and their choices, from the JSON schema: what a key means, where it stands, its default and what it may be.

use super::text::{definition, wrapped};
use crate::spec::schema;
use serde_json::Value as Json;

/// A key of a spec.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    /// `learner.init`
    pub path: String,
    /// Kinds of the table that have it, with these words; empty where the table has no kinds.
    pub kinds: Vec<String>,
    /// What it means.
    pub text: String,
    /// Its value where it is left out, as it is written in a spec.
    pub default: Option<String>,
    /// What it may be, if it has choices.
    pub choices: Vec<Choice>,
}

/// One value of a key that has choices: a word, or a table with keys of its own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    pub name: String,
    pub text: String,
    pub keys: Vec<(String, String)>,
}

/// Tables deeper than this are not entered: `figure.x.y.z` does not occur.
const DEEPEST: usize = 4;

/// Every key of a spec, in the order of the schema; the same key of several kinds stands once.
pub(super) fn all() -> Vec<Key> {
    let schema = schema::spec();
    let mut keys = Vec::new();
    for (name, part) in properties(&schema) {
        let walk = Walk {
            schema: &schema,
            path: name.clone(),
            kind: None,
        };
        walk.key(part, &mut keys);
    }
    keys
}

/// Keys called `name`, by their path or its last part, and those that have a choice of this name.
pub(super) fn of(name: &str) -> Vec<Key> {
    let called = |k: &Key| k.path == name || k.path.rsplit('.').next() == Some(name);
    let chosen = |k: &Key| k.choices.iter().any(|c| c.name == name);
    all()
        .into_iter()
        .filter(|k| called(k) || chosen(k))
        .collect()
}

/// Last parts of all paths, and names of all choices.
pub(super) fn names() -> Vec<String> {
    let keys = all().into_iter().flat_map(|k| {
        let last = k.path.rsplit('.').next().unwrap_or_default().to_string();
        let choices = k.choices.into_iter().map(|c| c.name);
        std::iter::once(last).chain(choices).collect::<Vec<_>>()
    });
    let mut names: Vec<String> = keys.collect();
    names.sort();
    names.dedup();
    names
}

impl Key {
    /// `learner.init (mlp, transformer)`, and what it means, with default and choices.
    pub fn page(&self) -> String {
        let mut text = match self.text.is_empty() {
            true => String::new(),
            false => paragraphs(&self.text),
        };
        if let Some(default) = &self.default {
            text.push_str(&format!("\ndefault: {default}\n"));
        }
        if !self.choices.is_empty() {
            text.push_str("\nchoices\n");
            let width = self.choices.iter().map(|c| c.name.chars().count()).max();
            let width = width.unwrap_or(0);
            for choice in &self.choices {
                text.push_str(&definition(2, width, &choice.name, &choice.text));
                for (key, about) in &choice.keys {
                    text.push_str(&wrapped(&format!("{key}: {about}"), width + 6));
                }
            }
        }
        text
    }

    /// Where it stands: `[learner] of kind mlp, transformer`.
    pub fn place(&self) -> String {
        let table = match self.path.rsplit_once('.') {
            Some((table, _)) => format!("key of [{table}]"),
            None => "key at the top of a spec".into(),
        };
        match self.kinds.is_empty() {
            true => table,
            false => format!("{table}, kind {}", self.kinds.join(", ")),
        }
    }
}

/// Prose is broken into lines; formulas and tables stay as they are, without their fences.
fn paragraphs(text: &str) -> String {
    let mut fenced = false;
    let mut out = String::new();
    for part in text.trim_end().split("\n\n") {
        let opens = part.lines().filter(|l| l.starts_with("```")).count() % 2 == 1;
        let kept = fenced
            || opens
            || part.contains("```")
            || part.contains("\n|")
            || part.starts_with(['|', ' ']);
        fenced ^= opens;
        let body = part.lines().filter(|l| !l.starts_with("```"));
        out.push_str(&match kept {
            true => body.map(|l| format!("{l}\n")).collect::<String>(),
            false => wrapped(part, 0),
        });
        out.push('\n');
    }
    out.trim_end().to_string() + "\n"
}

struct Walk<'a> {
    schema: &'a Json,
    path: String,
    kind: Option<&'a str>,
}

impl<'a> Walk<'a> {
    /// Adds a key, and the keys of the table that it is.
    fn key(&self, part: &'a Json, keys: &mut Vec<Key>) {
        let body = self.body(part);
        let kinds = kinds(body);
        let is_table = self.path.contains('.') || kinds.is_empty();
        if is_table && self.path.rsplit('.').next() != Some("kind") {
            let text = [part, body]
                .iter()
                .find_map(|p| p["description"].as_str())
                .unwrap_or_default();
            self.add(
                Key {
                    path: self.path.clone(),
                    kinds: self.kind.iter().map(|k| k.to_string()).collect(),
                    text: text.to_string(),
                    default: default(part),
                    choices: self.choices(body),
                },
                keys,
            );
        }
        if self.path.split('.').count() >= DEEPEST {
            return;
        }
        let nested = |kind: Option<&'a str>, of: &'a Json, keys: &mut Vec<Key>| {
            for (name, part) in properties(of) {
                let walk = Walk {
                    schema: self.schema,
                    path: format!("{}.{name}", self.path),
                    kind,
                };
                walk.key(part, keys);
            }
        };
        match self.path.contains('.') || kinds.is_empty() {
            true => nested(self.kind, body, keys),
            false => kinds
                .into_iter()
                .for_each(|(kind, of)| nested(Some(kind), of, keys)),
        }
    }

    /// A key that an earlier kind has in the same words stands once.
    fn add(&self, key: Key, keys: &mut Vec<Key>) {
        let same = |k: &&mut Key| {
            k.path == key.path
                && k.text == key.text
                && k.default == key.default
                && k.choices == key.choices
        };
        match keys.iter_mut().find(same) {
            Some(known) => known.kinds.extend(key.kinds),
            None => keys.push(key),
        }
    }

    /// The schema itself, behind references, options and lists.
    fn body(&self, mut part: &'a Json) -> &'a Json {
        for _ in 0..8 {
            let options = part["anyOf"].as_array().or(part["oneOf"].as_array());
            let told = options.and_then(|o| {
                let mut told = o.iter().filter(|o| o["type"] != "null");
                let first = told.next()?;
                let lists = part["oneOf"].is_array() && told.clone().any(|o| o["type"] != "array");
                (!lists && told.all(|o| o["type"] == "array")).then_some(first)
            });
            let next = match (part["$ref"].as_str(), told, part.get("items")) {
                (Some(name), ..) => {
                    let name = name.rsplit('/').next().unwrap_or_default();
                    &self.schema["$defs"][name]
                }
                (_, Some(first), _) => first,
                (.., Some(items)) if part["properties"].is_null() => items,
                _ => return part,
            };
            if next.is_null() {
                return part;
            }
            part = next;
        }
        part
    }

    fn choices(&self, body: &Json) -> Vec<Choice> {
        let listed = body["enum"].as_array().into_iter().flatten();
        let listed = listed.filter_map(|v| v.as_str()).map(|name| Choice {
            name: name.into(),
            text: String::new(),
            keys: vec![],
        });
        let options = body["oneOf"].as_array().into_iter().flatten();
        let options = options.filter_map(|o| {
            let kind = o["properties"]["kind"]["const"].as_str();
            let single = properties(o).next().map(|(name, _)| name.as_str());
            let name = o["const"].as_str().or(kind).or(single)?;
            let keys = properties(o).filter(|(key, _)| *key != "kind");
            let text = |of: &Json| of["description"].as_str().unwrap_or_default().to_string();
            Some(Choice {
                name: name.into(),
                text: text(o),
                keys: match o["const"].is_null() {
                    true => keys.map(|(key, of)| (key.clone(), text(of))).collect(),
                    false => vec![],
                },
            })
        });
        listed.chain(options).collect()
    }
}

fn properties(of: &Json) -> impl Iterator<Item = (&String, &Json)> {
    of["properties"].as_object().into_iter().flatten()
}

/// The kinds of a table, each with its schema.
fn kinds(body: &Json) -> Vec<(&str, &Json)> {
    let options = body["oneOf"].as_array().into_iter().flatten();
    options
        .filter_map(|o| Some((o["properties"]["kind"]["const"].as_str()?, o)))
        .collect()
}

fn default(part: &Json) -> Option<String> {
    match part.get("default")? {
        Json::Null => None,
        Json::Object(of) if of.is_empty() => None,
        Json::Array(of) if of.is_empty() => None,
        Json::Object(of) => {
            let parts = of.iter().filter(|(_, v)| !v.is_null());
            let parts: Vec<String> = parts.map(|(k, v)| format!("{k} = {v}")).collect();
            Some(format!("{{ {} }}", parts.join(", ")))
        }
        value => Some(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_says_what_it_means() {
        let keys = all();
        let silent = keys
            .iter()
            .filter(|k| k.text.trim().is_empty() && k.choices.is_empty());
        let silent: Vec<&str> = silent.map(|k| k.path.as_str()).collect();
        assert!(silent.is_empty(), "{silent:?}");
    }

    #[test]
    fn keys_and_choices_are_found() {
        let init = of("learner.init");
        assert!(init[0].kinds.contains(&"mlp".to_string()), "{init:?}");
        let names: Vec<&str> = init[0].choices.iter().map(|c| c.name.as_str()).collect();
        assert!(names.contains(&"gaussian") && names.contains(&"lambda-balanced"));
        assert!(
            of("mean-field")
                .iter()
                .any(|k| k.path == "learner.parametrization")
        );
        assert!(of("prior").iter().any(|k| k.path == "learner.prior"));
        assert!(of("chi").iter().any(|k| k.path == "learner.prior.chi"));
        assert!(of("y_range").iter().any(|k| k.path == "figure.y_range"));
        assert!(of("no-such-key").is_empty());
    }
}
