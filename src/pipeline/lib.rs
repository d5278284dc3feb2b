//! Bounded stages from a source of photos to a catalogue.
//!
//! - [`FolderSource`]: files and folders as a [`Source`](showroom_catalog::seams::Source).
//! - [`FeedSource`]: the products of a shop's feed, with their photos.
//! - [`ingest()`]: list → fetch → decode → encode → tag → write, all at once, each bounded.
//! - [`retag()`]: tags again from what the catalogue keeps, without a pixel.
//!
//! **Architecture invariant**: sources, encoders, taggers and catalogues are known only as traits of
//! `showroom_catalog::seams`. This crate reads no environment and prints nothing.

mod cancel;
mod clock;
mod feed;
mod folder;
mod guard;
mod ingest;
mod progress;
mod retag;
mod sources;

pub use cancel::Cancel;
pub use feed::{
    Column, CsvTable, FeedSource, JsonTable, Mapping, SHOPIFY, Survey, Unclaimed, is_feed,
};
pub use folder::{FolderSource, SkuFrom};
pub use guard::silence_guarded_panics;
pub use ingest::{IngestError, IngestOptions, Parts, ingest};
pub use progress::{IngestSummary, Progress, Quiet, Snapshot, StageLoad};
pub use retag::{RetagOptions, RetagSummary, retag};
pub use sources::{Sources, fingerprint};
