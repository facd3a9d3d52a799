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
    /// meant, whatever it is.
    pub at: Vec<f64>,
    pub name: String,
    /// Number of cells whose grid has it.
    pub cells: usize,
}

/// Points of the first grid to be drawn: those that `only` names, else those that all cells have (or else that two have): of
/// an observable of time its end, of many points eight from the first to the last.
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
    let shared = |least: usize| (0..size).filter(move |&k| count(&coordinates(k)) >= least);
    let least = match shared(grids.len()).next() {
        Some(_) => grids.len(),
        None => 2.min(grids.len()),
    };
    let shared: Vec<usize> = shared(least).collect();
    let over_time = first
        .last()
        .is_some_and(|a| a.name == "time" && a.values.len() > 1);
    let picked_of = match over_time {
        // The end of the training: of every curve the last time that the cells share.
        true => ends(&shared, first),
        false => spread(shared.len(), super::MAX_CURVES)
            .into_iter()
            .map(|k| shared[k])
            .collect(),
    };
    let only = picked_of.into_iter().map(|k| k + 1);
    let chosen = FigureSpec {
        only: Some(only.collect()),
        ..f.clone()
    };
    let named = picked(first, &chosen).into_iter();
    named.map(|(index, name)| point(index, name)).collect()
}

/// Of the shared points of every curve the one at the last time; of many curves some, spread from the first to the last.
fn ends(shared: &[usize], axes: &[Axis]) -> Vec<usize> {
    let length = axes.last().map_or(1, |a| a.values.len()).max(1);
    let mut last: Vec<usize> = Vec::new();
    for &k in shared {
        match last.last_mut() {
            Some(end) if *end / length == k / length => *end = k,
            _ => last.push(k),
        }
    }
    spread(last.len(), super::MAX_CURVES)
        .into_iter()
        .map(|k| last[k])
        .collect()
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
