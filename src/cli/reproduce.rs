//! `reproduce`: recompute a run folder from nothing and compare its tables byte by byte, the gallery against its numbers, or a folder of
//! specs against the verdicts that they expect.

use super::JsonFlag;
use super::revisit::spec_of;
use super::text::{note, print, print_json, table};
use crate::error::{Error, Result};
use crate::gallery;
use crate::run::assess::{assess, exit_code};
use crate::run::{Settings, Side, execute, interrupt, tables};
use crate::spec::{Options, Spec};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(crate) struct ReproduceArgs {
    /// A run folder, `figures` for the gallery, or a folder of specs such as `models`
    what: PathBuf,
    /// Gallery, specs: only those whose name contains this text
    #[arg(long)]
    only: Option<String>,
    /// Gallery: write figures and numbers instead of checking them
    #[arg(long)]
    update: bool,
    /// Gallery, specs: keep records in this folder, and use those that stand there; a killed run resumes by it. Default: everything anew
    #[arg(long)]
    out: Option<PathBuf>,
    /// Worker threads (default: all cores)
    #[arg(long, value_parser = super::text::threads, default_value_t = 0, hide_default_value = true)]
    threads: usize,
    #[command(flatten)]
    json: JsonFlag,
}

impl ReproduceArgs {
    /// With the records of `out`, or everything anew.
    fn settings(&self, out: Option<PathBuf>) -> Settings {
        Settings {
            side: Side::Both,
            out,
            threads: self.threads,
            progress: true,
            ..Settings::default()
        }
    }
}

pub(crate) fn reproduce(args: &ReproduceArgs) -> Result<u8> {
    interrupt::install();
    match args.what.join("manifest.json").exists() {
        true => folder(&args.what, args),
        false if args.what.join("README.md").exists() || args.what.ends_with("figures") => {
            figures(args)
        }
        false => specs(args),
    }
}

fn folder(path: &Path, args: &ReproduceArgs) -> Result<u8> {
    if args.out.is_some() {
        return Err(Error::input(
            "--out",
            "the tables of a run folder are recomputed from nothing",
            "leave --out away; `saddlepoint run SPEC --out DIR` uses the records of a folder",
        ));
    }
    let (spec, _) = spec_of(path)?;
    let settings = args.settings(None);
    let outcome = execute(&spec, &settings)?;
    let assessment = assess(&spec, &outcome)?;
    let mut rows = Vec::new();
    for (name, bytes) in tables::tables(&spec, &outcome, &assessment)? {
        let file = path.join("tables").join(&name);
        let same = std::fs::read(&file).is_ok_and(|old| old == bytes);
        rows.push((name, same));
    }
    let all = rows.iter().all(|(_, same)| *same);
    if args.json.json {
        let entries: Vec<_> = rows
            .iter()
            .map(|(n, s)| json!({ "table": n, "identical": s }))
            .collect();
        print_json(
            &json!({ "schema": "saddlepoint/1/reproduce", "tables": entries, "identical": all }),
        )?;
    } else {
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .map(|(n, same)| vec![n, if same { "identical" } else { "DIFFERS" }.into()])
            .collect();
        print(&table(&["table", "bytes"], &rows))?;
    }
    Ok(if all { 0 } else { 1 })
}

fn figures(args: &ReproduceArgs) -> Result<u8> {
    let options = gallery::Options {
        folder: args.what.clone(),
        only: args.only.clone(),
        update: args.update,
        out: args.out.clone(),
        threads: args.threads,
    };
    let gallery::Reproduced { checks, skipped } = gallery::reproduce(&options)?;
    for figure in &skipped {
        note(&format!("skipped: {figure}"));
    }
    let all = checks.iter().all(|c| c.ok);
    if args.json.json {
        print_json(
            &json!({ "schema": "saddlepoint/1/gallery", "checks": checks, "skipped": skipped, "ok": all }),
        )?;
    } else {
        let rows: Vec<Vec<String>> = checks
            .iter()
            .map(|c| {
                vec![
                    c.figure.clone(),
                    c.number.clone(),
                    to_tolerance(c.value, c.tolerance),
                    format!(
                        "{} ± {:.1e}",
                        to_tolerance(c.expected, c.tolerance),
                        c.tolerance
                    ),
                    if c.ok { "ok" } else { "OFF" }.into(),
                ]
            })
            .collect();
        print(&table(
            &["figure", "number", "value", "expected", "check"],
            &rows,
        ))?;
    }
    Ok(if all { 0 } else { 1 })
}

/// Runs every spec of a folder in full: expectations are met, and no cell fails.
fn specs(args: &ReproduceArgs) -> Result<u8> {
    let files = std::fs::read_dir(&args.what).into_iter().flatten();
    let mut files: Vec<PathBuf> = files.filter_map(|e| e.ok().map(|e| e.path())).collect();
    files.retain(|path| {
        let name = path
            .file_stem()
            .map_or(String::new(), |s| s.to_string_lossy().into());
        let chosen = args
            .only
            .as_ref()
            .is_none_or(|only| name.contains(only.as_str()));
        chosen && path.extension().is_some_and(|e| e == "toml")
    });
    files.sort();
    if files.is_empty() {
        return Err(Error::input(
            args.what.display().to_string(),
            "neither a run folder (with manifest.json), nor the gallery (figures), nor a folder of specs",
            "give a run folder such as runs/deep-linear-1a2b3c4d, figures, or models; and check --only",
        ));
    }
    let settings = args.settings(args.out.clone());
    let (mut rows, mut entries, mut all) = (vec![], vec![], true);
    for path in &files {
        let name = path.display().to_string();
        if let Some(absent) = gallery::absent_data(path)? {
            note(&format!("skipped: {name}: {} is absent", absent.display()));
            entries.push(json!({ "spec": name, "status": "skipped" }));
            continue;
        }
        let spec = Spec::read(path, &Options::default())?;
        let outcome = execute(&spec, &settings)?;
        let assessment = assess(&spec, &outcome)?;
        let code = exit_code(&spec, &outcome, &assessment);
        let met = assessment.expectations.iter().filter(|e| e.met).count();
        let failed = outcome.cells.iter().filter_map(|c| c.failure.as_ref());
        let unmet = assessment.expectations.iter().filter(|e| !e.met);
        let why: Vec<String> = failed
            .map(|e| e.to_string())
            .chain(unmet.map(|e| format!("{} should {}: {}", e.label, e.expect.name(), e.why)))
            .collect();
        for reason in &why {
            note(&format!("{name}: {reason}"));
        }
        all &= code == 0;
        entries.push(json!({
            "spec": name, "status": if code == 0 { "ok" } else { "off" }, "cells": outcome.cells.len(),
            "expectations": assessment.expectations.len(), "met": met, "why": why,
        }));
        rows.push(vec![
            name,
            outcome.cells.len().to_string(),
            format!("{met} of {}", assessment.expectations.len()),
            if code == 0 { "ok" } else { "OFF" }.into(),
        ]);
    }
    if args.json.json {
        print_json(&json!({ "schema": "saddlepoint/1/specs", "specs": entries, "ok": all }))?;
    } else {
        print(&table(
            &["spec", "cells", "expectations met", "check"],
            &rows,
        ))?;
    }
    Ok(if all { 0 } else { 1 })
}

/// One digit more than the tolerance, so that a number which is off is seen to be off.
fn to_tolerance(value: f64, tolerance: f64) -> String {
    let digits = (1.0 - tolerance.log10().floor()).clamp(0.0, 15.0) as usize;
    format!("{value:.digits$}")
}
