//! How numbers and columns are written in a csv file: separator, decimal sign, comments, header.
//!
//! What is not stated is found from the text. What the text leaves open is an error that names the key.

use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// So many lines tell the separator.
const LOOKED_AT: usize = 100;

/// What stands between two cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Separator {
    /// `,`
    #[serde(rename = ",")]
    Comma,
    /// `;`
    #[serde(rename = ";")]
    Semicolon,
    /// A tabulator, also written `"\t"`.
    #[serde(rename = "tab", alias = "\t")]
    Tab,
    /// Blanks and tabulators, one or several, as `numpy.savetxt` writes them; no cell is empty.
    #[serde(rename = "blank", alias = " ")]
    Blank,
}

impl Separator {
    /// Those that are a sign of their own.
    const SIGNS: [Separator; 3] = [Separator::Comma, Separator::Semicolon, Separator::Tab];

    pub(super) fn byte(self) -> u8 {
        match self {
            Separator::Comma => b',',
            Separator::Semicolon => b';',
            Separator::Tab | Separator::Blank => b'\t',
        }
    }

    /// As the key is written.
    fn name(self) -> &'static str {
        match self {
            Separator::Comma => ",",
            Separator::Semicolon => ";",
            Separator::Tab => "tab",
            Separator::Blank => "blank",
        }
    }
}

/// What stands between the whole part of a number and its fraction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Decimal {
    /// `1.5`
    #[default]
    #[serde(rename = ".")]
    Point,
    /// `1,5`
    #[serde(rename = ",")]
    Comma,
}

/// The keys `separator` and `decimal` of a table that names a csv file; what is `None` is found from the text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Dialect {
    /// Between two cells.
    pub separator: Option<Separator>,
    /// In a number.
    pub decimal: Option<Decimal>,
}

impl Dialect {
    /// Whether one of the keys is given.
    pub fn is_given(&self) -> bool {
        *self != Dialect::default()
    }
}

/// How a csv file was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Form {
    /// Between two cells.
    pub separator: Separator,
    /// In a number.
    pub decimal: Decimal,
    /// Lines that begin with `#` and were left out.
    pub comments: usize,
    /// The names of the columns stand in the last comment before the numbers.
    pub header_in_comment: bool,
    /// The file has no names: its columns are called x1, x2, ... and y, the last one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub without_header: bool,
}

impl Form {
    /// Commas between cells, points in numbers, no comments: what needs no word.
    pub fn is_plain(&self) -> bool {
        (self.separator, self.decimal) == (Separator::Comma, Decimal::Point)
            && self.comments == 0
            && !self.without_header
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "separated by {}", self.separator.name())?;
        f.write_str(match self.decimal {
            Decimal::Point => ", decimal point",
            Decimal::Comma => ", decimal comma",
        })?;
        if self.header_in_comment {
            f.write_str(", column names from a comment")?;
        }
        if self.without_header {
            f.write_str(", no header: the columns are called x1, x2, ... and y, the last one")?;
        }
        match self.comments - usize::from(self.header_in_comment) {
            0 => Ok(()),
            1 => f.write_str(", 1 line of comment left out"),
            n => write!(f, ", {n} lines of comments left out"),
        }
    }
}

/// The line that Excel puts before a table, `sep=;`: its separator, and the text with an empty line in its place.
pub(super) fn without_sep(text: Cow<str>) -> (Cow<str>, Option<Separator>) {
    let end = text.find('\n').unwrap_or(text.len());
    let sign = text[..end].trim_end_matches('\r').strip_prefix("sep=");
    let found = Separator::SIGNS
        .into_iter()
        .find(|s| sign.is_some_and(|sign| sign.as_bytes() == [s.byte()]));
    match found {
        Some(_) => (text[end..].to_string().into(), found),
        None => (text, None),
    }
}

/// Every run of blanks and tabulators as one tabulator, lines without those at their ends.
pub(super) fn tabulated(text: &str) -> String {
    let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join("\t");
    text.lines().map(|l| line(l) + "\n").collect()
}

/// Whether blanks make a table of the text: its lines have as many cells, more than one, and numbers below the header.
fn is_blank_separated(text: &str) -> bool {
    let start: Vec<&str> = text
        .lines()
        .filter(|l| !l.trim().is_empty())
        .take(LOOKED_AT)
        .collect();
    let tabulated = tabulated(&start.join("\n"));
    let rows = first(&tabulated, Separator::Tab);
    let header = usize::from(header_in_comment(&tabulated, Separator::Tab).is_none());
    let is_row = |row: &Vec<String>| row.len() > 1 && row.len() == rows[0].len();
    let is_number = |row: &Vec<String>| row.iter().any(|cell| is_numeric(cell));
    rows.len() > header && rows.iter().all(is_row) && rows.iter().skip(header).all(is_number)
}

/// A reader of the records of a text, the header among them.
pub(super) fn reader(text: &str, separator: Separator) -> ::csv::Reader<&[u8]> {
    builder(separator).from_reader(text.as_bytes())
}

fn builder(separator: Separator) -> ::csv::ReaderBuilder {
    let mut builder = ::csv::ReaderBuilder::new();
    builder
        .trim(::csv::Trim::All)
        .delimiter(separator.byte())
        .comment(Some(b'#'))
        .has_headers(false);
    builder
}

/// The first records of a text; empty where they cannot be read.
fn first(text: &str, separator: Separator) -> Vec<Vec<String>> {
    let mut builder = builder(separator);
    let mut reader = builder.flexible(true).from_reader(text.as_bytes());
    let records = reader.records().take(LOOKED_AT).map_while(|r| r.ok());
    records
        .map(|r| r.iter().map(String::from).collect())
        .collect()
}

/// Whether a cell begins like a number, or is written like one that is not finite.
pub(super) fn is_numeric(cell: &str) -> bool {
    let rest = cell.strip_prefix(['+', '-']).unwrap_or(cell);
    let rest = rest.strip_prefix(['.', ',']).unwrap_or(rest);
    rest.starts_with(|c: char| c.is_ascii_digit()) || cell.parse::<f64>().is_ok()
}

/// The separator of a text: the one that gives its header more than one cell. Where several do, those that give all
/// lines as many, and among these the one with the most numbers.
pub(super) fn separator(file: &str, text: &str, given: &Dialect) -> Result<Separator> {
    if let Some(separator) = given.separator {
        return Ok(separator);
    }
    let ambiguous =
        |cause: &str, remedy: &str| Err(Error::input(format!("{file}: header"), cause, remedy));
    let possible = Separator::SIGNS
        .into_iter()
        .filter(|s| (*s, given.decimal) != (Separator::Comma, Some(Decimal::Comma)));
    let mut found: Vec<(Separator, Vec<Vec<String>>)> = possible
        .map(|s| (s, first(text, s)))
        .filter(|(_, rows)| rows.first().is_some_and(|header| header.len() > 1))
        .collect();
    if found.is_empty() {
        let rows = first(text, Separator::Comma);
        let split = |row: &Vec<String>| row.len() > 1 && row.iter().all(|cell| is_numeric(cell));
        return match given.decimal {
            _ if is_blank_separated(text) => Ok(Separator::Blank),
            Some(Decimal::Comma) => Ok(Separator::Semicolon),
            _ if rows.iter().skip(1).any(split) => ambiguous(
                "the header has one column, and the numbers below have a comma: it may be a decimal comma, or names \
                 are missing",
                "write decimal = \",\" with the key of the file, or give every column a name",
            ),
            _ => Ok(Separator::Comma),
        };
    }
    let same = |rows: &[Vec<String>]| rows.windows(2).all(|w| w[0].len() == w[1].len());
    if found.iter().any(|(_, rows)| same(rows)) {
        found.retain(|(_, rows)| same(rows));
    }
    let numbers = |rows: &[Vec<String>]| -> usize {
        let cells = rows.iter().skip(1).flatten();
        cells
            .filter(|c| {
                number(c, Decimal::Point)
                    .or(number(c, Decimal::Comma))
                    .is_some()
            })
            .count()
    };
    let counts: Vec<usize> = found.iter().map(|(_, rows)| numbers(rows)).collect();
    let most = counts.iter().max();
    let mut best = found.iter().zip(&counts).filter(|(_, n)| Some(*n) == most);
    match (best.next(), best.next()) {
        (Some(((separator, _), _)), None) => Ok(*separator),
        _ => {
            let names: Vec<&str> = found.iter().map(|(s, _)| s.name()).collect();
            ambiguous(
                &format!("several separators are possible: {}", names.join("  ")),
                "write which one it is with the key of the file: separator = \",\", \";\", \"tab\" or \"blank\"",
            )
        }
    }
}

/// The header, where it stands in the last line of comment before numbers alone (as `numpy.savetxt` writes it).
pub(super) fn header_in_comment(text: &str, separator: Separator) -> Option<Vec<String>> {
    let mut lines = text.lines().filter(|l| !l.trim().is_empty()).peekable();
    let mut comment = None;
    while let Some(line) = lines.next_if(|l| l.starts_with('#')) {
        comment = Some(line);
    }
    let names = first(comment?.trim_start_matches('#').trim_start(), separator)
        .into_iter()
        .next()?;
    let numbers = first(lines.next()?, separator).into_iter().next()?;
    let fits = names.len() == numbers.len()
        && numbers.iter().all(|cell| is_numeric(cell))
        && names
            .iter()
            .all(|name| !name.is_empty() && !is_numeric(name));
    fits.then_some(names)
}

/// A cell as a number.
pub(super) fn number(cell: &str, decimal: Decimal) -> Option<f64> {
    match decimal {
        Decimal::Point => cell.parse().ok(),
        Decimal::Comma if !cell.contains(',') && !cell.contains('.') => cell.parse().ok(),
        Decimal::Comma if !cell.contains('.') => cell.replacen(',', ".", 1).parse().ok(),
        Decimal::Comma => None,
    }
}

/// Which decimal sign the cells have that were looked at.
#[derive(Default)]
pub(super) struct Signs {
    /// Line of the first number with a point.
    point: Option<u64>,
    /// Line of the first number with a comma.
    comma: Option<u64>,
    /// A comma that does not set off three digits.
    is_decimal: bool,
}

impl Signs {
    pub fn look(&mut self, line: u64, cell: &str) {
        if cell.contains(',') && number(cell, Decimal::Comma).is_some() {
            self.comma.get_or_insert(line);
            self.is_decimal |= !is_grouped(cell);
        } else if cell.contains('.') && number(cell, Decimal::Point).is_some() {
            self.point.get_or_insert(line);
        }
    }

    pub fn decimal(&self, file: &str) -> Result<Decimal> {
        let ambiguous = |cause: String| {
            Err(Error::input(
                file,
                cause,
                "write which one it is with the key of the file: decimal = \",\" or \".\"",
            ))
        };
        match (self.comma, self.point) {
            (None, _) => Ok(Decimal::Point),
            (Some(comma), Some(point)) => ambiguous(format!(
                "line {comma} has a number with a comma, line {point} one with a point: the decimal sign may be either"
            )),
            (Some(comma), None) if !self.is_decimal => ambiguous(format!(
                "line {comma} has a number with a comma before three digits, as all others have: it may be a decimal \
                 comma or stand between thousands"
            )),
            (Some(_), None) => Ok(Decimal::Comma),
        }
    }
}

/// `12,345`: a comma that may stand between thousands.
fn is_grouped(cell: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let cell = cell.strip_prefix(['+', '-']).unwrap_or(cell);
    cell.split_once(',').is_some_and(|(whole, rest)| {
        (1..=3).contains(&whole.len())
            && !whole.starts_with('0')
            && rest.len() == 3
            && digits(whole)
            && digits(rest)
    })
}
