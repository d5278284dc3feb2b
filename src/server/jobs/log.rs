//! What happened to jobs, a line of JSON each, only ever added to while the server runs.
//!
//! When it is opened it is written anew with one line a job, so that it does not grow for ever. A line that
//! a crash cut short is the last one, and what it would have said was not promised to anybody.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::JobOptions;
use super::job::{Event, Job, Status};
use crate::clock::now_s;

#[derive(Serialize, Deserialize)]
struct Line {
    id: String,
    event: Event,
}

/// The file that is added to.
pub struct Log {
    path: PathBuf,
    file: File,
    /// Bytes that are whole lines.
    sound: u64,
}

impl Log {
    /// The log of a folder and its jobs as they are now, in the order of their numbers: what ran is queued
    /// again, or has failed where it was begun too often.
    pub fn open(folder: &Path, options: &JobOptions) -> io::Result<(Log, Vec<Job>)> {
        fs::create_dir_all(folder)?;
        let path = folder.join("jobs.jsonl");
        let mut jobs = read(&path)?;
        for job in jobs
            .values_mut()
            .filter(|job| job.status == Status::Running)
        {
            match job.attempts >= options.max_attempts {
                true => job.apply(Event::Failed {
                    at_s: now_s(),
                    error: format!("the server ended {} times while it ran", job.attempts),
                }),
                false => job.status = Status::Queued,
            }
        }
        let over: Vec<u64> = jobs
            .values()
            .filter(|job| job.status.is_over())
            .map(|job| job.number)
            .collect();
        for number in &over[..over.len().saturating_sub(options.keep)] {
            jobs.remove(number);
        }
        let jobs: Vec<Job> = jobs.into_values().collect();
        let part = folder.join("jobs.jsonl.part");
        let mut file = File::create(&part)?;
        let mut sound = 0;
        for job in &jobs {
            let line = line(&job.id, Event::Accepted(Box::new(job.clone())))?;
            file.write_all(&line)?;
            sound += line.len() as u64;
        }
        file.sync_all()?;
        fs::rename(&part, &path)?;
        File::open(folder)?.sync_all()?;
        let file = OpenOptions::new().append(true).open(&path)?;
        Ok((Log { path, file, sound }, jobs))
    }

    /// When it returns, the line is on the disk.
    pub fn append(&mut self, id: &str, event: Event) -> io::Result<()> {
        let line = line(id, event)?;
        let written = self
            .file
            .write_all(&line)
            .and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.sound += line.len() as u64,
            // Half a line would spoil the next one.
            Err(error) => {
                OpenOptions::new()
                    .write(true)
                    .open(&self.path)?
                    .set_len(self.sound)?;
                return Err(error);
            }
        }
        Ok(())
    }
}

fn line(id: &str, event: Event) -> io::Result<Vec<u8>> {
    let id = id.to_string();
    let mut line = serde_json::to_vec(&Line { id, event })?;
    line.push(b'\n');
    Ok(line)
}

/// By number.
fn read(path: &Path) -> io::Result<BTreeMap<u64, Job>> {
    let mut jobs: BTreeMap<u64, Job> = BTreeMap::new();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(jobs),
        Err(error) => return Err(error),
    };
    let mut numbers: BTreeMap<String, u64> = BTreeMap::new();
    for bytes in BufReader::new(file).split(b'\n') {
        let Ok(Line { id, event }) = serde_json::from_slice(&bytes?) else {
            tracing::warn!(path = %path.display(), "a line of the list of jobs cannot be read; it is passed over");
            continue;
        };
        if let Event::Accepted(job) = event {
            numbers.insert(id, job.number);
            jobs.insert(job.number, *job);
        } else if let Some(job) = numbers.get(&id).and_then(|number| jobs.get_mut(number)) {
            job.apply(event);
        }
    }
    Ok(jobs)
}
