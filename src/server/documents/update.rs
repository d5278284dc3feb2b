//! `PATCH /indexes/{i}/documents`: words about photos that are there.

use std::time::Instant;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::Value;
use showroom_catalog::Record;
use showroom_catalog::seams::Columns;

use super::fields::{Document, Read};
use super::{Done, New, read_only, told};
use crate::error::ApiError;
use crate::input::Input;
use crate::state::App;

#[derive(Debug, Deserialize)]
struct UpdateRequest {
    documents: Vec<Value>,
}

pub async fn update(
    State(app): State<App>,
    Path(index): Path<String>,
    mut input: Input,
) -> Result<Json<Value>, ApiError> {
    app.check_index(&index)?;
    app.uploads.as_ref().ok_or_else(read_only)?;
    let request: UpdateRequest = input.parse()?;
    let count = request.documents.len();
    if count == 0 {
        let message = "there is no document in the request";
        return Err(ApiError::bad("no_documents", message));
    }
    if count > app.limits.documents {
        let most = app.limits.documents;
        return Err(ApiError::too_large(format!(
            "a request changes at most {most} documents"
        )));
    }
    let documents: Result<Vec<(String, Done)>, ApiError> =
        request.documents.into_iter().map(wish).collect();
    let documents = documents?;
    let _place = app.admit()?;
    let began = Instant::now();
    let items = app.write(documents).await?;
    Ok(Json(told(&index, &items, began)))
}

/// What is to be changed, with its `_id`.
fn wish(fields: Value) -> Result<(String, Done), ApiError> {
    let read: Read = Document::read(fields, String::new, &[])?;
    let refused = |id: String, reason: &str| {
        let error = ApiError::bad("invalid_document", reason);
        (id, Done::Refused(error))
    };
    Ok(match read {
        Err((id, reason)) => refused(id, &reason),
        Ok(document) if document.id.is_empty() => refused(
            String::new(),
            "a document that is changed is named by its _id",
        ),
        Ok(document) if document.picture.is_some() => {
            let reason = "a picture is not changed by PATCH; add the document again by POST";
            refused(document.id, reason)
        }
        Ok(document) => (document.id.clone(), Done::Change(document, None)),
    })
}

impl App {
    /// Changes title, SKU and attributes of the rows that a document is about. To be asked with the turn held, so
    /// that nothing is written between that this would undo.
    pub(super) async fn change(
        &self,
        new: &mut New,
        document: Document,
        uri: Option<String>,
    ) -> Result<(), ApiError> {
        let rows = match &uri {
            Some(uri) => match new.records.iter().find(|row| row.source.uri == *uri) {
                Some(row) => vec![row.clone()],
                None => self.catalogue.get(uri, Columns::All).await?,
            },
            None => self.named(&document.id, new).await?,
        };
        if rows.is_empty() {
            let message = "the document has no picture: give image as a data URI or an address";
            return Err(match uri {
                Some(_) => ApiError::bad("no_image", message),
                None => {
                    let message = format!("there is no document {:?}", document.id);
                    ApiError::not_found("document_not_found", message)
                }
            });
        }
        for mut row in rows {
            row.source.sku = document.sku.clone().or(row.source.sku);
            row.title = document.title.clone().or(row.title);
            row.attributes.extend(document.attributes.clone());
            new.row(row);
        }
        Ok(())
    }

    /// The rows with this `_id`, as this request has left them so far.
    async fn named(&self, id: &str, new: &New) -> Result<Vec<Record>, ApiError> {
        let mut rows = self.find(id, Columns::All).await?;
        rows.retain(|row| self.id_of(row) == id);
        for row in &mut rows {
            let earlier = new
                .records
                .iter()
                .find(|new| new.source.uri == row.source.uri);
            if let Some(earlier) = earlier {
                row.clone_from(earlier);
            }
        }
        Ok(rows)
    }
}
