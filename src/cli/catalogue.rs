//! `list` and `explain`: the registries as text.

use super::text::{print, print_json, table};
use crate::error::Result;
use crate::instrument::INSTRUMENTS;
use crate::kind::{About, unknown};
use crate::learner::LEARNERS;
use crate::models::MODELS;
use crate::task::TASKS;
use crate::theory::THEORIES;
use crate::training::TRAININGS;
use serde_json::json;

/// Every registered component with the noun it belongs to.
pub(crate) fn components() -> Vec<(&'static str, &'static About)> {
    let mut all: Vec<(&'static str, &'static About)> = Vec::new();
    all.extend(TASKS.iter().map(|k| ("task", k.about)));
    all.extend(LEARNERS.iter().map(|k| ("learner", k.about)));
    all.extend(TRAININGS.iter().map(|k| ("training", k.about)));
    all.extend(INSTRUMENTS.iter().map(|i| ("instrument", i.about())));
    all.extend(THEORIES.iter().map(|k| ("theory", k.about)));
    all
}

pub(crate) fn list(as_json: bool) -> Result<u8> {
    let all = components();
    if as_json {
        let entries: Vec<_> = all
            .iter()
            .map(|(noun, a)| json!({ "noun": noun, "kind": a.kind, "summary": a.summary }))
            .chain(
                MODELS
                    .iter()
                    .map(|m| json!({ "noun": "model", "kind": m.name, "summary": m.summary() })),
            )
            .collect();
        print_json(&json!({ "schema": "saddlepoint/1/list", "entries": entries }))?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|(noun, a)| vec![noun.to_string(), a.kind.into(), a.summary.into()])
        .chain(
            MODELS
                .iter()
                .map(|m| vec!["model".into(), m.name.into(), m.summary()]),
        )
        .collect();
    print(&table(&["noun", "name", "what"], &rows))?;
    print(
        "\n`saddlepoint explain NAME` tells more; `saddlepoint new my --model NAME` copies a model spec.\n",
    )?;
    Ok(0)
}

pub(crate) fn explain(name: &str, as_json: bool) -> Result<u8> {
    let all = components();
    let model = MODELS.iter().find(|m| m.name == name);
    let found: Vec<_> = all.iter().filter(|(_, a)| a.kind == name).collect();
    if found.is_empty() && model.is_none() {
        let mut names: Vec<&str> = all.iter().map(|(_, a)| a.kind).collect();
        names.extend(MODELS.iter().map(|m| m.name));
        return Err(unknown("explain", name, &names));
    }
    if as_json {
        let entries: Vec<_> = found
            .iter()
            .map(|(noun, a)| {
                json!({ "noun": noun, "kind": a.kind, "summary": a.summary, "text": explanation(noun, a) })
            })
            .chain(model.map(|m| json!({ "noun": "model", "kind": m.name, "summary": m.summary(), "text": m.text })))
            .collect();
        print_json(&json!({ "schema": "saddlepoint/1/explain", "entries": entries }))?;
        return Ok(0);
    }
    for (noun, about) in found {
        print(&format!("{} ({noun})\n{}\n\n", about.kind, about.summary))?;
        print(&explanation(noun, about))?;
    }
    if let Some(m) = model {
        print(&format!("{} (model spec)\n\n{}", m.name, m.text))?;
    }
    Ok(0)
}

fn explanation(noun: &str, about: &About) -> String {
    let mut text = format!("{}\n", about.text.trim());
    if let Some(instrument) = INSTRUMENTS
        .iter()
        .find(|i| noun == "instrument" && i.about().kind == about.kind)
    {
        let o = instrument.observable();
        text.push_str(&format!(
            "\nUnit: {}\nConvention: {}\n",
            o.unit, o.convention
        ));
    }
    text
}
