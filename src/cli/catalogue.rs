//! `list` and `explain`: the registries as text.

use super::text::{print, print_json, table};
use crate::compare::reductions::REDUCTIONS;
use crate::error::Result;
use crate::instrument::INSTRUMENTS;
use crate::kind::{About, unknown};
use crate::learner::LEARNERS;
use crate::models::MODELS;
use crate::spec::{Figure, FigureKind, Measure, ReduceKeys, properties};
use crate::task::TASKS;
use crate::theory::THEORIES;
use crate::training::TRAININGS;
use serde_json::{Value as Json, json};

/// Every registered component with the noun it belongs to.
pub(crate) fn components() -> Vec<(&'static str, &'static About)> {
    let mut all: Vec<(&'static str, &'static About)> = Vec::new();
    all.extend(TASKS.iter().map(|k| ("task", k.about)));
    all.extend(LEARNERS.iter().map(|k| ("learner", k.about)));
    all.extend(TRAININGS.iter().map(|k| ("training", k.about)));
    all.extend(INSTRUMENTS.iter().map(|i| ("instrument", i.about())));
    all.extend(THEORIES.iter().map(|k| ("theory", k.about)));
    all.extend(REDUCTIONS.iter().map(|k| ("reduce", k.about)));
    all
}

/// Kinds of figures: noun, name and text, which is that of the schema.
fn spec_kinds() -> Vec<(&'static str, String, String)> {
    let variants = |noun: &'static str, schema: schemars::Schema| {
        let list = schema.get("oneOf").and_then(Json::as_array).cloned();
        let text = |of: &Json, key: &str| of[key].as_str().unwrap_or_default().to_string();
        let variants = list.into_iter().flatten();
        variants
            .map(|v| {
                (
                    noun,
                    text(&v, "const"),
                    text(&v, "description").replace('\n', " "),
                )
            })
            .collect::<Vec<_>>()
    };
    variants("figure", schemars::schema_for!(FigureKind))
}

/// Keys of `[[reduce]]` or `[[figure]]`, from the schema.
fn keys(noun: &str) -> Option<String> {
    match noun {
        "reduce" => Some(lines(&schemars::schema_for!(ReduceKeys))),
        "figure" => Some(lines(&schemars::schema_for!(Figure))),
        "measure" => Some(lines(&schemars::schema_for!(Measure))),
        _ => None,
    }
}

/// One line per key of a schema.
fn lines(schema: &schemars::Schema) -> String {
    let keys = properties(schema);
    let width = keys.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    keys.iter()
        .map(|(key, text)| format!("  {key:width$}  {text}\n"))
        .collect()
}

pub(crate) fn list(as_json: bool) -> Result<u8> {
    let (all, kinds) = (components(), spec_kinds());
    if as_json {
        let entries: Vec<_> = all
            .iter()
            .map(|(noun, a)| json!({ "noun": noun, "kind": a.kind, "summary": a.summary }))
            .chain(kinds.iter().map(
                |(noun, kind, text)| json!({ "noun": noun, "kind": kind, "summary": summary(text) }),
            ))
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
            kinds
                .iter()
                .map(|(noun, kind, text)| vec![noun.to_string(), kind.clone(), summary(text)]),
        )
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

/// The first sentence of a text, without its end.
fn summary(text: &str) -> String {
    let first = text.split(". ").next().unwrap_or(text);
    first.trim_end_matches('.').replace('`', "")
}

pub(crate) fn explain(name: &str, as_json: bool) -> Result<u8> {
    let all = components();
    let model = MODELS.iter().find(|m| m.name == name);
    let found: Vec<_> = all.iter().filter(|(_, a)| a.kind == name).collect();
    let all_kinds = spec_kinds();
    let kinds = || {
        let of = |(noun, kind, _): &&(&str, String, String)| kind == name || *noun == name;
        all_kinds.iter().filter(of)
    };
    if name == "reduce" {
        return explain_reduce(as_json);
    }
    if name == "measure" {
        return explain_measure(as_json);
    }
    if found.is_empty() && model.is_none() && kinds().next().is_none() {
        let mut names: Vec<&str> = all.iter().map(|(_, a)| a.kind).collect();
        names.extend(["reduce", "figure", "measure"]);
        names.extend(all_kinds.iter().map(|(_, kind, _)| kind.as_str()));
        names.extend(MODELS.iter().map(|m| m.name));
        return Err(unknown("explain", name, &names));
    }
    if as_json {
        let entries: Vec<_> = found
            .iter()
            .map(|(noun, a)| {
                json!({ "noun": noun, "kind": a.kind, "summary": a.summary, "text": explanation(noun, a) })
            })
            .chain(kinds().map(
                |(noun, kind, text)| json!({ "noun": noun, "kind": kind, "summary": summary(text), "text": text }),
            ))
            .chain(model.map(|m| json!({ "noun": "model", "kind": m.name, "summary": m.summary(), "text": m.text })))
            .collect();
        print_json(&json!({ "schema": "saddlepoint/1/explain", "entries": entries }))?;
        return Ok(0);
    }
    for (noun, about) in found {
        print(&format!("{} ({noun})\n{}\n\n", about.kind, about.summary))?;
        print(&explanation(noun, about))?;
        if let Some(keys) = keys(noun) {
            print(&format!("\nKeys of every [[{noun}]]\n{keys}"))?;
        }
    }
    for (noun, kind, text) in kinds() {
        print(&format!("{kind} ([[{noun}]])\n{text}\n\n"))?;
    }
    if let Some((noun, ..)) = kinds().next()
        && let Some(keys) = keys(noun)
    {
        print(&format!("Keys of [[{noun}]]\n{keys}"))?;
    }
    if let Some(m) = model {
        print(&format!("{} (model spec)\n\n{}", m.name, m.text))?;
    }
    Ok(0)
}

/// `[[reduce]]` as a whole: its kinds, and the keys that all of them have.
fn explain_reduce(as_json: bool) -> Result<u8> {
    let kinds = REDUCTIONS.iter().map(|k| k.about);
    let keys = keys("reduce").unwrap_or_default();
    if as_json {
        let kinds = kinds.map(|a| {
            json!({ "noun": "reduce", "kind": a.kind, "summary": a.summary, "text": explanation("reduce", a) })
        });
        let entries: Vec<_> = kinds.collect();
        print_json(&json!({ "schema": "saddlepoint/1/explain", "entries": entries }))?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = kinds
        .map(|a| vec![a.kind.to_string(), a.summary.to_string()])
        .collect();
    print(
        "[[reduce]]: a swept key is removed by a fit across cells, the same way for measurement and theory\n\n",
    )?;
    print(&table(&["kind", "what"], &rows))?;
    print(&format!("\nKeys of every [[reduce]]\n{keys}"))?;
    print("\n`saddlepoint explain KIND` tells the keys of a kind\n")?;
    Ok(0)
}

const MEASURE: &str = "\
What is recorded, and on how many draws. A draw is a data set (datasets), on it an initialisation with the noise of its
training (replicas). Draws are numbered from measure.first. The random streams are keyed by these numbers: a run with
datasets = 10 holds the draws of one with datasets = 5, and those of one with datasets = 5 and first = 5. So the draws of a
pilot run, by which a setting was chosen, can be left out when the setting is tested: measure.first counts data sets where
there are several (or one replica alone, on a random task), else replicas. Tables and files show the numbers themselves.";

/// `[measure]` as a whole.
fn explain_measure(as_json: bool) -> Result<u8> {
    let text = format!("{MEASURE}\n\nkeys\n{}", keys("measure").unwrap_or_default());
    if as_json {
        let summary = "what is recorded, and on how many draws";
        let entry =
            json!({ "noun": "measure", "kind": "measure", "summary": summary, "text": text });
        print_json(&json!({ "schema": "saddlepoint/1/explain", "entries": [entry] }))?;
        return Ok(0);
    }
    print(&format!("[measure]\n\n{text}"))?;
    Ok(0)
}

fn explanation(noun: &str, about: &About) -> String {
    let mut text = format!("{}\n", about.text.trim());
    let reduction = REDUCTIONS
        .iter()
        .find(|k| noun == "reduce" && k.about.kind == about.kind);
    if let Some(kind) = reduction {
        let keys = lines(&(kind.schema)(&mut schemars::SchemaGenerator::default()));
        if !keys.is_empty() {
            text.push_str(&format!("\nKeys of its own\n{keys}"));
        }
    }
    if let Some(instrument) = INSTRUMENTS
        .iter()
        .find(|i| noun == "instrument" && i.about().kind == about.kind)
    {
        let o = instrument.observable();
        text.push_str(&format!(
            "\nUnit: {}\nConvention: {}\n",
            o.unit, o.convention
        ));
        if let Some(size) = o.vanishing {
            text.push_str(&format!(
                "May vanish: agrees within {size} where a relative tolerance asks for less, unless compare.tolerances.{} is stated\n",
                o.name
            ));
        }
        if let Some(reason) = o.undefined {
            text.push_str(&format!("Not-a-number where {reason}\n"));
        }
    }
    text
}
