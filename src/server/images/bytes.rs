//! The bytes of a photo of the catalogue, wherever its URI says that they are.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use showroom_catalog::product::file_of;
use showroom_catalog::seams::{Fetch, FetchError};

/// Reads photos that the catalogue lists. Whoever calls it took the URI from a row: it is not for URIs that
/// a client names.
#[derive(Clone, Default)]
pub struct PhotoBytes {
    /// For `http://` and `https://`.
    pub web: Option<Arc<dyn Fetch>>,
    /// For `s3://`.
    pub objects: Option<Arc<dyn Fetch>>,
}

impl PhotoBytes {
    /// Never more than `max_bytes`.
    pub async fn read(&self, uri: &str, max_bytes: u64) -> Result<Vec<u8>, FetchError> {
        let place = file_of(uri);
        let through = |fetch: &Option<Arc<dyn Fetch>>| {
            let missing = || FetchError::Refused(format!("{place} is not read by this server"));
            fetch.clone().ok_or_else(missing)
        };
        match place {
            _ if place.starts_with("https://") || place.starts_with("http://") => {
                through(&self.web)?.fetch(place, max_bytes).await
            }
            _ if place.starts_with("s3://") => {
                through(&self.objects)?.fetch(place, max_bytes).await
            }
            path => read_file(PathBuf::from(path), max_bytes).await,
        }
    }
}

async fn read_file(path: PathBuf, max_bytes: u64) -> Result<Vec<u8>, FetchError> {
    let shown = path.display().to_string();
    tokio::task::spawn_blocking(move || read_now(&path, max_bytes))
        .await
        .unwrap_or_else(|_| Err(FetchError::Failed(format!("reading {shown} broke off"))))
}

fn read_now(path: &Path, max_bytes: u64) -> Result<Vec<u8>, FetchError> {
    let shown = path.display().to_string();
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => FetchError::NotFound(shown.clone()),
        _ => FetchError::Failed(format!("{shown} cannot be read: {error}")),
    };
    // Asked before opening: opening a pipe waits for whoever fills it.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(FetchError::NotFound(shown));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(failed)?
        .take(max_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    match bytes.len() as u64 > max_bytes {
        true => Err(FetchError::TooLarge {
            address: shown,
            limit: max_bytes,
        }),
        false => Ok(bytes),
    }
}
