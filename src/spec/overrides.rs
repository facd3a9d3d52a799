//! Overrides: `--set key.path=value`, the `[quick]` table, the cells of a sweep and a theory's `assume`.

use crate::error::{Error, Result};
use crate::numerics::text::shown;
use toml::{Table, Value};

/// Keys of a path: what is set lies deeper in no spec.
const DEEPEST: usize = 64;

/// Sets `path` (dotted keys) in `table`, creating tables on the way. Numbers index into lists: `theory.0.label` or
/// `theory[0].label`.
pub fn set(table: &mut Table, path: &str, value: Value) -> Result<()> {
    // `sweep."task.samples"` is what stands in a file; the key is found with and without the quotes.
    let dotted = dotted(path).replace('"', "");
    let keys: Vec<&str> = dotted.split('.').collect();
    if keys.len() > DEEPEST {
        return Err(Error::input(
            shown(path),
            format!(
                "a path of {} keys; no key of a spec lies deeper than {DEEPEST}",
                keys.len()
            ),
            "write dotted keys such as learner.widths",
        ));
    }
    if keys.iter().any(|k| k.is_empty()) {
        return Err(Error::input(
            path,
            "an empty key",
            "write dotted keys such as learner.widths",
        ));
    }
    set_below(table, path, &keys, value)
}

fn set_below(table: &mut Table, path: &str, keys: &[&str], value: Value) -> Result<()> {
    let [key, rest @ ..] = keys else {
        return Err(Error::bug("overrides", "no key left"));
    };
    let [next, below @ ..] = rest else {
        table.insert(key.to_string(), value);
        return Ok(());
    };
    // A key that is itself a path: `"task.size"` of a sweep, or a range under such a key.
    for taken in (2..=keys.len()).rev() {
        match (table.get_mut(&keys[..taken].join(".")), &keys[taken..]) {
            (Some(named), []) => {
                *named = value;
                return Ok(());
            }
            (Some(Value::Table(named)), below) => return set_below(named, path, below, value),
            _ => {}
        }
    }
    let slot = table
        .entry(key.to_string())
        .or_insert_with(|| Value::Table(Table::new()));
    match slot {
        Value::Table(t) => set_below(t, path, rest, value),
        Value::Array(items) => {
            let length = items.len();
            let item = next.parse::<usize>().ok().and_then(|i| items.get_mut(i));
            match (item, below) {
                (Some(item), []) => {
                    *item = value;
                    Ok(())
                }
                (Some(Value::Table(t)), _) => set_below(t, path, below, value),
                _ => Err(Error::input(
                    path,
                    format!(
                        "\"{next}\" does not name an entry of the list {key}, which has {length}"
                    ),
                    format!("write an index from 0, such as {key}.0"),
                )),
            }
        }
        _ => Err(Error::input(
            path,
            format!("{key} is a value, not a table"),
            "set the value itself",
        )),
    }
}

/// `theory[0].label` as `theory.0.label`.
pub(super) fn dotted(path: &str) -> String {
    path.replace('[', ".").replace(']', "")
}

/// The dotted paths of all values in a table of overrides.
pub(super) fn paths(overrides: &Table) -> Vec<String> {
    overrides
        .iter()
        .flat_map(|(key, value)| match value {
            Value::Table(inner) if !key.contains('.') => paths(inner)
                .into_iter()
                .map(|below| format!("{key}.{below}"))
                .collect(),
            _ => vec![key.clone()],
        })
        .collect()
}

/// The value at a dotted path.
pub fn get<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    let (head, rest) = match path.split_once('.') {
        Some((h, r)) => (h, Some(r)),
        None => (path, None),
    };
    match (table.get(head)?, rest) {
        (v, None) => Some(v),
        (Value::Table(t), Some(rest)) => get(t, rest),
        _ => None,
    }
}

/// Lays a table of overrides over `table`: nested tables merge, quoted dotted keys are paths, everything else replaces.
pub fn merge(table: &mut Table, overrides: &Table) -> Result<()> {
    for (key, value) in overrides {
        match value {
            Value::Table(inner) if !key.contains('.') => {
                let slot = table
                    .entry(key.clone())
                    .or_insert_with(|| Value::Table(Table::new()));
                match slot {
                    Value::Table(t) => merge(t, inner)?,
                    other => *other = value.clone(),
                }
            }
            _ => set(table, key, value.clone())?,
        }
    }
    Ok(())
}

/// Lays what a theory assumes over a cell: a quoted dotted key is a path, a table replaces the table of that name.
pub fn replace(table: &mut Table, assumed: &Table) -> Result<()> {
    for (key, value) in assumed {
        let kind = |v: &Value| v.as_table().is_some_and(|t| t.contains_key("kind"));
        if value.is_table() && !kind(value) && table.get(key).is_some_and(kind) {
            let Some(inner) = value.as_table().and_then(|t| t.keys().next()) else {
                continue;
            };
            return Err(Error::input(
                format!("assume.{key}"),
                format!("it replaces the whole table [{key}], and has no kind"),
                format!("write the path of a single key in quotes: \"{key}.{inner}\" = ..."),
            ));
        }
        match key.contains('.') {
            true => set(table, key, value.clone())?,
            false => drop(table.insert(key.clone(), value.clone())),
        }
    }
    Ok(())
}

/// Parses one `key.path=value` of the command line; the value is any TOML value, a bare word is a string.
pub fn parse_set(text: &str) -> Result<(String, Value)> {
    let (key, raw) = text.split_once('=').ok_or_else(|| {
        Error::input(
            format!("--set {}", shown(text)),
            "no \"=\" in it",
            "write --set key.path=value",
        )
    })?;
    let key = key.trim();
    let raw = raw.trim();
    let parsed = format!("x = {raw}").parse::<Table>();
    let value = match parsed {
        Ok(mut t) if t.len() == 1 => t.remove("x"),
        _ if raw
            .chars()
            .all(|c| c.is_alphanumeric() || "-_./".contains(c))
            && !raw.is_empty() =>
        {
            Some(Value::String(raw.to_string()))
        }
        _ => None,
    };
    match value {
        Some(v) if !key.is_empty() => Ok((key.to_string(), v)),
        _ => Err(Error::input(
            format!("--set {}", shown(text)),
            format!("\"{}\" is not a TOML value", shown(raw)),
            "quote strings and close brackets, as in --set 'task.singular_values=[3,1]'",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_reach_nested_keys_and_lists() {
        let mut t: Table = "a.b = 1\n[[theory]]\nkind = \"x\"\n".parse().unwrap();
        set(&mut t, "a.b", Value::Integer(2)).unwrap();
        set(&mut t, "n.e.w", Value::Boolean(true)).unwrap();
        set(&mut t, "theory.0.label", Value::String("l".into())).unwrap();
        assert_eq!(get(&t, "a.b").unwrap().as_integer(), Some(2));
        assert_eq!(get(&t, "n.e.w").unwrap().as_bool(), Some(true));
        assert_eq!(t["theory"][0]["label"].as_str(), Some("l"));
        assert!(set(&mut t, "theory.3.label", Value::Integer(0)).is_err());
        set(&mut t, "theory[0].kind", Value::String("k".into())).unwrap();
        assert_eq!(t["theory"][0]["kind"].as_str(), Some("k"));
        t.insert(
            "sweep".into(),
            "\"a.b\" = [1, 2]".parse::<Table>().unwrap().into(),
        );
        set(&mut t, "sweep.a.b", Value::Array(vec![])).unwrap();
        assert_eq!(t["sweep"].as_table().unwrap().len(), 1);
        assert_eq!(t["sweep"]["a.b"], Value::Array(vec![]));
        let range: Table = "from = 1\npoints = 9".parse().unwrap();
        set(&mut t, "sweep.a.b", Value::Table(range)).unwrap();
        set(&mut t, "sweep.a.b.points", Value::Integer(3)).unwrap();
        assert_eq!(t["sweep"]["a.b"]["points"].as_integer(), Some(3));
        assert_eq!(t["sweep"]["a.b"]["from"].as_integer(), Some(1));
        set(&mut t, "theory.0", Value::Integer(7)).unwrap();
        assert_eq!(t["theory"][0].as_integer(), Some(7));
        assert!(set(&mut t, "a.b.c", Value::Integer(0)).is_err());
        let quick: Table = "a.b = 5\n\"n.e.w\" = false\n".parse().unwrap();
        merge(&mut t, &quick).unwrap();
        assert_eq!(get(&t, "a.b").unwrap().as_integer(), Some(5));
        assert_eq!(get(&t, "n.e.w").unwrap().as_bool(), Some(false));
    }

    #[test]
    fn set_takes_any_toml_value() {
        assert_eq!(
            parse_set("task.singular_values=[3,1]").unwrap().1,
            Value::Array(vec![Value::Integer(3), Value::Integer(1)])
        );
        assert_eq!(parse_set("a=1e-3").unwrap().1, Value::Float(1e-3));
        assert_eq!(
            parse_set("learner.activation=tanh").unwrap().1,
            Value::String("tanh".into())
        );
        assert!(parse_set("learner.widths=[64").is_err());
        assert!(parse_set("nothing").is_err());
    }

    /// Neither brackets nor keys without end take the stack, or fill the screen.
    #[test]
    fn deep_values_and_paths_are_refused_in_one_line() {
        let deep = |open: &str, close: &str| open.repeat(200_000) + &close.repeat(200_000);
        for value in [deep("[", "]"), deep("{a=", "}"), deep("(", "")] {
            let message = parse_set(&format!("a={value}")).unwrap_err().to_string();
            assert!(message.contains("is not a TOML value"), "{message}");
            assert!(message.len() < 400, "{}", message.len());
        }
        for path in [["a"; 200_000].join("."), ["a"; 200_000].join("[")] {
            let error = set(&mut Table::new(), &path, Value::Integer(1)).unwrap_err();
            let message = error.to_string();
            assert!(message.contains("a path of 200000 keys"), "{message}");
            assert!(message.len() < 400, "{}", message.len());
        }
    }
}
