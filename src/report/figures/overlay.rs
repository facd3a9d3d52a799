//! Curves of all cells in one panel, in the time of the clock or in rescaled time.

use super::curves::curves;
use super::{
    DASHES, MAX_CURVES, WIDTH, axis, axis_label, caption, cell_name, chosen, drawn_theories,
    theory_line,
};
use crate::error::Result;
use crate::plot::{Figure, Legend, Panel, Series};
use crate::run::assess::{measured_blocks, theory_curve};
use crate::run::outcome::{CellOutcome, Outcome};
use crate::spec::Figure as FigureSpec;
use crate::spec::sweep::coordinate;

/// Index of black in the palette: theories that belong to no single cell.
const BLACK: usize = 6;

/// Curves of all cells in one panel, coloured by cell; observables with one axis only.
///
/// With `rescale` the horizontal axis is divided by each cell's abscissa; a theory of the limit then has one curve for all
/// cells, and is drawn from the cell that is nearest to the limit (largest abscissa).
pub(super) fn overlay(
    outcome: &Outcome,
    f: &FigureSpec,
    wanted: usize,
) -> Result<Option<(Figure, String)>> {
    let cells: Vec<&CellOutcome> = outcome
        .cells
        .iter()
        .filter(|c| c.failure.is_none())
        .take(MAX_CURVES)
        .collect();
    let Some(first) = cells.first() else {
        return Ok(None);
    };
    let w = &first.wanted[wanted];
    let [axis_of_curves] = w.axes.as_slice() else {
        return curves(outcome, f, wanted);
    };
    let unit = |cell: &CellOutcome| match (&f.key, f.rescale) {
        (Some(key), true) => coordinate(&cell.set, key, f.abscissa),
        _ => Some(1.0),
    };
    let (x_label, x_unit) = axis_label(axis_of_curves);
    let x_axis = match (&f.key, f.rescale) {
        (Some(key), true) => axis(
            &format!("{} / {}", axis_of_curves.name, f.abscissa.text(key)),
            "",
            f.x_scale,
            f.x_range,
        ),
        _ => axis(x_label, x_unit, f.x_scale, f.x_range),
    };
    let mut panel = Panel::new(
        "",
        x_axis,
        axis(w.observable.label, w.observable.unit, f.y_scale, f.y_range),
    );
    let scaled = |cell: &CellOutcome, by: f64| -> Vec<f64> {
        let values = &cell.wanted[wanted].axes[0].values;
        values.iter().map(|t| t / by).collect()
    };
    let labels = drawn_theories(cells.iter().copied(), f, wanted);
    if f.rescale {
        let nearest = cells
            .iter()
            .filter_map(|c| unit(c).map(|by| (by, *c)))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((by, cell)) = nearest {
            for (t, theory) in chosen(cell, f, wanted).into_iter().enumerate() {
                if let Some(curve) = theory_curve(cell, theory, wanted)? {
                    let x = scaled(cell, by);
                    panel = panel.with(
                        theory_line(theory, &theory.label, &x, curve.values.mean())
                            .color(BLACK)
                            .dash(DASHES[t % DASHES.len()]),
                    );
                }
            }
        }
    }
    let mut n = 0;
    for (k, cell) in cells.iter().enumerate() {
        let Some(by) = unit(cell) else { continue };
        let x = scaled(cell, by);
        let name = cell_name(cell, f);
        let theories = match f.rescale {
            true => vec![],
            false => chosen(cell, f, wanted),
        };
        for (t, theory) in theories.into_iter().enumerate() {
            if let Some(curve) = theory_curve(cell, theory, wanted)? {
                let label = if t == 0 { name.as_str() } else { "" };
                panel = panel.with(
                    theory_line(theory, label, &x, curve.values.mean())
                        .style(k)
                        .dash(DASHES[t % DASHES.len()]),
                );
            }
        }
        if let Some(measured) = measured_blocks(cell, wanted)? {
            n = measured.n();
            if f.rescale {
                let guide = Series::line(name.clone(), x.clone(), measured.mean());
                panel = panel.with(guide.color(k).width(0.7));
            }
            let mut points = Series::points(name, x, measured.mean());
            if let Some(stderr) = measured.stderr() {
                points = points.error(&stderr);
            }
            panel = panel.with(points.style(k));
        }
    }
    let figure = Figure::new(WIDTH + 70.0, 300.0).with(panel.legend(Legend::Right));
    Ok(Some((figure, caption(w, &labels, n))))
}
