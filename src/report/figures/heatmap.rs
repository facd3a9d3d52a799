//! A matrix at four times, or of all layers at the end, as heat maps, of the first cell.

use super::scene::Scene;
use crate::error::Result;
use crate::instrument::Axis;
use crate::plot::{AxisSpec, Figure, Panel, Series};
use crate::run::assess::{measured_blocks, short};

/// Sources that stand below one another where every layer has a panel.
const MOST_SOURCES: usize = 5;

/// Panels of one row: the places of their matrices among all, and their names.
fn slices(before: &[Axis]) -> Option<Vec<(usize, String)>> {
    match before {
        [slices] => {
            let last = slices.values.len().saturating_sub(1);
            let mut picked: Vec<usize> = [1, 2, 4, 6].iter().map(|part| part * last / 6).collect();
            picked.dedup();
            let name = |k: usize| (k, format!("t = {}", short(slices.values[k])));
            Some(picked.into_iter().map(name).collect())
        }
        [ends, layers] => {
            let count = layers.values.len();
            let last = ends.values.len().saturating_sub(1) * count;
            let name = |l: usize| (last + l, format!("{} {}", layers.name, l + 1));
            Some((0..count).map(name).collect())
        }
        _ => None,
    }
}

/// Matrices of a three-axis observable at a sixth, a third, two thirds and the end of its first axis: measured above,
/// first theory below. Of four axes (time, layer, sample, sample) all layers at the end, measured and every theory, in
/// one range of colours per layer.
pub(super) fn heatmaps(scene: &Scene) -> Result<Option<(Figure, String)>> {
    let cells = scene.cells();
    let Some(&shown) = cells.first() else {
        return Ok(None);
    };
    let w = shown.observed();
    let [before @ .., rows, columns] = w.axes.as_slice() else {
        return Ok(None);
    };
    let Some(picked) = slices(before) else {
        return Ok(None);
    };
    let by_layer = before.len() == 2;
    let count = picked.len();
    let (nr, nc) = (rows.values.len(), columns.values.len());
    let mut sources = Vec::new();
    if let Some(m) = measured_blocks(shown.cell, shown.wanted)? {
        sources.push((scene.source.to_string(), m.mean()));
    }
    let most = if by_layer { MOST_SOURCES } else { 2 };
    for placed in scene.theories(shown)? {
        if sources.len() < most {
            sources.push((placed.theory.label.clone(), placed.curve.values.mean()));
        }
    }
    // Height for square cells of a sensible size; width for the cells, the colour bar and the labels.
    let side = (150.0 / nr.max(nc) as f64).max(6.0);
    let (width, height) = (side * nc as f64 + 110.0, side * nr as f64 + 55.0);
    let mut figure =
        Figure::new(width * count as f64, height * sources.len() as f64 + 30.0).columns(count);
    let names = |a: &Axis| a.values.iter().map(|v| short(*v)).collect::<Vec<_>>();
    let slice = |values: &[f64], k: usize| values[k * nr * nc..(k + 1) * nr * nc].to_vec();
    let largest = |values: &[f64]| values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    for (label, values) in &sources {
        for (k, name) in &picked {
            let range = match by_layer {
                true => sources
                    .iter()
                    .map(|(_, values)| largest(&slice(values, *k)))
                    .fold(0.0, f64::max),
                false => largest(values),
            };
            let map = Series::heat_map(slice(values, *k), nc)
                .names(names(rows), names(columns), "")
                .colors(crate::plot::ColorMap::Diverging, Some((-range, range)))
                .tag(scene.tag(shown.cell, label, name, ""));
            figure = figure.with(
                Panel::new(
                    format!("{label}, {name}"),
                    AxisSpec::linear(&columns.name, ""),
                    AxisSpec::linear(&rows.name, ""),
                )
                .with(map),
            );
        }
    }
    let mut text = scene.caption(w, 0);
    if by_layer {
        text.push_str(" At the end of the training; one range of colours per layer.");
    }
    if scene.outcome.cells.len() > 1 {
        let (name, all) = (scene.name(shown.cell), scene.outcome.cells.len());
        text.push_str(&format!(" The cell {name} alone, one of {all}."));
    }
    Ok((!sources.is_empty()).then_some((figure, text)))
}
