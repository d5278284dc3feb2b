//! A search and its answers.

use serde::{Deserialize, Serialize};

use crate::embedding::VectorName;
use crate::facets::Facets;
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
    /// Rows that are not to be found: the photos that were asked with. They are no filter: facets count them.
    pub exclude_uris: Vec<String>,
    /// Words that are looked for in the titles too. The order of the hits is then that of both
    /// rankings, joined by reciprocal ranks; where no title holds one of them nothing changes.
    pub title_words: Option<String>,
    /// Of the photos of a SKU only the best; a photo without a SKU stands for itself.
    pub one_a_sku: bool,
    /// From 0 to 1: how much the likeness to what was asked counts against being unlike the hits
    /// before it (maximal marginal relevance). `None` orders by likeness alone, as 1 does.
    pub relevance: Option<f32>,
    /// Bring the vectors of the hits too.
    pub vectors: bool,
    /// Count what is among the rows that pass the filter.
    pub facets: bool,
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

/// What the title of a hit has of the words asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct TitleMatch {
    /// Share of the words that are in the title, above 0 up to 1.
    pub score: f32,
    /// Those that are, lower case, without the s of a plural.
    pub words: Vec<String>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Without class probabilities, and without vectors unless the query asked for them.
    pub record: Record,
    /// Of the vectors alone, also where titles or [`Query::relevance`] settle the order.
    pub score: f32,
    /// One for each part of the query, in the same order.
    pub why: Vec<Why>,
    pub title: Option<TitleMatch>,
}

/// The answers, best first; equal scores in the order of their URIs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hits {
    pub hits: Vec<Hit>,
    /// Whether every row was compared.
    pub exact: bool,
    /// Where the query asked for them.
    pub facets: Option<Facets>,
}
