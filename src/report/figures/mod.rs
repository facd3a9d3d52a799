//! Figures of a run: theory as lines, measurements as points with error bars, residuals in units of sigma.

mod curves;
mod deviation;
mod heatmap;
mod sweep;

use crate::error::Result;
use crate::instrument::{Axis, Wanted, observable};
use crate::plot::{AxisSpec, Dash, Figure};
use crate::run::assess::{Assessment, point_text};
use crate::run::outcome::{CellOutcome, Outcome, TheoryOutcome};
use crate::spec::sweep::coordinate;
use crate::spec::{Abscissa, Figure as FigureSpec, FigureKind, ScaleKey, Spec};
use curves::{curves, overlay};
use deviation::deviations;
use heatmap::heatmaps;
use sweep::over_sweep;

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
        true => default_figures(outcome),
        false => spec.figures.clone(),
    };
    specs
        .iter()
        .filter_map(|f| draw(spec, outcome, assessment, f).transpose())
        .collect()
}

fn default_figures(outcome: &Outcome) -> Vec<FigureSpec> {
    let Some(cell) = outcome.cells.first() else {
        return vec![];
    };
    let numeric = |key: &str| {
        let on_axis = |c: &CellOutcome| coordinate(&c.set, key, Abscissa::Value).is_some();
        outcome.cells.iter().all(on_axis)
    };
    let swept = cell.set.first().map(|(k, _)| k.clone());
    let key = swept.filter(|k| numeric(k));
    cell.wanted
        .iter()
        .map(|w| {
            let over_time = w.axes.last().is_some_and(|a| a.name == "time");
            let kind = match w.axes.len() {
                3 => FigureKind::Heatmap,
                _ if !over_time && key.is_some() => FigureKind::Sweep,
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
        FigureKind::Deviation => deviations(spec, outcome, assessment, f, wanted)?,
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

/// Theories to draw: those the figure names, or all, as far as they predict the observable.
fn chosen<'a>(cell: &'a CellOutcome, f: &FigureSpec, wanted: usize) -> Vec<&'a TheoryOutcome> {
    cell.theories
        .iter()
        .filter(|t| t.covers.contains(&wanted))
        .filter(|t| f.theories.as_ref().is_none_or(|l| l.contains(&t.label)))
        .collect()
}

fn caption(w: &Wanted, theories: &[String], n: usize) -> String {
    let mut text = format!(
        "{}: {}.",
        capitalised(w.observable.label),
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
        .map(|k| point_text(leading, k).replace('=', " "))
        .collect();
    (names, length)
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().collect::<String>() + letters.as_str(),
        None => String::new(),
    }
}
