//! The phrases of the classes as vectors, and how like them a sentence is.

use showroom_catalog::embedding::dot;
use showroom_catalog::seams::{ModelError, TextEncoder};

use super::classes::{CLASSES, classes};

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
}

impl Phrases {
    /// Embeds every phrase.
    pub fn encode(encoder: &dyn TextEncoder) -> Result<Self, ModelError> {
        let texts: Vec<&str> = classes()
            .iter()
            .flat_map(|class| class.phrases.iter().copied())
            .collect();
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
            Some(width) if width > 0 => Ok(Self { width, vectors }),
            _ => Err(uneven()),
        }
    }

    /// Little-endian f32 in the order of the table, to be kept under [`Phrases::key`].
    pub fn to_bytes(&self) -> Vec<u8> {
        self.vectors.iter().flat_map(|x| x.to_le_bytes()).collect()
    }

    /// `None` where the bytes do not fit this table of phrases.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let count: usize = classes().iter().map(|class| class.phrases.len()).sum();
        let (values, rest) = bytes.as_chunks::<4>();
        let vectors: Vec<f32> = values.iter().map(|x| f32::from_le_bytes(*x)).collect();
        let fits = rest.is_empty()
            && !vectors.is_empty()
            && vectors.len().is_multiple_of(count)
            && vectors.iter().all(|x| x.is_finite());
        fits.then(|| Self {
            width: vectors.len() / count,
            vectors,
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
        let mut likeness = Vec::with_capacity(CLASSES);
        for class in classes() {
            let likest = phrases
                .by_ref()
                .take(class.phrases.len())
                .map(|phrase| dot(phrase, vector))
                .fold(f32::NEG_INFINITY, f32::max);
            likeness.push(likest);
        }
        Some(likeness)
    }
}

fn uneven() -> ModelError {
    ModelError::Failed("the text encoder gave vectors of uneven number or length".into())
}
