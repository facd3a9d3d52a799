//! Phase portraits: one quantity against another, along the axis that both share.

use super::scene::{Placed, Scene, Shown, look};
use super::{axis, grid_columns, width};
use crate::error::Result;
use crate::plot::{Figure, Legend, Panel, Series};
use crate::run::assess::theory_curve;

/// Two quantities of a theory along an axis that both share: a line in the plane, or points where the axis counts things.
struct Pair<'a> {
    vertical: &'a str,
    horizontal: &'a str,
}

impl Pair<'_> {
    /// What both names begin with, as words: `flow` of `flow-mass` and `flow-vertex`.
    fn name(&self) -> String {
        let words = self.vertical.split('-').zip(self.horizontal.split('-'));
        let common: Vec<&str> = words.take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
        match common.is_empty() {
            true => self.vertical.replace('-', " "),
            false => common.join(" "),
        }
    }
}

/// The first pair in the looks of the theories that tell it, further pairs in those that follow.
pub(super) fn phase(scene: &Scene) -> Result<Option<(Figure, String)>> {
    let f = scene.f;
    let Some(against) = &f.against else {
        return Ok(None);
    };
    let first = Pair {
        vertical: &f.observable,
        horizontal: against,
    };
    let further = f.with.iter().map(|[vertical, horizontal]| Pair {
        vertical,
        horizontal,
    });
    let pairs: Vec<Pair> = std::iter::once(first).chain(further).collect();
    let cells: Vec<Shown> = scene.panels();
    let Some(shown) = cells.first() else {
        return Ok(None);
    };
    let (Some(across), y) = (shown.cell.wanted(against), shown.observed().observable) else {
        return Ok(None);
    };
    let x = shown.cell.wanted[across].observable;
    let columns = grid_columns(cells.len());
    let drawn = scene.drawn(&cells)?;
    let mut panels = Vec::new();
    let mut apart = Vec::new();
    for (index, shown) in cells.iter().enumerate() {
        let title = match scene.outcome.cells.len() {
            1 => String::new(),
            _ => scene.name(shown.cell),
        };
        let mut panel = Panel::new(
            title,
            axis(x.label, x.unit, f.x_scale, f.x_range),
            axis(y.label, y.unit, f.y_scale, f.y_range),
        );
        for placed in scene.theories(*shown)? {
            for (k, pair) in pairs.iter().enumerate() {
                let name = match (drawn.len(), k) {
                    (1, _) => pair.name(),
                    (_, 0) => placed.theory.label.clone(),
                    _ => format!("{}: {}", placed.theory.label, pair.name()),
                };
                let named = if index + 1 == columns {
                    name.as_str()
                } else {
                    ""
                };
                let Some(series) = lines(scene, &placed, pair, placed.place + k, named)? else {
                    let text = format!(
                        " {} tells {} and {} on different axes: no line.",
                        placed.theory.label, pair.vertical, pair.horizontal
                    );
                    apart.extend((!apart.contains(&text)).then_some(text));
                    continue;
                };
                panel = series.into_iter().fold(panel, Panel::with);
            }
        }
        let place = if index + 1 == columns {
            Legend::Right
        } else {
            Legend::None
        };
        panels.push(panel.legend(place));
    }
    let rows = cells.len().div_ceil(columns);
    let mut figure =
        Figure::new(width(columns, 270.0) + 90.0, 280.0 * rows as f64).columns(columns);
    figure.panels = panels;
    let mut text = format!(
        "{} against {}. Lines begin at dots and run along the arrows.",
        f.observable, against
    );
    text.push_str(&scene.lines_text(&drawn, cells.len()));
    text.push_str(&apart.concat());
    text.push_str(&scene.left_out(&cells));
    Ok(Some((figure, text)))
}

/// The lines, or the points, of one pair; only the first bears the name. `None` where the two share no axis.
fn lines(
    scene: &Scene,
    placed: &Placed,
    pair: &Pair,
    place: usize,
    name: &str,
) -> Result<Option<Vec<Series>>> {
    let cell = placed.shown.cell;
    let values = |quantity: &str| -> Result<Option<(Vec<f64>, usize, bool)>> {
        let Some(wanted) = cell.answered(placed.theory, quantity) else {
            return Ok(None);
        };
        let curve = theory_curve(cell, placed.theory, wanted)?;
        let last = cell.wanted[wanted].axes.last();
        let length = last.map_or(1, |a| a.values.len());
        let things = last.is_none_or(|a| a.is_list());
        Ok(curve.map(|c| (c.values.mean(), length, things)))
    };
    let (Some((x, length, things)), Some((y, same, _))) =
        (values(pair.horizontal)?, values(pair.vertical)?)
    else {
        return Ok(Some(Vec::new()));
    };
    if length != same || x.len() != y.len() {
        return Ok(None);
    }
    let style = look(place);
    let mut series = Vec::new();
    for (k, (x, y)) in x.chunks(length).zip(y.chunks(length)).enumerate() {
        let label = if k == 0 { name } else { "" };
        let curve = match x.len() == length && !things {
            true => format!("{} {}", pair.name(), k + 1),
            false => pair.name(),
        };
        let tag = scene.tag(cell, &placed.theory.label, &curve, "");
        let one = match things {
            true => Series::points(label, x, y).color(style.color),
            false => Series::line(label, x, y)
                .color(style.color)
                .dash(style.dash)
                .arrow(),
        };
        series.push(one.tag(tag));
        if !things {
            let start = Series::points("", [x[0]], [y[0]])
                .color(style.color)
                .untabled();
            series.push(start);
        }
    }
    Ok(Some(series))
}
