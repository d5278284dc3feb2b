//! `showroom labels decide`: what a person says of a label on a photo.

use serde::Serialize;
use showroom_catalog::decide::{KnownLabel, Made, decide_label};
use showroom_catalog::decision::LogEntry;
use showroom_catalog::seams::{Catalogue, Columns, DecisionStore};
use showroom_catalog::{Record, Verdict};
use showroom_pipeline::now_ms;
use showroom_store::DecisionFile;
use showroom_vision::labels::LabelSet;

use super::{decisions, known, sets};
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
    let at_ms = now_ms();
    let batch = format!("cli-{at_ms}-{}", std::process::id());
    let made = Made {
        at_ms,
        batch: &batch,
        by: None,
    };
    let earlier = decisions(config)?;
    let lines = (records.iter_mut())
        .flat_map(|record| decide_label(record, &label, verdict, made, &earlier));
    let lines: Vec<LogEntry> = lines
        .map(|line| LogEntry::Decision(Box::new(line)))
        .collect();
    let log = DecisionFile {
        dir: config.store.clone(),
    };
    log.append(&lines)?;
    let uris: Vec<String> = records
        .iter()
        .map(|record| record.source.uri.clone())
        .collect();
    runtime.block_on(catalogue.upsert(records, Vec::new()))?;
    if config.json {
        return print_json(&Decided {
            label: &label.id,
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
    print(format!("{} {word} on {photos}", plain(&label.id)))
}

/// The label of this id or name, in the label sets or on the photos.
fn find(wanted: &str, sets: &[LabelSet], records: &[Record]) -> Result<KnownLabel, Failure> {
    let lower = wanted.trim().to_lowercase();
    let is_wanted =
        |label: &KnownLabel| label.id.to_lowercase() == lower || label.name.to_lowercase() == lower;
    let mut found: Vec<KnownLabel> = known(sets).into_iter().filter(is_wanted).collect();
    for tag in records.iter().flat_map(|record| &record.labels) {
        let label = KnownLabel::from(tag);
        if is_wanted(&label) && found.iter().all(|known| known.id != label.id) {
            found.push(label);
        }
    }
    let exact = (found.iter()).position(|label| label.id.to_lowercase() == lower);
    match (exact, found.len()) {
        (Some(at), _) => Ok(found.swap_remove(at)),
        (None, 1) => Ok(found.swap_remove(0)),
        (None, 0) => Err(Failure::BadInput(format!(
            "no label set and no tag of the photo has a label {wanted:?}; `showroom labels show` \
             lists them"
        ))),
        (None, _) => {
            let ids: Vec<&str> = found.iter().map(|label| label.id.as_str()).collect();
            Err(Failure::Usage(format!(
                "{wanted:?} may be {}; say which",
                ids.join(" or ")
            )))
        }
    }
}
