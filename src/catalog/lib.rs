//! The nouns of showroom (photo, record, tag, reject, filter, query) and the seams between its parts.
//!
//! **Architecture invariant**: this crate does no I/O, starts no thread and knows no file format,
//! model or database. Every other crate may use it; it uses none of them.

pub mod adapter;
pub mod answer;
pub mod asked;
pub mod asset;
pub mod bands;
pub mod catch_up;
pub mod decide;
pub mod decision;
pub mod embedding;
pub mod facets;
pub mod feed;
pub mod filter;
pub mod json;
pub mod label;
pub mod manifest;
pub mod pair;
pub mod photo;
pub mod product;
pub mod query;
pub mod record;
pub mod reject;
pub mod seams;
pub mod studio;
pub mod tag;

pub use asset::{Asset, AssetKind, Made, Planned, Recipe};
pub use decision::{Decisions, Verdict};
pub use embedding::{VectorName, Vectors};
pub use filter::Filter;
pub use pair::{Evidence, Overlap, PairKey, PairKind};
pub use photo::{Facts, Format, Photo, PhotoId, PhotoRef, Pixels};
pub use product::{AttributeKind, AttributeValue, Attributes, Product};
pub use query::{Hit, Query, QueryPart};
pub use record::Record;
pub use reject::{Reject, Stage};
pub use tag::{Category, Colour, Decision, Tag};
