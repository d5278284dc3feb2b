//! The default tagger.

use sha2::{Digest, Sha256};
use showroom_catalog::seams::{ModelError, Tagged, Tagger, TextEncoder};
use showroom_catalog::{Colour, Decision, Tag};

use super::category::Categoriser;
use super::classes::{TABLE, classes};
use super::taxonomy::Taxonomy;
use super::text::text_vector;

/// Changes with the algorithm or its constants.
const VERSION: u32 = 1;
/// Labels shown at most, and from which raw score.
const MAX_LABELS: usize = 5;
const LABEL_FROM: f32 = 0.10;
/// Raw score from which a label is taken as it is.
const ACCEPT_FROM: f32 = 0.50;

/// Tags out of class probabilities and measured colours.
#[derive(Debug)]
pub struct ClassTagger {
    id: String,
    categoriser: Categoriser,
    /// Whether words are compared with the shape vectors, so that no text vector is made.
    shared_space: bool,
}

impl ClassTagger {
    /// Fails where the taxonomy lacks a category that the table of classes names.
    pub fn new(taxonomy: Taxonomy) -> Result<Self, ModelError> {
        Ok(Self::of(Categoriser::new(taxonomy)?, &table_hash()))
    }

    /// Without the table's categories: by the likeness of names. To measure what the table is worth.
    pub fn by_names(taxonomy: Taxonomy, encoder: &dyn TextEncoder) -> Result<Self, ModelError> {
        let categoriser = Categoriser::by_names(taxonomy, encoder)?;
        Ok(Self::of(categoriser, "by-names"))
    }

    fn of(categoriser: Categoriser, table: &str) -> Self {
        let taxonomy = categoriser.version();
        Self {
            id: format!("classes-{VERSION}-{table}-taxonomy-{taxonomy}"),
            categoriser,
            shared_space: false,
        }
    }

    /// The category is that of the likeliest class. To measure what summing up the tree is worth.
    pub fn of_likeliest(self) -> Self {
        Self {
            id: format!("{}-likeliest", self.id),
            categoriser: self.categoriser.of_likeliest(),
            ..self
        }
    }

    /// For a catalogue whose shape vectors lie in a space that words share: makes no text vectors.
    pub fn in_shared_space(self) -> Self {
        Self {
            shared_space: true,
            ..self
        }
    }

    /// The surest classes, each under the name a shop gives it.
    fn labels(&self, probabilities: &[f32]) -> Vec<Tag> {
        let mut sure: Vec<(usize, f32)> = probabilities
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, score)| *score >= LABEL_FROM)
            .collect();
        sure.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        sure.iter()
            .take(MAX_LABELS)
            .filter_map(|&(class, score)| {
                Some(Tag {
                    id: format!("imagenet-{class}"),
                    name: (*classes().get(class)?.phrases.first()?).to_owned(),
                    score,
                    calibrated: None,
                    decision: if score >= ACCEPT_FROM {
                        Decision::Accept
                    } else {
                        Decision::Review
                    },
                    source: "classes".into(),
                    model: self.id.clone(),
                })
            })
            .collect()
    }
}

impl Tagger for ClassTagger {
    fn id(&self) -> &str {
        &self.id
    }

    fn tag(&self, classes: &[f32], colours: &[Colour]) -> Tagged {
        Tagged {
            category: self.categoriser.decide(classes, &self.id),
            labels: self.labels(classes),
            text: match self.shared_space {
                true => Vec::new(),
                false => text_vector(classes, colours),
            },
        }
    }
}

/// First 8 hexadecimal digits of the table's SHA-256.
pub fn table_hash() -> String {
    let digest = Sha256::digest(TABLE.as_bytes());
    digest[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
