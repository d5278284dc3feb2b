//! Tags again, from the class probabilities and colours that the catalogue keeps: no photo is read,
//! no encoder runs.
//!
//! Rows whose tags are this tagger's already are left as they are, so that a run that was stopped
//! goes on where it was. The scan runs beside the writing, one batch ahead of it.

use std::time::Instant;

use crossbeam_channel::{Sender, bounded};
use serde::Serialize;
use showroom_catalog::Record;
use showroom_catalog::seams::{Catalogue, Columns, ModelError, Tagger};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::cancel::Cancel;
use crate::guard::guarded;
use crate::ingest::{IngestError, check_text};

/// How to tag again.
#[derive(Clone, Debug)]
pub struct RetagOptions {
    /// Also rows that this tagger has tagged.
    pub force: bool,
    /// Rows that are written at once.
    pub write_rows: usize,
}

impl Default for RetagOptions {
    fn default() -> Self {
        RetagOptions {
            force: false,
            write_rows: 1024,
        }
    }
}

/// What was done, and so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RetagSummary {
    /// Photos in the catalogue.
    pub photos: u64,
    /// Rows with new tags, durable.
    pub tagged: u64,
    /// Rows that this tagger had tagged already.
    pub current: u64,
    pub seconds: f64,
    /// Whether it was asked to stop and left rows undone; the same call again goes on.
    pub interrupted: bool,
}

/// Rows to write, with how many were passed over before them.
struct Batch {
    records: Vec<Record>,
    current: u64,
}

/// Tags the photos of the catalogue again. Blocks; must not be called from async code. `progress` is
/// called after each batch.
pub fn retag(
    catalogue: &dyn Catalogue,
    tagger: &dyn Tagger,
    options: &RetagOptions,
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
        let scanner = scope.spawn(|| scan(catalogue, tagger, options, cancel, send, runtime));
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
    tagger: &dyn Tagger,
    options: &RetagOptions,
    cancel: &Cancel,
    send: Sender<Batch>,
    runtime: &Handle,
) -> Result<(), IngestError> {
    let mut batch = Batch {
        records: Vec::new(),
        current: 0,
    };
    let mut failure = None;
    let mut each = |records: Vec<Record>| {
        for record in records {
            if cancel.is_cancelled() {
                return false;
            }
            if record.tagger == tagger.id() && !options.force {
                batch.current += 1;
                continue;
            }
            match tag(record, catalogue, tagger) {
                Ok(record) => batch.records.push(record),
                Err(e) => {
                    failure = Some(e);
                    return false;
                }
            }
            if batch.records.len() >= options.write_rows.max(1) {
                let full = std::mem::replace(
                    &mut batch,
                    Batch {
                        records: vec![],
                        current: 0,
                    },
                );
                if send.send(full).is_err() {
                    return false;
                }
            }
        }
        true
    };
    let scanned = runtime.block_on(catalogue.scan(None, Columns::All, &mut each));
    // What is tagged is written, also where the scan broke off. Nobody receives where writing
    // failed, which is reported there.
    let _ = send.send(batch);
    match failure {
        Some(e) => Err(e.into()),
        None => Ok(scanned?),
    }
}

fn tag(
    mut record: Record,
    catalogue: &dyn Catalogue,
    tagger: &dyn Tagger,
) -> Result<Record, ModelError> {
    let tagged = guarded(|| tagger.tag(&record.classes, &record.colours)).map_err(|said| {
        let uri = &record.source.uri;
        ModelError::Failed(format!("the tagger failed on {uri}: {said}"))
    })?;
    check_text(tagged.text.len(), catalogue.manifest().dimensions)?;
    record.category = tagged.category;
    record.labels = tagged.labels;
    if !tagged.text.is_empty() {
        record.vectors.text = tagged.text;
    }
    record.tagger = tagger.id().to_string();
    Ok(record)
}
