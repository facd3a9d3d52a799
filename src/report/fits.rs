//! The table of fits: estimates with their intervals, beside the value that the experiment was run at.

use super::league::{fixed, one_line, set_text, value_text};
use super::{Row as TextRow, Table};
use crate::compare::fit::Interval;
use crate::run::assess::short;
use crate::run::outcome::Outcome;

/// One row per parameter of every fit.
pub fn table(outcome: &Outcome) -> Table {
    let header = [
        "fit",
        "held",
        "parameter",
        "estimate",
        "68 % profile",
        "68 % bootstrap",
        "run at",
        "pull",
        "chi2/dof",
        "p",
        "without a fit",
        "note",
    ];
    let ends = |i: &Interval| {
        let mark = |open: bool| if open { " (bound)" } else { "" };
        // To two digits of its length.
        let length = i.upper - i.lower;
        let end = |x: f64| match length > 0.0 && (1e-9..1e6).contains(&length) {
            true => fixed(x, (1.0 - length.log10().floor()).clamp(0.0, 12.0) as usize),
            false => short(x),
        };
        format!(
            "[{}{}, {}{}]",
            end(i.lower),
            mark(i.open[0]),
            end(i.upper),
            mark(i.open[1])
        )
    };
    let dash = || String::from("-");
    let mut rows = Vec::new();
    for f in &outcome.fits {
        let found = match &f.result {
            Ok(found) => found,
            Err(reason) => {
                let mut cells = vec![f.label.clone(), set_text(&f.set)];
                cells.resize(header.len() - 1, dash());
                cells.push(one_line(reason));
                rows.push(TextRow {
                    cells,
                    verdict: None,
                });
                continue;
            }
        };
        let fit = &found.fit;
        for (k, p) in fit.parameters.iter().enumerate() {
            let notes = match k {
                0 => fit.notes.clone(),
                _ => Vec::new(),
            };
            let whole = |text: String| if k == 0 { text } else { String::new() };
            let reference = found.reference.as_ref().map_or_else(dash, |r| short(r[k]));
            rows.push(TextRow {
                cells: vec![
                    whole(f.label.clone()),
                    whole(set_text(&f.set)),
                    p.name.clone(),
                    value_text(p.estimate, p.stderr),
                    ends(&p.profile[0]),
                    p.bootstrap.as_ref().map_or_else(dash, |b| ends(&b[0])),
                    reference,
                    p.pull.map_or_else(dash, |pull| format!("{pull:+.1}σ")),
                    whole(format!("{}/{}", short(fit.chi2), fit.degrees)),
                    whole(fit.p.map_or_else(dash, short)),
                    whole(
                        found
                            .stated_chi2
                            .map_or_else(dash, |c| format!("chi2/point {}", short(c))),
                    ),
                    notes.join("; "),
                ],
                verdict: None,
            });
        }
    }
    Table {
        header: header.map(String::from).to_vec(),
        rows,
    }
}
