//! npz: named arrays of samples x entries.

use super::Columns;
use crate::error::{Error, Result};
use crate::numerics::npz::Reader;
use nalgebra::DMatrix;

/// Inputs and targets of the chosen arrays; samples are columns.
pub(super) fn read(
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
