//! `status` and `report`: look at a run folder again.

use super::text::{note, print, print_json};
use crate::error::{Error, Result};
use crate::numerics::text::decode;
use crate::report::folder;
use crate::run::assess::assess;
use crate::run::manifest::{Origin, fault, history};
use crate::run::store::{Lookup, Store};
use crate::run::{Settings, Side, execute, identity};
use crate::spec::{Options, Spec};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// The spec of a run folder, with the overrides it was run with.
pub(crate) fn spec_of(folder: &Path) -> Result<(Spec, Json)> {
    let manifest = manifest_of(folder, "manifest.json")?;
    Ok((spec_as(folder, &manifest)?, manifest))
}

/// The manifest of a run folder, whole and written by this program.
fn manifest_of(folder: &Path, name: &str) -> Result<Json> {
    let manifest = folder::read_json(folder, name)?;
    match fault(&manifest) {
        None => Ok(manifest),
        Some(cause) => Err(Error::input(
            folder.join(name).display().to_string(),
            cause,
            "run the spec again: records that stand are found, and the folder is written anew",
        )),
    }
}

/// The spec of a run folder, with what its manifest says of it.
fn spec_as(folder: &Path, manifest: &Json) -> Result<Spec> {
    let file = folder.join("spec.toml");
    let bytes = std::fs::read(&file).map_err(|e| Error::storage(&file, &e))?;
    let text = decode(&file.display().to_string(), &bytes)?;
    let options = Options {
        quick: manifest["quick"].as_bool().unwrap_or(false),
        set: serde_json::from_value(manifest["overrides"].clone()).unwrap_or_default(),
        seed: manifest["seed"].as_u64(),
        explore: manifest["explore"].as_bool().unwrap_or(false),
    };
    let name = manifest["name"].as_str().unwrap_or("spec").to_string();
    let path = file.display().to_string();
    let spec = Spec::parse(&name, &path, &text, &options)?;
    if manifest["hash"].as_str() != Some(spec.hash.as_str()) {
        return Err(Error::input(
            folder.display().to_string(),
            "the spec resolves to another hash than the folder's: a component was revised, or a data file changed",
            "run the spec again to get a new folder",
        ));
    }
    Ok(spec)
}

fn out_of(folder: &Path) -> PathBuf {
    match folder.parent() {
        Some(p) if !p.as_os_str().is_empty() => p.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Which records of a run stand in the store.
struct Held {
    found: usize,
    missing: Vec<String>,
    damaged: Vec<String>,
}

impl Held {
    fn of(folder: &Path, names: &[String]) -> Result<Held> {
        let store = Store::existing(&out_of(folder))?;
        let (mut found, mut missing, mut damaged) = (0, Vec::new(), Vec::new());
        for name in names {
            let key = Path::new(name)
                .file_stem()
                .map_or(String::new(), |s| s.to_string_lossy().into_owned());
            match store.get(&key)? {
                Lookup::Found(_) => found += 1,
                Lookup::Missing => missing.push(name.to_string()),
                Lookup::Damaged(_) => damaged.push(name.to_string()),
            }
        }
        Ok(Held {
            found,
            missing,
            damaged,
        })
    }
}

pub(crate) fn status(folder: &Path, as_json: bool) -> Result<u8> {
    let ended = !folder.join(folder::UNFINISHED).exists();
    let (manifest, names) = if ended {
        let manifest = manifest_of(folder, "manifest.json")?;
        let names = serde_json::from_value(manifest["records"].clone()).unwrap_or_default();
        (manifest, names)
    } else {
        let origin = manifest_of(folder, folder::UNFINISHED)?;
        let names = identity::records(&spec_as(folder, &origin)?, Side::Both);
        (origin, names)
    };
    let names: Vec<String> = names;
    let Held {
        found,
        missing,
        damaged,
    } = Held::of(folder, &names)?;
    let changed = folder::changed(folder, &manifest);
    // A run that has ended has all its records; what is damaged is so at any time.
    let lacking = ended && !(missing.is_empty() && changed.is_empty());
    let code = match lacking || !damaged.is_empty() {
        true => 4,
        false => 0,
    };
    if as_json {
        print_json(&json!({
            "schema": "saddlepoint/1/status", "name": manifest["name"], "hash": manifest["hash"],
            "ended": ended, "records": names.len(), "found": found, "missing": missing, "damaged": damaged,
            "changed_files": changed, "history": history(&manifest),
        }))?;
        return Ok(code);
    }
    print(&format!(
        "{} [{}]: {found} of {} records in place, {} missing, {} damaged\n",
        manifest["name"].as_str().unwrap_or("?"),
        &manifest["hash"].as_str().unwrap_or("????????")[..8],
        names.len(),
        missing.len(),
        damaged.len()
    ))?;
    if !ended {
        let command = manifest["command"].as_str().unwrap_or("saddlepoint run");
        print(&format!(
            "the run has not ended: `{command}` computes the rest\n"
        ))?;
        return Ok(code);
    }
    for name in missing.iter().chain(&damaged) {
        print(&format!("  {name}\n"))?;
    }
    for name in &changed {
        print(&format!(
            "  {name}: gone, or not as it was written; `saddlepoint report` writes it anew\n"
        ))?;
    }
    if !missing.is_empty() || !damaged.is_empty() {
        print("run the spec again: only these are recomputed\n")?;
    }
    Ok(code)
}

pub(crate) fn report(folder: &Path, as_json: bool, commit: Option<&str>) -> Result<u8> {
    let (spec, manifest) = spec_of(folder)?;
    let names: Vec<String> =
        serde_json::from_value(manifest["records"].clone()).unwrap_or_default();
    let held = Held::of(folder, &names)?;
    let lost = held.missing.len() + held.damaged.len();
    if lost > 0 {
        let command = manifest["command"].as_str().unwrap_or("saddlepoint run");
        return Err(Error::input(
            folder.display().to_string(),
            format!("{lost} of {} records are missing or damaged", names.len()),
            format!("`{command}` computes them anew and redraws; `saddlepoint status` names them"),
        ));
    }
    let settings = Settings {
        side: Side::Both,
        out: Some(out_of(folder)),
        progress: true,
        ..Settings::default()
    };
    let outcome = execute(&spec, &settings)?;
    for warning in &outcome.warnings {
        note(&format!("warning: {warning}"));
    }
    let assessment = assess(&spec, &outcome)?;
    let command = manifest["command"].as_str().unwrap_or("saddlepoint run");
    let by = Origin { command, commit };
    let drawn = folder::write(&spec, &outcome, &assessment, folder, by)?;
    let names: Vec<&String> = drawn.iter().map(|d| &d.name).collect();
    match as_json {
        true => print_json(
            &json!({ "schema": "saddlepoint/1/report", "folder": folder.display().to_string(), "figures": names }),
        )?,
        false => {
            let s = if names.len() == 1 { "" } else { "s" };
            print(&format!(
                "redrew {} figure{s} and the report in {}\n",
                names.len(),
                folder.display()
            ))?;
        }
    }
    Ok(0)
}
