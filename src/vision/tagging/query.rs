//! A shopper's words → the vector that text vectors are compared with.

use std::sync::Arc;

use showroom_catalog::embedding::normalise;
use showroom_catalog::seams::{
    Matched, MatchedKind, ModelError, TextEncoder, TextQuery, Understood,
};

use super::classes::{CLASSES, classes};
use super::phrases::Phrases;
use super::text::DIMENSIONS;
use super::words::{NAMES, Parsed, only_joins, parse, wanted};

/// Likeness at or below this says nothing about a class.
const UNLIKE: f32 = 0.3;
/// Length of the colour part against a class part of unit length.
/// From .85 to 1 it makes little odds on labelled shop photos: below that names win over colours, above it colours
/// win over names.
const COLOUR_WEIGHT: f32 = 0.9;

/// What makes less of a score than this is no reason for it; at most so many reasons are given.
const LEAST_SHARE: f32 = 0.1;
const MOST_REASONS: usize = 3;

/// Queries over one text encoder.
pub struct WordQuery {
    encoder: Arc<dyn TextEncoder>,
    phrases: Phrases,
    knows_colours: bool,
}

impl WordQuery {
    pub fn new(encoder: Arc<dyn TextEncoder>, phrases: Phrases) -> Self {
        Self {
            encoder,
            phrases,
            knows_colours: true,
        }
    }

    /// Takes the words for colours as any others. To measure what it is worth to know them.
    pub fn blind_to_colours(self) -> Self {
        Self {
            knows_colours: false,
            ..self
        }
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
        Ok(self.understand(words)?.vector)
    }

    fn understand(&self, words: &str) -> Result<Understood, ModelError> {
        let parsed = match self.knows_colours {
            true => parse(words),
            false => Parsed {
                colours: Vec::new(),
                rest: words.to_lowercase(),
            },
        };
        let only_colours = !parsed.colours.is_empty() && only_joins(&parsed.rest);
        let colours = wanted(&parsed.colours);
        let mut vector = if parsed.rest.is_empty() || only_colours {
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
        let mut names: Vec<String> = Vec::new();
        for name in parsed.colours.iter().map(|&colour| NAMES[colour]) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_string());
            }
        }
        Ok(Understood {
            vector,
            colours: names,
            only_colours,
            further: Vec::new(),
        })
    }

    fn matched(&self, query: &[f32], photo: &[f32]) -> Vec<Matched> {
        let products: Vec<f32> = query.iter().zip(photo).map(|(q, p)| q * p).collect();
        let sum: f32 = products.iter().sum();
        let mut shares: Vec<(usize, f32)> = products
            .iter()
            .map(|product| product / sum)
            .enumerate()
            .filter(|(_, share)| *share >= LEAST_SHARE)
            .collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        shares
            .into_iter()
            .take(MOST_REASONS)
            .filter_map(|(place, share)| {
                let (kind, word) = match place.checked_sub(CLASSES) {
                    Some(colour) => (MatchedKind::Colour, *NAMES.get(colour)?),
                    None => (MatchedKind::Class, *classes().get(place)?.phrases.first()?),
                };
                Some(Matched {
                    kind,
                    word: word.to_string(),
                    share: Some(share),
                })
            })
            .collect()
    }
}
