//! Sweeps: a table of key paths and their values becomes a list of cells.

use super::Abscissa;
use crate::error::{Error, Result};
use std::collections::BTreeSet;
use toml::{Table, Value};

/// One cell: the swept keys and their values, in the order of the spec.
pub type Settings = Vec<(String, Value)>;

/// A swept value in a name: a whole component by its kind, another table by its entries, anything else as it is written.
pub fn named(value: &Value) -> String {
    let short = |value: &Value| match value {
        Value::Float(x) if x.abs() >= 1e5 => format!("{x:e}"),
        _ => value.to_string(),
    };
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    match (text("label").or_else(|| text("kind")), value) {
        (Some(name), _) => name.to_string(),
        (None, Value::Table(table)) => {
            let entries: Vec<String> = table
                .iter()
                .map(|(k, v)| format!("{k}={}", short(v)))
                .collect();
            format!("{{{}}}", entries.join(" "))
        }
        _ => value.to_string(),
    }
}

/// A swept table without the label that names it in tables and figures.
pub fn unlabelled(value: &Value) -> Value {
    match value {
        Value::Table(table) => {
            let mut table = table.clone();
            table.remove("label");
            Value::Table(table)
        }
        other => other.clone(),
    }
}

const LARGEST: usize = 100_000;

/// Expands a `[sweep]` table. A key path (quoted or not) with a list, or a range `{ from, to, points, scale = "linear" | "log" }`, is
/// one axis of the grid (first key outermost); `zip` holds a list of tables whose keys advance together and form one axis
/// each. Without a sweep there is one cell.
pub fn expand(sweep: Option<&Table>) -> Result<Vec<Settings>> {
    let mut cells: Vec<Settings> = vec![vec![]];
    let Some(sweep) = sweep else { return Ok(cells) };
    let mut swept = BTreeSet::new();
    for (key, value) in &axes("", sweep) {
        let place = format!("sweep.{key}");
        let groups: Vec<Vec<Settings>> = if key == "zip" {
            let tables = value.as_array().ok_or_else(|| {
                Error::input(
                    &place,
                    "not a list of tables",
                    "write zip = [{ \"key.a\" = [..], \"key.b\" = [..] }]",
                )
            })?;
            tables
                .iter()
                .enumerate()
                .map(|(i, t)| zipped(&format!("{place}[{i}]"), t))
                .collect::<Result<_>>()?
        } else {
            vec![
                axis_values(&place, value)?
                    .into_iter()
                    .map(|v| vec![(key.clone(), v)])
                    .collect(),
            ]
        };
        for group in groups {
            for (key, _) in group.iter().take(1).flatten() {
                if !swept.insert(key.clone()) {
                    return Err(Error::input(
                        &place,
                        format!("\"{key}\" is swept twice"),
                        "give all its values in one list",
                    ));
                }
            }
            if cells.len().saturating_mul(group.len()) > LARGEST {
                return Err(Error::input(
                    &place,
                    format!("more than {LARGEST} cells"),
                    "sweep fewer values",
                ));
            }
            cells = cells
                .iter()
                .flat_map(|cell| {
                    group.iter().map(move |settings| {
                        let mut joined = cell.clone();
                        joined.extend(settings.iter().cloned());
                        joined
                    })
                })
                .collect();
        }
    }
    Ok(cells)
}

/// Key paths and their values; tables that are no ranges are parts of a path (`training.steps = [...]` without quotes).
fn axes(path: &str, table: &Table) -> Vec<(String, Value)> {
    let is_path =
        |t: &Table| !t.is_empty() && ["from", "to", "points"].iter().all(|k| !t.contains_key(*k));
    table
        .iter()
        .flat_map(|(key, value)| {
            let key = match path {
                "" => key.clone(),
                path => format!("{path}.{key}"),
            };
            match value {
                Value::Table(t) if is_path(t) => axes(&key, t),
                _ => vec![(key, value.clone())],
            }
        })
        .collect()
}

fn zipped(place: &str, value: &Value) -> Result<Vec<Settings>> {
    let table = value.as_table().filter(|t| !t.is_empty()).ok_or_else(|| {
        Error::input(
            place,
            "not a table of lists",
            "write { \"key.a\" = [..], \"key.b\" = [..] }",
        )
    })?;
    let mut rows: Vec<Settings> = Vec::new();
    for (n, (key, value)) in table.iter().enumerate() {
        let values = axis_values(&format!("{place}.{key}"), value)?;
        if n == 0 {
            rows = values.iter().map(|_| vec![]).collect();
        }
        if values.len() != rows.len() {
            return Err(Error::input(
                format!("{place}.{key}"),
                format!(
                    "{} values beside {} of the first key",
                    values.len(),
                    rows.len()
                ),
                "zipped lists need equal lengths",
            ));
        }
        for (row, v) in rows.iter_mut().zip(values) {
            row.push((key.clone(), v));
        }
    }
    Ok(rows)
}

fn axis_values(place: &str, value: &Value) -> Result<Vec<Value>> {
    match value {
        Value::Array(items) if !items.is_empty() => Ok(items.clone()),
        Value::Array(_) => Err(Error::input(
            place,
            "an empty list",
            "give at least one value",
        )),
        Value::Table(_) => range(place, value),
        _ => Err(Error::input(
            place,
            "neither a list nor a range",
            "write [a, b, c] or { from = a, to = b, points = n, scale = \"log\" }",
        )),
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    from: f64,
    to: f64,
    points: usize,
    #[serde(default)]
    scale: Scale,
}

#[derive(serde::Deserialize, Default, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Scale {
    #[default]
    Linear,
    Log,
}

fn range(place: &str, value: &Value) -> Result<Vec<Value>> {
    let table = value.as_table().cloned().unwrap_or_default();
    let r: Range = crate::kind::parse_table(place, table)?;
    let positive = r.from > 0.0 && r.to > 0.0;
    if !(1..=LARGEST).contains(&r.points)
        || !r.from.is_finite()
        || !r.to.is_finite()
        || (r.scale == Scale::Log && !positive)
    {
        return Err(Error::input(
            place,
            format!(
                "a range needs 1 to {LARGEST} points, finite ends, and positive ends when scale = \"log\""
            ),
            "write { from = 1e-3, to = 1.0, points = 4, scale = \"log\" }",
        ));
    }
    Ok((0..r.points)
        .map(|k| {
            let x = k as f64 / (r.points - 1).max(1) as f64;
            Value::Float(match r.scale {
                _ if k == 0 => r.from,
                _ if k + 1 == r.points => r.to,
                Scale::Linear => r.from + x * (r.to - r.from),
                Scale::Log => r.from * (r.to / r.from).powf(x),
            })
        })
        .collect())
}

/// Swept keys that change with `key` alone, such as those zipped with it: among cells that differ in `key` they tell nothing more.
pub fn partners<'a>(cells: impl Iterator<Item = &'a Settings> + Clone, key: &str) -> Vec<String> {
    let value = |cell: &Settings, key: &str| {
        let found = cell.iter().find(|(k, _)| k == key);
        found.map(|(_, v)| v.to_string())
    };
    let others = cells.clone().next().into_iter().flatten();
    let follows = |other: &str| {
        let pairs: BTreeSet<_> = cells
            .clone()
            .map(|cell| (value(cell, key), value(cell, other)))
            .collect();
        let keys: BTreeSet<_> = pairs.iter().map(|pair| &pair.0).collect();
        let values: BTreeSet<_> = pairs.iter().map(|pair| &pair.1).collect();
        values.len() > 1 && keys.len() == pairs.len()
    };
    others
        .map(|(other, _)| other)
        .filter(|other| *other != key && follows(other))
        .cloned()
        .collect()
}

/// Abscissa of a cell on the axis of a swept key; a list of equal numbers counts as the number (`learner.widths = [64]`).
pub fn coordinate(cell: &Settings, key: &str, abscissa: Abscissa) -> Option<f64> {
    fn number(v: &Value) -> Option<f64> {
        match v {
            Value::Integer(i) => Some(*i as f64),
            Value::Float(f) => Some(*f),
            Value::Array(items) => {
                let first = number(items.first()?)?;
                items
                    .iter()
                    .all(|i| number(i) == Some(first))
                    .then_some(first)
            }
            _ => None,
        }
    }
    let (_, value) = cell.iter().find(|(k, _)| k == key)?;
    match (abscissa, value) {
        (Abscissa::Depth, Value::Array(items)) => Some(items.len() as f64 + 1.0),
        (Abscissa::Aspect, Value::Array(items)) => match items.as_slice() {
            [a, b] => Some((number(a)? - 1.0) / number(b)?),
            _ => None,
        },
        (Abscissa::Depth | Abscissa::Aspect, _) => None,
        _ => number(value).map(|k| abscissa.of(k)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Result<Vec<Settings>> {
        let t: Table = text.parse().unwrap();
        expand(Some(&t))
    }

    #[test]
    fn zipped_keys_are_partners_and_those_of_a_grid_are_not() {
        let zip =
            cells("\"c\" = [3, 4]\n\"d\" = [7]\n[[zip]]\n\"a\" = [1, 2, 3]\n\"b\" = [5, 5, 6]\n");
        let zip = zip.unwrap();
        assert_eq!(partners(zip.iter(), "a"), ["b"]);
        // 5 stands with 1 and 2, 7 never changes.
        for key in ["b", "c", "d"] {
            assert!(partners(zip.iter(), key).is_empty(), "{key}");
        }
    }

    #[test]
    fn grids_zips_and_ranges() {
        assert_eq!(expand(None).unwrap(), vec![vec![]]);
        let grid = cells("\"a.b\" = [1, 2]\n\"c\" = [3, 4, 5]\n").unwrap();
        assert_eq!(grid.len(), 6);
        assert_eq!(grid[1][0], ("a.b".into(), Value::Integer(1)));
        assert_eq!(grid[1][1], ("c".into(), Value::Integer(4)));
        let zip = cells("zip = [{ a = [1, 2], b = [3, 4] }]\n").unwrap();
        assert_eq!(zip.len(), 2);
        assert_eq!(
            zip[1],
            vec![
                ("a".into(), Value::Integer(2)),
                ("b".into(), Value::Integer(4))
            ]
        );
        let log = cells("a = { from = 1.0, to = 100.0, points = 3, scale = \"log\" }\n").unwrap();
        assert!((log[1][0].1.as_float().unwrap() - 10.0).abs() < 1e-12);
        let unquoted = cells("a.b = [1, 2]\na.c = { from = 0.0, to = 1.0, points = 2 }\n").unwrap();
        assert_eq!((unquoted.len(), unquoted[3][1].0.as_str()), (4, "a.c"));
        assert!(cells("a = [1]\nzip = [{ a = [2] }]\n").is_err());
        assert!(cells("a = { from = 0.0, to = 1.0, points = 1000000000000 }\n").is_err());
        assert!(cells("a = []\n").is_err());
        assert!(cells("zip = [{ a = [1, 2], b = [3] }]\n").is_err());
        assert!(cells("a = { from = 0.0, to = 1.0, points = 3, scale = \"log\" }\n").is_err());
    }
}
