//! Text of the user's files: one decoding for all of them, and how names from a file are shown in messages.

use crate::error::{Error, Result};
use std::borrow::Cow;

/// Lists of names longer than this are shortened in messages.
const FEW: usize = 12;

/// So many names of a long list are told.
const NEAREST: usize = 3;

/// Longer names are cut in messages.
const LONGEST: usize = 48;

/// The bytes of a text file as text. A byte order mark in front is left out; with the mark of UTF-16, in either order
/// of bytes, the text is decoded from it; everything else is UTF-8. Line ends stay as they are.
///
/// Errors: bytes that are neither, with line and byte offset (from 0); `file` is the name in messages.
///
/// ```
/// use saddlepoint::numerics::text::decode;
/// assert_eq!(decode("a", b"x,y")?, "x,y");
/// assert_eq!(decode("a", b"\xef\xbb\xbfx,y")?, "x,y");
/// assert_eq!(decode("a", b"\xff\xfex\0,\0y\0")?, "x,y");
/// assert!(decode("a", b"x,\xe4").is_err());
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn decode<'a>(file: &str, bytes: &'a [u8]) -> Result<Cow<'a, str>> {
    let wrong = |at: usize, cause: &str| {
        let line = 1 + bytes[..at].iter().filter(|b| **b == b'\n').count();
        Err(Error::input(
            format!("{file}: line {line}, byte {at}"),
            cause,
            "save the file as text in UTF-8",
        ))
    };
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => wrong(0, "the text is UTF-32"),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)
            .map(Cow::Owned)
            .or_else(|at| wrong(2 + at, "half a character of UTF-16")),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)
            .map(Cow::Owned)
            .or_else(|at| wrong(2 + at, "half a character of UTF-16")),
        [0, ..] | [_, 0, ..] => {
            let at = usize::from(bytes[0] != 0);
            wrong(
                at,
                "a zero byte: no text, or UTF-16 without its byte order mark",
            )
        }
        _ => {
            let mark = without_mark(bytes);
            std::str::from_utf8(mark).map(Cow::Borrowed).or_else(|e| {
                let at = bytes.len() - mark.len() + e.valid_up_to();
                wrong(at, &format!("{:#04x} is not UTF-8 here", bytes[at]))
            })
        }
    }
}

/// The bytes behind a byte order mark of UTF-8, where there is one.
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Decoded text, or the byte at which a character is not whole.
fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> std::result::Result<String, usize> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(pairs.len());
    let mut at = 0;
    for character in char::decode_utf16(pairs.iter().map(|p| unit(*p))) {
        let character = character.map_err(|_| at)?;
        at += 2 * character.len_utf16();
        text.push(character);
    }
    match rest.is_empty() {
        true => Ok(text),
        false => Err(at),
    }
}

/// A name from a file as a message shows it: control characters escaped, the end of a long one left out.
pub fn shown(name: &str) -> String {
    let mut text = String::new();
    for (k, c) in name.chars().enumerate() {
        if k == LONGEST {
            return text + "...";
        }
        match c.is_control() || matches!(c, '\u{feff}' | '\u{202a}'..='\u{202e}') {
            true => text.extend(c.escape_unicode()),
            false => text.push(c),
        }
    }
    text
}

/// Names from a file as a message lists them: all of a few, or those nearest to `wanted` and how many more there are.
pub fn names<S: AsRef<str>>(all: &[S], wanted: &str) -> String {
    let join = |some: &[&str]| {
        let some: Vec<String> = some.iter().map(|n| shown(n)).collect();
        some.join(", ")
    };
    let mut every: Vec<&str> = all.iter().map(AsRef::as_ref).collect();
    if every.len() <= FEW {
        return join(&every);
    }
    let cut = |name: &str| name.chars().take(LONGEST).collect::<String>();
    let wanted = cut(wanted);
    every.sort_by_cached_key(|name| strsim::damerau_levenshtein(&cut(name), &wanted));
    format!(
        "{} and {} more",
        join(&every[..NEAREST]),
        every.len() - NEAREST
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "näher, 1\r\n𝛼 = 2\n";

    #[test]
    fn one_text_in_every_encoding_is_one_text() {
        let units: Vec<u16> = TEXT.encode_utf16().collect();
        let encoded = |mark: &[u8], unit: fn(u16) -> [u8; 2]| {
            [
                mark,
                &units.iter().flat_map(|u| unit(*u)).collect::<Vec<u8>>(),
            ]
            .concat()
        };
        for bytes in [
            TEXT.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", TEXT.as_bytes()].concat(),
            encoded(b"\xff\xfe", u16::to_le_bytes),
            encoded(b"\xfe\xff", u16::to_be_bytes),
        ] {
            assert_eq!(decode("a", &bytes).unwrap(), TEXT);
        }
        assert_eq!(decode("a", b"").unwrap(), "");
    }

    #[test]
    fn what_is_no_text_names_its_byte() {
        for (bytes, wanted) in [
            (
                &b"one\nna\xefve"[..],
                "a: line 2, byte 6: 0xef is not UTF-8",
            ),
            (b"\xef\xbb\xbfx\xff", "a: line 1, byte 4: 0xff is not UTF-8"),
            (b"\xff\xfex\0\x00\xd8y\0", "byte 4: half a character"),
            (b"\xff\xfex\0y", "byte 4: half a character"),
            (b"x\0,\0", "byte 1: a zero byte"),
            (b"\xff\xfe\0\0x\0\0\0", "byte 0: the text is UTF-32"),
        ] {
            let message = decode("a", bytes).unwrap_err().to_string();
            assert!(message.contains(wanted), "{message}");
            assert!(message.contains("remedy: save the file"), "{message}");
        }
    }

    #[test]
    fn long_lists_and_long_names_are_cut_and_control_characters_escaped() {
        let all: Vec<String> = (0..500).map(|k| format!("column{k}")).collect();
        let text = names(&all, "kolumn42");
        assert!(text.starts_with("column42, "), "{text}");
        assert!(text.ends_with(" and 497 more"), "{text}");
        assert_eq!(names(&["a", "b\u{1b}[1m"], "x"), "a, b\\u{1b}[1m");
        assert_eq!(shown(&"x".repeat(100_000)).len(), LONGEST + 3);
    }
}
