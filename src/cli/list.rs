//! `list`: the registries, by noun and field, as names or with one line each.

use super::concepts::{PAGES, TABLES};
use super::papers;
use super::text::{definition, print, print_json, wrapped};
use crate::compare::reductions::REDUCTIONS;
use crate::compare::relations::RELATIONS;
use crate::error::{Error, Result};
use crate::instrument::INSTRUMENTS;
use crate::kind::{About, unknown};
use crate::learner::LEARNERS;
use crate::models::{FIELDS, MODELS};
use crate::spec::FigureKind;
use crate::task::TASKS;
use crate::theory::THEORIES;
use crate::training::TRAININGS;
use serde_json::{Value as Json, json};

/// Every registered component with the noun it belongs to, which is the name of its table in a spec.
pub(super) fn components() -> Vec<(&'static str, &'static About)> {
    let mut all: Vec<(&'static str, &'static About)> = Vec::new();
    all.extend(TASKS.iter().map(|k| ("task", k.about)));
    all.extend(LEARNERS.iter().map(|k| ("learner", k.about)));
    all.extend(TRAININGS.iter().map(|k| ("training", k.about)));
    all.extend(INSTRUMENTS.iter().map(|i| ("instrument", i.about())));
    all.extend(THEORIES.iter().map(|k| ("theory", k.about)));
    all.extend(REDUCTIONS.iter().map(|k| ("reduce", k.about)));
    all.extend(RELATIONS.iter().map(|k| ("relate", k.about)));
    all
}

/// Kinds of figures with their text, which is that of the schema.
pub(super) fn figures() -> Vec<(String, String)> {
    let schema = schemars::schema_for!(FigureKind);
    let list = schema.get("oneOf").and_then(Json::as_array).cloned();
    let text = |of: &Json, key: &str| of[key].as_str().unwrap_or_default().replace('\n', " ");
    let kinds = list.into_iter().flatten();
    kinds
        .map(|v| (text(&v, "const"), text(&v, "description")))
        .collect()
}

/// The first sentence of a text, without its end.
pub(super) fn first_sentence(text: &str) -> String {
    let text = text.replace('\n', " ");
    let first = text.split(". ").next().unwrap_or(&text);
    first.trim().trim_end_matches('.').replace('`', "")
}

/// Names of everything that has a page.
pub(super) fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = components().iter().map(|(_, a)| a.kind).collect();
    names.extend(TABLES.iter().map(|t| t.name));
    names.extend(PAGES.iter().map(|p| p.name));
    names.extend(MODELS.iter().map(|m| m.name));
    names
}

/// Words for `list WHAT`, and the noun in tables and JSON.
const NOUNS: &[(&str, &str)] = &[
    ("tasks", "task"),
    ("learners", "learner"),
    ("training", "training"),
    ("instruments", "instrument"),
    ("theories", "theory"),
    ("reductions", "reduce"),
    ("relations", "relate"),
    ("figures", "figure"),
    ("models", "model"),
    ("tables", "table"),
    ("pages", "page"),
];

struct Entry {
    noun: &'static str,
    name: String,
    summary: String,
    field: Option<&'static str>,
}

fn entries() -> Vec<Entry> {
    let entry = |noun, name: &str, summary: String| Entry {
        noun,
        name: name.into(),
        summary,
        field: None,
    };
    let components = components().into_iter();
    let components = components.map(|(noun, a)| entry(noun, a.kind, a.summary.into()));
    let figures = figures().into_iter();
    let figures = figures.map(|(kind, text)| entry("figure", &kind, first_sentence(&text)));
    let models = MODELS.iter().map(|m| Entry {
        field: Some(m.field),
        ..entry("model", m.name, m.summary())
    });
    let tables = TABLES
        .iter()
        .map(|t| entry("table", t.name, t.summary.into()));
    let pages = PAGES
        .iter()
        .map(|p| entry("page", p.name, p.summary.into()));
    components
        .chain(figures)
        .chain(models)
        .chain(tables)
        .chain(pages)
        .collect()
}

/// `list`, `list theories`, `list models FIELD`, `list papers`.
pub(crate) fn list(what: Option<&str>, field: Option<&str>, as_json: bool) -> Result<u8> {
    if what == Some("papers") {
        if let Some(field) = field {
            known_field(Some("paper"), field)?;
        }
        return papers::list(as_json);
    }
    let noun = what.map(noun).transpose()?;
    if let Some(field) = field {
        known_field(noun, field)?;
    }
    let chosen = entries().into_iter();
    let chosen = chosen.filter(|e| noun.is_none_or(|noun| noun == e.noun));
    let chosen = chosen.filter(|e| field.is_none_or(|field| e.field == Some(field)));
    let chosen: Vec<Entry> = chosen.collect();
    if as_json {
        let entry = |e: &Entry| match e.field {
            Some(field) => {
                json!({ "noun": e.noun, "kind": e.name, "summary": e.summary, "field": field })
            }
            None => json!({ "noun": e.noun, "kind": e.name, "summary": e.summary }),
        };
        let entries: Vec<_> = chosen.iter().map(entry).collect();
        print_json(&json!({ "schema": "saddlepoint/1/list", "entries": entries }))?;
        return Ok(0);
    }
    let text = match noun {
        None => overview(&chosen),
        Some("model") => FIELDS
            .iter()
            .map(|(f, about)| part(about, f, &chosen))
            .collect(),
        Some(_) => lines(chosen.iter()),
    };
    print(&text)?;
    print(match noun {
        None => {
            "\n`saddlepoint explain NAME` tells any of them, a key of a spec or a value of a key; `saddlepoint list theories`\n\
             (tasks, instruments, models, ...) has a line for each, `saddlepoint list models FIELD` those of one field,\n\
             `saddlepoint list papers` what to type for which paper; `saddlepoint new my --model NAME` copies a model.\n"
        }
        Some("model") => {
            "`saddlepoint run models/NAME.toml` runs one, `saddlepoint explain NAME` shows it.\n"
        }
        Some(_) => "\n`saddlepoint explain NAME` tells more.\n",
    })?;
    Ok(0)
}

/// The noun of a word: `theories`, `theory`.
fn noun(word: &str) -> Result<&'static str> {
    let found = NOUNS
        .iter()
        .find(|(plural, noun)| *plural == word || *noun == word);
    found.map(|(_, noun)| *noun).ok_or_else(|| {
        let mut words: Vec<&str> = NOUNS.iter().map(|(plural, _)| *plural).collect();
        words.push("papers");
        unknown("list", word, &words)
    })
}

fn known_field(noun: Option<&str>, field: &str) -> Result<()> {
    let fields: Vec<&str> = FIELDS.iter().map(|(f, _)| *f).collect();
    match noun {
        Some("model") if fields.contains(&field) => Ok(()),
        Some("model") => Err(unknown("list models", field, &fields)),
        _ => Err(Error::input(
            "list",
            format!("only models have fields, and \"{field}\" was given"),
            "write `saddlepoint list models FIELD`",
        )),
    }
}

/// All names, noun by noun, models by field.
fn overview(entries: &[Entry]) -> String {
    let mut text = String::new();
    let names = |of: &dyn Fn(&Entry) -> bool| -> String {
        let names = entries.iter().filter(|e| of(e)).map(|e| e.name.clone());
        wrapped(&names.collect::<Vec<_>>().join(", "), 2)
    };
    for (plural, noun) in NOUNS {
        if *noun != "model" {
            text.push_str(&format!("{plural}\n{}", names(&|e| e.noun == *noun)));
            continue;
        }
        for (field, about) in FIELDS {
            text.push_str(&format!("models: {about} ({field})\n"));
            text.push_str(&names(&|e| e.field == Some(field)));
        }
    }
    text
}

/// The models of one field; nothing where it has none among the entries.
fn part(about: &str, field: &str, entries: &[Entry]) -> String {
    let mine = entries.iter().filter(|e| e.field == Some(field));
    match lines(mine) {
        text if text.is_empty() => text,
        text => format!("{about} ({field})\n{text}\n"),
    }
}

/// Name and summary; a long summary goes on below itself.
fn lines<'a>(entries: impl Iterator<Item = &'a Entry> + Clone) -> String {
    let width = entries.clone().map(|e| e.name.len()).max().unwrap_or(0);
    entries
        .map(|e| definition(2, width, &e.name, &e.summary))
        .collect()
}
