//! What there is: the one index, its numbers and settings, in Marqo's shapes.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::search::to_json;
use crate::state::App;

/// The version of Marqo whose shapes are spoken: its clients ask, and warn of older ones.
const MARQO: &str = "2.23.1";

/// `GET /` for programs.
pub async fn root() -> Json<Value> {
    Json(json!({
        "message": "showroom",
        "version": MARQO,
        "showroom": env!("CARGO_PKG_VERSION"),
    }))
}

pub async fn indexes(State(app): State<App>) -> Json<Value> {
    Json(json!({ "results": [{ "indexName": app.index_name }] }))
}

pub async fn stats(
    State(app): State<App>,
    Path(index): Path<String>,
) -> Result<Json<Value>, ApiError> {
    app.check_index(&index)?;
    let stats = app.catalogue.stats().await?;
    Ok(Json(json!({
        "numberOfDocuments": stats.photos,
        // Shape, colour and text of each.
        "numberOfVectors": stats.photos * 3,
        "rejects": stats.rejects,
        "categorised": stats.categorised,
        "bytesOnDisk": stats.bytes_on_disk,
        "indices": to_json(&stats.indices)?,
        "encoder": stats.manifest.encoder,
        "requestsInFlight": app.in_flight(),
        "photosWaiting": app.encoder.waiting(),
    })))
}

pub async fn settings(
    State(app): State<App>,
    Path(index): Path<String>,
) -> Result<Json<Value>, ApiError> {
    app.check_index(&index)?;
    Ok(Json(json!({
        "type": "unstructured",
        "model": app.catalogue.manifest().encoder,
        "normalizeEmbeddings": true,
        "treatUrlsAndPointersAsImages": true,
        "dimensions": to_json(&app.catalogue.manifest().dimensions)?,
        "writable": app.uploads.is_some(),
    })))
}

pub async fn health(
    State(app): State<App>,
    Path(index): Path<String>,
) -> Result<Json<Value>, ApiError> {
    app.check_index(&index)?;
    Ok(Json(json!({ "status": "green" })))
}
