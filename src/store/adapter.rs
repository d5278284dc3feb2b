//! The file of an adapter beside the tables: `adapter.bin`. What is in it is known to who makes it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use showroom_catalog::seams::StoreError;

use crate::error::file_failed;

const NAME: &str = "adapter.bin";
/// Largest adapter that is read, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// Where the adapter of the store in `dir` is, if there is one.
pub fn adapter_path(dir: &Path) -> PathBuf {
    dir.join(NAME)
}

/// What was kept; `None` where nothing was.
pub fn read_adapter(dir: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let path = adapter_path(dir);
    let at = dir.display().to_string();
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() as u64 > MAX_BYTES => Err(StoreError::Damaged {
            at,
            reason: format!("{} is larger than {MAX_BYTES} bytes", path.display()),
        }),
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file_failed(&at, &path, &error)),
    }
}

/// Keeps an adapter in the place of the one before; whoever reads sees one or the other.
pub fn write_adapter(dir: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let path = adapter_path(dir);
    let attempt = || -> io::Result<()> {
        let new = path.with_extension("bin.new");
        let mut out = File::create(&new)?;
        out.write_all(bytes)?;
        out.sync_all()?;
        fs::rename(&new, &path)
    };
    attempt().map_err(|error| file_failed(&dir.display().to_string(), &path, &error))
}

/// Forgets the adapter; whether there was one.
pub fn remove_adapter(dir: &Path) -> Result<bool, StoreError> {
    let path = adapter_path(dir);
    match fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(file_failed(&dir.display().to_string(), &path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_is_kept_until_the_next_or_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read_adapter(dir.path()).unwrap(), None);
        write_adapter(dir.path(), b"one").unwrap();
        write_adapter(dir.path(), b"two").unwrap();
        let kept = read_adapter(dir.path()).unwrap();
        assert_eq!(kept.as_deref(), Some(b"two".as_slice()));
        assert!(remove_adapter(dir.path()).unwrap());
        assert!(!remove_adapter(dir.path()).unwrap());
    }
}
