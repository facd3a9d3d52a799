//! `explain`: the page of a component, a table, a key, a choice, a concept, a model or a paper.

use super::text::{definition, print, print_json, wrapped};
use super::{concepts, keys, list, papers};
use crate::compare::reductions::REDUCTIONS;
use crate::compare::relations::RELATIONS;
use crate::error::{Error, Result};
use crate::instrument::INSTRUMENTS;
use crate::kind::{About, Kind, unknown};
use crate::models::{FIELDS, MODELS};
use crate::spec::{
    Compare, EntryKeys, Figure, FitKeys, League, MapKeys, Measure, ReduceKeys, RelateKeys,
    properties,
};
use crate::theory::{Info, THEORIES};
use serde_json::json;

/// One answer to `explain NAME`: a name may be that of a theory, of a choice of a key, and of a model.
struct Page {
    noun: String,
    name: String,
    summary: String,
    text: String,
}

impl Page {
    fn shown(&self) -> String {
        match self.noun.as_str() {
            "page" => self.text.clone(),
            noun if noun.starts_with("key ") => format!("{} ({noun})\n{}", self.name, self.text),
            noun => format!("{} ({noun})\n{}\n\n{}", self.name, self.summary, self.text),
        }
    }
}

pub(crate) fn explain(name: &str, as_json: bool) -> Result<u8> {
    if let Some(paper) = papers::find(name) {
        return papers::explain(paper, as_json);
    }
    // As it is written; else without capitals and blanks; else what a table calls its kind, `learner.kind` or `learner.mlp`.
    let plain = name.trim().to_lowercase().replace(' ', "-");
    let table = plain.strip_suffix(".kind").map(String::from);
    let last = plain.rsplit('.').next().unwrap_or_default().to_string();
    let tries = [Some(name.to_string()), Some(plain), table, Some(last)];
    let pages = tries.into_iter().flatten().map(|name| pages(&name));
    let pages = pages
        .into_iter()
        .find(|p| !p.is_empty())
        .unwrap_or_default();
    if pages.is_empty() {
        return Err(missing(name));
    }
    if as_json {
        let entry = |p: &Page| json!({ "noun": p.noun, "kind": p.name, "summary": p.summary, "text": p.text });
        let entries: Vec<_> = pages.iter().map(entry).collect();
        print_json(&json!({ "schema": "saddlepoint/1/explain", "entries": entries }))?;
        return Ok(0);
    }
    let texts: Vec<String> = pages.iter().map(Page::shown).collect();
    print(&texts.join("\n"))?;
    Ok(0)
}

fn missing(name: &str) -> Error {
    let is_id = name.contains(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_digit() || c == '.');
    if is_id || name == "papers" {
        return Error::input(
            "explain",
            format!("there is no page for \"{name}\""),
            "`saddlepoint list papers` has all identifiers",
        );
    }
    let keys = keys::names();
    let mut names: Vec<&str> = list::names();
    // Letters are no suggestion.
    names.extend(keys.iter().map(String::as_str).filter(|k| k.len() > 2));
    unknown("explain", name, &names)
}

fn pages(name: &str) -> Vec<Page> {
    let concept = concepts::PAGES.iter().filter(|p| p.name == name);
    let concept = concept.map(|p| Page {
        noun: "page".into(),
        name: name.into(),
        summary: p.summary.into(),
        text: p.text.into(),
    });
    let tables = concepts::TABLES.iter().filter(|t| t.name == name);
    let tables = tables.map(|t| Page {
        noun: "table of a spec".into(),
        name: name.into(),
        summary: t.summary.into(),
        text: table_page(t),
    });
    let components = list::components();
    let components = components.into_iter().filter(|(_, a)| a.kind == name);
    let components = components.map(|(noun, about)| Page {
        noun: noun.into(),
        name: name.into(),
        summary: about.summary.into(),
        text: explanation(noun, about),
    });
    let figures = list::figures().into_iter().filter(|(kind, _)| kind == name);
    let figures = figures.map(|(kind, text)| Page {
        noun: "figure".into(),
        summary: list::first_sentence(&text),
        text: format!("{text}\n\nkeys of [[figure]]\n{}", of_table("figure")),
        name: kind,
    });
    // A table has its own page, a component too: what is left are keys and choices of that name.
    let is_table = concepts::TABLES.iter().any(|t| t.name == name);
    let keys = keys::of(name).into_iter();
    let keys = keys
        .filter(|k| !(is_table && k.path == name))
        .filter(|k| !k.path.ends_with(".kind"));
    let keys = keys.map(|k| Page {
        noun: k.place(),
        summary: list::first_sentence(&k.text),
        text: k.page(),
        name: k.path,
    });
    let models = MODELS.iter().filter(|m| m.name == name);
    let models = models.map(|m| Page {
        noun: "model spec".into(),
        name: name.into(),
        summary: m.summary(),
        text: match m.prose() {
            Some(prose) => format!("{}\n{prose}", m.text),
            None => m.text.into(),
        },
    });
    let fields = FIELDS.iter().filter(|(field, _)| *field == name);
    let fields = fields.map(|(field, about)| Page {
        noun: "field of models".into(),
        name: name.into(),
        summary: format!("{about}; `saddlepoint new my --model NAME` copies one"),
        text: MODELS
            .iter()
            .filter(|m| m.field == *field)
            .map(|m| definition(2, 26, m.name, &m.summary()))
            .collect(),
    });
    concept
        .chain(fields)
        .chain(tables)
        .chain(components)
        .chain(figures)
        .chain(keys)
        .chain(models)
        .collect()
}

/// Text, kinds and keys of a table of a spec.
fn table_page(of: &concepts::Table) -> String {
    let mut text = of.text.to_string();
    let components = list::components();
    let kinds = components.iter().filter(|(noun, _)| *noun == of.name);
    let figures = list::figures().into_iter().filter(|_| of.name == "figure");
    let kinds: Vec<(String, String)> = kinds
        .map(|(_, a)| (a.kind.to_string(), a.summary.to_string()))
        .chain(figures.map(|(kind, text)| (kind, list::first_sentence(&text))))
        .collect();
    if !kinds.is_empty() {
        let width = kinds.iter().map(|(kind, _)| kind.len()).max().unwrap_or(0);
        let lines = kinds
            .iter()
            .map(|(kind, about)| definition(2, width, kind, about));
        text.push_str(&format!("\nkinds\n{}", lines.collect::<String>()));
        text.push_str("\n`saddlepoint explain KIND` tells formulas and keys of a kind.\n");
    }
    let keys = of_table(of.name);
    if !keys.is_empty() {
        text.push_str(&format!("\nkeys\n{keys}"));
    }
    text
}

/// One line per key of `[measure]`, `[[reduce]]`, ..., from the schema.
fn of_table(name: &str) -> String {
    let schema = match name {
        "reduce" => schemars::schema_for!(ReduceKeys),
        "relate" => schemars::schema_for!(RelateKeys),
        "compare" => schemars::schema_for!(Compare),
        "figure" => schemars::schema_for!(Figure),
        "theory" => schemars::schema_for!(EntryKeys),
        "measure" => schemars::schema_for!(Measure),
        "map" => schemars::schema_for!(MapKeys),
        "fit" => schemars::schema_for!(FitKeys),
        "league" => schemars::schema_for!(League),
        _ => return String::new(),
    };
    lines(&schema)
}

/// One line per key of a schema.
fn lines(schema: &schemars::Schema) -> String {
    let keys = properties(schema);
    let width = keys.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    keys.iter()
        .map(|(key, text)| definition(2, width, key, text))
        .collect()
}

/// What a theory with default keys says of itself.
fn theory_info(noun: &str, about: &About) -> Option<&'static Info> {
    let kind = THEORIES
        .iter()
        .find(|k| noun == "theory" && k.about.kind == about.kind)?;
    Some((kind.parse)("theory", toml::Table::new()).ok()?.info())
}

/// The page of a component: its text, and what its registry entry knows.
fn explanation(noun: &str, about: &About) -> String {
    // Pages that are chapters of the documentation, too, have their formulas in fences.
    let shown = about.text.trim().lines().filter(|l| !l.starts_with("```"));
    let mut text = shown.map(|l| format!("{l}\n")).collect::<String>();
    let of_kind = match noun {
        "reduce" => schema_of(REDUCTIONS, about),
        "relate" => schema_of(RELATIONS, about),
        _ => None,
    };
    if let Some(schema) = of_kind {
        let keys = lines(&schema);
        if !keys.is_empty() {
            text.push_str(&format!("\nkeys of its own\n{keys}"));
        }
    }
    if let Some(info) = theory_info(noun, about) {
        let conditions: Vec<&str> = info.conditions.iter().map(|c| c.name()).collect();
        text.push_str(&format!("\nConditions on: {}\n", conditions.join(" | ")));
        text.push_str(&wrapped(
            &format!("Predicts: {}", info.observables.join(", ")),
            0,
        ));
        for o in info.own {
            let told = format!("Tells: {} [{}], {}", o.name, o.unit, o.stated(None));
            text.push_str(&wrapped(&told, 0));
        }
    }
    if let Some(instrument) = INSTRUMENTS
        .iter()
        .find(|i| noun == "instrument" && i.about().kind == about.kind)
    {
        let o = instrument.observable();
        text.push_str(&format!(
            "\nUnit: {}\nConvention: {}\n",
            o.unit,
            o.stated(None)
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
    if ["reduce", "relate", "theory"].contains(&noun) {
        text.push_str(&format!("\nkeys of every [[{noun}]]\n{}", of_table(noun)));
    }
    text
}

/// The keys of a kind's own.
fn schema_of<T: ?Sized>(kinds: &[Kind<T>], about: &About) -> Option<schemars::Schema> {
    let kind = kinds.iter().find(|k| k.about.kind == about.kind)?;
    Some((kind.schema)(&mut schemars::SchemaGenerator::default()))
}
