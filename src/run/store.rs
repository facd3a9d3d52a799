//! The record store: one file per computed unit, written atomically, read back only when its checksum fits.

use crate::error::{Error, Result};
use serde_json::Value as Json;
use std::io::Write;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"SPREC001";
const HASH_BYTES: usize = 32;

/// Named arrays with a JSON description.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub meta: Json,
    pub arrays: Vec<(String, Vec<f64>)>,
}

impl Record {
    /// The array called `name`.
    pub fn array(&self, name: &str) -> Option<&[f64]> {
        self.arrays
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_slice())
    }
}

/// What the store knows about a key.
#[derive(Debug, PartialEq)]
pub enum Lookup {
    Found(Record),
    Missing,
    /// The file exists but its checksum does not fit; it will be recomputed.
    Damaged(PathBuf),
}

/// A folder of records keyed by content hashes.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// Opens (and creates) `<out>/store`, and checks that it can be written.
    pub fn open(out: &Path) -> Result<Store> {
        let root = out.join("store");
        std::fs::create_dir_all(&root).map_err(|e| Error::storage(&root, &e))?;
        tempfile::NamedTempFile::new_in(&root).map_err(|e| Error::storage(&root, &e))?;
        Ok(Store { root })
    }

    /// Path of a record, relative to the store.
    pub fn name(key: &str) -> String {
        format!("{}/{}.rec", &key[..2.min(key.len())], key)
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(Self::name(key))
    }

    pub fn get(&self, key: &str) -> Result<Lookup> {
        let path = self.path(key);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Lookup::Missing),
            Err(e) => return Err(Error::storage(&path, &e)),
        };
        Ok(match decode(&bytes) {
            Some(record) => Lookup::Found(record),
            None => Lookup::Damaged(path),
        })
    }

    /// Writes a record: complete under its final name, or not at all.
    pub fn put(&self, key: &str, record: &Record) -> Result<()> {
        write_atomic(&self.path(key), &encode(record))
    }
}

/// Writes `bytes` to a temporary file beside `path` and renames it, creating parent folders.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let failed = |e: &std::io::Error| Error::storage(path, e);
    std::fs::create_dir_all(folder).map_err(|e| failed(&e))?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|e| failed(&e))?;
    file.write_all(bytes).map_err(|e| failed(&e))?;
    file.flush().map_err(|e| failed(&e))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let readable = std::fs::Permissions::from_mode(0o644);
        file.as_file()
            .set_permissions(readable)
            .map_err(|e| failed(&e))?;
    }
    file.persist(path).map_err(|e| failed(&e.error))?;
    Ok(())
}

fn encode(record: &Record) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    let text = |out: &mut Vec<u8>, s: &str| {
        out.extend((s.len() as u64).to_le_bytes());
        out.extend(s.as_bytes());
    };
    text(&mut out, &record.meta.to_string());
    out.extend((record.arrays.len() as u64).to_le_bytes());
    for (name, values) in &record.arrays {
        text(&mut out, name);
        out.extend((values.len() as u64).to_le_bytes());
        for v in values {
            out.extend(v.to_le_bytes());
        }
    }
    let hash = blake3::hash(&out);
    out.extend(hash.as_bytes());
    out
}

fn decode(bytes: &[u8]) -> Option<Record> {
    let split = bytes.len().checked_sub(HASH_BYTES)?;
    let (body, hash) = bytes.split_at(split);
    if blake3::hash(body).as_bytes() != hash {
        return None;
    }
    let mut rest = body.strip_prefix(MAGIC)?;
    let meta = serde_json::from_str(&take_text(&mut rest)?).ok()?;
    let count = take_u64(&mut rest)?;
    let mut arrays = Vec::new();
    for _ in 0..count {
        let name = take_text(&mut rest)?;
        let length = take_u64(&mut rest)? as usize;
        let data = take(&mut rest, length.checked_mul(8)?)?;
        let values = data
            .chunks_exact(8)
            .map(|c| f64::from_le_bytes([c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]]))
            .collect();
        arrays.push((name, values));
    }
    rest.is_empty().then_some(Record { meta, arrays })
}

fn take<'a>(rest: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(n)?;
    *rest = tail;
    Some(head)
}

fn take_u64(rest: &mut &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(take(rest, 8)?.try_into().ok()?))
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    let n = take_u64(rest)? as usize;
    String::from_utf8(take(rest, n)?.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            meta: serde_json::json!({ "seconds": 0.1 }),
            arrays: vec![
                ("a".into(), vec![1.0, f64::NAN, -0.0]),
                ("b".into(), vec![]),
            ],
        }
    }

    #[test]
    fn records_come_back_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.get("abcd").unwrap(), Lookup::Missing);
        store.put("abcd", &record()).unwrap();
        let Lookup::Found(back) = store.get("abcd").unwrap() else {
            panic!("not found")
        };
        let bits = |r: &Record| -> Vec<u64> { r.arrays[0].1.iter().map(|v| v.to_bits()).collect() };
        assert_eq!(bits(&back), bits(&record()));
        assert_eq!(back.meta, record().meta);
    }

    #[test]
    fn every_damaged_byte_and_every_cut_is_noticed() {
        let good = encode(&record());
        for k in 0..good.len() {
            let mut bad = good.clone();
            bad[k] ^= 1;
            assert_eq!(decode(&bad), None, "flipped byte {k}");
            assert_eq!(decode(&good[..k]), None, "cut at {k}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error_with_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plain");
        std::fs::write(&file, "x").unwrap();
        let error = Store::open(&file).unwrap_err();
        assert!(error.to_string().contains("remedy"));
        assert!(error.exit_code() == 2);
    }
}
