//! Curves over an observable's own axis, with residuals; one panel per cell.

use super::reference::{below, differences};
use super::scene::{Key, Placed, STDERR, Scene, Shown, fewer, from, is_banded, looking, measured};
use super::{axis, axis_of, curve_names, grid_columns, width};
use crate::compare::{Blocks, residuals};
use crate::error::Result;
use crate::instrument::observable;
use crate::plot::{Figure, Legend, Panel, Series};
use crate::run::assess::measured_blocks;
use crate::spec::{Figure as FigureSpec, Residuals};

/// Curves over the observable's last axis; leading axes give one curve each.
pub(super) fn curves(scene: &Scene) -> Result<Option<(Figure, String)>> {
    let f = scene.f;
    let cells: Vec<Shown> = scene.panels();
    let Some(w) = cells.first().map(Shown::observed) else {
        return Ok(None);
    };
    let Some(last) = w.axes.last() else {
        return Ok(None);
    };
    let columns = grid_columns(cells.len());
    let drawn = scene.drawn(&cells)?;
    let reference = scene
        .reference(&drawn)
        .filter(|_| cells.len() <= 2 || matches!(f.residuals, Residuals::From(_)));
    let against = scene.spec.compare.reference.clone();
    let against = against.filter(|_| reference.is_some());
    // Every curve that some panel shows has its number there too.
    let mut names: Vec<String> = Vec::new();
    for &cell in &cells {
        let own = scene.theories(cell)?.into_iter().map(|p| p.shown);
        for shown in std::iter::once(cell).chain(own) {
            for (_, name) in curve_names(shown.observed(), f).0 {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
    }
    let single = names.len() == 1 && f.also.is_empty();
    let x_axis = axis_of(last, f.x_scale, f.x_range);
    let (mut panels, mut legend_at) = (Vec::new(), 0);
    let (mut n, mut without_residuals) = (0, Vec::new());
    for (index, &shown) in cells.iter().enumerate() {
        let w = shown.observed();
        let title = match scene.outcome.cells.len() {
            1 => String::new(),
            _ => scene.name(shown.cell),
        };
        let measurement = measured_blocks(shown.cell, shown.wanted)?;
        n = measurement.as_ref().map_or(n, |m| m.n().max(n));
        let mut panel = Panel::new(
            title,
            x_axis.clone(),
            axis(w.observable.label, w.observable.unit, f.y_scale, f.y_range),
        )
        .legend(Legend::None);
        let theories = scene.theories(shown)?;
        for placed in &theories {
            add_theory(scene, placed, &names, single, &mut panel);
        }
        if let Some(measurement) = &measurement {
            add_measured(scene, shown, measurement, &names, single, &mut panel);
        }
        with_others(scene, shown, names.len(), &mut panel)?;
        if index < columns {
            legend_at = panels.len();
        }
        panels.push(panel);
        if let Some(label) = &against {
            match differences(scene, shown, label, &theories, &names, single)? {
                Some(panel) => panels.push(panel),
                None => without_residuals.push(scene.name(shown.cell)),
            }
        } else if let Some((place, _)) = &reference {
            let placed = theories.iter().find(|p| p.place == *place);
            match residual_panel(scene, shown, placed, measurement.as_ref(), &names, single)? {
                Some(panel) => panels.push(panel),
                None => without_residuals.push(scene.name(shown.cell)),
            }
        }
    }
    let banded = panels.iter().flat_map(|p| &p.series).any(is_banded);
    let mut key = Key::theories(&drawn, single, banded);
    // The only curve of the observable itself is what measures it.
    let own = |name: &String| match name.is_empty() {
        true => scene.source.to_string(),
        false => name.clone(),
    };
    let also = f.also.iter().map(|name| name.replace('-', " "));
    let others: Vec<String> = names.iter().map(own).chain(also).collect();
    key = match single {
        true if n > 0 => key.measured(scene.source),
        true => key,
        false => key.curves(&others, n > 0),
    };
    key.into(&mut panels[legend_at].series);
    panels[legend_at].legend = match columns {
        1 => Legend::Auto,
        _ => Legend::Right,
    };
    let rows = cells.len().div_ceil(columns);
    let height = if reference.is_some() { 330.0 } else { 240.0 };
    let mut figure = Figure::new(width(columns, 250.0), height * rows as f64).columns(columns);
    figure.panels = panels;
    let leading = observable::size(&w.axes[..w.axes.len() - 1]);
    let mut text = scene.caption(w, n) + &scene.lines_text(&drawn, cells.len());
    text.push_str(&scene.left_out(&cells));
    if f.only.is_none() {
        let every = FigureSpec {
            only: Some((1..=leading).collect()),
            ..f.clone()
        };
        let mut lacking: Vec<String> = curve_names(w, &every)
            .0
            .into_iter()
            .map(|(_, name)| name)
            .collect();
        lacking.retain(|name| !names.contains(name));
        text.push_str(&fewer(names.clone(), lacking, "curves"));
    }
    if let Some((_, label)) = reference.filter(|_| without_residuals.len() < cells.len()) {
        let source = scene.source;
        text.push_str(&match against {
            Some(reference) => below(&reference),
            None => format!(
                " Below: {source} minus {label}, in standard errors of the paired difference (z of equal \
                 probability for few draws)."
            ),
        });
        for cell in &without_residuals {
            text.push_str(&format!(" No difference for {cell}."));
        }
    }
    Ok(Some((figure, text)))
}

/// Number of a curve among those of all panels, its name, and its points in the observable's grid.
pub(super) fn pieces(
    scene: &Scene,
    shown: Shown,
    names: &[String],
) -> Vec<(usize, String, Vec<usize>)> {
    let (here, length) = curve_names(shown.observed(), scene.f);
    here.into_iter()
        .filter_map(|(index, name)| {
            let number = names.iter().position(|n| *n == name)?;
            Some((
                number,
                name,
                (index * length..(index + 1) * length).collect(),
            ))
        })
        .collect()
}

pub(super) fn last_axis(shown: Shown) -> Vec<f64> {
    let axes = &shown.observed().axes;
    axes.last().map(|a| a.values.clone()).unwrap_or_default()
}

/// The name of a curve in the table: none where there is but one.
pub(super) fn called(name: &str, single: bool) -> &str {
    if single { "" } else { name }
}

fn add_theory(scene: &Scene, placed: &Placed, names: &[String], single: bool, panel: &mut Panel) {
    let x = last_axis(placed.shown);
    for (k, name, points) in pieces(scene, placed.shown, names) {
        let line = scene.line(placed, called(&name, single), &x, &points);
        panel
            .series
            .push(looking(line, placed.place, (!single).then_some(k)));
    }
}

fn add_measured(
    scene: &Scene,
    shown: Shown,
    blocks: &Blocks,
    names: &[String],
    single: bool,
    panel: &mut Panel,
) {
    let (mean, stderr, x) = (blocks.mean(), blocks.stderr(), last_axis(shown));
    for (k, name, points) in pieces(scene, shown, names) {
        let at = |values: &[f64]| -> Vec<f64> { points.iter().map(|&i| values[i]).collect() };
        let series = Series::points("", x.clone(), at(&mean));
        let series = match &stderr {
            Some(stderr) => series.error(&at(stderr)),
            None => series,
        };
        let tag = scene.tag(shown.cell, scene.source, called(&name, single), STDERR);
        let series = measured(series.tag(tag), (!single).then_some(k));
        panel.series.push(series);
    }
}

/// Observables without further axes that the figure shows beside its own.
fn with_others(scene: &Scene, shown: Shown, first: usize, panel: &mut Panel) -> Result<()> {
    let x = last_axis(shown);
    for (k, name) in scene.f.also.iter().enumerate() {
        let index =
            shown.cell.wanted.iter().position(|w| {
                w.observable.name == name && w.axes.len() == 1 && w.axes[0].values == x
            });
        let Some(index) = index else { continue };
        let Some(blocks) = measured_blocks(shown.cell, index)? else {
            continue;
        };
        let points = Series::points("", x.clone(), blocks.mean());
        let points = match blocks.stderr() {
            Some(stderr) => points.error(&stderr),
            None => points,
        };
        let tag = scene.tag(shown.cell, scene.source, name, STDERR);
        panel.series.push(points.tag(tag).style(first + k));
    }
    Ok(())
}

/// Measurement minus a theory in standard errors of the paired difference; `None` without the theory or with a single draw.
fn residual_panel(
    scene: &Scene,
    shown: Shown,
    theory: Option<&Placed>,
    blocks: Option<&Blocks>,
    names: &[String],
    single: bool,
) -> Result<Option<Panel>> {
    let (Some(placed), Some(blocks)) = (theory, blocks.filter(|m| m.n() > 1)) else {
        return Ok(None);
    };
    let z: Vec<f64> = residuals(&blocks.minus(&placed.curve.values)?.values)?
        .iter()
        .map(|r| r.z.unwrap_or(f64::NAN))
        .collect();
    let Some(last) = shown.observed().axes.last() else {
        return Ok(None);
    };
    let f = scene.f;
    let mut panel = Panel::residual(axis_of(last, f.x_scale, f.x_range)).legend(Legend::None);
    panel.y.label = from(&placed.theory.label);
    let source = format!("{} minus {}", scene.source, placed.theory.label);
    for (k, name, points) in pieces(scene, shown, names) {
        let y: Vec<f64> = points.iter().map(|&i| z[i]).collect();
        let tag = scene.tag(shown.cell, &source, called(&name, single), "");
        let series = Series::points("", last.values.clone(), y).tag(tag);
        panel.series.push(measured(series, (!single).then_some(k)));
    }
    Ok(Some(panel))
}
