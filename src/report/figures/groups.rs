//! Cells along a swept key: groups that differ in it alone, and the points of the observable's grid that they have in common.

use super::scene::{Scene, Shown, coordinates, locate, places};
use super::{number, picked, spread};
use crate::error::{Error, Result};
use crate::instrument::{Axis, Wanted, observable};
use crate::plot::Tag;
use crate::run::assess::short;
use crate::spec::labels::symbol;
use crate::spec::sweep::{Settings, coordinate, named, partners};
use crate::spec::{Figure as FigureSpec, FigureKind, Spec};

/// Cells that differ in the abscissa alone, in its order.
pub(super) struct Group<'a> {
    /// What tells it from the others; empty where it is the only one.
    pub label: String,
    pub x: Vec<f64>,
    pub cells: Vec<Shown<'a>>,
}

/// The groups of the cells that lie on the axis of `key`, and the keys that go along with it.
pub(super) fn groups<'a>(scene: &Scene<'a>, key: &str) -> (Vec<Group<'a>>, Vec<String>) {
    let mut order: Vec<(f64, Shown<'a>)> = scene
        .cells()
        .into_iter()
        .filter_map(|c| coordinate(&c.cell.set, key, scene.f.abscissa).map(|x| (x, c)))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let zipped = partners(scene.outcome.cells.iter().map(|c| &c.set), key);
    let mut groups: Vec<Group> = Vec::new();
    for (x, shown) in order {
        let label = others(&shown.cell.set, key, &zipped);
        let known = groups.iter().position(|g| g.label == label);
        let index = known.unwrap_or_else(|| {
            groups.push(Group {
                label,
                x: vec![],
                cells: vec![],
            });
            groups.len() - 1
        });
        groups[index].x.push(x);
        groups[index].cells.push(shown);
    }
    (groups, zipped)
}

/// What tells cells of one abscissa apart: the other swept keys, a whole table by its kind; where a learner is named, its training is not.
pub(super) fn others(set: &Settings, key: &str, zipped: &[String]) -> String {
    let whole_learner = set.iter().any(|(k, v)| k == "learner" && v.is_table());
    let telling = set
        .iter()
        .filter(|(k, _)| k != key && !zipped.contains(k))
        .filter(|(k, _)| !(whole_learner && k == "training"));
    let text = |(key, value): &(String, toml::Value)| match value.is_table() {
        true => named(value),
        false => format!(
            "{} = {}",
            symbol(key),
            match value {
                toml::Value::Float(x) => number(*x),
                toml::Value::String(text) => text.clone(),
                toml::Value::Array(items) if items.len() == 1 => items[0].to_string(),
                other => other.to_string(),
            }
        ),
    };
    telling.map(text).collect::<Vec<_>>().join(", ")
}

impl Group<'_> {
    /// What a series over the cells of the group shows.
    pub fn tag(&self, source: &str, curve: &str, band: &str) -> Tag {
        let keys = self.cells.first().map(|c| &c.cell.set);
        let column = |(k, _): &(String, toml::Value)| {
            let value = |c: &Shown| {
                let found = c.cell.set.iter().find(|(key, _)| key == k);
                found.map_or(String::new(), |(_, v)| named(v))
            };
            (k.clone(), self.cells.iter().map(value).collect())
        };
        Tag {
            source: source.into(),
            curve: curve.into(),
            cell: keys.into_iter().flatten().map(column).collect(),
            band: band.into(),
            guide: false,
        }
    }
}

/// One point of the observable's grid, which is looked up in every cell by its coordinates.
pub(super) struct Point {
    /// Not-a-number along an axis that has a single value in every cell, such as the time of a measurement after training: that value is
    /// meant, whatever it is; infinite along the time where the last one is meant.
    pub at: Vec<f64>,
    pub name: String,
    /// Number of cells whose grid has it.
    pub cells: usize,
}

/// Points of the first grid to be drawn: those that `only` names, else those that all cells have (or else that two have): of
/// an observable of time the last time of each cell, of many points seven from the first to the last.
pub(super) fn points(grids: &[&[Axis]], f: &FigureSpec) -> Vec<Point> {
    let Some(first) = grids.first() else {
        return vec![];
    };
    let single = |k: usize| {
        grids
            .iter()
            .all(|g| g.get(k).is_some_and(|a| a.values.len() == 1))
    };
    let coordinates = |index: usize| -> Vec<f64> {
        let at = coordinates(first, index).into_iter().enumerate();
        at.map(|(k, v)| if single(k) { f64::NAN } else { v })
            .collect()
    };
    let count = |at: &[f64]| grids.iter().filter(|g| locate(g, at).is_some()).count();
    let point = |index: usize, name: String| {
        let at = coordinates(index);
        let cells = count(&at);
        Point { at, name, cells }
    };
    if f.only.is_some() {
        let named = picked(first, f).into_iter();
        return named.map(|(index, name)| point(index, name)).collect();
    }
    let size = observable::size(first);
    let shared_ends = ends(grids);
    if !shared_ends.is_empty() {
        let leading = &first[..first.len() - 1];
        let chosen = spread(shared_ends.len(), super::MAX_CURVES).into_iter();
        let only = chosen.map(|k| shared_ends[k].0 + 1).collect();
        let chosen = FigureSpec {
            only: Some(only),
            ..f.clone()
        };
        let end = |(index, name): (usize, String)| {
            let (_, at) = shared_ends.iter().find(|(k, _)| *k == index)?;
            let (at, cells) = (at.clone(), grids.len());
            let time = at.last().copied().filter(|t| t.is_finite());
            let name = match (leading.is_empty(), time) {
                (false, _) => name,
                (true, Some(t)) => format!("time {}", short(t)),
                (true, None) => String::new(),
            };
            Some(Point { at, name, cells })
        };
        return picked(leading, &chosen)
            .into_iter()
            .filter_map(end)
            .collect();
    }
    let shared = |least: usize| (0..size).filter(move |&k| count(&coordinates(k)) >= least);
    let least = match shared(grids.len()).next() {
        Some(_) => grids.len(),
        None => 2.min(grids.len()),
    };
    let shared: Vec<usize> = shared(least).collect();
    let picked_of = spread(shared.len(), super::MAX_CURVES)
        .into_iter()
        .map(|k| shared[k]);
    let only = picked_of.map(|k| k + 1);
    let chosen = FigureSpec {
        only: Some(only.collect()),
        ..f.clone()
    };
    let named = picked(first, &chosen).into_iter();
    named.map(|(index, name)| point(index, name)).collect()
}

/// Of observables over several times the end of every curve that all cells have: its number on the leading axes of the first cell, and
/// its coordinates. The end is the last time of each cell where these differ by rounding to steps alone, else the last time that all have; and
/// each cell's own where they share the start alone.
fn ends(grids: &[&[Axis]]) -> Vec<(usize, Vec<f64>)> {
    let Some([leading @ .., time]) = grids.first().filter(|_| is_over_time(grids)) else {
        return vec![];
    };
    let have = |at: &[f64]| grids.iter().all(|g| locate(g, at).is_some());
    let (least, most) = last_times(grids);
    let start = coordinates(leading, 0);
    let common = time.values.iter().skip(1).rev();
    let common = common
        .copied()
        .find(|t| have(&[start.clone(), vec![*t]].concat()));
    let end = match common {
        Some(t) if most - least > 0.01 * most => t,
        _ => f64::INFINITY,
    };
    let at = |index: usize| [coordinates(leading, index), vec![end]].concat();
    let curves = (0..observable::size(leading)).map(|index| (index, at(index)));
    curves.filter(|(_, at)| have(at)).collect()
}

/// Whether every grid ends in an axis of several times.
fn is_over_time(grids: &[&[Axis]]) -> bool {
    grids.iter().all(|grid| {
        grid.last()
            .is_some_and(|a| a.name == "time" && a.values.len() > 1)
    })
}

/// The earliest and the latest last value of the last axis.
fn last_times(grids: &[&[Axis]]) -> (f64, f64) {
    let last = |g: &&[Axis]| g.last().and_then(|a| a.values.last().copied());
    let times = grids.iter().filter_map(last);
    times.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), t| {
        (a.min(t), b.max(t))
    })
}

/// ` All values are those at the last time of each cell, from 4.99 to 5.01.`
pub(super) fn times(grids: &[&[Axis]], points: &[Point]) -> String {
    let time = |p: &Point| p.at.last().copied();
    let is_one = |t: f64| points.iter().all(|p| time(p) == Some(t));
    match points.first().and_then(time).filter(|t| is_one(*t)) {
        Some(t) if t.is_infinite() => {
            let (least, most) = last_times(grids);
            match short(least) == short(most) {
                true => format!(
                    " All values are those at time {}, the last one.",
                    short(most)
                ),
                false => format!(
                    " All values are those at the last time of each cell, from {} to {}.",
                    short(least),
                    short(most)
                ),
            }
        }
        Some(t) if points.len() > 1 && t.is_finite() && is_over_time(grids) => {
            format!(" All values are those at time {}.", short(t))
        }
        _ => String::new(),
    }
}

/// ` Each cell has one time, from 199.85 to 200.25.` where the single value of an axis differs between cells.
pub(super) fn single_values(grids: &[&[Axis]]) -> String {
    let Some(first) = grids.first() else {
        return String::new();
    };
    let of_axis = |(k, axis): (usize, &Axis)| -> Option<String> {
        let values = grids.iter().map(|g| g.get(k).map(|a| a.values.as_slice()));
        let values: Vec<f64> = values
            .map(|v| v.filter(|v| v.len() == 1).map(|v| v[0]))
            .collect::<Option<_>>()?;
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (low < high).then(|| {
            format!(
                " Each cell has one {}, from {} to {}.",
                axis.name,
                short(low),
                short(high)
            )
        })
    };
    first.iter().enumerate().filter_map(of_axis).collect()
}

/// ` time 0.65: 1 of 4 cells have it.` for every point that some cell lacks.
pub(super) fn lacking(axes: &[Axis], points: &[Point], cells: usize) -> String {
    let some = points.iter().filter(|p| p.cells < cells);
    let text = |p: &Point| {
        let at = places(axes, std::slice::from_ref(&p.at));
        format!(" At {at}: {} of {cells} cells have this point.", p.cells)
    };
    some.map(text).collect()
}

/// Refuses figures over a sweep whose cells have no point in common: values of different coordinates are never joined.
pub(super) fn check(spec: &Spec, f: &FigureSpec) -> Result<()> {
    if f.kind != FigureKind::Sweep {
        return Ok(());
    }
    let named = |w: &&Wanted| w.observable.name == f.observable;
    let cells = spec.cells.iter();
    let grids: Vec<&[Axis]> = cells
        .filter_map(|c| c.wanted.iter().find(named).map(|w| w.axes.as_slice()))
        .collect();
    let most = grids.iter().map(|g| observable::size(g)).max();
    // What theories alone tell has axes that are known when it is told.
    if let (Some(most), Some(only)) = (most, &f.only)
        && let Some(beyond) = only.iter().find(|k| **k > most)
    {
        return Err(Error::input(
            format!("figure {}", f.file()),
            format!("only = [{beyond}], and {} has {most} points", f.observable),
            format!("count from 1 to {most}"),
        ));
    }
    let points = points(&grids, f);
    if grids.len() < 2 || points.iter().any(|p| p.cells > 1) {
        return Ok(());
    }
    let axes: Vec<&str> = grids[0].iter().map(|a| a.name.as_str()).collect();
    Err(Error::input(
        format!("figure {}", f.file()),
        format!(
            "the cells have no point of {} in common on {}",
            f.observable,
            axes.join(", ")
        ),
        "choose points that fall on common coordinates (training.steps in inverse proportion to the learning rate, say), \
         record the end alone (measure.points = 1), or write kind = \"overlay\"",
    ))
}
