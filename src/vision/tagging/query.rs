//! A shopper's words → the vector that text vectors are compared with.

use std::sync::Arc;

use showroom_catalog::embedding::normalise;
use showroom_catalog::seams::{ModelError, TextEncoder, TextQuery};

use super::phrases::Phrases;
use super::text::DIMENSIONS;
use super::words::{parse, wanted};

/// Likeness at or below this says nothing about a class.
const UNLIKE: f32 = 0.3;
/// Length of the colour part against a class part of unit length.
const COLOUR_WEIGHT: f32 = 0.8;

/// Queries over one text encoder.
pub struct WordQuery {
    encoder: Arc<dyn TextEncoder>,
    phrases: Phrases,
}

impl WordQuery {
    pub fn new(encoder: Arc<dyn TextEncoder>, phrases: Phrases) -> Self {
        Self { encoder, phrases }
    }

    /// Weights of the classes, unit length.
    fn class_part(&self, words: &str) -> Result<Vec<f32>, ModelError> {
        let encoded = self.encoder.encode(&[words])?;
        let likeness = encoded
            .first()
            .and_then(|vector| self.phrases.likeness(vector))
            .ok_or_else(|| {
                ModelError::Failed("the phrases were made by another text encoder".into())
            })?;
        let above = |floor: f32| -> Vec<f32> {
            likeness
                .iter()
                .map(|x| (x - floor).max(0.0).powi(2))
                .collect()
        };
        let mut weights = above(UNLIKE);
        if weights.iter().all(|weight| *weight == 0.0) {
            weights = above(0.0);
        }
        normalise(&mut weights);
        Ok(weights)
    }
}

impl TextQuery for WordQuery {
    fn text_query(&self, words: &str) -> Result<Vec<f32>, ModelError> {
        let parsed = parse(words);
        let colours = wanted(&parsed.colours);
        let mut vector = if parsed.rest.is_empty() {
            vec![0.0; DIMENSIONS - colours.len()]
        } else {
            self.class_part(&parsed.rest)?
        };
        vector.extend(colours.map(|much| COLOUR_WEIGHT * much));
        if vector.iter().all(|x| *x == 0.0) {
            return Err(ModelError::BadInput(
                "these words name nothing to look for; say what it is, or its colour".into(),
            ));
        }
        normalise(&mut vector);
        Ok(vector)
    }
}
