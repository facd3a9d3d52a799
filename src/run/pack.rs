//! Packs: many records in one file, written once and never changed, with an index at the end.

use super::store::valid;
use crate::error::{Error, Result};
use crate::numerics::atomic::{persist, temporary};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"SPPACK01";
/// Length of the index and its BLAKE3 hash.
const TRAILER_BYTES: u64 = 8 + 32;

/// Offset and length of every record by its key.
type Index = BTreeMap<String, (u64, u64)>;

/// One pack file: magic, the records as they stood in their own files (each with its own checksum), index as JSON, trailer.
#[derive(Debug, Clone)]
pub(super) struct Pack {
    path: PathBuf,
    index: Index,
}

impl Pack {
    /// Reads the index; `None` when it is damaged.
    pub fn open(path: &Path) -> Result<Option<Pack>> {
        let failed = |e: std::io::Error| Error::storage(path, &e);
        let mut file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let Some(end) = size.checked_sub(TRAILER_BYTES) else {
            return Ok(None);
        };
        let trailer = read(&mut file, end, TRAILER_BYTES).map_err(failed)?;
        let (length, hash) = trailer.split_at(8);
        let length = u64::from_le_bytes(length.try_into().unwrap_or_default());
        let Some(start) = end.checked_sub(length) else {
            return Ok(None);
        };
        let bytes = read(&mut file, start, length).map_err(failed)?;
        if blake3::hash(&bytes).as_bytes() != hash {
            return Ok(None);
        }
        Ok(serde_json::from_slice(&bytes).ok().map(|index| Pack {
            path: path.to_path_buf(),
            index,
        }))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of a record, `None` where the pack does not hold it. They may be damaged.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let Some(&(offset, length)) = self.index.get(key) else {
            return Ok(None);
        };
        let bytes = File::open(&self.path).and_then(|mut f| read(&mut f, offset, length));
        match bytes {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => Ok(Some(vec![])),
            Err(e) => Err(Error::storage(&self.path, &e)),
        }
    }
}

fn read(file: &mut File, offset: u64, length: u64) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    match bytes.len() as u64 == length {
        true => Ok(bytes),
        false => Err(ErrorKind::UnexpectedEof.into()),
    }
}

/// Puts the records in the files `loose` (key, path) into a new pack in `folder`; damaged and vanished files are left out.
/// Returns the pack and the files that it replaces, or `None` when none is left.
pub(super) fn write(
    folder: &Path,
    loose: &[(String, PathBuf)],
) -> Result<Option<(Pack, Vec<PathBuf>)>> {
    let failed = |e: std::io::Error| Error::storage(folder, &e);
    std::fs::create_dir_all(folder).map_err(failed)?;
    let file = temporary(folder).map_err(failed)?;
    let mut out = std::io::BufWriter::new(file);
    out.write_all(MAGIC).map_err(failed)?;
    let (mut offset, mut index, mut replaced) = (MAGIC.len() as u64, Index::new(), Vec::new());
    for (key, path) in loose {
        let bytes = match std::fs::read(path) {
            Ok(bytes) if valid(&bytes) => bytes,
            Ok(_) => continue,
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(Error::storage(path, &e)),
        };
        out.write_all(&bytes).map_err(failed)?;
        index.insert(key.clone(), (offset, bytes.len() as u64));
        offset += bytes.len() as u64;
        replaced.push(path.clone());
    }
    if index.is_empty() {
        return Ok(None);
    }
    let bytes = serde_json::to_vec(&index).map_err(|e| Error::bug("pack", e.to_string()))?;
    let hash = blake3::hash(&bytes);
    out.write_all(&bytes)
        .and_then(|()| out.write_all(&(bytes.len() as u64).to_le_bytes()))
        .and_then(|()| out.write_all(hash.as_bytes()))
        .map_err(failed)?;
    let file = out.into_inner().map_err(|e| failed(e.into_error()))?;
    let path = folder.join(format!("{}.pack", &hash.to_hex()[..16]));
    persist(file, &path)?;
    Ok(Some((Pack { path, index }, replaced)))
}
