//! A search and its answers.

use serde::{Deserialize, Serialize};

use crate::embedding::VectorName;
use crate::filter::Filter;
use crate::record::Record;

/// One term of a search: `weight * dot(vector, row[on])`.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryPart {
    pub on: VectorName,
    /// As long as that vector of the store.
    pub vector: Vec<f32>,
    /// Negative moves away from `vector`.
    pub weight: f32,
}

/// What to look for. The score of a row is the sum of its parts divided by the sum of the
/// absolute weights, so that unit vectors give scores from -1 to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    pub parts: Vec<QueryPart>,
    pub filter: Option<Filter>,
    /// How many hits at the most.
    pub k: usize,
    /// Compare with every row even where an index exists.
    pub exact: bool,
    /// A row that is not to be found: the photo that was asked with.
    pub exclude_uri: Option<String>,
}

impl Query {
    /// Sum of absolute weights, by which scores are divided; 1 where there is none.
    pub fn weight_sum(&self) -> f32 {
        let sum: f32 = self.parts.iter().map(|part| part.weight.abs()).sum();
        if sum > 0.0 { sum } else { 1.0 }
    }
}

/// What one part of the query contributed to a hit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// `shape`, `colour` or `text`.
    pub part: VectorName,
    /// Similarity on that vector before weighting.
    pub score: f32,
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Without vectors and classes.
    pub record: Record,
    pub score: f32,
    pub why: Vec<Why>,
}

/// The answers, best first; equal scores in the order of their URIs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hits {
    pub hits: Vec<Hit>,
    /// Whether every row was compared.
    pub exact: bool,
}
