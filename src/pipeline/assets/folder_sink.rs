//! A folder as a sink: each file with its JSON beside it.
//!
//! `SHOE-1.cutout-0123456789ab.png` is the cut-out of `SHOE-1.jpg` whose key begins so, and
//! `SHOE-1.cutout-0123456789ab.png.json` tells of it. The JSON is written last: without it, or where the
//! file has another length than it says, the asset is not there.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use showroom_catalog::seams::{Sink, SinkError};
use showroom_catalog::{Asset, Made, PhotoId, PhotoRef, Planned};

use crate::clock::now_ms;

/// Digits of the key in a file's name.
const KEY_DIGITS: usize = 12;
/// Longest JSON beside a file that is read, in bytes.
const MAX_SIDECAR: u64 = 1 << 20;

/// A folder of files with their JSON.
pub struct FolderSink {
    folder: PathBuf,
    /// Files that were begun: their temporary names differ.
    begun: AtomicU64,
}

impl FolderSink {
    /// Makes the folder where it is not there.
    pub fn new(folder: &Path) -> Result<FolderSink, SinkError> {
        fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
        Ok(FolderSink {
            folder: folder.to_path_buf(),
            begun: AtomicU64::new(0),
        })
    }

    /// Writes beside `path` and renames, so that a file of that name is always whole.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), SinkError> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let part = self
            .folder
            .join(format!(".{}-{number}.part", std::process::id()));
        let written = File::create(&part).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&part, path)
        });
        written.map_err(|error| {
            // The failure is what counts; a part that cannot be removed either does no harm.
            let _ = fs::remove_file(&part);
            failed(path, &error)
        })
    }
}

impl Sink for FolderSink {
    fn get(&self, stem: &str, planned: &Planned) -> Result<Option<Asset>, SinkError> {
        let path = self.folder.join(name(stem, planned));
        let mut text = Vec::new();
        let read = File::open(sidecar(&path))
            .and_then(|file| file.take(MAX_SIDECAR).read_to_end(&mut text));
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&sidecar(&path), &error)),
        }
        // A JSON that cannot be read, or is another asset's, is written again.
        let asset = serde_json::from_slice::<Asset>(&text).ok();
        Ok(asset.filter(|asset| {
            let whole = fs::metadata(&path).is_ok_and(|file| file.len() == asset.bytes);
            whole && asset.key == planned.key
        }))
    }

    fn put(
        &self,
        stem: &str,
        source: &PhotoRef,
        photo: PhotoId,
        made: Made,
    ) -> Result<Asset, SinkError> {
        let file = name(stem, &made.planned);
        let path = self.folder.join(&file);
        self.write(&path, &made.bytes)?;
        let asset = Asset {
            key: made.planned.key,
            kind: made.planned.kind,
            file,
            photo,
            uri: source.uri.clone(),
            sku: source.sku.clone(),
            recipe: made.recipe,
            width: made.width,
            height: made.height,
            bytes: made.bytes.len() as u64,
            confidence: made.confidence,
            flags: made.flags,
            made_at_ms: now_ms(),
        };
        let mut text = serde_json::to_vec_pretty(&asset)
            .map_err(|error| failed(&sidecar(&path), &io::Error::other(error)))?;
        text.push(b'\n');
        self.write(&sidecar(&path), &text)?;
        Ok(asset)
    }
}

fn name(stem: &str, planned: &Planned) -> String {
    let key = planned.key.get(..KEY_DIGITS).unwrap_or(&planned.key);
    format!("{stem}.{}-{key}.{}", planned.kind, planned.extension)
}

fn sidecar(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".json");
    name.into()
}

fn failed(path: &Path, error: &io::Error) -> SinkError {
    let path = path.display().to_string();
    match error.kind() {
        io::ErrorKind::StorageFull => SinkError::Full { path },
        _ => SinkError::Failed {
            path,
            reason: error.to_string(),
        },
    }
}
