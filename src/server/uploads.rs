//! Photos that came by the API: kept as files, so that they can be encoded again, shown and compared like
//! photos that were ingested.
//!
//! The file of a document is named after its `_id`, and is the URI of its row: a document that comes again
//! takes the place of the one before, and whoever reads photos by their paths needs to know nothing of it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Longest file name, in bytes: what every file system takes, less what a name in the making has more.
const LONGEST: usize = 240;

/// A folder of uploaded photos.
#[derive(Clone, Debug)]
pub struct Uploads {
    /// Absolute, in UTF-8.
    dir: String,
}

impl Uploads {
    /// In this folder, which is made when the first photo comes. `None` where its path is not UTF-8.
    pub fn new(dir: &Path) -> Option<Uploads> {
        Some(Uploads {
            dir: dir.to_str()?.trim_end_matches('/').to_string(),
        })
    }

    /// The URI of a document's row; `None` where its id is empty or too long.
    pub fn uri(&self, id: &str) -> Option<String> {
        let name = encoded(id);
        let fits = !name.is_empty() && name.len() <= LONGEST;
        fits.then(|| format!("{}/{name}", self.dir))
    }

    /// The `_id` of the row with this URI, where it came by the API.
    pub fn id(&self, uri: &str) -> Option<String> {
        let name = uri.strip_prefix(&self.dir)?.strip_prefix('/')?;
        decoded(name)
    }

    /// Writes a photo, whole or not at all. Blocks.
    pub fn write(&self, uri: &str, bytes: &[u8]) -> io::Result<()> {
        std::fs::create_dir_all(&self.dir)?;
        let made = PathBuf::from(format!("{uri}.part"));
        let mut file = std::fs::File::create(&made)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&made, uri)?;
        std::fs::File::open(&self.dir)?.sync_all()
    }

    /// Removes the photo of a row that is gone; other files are left alone. Blocks.
    pub fn remove(&self, uri: &str) -> io::Result<()> {
        if self.id(uri).is_none() {
            return Ok(());
        }
        match std::fs::remove_file(uri) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Letters, digits, `-` and `_` as they are, every other byte as `%2e`: one name for each id, and nothing
/// that a path could be made of.
fn encoded(id: &str) -> String {
    let mut name = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            byte if is_plain(byte) => name.push(char::from(byte)),
            byte => name += &format!("%{byte:02x}"),
        }
    }
    name
}

fn decoded(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                let digits = std::str::from_utf8(digits).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = after;
            }
            byte if is_plain(byte) => bytes.push(byte),
            _ => return None,
        }
    }
    String::from_utf8(bytes).ok().filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_file_and_comes_back() {
        let uploads = Uploads::new(Path::new("/s/uploads")).unwrap();
        for id in [
            "SKU-1_a",
            "a/../../etc/passwd",
            "..",
            "größe #1",
            "a.part",
            "%41",
            "\0",
        ] {
            let uri = uploads.uri(id).unwrap();
            let name = uri.strip_prefix("/s/uploads/").unwrap();
            assert!(!name.contains(['/', '.', '#']), "{name}");
            assert_eq!(uploads.id(&uri).as_deref(), Some(id));
        }
        assert_eq!(uploads.uri(""), None);
        assert_eq!(uploads.uri(&"é".repeat(41)), None);
        for other in [
            "/s/uploads",
            "/s/uploads/",
            "/s/uploads/a.jpg",
            "/s/uploadsx/a",
            "/p/a",
        ] {
            assert_eq!(uploads.id(other), None, "{other}");
        }
    }

    #[test]
    fn a_photo_takes_the_place_of_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let uploads = Uploads::new(&dir.path().join("uploads")).unwrap();
        let uri = uploads.uri("a").unwrap();
        uploads.write(&uri, b"one").unwrap();
        uploads.write(&uri, b"two").unwrap();
        assert_eq!(std::fs::read(&uri).unwrap(), b"two");
        let files = std::fs::read_dir(dir.path().join("uploads")).unwrap();
        assert_eq!(files.count(), 1);
        let other = dir.path().join("other.jpg");
        std::fs::write(&other, b"x").unwrap();
        uploads.remove(other.to_str().unwrap()).unwrap();
        assert!(other.exists());
        uploads.remove(&uri).unwrap();
        uploads.remove(&uri).unwrap();
        assert!(!Path::new(&uri).exists());
    }
}
