//! CSV tables of fits and of leagues.

use super::outcome::Outcome;
use super::standing::Standing;
use crate::compare::fit::Interval;
use crate::error::{Error, Result};
use crate::spec::sweep::{Settings, named};

fn failed(e: impl std::fmt::Display) -> Error {
    Error::bug("csv", e.to_string())
}

fn number(x: Option<f64>) -> String {
    let finite = x.filter(|x| x.is_finite());
    finite.map_or(String::new(), |x| match x.abs() {
        size if size > 0.0 && size < 1e-4 => format!("{x:e}"),
        _ => format!("{x}"),
    })
}

fn held(set: &Settings) -> String {
    let pair = |(k, v): &(String, toml::Value)| format!("{k}={}", named(v));
    set.iter().map(pair).collect::<Vec<_>>().join(" ")
}

fn written(header: &[&str], rows: Vec<Vec<String>>) -> Result<Vec<u8>> {
    let mut w = csv::Writer::from_writer(Vec::new());
    w.write_record(header).map_err(failed)?;
    for row in rows {
        w.write_record(row).map_err(failed)?;
    }
    w.into_inner().map_err(failed)
}

/// One row per parameter of every fit, or one with the reason why there is none.
pub(super) fn fits(outcome: &Outcome) -> Result<Vec<u8>> {
    let header = [
        "fit",
        "held",
        "theory",
        "parameter",
        "estimate",
        "stderr",
        "profile_68_lower",
        "profile_68_upper",
        "profile_95_lower",
        "profile_95_upper",
        "bootstrap_68_lower",
        "bootstrap_68_upper",
        "run_at",
        "pull",
        "chi2",
        "degrees",
        "p",
        "reason",
    ];
    let mut rows = Vec::new();
    for fitting in &outcome.fits {
        let head = || {
            vec![
                fitting.label.clone(),
                held(&fitting.set),
                fitting.theory.clone(),
            ]
        };
        let found = match &fitting.result {
            Ok(found) => found,
            Err(reason) => {
                let mut row = head();
                row.resize(header.len() - 1, String::new());
                row.push(reason.replace('\n', " "));
                rows.push(row);
                continue;
            }
        };
        let ends = |i: Option<&Interval>| [i.map(|i| i.lower), i.map(|i| i.upper)].map(number);
        for (k, p) in found.fit.parameters.iter().enumerate() {
            let mut row = head();
            row.push(p.name.clone());
            row.extend([number(Some(p.estimate)), number(p.stderr)]);
            row.extend(ends(p.profile.first()));
            row.extend(ends(p.profile.get(1)));
            row.extend(ends(p.bootstrap.as_ref().and_then(|b| b.first())));
            let reference = found.reference.as_ref().map(|r| r[k]);
            row.extend([number(reference), number(p.pull)]);
            row.extend([number(Some(found.fit.chi2)), found.fit.degrees.to_string()]);
            row.extend([number(found.fit.p), String::new()]);
            rows.push(row);
        }
    }
    written(&header, rows)
}

/// One row per cell and theory of every league.
pub(super) fn standings(leagues: &[Standing]) -> Result<Vec<u8>> {
    let header = [
        "league",
        "observable",
        "group",
        "cell",
        "at",
        "place",
        "theory",
        "deviation",
        "lower",
        "upper",
        "verdict",
        "told_from_nearest",
        "difference",
        "difference_stderr",
        "reason",
    ];
    let mut rows = Vec::new();
    for standing in leagues {
        for contest in &standing.contests {
            let pairs = standing.league.over.iter().zip(&contest.at);
            let at: Vec<String> = pairs.map(|(k, v)| format!("{k}={v}")).collect();
            let head = || {
                vec![
                    standing.league.name(),
                    standing.observable.name.to_string(),
                    held(&standing.set),
                    contest.cell.to_string(),
                    at.join(" "),
                ]
            };
            for (k, ranked) in contest.ranked.iter().enumerate() {
                let mut row = head();
                row.extend([(k + 1).to_string(), ranked.label.clone()]);
                row.push(number(Some(ranked.deviation)));
                row.extend([0, 1].map(|end| number(ranked.interval.map(|i| i[end]))));
                row.push(ranked.verdict.name().into());
                row.push(
                    ranked
                        .behind
                        .map_or("", |c| if c.told_apart { "yes" } else { "no" })
                        .into(),
                );
                row.push(number(ranked.behind.map(|c| c.difference)));
                row.push(number(ranked.behind.and_then(|c| c.stderr)));
                row.push(String::new());
                rows.push(row);
            }
            for (label, reason) in &contest.others {
                let mut row = head();
                row.extend([String::new(), label.clone()]);
                row.resize(header.len() - 1, String::new());
                row.push(reason.replace('\n', " "));
                rows.push(row);
            }
        }
    }
    written(&header, rows)
}
