//! What a figure is drawn from: the cells it shows, the theories with their places in the spec, and what its table says of a series.

use super::{MAX_PANELS, axis_label, capitalised, cell_name, spread};
use crate::compare::TheoryCurve;
use crate::error::Result;
use crate::instrument::{Axis, Wanted};
use crate::plot::{Dash, GREY, Marker, Series, Style, Tag};
use crate::run::assess::{Assessment, short, theory_curve};
use crate::run::outcome::{CellOutcome, Outcome, Status, TheoryOutcome};
use crate::spec::labels::plain_text;
use crate::spec::sweep::named;
use crate::spec::{Figure as FigureSpec, Residuals, Spec};

/// Index of black in the palette: measurements that stand alone, and never a theory.
pub(super) const BLACK: usize = 6;

/// Meaning of the error bars of a measurement.
pub(super) const STDERR: &str = "one standard error";

/// Meaning of the band of a theory.
pub(super) fn band(statistical: bool) -> &'static str {
    match statistical {
        true => "numerical bound plus one standard error",
        false => "numerical bound",
    }
}

/// Whether a band of this half width is worth drawing.
pub(super) fn is_visible(half: &[f64], y: &[f64]) -> bool {
    half.iter().zip(y).any(|(h, y)| *h > 1e-3 * y.abs())
}

/// A run and the figure that is made of it.
pub(super) struct Scene<'a> {
    pub spec: &'a Spec,
    pub outcome: &'a Outcome,
    pub assessment: &'a Assessment,
    pub f: &'a FigureSpec,
    /// What measures: `networks`, or `simulation`.
    pub source: &'static str,
}

/// A cell in which the observable is measured or predicted.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    pub cell: &'a CellOutcome,
    /// The observable among those of the cell.
    pub wanted: usize,
}

impl<'a> Shown<'a> {
    pub fn observed(&self) -> &'a Wanted {
        &self.cell.wanted[self.wanted]
    }
}

/// A theory with its place in the spec, which gives it one look in all figures, whatever declines where.
pub(super) struct Placed<'a> {
    pub place: usize,
    pub theory: &'a TheoryOutcome,
    pub curve: TheoryCurve,
    /// Its answer among the observables of the cell: a quantity that theories alone tell may have axes of its own.
    pub shown: Shown<'a>,
}

/// The look of a theory by its place in the spec: 30 combinations of colour and dash.
pub(super) fn look(place: usize) -> Style {
    Style {
        color: place % BLACK,
        ..Style::cycle(place)
    }
}

/// The dash and width of a theory whose colour tells something else.
fn dash(place: usize) -> (Dash, f64) {
    const WIDTHS: [f64; 3] = [1.4, 0.7, 2.2];
    (look(place).dash, WIDTHS[place / 5 % WIDTHS.len()])
}

impl<'a> Scene<'a> {
    /// Cells that did not fail and know the observable.
    pub fn cells(&self) -> Vec<Shown<'a>> {
        let whole = self.outcome.cells.iter().filter(|c| c.failure.is_none());
        whole
            .filter_map(|cell| {
                let wanted = cell.wanted(&self.f.observable)?;
                Some(Shown { cell, wanted })
            })
            .collect()
    }

    /// The cells that have a panel: all of a few, else some from the first to the last.
    pub fn panels(&self) -> Vec<Shown<'a>> {
        let all = self.cells();
        spread(all.len(), MAX_PANELS)
            .into_iter()
            .map(|k| all[k])
            .collect()
    }

    /// ` 3 of 13 cells shown: N = 8, 64, 512.`; empty when all are.
    pub fn left_out(&self, shown: &[Shown<'a>]) -> String {
        if shown.len() == self.outcome.cells.len() {
            return String::new();
        }
        let is_shown = |cell: &&CellOutcome| shown.iter().any(|s| s.cell.set == cell.set);
        let (drawn, lacking): (Vec<_>, Vec<_>) = self.outcome.cells.iter().partition(is_shown);
        let names = |cells: &[&CellOutcome]| cells.iter().map(|c| self.name(c)).collect();
        fewer(names(&drawn), names(&lacking), "cells")
    }

    fn is_chosen(&self, label: &String) -> bool {
        self.f.theories.as_ref().is_none_or(|l| l.contains(label))
    }

    /// Theories that predict the observable in a cell and that the figure does not leave out, in the order of the spec. Those
    /// that tell it on axes of their own are among them where the kind of figure draws every curve over its own axis.
    pub fn theories(&self, shown: Shown<'a>) -> Result<Vec<Placed<'a>>> {
        use crate::spec::FigureKind::{Curves, Overlay, Phase, Sweep};
        let own_axes = matches!(self.f.kind, Curves | Overlay | Phase | Sweep);
        let cell = shown.cell;
        let mut out = Vec::new();
        for (place, theory) in cell.theories.iter().enumerate() {
            let answered = cell.answered(theory, &self.f.observable);
            let Some(wanted) = answered.filter(|w| own_axes || *w == shown.wanted) else {
                continue;
            };
            if self.is_chosen(&theory.label)
                && let Some(curve) = theory_curve(cell, theory, wanted)?
            {
                out.push(Placed {
                    place,
                    theory,
                    curve,
                    shown: Shown { cell, wanted },
                });
            }
        }
        Ok(out)
    }

    /// Places and labels of the theories that are drawn in some of the cells, with the number of these cells; in the order of the spec.
    pub fn drawn(&self, cells: &[Shown<'a>]) -> Result<Vec<(usize, String, usize)>> {
        let mut out: Vec<(usize, String, usize)> = Vec::new();
        for &shown in cells {
            for placed in self.theories(shown)? {
                match out.iter_mut().find(|(place, ..)| *place == placed.place) {
                    Some((_, _, count)) => *count += 1,
                    None => out.push((placed.place, placed.theory.label.clone(), 1)),
                }
            }
        }
        out.sort_by_key(|(place, ..)| *place);
        Ok(out)
    }

    /// What a series of one cell shows.
    pub fn tag(&self, cell: &CellOutcome, source: &str, curve: &str, band: &str) -> Tag {
        let key = |(k, v): &(String, toml::Value)| (k.clone(), vec![named(v)]);
        Tag {
            source: source.into(),
            curve: curve.into(),
            cell: cell.set.iter().map(key).collect(),
            band: band.into(),
            guide: false,
        }
    }

    /// A piece of a theory's curve with its band: straight, or a staircase where the theory says that the observable jumps.
    pub fn line(&self, placed: &Placed, curve: &str, x: &[f64], points: &[usize]) -> Series {
        let at = |values: &[f64]| -> Vec<f64> { points.iter().map(|&k| values[k]).collect() };
        let y = at(&placed.curve.values.mean());
        let half: Vec<f64> = points.iter().map(|&k| placed.curve.half_width(k)).collect();
        let visible = is_visible(&half, &y);
        let meaning = band(placed.curve.stderr.is_some());
        let tag = self.tag(placed.shown.cell, &placed.theory.label, curve, meaning);
        let line = match placed.theory.kind {
            "saddle-to-saddle" => Series::steps("", x, y),
            _ => Series::line("", x, y),
        };
        let line = if visible { line.error(&half) } else { line };
        line.tag(tag)
    }

    /// `Lines: saxe, ntk (in 1 of 2 cells).`
    pub fn lines_text(&self, drawn: &[(usize, String, usize)], cells: usize) -> String {
        let name = |(_, label, count): &(usize, String, usize)| match *count < cells {
            true => format!("{label} (in {count} of {cells} cells)"),
            false => label.clone(),
        };
        let lines: Vec<String> = drawn.iter().map(name).collect();
        let mut text = match lines.is_empty() {
            true => String::new(),
            false => format!(" Lines: {}.", lines.join(", ")),
        };
        let absent = |label: &&String| !drawn.iter().any(|(_, l, _)| l == *label);
        let asked = self.f.theories.iter().flatten().filter(absent);
        let absent: Vec<String> = asked.map(|label| self.why_absent(label)).collect();
        if !absent.is_empty() {
            text.push_str(&format!(" Not drawn: {}.", absent.join(", ")));
        }
        text
    }

    fn why_absent(&self, label: &str) -> String {
        let entries = self.outcome.cells.iter().flat_map(|c| &c.theories);
        let mut status = entries.filter(|t| t.label == label).map(|t| &t.status);
        let why = status.next_back().map(|status| match status {
            Status::Predicted => "does not predict it",
            Status::Declined(_) => "declines",
            Status::Failed(_) => "failed",
            Status::Mapped => "is asked for the map alone",
        });
        format!("{label} ({})", why.unwrap_or("unknown"))
    }

    /// The theory that differences are taken from: the one that the figure names, else of those that are drawn in most cells the first.
    pub fn reference(&self, drawn: &[(usize, String, usize)]) -> Option<(usize, String)> {
        let most = drawn.iter().map(|(.., count)| *count).max()?;
        let found = match &self.f.residuals {
            Residuals::Shown(false) => None,
            Residuals::Shown(true) => drawn.iter().find(|(.., count)| *count == most),
            Residuals::From(label) => drawn.iter().find(|(_, drawn, _)| drawn == label),
        };
        found.map(|(place, label, _)| (*place, label.clone()))
    }

    /// What the observable is, and how many draws stand behind a point.
    pub fn caption(&self, w: &Wanted, n: usize) -> String {
        let convention = w.observable.stated(self.spec.loss());
        let convention = convention.trim_end_matches('.');
        let mut text = format!(
            "{}: {convention}.",
            capitalised(&plain_text(w.observable.label))
        );
        match n {
            0 => {}
            1 => text.push_str(" Points: one draw, without error bars."),
            n => text.push_str(&format!(
                " Points: mean over {n} draws, error bars one standard error."
            )),
        }
        let held_out = self
            .spec
            .cells
            .first()
            .and_then(|c| c.experiment.task.held_out());
        if let (true, Some(held_out)) = (w.observable.held_out, held_out) {
            text.push_str(&format!(
                " All draws share {} held-out samples, whose own sampling error is in the league and not in the error bars.",
                held_out.samples
            ));
        }
        text
    }

    /// The name of a cell in a title or a legend: by the figure's key alone, or by all swept keys where that does not tell cells apart.
    pub fn name(&self, cell: &CellOutcome) -> String {
        let name = cell_name(cell, self.f);
        let others = self.outcome.cells.iter().filter(|c| c.set != cell.set);
        match others
            .map(|c| cell_name(c, self.f))
            .any(|other| other == name)
        {
            true => cell_name(cell, &FigureSpec::new(&self.f.observable, self.f.kind)),
            false => name,
        }
    }
}

/// Gives a theory's line its look: its own where it stands for one curve, else the colour of the curve and the theory's dash.
pub(super) fn looking(series: Series, place: usize, color: Option<usize>) -> Series {
    let look = look(place);
    let (pattern, width) = dash(place);
    match color {
        None => series.color(look.color).dash(look.dash),
        Some(color) => series.color(color % GREY).dash(pattern).width(width),
    }
}

/// Points of a measurement: black rings where there is one curve, else the colour and marker of the curve.
pub(super) fn measured(series: Series, curve: Option<usize>) -> Series {
    match curve {
        None => series.color(BLACK).marker(Marker::Circle).open(),
        Some(k) => series.style(k),
    }
}

/// Entries of the one legend of a figure. Series themselves have no labels, so that it names the same things wherever they are drawn.
pub(super) struct Key {
    samples: Vec<Series>,
}

impl Key {
    /// Theories in their look, or in grey dashes where colours tell curves apart.
    pub fn theories(drawn: &[(usize, String, usize)], alone: bool, banded: bool) -> Self {
        Key::coloured(drawn, (!alone).then_some(GREY), banded)
    }

    /// Theories in their look, or all in one colour with their dashes.
    pub fn coloured(drawn: &[(usize, String, usize)], color: Option<usize>, banded: bool) -> Self {
        let sample = |(place, label, _): &(usize, String, usize)| {
            let line = Series::line(label.clone(), [], []);
            let line = looking(line, *place, color);
            let line = color.map_or(line.clone(), |c| line.color(c));
            if banded && color.is_none() {
                line.band([], [])
            } else {
                line
            }
        };
        Key {
            samples: drawn.iter().map(sample).collect(),
        }
    }

    /// Curves by colour: as points where something was measured, else as lines.
    pub fn curves(mut self, names: &[String], points: bool) -> Self {
        self.samples
            .extend(names.iter().enumerate().map(|(k, name)| match points {
                true => Series::points(name.clone(), [], []).style(k),
                false => Series::line(name.clone(), [], []).color(k % GREY),
            }));
        self
    }

    /// Points of a single measured curve.
    pub fn measured(mut self, source: &str) -> Self {
        let points = Series::points(source, [], []);
        self.samples.push(measured(points, None));
        self
    }

    /// The samples, to be put before the series of the panel with the legend.
    pub fn into(self, series: &mut Vec<Series>) {
        series.splice(0..0, self.samples);
    }
}

/// Whether a series has a band.
pub(super) fn is_banded(series: &Series) -> bool {
    matches!(series, Series::Line { band: Some(_), .. })
}

/// Index of the point at these coordinates; `None` where the grid has no such point. Not-a-number stands for the only value of an axis, infinity
/// for its last one.
pub(super) fn locate(axes: &[Axis], at: &[f64]) -> Option<usize> {
    if axes.len() != at.len() {
        return None;
    }
    axes.iter().zip(at).try_fold(0, |index, (axis, value)| {
        let scale = axis.values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        if *value == f64::INFINITY {
            return Some((index + 1) * axis.values.len() - 1);
        }
        let only = value.is_nan() && axis.values.len() == 1;
        let near = |v: &f64| only || v == value || (v - value).abs() <= 1e-9 * scale;
        let found = axis.values.iter().position(near)?;
        Some(index * axis.values.len() + found)
    })
}

/// The coordinates of a point of a grid.
pub(super) fn coordinates(axes: &[Axis], mut index: usize) -> Vec<f64> {
    let mut at: Vec<f64> = axes
        .iter()
        .rev()
        .map(|axis| {
            let n = axis.values.len().max(1);
            let value = axis.values.get(index % n).copied().unwrap_or(f64::NAN);
            index /= n;
            value
        })
        .collect();
    at.reverse();
    at
}

/// ` 3 of 13 cells shown: N = 8, 64, 512.`, or by the names of what is left out where these are fewer; empty where nothing is.
pub(super) fn fewer(drawn: Vec<String>, lacking: Vec<String>, things: &str) -> String {
    let (n, all) = (drawn.len(), drawn.len() + lacking.len());
    match n {
        _ if lacking.is_empty() => String::new(),
        0 => format!(" 0 of {all} {things} shown."),
        n if n <= lacking.len() => format!(" {n} of {all} {things} shown: {}.", listed(&drawn)),
        n => format!(
            " {n} of {all} {things} shown, without {}.",
            listed(&lacking)
        ),
    }
}

/// `N = 8, 16, 32`: what all names begin with is said once, and of more than a dozen the number instead of the rest.
fn listed(names: &[String]) -> String {
    const MOST: usize = 12;
    let start = |name: &String| name.rfind(' ').map_or(0, |at| at + 1);
    let common = names.first().map_or("", |first| &first[..start(first)]);
    let shared = names.iter().all(|n| n[..start(n)] == *common);
    let parts: Vec<&str> = names
        .iter()
        .take(MOST)
        .map(|n| if shared { &n[common.len()..] } else { n })
        .collect();
    let lead = if shared { common } else { "" };
    let separator = if shared { ", " } else { "; " };
    let rest = match names.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!("{separator}{more} more"),
    };
    format!("{lead}{}{rest}", parts.join(separator))
}

/// Along the low panel of differences: from which theory. A long name is shortened; the caption has every name.
pub(super) fn from(label: &str) -> String {
    const MOST: usize = 16;
    match label.chars().count() {
        ..=MOST => format!("from {label}"),
        _ => {
            let head: String = label.chars().take(MOST - 1).collect();
            format!("from {}…", head.trim_end())
        }
    }
}

/// `time = 0.65, 1.3`
pub(super) fn places(axes: &[Axis], points: &[Vec<f64>]) -> String {
    let text = |at: &Vec<f64>| {
        let parts = axes.iter().zip(at).filter(|(_, v)| !v.is_nan());
        let parts: Vec<String> = parts
            .map(|(a, v)| format!("{} {}", axis_label(a).0, short(*v)))
            .collect();
        parts.join(", ")
    };
    points.iter().map(text).collect::<Vec<_>>().join("; ")
}
