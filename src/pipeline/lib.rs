//! Bounded stages from a source of photos to a catalogue.
//!
//! - [`FolderSource`]: files and folders as a [`Source`](showroom_catalog::seams::Source).
//! - [`FeedSource`]: the products of a shop's feed, with their photos.
//! - [`ingest()`]: list → fetch → decode → encode → tag → write, all at once, each bounded.
//! - [`reindex()`]: every photo of a catalogue encoded again, into another.
//! - [`retag()`]: tags again from what the catalogue keeps, without a pixel.
//! - [`evaluate()`]: a catalogue's answers beside what people said of its photos.
//! - [`labels`]: a shop's own labels, learned from examples and written as tags.
//! - [`web`]: photos at web addresses, fetched without becoming a way into the network.
//! - [`make_assets()`]: files made of every photo of a source: cut-outs, backdrops, renditions.
//! - [`adapt`]: the titles and photos that an adapter is learned from, and whether it helps.
//! - [`dedup()`]: photos that are the same picture, or show the same product.
//!
//! **Architecture invariant**: sources, encoders, taggers and catalogues are known only as traits of
//! `showroom_catalog::seams`. This crate reads no environment and prints nothing.

pub mod adapt;
mod assets;
mod cancel;
mod clock;
mod dedup;
mod evaluate;
mod feed;
mod folder;
mod guard;
mod ingest;
pub mod labels;
mod progress;
mod reindex;
mod retag;
mod rewrite;
mod sources;
pub mod web;

pub use assets::{
    AssetError, AssetEvent, AssetOptions, AssetParts, AssetSummary, FolderSink, PhotoList,
    make_assets,
};
pub use cancel::Cancel;
pub use clock::now_ms;
pub use dedup::{
    DedupError, DedupOptions, DedupProgress, DedupReport, DuplicateGroup, DuplicatePair,
    DuplicatePhoto, Method, dedup,
};
pub use evaluate::{
    BadTruth, Bin, Calibration, Confusion, Estimate, EvaluateError, EvaluateOptions, Evaluation,
    Expected, Question, Resampling, Retrieval, Subject, Table, TagResult, evaluate, read_questions,
    read_truth,
};
pub use feed::{
    Column, CsvTable, FeedSource, JsonTable, Mapping, SHOPIFY, Survey, Unclaimed, is_feed,
};
pub use folder::{FolderSource, SkuFrom};
pub use guard::silence_guarded_panics;
pub use ingest::{IngestError, IngestOptions, Parts, ingest};
pub use progress::{IngestSummary, Progress, Quiet, Snapshot, StageLoad};
pub use reindex::{ReindexParts, ReindexSummary, reindex};
pub use retag::{RetagOptions, RetagSummary, retag};
pub use sources::{Sources, fingerprint};
pub use web::{BadHost, HostPattern, Web, WebPolicy};
