//! `GET /indexes/{i}/documents`: several documents at once.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use serde_json::{Value, json};
use showroom_catalog::seams::Columns;

use crate::error::ApiError;
use crate::state::App;

/// Bytes of a body with ids.
pub const MAX_BODY: usize = 256 << 10;

/// The documents with these ids, as `?ids=a&ids=b` or as a list in the body, which is what Marqo's client sends.
pub async fn get_batch(
    State(app): State<App>,
    Path(index): Path<String>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    app.check_index(&index)?;
    let mut ids = asked(query.as_deref().unwrap_or_default());
    if !body.is_empty() {
        let more: Vec<String> = serde_json::from_slice(&body).map_err(|error| {
            ApiError::invalid(format!("the body must be a list of ids, in JSON: {error}"))
        })?;
        ids.extend(more);
    }
    if ids.is_empty() {
        let message = "no document is asked for; give ids, or a list of them as the body";
        return Err(ApiError::bad("no_documents", message));
    }
    if ids.len() > app.limits.documents {
        let most = app.limits.documents;
        return Err(ApiError::too_large(format!(
            "a request is answered with at most {most} documents"
        )));
    }
    let mut results = Vec::with_capacity(ids.len());
    for id in ids {
        let found = app.find(&id, Columns::Tags).await?;
        results.push(match found.first() {
            Some(record) => {
                let mut document = app.document(record)?;
                document["_found"] = true.into();
                document
            }
            None => json!({ "_id": id, "_found": false }),
        });
    }
    Ok(Json(json!({ "results": results })))
}

/// Each `ids` of a query.
fn asked(query: &str) -> Vec<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == "ids")
        .map(|(_, id)| id.into_owned())
        .collect()
}
