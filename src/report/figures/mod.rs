//! Figures of a run: theory as lines, measurements as points with error bars, residuals in units of sigma.

mod curves;
mod deviation;
mod entries;
mod finish;
mod fit;
mod groups;
mod heatmap;
mod map;
mod mds;
mod overlay;
mod phase;
mod reduction;
mod reference;
mod scene;
mod standing;
mod sweep;
mod task_clusters;
mod task_modes;
mod usual;

use crate::error::{Error, Result};
use crate::instrument::{Axis, Wanted, observable};
use crate::plot::{AxisSpec, Figure, missing_glyph};
use crate::run::assess::{Assessment, point_text, short};
use crate::run::outcome::{CellOutcome, Outcome};
use crate::spec::labels::symbol;
use crate::spec::sweep::{coordinate, named};
use crate::spec::{Abscissa, Figure as FigureSpec, FigureKind, ScaleKey, Spec};
use curves::curves;
use deviation::deviations;
use entries::entries;
use heatmap::heatmaps;
use map::maps;
use mds::mds;
use overlay::overlay;
use phase::phase;
use reduction::reductions;
use scene::Scene;
use sweep::over_sweep;
use task_clusters::task_clusters;
use task_modes::task_modes;
use usual::usual;

/// A drawn figure, its file name (without ending) and its caption.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// File name without ending.
    pub name: String,
    /// What is drawn.
    pub figure: Figure,
    /// Plain text for the report.
    pub caption: String,
}

const WIDTH: f64 = 430.0;
/// As many as there are colours beside grey.
const MAX_CURVES: usize = 7;
const MAX_PANELS: usize = 12;

/// Refuses figures that cannot show what they are asked for, before anything is computed.
///
/// # Errors
/// `Input` for a figure over a sweep whose cells have no point of the observable in common, and for texts with characters that the
/// font of the figures does not have.
pub fn check(spec: &Spec) -> Result<()> {
    spec.figures
        .iter()
        .try_for_each(|f| groups::check(spec, f))?;
    let mut texts = vec![("title".to_string(), spec.title.clone())];
    for (i, f) in spec.figures.iter().enumerate() {
        let own = [
            ("title", &f.title),
            ("x_label", &f.x_label),
            ("y_label", &f.y_label),
        ];
        let own = own
            .into_iter()
            .filter_map(|(key, text)| Some((key, text.clone()?)));
        texts.extend(own.map(|(key, text)| (format!("figure[{i}].{key}"), text)));
    }
    let theories = spec.cells.first().into_iter().flat_map(|c| &c.theories);
    let labels = theories.enumerate();
    texts.extend(labels.map(|(i, t)| (format!("theory[{i}].label"), t.label.clone())));
    let stated = |table: &str, labels: Vec<Option<&String>>| -> Vec<(String, String)> {
        let labels = labels.into_iter().enumerate();
        labels
            .filter_map(|(i, label)| Some((format!("{table}[{i}].label"), label?.clone())))
            .collect()
    };
    texts.extend(stated(
        "league",
        spec.leagues.iter().map(|l| l.label.as_ref()).collect(),
    ));
    texts.extend(stated(
        "fit",
        spec.fits.iter().map(|f| Some(&f.label)).collect(),
    ));
    for (place, text) in texts {
        if let Some(c) = missing_glyph(&text) {
            return Err(Error::input(
                place,
                format!(
                    "the font of the figures has no \"{c}\" (U+{:04X})",
                    c as u32
                ),
                "write it in Latin or Greek letters and mathematical signs",
            ));
        }
    }
    Ok(())
}

/// All figures of a run: those the spec names, or one per observable.
pub fn figures(spec: &Spec, outcome: &Outcome, assessment: &Assessment) -> Result<Vec<Drawn>> {
    let specs = match spec.figures.is_empty() {
        true => {
            let mapped = spec.map.iter().flat_map(|m| &m.of);
            let mapped = mapped.map(|name| FigureSpec::new(name, FigureKind::Map));
            let figures = usual(spec, outcome)?.into_iter();
            figures.chain(mapped).collect()
        }
        false => spec.figures.clone(),
    };
    let drawn = specs
        .iter()
        .filter_map(|f| draw(spec, outcome, assessment, f).transpose());
    let fits = outcome.fits.iter().enumerate().filter_map(|(i, fitting)| {
        let found = fitting.result.as_ref().ok()?;
        let name = match outcome.fits.len() {
            1 => "fit".to_string(),
            _ => format!("fit-{}", i + 1),
        };
        Some(fit::fitted(fitting, found).map(|(figure, caption)| Drawn {
            name,
            figure: figure.title(fit::title(fitting, found)),
            caption,
        }))
    });
    let leagues = standing::standings(spec, assessment).into_iter().map(Ok);
    drawn.chain(fits).chain(leagues).collect()
}

/// The picture of one observable.
fn of_kind(
    spec: &Spec,
    outcome: &Outcome,
    assessment: &Assessment,
    f: &FigureSpec,
) -> Result<Option<(Figure, String)>> {
    let mut wanted = outcome.cells.iter().flat_map(|c| &c.wanted);
    let observed = wanted.find(|w| w.observable.name == f.observable);
    let scene = Scene {
        spec,
        outcome,
        assessment,
        f,
        source: observed.map_or(spec.source(), |w| spec.source_of(w.observable)),
    };
    let drawn = match f.kind {
        FigureKind::Curves => curves(&scene)?,
        FigureKind::Heatmap => heatmaps(&scene)?,
        FigureKind::Entries => entries(&scene)?,
        FigureKind::Mds => mds(&scene)?,
        FigureKind::TaskModes => task_modes(spec)?,
        FigureKind::TaskClusters => task_clusters(spec, f)?,
        FigureKind::Sweep => over_sweep(&scene)?,
        FigureKind::Deviation => deviations(&scene)?,
        FigureKind::Overlay => overlay(&scene)?,
        FigureKind::Phase => phase(&scene)?,
        FigureKind::Reduction => reductions(&scene)?,
        FigureKind::Map => maps(&scene)?,
    };
    Ok(drawn)
}

/// A figure of the spec with everything that holds for all kinds, and the observables that stand beside its first.
fn draw(
    spec: &Spec,
    outcome: &Outcome,
    assessment: &Assessment,
    f: &FigureSpec,
) -> Result<Option<Drawn>> {
    let Some((mut figure, mut caption)) = of_kind(spec, outcome, assessment, f)? else {
        return Ok(None);
    };
    finish::label(f, &mut figure, true);
    for name in &f.beside {
        let other = FigureSpec {
            observable: name.clone(),
            beside: vec![],
            ..f.clone()
        };
        if let Some((mut panels, text)) = of_kind(spec, outcome, assessment, &other)? {
            finish::label(f, &mut panels, false);
            let label = |name: &str| {
                let mut wanted = outcome.cells.iter().flat_map(|c| &c.wanted);
                let found = wanted.find(|w| w.observable.name == name);
                found.map_or(name.to_string(), |w| w.observable.label.to_string())
            };
            let names = [label(&f.observable), label(name)];
            figure = finish::join(figure, panels, [&names[0], &names[1]]);
            caption.push_str(&format!(" {text}"));
        }
    }
    finish::dress(f, &mut figure);
    caption.push_str(&finish::honest(f, &mut figure));
    figure = figure.title(f.title.clone().unwrap_or_else(|| spec.title.clone()));
    if spec.quick {
        figure = figure.note("quick run");
    }
    Ok(Some(Drawn {
        name: f.file(),
        figure,
        caption,
    }))
}

fn axis(label: &str, unit: &str, scale: ScaleKey, range: Option<[f64; 2]>) -> AxisSpec {
    let unit = if unit == "tau" { "τ" } else { unit };
    let axis = match scale {
        ScaleKey::Linear => AxisSpec::linear(label, unit),
        ScaleKey::Log => AxisSpec::log(label, unit),
    };
    match range {
        Some([first, last]) => axis.range(first, last),
        None => axis,
    }
}

/// The axis of an observable: its label, and whether its values are numbers of things.
fn axis_of(a: &Axis, scale: ScaleKey, range: Option<[f64; 2]>) -> AxisSpec {
    let (label, unit) = axis_label(a);
    match a.is_list() {
        true => axis(label, unit, scale, range).numbered(),
        false => axis(label, unit, scale, range),
    }
}

fn axis_label(a: &Axis) -> (&str, &str) {
    (a.label(), &a.unit)
}

/// Curves that the leading axes make: index, name (`mode 1`); and the length of the last axis.
fn curve_names(w: &Wanted, f: &FigureSpec) -> (Vec<(usize, String)>, usize) {
    let length = w.axes.last().map_or(1, |a| a.values.len());
    let leading = &w.axes[..w.axes.len().saturating_sub(1)];
    (picked(leading, f), length)
}

/// The points of a grid that a figure draws, with their names: the coordinates on the axes along which there are several.
fn picked(axes: &[Axis], f: &FigureSpec) -> Vec<(usize, String)> {
    let size = observable::size(axes);
    let several: Vec<Axis> = axes
        .iter()
        .filter(|a| a.values.len() > 1)
        .cloned()
        .collect();
    let named = if several.is_empty() { axes } else { &several };
    let indices = match &f.only {
        Some(only) => only.iter().map(|k| k - 1).filter(|k| *k < size).collect(),
        None => spread(size, MAX_CURVES),
    };
    indices
        .into_iter()
        .map(|k| (k, spoken(point_text(named, k))))
        .collect()
}

/// At most `most` of `n` things, from the first to the last.
fn spread(n: usize, most: usize) -> Vec<usize> {
    if n <= most || most < 2 {
        return (0..n.min(most.max(1))).collect();
    }
    let step = (n - 1) as f64 / (most - 1) as f64;
    (0..most)
        .map(|k| (k as f64 * step).round() as usize)
        .collect()
}

/// A point's text as a name of a curve.
fn spoken(text: String) -> String {
    match text.as_str() {
        "endpoint=0" => "before training".into(),
        "endpoint=1" => "after training".into(),
        text => {
            let word = |word: &str| match word.split_once('=') {
                Some((axis, value)) => format!("{} {value}", axis.replace('-', " ")),
                None => word.to_string(),
            };
            text.split(' ').map(word).collect::<Vec<_>>().join(", ")
        }
    }
}

/// A cell's name in a figure: the figure's key alone (other keys go along with it), or all swept keys, by their last part.
fn cell_name(cell: &CellOutcome, f: &FigureSpec) -> String {
    let depth = f.abscissa == Abscissa::Depth;
    if let (Some(key), true) = (&f.key, depth)
        && let Some(layers) = coordinate(&cell.set, key, Abscissa::Depth)
    {
        let plural = if layers == 1.0 { "" } else { "s" };
        return format!("{layers} weight layer{plural}");
    }
    let value = |v: &toml::Value| match v {
        toml::Value::Float(x) => number(*x),
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(items) if items.len() == 1 => items[0].to_string(),
        toml::Value::Table(_) => named(v),
        other => other.to_string(),
    };
    cell.set
        .iter()
        .filter(|(k, _)| f.key.as_ref().is_none_or(|key| key == k))
        .map(|(k, v)| format!("{} = {}", symbol(k), value(v)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A short decimal number as it is written, a long one in four digits.
fn number(x: f64) -> String {
    let (plain, powers) = (x.to_string(), format!("{x:e}"));
    let text = match plain.len() <= 7 {
        true => plain,
        false if powers.len() <= 7 => powers,
        false => short(x),
    };
    match text.strip_prefix('-') {
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// Columns of a grid of so many panels.
fn grid_columns(panels: usize) -> usize {
    match panels {
        0 | 1 => 1,
        2 | 4 => 2,
        3 | 5 | 6 | 9 => 3,
        _ => 4,
    }
}

/// Width of a figure with `columns` panels of `panel` points and a legend at the right.
fn width(columns: usize, panel: f64) -> f64 {
    if columns == 1 {
        WIDTH
    } else {
        panel * columns as f64 + 100.0
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().collect::<String>() + letters.as_str(),
        None => String::new(),
    }
}
