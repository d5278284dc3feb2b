//! Rows of the catalogue, read one after the other and written anew where something changed.
//!
//! The scan runs beside the writing, one batch ahead of it. No photo is read, no encoder runs.

use std::time::Instant;

use crossbeam_channel::{Sender, bounded};
use showroom_catalog::Record;
use showroom_catalog::seams::{Catalogue, Columns};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::cancel::Cancel;
use crate::ingest::IngestError;
use crate::retag::RetagSummary;

/// What becomes of a row.
pub enum Change {
    /// It is as it must be.
    Keep,
    Write(Box<Record>),
}

/// Rows to write, with how many were passed over before them.
#[derive(Default)]
struct Batch {
    records: Vec<Record>,
    current: u64,
}

/// Asks `change` about every row and writes what it wants written, `write_rows` at once. Blocks; must
/// not be called from async code. `progress` is called after each batch.
pub fn rewrite(
    catalogue: &dyn Catalogue,
    change: &(dyn Fn(Record) -> Result<Change, IngestError> + Sync),
    write_rows: usize,
    cancel: &Cancel,
    progress: &mut dyn FnMut(&RetagSummary),
    runtime: &Handle,
) -> Result<RetagSummary, IngestError> {
    if runtime.runtime_flavor() != RuntimeFlavor::MultiThread {
        return Err(IngestError::Wiring(
            "the runtime must be multi-threaded".to_string(),
        ));
    }
    let began = Instant::now();
    let photos = runtime.block_on(catalogue.stats())?.photos as u64;
    let mut summary = RetagSummary {
        photos,
        ..RetagSummary::default()
    };
    let (send, batches) = bounded(1);
    std::thread::scope(|scope| {
        let scanner = scope.spawn(|| scan(catalogue, change, write_rows, cancel, send, runtime));
        let written = batches.iter().try_for_each(|Batch { records, current }| {
            let tagged = records.len() as u64;
            if !records.is_empty() {
                runtime.block_on(catalogue.upsert(records, Vec::new()))?;
            }
            summary.tagged += tagged;
            summary.current += current;
            summary.seconds = began.elapsed().as_secs_f64();
            progress(&summary);
            Ok(())
        });
        // The scanner may wait to send: it ends when nobody receives any more.
        drop(batches);
        let scanned = match scanner.join() {
            Ok(scanned) => scanned,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        written.and(scanned)
    })?;
    summary.interrupted = cancel.is_cancelled() && summary.tagged + summary.current < photos;
    summary.seconds = began.elapsed().as_secs_f64();
    Ok(summary)
}

fn scan(
    catalogue: &dyn Catalogue,
    change: &(dyn Fn(Record) -> Result<Change, IngestError> + Sync),
    write_rows: usize,
    cancel: &Cancel,
    send: Sender<Batch>,
    runtime: &Handle,
) -> Result<(), IngestError> {
    let mut batch = Batch::default();
    let mut failure = None;
    let mut each = |records: Vec<Record>| {
        for record in records {
            if cancel.is_cancelled() {
                return false;
            }
            match change(record) {
                Ok(Change::Keep) => batch.current += 1,
                Ok(Change::Write(record)) => batch.records.push(*record),
                Err(e) => {
                    failure = Some(e);
                    return false;
                }
            }
            if batch.records.len() >= write_rows.max(1)
                && send.send(std::mem::take(&mut batch)).is_err()
            {
                return false;
            }
        }
        true
    };
    let scanned = runtime.block_on(catalogue.scan(None, Columns::All, &mut each));
    // What is tagged is written, also where the scan broke off. Nobody receives where writing
    // failed, which is reported there.
    let _ = send.send(batch);
    match failure {
        Some(e) => Err(e),
        None => Ok(scanned?),
    }
}
