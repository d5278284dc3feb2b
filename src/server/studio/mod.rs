//! What designers ask for: cut-outs as rembg's server makes them, backdrops, the rules of marketplaces.
//!
//! The way of a request: what is asked is understood (by the
//! [`Studio`](showroom_catalog::seams::Studio)), a place in the queue is taken
//! ([`bench`]), the photo is fetched ([`asked`]), and the bench's one thread makes the file.

mod asked;
mod bench;

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use showroom_catalog::seams::ModelError;
use showroom_catalog::studio::{StudioChoices, StudioError, StudioFile, StudioTask};

use crate::error::ApiError;
use crate::images::Renditions;
use crate::input::Input;
use crate::state::App;
use asked::{Asked, Source};
pub use bench::Bench;

/// How far a cut-out can be used unseen, 0–1.
const CONFIDENCE: HeaderName = HeaderName::from_static("x-confidence");
/// What a person should look at.
const FLAGS: HeaderName = HeaderName::from_static("x-flags");

/// What the routes need; nothing where the server has no studio.
type Needs = Option<Arc<(Bench, Renditions)>>;

/// The routes, whether there is a studio or not.
pub fn routes(bench: Option<Bench>, renditions: Renditions) -> Router<App> {
    let needs: Needs = bench.map(|bench| Arc::new((bench, renditions)));
    let takes = |task| {
        post(
            move |app: State<App>, needs: Extension<Needs>, query: RawQuery, input: Input| {
                posted(app, needs, query, input, task)
            },
        )
    };
    Router::new()
        .route(
            "/api/remove",
            takes(StudioTask::Cutout).get(remove_from_url),
        )
        .route("/v1/studio", get(choices))
        .route("/v1/backdrop", takes(StudioTask::Backdrop))
        .route("/v1/check", takes(StudioTask::Check))
        .layer(Extension(needs))
}

async fn choices(Extension(needs): Extension<Needs>) -> Result<Json<StudioChoices>, ApiError> {
    let needs = needs.ok_or_else(off)?;
    let (bench, _) = needs.as_ref();
    Ok(Json(bench.studio().choices()))
}

/// What takes a photo, or says where one is, and its parameters in a form, as JSON or in the address.
async fn posted(
    State(app): State<App>,
    Extension(needs): Extension<Needs>,
    RawQuery(query): RawQuery,
    input: Input,
    task: StudioTask,
) -> Result<Response, ApiError> {
    let asked = Asked::read(query.as_deref(), Some(input))?;
    answer(&app, needs, task, asked).await
}

async fn remove_from_url(
    State(app): State<App>,
    Extension(needs): Extension<Needs>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    from_here(&app, &headers)?;
    let asked = Asked::read(query.as_deref(), None)?;
    answer(&app, needs, StudioTask::Cutout, asked).await
}

/// Without keys a page of another site must not make the server work by naming it as a picture's address.
fn from_here(app: &App, headers: &HeaderMap) -> Result<(), ApiError> {
    let site = headers
        .get("sec-fetch-site")
        .and_then(|site| site.to_str().ok());
    match site {
        Some("cross-site" | "same-site") if app.now.get().keys.is_empty() => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "not_local",
            "without keys only this machine is served, and the request comes from a page of another site",
        )),
        _ => Ok(()),
    }
}

async fn answer(
    app: &App,
    needs: Needs,
    task: StudioTask,
    asked: Asked,
) -> Result<Response, ApiError> {
    let needs = needs.ok_or_else(off)?;
    let (bench, renditions) = needs.as_ref();
    let work = bench.studio().understand(task, &asked.parameters)?;
    let _place = app.admit()?;
    let turn = bench.turn()?;
    let bytes = match &asked.photo {
        Source::Picture(picture) => app.bytes_of(picture).await?,
        Source::Catalogue(key) => asked::catalogued(app, renditions, key).await?,
    };
    let file = turn.run(task, work, bytes).await?;
    Ok(response(task, file))
}

fn response(task: StudioTask, file: StudioFile) -> Response {
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, file.mime);
    if task != StudioTask::Check {
        let name = format!("inline; filename=\"{}.{}\"", task.name(), file.extension);
        set(header::CONTENT_DISPOSITION, &name);
        set(FLAGS, &file.flags.join(", "));
    }
    if let Some(confidence) = file.confidence {
        set(CONFIDENCE, &format!("{confidence:.3}"));
    }
    set(header::CACHE_CONTROL, "no-store");
    (headers, file.bytes).into_response()
}

fn off() -> ApiError {
    ApiError::not_found(
        "studio_is_off",
        "this server was started without its studio (--studio off)",
    )
}

impl From<StudioError> for ApiError {
    fn from(error: StudioError) -> ApiError {
        match error {
            StudioError::BadParameter { .. } => ApiError::invalid(error.to_string()),
            StudioError::Photo(bad) => {
                let status = match bad.code.as_str() {
                    "not-an-image" | "unsupported-format" | "unsupported-pixels" => {
                        StatusCode::UNSUPPORTED_MEDIA_TYPE
                    }
                    code if code.starts_with("too-") => StatusCode::PAYLOAD_TOO_LARGE,
                    _ => StatusCode::UNPROCESSABLE_ENTITY,
                };
                ApiError::new(status, "bad_photo", bad.reason)
            }
            StudioError::Model(ModelError::Missing(reason)) => {
                ApiError::dependency("model_missing", reason)
            }
            StudioError::Model(error) => error.into(),
        }
    }
}
