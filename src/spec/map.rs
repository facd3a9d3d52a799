//! `[map]`: one or two keys on a dense grid, on which theories alone are solved.

use super::build::{check_swept, with};
use super::ranges::{axes, axis_values, ranged, whole_keys};
use super::sweep::{Settings, coordinate};
pub use super::template::{Posed, Template};
use super::{Abscissa, Cell, ScaleKey, overrides};
use crate::error::{Error, Result};
use crate::instrument::{Axis, observable};
use crate::kind::unknown;
use crate::theory::Info;
use schemars::JsonSchema;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Most points of one map.
const MOST_POINTS: usize = 1_000_000;
/// Most values that a told quantity has at one point.
pub const BRANCHES: usize = 4;

/// Keys of `[map]`.
#[allow(dead_code)]
#[derive(JsonSchema)]
pub struct Keys {
    /// Quantities that are mapped: observables of instruments, asked on the instrument's grid, or what a theory
    /// tells. Each is one number at a point: of an observable over time the last one.
    of: Vec<String>,
    /// One or two key paths with their values, as in `[sweep]`: a list, or `{ from, to, points, scale = "linear" |
    /// "log" }`.
    #[schemars(flatten, with = "BTreeMap<String, Json>")]
    keys: BTreeMap<String, Json>,
}

/// A parsed `[map]`.
#[derive(Clone)]
pub struct Map {
    /// One or two, the first one outermost.
    pub axes: Vec<MapAxis>,
    /// Names of the quantities.
    pub of: Vec<String>,
    /// One map for each combination of swept keys that the map does not have; one where there are none.
    pub charts: Vec<Chart>,
}

/// A key of a map with its values in increasing order.
#[derive(Debug, Clone)]
pub struct MapAxis {
    /// Path of the key.
    pub key: String,
    /// As they are set.
    pub values: Vec<Value>,
    /// The same as numbers.
    pub x: Vec<f64>,
    /// How its range is spaced; linear for a list.
    pub scale: ScaleKey,
}

/// A map for one combination of the other swept keys.
#[derive(Clone)]
pub struct Chart {
    /// These keys and their values.
    pub set: Settings,
    template: Template,
    /// Values of the map's keys in the spec, which hold for cells that do not sweep them.
    base: Vec<Option<f64>>,
}

/// The points of one theory at one value of the first of two keys; all points of a map with one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Which chart.
    pub chart: usize,
    /// Which `[[theory]]` entry.
    pub theory: usize,
    /// Place along the first of two keys; 0 with one key.
    pub row: usize,
}

impl Map {
    /// Reads the table; `table` is the spec without its sweep, whose cells are `cells`.
    pub(super) fn parse(keys: &Table, table: &Table, cells: &[Cell], quick: bool) -> Result<Map> {
        let mut keys = keys.clone();
        let of = names(keys.remove("of"))?;
        let listed = axes("", &keys);
        let count = listed.len();
        if !(1..=2).contains(&count) {
            return Err(Error::input(
                "map",
                format!("{count} keys"),
                "give one or two keys with their values; [sweep] over a third key makes one map for each of its values",
            ));
        }
        for (k, (key, _)) in listed.iter().enumerate() {
            if key == "zip" {
                return Err(Error::input(
                    "map.zip",
                    "a map is a grid: none of its keys advance together",
                    "write the keys themselves",
                ));
            }
            check_swept("map", key, table)?;
            let path = overrides::dotted(key);
            let mut before = listed[..k].iter();
            if before.any(|(other, _)| overrides::dotted(other) == path) {
                return Err(Error::input(
                    format!("map.{key}"),
                    format!("\"{key}\" is mapped twice"),
                    "give all its values in one list",
                ));
            }
        }
        let is_mapped = |key: &str| {
            let path = overrides::dotted(key);
            listed.iter().any(|(k, _)| overrides::dotted(k) == path)
        };
        for (key, _) in cells.iter().flat_map(|cell| &cell.set) {
            let whole = format!("{}.", overrides::dotted(key));
            let part = |(k, _): &&(String, Value)| overrides::dotted(k).starts_with(&whole);
            if let Some((part, _)) = listed.iter().find(part) {
                return Err(Error::input(
                    format!("map.{part}"),
                    format!("[sweep] sets the whole of {key}, of which this key is a part"),
                    format!("sweep \"{part}\" itself: its values are then points of the map"),
                ));
            }
        }
        let mut sets: Vec<Settings> = Vec::new();
        for cell in cells {
            let others = cell.set.iter().filter(|(key, _)| !is_mapped(key));
            let set: Settings = others.cloned().collect();
            if !sets.contains(&set) {
                sets.push(set);
            }
        }
        // The first point stands for all: a key that it refuses is refused.
        let first = |axes: &[MapAxis], set: &Settings| {
            let mut set = set.clone();
            for axis in axes {
                set.extend(axis.values.first().map(|v| (axis.key.clone(), v.clone())));
            }
            Template::new(with(table, &set)?, quick)
        };
        let some = sets.first().cloned().unwrap_or_default();
        let whole = whole_keys(&ranged(&keys), |whole| {
            first(&axes_of(&listed, whole)?, &some).map(drop)
        });
        let axes = axes_of(&listed, &whole)?;
        let points: usize = axes.iter().map(|a| a.values.len()).product();
        if points > MOST_POINTS {
            return Err(Error::input(
                "map",
                format!("{points} points"),
                format!("use at most {MOST_POINTS}"),
            ));
        }
        let charts = sets
            .into_iter()
            .map(|set| {
                let template = first(&axes, &set).map_err(|e| from_map(e, &axes))?;
                let table = with(table, &set)?;
                Ok(Chart {
                    base: axes.iter().map(|axis| stated(&table, axis)).collect(),
                    set,
                    template,
                })
            })
            .collect::<Result<Vec<Chart>>>()?;
        let map = Map { axes, of, charts };
        map.check_quantities()?;
        Ok(map)
    }

    /// Every quantity is known to a theory, and is one number wherever its grid is known before it is solved.
    fn check_quantities(&self) -> Result<()> {
        let Some(chart) = self.charts.first() else {
            return Ok(());
        };
        let theories = chart.template.theories();
        if theories == 0 {
            return Err(Error::input(
                "map",
                "there is no [[theory]] to be mapped",
                "add one: measurements are points of a [sweep], a map has theories alone",
            ));
        }
        let known = (0..theories).flat_map(|t| chart.template.quantities(t));
        let known: Vec<&str> = known.collect();
        for (k, name) in self.of.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return Err(unknown(&format!("map.of[{k}]"), name, &known));
            }
        }
        for t in 0..theories {
            let posed = chart.template.posed(t, self.quantities(chart, t))?;
            for (question, &place) in posed.entry.asked.iter().zip(&posed.places) {
                let Some(grid) = &question.grid else { continue };
                if !is_single(grid) {
                    return Err(several(place, question.name(), grid));
                }
            }
        }
        Ok(())
    }

    /// Quantities that a theory knows, with their places in `of`.
    pub fn quantities<'a>(
        &'a self,
        chart: &Chart,
        theory: usize,
    ) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
        let known = chart.template.quantities(theory);
        let named = self.of.iter().map(String::as_str).enumerate();
        named.filter(move |(_, name)| known.contains(name))
    }

    /// What the theory of a line can be asked for.
    pub fn info(&self, line: &Line) -> &'static Info {
        self.charts[line.chart].template.info(line.theory)
    }

    /// Label and kind of the theory of a line.
    pub fn theory(&self, line: &Line) -> (String, &'static str) {
        let template = &self.charts[line.chart].template;
        let kind = template.info(line.theory).about.kind;
        (template.label(line.theory).to_string(), kind)
    }

    /// Number of points along a line, which is the last key.
    pub fn length(&self) -> usize {
        self.axes.last().map_or(0, |a| a.values.len())
    }

    /// Number of lines of one theory on one chart.
    pub fn rows(&self) -> usize {
        match self.axes.as_slice() {
            [first, _] => first.values.len(),
            _ => 1,
        }
    }

    /// All lines: chart by chart, theory by theory. A theory that knows none of the quantities has none.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for (c, chart) in self.charts.iter().enumerate() {
            for theory in 0..chart.template.theories() {
                if self.quantities(chart, theory).next().is_some() {
                    lines.extend((0..self.rows()).map(|row| Line {
                        chart: c,
                        theory,
                        row,
                    }));
                }
            }
        }
        lines
    }

    /// The template of a line, of which only the last key has to be set.
    ///
    /// # Errors
    /// Values of the first key that no experiment has.
    pub fn row(&self, line: &Line) -> Result<Template> {
        let template = &self.charts[line.chart].template;
        match self.axes.as_slice() {
            [first, _] => template.with(&first.key, &first.values[line.row]),
            _ => Ok(template.clone()),
        }
    }

    /// Point `column` of a line, whose row is `row`.
    ///
    /// # Errors
    /// Values that no experiment has.
    pub fn point(&self, row: &Template, line: &Line, column: usize) -> Result<Posed> {
        let last = self.axes.last();
        let axis = last.ok_or_else(|| Error::bug("map", "a map without keys"))?;
        let template = row.with(&axis.key, &axis.values[column])?;
        let chart = &self.charts[line.chart];
        template.posed(line.theory, self.quantities(chart, line.theory))
    }

    /// Place of a cell of the sweep on the map of a chart; `None` for cells of other maps, and where a key has no
    /// number.
    pub fn place(&self, chart: &Chart, cell: &Settings) -> Option<Vec<f64>> {
        let belongs = chart.set.iter().all(|setting| cell.contains(setting));
        let at = |(axis, base): (&MapAxis, &Option<f64>)| {
            let path = overrides::dotted(&axis.key);
            let swept = cell.iter().find(|(k, _)| overrides::dotted(k) == path);
            match swept {
                Some((key, _)) => coordinate(cell, key, Abscissa::Value),
                None => *base,
            }
        };
        let place = self.axes.iter().zip(&chart.base).map(at);
        belongs.then(|| place.collect()).flatten()
    }

    /// What enters the hash of the spec.
    pub(super) fn resolved(&self) -> Json {
        let key = |a: &MapAxis| json!({ "key": a.key, "values": a.values });
        json!({ "keys": self.axes.iter().map(key).collect::<Vec<_>>(), "of": self.of })
    }
}

/// The number that a table states for a key.
fn stated(table: &Table, axis: &MapAxis) -> Option<f64> {
    let value = overrides::get(table, &overrides::dotted(&axis.key))?.clone();
    coordinate(&vec![(axis.key.clone(), value)], &axis.key, Abscissa::Value)
}

/// Whether a quantity on this grid is one number at its last recorded time.
fn is_single(axes: &[Axis]) -> bool {
    let others = axes.iter().filter(|a| a.name != "time");
    others.map(|a| a.values.len()).product::<usize>() == 1
}

/// The values at the last recorded time, of a quantity with these axes.
pub fn at_end(axes: &[Axis], values: &[f64]) -> Vec<f64> {
    let Some(time) = axes.iter().position(|a| a.name == "time") else {
        return values.to_vec();
    };
    let times = axes[time].values.len();
    let stride: usize = observable::size(&axes[time + 1..]);
    let ends = values.chunks(times * stride.max(1));
    let end = |block: &[f64]| block[block.len() - stride.min(block.len())..].to_vec();
    ends.flat_map(end).collect()
}

fn names(of: Option<Value>) -> Result<Vec<String>> {
    let wrong = |cause: &str| {
        Error::input(
            "map.of",
            cause,
            "write of = [\"test-loss\"]: observables or what a theory tells, see `saddlepoint explain` of the theory",
        )
    };
    let Some(Value::Array(items)) = of else {
        return Err(wrong(match of {
            None => "the map does not say what is mapped",
            Some(_) => "not a list of names",
        }));
    };
    let mut names: Vec<String> = Vec::new();
    for (k, item) in items.iter().enumerate() {
        let name = item.as_str().ok_or_else(|| wrong("not a list of names"))?;
        if names.iter().any(|n| n == name) {
            return Err(Error::input(
                format!("map.of[{k}]"),
                format!("\"{name}\" is listed twice"),
                "list it once",
            ));
        }
        names.push(name.into());
    }
    match names.is_empty() {
        true => Err(wrong("an empty list")),
        false => Ok(names),
    }
}

/// The error for a quantity that is more than one number at a point.
pub fn several(place: usize, name: &str, axes: &[Axis]) -> Error {
    let axes: Vec<String> = axes
        .iter()
        .filter(|a| a.name != "time" && a.values.len() != 1)
        .map(|a| format!("{} along {}", a.values.len(), a.name))
        .collect();
    Error::input(
        format!("map.of[{place}]"),
        format!(
            "{name} is more than one number at a point of the map: {}",
            axes.join(", ")
        ),
        format!(
            "map a quantity that is one number (or up to {BRANCHES} branches that a theory tells), or give the \
             instrument one point in measure.observables"
        ),
    )
}

fn axes_of(listed: &[(String, Value)], whole: &[String]) -> Result<Vec<MapAxis>> {
    let axes = listed.iter().map(|(key, value)| {
        let place = format!("map.{key}");
        let values = axis_values(&place, value)?;
        let values = match whole.contains(key) {
            true => values.rounded(),
            false => values,
        };
        let mut points = Vec::new();
        for value in values.values {
            let settings = vec![(key.clone(), value.clone())];
            let x = coordinate(&settings, key, Abscissa::Value).filter(|x| x.is_finite());
            let x = x.ok_or_else(|| {
                Error::input(
                    &place,
                    format!("{value} is no number"),
                    "map keys of numbers; [sweep] over others makes one map for each of their values",
                )
            })?;
            points.push((x, value));
        }
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        if let Some(pair) = points.windows(2).find(|w| w[0].0 == w[1].0) {
            return Err(Error::input(
                &place,
                format!("the value {} stands in the list twice", pair[0].1),
                "list it once",
            ));
        }
        let (x, values) = points.into_iter().unzip();
        Ok(MapAxis {
            key: key.clone(),
            scale: match value.get("scale").and_then(Value::as_str) {
                Some("log") => ScaleKey::Log,
                _ => ScaleKey::Linear,
            },
            values,
            x,
        })
    });
    axes.collect()
}

/// The place of an error about a mapped value is the map.
fn from_map(error: Error, axes: &[MapAxis]) -> Error {
    let Error::Input {
        place,
        cause,
        remedy,
    } = error
    else {
        return error;
    };
    let path = overrides::dotted(&place);
    let found = axes.iter().find(|axis| {
        let key = overrides::dotted(&axis.key);
        path == key || path.starts_with(&format!("{key}."))
    });
    match found.and_then(|axis| Some((axis, axis.values.first()?))) {
        Some((axis, value)) => Error::Input {
            place: format!("map.{}", axis.key),
            cause: format!("with {value}: {cause}"),
            remedy,
        },
        None => Error::Input {
            place,
            cause,
            remedy,
        },
    }
}
