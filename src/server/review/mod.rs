//! What people look over: the queue of doubtful tags, their decisions, and the log of them.
//!
//! A decision holds for the bytes of a photo, at once and for good; it is written to the log first and
//! then to the rows. Two people may review at once: whoever decides says which decision he has seen
//! (`seen`), and where somebody else decided meanwhile his own is refused with 409, item by item. Where the log is
//! written and the rows are not, they follow with what is written next, or at the next start.

mod choices;
mod decide;
mod log;
mod queue;
#[cfg(test)]
mod tests;
mod writing;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Extension, Query as Params, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Any;
use showroom_catalog::PhotoId;
use showroom_catalog::decide::KnownLabel;
use showroom_catalog::decision::{CategoryNode, DecisionLog, Decisions};
use showroom_catalog::seams::{Catalogue, DecisionStore, StoreError};
use tokio::sync::{Mutex, MutexGuard};
use tracing::Instrument;

use crate::cached::Cached;
use crate::current::Current;
use crate::error::ApiError;
use crate::product::Pictures;
use queue::Queue;

/// A category that is less probable is to be reviewed.
pub const REVIEW_CATEGORY_BELOW: f32 = 0.7;

/// Longest body of a request, in bytes: some times as much as the most decisions take.
const MAX_BODY: usize = 256 << 10;

/// Who sent a request: the name of the key, which the authentication leaves in the request.
#[derive(Clone, Debug)]
pub struct Caller(pub String);

/// What a reviewer may choose from besides what the photos have already.
#[derive(Debug, Default)]
pub struct Vocabulary {
    pub categories: Vec<CategoryNode>,
    /// Of the label sets of the catalogue.
    pub labels: Vec<KnownLabel>,
}

/// What the routes of this folder need.
pub struct Reviewer {
    catalogue: Arc<dyn Catalogue>,
    store: Arc<dyn DecisionStore>,
    pictures: Pictures,
    categories: Vec<CategoryNode>,
    labels: Current<Vec<KnownLabel>>,
    /// Whether the catalogue is open for writing.
    writable: bool,
    queue: Cached<std::sync::Mutex<Queue>>,
    /// Held by whoever reads rows to write them back; taken before `state`.
    writing: Mutex<()>,
    /// The log as it is on the disk. Held while one decides, so that nobody decides meanwhile.
    state: Mutex<Logged>,
}

/// The log, and what of it counts.
#[derive(Debug, Default)]
struct Logged {
    is_read: bool,
    log: DecisionLog,
    decisions: Decisions,
    /// Photos of which the log says more than their rows.
    behind: HashSet<PhotoId>,
}

/// Routes that read.
pub fn read_routes<S: Clone + Send + Sync + 'static>(reviewer: Arc<Reviewer>) -> Router<S> {
    Router::new()
        .route("/v1/review", get(list))
        .route("/v1/review/log", get(history))
        .route("/v1/review/choices", get(choose))
        .with_state(reviewer)
}

/// Routes that write.
pub fn write_routes<S: Clone + Send + Sync + 'static>(reviewer: Arc<Reviewer>) -> Router<S> {
    Router::new()
        .route("/v1/review/decisions", post(decide_some))
        .route("/v1/review/undo", post(undo))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(reviewer)
}

type Asked<T> = Result<Params<T>, QueryRejection>;

async fn list(
    State(reviewer): State<Arc<Reviewer>>,
    asked: Asked<queue::Asked>,
) -> Result<Json<Any>, ApiError> {
    Ok(Json(reviewer.page(params(asked)?).await?))
}

async fn history(
    State(reviewer): State<Arc<Reviewer>>,
    asked: Asked<log::Asked>,
) -> Result<Json<Any>, ApiError> {
    Ok(Json(reviewer.history(params(asked)?).await?))
}

async fn choose(
    State(reviewer): State<Arc<Reviewer>>,
    asked: Asked<choices::Asked>,
) -> Result<Json<Any>, ApiError> {
    Ok(Json(reviewer.choices(params(asked)?).await?))
}

async fn decide_some(
    State(reviewer): State<Arc<Reviewer>>,
    caller: Option<Extension<Caller>>,
    body: Bytes,
) -> Result<Json<Any>, ApiError> {
    let by = caller.map(|Extension(Caller(name))| name);
    let body = parsed(&body)?;
    to_the_end(async move { reviewer.decide(body, by).await })
        .await
        .map(Json)
}

async fn undo(
    State(reviewer): State<Arc<Reviewer>>,
    caller: Option<Extension<Caller>>,
    body: Bytes,
) -> Result<Json<Any>, ApiError> {
    let by = caller.map(|Extension(Caller(name))| name);
    let body = parsed(&body)?;
    to_the_end(async move { reviewer.undo(body, by).await })
        .await
        .map(Json)
}

fn params<T>(asked: Asked<T>) -> Result<T, ApiError> {
    match asked {
        Ok(Params(asked)) => Ok(asked),
        Err(error) => Err(ApiError::bad("bad_request", error.body_text())),
    }
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        let status = match error.is_data() {
            true => StatusCode::UNPROCESSABLE_ENTITY,
            false => StatusCode::BAD_REQUEST,
        };
        ApiError::new(status, "bad_body", format!("the body: {error}"))
    })
}

impl Reviewer {
    pub fn new(
        catalogue: Arc<dyn Catalogue>,
        store: Arc<dyn DecisionStore>,
        pictures: Pictures,
        vocabulary: Vocabulary,
        writable: bool,
    ) -> Reviewer {
        Reviewer {
            catalogue,
            store,
            pictures,
            categories: vocabulary.categories,
            labels: Current::new(vocabulary.labels),
            writable,
            queue: Cached::default(),
            writing: Mutex::default(),
            state: Mutex::default(),
        }
    }

    /// The log, read where it is not known yet, or where somebody else may have written to it.
    async fn logged(&self) -> Result<MutexGuard<'_, Logged>, ApiError> {
        let mut state = self.state.lock().await;
        if !state.is_read || !self.writable {
            let store = self.store.clone();
            let log = blocking(move || store.read()).await?;
            *state = Logged {
                is_read: true,
                decisions: log.decisions(),
                log,
                behind: HashSet::new(),
            };
        }
        Ok(state)
    }

    fn check_writable(&self) -> Result<(), ApiError> {
        match self.writable {
            true => Ok(()),
            false => Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "read_only",
                "the catalogue is open for reading only; another process writes to it, or --read-only was \
                 given",
            )),
        }
    }

    /// The label with this id: of a label set, or one that a photo has.
    fn known_label(&self, id: &str) -> Option<KnownLabel> {
        let labels = self.labels.get();
        labels.iter().find(|label| label.id == id).cloned()
    }

    /// Other labels to choose from.
    pub(crate) fn set_labels(&self, labels: Vec<KnownLabel>) {
        self.labels.set(labels);
    }
}

/// Writes all that is to be written, also where the client goes away meanwhile.
pub(crate) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::spawn(work.in_current_span()).await;
    done.map_err(|error| ApiError::internal(&error))?
}

/// Work that blocks, off the threads that answer requests.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(error) => Err(ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "failed",
            error.to_string(),
        )),
    }
}

/// How many items wait for each label, by its id.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Waiting {
    name: String,
    items: usize,
}

type ByLabel = BTreeMap<String, Waiting>;
