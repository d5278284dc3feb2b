//! Files and folders on this machine as a source of photos.
//!
//! What is a photo: in a folder, every file whose name ends as a picture's does (also those of
//! formats that cannot be read, so that they are reported), and every file without an ending whose
//! first bytes are a picture's. Hidden files and folders (`.name`) are passed over; other files are
//! counted. A file that is named itself is always tried.
//!
//! The URI of a photo is its absolute path: the folder as it really is (links resolved), and below
//! it the names as they are found, so that a link keeps its own name and SKU. A name that is not
//! UTF-8 cannot be a URI: it is a reject, shown with `\xNN` for the bytes that are no text.

mod names;
mod walk;

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use showroom_catalog::product::{file_of, split_etag};
use showroom_catalog::seams::{Source, SourceError};
use showroom_catalog::{PhotoRef, Reject};

pub use names::SkuFrom;
pub(crate) use names::text_of;

/// One path the user named, as it really is.
#[derive(Debug)]
enum Root {
    Folder(PathBuf),
    File(PathBuf),
}

/// Photos in files and folders.
#[derive(Debug)]
pub struct FolderSource {
    roots: Vec<Root>,
    sku_from: SkuFrom,
    skipped: AtomicU64,
}

impl FolderSource {
    /// Fails where one of the paths does not exist or cannot be read, before anything is done.
    pub fn new(paths: &[impl AsRef<Path>], sku_from: SkuFrom) -> Result<FolderSource, SourceError> {
        let roots = paths
            .iter()
            .map(|path| root(path.as_ref()))
            .collect::<Result<_, _>>()?;
        Ok(FolderSource {
            roots,
            sku_from,
            skipped: AtomicU64::new(0),
        })
    }
}

fn root(path: &Path) -> Result<Root, SourceError> {
    let shown = text_of(path).unwrap_or_else(|shown| shown);
    let error = |e: io::Error| source_error(shown.clone(), &e);
    let metadata = fs::metadata(path).map_err(error)?;
    let real = if metadata.is_dir() {
        fs::read_dir(path).map_err(error)?;
        Root::Folder(path.canonicalize().map_err(error)?)
    } else if metadata.is_file() {
        // The file keeps its own name even where it is a link, as it would inside a folder.
        let absolute = std::path::absolute(path).map_err(error)?;
        match (absolute.parent(), absolute.file_name()) {
            (Some(folder), Some(name)) => {
                Root::File(folder.canonicalize().map_err(error)?.join(name))
            }
            _ => Root::File(absolute),
        }
    } else {
        let reason = "it is neither a file nor a folder".to_string();
        return Err(SourceError::Unreadable { uri: shown, reason });
    };
    let (Root::Folder(full) | Root::File(full)) = &real;
    match text_of(full) {
        Ok(_) => Ok(real),
        Err(shown) => Err(SourceError::Unreadable {
            uri: shown,
            reason: "its path is not UTF-8; rename it".to_string(),
        }),
    }
}

impl Source for FolderSource {
    /// The paths in the order they were named; in a folder its files by name, then its folders by
    /// name. Holds the names of one folder at a time.
    fn list(
        &self,
        found: &mut dyn FnMut(Result<PhotoRef, Reject>) -> bool,
    ) -> Result<(), SourceError> {
        self.skipped.store(0, Ordering::Relaxed);
        walk::walk(self, found);
        Ok(())
    }

    fn fetch(&self, photo: &PhotoRef, max_bytes: u64) -> Result<Vec<u8>, SourceError> {
        fetch_file(file_of(&photo.uri), max_bytes)
    }

    /// Below one of its folders, or one of its files, and not brought by a feed.
    fn owns(&self, uri: &str, etag: &str) -> bool {
        let path = Path::new(uri);
        let is_below = self.roots.iter().any(|root| match root {
            Root::Folder(folder) => path.starts_with(folder),
            Root::File(file) => path == file,
        });
        is_below && split_etag(etag).1.is_none()
    }

    fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }
}

/// The bytes of the file at `path`.
pub(crate) fn fetch_file(path: &str, max_bytes: u64) -> Result<Vec<u8>, SourceError> {
    let error = |e: io::Error| source_error(path.to_string(), &e);
    let too_large = |bytes| SourceError::TooLarge {
        uri: path.to_string(),
        bytes,
        limit: max_bytes,
    };
    // Asked before opening: opening a pipe waits for whoever fills it.
    let bytes = regular(fs::metadata(path).map_err(error)?, path)?.len();
    if bytes > max_bytes {
        return Err(too_large(bytes));
    }
    let file = File::open(path).map_err(error)?;
    let mut read = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
    // One byte more than allowed shows that the file grew since it was asked for its size.
    file.take(max_bytes.saturating_add(1))
        .read_to_end(&mut read)
        .map_err(error)?;
    match read.len() as u64 {
        bytes if bytes > max_bytes => Err(too_large(bytes)),
        _ => Ok(read),
    }
}

fn regular(metadata: Metadata, path: &str) -> Result<Metadata, SourceError> {
    if metadata.is_file() {
        return Ok(metadata);
    }
    let reason = "it is not a file".to_string();
    Err(SourceError::Unreadable {
        uri: path.to_string(),
        reason,
    })
}

pub(crate) fn source_error(uri: String, error: &io::Error) -> SourceError {
    match error.kind() {
        io::ErrorKind::NotFound => SourceError::NotFound { uri },
        _ => SourceError::Unreadable {
            uri,
            reason: reason_of(error),
        },
    }
}

/// What an operating-system error means, in words.
pub(crate) fn reason_of(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".to_string(),
        io::ErrorKind::PermissionDenied => {
            "permission denied; make it readable for this user".to_string()
        }
        _ => error.to_string(),
    }
}

/// Size and modification time in nanoseconds: `123456-1700000000123456789`. The inode is left out,
/// because network file systems give a new one at every mount, which would read everything again.
pub(crate) fn etag(metadata: &Metadata) -> String {
    let modified = metadata
        .modified()
        .map(|time| match time.duration_since(UNIX_EPOCH) {
            Ok(after) => after.as_nanos().to_string(),
            Err(before) => format!("-{}", before.duration().as_nanos()),
        });
    format!("{}-{}", metadata.len(), modified.unwrap_or_default())
}
