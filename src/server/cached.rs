//! Values that are made by reading the whole catalogue: kept, and made again when it has changed.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use showroom_catalog::seams::{Catalogue, StoreError};
use tokio::sync::Mutex;

/// A value is used for so long before anybody asks whether the catalogue has changed.
const FRESH: Duration = Duration::from_secs(5);

/// A value that takes long to make is used so many times as long, so that a catalogue that changes
/// all the time (somebody reviews it) is not read all the time.
const TIMES: u32 = 20;

/// One value of the catalogue.
pub struct Cached<T>(Mutex<Option<Kept<T>>>);

struct Kept<T> {
    value: Arc<T>,
    /// Of the photos' table.
    version: u64,
    made: Instant,
    took: Duration,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Cached(Mutex::new(None))
    }
}

impl<T> Cached<T> {
    /// The value, made by `make` where there is none or where the catalogue has changed since and it
    /// is old enough. Whoever asks meanwhile waits for it rather than making it twice.
    pub async fn get<F: Future<Output = Result<T, StoreError>>>(
        &self,
        catalogue: &dyn Catalogue,
        make: impl FnOnce() -> F,
    ) -> Result<Arc<T>, StoreError> {
        let mut kept = self.0.lock().await;
        if let Some(kept) = &mut *kept {
            if kept.made.elapsed() < FRESH.max(kept.took * TIMES) {
                return Ok(kept.value.clone());
            }
            if catalogue.stats().await?.table_version == kept.version {
                kept.made = Instant::now();
                return Ok(kept.value.clone());
            }
        }
        let began = Instant::now();
        // Asked first: what is written meanwhile is seen the next time.
        let version = catalogue.stats().await?.table_version;
        let value = Arc::new(make().await?);
        *kept = Some(Kept {
            value: value.clone(),
            version,
            made: Instant::now(),
            took: began.elapsed(),
        });
        Ok(value)
    }
}
