//! Stated expectations: whether the verdicts meet them.

use super::assess::{Derived, Expectation, Row, RowResult};
use crate::compare::Verdict;
use crate::spec::{Expect, Spec};

pub(super) fn expectations(spec: &Spec, rows: &[Row], derived: &[Derived]) -> Vec<Expectation> {
    let mut out = Vec::new();
    let Some(cell) = spec.cells.first() else {
        return out;
    };
    for entry in &cell.theories {
        let Some(expect) = entry.expect else { continue };
        // A quantity that theories alone tell is not compared unless the reference tells it too.
        let is_open = |r: &&Row| !(r.told && matches!(r.result, RowResult::Unmeasured(_)));
        let mine = rows.iter().filter(|r| r.label == entry.label);
        let mine: Vec<&Row> = mine.filter(is_open).collect();
        let verdicts: Vec<Option<Verdict>> = mine.iter().map(|r| r.result.verdict()).collect();
        let (met, why) = match expect {
            Expect::Agree => {
                let miss = mine
                    .iter()
                    .find(|r| r.result.verdict() != Some(Verdict::Agree));
                match miss {
                    _ if mine.is_empty() => (false, "nothing was compared".to_string()),
                    Some(r) => (false, row_text(r)),
                    None => (true, format!("{} comparisons agree", mine.len())),
                }
            }
            Expect::Disagree => {
                let lacking = (0..spec.cells.len()).find(|c| {
                    !mine
                        .iter()
                        .any(|r| r.cell == *c && r.result.verdict() == Some(Verdict::Disagree))
                });
                match lacking {
                    Some(c) => (false, format!("cell {c}: no comparison disagrees")),
                    None => (
                        true,
                        format!(
                            "{} of {} comparisons disagree",
                            verdicts
                                .iter()
                                .filter(|v| **v == Some(Verdict::Disagree))
                                .count(),
                            verdicts.len()
                        ),
                    ),
                }
            }
        };
        out.push(Expectation {
            label: entry.label.clone(),
            expect,
            against: spec.compare.against(&entry.label),
            met,
            why,
        });
    }
    for d in derived {
        // A theory of which something is expected has a row, also where it gives no number: that is not what was stated.
        for t in &d.theories {
            let Some(expect) = t.expect else { continue };
            let met = matches!(
                (expect, t.row.verdict()),
                (Expect::Agree, Some(Verdict::Agree)) | (Expect::Disagree, Some(Verdict::Disagree))
            );
            let verdict = match &t.reduced {
                Err(why) => format!("no reduced value: {why}"),
                Ok(_) => t.row.verdict().map_or("not compared", |v| v.name()).into(),
            };
            out.push(Expectation {
                label: format!("{}: {}", t.label, d.label),
                expect,
                against: t.against.clone(),
                met,
                why: verdict,
            });
        }
    }
    out
}

fn row_text(r: &Row) -> String {
    let what = match &r.result {
        RowResult::Compared { comparison, .. } => comparison.verdict.name().to_string(),
        RowResult::Declined(why) => format!("declined: {why}"),
        RowResult::Failed(why) => format!("failed: {why}"),
        RowResult::Unmeasured(why) => why.clone(),
    };
    format!(
        "cell {}, {}: {what}",
        r.cell,
        r.observable.map_or("-", |o| o.name)
    )
}
