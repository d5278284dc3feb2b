//! `POST /v1/embeddings`, in OpenAI's shape: words and pictures → vectors.
//!
//! The model is the name of a vector: `shape` (what a photo shows), `colour` (its product's colours) or `text`,
//! in which words and photos lie together.

use axum::Json;
use axum::extract::State;
use futures::StreamExt;
use futures::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use showroom_catalog::VectorName;

use crate::error::ApiError;
use crate::input::Input;
use crate::photos::{Picture, is_address, vector_base64};
use crate::search::to_json;
use crate::state::App;

/// Inputs of one request that are looked at at once.
const AT_ONCE: usize = 4;
/// Longest text, in characters.
const LONGEST_TEXT: usize = 2_000;

#[derive(Debug, Deserialize)]
struct EmbeddingsRequest {
    input: Inputs,
    model: String,
    #[serde(default)]
    encoding_format: Encoding,
    /// `text` takes every input for words; `image` for pictures. By default addresses of pictures (data URIs,
    /// `https://…`) are pictures where the model is one of photos, and data URIs always.
    modality: Option<Modality>,
    dimensions: Option<usize>,
    /// OpenAI's clients may send it; nothing is done with it.
    #[serde(rename = "user")]
    _user: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Inputs {
    One(String),
    Many(Vec<String>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    #[default]
    Float,
    Base64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Modality {
    Text,
    Image,
}

pub async fn embeddings(State(app): State<App>, mut input: Input) -> Result<Json<Value>, ApiError> {
    let request: EmbeddingsRequest = input.parse()?;
    let Some(model) = VectorName::ALL
        .into_iter()
        .find(|name| name.name() == request.model)
    else {
        let message = format!(
            "there is no model {:?}; take shape, colour or text",
            request.model
        );
        return Err(ApiError::not_found("model_not_found", message));
    };
    let length = app.length(model);
    if request.dimensions.is_some_and(|wanted| wanted != length) {
        let message = format!(
            "{} has {length} dimensions and no other number",
            model.name()
        );
        return Err(ApiError::bad("not_supported", message));
    }
    let inputs = match request.input {
        Inputs::One(one) => vec![one],
        Inputs::Many(many) => many,
    };
    check(&app, &inputs)?;
    let tokens: usize = inputs
        .iter()
        .map(|input| tokens(input, request.modality))
        .sum();
    let _place = app.admit()?;
    let vectors = inputs
        .into_iter()
        .map(|input| app.embed(model, input, request.modality));
    let vectors: Vec<Result<Vec<f32>, ApiError>> =
        stream::iter(vectors).buffered(AT_ONCE).collect().await;
    let mut data = Vec::with_capacity(vectors.len());
    for (index, vector) in vectors.into_iter().enumerate() {
        let vector = vector?;
        let embedding = match request.encoding_format {
            Encoding::Float => to_json(&vector)?,
            Encoding::Base64 => json!(vector_base64(&vector)),
        };
        data.push(json!({ "object": "embedding", "index": index, "embedding": embedding }));
    }
    Ok(Json(json!({
        "object": "list",
        "data": data,
        "model": model.name(),
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    })))
}

fn check(app: &App, inputs: &[String]) -> Result<(), ApiError> {
    let most = app.limits.inputs;
    if inputs.is_empty() {
        return Err(ApiError::invalid("input must have something in it"));
    }
    if inputs.len() > most {
        return Err(ApiError::too_large(format!(
            "a request has at most {most} inputs"
        )));
    }
    Ok(())
}

/// What counts as used: words, and one for a picture.
fn tokens(input: &str, modality: Option<Modality>) -> usize {
    match is_picture(input, modality) {
        true => 1,
        false => input.split_whitespace().count(),
    }
}

fn is_picture(input: &str, modality: Option<Modality>) -> bool {
    match modality {
        Some(modality) => modality == Modality::Image,
        None => is_address(input),
    }
}

impl App {
    fn length(&self, name: VectorName) -> usize {
        let dimensions = self.catalogue.manifest().dimensions;
        match name {
            VectorName::Shape => dimensions.shape,
            VectorName::Colour => dimensions.colour,
            VectorName::Text => dimensions.text,
        }
    }

    async fn embed(
        &self,
        model: VectorName,
        input: String,
        modality: Option<Modality>,
    ) -> Result<Vec<f32>, ApiError> {
        if is_picture(&input, modality) {
            if !is_address(&input) {
                let message = "a picture is a data URI (data:image/…;base64,…) or an address (https://…, s3://…)";
                return Err(ApiError::invalid(message));
            }
            let features = self.features(&Picture::Address(input)).await?;
            return Ok(match model {
                VectorName::Shape => features.shape,
                VectorName::Colour => features.colour,
                VectorName::Text => {
                    let text = self.tagger.tag(&features.classes, &features.colours).text;
                    // Nothing where words are compared with the shape vector.
                    if text.is_empty() {
                        features.shape
                    } else {
                        text
                    }
                }
            });
        }
        if model != VectorName::Text {
            let message = format!("{} has no words in it; take the model text", model.name());
            return Err(ApiError::bad("no_words", message));
        }
        if input.chars().count() > LONGEST_TEXT {
            return Err(ApiError::invalid(format!(
                "words have at most {LONGEST_TEXT} characters"
            )));
        }
        let words = self.now.get().words.clone();
        Ok(words.understand(&input).await?.vector)
    }
}
