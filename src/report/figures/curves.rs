//! Curves over an observable's own axis, with residuals; one panel per cell.

use super::{
    DASHES, MAX_PANELS, axis, axis_label, caption, cell_name, chosen, curve_names, drawn_theories,
    theory_line, width,
};
use crate::compare::{Blocks, residuals};
use crate::error::Result;
use crate::instrument::{Axis, Wanted};
use crate::plot::{Figure, Legend, Marker, Panel, Series};
use crate::run::assess::{measured_blocks, theory_curve};
use crate::run::outcome::{CellOutcome, Outcome};
use crate::spec::Figure as FigureSpec;

/// Curves over the observable's last axis; leading axes give one curve each.
pub(super) fn curves(
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
    let Some(last) = w.axes.last() else {
        return Ok(None);
    };
    let columns = match cells.len() {
        1 => 1,
        2 | 4 => 2,
        _ => 3,
    };
    let rows = cells.len().div_ceil(columns);
    let with_residuals = f.residuals && cells.len() <= 2;
    let height = if with_residuals { 330.0 } else { 240.0 };
    let mut figure = Figure::new(width(columns, 250.0), height * rows as f64).columns(columns);
    let (x_label, x_unit) = axis_label(last);
    let mut n = 0;
    for (index, cell) in cells.iter().enumerate() {
        let w = &cell.wanted[wanted];
        let title = if outcome.cells.len() > 1 {
            cell_name(cell, f)
        } else {
            String::new()
        };
        let mut panel = Panel::new(
            title,
            axis(x_label, x_unit, f.x_scale, f.x_range),
            axis(w.observable.label, w.observable.unit, f.y_scale, f.y_range),
        );
        // One legend, at the right end of the first row.
        panel = panel.legend(match index + 1 == columns {
            true if columns > 1 => Legend::Right,
            true => Legend::Auto,
            false => Legend::None,
        });
        let measured = measured_blocks(cell, wanted)?;
        n = measured.as_ref().map_or(n, |m| m.n());
        panel = with_curves(panel, cell, w, wanted, f, measured.as_ref())?;
        panel = with_others(panel, cell, last, f, curve_names(w, f).0.len())?;
        figure = figure.with(panel);
        if with_residuals
            && let Some(panel) = residual_panel(cell, w, wanted, f, measured.as_ref())?
        {
            figure = figure.with(panel);
        }
    }
    let labels = drawn_theories(cells.iter().copied(), f, wanted);
    let mut text = caption(w, &labels, n);
    if with_residuals && let Some(label) = labels.first() {
        text.push_str(&format!(
            " Below: networks minus {label}, in standard errors of the paired difference."
        ));
    }
    Ok(Some((figure, text)))
}

fn with_curves(
    mut panel: Panel,
    cell: &CellOutcome,
    w: &Wanted,
    wanted: usize,
    f: &FigureSpec,
    measured: Option<&Blocks>,
) -> Result<Panel> {
    let (names, length) = curve_names(w, f);
    let x = w.axes.last().map(|a| a.values.clone()).unwrap_or_default();
    let single = names.len() == 1;
    let theories = chosen(cell, f, wanted);
    if !single {
        for (t, theory) in theories.iter().enumerate() {
            panel = panel.with(
                Series::line(theory.label.clone(), Vec::new(), Vec::new())
                    .color(crate::plot::GREY)
                    .dash(DASHES[t % DASHES.len()]),
            );
        }
    }
    for (t, theory) in theories.into_iter().enumerate() {
        let Some(curve) = theory_curve(cell, theory, wanted)? else {
            continue;
        };
        let mean = curve.values.mean();
        for (k, (index, name)) in names.iter().enumerate() {
            let range = index * length..(index + 1) * length;
            let y = mean[range.clone()].to_vec();
            let label = match (single, t) {
                (true, _) => theory.label.as_str(),
                (false, 0) => name,
                _ => "",
            };
            let bound = &curve.bound[range.clone()];
            let (lower, upper) = band(&y, bound, curve.stderr.as_ref().map(|s| &s[range]));
            let visible = y
                .iter()
                .zip(&lower)
                .any(|(y, l)| (y - l).abs() > 1e-3 * y.abs());
            let mut line = theory_line(theory, label, &x, y)
                .style(if single { t } else { k })
                .dash(DASHES[t % DASHES.len()]);
            if visible {
                line = line.band(lower, upper);
            }
            panel = panel.with(line);
        }
    }
    let Some(measured) = measured else {
        return Ok(panel);
    };
    let mean = measured.mean();
    let stderr = measured.stderr();
    for (k, (index, name)) in names.iter().enumerate() {
        let range = index * length..(index + 1) * length;
        let label = if single { "networks" } else { name };
        let mut points = Series::points(label, x.clone(), mean[range.clone()].to_vec());
        if let Some(stderr) = &stderr {
            points = points.error(&stderr[range]);
        }
        points = match single {
            true => points.color(6).marker(Marker::Circle).open(),
            false => points.style(k),
        };
        panel = panel.with(points);
    }
    Ok(panel)
}

/// Observables without further axes that the figure shows beside its own.
fn with_others(
    mut panel: Panel,
    cell: &CellOutcome,
    axis: &Axis,
    f: &FigureSpec,
    first: usize,
) -> Result<Panel> {
    for (k, name) in f.also.iter().enumerate() {
        let index = cell.wanted.iter().position(|w| {
            w.observable.name == name && w.axes.len() == 1 && w.axes[0].values == axis.values
        });
        let Some(index) = index else { continue };
        let Some(blocks) = measured_blocks(cell, index)? else {
            continue;
        };
        let points = Series::points(name.clone(), axis.values.clone(), blocks.mean());
        let points = match blocks.stderr() {
            Some(stderr) => points.error(&stderr),
            None => points,
        };
        panel = panel.with(points.style(first + k));
    }
    Ok(panel)
}

/// Error band of a theory: numerical bound plus the standard error of a Monte Carlo theory.
fn band(y: &[f64], bound: &[f64], stderr: Option<&[f64]>) -> (Vec<f64>, Vec<f64>) {
    let half = |k: usize| bound[k] + stderr.map_or(0.0, |s| s[k]);
    let lower = y.iter().enumerate().map(|(k, y)| y - half(k)).collect();
    let upper = y.iter().enumerate().map(|(k, y)| y + half(k)).collect();
    (lower, upper)
}

fn residual_panel(
    cell: &CellOutcome,
    w: &Wanted,
    wanted: usize,
    f: &FigureSpec,
    measured: Option<&Blocks>,
) -> Result<Option<Panel>> {
    let Some(measured) = measured.filter(|m| m.n() > 1) else {
        return Ok(None);
    };
    let mut reference = None;
    for theory in chosen(cell, f, wanted) {
        if let Some(curve) = theory_curve(cell, theory, wanted)? {
            reference = Some(curve);
            break;
        }
    }
    let Some(curve) = reference else {
        return Ok(None);
    };
    let z: Vec<f64> = residuals(&measured.minus(&curve.values)?.values)?
        .iter()
        .map(|r| r.z.unwrap_or(f64::NAN))
        .collect();
    let (names, length) = curve_names(w, f);
    let Some(last) = w.axes.last() else {
        return Ok(None);
    };
    let (x_label, x_unit) = axis_label(last);
    let mut panel =
        Panel::residual(axis(x_label, x_unit, f.x_scale, f.x_range)).legend(Legend::None);
    for (k, (index, _)) in names.iter().enumerate() {
        let points = Series::points(
            "",
            last.values.clone(),
            z[index * length..(index + 1) * length].to_vec(),
        );
        panel = panel.with(match names.len() {
            1 => points.color(6).marker(Marker::Circle).open(),
            _ => points.style(k),
        });
    }
    Ok(Some(panel))
}
