//! `list` and `explain`: the registries as text.

use super::papers;
use super::text::{print, print_json, table};
use crate::compare::reductions::REDUCTIONS;
use crate::compare::relations::RELATIONS;
use crate::error::Result;
use crate::instrument::INSTRUMENTS;
use crate::kind::{About, Kind, unknown};
use crate::learner::LEARNERS;
use crate::models::MODELS;
use crate::spec::{
    Compare, EntryKeys, Figure, FigureKind, FitKeys, League, MapKeys, Measure, ReduceKeys,
    RelateKeys, properties,
};
use crate::task::TASKS;
use crate::theory::{Info, THEORIES};
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
    all.extend(RELATIONS.iter().map(|k| ("relate", k.about)));
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

/// Pages of their own: name, summary and text.
const PAGES: &[(&str, &str, &str)] = &[(
    "conventions",
    "symbols, losses, temperatures and prior variances of the Bayesian theories, and those of papers in these terms",
    include_str!("conventions.md"),
)];

/// Keys of `[[reduce]]`, `[[relate]]`, `[[figure]]`, `[[theory]]` or `[compare]`, from the schema.
fn keys(noun: &str) -> Option<String> {
    match noun {
        "reduce" => Some(lines(&schemars::schema_for!(ReduceKeys))),
        "relate" => Some(lines(&schemars::schema_for!(RelateKeys))),
        "compare" => Some(lines(&schemars::schema_for!(Compare))),
        "figure" => Some(lines(&schemars::schema_for!(Figure))),
        "theory" => Some(lines(&schemars::schema_for!(EntryKeys))),
        "measure" => Some(lines(&schemars::schema_for!(Measure))),
        "map" => Some(lines(&schemars::schema_for!(MapKeys))),
        "fit" => Some(lines(&schemars::schema_for!(FitKeys))),
        "league" => Some(lines(&schemars::schema_for!(League))),
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
            .chain(
                PAGES
                    .iter()
                    .map(|(name, summary, _)| json!({ "noun": "page", "kind": name, "summary": summary })),
            )
            .collect();
        print_json(&json!({ "schema": "saddlepoint/1/list", "entries": entries }))?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> =
        all.iter()
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
            .chain(PAGES.iter().map(|(name, summary, _)| {
                vec!["page".into(), name.to_string(), summary.to_string()]
            }))
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
    if let Some((page, summary, text)) = PAGES.iter().find(|page| page.0 == name) {
        let entry = json!({ "noun": "page", "kind": page, "summary": summary, "text": text });
        match as_json {
            true => print_json(&json!({ "schema": "saddlepoint/1/explain", "entries": [entry] }))?,
            false => print(text)?,
        }
        return Ok(0);
    }
    if let Some(paper) = papers::find(name) {
        return papers::explain(paper, as_json);
    }
    match name {
        "reduce" => return explain_kinds("reduce", REDUCE, REDUCTIONS, as_json),
        "relate" => return explain_kinds("relate", RELATE, RELATIONS, as_json),
        "theory" => return explain_kinds("theory", THEORY, THEORIES, as_json),
        "compare" => return explain_compare(as_json),
        "measure" => return explain_table("measure", MEASURE, as_json),
        "map" => return explain_table("map", MAP, as_json),
        "fit" => return explain_table("fit", FIT, as_json),
        "league" => return explain_table("league", LEAGUE, as_json),
        _ => {}
    }
    let sweep = (name == "sweep").then_some(SWEEP);
    if found.is_empty() && model.is_none() && kinds().next().is_none() {
        let mut names: Vec<&str> = all.iter().map(|(_, a)| a.kind).collect();
        names.extend([
            "reduce", "relate", "compare", "figure", "theory", "measure", "map", "fit", "league",
        ]);
        names.extend(PAGES.iter().map(|page| page.0));
        names.extend(all_kinds.iter().map(|(_, kind, _)| kind.as_str()));
        names.extend(MODELS.iter().map(|m| m.name));
        let is_id = name.contains(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_digit() || c == '.');
        if is_id || name == "papers" {
            return Err(crate::error::Error::input(
                "explain",
                format!("there is no page for \"{name}\""),
                "`saddlepoint list papers` has all identifiers",
            ));
        }
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
            .chain(sweep.map(|text| json!({ "noun": "sweep", "kind": "sweep", "summary": summary(text), "text": text })))
            .chain(model.map(|m| json!({ "noun": "model", "kind": m.name, "summary": m.summary(), "text": m.text })))
            .collect();
        print_json(&json!({ "schema": "saddlepoint/1/explain", "entries": entries }))?;
        return Ok(0);
    }
    if let Some(text) = sweep {
        print(&format!("{text}\n\n"))?;
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

const SWEEP: &str = "\
[sweep]: one cell of the run for every combination of the values of its keys

\"key.path\" = [...] is one axis of the grid, the first key outermost: \"learner.widths\" = [[16], [32]]. A range is
{ from = 0.1, to = 10.0, points = 5, scale = \"linear\" | \"log\" }. zip = [{ \"key.a\" = [...], \"key.b\" = [...] }] moves several
keys together. A value may be a whole table, such as \"training\" = [{ kind = \"sgd\", batch = 4 }, { kind = \"adam\" }], which replaces
the table of that name. label = \"...\" in such a table names it in tables and figures, in place of its kind, and is taken out
before the table is read. Keys of task, learner, training, measure, theory and the seed may be swept.";

const REDUCE: &str = "\
[[reduce]]: a swept key is removed by a fit across cells, the same way for measurement and theory";

const RELATE: &str = "\
[[relate]]: what one quantity says of another one, each measured or of a theory, with what chance gives

x and y are paired over the points of their common grid (over = \"points\", one row per cell) or over the points
of all cells (over = \"cells\", one row). The value is that of the means over the draws; its standard error is
the jackknife over the outermost level of draws, left out of both at once, and over the repeats of a Monte Carlo
theory. Numerical bounds do not enter. Chance rearranges the pairs 1999 times, keyed by the seed of the spec:
the row says its mean, where 95 % of it lie, and the share p at least as far out. It takes the points for
exchangeable: on a smooth curve neighbouring points are not, and p is too small there.";

const COMPARE: &str = "\
[compare]: how far a theory may be off and still agree, and with what it is compared

Without reference every theory is compared with the measurement. reference = LABEL puts that theory in its place
for all others, with or without [measure]: in the rows of the league, in the reductions and in the figures of
differences. The reference itself is compared with the measurement where there is one. Each row says what it is
compared with.

Both sides bring their errors along. Numerical bounds add. Theories that are given something of the draws are
paired draw by draw. A Monte Carlo theory enters by its repeats. One number against another, without draws or
repeats, has no p-value: the interval is the deviation plus or minus the bounds, and the verdict rests on it.
What theories tell without a measurement is compared where both tell it on the same axes. An expect of an entry
that is compared with the reference counts for the exit code also where nothing is measured.";

const THEORY: &str = "[[theory]]: what predicts the observables, or tells quantities of its own";

/// The entries of a table as a whole: its kinds, and the keys that all of them have.
fn explain_kinds<T: ?Sized>(
    noun: &str,
    text: &str,
    kinds: &[Kind<T>],
    as_json: bool,
) -> Result<u8> {
    let kinds = kinds.iter().map(|k| k.about);
    let keys = keys(noun).unwrap_or_default();
    if as_json {
        let kinds = kinds.map(|a| {
            json!({ "noun": noun, "kind": a.kind, "summary": a.summary, "text": explanation(noun, a) })
        });
        let entries: Vec<_> = kinds.collect();
        print_json(&json!({ "schema": "saddlepoint/1/explain", "entries": entries }))?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = kinds
        .map(|a| vec![a.kind.to_string(), a.summary.to_string()])
        .collect();
    print(&format!("{text}\n\n"))?;
    print(&table(&["kind", "what"], &rows))?;
    print(&format!("\nKeys of every [[{noun}]]\n{keys}"))?;
    print("\n`saddlepoint explain KIND` tells the keys of a kind\n")?;
    Ok(0)
}

const MEASURE: &str = "\
What is recorded, and on how many draws. A draw is a data set (datasets), on it an initialisation with the noise of its
training (replicas). Draws are numbered from measure.first. The random streams are keyed by these numbers: a run with
datasets = 10 holds the draws of one with datasets = 5, and those of one with datasets = 5 and first = 5. So the draws of a
pilot run, by which a setting was chosen, can be left out when the setting is tested: measure.first counts data sets where
there are several (or one replica alone, on a random task), else replicas. Tables and files show the numbers themselves.

A measurement of your own enters the same league with from: nothing is trained or simulated.

    [measure]
    observables = [\"test-loss\"]
    from = \"curves.csv\"

The csv file has a header line and numbers: one column per axis of the observable, named like the axis (time, mode; an axis on
which the instrument has a single value may be left out), columns named like keys of task, learner or training (task.samples,
or samples alone) whose rows are those of the cell with this value, and every other column is one draw: an independent data
set with its network, or an independent initialisation where the task has one data set alone. The rows of a cell fill a grid,
on which the theories are asked. measure.datasets is the number of draws. task, learner and training stay in the spec, for the
theories: those that condition on nothing answer, and those that are given data or weights decline, since the file does not
hold them. The record is found by the content of the file.

Separator (comma, semicolon or tabulator) and decimal sign of the file are found from its text, and lines that begin with # are
left out; `check` says what was found. Where the text leaves it open, from is a table that says it:

    from = { file = \"curves.csv\", observable = \"test-loss\", separator = \";\", decimal = \",\" }";

const MAP: &str = "\
One or two keys on a dense grid, on which theories alone are solved: one map per theory and quantity.

    [map]
    \"learner.prior.weight\" = { from = 0.5, to = 4.0, points = 200 }
    \"learner.prior.bias\" = { from = 0.01, to = 1.0, points = 200, scale = \"log\" }
    of = [\"layer-chi\"]

Everything else is as the spec states it. A range of a key that takes whole numbers is rounded to them, each number
once (so it is in [sweep]); values stand in increasing order. A quantity is one number at each point: of an
observable over time the last recorded one (measure.points = 1 records that alone); a quantity that a theory tells
may have up to four branches. A theory that is given something of a draw is given the first one, data set 0. Where a
theory declines or fails, or the keys make no experiment, the map has no value: how often, and the first reason,
stand in the summary, the report and the JSON document.

Keys of [sweep] that the map has too place measured cells on it; each combination of the others makes a map of its
own. `predict` and `run` solve it, `measure` does not. One record holds one line of the map, along its last key: a
map that was interrupted goes on line by line. Values stand in the list `maps` of the JSON document, in
tables/map-QUANTITY.csv and in arrays.npz; [[figure]] kind = \"map\" draws them (without any [[figure]], each
quantity is drawn).";

const FIT: &str = "\
[[fit]]: parameters of a theory, estimated from what is measured

    [[fit]]
    theory = \"learning curve\"
    observables = [\"population-error\", \"train-loss\"]
    free = { \"learner.ridge\" = { from = 1e-3, to = 10.0, scale = \"log\" } }
    key = \"task.samples\"

A parameter is a key of the experiment as the theory sees it (what assume changes); the networks are never changed. The
learning rate moves the time axis alone and is fitted as time_scale, the factor of the theory's times; width_correction
multiplies its values by 1 + width_correction/N; theory.u0 is the key u0 of its entry. The values are
those at which

  chi2 = d^T C^-1 d,   d = mean over draws of (measurement - prediction)

is least; C is the covariance of this mean from the scatter of the draws, with the theory's statistical error. Draws are
few, and every interval and p-value knows it: with more draws than points the laws of Hotelling and Student, else
correlations are shrunk towards zero (the note says how far). With one data set the draws are its replicas.

Told are the estimate, its interval where chi2 has risen (profile) and from resampled draws (bootstrap), the value that
the experiment was run at with the distance in standard deviations (pull), chi2 with its p-value, other minima, and how far
numerical bounds may move the estimate. A fit never replaces the prediction without free parameters: that entry keeps
its rows, and its chi2 per point stands beside. Parameters that the points do not tell apart are refused by name.

At least 5 draws. Parameters are real numbers: keys that take whole numbers are mapped ([map]), not fitted. `run` fits,
`predict` and `measure` do not. Fits stand in the list `fits` of the JSON document with profile curves, covariance
and the points.";

const LEAGUE: &str = "\
[[league]]: which theory is nearest to the measurement, cell by cell of a sweep

    [[league]]
    observable = \"predictor-mean\"
    over = [\"task.samples\", \"learner.richness\"]
    boundaries = [\"lazy kernel\"]

In every cell the theories that stand beside the measurement are ranked by their deviation. All of them stand beside the
same draws, so that the question which of two is nearer is answered without the noise that both share: with theta the
squared distance |E(measurement - prediction)|^2 without its noise part,

  contrast  theta_a - theta_b,  its standard error by the jackknife over the draws

A theory is told apart from the nearest where Student's interval of the contrast (95 %, shared among all rivals), with
the numerical bounds of both, leaves out 0. The others lead together with it. At least three draws. It is another question
than the verdict, whose interval is that of one theory alone and skewed near zero: of two theories that are not told
apart one may agree and the other disagree. `pairs` asks for each pair by itself, with 95 % of its own. Who is nearest may
still be off: the verdicts say who is within the tolerance, and the map puts the number in brackets where nobody is.

Along the last key of over (or along): where the nearest theory changes, and where a theory of boundaries passes its
tolerance, by a straight line between two neighbouring cells (in the logarithm for values that lie more evenly
there), with the 95 % interval of the jackknife over the draws that both cells share; and the values at which two
theories are told apart. Without over: one table of all theories per cell, a ladder.

Leagues stand in the list `leagues` of the JSON document, in the report, and for over in figures/league.svg.";

/// `[measure]` or `[map]` as a whole.
fn explain_table(noun: &str, text: &str, as_json: bool) -> Result<u8> {
    let first = summary(text.lines().next().unwrap_or_default());
    let text = format!("{text}\n\nkeys\n{}", keys(noun).unwrap_or_default());
    if as_json {
        let entry = json!({ "noun": noun, "kind": noun, "summary": first, "text": text });
        print_json(&json!({ "schema": "saddlepoint/1/explain", "entries": [entry] }))?;
        return Ok(0);
    }
    print(&format!("[{noun}]\n\n{text}"))?;
    Ok(0)
}

/// What a theory with default keys says of itself.
fn theory_info(noun: &str, about: &About) -> Option<&'static Info> {
    let kind = THEORIES
        .iter()
        .find(|k| noun == "theory" && k.about.kind == about.kind)?;
    Some((kind.parse)("theory", toml::Table::new()).ok()?.info())
}

fn explain_compare(as_json: bool) -> Result<u8> {
    let keys = keys("compare").unwrap_or_default();
    let text = format!("{COMPARE}\n\nKeys of [compare]\n{keys}");
    if as_json {
        let first = summary(COMPARE.lines().next().unwrap_or_default());
        let entry = json!({ "noun": "table", "kind": "compare", "summary": first, "text": text });
        print_json(&json!({ "schema": "saddlepoint/1/explain", "entries": [entry] }))?;
        return Ok(0);
    }
    print(&text)?;
    Ok(0)
}

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
            text.push_str(&format!("\nKeys of its own\n{keys}"));
        }
    }
    if let Some(info) = theory_info(noun, about) {
        let conditions: Vec<&str> = info.conditions.iter().map(|c| c.name()).collect();
        text.push_str(&format!("\nConditions on: {}\n", conditions.join(" | ")));
        text.push_str(&format!("Predicts: {}\n", info.observables.join(", ")));
        for o in info.own {
            text.push_str(&format!(
                "Tells: {} [{}], {}\n",
                o.name, o.unit, o.convention
            ));
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

/// The keys of a kind's own.
fn schema_of<T: ?Sized>(kinds: &[Kind<T>], about: &About) -> Option<schemars::Schema> {
    let kind = kinds.iter().find(|k| k.about.kind == about.kind)?;
    Some((kind.schema)(&mut schemars::SchemaGenerator::default()))
}
