//! Archives of arrays (`.npz`), as `numpy.savez` writes and `numpy.load` reads them.

use super::{expand, npy};
use crate::error::{Error, Result};
use std::io::{self, Cursor, Write};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// What numpy appends to the name of an array in an archive.
const ENDING: &str = ".npy";

fn file_of(array: &str) -> String {
    format!("{array}{ENDING}")
}

/// Writes arrays into an archive in memory. Entries are stored uncompressed under one fixed date, so equal arrays are equal bytes.
///
/// ```
/// use saddlepoint::numerics::npz::{Reader, Writer};
/// let mut archive = Writer::default();
/// archive.add("x", &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// let bytes = archive.finish()?;
/// let x = Reader::new(&bytes).unwrap().entry("x").unwrap().unwrap();
/// assert_eq!(saddlepoint::numerics::npy::parse("x", &x)?.extent, [2, 3]);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub struct Writer(ZipWriter<Cursor<Vec<u8>>>);

impl Default for Writer {
    fn default() -> Self {
        Writer(ZipWriter::new(Cursor::new(Vec::new())))
    }
}

impl Writer {
    /// Adds a row-major array.
    ///
    /// # Errors
    /// A name that the archive holds already, or a shape that does not fit the number of values: faults of the program.
    pub fn add<T: npy::Element>(
        &mut self,
        name: &str,
        shape: &[usize],
        values: &[T],
    ) -> Result<()> {
        let failed = |e: &dyn std::fmt::Display| Error::bug("npz", format!("array {name}: {e}"));
        if shape.iter().product::<usize>() != values.len() {
            return Err(failed(&format!(
                "{} values for the shape {shape:?}",
                values.len()
            )));
        }
        let bytes = npy::bytes(shape, values);
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::DEFAULT)
            .large_file(bytes.len() as u64 >= u64::from(u32::MAX));
        self.0
            .start_file(file_of(name), options)
            .map_err(|e| failed(&e))?;
        self.0.write_all(&bytes).map_err(|e| failed(&e))
    }

    /// The bytes of the archive.
    pub fn finish(self) -> Result<Vec<u8>> {
        match self.0.finish() {
            Ok(bytes) => Ok(bytes.into_inner()),
            Err(e) => Err(Error::bug("npz", e.to_string())),
        }
    }
}

/// Reads the entries of an archive in memory, stored or deflated, up to the size of [`expand::limit`].
pub struct Reader<'a>(ZipArchive<Cursor<&'a [u8]>>, u64);

impl<'a> Reader<'a> {
    /// Reads the table of contents, which stands at the end of an archive.
    ///
    /// # Errors
    /// The bytes are not an archive, or not a complete one.
    pub fn new(bytes: &'a [u8]) -> io::Result<Self> {
        let archive = ZipArchive::new(Cursor::new(bytes))?;
        Ok(Reader(archive, bytes.len() as u64))
    }

    /// Names of the arrays, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .0
            .file_names()
            .filter_map(|file| Some(file.ok()?.strip_suffix(ENDING)?.to_string()))
            .collect();
        names.sort();
        names
    }

    /// The `.npy` bytes of an array, checked against their checksum; `None` if there is no such array.
    ///
    /// # Errors
    /// Bytes that do not fit their checksum, a compression other than deflate, a content that is too large for the
    /// bytes that are there ([`expand::limit`]), whether it is declared or not.
    pub fn entry(&mut self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let entry = match self.0.by_name(&file_of(name)) {
            Err(ZipError::FileNotFound) => return Ok(None),
            entry => entry?,
        };
        let most = expand::limit(entry.compressed_size().min(self.1));
        if entry.size() > most {
            return Err(expand::excess(most));
        }
        let mut bytes = Vec::new();
        expand::read(entry, most, &mut bytes)?;
        Ok(Some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> Vec<u8> {
        let mut archive = Writer::default();
        archive.add("b", &[2], &[0.1, -3.0]).unwrap();
        archive.add("a", &[], &[7i64]).unwrap();
        archive.finish().unwrap()
    }

    #[test]
    fn arrays_return_to_the_last_bit_and_equal_arrays_are_equal_bytes() {
        let bytes = archive();
        assert_eq!(bytes, archive());
        let mut reader = Reader::new(&bytes).unwrap();
        assert_eq!(reader.names(), ["a", "b"]);
        assert_eq!(reader.entry("c").unwrap(), None);
        let b = reader.entry("b").unwrap().unwrap();
        let b = npy::parse("b", &b).unwrap().values;
        assert_eq!(b, npy::Values::Numbers(vec![0.1, -3.0]));
    }

    #[test]
    fn no_byte_of_a_value_changes_unnoticed() {
        let bytes = archive();
        let place = bytes
            .windows(8)
            .position(|w| w == 0.1f64.to_le_bytes())
            .unwrap();
        for k in place..place + 16 {
            let mut damaged = bytes.clone();
            damaged[k] ^= 1;
            assert!(Reader::new(&damaged).unwrap().entry("b").is_err());
        }
    }

    #[test]
    fn a_name_is_given_once_and_a_shape_fits_its_values() {
        let mut archive = Writer::default();
        archive.add("x", &[1], &[1.0]).unwrap();
        assert_eq!(archive.add("x", &[1], &[1.0]).unwrap_err().exit_code(), 70);
        assert!(archive.add("y", &[2], &[1.0]).is_err());
    }
}
