//! Upserts and deletions.
//!
//! Each table commits a write whole or not at all. An upsert is up to four such commits (new
//! photos, changed photos, rejects that are over, rejects), in an order in which doing it again
//! after an interruption ends in the same state: nothing is lost, nothing is there twice.

use std::collections::HashMap;
use std::io;
use std::time::SystemTime;

use arrow_array::RecordBatch;
use lancedb::Table;
use showroom_catalog::embedding::Dimensions;
use showroom_catalog::seams::StoreError;
use showroom_catalog::{Record, Reject, VectorName};

use crate::durable::sync_written_since;
use crate::encode::{photo_rows, reject_rows};
use crate::error::file_failed;
use crate::etags::Etags;
use crate::open::LanceCatalogue;
use crate::schema;

/// Rows in one commit: the memory of Lance's merge grows with it.
const ROWS_AT_ONCE: usize = 4096;

impl LanceCatalogue {
    pub(crate) async fn upsert_rows(
        &self,
        records: Vec<Record>,
        rejects: Vec<Reject>,
    ) -> Result<(), StoreError> {
        let mut kept = self.writer()?.etags.lock().await;
        let records = last_of_each(records, |record| &record.source.uri);
        for record in &records {
            check(record, &self.manifest.dimensions).map_err(|reason| StoreError::Failed {
                at: self.at.clone(),
                reason: format!("{}: {reason}", record.source.uri),
            })?;
        }
        let since = SystemTime::now();
        // Taken out: where a write fails or is broken off, what is known is read anew.
        let mut etags = match kept.take() {
            Some(etags) => etags,
            None => self.recover_etags().await?,
        };
        let over: Vec<String> = records
            .iter()
            .filter(|record| ends_reject(&etags, record))
            .map(|record| record.source.uri.clone())
            .collect();
        self.write_photos(&mut etags, records).await?;
        self.delete_from(&self.rejects, &over).await?;
        for uri in &over {
            etags.rejects.remove(uri);
        }
        self.write_rejects(&mut etags, rejects).await?;
        self.sync(since).await?;
        *kept = Some(etags);
        Ok(())
    }

    async fn write_photos(
        &self,
        etags: &mut Etags,
        records: Vec<Record>,
    ) -> Result<(), StoreError> {
        self.add_columns_for(&records).await?;
        let schema = self.photos.schema().await;
        let schema = schema.map_err(|error| self.failed(error))?;
        let (changed, new): (Vec<Record>, Vec<Record>) = records
            .into_iter()
            .partition(|record| etags.photos.contains_key(&record.source.uri));
        let rows = |records: &[Record]| {
            photo_rows(records, &self.manifest.dimensions, &schema)
                .map_err(|error| self.failed(error.into()))
        };
        for some in new.chunks(ROWS_AT_ONCE) {
            self.append(&self.photos, rows(some)?).await?;
        }
        for some in changed.chunks(ROWS_AT_ONCE) {
            self.replace(&self.photos, rows(some)?).await?;
        }
        for record in new.into_iter().chain(changed) {
            let source = record.source;
            etags.photos.insert(source.uri, source.etag);
        }
        Ok(())
    }

    async fn write_rejects(
        &self,
        etags: &mut Etags,
        rejects: Vec<Reject>,
    ) -> Result<(), StoreError> {
        let (changed, new): (Vec<Reject>, Vec<Reject>) =
            last_of_each(rejects, |reject| &reject.source.uri)
                .into_iter()
                .partition(|reject| etags.rejects.contains_key(&reject.source.uri));
        let rows =
            |rejects: &[Reject]| reject_rows(rejects).map_err(|error| self.failed(error.into()));
        for some in new.chunks(ROWS_AT_ONCE) {
            self.append(&self.rejects, rows(some)?).await?;
        }
        for some in changed.chunks(ROWS_AT_ONCE) {
            self.replace(&self.rejects, rows(some)?).await?;
        }
        for reject in new.into_iter().chain(changed) {
            let source = reject.source;
            etags.rejects.insert(source.uri, source.etag);
        }
        Ok(())
    }

    /// Adds rows whose URIs are not in the table.
    async fn append(&self, table: &Table, rows: RecordBatch) -> Result<(), StoreError> {
        let added = table.add(rows).write_parallelism(1).execute().await;
        added.map(|_| ()).map_err(|error| self.failed(error))
    }

    /// Writes rows in the place of those of the same URIs.
    async fn replace(&self, table: &Table, rows: RecordBatch) -> Result<(), StoreError> {
        let mut merge = table.merge_insert(&["uri"]);
        merge.when_matched_update_all(None);
        merge.when_not_matched_insert_all();
        let schema = rows.schema();
        let rows = arrow_array::RecordBatchIterator::new([Ok(rows)], schema);
        let merged = merge.execute(Box::new(rows)).await;
        merged.map(|_| ()).map_err(|error| self.failed(error))
    }

    /// Returns when what was written after `since` is on the disk.
    pub(crate) async fn sync(&self, since: SystemTime) -> Result<(), StoreError> {
        let dir = self.dir.clone();
        let synced = tokio::task::spawn_blocking(move || sync_written_since(&dir, since)).await;
        let synced = synced.unwrap_or_else(|error| Err(io::Error::other(error)));
        synced.map_err(|error| file_failed(&self.at, &self.dir, &error))
    }

    pub(crate) async fn delete_rows(&self, uris: &[String]) -> Result<usize, StoreError> {
        let mut kept = self.writer()?.etags.lock().await;
        let since = SystemTime::now();
        let mut etags = match kept.take() {
            Some(etags) => etags,
            None => self.recover_etags().await?,
        };
        let in_table = |known: &HashMap<String, String>| -> Vec<String> {
            let mut here: Vec<String> = uris
                .iter()
                .filter(|uri| known.contains_key(*uri))
                .cloned()
                .collect();
            here.sort();
            here.dedup();
            here
        };
        let deleted = self
            .delete_from(&self.photos, &in_table(&etags.photos))
            .await?;
        self.delete_from(&self.rejects, &in_table(&etags.rejects))
            .await?;
        for uri in uris {
            etags.photos.remove(uri);
            etags.rejects.remove(uri);
        }
        self.sync(since).await?;
        *kept = Some(etags);
        Ok(deleted)
    }
}

/// Whether this record takes its URI's reject away. It does not where it only writes the version
/// again that is in already (new tags, say) while the reject is about another.
fn ends_reject(etags: &Etags, record: &Record) -> bool {
    let source = &record.source;
    etags.rejects.get(&source.uri).is_some_and(|rejected| {
        *rejected == source.etag || etags.photos.get(&source.uri) != Some(&source.etag)
    })
}

/// The last of those with the same URI, in the order in which the URIs first came.
fn last_of_each<T>(all: Vec<T>, uri: impl Fn(&T) -> &String) -> Vec<T> {
    let mut places: HashMap<String, usize> = HashMap::with_capacity(all.len());
    let mut kept: Vec<T> = Vec::with_capacity(all.len());
    for one in all {
        match places.get(uri(&one)) {
            Some(place) => kept[*place] = one,
            None => {
                places.insert(uri(&one).clone(), kept.len());
                kept.push(one);
            }
        }
    }
    kept
}

/// A record with a vector of another length, or one that is not finite, would spoil the table.
fn check(record: &Record, dimensions: &Dimensions) -> Result<(), String> {
    let vectors = VectorName::ALL.map(|name| {
        let length = schema::length(dimensions, name);
        (name.name(), record.vectors.get(name), length)
    });
    let classes = ("classes", record.classes.as_slice(), dimensions.classes);
    for (name, vector, length) in vectors.into_iter().chain([classes]) {
        if vector.len() != length {
            let found = vector.len();
            return Err(format!(
                "{name} has {found} numbers, the catalogue {length}"
            ));
        }
        if vector.iter().any(|number| !number.is_finite()) {
            return Err(format!("{name} holds a number that is not finite"));
        }
    }
    Ok(())
}
