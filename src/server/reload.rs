//! `POST /v1/reload`, and SIGHUP: what was learned beside the server while it ran, and who may ask it.
//!
//! All of it is read before any of it counts, so that a file that cannot be used changes nothing. Requests that
//! are being answered go on with what they began with.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use showroom_catalog::decide::KnownLabel;
use showroom_catalog::seams::{Labeller, TextQuery};

use crate::auth::Keys;
use crate::error::ApiError;
use crate::state::App;
use crate::words::Words;

/// What can change while the server runs.
#[derive(Clone)]
pub struct Learned {
    /// With what the shop's titles have taught.
    pub words: Arc<dyn TextQuery>,
    /// Another for other titles; `None` where nothing was learned from any.
    pub titles_version: Option<String>,
    /// The shop's own labels.
    pub labellers: Vec<Arc<dyn Labeller>>,
    /// What a reviewer may choose from: the labels of these.
    pub labels: Vec<KnownLabel>,
    /// Another for other label sets.
    pub labels_version: String,
    pub keys: Keys,
}

/// Reads again what is learned.
pub trait Reload: Send + Sync {
    /// All of it, or a sentence that names the file that cannot be used and what to do. Blocks.
    fn read(&self) -> Result<Learned, String>;
}

/// What counts now.
pub struct Now {
    pub words: Arc<Words>,
    pub labellers: Vec<Arc<dyn Labeller>>,
    pub keys: Keys,
    titles_version: Option<String>,
    labels_version: String,
}

impl Now {
    /// `words` are kept with all that they have understood where no others are given.
    pub(crate) fn new(learned: Learned, words: Arc<Words>) -> Now {
        Now {
            words,
            labellers: learned.labellers,
            keys: learned.keys,
            titles_version: learned.titles_version,
            labels_version: learned.labels_version,
        }
    }
}

/// `POST /v1/reload`.
pub async fn reload(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    app.reload().await.map(Json)
}

impl App {
    /// Takes in what was learned since the start, and says what that was. One at a time.
    pub async fn reload(&self) -> Result<Value, ApiError> {
        let done = self.take_in_learned().await;
        match &done {
            Ok(told) => tracing::info!(changed = %told["changed"], "what was learned is taken in"),
            Err(error) => tracing::warn!(reason = error.message, "nothing is taken in"),
        }
        done
    }

    async fn take_in_learned(&self) -> Result<Value, ApiError> {
        let conflict =
            |code: &'static str, message: &str| ApiError::new(StatusCode::CONFLICT, code, message);
        let reader = (self.reload.clone()).ok_or_else(|| {
            conflict("nothing_to_reload", "this server has nothing to read again")
        })?;
        let _turn = self.reloading.try_lock().map_err(|_| {
            let message = "another reload is under way; ask again when it is done";
            conflict("reload_running", message)
        })?;
        let began = Instant::now();
        let read = tokio::task::spawn_blocking(move || reader.read()).await;
        let read = read.map_err(|error| ApiError::internal(&error))?;
        let learned = read.map_err(|reason| {
            let message = format!("{reason}; nothing is changed");
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "cannot_reload", message)
        })?;
        let was = self.now.get();
        let titles = learned.titles_version != was.titles_version;
        let changes = [
            ("titles", titles),
            ("labels", learned.labels_version != was.labels_version),
            ("keys", learned.keys != was.keys),
        ];
        let changed = changes.into_iter().filter(|(_, changed)| *changed);
        let changed: Vec<&str> = changed.map(|(name, _)| name).collect();
        let sets: Vec<&str> = (learned.labellers.iter())
            .map(|set| {
                set.source()
                    .split_once(':')
                    .map_or(set.source(), |(_, name)| name)
            })
            .collect();
        let told = json!({
            "changed": changed,
            "titles": learned.titles_version.is_some(),
            "label_sets": sets,
            "labels": learned.labels.len(),
            "keys": learned.keys.len(),
            "took_ms": u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
        let words = match titles {
            true => Arc::new(self.understanding(learned.words.clone())),
            false => was.words.clone(),
        };
        self.reviewer.set_labels(learned.labels.clone());
        self.now.set(Now::new(learned, words));
        Ok(told)
    }
}
