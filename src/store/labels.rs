//! The files of own labels beside the tables: `labels/NAME.json` for each label set, and
//! `decisions.jsonl`, to which every decision of a person is added and from which none is taken.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use showroom_catalog::decision::{DecisionLog, LogEntry};
use showroom_catalog::seams::{DecisionStore, StoreError};

use crate::error::file_failed;

const SETS: &str = "labels";
const DECISIONS: &str = "decisions.jsonl";
/// Longest line of the log, and largest label set, in bytes.
const MAX_LINE: u64 = 64 << 10;
const MAX_SET: u64 = 512 << 20;
/// Longest name of a label set, in characters.
const MAX_NAME: usize = 64;

/// The decision log of the store in a folder.
#[derive(Clone, Debug)]
pub struct DecisionFile {
    /// The folder of the store.
    pub dir: PathBuf,
}

impl DecisionStore for DecisionFile {
    fn read(&self) -> Result<DecisionLog, StoreError> {
        read_decisions(&self.dir)
    }

    fn append(&self, entries: &[LogEntry]) -> Result<(), StoreError> {
        append_decisions(&self.dir, entries)
    }
}

/// Whether a label set can be called so: letters, digits, `-` and `_`.
pub fn is_label_set_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Names of the label sets of the store in `dir`, sorted.
pub fn label_sets(dir: &Path) -> Result<Vec<String>, StoreError> {
    let folder = dir.join(SETS);
    let at = dir.display().to_string();
    let failed = |error: io::Error| file_failed(&at, &folder, &error);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if let (Some(name), true) = (stem, path.extension().is_some_and(|end| end == "json"))
            && is_label_set_name(name)
        {
            names.push(name.to_string());
        }
    }
    names.sort();
    Ok(names)
}

/// The file of a label set. The name must be one.
pub fn label_set_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(SETS).join(format!("{name}.json"))
}

/// What was kept under this name; `None` where nothing was.
pub fn read_label_set(dir: &Path, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let at = dir.display().to_string();
    let path = label_set_path(dir, name);
    let read = File::open(&path).and_then(|file| {
        let mut bytes = Vec::new();
        file.take(MAX_SET + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    match read {
        Ok(bytes) if bytes.len() as u64 > MAX_SET => Err(StoreError::Damaged {
            at,
            reason: format!("{} is larger than {MAX_SET} bytes", path.display()),
        }),
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file_failed(&at, &path, &error)),
    }
}

/// Keeps a label set, in the place of one of the same name; whoever reads sees one or the other.
pub fn write_label_set(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let at = dir.display().to_string();
    let path = label_set_path(dir, name);
    let attempt = || -> io::Result<()> {
        fs::create_dir_all(dir.join(SETS))?;
        let new = path.with_extension("json.new");
        let mut out = File::create(&new)?;
        out.write_all(bytes)?;
        out.sync_all()?;
        fs::rename(&new, &path)
    };
    attempt().map_err(|error| file_failed(&at, &path, &error))
}

/// Forgets a label set; whether there was one.
pub fn remove_label_set(dir: &Path, name: &str) -> Result<bool, StoreError> {
    let path = label_set_path(dir, name);
    match fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(file_failed(&dir.display().to_string(), &path, &error)),
    }
}

/// Reads the decision log of the store in `dir`; empty where there is none.
pub fn read_decisions(dir: &Path) -> Result<DecisionLog, StoreError> {
    let path = dir.join(DECISIONS);
    let failed = |error: io::Error| file_failed(&dir.display().to_string(), &path, &error);
    let mut log = DecisionLog::default();
    let mut file = match File::open(&path) {
        Ok(file) => BufReader::new(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(log),
        Err(error) => return Err(failed(error)),
    };
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = (&mut file)
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .map_err(failed)?;
        if read == 0 {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(&line) {
            Ok(entry) => log.entries.push(entry),
            Err(error) => log.problems.push(format!(
                "{}, line {number} is passed over: {error}",
                path.display()
            )),
        }
    }
    Ok(log)
}

/// Adds lines to the log of the store in `dir`. When it returns they are on the disk.
pub fn append_decisions(dir: &Path, entries: &[LogEntry]) -> Result<(), StoreError> {
    let path = dir.join(DECISIONS);
    let attempt = || -> io::Result<()> {
        let mut file = File::options()
            .create(true)
            .append(true)
            .read(true)
            .open(&path)?;
        let mut lines = Vec::new();
        // A line that a crash cut off must not swallow this one.
        if file.metadata()?.len() > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                lines.push(b'\n');
            }
        }
        for entry in entries {
            serde_json::to_writer(&mut lines, entry)?;
            lines.push(b'\n');
        }
        file.write_all(&lines)?;
        file.sync_all()
    };
    attempt().map_err(|error| file_failed(&dir.display().to_string(), &path, &error))
}

#[cfg(test)]
mod tests {
    use showroom_catalog::decision::{Details, HumanDecision};
    use showroom_catalog::{PhotoId, Verdict};

    use super::*;

    fn decision(label: &str) -> LogEntry {
        LogEntry::Decision(Box::new(HumanDecision {
            at_ms: 1,
            photo: PhotoId([7; 32]),
            uri: "/a.jpg".into(),
            sku: None,
            label: label.into(),
            verdict: Verdict::Accept,
            details: Details::default(),
        }))
    }

    #[test]
    fn decisions_are_added_and_a_torn_line_costs_itself_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read_decisions(dir.path()).unwrap().entries.is_empty());
        append_decisions(dir.path(), &[decision("a"), decision("b")]).unwrap();
        let path = dir.path().join(DECISIONS);
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(bytes.len() - 5);
        fs::write(&path, bytes).unwrap();
        append_decisions(dir.path(), &[decision("c")]).unwrap();
        let log = read_decisions(dir.path()).unwrap();
        assert_eq!(log.entries, [decision("a"), decision("c")]);
        assert!(log.problems[0].contains("decisions.jsonl, line 2 is passed over"));
    }

    #[test]
    fn label_sets_are_kept_by_name() {
        let dir = tempfile::tempdir().unwrap();
        assert!(label_sets(dir.path()).unwrap().is_empty());
        assert_eq!(read_label_set(dir.path(), "shop").unwrap(), None);
        write_label_set(dir.path(), "shop", b"one").unwrap();
        write_label_set(dir.path(), "shop", b"two").unwrap();
        write_label_set(dir.path(), "a-b", b"").unwrap();
        assert_eq!(label_sets(dir.path()).unwrap(), ["a-b", "shop"]);
        let kept = read_label_set(dir.path(), "shop").unwrap();
        assert_eq!(kept.as_deref(), Some(b"two".as_slice()));
        assert!(remove_label_set(dir.path(), "shop").unwrap());
        assert!(!remove_label_set(dir.path(), "shop").unwrap());
        for name in ["", "..", "a/b", "a.b", "é"] {
            assert!(!is_label_set_name(name), "{name:?}");
        }
    }
}
