//! A spec file as text: where each key stands, so that an error can name line and column.

use super::overrides::dotted;
use crate::error::{Error, Result};
use toml::de::{DeTable, DeValue};

/// The text of a spec, where it came from, and the overrides laid over it.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// File name for messages.
    pub path: String,
    /// The TOML as the user wrote it.
    pub text: String,
    /// In the order in which they were laid over the text.
    pub overrides: Vec<Override>,
}

/// A key path whose value does not come from its place in the text.
#[derive(Debug, Clone)]
pub struct Override {
    /// Dotted key path, such as `learner.widths`.
    pub key: String,
    /// Where its value comes from.
    pub source: Source,
}

/// Where an override comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// The `[quick]` table.
    Quick,
    /// `--seed`.
    Seed,
    /// The text of a `--set`.
    Set(String),
}

impl Override {
    /// Whether the override sets the value at `place`, or something above it.
    fn covers(&self, place: &str) -> bool {
        let (key, place) = (dotted(&self.key), dotted(place));
        place == key || place.starts_with(&format!("{key}."))
    }

    /// Whether the override sets something below `place`.
    fn lies_in(&self, place: &str) -> bool {
        dotted(&self.key).starts_with(&format!("{}.", dotted(place)))
    }
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
                match e.message().split_once("integer `") {
                    Some((_, rest)) => {
                        let number = rest.split('`').next().unwrap_or_default();
                        format!("the number {number} is too large")
                    }
                    None => e.message().to_string(),
                },
                "fix the TOML syntax there",
            )
        })
    }

    /// Notes that the value at `key` comes from elsewhere.
    pub(super) fn over(&mut self, key: String, source: Source) {
        self.overrides.push(Override { key, source });
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..offset.min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.rfind('\n').map_or(offset, |k| offset - k - 1) + 1;
        (line, column)
    }

    /// Line and column of the deepest existing prefix of a key path such as `theory[1].assume` or `learner.widths[0]`.
    pub fn locate(&self, path: &str) -> Option<(usize, usize)> {
        self.find(path).0
    }

    /// As [`Document::locate`], and whether the whole path exists.
    fn find(&self, path: &str) -> (Option<(usize, usize)>, bool) {
        let Ok(root) = DeTable::parse(&self.text) else {
            return (None, false);
        };
        let segments = segments(path);
        let (mut rest, mut found) = (&segments[..], None);
        let (mut table, mut array): (_, Option<&toml::de::DeArray>) = (Some(root.get_ref()), None);
        while let [first, ..] = rest {
            let hit = match (first, table, array) {
                (Segment::Key(_), Some(t), _) => named(t, rest),
                (Segment::Index(i), _, Some(a)) => a.get(*i).map(|v| (v, v.span().start, 1)),
                _ => None,
            };
            let Some((value, start, used)) = hit else {
                break;
            };
            (found, rest) = (Some(self.position(start)), &rest[used..]);
            (table, array) = match value.get_ref() {
                DeValue::Table(t) => (Some(t), None),
                DeValue::Array(a) => (None, Some(a)),
                _ => (None, None),
            };
        }
        (found, rest.is_empty())
    }

    /// Adds to the place of an input error where its value comes from: file, line and column, or the command line.
    pub fn situate(&self, error: Error) -> Error {
        let Error::Input {
            place,
            cause,
            remedy,
        } = error
        else {
            return error;
        };
        let exists = self.find(&place).1;
        let source = self
            .overrides
            .iter()
            .rev()
            .find(|o| o.covers(&place) || (!exists && o.lies_in(&place)));
        let in_file = |path: &str| match self.locate(path) {
            Some((line, column)) => format!("{}:{line}:{column}: ", self.path),
            None => format!("{}: ", self.path),
        };
        let place = match source.map(|o| (&o.source, &o.key)) {
            Some((Source::Set(_), _)) => format!("--set {place}"),
            Some((Source::Seed, _)) => format!("--seed: {place}"),
            Some((Source::Quick, key)) => {
                format!("{}[quick] {place}", in_file(&format!("quick.{key}")))
            }
            None => format!("{}{place}", in_file(&place)),
        };
        Error::Input {
            place,
            cause,
            remedy,
        }
    }
}

/// The value in `table` whose key is the first segments of `rest`, the most of them that fit (keys may be quoted and dotted):
/// the value, where its key starts, and how many segments the key takes.
fn named<'a>(
    table: &'a DeTable<'a>,
    rest: &[Segment],
) -> Option<(&'a toml::Spanned<DeValue<'a>>, usize, usize)> {
    let keys: Vec<&str> = rest
        .iter()
        .map_while(|s| match s {
            Segment::Key(k) => Some(k.as_str()),
            Segment::Index(_) => None,
        })
        .collect();
    (1..=keys.len()).rev().find_map(|n| {
        let name = keys[..n].join(".");
        table
            .iter()
            .find(|(key, _)| key.get_ref() == name.as_str())
            .map(|(key, value)| (value, key.span().start, n))
    })
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

    fn document() -> Document {
        Document {
            path: "a.toml".into(),
            text: "version = 1\n[learner]\n  widths = [3, -1]\n[[theory]]\nkind = \"saxe\"\n[sweep]\n\"training.steps\" = [0]\n\
                   [quick]\n\"training.steps\" = -1\n"
                .into(),
            overrides: vec![],
        }
    }

    /// Brackets, tables and keys without end are errors with a place, not the end of the stack.
    #[test]
    fn a_deep_text_is_refused() {
        let many = 100_000;
        for text in [
            format!("a = {}{}", "[".repeat(many), "]".repeat(many)),
            format!("a = {}1{}", "{a=".repeat(many), "}".repeat(many)),
            format!("{} = 1", ["a"].repeat(many).join(".")),
            format!("[{}]", ["a"].repeat(many).join(".")),
        ] {
            let deep = Document {
                path: "a.toml".into(),
                text,
                overrides: vec![],
            };
            let message = deep.table().unwrap_err().to_string();
            assert!(message.starts_with("a.toml"), "{message}");
            assert!(
                message.len() < 200 && message.contains("recur"),
                "{message}"
            );
            assert_eq!(deep.locate("a"), None);
        }
    }

    #[test]
    fn keys_are_located() {
        let d = document();
        assert_eq!(d.locate("learner.widths"), Some((3, 3)));
        assert_eq!(d.locate("learner.widths[1]"), Some((3, 16)));
        assert_eq!(d.locate("theory[0].kind"), Some((5, 1)));
        assert_eq!(d.locate("learner.unknown"), Some((2, 2)));
        assert_eq!(d.locate("sweep.training.steps"), Some((7, 1)));
        assert_eq!(d.locate("nothing"), None);
        let e = d.situate(Error::input("learner.widths[1]", "c", "r"));
        assert!(
            e.to_string()
                .starts_with("a.toml:3:16: learner.widths[1]: c")
        );
    }

    #[test]
    fn overrides_are_named_instead_of_the_text() {
        let mut d = document();
        let place = |d: &Document, key: &str| match d.situate(Error::input(key, "c", "r")) {
            Error::Input { place, .. } => place,
            other => panic!("{other}"),
        };
        let add = |d: &mut Document, key: &str, source| {
            d.overrides.push(Override {
                key: key.into(),
                source,
            });
        };
        add(&mut d, "training.steps", Source::Quick);
        add(
            &mut d,
            "theory.0.kind",
            Source::Set("theory.0.kind=x".into()),
        );
        add(&mut d, "title.x", Source::Set("title.x=1".into()));
        assert_eq!(
            place(&d, "training.steps"),
            "a.toml:9:1: [quick] training.steps"
        );
        assert_eq!(place(&d, "theory[0].kind"), "--set theory[0].kind");
        assert_eq!(place(&d, "title"), "--set title");
        assert_eq!(place(&d, "theory[0].label"), "a.toml:4:1: theory[0].label");
    }
}
