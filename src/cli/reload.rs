//! What a server takes in when it starts, and again by `POST /v1/reload` or SIGHUP: what `adapt` and `labels learn`
//! have made, and the keys.

use std::path::PathBuf;
use std::sync::Arc;

use showroom_catalog::manifest::StoreManifest;
use showroom_catalog::seams::{Labeller, TextQuery};
use showroom_pixels::photo_id;
use showroom_server::{Keys, Learned, Reload};
use showroom_store::{adapter_path, read_adapter};

use crate::args::Serve;
use crate::config::Config;
use crate::exit::Failure;
use crate::keys::keys;
use crate::labels::{known, sets};
use crate::wire::Words;

/// Reads what is learned of a store.
pub struct Reader {
    config: Config,
    manifest: StoreManifest,
    words: Words,
    /// As they were given on the command line.
    given_keys: Vec<String>,
    keys_file: Option<PathBuf>,
}

impl Reader {
    pub fn new(config: &Config, verb: &Serve, manifest: &StoreManifest, words: Words) -> Reader {
        Reader {
            config: config.clone(),
            manifest: manifest.clone(),
            words,
            given_keys: verb.key.clone(),
            keys_file: verb.keys.clone(),
        }
    }

    /// What there is at the start. What does not fit is told and left out: it is no reason not to serve.
    pub fn read_what_fits(&self, keys: Keys) -> Learned {
        let words = self.titles().unwrap_or_else(|failure| {
            self.config.say(failure);
            (self.words.plain(), None)
        });
        let labels = self.label_sets().unwrap_or_else(|failure| {
            self.config.say(failure);
            LabelSets::default()
        });
        learned(words, labels, keys)
    }

    /// With what titles have taught, and the hash of that.
    fn titles(&self) -> Result<(Arc<dyn TextQuery>, Option<String>), Failure> {
        let Some(kept) = read_adapter(&self.config.store)? else {
            return Ok((self.words.plain(), None));
        };
        let words = self.words.with_titles(&kept).map_err(|error| {
            let path = adapter_path(&self.config.store);
            Failure::Model(format!("{}: {error}", path.display()))
        })?;
        Ok((words, Some(photo_id(&kept).to_string())))
    }

    fn label_sets(&self) -> Result<LabelSets, Failure> {
        let sets = sets(&self.config, &[], &self.manifest)?;
        let known = known(&sets);
        let ids: Vec<&str> = sets.iter().map(|set| set.id()).collect();
        Ok(LabelSets {
            version: ids.join(" "),
            known,
            labellers: sets
                .into_iter()
                .map(|set| Arc::new(set) as Arc<dyn Labeller>)
                .collect(),
        })
    }
}

#[derive(Default)]
struct LabelSets {
    labellers: Vec<Arc<dyn Labeller>>,
    known: Vec<showroom_catalog::decide::KnownLabel>,
    version: String,
}

fn learned(
    (words, titles_version): (Arc<dyn TextQuery>, Option<String>),
    labels: LabelSets,
    keys: Keys,
) -> Learned {
    Learned {
        words,
        titles_version,
        labellers: labels.labellers,
        labels: labels.known,
        labels_version: labels.version,
        keys,
    }
}

impl Reload for Reader {
    fn read(&self) -> Result<Learned, String> {
        let read = || -> Result<Learned, Failure> {
            let keys = keys(&self.given_keys, self.keys_file.as_deref())?;
            Ok(learned(self.titles()?, self.label_sets()?, keys))
        };
        read().map_err(|failure| failure.to_string())
    }
}
