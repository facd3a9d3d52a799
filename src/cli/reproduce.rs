//! `reproduce`: recompute a run folder from nothing and compare its tables byte by byte, or the gallery against its numbers.

use super::JsonFlag;
use super::revisit::spec_of;
use super::text::{note, print, print_json, table};
use crate::error::{Error, Result};
use crate::gallery;
use crate::run::assess::assess;
use crate::run::{Settings, Side, execute, interrupt, tables};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(crate) struct ReproduceArgs {
    /// A run folder, or `figures` for the gallery
    what: PathBuf,
    /// Gallery: only figures whose name contains this text
    #[arg(long)]
    only: Option<String>,
    /// Gallery: write figures and numbers instead of checking them
    #[arg(long)]
    update: bool,
    /// Worker threads (default: all cores)
    #[arg(long, value_parser = super::text::threads, default_value_t = 0, hide_default_value = true)]
    threads: usize,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn reproduce(args: &ReproduceArgs) -> Result<u8> {
    interrupt::install();
    match args.what.join("manifest.json").exists() {
        true => folder(&args.what, args),
        false if args.what.join("README.md").exists() || args.what.ends_with("figures") => {
            figures(args)
        }
        false => Err(Error::input(
            args.what.display().to_string(),
            "neither a run folder (with manifest.json) nor the gallery (figures)",
            "give a run folder such as runs/deep-linear-1a2b3c4d, or figures",
        )),
    }
}

fn folder(path: &Path, args: &ReproduceArgs) -> Result<u8> {
    let (spec, _) = spec_of(path)?;
    let settings = Settings {
        side: Side::Both,
        out: None,
        threads: args.threads,
        progress: true,
        ..Settings::default()
    };
    let outcome = execute(&spec, &settings)?;
    let assessment = assess(&spec, &outcome)?;
    let mut rows = Vec::new();
    for (name, bytes) in tables::tables(&outcome, &assessment)? {
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

/// One digit more than the tolerance, so that a number which is off is seen to be off.
fn to_tolerance(value: f64, tolerance: f64) -> String {
    let digits = (1.0 - tolerance.log10().floor()).clamp(0.0, 15.0) as usize;
    format!("{value:.digits$}")
}
