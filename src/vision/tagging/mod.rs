//! Class probabilities and measured colours → category, labels and the text vector; words → a query.
//!
//! [`ClassTagger`] says what a photo shows, [`WordQuery`] turns a shopper's words into the vector that the
//! photos' text vectors are compared with. Both read one hand-written table ([`classes`]): what a shop would
//! call each ImageNet class, and where it stands in the product taxonomy.
//!
//! **Architecture invariant**: nothing here knows an engine, a file or a picture. Text is embedded through
//! [`TextEncoder`](showroom_catalog::seams::TextEncoder) alone.

mod category;
mod classes;
mod phrases;
mod query;
mod tagger;
mod taxonomy;
mod text;
mod words;

#[cfg(test)]
mod tests;

pub use phrases::{Phrases, Wording};
pub use query::WordQuery;
pub use tagger::ClassTagger;
pub use taxonomy::Taxonomy;
pub use text::DIMENSIONS as TEXT_DIMENSIONS;
