//! Where checks go: a file of a line each, so that a folder of thousands of photos has one file of findings.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use showroom_catalog::seams::{Sink, SinkError};
use showroom_catalog::{Asset, AssetKind, Made, PhotoId, PhotoRef, Planned};
use showroom_pipeline::FolderSink;
use showroom_studio::check::CheckReport;

/// Name of the file of findings in the folder.
const FILE: &str = "checks.jsonl";

/// A line of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    asset: Asset,
    /// Name of the file that keeps the rules, in the same folder.
    fixed_file: Option<String>,
    report: CheckReport,
}

/// Keeps findings in memory, and in a folder where there is one.
pub struct CheckSink {
    folder: Option<(FolderSink, PathBuf)>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// By key of the check.
    lines: HashMap<String, Line>,
    /// The picture of a photo that was put and whose report is still to come, by its key.
    pictures: HashMap<String, String>,
    file: Option<File>,
}

impl CheckSink {
    /// In memory alone, or in a folder; reads what is there. A last line that is torn counts as not
    /// written.
    pub fn open(folder: Option<&Path>) -> Result<CheckSink, SinkError> {
        let mut kept = Kept::default();
        let folder = match folder {
            None => None,
            Some(folder) => {
                let sink = FolderSink::new(folder)?;
                let path = folder.join(FILE);
                if let Ok(file) = File::open(&path) {
                    let lines = BufReader::new(file).lines().map_while(Result::ok);
                    for line in lines.filter_map(|line| serde_json::from_str::<Line>(&line).ok()) {
                        kept.lines.insert(line.asset.key.clone(), line);
                    }
                }
                let file = OpenOptions::new().create(true).append(true).open(&path);
                kept.file = Some(file.map_err(|error| failed(&path, &error))?);
                Some((sink, folder.to_path_buf()))
            }
        };
        Ok(CheckSink {
            folder,
            kept: Mutex::new(kept),
        })
    }

    /// What was found of a photo, and the name of the file that keeps the rules.
    pub fn report(&self, key: &str) -> Option<(CheckReport, Option<String>)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let line = kept.lines.get(key)?;
        Some((line.report.clone(), line.fixed_file.clone()))
    }

    fn keep(&self, mut line: Line) -> Result<Asset, SinkError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fixed) = &line.report.fixed {
            line.fixed_file = kept.pictures.remove(&fixed.key);
        }
        if let (Some(file), Some((_, folder))) = (&mut kept.file, &self.folder) {
            let path = folder.join(FILE);
            let text = serde_json::to_string(&line)
                .map_err(|error| failed(&path, &std::io::Error::other(error)))?;
            // A line break first, so that a torn line of an earlier run spoils itself alone.
            file.write_all(format!("\n{text}").as_bytes())
                .and_then(|()| file.flush())
                .map_err(|error| failed(&path, &error))?;
        }
        let asset = line.asset.clone();
        kept.lines.insert(asset.key.clone(), line);
        Ok(asset)
    }
}

impl Sink for CheckSink {
    fn get(&self, _stem: &str, planned: &Planned) -> Result<Option<Asset>, SinkError> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let line = kept.lines.get(&planned.key);
        let whole = line.filter(|line| match (&line.report.fixed, &line.fixed_file) {
            (None, _) => true,
            (Some(fixed), Some(file)) => self.folder.as_ref().is_some_and(|(_, folder)| {
                let found = std::fs::metadata(folder.join(file));
                found.is_ok_and(|found| found.len() == fixed.bytes)
            }),
            (Some(_), None) => false,
        });
        Ok(whole.map(|line| line.asset.clone()))
    }

    fn put(
        &self,
        stem: &str,
        source: &PhotoRef,
        photo: PhotoId,
        made: Made,
    ) -> Result<Asset, SinkError> {
        if made.planned.kind != AssetKind::Check {
            let Some((sink, _)) = &self.folder else {
                return Err(SinkError::Failed {
                    path: stem.to_string(),
                    reason: "no folder was named for it".to_string(),
                });
            };
            let asset = sink.put(stem, source, photo, made)?;
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.pictures.insert(asset.key.clone(), asset.file.clone());
            return Ok(asset);
        }
        let report = serde_json::from_slice(&made.bytes).map_err(|error| SinkError::Failed {
            path: FILE.to_string(),
            reason: error.to_string(),
        })?;
        self.keep(Line {
            asset: Asset {
                key: made.planned.key,
                kind: made.planned.kind,
                file: FILE.to_string(),
                photo,
                uri: source.uri.clone(),
                sku: source.sku.clone(),
                recipe: made.recipe,
                width: made.width,
                height: made.height,
                bytes: made.bytes.len() as u64,
                confidence: None,
                flags: Vec::new(),
                made_at_ms: now_ms(),
            },
            fixed_file: None,
            report,
        })
    }
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

fn failed(path: &Path, error: &std::io::Error) -> SinkError {
    let path = path.display().to_string();
    match error.kind() {
        std::io::ErrorKind::StorageFull => SinkError::Full { path },
        _ => SinkError::Failed {
            path,
            reason: error.to_string(),
        },
    }
}
