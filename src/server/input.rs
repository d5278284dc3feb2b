//! The body of a request: JSON, or a form with files in it. Read in pieces, so that neither one body nor all of
//! them together take more memory than they may.

use axum::body::{Body, BodyDataStream};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::OwnedSemaphorePermit;

use crate::error::ApiError;
use crate::state::App;

/// Parts of a form.
const MOST_PARTS: usize = 512;
/// Fields of a form that are words also where they look like a number or a list.
const WORDS: [&str; 6] = ["q", "filter", "where", "minus", "photo", "on"];

/// A file of a form.
#[derive(Clone, Debug)]
pub struct File {
    /// Name of the form's field.
    pub field: String,
    /// Name of the file, where the client gave one.
    pub name: Option<String>,
    pub bytes: Bytes,
}

/// What came in a body.
pub struct Input {
    /// The JSON, or the fields of a form as if they had been JSON.
    pub json: Value,
    pub files: Vec<File>,
    /// The share of the memory for bodies, held as long as it is used.
    _held: Option<OwnedSemaphorePermit>,
}

impl Input {
    /// A body of JSON.
    #[cfg(test)]
    pub(crate) fn of(json: Value) -> Input {
        Input {
            json,
            files: Vec::new(),
            _held: None,
        }
    }

    /// The JSON as a value of some kind.
    pub fn parse<T: DeserializeOwned>(&mut self) -> Result<T, ApiError> {
        serde_json::from_value(self.json.take())
            .map_err(|error| ApiError::invalid(error.to_string()))
    }
}

impl FromRequest<App> for Input {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Input, ApiError> {
        let (parts, body) = request.into_parts();
        let kind = kind(&parts.method, &parts.headers)?;
        let (bytes, held) = read(app, &parts.headers, body).await?;
        let (json, files) = match kind {
            Kind::Json => (json(&bytes)?, Vec::new()),
            Kind::Form => {
                let request = Request::from_parts(parts, Body::from(bytes));
                let form = Multipart::from_request(request, app).await;
                form_parts(form.map_err(|error| bad_form(&error.to_string()))?).await?
            }
        };
        Ok(Input {
            json,
            files,
            _held: held,
        })
    }
}

enum Kind {
    Json,
    Form,
}

/// Marqo's client says of no PATCH what it has in it.
fn kind(method: &Method, headers: &HeaderMap) -> Result<Kind, ApiError> {
    let said = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = said
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    match essence.trim().to_ascii_lowercase().as_str() {
        "application/json" => Ok(Kind::Json),
        "" if method == Method::PATCH => Ok(Kind::Json),
        "multipart/form-data" => Ok(Kind::Form),
        _ => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "the body must be application/json or multipart/form-data; say so in Content-Type",
        )),
    }
}

fn json(bytes: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ApiError::bad("bad_json", format!("the body is no JSON: {error}")))
}

/// The whole body, and its share of the memory for bodies.
async fn read(
    app: &App,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Bytes, Option<OwnedSemaphorePermit>), ApiError> {
    let limit = app.limits.body_bytes;
    let said = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok());
    let said = said.and_then(|length| length.parse::<usize>().ok());
    let mut chunks = body.into_data_stream();
    let taken = match said.is_some_and(|length| length > limit) {
        true => Err(too_large(limit)),
        false => take(app, &mut chunks).await,
    };
    if taken.is_err() {
        discard(&mut chunks, limit).await;
    }
    taken
}

fn too_large(limit: usize) -> ApiError {
    ApiError::too_large(format!("the body has more than the limit of {limit} bytes"))
}

async fn take(
    app: &App,
    chunks: &mut BodyDataStream,
) -> Result<(Bytes, Option<OwnedSemaphorePermit>), ApiError> {
    let limit = app.limits.body_bytes;
    let mut bytes = BytesMut::new();
    let mut held: Option<OwnedSemaphorePermit> = None;
    while let Some(chunk) = chunks.next().await {
        let cut = |_| ApiError::bad("body_cut_short", "the body ended before it was complete");
        let chunk = chunk.map_err(cut)?;
        if bytes.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        let kilobytes = (bytes.len() + chunk.len()).div_ceil(1024);
        let more = kilobytes - held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = u32::try_from(more).map_err(|_| too_large(limit))?;
        let share = app.bodies.clone().try_acquire_many_owned(more);
        let share = share.map_err(|_| app.too_many())?;
        match &mut held {
            Some(held) => held.merge(share),
            None => held = Some(share),
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((bytes.freeze(), held))
}

/// Reads a body that nothing is made of, up to `most` bytes.
pub async fn pass_over(body: Body, most: usize) {
    discard(&mut body.into_data_stream(), most).await;
}

/// Reads some more of a body that is refused, and keeps nothing of it: a client that is still writing when its
/// connection ends never reads why.
async fn discard(chunks: &mut BodyDataStream, most: usize) {
    let mut read = 0;
    while read <= most
        && let Some(Ok(chunk)) = chunks.next().await
    {
        read += chunk.len();
    }
}

fn bad_form(reason: &str) -> ApiError {
    ApiError::bad("bad_form", format!("the form cannot be read: {reason}"))
}

/// Fields as JSON, and files. A field that comes several times is a list.
async fn form_parts(mut form: Multipart) -> Result<(Value, Vec<File>), ApiError> {
    let mut fields = Map::new();
    let mut files = Vec::new();
    for _ in 0..MOST_PARTS {
        let part = form
            .next_field()
            .await
            .map_err(|error| bad_form(&error.body_text()))?;
        let Some(part) = part else {
            return Ok((Value::Object(fields), files));
        };
        let field = part.name().unwrap_or_default().to_string();
        let name = part.file_name().map(str::to_string);
        let typed = part.content_type().map(str::to_string);
        let is_picture = typed
            .as_deref()
            .is_some_and(|kind| kind.starts_with("image/"));
        let bytes = part
            .bytes()
            .await
            .map_err(|error| bad_form(&error.body_text()))?;
        if name.is_some() || is_picture {
            files.push(File { field, name, bytes });
            continue;
        }
        let text = String::from_utf8(bytes.into());
        let text = text.map_err(|_| bad_form(&format!("the field {field} is not UTF-8")))?;
        let value = field_value(&field, text);
        match fields.get_mut(&field) {
            None => {
                fields.insert(field, value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Err(ApiError::too_large(format!(
        "a form may have {MOST_PARTS} parts"
    )))
}

/// Fields that hold JSON are read as such, but for words.
fn field_value(field: &str, text: String) -> Value {
    let is_words = WORDS.contains(&field) && !text.trim_start().starts_with(['{', '[']);
    if is_words {
        return Value::String(text);
    }
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_form_stay_words() {
        let value = |field: &str, text: &str| field_value(field, text.to_string());
        assert_eq!(value("q", "501"), Value::from("501"));
        assert_eq!(value("q", "{\"a\": 1}")["a"], 1);
        assert_eq!(value("limit", "5"), Value::from(5));
        assert_eq!(value("like", "SKU-1"), Value::from("SKU-1"));
        assert_eq!(value("documents", "[{}]"), serde_json::json!([{}]));
    }
}
