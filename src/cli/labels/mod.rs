//! `showroom labels learn | apply | show | review | decide | forget`.

mod apply;
mod decide;
mod learn;
mod review;
mod show;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use showroom_catalog::Decisions;
use showroom_catalog::decide::KnownLabel;
use showroom_catalog::manifest::StoreManifest;
use showroom_catalog::seams::{Labeller, StoreError};
use showroom_store::{
    is_label_set_name, label_set_path, label_sets, read_decisions, read_label_set,
};
use showroom_vision::labels::{LabelError, LabelSet};

use crate::args::labels::Labels;
use crate::config::Config;
use crate::exit::Failure;

pub fn run(config: &Config, verb: &Labels) -> Result<(), Failure> {
    match verb {
        Labels::Learn(verb) => learn::run(config, verb),
        Labels::Apply(verb) => apply::run(config, verb),
        Labels::Show(verb) => show::run(config, verb),
        Labels::Review(verb) => review::run(config, verb),
        Labels::Decide(verb) => decide::run(config, verb),
        Labels::Forget(verb) => apply::forget(config, verb),
    }
}

/// What is wrong with `path`, as a failure.
fn failure(path: &Path, error: LabelError) -> Failure {
    let said = format!("{}: {error}", path.display());
    match error {
        LabelError::Spec(_) | LabelError::Examples(_) => Failure::BadInput(said),
        LabelError::Set(_) => Failure::Model(said),
        LabelError::Failed(_) => Failure::Other(said),
    }
}

/// The label sets of these names or files; none means all that the catalogue has.
pub fn sets(
    config: &Config,
    named: &[String],
    manifest: &StoreManifest,
) -> Result<Vec<LabelSet>, Failure> {
    let known = label_sets(&config.store)?;
    let wanted = if named.is_empty() { &known } else { named };
    let mut sets: Vec<LabelSet> = Vec::with_capacity(wanted.len());
    for name in wanted {
        let (path, bytes) = if is_label_set_name(name) {
            let Some(bytes) = read_label_set(&config.store, name)? else {
                return Err(Failure::BadInput(format!(
                    "the catalogue has no label set {name:?}; it has {}",
                    if known.is_empty() {
                        "none yet: `showroom labels learn` makes one".to_string()
                    } else {
                        known.join(", ")
                    }
                )));
            };
            (label_set_path(&config.store, name), bytes)
        } else {
            let path = Path::new(name);
            let bytes = fs::read(path)
                .map_err(|error| Failure::BadInput(format!("{name} cannot be read: {error}")))?;
            (path.to_path_buf(), bytes)
        };
        let set = LabelSet::from_bytes(&bytes, manifest).map_err(|error| failure(&path, error))?;
        // A name becomes a file name, wherever the label set came from.
        if !is_label_set_name(set.name()) {
            let reason = format!("{} is no name of a label set", set.name());
            return Err(failure(&path, LabelError::Set(reason)));
        }
        sets.retain(|known| known.name() != set.name());
        sets.push(set);
    }
    Ok(sets)
}

/// What people decided; says which lines of the log cannot be read.
pub fn decisions(config: &Config) -> Result<Arc<Decisions>, StoreError> {
    let log = read_decisions(&config.store)?;
    for problem in &log.problems {
        config.say(problem);
    }
    Ok(Arc::new(log.decisions()))
}

/// The labels of these sets, each with those that it excludes: what a reviewer may choose from.
pub fn known(sets: &[LabelSet]) -> Vec<KnownLabel> {
    let mut known = Vec::new();
    for set in sets {
        for group in set.reports() {
            for label in &group.labels {
                let others = group.labels.iter().filter(|other| other.id != label.id);
                known.push(KnownLabel {
                    id: label.id.clone(),
                    name: label.name.clone(),
                    source: set.source().into(),
                    rivals: match group.exclusive {
                        true => others.map(|other| other.id.clone()).collect(),
                        false => Vec::new(),
                    },
                });
            }
        }
    }
    known
}
