//! An observable over a swept key.

use super::{DASHES, MAX_CURVES, WIDTH, axis, caption, chosen};
use crate::error::Result;
use crate::plot::{Figure, Legend, Panel, Series};
use crate::run::assess::{Assessment, measured_blocks, point_text, theory_curve};
use crate::run::outcome::{CellOutcome, Outcome};
use crate::spec::sweep::coordinate;
use crate::spec::{Figure as FigureSpec, ReduceKind};

/// An observable over a swept key, with the straight-line reductions along it.
pub(super) fn over_sweep(
    outcome: &Outcome,
    assessment: &Assessment,
    f: &FigureSpec,
    wanted: usize,
) -> Result<Option<(Figure, String)>> {
    let Some(key) = &f.key else { return Ok(None) };
    let cells: Vec<&CellOutcome> = outcome
        .cells
        .iter()
        .filter(|c| c.failure.is_none())
        .collect();
    let Some(first) = cells.first() else {
        return Ok(None);
    };
    let w = &first.wanted[wanted];
    let count = w.size().min(MAX_CURVES);
    let mut order: Vec<(f64, &CellOutcome)> = cells
        .iter()
        .filter_map(|c| coordinate(&c.set, key, f.abscissa).map(|x| (x, *c)))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let x: Vec<f64> = order.iter().map(|(x, _)| *x).collect();
    let mut panel = Panel::new(
        "",
        axis(&f.abscissa.text(key), "", f.x_scale),
        axis(w.observable.label, w.observable.unit, f.y_scale),
    );
    let labels: Vec<String> = chosen(first, f, wanted)
        .iter()
        .map(|t| t.label.clone())
        .collect();
    for (t, label) in labels.iter().enumerate() {
        let mut values = Vec::new();
        for (_, cell) in &order {
            let theory = cell.theories.iter().find(|o| o.label == *label);
            let curve = match theory {
                Some(theory) => theory_curve(cell, theory, wanted)?,
                None => None,
            };
            values.push(curve.map(|c| c.values.mean()));
        }
        if values.iter().all(Option::is_none) {
            continue;
        }
        panel = panel.with(
            Series::line(label.clone(), Vec::new(), Vec::new())
                .color(crate::plot::GREY)
                .dash(DASHES[t % DASHES.len()]),
        );
        for k in 0..count {
            let y: Vec<f64> = values
                .iter()
                .map(|v| v.as_ref().map_or(f64::NAN, |v| v[k]))
                .collect();
            panel = panel.with(
                Series::line("", x.clone(), y)
                    .style(k)
                    .dash(DASHES[t % DASHES.len()]),
            );
        }
    }
    let mut n = 0;
    let mut measured = Vec::new();
    for (_, cell) in &order {
        let blocks = measured_blocks(cell, wanted)?;
        n = blocks.as_ref().map_or(n, |b| b.n());
        measured.push(blocks.map(|b| (b.mean(), b.stderr())));
    }
    for k in 0..count {
        let (y, e): (Vec<f64>, Vec<f64>) = measured
            .iter()
            .map(|m| match m {
                Some((mean, stderr)) => (
                    mean[k],
                    stderr.as_ref().map_or(f64::NAN, |s: &Vec<f64>| s[k]),
                ),
                None => (f64::NAN, f64::NAN),
            })
            .unzip();
        let label = match w.axes.is_empty() {
            true => "networks".into(),
            false => point_text(&w.axes, k).replace('=', " "),
        };
        panel = panel.with(Series::points(label, x.clone(), y).error(&e).style(k));
    }
    let lines = assessment.derived.iter().filter(|d| {
        d.reduce.key == *key && d.observable.name == f.observable && d.reduce.abscissa == f.abscissa
    });
    let mut extrapolated = false;
    for d in lines {
        if let (ReduceKind::Extrapolate, Ok(m)) = (d.reduce.kind, &d.measured) {
            extrapolated = true;
            for k in 0..count {
                let stderr = m.stderr.as_ref().map_or(0.0, |s| s[k]);
                panel = panel.with(
                    Series::points("", vec![0.0], vec![m.estimate[k]])
                        .error(&[stderr])
                        .style(k)
                        .open(),
                );
            }
        }
    }
    let figure = Figure::new(WIDTH, 300.0).with(panel.legend(Legend::Right));
    let mut text = caption(w, &labels, n);
    if extrapolated {
        text.push_str(" Open points: extrapolated limit.");
    }
    Ok(Some((figure, text)))
}
