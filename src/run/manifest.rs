//! The manifest of a run: what is needed to judge and repeat it.

use super::outcome::Outcome;
use crate::spec::{Source, Spec};
use serde_json::{Value as Json, json};

/// Who makes a run.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The command that repeats it.
    pub command: &'a str,
    /// Commit of the source tree that the program was built from, where it is known.
    pub commit: Option<&'a str>,
}

/// Version, commit, machine, threads, seed, hash, wall time and the records used; `before` is the manifest of the folder as it was.
///
/// A run that found all its records made no number: what is known of those that did stands in `history`, and stays.
pub fn manifest(spec: &Spec, outcome: &Outcome, by: Origin, before: Option<&Json>) -> Json {
    let mut all = origin(spec, by);
    all["threads"] = json!(outcome.threads);
    all["wall_seconds"] = json!(outcome.seconds);
    all["records"] = json!(outcome.records);
    let mut history = before.map_or(vec![], history);
    let made_by = history.last().cloned();
    let made_by = made_by.or_else(|| before.filter(|b| b["wall_seconds"].is_number()).cloned());
    match made_by.filter(|_| outcome.made == 0) {
        Some(made_by) => MADE_BY
            .iter()
            .for_each(|key| all[*key] = made_by[*key].clone()),
        None => history.push(entry(&all, json!(outcome.made))),
    }
    all["history"] = json!(history);
    all
}

/// What belongs to the run that made the numbers, not to the one that drew them again.
const MADE_BY: [&str; 8] = [
    "version",
    "commit",
    "cpu",
    "simd",
    "os",
    "command",
    "threads",
    "wall_seconds",
];

/// The runs that made the records of a folder, the first one first.
pub fn history(manifest: &Json) -> Vec<Json> {
    manifest["history"].as_array().cloned().unwrap_or_default()
}

/// An entry of the history: who made so many records.
fn entry(by: &Json, computed: Json) -> Json {
    let mut entry = json!({ "computed": computed });
    MADE_BY
        .iter()
        .for_each(|key| entry[*key] = by[*key].clone());
    entry
}

/// An entry of the history for a run that was stopped.
pub fn stopped(origin: &Json, threads: usize, seconds: f64) -> Json {
    let mut entry = entry(origin, Json::Null);
    entry["stopped"] = json!(true);
    entry["threads"] = json!(threads);
    entry["wall_seconds"] = json!(seconds);
    entry
}

/// What is wrong with a manifest; `None` for one that this program wrote.
pub fn fault(manifest: &Json) -> Option<&'static str> {
    let hex = |s: &str| s.len() >= 8 && s.bytes().all(|b| b.is_ascii_hexdigit());
    if manifest["schema"].as_str() != Some("saddlepoint/1/manifest") {
        return Some("it is no manifest of this program");
    }
    if !manifest["hash"].as_str().is_some_and(hex) {
        return Some("its hash is damaged");
    }
    if manifest["name"].as_str().is_none() {
        return Some("its name is missing");
    }
    match manifest.get("records") {
        Some(records)
            if !records
                .as_array()
                .is_some_and(|r| r.iter().all(Json::is_string)) =>
        {
            Some("its list of records is damaged")
        }
        _ => None,
    }
}

/// What is known of a run before it begins.
pub fn origin(spec: &Spec, by: Origin) -> Json {
    json!({
        "schema": "saddlepoint/1/manifest",
        "name": spec.name,
        "hash": spec.hash,
        "quick": spec.quick,
        "explore": spec.dropped.as_deref() == Some("--explore"),
        "seed": spec.seed,
        "version": env!("CARGO_PKG_VERSION"),
        "commit": by.commit,
        "cpu": cpu(),
        "simd": simd_level(),
        "os": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "command": by.command,
        "overrides": spec.document.overrides.iter().filter_map(|o| match &o.source {
            Source::Set(text) => Some(text),
            _ => None,
        }).collect::<Vec<_>>(),
    })
}

/// The manifest's short entries as names and values.
pub fn provenance(manifest: &Json) -> Vec<(String, String)> {
    let runs = history(manifest);
    let made = runs.iter().filter(|_| runs.len() > 1).map(|run| {
        let seconds = run["wall_seconds"].as_f64().unwrap_or(0.0);
        let what = match run["computed"].as_u64() {
            Some(n) => format!("{n} records"),
            None => "stopped".to_string(),
        };
        let command = run["command"].as_str().unwrap_or("?");
        let text = format!(
            "{what} in {seconds:.2} s on {} threads: {command}",
            run["threads"]
        );
        ("computed by".to_string(), text)
    });
    let made: Vec<(String, String)> = made.collect();
    [
        "name",
        "hash",
        "seed",
        "version",
        "commit",
        "cpu",
        "simd",
        "os",
        "threads",
        "wall_seconds",
        "command",
    ]
    .into_iter()
    .map(|key| {
        let value = match &manifest[key] {
            Json::String(s) => s.clone(),
            Json::Number(n) if key == "wall_seconds" => format!("{:.2}", n.as_f64().unwrap_or(0.0)),
            Json::Null => "unknown".into(),
            other => other.to_string(),
        };
        (key.replace('_', " "), value)
    })
    .chain(made)
    .collect()
}

fn cpu() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    info.lines()
        .find_map(|l| l.strip_prefix("model name"))
        .map(|l| l.trim_start_matches([' ', '\t', ':']).to_string())
}

/// Widest vector instructions that the run-time dispatch found.
pub fn simd_level() -> &'static str {
    #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            return "avx512";
        }
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
        {
            return "avx2+fma";
        }
    }
    "baseline"
}
