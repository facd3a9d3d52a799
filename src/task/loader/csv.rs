//! csv: a header line and one sample per row.

use super::Columns;
use crate::error::{Error, Result};
use nalgebra::DMatrix;

/// The chosen columns of a file.
pub(super) struct Table {
    pub x: DMatrix<f64>,
    pub y: DMatrix<f64>,
    /// Names of the inputs and of the targets.
    pub columns: [Vec<String>; 2],
}

/// Inputs and targets of the chosen columns, whose names stand beside them; samples are columns of the matrices.
pub(super) fn read(file: &str, bytes: &[u8], inputs: &Columns, targets: &Columns) -> Result<Table> {
    let (mut reader, header) = open(file, bytes)?;
    let input_columns = choose(file, &header, inputs, "inputs")?;
    let target_columns = choose(file, &header, targets, "targets")?;
    if let Some(&both) = input_columns.iter().find(|c| target_columns.contains(c)) {
        return Err(Error::input(
            format!("{file}: column \"{}\"", header[both]),
            "it is both an input and a target",
            "name the columns in inputs = [...] and targets = [...]",
        ));
    }
    let (mut x, mut y, mut samples) = (Vec::new(), Vec::new(), 0);
    for record in reader.records() {
        let record = record.map_err(|e| csv_error(file, bytes, &e))?;
        let line = record.position().map_or(0, |p| line(bytes, p));
        let cell = |column: usize| {
            let remedy =
                "write numbers with a decimal point; choose other columns with inputs and targets";
            number(file, line, &header[column], &record[column], remedy)
        };
        for &column in &input_columns {
            x.push(cell(column)?);
        }
        for &column in &target_columns {
            y.push(cell(column)?);
        }
        samples += 1;
    }
    let names = |columns: &[usize]| columns.iter().map(|&c| header[c].clone()).collect();
    Ok(Table {
        columns: [names(&input_columns), names(&target_columns)],
        x: DMatrix::from_vec(input_columns.len(), samples, x),
        y: DMatrix::from_vec(target_columns.len(), samples, y),
    })
}

/// Names of the chosen columns.
pub(super) fn named(file: &str, bytes: &[u8], columns: &Columns, key: &str) -> Result<Vec<String>> {
    let (_, header) = open(file, bytes)?;
    let chosen = choose(file, &header, columns, key)?.into_iter();
    Ok(chosen.map(|column| header[column].clone()).collect())
}

/// A reader behind the header line, and the header.
pub(super) fn open<'a>(
    file: &str,
    bytes: &'a [u8],
) -> Result<(::csv::Reader<&'a [u8]>, Vec<String>)> {
    let mut reader = ::csv::ReaderBuilder::new()
        .trim(::csv::Trim::All)
        .from_reader(bytes);
    let header = reader.headers().map_err(|e| csv_error(file, bytes, &e))?;
    let header = header.iter().map(String::from).collect();
    Ok((reader, header))
}

/// Places of the columns that `key` of the spec asks for.
fn choose(file: &str, header: &[String], columns: &Columns, key: &str) -> Result<Vec<usize>> {
    let missing = |what: String| {
        Error::input(
            format!("{file}: header"),
            format!("{what}; the columns are {}", header.join(", ")),
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
                return Err(missing(format!(
                    "no column is called \"{prefix}\", or \"{prefix}\" and a number"
                )));
            }
            found
        }
        Columns::Names(names) if names.is_empty() => {
            return Err(missing("no column is chosen".into()));
        }
        Columns::Names(names) => {
            let mut found = Vec::new();
            for name in names {
                let here = at(&|column| column == name);
                if here.is_empty() {
                    return Err(missing(format!("no column is called \"{name}\"")));
                }
                found.extend(here);
            }
            found
        }
    };
    for (k, &column) in found.iter().enumerate() {
        let name = &header[column];
        let twice = |cause: String, remedy: &str| {
            Err(Error::input(
                format!("{file}: column \"{name}\""),
                cause,
                remedy,
            ))
        };
        if found[..k].contains(&column) {
            return twice(
                format!("{key} names it twice"),
                &format!("name it once in {key} = [...]"),
            );
        }
        if let Some(other) = header
            .iter()
            .position(|h| h == name)
            .filter(|o| *o != column)
        {
            return twice(
                format!(
                    "the header has two columns of this name, number {} and number {}",
                    other + 1,
                    column + 1
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
pub(super) fn number(file: &str, line: u64, column: &str, text: &str, remedy: &str) -> Result<f64> {
    let place = || format!("{file}: line {line}, column \"{column}\"");
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(Error::input(
            place(),
            format!("\"{text}\" is not finite"),
            "remove the row or fill in a value",
        )),
        Err(_) => Err(Error::input(
            place(),
            format!("\"{text}\" is not a number"),
            remedy,
        )),
    }
}

/// Line of a record, whose position the reader gives before the blank lines that it skips.
pub(super) fn line(bytes: &[u8], position: &::csv::Position) -> u64 {
    let rest = bytes.get(position.byte() as usize..).unwrap_or(&[]);
    let skipped = rest
        .iter()
        .take_while(|b| matches!(b, b'\r' | b'\n'))
        .filter(|b| **b == b'\n')
        .count();
    position.line() + skipped as u64
}

pub(super) fn csv_error(file: &str, bytes: &[u8], error: &::csv::Error) -> Error {
    let place = match error.position() {
        Some(p) => format!("{file}: line {}", line(bytes, p)),
        None => file.to_string(),
    };
    match error.kind() {
        ::csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => Error::input(
            place,
            format!("{len} cells where the rows above have {expected_len}"),
            "give every row as many cells as the header",
        ),
        _ => Error::input(place, error.to_string(), "save the file as UTF-8 csv"),
    }
}
