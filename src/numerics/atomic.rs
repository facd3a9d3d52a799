//! Files that are there whole or not at all.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{ErrorKind, Result as IoResult, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::NamedTempFile;

/// A temporary file of this age is left by a killed program, on file systems without locks too.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Writes `bytes` to a temporary file beside `path` and renames it, creating parent folders.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let failed = |e: &std::io::Error| Error::storage(path, e);
    std::fs::create_dir_all(folder).map_err(|e| failed(&e))?;
    let mut file = temporary(folder).map_err(|e| failed(&e))?;
    file.write_all(bytes).map_err(|e| failed(&e))?;
    persist(file, path)
}

/// A temporary file in `folder`, locked while its writer lives: [`remove_abandoned`] of any process leaves it alone.
pub fn temporary(folder: &Path) -> IoResult<NamedTempFile> {
    loop {
        let file = NamedTempFile::new_in(folder)?;
        match file.as_file().lock() {
            Err(e) if e.kind() != ErrorKind::Unsupported => return Err(e),
            _ => {}
        }
        // Another process may have removed it before the lock was ours.
        if file.path().try_exists()? {
            return Ok(file);
        }
    }
}

/// Gives a complete temporary file its final name.
pub fn persist(mut file: NamedTempFile, path: &Path) -> Result<()> {
    let failed = |e: &std::io::Error| Error::storage(path, e);
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

/// Removes the temporary files in `folder` whose writer is dead.
pub fn remove_abandoned(folder: &Path) -> Result<()> {
    for path in entries(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(".tmp") {
            // The lock is held until the file is gone.
            let lock = File::open(&path).ok().filter(|f| f.try_lock().is_ok());
            if lock.is_some() || old(&path) {
                remove(&path)?;
            }
        }
    }
    Ok(())
}

fn old(path: &Path) -> bool {
    let modified = std::fs::metadata(path).and_then(|m| m.modified()).ok();
    let age = modified.and_then(|t| t.elapsed().ok());
    age.is_some_and(|age| age > ABANDONED)
}

/// What is in `folder`; nothing when it does not exist.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    match std::fs::read_dir(folder) {
        Ok(list) => list
            .map(|entry| entry.map(|e| e.path()))
            .collect::<IoResult<_>>()
            .map_err(|e| Error::storage(folder, &e)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(vec![]),
        Err(e) => Err(Error::storage(folder, &e)),
    }
}

/// Removes a file that another process may have removed already.
pub fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::storage(path, &e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_files_go_with_their_writer_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let (killed, old) = (folder.path().join(".tmpA"), folder.path().join(".tmpOld"));
        std::fs::write(&killed, "half").unwrap();
        std::fs::write(&old, "half").unwrap();
        let held = File::options().write(true).open(&old).unwrap();
        held.lock().unwrap();
        held.set_modified(std::time::SystemTime::now() - 2 * ABANDONED)
            .unwrap();
        let writing = temporary(folder.path()).unwrap();
        remove_abandoned(folder.path()).unwrap();
        assert_eq!(entries(folder.path()).unwrap(), [writing.path()]);
        let path = folder.path().join("whole");
        persist(writing, &path).unwrap();
        remove_abandoned(folder.path()).unwrap();
        assert_eq!(entries(folder.path()).unwrap(), [path]);
    }
}
