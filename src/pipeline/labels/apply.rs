//! Label sets and decisions → tags of the catalogue.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use showroom_catalog::seams::{Catalogue, Labeller};
use showroom_catalog::{Decision, Decisions, Record, Tag};
use tokio::runtime::Handle;

use crate::cancel::Cancel;
use crate::guard::guarded;
use crate::ingest::IngestError;
use crate::retag::RetagSummary;
use crate::rewrite::{Change, rewrite};

/// Rows that are written at once.
const WRITE_ROWS: usize = 1024;

/// How many photos have a label, by what is to be done with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Labelled {
    pub accept: u64,
    pub review: u64,
    /// Those that a person rejected.
    pub reject: u64,
}

/// Puts the tags of these label sets in the place of those that they gave before; tags of others
/// stay, and rows of which nothing changes are not written. Besides the summary: how many photos have
/// each label, by its id. Blocks; must not be called from async code.
pub fn relabel(
    catalogue: &dyn Catalogue,
    labellers: &[&dyn Labeller],
    decisions: &Decisions,
    cancel: &Cancel,
    progress: &mut dyn FnMut(&RetagSummary),
    runtime: &Handle,
) -> Result<(RetagSummary, BTreeMap<String, Labelled>), IngestError> {
    let counts: Mutex<BTreeMap<String, Labelled>> = Mutex::default();
    let change = |mut record: Record| {
        let tags = guarded(|| tags_of(&record, labellers, decisions)).map_err(|said| {
            let uri = &record.source.uri;
            IngestError::Wiring(format!("the labels failed on {uri}: {said}"))
        })?;
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        let of_sets = |tag: &&Tag| labellers.iter().any(|set| set.source() == tag.source);
        for tag in tags.iter().filter(of_sets) {
            let count = counts.entry(tag.id.clone()).or_default();
            match tag.decision {
                Decision::Accept => count.accept += 1,
                Decision::Review => count.review += 1,
                Decision::Reject => count.reject += 1,
            }
        }
        if tags == record.labels {
            return Ok(Change::Keep);
        }
        record.labels = tags;
        Ok(Change::Write(Box::new(record)))
    };
    let summary = rewrite(catalogue, &change, WRITE_ROWS, cancel, progress, runtime)?;
    let counts = counts.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((summary, counts))
}

/// The tags of others as they are, then those of the sets.
fn tags_of(record: &Record, labellers: &[&dyn Labeller], decisions: &Decisions) -> Vec<Tag> {
    let is_theirs = |tag: &&Tag| labellers.iter().any(|set| set.source() == tag.source);
    let others = record.labels.iter().filter(|tag| !is_theirs(tag)).cloned();
    let new = labellers
        .iter()
        .flat_map(|set| set.label(record.id, &record.vectors, decisions));
    others.chain(new).collect()
}
