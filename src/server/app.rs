//! Which route is answered by what, and which key it takes.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::auth::{Scope, require};
use crate::images::Renditions;
use crate::jobs::Jobs;
use crate::metrics::{self, Metrics};
use crate::state::App;
use crate::studio::Bench;
use crate::{
    documents, embeddings, guard, health, images, jobs, models, openapi, page, product, reload,
    review, search, stats, studio, tag, telemetry,
};

/// What stands around the API.
pub struct Around {
    pub renditions: Renditions,
    /// `None` for a server that only reads.
    pub jobs: Option<Jobs>,
    pub metrics: Arc<Metrics>,
    /// `None` on a CPU.
    pub device_memory: Option<DeviceMemory>,
    /// `None` for a server without one.
    pub studio: Option<Bench>,
}

/// Bytes of a GPU that are in buffers, and that were taken from the device; `None` where it does not say.
pub type DeviceMemory = Box<dyn Fn() -> Option<(u64, u64)> + Send + Sync>;

/// The whole API.
pub fn router(app: App, around: Around) -> Router {
    let scoped = |routes: Router<App>, scope: Scope| {
        routes.route_layer(from_fn_with_state((app.clone(), scope), require))
    };
    let Around {
        renditions,
        jobs,
        metrics,
        device_memory,
        studio,
    } = around;
    let waiting = (app.clone(), jobs.clone(), studio.clone());
    let refresh = move |metrics: &Metrics| {
        let (app, jobs, studio) = &waiting;
        metrics.queue_depth("requests", app.in_flight());
        metrics.queue_depth("jobs", jobs.as_ref().map_or(0, Jobs::waiting));
        if let Some((used, reserved)) = device_memory.as_ref().and_then(|memory| memory()) {
            metrics.device_memory(used, reserved);
        }
        metrics.queue_depth("studio", studio.as_ref().map_or(0, Bench::waiting));
    };
    let studio = studio::routes(studio, renditions.clone());
    let jobs = jobs.map(|jobs| scoped(jobs::routes(jobs).with_state(()), Scope::Write));
    let numbers = metrics::routes(metrics.clone(), refresh).with_state(());
    Router::new()
        .merge(open())
        .merge(images::routes(renditions, app.catalogue.clone()).with_state(()))
        .merge(scoped(numbers, Scope::Read))
        .merge(jobs.unwrap_or_default())
        .merge(scoped(reading(&app), Scope::Read))
        .merge(scoped(studio, Scope::Read))
        .merge(scoped(writing(&app), Scope::Write))
        .merge(scoped(managing(), Scope::Admin))
        .fallback(|| async { StatusCode::NOT_FOUND })
        // `input` has a limit of its own, which also bounds all bodies together.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(telemetry::traced))
        .layer(from_fn_with_state(app.clone(), guard::every))
        .layer(from_fn_with_state(metrics, metrics::count))
        .with_state(app)
}

/// What jobs are made of: the routes that they go through, without the layer that asks for a key, as whoever
/// had the job accepted had one.
pub fn work(app: App) -> Router {
    Router::new()
        .route("/indexes/{index}/documents", post(documents::add))
        .route("/v1/tag", post(tag::tag))
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(app.clone(), guard::every))
        .with_state(app)
}

/// What needs no key.
fn open() -> Router<App> {
    Router::new()
        .route("/", get(root))
        .merge(page::routes())
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/openapi.json", get(openapi::openapi))
        .route("/docs", get(openapi::docs))
}

/// The page for a browser; what Marqo's clients ask for, for programs.
async fn root(headers: HeaderMap) -> Response {
    let accepted = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    match accepted.is_some_and(|accept| accept.contains("text/html")) {
        true => page::index(&headers),
        false => stats::root().await.into_response(),
    }
}

fn reading(app: &App) -> Router<App> {
    Router::new()
        .route("/indexes", get(stats::indexes))
        .route("/indexes/{index}/search", post(search::search))
        .route("/indexes/{index}/recommend", post(search::recommend))
        .route(
            "/indexes/{index}/documents",
            get(documents::get_batch).layer(DefaultBodyLimit::max(documents::MAX_IDS_BODY)),
        )
        .route("/indexes/{index}/documents/{id}", get(documents::get))
        .route("/indexes/{index}/stats", get(stats::stats))
        .route("/indexes/{index}/settings", get(stats::settings))
        .route("/indexes/{index}/health", get(stats::health))
        .route("/v1/embeddings", post(embeddings::embeddings))
        .route("/v1/tag", post(tag::tag))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{id}", get(models::get))
        .route("/v1/models/{id}/card", get(models::card))
        .merge(product::routes(app.products.clone()))
        .merge(review::read_routes(app.reviewer.clone()))
}

/// What only who runs the server may do.
fn managing() -> Router<App> {
    Router::new().route("/v1/reload", post(reload::reload))
}

fn writing(app: &App) -> Router<App> {
    Router::new()
        .route(
            "/indexes/{index}/documents",
            post(documents::add).patch(documents::update),
        )
        .route(
            "/indexes/{index}/documents/delete-batch",
            post(documents::delete_batch),
        )
        .merge(review::write_routes(app.reviewer.clone()))
}
