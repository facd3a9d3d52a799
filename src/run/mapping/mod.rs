//! Theories on the grid of `[map]`: solved line by line, and put together as one array per theory and quantity.

pub mod cost;
pub(crate) mod document;
pub(super) mod lines;

use super::engine::Engine;
use crate::error::{Error, Result};
use crate::instrument::Observable;
use crate::spec::Map;
use crate::spec::map::Line;
use lines::OnLine;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Most different warnings that are kept of one theory on one map.
const MOST_WARNINGS: usize = 8;

/// One theory on one chart of the map.
#[derive(Debug, Clone)]
pub struct Mapped {
    /// Which of the map's charts.
    pub chart: usize,
    /// Place among the `[[theory]]` entries.
    pub place: usize,
    /// Label of the entry.
    pub label: String,
    /// Kind of the theory, as in `saddlepoint list`.
    pub kind: &'static str,
    /// Quantities that it knows, in the order of `map.of`.
    pub quantities: Vec<Quantity>,
    /// What its solves say beside their values.
    pub notes: Notes,
    /// Time spent solving when the records were made.
    pub seconds: f64,
}

/// The values of one quantity on all points.
#[derive(Debug, Clone)]
pub struct Quantity {
    /// Name, label, unit and convention.
    pub observable: &'static Observable,
    /// Values at each point: 1, or [`crate::spec::map::BRANCHES`] where a theory tells several somewhere.
    pub branches: usize,
    /// The first key outermost, branches innermost; not-a-number where there is no value.
    pub mean: Vec<f64>,
    /// Numerical error bounds, in the same layout.
    pub bound: Vec<f64>,
    /// Standard errors of a Monte Carlo theory, in the same layout.
    pub stderr: Option<Vec<f64>>,
    /// Points without a value.
    pub gaps: Gaps,
}

impl Quantity {
    /// Number of points.
    pub fn points(&self) -> usize {
        self.mean.len() / self.branches.max(1)
    }

    /// The values of one branch, counted from 0; not-a-number where there is none.
    pub fn branch(&self, branch: usize) -> Vec<f64> {
        let points = self.mean.chunks(self.branches.max(1));
        points
            .map(|values| values.get(branch).copied().unwrap_or(f64::NAN))
            .collect()
    }
}

/// How many points have no value, and the first reason on the map.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Gaps {
    /// The theory does not apply, or the experiment is none.
    pub declined: usize,
    /// Its solver did not converge, or gave something else than finite numbers.
    pub failed: usize,
    /// Reason of the first of them, in the order of the points.
    pub first: Option<String>,
}

impl Gaps {
    pub(super) fn add(&mut self, failed: bool, reason: &str) {
        match failed {
            true => self.failed += 1,
            false => self.declined += 1,
        }
        self.first.get_or_insert_with(|| reason.into());
    }

    fn join(&mut self, later: Gaps) {
        self.declined += later.declined;
        self.failed += later.failed;
        self.first = self.first.take().or(later.first);
    }

    /// `declined at 312 of 40000 points: more features than samples`; `None` where every point has a value.
    pub fn text(&self, points: usize) -> Option<String> {
        let count = |n: usize, what: &str| (n > 0).then(|| format!("{what} at {n}"));
        let counts = [
            count(self.declined, "declined"),
            count(self.failed, "failed"),
        ];
        let counts: Vec<String> = counts.into_iter().flatten().collect();
        let first = self.first.as_ref()?.lines().next().unwrap_or_default();
        Some(format!("{} of {points} points: {first}", counts.join(", ")))
    }
}

/// What the solves of one theory say beside their values, each thing once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Notes {
    /// What it is given of the first draw.
    pub conditioning: Vec<String>,
    /// What its entry assumes of these experiments.
    pub assumptions: Vec<String>,
    /// Extremes it takes.
    pub limits: Vec<String>,
    /// Methods of its solvers.
    pub methods: Vec<String>,
    /// Number of solves.
    pub solves: usize,
    /// Most iterations of one solve.
    pub iterations: usize,
    /// Largest residual.
    pub residual: f64,
    /// Warnings, and at how many points each of them stands.
    pub warnings: Vec<(String, usize)>,
    /// Warnings at points that are not among these.
    pub further_warnings: usize,
}

impl Notes {
    pub(super) fn warn(&mut self, warning: &str, points: usize) {
        let known = self.warnings.iter().position(|(text, _)| text == warning);
        match known {
            Some(k) => self.warnings[k].1 += points,
            None if self.warnings.len() < MOST_WARNINGS => {
                self.warnings.push((warning.into(), points));
            }
            None => self.further_warnings += points,
        }
    }

    fn join(&mut self, later: Notes) {
        for (all, new) in [
            (&mut self.conditioning, later.conditioning),
            (&mut self.assumptions, later.assumptions),
            (&mut self.limits, later.limits),
            (&mut self.methods, later.methods),
        ] {
            new.iter().for_each(|line| once(all, line));
        }
        self.solves += later.solves;
        self.iterations = self.iterations.max(later.iterations);
        self.residual = self.residual.max(later.residual);
        for (warning, points) in later.warnings {
            self.warn(&warning, points);
        }
        self.further_warnings += later.further_warnings;
    }

    /// The warnings as sentences.
    pub fn warning_texts(&self, points: usize) -> Vec<String> {
        let text = |(warning, n): &(String, usize)| format!("at {n} of {points} points: {warning}");
        let mut texts: Vec<String> = self.warnings.iter().map(text).collect();
        if self.further_warnings > 0 {
            texts.push(format!("{} further warnings", self.further_warnings));
        }
        texts
    }
}

/// Adds a text to a list that does not have it.
pub(super) fn once(all: &mut Vec<String>, text: &str) {
    if !all.iter().any(|t| t == text) {
        all.push(text.into());
    }
}

impl Mapped {
    /// Whether it has a number anywhere.
    pub fn is_solved(&self) -> bool {
        let values = self.quantities.iter().flat_map(|q| &q.mean);
        values.into_iter().any(|v| v.is_finite())
    }
}

/// Solves all lines, or takes them from the store.
pub(super) fn solve(engine: &Engine, map: Option<&Map>, lines: &[Line]) -> Vec<Result<OnLine>> {
    let Some(map) = map else { return vec![] };
    let solve = |line: &Line| engine.unless_stopped(|| lines::solve(engine, map, line));
    lines.par_iter().with_max_len(1).map(solve).collect()
}

/// Puts the lines of each theory on each chart together.
///
/// # Errors
/// The first that ends the run; what stopped it comes before what was not computed because of it.
pub(super) fn gather(
    map: Option<&Map>,
    lines: &[Line],
    solved: Vec<Result<OnLine>>,
) -> Result<Vec<Mapped>> {
    let errors = solved.iter().filter_map(|s| s.as_ref().err());
    if let Some(error) = errors.min_by_key(|e| matches!(e, Error::Interrupted)) {
        return Err(error.clone());
    }
    let Some(map) = map else { return Ok(vec![]) };
    let mut maps: Vec<Mapped> = Vec::new();
    for (line, solved) in lines.iter().zip(solved) {
        let solved = solved?;
        match maps.last_mut() {
            Some(m) if (m.chart, m.place) == (line.chart, line.theory) => m.append(solved),
            _ => maps.push(Mapped::begin(map, line, solved)),
        }
    }
    maps.iter_mut().for_each(Mapped::trim);
    Ok(maps)
}

impl Mapped {
    fn begin(map: &Map, line: &Line, solved: OnLine) -> Self {
        let (label, kind) = map.theory(line);
        Mapped {
            chart: line.chart,
            place: line.theory,
            label,
            kind,
            quantities: solved.quantities,
            notes: solved.notes,
            seconds: solved.seconds,
        }
    }

    fn append(&mut self, later: OnLine) {
        for (all, new) in self.quantities.iter_mut().zip(later.quantities) {
            let before = all.mean.len();
            all.mean.extend(new.mean);
            all.bound.extend(new.bound);
            // A line without repeats has no statistical error.
            if all.stderr.is_some() || new.stderr.is_some() {
                let stderr = all.stderr.get_or_insert_with(|| vec![f64::NAN; before]);
                stderr.extend(new.stderr.into_iter().flatten());
                stderr.resize(all.mean.len(), f64::NAN);
            }
            all.gaps.join(new.gaps);
        }
        self.notes.join(later.notes);
        self.seconds += later.seconds;
    }

    /// A quantity that has one value wherever it has any has no branches.
    fn trim(&mut self) {
        for q in &mut self.quantities {
            let several = |values: &[f64]| values[1..].iter().any(|v| !v.is_nan());
            if q.branches == 1 || q.mean.chunks(q.branches).any(several) {
                continue;
            }
            let first = |values: &[f64]| values.chunks(q.branches).map(|v| v[0]).collect();
            (q.mean, q.bound) = (first(&q.mean), first(&q.bound));
            q.stderr = q.stderr.as_ref().map(|s| first(s));
            q.branches = 1;
        }
    }
}
