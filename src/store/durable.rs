//! Getting what was written onto the disk. Lance leaves the time of that to the operating system,
//! which is enough when the process dies but not when the power goes.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

/// File times may lag behind the clock, by the kernel's tick or the file system's granularity.
const SLACK: Duration = Duration::from_secs(2);

/// Files that are waited for at once: file systems put what waits at the same time on the disk in
/// one go, so that many take hardly longer than one.
const AT_ONCE: usize = 16;

/// Waits until every file below `dir` that was written after `since` is on the disk, and the
/// folders' entries for them too.
pub(crate) fn sync_written_since(dir: &Path, since: SystemTime) -> io::Result<()> {
    let since = since.checked_sub(SLACK).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut written = Vec::new();
    add_written_below(dir, since, &mut written)?;
    for some in written.chunks(AT_ONCE) {
        thread::scope(|scope| {
            let waits: Vec<_> = some.iter().map(|path| scope.spawn(|| sync(path))).collect();
            waits.into_iter().try_for_each(|wait| {
                wait.join()
                    .unwrap_or_else(|_| Err(io::Error::other("a sync broke off")))
            })
        })?;
    }
    Ok(())
}

/// Adds the files written since, and after them the folders that hold such; whether there are any.
fn add_written_below(dir: &Path, since: SystemTime, to: &mut Vec<PathBuf>) -> io::Result<bool> {
    let mut any = false;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        // A temporary file may be gone by now.
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_dir() {
            any |= add_written_below(&entry.path(), since, to)?;
        } else if meta.is_file() && meta.modified()? >= since {
            to.push(entry.path());
            any = true;
        }
    }
    if any {
        to.push(dir.into());
    }
    Ok(any)
}

fn sync(path: &Path) -> io::Result<()> {
    match File::open(path) {
        Ok(file) => file.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
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
        let written_since = |since| {
            let mut written = Vec::new();
            add_written_below(dir.path(), since, &mut written).unwrap();
            written
        };
        let wanted = [
            deep.join("x"),
            deep.clone(),
            dir.path().join("a"),
            dir.path().into(),
        ];
        assert_eq!(written_since(epoch), wanted);
        let later = SystemTime::now() + Duration::from_secs(60);
        assert!(written_since(later).is_empty());
        sync_written_since(dir.path(), epoch).unwrap();
        sync(&dir.path().join("gone")).unwrap();
        assert!(sync_written_since(&dir.path().join("none"), epoch).is_err());
    }
}
