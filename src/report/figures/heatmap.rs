//! Matrices in time.

use super::chosen;
use crate::error::Result;
use crate::instrument::Axis;
use crate::plot::{AxisSpec, Figure, Panel, Series};
use crate::run::assess::{measured_blocks, short, theory_curve};
use crate::run::outcome::CellOutcome;
use crate::spec::Figure as FigureSpec;

/// Matrices of a three-axis observable at a sixth, a third, two thirds and the end of its first axis: measured above,
/// first theory below.
pub(super) fn heatmaps(
    cell: &CellOutcome,
    f: &FigureSpec,
    wanted: usize,
) -> Result<Option<(Figure, String)>> {
    let w = &cell.wanted[wanted];
    let [slices, rows, columns] = w.axes.as_slice() else {
        return Ok(None);
    };
    let last = slices.values.len().saturating_sub(1);
    let mut picked: Vec<usize> = [1, 2, 4, 6].iter().map(|part| part * last / 6).collect();
    picked.dedup();
    let count = picked.len();
    let (nr, nc) = (rows.values.len(), columns.values.len());
    let mut sources = Vec::new();
    if let Some(m) = measured_blocks(cell, wanted)? {
        sources.push(("networks".to_string(), m.mean()));
    }
    for theory in chosen(cell, f, wanted) {
        if let Some(curve) = theory_curve(cell, theory, wanted)? {
            sources.push((theory.label.clone(), curve.values.mean()));
            break;
        }
    }
    // Height for square cells of a sensible size; width for the cells, the colour bar and the labels.
    let side = (150.0 / nr.max(nc) as f64).max(6.0);
    let (width, height) = (side * nc as f64 + 110.0, side * nr as f64 + 55.0);
    let mut figure =
        Figure::new(width * count as f64, height * sources.len() as f64 + 30.0).columns(count);
    let names = |a: &Axis| a.values.iter().map(|v| short(*v)).collect::<Vec<_>>();
    for (label, values) in &sources {
        let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        for &k in &picked {
            let slice = values[k * nr * nc..(k + 1) * nr * nc].to_vec();
            let title = format!("{label}, t = {}", short(slices.values[k]));
            let map = Series::heat_map(slice, nc)
                .names(names(rows), names(columns), "")
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
