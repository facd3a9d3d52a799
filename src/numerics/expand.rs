//! Decompression that ends: a small file cannot fill the memory.

use std::io::{self, ErrorKind, Read};

/// What a compressed file may become in any case.
const MOST: u64 = 1 << 30;

/// How many times larger than its compressed form a file may become, where that is more.
const FACTOR: u64 = 20;

/// How many bytes may come out of so many compressed ones: 1 GiB, or 20 times their number.
pub fn limit(compressed: u64) -> u64 {
    MOST.max(compressed.saturating_mul(FACTOR))
}

/// All bytes of a decompressing reader, `most` of them at most.
///
/// # Errors
/// Those of the reader, and more bytes than that; what was read until then is in `bytes`.
///
/// ```
/// use saddlepoint::numerics::expand::read;
/// let mut bytes = Vec::new();
/// assert!(read(&[0; 20][..], 20, &mut bytes).is_ok());
/// assert!(read(&[0; 21][..], 20, &mut bytes).is_err());
/// ```
pub fn read(reader: impl Read, most: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    let before = bytes.len();
    reader.take(most.saturating_add(1)).read_to_end(bytes)?;
    match (bytes.len() - before) as u64 > most {
        true => Err(excess(most)),
        false => Ok(()),
    }
}

/// The error for content larger than `most` bytes.
pub fn excess(most: u64) -> io::Error {
    let text = format!(
        "its content is larger than {most} bytes, the most that a compressed file of this size may hold"
    );
    io::Error::new(ErrorKind::FileTooLarge, text)
}
