//! Loaders: inputs and targets from csv and npz files, with errors that name the place in the file.

use crate::error::{Error, Result};
use crate::numerics::npz::Reader;
use nalgebra::DMatrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Which columns of a csv file, or which array of an npz file, are meant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a column prefix (or array name), or a list of column names"
)]
pub enum Columns {
    /// All columns whose name starts with this text (csv); the array of this name (npz).
    Prefix(String),
    /// These columns, in this order (csv only).
    Names(Vec<String>),
}

/// What a file holds; samples are columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// `inputs x samples`
    pub x: DMatrix<f64>,
    /// `outputs x samples`
    pub y: DMatrix<f64>,
    /// BLAKE3 of the file's bytes, in hexadecimal.
    pub content: String,
}

/// Reads a `.csv` file (header line, one sample per row) or an `.npz` file (arrays of samples x inputs and samples x outputs;
/// one-dimensional arrays are one column; any real, integer or boolean type).
///
/// Errors name the file and the line, column, array or entry at fault: unreadable file, unknown extension, missing column or
/// array (with those present), ragged row, cell that is not a finite number, unequal numbers of samples, truncated archive.
pub fn load(path: &Path, inputs: &Columns, targets: &Columns) -> Result<Samples> {
    let file = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|e| {
        Error::input(
            &file,
            format!("the data file cannot be read: {e}"),
            "check the path; relative paths start at the current directory",
        )
    })?;
    let content = blake3::hash(&bytes).to_hex().to_string();
    let extension = path.extension().map(|e| e.to_ascii_lowercase());
    let (x, y) = match extension.as_ref().and_then(|e| e.to_str()) {
        Some("csv") => read_csv(&file, &bytes, inputs, targets)?,
        Some("npz") => read_npz(&file, &bytes, inputs, targets)?,
        _ => {
            return Err(Error::input(
                file,
                "the kind of file is not known from its name",
                "use a file that ends in .csv or .npz",
            ));
        }
    };
    if x.ncols() != y.ncols() {
        return Err(Error::input(
            file,
            format!("{} samples of inputs, {} of targets", x.ncols(), y.ncols()),
            "give both arrays one row per sample",
        ));
    }
    if x.is_empty() || y.is_empty() {
        return Err(Error::input(file, "no samples", "give at least one row"));
    }
    Ok(Samples { x, y, content })
}

fn read_csv(
    file: &str,
    bytes: &[u8],
    inputs: &Columns,
    targets: &Columns,
) -> Result<(DMatrix<f64>, DMatrix<f64>)> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let header = reader
        .headers()
        .map_err(|e| csv_error(file, bytes, &e))?
        .iter()
        .map(String::from)
        .collect::<Vec<_>>();
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
fn line(bytes: &[u8], position: &csv::Position) -> u64 {
    let rest = bytes.get(position.byte() as usize..).unwrap_or(&[]);
    let skipped = rest
        .iter()
        .take_while(|b| matches!(b, b'\r' | b'\n'))
        .filter(|b| **b == b'\n')
        .count();
    position.line() + skipped as u64
}

fn csv_error(file: &str, bytes: &[u8], error: &csv::Error) -> Error {
    let place = match error.position() {
        Some(p) => format!("{file}: line {}", line(bytes, p)),
        None => file.to_string(),
    };
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => Error::input(
            place,
            format!("{len} cells where the rows above have {expected_len}"),
            "give every row as many cells as the header",
        ),
        _ => Error::input(place, error.to_string(), "save the file as UTF-8 csv"),
    }
}

fn read_npz(
    file: &str,
    bytes: &[u8],
    inputs: &Columns,
    targets: &Columns,
) -> Result<(DMatrix<f64>, DMatrix<f64>)> {
    let mut archive = Reader::new(bytes).map_err(|e| {
        Error::input(
            file,
            format!(
                "not a complete npz archive ({e}); the file ends at byte {}",
                bytes.len()
            ),
            "copy or save the file again",
        )
    })?;
    Ok((
        read_array(file, &mut archive, inputs)?,
        read_array(file, &mut archive, targets)?,
    ))
}

/// The array as a matrix whose columns are samples.
fn read_array(file: &str, archive: &mut Reader, columns: &Columns) -> Result<DMatrix<f64>> {
    let name = match columns {
        Columns::Prefix(name) => name,
        Columns::Names(names) => {
            return Err(Error::input(
                file,
                format!(
                    "a list of columns ({}) cannot be chosen from an npz file",
                    names.join(", ")
                ),
                "give the name of one array",
            ));
        }
    };
    let place = format!("{file}: array \"{name}\"");
    let damaged = |e: std::io::Error| {
        Error::input(
            &place,
            format!("the array cannot be read: {e}"),
            "save the file again with numpy.savez(x=..., y=...)",
        )
    };
    let bytes = archive.entry(name).map_err(damaged)?.ok_or_else(|| {
        Error::input(
            &place,
            format!(
                "there is no such array; the file holds {}",
                archive.names().join(", ")
            ),
            "save the array under this name, or name another one with inputs and targets",
        )
    })?;
    let array = npyz::NpyFile::new(&bytes[..]).map_err(damaged)?;
    let extent: Vec<usize> = array.shape().iter().map(|&n| n as usize).collect();
    let (samples, width) = match extent[..] {
        [samples] => (samples, 1),
        [samples, width] => (samples, width),
        _ => {
            return Err(Error::input(
                place,
                format!("it has {} dimensions", extent.len()),
                "give an array of samples x entries (reshape it)",
            ));
        }
    };
    let by_rows = array.order() == npyz::Order::C;
    let values = numbers(&place, array)?;
    if samples.checked_mul(width) != Some(values.len()) {
        return Err(Error::input(
            place,
            format!("{} values for {samples} x {width}", values.len()),
            "save the file again",
        ));
    }
    let matrix = match by_rows {
        true => DMatrix::from_vec(width, samples, values),
        false => DMatrix::from_vec(samples, width, values).transpose(),
    };
    for (sample, row) in matrix.column_iter().enumerate() {
        if let Some(entry) = row.iter().position(|v| !v.is_finite()) {
            return Err(Error::input(
                format!("{place}, row {sample}, entry {entry} (from 0)"),
                format!("{} is not finite", row[entry]),
                "remove the row or fill in a value",
            ));
        }
    }
    Ok(matrix)
}

/// All values of an array in storage order, whatever its real, integer or boolean type.
fn numbers<R: std::io::Read>(place: &str, array: npyz::NpyFile<R>) -> Result<Vec<f64>> {
    fn collect<T: npyz::Deserialize, R: std::io::Read>(
        place: &str,
        data: npyz::NpyReader<T, R>,
        convert: fn(T) -> f64,
    ) -> Result<Vec<f64>> {
        data.enumerate()
            .map(|(index, value)| {
                value.map(convert).map_err(|e| {
                    Error::input(
                        place,
                        format!("truncated or damaged at value {index}: {e}"),
                        "copy or save the file again",
                    )
                })
            })
            .collect()
    }
    let mut array = array;
    macro_rules! try_types {
        ($($t:ty => $convert:expr),*) => {$(
            array = match array.try_data::<$t>() {
                Ok(data) => return collect(place, data, $convert),
                Err(array) => array,
            };
        )*};
    }
    try_types!(
        f64 => |v| v, f32 => f64::from, bool => f64::from,
        i64 => |v| v as f64, i32 => f64::from, i16 => f64::from, i8 => f64::from,
        u64 => |v| v as f64, u32 => f64::from, u16 => f64::from, u8 => f64::from
    );
    Err(Error::input(
        place,
        format!(
            "values of type {} are not real numbers",
            array.dtype().descr()
        ),
        "save the array with .astype(float)",
    ))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::numerics::npz::Writer;
    use std::path::PathBuf;
    use tempfile::TempDir;

    pub fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// An npz archive of C-ordered arrays.
    pub fn npz<T: npyz::AutoSerialize + Copy>(arrays: &[(&str, &[usize], &[T])]) -> Vec<u8> {
        let mut archive = Writer::default();
        for (name, shape, values) in arrays {
            archive.add(name, shape, values).unwrap();
        }
        archive.finish().unwrap()
    }

    fn prefix(text: &str) -> Columns {
        Columns::Prefix(text.into())
    }

    fn names(list: &[&str]) -> Columns {
        Columns::Names(list.iter().map(|s| s.to_string()).collect())
    }

    fn loaded(name: &str, bytes: &[u8]) -> Result<Samples> {
        let folder = TempDir::new().unwrap();
        load(&write(&folder, name, bytes), &prefix("x"), &prefix("y"))
    }

    fn message(name: &str, bytes: &[u8]) -> String {
        loaded(name, bytes).unwrap_err().to_string()
    }

    #[test]
    fn csv_columns_are_chosen_by_prefix_or_name() {
        let text = b"x1, name, y, x2\n1, a, 2, 3\n\n-4e-1, b, 5, 6\n";
        let s = loaded("a.csv", text).unwrap();
        assert_eq!(s.x, DMatrix::from_row_slice(2, 2, &[1.0, -0.4, 3.0, 6.0]));
        assert_eq!(s.y, DMatrix::from_row_slice(1, 2, &[2.0, 5.0]));
        assert_eq!(s.content, blake3::hash(text).to_hex().to_string());
        let folder = TempDir::new().unwrap();
        let path = write(&folder, "b.CSV", text);
        let s = load(&path, &names(&["y", "x1"]), &names(&["x2"])).unwrap();
        assert_eq!(s.x, DMatrix::from_row_slice(2, 2, &[2.0, 5.0, 1.0, -0.4]));
    }

    #[test]
    fn csv_numbers_survive_to_the_last_bit() {
        let values = [0.1, 1.0 / 3.0, 6.02214076e23, 5e-324, -2.0f64.sqrt(), 1e300];
        let mut text = String::from("x,y\n");
        for pair in values.chunks(2) {
            text += &format!("{},{}\n", pair[0], pair[1]);
        }
        let s = loaded("a.csv", text.as_bytes()).unwrap();
        assert_eq!(s.x.as_slice(), [values[0], values[2], values[4]]);
        assert_eq!(s.y.as_slice(), [values[1], values[3], values[5]]);
    }

    #[test]
    fn csv_errors_name_line_and_column() {
        let m = message("a.csv", b"x1,x2,y\r\n1,2,3\r\n\r\n1,2\r\n");
        assert!(
            m.contains("a.csv: line 4: 2 cells where the rows above have 3"),
            "{m}"
        );
        let m = message("a.csv", b"x1,x2,y\n1,2,3\n\n1,two,3\n");
        assert!(
            m.contains("line 4, column \"x2\": \"two\" is not a number"),
            "{m}"
        );
        let m = message("a.csv", b"x1,y\n1,NaN\n");
        assert!(
            m.contains("line 2, column \"y\": \"NaN\" is not finite"),
            "{m}"
        );
        let m = message("a.csv", b"1.0,2.0\n3.0,4.0\n");
        assert!(
            m.contains("no column starts with \"x\"; the columns are 1.0, 2.0"),
            "{m}"
        );
        let m = message("a.csv", b"x,y\n");
        assert!(m.contains("no samples"), "{m}");
        let folder = TempDir::new().unwrap();
        let path = write(&folder, "a.csv", b"xy,x\n1,2\n");
        let m = load(&path, &prefix("x"), &prefix("xy"))
            .unwrap_err()
            .to_string();
        assert!(
            m.contains("column \"xy\": it is both an input and a target"),
            "{m}"
        );
        let m = load(&path, &prefix("x"), &names(&["z"]))
            .unwrap_err()
            .to_string();
        assert!(
            m.contains("no column is called \"z\"; the columns are xy, x"),
            "{m}"
        );
        let m = load(&path, &prefix("x"), &names(&[]))
            .unwrap_err()
            .to_string();
        assert!(m.contains("header: no column is chosen"), "{m}");
    }

    #[test]
    fn a_missing_or_unknown_file_is_an_input_error() {
        let e = load(Path::new("no/such.csv"), &prefix("x"), &prefix("y")).unwrap_err();
        assert!(
            e.to_string()
                .contains("no/such.csv: the data file cannot be read")
        );
        assert_eq!(e.exit_code(), 2);
        assert!(message("a.txt", b"x,y\n1,2\n").contains(".csv or .npz"));
    }

    #[test]
    fn npz_arrays_of_every_order_and_type() {
        let x: Vec<f64> = (0..6).map(|i| f64::from(i).sqrt()).collect();
        let bytes = npz(&[("x", &[3, 2], &x), ("y", &[3], &[1.0, 2.0, 3.0])]);
        let s = loaded("a.npz", &bytes).unwrap();
        assert_eq!(s.x, DMatrix::from_row_slice(3, 2, &x).transpose());
        assert_eq!(s.y, DMatrix::from_row_slice(1, 3, &[1.0, 2.0, 3.0]));
        let bytes = npz(&[("x", &[2, 1], &[7i32, -1]), ("y", &[2], &[0i32, 1])]);
        assert_eq!(loaded("a.npz", &bytes).unwrap().x.as_slice(), [7.0, -1.0]);
        let bytes = npz(&[("x", &[2, 1], &[true, false]), ("y", &[2], &[true, true])]);
        assert_eq!(loaded("a.npz", &bytes).unwrap().x.as_slice(), [1.0, 0.0]);
    }

    #[test]
    fn npz_errors_name_the_array() {
        let one = [1.0];
        let m = message("a.npz", &npz(&[("x", &[1], &one), ("labels", &[1], &one)]));
        assert!(
            m.contains("array \"y\": there is no such array; the file holds labels, x"),
            "{m}"
        );
        let two = [1.0, f64::NAN];
        let m = message(
            "a.npz",
            &npz(&[("x", &[2, 1], &two), ("y", &[2], &[0.0, 0.0])]),
        );
        assert!(
            m.contains("array \"x\", row 1, entry 0 (from 0): NaN is not finite"),
            "{m}"
        );
        let m = message(
            "a.npz",
            &npz(&[("x", &[2], &[1.0, 2.0]), ("y", &[1], &one)]),
        );
        assert!(m.contains("2 samples of inputs, 1 of targets"), "{m}");
        let m = message("a.npz", &npz(&[("x", &[1, 1, 1], &one), ("y", &[1], &one)]));
        assert!(m.contains("array \"x\": it has 3 dimensions"), "{m}");
    }

    #[test]
    fn a_truncated_archive_is_recognised_wherever_it_ends() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let bytes = npz(&[("x", &[50, 2], &values), ("y", &[50], &values[..50])]);
        for end in [0, 10, bytes.len() / 2, bytes.len() - 1] {
            let m = message("a.npz", &bytes[..end]);
            assert!(m.contains(&format!("the file ends at byte {end}")), "{m}");
        }
        let mut damaged = bytes.clone();
        damaged[300] ^= 0xff;
        assert!(loaded("a.npz", &damaged).is_err());
    }
}
