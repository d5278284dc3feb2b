//! `showroom labels apply | forget`: the tags of label sets in the catalogue.

use std::collections::BTreeMap;

use serde::Serialize;
use showroom_catalog::label::LABELS;
use showroom_catalog::seams::{Catalogue, Labeller};
use showroom_catalog::{Decisions, PhotoId, Tag, Vectors};
use showroom_pipeline::labels::{Labelled, relabel};
use showroom_pipeline::{RetagSummary, silence_guarded_panics};
use showroom_store::{LanceCatalogue, is_label_set_name, remove_label_set, write_label_set};
use tokio::runtime::Runtime;

use super::{decisions, sets};
use crate::args::labels::{Apply, Forget};
use crate::config::Config;
use crate::exit::Failure;
use crate::progress::Bar;
use crate::table::{counted, plain, print, print_json, table};
use crate::{interrupt, wire};

/// `labels apply --json`.
#[derive(Serialize)]
struct Applied<'a> {
    #[serde(flatten)]
    summary: &'a RetagSummary,
    sets: Vec<&'a str>,
    /// By the id of the label.
    labels: &'a BTreeMap<String, Labelled>,
}

pub fn run(config: &Config, verb: &Apply) -> Result<(), Failure> {
    let runtime = wire::runtime()?;
    let catalogue = runtime.block_on(wire::open_for_write(config))?;
    let sets = sets(config, &verb.sets, catalogue.manifest())?;
    if sets.is_empty() {
        config.say("no label sets; `showroom labels learn` makes one");
        return Ok(());
    }
    for set in &sets {
        write_label_set(&config.store, set.name(), &set.to_bytes())?;
    }
    let labellers: Vec<&dyn Labeller> = sets.iter().map(|set| set as &dyn Labeller).collect();
    let (summary, labels) = tag(config, &runtime, &catalogue, &labellers)?;
    if config.json {
        print_json(&Applied {
            summary: &summary,
            sets: sets.iter().map(|set| set.id()).collect(),
            labels: &labels,
        })?;
    } else {
        let mut rows = table(&["LABEL", "ACCEPT", "REVIEW", "REJECTED BY HAND"]);
        for (label, count) in &labels {
            let counts = [count.accept, count.review, count.reject].map(|n| n.to_string());
            let [accept, review, reject] = counts;
            rows.add_row([plain(label), accept, review, reject]);
        }
        print(rows)?;
        print(format!(
            "{} changed, {} as before; a photo that is not listed is not sure",
            counted(summary.tagged, "photo"),
            summary.current
        ))?;
    }
    if summary.interrupted {
        return Err(Failure::Interrupted);
    }
    Ok(())
}

fn tag(
    config: &Config,
    runtime: &Runtime,
    catalogue: &LanceCatalogue,
    labellers: &[&dyn Labeller],
) -> Result<(RetagSummary, BTreeMap<String, Labelled>), Failure> {
    silence_guarded_panics();
    let cancel = interrupt::listen(runtime)?;
    let decisions = decisions(config)?;
    let bar = Bar::new(config);
    let mut progress = |now: &RetagSummary| {
        bar.show(
            now.tagged + now.current,
            Some(now.photos),
            "photos labelled",
        );
    };
    let done = relabel(
        catalogue,
        labellers,
        &decisions,
        &cancel,
        &mut progress,
        runtime.handle(),
    );
    bar.finish();
    Ok(done?)
}

/// A label set that is gone: it says nothing of any photo.
struct Nothing(String);

impl Labeller for Nothing {
    fn source(&self) -> &str {
        &self.0
    }

    fn label(&self, _: PhotoId, _: &Vectors, _: &Decisions) -> Vec<Tag> {
        Vec::new()
    }
}

/// `showroom labels forget`.
pub fn forget(config: &Config, verb: &Forget) -> Result<(), Failure> {
    let name = &verb.name;
    if !is_label_set_name(name) {
        return Err(Failure::Usage(format!(
            "{name:?} is no name of a label set"
        )));
    }
    let runtime = wire::runtime()?;
    let catalogue = runtime.block_on(wire::open_for_write(config))?;
    let was_there = remove_label_set(&config.store, name)?;
    let nothing = Nothing(format!("{LABELS}{name}"));
    let (summary, _) = tag(config, &runtime, &catalogue, &[&nothing])?;
    if config.json {
        print_json(&summary)?;
    } else if was_there || summary.tagged > 0 {
        let photos = counted(summary.tagged, "photo");
        print(format!("{name} is forgotten; {photos} had its labels"))?;
    } else {
        return Err(Failure::BadInput(format!(
            "the catalogue has no label set {name:?}"
        )));
    }
    if summary.interrupted {
        return Err(Failure::Interrupted);
    }
    Ok(())
}
