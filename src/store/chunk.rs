//! Rows laid out for an accelerator: the vectors that some searches compare, end to end.

use std::ops::Range;

use showroom_catalog::embedding::{Dimensions, dot};
use showroom_catalog::{Query, VectorName};

use crate::best::{Best, Row};
use crate::decode::Rows;
use crate::schema;

/// Where the vectors of a photo stand in a row of a chunk: those that are compared, end to end.
pub(crate) struct Layout {
    /// In the order of [`VectorName::ALL`]; empty for one that is not compared.
    places: [Range<usize>; VectorName::ALL.len()],
    pub(crate) dimension: usize,
}

impl Layout {
    pub(crate) fn new(dimensions: &Dimensions, searches: &[(Query, Best)]) -> Layout {
        let mut end = 0;
        let places = VectorName::ALL.map(|name| {
            let mut parts = searches.iter().flat_map(|(query, _)| &query.parts);
            let start = end;
            if parts.any(|part| part.on == name) {
                end += schema::length(dimensions, name);
            }
            start..end
        });
        Layout {
            places,
            dimension: end,
        }
    }

    /// All vectors of a photo.
    pub(crate) fn all(dimensions: &Dimensions) -> Layout {
        let mut end = 0;
        let places = VectorName::ALL.map(|name| {
            let start = end;
            end += schema::length(dimensions, name);
            start..end
        });
        Layout {
            places,
            dimension: end,
        }
    }

    pub(crate) fn place(&self, name: VectorName) -> Range<usize> {
        self.places[name as usize].clone()
    }

    /// The query as one vector: a weighted sum of dot products is one dot product.
    pub(crate) fn fold(&self, query: &Query) -> Vec<f32> {
        let sum = query.weight_sum();
        let mut folded = vec![0.0; self.dimension];
        for part in &query.parts {
            let share = part.weight / sum;
            let place = &mut folded[self.place(part.on)];
            for (to, number) in place.iter_mut().zip(&part.vector) {
                *to += share * number;
            }
        }
        folded
    }

    /// The vectors of a batch that are compared, in the order in which they stand in a row, each
    /// with its length.
    pub(crate) fn vectors<'a>(
        &self,
        rows: &'a Rows<'_>,
    ) -> Result<Vec<(&'a [f32], usize)>, String> {
        let compared = VectorName::ALL.into_iter().zip(&self.places);
        compared
            .filter(|(_, place)| !place.is_empty())
            .map(|(name, place)| match rows.vectors(name.name())? {
                (all, length) if length == place.len() => Ok((all, length)),
                (_, length) => Err(format!(
                    "the column {} has vectors of {length} numbers, not {}",
                    name.name(),
                    place.len()
                )),
            })
            .collect()
    }
}

/// Rows that are searched together.
#[derive(Default)]
pub(crate) struct Chunk {
    pub(crate) rows: Vec<f32>,
    pub(crate) ids: Vec<u64>,
    uris: Vec<String>,
    skus: Vec<Option<String>>,
    /// Largest square of the length of a row; infinite where a row holds what is no number.
    largest: f32,
}

impl Chunk {
    pub(crate) fn push(&mut self, named: Row<'_>, at: usize, vectors: &[(&[f32], usize)]) {
        let start = self.rows.len();
        for (all, length) in vectors {
            let vector = &all[at * length..(at + 1) * length];
            self.rows.extend_from_slice(vector);
        }
        let row = &self.rows[start..];
        let square = dot(row, row);
        self.largest = self.largest.max(if square.is_nan() {
            f32::INFINITY
        } else {
            square
        });
        self.ids.push(named.id);
        self.uris.push(named.uri.into());
        self.skus.push(named.sku.map(str::to_string));
    }

    pub(crate) fn row(&self, at: usize) -> Row<'_> {
        Row {
            id: self.ids[at],
            uri: &self.uris[at],
            sku: self.skus[at].as_deref(),
        }
    }

    /// Length of the longest row.
    pub(crate) fn longest(&self) -> f32 {
        self.largest.sqrt()
    }

    /// Keeps the memory.
    pub(crate) fn emptied(mut self) -> Chunk {
        self.rows.clear();
        self.ids.clear();
        self.uris.clear();
        self.skus.clear();
        self.largest = 0.0;
        self
    }
}

impl AsRef<[f32]> for Chunk {
    fn as_ref(&self) -> &[f32] {
        &self.rows
    }
}
