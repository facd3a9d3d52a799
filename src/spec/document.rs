//! A spec file as text: where each key stands, so that an error can name line and column.

use crate::error::{Error, Result};
use toml::de::{DeTable, DeValue};

/// The text of a spec, where it came from, and the overrides laid over it.
#[derive(Debug, Clone)]
pub struct Document {
    /// File name for messages.
    pub path: String,
    pub text: String,
    /// Key paths set on the command line.
    pub overridden: Vec<String>,
}

impl Document {
    /// Parses the text; a syntax error names line and column.
    pub fn table(&self) -> Result<toml::Table> {
        self.text.parse::<toml::Table>().map_err(|e| {
            let at = e.span().map(|s| self.position(s.start));
            Error::input(
                match at {
                    Some((line, column)) => format!("{}:{line}:{column}", self.path),
                    None => self.path.clone(),
                },
                e.message().to_string(),
                "fix the TOML syntax there",
            )
        })
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..offset.min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.rfind('\n').map_or(offset, |k| offset - k - 1) + 1;
        (line, column)
    }

    /// Line and column of the deepest existing prefix of a key path such as `theory[1].assume` or `learner.widths[0]`.
    pub fn locate(&self, path: &str) -> Option<(usize, usize)> {
        let root = DeTable::parse(&self.text).ok()?;
        let mut table = Some(root.get_ref());
        let mut array = None;
        let mut found = None;
        for segment in segments(path) {
            let value = match (&segment, table, array) {
                (Segment::Key(key), Some(t), _) => t.get(key.as_str()).map(|v| {
                    let start = t
                        .iter()
                        .find(|(k, _)| k.get_ref() == key.as_str())
                        .map(|(k, _)| k.span().start);
                    (v, start)
                }),
                (Segment::Index(i), _, Some(a)) => {
                    let a: &toml::de::DeArray = a;
                    a.get(*i).map(|v| (v, Some(v.span().start)))
                }
                _ => None,
            };
            let Some((value, start)) = value else { break };
            found = start.or(found);
            (table, array) = match value.get_ref() {
                DeValue::Table(t) => (Some(t), None),
                DeValue::Array(a) => (None, Some(a)),
                _ => (None, None),
            };
        }
        found.map(|offset| self.position(offset))
    }

    /// Adds file, line and column (or the command-line override) to the place of an input error.
    pub fn situate(&self, error: Error) -> Error {
        let Error::Input {
            place,
            cause,
            remedy,
        } = error
        else {
            return error;
        };
        let from_command = self.overridden.iter().any(|key| {
            place == *key
                || place.starts_with(&format!("{key}."))
                || place.starts_with(&format!("{key}["))
        });
        let place = if from_command {
            format!("--set {place}")
        } else {
            match self.locate(&place) {
                Some((line, column)) => format!("{}:{line}:{column}: {place}", self.path),
                None => format!("{}: {place}", self.path),
            }
        };
        Error::Input {
            place,
            cause,
            remedy,
        }
    }
}

enum Segment {
    Key(String),
    Index(usize),
}

fn segments(path: &str) -> Vec<Segment> {
    let mut out = Vec::new();
    for part in path.split('.') {
        let mut pieces = part.split('[');
        if let Some(key) = pieces.next()
            && !key.is_empty()
        {
            out.push(Segment::Key(key.to_string()));
        }
        for index in pieces {
            if let Ok(i) = index.trim_end_matches(']').parse() {
                out.push(Segment::Index(i));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_located() {
        let d = Document {
            path: "a.toml".into(),
            text: "version = 1\n[learner]\n  widths = [3, -1]\n[[theory]]\nkind = \"saxe\"\n"
                .into(),
            overridden: vec![],
        };
        assert_eq!(d.locate("learner.widths"), Some((3, 3)));
        assert_eq!(d.locate("learner.widths[1]"), Some((3, 16)));
        assert_eq!(d.locate("theory[0].kind"), Some((5, 1)));
        assert_eq!(d.locate("learner.unknown"), Some((2, 2)));
        assert_eq!(d.locate("nothing"), None);
        let e = d.situate(Error::input("learner.widths[1]", "c", "r"));
        assert!(
            e.to_string()
                .starts_with("a.toml:3:16: learner.widths[1]: c")
        );
    }
}
