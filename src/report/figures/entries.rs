//! Chosen entries of a matrix over its first axis, one panel per cell.

use super::scene::{Key, STDERR, Scene, Shown, looking, measured};
use super::{axis, axis_of, grid_columns, width};
use crate::error::Result;
use crate::plot::{Figure, Legend, Panel, Series};
use crate::run::assess::measured_blocks;

/// Entries `f.entries` (row, column, counted from 1) of a three-axis observable over its first axis, one panel per cell.
pub(super) fn entries(scene: &Scene) -> Result<Option<(Figure, String)>> {
    let f = scene.f;
    let cells: Vec<Shown> = scene.panels();
    let Some(w) = cells.first().map(Shown::observed) else {
        return Ok(None);
    };
    let [_, rows, columns] = w.axes.as_slice() else {
        return Ok(None);
    };
    let name =
        |[row, column]: [usize; 2]| format!("{} {row}, {} {column}", rows.name, columns.name);
    let names: Vec<String> = f.entries.iter().map(|e| name(*e)).collect();
    let grid = grid_columns(cells.len());
    let drawn = scene.drawn(&cells)?;
    let mut panels = Vec::new();
    let mut n = 0;
    for &shown in &cells {
        let [slices, rows, columns] = shown.observed().axes.as_slice() else {
            continue;
        };
        let (nr, nc) = (rows.values.len(), columns.values.len());
        let over_time = |[row, column]: [usize; 2]| -> Option<Vec<usize>> {
            let inside = row <= nr && column <= nc;
            let at = |k: usize| (k * nr + row - 1) * nc + column - 1;
            inside.then(|| (0..slices.values.len()).map(at).collect())
        };
        let mut panel = Panel::new(
            scene.name(shown.cell),
            axis_of(slices, f.x_scale, f.x_range),
            axis(
                &format!("entry of the {}", w.observable.label),
                w.observable.unit,
                f.y_scale,
                f.y_range,
            ),
        )
        .legend(Legend::None);
        let of_entries = f.entries.iter().map(|e| over_time(*e)).enumerate();
        let pieces: Vec<(usize, Vec<usize>)> = of_entries
            .filter_map(|(k, points)| points.map(|p| (k, p)))
            .collect();
        for placed in scene.theories(shown)? {
            for (k, points) in &pieces {
                let line = scene.line(&placed, &names[*k], &slices.values, points);
                panel = panel.with(looking(line, placed.place, Some(*k)));
            }
        }
        if let Some(blocks) = measured_blocks(shown.cell, shown.wanted)? {
            n = blocks.n().max(n);
            let (mean, stderr) = (blocks.mean(), blocks.stderr());
            for (k, points) in &pieces {
                let at = |values: &[f64]| points.iter().map(|&i| values[i]).collect::<Vec<f64>>();
                let series = Series::points("", slices.values.clone(), at(&mean));
                let series = match &stderr {
                    Some(stderr) => series.error(&at(stderr)),
                    None => series,
                };
                let tag = scene.tag(shown.cell, scene.source, &names[*k], STDERR);
                panel = panel.with(measured(series.tag(tag), Some(*k)));
            }
        }
        panels.push(panel);
    }
    let legend = &mut panels[grid - 1];
    legend.legend = Legend::Right;
    Key::theories(&drawn, false, false)
        .curves(&names, n > 0)
        .into(&mut legend.series);
    let height = 240.0 * cells.len().div_ceil(grid) as f64;
    let mut figure = Figure::new(width(grid, 260.0), height).columns(grid);
    figure.panels = panels;
    let mut text = scene.caption(w, n) + &scene.lines_text(&drawn, cells.len());
    text.push_str(&scene.left_out(&cells));
    Ok(Some((figure, text)))
}
