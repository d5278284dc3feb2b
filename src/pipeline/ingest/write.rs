//! Step 6: rows and rejects → the catalogue, a batch at a time.
//!
//! A batch is written when it is full or when its oldest row has waited long enough, whichever is
//! first: big enough for a store that makes a file of each, small enough that a crash costs little.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use showroom_catalog::filter::{Field, Value};
use showroom_catalog::product::{etag_with_product, split_etag};
use showroom_catalog::seams::{Catalogue, Columns, FoundProduct, StoreError};
use showroom_catalog::{Filter, Record, Reject, Stage};
use tokio::runtime::Handle;

use super::run::{Outcome, Run, count};
use crate::progress::Progress;

pub fn stage(
    run: &Run<'_>,
    catalogue: &dyn Catalogue,
    known_rejects: HashMap<String, Reject>,
    progress: &dyn Progress,
    runtime: &Handle,
    outcomes: Receiver<Outcome>,
) {
    let mut writer = Writer {
        run,
        catalogue,
        known_rejects,
        progress,
        runtime,
        records: Vec::new(),
        rejects: Vec::new(),
        products: Vec::new(),
        oldest: None,
    };
    // Leaving drops `outcomes`: the other stages see it and end.
    if let Err(e) = writer.run(&outcomes) {
        run.fail(e);
    }
}

struct Writer<'a> {
    run: &'a Run<'a>,
    catalogue: &'a dyn Catalogue,
    known_rejects: HashMap<String, Reject>,
    progress: &'a dyn Progress,
    runtime: &'a Handle,
    records: Vec<Record>,
    rejects: Vec<Reject>,
    products: Vec<FoundProduct>,
    /// When the first of these came.
    oldest: Option<Instant>,
}

impl Writer<'_> {
    fn run(&mut self, outcomes: &Receiver<Outcome>) -> Result<(), StoreError> {
        loop {
            let next = match self.oldest {
                None => outcomes.recv().map_err(RecvTimeoutError::from),
                Some(since) => outcomes.recv_deadline(since + self.run.options.write_every),
            };
            match next {
                Ok(outcome) => self.take(outcome),
                Err(RecvTimeoutError::Timeout) => self.write()?,
                Err(RecvTimeoutError::Disconnected) => return self.write(),
            }
            if self.records.len() + self.rejects.len() + self.products.len()
                >= self.run.options.write_rows
            {
                self.write()?;
            }
        }
    }

    fn take(&mut self, outcome: Outcome) {
        self.run.received(Stage::Write);
        count(&self.run.counts.handled);
        match outcome {
            Outcome::Record(record) => self.records.push(*record),
            Outcome::Product(found) => self.products.push(*found),
            Outcome::Reject(reject) => {
                self.progress.rejected(&reject);
                // What is tried again in every run, and fails in the same way, is not written again.
                if self
                    .known_rejects
                    .get(&reject.source.uri)
                    .is_some_and(|k| is_same(k, &reject))
                {
                    count(&self.run.counts.rejected);
                    return;
                }
                self.rejects.push(reject);
            }
        }
        self.oldest.get_or_insert_with(Instant::now);
    }

    fn write(&mut self) -> Result<(), StoreError> {
        self.oldest = None;
        if self.records.is_empty() && self.rejects.is_empty() && self.products.is_empty() {
            return Ok(());
        }
        let mut records = std::mem::take(&mut self.records);
        let rejects = std::mem::take(&mut self.rejects);
        self.keep_products(&mut records)?;
        let (added, mut updated) = self.added_and_updated(&records);
        let products = std::mem::take(&mut self.products);
        let with_products = self.with_products(products)?;
        updated += with_products.len() as u64;
        records.extend(with_products);
        let refused = rejects.len() as u64;
        self.run.busy(Stage::Write, || {
            self.runtime
                .block_on(self.catalogue.upsert(records, rejects))
        })?;
        let counts = &self.run.counts;
        counts.added.fetch_add(added, Relaxed);
        counts.updated.fetch_add(updated, Relaxed);
        counts.rejected.fetch_add(refused, Relaxed);
        Ok(())
    }

    /// The rows of photos that are in as they are, with what the feed says now: their vectors are
    /// read back, nothing is encoded.
    fn with_products(&self, products: Vec<FoundProduct>) -> Result<Vec<Record>, StoreError> {
        let uris = products.iter().map(|found| found.photo.uri.clone());
        let mut records = self.rows(uris.collect(), Columns::All)?;
        let mut by_uri: HashMap<String, FoundProduct> = products
            .into_iter()
            .map(|found| (found.photo.uri.clone(), found))
            .collect();
        for record in &mut records {
            if let Some(FoundProduct { photo, product }) = by_uri.remove(&record.source.uri) {
                let product = product.unwrap_or_default();
                record.source = photo;
                record.title = product.title;
                record.attributes = product.attributes;
            }
        }
        Ok(records)
    }

    /// Gives records that a source without products brings again what a feed said of them.
    fn keep_products(&self, records: &mut [Record]) -> Result<(), StoreError> {
        let uris: Vec<String> = {
            let kept = self.run.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let uris = records.iter().map(|record| &record.source.uri);
            uris.filter(|uri| kept.contains(*uri)).cloned().collect()
        };
        let mut before: HashMap<String, Record> = self
            .rows(uris, Columns::Tags)?
            .into_iter()
            .map(|record| (record.source.uri.clone(), record))
            .collect();
        for record in records {
            let Some(before) = before.remove(&record.source.uri) else {
                continue;
            };
            if let (_, Some(product)) = split_etag(&before.source.etag) {
                record.source.etag = etag_with_product(&record.source.etag, product);
            }
            record.source.sku = before.source.sku;
            record.title = before.title;
            record.attributes = before.attributes;
        }
        Ok(())
    }

    /// The rows of these URIs that there are.
    fn rows(&self, uris: Vec<String>, columns: Columns) -> Result<Vec<Record>, StoreError> {
        /// A filter holds no more conditions.
        const AT_ONCE: usize = 200;
        let mut rows = Vec::with_capacity(uris.len());
        for some in uris.chunks(AT_ONCE) {
            let words = some.iter().cloned().map(Value::Word).collect();
            let filter = Filter::OneOf(Field::Uri, words);
            let mut each = |records: Vec<Record>| {
                rows.extend(records);
                true
            };
            let scan = self.catalogue.scan(Some(filter), columns, &mut each);
            self.runtime.block_on(scan)?;
        }
        Ok(rows)
    }

    fn added_and_updated(&self, records: &[Record]) -> (u64, u64) {
        let changed = self
            .run
            .changed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let updated = records
            .iter()
            .filter(|r| changed.contains(&r.source.uri))
            .count() as u64;
        (records.len() as u64 - updated, updated)
    }
}

/// The same but for the time.
fn is_same(a: &Reject, b: &Reject) -> bool {
    a.source == b.source && a.stage == b.stage && a.code == b.code && a.reason == b.reason
}
