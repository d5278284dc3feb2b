//! Renditions made once for all who ask at the same time, a bounded number at once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Serialize;
use showroom_catalog::seams::{Catalogue, Columns, FetchError};
use showroom_catalog::{PhotoId, Record};
use showroom_pixels::{Limits, photo_id};
use tokio::sync::{OnceCell, Semaphore};

use super::ask::{Ask, MAX_SIDE, Output};
use super::bytes::PhotoBytes;
use super::cache::Cache;
use super::make::{Rendered, render};
use super::sign::Signer;
use crate::error::ApiError;

/// Widths that are offered, in pixels.
const WIDTHS: [u32; 4] = [160, 320, 640, 1280];
/// The one for whoever cannot choose.
const USUAL_WIDTH: u32 = 640;
/// How long a photo is taken to be in the catalogue without looking again.
const LISTED_FOR: Duration = Duration::from_secs(30);
/// Photos whose place is remembered, and photos whose placeholder is: about 10 MB.
const MAX_REMEMBERED: usize = 20_000;

/// Bounds and places of renditions.
pub struct RenditionConfig {
    pub signer: Signer,
    /// Folder of the cache, and its size.
    pub cache: PathBuf,
    pub max_cache_bytes: u64,
    pub photos: PhotoBytes,
    pub limits: Limits,
    /// Renditions that are made at once.
    pub workers: usize,
    /// Requests that may wait for one; beyond that they are turned away.
    pub queue: usize,
}

/// Makes, keeps and signs renditions. Cheap to clone.
#[derive(Clone)]
pub struct Renditions(Arc<Inner>);

struct Inner {
    config: RenditionConfig,
    cache: Arc<Cache>,
    working: Semaphore,
    waiting: Semaphore,
    /// Renditions that are being made.
    flights: Mutex<HashMap<String, Arc<OnceCell<Made>>>>,
    places: Mutex<HashMap<PhotoId, (Instant, Arc<Place>)>>,
    placeholders: Mutex<HashMap<PhotoId, Arc<str>>>,
}

/// What came of making a rendition.
pub type Made = Result<Bytes, ApiError>;

/// A photo of the catalogue.
pub struct Place {
    id: PhotoId,
    /// Where the same bytes are, each as good as the other.
    uris: Vec<String>,
    size: (u32, u32),
}

/// What a page needs to show a photo.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Card {
    /// Signed address of a picture of ordinary size.
    pub src: String,
    /// The same in several widths, as HTML's `srcset` has it.
    pub srcset: String,
    /// Of the photo itself, in pixels: for the space that it takes.
    pub width: u32,
    pub height: u32,
    /// A picture of a few pixels as a `data:` URI, once any rendition of the photo was made.
    pub placeholder: Option<String>,
    /// Main colour of the product, `#rrggbb`: what to show before anything else is there.
    pub colour: Option<String>,
}

impl Renditions {
    pub fn new(config: RenditionConfig) -> std::io::Result<Renditions> {
        let cache = Arc::new(Cache::open(&config.cache, config.max_cache_bytes)?);
        Ok(Renditions(Arc::new(Inner {
            working: Semaphore::new(config.workers.max(1)),
            waiting: Semaphore::new(config.workers.max(1) + config.queue),
            cache,
            flights: Mutex::default(),
            places: Mutex::default(),
            placeholders: Mutex::default(),
            config,
        })))
    }

    pub fn signer(&self) -> &Signer {
        &self.0.config.signer
    }

    /// Bytes of renditions on disk.
    pub fn cached_bytes(&self) -> u64 {
        self.0.cache.bytes()
    }

    /// Addresses of pictures of a photo. Costs some hashes: nothing is read or made.
    pub fn card(&self, record: &Record) -> Card {
        let (width, height) = (record.facts.width, record.facts.height);
        let at = |w: u32| {
            self.signer().sign(&Ask {
                width: Some(w),
                ..Ask::of(record.id)
            })
        };
        // Nothing is enlarged, so what is wider than the photo would be the same again.
        let mut widths: Vec<u32> = WIDTHS.into_iter().filter(|w| *w < width).collect();
        if widths.len() < WIDTHS.len() {
            widths.push(width.clamp(1, MAX_SIDE));
        }
        let srcset: Vec<String> = widths.iter().map(|w| format!("{} {w}w", at(*w))).collect();
        let placeholders = lock(&self.0.placeholders);
        Card {
            src: at(width.clamp(1, USUAL_WIDTH)),
            srcset: srcset.join(", "),
            width,
            height,
            placeholder: placeholders.get(&record.id).map(|uri| uri.to_string()),
            colour: record.colours.first().map(|colour| colour.hex.clone()),
        }
    }

    /// The photo with this id, if the catalogue lists it, or did some seconds ago.
    pub async fn find(
        &self,
        catalogue: &dyn Catalogue,
        id: PhotoId,
    ) -> Result<Arc<Place>, ApiError> {
        if let Some((since, place)) = lock(&self.0.places).get(&id)
            && since.elapsed() < LISTED_FOR
        {
            return Ok(place.clone());
        }
        let records = catalogue.get(&id.to_string(), Columns::Tags).await?;
        let of_id: Vec<&Record> = records.iter().filter(|record| record.id == id).collect();
        let Some(first) = of_id.first() else {
            lock(&self.0.places).remove(&id);
            let message = "the catalogue has no photo with this id";
            return Err(ApiError::not_found("no_such_photo", message));
        };
        let place = Arc::new(Place {
            id,
            uris: of_id.iter().map(|one| one.source.uri.clone()).collect(),
            size: (first.facts.width, first.facts.height),
        });
        remember(&self.0.places, id, (Instant::now(), place.clone()));
        Ok(place)
    }

    /// The rendition, from the cache or made now; [`Ask::output`] must be settled.
    pub async fn get(&self, ask: &Ask, place: &Arc<Place>) -> Made {
        let key = ask.key();
        if let Some(kept) = self.cached(&key).await {
            return Ok(kept);
        }
        let Ok(_waiting) = self.0.waiting.try_acquire() else {
            return Err(ApiError::too_many());
        };
        let flight = lock(&self.0.flights)
            .entry(key.clone())
            .or_default()
            .clone();
        // Whoever comes first makes it; where he goes away, the next one does.
        let made = flight.get_or_init(|| self.make(ask, place, &key)).await;
        let mut flights = lock(&self.0.flights);
        if flights
            .get(&key)
            .is_some_and(|one| Arc::ptr_eq(one, &flight))
        {
            flights.remove(&key);
        }
        made.clone()
    }

    async fn cached(&self, key: &str) -> Option<Bytes> {
        let (cache, key) = (self.0.cache.clone(), key.to_string());
        let kept = tokio::task::spawn_blocking(move || cache.get(&key)).await;
        kept.ok().flatten().map(Bytes::from)
    }

    async fn make(&self, ask: &Ask, place: &Arc<Place>, key: &str) -> Made {
        let closed = |_| ApiError::unavailable("closing", "the server is closing");
        let _working = self.0.working.acquire().await.map_err(closed)?;
        let photo = self.read(place).await?;
        let (ask, size, limits) = (*ask, place.size, self.0.config.limits.clone());
        let output = ask.output.unwrap_or(Output::Jpeg);
        let work = move || render(&photo, size, &ask, output, &limits);
        let Rendered { bytes, placeholder } = match tokio::task::spawn_blocking(work).await {
            Ok(rendered) => rendered?,
            Err(_) => return Err(ApiError::internal(&"making a rendition broke off")),
        };
        if let Some(placeholder) = placeholder {
            remember(&self.0.placeholders, place.id, placeholder.into());
        }
        let bytes = Bytes::from(bytes);
        let (cache, key, kept) = (self.0.cache.clone(), key.to_string(), bytes.clone());
        let put = tokio::task::spawn_blocking(move || cache.put(&key, &kept)).await;
        if let Ok(Err(error)) = put {
            // It is answered all the same, and made again the next time.
            tracing::warn!(%error, "a rendition cannot be kept");
        }
        Ok(bytes)
    }

    /// The photo's bytes from the first place that has them, unchanged.
    pub async fn read(&self, place: &Place) -> Result<Vec<u8>, ApiError> {
        let max_bytes = self.0.config.limits.max_bytes;
        let mut failure = None;
        for uri in &place.uris {
            match self.0.config.photos.read(uri, max_bytes).await {
                Ok(bytes) if photo_id(&bytes) == place.id => return Ok(bytes),
                Ok(_) => failure = None,
                Err(error) => failure = Some(error),
            }
        }
        // The reason is for the log: it names files of the server.
        match failure {
            Some(FetchError::Failed(reason)) => {
                tracing::warn!(%reason, "a photo cannot be read");
                let message = "the photo cannot be read just now; try again later";
                Err(ApiError::dependency("photo_not_read", message))
            }
            _ => {
                let message =
                    "the photo is gone or was changed since it was taken in; ingest it again";
                Err(ApiError::not_found("photo_gone", message))
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds to a bounded memory, which begins anew when it is full.
fn remember<T>(memory: &Mutex<HashMap<PhotoId, T>>, id: PhotoId, what: T) {
    let mut memory = lock(memory);
    if memory.len() >= MAX_REMEMBERED {
        memory.clear();
    }
    memory.insert(id, what);
}
