//! What an adapter between a shop's titles and its photos is learned from, and judged by.

use crate::embedding::Vectors;

/// Titles of products with their photos.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Titled {
    /// No two are the same.
    pub titles: Vec<String>,
    /// Every title has one at least.
    pub photos: Vec<TitledPhoto>,
}

/// A photo of a product.
#[derive(Clone, Debug, PartialEq)]
pub struct TitledPhoto {
    /// Place of its title in [`Titled::titles`].
    pub title: usize,
    pub vectors: Vectors,
}

/// How a title that nothing was learned from finds its photos among others of that kind.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldBack {
    /// Place in [`Titled::titles`].
    pub title: usize,
    /// Titles of one part were held back together: what is settled for them is settled by the others.
    pub part: usize,
    /// Where its photos come by its words alone: from 0, ascending.
    pub alone: Vec<usize>,
    /// The same with an adapter, a list for each setting that was tried.
    pub adapted: Vec<Vec<usize>>,
}
