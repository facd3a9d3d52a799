//! Loaders: inputs and targets from csv, npz, npy and IDX files, with errors that name the place in the file.

mod csv;
mod dialect;
pub mod idx;
mod npz;
pub mod numbers;
#[cfg(test)]
pub(super) mod tests;

pub use dialect::{Decimal, Dialect, Form, Separator};
pub use npz::{Side, Transpose};

use crate::error::{Error, Result};
use crate::numerics::expand;
use nalgebra::DMatrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
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
    /// `outputs x samples`; where the targets are names of classes, their places in `classes`.
    pub y: DMatrix<f64>,
    /// Names of classes, in alphabetical order.
    pub classes: Option<Vec<String>>,
    /// BLAKE3 of the file's bytes, in hexadecimal.
    pub content: String,
    /// Names of the columns of the inputs and of the targets (csv).
    pub columns: Option<[Vec<String>; 2]>,
    /// How the file was read (csv).
    pub form: Option<Form>,
}

/// Targets as they stand in a file.
enum Targets {
    Numbers(DMatrix<f64>),
    /// One class per sample.
    Names(Vec<String>),
}

impl Targets {
    /// Numbers as they are; of names their places in alphabetical order, and the names in this order.
    fn coded(self) -> (DMatrix<f64>, Option<Vec<String>>) {
        let names = match self {
            Targets::Numbers(y) => return (y, None),
            Targets::Names(names) => names,
        };
        let mut classes = names.clone();
        classes.sort_unstable();
        classes.dedup();
        let code = |name: &String| classes.binary_search(name).unwrap_or_default() as f64;
        let codes = names.iter().map(code).collect();
        (DMatrix::from_vec(1, names.len(), codes), Some(classes))
    }
}

/// What the keys of a table say about the form of its file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// csv: separator and decimal sign, where they are stated.
    pub dialect: Dialect,
    /// npz, npy: arrays that are stored the other way.
    pub transpose: Transpose,
    /// csv: the one target is the name of a class, also where it begins like a number.
    pub as_names: bool,
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
    /// Errors: unreadable file, truncated or damaged gzip stream, or one that holds more than [`expand::limit`].
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
        let most = expand::limit(raw.len() as u64);
        let decoder = flate2::read::MultiGzDecoder::new(&raw[..]);
        match expand::read(decoder, most, &mut bytes) {
            Ok(()) => Ok(Contents { file, bytes }),
            Err(e) if e.kind() == std::io::ErrorKind::FileTooLarge => Err(Error::input(
                file,
                format!("gzip: {e}"),
                "give the decompressed file, if this is what it should hold",
            )),
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
    /// Pair of numpy arrays, inputs and targets.
    Npy,
    /// Binary pair of inputs and labels, the form of MNIST.
    Idx,
}

impl Format {
    /// By the ending (before `.gz`): text tables by `.csv`, `.tsv`, `.txt` or `.dat`, `.npz`, `.npy`; IDX by `.idx`, `idx1`,
    /// `idx3`, ... or `ubyte` in the name, or by the two zero bytes in front.
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
            Some("csv" | "tsv") => Ok(Format::Csv),
            Some("txt" | "dat") if !idx && !contents.bytes.starts_with(&[0, 0]) => Ok(Format::Csv),
            Some("npz") => Ok(Format::Npz),
            Some("npy") => Ok(Format::Npy),
            _ if idx || contents.bytes.starts_with(&[0, 0]) => Ok(Format::Idx),
            _ => Err(Error::input(
                &contents.file,
                "the kind of file is not known from its name",
                "use a file that ends in .csv, .tsv, .txt, .dat, .npz or .npy, or an IDX file",
            )),
        }
    }
}

/// A file of samples, or a pair of files, whose bytes are read and whose numbers are not.
#[derive(Debug, Clone)]
pub struct Source {
    contents: Contents,
    format: Format,
    /// The second one of a pair of files.
    labels: Option<Contents>,
    reading: Reading,
}

impl Source {
    /// Reads the bytes of a `.csv`, `.npz`, `.npy` or IDX file and, for IDX and npy, of the file of the labels; each
    /// may be compressed by gzip.
    ///
    /// Errors: unreadable file, unknown kind, damaged gzip stream, labels of another kind than the inputs, for a file
    /// that holds its own targets, or none for one that does not; keys that do not suit the kind.
    pub fn read(path: &Path, labels: Option<&Path>, reading: Reading) -> Result<Self> {
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
                "use labels = \"...\" with a pair of IDX or npy files; csv and npz files hold their own targets",
            ))
        };
        let labels = match (format, labels) {
            (Format::Idx, None) => return other(&contents, "an IDX file holds inputs alone"),
            (Format::Npy, None) => return other(&contents, "an npy file holds one array alone"),
            (Format::Idx, Some((Format::Idx, labels))) => Some(labels),
            (Format::Npy, Some((Format::Npy, labels))) => Some(labels),
            (Format::Idx, Some((_, labels))) => {
                return other(&labels, "the labels are not an IDX file");
            }
            (Format::Npy, Some((_, labels))) => {
                return other(&labels, "the labels are not an npy file");
            }
            (_, Some(_)) => return other(&contents, "the inputs are not an IDX or npy file"),
            (_, None) => None,
        };
        let (is_csv, is_array) = match format {
            Format::Csv => (true, false),
            Format::Npz | Format::Npy => (false, true),
            Format::Idx => (false, false),
        };
        if reading.transpose.is_given() && !is_array {
            return Err(Error::input(
                &contents.file,
                "transpose is for the arrays of npz and npy files",
                "remove transpose; a csv file has one sample per row",
            ));
        }
        if reading.dialect.is_given() && !is_csv {
            return Err(Error::input(
                &contents.file,
                "separator and decimal are for csv files",
                "remove them",
            ));
        }
        Ok(Source {
            contents,
            format,
            labels,
            reading,
        })
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

    /// Whether the targets are labels by the form of the file.
    pub fn is_labelled(&self) -> bool {
        self.format == Format::Idx
    }

    /// The columns that a choice (of the spec's `key`) means in this file, by their names, so that another file can be asked for the same
    /// ones in the same order; the choice itself for files without named columns.
    ///
    /// Errors: a column that is missing, no header.
    pub fn named(&self, columns: &Columns, key: &str) -> Result<Columns> {
        match self.format {
            Format::Csv => {
                let Contents { file, bytes } = &self.contents;
                let dialect = &self.reading.dialect;
                csv::named(file, bytes, dialect, columns, key).map(Columns::Names)
            }
            Format::Npz | Format::Npy | Format::Idx => Ok(columns.clone()),
        }
    }

    /// The numbers. csv: header line, one sample per row; npz and npy: arrays of samples x inputs (or samples x rows
    /// x columns and so on, flattened row by row) and samples x outputs (one-dimensional arrays are one column; any
    /// real, integer or boolean type); IDX: inputs `samples x ...`, flattened row by row, and one label per sample
    /// (see [`idx`]). Targets of csv, npz and npy files may be names of classes.
    ///
    /// Errors name the file and the line, column, array, entry or byte at fault: missing column or array (with those
    /// present), column named twice, ragged row, cell that is not a finite number, unequal numbers of samples,
    /// truncated or damaged file, exchanged files, a separator or decimal sign that the text leaves open.
    pub fn samples(&self, inputs: &Columns, targets: &Columns) -> Result<Samples> {
        let Contents { file, bytes } = &self.contents;
        let Reading {
            dialect,
            transpose,
            as_names,
        } = self.reading;
        let (mut columns, mut form) = (None, None);
        let chosen = [inputs, targets];
        let (x, y) = match (self.format, &self.labels) {
            (Format::Csv, _) => {
                let table = csv::read(file, bytes, &dialect, chosen, as_names)?;
                (columns, form) = (Some(table.columns), Some(table.form));
                (table.x, table.y)
            }
            (Format::Npz, _) => npz::read(file, bytes, chosen, transpose)?,
            (Format::Npy, Some(labels)) => npz::read_pair(&self.contents, labels, transpose)?,
            (Format::Idx, Some(labels)) => {
                let (x, y) = idx::read_pair(&self.contents, labels)?;
                (x, Targets::Numbers(y))
            }
            (_, None) => return Err(Error::bug("loader", "a file without its labels")),
        };
        let (y, classes) = y.coded();
        checked(file, &x, &y)?;
        Ok(Samples {
            x,
            y,
            classes,
            content: self.hash(),
            columns,
            form,
        })
    }
}

/// Reads the samples of a csv or npz file: [`Source::read`] and [`Source::samples`].
pub fn load(path: &Path, inputs: &Columns, targets: &Columns) -> Result<Samples> {
    Source::read(path, None, Reading::default())?.samples(inputs, targets)
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
