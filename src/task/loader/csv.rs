//! csv: a header line and one sample per row.

use super::Columns;
use crate::error::{Error, Result};
use nalgebra::DMatrix;

/// Inputs and targets of the chosen columns; samples are columns.
pub(super) fn read(
    file: &str,
    bytes: &[u8],
    inputs: &Columns,
    targets: &Columns,
) -> Result<(DMatrix<f64>, DMatrix<f64>)> {
    let (mut reader, header) = open(file, bytes)?;
    let input_columns = choose(file, &header, inputs)?;
    let target_columns = choose(file, &header, targets)?;
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
        let cell = |column: usize| number(file, line, &header[column], &record[column]);
        for &column in &input_columns {
            x.push(cell(column)?);
        }
        for &column in &target_columns {
            y.push(cell(column)?);
        }
        samples += 1;
    }
    Ok((
        DMatrix::from_vec(input_columns.len(), samples, x),
        DMatrix::from_vec(target_columns.len(), samples, y),
    ))
}

/// Names of the chosen columns.
pub(super) fn named(file: &str, bytes: &[u8], columns: &Columns) -> Result<Vec<String>> {
    let (_, header) = open(file, bytes)?;
    let chosen = choose(file, &header, columns)?.into_iter();
    Ok(chosen.map(|column| header[column].clone()).collect())
}

/// A reader behind the header line, and the header.
fn open<'a>(file: &str, bytes: &'a [u8]) -> Result<(::csv::Reader<&'a [u8]>, Vec<String>)> {
    let mut reader = ::csv::ReaderBuilder::new()
        .trim(::csv::Trim::All)
        .from_reader(bytes);
    let header = reader.headers().map_err(|e| csv_error(file, bytes, &e))?;
    let header = header.iter().map(String::from).collect();
    Ok((reader, header))
}

fn choose(file: &str, header: &[String], columns: &Columns) -> Result<Vec<usize>> {
    let missing = |what: String| {
        Error::input(
            format!("{file}: header"),
            format!("{what}; the columns are {}", header.join(", ")),
            "give the file a header line, or name the columns in inputs = [...] and targets = [...]",
        )
    };
    match columns {
        Columns::Prefix(prefix) => {
            let found: Vec<usize> = (0..header.len())
                .filter(|&i| header[i].starts_with(prefix.as_str()))
                .collect();
            match found.is_empty() {
                true => Err(missing(format!("no column starts with \"{prefix}\""))),
                false => Ok(found),
            }
        }
        Columns::Names(names) if names.is_empty() => Err(missing("no column is chosen".into())),
        Columns::Names(names) => names
            .iter()
            .map(|name| {
                header
                    .iter()
                    .position(|h| h == name)
                    .ok_or_else(|| missing(format!("no column is called \"{name}\"")))
            })
            .collect(),
    }
}

fn number(file: &str, line: u64, column: &str, text: &str) -> Result<f64> {
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
            "write numbers with a decimal point; choose other columns with inputs and targets",
        )),
    }
}

/// Line of a record, whose position the reader gives before the blank lines that it skips.
fn line(bytes: &[u8], position: &::csv::Position) -> u64 {
    let rest = bytes.get(position.byte() as usize..).unwrap_or(&[]);
    let skipped = rest
        .iter()
        .take_while(|b| matches!(b, b'\r' | b'\n'))
        .filter(|b| **b == b'\n')
        .count();
    position.line() + skipped as u64
}

fn csv_error(file: &str, bytes: &[u8], error: &::csv::Error) -> Error {
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
