//! Loaders: inputs and targets from csv, npz and IDX files, with errors that name the place in the file.

mod csv;
pub mod idx;
mod npz;
pub mod numbers;

use crate::error::{Error, Result};
use nalgebra::DMatrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Which columns of a csv file, or which array of an npz file, are meant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a column prefix (or array name), or a list of column names"
)]
pub enum Columns {
    /// The column of this name, or else all those of this name and a number behind it, `y1`, `y2`, ... (csv); the array
    /// of this name (npz).
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
    /// Names of the columns of the inputs and of the targets (csv).
    pub columns: Option<[Vec<String>; 2]>,
}

/// The bytes of a file, decompressed when they are gzip.
#[derive(Debug, Clone)]
pub struct Contents {
    /// The path, for messages.
    pub file: String,
    /// The content after decompression.
    pub bytes: Vec<u8>,
}

/// The environment variable that names a folder of data files.
pub const DATA_FOLDER: &str = "SADDLEPOINT_DATA";

/// Where a data file lies: the path itself, or, where there is no such file, under the folder that [`DATA_FOLDER`] names. `None` when
/// it is in neither place.
pub fn locate(path: &Path) -> Option<PathBuf> {
    let elsewhere = std::env::var_os(DATA_FOLDER).map(|folder| Path::new(&folder).join(path));
    [Some(path.to_path_buf()), elsewhere]
        .into_iter()
        .flatten()
        .find(|p| p.exists())
}

impl Contents {
    /// Reads a file, plain or gzip (recognised by its first bytes), from where [`locate`] finds it.
    ///
    /// Errors: unreadable file, truncated or damaged gzip stream.
    pub fn read(path: &Path) -> Result<Self> {
        let file = path.display().to_string();
        let found = locate(path);
        let raw = std::fs::read(found.as_deref().unwrap_or(path)).map_err(|e| {
            Error::input(
                &file,
                format!("the data file cannot be read: {e}"),
                "check the path; relative paths start at the current directory, then in the folder that SADDLEPOINT_DATA names",
            )
        })?;
        if !raw.starts_with(&[0x1f, 0x8b]) {
            return Ok(Contents { file, bytes: raw });
        }
        let mut bytes = Vec::new();
        match flate2::read::MultiGzDecoder::new(&raw[..]).read_to_end(&mut bytes) {
            Ok(_) => Ok(Contents { file, bytes }),
            Err(e) => Err(Error::input(
                file,
                format!(
                    "not a complete gzip file ({e}) after byte {} of its content; the file ends at byte {}",
                    bytes.len(),
                    raw.len()
                ),
                "copy or download the file again",
            )),
        }
    }

    /// BLAKE3 of the bytes, in hexadecimal; the same for a plain and a compressed copy.
    pub fn hash(&self) -> String {
        blake3::hash(&self.bytes).to_hex().to_string()
    }
}

/// What kind of file holds the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text with a header line, one sample per row.
    Csv,
    /// Archive of numpy arrays, one sample per row.
    Npz,
    /// Binary pair of inputs and labels, the form of MNIST.
    Idx,
}

impl Format {
    /// By the ending (before `.gz`): `.csv`, `.npz`; IDX by `.idx`, `idx1`, `idx3`, ... or `ubyte` in the name, or by the two
    /// zero bytes in front.
    ///
    /// Errors: none of them.
    pub fn of(path: &Path, contents: &Contents) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let idx = name.ends_with(".idx")
            || name.contains("ubyte")
            || (1..=9).any(|n| name.contains(&format!("idx{n}")));
        match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("csv") => Ok(Format::Csv),
            Some("npz") => Ok(Format::Npz),
            _ if idx || contents.bytes.starts_with(&[0, 0]) => Ok(Format::Idx),
            _ => Err(Error::input(
                &contents.file,
                "the kind of file is not known from its name",
                "use a file that ends in .csv or .npz, or an IDX file",
            )),
        }
    }
}

/// A file of samples, or a pair of IDX files, whose bytes are read and whose numbers are not.
#[derive(Debug, Clone)]
pub struct Source {
    contents: Contents,
    format: Format,
    /// The second one of a pair of IDX files.
    labels: Option<Contents>,
}

impl Source {
    /// Reads the bytes of a `.csv`, `.npz` or IDX file and, for IDX, of the file of the labels; each may be compressed by gzip.
    ///
    /// Errors: unreadable file, unknown kind, damaged gzip stream, labels for another kind of file than IDX or none for IDX.
    pub fn read(path: &Path, labels: Option<&Path>) -> Result<Self> {
        let contents = Contents::read(path)?;
        let format = Format::of(path, &contents)?;
        let labels = labels
            .map(|path| -> Result<_> {
                let contents = Contents::read(path)?;
                Ok((Format::of(path, &contents)?, contents))
            })
            .transpose()?;
        let other = |contents: &Contents, cause: &str| {
            Err(Error::input(
                &contents.file,
                cause,
                "use labels = \"...\" with a pair of IDX files; csv and npz files hold their own targets",
            ))
        };
        match (format, labels) {
            (Format::Idx, None) => other(&contents, "an IDX file holds inputs alone"),
            (Format::Idx, Some((Format::Idx, labels))) => Ok(Source {
                contents,
                format,
                labels: Some(labels),
            }),
            (Format::Idx, Some((_, labels))) => other(&labels, "the labels are not an IDX file"),
            (_, Some(_)) => other(&contents, "the inputs are not an IDX file"),
            (_, None) => Ok(Source {
                contents,
                format,
                labels: None,
            }),
        }
    }

    /// BLAKE3 of the content, in hexadecimal; of both files where there are two.
    pub fn hash(&self) -> String {
        let first = self.contents.hash();
        match &self.labels {
            None => first,
            Some(labels) => {
                let both = format!("{first} {}", labels.hash());
                blake3::hash(both.as_bytes()).to_hex().to_string()
            }
        }
    }

    /// The columns that a choice (of the spec's `key`) means in this file, by their names, so that another file can be asked for the same
    /// ones in the same order; the choice itself for files without named columns.
    ///
    /// Errors: a column that is missing, no header.
    pub fn named(&self, columns: &Columns, key: &str) -> Result<Columns> {
        match self.format {
            Format::Csv => {
                let Contents { file, bytes } = &self.contents;
                csv::named(file, bytes, columns, key).map(Columns::Names)
            }
            Format::Npz | Format::Idx => Ok(columns.clone()),
        }
    }

    /// The numbers. csv: header line, one sample per row; npz: arrays of samples x inputs and samples x outputs
    /// (one-dimensional arrays are one column; any real, integer or boolean type); IDX: inputs `samples x ...`, flattened row by
    /// row, and one label per sample (see [`idx`]).
    ///
    /// Errors name the file and the line, column, array, entry or byte at fault: missing column or array (with those
    /// present), column named twice, ragged row, cell that is not a finite number, unequal numbers of samples,
    /// truncated or damaged file, exchanged files.
    pub fn samples(&self, inputs: &Columns, targets: &Columns) -> Result<Samples> {
        let Contents { file, bytes } = &self.contents;
        let mut columns = None;
        let (x, y) = match (self.format, &self.labels) {
            (Format::Csv, _) => {
                let table = csv::read(file, bytes, inputs, targets)?;
                columns = Some(table.columns);
                (table.x, table.y)
            }
            (Format::Npz, _) => npz::read(file, bytes, inputs, targets)?,
            (Format::Idx, Some(labels)) => idx::read_pair(&self.contents, labels)?,
            (Format::Idx, None) => return Err(Error::bug("loader", "an IDX file without labels")),
        };
        checked(file, &x, &y)?;
        Ok(Samples {
            x,
            y,
            content: self.hash(),
            columns,
        })
    }
}

/// Reads the samples of a csv or npz file: [`Source::read`] and [`Source::samples`].
pub fn load(path: &Path, inputs: &Columns, targets: &Columns) -> Result<Samples> {
    Source::read(path, None)?.samples(inputs, targets)
}

fn checked(file: &str, x: &DMatrix<f64>, y: &DMatrix<f64>) -> Result<()> {
    if x.ncols() != y.ncols() {
        return Err(Error::input(
            file,
            format!("{} samples of inputs, {} of targets", x.ncols(), y.ncols()),
            "give inputs and targets the same number of samples, in the same order",
        ));
    }
    if x.is_empty() || y.is_empty() {
        return Err(Error::input(file, "no samples", "give at least one row"));
    }
    Ok(())
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

    /// `year` is no target of `y`: an exact name is meant alone, and a prefix takes a number behind it.
    #[test]
    fn csv_columns_that_only_begin_alike_are_left_out() {
        let text = b"x1,x2,y,year,xylem\n1,2,3,2001,8\n4,5,6,2002,9\n";
        let s = loaded("a.csv", text).unwrap();
        assert_eq!(s.y, DMatrix::from_row_slice(1, 2, &[3.0, 6.0]));
        assert_eq!(s.x, DMatrix::from_row_slice(2, 2, &[1.0, 4.0, 2.0, 5.0]));
        let [inputs, targets] = s.columns.unwrap();
        assert_eq!(
            (inputs, targets),
            (vec!["x1".into(), "x2".into()], vec!["y".to_string()])
        );
        let s = loaded("a.csv", b"x,y1,yes,y02,y2b\n1,2,3,4,5\n").unwrap();
        assert_eq!(s.y.as_slice(), [2.0, 4.0]);
        let m = message("a.csv", b"x,year\n1,2\n");
        assert!(
            m.contains("no column is called \"y\", or \"y\" and a number; the columns are x, year"),
            "{m}"
        );
    }

    #[test]
    fn csv_columns_named_twice_are_refused() {
        let m = message("a.csv", b"x1,x2,x1,y\n1,2,3,4\n");
        let two = "column \"x1\": the header has two columns of this name, number 1 and number 3";
        assert!(
            m.contains(two) && m.contains("remedy: give every column"),
            "{m}"
        );
        let m = message("a.csv", b"x,y,y\n1,2,3\n");
        assert!(
            m.contains("column \"y\": the header has two columns"),
            "{m}"
        );
        let folder = TempDir::new().unwrap();
        let path = write(&folder, "a.csv", b"x,y,note,note\n1,2,3,4\n");
        assert!(load(&path, &prefix("x"), &prefix("y")).is_ok());
        let m = load(&path, &prefix("x"), &names(&["y", "y"]))
            .unwrap_err()
            .to_string();
        assert!(m.contains("column \"y\": targets names it twice"), "{m}");
        let m = load(&path, &names(&["note"]), &prefix("y"))
            .unwrap_err()
            .to_string();
        assert!(m.contains("column \"note\": the header has two"), "{m}");
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
            m.contains(
                "no column is called \"x\", or \"x\" and a number; the columns are 1.0, 2.0"
            ),
            "{m}"
        );
        let m = message("a.csv", b"x,y\n");
        assert!(m.contains("no samples"), "{m}");
        let folder = TempDir::new().unwrap();
        let path = write(&folder, "a.csv", b"xy,x\n1,2\n");
        let m = load(&path, &prefix("xy"), &names(&["xy", "x"]))
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
