//! How many photos a device takes at a time: found by measurement, remembered, halved where memory runs out.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use showroom_kernels::{Adapter, GpuError};

/// Photos of one batch at the most; beyond it no GPU gains, and the pipeline's memory would grow.
pub const MAX_BATCH: usize = 256;
/// Of batches that are nearly as fast the smallest is taken: this share of the best rate is enough.
const ENOUGH: f64 = 0.95;
/// A measurement stops when so many batches in a row brought nothing.
const MOST_IN_VAIN: usize = 2;
/// Of a device's memory that batches may take, where the user names no budget: others use it too.
const BUDGET_SHARE: u64 = 2;
/// The budget in bytes where the device does not say how much memory it has.
const UNKNOWN_BUDGET: u64 = 2 << 30;

/// Does `work` on all `items`, in order, at most `limit` at a time. Where a part does not fit into the
/// device's memory, the limit is halved for good and the part is done again; a single item that does
/// not fit is the caller's error.
pub fn in_parts<T, R>(
    items: &[T],
    limit: &AtomicUsize,
    mut work: impl FnMut(&[T]) -> Result<Vec<R>, GpuError>,
) -> Result<Vec<R>, GpuError> {
    let mut done = Vec::with_capacity(items.len());
    while done.len() < items.len() {
        let most = limit.load(Ordering::Relaxed).max(1);
        let rest = &items[done.len()..];
        let part = &rest[..rest.len().min(most)];
        match work(part) {
            Ok(some) => done.extend(some),
            Err(GpuError::OutOfMemory(_)) if part.len() > 1 => {
                // Another worker may have halved it meanwhile.
                limit.fetch_min(part.len() / 2, Ordering::Relaxed);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// What one batch took.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    pub seconds: f64,
    /// Memory that the device had given out afterwards.
    pub bytes: u64,
}

/// A batch size, and the rate that was measured with it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub batch: usize,
    pub photos_per_second: f64,
}

/// Tries batches of 1, 2, 4, … photos, up to `most`, as long as the next is expected to fit into
/// `budget` bytes, and gives the smallest that is as good as the best. Running out of memory ends the
/// search; with a single photo it is an error.
pub fn find(
    most: usize,
    budget: u64,
    mut run: impl FnMut(usize) -> Result<Trial, GpuError>,
) -> Result<Measured, GpuError> {
    let mut found: Vec<Measured> = Vec::new();
    let mut in_vain = 0;
    let mut batch = 1;
    while batch <= most.clamp(1, MAX_BATCH) && in_vain < MOST_IN_VAIN {
        let trial = match run(batch) {
            Ok(trial) => trial,
            Err(GpuError::OutOfMemory(_)) if !found.is_empty() => break,
            Err(error) => return Err(error),
        };
        let photos_per_second = batch as f64 / trial.seconds.max(f64::MIN_POSITIVE);
        let best = best_rate(&found);
        in_vain = if photos_per_second * ENOUGH > best {
            0
        } else {
            in_vain + 1
        };
        found.push(Measured {
            batch,
            photos_per_second,
        });
        if trial.bytes.saturating_mul(2) > budget {
            break;
        }
        batch *= 2;
    }
    let enough = best_rate(&found) * ENOUGH;
    let smallest = found
        .into_iter()
        .find(|measured| measured.photos_per_second >= enough);
    smallest.ok_or_else(|| GpuError::Failed("no batch could be measured".into()))
}

fn best_rate(found: &[Measured]) -> f64 {
    found
        .iter()
        .map(|measured| measured.photos_per_second)
        .fold(0.0, f64::max)
}

/// The memory in bytes that batches may take: what the user allows, else half of what the adapter has.
pub fn budget(adapter: &Adapter, wanted: Option<u64>) -> u64 {
    let half = adapter.memory_bytes.map(|bytes| bytes / BUDGET_SHARE);
    wanted.or(half).unwrap_or(UNKNOWN_BUDGET)
}

/// The batch sizes measured on one adapter, kept in a file of its own.
pub struct Memory {
    path: PathBuf,
}

impl Memory {
    /// Kept below `folder`.
    pub fn new(folder: &Path, adapter: &Adapter) -> Memory {
        Memory {
            path: folder.join(format!("{}.json", adapter.key())),
        }
    }

    /// What was measured for `key` (model, precision, budget). A file that cannot be read is as good as
    /// none.
    pub fn get(&self, key: &str) -> Option<Measured> {
        let measured = self.all().remove(key)?;
        (1..=MAX_BATCH)
            .contains(&measured.batch)
            .then_some(measured)
    }

    /// Keeps a measurement.
    pub fn put(&self, key: &str, measured: Measured) -> io::Result<()> {
        let mut all = self.all();
        all.insert(key.to_string(), measured);
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        // Whole or not at all, whoever else measures at the same time.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec_pretty(&all)?)?;
        file.persist(&self.path)?;
        Ok(())
    }

    fn all(&self) -> BTreeMap<String, Measured> {
        let read = fs::read(&self.path).ok();
        read.and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device with room for `most` photos.
    fn small_device(most: usize) -> impl FnMut(&[u32]) -> Result<Vec<u32>, GpuError> {
        move |part| match part.len() {
            n if n > most => Err(GpuError::OutOfMemory("too much".into())),
            _ => Ok(part.iter().map(|n| n * 10).collect()),
        }
    }

    #[test]
    fn out_of_memory_halves_the_batch_and_nothing_is_lost() {
        let photos: Vec<u32> = (1..=50).collect();
        let limit = AtomicUsize::new(64);
        let mut sizes = Vec::new();
        let mut device = small_device(7);
        let done = in_parts(&photos, &limit, |part| {
            sizes.push(part.len());
            device(part)
        });
        assert_eq!(done.unwrap(), (1..=50).map(|n| n * 10).collect::<Vec<_>>());
        assert_eq!(limit.load(Ordering::Relaxed), 6);
        assert_eq!(sizes, [50, 25, 12, 6, 6, 6, 6, 6, 6, 6, 6, 2]);
    }

    #[test]
    fn one_photo_that_does_not_fit_is_an_error() {
        let limit = AtomicUsize::new(4);
        let error = in_parts(&[1, 2, 3], &limit, small_device(0)).unwrap_err();
        assert!(matches!(error, GpuError::OutOfMemory(_)));
        assert_eq!(limit.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn another_failure_is_told_at_once() {
        let limit = AtomicUsize::new(4);
        let mut calls = 0;
        let error = in_parts(&[1, 2], &limit, |_| -> Result<Vec<u32>, _> {
            calls += 1;
            Err(GpuError::Failed("lost".into()))
        });
        assert_eq!((error, calls), (Err(GpuError::Failed("lost".into())), 1));
    }

    /// Seconds of a device that needs 10 ms a batch and `per_photo` a photo, and 1 MB a photo.
    fn trial(batch: usize, per_photo: f64) -> Trial {
        Trial {
            seconds: 0.01 + per_photo * batch as f64,
            bytes: batch as u64 * 1_000_000,
        }
    }

    #[test]
    fn the_smallest_batch_that_is_as_good_as_the_best_is_found() {
        // Rates: batch / (0.01 + 0.001 batch) tends to 1000; 256 gives 962, 128 gives 927.
        let found = find(256, u64::MAX, |batch| Ok(trial(batch, 0.001))).unwrap();
        assert_eq!(found.batch, 128);
        // A device that gains nothing from batches stops early and keeps 1.
        let mut tried = Vec::new();
        let found = find(256, u64::MAX, |batch| {
            tried.push(batch);
            Ok(trial(batch, 1.0))
        });
        assert_eq!((found.unwrap().batch, tried), (1, vec![1, 2, 4]));
    }

    #[test]
    fn the_budget_and_the_memory_bound_the_batch() {
        let found = find(256, 40_000_000, |batch| Ok(trial(batch, 0.0001))).unwrap();
        assert_eq!(found.batch, 32);
        let found = find(256, u64::MAX, |batch| match batch {
            0..=8 => Ok(trial(batch, 0.0001)),
            _ => Err(GpuError::OutOfMemory("full".into())),
        });
        assert_eq!(found.unwrap().batch, 8);
        let none = find(256, u64::MAX, |_| Err(GpuError::OutOfMemory("full".into())));
        assert!(matches!(none, Err(GpuError::OutOfMemory(_))));
    }

    #[test]
    fn a_measurement_is_remembered_and_a_broken_file_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory {
            path: folder.path().join("devices/an-adapter.json"),
        };
        assert_eq!(memory.get("model f16"), None);
        let measured = Measured {
            batch: 32,
            photos_per_second: 812.5,
        };
        memory.put("model f16", measured).unwrap();
        memory
            .put(
                "model f32",
                Measured {
                    batch: 16,
                    ..measured
                },
            )
            .unwrap();
        assert_eq!(memory.get("model f16"), Some(measured));
        assert_eq!(memory.get("model f32").unwrap().batch, 16);
        fs::write(
            &memory.path,
            "{\"model f16\": {\"batch\": 0, \"photos_per_second\": 1.0}}",
        )
        .unwrap();
        assert_eq!(memory.get("model f16"), None);
        fs::write(&memory.path, "not json").unwrap();
        assert_eq!(memory.get("model f16"), None);
    }
}
