//! Step 6: rows and rejects → the catalogue, a batch at a time.
//!
//! A batch is written when it is full or when its oldest row has waited long enough, whichever is
//! first: big enough for a store that makes a file of each, small enough that a crash costs little.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use showroom_catalog::seams::{Catalogue, StoreError};
use showroom_catalog::{Record, Reject, Stage};
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
            if self.records.len() + self.rejects.len() >= self.run.options.write_rows {
                self.write()?;
            }
        }
    }

    fn take(&mut self, outcome: Outcome) {
        self.run.received(Stage::Write);
        count(&self.run.counts.handled);
        match outcome {
            Outcome::Record(record) => self.records.push(*record),
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
        if self.records.is_empty() && self.rejects.is_empty() {
            return Ok(());
        }
        let records = std::mem::take(&mut self.records);
        let rejects = std::mem::take(&mut self.rejects);
        let (added, updated) = self.added_and_updated(&records);
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
