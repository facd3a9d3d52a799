//! Chosen entries of a matrix over time: what a network says of one feature of one item.

use super::{
    DASHES, MAX_PANELS, axis, axis_label, caption, cell_name, chosen, drawn_theories, theory_line,
    width,
};
use crate::error::Result;
use crate::plot::{Figure, Legend, Panel, Series};
use crate::run::assess::{measured_blocks, theory_curve};
use crate::run::outcome::{CellOutcome, Outcome};
use crate::spec::Figure as FigureSpec;

/// Entries `f.entries` (row, column, counted from 1) of a three-axis observable over its first axis, one panel per cell.
pub(super) fn entries(
    outcome: &Outcome,
    f: &FigureSpec,
    wanted: usize,
) -> Result<Option<(Figure, String)>> {
    let cells: Vec<&CellOutcome> = outcome
        .cells
        .iter()
        .filter(|c| c.failure.is_none())
        .take(MAX_PANELS)
        .collect();
    let Some(first) = cells.first() else {
        return Ok(None);
    };
    let w = &first.wanted[wanted];
    let [slices, rows, columns] = w.axes.as_slice() else {
        return Ok(None);
    };
    let (nr, nc) = (rows.values.len(), columns.values.len());
    let (x_label, x_unit) = axis_label(slices);
    let grid = cells.len().min(3);
    let height = 240.0 * cells.len().div_ceil(grid) as f64;
    let mut figure = Figure::new(width(grid, 260.0), height).columns(grid);
    let mut n = 0;
    for (index, cell) in cells.iter().enumerate() {
        let x = &cell.wanted[wanted].axes[0].values;
        let over_time = |values: &[f64], [row, column]: [usize; 2]| -> Vec<f64> {
            let at = |k: usize| values[(k * nr + row - 1) * nc + column - 1];
            (0..x.len()).map(at).collect()
        };
        let mut panel = Panel::new(
            cell_name(cell, f),
            axis(x_label, x_unit, f.x_scale, f.x_range),
            axis(
                &format!("entry of the {}", w.observable.label),
                w.observable.unit,
                f.y_scale,
                f.y_range,
            ),
        )
        .legend(if index + 1 == grid {
            Legend::Right
        } else {
            Legend::None
        });
        let name =
            |[row, column]: [usize; 2]| format!("{} {row}, {} {column}", rows.name, columns.name);
        for (t, theory) in chosen(cell, f, wanted).into_iter().enumerate() {
            let Some(curve) = theory_curve(cell, theory, wanted)? else {
                continue;
            };
            let mean = curve.values.mean();
            for (k, entry) in f.entries.iter().enumerate() {
                let label = if t == 0 { name(*entry) } else { String::new() };
                let line = theory_line(theory, &label, x, over_time(&mean, *entry));
                panel = panel.with(line.style(k).dash(DASHES[t % DASHES.len()]));
            }
        }
        if let Some(measured) = measured_blocks(cell, wanted)? {
            n = measured.n();
            let (mean, stderr) = (measured.mean(), measured.stderr());
            for (k, entry) in f.entries.iter().enumerate() {
                let mut points = Series::points(name(*entry), x.clone(), over_time(&mean, *entry));
                if let Some(stderr) = &stderr {
                    points = points.error(&over_time(stderr, *entry));
                }
                panel = panel.with(points.style(k));
            }
        }
        figure = figure.with(panel);
    }
    let labels = drawn_theories(cells.iter().copied(), f, wanted);
    Ok(Some((figure, caption(w, &labels, n))))
}
