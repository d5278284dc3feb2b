//! The files beside the tables: `showroom.json` (what the store was made with), `index.json` (the
//! measured recall of its indices) and `writer.lock` (who writes).

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use showroom_catalog::manifest::{STORE_FORMAT, StoreManifest};
use showroom_catalog::seams::StoreError;

use crate::error::file_failed;

const MANIFEST: &str = "showroom.json";
const INDEX: &str = "index.json";
const LOCK: &str = "writer.lock";

/// `showroom.json`: the manifest, and which generation of the tables counts.
#[derive(Serialize, Deserialize)]
struct Kept<M> {
    #[serde(flatten)]
    manifest: M,
    #[serde(default)]
    generation: u32,
}

/// The manifest of the store in `dir`, or `None` where there is none. `at` is how the user calls
/// the store.
pub(crate) fn read_manifest(dir: &Path, at: &str) -> Result<Option<StoreManifest>, StoreError> {
    Ok(read_kept(dir, at)?.map(|(manifest, _)| manifest))
}

/// The same with the generation of the tables that counts.
pub(crate) fn read_kept(dir: &Path, at: &str) -> Result<Option<(StoreManifest, u32)>, StoreError> {
    /// Read first, so that another format is told from damage.
    #[derive(Deserialize)]
    struct FormatOnly {
        format: u32,
    }
    let file = dir.join(MANIFEST);
    let text = match fs::read(&file) {
        Ok(text) => text,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(file_failed(at, &file, &error)),
    };
    let damaged = |error: serde_json::Error| StoreError::Damaged {
        at: at.into(),
        reason: format!("{MANIFEST} cannot be read: {error}"),
    };
    let FormatOnly { format } = serde_json::from_slice(&text).map_err(damaged)?;
    if format != STORE_FORMAT {
        return Err(StoreError::OtherFormat {
            at: at.into(),
            found: format,
            wanted: STORE_FORMAT,
        });
    }
    let kept: Kept<StoreManifest> = serde_json::from_slice(&text).map_err(damaged)?;
    Ok(Some((kept.manifest, kept.generation)))
}

pub(crate) fn write_manifest(
    dir: &Path,
    at: &str,
    manifest: &StoreManifest,
    generation: u32,
) -> Result<(), StoreError> {
    let kept = Kept {
        manifest,
        generation,
    };
    write_json(&dir.join(MANIFEST), at, &kept)
}

/// Waits until the names in the folder are on the disk: what was renamed stays renamed.
pub(crate) fn sync_folder(dir: &Path, at: &str) -> Result<(), StoreError> {
    let synced = File::open(dir).and_then(|folder| folder.sync_all());
    synced.map_err(|error| file_failed(at, dir, &error))
}

/// What was measured when an index was built.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Recall@10 against the exact search.
    pub recall_at_10: f32,
    /// Rows of the table at that time.
    pub rows: usize,
}

/// Column → what was measured. It is a note, not data: where it cannot be read there is none.
pub(crate) fn read_measured(dir: &Path) -> BTreeMap<String, Measured> {
    fs::read(dir.join(INDEX))
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default()
}

pub(crate) fn write_measured(
    dir: &Path,
    at: &str,
    measured: &BTreeMap<String, Measured>,
) -> Result<(), StoreError> {
    write_json(&dir.join(INDEX), at, measured)
}

/// Writes beside the file, then renames: whoever reads sees the old file or the new one, whole.
pub(crate) fn write_json(file: &Path, at: &str, value: &impl Serialize) -> Result<(), StoreError> {
    let attempt = || -> io::Result<()> {
        let new = file.with_extension("json.new");
        let mut out = File::create(&new)?;
        serde_json::to_writer_pretty(&mut out, value)?;
        out.write_all(b"\n")?;
        out.sync_all()?;
        fs::rename(&new, file)
    };
    attempt().map_err(|error| file_failed(at, file, &error))
}

/// Takes the right to write; it is given back when the file is dropped or the process ends,
/// however it ends.
pub(crate) fn lock(dir: &Path, at: &str) -> Result<File, StoreError> {
    /// [`is_being_written`] holds the lock for a moment, so once is not enough to be refused.
    const ATTEMPTS: usize = 3;
    const PAUSE: Duration = Duration::from_millis(20);
    let path = dir.join(LOCK);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| file_failed(at, &path, &error))?;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            thread::sleep(PAUSE);
        }
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(file_failed(at, &path, &error)),
        }
    }
    Err(StoreError::Locked { at: at.into() })
}

/// Whether a process has the store in `dir` open for writing just now. Never stands in its way.
pub fn is_being_written(dir: &Path) -> bool {
    File::open(dir.join(LOCK))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Size of everything below `dir`, in bytes. What vanishes meanwhile is not counted.
pub(crate) fn bytes_below(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else {
        return 0;
    };
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
        .map(|(path, meta)| {
            if meta.is_dir() {
                bytes_below(&path)
            } else {
                meta.len()
            }
        })
        .sum()
}
