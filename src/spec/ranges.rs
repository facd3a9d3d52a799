//! Values along an axis of a sweep or a map: a list, or a range with its spacing.

use super::ScaleKey;
use super::overrides::dotted;
use crate::error::{Error, Result};
use toml::{Table, Value};

/// Most values of an axis, and most cells.
pub(super) const LARGEST: usize = 100_000;

/// The values of one key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AxisValues {
    /// In the order of the spec.
    pub values: Vec<Value>,
    /// How a range is spaced; `None` for a list, whose values are as they were written.
    pub spacing: Option<ScaleKey>,
}

impl AxisValues {
    /// The values of a range rounded to whole numbers (a half upwards); those of a list as they are.
    pub fn whole(&self) -> Vec<Value> {
        let round = |v: &Value| match v {
            Value::Float(x) if self.spacing.is_some() => Value::Integer((x + 0.5).floor() as i64),
            other => other.clone(),
        };
        self.values.iter().map(round).collect()
    }

    /// As [`AxisValues::whole`], each number once.
    pub fn rounded(&self) -> Self {
        let mut values = self.whole();
        if self.spacing.is_some() {
            values.dedup();
        }
        AxisValues {
            values,
            spacing: self.spacing,
        }
    }
}

/// Key paths and their values; tables that are no ranges are parts of a path (`training.steps = [...]` without quotes).
pub(super) fn axes(path: &str, table: &Table) -> Vec<(String, Value)> {
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

/// A list as it stands, or the values of a range `{ from, to, points, scale = "linear" | "log" }`.
///
/// # Errors
/// `Input` for an empty list, a range without points or ends, anything else.
pub(super) fn axis_values(place: &str, value: &Value) -> Result<AxisValues> {
    match value {
        Value::Array(items) if !items.is_empty() => Ok(AxisValues {
            values: items.clone(),
            spacing: None,
        }),
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
    scale: ScaleKey,
}

fn range(place: &str, value: &Value) -> Result<AxisValues> {
    let table = value.as_table().cloned().unwrap_or_default();
    let r: Range = crate::kind::parse_table(place, table)?;
    let positive = r.from > 0.0 && r.to > 0.0;
    if !(1..=LARGEST).contains(&r.points)
        || !r.from.is_finite()
        || !r.to.is_finite()
        || (r.scale == ScaleKey::Log && !positive)
    {
        return Err(Error::input(
            place,
            format!(
                "a range needs 1 to {LARGEST} points, finite ends, and positive ends when scale = \"log\""
            ),
            "write { from = 1e-3, to = 1.0, points = 4, scale = \"log\" }",
        ));
    }
    let values = (0..r.points)
        .map(|k| {
            let x = k as f64 / (r.points - 1).max(1) as f64;
            Value::Float(match r.scale {
                _ if k == 0 => r.from,
                _ if k + 1 == r.points => r.to,
                ScaleKey::Linear => r.from + x * (r.to - r.from),
                ScaleKey::Log => r.from * (r.to / r.from).powf(x),
            })
        })
        .collect();
    Ok(AxisValues {
        values,
        spacing: Some(r.scale),
    })
}

/// Keys of a sweep or a map whose values are a range, those of zipped lists among them.
pub(super) fn ranged(table: &Table) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in axes("", table) {
        match value {
            Value::Table(_) => found.push(key),
            Value::Array(zipped) if key == "zip" => {
                let tables = zipped.iter().filter_map(Value::as_table);
                found.extend(tables.flat_map(ranged));
            }
            _ => {}
        }
    }
    found
}

/// Keys of ranges that take whole numbers alone, found by building with them: the deserialiser refuses the fraction,
/// and takes the whole number. `build` gets the keys that are known so far.
pub(super) fn whole_keys(
    ranged: &[String],
    build: impl Fn(&[String]) -> Result<()>,
) -> Vec<String> {
    let mut whole: Vec<String> = Vec::new();
    let refused = |e: &Error, key: &String| {
        let Error::Input { place, cause, .. } = e else {
            return false;
        };
        let (place, key) = (dotted(place), dotted(key));
        place == key && cause.starts_with("expected ")
    };
    while !ranged.is_empty() {
        let Err(error) = build(&whole) else {
            return whole;
        };
        let open = |key: &&String| !whole.contains(*key) && refused(&error, key);
        let Some(key) = ranged.iter().find(open) else {
            return whole;
        };
        whole.push(key.clone());
        if build(&whole).is_err_and(|e| refused(&e, key)) {
            whole.pop();
            return whole;
        }
    }
    whole
}
