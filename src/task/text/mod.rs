//! Next-token prediction on a text: windows of a corpus and the tokens that follow.

mod vocabulary;

pub use vocabulary::{Level, UNKNOWN, Vocabulary};

use super::loader::Contents;
use super::shared::Shared;
use super::{Dataset, HeldOut, Modes, Shape, Task, substreams};
use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::numerics::random::Stream;
use crate::numerics::text::{decode, without_mark};
use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

/// Construction, keys and conventions of the task.
pub const ABOUT: About = About {
    kind: "text",
    summary: "the next token of a text (bytes, characters or words)",
    text: "\
A sample is a window of n = context tokens of the text: its inputs are their numbers, its targets the one-hot codes of the
tokens that follow. The first part of the text is for training, the rest for testing; no window crosses the border. Test
windows of all data sets come from the same rest of the text: as for a file, its sampling error is in the interval where a
theory predicts the population.

Keys
  path           the text, plain or gzip; a relative path starts at the current directory
  level          what a token is: \"byte\", \"character\" (default; UTF-8), \"word\" (a run of letters, digits and apostrophes, or any
                 other visible character; white space only separates)
  context        n, the number of tokens of a window
  samples        training windows of a data set
  test_samples   test windows (default 0)
  test_fraction  fraction of the tokens that is held out, at the end of the text (default 0.1; below 1)
  vocabulary     word: keep this many words, the most frequent ones; one more token stands for all others (default: all words)
  predict        \"last\" (default): the token after the window, V targets for V tokens; \"every\": the token after every position,
                 V n targets in groups of V, first position first

The text is UTF-8 or, with a byte order mark, UTF-16. A byte order mark at the beginning is left out: it is no token
and no part of the content. With level = \"byte\" the mark of UTF-8 is left out too, and all other bytes are tokens as
they are.

Tokens are numbered by falling frequency in the whole text, equally frequent ones by their bytes. Windows start anywhere with
equal probability, independently, anew for every data set; a data set of P samples is the beginning of a larger one. The text
enters every hash by the BLAKE3 of its content, not by its path. There are no input-output modes.",
    revision: 1,
};

/// Registry line of `kind = "text"`.
pub const KIND: Kind<dyn Task> = Kind {
    about: &ABOUT,
    parse,
    schema: TextOptions::json_schema,
};

fn parse(place: &str, table: toml::Table) -> Result<Arc<dyn Task>> {
    let options = parse_table(place, table)?;
    Ok(Arc::new(Text::open(place, options)?))
}

/// Which tokens are targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Predict {
    /// The token after the window.
    #[default]
    Last,
    /// The token after every position of the window.
    Every,
}

/// Keys of the spec table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextOptions {
    /// The text, plain or gzip.
    pub path: PathBuf,
    /// What a token is.
    #[serde(default)]
    pub level: Level,
    /// Tokens of a window.
    pub context: usize,
    /// Training windows.
    pub samples: usize,
    /// Test windows.
    #[serde(default)]
    pub test_samples: usize,
    /// Fraction of the tokens that is held out, at the end.
    #[serde(default = "default_test_fraction")]
    pub test_fraction: f64,
    /// Number of words with a token of their own.
    #[serde(default)]
    pub vocabulary: Option<usize>,
    /// Which tokens are targets.
    #[serde(default)]
    pub predict: Predict,
}

fn default_test_fraction() -> f64 {
    0.1
}

impl TextOptions {
    /// Characters, the token after the window, no test windows.
    pub fn new(path: impl Into<PathBuf>, context: usize, samples: usize) -> Self {
        TextOptions {
            path: path.into(),
            level: Level::default(),
            context,
            samples,
            test_samples: 0,
            test_fraction: default_test_fraction(),
            vocabulary: None,
            predict: Predict::default(),
        }
    }
}

/// A text as token numbers, read once for all cells of a sweep.
#[derive(Debug, PartialEq)]
struct Corpus {
    vocabulary: Vocabulary,
    tokens: Vec<u32>,
    /// BLAKE3 of the text behind a byte order mark, as UTF-8.
    content: String,
}

static CORPORA: Shared<Corpus> = Shared::new();

/// Windows of a text.
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::task::{Task, Text, text::TextOptions};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("a.txt");
/// std::fs::write(&path, "abcabcabcabcabcabcabcabc")?;
/// let task = Text::open("task", TextOptions::new(path, 3, 5))?;
/// let data = task.draw(&mut stream(1, "dataset", &[0]))?;
/// assert_eq!((data.x.shape(), data.y.shape()), ((3, 5), (3, 5)));
/// // After three letters of the cycle comes the first of them.
/// assert_eq!(data.y[(data.x[(0, 0)] as usize, 0)], 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Text {
    options: TextOptions,
    corpus: Arc<Corpus>,
}

impl Text {
    /// Reads the text; `place` is the path of the table in the spec.
    ///
    /// Errors: an unreadable or empty file, everything that [`Vocabulary::new`] reports, keys out of range, a part of the text
    /// that is shorter than a window and the token after it.
    pub fn open(place: &str, options: TextOptions) -> Result<Self> {
        let wrong = |key: &str, cause: String, remedy: &str| {
            Err(Error::input(format!("{place}.{key}"), cause, remedy))
        };
        let counts = [
            ("context", Some(options.context)),
            ("samples", Some(options.samples)),
            ("vocabulary", options.vocabulary),
        ];
        if let Some((key, _)) = counts.iter().find(|(_, n)| *n == Some(0)) {
            return wrong(key, "is 0".into(), "use a positive integer");
        }
        let fraction = options.test_fraction;
        if !(0.0..1.0).contains(&fraction) {
            let cause = format!("{fraction} is outside [0, 1)");
            return wrong("test_fraction", cause, "use 0 <= test_fraction < 1");
        }
        if options.vocabulary.is_some() && options.level != Level::Word {
            let cause = "only a vocabulary of words has a cap".into();
            return wrong("vocabulary", cause, "remove it, or use level = \"word\"");
        }
        let corpus = read(&options).map_err(|e| match e {
            Error::Input {
                place: at,
                cause,
                remedy,
            } => Error::input(format!("{place}.path"), format!("{at}: {cause}"), remedy),
            other => other,
        })?;
        let task = Text { options, corpus };
        let window = task.options.context.saturating_add(1);
        let (total, kept) = (task.corpus.tokens.len(), task.training());
        if kept < window {
            let cause = format!(
                "a window and the token after it need {window} tokens; the training part has {kept} of {total}"
            );
            return wrong(
                "context",
                cause,
                "use a smaller context, a smaller test_fraction or a longer text",
            );
        }
        if task.has_test() && total - kept < window {
            let cause = format!(
                "a window and the token after it need {window} tokens; the held-out part has {} of {total}",
                total - kept
            );
            return wrong(
                "test_fraction",
                cause,
                "hold out more, or use a smaller context",
            );
        }
        Ok(task)
    }

    /// Tokens and their numbers.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.corpus.vocabulary
    }

    /// The text of these inputs, for example a column of [`Dataset::x`]; see [`Vocabulary::decode`].
    pub fn decode(&self, numbers: &[f64]) -> Result<String> {
        self.corpus.vocabulary.decode(numbers)
    }

    /// Number of tokens of the text.
    pub fn tokens(&self) -> usize {
        self.corpus.tokens.len()
    }

    /// Number of tokens in the training part.
    pub fn training(&self) -> usize {
        let total = self.tokens();
        total - (self.options.test_fraction * total as f64).round() as usize
    }

    /// Random windows of a part of the text, with their targets and where they start.
    fn windows(
        &self,
        rng: &mut Stream,
        part: &[u32],
        count: usize,
    ) -> (DMatrix<f64>, DMatrix<f64>, Vec<usize>) {
        let context = self.options.context;
        let size = self.corpus.vocabulary.size();
        let mut x = DMatrix::zeros(context, count);
        let mut y = DMatrix::zeros(self.shape().outputs, count);
        let mut starts = Vec::with_capacity(count);
        for sample in 0..count {
            let start = rng.random_range(0..part.len() - context);
            starts.push(start);
            let window = &part[start..=start + context];
            for (position, token) in window[..context].iter().enumerate() {
                x[(position, sample)] = f64::from(*token);
            }
            let followers = match self.options.predict {
                Predict::Last => &window[context..],
                Predict::Every => &window[1..],
            };
            for (position, token) in followers.iter().enumerate() {
                y[(position * size + *token as usize, sample)] = 1.0;
            }
        }
        (x, y, starts)
    }
}

fn read(options: &TextOptions) -> Result<Arc<Corpus>> {
    let contents = Contents::read(&options.path)?;
    let file = &contents.file;
    let text = match options.level {
        Level::Byte => Cow::Borrowed(without_mark(&contents.bytes)),
        Level::Character | Level::Word => match decode(file, &contents.bytes) {
            Ok(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
            Ok(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
            Err(Error::Input { place, cause, .. }) => {
                let remedy = "save the file as UTF-8, or use level = \"byte\"";
                return Err(Error::input(place, cause, remedy));
            }
            Err(other) => return Err(other),
        },
    };
    let bytes: &[u8] = &text;
    let content = blake3::hash(bytes).to_hex().to_string();
    let key = serde_json::json!([content, options.level, options.vocabulary]);
    CORPORA.get(key.to_string(), || {
        let vocabulary = Vocabulary::new(file, bytes, options.level, options.vocabulary)?;
        Ok(Corpus {
            tokens: vocabulary.encode(file, bytes)?,
            vocabulary,
            content,
        })
    })
}

impl Task for Text {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// The content of the text stands for its path.
    fn resolved(&self) -> serde_json::Value {
        serde_json::json!({
            "content": self.corpus.content,
            "level": self.options.level,
            "context": self.options.context,
            "samples": self.options.samples,
            "test_samples": self.options.test_samples,
            "test_fraction": self.options.test_fraction,
            "vocabulary": self.options.vocabulary,
            "predict": self.options.predict,
        })
    }

    fn shape(&self) -> Shape {
        let positions = match self.options.predict {
            Predict::Last => 1,
            Predict::Every => self.options.context,
        };
        Shape {
            inputs: self.options.context,
            outputs: positions * self.corpus.vocabulary.size(),
            samples: self.options.samples,
        }
    }

    fn draw(&self, rng: &mut Stream) -> Result<Dataset> {
        let [mut windows, mut held_out] = substreams(rng);
        let (training, held) = self.corpus.tokens.split_at(self.training());
        let (x, y, _) = self.windows(&mut windows, training, self.options.samples);
        let blocks = self.held_out().map_or(1, |h| h.blocks);
        // Windows that overlap are near each other: blocks are stretches of the text.
        let block = |start: &usize| (start * blocks / (held.len() - self.options.context)) as u32;
        let (test, blocks) = self
            .has_test()
            .then(|| self.windows(&mut held_out, held, self.options.test_samples))
            .map(|(x, y, starts)| ((x, y), starts.iter().map(block).collect()))
            .unzip();
        let modes = Modes {
            u: DMatrix::zeros(y.nrows(), 0),
            s: DVector::zeros(0),
            v: DMatrix::zeros(x.nrows(), 0),
        };
        Ok(Dataset {
            x,
            y,
            test,
            modes,
            groups: None,
            blocks,
        })
    }

    fn test_samples(&self) -> usize {
        self.options.test_samples
    }

    /// As many samples as windows that do not overlap.
    fn held_out(&self) -> Option<HeldOut> {
        let held = self.tokens() - self.training();
        self.has_test()
            .then(|| HeldOut::of(held / (self.options.context + 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::loader::tests::write;
    use super::*;
    use crate::numerics::random::stream;
    use tempfile::TempDir;

    /// 400 different characters, so that a character tells its place.
    fn text() -> String {
        (0..400)
            .filter_map(|k| char::from_u32(0x4e00 + k))
            .collect()
    }

    fn options(folder: &TempDir, text: &str) -> TextOptions {
        TextOptions {
            test_samples: 50,
            test_fraction: 0.25,
            ..TextOptions::new(write(folder, "a.txt", text.as_bytes()), 4, 200)
        }
    }

    fn open(options: TextOptions) -> Text {
        Text::open("task", options).unwrap()
    }

    fn draw(task: &Text) -> Dataset {
        task.draw(&mut stream(1, "dataset", &[0])).unwrap()
    }

    #[test]
    fn windows_are_pieces_of_their_part_with_the_tokens_that_follow() {
        let folder = TempDir::new().unwrap();
        let text = text();
        for predict in [Predict::Last, Predict::Every] {
            let task = open(TextOptions {
                predict,
                ..options(&folder, &text)
            });
            let data = draw(&task);
            let shape = task.shape();
            assert_eq!(data.x.shape(), (shape.inputs, shape.samples));
            assert_eq!(data.y.shape(), (shape.outputs, shape.samples));
            let test = data.test.unwrap();
            // Every character occurs once, in the order of its number: the text is 0, 1, 2, ...
            for (part, x, y) in [(0..300, &data.x, &data.y), (300..400, &test.0, &test.1)] {
                for (x, y) in x.column_iter().zip(y.column_iter()) {
                    let start = x[0] as usize;
                    assert!(part.contains(&start) && part.contains(&(start + 4)));
                    let tokens: Vec<f64> = (0..4).map(|k| (start + k) as f64).collect();
                    assert_eq!(x.as_slice(), tokens);
                    let window: String = text.chars().skip(start).take(4).collect();
                    assert_eq!(task.decode(x.as_slice()).unwrap(), window);
                    let wanted: Vec<usize> = match predict {
                        Predict::Last => vec![start + 4],
                        Predict::Every => (0..4).map(|k| 400 * k + start + k + 1).collect(),
                    };
                    let found: Vec<usize> = (0..y.len()).filter(|i| y[*i] != 0.0).collect();
                    assert_eq!(found, wanted);
                    assert_eq!(y.sum(), wanted.len() as f64);
                }
            }
        }
    }

    #[test]
    fn every_start_is_equally_likely() {
        let folder = TempDir::new().unwrap();
        let task = open(TextOptions {
            samples: 29_600,
            ..options(&folder, &text())
        });
        let mut counts = [0.0; 296];
        draw(&task)
            .x
            .row(0)
            .iter()
            .for_each(|s| counts[*s as usize] += 1.0);
        // chi^2 with 295 degrees of freedom, within 4 standard deviations.
        let chi2: f64 = counts
            .iter()
            .map(|n: &f64| (n - 100.0).powi(2) / 100.0)
            .sum();
        assert!((chi2 - 295.0).abs() < 4.0 * 590f64.sqrt(), "{chi2}");
    }

    #[test]
    fn a_small_data_set_is_the_beginning_of_a_larger_one() {
        let folder = TempDir::new().unwrap();
        let large = open(options(&folder, &text()));
        let small = open(TextOptions {
            samples: 20,
            test_samples: 5,
            ..options(&folder, &text())
        });
        assert!(Arc::ptr_eq(&large.corpus, &small.corpus), "read twice");
        let (a, b) = (draw(&small), draw(&large));
        assert_eq!(b, draw(&large));
        assert_eq!(
            (a.x, a.y),
            (b.x.columns(0, 20).into(), b.y.columns(0, 20).into())
        );
        let (a, b) = (a.test.unwrap(), b.test.unwrap());
        assert_eq!(
            (a.0, a.1),
            (b.0.columns(0, 5).into(), b.1.columns(0, 5).into())
        );
        let other = large.draw(&mut stream(1, "dataset", &[1])).unwrap();
        assert_ne!(other.x, draw(&large).x);
    }

    #[test]
    fn rare_words_share_a_token() {
        let folder = TempDir::new().unwrap();
        let text = "the cat and the dog and the owl ".repeat(5);
        let task = open(TextOptions {
            level: Level::Word,
            vocabulary: Some(2),
            context: 8,
            ..options(&folder, &text)
        });
        assert_eq!(task.vocabulary().tokens(), ["the", "and", UNKNOWN]);
        assert_eq!((task.tokens(), task.shape().outputs), (40, 3));
        assert_eq!(task.resolved()["vocabulary"], 2);
        let window = task.decode(draw(&task).x.column(0).as_slice()).unwrap();
        let cycle = ["the", UNKNOWN, "and", "the", UNKNOWN, "and", "the", UNKNOWN].join(" ");
        assert!(format!("{cycle} {cycle}").contains(&window), "{window}");
    }

    #[test]
    fn wrong_tables_and_files_name_their_place() {
        let folder = TempDir::new().unwrap();
        let path = write(&folder, "a.txt", "a b c d e f g h i j".as_bytes());
        let empty = write(&folder, "empty.txt", b"");
        let latin = write(&folder, "latin.txt", b"one\nna\xefve words");
        let base = format!("path = {path:?}\n");
        let sizes = "context = 3\nsamples = 5\n";
        for (table, wanted) in [
            (
                format!("{base}context = 0\nsamples = 5"),
                "task.context: is 0",
            ),
            (
                format!("{base}context = 3\nsamples = 0"),
                "task.samples: is 0",
            ),
            (format!("{base}context = 3"), "task"),
            (
                format!("{base}context = 17\nsamples = 5"),
                "task.context: a window and the token after it need 18 tokens",
            ),
            (
                format!("{base}{sizes}test_samples = 1"),
                "task.test_fraction: a window and the token after it need 4 tokens",
            ),
            (
                format!("{base}{sizes}test_fraction = 1.0"),
                "task.test_fraction: 1 is outside",
            ),
            (
                format!("{base}{sizes}vocabulary = 10"),
                "task.vocabulary: only",
            ),
            (
                format!("{base}{sizes}level = 'word'\nvocabulary = 0"),
                "task.vocabulary: is 0",
            ),
            (
                format!("{base}{sizes}level = 'words'"),
                "task.level: unknown value \"words\"",
            ),
            (
                format!("{base}{sizes}contexts = 3"),
                "task.contexts: unknown key",
            ),
            (
                format!("path = 'no/such.txt'\n{sizes}"),
                "task.path: no/such.txt: the data file cannot be read",
            ),
            (format!("path = {empty:?}\n{sizes}"), "task.path: "),
            (format!("path = {latin:?}\n{sizes}"), "task.path: "),
        ] {
            let message = parse("task", table.parse().unwrap())
                .unwrap_err()
                .to_string();
            assert!(message.starts_with(wanted), "{message}\n  for {wanted}");
            assert!(message.contains("\n  remedy: "), "{message}");
        }
        let latin = TextOptions::new(latin, 2, 1);
        let m = Text::open("task", latin.clone()).unwrap_err().to_string();
        assert!(
            m.contains("latin.txt: line 2, byte 6: 0xef is not UTF-8"),
            "{m}"
        );
        open(TextOptions {
            level: Level::Byte,
            ..latin
        });
    }

    /// A mark is no token, and a text is known by its characters, whatever they are encoded in.
    #[test]
    fn a_byte_order_mark_is_no_token() {
        let folder = TempDir::new().unwrap();
        let of = |name: &str, bytes: &[u8], level| {
            let path = write(&folder, name, bytes);
            let options = TextOptions {
                level,
                ..TextOptions::new(path, 2, 5)
            };
            open(options).resolved()
        };
        let plain = "n\u{e4}her und weiter";
        let marked = [b"\xef\xbb\xbf", plain.as_bytes()].concat();
        let units: Vec<u8> = plain.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let wide = [b"\xff\xfe", &units[..]].concat();
        for level in [Level::Byte, Level::Character, Level::Word] {
            let wanted = of("a.txt", plain.as_bytes(), level);
            assert_eq!(of("b.txt", &marked, level), wanted);
            if level != Level::Byte {
                assert_eq!(of("c.txt", &wide, level), wanted);
            }
        }
        let path = write(&folder, "d.txt", &marked);
        let task = open(TextOptions::new(path, 2, 5));
        assert_eq!(task.tokens(), plain.chars().count());
    }
}
