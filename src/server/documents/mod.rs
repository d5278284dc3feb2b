//! `/indexes/{i}/documents`: photos that come, change, are looked up and go by the API, in Marqo's shapes.
//!
//! One document that cannot be used never stops the others: each has a status of its own, and the photo of one
//! that was refused is written down as a reject.

pub mod fields;
mod get;
mod remove;
mod update;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::{Path, State};
use futures::StreamExt;
use futures::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use showroom_catalog::seams::{Columns, StoreError};
use showroom_catalog::{PhotoRef, Record, Reject, Stage};
use uuid::Uuid;

use self::fields::{Document, Read};
use crate::error::ApiError;
use crate::input::{File, Input};
use crate::photos::Picture;
use crate::review::to_the_end;
use crate::state::App;
use crate::uploads::Uploads;

pub use get::{MAX_BODY as MAX_IDS_BODY, get_batch};
pub use remove::delete_batch;
pub use update::update;

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
    Record(Box<Record>, bytes::Bytes),
    /// Words about photos that are there: that with this URI, else those with this `_id`.
    Change(Document, Option<String>),
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
    let items = app.write(done).await?;
    Ok(Json(told(&index, &items, began)))
}

/// What became of the documents of a request.
fn told(index: &str, items: &[Value], began: Instant) -> Value {
    let took_ms = began.elapsed().as_millis();
    json!({
        "errors": items.iter().any(|item| item["status"] != 200),
        "index_name": index,
        "items": items,
        "processingTimeMs": u64::try_from(took_ms).unwrap_or(u64::MAX),
    })
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
            return Done::Change(document, Some(uri));
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
        let mut record = match self.describe(photo).await {
            Ok(record) => record,
            Err(error) => return reject(Stage::Encode, error),
        };
        record.source.etag = record.id.to_string();
        record.source.sku = document.sku.or(Some(document.id));
        record.title = document.title;
        record.attributes = document.attributes;
        Done::Record(Box::new(record), bytes)
    }

    /// Writes the photos and the rows; one status a document, in their order.
    async fn write(&self, done: Vec<(String, Done)>) -> Result<Vec<Value>, ApiError> {
        let app = self.clone();
        to_the_end(async move { app.write_all(done).await }).await
    }

    async fn write_all(&self, done: Vec<(String, Done)>) -> Result<Vec<Value>, ApiError> {
        let uploads = self.uploads.clone().ok_or_else(read_only)?;
        let mut new = New::default();
        let mut items = Vec::with_capacity(done.len());
        // What is read from here on is written by nobody else until it is written here.
        let _turn = self.reviewer.turn().await?;
        for (id, done) in done {
            let done = match done {
                Done::Record(record, bytes) => {
                    new.photo(*record, bytes);
                    Ok(())
                }
                Done::Change(document, uri) => self.change(&mut new, document, uri).await,
                Done::Reject(reject, error) => {
                    new.reject(*reject);
                    Err(error)
                }
                Done::Refused(error) => Err(error),
            };
            items.push(match done {
                Ok(()) => json!({ "_id": id, "status": 200 }),
                Err(error) => json!({
                    "_id": id,
                    "status": error.status.as_u16(),
                    "code": error.code,
                    "error": error.message,
                    "message": error.message,
                }),
            });
        }
        let New {
            mut records,
            rejects,
            files,
        } = new;
        // Somebody may have decided since they were tagged.
        self.reviewer.bring_up(&mut records).await?;
        let began = Instant::now();
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

/// What a request writes: each URI once, and the last word on it counts.
#[derive(Default)]
struct New {
    records: Vec<Record>,
    rejects: Vec<Reject>,
    files: Vec<(String, bytes::Bytes)>,
}

impl New {
    fn photo(&mut self, record: Record, bytes: bytes::Bytes) {
        let uri = record.source.uri.clone();
        self.files.retain(|(other, _)| *other != uri);
        self.row(record);
        self.files.push((uri, bytes));
    }

    fn row(&mut self, record: Record) {
        let uri = &record.source.uri;
        self.records.retain(|other| other.source.uri != *uri);
        self.rejects.retain(|other| other.source.uri != *uri);
        self.records.push(record);
    }

    fn reject(&mut self, reject: Reject) {
        let uri = &reject.source.uri;
        if self.records.iter().all(|other| other.source.uri != *uri) {
            self.rejects.retain(|other| other.source.uri != *uri);
            self.rejects.push(reject);
        }
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
