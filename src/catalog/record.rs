//! One row of the catalogue.

use crate::embedding::Vectors;
use crate::photo::{Facts, PhotoId, PhotoRef};
use crate::product::Attributes;
use crate::tag::{Category, Colour, Tag};

/// Everything the catalogue keeps of one photo. The key is `source.uri`.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub id: PhotoId,
    pub source: PhotoRef,
    /// The shop's own title of the product, where a feed gave one.
    pub title: Option<String>,
    /// What else the feed said of the product.
    pub attributes: Attributes,
    pub facts: Facts,
    /// `None` where the tagger abstains.
    pub category: Option<Category>,
    /// Main colour first.
    pub colours: Vec<Colour>,
    pub labels: Vec<Tag>,
    /// Class probabilities of the encoder, kept so that a photo can be tagged again without
    /// being encoded again.
    pub classes: Vec<f32>,
    /// Empty in the records of search hits and of scans that did not ask for vectors.
    pub vectors: Vectors,
    /// Id of the tagger that made category, labels and the text vector.
    pub tagger: String,
    /// When the row was written, milliseconds since 1970-01-01 UTC.
    pub ingested_at_ms: i64,
}
