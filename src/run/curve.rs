//! Values of one observable in one cell as curves: measured blocks, and a theory's values paired with them.

use super::outcome::{CellOutcome, TheoryOutcome};
use crate::compare::{Blocks, TestSet, TheoryCurve};
use crate::error::Result;
use crate::experiment::DrawIndex;
use crate::theory::Answer;
use nalgebra::DMatrix;

/// Measured blocks of one observable in one cell.
pub fn measured_blocks(cell: &CellOutcome, wanted: usize) -> Result<Option<Blocks>> {
    let Some(m) = cell.measurement.as_ref().filter(|_| wanted < cell.measured) else {
        return Ok(None);
    };
    m.blocks(wanted).map(Some)
}

/// A theory's curve, paired with the measured draws of its cell (or with its own draws where nothing was measured).
pub fn theory_curve(
    cell: &CellOutcome,
    theory: &TheoryOutcome,
    wanted: usize,
) -> Result<Option<TheoryCurve>> {
    let draws = match &cell.measurement {
        Some(m) if theory.predictions.first().is_some_and(|(d, _)| d.is_some()) => m.draws.clone(),
        _ => own_draws(theory),
    };
    curve_on(theory, wanted, &draws)
}

/// The draws for which a theory is solved; none where it conditions on nothing.
pub(super) fn own_draws(theory: &TheoryOutcome) -> Vec<DrawIndex> {
    theory.predictions.iter().filter_map(|(d, _)| *d).collect()
}

/// A theory's curve with one row per block of these draws; without draws a single row.
pub(super) fn curve_on(
    theory: &TheoryOutcome,
    wanted: usize,
    draws: &[DrawIndex],
) -> Result<Option<TheoryCurve>> {
    let parts: Vec<(Option<DrawIndex>, &Answer)> = match draws.is_empty() {
        true => theory
            .predictions
            .iter()
            .filter_map(|(_, p)| Some((None, p.answers.iter().find(|o| o.asked == wanted)?)))
            .collect(),
        false => draws
            .iter()
            .filter_map(|d| Some((Some(*d), theory.predicted(wanted, *d)?)))
            .collect(),
    };
    let Some((_, first)) = parts.first() else {
        return Ok(None);
    };
    let values = match draws.is_empty() {
        true => Blocks::fixed(&first.mean),
        false => {
            let row = |(d, a): &(Option<DrawIndex>, &Answer)| Some(((*d)?, a.mean.clone()));
            Blocks::from_draws(&parts.iter().filter_map(row).collect::<Vec<_>>())?
        }
    };
    // A solve that serves several draws is one solve: its statistical error does not fall with their number.
    let mut solves: Vec<&Answer> = Vec::new();
    for (_, answer) in &parts {
        if !solves.iter().any(|known| std::ptr::eq(*known, *answer)) {
            solves.push(answer);
        }
    }
    let mut bound = first.bound.clone();
    for part in &solves {
        for (b, other) in bound.iter_mut().zip(&part.bound) {
            *b = b.max(*other);
        }
    }
    let promise = theory.promise.as_ref();
    Ok(Some(TheoryCurve {
        test_set: TestSet::Drawn,
        values,
        bound,
        stderr: statistical(&solves),
        repeats: repeats(&solves),
        averages_over: promise.map(|p| p.averages_over.clone()).unwrap_or_default(),
    }))
}

/// Repeats of a Monte Carlo theory, averaged over its solves.
fn repeats(parts: &[&Answer]) -> Option<DMatrix<f64>> {
    let all: Option<Vec<&Vec<Vec<f64>>>> = parts.iter().map(|a| a.repeats.as_ref()).collect();
    let all = all.filter(|a| !a.is_empty() && a.iter().all(|r| r.len() == a[0].len()))?;
    let (rows, points) = (all[0].len(), all[0][0].len());
    let mean = |r: usize, k: usize| {
        all.iter().map(|repeats| repeats[r][k]).sum::<f64>() / all.len() as f64
    };
    Some(DMatrix::from_fn(rows, points, mean))
}

/// Standard error of the mean over the solves of a Monte Carlo theory, whose noises are independent.
fn statistical(parts: &[&Answer]) -> Option<Vec<f64>> {
    let errors: Option<Vec<Vec<f64>>> = parts.iter().map(|a| a.stderr()).collect();
    let errors = errors.filter(|e| !e.is_empty())?;
    let n = errors.len() as f64;
    let mean = |k: usize| errors.iter().map(|e| e[k] * e[k]).sum::<f64>().sqrt() / n;
    Some((0..errors[0].len()).map(mean).collect())
}
