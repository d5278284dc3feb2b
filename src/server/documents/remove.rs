//! `POST /indexes/{i}/documents/delete-batch`.

use std::time::Instant;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::read_only;
use crate::error::ApiError;
use crate::input::Input;
use crate::state::App;

pub async fn delete_batch(
    State(app): State<App>,
    Path(index): Path<String>,
    mut input: Input,
) -> Result<Json<Value>, ApiError> {
    app.check_index(&index)?;
    let uploads = app.uploads.clone().ok_or_else(read_only)?;
    let ids: Vec<String> = input.parse()?;
    if ids.len() > app.limits.documents {
        let most = app.limits.documents;
        return Err(ApiError::too_large(format!(
            "a request deletes at most {most} documents"
        )));
    }
    let _place = app.admit()?;
    let began = Instant::now();
    let _turn = app.reviewer.turn().await?;
    let mut uris = Vec::new();
    let mut items = Vec::with_capacity(ids.len());
    for id in &ids {
        let found = app.find_exactly(id).await?;
        let (status, result) = if found.is_empty() {
            (404, "not_found")
        } else {
            (200, "deleted")
        };
        items.push(json!({ "_id": id, "status": status, "result": result }));
        uris.extend(found.into_iter().map(|record| record.source.uri));
    }
    uris.sort();
    uris.dedup();
    let deleted = match uris.is_empty() {
        true => 0,
        false => app.catalogue.delete(&uris).await?,
    };
    let removed =
        tokio::task::spawn_blocking(move || uris.iter().try_for_each(|uri| uploads.remove(uri)));
    let removed = removed.await.map_err(|error| ApiError::internal(&error))?;
    if let Err(error) = removed {
        // The rows are gone, which is what was asked for.
        tracing::warn!(%error, "an uploaded photo cannot be removed");
    }
    Ok(Json(json!({
        "index_name": index,
        "status": "succeeded",
        "type": "documentDeletion",
        "items": items,
        "details": { "receivedDocumentIds": ids.len(), "deletedDocuments": deleted },
        "duration": format!("PT{:.3}S", began.elapsed().as_secs_f64()),
    })))
}
