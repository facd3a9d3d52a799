//! A matrix at four times as heat maps, of the first cell.

use super::scene::Scene;
use crate::error::Result;
use crate::instrument::Axis;
use crate::plot::{AxisSpec, Figure, Panel, Series};
use crate::run::assess::{measured_blocks, short};

/// Matrices of a three-axis observable at a sixth, a third, two thirds and the end of its first axis: measured above,
/// first theory below.
pub(super) fn heatmaps(scene: &Scene) -> Result<Option<(Figure, String)>> {
    let cells = scene.cells();
    let Some(&shown) = cells.first() else {
        return Ok(None);
    };
    let w = shown.observed();
    let [slices, rows, columns] = w.axes.as_slice() else {
        return Ok(None);
    };
    let last = slices.values.len().saturating_sub(1);
    let mut picked: Vec<usize> = [1, 2, 4, 6].iter().map(|part| part * last / 6).collect();
    picked.dedup();
    let count = picked.len();
    let (nr, nc) = (rows.values.len(), columns.values.len());
    let mut sources = Vec::new();
    if let Some(m) = measured_blocks(shown.cell, shown.wanted)? {
        sources.push((scene.source.to_string(), m.mean()));
    }
    if let Some(placed) = scene.theories(shown)?.first() {
        sources.push((placed.theory.label.clone(), placed.curve.values.mean()));
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
                .colors(crate::plot::ColorMap::Diverging, Some((-largest, largest)))
                .tag(scene.tag(shown.cell, label, "", ""));
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
    let mut text = scene.caption(w, 0);
    if scene.outcome.cells.len() > 1 {
        let (name, all) = (scene.name(shown.cell), scene.outcome.cells.len());
        text.push_str(&format!(" The cell {name} alone, one of {all}."));
    }
    Ok((!sources.is_empty()).then_some((figure, text)))
}
