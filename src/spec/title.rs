//! Titles made from the resolved spec: `{task.samples}` stands for the value of a key, and what `--set` varied is named.

use super::sweep::{Settings, named};
use super::{Document, Source, overrides};
use crate::error::{Error, Result};
use toml::{Table, Value};

/// More overrides than this are counted, not named.
const MOST: usize = 2;

/// The title with the values of its keys, followed by what was varied and does not stand in it.
///
/// # Errors
/// `Input` for `{key.path}` that is no key of the spec.
pub(super) fn of(
    stated: &str,
    table: &Table,
    cells: &[Settings],
    document: &Document,
) -> Result<String> {
    let (mut title, mut shown) = (String::new(), Vec::new());
    let mut rest = stated;
    while let Some((before, key, after)) = placeholder(rest) {
        title.push_str(before);
        title.push_str(&value(key, table, cells)?);
        shown.push(key);
        rest = after;
    }
    title.push_str(rest);
    let varied = document.overrides.iter().filter_map(|o| match &o.source {
        Source::Set(_) if !shown.contains(&o.key.as_str()) => Some(o.key.as_str()),
        _ => None,
    });
    let silent = |key: &str| {
        let head = key.split(['.', '[']).next().unwrap_or_default();
        ["title", "figure", "seed"].contains(&head) || key.ends_with("title")
    };
    let varied: Vec<&str> = varied.filter(|key| !silent(key)).collect();
    if varied.is_empty() {
        return Ok(title);
    }
    let text = |key: &&str| {
        let dotted = overrides::dotted(key);
        let last = dotted.rsplit('.').next().unwrap_or_default().to_string();
        match find(&dotted, table) {
            Some(v) if !v.is_table() => format!("{last} = {}", short(v)),
            _ => last,
        }
    };
    let what = match varied.len() > MOST {
        true => format!("{} keys changed", varied.len()),
        false => varied.iter().map(text).collect::<Vec<_>>().join(", "),
    };
    Ok(format!("{title} ({what})"))
}

/// What stands before `{key.path}`, the key, and what stands behind; braces without a dotted key are text.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|k| k + from) {
        let close = text[open..].find('}').map(|k| k + open)?;
        let key = &text[open + 1..close];
        let is_word = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        };
        let is_index = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
        let mut parts = key.split('.');
        if key.contains('.')
            && parts.next().is_some_and(is_word)
            && parts.all(|p| is_word(p) || is_index(p))
        {
            return Some((&text[..open], key, &text[close + 1..]));
        }
        from = open + 1;
    }
    None
}

fn value(key: &str, table: &Table, cells: &[Settings]) -> Result<String> {
    let swept: Vec<String> = cells
        .iter()
        .filter_map(|set| set.iter().find(|(k, _)| k == key).map(|(_, v)| named(v)))
        .collect();
    if let (Some(first), Some(last)) = (swept.first(), swept.last()) {
        return Ok(match first == last {
            true => first.clone(),
            false => format!("{first} to {last}"),
        });
    }
    match find(key, table) {
        Some(value) => Ok(short(value)),
        None => Err(Error::input(
            "title",
            format!("{{{key}}} is no key of this spec"),
            "write the path of a key that the spec states, as in {task.samples}, or leave the braces out",
        )),
    }
}

/// The value at a dotted path, numbers being places in lists.
fn find<'a>(path: &str, table: &'a Table) -> Option<&'a Value> {
    let mut parts = path.split('.');
    let mut at = table.get(parts.next()?)?;
    for part in parts {
        at = match at {
            Value::Table(t) => t.get(part)?,
            Value::Array(items) => items.get(part.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(at)
}

fn short(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.len() == 1 => short(&items[0]),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_follow_the_spec() {
        let table: Table =
            "[task]\nlattice = \"triangular\"\nsize = 64\n[[theory]]\nlabel = \"a\"\n"
                .parse()
                .unwrap();
        let mut document = Document::default();
        let of = |text: &str, document: &Document| of(text, &table, &[], document);
        let title = of(
            "The {task.lattice} lattice, L = {task.size}, L^{3/4}",
            &document,
        );
        assert_eq!(title.unwrap(), "The triangular lattice, L = 64, L^{3/4}");
        assert!(of("{task.lattices}", &document).is_err());
        document.over("task.size".into(), Source::Set("task.size=64".into()));
        assert_eq!(of("L = {task.size}", &document).unwrap(), "L = 64");
        assert_eq!(
            of("Percolation", &document).unwrap(),
            "Percolation (size = 64)"
        );
        document.over("seed".into(), Source::Set("seed=3".into()));
        document.over(
            "theory[0].label".into(),
            Source::Set("theory[0].label=a".into()),
        );
        assert_eq!(of("P", &document).unwrap(), "P (size = 64, label = a)");
    }
}
