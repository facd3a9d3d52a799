//! `league`: the single numbers of several runs in one table, each with its prediction, measurement and distance in standard errors;
//! and the rankings of `[[league]]`, cell by cell.

use super::text::{fitted, note, print, print_json};
use crate::error::{Error, Result};
use crate::report::{folder, league::value_text};
use crate::spec::sweep::named;
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// One compared number.
#[derive(Debug, Serialize)]
struct Entry {
    run: String,
    /// Observable, or label of a reduction.
    quantity: String,
    /// Swept keys that it belongs to.
    at: String,
    theory: String,
    predicted: Option<f64>,
    measured: Option<f64>,
    stderr: Option<f64>,
    /// Difference over its error, as the normal deviate of the same tail under Student's law.
    z: Option<f64>,
    /// Draws behind the measurement.
    n: u64,
    verdict: String,
}

pub(crate) fn league(folders: &[PathBuf], as_json: bool, wide: bool) -> Result<u8> {
    let (mut entries, mut places) = (Vec::new(), Vec::new());
    // Records lie beside the run folders: `runs/*` names them too.
    for path in folders.iter().filter(|p| !p.ends_with("store")) {
        let run = path.canonicalize().unwrap_or_else(|_| path.clone());
        let run = run.file_name().unwrap_or_default().to_string_lossy();
        let document = folder::read_json(path, "result.json")?;
        let found = entries_of(&run, &document);
        let ranked = places_of(&run, &document);
        if found.is_empty() && ranked.is_empty() {
            note(&format!("{}: no single number is compared", path.display()));
        }
        entries.extend(found);
        places.extend(ranked);
    }
    if entries.is_empty() && places.is_empty() {
        return Err(no_numbers(&folders[0]));
    }
    if as_json {
        print_json(
            &json!({ "schema": "saddlepoint/1/league", "entries": entries, "rankings": places }),
        )?;
        return Ok(0);
    }
    if !places.is_empty() {
        let header = [
            "run",
            "league",
            "observable",
            "at",
            "nearest",
            "deviation",
            "verdict",
            "not told apart",
            "agree",
            "disagree",
            "open",
            "others",
            "seconds",
        ];
        let rows: Vec<Vec<String>> = places.iter().map(place_row).collect();
        print(&fitted(&header, &rows, wide))?;
        if entries.is_empty() {
            return Ok(0);
        }
        print("")?;
    }
    let header = [
        "run",
        "quantity",
        "at",
        "theory",
        "predicted",
        "measured",
        "z",
        "draws",
        "verdict",
    ];
    let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
    print(&fitted(&header, &rows, wide))?;
    Ok(0)
}

fn no_numbers(path: &Path) -> Error {
    Error::input(
        path.display().to_string(),
        "no single number is both predicted and measured",
        "give folders of `saddlepoint run` that compare numbers (curves stand in their own reports)",
    )
}

/// One cell of a `[[league]]`.
#[derive(Debug, Serialize)]
struct Ranking {
    run: String,
    /// Label of the `[[league]]`.
    league: String,
    observable: String,
    /// Swept keys of the cell.
    at: String,
    nearest: Option<String>,
    deviation: Option<f64>,
    verdict: String,
    /// Theories that the draws do not tell apart from the nearest.
    tied: Vec<String>,
    agree: usize,
    disagree: usize,
    inconclusive: usize,
    /// Theories that do not stand beside the measurement: declined, failed, or without this observable.
    others: usize,
    /// Time of all solves of the cell when its records were made.
    seconds: f64,
}

/// The cells of all leagues of one document.
fn places_of(run: &str, document: &Json) -> Vec<Ranking> {
    let mut out = Vec::new();
    for league in list(&document["leagues"]) {
        for contest in list(&league["cells"]) {
            let cell = contest["cell"].as_u64().unwrap_or(0) as usize;
            let ranked: Vec<&Json> = list(&contest["ranked"]).collect();
            let count = |verdict: &str| ranked.iter().filter(|r| r["verdict"] == verdict).count();
            let first = ranked.first();
            out.push(Ranking {
                run: run.into(),
                observable: text(&league["observable"]),
                at: place(&document["cells"][cell]["set"], &Json::Null),
                nearest: contest["nearest"].as_str().map(String::from),
                deviation: first.and_then(|r| r["deviation"].as_f64()),
                verdict: first.map_or("-".into(), |r| text(&r["verdict"])),
                tied: list(&contest["leaders"]).skip(1).map(text).collect(),
                agree: count("agree"),
                disagree: count("disagree"),
                inconclusive: count("inconclusive"),
                others: list(&contest["others"]).count(),
                seconds: ranked
                    .iter()
                    .filter_map(|r| r["seconds"].as_f64())
                    .fold(0.0, |sum, s| sum + s),
                league: text(&league["label"]),
            });
        }
    }
    out
}

fn place_row(p: &Ranking) -> Vec<String> {
    vec![
        p.run.clone(),
        p.league.clone(),
        p.observable.clone(),
        p.at.clone(),
        p.nearest.clone().unwrap_or("-".into()),
        p.deviation.map_or("-".into(), crate::run::assess::short),
        p.verdict.clone(),
        p.tied.join(", "),
        p.agree.to_string(),
        p.disagree.to_string(),
        p.inconclusive.to_string(),
        p.others.to_string(),
        format!("{:.1}", p.seconds),
    ]
}

/// The numbers of one document. A cell's number is left out where a reduction over the cells takes its place.
fn entries_of(run: &str, document: &Json) -> Vec<Entry> {
    let reduced: Vec<&Json> = list(&document["derived"])
        .filter(|d| is_number(&d["axes"]))
        .filter(|d| list(&d["theories"]).any(|t| t["reduced"]["estimate"].is_array()))
        .collect();
    let of_value = |d: &&&Json| d["of"].is_null() || d["of"] == "value";
    let replaced = |name: &Json| {
        let mut values = reduced.iter().filter(of_value);
        values.any(|d| d["observable"] == *name)
    };
    let mut entries = Vec::new();
    for cell in list(&document["cells"]) {
        let find = |of: &Json, name: &Json| -> Option<Json> {
            list(of).find(|o| o["name"] == *name).cloned()
        };
        for compared in list(&cell["comparison"]) {
            let name = &compared["observable"];
            let theory = list(&cell["theories"]).find(|t| t["theory"] == compared["theory"]);
            let predicted = theory.and_then(|t| find(&t["observables"], name));
            let (Some(measured), Some(predicted)) = (find(&cell["measurements"], name), predicted)
            else {
                continue;
            };
            if is_number(&measured["axes"]) && !replaced(name) {
                let values = [&predicted["mean"], &measured["mean"], &measured["stderr"]];
                let at = place(&cell["set"], &measured["axes"]);
                entries.extend(entry(run, text(name), at, compared, values));
            }
        }
    }
    for derived in reduced {
        let measured = &derived["measured"];
        for compared in list(&derived["theories"]) {
            let values = [
                &compared["reduced"]["estimate"],
                &measured["estimate"],
                &measured["stderr"],
            ];
            let label = text(&derived["label"]);
            let at = place(&derived["set"], &derived["axes"]);
            entries.extend(entry(run, label, at, compared, values));
        }
    }
    entries
}

/// `values`: predicted, measured and its standard error, each a list of one number or nothing.
fn entry(
    run: &str,
    quantity: String,
    at: String,
    compared: &Json,
    [predicted, measured, stderr]: [&Json; 3],
) -> Option<Entry> {
    // A row that cannot be decided stands in the table; one without a measurement does not.
    let undecided = compared["status"] == "not-compared" && !measured[0].is_null();
    (undecided || compared["status"] == "compared").then(|| Entry {
        run: run.into(),
        quantity,
        at,
        theory: text(&compared["theory"]),
        predicted: predicted[0].as_f64(),
        measured: measured[0].as_f64(),
        stderr: stderr[0].as_f64(),
        z: compared["worst"]["z"].as_f64(),
        n: compared["n"].as_u64().unwrap_or(0),
        verdict: match undecided {
            true => text(&compared["reason"]),
            false => text(&compared["verdict"]),
        },
    })
}

fn row(e: &Entry) -> Vec<String> {
    let predicted = match (e.predicted, e.stderr) {
        (Some(value), Some(s)) if s > 0.0 => {
            let digits = (2.0 - s.log10().floor()).clamp(0.0, 12.0) as usize;
            format!("{value:.digits$}")
        }
        (value, _) => value.map_or("-".into(), |v| value_text(v, None)),
    };
    vec![
        e.run.clone(),
        e.quantity.clone(),
        e.at.clone(),
        e.theory.clone(),
        predicted,
        e.measured.map_or("-".into(), |m| value_text(m, e.stderr)),
        e.z.map_or("-".into(), |z| format!("{z:+.1}")),
        e.n.to_string(),
        e.verdict.clone(),
    ]
}

/// Swept keys, without their tables, and the point of the grid: `size=8 p=0.5`.
fn place(set: &Json, axes: &Json) -> String {
    let value = |v: &Json| match v {
        Json::String(text) => text.clone(),
        // As a spec has it.
        Json::Object(_) => toml::Value::try_from(v).map_or(v.to_string(), |t| named(&t)),
        _ => v.to_string(),
    };
    let swept = set.as_object().into_iter().flatten();
    let swept = swept.map(|(key, v)| (key.rsplit('.').next().unwrap_or(key), value(v)));
    let grid = list(axes).map(|a| (a["name"].as_str().unwrap_or("?"), value(&a["values"][0])));
    let parts: Vec<String> = swept.chain(grid).map(|(k, v)| format!("{k}={v}")).collect();
    parts.join(" ")
}

/// Whether the grid of an observable is one point.
fn is_number(axes: &Json) -> bool {
    list(axes).all(|a| list(&a["values"]).count() == 1)
}

fn list(value: &Json) -> impl Iterator<Item = &Json> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Json {
        let observable = |name: &str, axes: Json, mean: f64| json!({ "name": name, "axes": axes, "mean": [mean], "stderr": [0.5] });
        let compared = |name: &str| {
            json!({ "theory": "exact", "observable": name, "status": "compared", "n": 6,
                    "worst": { "z": 1.5 }, "verdict": "inconclusive", "draws_needed": 40 })
        };
        let of = |scale: f64| {
            json!([
                observable("height", json!([]), 2.0 * scale),
                observable("weight", json!([]), 3.0 * scale),
                observable(
                    "curve",
                    json!([{ "name": "p", "values": [0.1, 0.2] }]),
                    4.0 * scale
                ),
                observable(
                    "point",
                    json!([{ "name": "p", "values": [0.5] }]),
                    5.0 * scale
                ),
            ])
        };
        json!({
            "cells": [{
                "set": { "task.size": 8, "task.element": "site" },
                "theories": [{ "theory": "exact", "observables": of(1.0) }],
                "measurements": of(1.1),
                "comparison": [
                    compared("height"), compared("weight"), compared("curve"), compared("point"),
                    { "theory": "other", "observable": "height", "status": "declined" },
                ],
            }],
            "derived": [{
                "label": "limit of weight", "observable": "weight", "axes": [], "set": {},
                "measured": { "estimate": [3.2], "stderr": [0.1] },
                "theories": [{ "theory": "exact", "reduced": { "estimate": [3.0] }, "status": "compared",
                               "worst": { "z": 2.0 }, "verdict": "agree", "n": 6 }],
            }],
        })
    }

    #[test]
    fn single_numbers_stand_beside_their_predictions() {
        let entries = entries_of("toy", &document());
        let seen: Vec<_> = entries
            .iter()
            .map(|e| (e.quantity.as_str(), e.predicted, e.measured, e.z))
            .collect();
        // Curves are no numbers, and the reduction over sizes takes the place of the weight of one size.
        assert_eq!(
            seen,
            [
                ("height", Some(2.0), Some(2.2), Some(1.5)),
                ("point", Some(5.0), Some(5.5), Some(1.5)),
                ("limit of weight", Some(3.0), Some(3.2), Some(2.0)),
            ]
        );
        assert_eq!(entries[0].at, "size=8 element=site");
        assert_eq!(entries[1].at, "size=8 element=site p=0.5");
        assert_eq!(entries[0].verdict, "inconclusive");
        assert_eq!(row(&entries[2])[4..7], ["3.000", "3.20 ± 0.10", "+2.0"]);
    }
}
