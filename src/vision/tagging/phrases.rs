//! The phrases of the classes as vectors, and how like them a sentence is.

use showroom_catalog::embedding::dot;
use showroom_catalog::seams::{ModelError, TextEncoder};

use super::classes::classes;

/// Sentences embedded at a time.
const BATCH: usize = 64;

/// Unit vectors of all phrases, class after class. Making them takes seconds on a CPU, so that they can be
/// kept as bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Phrases {
    /// Length of one vector.
    width: usize,
    /// phrases × width.
    vectors: Vec<f32>,
    /// Phrases of each class.
    counts: Vec<usize>,
}

/// What each class is called by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wording {
    /// Every phrase of the table.
    #[default]
    Phrases,
    /// The first phrase alone. To measure what the others are worth.
    First,
    /// ImageNet's own label. To measure what the phrases are worth.
    Labels,
}

impl Phrases {
    /// Embeds every phrase.
    pub fn encode(encoder: &dyn TextEncoder) -> Result<Self, ModelError> {
        Self::encode_as(encoder, Wording::Phrases)
    }

    /// Embeds what the classes are called by.
    pub fn encode_as(encoder: &dyn TextEncoder, wording: Wording) -> Result<Self, ModelError> {
        let texts: Vec<&[&str]> = classes()
            .iter()
            .map(|class| match wording {
                Wording::Phrases => class.phrases.as_slice(),
                Wording::First => &class.phrases[..1],
                Wording::Labels => std::slice::from_ref(&class.label),
            })
            .collect();
        let (width, vectors) = encode_all(encoder, &texts.concat())?;
        Ok(Self {
            width,
            vectors,
            counts: texts.iter().map(|texts| texts.len()).collect(),
        })
    }

    /// Little-endian f32 in the order of the table, to be kept under [`Phrases::key`].
    pub fn to_bytes(&self) -> Vec<u8> {
        self.vectors.iter().flat_map(|x| x.to_le_bytes()).collect()
    }

    /// `None` where the bytes do not fit this table of phrases.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let counts: Vec<usize> = classes().iter().map(|class| class.phrases.len()).collect();
        let count: usize = counts.iter().sum();
        let (values, rest) = bytes.as_chunks::<4>();
        let vectors: Vec<f32> = values.iter().map(|x| f32::from_le_bytes(*x)).collect();
        let fits = rest.is_empty()
            && !vectors.is_empty()
            && vectors.len().is_multiple_of(count)
            && vectors.iter().all(|x| x.is_finite());
        fits.then(|| Self {
            width: vectors.len() / count,
            vectors,
            counts,
        })
    }

    /// What kept bytes depend on: the table and the encoder.
    pub fn key(encoder: &dyn TextEncoder) -> String {
        format!("phrases-{}-{}", super::tagger::table_hash(), encoder.id())
    }

    /// Of each class: the similarity of its likest phrase. `None` where `vector` has another length.
    pub fn likeness(&self, vector: &[f32]) -> Option<Vec<f32>> {
        if vector.len() != self.width {
            return None;
        }
        let mut phrases = self.vectors.chunks_exact(self.width);
        let likest = self.counts.iter().map(|&count| {
            let phrases = phrases.by_ref().take(count);
            let likeness = phrases.map(|phrase| dot(phrase, vector));
            likeness.fold(f32::NEG_INFINITY, f32::max)
        });
        Some(likest.collect())
    }
}

/// The length of a vector, and all vectors in the order of `texts`.
pub fn encode_all(
    encoder: &dyn TextEncoder,
    texts: &[&str],
) -> Result<(usize, Vec<f32>), ModelError> {
    let mut vectors = Vec::new();
    let mut width = None;
    for batch in texts.chunks(BATCH) {
        let encoded = encoder.encode(batch)?;
        if encoded.len() != batch.len() {
            return Err(uneven());
        }
        for vector in encoded {
            if *width.get_or_insert(vector.len()) != vector.len() {
                return Err(uneven());
            }
            vectors.extend(vector);
        }
    }
    match width {
        Some(width) if width > 0 => Ok((width, vectors)),
        _ => Err(uneven()),
    }
}

fn uneven() -> ModelError {
    ModelError::Failed("the text encoder gave vectors of uneven number or length".into())
}
