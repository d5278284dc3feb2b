//! Renditions on disk, bounded in bytes: what was not asked for longest goes first.
//!
//! A file is named after its key and ends with the BLAKE3 of what is before it, so that one that a power
//! cut or a disk spoilt is made again and never served. Files are written beside and renamed.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// Length of the hash at the end of a file.
const HASH_BYTES: usize = 32;
const PART: &str = "part";

/// A folder of renditions. Methods block on the disk.
pub struct Cache {
    folder: PathBuf,
    max_bytes: u64,
    index: Mutex<Index>,
}

#[derive(Default)]
struct Index {
    /// Key → size in bytes and when it was last used.
    files: HashMap<String, (u64, u64)>,
    /// When it was last used → key.
    by_use: BTreeMap<u64, String>,
    bytes: u64,
    clock: u64,
}

impl Cache {
    /// Opens the folder, or makes it; takes over what it holds, oldest first.
    pub fn open(folder: &Path, max_bytes: u64) -> io::Result<Cache> {
        fs::create_dir_all(folder)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (Ok(name), Ok(meta)) = (entry.file_name().into_string(), entry.metadata()) else {
                continue;
            };
            if name.ends_with(PART) {
                // A server that died left it.
                fs::remove_file(entry.path())?;
            } else if meta.is_file() && is_key(&name) {
                found.push((meta.modified()?, name, meta.len()));
            }
        }
        found.sort();
        let cache = Cache {
            folder: folder.to_path_buf(),
            max_bytes,
            index: Mutex::default(),
        };
        let mut index = cache.lock();
        for (_, key, bytes) in found {
            index.put(&key, bytes);
        }
        let over = index.shrink(max_bytes);
        drop(index);
        cache.remove(&over);
        Ok(cache)
    }

    /// `None` where it is not there, or not as it was written.
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        if !self.lock().touch(key) {
            return None;
        }
        let sound = fs::read(self.folder.join(key)).ok().and_then(|mut file| {
            let body = file.len().checked_sub(HASH_BYTES)?;
            let is_sound = blake3::hash(&file[..body]).as_bytes()[..] == file[body..];
            file.truncate(body);
            is_sound.then_some(file)
        });
        if sound.is_none() {
            self.lock().forget(key);
            self.remove(&[key.to_string()]);
        }
        sound
    }

    /// Keeps a rendition; one that is larger than a quarter of the cache is not kept.
    pub fn put(&self, key: &str, bytes: &[u8]) -> io::Result<()> {
        let size = (bytes.len() + HASH_BYTES) as u64;
        if !is_key(key) || size > self.max_bytes / 4 {
            return Ok(());
        }
        let part = self.folder.join(format!("{}.{PART}", Uuid::new_v4()));
        let written = fs::File::create(&part).and_then(|mut file| {
            file.write_all(bytes)?;
            file.write_all(blake3::hash(bytes).as_bytes())
        });
        if let Err(error) = written.and_then(|()| fs::rename(&part, self.folder.join(key))) {
            let _ = fs::remove_file(&part);
            return Err(error);
        }
        let mut index = self.lock();
        index.put(key, size);
        let over = index.shrink(self.max_bytes);
        drop(index);
        self.remove(&over);
        Ok(())
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    fn remove(&self, keys: &[String]) {
        for key in keys {
            // What cannot be removed is found again when the cache is opened.
            let _ = fs::remove_file(self.folder.join(key));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn touch(&mut self, key: &str) -> bool {
        let now = self.tick();
        let Some((_, used)) = self.files.get_mut(key) else {
            return false;
        };
        self.by_use.remove(used);
        *used = now;
        self.by_use.insert(now, key.to_string());
        true
    }

    fn put(&mut self, key: &str, bytes: u64) {
        self.forget(key);
        let now = self.tick();
        self.files.insert(key.to_string(), (bytes, now));
        self.by_use.insert(now, key.to_string());
        self.bytes += bytes;
    }

    fn forget(&mut self, key: &str) {
        if let Some((bytes, used)) = self.files.remove(key) {
            self.by_use.remove(&used);
            self.bytes -= bytes;
        }
    }

    /// Forgets what was not used longest until no more than `max_bytes` are left; what that was.
    fn shrink(&mut self, max_bytes: u64) -> Vec<String> {
        let mut gone = Vec::new();
        while self.bytes > max_bytes {
            let Some((_, key)) = self.by_use.first_key_value() else {
                break;
            };
            let key = key.clone();
            self.forget(&key);
            gone.push(key);
        }
        gone
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }
}

/// Names a file in the folder and nothing else.
fn is_key(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> String {
        format!("{n:032x}")
    }

    #[test]
    fn what_was_not_used_longest_goes_when_the_bound_is_reached() {
        let dir = tempfile::tempdir().unwrap();
        // Five files of 100 bytes with their hashes, not six.
        let cache = Cache::open(dir.path(), 5 * 132).unwrap();
        for n in 0..5 {
            cache.put(&key(n), &[n; 100]).unwrap();
        }
        assert_eq!(cache.get(&key(0)), Some(vec![0; 100]));
        cache.put(&key(5), &[5; 100]).unwrap();
        let left: Vec<u8> = (0..6).filter(|n| cache.get(&key(*n)).is_some()).collect();
        assert_eq!(left, [0, 2, 3, 4, 5]);
        assert_eq!(cache.bytes(), 5 * 132);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 5);
        // More than a quarter of it is not kept, and nothing goes for it.
        cache.put(&key(9), &[9; 140]).unwrap();
        assert_eq!((cache.get(&key(9)), cache.bytes()), (None, 5 * 132));
    }

    #[test]
    fn it_outlives_its_server_and_a_spoilt_file_is_not_served() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path(), 10_000).unwrap();
        for n in 0..4 {
            cache.put(&key(n), &[n; 50]).unwrap();
        }
        drop(cache);
        fs::write(dir.path().join("x.part"), b"half").unwrap();
        fs::write(dir.path().join("README"), b"not ours").unwrap();
        let mut spoilt = fs::read(dir.path().join(key(1))).unwrap();
        spoilt[7] ^= 1;
        fs::write(dir.path().join(key(1)), spoilt).unwrap();
        fs::write(dir.path().join(key(2)), b"").unwrap();
        fs::remove_file(dir.path().join(key(3))).unwrap();
        let cache = Cache::open(dir.path(), 10_000).unwrap();
        assert_eq!(cache.get(&key(0)), Some(vec![0; 50]));
        assert_eq!(cache.get(&key(1)), None);
        assert_eq!(cache.get(&key(2)), None);
        assert_eq!(cache.get(&key(3)), None);
        assert_eq!(cache.bytes(), 82);
        assert!(!dir.path().join("x.part").exists());
        assert!(dir.path().join("README").exists());
        // A smaller bound holds from the start.
        drop(cache);
        assert_eq!(Cache::open(dir.path(), 40).unwrap().bytes(), 0);
    }

    #[test]
    fn a_key_is_no_path() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(&dir.path().join("cache"), 10_000).unwrap();
        for bad in ["../../etc/passwd", "", "../aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
            cache.put(bad, b"x").unwrap();
            assert_eq!(cache.get(bad), None);
        }
        assert_eq!(cache.bytes(), 0);
    }
}
