//! Getting what was written onto the disk. Lance leaves the time of that to the operating system,
//! which is enough when the process dies but not when the power goes.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// File times may lag behind the clock, by the kernel's tick or the file system's granularity.
const SLACK: Duration = Duration::from_secs(2);

/// Waits until every file below `dir` that was written after `since` is on the disk, and the
/// folders' entries for them too.
pub(crate) fn sync_written_since(dir: &Path, since: SystemTime) -> io::Result<()> {
    sync_below(
        dir,
        since.checked_sub(SLACK).unwrap_or(SystemTime::UNIX_EPOCH),
    )
    .map(|_| ())
}

/// Whether anything was synced.
fn sync_below(dir: &Path, since: SystemTime) -> io::Result<bool> {
    let mut any = false;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        // A temporary file may be gone by now.
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_dir() {
            any |= sync_below(&entry.path(), since)?;
        } else if meta.is_file() && meta.modified()? >= since {
            match File::open(entry.path()) {
                Ok(file) => file.sync_all()?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
            any = true;
        }
    }
    if any {
        File::open(dir)?.sync_all()?;
    }
    Ok(any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_files_are_synced_and_old_ones_left() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("x"), "x").unwrap();
        let epoch = SystemTime::UNIX_EPOCH;
        assert!(sync_below(dir.path(), epoch).unwrap());
        let later = SystemTime::now() + Duration::from_secs(60);
        assert!(!sync_below(dir.path(), later).unwrap());
        assert!(sync_written_since(&dir.path().join("none"), epoch).is_err());
    }
}
