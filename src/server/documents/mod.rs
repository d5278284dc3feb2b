//! `/indexes/{i}/documents`: photos that come, change, are looked up and go by the API, in Marqo's shapes.
//!
//! One document that cannot be used never stops the others: each has a status of its own, and the photo of one
//! that was refused is written down as a reject.

pub mod fields;
mod remove;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::{Path, State};
use futures::StreamExt;
use futures::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use showroom_catalog::seams::{Columns, StoreError};
use showroom_catalog::{Photo, PhotoRef, Record, Reject, Stage, Vectors};
use uuid::Uuid;

use self::fields::{Document, Read};
use crate::error::ApiError;
use crate::input::{File, Input};
use crate::photos::Picture;
use crate::state::App;
use crate::uploads::Uploads;

pub use remove::delete_batch;

/// Documents of one request that are worked on at once.
const AT_ONCE: usize = 4;

/// `POST /indexes/{i}/documents`. What else Marqo's clients send says how Marqo should make tensors.
#[derive(Debug, Deserialize)]
struct AddRequest {
    #[serde(default)]
    documents: Vec<Value>,
    #[serde(rename = "tensorFields")]
    tensor_fields: Option<Vec<String>>,
    mappings: Option<Value>,
    #[serde(rename = "modelAuth")]
    model_auth: Option<Value>,
    #[serde(rename = "mediaDownloadHeaders", alias = "imageDownloadHeaders")]
    headers: Option<Value>,
}

/// What became of a document.
enum Done {
    Record(Box<Record>, Option<bytes::Bytes>),
    Reject(Box<Reject>, ApiError),
    Refused(ApiError),
}

pub async fn add(
    State(app): State<App>,
    Path(index): Path<String>,
    mut input: Input,
) -> Result<Json<Value>, ApiError> {
    app.check_index(&index)?;
    let uploads = app.uploads.as_ref().ok_or_else(read_only)?;
    let request: AddRequest = input.parse()?;
    check(&request)?;
    let tensor_fields = request.tensor_fields.unwrap_or_default();
    let documents = with_files(
        request.documents,
        std::mem::take(&mut input.files),
        &tensor_fields,
    )?;
    if documents.len() > app.limits.documents {
        let most = app.limits.documents;
        return Err(ApiError::too_large(format!(
            "a request adds at most {most} documents"
        )));
    }
    let _place = app.admit()?;
    let began = Instant::now();
    let work = documents
        .into_iter()
        .map(|document| app.take_in(uploads, document));
    let done: Vec<(String, Done)> = stream::iter(work).buffered(AT_ONCE).collect().await;
    drop(input);
    let items = app.write(uploads, done).await?;
    let errors = items.iter().any(|item| item["status"] != 200);
    let took_ms = began.elapsed().as_millis();
    Ok(Json(json!({
        "errors": errors,
        "index_name": index,
        "items": items,
        "processingTimeMs": u64::try_from(took_ms).unwrap_or(u64::MAX),
    })))
}

pub async fn get(
    State(app): State<App>,
    Path((index, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    app.check_index(&index)?;
    let found = app.find(&id, Columns::Tags).await?;
    let record = found.first().ok_or_else(|| {
        ApiError::not_found("document_not_found", format!("there is no document {id:?}"))
    })?;
    app.document(record).map(Json)
}

fn read_only() -> ApiError {
    ApiError::new(
        axum::http::StatusCode::FORBIDDEN,
        "read_only",
        "this server only reads its catalogue",
    )
}

fn check(request: &AddRequest) -> Result<(), ApiError> {
    for (name, value) in [
        ("mappings", &request.mappings),
        ("modelAuth", &request.model_auth),
        ("mediaDownloadHeaders", &request.headers),
    ] {
        let is_empty = match value {
            None | Some(Value::Null) => true,
            Some(Value::Object(object)) => object.is_empty(),
            Some(_) => false,
        };
        if !is_empty {
            let message = format!("{name} is not supported here; leave it out");
            return Err(ApiError::bad("not_supported", message));
        }
    }
    Ok(())
}

/// The documents of a request. Of a form the first file belongs to the first document, and so on; files that are
/// left are documents of their own, named like the file.
fn with_files(
    documents: Vec<Value>,
    files: Vec<File>,
    tensors: &[String],
) -> Result<Vec<Read>, ApiError> {
    let count = documents.len().max(files.len());
    if count == 0 {
        return Err(ApiError::bad(
            "no_documents",
            "there is no document in the request",
        ));
    }
    let mut files = files.into_iter();
    let mut documents = documents.into_iter();
    let one = |_| {
        let file = files.next();
        let name = file.as_ref().and_then(|file| file.name.clone());
        let id = || name.map_or_else(|| Uuid::new_v4().to_string(), |name| stem(&name));
        let fields = documents.next().unwrap_or_else(|| json!({}));
        let mut document = Document::read(fields, id, tensors);
        if let (Ok(Ok(document)), Some(file)) = (&mut document, file) {
            document.picture = Some(Picture::Bytes(file.bytes));
        }
        document
    };
    (0..count).map(one).collect()
}

fn stem(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    name.rsplit_once('.')
        .map_or(name, |(stem, _)| stem)
        .to_string()
}

pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl App {
    /// One document, up to what is written of it; with its `_id`.
    async fn take_in(&self, uploads: &Uploads, document: Read) -> (String, Done) {
        let document = match document {
            Ok(document) => document,
            Err((id, reason)) => {
                let refused = Done::Refused(ApiError::bad("invalid_document", reason));
                return (id, refused);
            }
        };
        let id = document.id.clone();
        let done = match uploads.uri(&id) {
            None => Done::Refused(ApiError::bad(
                "invalid_document_id",
                "an _id has 1 to 240 bytes, of which all but letters, digits, - and _ count three times",
            )),
            Some(uri) => self.make(document, uri).await,
        };
        (id, done)
    }

    async fn make(&self, mut document: Document, uri: String) -> Done {
        let Some(picture) = document.picture.take() else {
            return self.change(document, &uri).await;
        };
        let reject = |stage: Stage, error: ApiError| {
            // What went wrong on our side says nothing about the photo.
            if error.status.is_server_error() {
                return Done::Refused(error);
            }
            let source = PhotoRef {
                uri: uri.clone(),
                etag: String::new(),
                bytes: 0,
                sku: document.sku.clone().or_else(|| Some(document.id.clone())),
            };
            let reject = Reject {
                source,
                stage,
                code: error.code.replace('_', "-"),
                reason: error.message.clone(),
                rejected_at_ms: now_ms(),
            };
            Done::Reject(Box::new(reject), error)
        };
        let bytes = match self.bytes_of(&picture).await {
            Ok(bytes) => bytes,
            Err(error) => return reject(Stage::Fetch, error),
        };
        let photo = match self.decode(bytes.clone(), uri.clone()).await {
            Ok(photo) => photo,
            Err(error) => return reject(Stage::Decode, error),
        };
        match self.record(document.clone(), photo).await {
            Ok(record) => Done::Record(Box::new(record), Some(bytes)),
            Err(error) => reject(Stage::Encode, error),
        }
    }

    /// Encodes and tags: the complete row.
    async fn record(&self, document: Document, photo: Photo) -> Result<Record, ApiError> {
        let (id, mut source, mut facts) = (photo.id, photo.source.clone(), photo.facts.clone());
        let features = self.encoder.encode(photo).await?;
        let mut tagged = self.tagger.tag(&features.classes, &features.colours);
        let dimensions = self.catalogue.manifest().dimensions;
        if tagged.text.is_empty() {
            tagged.text.clone_from(&features.shape);
        }
        if tagged.text.len() != dimensions.text {
            return Err(ApiError::internal(
                &"the tagger is one for another catalogue",
            ));
        }
        facts.product_share = features.product_share;
        source.etag = id.to_string();
        source.sku = document.sku.or(Some(document.id));
        Ok(Record {
            id,
            source,
            title: document.title,
            attributes: document.attributes,
            facts,
            category: tagged.category,
            colours: features.colours,
            labels: tagged.labels,
            classes: features.classes,
            vectors: Vectors {
                shape: features.shape,
                colour: features.colour,
                text: tagged.text,
            },
            tagger: self.tagger.id().to_string(),
            ingested_at_ms: now_ms(),
        })
    }

    /// Another title or other attributes for a photo that is there.
    async fn change(&self, document: Document, uri: &str) -> Done {
        let found = self.catalogue.get(uri, Columns::All).await;
        match found.map(|rows| rows.into_iter().next()) {
            Err(error) => Done::Refused(error.into()),
            Ok(None) => Done::Refused(ApiError::bad(
                "no_image",
                "the document has no picture: give image as a data URI or an address",
            )),
            Ok(Some(mut record)) => {
                record.source.sku = document.sku.or(record.source.sku);
                record.title = document.title.or(record.title);
                record.attributes.extend(document.attributes);
                Done::Record(Box::new(record), None)
            }
        }
    }

    /// Writes the photos and the rows; one status a document, in their order.
    async fn write(
        &self,
        uploads: &Uploads,
        done: Vec<(String, Done)>,
    ) -> Result<Vec<Value>, ApiError> {
        let mut items = Vec::with_capacity(done.len());
        let mut records: Vec<Record> = Vec::new();
        let mut rejects: Vec<Reject> = Vec::new();
        let mut files = Vec::new();
        let _turn = self.writing.lock().await;
        for (id, done) in done {
            let error = match done {
                Done::Record(record, bytes) => {
                    let uri = record.source.uri.clone();
                    // The last word on an _id that comes twice counts.
                    records.retain(|other| other.source.uri != uri);
                    rejects.retain(|other| other.source.uri != uri);
                    files.retain(|(other, _)| *other != uri);
                    files.extend(bytes.map(|bytes| (uri, bytes)));
                    records.push(*record);
                    items.push(json!({ "_id": id, "status": 200 }));
                    continue;
                }
                Done::Reject(reject, error) => {
                    let uri = &reject.source.uri;
                    if records.iter().all(|other| other.source.uri != *uri) {
                        rejects.retain(|other| other.source.uri != *uri);
                        rejects.push(*reject);
                    }
                    error
                }
                Done::Refused(error) => error,
            };
            items.push(json!({
                "_id": id,
                "status": error.status.as_u16(),
                "code": error.code,
                "error": error.message,
                "message": error.message,
            }));
        }
        let began = Instant::now();
        let uploads = uploads.clone();
        let written = tokio::task::spawn_blocking(move || {
            files
                .iter()
                .try_for_each(|(uri, bytes)| uploads.write(uri, bytes))
        });
        let written = written.await.map_err(|error| ApiError::internal(&error))?;
        written.map_err(|error| not_written(&error))?;
        self.catalogue.upsert(records, rejects).await?;
        self.observe.stage("write", began.elapsed());
        Ok(items)
    }
}

fn not_written(error: &std::io::Error) -> ApiError {
    match error.kind() {
        std::io::ErrorKind::StorageFull => StoreError::DiskFull { at: String::new() }.into(),
        _ => ApiError::internal(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_with_the_documents_in_their_order() {
        let file = |name: &str| File {
            field: "image".into(),
            name: Some(name.into()),
            bytes: bytes::Bytes::from_static(b"x"),
        };
        let documents = vec![json!({"_id": "A"}), json!({"title": "no id"})];
        let files = vec![file("1.jpg"), file("dir\\2.x.jpg"), file("c")];
        let read = with_files(documents, files, &[]).unwrap();
        let ids: Vec<String> = read.into_iter().map(|read| read.unwrap().id).collect();
        assert_eq!(ids, ["A", "2.x", "c"]);
        assert!(with_files(vec![], vec![], &[]).is_err());
    }
}
