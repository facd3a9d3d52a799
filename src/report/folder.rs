//! The run folder: everything a run leaves behind, each file written whole or not at all.

use super::compose;
use super::figures::{Drawn, figures};
use super::{html, markdown, script};
use crate::error::{Error, Result};
use crate::numerics::atomic::{remove, remove_abandoned, write_atomic};
use crate::numerics::content;
use crate::numerics::text::decode;
use crate::plot::{figure_csv, render_pdf, render_png, render_svg};
use crate::run::assess::Assessment;
use crate::run::manifest::Origin;
use crate::run::outcome::Outcome;
use crate::run::{arrays, document, manifest, tables};
use crate::spec::Spec;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// `<out>/<name>-<hash8>`.
pub fn path(spec: &Spec, out: &Path) -> PathBuf {
    out.join(format!("{}-{}", spec.name, &spec.hash[..8]))
}

/// What a run folder holds until its run has ended.
pub const UNFINISHED: &str = "unfinished.json";

/// Makes the folder of a run that begins: the spec and [`UNFINISHED`], with which its state can be looked up.
pub fn begin(spec: &Spec, folder: &Path, by: Origin) -> Result<()> {
    let mut origin = manifest::origin(spec, by);
    origin["history"] = serde_json::json!(before(folder).map_or(vec![], |m| manifest::history(&m)));
    write_atomic(&folder.join("spec.toml"), spec.document.text.as_bytes())?;
    write_atomic(&folder.join(UNFINISHED), pretty(&origin).as_bytes())
}

/// Notes in the folder of a run that it was stopped, after so many seconds: some of its numbers are made.
pub fn stopped(folder: &Path, threads: usize, seconds: f64) -> Result<()> {
    let Ok(mut origin) = read_json(folder, UNFINISHED) else {
        return Ok(());
    };
    let mut history = manifest::history(&origin);
    history.push(manifest::stopped(&origin, threads, seconds));
    origin["history"] = serde_json::json!(history);
    write_atomic(&folder.join(UNFINISHED), pretty(&origin).as_bytes())
}

/// The manifest of the folder as it was, of a run that ended or began.
fn before(folder: &Path) -> Option<Json> {
    let read = |name: &str| -> Option<Json> {
        let text = std::fs::read_to_string(folder.join(name)).ok()?;
        let found: Json = serde_json::from_str(&text).ok()?;
        manifest::fault(&found).is_none().then_some(found)
    };
    let (ended, begun) = (read("manifest.json"), read(UNFINISHED));
    let longer = |m: &Json| manifest::history(m).len();
    match (ended, begun) {
        (Some(ended), Some(begun)) if longer(&begun) > longer(&ended) => Some(begun),
        (Some(ended), _) => Some(ended),
        (None, begun) => begun,
    }
}

/// Writes spec, resolved spec, tables, arrays, figures, report and manifest; returns the drawn figures.
///
/// The manifest comes last: a folder with a manifest is complete.
pub fn write(
    spec: &Spec,
    outcome: &Outcome,
    assessment: &Assessment,
    folder: &Path,
    by: Origin,
) -> Result<Vec<Drawn>> {
    let manifest = manifest::manifest(spec, outcome, by, before(folder).as_ref());
    let drawn = figures(spec, outcome, assessment)?;
    let mut sums: BTreeMap<String, String> = BTreeMap::new();
    let mut put = |name: &str, bytes: &[u8]| {
        sums.insert(name.to_string(), checksum(bytes));
        write_atomic(&folder.join(name), bytes)
    };
    put("spec.toml", spec.document.text.as_bytes())?;
    put("resolved.json", pretty(&spec.resolved).as_bytes())?;
    for (name, bytes) in tables::tables(spec, outcome, assessment)? {
        put(&format!("tables/{name}"), &bytes)?;
    }
    put("arrays.npz", &arrays::npz(spec, outcome)?)?;
    let result = document::document("run", spec, outcome, assessment)?;
    put("result.json", pretty(&result).as_bytes())?;
    for d in &drawn {
        put(
            &format!("figures/{}.svg", d.name),
            render_svg(&d.figure)?.as_bytes(),
        )?;
        put(
            &format!("figures/{}.png", d.name),
            &render_png(&d.figure, 2.0)?,
        )?;
        put(&format!("figures/{}.pdf", d.name), &render_pdf(&d.figure)?)?;
        put(
            &format!("figures/{}.csv", d.name),
            figure_csv(&d.figure).as_bytes(),
        )?;
    }
    put("plot.py", script::script(&drawn).as_bytes())?;
    let reproduce = vec![
        by.command.to_string(),
        format!("saddlepoint reproduce {}", folder.display()),
    ];
    let report = compose::document(
        spec,
        outcome,
        assessment,
        &drawn,
        manifest::provenance(&manifest),
        reproduce,
    )?;
    put("report.html", html(&report).as_bytes())?;
    put("report.md", markdown(&report).as_bytes())?;
    let mut manifest = manifest;
    manifest["files"] = serde_json::json!(sums);
    write_atomic(&folder.join("manifest.json"), pretty(&manifest).as_bytes())?;
    remove(&folder.join(UNFINISHED))?;
    for below in ["", "tables", "figures"] {
        remove_abandoned(&folder.join(below))?;
    }
    Ok(drawn)
}

/// Of a file of the folder, as the manifest states it.
fn checksum(bytes: &[u8]) -> String {
    content::of_bytes(bytes)[..16].to_string()
}

/// Files of a finished run that are gone or not as they were written.
pub fn changed(folder: &Path, manifest: &Json) -> Vec<String> {
    let files = manifest["files"].as_object().into_iter().flatten();
    let differs = |(name, sum): &(&String, &Json)| {
        let bytes = std::fs::read(folder.join(name.as_str()));
        bytes.map_or(true, |b| sum.as_str() != Some(checksum(&b).as_str()))
    };
    files
        .filter(differs)
        .map(|(name, _)| name.clone())
        .collect()
}

fn pretty(value: &Json) -> String {
    format!("{value:#}\n")
}

/// Reads a JSON file of a run folder.
pub fn read_json(folder: &Path, name: &str) -> Result<Json> {
    let path = folder.join(name);
    if !path.exists() && folder.join(UNFINISHED).exists() {
        return Err(Error::input(
            folder.display().to_string(),
            "its run has not ended",
            "run the spec again: what is finished is kept; `saddlepoint status` tells how much",
        ));
    }
    let bytes = std::fs::read(&path).map_err(|e| {
        Error::input(
            path.display().to_string(),
            format!("cannot read it: {e}"),
            "give a run folder such as runs/deep-linear-1a2b3c4d",
        )
    })?;
    let text = decode(&path.display().to_string(), &bytes)?;
    serde_json::from_str(&text).map_err(|e| {
        Error::input(
            path.display().to_string(),
            format!("not valid JSON: {e}"),
            "run the spec again to rebuild the folder",
        )
    })
}
