//! `check`: what a spec would do, without solving or training.

use super::JobArgs;
use super::text::{fitted, print, print_json, table};
use crate::error::{Error, Result, human_bytes};
use crate::run::mapping::cost::MapEstimate;
use crate::run::probe::{self, Expected};
use crate::run::{estimate, workers};
use crate::spec::Spec;
use crate::spec::sweep::{Settings, named};
use serde_json::{Value as Json, json};

pub(crate) fn check(args: &JobArgs) -> Result<u8> {
    let spec = args.read()?;
    let settings = args.settings(crate::run::Side::Both);
    if !args.quick && spec.document.table()?.contains_key("quick") {
        // A mistake in [quick] is found here, not when --quick is used the first time.
        let quick = JobArgs {
            quick: true,
            ..args.clone()
        };
        quick.read().map_err(|e| match e {
            Error::Input {
                place,
                cause,
                remedy,
            } => Error::input(format!("with --quick: {place}"), cause, remedy),
            other => other,
        })?;
    }
    let estimate = estimate(&spec, settings.threads, settings.max_memory)?;
    let verdict = estimate.bytes <= settings.max_memory;
    let sources: Vec<Json> = spec
        .sources()
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    let threads = workers(args.threads);
    let of_maps = estimate.maps.iter().map(|m| m.seconds).sum();
    let expected = probe::expected(&spec, threads, of_maps);
    if args.json.json {
        print_json(&json!({
            "schema": "saddlepoint/1/check",
            "name": spec.name, "hash": spec.hash, "cells": estimate.cells, "maps": estimate.maps,
            "bytes": estimate.bytes, "seconds": estimate.seconds, "expected": expected, "fits": verdict,
            "sources": sources,
        }))?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = estimate
        .cells
        .iter()
        .flat_map(|cell| {
            cell.theories.iter().map(|t| {
                vec![
                    cell.index.to_string(),
                    set_text(&spec.cells[cell.index].set),
                    cell.draws.to_string(),
                    t.label.clone(),
                    t.conditioning.clone().unwrap_or_default(),
                    match &t.declined {
                        Some(_) if is_mapped_alone(&spec, &t.label) => "answers [map] alone".into(),
                        Some(reason) => format!("declines: {reason}"),
                        None if t.observables.is_empty() => "answers [[reduce]] alone".into(),
                        None => {
                            let notes = t.notes.iter().map(|note| format!("; {note}"));
                            let notes: String = notes.collect();
                            format!("predicts {}{notes}", t.observables.join(", "))
                        }
                    },
                ]
            })
        })
        .collect();
    print(&format!("{} [{}] is valid\n\n", spec.name, &spec.hash[..8]))?;
    let sources = spec.sources();
    for (name, value) in &sources {
        print(&format!("{name}: {value}\n"))?;
    }
    if !sources.is_empty() {
        print("\n")?;
    }
    let header = ["cell", "set", "draws", "theory", "conditions on", "what"];
    print(&fitted(&header, &rows, args.wide))?;
    if !estimate.maps.is_empty() {
        print("\n")?;
        print(&maps(&estimate.maps))?;
    }
    let cells = match estimate.cells.len() {
        1 => "1 cell".to_string(),
        n => format!("{n} cells"),
    };
    print(&format!(
        "\nestimated: {cells}, {} on {threads} thread{} by short trials on this machine, {} of memory ({})\n",
        range(expected.wall),
        if threads == 1 { "" } else { "s" },
        human_bytes(estimate.bytes),
        if verdict {
            "fits"
        } else {
            "above --max-memory: the run would be refused"
        }
    ))?;
    if expected.wall[0] > DAY {
        print("longer than a day: `run` asks for --yes\n")?;
    }
    Ok(0)
}

/// Seconds above which a run is to be confirmed.
const DAY: f64 = 86_400.0;
/// Seconds by the cost model above which a run is tried before it begins.
const TRIED: f64 = 3600.0;

/// Refuses what would take longer than a day, unless it is confirmed.
///
/// # Errors
/// `Resource`-like: exit code 5, with the range that trials gave.
pub(crate) fn confirm(spec: &Spec, args: &JobArgs) -> Result<()> {
    if args.yes {
        return Ok(());
    }
    let threads = workers(args.threads);
    let estimate = estimate(spec, threads, args.max_memory)?;
    if estimate.seconds / (threads as f64) < TRIED {
        return Ok(());
    }
    let of_maps = estimate.maps.iter().map(|m| m.seconds).sum();
    let Expected { wall, .. } = probe::expected(spec, threads, of_maps);
    match wall[0] > DAY {
        false => Ok(()),
        true => Err(Error::TooLong {
            what: spec.name.clone(),
            range: range(wall),
        }),
    }
}

/// `3 to 5 s`, `2 to 4 h`, `1.5 to 3 years`.
fn range([from, to]: [f64; 2]) -> String {
    const UNITS: [(&str, f64); 5] = [
        ("years", 31_557_600.0),
        ("days", DAY),
        ("h", 3600.0),
        ("min", 60.0),
        ("s", 1.0),
    ];
    let unit = |x: f64| {
        UNITS
            .into_iter()
            .find(|(_, size)| x >= 1.5 * size)
            .unwrap_or(("s", 1.0))
    };
    let number = |x: f64| match x {
        x if x < 0.95 => format!("{x:.1}"),
        x if x < 1e6 => crate::run::assess::short(if x < 10.0 {
            (x * 10.0).round() / 10.0
        } else {
            x.round()
        }),
        x => format!("{x:.1e}"),
    };
    let ((low, a), (high, b)) = (unit(from), unit(to));
    if from < 0.05 {
        return match to < 0.1 {
            true => "less than 0.1 s".into(),
            false => format!("up to {} {high}", number(to / b)),
        };
    }
    match (low == high, number(from / a) == number(to / b)) {
        (true, true) => format!("{} {low}", number(from / a)),
        (true, false) => format!("{} to {} {low}", number(from / a), number(to / b)),
        _ => format!("{} {low} to {} {high}", number(from / a), number(to / b)),
    }
}

/// Whether nothing is asked of an entry beside the map.
fn is_mapped_alone(spec: &Spec, label: &str) -> bool {
    let mut entries = spec.cells.iter().flat_map(|c| &c.theories);
    let entry = entries.find(|t| t.label == label);
    spec.map.is_some() && entry.is_some_and(|t| t.asked.is_empty())
}

/// One line per theory and chart of the map.
fn maps(maps: &[MapEstimate]) -> String {
    let row = |m: &MapEstimate| {
        let set = m.set.iter().map(|(k, v)| format!("{k}={v}"));
        vec![
            set.collect::<Vec<_>>().join(" "),
            m.label.clone(),
            m.observables.join(", "),
            m.points.to_string(),
            format!("{:.1} s", m.seconds),
            human_bytes(m.bytes),
            match &m.declined {
                Some(reason) => format!("declines {reason}"),
                None => m.conditioning.clone().unwrap_or_default(),
            },
        ]
    };
    let rows: Vec<Vec<String>> = maps.iter().map(row).collect();
    let header = [
        "map",
        "theory",
        "of",
        "points",
        "on one core",
        "memory",
        "conditions on",
    ];
    table(&header, &rows)
}

pub(crate) fn set_text(set: &Settings) -> String {
    set.iter()
        .map(|(k, v)| format!("{k}={}", named(v)))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn times_are_told_in_their_unit() {
        assert_eq!(range([0.01, 0.05]), "less than 0.1 s");
        assert_eq!(range([0.01, 0.94]), "up to 0.9 s");
        assert_eq!(range([0.24, 1.26]), "0.2 to 1.3 s");
        assert_eq!(range([30.0, 240.0]), "30 s to 4 min");
        assert_eq!(range([4e5, 9e5]), "4.6 to 10 days");
        assert_eq!(range([1e8, 1e8]), "3.2 years");
    }
}
