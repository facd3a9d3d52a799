//! The verdict of a run in one sentence.

use crate::compare::Verdict;
use crate::run::assess::{Assessment, RowResult};
use crate::spec::Spec;

/// More entries than this are counted together.
const MOST: usize = 5;

#[derive(Default)]
struct Count {
    agree: usize,
    disagree: usize,
    open: usize,
}

impl Count {
    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Agree => self.agree += 1,
            Verdict::Disagree => self.disagree += 1,
            Verdict::Inconclusive { .. } => self.open += 1,
        }
    }

    fn all(&self) -> usize {
        self.agree + self.disagree + self.open
    }

    fn text(&self) -> String {
        let all = self.all();
        let part = |n: usize, word: &str| match n == all {
            true if all == 1 => word.to_string(),
            true => format!("{word} in all {all} comparisons"),
            false => format!("{word} in {n} of {all}"),
        };
        let parts = [
            (self.agree, "agrees"),
            (self.disagree, "disagrees"),
            (self.open, "is open"),
        ];
        let parts = parts.into_iter().filter(|(n, _)| *n > 0);
        parts
            .map(|(n, word)| part(n, word))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// `saxe matched agrees in all 2 comparisons; ntk disagrees in 1 of 2, is open in 1 of 2. All 2 expectations are met.`
pub(super) fn sentence(spec: &Spec, assessment: &Assessment) -> String {
    let mut counts: Vec<(String, Count)> = Vec::new();
    let mut add = |label: &str, verdict: Verdict| {
        let at = counts.iter().position(|(l, _)| l == label);
        let at = at.unwrap_or_else(|| {
            counts.push((label.to_string(), Count::default()));
            counts.len() - 1
        });
        counts[at].1.add(verdict);
    };
    for row in &assessment.rows {
        if let RowResult::Compared { comparison, .. } = &row.result {
            add(&row.label, comparison.verdict);
        }
    }
    for theory in assessment.derived.iter().flat_map(|d| &d.theories) {
        if let Some(verdict) = theory.row.verdict() {
            add(&theory.label, verdict);
        }
    }
    let mut text = match counts.len() {
        0 => String::new(),
        n if n <= MOST => {
            let each = counts
                .iter()
                .map(|(label, count)| format!("{label} {}", count.text()));
            each.collect::<Vec<_>>().join("; ") + "."
        }
        n => {
            let sum =
                |of: &dyn Fn(&Count) -> usize| counts.iter().map(|(_, c)| of(c)).sum::<usize>();
            format!(
                "{n} theories in {} comparisons: {} agree, {} disagree, {} are open.",
                sum(&Count::all),
                sum(&|c| c.agree),
                sum(&|c| c.disagree),
                sum(&|c| c.open)
            )
        }
    };
    let stated = assessment.expectations.len();
    let missed = assessment.expectations.iter().filter(|e| !e.met).count();
    let more = match (stated, missed, &spec.dropped) {
        (_, _, Some(why)) => {
            format!(" Expectations are not asserted: {why} varies what they were stated for.")
        }
        (0, ..) => String::new(),
        (1, 0, _) => " The expectation is met.".into(),
        (n, 0, _) => format!(" All {n} expectations are met."),
        (n, m, _) => format!(" {m} of {n} expectations are NOT met."),
    };
    text.push_str(&more);
    text.trim().to_string()
}
