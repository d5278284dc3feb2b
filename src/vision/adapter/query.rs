//! Words that an adapter adds to.

use std::sync::Arc;

use showroom_catalog::seams::{Matched, ModelError, TextEncoder, TextQuery, Understood};

use super::kept::Adapter;

/// What understands words, with what an adapter makes of them besides.
pub struct AdaptedWords {
    words: Box<dyn TextQuery>,
    sentences: Arc<dyn TextEncoder>,
    adapter: Adapter,
}

impl AdaptedWords {
    /// `sentences` is the model that the adapter was learned with.
    pub fn new(
        words: Box<dyn TextQuery>,
        sentences: Arc<dyn TextEncoder>,
        adapter: Adapter,
    ) -> Self {
        AdaptedWords {
            words,
            sentences,
            adapter,
        }
    }
}

impl TextQuery for AdaptedWords {
    fn text_query(&self, words: &str) -> Result<Vec<f32>, ModelError> {
        self.words.text_query(words)
    }

    fn understand(&self, words: &str) -> Result<Understood, ModelError> {
        let mut understood = self.words.understand(words)?;
        // Colours are measured on every photo; there is nothing to guess.
        if !understood.only_colours
            && let Some(vector) = self.sentences.encode(&[words])?.first()
        {
            understood.further.extend(self.adapter.parts(vector));
        }
        Ok(understood)
    }

    fn matched(&self, query: &[f32], photo: &[f32]) -> Vec<Matched> {
        self.words.matched(query, photo)
    }
}
