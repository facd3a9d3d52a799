//! IDX: the format of MNIST, an array of any number of dimensions behind a short header.
//!
//! Bytes 0 and 1 are zero, byte 2 is the type, byte 3 the number of dimensions; then each extent as a big-endian 32-bit number,
//! then all values, big-endian, last dimension fastest (Y. LeCun, C. Cortes, C. Burges, "The MNIST database").

use super::Contents;
use crate::error::{Error, Result};
use nalgebra::DMatrix;

/// An array of an IDX file.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// The first one counts the samples.
    pub extent: Vec<usize>,
    /// Row-major.
    pub values: Vec<f64>,
}

impl Array {
    /// One column per sample, `extent[1] * extent[2] * ...` rows.
    pub fn into_columns(self) -> DMatrix<f64> {
        let samples = self.extent.first().copied().unwrap_or(0);
        let width = self.values.len().checked_div(samples).unwrap_or(0);
        DMatrix::from_vec(width, samples, self.values)
    }
}

/// The array in the (decompressed) bytes of an IDX file; `file` is its name in messages.
///
/// Errors, each with its byte offset: a wrong magic number, an unknown type, a header or values that end too early, bytes after
/// the last value, no value at all, a value that is not finite.
///
/// ```
/// use saddlepoint::task::loader::idx::parse;
/// let bytes = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 10, 20, 30, 40, 50, 255];
/// let array = parse("two rows", &bytes)?;
/// assert_eq!(array.extent, [2, 3]);
/// assert_eq!(array.into_columns().column(1).as_slice(), [40.0, 50.0, 255.0]);
/// assert!(parse("cut", &bytes[..17]).is_err());
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn parse(file: &str, bytes: &[u8]) -> Result<Array> {
    let wrong = |at: usize, cause: String, remedy: &str| {
        Err(Error::input(format!("{file}: byte {at}"), cause, remedy))
    };
    let again = "copy or download the file again";
    let &[zero, nil, code, dimensions, ref rest @ ..] = bytes else {
        let cause = format!(
            "the file ends inside the header, which begins with 4 bytes, not {}",
            bytes.len()
        );
        return wrong(bytes.len(), cause, again);
    };
    if (zero, nil) != (0, 0) {
        let cause = format!("the magic number begins with {zero:02x} {nil:02x}, not 00 00");
        return wrong(0, cause, "give an IDX file, plain or gzip");
    }
    let Some((size, convert)) = number(code) else {
        let cause = format!("type {code:#04x} is none of 0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0e");
        return wrong(2, cause, "give an IDX file, plain or gzip");
    };
    if dimensions == 0 {
        return wrong(
            3,
            "the array has no dimension".into(),
            "give an array of samples",
        );
    }
    let header = 4 * usize::from(dimensions);
    let Some((extents, values)) = rest.split_at_checked(header) else {
        let cause = format!(
            "the file ends inside the header, whose {dimensions} extents reach to byte {}",
            4 + header
        );
        return wrong(bytes.len(), cause, again);
    };
    let extent: Vec<usize> = extents
        .chunks_exact(4)
        .map(|b| b.iter().fold(0, |n, b| n << 8 | usize::from(*b)))
        .collect();
    if let Some(k) = extent.iter().position(|n| *n == 0) {
        return wrong(
            4 + 4 * k,
            "an extent is 0: there are no values".into(),
            again,
        );
    }
    let described = || {
        let extents: Vec<String> = extent.iter().map(usize::to_string).collect();
        format!("{} values of {size} bytes", extents.join(" x "))
    };
    let needed = extent.iter().try_fold(size, |n, e| n.checked_mul(*e));
    match needed {
        Some(needed) if needed == values.len() => {}
        Some(needed) if needed < values.len() => {
            let cause = format!(
                "{} bytes follow the last of {}",
                values.len() - needed,
                described()
            );
            return wrong(4 + header + needed, cause, again);
        }
        _ => {
            let cause = format!("the file ends here, before the last of {}", described());
            return wrong(bytes.len(), cause, again);
        }
    }
    let values: Vec<f64> = values.chunks_exact(size).map(convert).collect();
    if let Some(k) = values.iter().position(|v| !v.is_finite()) {
        let cause = format!("{} is not finite", values[k]);
        return wrong(
            4 + header + k * size,
            cause,
            "remove the sample or fill in a value",
        );
    }
    Ok(Array { extent, values })
}

/// Inputs and labels of a pair of files; samples are columns.
pub(super) fn read_pair(
    inputs: &Contents,
    labels: &Contents,
) -> Result<(DMatrix<f64>, DMatrix<f64>)> {
    let x = parse(&inputs.file, &inputs.bytes)?;
    let y = parse(&labels.file, &labels.bytes)?;
    let exchanged = |file: &str, cause: String| {
        Err(Error::input(
            format!("{file}: byte 3"),
            cause,
            "give the images (idx3) as path and the labels (idx1) as labels",
        ))
    };
    if x.extent.len() < 2 {
        let cause = "one dimension: these are labels, not inputs".into();
        return exchanged(&inputs.file, cause);
    }
    if y.extent.len() != 1 {
        let cause = format!("{} dimensions: these are not labels", y.extent.len());
        return exchanged(&labels.file, cause);
    }
    Ok((x.into_columns(), y.into_columns()))
}

type Convert = fn(&[u8]) -> f64;

/// Bytes per value of a type code, and how they are read.
fn number(code: u8) -> Option<(usize, Convert)> {
    fn big_endian<const N: usize>(bytes: &[u8]) -> [u8; N] {
        std::array::from_fn(|k| bytes[k])
    }
    Some(match code {
        0x08 => (1, |b| f64::from(b[0])),
        0x09 => (1, |b| f64::from(i8::from_be_bytes(big_endian(b)))),
        0x0b => (2, |b| f64::from(i16::from_be_bytes(big_endian(b)))),
        0x0c => (4, |b| f64::from(i32::from_be_bytes(big_endian(b)))),
        0x0d => (4, |b| f64::from(f32::from_be_bytes(big_endian(b)))),
        0x0e => (8, |b| f64::from_be_bytes(big_endian(b))),
        _ => return None,
    })
}

#[cfg(test)]
pub(in crate::task) mod tests {
    use super::super::tests::write;
    use super::super::{Columns, Reading, Samples, Source};
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use std::io::Write;
    use std::path::Path;
    use tempfile::TempDir;

    /// The bytes of an IDX file of unsigned bytes.
    pub fn bytes(extent: &[u32], values: &[u8]) -> Vec<u8> {
        let mut out = vec![0, 0, 8, extent.len() as u8];
        extent.iter().for_each(|n| out.extend(n.to_be_bytes()));
        out.extend(values);
        out
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn load_labelled(path: &Path, labels: &Path) -> Result<Samples> {
        let unused = Columns::Prefix(String::new());
        Source::read(path, Some(labels), Reading::default())?.samples(&unused, &unused)
    }

    fn images() -> Vec<u8> {
        bytes(&[3, 2, 2], &(1..=12).collect::<Vec<u8>>())
    }

    fn message(images: &[u8], labels: &[u8]) -> String {
        let folder = TempDir::new().unwrap();
        let path = write(&folder, "images-idx3-ubyte", images);
        let labels = write(&folder, "labels-idx1-ubyte", labels);
        load_labelled(&path, &labels).unwrap_err().to_string()
    }

    #[test]
    fn every_type_is_read_to_the_last_bit() {
        let one = |code: u8, value: &[u8]| {
            let file = [&[0, 0, code, 1, 0, 0, 0, 1], value].concat();
            parse("a", &file).unwrap().values[0]
        };
        assert_eq!(one(0x08, &[200]), 200.0);
        assert_eq!(one(0x09, &[200]), -56.0);
        assert_eq!(one(0x0b, &(-300i16).to_be_bytes()), -300.0);
        assert_eq!(one(0x0c, &70_000i32.to_be_bytes()), 70_000.0);
        assert_eq!(one(0x0d, &0.1f32.to_be_bytes()), f64::from(0.1f32));
        assert_eq!(one(0x0e, &0.1f64.to_be_bytes()), 0.1);
    }

    #[test]
    fn plain_and_compressed_files_are_one() {
        let folder = TempDir::new().unwrap();
        let labels = bytes(&[3], &[7, 0, 1]);
        let path = write(&folder, "a-idx3-ubyte", &images());
        let plain = load_labelled(&path, &write(&folder, "b-idx1-ubyte", &labels)).unwrap();
        let path = write(&folder, "a-idx3-ubyte.gz", &gzip(&images()));
        // Known by its content alone.
        let compressed = load_labelled(&path, &write(&folder, "b", &gzip(&labels))).unwrap();
        assert_eq!(plain, compressed);
        assert_eq!(plain.x.column(1).as_slice(), [5.0, 6.0, 7.0, 8.0]);
        assert_eq!(plain.y.as_slice(), [7.0, 0.0, 1.0]);
    }

    #[test]
    fn errors_name_the_byte() {
        let labels = bytes(&[3], &[7, 0, 1]);
        for (images, labels, wanted) in [
            (
                images(),
                bytes(&[2], &[7, 0]),
                "3 samples of inputs, 2 of targets",
            ),
            (
                labels.clone(),
                labels.clone(),
                "byte 3: one dimension: these are labels",
            ),
            (
                images(),
                images(),
                "byte 3: 3 dimensions: these are not labels",
            ),
            (
                images()[..20].to_vec(),
                labels.clone(),
                "byte 20: the file ends here, before the last of 3 x 2 x 2",
            ),
            (
                images()[..9].to_vec(),
                labels.clone(),
                "byte 9: the file ends inside the header",
            ),
            (
                vec![],
                labels.clone(),
                "byte 0: the file ends inside the header",
            ),
            (
                [images(), vec![0]].concat(),
                labels.clone(),
                "byte 28: 1 bytes follow the last of",
            ),
            (
                b"\x89PNG and so on".to_vec(),
                labels.clone(),
                "byte 0: the magic number begins with 89 50",
            ),
            (
                vec![0, 0, 7, 1, 0, 0, 0, 1, 0],
                labels.clone(),
                "byte 2: type 0x07",
            ),
            (
                bytes(&[0, 2, 2], &[]),
                labels.clone(),
                "byte 4: an extent is 0",
            ),
            (
                gzip(&images())[..20].to_vec(),
                labels.clone(),
                "not a complete gzip file",
            ),
        ] {
            let m = message(&images, &labels);
            assert!(m.contains(wanted), "{m}");
            assert!(m.contains("-ubyte") && m.contains("remedy: "), "{m}");
        }
        let nan = [
            &[0, 0, 0x0d, 1, 0, 0, 0, 2],
            &1f32.to_be_bytes()[..],
            &f32::NAN.to_be_bytes(),
        ]
        .concat();
        let m = parse("a", &nan).unwrap_err().to_string();
        assert!(m.starts_with("a: byte 12: NaN is not finite"), "{m}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

        #[test]
        fn no_damage_of_a_file_is_a_panic(
            compressed in any::<bool>(), end in any::<prop::sample::Index>(),
            place in any::<prop::sample::Index>(), value in any::<u8>(), cut in any::<bool>(),
        ) {
            let mut file = if compressed { gzip(&images()) } else { images() };
            if cut {
                file.truncate(end.index(file.len()));
            } else {
                let place = place.index(16);
                file[place] = value;
            }
            let folder = TempDir::new().unwrap();
            let path = write(&folder, "images-idx3-ubyte", &file);
            let labels = write(&folder, "labels-idx1-ubyte", &bytes(&[3], &[7, 0, 1]));
            match load_labelled(&path, &labels) {
                Ok(samples) => prop_assert!(!cut && samples.x.shape() == (4, 3)),
                Err(e) => prop_assert_eq!(e.exit_code(), 2),
            }
        }
    }

    #[test]
    fn no_header_byte_and_no_length_is_a_panic() {
        let file = images();
        assert!((0..file.len()).all(|end| parse("a", &file[..end]).is_err()));
        for place in 0..16 {
            for value in 0..=255 {
                let mut damaged = file.clone();
                damaged[place] = value;
                let outcome = parse("a", &damaged);
                assert!(outcome.is_ok() || outcome.unwrap_err().exit_code() == 2);
            }
        }
    }
}
