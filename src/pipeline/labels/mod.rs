//! A shop's own labels on the catalogue: the examples that they are learned from, and the tags.
//!
//! - [`gather`]: judgements by SKU, id, URI or file become examples with vectors;
//! - [`relabel`]: the tags of label sets are written into the catalogue, others left as they are.

mod apply;
mod examples;

pub use apply::{Labelled, relabel};
pub use examples::{Gathered, Judged, Who, gather};
