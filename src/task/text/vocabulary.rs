//! Tokens of a text and their numbers: bytes, characters or words, by falling frequency.

use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What a token is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// One of the 256 values of a byte.
    Byte,
    /// A Unicode character.
    #[default]
    Character,
    /// A run of letters, digits and apostrophes, or any other visible character; white space only separates.
    Word,
}

/// Name of the token that stands for every word outside a capped vocabulary; no word is written like it.
pub const UNKNOWN: &str = "<unknown>";

/// The tokens of a text, numbered by falling frequency; equally frequent ones by their bytes.
///
/// ```
/// use saddlepoint::task::text::{Level, Vocabulary};
/// let text = b"to be, or not to be";
/// let words = Vocabulary::new("hamlet", text, Level::Word, Some(2))?;
/// assert_eq!(words.tokens(), ["be", "to", "<unknown>"]);
/// assert_eq!(words.encode("hamlet", text)?, [1, 0, 2, 2, 2, 1, 0]);
/// let letters = Vocabulary::new("hamlet", text, Level::Character, None)?;
/// assert_eq!(letters.decode(&[4.0, 3.0, 2.0, 0.0])?, "ebt ");
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Vocabulary {
    level: Level,
    tokens: Vec<Vec<u8>>,
    /// The last token is [`UNKNOWN`].
    capped: bool,
}

impl Vocabulary {
    /// All tokens of the text, or (`most`) the most frequent ones and [`UNKNOWN`] if there are more; `file` is its name in
    /// messages.
    ///
    /// Errors: an empty text; bytes that are not UTF-8 where tokens are characters or words, with line and byte offset.
    pub fn new(file: &str, text: &[u8], level: Level, most: Option<usize>) -> Result<Self> {
        let mut counts: HashMap<&[u8], usize> = HashMap::new();
        for piece in pieces(file, text, level)? {
            *counts.entry(piece).or_default() += 1;
        }
        if counts.is_empty() {
            return Err(Error::input(
                format!("{file}: byte {}", text.len()),
                "the text ends before its first token",
                "give a file with text",
            ));
        }
        let mut counts: Vec<(&[u8], usize)> = counts.into_iter().collect();
        counts.sort_unstable_by(|(a, n), (b, m)| m.cmp(n).then(a.cmp(b)));
        let mut tokens: Vec<Vec<u8>> = counts.iter().map(|(piece, _)| piece.to_vec()).collect();
        let capped = most.is_some_and(|most| most < tokens.len());
        if capped {
            tokens.truncate(most.unwrap_or(0));
            tokens.push(UNKNOWN.into());
        }
        Ok(Vocabulary {
            level,
            tokens,
            capped,
        })
    }

    /// Number of tokens, [`UNKNOWN`] included.
    pub fn size(&self) -> usize {
        self.tokens.len()
    }

    /// The tokens in the order of their numbers; a byte that is no character by itself is shown as the replacement character.
    pub fn tokens(&self) -> Vec<String> {
        let shown = |token: &Vec<u8>| String::from_utf8_lossy(token).into_owned();
        self.tokens.iter().map(shown).collect()
    }

    /// The numbers of the tokens of a text.
    ///
    /// Errors: bytes that are not UTF-8 where tokens are characters or words; a token outside an uncapped vocabulary.
    pub fn encode(&self, file: &str, text: &[u8]) -> Result<Vec<u32>> {
        let known = self.tokens.len() - usize::from(self.capped);
        let numbers: HashMap<&[u8], u32> = (0..)
            .zip(&self.tokens[..known])
            .map(|(number, token)| (token.as_slice(), number))
            .collect();
        let unknown = self.capped.then_some(known as u32);
        pieces(file, text, self.level)?
            .map(|piece| {
                numbers.get(piece).copied().or(unknown).ok_or_else(|| {
                    Error::input(
                        file,
                        format!("\"{}\" is not in the vocabulary", piece.escape_ascii()),
                        "make the vocabulary from a text that has it",
                    )
                })
            })
            .collect()
    }

    /// The text of these token numbers, as [`Dataset::x`](super::super::Dataset) holds them; words are joined by spaces, bytes
    /// that are not UTF-8 become replacement characters.
    ///
    /// Errors: a number that no token has.
    pub fn decode(&self, numbers: &[f64]) -> Result<String> {
        let mut text = Vec::new();
        for (k, number) in numbers.iter().enumerate() {
            let token = match number.fract() == 0.0 && *number >= 0.0 {
                true => self.tokens.get(*number as usize),
                false => None,
            };
            let token = token.ok_or_else(|| {
                Error::input(
                    format!("token {k} (from 0)"),
                    format!("{number} is not one of {} token numbers", self.size()),
                    "give whole numbers from 0",
                )
            })?;
            if self.level == Level::Word && k > 0 {
                text.push(b' ');
            }
            text.extend_from_slice(token);
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

type Pieces<'a> = Box<dyn Iterator<Item = &'a [u8]> + 'a>;

/// The tokens of a text, in order.
fn pieces<'a>(file: &str, text: &'a [u8], level: Level) -> Result<Pieces<'a>> {
    Ok(match level {
        Level::Byte => Box::new(text.chunks_exact(1)),
        Level::Character => {
            let starts = utf8(file, text)?.char_indices();
            Box::new(starts.map(move |(at, c)| &text[at..at + c.len_utf8()]))
        }
        Level::Word => Box::new(words(utf8(file, text)?).map(str::as_bytes)),
    })
}

fn utf8<'a>(file: &str, text: &'a [u8]) -> Result<&'a str> {
    std::str::from_utf8(text).map_err(|e| {
        let at = e.valid_up_to();
        let line = 1 + text[..at].iter().filter(|b| **b == b'\n').count();
        Error::input(
            format!("{file}: line {line}, byte {at}"),
            format!("{:#04x} is not UTF-8 here", text[at]),
            "save the file as UTF-8, or use level = \"byte\"",
        )
    })
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let of_word = |c: char| c.is_alphanumeric() || c == '\'';
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let end = match of_word(first) {
            true => rest.find(|c| !of_word(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (word, tail) = rest.split_at(end);
        rest = tail;
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Äpfel, don't fall —\n\tfar; far!";

    fn all(vocabulary: &Vocabulary, text: &str) -> String {
        let numbers = vocabulary.encode("a", text.as_bytes()).unwrap();
        let numbers: Vec<f64> = numbers.into_iter().map(f64::from).collect();
        vocabulary.decode(&numbers).unwrap()
    }

    #[test]
    fn bytes_and_characters_decode_to_the_text_and_words_up_to_white_space() {
        for level in [Level::Byte, Level::Character] {
            let vocabulary = Vocabulary::new("a", TEXT.as_bytes(), level, None).unwrap();
            assert_eq!(all(&vocabulary, TEXT), TEXT);
        }
        let words = Vocabulary::new("a", TEXT.as_bytes(), Level::Word, None).unwrap();
        assert_eq!(all(&words, TEXT), "Äpfel , don't fall — far ; far !");
    }

    #[test]
    fn tokens_are_ordered_by_frequency_then_bytes() {
        let of = |text: &str, level, most| {
            Vocabulary::new("a", text.as_bytes(), level, most)
                .unwrap()
                .tokens()
        };
        assert_eq!(of("cabbac c", Level::Character, None), ["c", "a", "b", " "]);
        assert_eq!(of("b a b c a", Level::Word, None), ["a", "b", "c"]);
        assert_eq!(of("b a b c a", Level::Word, Some(3)), ["a", "b", "c"]);
        assert_eq!(of("b a b c a", Level::Word, Some(2)), ["a", "b", UNKNOWN]);
        let capped = Vocabulary::new("a", b"b a b c a", Level::Word, Some(1)).unwrap();
        assert_eq!(capped.encode("a", b"a z b").unwrap(), [0, 1, 1]);
    }

    #[test]
    fn what_has_no_token_is_an_error_with_a_place() {
        let message = |text: &[u8], level| {
            Vocabulary::new("a.txt", text, level, None)
                .unwrap_err()
                .to_string()
        };
        let m = message(b"one\ntwo \xff three", Level::Word);
        assert!(
            m.starts_with("a.txt: line 2, byte 8: 0xff is not UTF-8"),
            "{m}"
        );
        assert!(
            message("ä".as_bytes().split_last().unwrap().1, Level::Character)
                .contains("line 1, byte 0")
        );
        assert!(message(b"", Level::Byte).starts_with("a.txt: byte 0: the text ends"));
        assert!(message(b" \n ", Level::Word).starts_with("a.txt: byte 3: the text ends"));
        let bytes = Vocabulary::new("a", b"\xff\xfe", Level::Byte, None).unwrap();
        assert_eq!(bytes.size(), 2);
        assert!(bytes.encode("a", b"z").is_err());
        for number in [-1.0, 0.5, 2.0, f64::NAN, 1e300] {
            let m = bytes.decode(&[0.0, number]).unwrap_err().to_string();
            assert!(m.starts_with("token 1 (from 0): "), "{m}");
        }
    }
}
