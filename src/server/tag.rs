//! `POST /v1/tag`: what a photo shows, as the catalogue would tell it, without taking it in.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::input::Input;
use crate::photos::{Picture, is_address};
use crate::search::to_json;
use crate::state::App;

#[derive(Debug, Default, Deserialize)]
struct TagRequest {
    /// A data URI or an address; or a file of a form.
    image: Option<String>,
}

pub async fn tag(State(app): State<App>, mut input: Input) -> Result<Json<Value>, ApiError> {
    let request: TagRequest = input.parse()?;
    let file = input.files.pop().map(|file| Picture::Bytes(file.bytes));
    let picture = match (request.image, file) {
        (None, Some(file)) => file,
        (Some(address), None) if is_address(&address) => Picture::Address(address),
        (Some(_), None) => {
            return Err(ApiError::invalid(
                "image must be a data URI (data:image/…;base64,…), an address (https://…, s3://…) or a file of a form",
            ));
        }
        _ => return Err(ApiError::invalid("there must be one image")),
    };
    let _place = app.admit()?;
    let bytes = app.bytes_of(&picture).await?;
    let photo = app.decode(bytes, String::new()).await?;
    let row = app.describe(photo).await?;
    Ok(Json(json!({
        "id": row.id,
        "tags": to_json(&row.labels)?,
        "category": to_json(&row.category)?,
        "colours": to_json(&row.colours)?,
        "facts": to_json(&row.facts)?,
        "encoder": app.encoder.id,
        "tagger": app.tagger.id(),
    })))
}
