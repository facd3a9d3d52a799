//! `predict`, `measure`, `run`: from a spec to values, verdicts and a run folder.

use super::JobArgs;
use super::check::set_text;
use super::text::{fitted, note, print, print_json, shell_word};
use crate::error::{Error, Result};
use crate::report::{self, figures, fits, folder, league, standing};
use crate::run::assess::{Assessment, NOT_TOLD, RowResult, assess, exit_code};
use crate::run::manifest::Origin;
use crate::run::outcome::{Outcome, Status};
use crate::run::{Settings, Side, document, interrupt, prepare, weights, workers};
use crate::spec::{Options, Spec};
use std::collections::BTreeMap;
use std::time::Instant;

impl JobArgs {
    pub(crate) fn read(&self) -> Result<Spec> {
        let options = Options {
            quick: self.quick,
            set: self.set.clone(),
            seed: self.seed,
            explore: self.explore,
        };
        let spec = Spec::read(&self.spec, &options)?;
        figures::check(&spec)?;
        Ok(spec)
    }

    pub(crate) fn settings(&self, side: Side) -> Settings {
        Settings {
            side,
            out: Some(self.out.clone()),
            threads: self.threads,
            max_memory: self.max_memory,
            progress: true,
            ..Settings::default()
        }
    }

    /// The command that repeats this one.
    fn command(&self, verb: &str) -> String {
        let spec = shell_word(&self.spec.display().to_string());
        let mut text = format!("saddlepoint {verb} {spec}");
        for s in &self.set {
            text.push_str(&format!(" --set {}", shell_word(s)));
        }
        if self.quick {
            text.push_str(" --quick");
        }
        if self.explore {
            text.push_str(" --explore");
        }
        if let Some(seed) = self.seed {
            text.push_str(&format!(" --seed {seed}"));
        }
        text
    }
}

pub(crate) fn job(
    args: &JobArgs,
    side: Side,
    save_weights: bool,
    commit: Option<&str>,
) -> Result<u8> {
    interrupt::install();
    let spec = args.read()?;
    let settings = Settings {
        weights: save_weights,
        ..args.settings(side)
    };
    let kind = match side {
        Side::Theory => "predict",
        Side::Networks => "measure",
        Side::Both => "run",
    };
    let command = args.command(kind);
    let by = Origin {
        command: &command,
        commit,
    };
    super::check::confirm(&spec, args)?;
    if side == Side::Theory && spec.cells.iter().all(|c| c.theories.is_empty()) {
        return Err(Error::input(
            "theory",
            "nothing is predicted: the spec has no [[theory]]",
            "add one; `saddlepoint list theories` has them",
        ));
    }
    let folder = folder::path(&spec, &args.out);
    let prepared = prepare(&spec, &settings)?;
    if side == Side::Both {
        folder::begin(&spec, &folder, by)?;
    }
    let start = Instant::now();
    let outcome = match prepared.execute() {
        Err(Error::Interrupted) if side == Side::Both => {
            let threads = workers(args.threads);
            folder::stopped(&folder, threads, start.elapsed().as_secs_f64())?;
            return Err(Error::Interrupted);
        }
        outcome => outcome?,
    };
    for warning in &outcome.warnings {
        note(&format!("warning: {warning}"));
    }
    let assessment = assess(&spec, &outcome)?;
    if let Some(why) = &spec.dropped {
        note(&match why == "--explore" {
            true => "expectations are not asserted: --explore".to_string(),
            false => {
                format!("expectations are not asserted: {why} varies what they were stated for")
            }
        });
    }
    let mut footer = String::new();
    if save_weights {
        let folder = folder.join("weights");
        let files = weights::write(&spec, &args.out, &folder)?.len();
        footer = format!("\nweights: {files} files in {}\n", folder.display());
    }
    if side == Side::Both {
        folder::write(&spec, &outcome, &assessment, &folder, by)?;
        footer.push_str(&format!(
            "\nreport: {}\n",
            folder.join("report.html").display()
        ));
    }
    if args.json.json {
        print_json(&document::document(kind, &spec, &outcome, &assessment)?)?;
    } else {
        print(&summary(&spec, &outcome, &assessment, side, args.wide)?)?;
        print(&footer)?;
    }
    for cell in outcome.cells.iter().filter_map(|c| c.failure.as_ref()) {
        note(&format!("failed: {cell}"));
    }
    for e in assessment
        .expectations
        .iter()
        .filter(|e| !e.met && (side == Side::Both || (e.against.is_some() && side == Side::Theory)))
    {
        note(&format!(
            "expectation not met: {} should {}: {}",
            e.label,
            e.expect.name(),
            e.why
        ));
    }
    Ok(match side {
        Side::Networks => match outcome.cells.iter().any(|c| c.failure.is_some()) {
            true => 4,
            false => 0,
        },
        _ => exit_code(&spec, &outcome, &assessment),
    })
}

/// Why theories leave observables unanswered that they answer elsewhere.
fn unanswered(outcome: &Outcome) -> String {
    let mut lines: Vec<String> = Vec::new();
    for cell in &outcome.cells {
        let is_reason = |warning: &&String| {
            let name = warning.split(' ').next().unwrap_or_default();
            cell.wanted(name).is_some()
        };
        for theory in &cell.theories {
            let warnings = theory.predictions.iter().flat_map(|(_, p)| &p.warnings);
            for warning in warnings.filter(is_reason) {
                let line = format!("{}: {warning}\n", theory.label);
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
    }
    lines.concat()
}

/// What stands on stdout without `--json`.
pub(crate) fn summary(
    spec: &Spec,
    outcome: &Outcome,
    assessment: &Assessment,
    side: Side,
    wide: bool,
) -> Result<String> {
    let quick = if spec.quick { ", quick run" } else { "" };
    let mut text = format!("{} [{}{quick}]\n\n", spec.title, &spec.hash[..8]);
    let compared = assessment.rows.iter().any(|r| r.against.is_some());
    if side == Side::Both && !assessment.rows.is_empty() {
        text.push_str(&as_text(&league::league(outcome, assessment), wide));
        text.push_str(&unanswered(outcome));
    } else if outcome.maps.is_empty() || !assessment.rows.is_empty() {
        text.push_str(&values(spec, outcome, wide)?);
        if compared {
            text.push('\n');
            text.push_str(&as_text(&league::league(outcome, assessment), wide));
        }
    }
    if (side != Side::Theory || compared) && !assessment.derived.is_empty() {
        text.push('\n');
        text.push_str(&as_text(&league::derived(assessment), wide));
    }
    if !assessment.relations.is_empty() {
        text.push('\n');
        text.push_str(&as_text(&league::relations(outcome, assessment), wide));
    }
    if !outcome.fits.is_empty() {
        text.push('\n');
        text.push_str(&as_text(&fits::table(outcome), wide));
    }
    if side == Side::Both && !assessment.leagues.is_empty() {
        text.push('\n');
        text.push_str(&as_text(&standing::table(assessment), wide));
        for statement in standing::all_statements(assessment) {
            text.push_str(&format!("{statement}\n"));
        }
    }
    if !outcome.maps.is_empty() {
        text.push('\n');
        text.push_str(&maps(spec, outcome, wide));
    }
    if side == Side::Theory {
        text.push_str(&missing(outcome, assessment));
    }
    Ok(text)
}

/// Smallest and largest value of every quantity on the map, and where it has none.
fn maps(spec: &Spec, outcome: &Outcome, wide: bool) -> String {
    let charts = spec.map.as_ref().map_or(&[][..], |m| &m.charts);
    let mut rows = Vec::new();
    for m in &outcome.maps {
        for q in &m.quantities {
            let finite = q.mean.iter().filter(|v| v.is_finite());
            let least = finite.clone().copied().fold(f64::INFINITY, f64::min);
            let most = finite.copied().fold(f64::NEG_INFINITY, f64::max);
            let end = |x: f64| match x.is_finite() {
                true => crate::run::assess::short(x),
                false => "-".into(),
            };
            rows.push(vec![
                charts
                    .get(m.chart)
                    .map_or(String::new(), |c| set_text(&c.set)),
                m.label.clone(),
                q.observable.name.into(),
                q.points().to_string(),
                end(least),
                end(most),
                q.gaps.text(q.points()).unwrap_or_default(),
            ]);
        }
    }
    let header = [
        "map",
        "source",
        "of",
        "points",
        "least",
        "most",
        "without a value",
    ];
    fitted(&header, &rows, wide)
}

/// What the table of predictions does not show: who gave none, and what was not told, with the cells where that is so in some only.
fn missing(outcome: &Outcome, assessment: &Assessment) -> String {
    let mut lines: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, cell) in outcome.cells.iter().enumerate() {
        for t in &cell.theories {
            let line = match &t.status {
                Status::Declined(reason) => format!("{} declines: {reason}", t.label),
                Status::Failed(error) => format!("{} failed: {error}", t.label),
                Status::Predicted | Status::Mapped => continue,
            };
            lines.entry(line).or_default().push(index);
        }
    }
    for row in &assessment.rows {
        if let (Some(observable), RowResult::Unmeasured(why)) = (row.observable, &row.result)
            && why == NOT_TOLD
        {
            let line = format!("{} does not tell {}", row.label, observable.name);
            lines.entry(line).or_default().push(row.cell);
        }
    }
    let text = |(line, cells): (String, Vec<usize>)| {
        let places: Vec<String> = cells
            .iter()
            .map(|&c| set_text(&outcome.cells[c].set))
            .collect();
        match cells.len() == outcome.cells.len() {
            true => format!("{line}\n"),
            false => format!("{line} (at {})\n", places.join("; ")),
        }
    };
    lines.into_iter().map(text).collect()
}

fn as_text(t: &report::Table, wide: bool) -> String {
    let header: Vec<&str> = t.header.iter().map(String::as_str).collect();
    let rows: Vec<Vec<String>> = t.rows.iter().map(|r| r.cells.clone()).collect();
    fitted(&header, &rows, wide)
}

/// Start, middle and end of every curve, or the scalars.
fn values(spec: &Spec, outcome: &Outcome, wide: bool) -> Result<String> {
    let mut rows = Vec::new();
    for (index, cell) in outcome.cells.iter().enumerate() {
        let measured = document::measured(cell)?.into_iter();
        let measured = measured.map(|v| (spec.source_of(v.observable).to_string(), vec![v]));
        let mut sources: Vec<_> = measured.collect();
        for t in &cell.theories {
            sources.push((t.label.clone(), document::predicted(cell, t)?));
        }
        for (source, all) in sources {
            for v in all {
                let length = v.axes.last().map_or(1, |a| a.values.len());
                let curves = (v.mean.len() / length.max(1)).min(12);
                for c in 0..curves {
                    let leading = &v.axes[..v.axes.len().saturating_sub(1)];
                    let mut picks = vec![0, length / 2, length - 1];
                    picks.dedup();
                    for k in picks {
                        let i = c * length + k;
                        let mut at = crate::run::assess::point_text(leading, c);
                        if let Some(last) = v.axes.last() {
                            at.push_str(&format!(
                                " {}={}",
                                last.name,
                                crate::run::assess::short(last.values[k])
                            ));
                        }
                        rows.push(vec![
                            index.to_string(),
                            source.clone(),
                            v.observable.name.into(),
                            at.trim().to_string(),
                            league::value_text(v.mean[i], v.stderr.as_ref().map(|s| s[i])),
                        ]);
                    }
                }
            }
        }
    }
    let header = ["cell", "source", "observable", "at", "value"];
    Ok(fitted(&header, &rows, wide))
}
