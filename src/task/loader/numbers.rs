//! A csv file of numbers with named columns, as measured or predicted curves are written down, and the lattice of its points.

use super::csv::{Sheet, number};
use super::{Contents, Dialect, Form};
use crate::error::{Error, Result};
use crate::numerics::text::shown;
use std::collections::HashMap;
use std::path::Path;

/// Two coordinates are the same point up to this share of their size: a number that is printed with ten digits is found.
const SAME: f64 = 1e-9;

/// Numbers of this size or larger are refused: their squares, and those of sums of them, must be numbers.
const LARGEST: f64 = 1e100;

/// The numbers of a csv file: a header line, and rows of finite numbers.
///
/// ```
/// use saddlepoint::task::loader::numbers::Numbers;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("curve.csv");
/// std::fs::write(&path, "time,value\n0,2.0\n1,0.5\n")?;
/// let curve = Numbers::read(&path)?;
/// assert_eq!((curve.header(), curve.rows().len()), (&["time", "value"].map(String::from)[..], 2));
/// assert_eq!(curve.rows()[1], [1.0, 0.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    file: String,
    content: String,
    form: Form,
    header: Vec<String>,
    rows: Vec<Vec<f64>>,
    lines: Vec<u64>,
}

impl Numbers {
    /// Reads a csv file, plain or gzip, from where [`super::locate`] finds it; separator and decimal sign are found
    /// from the text. A byte order mark, blank lines and comments (`#`) are passed over.
    ///
    /// Errors name the file with line and column: unreadable file, no rows, a column without a name or with the name of
    /// another one, a ragged row, a cell that is not a finite number.
    pub fn read(path: &Path) -> Result<Numbers> {
        Numbers::read_as(path, &Dialect::default())
    }

    /// As [`Numbers::read`], with a separator or a decimal sign that is stated.
    ///
    /// Errors: those of [`Numbers::read`], a separator or a decimal sign that neither the text nor the dialect tells.
    pub fn read_as(path: &Path, dialect: &Dialect) -> Result<Numbers> {
        let contents = Contents::read(path)?;
        let file = &contents.file;
        let sheet = Sheet::open(file, &contents.bytes, dialect)?;
        if sheet.without_header {
            return Err(Error::input(
                format!("{file}: header"),
                "the first line is numbers: the columns have no names",
                "add a line with the names of the columns above the numbers",
            ));
        }
        let header = &sheet.header;
        let mut names = HashMap::new();
        for (k, name) in header.iter().enumerate() {
            let wrong = |cause: String| {
                let remedy = "give every column of the header a name of its own";
                Err(Error::input(
                    format!("{file}: header, column {}", k + 1),
                    cause,
                    remedy,
                ))
            };
            if name.is_empty() {
                return wrong("the column has no name".into());
            }
            if let Some(other) = names.insert(name, k) {
                let name = shown(name);
                return wrong(format!("column {} is called \"{name}\", too", other + 1));
            }
        }
        let form = sheet.form(&(0..header.len()).collect::<Vec<_>>())?;
        let (mut rows, mut lines) = (Vec::new(), Vec::new());
        sheet.each(|line, record| {
            let remedy = "write numbers with a decimal point and a comma between them, and take columns and lines of text out of the file";
            let cells = header.iter().zip(record.iter());
            let row = cells.map(|(name, text)| {
                let value = number(file, line, name, text, form.decimal, remedy)?;
                match value.abs() < LARGEST {
                    true => Ok(value),
                    false => Err(Error::input(
                        format!("{file}: line {line}, column \"{}\"", shown(name)),
                        format!(
                            "{text}: squares of numbers above {LARGEST:e} have no meaning here"
                        ),
                        "write it in a larger unit",
                    )),
                }
            });
            rows.push(row.collect::<Result<Vec<f64>>>()?);
            lines.push(line);
            Ok(())
        })?;
        if rows.is_empty() {
            return Err(Error::input(file, "no rows", "give at least one row"));
        }
        let mut content = contents.hash();
        if dialect.is_given() && !form.is_plain() {
            let both = format!("{content} {form}");
            content = blake3::hash(both.as_bytes()).to_hex().to_string();
        }
        Ok(Numbers {
            content,
            form,
            header: sheet.header,
            file: contents.file.clone(),
            rows,
            lines,
        })
    }

    /// The path, for messages.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// How the file was read.
    pub fn form(&self) -> &Form {
        &self.form
    }

    /// BLAKE3 of the file's bytes (and of the form, where it is stated and no plain one), in hexadecimal: what
    /// records are found by, in place of the path.
    pub fn content(&self) -> &str {
        &self.content
    }

    /// Names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Rows of the file, with a number for every column.
    pub fn rows(&self) -> &[Vec<f64>] {
        &self.rows
    }

    /// Line of a row in the file.
    pub fn line(&self, row: usize) -> u64 {
        self.lines[row]
    }

    /// Place of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|h| h == name)
    }

    /// The lattice of these rows over these columns.
    ///
    /// # Errors
    /// Two rows that are the same point, as their line numbers: the later one first.
    pub fn lattice(
        &self,
        columns: &[usize],
        rows: &[usize],
    ) -> std::result::Result<Lattice, (u64, u64)> {
        let coordinates = columns.iter().map(|&c| {
            let values = rows.iter().map(|&r| self.rows[r][c]);
            distinct(values.collect())
        });
        let mut lattice = Lattice {
            axes: coordinates.collect(),
            rows: HashMap::new(),
        };
        for &row in rows {
            let point: Vec<f64> = columns.iter().map(|&c| self.rows[row][c]).collect();
            let place = lattice.place(&point).unwrap_or_default();
            if let Some(other) = lattice.rows.insert(place, row) {
                return Err((self.lines[row], self.lines[other]));
            }
        }
        Ok(lattice)
    }
}

/// Rows by their coordinates, which are the same up to rounding of their tenth digit.
#[derive(Debug, Clone, PartialEq)]
pub struct Lattice {
    /// The different values of each coordinate, ascending.
    pub axes: Vec<Vec<f64>>,
    rows: HashMap<Vec<usize>, usize>,
}

impl Lattice {
    /// The row at a point.
    pub fn at(&self, point: &[f64]) -> Option<usize> {
        self.rows.get(&self.place(point)?).copied()
    }

    /// The rows of a lattice without gaps, the last axis fastest.
    pub fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.places().filter_map(|p| self.rows.get(&p).copied())
    }

    /// The first point of the whole lattice that has no row.
    pub fn gap(&self) -> Option<Vec<f64>> {
        let place = self.places().find(|p| !self.rows.contains_key(p))?;
        let values = place.iter().zip(&self.axes).map(|(&k, axis)| axis[k]);
        Some(values.collect())
    }

    /// All points, the last axis fastest, as places on the axes.
    fn places(&self) -> impl Iterator<Item = Vec<usize>> + '_ {
        let all: usize = self.axes.iter().map(Vec::len).product();
        let point = move |mut k: usize| -> Vec<usize> {
            let mut place = vec![0; self.axes.len()];
            for (p, axis) in place.iter_mut().zip(&self.axes).rev() {
                *p = k % axis.len();
                k /= axis.len();
            }
            place
        };
        (0..all).map(point)
    }

    fn place(&self, point: &[f64]) -> Option<Vec<usize>> {
        let both = self.axes.iter().zip(point);
        both.map(|(axis, &x)| nearest(axis, x)).collect()
    }
}

/// Whether two coordinates are one.
pub fn is_same(a: f64, b: f64) -> bool {
    (a - b).abs() <= SAME * a.abs().max(b.abs())
}

/// Ascending, each value once.
fn distinct(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values.dedup_by(|b, a| is_same(*a, *b));
    values
}

/// Place of a value among ascending ones.
fn nearest(axis: &[f64], x: f64) -> Option<usize> {
    let above = axis.partition_point(|&a| a < x);
    [above.checked_sub(1), Some(above)]
        .into_iter()
        .flatten()
        .find(|&k| axis.get(k).is_some_and(|&a| is_same(a, x)))
}

#[cfg(test)]
mod tests {
    use super::super::Decimal;
    use super::super::tests::write;
    use super::*;
    use tempfile::TempDir;

    fn read(text: &[u8]) -> Result<Numbers> {
        let folder = TempDir::new().unwrap();
        Numbers::read(&write(&folder, "a.csv", text))
    }

    #[test]
    fn a_byte_order_mark_and_spaces_are_no_part_of_a_name() {
        let plain = read(b"time,value\n0,1\n").unwrap();
        let marked = read(b"\xef\xbb\xbftime, value\r\n\r\n0, 1\r\n").unwrap();
        assert_eq!(plain.header(), marked.header());
        assert_eq!(plain.rows(), marked.rows());
        assert_eq!((plain.line(0), marked.line(0)), (2, 3));
        assert_ne!(plain.content(), marked.content());
    }

    /// A curve is the same however it is written; a form that is stated is part of what it is known by.
    #[test]
    fn separators_decimal_signs_and_comments_are_found_and_told() {
        let plain = read(b"time,value\n0.5,1\n1.5,2\n").unwrap();
        assert!(plain.form().is_plain());
        for (text, form) in [
            (
                "time;value\r\n0,5;1\r\n1,5;2\r\n",
                "separated by ;, decimal comma",
            ),
            (
                "time\tvalue\n0.5\t1\n1.5\t2\n",
                "separated by tab, decimal point",
            ),
            (
                "# time,value\n0.5,1\n# half\n1.5,2\n",
                "separated by ,, decimal point, column names from a comment, 1 line of comment left out",
            ),
        ] {
            let curve = read(text.as_bytes()).unwrap();
            assert_eq!(
                (curve.header(), curve.rows()),
                (plain.header(), plain.rows())
            );
            assert_eq!(curve.form().to_string(), form);
        }
        let folder = TempDir::new().unwrap();
        let path = write(&folder, "a.csv", b"time;value\n0;1,234\n");
        let message = Numbers::read(&path).unwrap_err().to_string();
        assert!(message.contains("decimal = "), "{message}");
        let dialect = Dialect {
            decimal: Some(Decimal::Comma),
            ..Dialect::default()
        };
        let curve = Numbers::read_as(&path, &dialect).unwrap();
        assert_eq!(curve.rows(), [[0.0, 1.234]]);
        assert_ne!(curve.content(), Contents::read(&path).unwrap().hash());
    }

    #[test]
    fn errors_name_line_and_column() {
        for (text, wanted) in [
            (
                "time,value\n0,1\n1,x\n",
                "a.csv: line 3, column \"value\": \"x\" is not a number",
            ),
            (
                "time,value\n0,NaN\n",
                "line 2, column \"value\": \"NaN\" is not finite",
            ),
            (
                "time,value\n0,\n",
                "line 2, column \"value\": \"\" is not a number",
            ),
            (
                "time,value\n0\n",
                "line 2: 1 cells where the rows above have 2",
            ),
            (
                "time,time\n0,1\n",
                "header, column 2: column 1 is called \"time\", too",
            ),
            ("time,\n0,1\n", "header, column 2: the column has no name"),
            ("time,value\n", "no rows"),
        ] {
            let message = read(text.as_bytes()).unwrap_err().to_string();
            assert!(message.contains(wanted), "{message}");
            assert!(message.contains("remedy: "), "{message}");
        }
        let missing = Numbers::read(Path::new("nowhere.csv")).unwrap_err();
        assert!(
            missing
                .to_string()
                .contains("nowhere.csv: the data file cannot be read")
        );
    }

    #[test]
    fn points_are_found_to_their_tenth_digit_and_no_nearer_ones_are_made_up() {
        let numbers = read(b"t,k,v\n0,1,5\n0.1,1,6\n0,2,7\n").unwrap();
        let lattice = numbers.lattice(&[0, 1], &[0, 1, 2]).unwrap();
        assert_eq!(lattice.axes, [vec![0.0, 0.1], vec![1.0, 2.0]]);
        let third = 0.3_f64 - 0.2;
        assert_ne!(third, 0.1);
        assert_eq!(lattice.at(&[third, 1.0]), Some(1));
        assert_eq!(lattice.at(&[0.0, 2.0]), Some(2));
        for absent in [[0.1, 2.0], [0.1 + 1e-8, 1.0], [0.05, 1.0], [1e-300, 1.0]] {
            assert_eq!(lattice.at(&absent), None, "{absent:?}");
        }
        assert_eq!(lattice.gap(), Some(vec![0.1, 2.0]));
        assert_eq!(numbers.lattice(&[1], &[0, 2]).unwrap().gap(), None);
        assert_eq!(numbers.lattice(&[1], &[0, 1, 2]), Err((3, 2)));
        // Without axes there is one point.
        let scalar = numbers.lattice(&[], &[1]).unwrap();
        assert_eq!((scalar.at(&[]), scalar.gap()), (Some(1), None));
    }
}
