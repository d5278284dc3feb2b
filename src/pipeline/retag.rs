//! Tags again, from the class probabilities and colours that the catalogue keeps: no photo is read,
//! no encoder runs.
//!
//! Rows whose tags are this tagger's already are left as they are, so that a run that was stopped
//! goes on where it was. Own labels stay, and so does what a person decided.

use std::sync::Arc;

use serde::Serialize;
use showroom_catalog::decide::settle;
use showroom_catalog::label::tagged_again;
use showroom_catalog::seams::{Catalogue, ModelError, Tagger};
use showroom_catalog::{Decisions, Record};
use tokio::runtime::Handle;

use crate::cancel::Cancel;
use crate::guard::guarded;
use crate::ingest::{IngestError, check_text};
use crate::rewrite::{Change, rewrite};

/// How to tag again.
#[derive(Clone, Debug)]
pub struct RetagOptions {
    /// Also rows that this tagger has tagged.
    pub force: bool,
    /// Rows that are written at once.
    pub write_rows: usize,
    /// What people decided: the last word on every row, also on those that are tagged already.
    pub decisions: Arc<Decisions>,
}

impl Default for RetagOptions {
    fn default() -> Self {
        RetagOptions {
            force: false,
            write_rows: 1024,
            decisions: Arc::default(),
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
    /// Rows that had these tags already.
    pub current: u64,
    pub seconds: f64,
    /// Whether it was asked to stop and left rows undone; the same call again goes on.
    pub interrupted: bool,
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
    let change = |mut record: Record| {
        if record.tagger == tagger.id() && !options.force {
            return Ok(match settle(&mut record, &options.decisions) {
                true => Change::Write(Box::new(record)),
                false => Change::Keep,
            });
        }
        let mut record = tag(record, catalogue, tagger)?;
        settle(&mut record, &options.decisions);
        Ok(Change::Write(Box::new(record)))
    };
    rewrite(
        catalogue,
        &change,
        options.write_rows,
        cancel,
        progress,
        runtime,
    )
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
    record.labels = tagged_again(&record.labels, tagged.labels);
    if !tagged.text.is_empty() {
        record.vectors.text = tagged.text;
    }
    record.tagger = tagger.id().to_string();
    Ok(record)
}
