//! Sweeps: a table of key paths and their values becomes a list of cells.

use super::Abscissa;
use super::ranges::{LARGEST, axes, axis_values};
use crate::error::{Error, Result};
use std::collections::BTreeSet;
use toml::{Table, Value};

/// One cell: the swept keys and their values, in the order of the spec.
pub type Settings = Vec<(String, Value)>;

/// A swept value in a name: a whole component by its kind, stages one after the other, another table by its entries, anything else as it
/// is written.
pub fn named(value: &Value) -> String {
    let short = |value: &Value| match value {
        Value::Float(x) if *x != 0.0 && !(1e-4..1e5).contains(&x.abs()) => format!("{x:e}"),
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
        (None, Value::Array(stages))
            if !stages.is_empty() && stages.iter().all(Value::is_table) =>
        {
            let names: Vec<String> = stages.iter().map(named).collect();
            names.join(" then ")
        }
        _ => short(value),
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

/// Expands a `[sweep]` table. A key path (quoted or not) with a list, or a range `{ from, to, points, scale = "linear" | "log" }`, is
/// one axis of the grid (first key outermost); `zip` holds a list of tables whose keys advance together and form one axis
/// each. Without a sweep there is one cell. Ranges of the keys in `whole` are rounded to whole numbers, each of them
/// once.
pub fn expand(sweep: Option<&Table>, whole: &[String]) -> Result<Vec<Settings>> {
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
                .map(|(i, t)| zipped(&format!("{place}[{i}]"), t, whole))
                .collect::<Result<_>>()?
        } else {
            let values = axis_values(&place, value)?;
            let values = match whole.contains(key) {
                true => values.rounded(),
                false => values,
            };
            let mut seen = BTreeSet::new();
            let mut texts = values.values.iter().map(|v| v.to_string());
            if let Some(twice) = texts.find(|text| !seen.insert(text.clone())) {
                return Err(Error::input(
                    place,
                    format!("{twice} stands twice"),
                    "name every value once; draws are repeated by measure.datasets and measure.replicas",
                ));
            }
            let one = |v| vec![(key.clone(), v)];
            vec![values.values.into_iter().map(one).collect()]
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

fn zipped(place: &str, value: &Value, whole: &[String]) -> Result<Vec<Settings>> {
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
        let values = match whole.contains(key) {
            true => values.whole(),
            false => values.values,
        };
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
    // Rounding may make neighbours equal.
    rows.dedup_by(|b, a| table.keys().any(|k| whole.contains(k)) && a == b);
    Ok(rows)
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
        expand(Some(&t), &[])
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
        assert_eq!(expand(None, &[]).unwrap(), vec![vec![]]);
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
        let t: Table = "a.b = { from = 1, to = 3, points = 9 }\nzip = [{ c = { from = 0, to = 1, points = 3 }, d = [4, 4, 5] }]"
            .parse()
            .unwrap();
        let whole = expand(Some(&t), &["a.b".into(), "c".into()]).unwrap();
        // 1, 2, 3 with (0, 4), (1, 4), (1, 5): a half goes up.
        assert_eq!(whole.len(), 9);
        assert_eq!(whole[3][0].1, Value::Integer(2));
        assert_eq!(
            (&whole[4][1].1, &whole[4][2].1),
            (&Value::Integer(1), &Value::Integer(4))
        );
        assert!(cells("a = [1]\nzip = [{ a = [2] }]\n").is_err());
        assert!(cells("a = { from = 0.0, to = 1.0, points = 1000000000000 }\n").is_err());
        assert!(cells("a = []\n").is_err());
        assert!(cells("zip = [{ a = [1, 2], b = [3] }]\n").is_err());
        assert!(cells("a = { from = 0.0, to = 1.0, points = 3, scale = \"log\" }\n").is_err());
    }
}
