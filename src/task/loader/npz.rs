//! npz and npy: arrays of samples x entries, or of samples x rows x columns and so on.

use super::{Columns, Contents, Targets};
use crate::error::{Error, Result};
use crate::numerics::npy::{self, Array, Values};
use crate::numerics::npz::Reader;
use crate::numerics::text::{names, shown};
use nalgebra::DMatrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which arrays are stored the other way, so that their last axis counts the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected true, false, \"inputs\" or \"targets\""
)]
pub enum Transpose {
    /// Both, or none; an array of one axis stays as it is.
    Both(bool),
    /// One of them.
    One(Side),
}

impl Default for Transpose {
    fn default() -> Self {
        Transpose::Both(false)
    }
}

/// One of the two arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The inputs.
    Inputs,
    /// The targets.
    Targets,
}

impl Transpose {
    /// In the order in which they are proposed.
    const ALL: [Transpose; 4] = [
        Transpose::Both(true),
        Transpose::Both(false),
        Transpose::One(Side::Inputs),
        Transpose::One(Side::Targets),
    ];

    /// Whether any array is stored the other way.
    pub fn is_given(self) -> bool {
        self.sides() != [false; 2]
    }

    /// Of the inputs and of the targets.
    fn sides(self) -> [bool; 2] {
        match self {
            Transpose::Both(both) => [both; 2],
            Transpose::One(side) => [side == Side::Inputs, side == Side::Targets],
        }
    }

    fn as_key(self) -> &'static str {
        match self {
            Transpose::Both(true) => "task.transpose = true",
            Transpose::One(Side::Inputs) => "task.transpose = \"inputs\"",
            Transpose::One(Side::Targets) => "task.transpose = \"targets\"",
            Transpose::Both(false) => "task.transpose = false",
        }
    }
}

/// An array with its name in messages.
struct Named {
    place: String,
    array: Array,
}

/// Inputs and targets of the chosen arrays of an archive; samples are columns.
pub(super) fn read(
    file: &str,
    bytes: &[u8],
    [inputs, targets]: [&Columns; 2],
    transpose: Transpose,
) -> Result<(DMatrix<f64>, Targets)> {
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
    let x = read_array(file, &mut archive, inputs)?;
    let y = read_array(file, &mut archive, targets)?;
    together(file, x, y, transpose)
}

/// Inputs and targets of a pair of `.npy` files; samples are columns.
pub(super) fn read_pair(
    inputs: &Contents,
    labels: &Contents,
    transpose: Transpose,
) -> Result<(DMatrix<f64>, Targets)> {
    let named = |contents: &Contents| -> Result<Named> {
        Ok(Named {
            place: contents.file.clone(),
            array: npy::parse(&contents.file, &contents.bytes)?,
        })
    };
    together(&inputs.file, named(inputs)?, named(labels)?, transpose)
}

fn read_array(file: &str, archive: &mut Reader, columns: &Columns) -> Result<Named> {
    let name = match columns {
        Columns::Prefix(name) => name,
        Columns::Names(list) => {
            return Err(Error::input(
                file,
                format!(
                    "a list of columns ({}) cannot be chosen from an npz file",
                    names(list, "")
                ),
                "give the name of one array",
            ));
        }
    };
    let place = format!("{file}: array \"{}\"", shown(name));
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
                names(&archive.names(), name)
            ),
            "save the array under this name, or name another one with inputs and targets",
        )
    })?;
    let array = npy::parse(&place, &bytes)?;
    Ok(Named { place, array })
}

/// Two arrays as inputs and targets of the same samples.
fn together(
    file: &str,
    x: Named,
    y: Named,
    transpose: Transpose,
) -> Result<(DMatrix<f64>, Targets)> {
    for named in [&x, &y] {
        if named.array.extent.is_empty() {
            return Err(Error::input(
                &named.place,
                "it is a single value",
                "give an array of samples x entries",
            ));
        }
    }
    let counts = |t: Transpose| {
        let [of_x, of_y] = t.sides();
        [
            samples(&x.array.extent, of_x),
            samples(&y.array.extent, of_y),
        ]
    };
    let [inputs, targets] = counts(transpose);
    if inputs != targets {
        let shape = |a: &Array| {
            let extents: Vec<String> = a.extent.iter().map(usize::to_string).collect();
            extents.join(" x ")
        };
        let agrees = |t: &Transpose| {
            let [inputs, targets] = counts(*t);
            inputs == targets
        };
        let cause = format!(
            "{inputs} samples of inputs, {targets} of targets: the arrays are {} and {}",
            shape(&x.array),
            shape(&y.array)
        );
        return Err(match Transpose::ALL.into_iter().find(agrees) {
            Some(t) => Error::input(
                file,
                format!("{cause}, which agree where the samples are counted along another axis"),
                format!("write {}, or store arrays of samples x entries", t.as_key()),
            ),
            None => Error::input(
                file,
                cause,
                "give inputs and targets the same number of samples, in the same order",
            ),
        });
    }
    let [of_x, of_y] = transpose.sides();
    let inputs = match x.array.values {
        Values::Numbers(values) => matrix(&x.place, &x.array.extent, values, of_x)?,
        Values::Texts(_) => {
            return Err(Error::input(
                &x.place,
                "it holds texts, and inputs are numbers",
                "choose another array with inputs, or save numbers",
            ));
        }
    };
    let targets = match y.array.values {
        Values::Numbers(values) => {
            Targets::Numbers(matrix(&y.place, &y.array.extent, values, of_y)?)
        }
        Values::Texts(texts) if texts.len() == targets => Targets::Names(texts),
        Values::Texts(texts) => {
            return Err(Error::input(
                &y.place,
                format!("{} names of classes for {targets} samples", texts.len()),
                "give every sample the name of one class",
            ));
        }
    };
    Ok((inputs, targets))
}

/// The number of samples, which the first axis counts, or of an array that is stored the other way the last one.
fn samples(extent: &[usize], transposed: bool) -> usize {
    let axis = if transposed {
        extent.last()
    } else {
        extent.first()
    };
    axis.copied().unwrap_or(0)
}

/// Row-major values as a matrix whose columns are samples; all axes but that of the samples are flattened in their
/// order.
fn matrix(
    place: &str,
    extent: &[usize],
    values: Vec<f64>,
    transposed: bool,
) -> Result<DMatrix<f64>> {
    let samples = samples(extent, transposed);
    let width = values.len().checked_div(samples).unwrap_or(0);
    let matrix = match transposed && extent.len() > 1 {
        false => DMatrix::from_vec(width, samples, values),
        true => DMatrix::from_vec(samples, width, values).transpose(),
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
