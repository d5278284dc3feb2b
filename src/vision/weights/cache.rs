//! Where fetched files lie: `CACHE/models/<sha256>/<name>`, put there whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::error::WeightsError;
use super::manifest::ModelFile;

/// Work folders start with this.
const WORK_PREFIX: &str = ".pull-";
/// A file in each that is locked for as long as the pull lives: the lock ends with the process.
const WORK_LOCK: &str = "lock";
/// A younger work folder may not have its lock yet.
const WORK_MIN_AGE: Duration = Duration::from_secs(60);

/// A folder of one pull; it goes when the pull ends.
#[derive(Debug)]
pub(super) struct Work {
    pub folder: TempDir,
    pub _lock: File,
}

/// A file on its way into the cache: its bytes are checked, and it is in a work folder.
#[derive(Debug)]
pub(super) struct Checked {
    path: PathBuf,
}

/// What is wrong with bytes: their number or their hash.
#[derive(Debug, thiserror::Error)]
#[error("its {what} is {found} where the manifest says {expected}")]
pub(super) struct Wrong {
    what: &'static str,
    found: String,
    expected: String,
}

/// The path at which a file is when it is cached.
pub(super) fn place_of(cache: &Path, file: &ModelFile) -> PathBuf {
    cache.join("models").join(&file.sha256).join(&file.name)
}

/// A new folder beside the cached files (so that a rename stays on one disk). What killed pulls left
/// behind goes.
pub(super) fn work_folder(cache: &Path) -> Result<Work, WeightsError> {
    let models = cache.join("models");
    fs::create_dir_all(&models).map_err(WeightsError::io("make the cache folder", &models))?;
    for entry in fs::read_dir(&models).into_iter().flatten().flatten() {
        let is_work = entry.file_name().to_string_lossy().starts_with(WORK_PREFIX);
        if is_work && is_abandoned(&entry.path()).unwrap_or(false) {
            // Only tidying: if it cannot be removed, the pull goes on all the same.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let make = || -> io::Result<Work> {
        let folder = tempfile::Builder::new()
            .prefix(WORK_PREFIX)
            .tempdir_in(&models)?;
        let lock = File::create(folder.path().join(WORK_LOCK))?;
        // Where a file system has no locks, nothing is ever taken for abandoned.
        let _ = lock.try_lock();
        Ok(Work {
            folder,
            _lock: lock,
        })
    };
    make().map_err(WeightsError::io("make a work folder", &models))
}

/// Whether the pull that made a work folder is gone.
fn is_abandoned(work: &Path) -> io::Result<bool> {
    let age = fs::metadata(work)?
        .modified()?
        .elapsed()
        .unwrap_or_default();
    if age < WORK_MIN_AGE {
        return Ok(false);
    }
    Ok(File::open(work.join(WORK_LOCK))?.try_lock().is_ok())
}

/// Copies `from` into `work`, at most the bytes that `file` has, and checks size and hash on the way.
pub(super) fn receive(
    from: &mut dyn Read,
    work: &Path,
    file: &ModelFile,
) -> io::Result<Result<Checked, Wrong>> {
    let folder = tempfile::Builder::new()
        .prefix("file-")
        .tempdir_in(work)?
        .keep();
    let path = folder.join(&file.name);
    let mut to = File::create(&path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0u8; 1 << 20];
    let mut total = 0u64;
    // One byte more than is right, so that too many are noticed and still bounded.
    let mut from = from.take(file.bytes + 1);
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        total += count as u64;
        hasher.update(&buffer[..count]);
        to.write_all(&buffer[..count])?;
    }
    to.sync_all()?;
    let wrong = wrong_size(total, file).or_else(|| wrong_hash(hasher, file));
    Ok(match wrong {
        Some(wrong) => Err(wrong),
        None => Ok(Checked { path }),
    })
}

impl Checked {
    /// Moves the file to its place in one step. If another pull was faster, its file is the same.
    pub(super) fn commit(self, cache: &Path, file: &ModelFile) -> Result<PathBuf, WeightsError> {
        let place = place_of(cache, file);
        let folder = place.parent().unwrap_or(cache);
        fs::create_dir_all(folder).map_err(WeightsError::io("make the cache folder", folder))?;
        fs::rename(&self.path, &place)
            .map_err(WeightsError::io("put the file into the cache", &place))?;
        // The rename lasts only once the folder is on disk; not every file system can be asked.
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
        Ok(place)
    }
}

/// Size and hash of a cached file against the manifest; `None` if both are right.
pub(super) fn inspect(path: &Path, file: &ModelFile) -> io::Result<Option<Wrong>> {
    let mut open = File::open(path)?;
    if let Some(wrong) = wrong_size(open.metadata()?.len(), file) {
        return Ok(Some(wrong));
    }
    let mut hasher = Sha256::new();
    io::copy(&mut open, &mut hasher)?;
    Ok(wrong_hash(hasher, file))
}

/// Renames a bad file so that no loader finds it; gives where it is now.
pub(super) fn move_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = path.with_added_extension("refused");
    fs::rename(path, &aside)?;
    Ok(aside)
}

fn wrong_size(bytes: u64, file: &ModelFile) -> Option<Wrong> {
    let expected = format!("{} bytes", file.bytes);
    let found = match bytes.cmp(&file.bytes) {
        std::cmp::Ordering::Equal => return None,
        std::cmp::Ordering::Less => format!("{bytes} bytes"),
        std::cmp::Ordering::Greater => format!("more than {} bytes", file.bytes),
    };
    Some(Wrong {
        what: "size",
        found,
        expected,
    })
}

fn wrong_hash(hasher: Sha256, file: &ModelFile) -> Option<Wrong> {
    let found: String = hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let expected = file.sha256.clone();
    (found != expected).then_some(Wrong {
        what: "SHA-256",
        found,
        expected,
    })
}
