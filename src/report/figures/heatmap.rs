//! Matrices in time.

use crate::error::Result;
use crate::instrument::{Axis, Wanted};
use crate::plot::{AxisSpec, Figure, Panel, Series};
use crate::run::assess::{measured_blocks, short, theory_curve};
use crate::run::outcome::CellOutcome;

/// Matrices of a three-axis observable at up to four values of its first axis: measured above, first theory below.
pub(super) fn heatmaps(
    cell: &CellOutcome,
    w: &Wanted,
    wanted: usize,
) -> Result<Option<(Figure, String)>> {
    let [slices, rows, columns] = w.axes.as_slice() else {
        return Ok(None);
    };
    let count = slices.values.len().min(4);
    let picked: Vec<usize> = (0..count)
        .map(|k| k * (slices.values.len() - 1) / (count - 1).max(1))
        .collect();
    let (nr, nc) = (rows.values.len(), columns.values.len());
    let mut sources = Vec::new();
    if let Some(m) = measured_blocks(cell, wanted)? {
        sources.push(("networks".to_string(), m.mean()));
    }
    for theory in &cell.theories {
        if let Some(curve) = theory_curve(cell, theory, wanted)? {
            sources.push((theory.label.clone(), curve.values.mean()));
            break;
        }
    }
    let mut figure = Figure::new(250.0 * count as f64, 230.0 * sources.len() as f64).columns(count);
    let names = |a: &Axis| a.values.iter().map(|v| short(*v)).collect::<Vec<_>>();
    for (label, values) in &sources {
        let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        for &k in &picked {
            let slice = values[k * nr * nc..(k + 1) * nr * nc].to_vec();
            let title = format!("{label}, {} = {}", slices.name, short(slices.values[k]));
            let map = Series::heat_map(slice, nc)
                .names(names(rows), names(columns), w.observable.label)
                .colors(crate::plot::ColorMap::Diverging, Some((-largest, largest)));
            figure = figure.with(
                Panel::new(
                    title,
                    AxisSpec::linear(&columns.name, ""),
                    AxisSpec::linear(&rows.name, ""),
                )
                .with(map),
            );
        }
    }
    let text = format!(
        "{}. {}.",
        w.observable.label,
        w.observable.convention.trim_end_matches('.')
    );
    Ok((!sources.is_empty()).then_some((figure, text)))
}
