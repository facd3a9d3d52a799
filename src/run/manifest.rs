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

/// Version, commit, machine, threads, seed, hash, wall time and the records used.
pub fn manifest(spec: &Spec, outcome: &Outcome, by: Origin) -> Json {
    let mut all = origin(spec, by);
    all["threads"] = json!(outcome.threads);
    all["wall_seconds"] = json!(outcome.seconds);
    all["records"] = json!(outcome.records);
    all
}

/// What is known of a run before it begins.
pub fn origin(spec: &Spec, by: Origin) -> Json {
    json!({
        "schema": "saddlepoint/1/manifest",
        "name": spec.name,
        "hash": spec.hash,
        "quick": spec.quick,
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
