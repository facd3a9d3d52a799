//! `check`: what a spec would do, without solving or training.

use super::JobArgs;
use super::text::{human_bytes, print, print_json, table};
use crate::error::Result;
use crate::run::estimate;
use crate::run::mapping::cost::MapEstimate;
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
        quick.read()?;
    }
    let estimate = estimate(&spec, settings.threads, settings.max_memory)?;
    let verdict = estimate.bytes <= settings.max_memory;
    let sources: Vec<Json> = spec
        .sources()
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    if args.json.json {
        print_json(&json!({
            "schema": "saddlepoint/1/check",
            "name": spec.name, "hash": spec.hash, "cells": estimate.cells, "maps": estimate.maps,
            "bytes": estimate.bytes, "seconds": estimate.seconds, "fits": verdict,
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
    print(&table(
        &["cell", "set", "draws", "theory", "conditions on", "what"],
        &rows,
    ))?;
    if !estimate.maps.is_empty() {
        print("\n")?;
        print(&maps(&estimate.maps))?;
    }
    print(&format!(
        "\nestimated: {} cells, {:.1} s on one core, {} of memory ({})\n",
        estimate.cells.len(),
        estimate.seconds,
        human_bytes(estimate.bytes),
        if verdict {
            "fits"
        } else {
            "above --max-memory: the run would be refused"
        }
    ))?;
    Ok(0)
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
