//! csv: a header line and one sample per row.

use super::dialect::{self, Decimal, Dialect, Form, Separator, Signs};
use super::{Columns, Targets};
use crate::error::{Error, Result};
use crate::numerics::text::{decode, names, shown};
use nalgebra::DMatrix;
use std::borrow::Cow;

/// The chosen columns of a file.
pub(super) struct Table {
    pub x: DMatrix<f64>,
    pub y: Targets,
    /// Names of the inputs and of the targets.
    pub columns: [Vec<String>; 2],
    pub form: Form,
}

/// A csv file whose header is read.
pub(super) struct Sheet<'a> {
    file: &'a str,
    text: Cow<'a, str>,
    separator: Separator,
    decimal: Option<Decimal>,
    pub header: Vec<String>,
    header_in_comment: bool,
    /// The first line is numbers: the columns are called x1, x2, ... and y.
    pub without_header: bool,
}

/// Inputs and targets of the chosen columns, whose names stand beside them; samples are columns of the matrices.
/// `as_names` says that the one target is the name of a class, whatever its cells look like.
pub(super) fn read(
    file: &str,
    bytes: &[u8],
    dialect: &Dialect,
    [inputs, targets]: [&Columns; 2],
    as_names: bool,
) -> Result<Table> {
    let sheet = Sheet::open(file, bytes, dialect)?;
    let header = &sheet.header;
    let input_columns = choose(file, header, inputs, "inputs")?;
    let target_columns = choose(file, header, targets, "targets")?;
    if let Some(&both) = input_columns.iter().find(|c| target_columns.contains(c)) {
        return Err(Error::input(
            format!("{file}: column \"{}\"", shown(&header[both])),
            "it is both an input and a target",
            "name the columns in inputs = [...] and targets = [...]",
        ));
    }
    let all = [&input_columns[..], &target_columns].concat();
    let form = sheet.form(&all)?;
    let remedy = match form.decimal {
        Decimal::Point => {
            "write numbers with a decimal point; choose other columns with inputs and targets"
        }
        Decimal::Comma => {
            "write numbers with a decimal comma; choose other columns with inputs and targets"
        }
    };
    let (mut x, mut samples) = (Vec::new(), 0);
    let (mut y, mut texts) = (Vec::new(), Vec::new());
    // Names, as long as no cell is like a number.
    let mut named = target_columns.len() == 1;
    sheet.each(|line, record| {
        for &column in &input_columns {
            let cell = &record[column];
            x.push(number(
                file,
                line,
                &header[column],
                cell,
                form.decimal,
                remedy,
            )?);
        }
        samples += 1;
        match target_columns[..] {
            [column] if named => {
                let cell = &record[column];
                texts.push((line, cell.to_string()));
                named = as_names || !(cell.is_empty() || dialect::is_numeric(cell));
            }
            _ => {
                for &column in &target_columns {
                    let cell = &record[column];
                    y.push(number(
                        file,
                        line,
                        &header[column],
                        cell,
                        form.decimal,
                        remedy,
                    )?);
                }
            }
        }
        Ok(())
    })?;
    let y = match (named && samples > 0, &target_columns[..]) {
        (true, [column, ..]) => {
            if let Some((line, _)) = texts.iter().find(|(_, text)| text.is_empty()) {
                return Err(Error::input(
                    format!(
                        "{file}: line {line}, column \"{}\"",
                        shown(&header[*column])
                    ),
                    "the cell is empty: the sample has no class",
                    "remove the row or fill in the name of its class",
                ));
            }
            Targets::Names(texts.into_iter().map(|(_, text)| text).collect())
        }
        _ => {
            // The rows before the first cell that was like a number.
            let mut first = Vec::with_capacity(texts.len());
            for (line, text) in &texts {
                let name = &header[target_columns[0]];
                first.push(number(
                    file,
                    *line,
                    name,
                    text,
                    form.decimal,
                    NAMES_OR_NUMBERS,
                )?);
            }
            first.append(&mut y);
            Targets::Numbers(DMatrix::from_vec(target_columns.len(), samples, first))
        }
    };
    let called = |columns: &[usize]| columns.iter().map(|&c| header[c].clone()).collect();
    Ok(Table {
        columns: [called(&input_columns), called(&target_columns)],
        x: DMatrix::from_vec(input_columns.len(), samples, x),
        y,
        form,
    })
}

const NAMES_OR_NUMBERS: &str = "write numbers with a decimal point; where some names of classes begin \
                                like numbers, name the classes: classes = [\"...\"]";

/// Names of the chosen columns.
pub(super) fn named(
    file: &str,
    bytes: &[u8],
    dialect: &Dialect,
    columns: &Columns,
    key: &str,
) -> Result<Vec<String>> {
    let sheet = Sheet::open(file, bytes, dialect)?;
    let chosen = choose(file, &sheet.header, columns, key)?.into_iter();
    Ok(chosen.map(|column| sheet.header[column].clone()).collect())
}

impl<'a> Sheet<'a> {
    /// Decodes the text and reads the header.
    pub fn open(file: &'a str, bytes: &'a [u8], dialect: &Dialect) -> Result<Sheet<'a>> {
        let (mut text, stated) = dialect::without_sep(decode(file, bytes)?);
        let dialect = Dialect {
            separator: dialect.separator.or(stated),
            ..*dialect
        };
        let separator = dialect::separator(file, &text, &dialect)?;
        if separator == Separator::Blank {
            text = dialect::tabulated(&text).into();
        }
        let in_comment = dialect::header_in_comment(&text, separator);
        let header_in_comment = in_comment.is_some();
        let header = match in_comment {
            Some(header) => header,
            None => match dialect::reader(&text, separator).records().next() {
                Some(header) => {
                    let header = header.map_err(|e| csv_error(file, &text, &e))?;
                    header.iter().map(String::from).collect()
                }
                None => vec![],
            },
        };
        let is_number = |cell: &String| {
            let number = |decimal| dialect::number(cell, decimal).is_some();
            number(Decimal::Point) || number(Decimal::Comma)
        };
        let without_header = !header_in_comment && header.len() > 1 && header.iter().all(is_number);
        let header = match without_header {
            false => header,
            true => {
                let inputs = (1..header.len()).map(|k| format!("x{k}"));
                inputs.chain(["y".to_string()]).collect()
            }
        };
        Ok(Sheet {
            file,
            text,
            separator,
            decimal: dialect.decimal,
            header,
            header_in_comment,
            without_header,
        })
    }

    /// The form of the file, as far as these columns tell.
    pub fn form(&self, columns: &[usize]) -> Result<Form> {
        let quoted = || self.separator != Separator::Comma || self.text.contains('"');
        let decimal = match self.decimal {
            Some(decimal) => decimal,
            None if quoted() => {
                let mut signs = Signs::default();
                self.each(|line, record| {
                    columns.iter().for_each(|&c| signs.look(line, &record[c]));
                    Ok(())
                })?;
                signs.decimal(self.file)?
            }
            None => Decimal::Point,
        };
        Ok(Form {
            separator: self.separator,
            decimal,
            comments: self.text.lines().filter(|l| l.starts_with('#')).count(),
            header_in_comment: self.header_in_comment,
            without_header: self.without_header,
        })
    }

    /// Every row below the header, with its line.
    pub fn each(
        &self,
        mut look: impl FnMut(u64, &::csv::StringRecord) -> Result<()>,
    ) -> Result<()> {
        let mut reader = dialect::reader(&self.text, self.separator);
        let wrong = |e: ::csv::Error| csv_error(self.file, &self.text, &e);
        let mut record = ::csv::StringRecord::new();
        if !self.header_in_comment && !self.without_header {
            reader.read_record(&mut record).map_err(wrong)?;
        }
        while reader.read_record(&mut record).map_err(wrong)? {
            look(
                record.position().map_or(0, |p| line(&self.text, p)),
                &record,
            )?;
        }
        Ok(())
    }
}

/// Places of the columns that `key` of the spec asks for.
fn choose(file: &str, header: &[String], columns: &Columns, key: &str) -> Result<Vec<usize>> {
    let missing = |what: String, wanted: &str| {
        Error::input(
            format!("{file}: header"),
            format!("{what}; the columns are {}", names(header, wanted)),
            "give the file a header line, or name the columns in inputs = [...] and targets = [...]",
        )
    };
    let at = |chosen: &dyn Fn(&str) -> bool| -> Vec<usize> {
        (0..header.len()).filter(|&i| chosen(&header[i])).collect()
    };
    let found = match columns {
        Columns::Prefix(prefix) => {
            let exact = at(&|name| name == prefix);
            let found = match exact.is_empty() {
                true => at(&|name| is_numbered(name, prefix)),
                false => exact,
            };
            if found.is_empty() {
                let cause =
                    format!("no column is called \"{prefix}\", or \"{prefix}\" and a number");
                return Err(missing(cause, prefix));
            }
            found
        }
        Columns::Names(names) if names.is_empty() => {
            return Err(missing("no column is chosen".into(), ""));
        }
        Columns::Names(names) => {
            let mut found = Vec::new();
            for name in names {
                let here = at(&|column| column == name);
                if here.is_empty() {
                    return Err(missing(
                        format!("no column is called \"{}\"", shown(name)),
                        name,
                    ));
                }
                found.extend(here);
            }
            found
        }
    };
    let mut first = std::collections::HashMap::new();
    for (place, name) in header.iter().enumerate() {
        first.entry(name.as_str()).or_insert([place; 2])[1] = place;
    }
    let mut before = std::collections::HashSet::new();
    for &column in &found {
        let name = &header[column];
        let twice = |cause: String, remedy: &str| {
            Err(Error::input(
                format!("{file}: column \"{}\"", shown(name)),
                cause,
                remedy,
            ))
        };
        if !before.insert(column) {
            return twice(
                format!("{key} names it twice"),
                &format!("name it once in {key} = [...]"),
            );
        }
        if let Some([one, other]) = first.get(name.as_str()).filter(|[a, b]| a != b) {
            return twice(
                format!(
                    "the header has two columns of this name, number {} and number {}",
                    one + 1,
                    other + 1
                ),
                "give every column of the header a name of its own",
            );
        }
    }
    Ok(found)
}

/// The prefix and a whole number: `y1`, `y2`, ...
fn is_numbered(name: &str, prefix: &str) -> bool {
    let rest = name.strip_prefix(prefix).unwrap_or("");
    !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit())
}

/// A cell as a finite number; `remedy` is for one that is none.
pub(super) fn number(
    file: &str,
    line: u64,
    column: &str,
    text: &str,
    decimal: Decimal,
    remedy: &str,
) -> Result<f64> {
    let wrong = |cause: &str, remedy: &str| {
        Err(Error::input(
            format!("{file}: line {line}, column \"{}\"", shown(column)),
            format!("\"{}\" {cause}", shown(text)),
            remedy,
        ))
    };
    match (dialect::number(text, decimal), decimal) {
        (Some(value), _) if value.is_finite() => Ok(value),
        (Some(_), _) => wrong("is not finite", "remove the row or fill in a value"),
        (None, Decimal::Point) if dialect::number(text, Decimal::Comma).is_some() => wrong(
            "is not a number with a decimal point",
            "write decimal = \",\" with the key of the file, or numbers with a point",
        ),
        (None, Decimal::Comma) if dialect::number(text, Decimal::Point).is_some() => wrong(
            "is not a number with a decimal comma",
            "write decimal = \".\" with the key of the file, or all numbers with a comma",
        ),
        (None, _) => wrong("is not a number", remedy),
    }
}

/// Line of a record, whose position the reader gives before the blank lines and the comments that it skips.
fn line(text: &str, position: &::csv::Position) -> u64 {
    let mut rest = text
        .as_bytes()
        .get(position.byte() as usize..)
        .unwrap_or(&[]);
    let mut line = position.line();
    loop {
        rest = match rest {
            [b'\n', rest @ ..] => {
                line += 1;
                rest
            }
            [b'\r', rest @ ..] => rest,
            [b'#', ..] => {
                let end = rest.iter().position(|b| *b == b'\n');
                end.map_or(&[][..], |end| &rest[end..])
            }
            _ => return line,
        };
    }
}

fn csv_error(file: &str, text: &str, error: &::csv::Error) -> Error {
    let place = match error.position() {
        Some(p) => format!("{file}: line {}", line(text, p)),
        None => file.to_string(),
    };
    match error.kind() {
        ::csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => Error::input(
            place,
            format!("{len} cells where the rows above have {expected_len}"),
            "give every row as many cells as the header; separator = \";\" and decimal = \",\" say how cells and \
             numbers are written",
        ),
        _ => Error::input(place, error.to_string(), "save the file as UTF-8 csv"),
    }
}
