//! `POST /v1/tag`: what a photo shows, without taking it into the catalogue.

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
    let (id, mut facts) = (photo.id, photo.facts.clone());
    let features = app.encoder.encode(photo).await?;
    facts.product_share = features.product_share;
    let tagged = app.tagger.tag(&features.classes, &features.colours);
    Ok(Json(json!({
        "id": id,
        "tags": to_json(&tagged.labels)?,
        "category": to_json(&tagged.category)?,
        "colours": to_json(&features.colours)?,
        "facts": to_json(&facts)?,
        "encoder": app.encoder.id,
        "tagger": app.tagger.id(),
    })))
}
