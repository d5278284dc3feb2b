//! What the handlers work with.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use showroom_catalog::bands::Bands;
use showroom_catalog::decision::CategoryNode;
use showroom_catalog::seams::{Catalogue, DecisionStore, Encoder, Fetch, Tagger, TextQuery};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::batcher::EncoderHandle;
use crate::config::Limits;
use crate::current::Current;
use crate::error::ApiError;
use crate::product::{Pictures, Products};
use crate::refusals::Refusals;
use crate::reload::{Learned, Now, Reload};
use crate::review::{Reviewer, Vocabulary};
use crate::uploads::Uploads;
use crate::words::Words;

/// Is told how long things take.
pub trait Observe: Send + Sync {
    /// A stage of one request or batch: `decode`, `encode`, `words`, `search`, `write`.
    fn stage(&self, _name: &'static str, _took: Duration) {}

    /// Photos that went through an encoder together.
    fn batch(&self, _photos: usize) {}
}

/// Nobody looks on.
impl Observe for () {}

/// A model as the API shows it.
#[derive(Clone, Debug, Serialize)]
pub struct ModelCard {
    pub id: String,
    pub summary: String,
    pub task: String,
    pub licence: String,
    /// Size of its files in bytes.
    pub bytes: u64,
    /// `here`, `missing`, `corrupt` or `not for this machine`.
    pub state: String,
    /// The card, Markdown.
    #[serde(skip)]
    pub card: String,
}

/// What a server is made of.
pub struct Parts {
    pub catalogue: Arc<dyn Catalogue>,
    /// The one index that the API knows the catalogue by.
    pub index_name: String,
    /// Alike; each gets a thread.
    pub encoders: Vec<Box<dyn Encoder>>,
    /// What counts from the start.
    pub learned: Learned,
    /// What reads it again; `None` where nobody can.
    pub reload: Option<Arc<dyn Reload>>,
    pub tagger: Arc<dyn Tagger>,
    /// What scores mean; `None` where nobody has measured it.
    pub bands: Option<Bands>,
    /// `None` where addresses on the web are not fetched.
    pub fetch: Option<Arc<dyn Fetch>>,
    /// `None` where objects (`s3://…`) are not fetched.
    pub objects: Option<Arc<dyn Fetch>>,
    /// Where photos that come by the API are kept; `None` for a server that only reads.
    pub uploads: Option<Uploads>,
    pub models: Vec<ModelCard>,
    /// What people decided of the photos of the catalogue.
    pub decisions: Arc<dyn DecisionStore>,
    /// What they may choose from, besides the labels that were learned.
    pub categories: Vec<CategoryNode>,
    /// Where renditions of photos are.
    pub pictures: Pictures,
    pub limits: Limits,
    pub observe: Arc<dyn Observe>,
}

/// The running server; clones are the same one.
#[derive(Clone)]
pub struct App(Arc<Inner>);

pub struct Inner {
    pub catalogue: Arc<dyn Catalogue>,
    pub index_name: String,
    pub encoder: EncoderHandle,
    /// What was learned, as it counts now.
    pub(crate) now: Current<Now>,
    pub(crate) reload: Option<Arc<dyn Reload>>,
    /// Held while what is learned is read again.
    pub(crate) reloading: tokio::sync::Mutex<()>,
    pub tagger: Arc<dyn Tagger>,
    pub bands: Option<Bands>,
    pub fetch: Option<Arc<dyn Fetch>>,
    pub objects: Option<Arc<dyn Fetch>>,
    pub uploads: Option<Uploads>,
    pub models: Vec<ModelCard>,
    pub products: Arc<Products>,
    pub reviewer: Arc<Reviewer>,
    pub pictures: Pictures,
    pub limits: Limits,
    pub observe: Arc<dyn Observe>,
    /// Requests that are waited for or worked on.
    queue: Arc<Semaphore>,
    refusals: Refusals,
    /// Kilobytes of bodies that may be in memory.
    pub(crate) bodies: Arc<Semaphore>,
    /// Searches at once; more only share the same disk and cores.
    searches: Semaphore,
    pub(crate) decoders: Arc<Semaphore>,
    warm: AtomicBool,
    draining: AtomicBool,
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Starts the model threads.
    pub fn new(parts: Parts) -> std::io::Result<App> {
        let limits = parts.limits;
        let workers = limits.workers.max(1);
        let dimensions = parts.catalogue.manifest().dimensions;
        let encoder = EncoderHandle::start(
            parts.encoders,
            dimensions,
            limits.batching,
            limits.queue,
            &parts.observe,
        )?;
        let products = Products::new(parts.catalogue.clone(), parts.pictures.clone());
        let reviewer = Reviewer::new(
            parts.catalogue.clone(),
            parts.decisions,
            parts.pictures.clone(),
            Vocabulary {
                categories: parts.categories,
                labels: parts.learned.labels.clone(),
            },
            parts.uploads.is_some(),
        );
        let words = Arc::new(Words::new(
            parts.learned.words.clone(),
            workers,
            parts.observe.clone(),
        ));
        let kilobytes = (limits.all_bodies_bytes >> 10).clamp(1, Semaphore::MAX_PERMITS);
        Ok(App(Arc::new(Inner {
            catalogue: parts.catalogue,
            index_name: parts.index_name,
            encoder,
            now: Current::new(Now::new(parts.learned, words)),
            reload: parts.reload,
            reloading: tokio::sync::Mutex::default(),
            tagger: parts.tagger,
            bands: parts.bands,
            fetch: parts.fetch,
            objects: parts.objects,
            uploads: parts.uploads,
            models: parts.models,
            products: Arc::new(products),
            reviewer: Arc::new(reviewer),
            pictures: parts.pictures,
            observe: parts.observe,
            queue: Arc::new(Semaphore::new(limits.queue.max(1))),
            refusals: Refusals::default(),
            bodies: Arc::new(Semaphore::new(kilobytes)),
            searches: Semaphore::new(workers),
            decoders: Arc::new(Semaphore::new(workers)),
            warm: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            limits,
        })))
    }

    /// A place among the requests that are waited for or worked on; refuses where there is none.
    pub fn admit(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let place = self.queue.clone().try_acquire_owned();
        place.map_err(|_| self.too_many())
    }

    /// Whether [`App::admit`] would refuse.
    pub(crate) fn is_full(&self) -> bool {
        self.queue.available_permits() == 0
    }

    /// What a request is told that is turned away; counts it.
    pub(crate) fn too_many(&self) -> ApiError {
        self.refusals.add();
        ApiError::too_many()
    }

    /// What understands words, for this server.
    pub(crate) fn understanding(&self, words: Arc<dyn TextQuery>) -> Words {
        Words::new(words, self.limits.workers.max(1), self.observe.clone())
    }

    /// Requests that are waited for or worked on.
    pub fn in_flight(&self) -> usize {
        self.limits.queue.max(1) - self.queue.available_permits()
    }

    /// A search of the catalogue, when its turn comes.
    pub async fn search(
        &self,
        query: showroom_catalog::Query,
    ) -> Result<showroom_catalog::query::Hits, ApiError> {
        let _turn = self.searches.acquire().await;
        let began = Instant::now();
        let hits = self.catalogue.search(query).await?;
        self.observe.stage("search", began.elapsed());
        Ok(hits)
    }

    /// The catalogue goes by one name.
    pub fn check_index(&self, name: &str) -> Result<(), ApiError> {
        if name == self.index_name {
            return Ok(());
        }
        Err(ApiError::not_found(
            "index_not_found",
            format!("there is no index {name:?} here; GET /indexes lists them"),
        ))
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// From here on `/ready` says no.
    pub fn begin_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub fn is_ready(&self) -> bool {
        self.warm.load(Ordering::Relaxed) && !self.is_draining()
    }

    pub(crate) fn set_warm(&self) {
        self.warm.store(true, Ordering::Relaxed);
    }
}
