//! Renditions: photos of the catalogue in the size and format that a page asks for.
//!
//! `GET /images/{id}?w=…&h=…&fit=…&format=…&q=…&exp=…&sig=…`. The order of the work: read what is asked
//! ([`ask`]), check its signature ([`sign`]), find the photo in the catalogue, look into the cache
//! ([`cache`]), else read its bytes ([`bytes`]), decode and resize and encode ([`make`]), put it into the
//! cache, answer. Nothing costs more than a hash before the signature is right.
//!
//! A rendition never changes: its id is the hash of the photo's bytes, and they are hashed again before
//! they are decoded. So it may be kept for ever by whoever has it.

pub mod ask;
pub mod bytes;
mod cache;
pub mod make;
mod renditions;
pub mod sign;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use showroom_catalog::seams::Catalogue;

use crate::clock::now_s;
use crate::error::ApiError;
use ask::{Ask, Output};
pub use cache::Cache;
pub use renditions::{Card, Made, RenditionConfig, Renditions};

/// A year: as long as a cache keeps anything.
const MAX_AGE_S: u64 = 31_536_000;

/// What the route needs.
#[derive(Clone)]
struct Needs {
    renditions: Renditions,
    catalogue: Arc<dyn Catalogue>,
}

/// `GET /images/{id}`. Needs no key: the signature is one.
pub fn routes(renditions: Renditions, catalogue: Arc<dyn Catalogue>) -> Router {
    let needs = Needs {
        renditions,
        catalogue,
    };
    Router::new()
        .route("/images/{id}", get(image))
        .with_state(needs)
}

async fn image(
    State(needs): State<Needs>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (mut ask, signature) = Ask::parse(&id, query.as_deref().unwrap_or_default())
        .map_err(|error| ApiError::bad("bad_rendition", error.to_string()))?;
    let now = now_s();
    if !needs.renditions.signer().is_right(&ask, &signature) {
        let message =
            "the signature does not belong to this address; take it as the server gave it";
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "bad_signature",
            message,
        ));
    }
    if ask.expires_s.is_some_and(|expires| expires <= now) {
        let message = "this address has expired; ask for the photo again";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "expired", message));
    }
    let negotiated = ask.output.is_none();
    let accept = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|one| one.to_str().ok())
        .collect::<Vec<_>>()
        .join(",");
    let output = *ask.output.get_or_insert_with(|| Output::accepted(&accept));
    let max_age = ask
        .expires_s
        .map_or(MAX_AGE_S, |expires| (expires - now).min(MAX_AGE_S));
    let photo = needs
        .renditions
        .find(needs.catalogue.as_ref(), ask.id)
        .await?;
    let etag = format!("\"{}\"", ask.key());
    let not_modified = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|tags| tags.to_str().ok())
        .is_some_and(|tags| {
            tags.split(',')
                .any(|tag| matches!(tag.trim(), "*") || tag.trim().trim_start_matches("W/") == etag)
        });
    let mut response = match not_modified {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => {
            let bytes = needs.renditions.get(&ask, &photo).await?;
            ([(header::CONTENT_TYPE, output.mime())], bytes).into_response()
        }
    };
    let headers = response.headers_mut();
    let control = format!("public, max-age={max_age}, immutable");
    for (name, value) in [(header::ETAG, etag), (header::CACHE_CONTROL, control)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if negotiated {
        headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    }
    Ok(response)
}
