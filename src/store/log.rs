//! Files of one JSON object a line, only ever added to, beside the tables.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use showroom_catalog::seams::StoreError;

use crate::error::file_failed;

/// Calls `each` with every line of `name` in the store in `dir`; nothing where there is no such file.
/// Returns how many lines cannot be read (cut off by a crash, edited): they are passed over.
pub(crate) fn read_lines<T: DeserializeOwned>(
    dir: &Path,
    name: &str,
    mut each: impl FnMut(T),
) -> Result<usize, StoreError> {
    let path = dir.join(name);
    let at = dir.display().to_string();
    let failed = |error: io::Error| file_failed(&at, &path, &error);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(failed(error)),
    };
    let mut unreadable = 0;
    for line in BufReader::new(file).split(b'\n') {
        let line = line.map_err(failed)?;
        if line.is_empty() {
            continue;
        }
        match serde_json::from_slice(&line) {
            Ok(value) => each(value),
            Err(_) => unreadable += 1,
        }
    }
    Ok(unreadable)
}

/// Adds lines to `name` in the store in `dir`, which must be there. When it returns they are on the disk.
/// Needs no right to write to the tables, and waits for others that add at the same time.
pub(crate) fn add_lines<T: Serialize>(
    dir: &Path,
    name: &str,
    lines: &[T],
) -> Result<(), StoreError> {
    let path = dir.join(name);
    let attempt = || -> io::Result<()> {
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        let mut file = File::options()
            .create(true)
            .read(true)
            .append(true)
            .open(&path)?;
        file.lock()?;
        // A line that a crash cut off must not swallow the first of these.
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                text.insert(0, b'\n');
            }
        }
        file.write_all(&text)?;
        file.sync_all()
    };
    attempt().map_err(|error| file_failed(&dir.display().to_string(), &path, &error))
}
