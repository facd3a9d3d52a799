//! Figures of a run: theory as lines, measurements as points with error bars, residuals in units of sigma.

use super::league::set_text;
use crate::compare::{Blocks, residuals};
use crate::error::Result;
use crate::instrument::{Axis, Wanted, observable};
use crate::plot::{AxisSpec, Dash, Figure, Legend, Marker, Panel, Series};
use crate::run::assess::{Assessment, RowResult, coordinate, measured_blocks, short, theory_curve};
use crate::run::outcome::{CellOutcome, Outcome, TheoryOutcome};
use crate::spec::{Abscissa, Figure as FigureSpec, FigureKind, ScaleKey, Spec};

/// A drawn figure, its file name (without ending) and its caption.
#[derive(Debug, Clone)]
pub struct Drawn {
    pub name: String,
    pub figure: Figure,
    pub caption: String,
}

const WIDTH: f64 = 430.0;
const MAX_CURVES: usize = 8;
const MAX_PANELS: usize = 6;
const DASHES: [Dash; 5] = [
    Dash::Solid,
    Dash::Dashed,
    Dash::Dotted,
    Dash::DashDot,
    Dash::LongDash,
];

/// All figures of a run: those the spec names, or one per observable.
pub fn figures(spec: &Spec, outcome: &Outcome, assessment: &Assessment) -> Result<Vec<Drawn>> {
    let specs = match spec.figures.is_empty() {
        true => default_figures(spec, outcome),
        false => spec.figures.clone(),
    };
    specs
        .iter()
        .filter_map(|f| draw(spec, outcome, assessment, f).transpose())
        .collect()
}

fn default_figures(spec: &Spec, outcome: &Outcome) -> Vec<FigureSpec> {
    let Some(cell) = outcome.cells.first() else {
        return vec![];
    };
    let key = cell.set.first().map(|(k, _)| k.clone());
    cell.wanted
        .iter()
        .map(|w| {
            let over_time = w.axes.last().is_some_and(|a| a.name == "time");
            let kind = match w.axes.len() {
                3 => FigureKind::Heatmap,
                _ if !over_time && spec.cells.len() > 1 => FigureKind::Sweep,
                _ => FigureKind::Curves,
            };
            FigureSpec {
                name: None,
                title: None,
                observable: w.observable.name.into(),
                kind,
                key: key.clone().filter(|_| kind == FigureKind::Sweep),
                abscissa: Abscissa::Value,
                theories: None,
                x_scale: ScaleKey::Linear,
                y_scale: ScaleKey::Linear,
                residuals: true,
            }
        })
        .collect()
}

fn draw(
    spec: &Spec,
    outcome: &Outcome,
    assessment: &Assessment,
    f: &FigureSpec,
) -> Result<Option<Drawn>> {
    let Some(first) = outcome.cells.first() else {
        return Ok(None);
    };
    let Some(wanted) = first
        .wanted
        .iter()
        .position(|w| w.observable.name == f.observable)
    else {
        return Ok(None);
    };
    let drawn = match f.kind {
        FigureKind::Curves => curves(outcome, f, wanted)?,
        FigureKind::Heatmap => heatmaps(first, &first.wanted[wanted], wanted)?,
        FigureKind::Sweep => over_sweep(outcome, assessment, f, wanted)?,
        FigureKind::Deviation => deviations(spec, outcome, assessment, f)?,
        FigureKind::Overlay => overlay(outcome, f, wanted)?,
    };
    let Some((mut figure, caption)) = drawn else {
        return Ok(None);
    };
    figure = figure.title(f.title.clone().unwrap_or_else(|| spec.title.clone()));
    if spec.quick {
        figure = figure.note("quick run");
    }
    Ok(Some(Drawn {
        name: f.name.clone().unwrap_or_else(|| match f.kind {
            FigureKind::Deviation => format!("{}-deviation", f.observable),
            _ => f.observable.clone(),
        }),
        figure,
        caption,
    }))
}

fn axis(label: &str, unit: &str, scale: ScaleKey) -> AxisSpec {
    let unit = if unit == "tau" { "τ" } else { unit };
    match scale {
        ScaleKey::Linear => AxisSpec::linear(label, unit),
        ScaleKey::Log => AxisSpec::log(label, unit),
    }
}

fn axis_label(a: &Axis) -> (&str, &str) {
    match a.name.as_str() {
        "time" => ("time t = η · step", &a.unit),
        name => (name, &a.unit),
    }
}

fn chosen<'a>(cell: &'a CellOutcome, f: &FigureSpec) -> Vec<&'a TheoryOutcome> {
    cell.theories
        .iter()
        .filter(|t| f.theories.as_ref().is_none_or(|l| l.contains(&t.label)))
        .collect()
}

/// Curves over the observable's last axis; leading axes give one curve each.
fn curves(outcome: &Outcome, f: &FigureSpec, wanted: usize) -> Result<Option<(Figure, String)>> {
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
    let mut figure = Figure::new(
        if columns == 1 {
            WIDTH
        } else {
            290.0 * columns as f64
        },
        height * rows as f64,
    )
    .columns(columns);
    let (x_label, x_unit) = axis_label(last);
    let mut n = 0;
    for (index, cell) in cells.iter().enumerate() {
        let w = &cell.wanted[wanted];
        let title = if outcome.cells.len() > 1 {
            set_text(&cell.set)
        } else {
            String::new()
        };
        let mut panel = Panel::new(
            title,
            axis(x_label, x_unit, f.x_scale),
            axis(w.observable.label, w.observable.unit, f.y_scale),
        );
        if index > 0 {
            panel = panel.legend(Legend::None);
        }
        let measured = measured_blocks(cell, wanted)?;
        n = measured.as_ref().map_or(n, |m| m.n());
        panel = with_curves(panel, cell, w, wanted, f, measured.as_ref())?;
        figure = figure.with(panel);
        if with_residuals
            && let Some(panel) = residual_panel(cell, w, wanted, f, measured.as_ref())?
        {
            figure = figure.with(panel);
        }
    }
    let labels: Vec<String> = chosen(first, f).iter().map(|t| t.label.clone()).collect();
    let mut text = caption(w, &labels, n);
    if with_residuals && let Some(label) = labels.first() {
        text.push_str(&format!(
            " Below: networks minus {label}, in standard errors of the paired difference."
        ));
    }
    Ok(Some((figure, text)))
}

/// Curves of all cells in one panel, coloured by cell; observables with one axis only.
fn overlay(outcome: &Outcome, f: &FigureSpec, wanted: usize) -> Result<Option<(Figure, String)>> {
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
    let (x_label, x_unit) = axis_label(axis_of_curves);
    let mut panel = Panel::new(
        "",
        axis(x_label, x_unit, f.x_scale),
        axis(w.observable.label, w.observable.unit, f.y_scale),
    );
    let labels: Vec<String> = chosen(first, f).iter().map(|t| t.label.clone()).collect();
    let mut n = 0;
    for (k, cell) in cells.iter().enumerate() {
        let x = cell.wanted[wanted].axes[0].values.clone();
        let name = set_text(&cell.set).replace('=', " = ");
        for (t, theory) in chosen(cell, f).into_iter().enumerate() {
            if let Some(curve) = theory_curve(cell, theory, wanted)? {
                let label = if t == 0 { name.clone() } else { String::new() };
                panel = panel.with(
                    Series::line(label, x.clone(), curve.values.mean())
                        .style(k)
                        .dash(DASHES[t % DASHES.len()]),
                );
            }
        }
        if let Some(measured) = measured_blocks(cell, wanted)? {
            n = measured.n();
            let mut points = Series::points(name, x, measured.mean());
            if let Some(stderr) = measured.stderr() {
                points = points.error(&stderr);
            }
            panel = panel.with(points.style(k));
        }
    }
    let figure = Figure::new(WIDTH + 120.0, 300.0).with(panel.legend(Legend::Right));
    Ok(Some((figure, caption(w, &labels, n))))
}

fn caption(w: &Wanted, theories: &[String], n: usize) -> String {
    let mut text = format!(
        "{}. {}.",
        w.observable.label,
        w.observable.convention.trim_end_matches('.')
    );
    if n > 0 {
        text.push_str(&format!(
            " Points: mean over {n} draws, error bars one standard error."
        ));
    }
    if !theories.is_empty() {
        text.push_str(&format!(" Lines: {}.", theories.join(", ")));
    }
    text
}

/// Names of the curves that the leading axes make (`mode 1`, `mode 2`, ...), and the length of the last axis.
fn curve_names(w: &Wanted) -> (Vec<String>, usize) {
    let length = w.axes.last().map_or(1, |a| a.values.len());
    let leading = &w.axes[..w.axes.len().saturating_sub(1)];
    let count = observable::size(leading).min(MAX_CURVES);
    let names = (0..count)
        .map(|k| crate::run::assess::point_text(leading, k).replace('=', " "))
        .collect();
    (names, length)
}

fn with_curves(
    mut panel: Panel,
    cell: &CellOutcome,
    w: &Wanted,
    wanted: usize,
    f: &FigureSpec,
    measured: Option<&Blocks>,
) -> Result<Panel> {
    let (names, length) = curve_names(w);
    let x = w.axes.last().map(|a| a.values.clone()).unwrap_or_default();
    let single = names.len() == 1;
    for (t, theory) in chosen(cell, f).into_iter().enumerate() {
        let Some(curve) = theory_curve(cell, theory, wanted)? else {
            continue;
        };
        let mean = curve.values.mean();
        if !single {
            panel = panel.with(
                Series::line(theory.label.clone(), Vec::new(), Vec::new())
                    .color(crate::plot::GREY)
                    .dash(DASHES[t % DASHES.len()]),
            );
        }
        for k in 0..names.len() {
            let range = k * length..(k + 1) * length;
            let y = mean[range.clone()].to_vec();
            let label = match (single, t) {
                (true, _) => theory.label.clone(),
                (false, 0) => names[k].clone(),
                _ => String::new(),
            };
            let bound = &curve.bound[range.clone()];
            let (lower, upper) = band(&y, bound, curve.stderr.as_ref().map(|s| &s[range]));
            let visible = y
                .iter()
                .zip(&lower)
                .any(|(y, l)| (y - l).abs() > 1e-3 * y.abs());
            let mut line = Series::line(label, x.clone(), y)
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
    for (k, name) in names.iter().enumerate() {
        let range = k * length..(k + 1) * length;
        let label = if single {
            "networks".to_string()
        } else {
            name.clone()
        };
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
    for theory in chosen(cell, f) {
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
    let (names, length) = curve_names(w);
    let Some(last) = w.axes.last() else {
        return Ok(None);
    };
    let (x_label, x_unit) = axis_label(last);
    let mut panel = Panel::residual(axis(x_label, x_unit, f.x_scale)).legend(Legend::None);
    for k in 0..names.len() {
        let points = Series::points(
            "",
            last.values.clone(),
            z[k * length..(k + 1) * length].to_vec(),
        );
        panel = panel.with(match names.len() {
            1 => points.color(6).marker(Marker::Circle).open(),
            _ => points.style(k),
        });
    }
    Ok(Some(panel))
}

/// Matrices of a three-axis observable at up to four values of its first axis: measured above, first theory below.
fn heatmaps(cell: &CellOutcome, w: &Wanted, wanted: usize) -> Result<Option<(Figure, String)>> {
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

/// An observable over a swept key, with the straight-line reductions along it.
fn over_sweep(
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
        .filter_map(|c| coordinate(c, key, f.abscissa).map(|x| (x, *c)))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let x: Vec<f64> = order.iter().map(|(x, _)| *x).collect();
    let mut panel = Panel::new(
        "",
        axis(&f.abscissa.text(key), "", f.x_scale),
        axis(w.observable.label, w.observable.unit, f.y_scale),
    );
    let labels: Vec<String> = chosen(first, f).iter().map(|t| t.label.clone()).collect();
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
        let pick = |f: &dyn Fn(&(Vec<f64>, Option<Vec<f64>>)) -> f64| -> Vec<f64> {
            measured
                .iter()
                .map(|m| m.as_ref().map_or(f64::NAN, f))
                .collect()
        };
        let y = pick(&|m| m.0[k]);
        let e = pick(&|m| m.1.as_ref().map_or(f64::NAN, |s| s[k]));
        let label = match w.axes.is_empty() {
            true => "networks".into(),
            false => crate::run::assess::point_text(&w.axes, k).replace('=', " "),
        };
        panel = panel.with(Series::points(label, x.clone(), y).error(&e).style(k));
    }
    let lines = assessment.derived.iter().filter(|d| {
        d.reduce.key == *key && d.observable.name == f.observable && d.reduce.abscissa == f.abscissa
    });
    for d in lines {
        if let (crate::spec::ReduceKind::Extrapolate, Ok(m)) = (d.reduce.kind, &d.measured) {
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
    Ok(Some((
        figure,
        caption(w, &labels, n) + " Open points: extrapolated limit.",
    )))
}

/// Deviation of every theory from the networks over a swept key: which theory wins where.
fn deviations(
    spec: &Spec,
    outcome: &Outcome,
    assessment: &Assessment,
    f: &FigureSpec,
) -> Result<Option<(Figure, String)>> {
    let (Some(key), Some(first)) = (&f.key, outcome.cells.first()) else {
        return Ok(None);
    };
    let mut panel = Panel::new(
        "",
        axis(&f.abscissa.text(key), "", f.x_scale),
        axis(&format!("deviation of {}", f.observable), "", f.y_scale),
    );
    let tolerance = spec.compare.of(&f.observable);
    panel = panel.with(Series::hline(tolerance.value()).labelled("tolerance"));
    let labels: Vec<String> = chosen(first, f).iter().map(|t| t.label.clone()).collect();
    for (t, label) in labels.iter().enumerate() {
        let mut points: Vec<(f64, f64, [f64; 2])> = assessment
            .rows
            .iter()
            .filter(|r| r.label == *label && r.observable.is_some_and(|o| o.name == f.observable))
            .filter_map(|r| {
                let x = coordinate(&outcome.cells[r.cell], key, f.abscissa)?;
                match &r.result {
                    RowResult::Compared { comparison, .. } => {
                        let v = comparison.deviation;
                        Some((x, v, comparison.interval.unwrap_or([v, v])))
                    }
                    _ => None,
                }
            })
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        if f.y_scale == ScaleKey::Log {
            // A lower end of zero has no place on a logarithmic axis: the band ends at a hundredth of the value.
            points
                .iter_mut()
                .for_each(|p| p.2[0] = p.2[0].max(0.01 * p.1));
        }
        let x: Vec<f64> = points.iter().map(|p| p.0).collect();
        let y: Vec<f64> = points.iter().map(|p| p.1).collect();
        panel = panel
            .with(
                Series::line(label.clone(), x.clone(), y.clone())
                    .band(
                        points.iter().map(|p| p.2[0]).collect::<Vec<_>>(),
                        points.iter().map(|p| p.2[1]).collect::<Vec<_>>(),
                    )
                    .style(t),
            )
            .with(Series::points(label.clone(), x, y).style(t));
    }
    let text = format!(
        "Distance of every theory from the networks ({}, {}), bands are 95 % intervals; the horizontal line is the tolerance.",
        f.observable,
        tolerance.metric()
    );
    Ok(Some((Figure::new(WIDTH, 300.0).with(panel), text)))
}
