//! What understands words, with or without what the shop's titles have taught.

use std::sync::Arc;

use showroom_catalog::manifest::StoreManifest;
use showroom_catalog::seams::{Matched, ModelError, TextEncoder, TextQuery, Understood};
use showroom_vision::adapter::{AdaptedWords, Adapter, AdapterError};
use showroom_vision::sentence::SentenceEncoder;
use showroom_vision::shared_space::SharedWords;
use showroom_vision::tagging::{TEXT_DIMENSIONS, WordQuery};

use super::device::Taken;
use super::{SENTENCES, library, other_model, phrases, shared_model};
use crate::args::Part;
use crate::config::Config;
use crate::exit::Failure;

/// The models of words, loaded once; what they learn from titles can change.
pub struct Words {
    plain: Arc<dyn TextQuery>,
    /// `None` where words and photos share a space, which nothing has to lead from one to the other.
    sentences: Option<Arc<SentenceEncoder>>,
    manifest: StoreManifest,
}

impl Words {
    /// For a catalogue of that manifest, on a device that is taken already.
    pub fn open(
        config: &Config,
        manifest: &StoreManifest,
        engine: &Taken,
    ) -> Result<Words, Failure> {
        let library = library(config)?;
        let shared = shared_model(config, &library, manifest)?;
        if shared.is_none() && manifest.dimensions.text != TEXT_DIMENSIONS {
            return Err(other_model(config, manifest, "another tagger"));
        }
        let engine = engine.engine();
        let (plain, sentences): (Arc<dyn TextQuery>, _) = match shared {
            Some(shared) => {
                let words = SharedWords::open(&library, &shared, engine, config.threads)?;
                (Arc::new(words), None)
            }
            None => {
                let sentences = SentenceEncoder::open(&library, SENTENCES, engine, config.threads)?;
                let sentences = Arc::new(sentences);
                let phrases = phrases(config, &*sentences)?;
                let words = WordQuery::new(sentences.clone(), phrases);
                let words = match config.lacks(Part::ColourWords) {
                    true => words.blind_to_colours(),
                    false => words,
                };
                (Arc::new(words), Some(sentences))
            }
        };
        Ok(Words {
            plain,
            sentences,
            manifest: manifest.clone(),
        })
    }

    /// As they understand without titles.
    pub fn plain(&self) -> Arc<dyn TextQuery> {
        self.plain.clone()
    }

    /// With a kept adapter. Fails where it is none, or one of other models.
    pub fn with_titles(&self, kept: &[u8]) -> Result<Arc<dyn TextQuery>, AdapterError> {
        let Some(sentences) = &self.sentences else {
            return Ok(self.plain());
        };
        let adapter = Adapter::from_bytes(kept, &self.manifest, sentences.id())?;
        let words = Box::new(Shared(self.plain()));
        Ok(Arc::new(AdaptedWords::new(
            words,
            sentences.clone(),
            adapter,
        )))
    }
}

/// The same words for several owners.
pub struct Shared(pub Arc<dyn TextQuery>);

impl TextQuery for Shared {
    fn text_query(&self, words: &str) -> Result<Vec<f32>, ModelError> {
        self.0.text_query(words)
    }

    fn understand(&self, words: &str) -> Result<Understood, ModelError> {
        self.0.understand(words)
    }

    fn matched(&self, query: &[f32], photo: &[f32]) -> Vec<Matched> {
        self.0.matched(query, photo)
    }
}
