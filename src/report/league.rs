//! The league table: one row per theory entry and observable, as text for terminal, HTML and Markdown.

use super::{Row as TextRow, Table, Verdict as Color};
use crate::compare::{Comparison, Reduced, Verdict};
use crate::instrument::observable::size;
use crate::run::assess::{Assessment, Derived, Relation, Row, RowResult, short};
use crate::run::outcome::Outcome;
use crate::spec::Expect;
use crate::spec::sweep::{Settings, named};

/// `key=value key=value` of a cell.
pub fn set_text(set: &Settings) -> String {
    // The shortest end of a path that no other key has.
    let short = |key: &str| -> String {
        let parts: Vec<&str> = key.split('.').collect();
        let ends = (0..parts.len()).rev().map(|k| parts[k..].join("."));
        let is_alone = |end: &String| {
            let dotted = format!(".{end}");
            let others = set.iter().filter(|(k, _)| k != key);
            let mut same = others.filter(|(k, _)| k == end || k.ends_with(&dotted));
            same.next().is_none()
        };
        ends.into_iter().find(is_alone).unwrap_or(key.into())
    };
    set.iter()
        .map(|(k, v)| format!("{}={}", short(k), named(v)))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The league of a run; the column of swept keys is left out when there is one cell.
pub fn league(outcome: &Outcome, assessment: &Assessment) -> Table {
    let swept = outcome.cells.len() > 1;
    let mut header = vec![
        "entry",
        "observable",
        "deviation",
        "95 % interval",
        "tolerance",
        "p",
        "worst point",
        "verdict",
        "expected",
        "conditions on",
        "seconds",
    ];
    // Where the measurement stands beside all theories, no row needs to say so.
    let mixed = assessment.rows.iter().any(|row| row.against.is_some());
    if mixed {
        header.insert(2, "compared with");
    }
    if swept {
        header.insert(0, "cell");
    }
    let rows = assessment
        .rows
        .iter()
        .map(|row| {
            let mut cells = vec![
                row.label.clone(),
                row.observable.map_or("-".into(), |o| o.name.to_string()),
            ];
            if mixed {
                cells.push(beside(&row.against));
            }
            cells.extend(result_cells(&row.result));
            cells.push(expected(row, assessment));
            cells.push(conditions(row));
            cells.push(format!("{:.2}", row.seconds));
            if swept {
                cells.insert(0, set_text(&outcome.cells[row.cell].set));
            }
            TextRow {
                cells,
                verdict: color(&row.result),
            }
        })
        .collect();
    Table {
        header: header.into_iter().map(String::from).collect(),
        rows,
    }
}

/// What a theory is compared with.
fn beside(against: &Option<String>) -> String {
    against.clone().unwrap_or("measurement".into())
}

/// What the theory is given of each draw, and how the row stands to held-out samples that all draws share.
fn conditions(row: &Row) -> String {
    let given = row.conditioning.unwrap_or("-");
    let held_out = match &row.result {
        RowResult::Compared { comparison, .. } => comparison.held_out,
        _ => None,
    };
    match held_out {
        None => given.into(),
        Some(h) if h.population => format!("{given}; population, by {} test samples", h.samples),
        Some(h) => format!("{given}; these {} test samples", h.samples),
    }
}

/// Rows of reductions.
pub fn derived(assessment: &Assessment) -> Table {
    let header = [
        "reduction",
        "held",
        "point",
        "measured",
        "theory",
        "value",
        "deviation",
        "95 % interval",
        "tolerance",
        "p",
        "worst point",
        "verdict",
    ];
    let mut header: Vec<&str> = header.to_vec();
    let mut theories = assessment.derived.iter().flat_map(|d| &d.theories);
    let mixed = theories.any(|t| t.against.is_some());
    if mixed {
        header.insert(6, "compared with");
    }
    let mut rows = Vec::new();
    for d in &assessment.derived {
        let measured = |k: usize| match &d.measured {
            Ok(m) => {
                let value = value_text(m.estimate[k], m.stderr.as_ref().map(|s| s[k]));
                if !m.estimate[k].is_finite() {
                    return undefined(&value, &m.notes, k);
                }
                match m.spread {
                    Some(spread) => format!("{value}, chi2/dof {}", short(spread)),
                    None if m.misses(k) => {
                        format!("{value}, but the cells miss the line (p < 0.001)")
                    }
                    None => value,
                }
            }
            Err(reason) => one_line(reason),
        };
        if d.theories.is_empty() {
            rows.extend((0..points(d)).map(|k| {
                TextRow {
                    cells: vec![
                        d.label.clone(),
                        set_text(&d.set),
                        point(d, k),
                        measured(k),
                        "-".into(),
                    ]
                    .into_iter()
                    .chain(std::iter::repeat_n(String::from("-"), header.len() - 5))
                    .collect(),
                    verdict: None,
                }
            }));
        }
        for t in &d.theories {
            for k in 0..points(d) {
                let value = t.reduced.as_ref().map_or("-".into(), |r| own_text(r, k));
                let mut cells = vec![
                    d.label.clone(),
                    set_text(&d.set),
                    point(d, k),
                    measured(k),
                    t.label.clone(),
                    value,
                ];
                if mixed {
                    cells.push(beside(&t.against));
                }
                match k {
                    0 => cells.extend(result_cells(&t.row)),
                    _ => cells.extend(std::iter::repeat_n(String::from("\""), 6)),
                }
                rows.push(TextRow {
                    cells,
                    verdict: color(&t.row).filter(|_| k == 0),
                });
            }
        }
    }
    Table {
        header: header.into_iter().map(String::from).collect(),
        rows,
    }
}

/// Relations with their errors and what chance gives.
pub fn relations(outcome: &Outcome, assessment: &Assessment) -> Table {
    let header = [
        "relation",
        "cell",
        "value",
        "chance (95 %)",
        "p",
        "pairs",
        "draws",
    ];
    let row = |r: &Relation| {
        let cell = r.cell.map(|c| set_text(&outcome.cells[c].set));
        let mut cells = vec![r.label.clone(), cell.unwrap_or("all".into())];
        match &r.related {
            Ok(v) => {
                let [lower, upper] = v.chance_interval.map(short);
                cells.extend([
                    value_text(v.value, v.stderr),
                    format!("{} [{lower}, {upper}]", short(v.chance)),
                    p_text(v.p),
                    v.pairs.to_string(),
                    match v.n {
                        1 => "-".into(),
                        n => format!("{n} {}", v.level),
                    },
                ]);
            }
            Err(reason) => {
                cells.push(one_line(reason));
                cells.extend(std::iter::repeat_n(String::from("-"), 4));
            }
        }
        TextRow {
            cells,
            verdict: None,
        }
    };
    Table {
        header: header.map(String::from).to_vec(),
        rows: assessment.relations.iter().map(row).collect(),
    }
}

/// A theory's reduced value with its own errors, the bound where it reaches the digits that are shown.
fn own_text(reduced: &Reduced, k: usize) -> String {
    let stderr = reduced.theory_stderr.as_ref().map(|s| s[k]);
    let value = value_text(reduced.estimate[k], stderr);
    match reduced.bound.as_ref().map(|b| b[k]) {
        Some(bound) if bound >= 5e-7 => format!("{value}, bound {}", short(bound)),
        _ => value,
    }
}

/// An undefined value with the reasons that concern its own point.
fn undefined(value: &str, notes: &[String], k: usize) -> String {
    let own = format!("point {k}: ");
    let reasons = notes
        .iter()
        .filter_map(|note| match note.strip_prefix(&own) {
            Some(reason) => Some(reason),
            None => (!note.starts_with("point ")).then_some(note.as_str()),
        });
    match reasons.collect::<Vec<_>>().join("; ") {
        none if none.is_empty() => value.into(),
        reasons => format!("{value}: {}", one_line(&reasons)),
    }
}

/// Points of a reduction that are shown; all of them stand in `tables/derived.csv`.
const MOST_POINTS: usize = 12;

fn points(d: &Derived) -> usize {
    size(&d.axes).min(MOST_POINTS)
}

fn point(d: &Derived, k: usize) -> String {
    let text = match d.axes.is_empty() {
        true => "-".into(),
        false => crate::run::assess::point_text(&d.axes, k),
    };
    match size(&d.axes) - (k + 1) {
        left if k + 1 == MOST_POINTS && left > 0 => format!("{text} ({left} more: derived.csv)"),
        _ => text,
    }
}

pub(super) fn one_line(reason: &str) -> String {
    let parts: Vec<&str> = reason.lines().map(str::trim).collect();
    parts.join("; ")
}

/// Sizes that are written without a power of ten.
const PLAIN: std::ops::Range<f64> = 1e-4..1e6;

/// `1.234 ± 0.005`: digits by the error, else six; a power of ten where the larger of the two is very small or large.
pub fn value_text(mean: f64, stderr: Option<f64>) -> String {
    if !mean.is_finite() {
        return "undefined".into();
    }
    let known = stderr.filter(|s| s.is_finite() && *s > 1e-9 * mean.abs());
    let size = mean.abs().max(known.unwrap_or(0.0));
    if size == 0.0 {
        return "0".into();
    }
    let power = match PLAIN.contains(&size) {
        true => 0,
        false => size.log10().floor() as i32,
    };
    // Two steps: 10^power itself may not be a number.
    let scaled = |x: f64| x / 10f64.powi(power / 2) / 10f64.powi(power - power / 2);
    let text = match known {
        Some(s) => {
            let s = scaled(s);
            let digits = (1.0 - s.log10().floor()).clamp(0.0, 12.0) as usize;
            format!("{} ± {s:.digits$}", fixed(scaled(mean), digits))
        }
        None => {
            let digits = (5.0 - scaled(size).log10().floor()).clamp(0.0, 12.0) as usize;
            fixed(scaled(mean), digits)
        }
    };
    match (power, known) {
        (0, _) => text,
        (_, Some(_)) => format!("({text})e{power}"),
        (_, None) => format!("{text}e{power}"),
    }
}

/// A relative number in per cent.
pub fn percent(v: f64) -> String {
    let v = 100.0 * v;
    match v.abs() {
        0.0 => "0 %".into(),
        size if size < 5e-4 => format!("{v:.1e} %"),
        size if size >= 1e6 => format!("{v:.2e} %"),
        _ => format!("{} %", fixed(v, 3)),
    }
}

/// With so many decimal places, and no sign before zeros alone.
pub(super) fn fixed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    match text.strip_prefix('-') {
        Some(zeros) if zeros.chars().all(|c| matches!(c, '0' | '.')) => zeros.into(),
        _ => text,
    }
}

#[test]
fn numbers_show_their_digits() {
    for (mean, stderr, text) in [
        (0.0, None, "0"),
        (-0.5, None, "-0.500000"),
        (12345.678, None, "12345.7"),
        (-1e-3, Some(0.2), "0.00 ± 0.20"),
        (2e-10, None, "2.00000e-10"),
        (5e-19, Some(3e-20), "(5.00 ± 0.30)e-19"),
        (5e299, None, "5.00000e299"),
        (5e-324, None, "4.94066e-324"),
        (1234567.0, Some(23456.0), "(1.235 ± 0.023)e6"),
        (0.5, Some(1e-7), "0.50000000 ± 0.00000010"),
    ] {
        assert_eq!(value_text(mean, stderr), text);
    }
    assert_eq!(percent(0.0), "0 %");
    assert_eq!(percent(3e-9), "3.0e-7 %");
    assert_eq!(percent(0.0271), "2.710 %");
}

fn result_cells(result: &RowResult) -> Vec<String> {
    match result {
        RowResult::Compared {
            comparison,
            worst_at,
        } => compared_cells(comparison, worst_at),
        RowResult::Declined(reason) => reason_cells("declined", reason),
        RowResult::Failed(reason) => reason_cells("failed", reason),
        RowResult::Unmeasured(reason) => reason_cells("-", reason),
    }
}

fn reason_cells(verdict: &str, reason: &str) -> Vec<String> {
    let mut cells = vec![String::from("-"); 5];
    let reason = reason.lines().next().unwrap_or("");
    cells.push(match reason {
        "" => verdict.into(),
        reason if verdict == "-" => reason.into(),
        reason => format!("{verdict}: {reason}"),
    });
    cells
}

fn compared_cells(c: &Comparison, worst_at: &str) -> Vec<String> {
    let mark = |v: f64| match c.tolerance.metric() {
        "relative" => percent(v),
        _ => short(v),
    };
    // Draws that leave 0 and the tolerance open say nothing of agreement.
    let unresolved = match (c.verdict, c.interval) {
        (Verdict::Inconclusive { .. }, Some([lower, upper])) if lower <= 0.0 => {
            Some(match c.tolerance.metric() {
                "relative" => format!("{} %", short(100.0 * upper)),
                _ => short(upper),
            })
        }
        _ => None,
    };
    let worst = match &c.worst {
        Some(w) => {
            let z = w.z.map_or(String::new(), |z| format!(" ({z:+.1}σ)"));
            format!("{}{}{z}", short(w.difference), at(worst_at))
        }
        None => "-".into(),
    };
    vec![
        unresolved.map_or_else(
            || mark(c.deviation),
            |upper| format!("not resolved (< {upper})"),
        ),
        c.interval
            .map_or("-".into(), |[a, b]| format!("[{}, {}]", mark(a), mark(b))),
        mark(c.tolerance.value()),
        c.p.map_or("-".into(), p_text),
        worst,
        verdict_text(c),
    ]
}

fn at(point: &str) -> String {
    match point.is_empty() {
        true => String::new(),
        false => format!(" at {point}"),
    }
}

fn verdict_text(c: &Comparison) -> String {
    match c.verdict {
        Verdict::Inconclusive {
            draws_needed: Some(n),
        } => format!("inconclusive (~{n} {})", c.level.name()),
        Verdict::Inconclusive { draws_needed: None } => {
            match c.notes.iter().find_map(|n| n.split_once("needs ")) {
                Some((_, remedy)) => format!("inconclusive (needs {remedy})"),
                None => match c.notes.iter().find(|n| n.contains("exceeds the tolerance")) {
                    Some(why) => format!("inconclusive ({why})"),
                    None => "inconclusive".into(),
                },
            }
        }
        v => v.name().into(),
    }
}

/// The colour of a verdict.
pub(super) fn color_of(verdict: Verdict) -> Option<Color> {
    Some(match verdict {
        Verdict::Agree => Color::Agree,
        Verdict::Disagree => Color::Disagree,
        Verdict::Inconclusive { .. } => Color::Inconclusive,
    })
}

fn color(result: &RowResult) -> Option<Color> {
    Some(match result {
        RowResult::Compared { comparison, .. } => return color_of(comparison.verdict),
        RowResult::Declined(_) => Color::Declined,
        RowResult::Failed(_) => Color::Failed,
        RowResult::Unmeasured(_) => return None,
    })
}

/// Whether the stated expectation is met: by the row for `agree`, by any row of the entry for `disagree`.
fn expected(row: &Row, assessment: &Assessment) -> String {
    // What a theory alone tells is compared with nothing.
    let open = row.told && matches!(row.result, RowResult::Unmeasured(_));
    let Some(expect) = row.expect.filter(|_| !open) else {
        return "-".into();
    };
    let entry_met = assessment
        .expectations
        .iter()
        .find(|e| e.label == row.label)
        .is_some_and(|e| e.met);
    match (expect, row.result.verdict()) {
        (Expect::Agree, Some(Verdict::Agree)) => "agree: met",
        (Expect::Agree, _) => "agree: NOT MET",
        (Expect::Disagree, Some(Verdict::Disagree)) => "disagree: met",
        (Expect::Disagree, _) if entry_met => "disagree: met elsewhere",
        (Expect::Disagree, _) => "disagree: NOT MET",
    }
    .into()
}

fn p_text(p: f64) -> String {
    match p < 0.001 {
        true => "<0.001".into(),
        false => format!("{p:.3}"),
    }
}
