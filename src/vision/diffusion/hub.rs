//! A checkpoint of a hub, fetched once into the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use showroom_catalog::seams::ModelError;

use super::files::{Checkpoint, FILES, OPTIONAL, Part};
use crate::weights::{PullOptions, WeightsError, fetch_repository};

/// The longest time for one file, of some gigabytes.
const TIMEOUT: Duration = Duration::from_secs(3 * 60 * 60);

/// Where a checkpoint of the hub lies below the cache.
fn place(cache: &Path, repository: &str, revision: &str) -> PathBuf {
    let name = format!("{repository}@{revision}").replace('/', "--");
    cache.join("diffusion").join(name)
}

/// Fetches what is not in the cache yet, file by file, so that the same call goes on where it stopped;
/// `asking` is told of each before. Weights in f16 are taken where the hub has them: half the bytes.
pub fn from_hub(
    cache: &Path,
    options: &PullOptions,
    (repository, revision): (&str, &str),
    asking: &mut dyn FnMut(&str),
) -> Result<Checkpoint, ModelError> {
    let folder = place(cache, repository, revision);
    let options = &PullOptions {
        timeout: options.timeout.max(TIMEOUT),
        ..options.clone()
    };
    let mut fetch = |file: &str, needed: bool| -> Result<bool, ModelError> {
        if folder.join(file).is_file() {
            return Ok(true);
        }
        asking(file);
        one(options, (repository, revision), file, needed, &folder)
    };
    for file in FILES {
        fetch(file, true)?;
    }
    fetch(OPTIONAL, false)?;
    for part in Part::ALL {
        let [full, half, pickled] = part.weights();
        // Whatever is there already is not fetched in another form.
        let there = part
            .weights()
            .iter()
            .any(|file| folder.join(file).is_file());
        if !there && !fetch(half, false)? && !fetch(full, false)? {
            fetch(pickled, true)?;
        }
    }
    Checkpoint::open(&folder, repository.rsplit('/').next())
}

/// Fetches one file beside its place and renames it, so that what is in its place is whole.
fn one(
    options: &PullOptions,
    repository: (&str, &str),
    file: &str,
    needed: bool,
    folder: &Path,
) -> Result<bool, ModelError> {
    let path = folder.join(file);
    let failed = |error: std::io::Error| {
        ModelError::Failed(format!("{} cannot be written: {error}", path.display()))
    };
    let part = path.parent().unwrap_or(folder);
    fs::create_dir_all(part).map_err(failed)?;
    let beside = tempfile::tempdir_in(folder).map_err(failed)?;
    let inner = beside.path().join(file);
    fs::create_dir_all(inner.parent().unwrap_or(beside.path())).map_err(failed)?;
    let (needed, optional) = match needed {
        true => (vec![file], vec![]),
        false => (vec![], vec![file]),
    };
    fetch_repository(options, repository, &needed, &optional, beside.path())
        .map_err(|error: WeightsError| ModelError::from(error))?;
    match inner.is_file() {
        true => fs::rename(&inner, &path).map_err(failed).map(|()| true),
        false => Ok(false),
    }
}
