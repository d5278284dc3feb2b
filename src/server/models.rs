//! `GET /v1/models`: the vectors that `/v1/embeddings` gives, and the models that are known, with their cards.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use showroom_catalog::VectorName;

use crate::error::ApiError;
use crate::search::to_json;
use crate::state::{App, ModelCard};

pub async fn list(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    let mut data: Vec<Value> = VectorName::ALL
        .iter()
        .map(|name| vector(&app, *name))
        .collect();
    for card in &app.models {
        data.push(model(card)?);
    }
    Ok(Json(json!({ "object": "list", "data": data })))
}

pub async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    if let Some(name) = VectorName::ALL.into_iter().find(|name| name.name() == id) {
        return Ok(Json(vector(&app, name)));
    }
    model(find(&app, &id)?).map(Json)
}

pub async fn card(State(app): State<App>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let card = find(&app, &id)?.card.clone();
    let kind = [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")];
    Ok((kind, card).into_response())
}

fn find<'a>(app: &'a App, id: &str) -> Result<&'a ModelCard, ApiError> {
    let found = app.models.iter().find(|card| card.id == id);
    found.ok_or_else(|| {
        ApiError::not_found(
            "model_not_found",
            format!("there is no model {id:?}; GET /v1/models lists them"),
        )
    })
}

/// What `/v1/embeddings` takes as a model.
fn vector(app: &App, name: VectorName) -> Value {
    let dimensions = app.catalogue.manifest().dimensions;
    let (length, inputs) = match name {
        VectorName::Shape => (dimensions.shape, ["image"].as_slice()),
        VectorName::Colour => (dimensions.colour, ["image"].as_slice()),
        VectorName::Text => (dimensions.text, ["text", "image"].as_slice()),
    };
    json!({
        "id": name.name(),
        "object": "model",
        "created": 0,
        "owned_by": "showroom",
        "kind": "vector",
        "dimensions": length,
        "inputs": inputs,
        "encoder": app.encoder.id,
    })
}

fn model(card: &ModelCard) -> Result<Value, ApiError> {
    let mut fields = to_json(card)?;
    fields["object"] = "model".into();
    fields["created"] = 0.into();
    fields["owned_by"] = "showroom".into();
    fields["kind"] = "weights".into();
    Ok(fields)
}
