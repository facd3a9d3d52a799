//! The record store: one file per computed unit, written atomically, read back only when its checksum fits; many files are packed
//! into one.

use super::pack::{self, Pack};
use crate::error::{Error, Result};
pub use crate::numerics::atomic::write_atomic;
use crate::numerics::atomic::{entries, remove, remove_abandoned};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"SPREC001";
const HASH_BYTES: usize = 32;
/// Folder of the packs in the store.
const PACKS: &str = "packs";

/// Named arrays with a JSON description.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Anything beside the arrays, the seconds of the computation among it.
    pub meta: Json,
    /// Name and values, in the order in which they are stored.
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
    /// The record, its checksum verified.
    Found(Record),
    /// Neither a loose file nor a pack holds the key.
    Missing,
    /// The file (record or pack) that holds it exists but its checksum does not fit; it will be recomputed.
    Damaged(PathBuf),
}

/// A folder of records keyed by content hashes: loose files, and packs of many records. A record is in either or, after a kill at
/// the wrong moment, in both.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    packs: Vec<Pack>,
    damaged: Vec<PathBuf>,
}

impl Store {
    /// Opens (and creates) `<out>/store`, and checks that it can be written.
    pub fn open(out: &Path) -> Result<Store> {
        let root = out.join("store");
        std::fs::create_dir_all(&root).map_err(|e| Error::storage(&root, &e))?;
        tempfile::NamedTempFile::new_in(&root).map_err(|e| Error::storage(&root, &e))?;
        Store::existing(out)
    }

    /// The store of `out` as it is, for reading; nothing is created.
    pub fn existing(out: &Path) -> Result<Store> {
        let root = out.join("store");
        let mut store = Store {
            packs: vec![],
            damaged: vec![],
            root,
        };
        let mut paths: Vec<PathBuf> = entries(&store.root.join(PACKS))?
            .into_iter()
            .filter(|p| p.extension().is_some_and(|e| e == "pack"))
            .collect();
        paths.sort();
        for path in paths {
            match Pack::open(&path)? {
                Some(pack) => store.packs.push(pack),
                None => store.damaged.push(path),
            }
        }
        Ok(store)
    }

    /// Packs whose index is damaged; their records count as missing.
    pub fn damaged_packs(&self) -> &[PathBuf] {
        &self.damaged
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Path of a record, relative to the store.
    pub fn name(key: &str) -> String {
        format!("{}/{}.rec", &key[..2.min(key.len())], key)
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(Self::name(key))
    }

    /// The record of `key` (a hexadecimal hash), from its own file or else a pack. Errors: a file that exists but cannot be read.
    pub fn get(&self, key: &str) -> Result<Lookup> {
        let path = self.path(key);
        let mut damaged = None;
        match std::fs::read(&path) {
            Ok(bytes) => match decode(&bytes) {
                Some(record) => return Ok(Lookup::Found(record)),
                None => damaged = Some(path),
            },
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(Error::storage(&path, &e)),
        }
        for pack in &self.packs {
            if let Some(bytes) = pack.get(key)? {
                match decode(&bytes) {
                    Some(record) => return Ok(Lookup::Found(record)),
                    None => damaged = damaged.or(Some(pack.path().to_path_buf())),
                }
            }
        }
        Ok(damaged.map_or(Lookup::Missing, Lookup::Damaged))
    }

    /// Writes a record: complete under its final name, or not at all.
    pub fn put(&self, key: &str, record: &Record) -> Result<()> {
        write_atomic(&self.path(key), &encode(record))
    }

    /// Removes what killed runs left half-written, and packs the loose records when there are more than `limit`.
    ///
    /// The pack is complete before the first loose file goes: a kill at any moment loses nothing.
    pub fn tidy(&mut self, limit: usize) -> Result<()> {
        remove_abandoned(&self.root)?;
        let mut loose = Vec::new();
        for folder in entries(&self.root)?.into_iter().filter(|p| p.is_dir()) {
            remove_abandoned(&folder)?;
            for path in entries(&folder)? {
                if path.extension().is_some_and(|e| e == "rec")
                    && let Some(key) = path.file_stem()
                {
                    loose.push((key.to_string_lossy().into_owned(), path));
                }
            }
        }
        if loose.len() <= limit {
            return Ok(());
        }
        loose.sort();
        let (packed, fresh) = loose.into_iter().partition::<Vec<_>, _>(|(key, _)| {
            self.packs
                .iter()
                .any(|p| matches!(p.get(key), Ok(Some(bytes)) if valid(&bytes)))
        });
        let mut replaced: Vec<PathBuf> = packed.into_iter().map(|(_, path)| path).collect();
        if let Some((pack, files)) = pack::write(&self.root.join(PACKS), &fresh)? {
            self.packs.push(pack);
            replaced.extend(files);
        }
        replaced.iter().try_for_each(|path| remove(path))
    }
}

/// Paths in a folder; none where there is no folder.
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

/// Whether `bytes` are a whole record.
pub(super) fn valid(bytes: &[u8]) -> bool {
    decode(bytes).is_some()
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

    fn numbered(k: usize) -> (String, Record) {
        let record = Record {
            meta: serde_json::json!({}),
            arrays: vec![("k".into(), vec![k as f64; 3])],
        };
        (format!("{k:08x}"), record)
    }

    fn all_found(out: &Path, n: usize) {
        let store = Store::existing(out).unwrap();
        for k in 0..n {
            let (key, record) = numbered(k);
            assert_eq!(store.get(&key).unwrap(), Lookup::Found(record), "{k}");
        }
    }

    fn loose(out: &Path) -> Vec<PathBuf> {
        let folders = entries(&out.join("store")).unwrap();
        let files = folders.iter().flat_map(|f| entries(f).unwrap());
        files.filter(|p| p.extension().unwrap() == "rec").collect()
    }

    fn packs(out: &Path) -> Vec<PathBuf> {
        entries(&out.join("store").join(PACKS)).unwrap()
    }

    /// A store with records 0..n, of which tidy(limit) was called.
    fn filled(out: &Path, range: std::ops::Range<usize>, limit: usize) {
        let mut store = Store::open(out).unwrap();
        for k in range {
            let (key, record) = numbered(k);
            store.put(&key, &record).unwrap();
        }
        store.tidy(limit).unwrap();
    }

    #[test]
    fn many_records_are_packed_and_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        filled(out, 0..30, 30);
        assert_eq!((loose(out).len(), packs(out).len()), (30, 0));
        filled(out, 30..31, 30);
        assert_eq!((loose(out).len(), packs(out).len()), (0, 1));
        filled(out, 31..50, 10);
        assert_eq!((loose(out).len(), packs(out).len()), (0, 2));
        all_found(out, 50);
        let missing = Store::existing(out).unwrap().get("ffff").unwrap();
        assert_eq!(missing, Lookup::Missing);
    }

    #[test]
    fn a_kill_while_packing_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        filled(out, 0..20, 100);
        let copies: Vec<(PathBuf, Vec<u8>)> = loose(out)
            .into_iter()
            .map(|p| (p.clone(), std::fs::read(p).unwrap()))
            .collect();
        filled(out, 0..0, 5);
        assert!(loose(out).is_empty());
        // Killed between the rename of the pack and the removal of the last twelve files: both are there.
        for (path, bytes) in &copies[8..] {
            std::fs::write(path, bytes).unwrap();
        }
        all_found(out, 20);
        filled(out, 0..0, 5);
        assert_eq!((loose(out).len(), packs(out).len()), (0, 1));
        all_found(out, 20);
    }

    #[test]
    fn damage_in_a_pack_is_noticed_and_a_new_record_replaces_it() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        filled(out, 0..4, 0);
        let pack = packs(out).remove(0);
        let good = std::fs::read(&pack).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&pack, &bad).unwrap();
            let store = Store::existing(out).unwrap();
            let whole = (0..4)
                .filter(|k| {
                    let (key, record) = numbered(*k);
                    match store.get(&key).unwrap() {
                        Lookup::Found(found) => {
                            assert_eq!(found, record);
                            true
                        }
                        Lookup::Damaged(path) => {
                            assert_eq!(path, pack);
                            false
                        }
                        Lookup::Missing => {
                            assert_eq!(store.damaged_packs(), std::slice::from_ref(&pack));
                            false
                        }
                    }
                })
                .count();
            // The magic word is for people; everything else is under a checksum.
            assert!(whole < 4 || at < 8, "flipped byte {at}");
        }
        let mut bad = good.clone();
        bad[20] ^= 1;
        std::fs::write(&pack, bad).unwrap();
        filled(out, 0..4, 100);
        all_found(out, 4);
    }

    #[test]
    fn a_damaged_loose_record_is_not_packed() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        filled(out, 0..6, 100);
        let path = Store::existing(out).unwrap().path(&numbered(2).0);
        std::fs::write(&path, "damaged").unwrap();
        filled(out, 0..0, 3);
        assert_eq!(loose(out), std::slice::from_ref(&path));
        let found = Store::existing(out).unwrap().get(&numbered(2).0).unwrap();
        assert_eq!(found, Lookup::Damaged(path));
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
