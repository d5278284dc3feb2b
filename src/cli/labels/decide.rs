//! `showroom labels decide`: what a person says of a label on a photo.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use showroom_catalog::label::{HumanDecision, PERSON};
use showroom_catalog::seams::{Catalogue, Columns, Labeller};
use showroom_catalog::{Decision, Record, Tag, Verdict};
use showroom_pipeline::labels::decide;
use showroom_store::append_decisions;
use showroom_vision::labels::LabelSet;

use super::sets;
use crate::args::labels::{Decide, VerdictArg};
use crate::config::Config;
use crate::exit::Failure;
use crate::table::{counted, plain, print, print_json};
use crate::wire;

/// `labels decide --json`.
#[derive(Serialize)]
struct Decided<'a> {
    label: &'a str,
    verdict: Verdict,
    photos: Vec<&'a str>,
}

pub fn run(config: &Config, verb: &Decide) -> Result<(), Failure> {
    let runtime = wire::runtime()?;
    // Opened for writing first: where another process writes, nothing is decided by half.
    let catalogue = runtime.block_on(wire::open_for_write(config))?;
    let mut records = runtime.block_on(catalogue.get(&verb.key, Columns::All))?;
    if records.is_empty() {
        return Err(Failure::BadInput(format!(
            "no photo in the catalogue has the SKU, id or URI {:?}; `showroom export` lists them",
            verb.key
        )));
    }
    let sets = sets(config, &[], catalogue.manifest())?;
    let label = find(&verb.label, &sets, &records)?;
    let verdict = match verb.verdict {
        VerdictArg::Accept => Verdict::Accept,
        VerdictArg::Reject => Verdict::Reject,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let at_ms = now.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    });
    let decisions: Vec<HumanDecision> = records
        .iter()
        .map(|record| HumanDecision {
            at_ms,
            photo: record.id,
            uri: record.source.uri.clone(),
            sku: record.source.sku.clone(),
            label: label.tag.id.clone(),
            verdict,
        })
        .collect();
    append_decisions(&config.store, &decisions)?;
    for (record, decision) in records.iter_mut().zip(&decisions) {
        let tag = label.is_in_a_set.then(|| label.tag.clone());
        decide(record, decision, tag, &label.rivals);
    }
    let uris: Vec<String> = records
        .iter()
        .map(|record| record.source.uri.clone())
        .collect();
    runtime.block_on(catalogue.upsert(records, Vec::new()))?;
    if config.json {
        return print_json(&Decided {
            label: &label.tag.id,
            verdict,
            photos: uris.iter().map(String::as_str).collect(),
        });
    }
    let word = if verdict == Verdict::Accept {
        "accepted"
    } else {
        "rejected"
    };
    let photos = counted(uris.len() as u64, "photo");
    print(format!("{} {word} on {photos}", plain(&label.tag.id)))
}

/// A label that can be decided.
struct Label {
    /// As it is where the photo does not have it yet.
    tag: Tag,
    is_in_a_set: bool,
    /// Ids of the labels that exclude it.
    rivals: Vec<String>,
}

/// The label of this id or name, in the label sets or on the photos.
fn find(wanted: &str, sets: &[LabelSet], records: &[Record]) -> Result<Label, Failure> {
    let lower = wanted.trim().to_lowercase();
    let mut found: Vec<Label> = Vec::new();
    for set in sets {
        for report in set.reports() {
            let ids = || report.labels.iter().map(|label| label.id.clone());
            for label in &report.labels {
                if label.id != lower && label.name.to_lowercase() != lower {
                    continue;
                }
                found.push(Label {
                    tag: Tag {
                        id: label.id.clone(),
                        name: label.name.clone(),
                        score: 0.0,
                        calibrated: None,
                        decision: Decision::Review,
                        source: set.source().into(),
                        model: PERSON.into(),
                    },
                    is_in_a_set: true,
                    rivals: match report.exclusive {
                        true => ids().filter(|id| *id != label.id).collect(),
                        false => Vec::new(),
                    },
                });
            }
        }
    }
    let tags = records.iter().flat_map(|record| &record.labels);
    for tag in tags.filter(|tag| tag.id.to_lowercase() == lower || tag.name.to_lowercase() == lower)
    {
        if found.iter().all(|label| label.tag.id != tag.id) {
            found.push(Label {
                tag: tag.clone(),
                is_in_a_set: false,
                rivals: Vec::new(),
            });
        }
    }
    let exact = found
        .iter()
        .position(|label| label.tag.id.to_lowercase() == lower);
    match (exact, found.len()) {
        (Some(at), _) => Ok(found.swap_remove(at)),
        (None, 1) => Ok(found.swap_remove(0)),
        (None, 0) => Err(Failure::BadInput(format!(
            "no label set and no tag of the photo has a label {wanted:?}; `showroom labels show` \
             lists them"
        ))),
        (None, _) => {
            let ids: Vec<&str> = found.iter().map(|label| label.tag.id.as_str()).collect();
            Err(Failure::Usage(format!(
                "{wanted:?} may be {}; say which",
                ids.join(" or ")
            )))
        }
    }
}
