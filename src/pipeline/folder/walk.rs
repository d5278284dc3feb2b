//! The walk through folders: sorted, each folder once, links followed without ever going round.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, DirEntry, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use showroom_catalog::{PhotoRef, Reject, Stage};

use super::names::{Ending, ending_of, sku_of, text_of};
use super::{FolderSource, Root, etag, reason_of};
use crate::clock::now_ms;

type Found<'a> = &'a mut dyn FnMut(Result<PhotoRef, Reject>) -> bool;

/// A folder to read: its path as found, which makes the URIs, and where it really is.
struct Folder {
    path: PathBuf,
    real: PathBuf,
}

/// What a folder holds, sorted by name.
#[derive(Default)]
struct Contents {
    files: Vec<(OsString, Kind)>,
    folders: Vec<OsString>,
}

/// A file that may be a photo.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Its name says that it is.
    Picture,
    /// Its first bytes must say.
    Unnamed,
    /// Named like a photo, but a link to nothing, a pipe, a device.
    Unusable,
}

pub fn walk(source: &FolderSource, found: Found<'_>) {
    let mut walk = Walk {
        source,
        found,
        visited: HashSet::new(),
    };
    for root in &source.roots {
        let go_on = match root {
            Root::File(path) => walk.photo(path),
            Root::Folder(path) => walk.tree(path),
        };
        if !go_on {
            return;
        }
    }
}

/// Every method that gives something to `found` returns whether to go on.
struct Walk<'a> {
    source: &'a FolderSource,
    found: Found<'a>,
    /// Where the folders that were read, or wait to be, really are.
    visited: HashSet<PathBuf>,
}

impl Walk<'_> {
    fn tree(&mut self, root: &Path) -> bool {
        if !self.visited.insert(root.to_path_buf()) {
            return true;
        }
        let mut waiting = vec![Folder {
            path: root.to_path_buf(),
            real: root.to_path_buf(),
        }];
        while let Some(folder) = waiting.pop() {
            let contents = match self.contents(&folder.path) {
                Ok(contents) => contents,
                Err(e) => {
                    let reason = format!("the folder cannot be read: {}", reason_of(&e));
                    if !self.reject(&folder.path, "unreadable-folder", reason) {
                        return false;
                    }
                    continue;
                }
            };
            for (name, kind) in &contents.files {
                if !self.file(&folder.path.join(name), *kind) {
                    return false;
                }
            }
            let first = waiting.len();
            for name in contents.folders {
                match self.subfolder(&folder, &name) {
                    Ok(Some(subfolder)) => waiting.push(subfolder),
                    Ok(None) => {}
                    Err(reject) => {
                        if !(self.found)(Err(*reject)) {
                            return false;
                        }
                    }
                }
            }
            // The last is read first.
            waiting[first..].reverse();
        }
        true
    }

    fn contents(&self, folder: &Path) -> io::Result<Contents> {
        let mut contents = Contents::default();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let kind = match (what_is(&entry), ending_of(&name)) {
                (Thing::Folder, _) => {
                    contents.folders.push(name);
                    continue;
                }
                (Thing::File, Ending::Picture) => Kind::Picture,
                (Thing::File, Ending::Nothing) => Kind::Unnamed,
                (Thing::Nothing, Ending::Picture | Ending::Nothing) => Kind::Unusable,
                (Thing::Other, Ending::Picture) => Kind::Unusable,
                (Thing::File | Thing::Nothing | Thing::Other, _) => {
                    self.skip();
                    continue;
                }
            };
            contents.files.push((name, kind));
        }
        contents.files.sort_unstable();
        contents.folders.sort_unstable();
        Ok(contents)
    }

    /// The folder to read next, unless it was read already or is read by another way. The walk
    /// never goes round: no folder is read twice.
    fn subfolder(
        &mut self,
        parent: &Folder,
        name: &OsString,
    ) -> Result<Option<Folder>, Box<Reject>> {
        let path = parent.path.join(name);
        if let Err(shown) = text_of(&path) {
            let reason = "the folder's name is not UTF-8; rename it to take its photos";
            return Err(Box::new(reject(shown, "bad-name", reason.to_string())));
        }
        let direct = parent.real.join(name);
        let real = match direct.canonicalize() {
            Ok(real) => real,
            Err(e) => {
                let shown = text_of(&path).unwrap_or_else(|shown| shown);
                let reason = format!("the folder cannot be read: {}", reason_of(&e));
                return Err(Box::new(reject(shown, "unreadable-folder", reason)));
            }
        };
        // A link to a folder that is walked anyway would list its photos under a second name.
        let is_link = real != direct;
        if (is_link && self.has_own_way_to(&real)) || !self.visited.insert(real.clone()) {
            return Ok(None);
        }
        Ok(Some(Folder { path, real }))
    }

    /// Whether the walk reaches `real` without following a link.
    fn has_own_way_to(&self, real: &Path) -> bool {
        self.source.roots.iter().any(|root| match root {
            Root::File(_) => false,
            Root::Folder(root) => real.strip_prefix(root).is_ok_and(|below| {
                !below
                    .iter()
                    .any(|name| name.as_encoded_bytes().starts_with(b"."))
            }),
        })
    }

    fn file(&mut self, path: &Path, kind: Kind) -> bool {
        match kind {
            Kind::Picture => self.photo(path),
            Kind::Unnamed => match begins_like_a_picture(path) {
                Ok(true) => self.photo(path),
                Ok(false) => {
                    self.skip();
                    true
                }
                Err(e) => self.reject(path, "unreadable", unreadable(&e)),
            },
            Kind::Unusable => {
                let reason = match fs::metadata(path) {
                    Ok(_) => "it is not a file".to_string(),
                    Err(e) if e.kind() == io::ErrorKind::NotFound => {
                        "it is a link to nothing; mend or remove the link".to_string()
                    }
                    Err(e) => unreadable(&e),
                };
                self.reject(path, "unreadable", reason)
            }
        }
    }

    fn photo(&mut self, path: &Path) -> bool {
        let uri = match text_of(path) {
            Ok(uri) => uri,
            Err(_) => {
                let reason = "the file's name is not UTF-8; rename it".to_string();
                return self.reject(path, "bad-name", reason);
            }
        };
        match fs::metadata(path) {
            Ok(metadata) => {
                let (etag, bytes) = (etag(&metadata), metadata.len());
                let sku = sku_of(path, self.source.sku_from);
                (self.found)(Ok(PhotoRef {
                    uri,
                    etag,
                    bytes,
                    sku,
                }))
            }
            Err(e) => self.reject(path, "unreadable", unreadable(&e)),
        }
    }

    fn reject(&mut self, path: &Path, code: &str, reason: String) -> bool {
        let shown = text_of(path).unwrap_or_else(|shown| shown);
        (self.found)(Err(reject(shown, code, reason)))
    }

    fn skip(&self) {
        self.source.skipped.fetch_add(1, Ordering::Relaxed);
    }
}

fn reject(uri: String, code: &str, reason: String) -> Reject {
    Reject {
        source: PhotoRef {
            uri,
            etag: String::new(),
            bytes: 0,
            sku: None,
        },
        stage: Stage::List,
        code: code.to_string(),
        reason,
        rejected_at_ms: now_ms(),
    }
}

fn unreadable(error: &io::Error) -> String {
    format!("the file cannot be read: {}", reason_of(error))
}

/// What an entry of a folder is, links followed.
enum Thing {
    File,
    Folder,
    /// A pipe, a socket, a device.
    Other,
    /// A link to nothing, or something that vanished.
    Nothing,
}

fn what_is(entry: &DirEntry) -> Thing {
    let kind = match entry.file_type() {
        Ok(kind) if kind.is_symlink() => fs::metadata(entry.path()).map(|m| m.file_type()),
        kind => kind,
    };
    match kind {
        Ok(kind) if kind.is_dir() => Thing::Folder,
        Ok(kind) if kind.is_file() => Thing::File,
        Ok(_) => Thing::Other,
        Err(_) => Thing::Nothing,
    }
}

/// First bytes of the formats that can be read.
fn begins_like_a_picture(path: &Path) -> io::Result<bool> {
    let mut head = Vec::with_capacity(12);
    File::open(path)?.take(12).read_to_end(&mut head)?;
    let begins: [&[u8]; 7] = [
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"GIF87a",
        b"GIF89a",
        b"BM",
        b"II*\0",
        b"MM\0*",
    ];
    let webp = head.starts_with(b"RIFF") && head.ends_with(b"WEBP");
    Ok(webp || begins.iter().any(|begin| head.starts_with(begin)))
}
