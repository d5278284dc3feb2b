//! Every photo of a catalogue encoded again, into another: with another model, or after a change of rules.
//!
//! It is [`ingest()`](crate::ingest()) with the old catalogue as the list of photos. What people and
//! taggers said of a photo (category, labels, decisions, SKU and whatever else a row holds) goes over
//! as it is, as long as the file is the same; the vectors, class probabilities and measured facts are
//! new. A photo that cannot be read any more becomes a reject of the new catalogue, and so do the
//! rejects of the old one.
//!
//! What the new catalogue has already is left out, so that a run that was stopped goes on where it was.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::bounded;
use serde::Serialize;
use showroom_catalog::manifest::StoreManifest;
use showroom_catalog::query::Hits;
use showroom_catalog::seams::{
    BoxFuture, Catalogue, Columns, Encoder, Source, SourceError, Stats, StoreError, Tagger,
};
use showroom_catalog::{Filter, PhotoRef, Query, Record, Reject};
use tokio::runtime::Handle;

use crate::cancel::Cancel;
use crate::ingest::{IngestError, IngestOptions, Parts, ingest};
use crate::progress::{Progress, Snapshot};

/// Batches of rows that are read ahead of the listing.
const AHEAD: usize = 2;

/// What a run is made of.
pub struct ReindexParts<'a> {
    /// Fetches the photos by their URIs; it is not asked to list.
    pub source: &'a dyn Source,
    /// At least one, all with the id that `next` was made with.
    pub encoders: Vec<Box<dyn Encoder>>,
    /// Tags photos whose files have changed since, and makes the text vectors.
    pub tagger: &'a dyn Tagger,
    pub old: &'a dyn Catalogue,
    pub next: &'a dyn Catalogue,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReindexSummary {
    /// Photos in the old catalogue.
    pub photos: u64,
    /// Photos in the new one: encoded now or by a run before that was stopped.
    pub encoded: u64,
    /// Photos that could not be encoded again: rejects of the new one.
    pub lost: u64,
    pub totals: Snapshot,
    /// Whether it was asked to stop and left photos undone; the same call again goes on.
    pub interrupted: bool,
}

/// Encodes the photos of `old` again, into `next`. Blocks; must not be called from async code.
pub fn reindex(
    parts: ReindexParts<'_>,
    options: IngestOptions,
    cancel: &Cancel,
    progress: &dyn Progress,
    runtime: &Handle,
) -> Result<ReindexSummary, IngestError> {
    let ReindexParts {
        source,
        encoders,
        tagger,
        old,
        next,
    } = parts;
    let rows = Mutex::new(HashMap::new());
    let mut done = runtime.block_on(next.seen())?;
    // Rejects may be tried again.
    for reject in runtime.block_on(next.rejects())? {
        done.remove(&reject.source.uri);
    }
    let listed = OldPhotos {
        source,
        old,
        done,
        rows: &rows,
        runtime,
    };
    let carrying = Carrying { next, rows: &rows };
    let parts = Parts {
        source: &listed,
        encoders,
        tagger,
        catalogue: &carrying,
    };
    let done = ingest(parts, options, cancel, progress, runtime)?;
    let photos = runtime.block_on(old.stats())?.photos as u64;
    let encoded = runtime.block_on(next.stats())?.photos as u64;
    if !done.interrupted {
        runtime.block_on(carry_rejects(old, next))?;
    }
    Ok(ReindexSummary {
        photos,
        encoded,
        lost: if done.interrupted {
            0
        } else {
            photos.saturating_sub(encoded)
        },
        totals: done.totals,
        interrupted: done.interrupted,
    })
}

/// The rejects of photos that the new catalogue knows nothing of.
async fn carry_rejects(old: &dyn Catalogue, next: &dyn Catalogue) -> Result<(), StoreError> {
    let known = next.seen().await?;
    let mut rejects = old.rejects().await?;
    rejects.retain(|reject| !known.contains_key(&reject.source.uri));
    match rejects.is_empty() {
        true => Ok(()),
        false => next.upsert(Vec::new(), rejects).await,
    }
}

/// The photos of a catalogue as a source: listed from its rows, fetched where they were fetched before.
struct OldPhotos<'a> {
    source: &'a dyn Source,
    old: &'a dyn Catalogue,
    /// URI → etag of the photos that the new catalogue has.
    done: HashMap<String, String>,
    /// Rows on their way, by URI.
    rows: &'a Mutex<HashMap<String, Record>>,
    runtime: &'a Handle,
}

impl Source for OldPhotos<'_> {
    fn list(
        &self,
        found: &mut dyn FnMut(Result<PhotoRef, Reject>) -> bool,
    ) -> Result<(), SourceError> {
        let (send, batches) = bounded::<Vec<Record>>(AHEAD);
        let scanned = std::thread::scope(|scope| {
            let scanner = scope.spawn(move || {
                let mut each = |records| send.send(records).is_ok();
                let scan = self.old.scan(None, Columns::Tags, &mut each);
                self.runtime.block_on(scan)
            });
            'all: for records in batches.iter() {
                for record in records {
                    let photo = record.source.clone();
                    // Only what is encoded now is kept, so that no more rows wait than photos.
                    if self.done.get(&photo.uri) != Some(&photo.etag) {
                        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
                        rows.insert(photo.uri.clone(), record);
                    }
                    if !found(Ok(photo)) {
                        break 'all;
                    }
                }
            }
            // The scanner may wait to send: it ends when nobody receives any more.
            drop(batches);
            match scanner.join() {
                Ok(scanned) => scanned,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        });
        scanned.map_err(|error| SourceError::Unreadable {
            uri: "the list of photos in the catalogue".into(),
            reason: error.to_string(),
        })
    }

    fn fetch(&self, photo: &PhotoRef, max_bytes: u64) -> Result<Vec<u8>, SourceError> {
        self.source.fetch(photo, max_bytes)
    }
}

/// The new catalogue, which gives each row that is written what the old row says.
struct Carrying<'a> {
    next: &'a dyn Catalogue,
    rows: &'a Mutex<HashMap<String, Record>>,
}

/// A new row with what stays of the old one.
fn carried(new: Record, old: Option<Record>) -> Record {
    match old {
        // The same bytes: all that was said of them holds.
        Some(old) if old.id == new.id => Record {
            facts: new.facts,
            classes: new.classes,
            vectors: new.vectors,
            ..old
        },
        // Another photo in the same place: what is said of the pictured goes, what is said of the
        // place (its SKU and the like) stays. Its etag is the old one, so that the next ingest looks.
        Some(old) => Record {
            id: new.id,
            facts: new.facts,
            category: new.category,
            colours: new.colours,
            labels: new.labels,
            classes: new.classes,
            vectors: new.vectors,
            tagger: new.tagger,
            ..old
        },
        None => new,
    }
}

impl Catalogue for Carrying<'_> {
    fn manifest(&self) -> &StoreManifest {
        self.next.manifest()
    }

    fn seen(&self) -> BoxFuture<'_, Result<HashMap<String, String>, StoreError>> {
        self.next.seen()
    }

    fn upsert(
        &self,
        records: Vec<Record>,
        rejects: Vec<Reject>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        for reject in &rejects {
            rows.remove(&reject.source.uri);
        }
        let records = records.into_iter().map(|record| {
            let old = rows.remove(&record.source.uri);
            carried(record, old)
        });
        let records = records.collect();
        drop(rows);
        self.next.upsert(records, rejects)
    }

    fn get<'a>(
        &'a self,
        key: &'a str,
        columns: Columns,
    ) -> BoxFuture<'a, Result<Vec<Record>, StoreError>> {
        self.next.get(key, columns)
    }

    fn search(&self, query: Query) -> BoxFuture<'_, Result<Hits, StoreError>> {
        self.next.search(query)
    }

    fn scan<'a>(
        &'a self,
        filter: Option<Filter>,
        columns: Columns,
        each: &'a mut (dyn FnMut(Vec<Record>) -> bool + Send),
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.next.scan(filter, columns, each)
    }

    fn delete<'a>(&'a self, uris: &'a [String]) -> BoxFuture<'a, Result<usize, StoreError>> {
        self.next.delete(uris)
    }

    fn rejects(&self) -> BoxFuture<'_, Result<Vec<Reject>, StoreError>> {
        self.next.rejects()
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        self.next.stats()
    }

    fn build_index(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        self.next.build_index()
    }

    fn compact(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        self.next.compact()
    }

    fn verify(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        self.next.verify()
    }
}
