//! The catalogue on disk: one Lance table of photos, one of rejects, and what is exported from them.
//!
//! **Architecture invariant**: this is the only crate that names Lance, Arrow or the AWS SDK. Everybody else
//! knows a store as [`showroom_catalog::seams::Catalogue`].

mod accelerator;
mod adapter;
mod assets;
mod attributes;
mod best;
mod candidates;
mod catalogue;
mod chunk;
mod compared;
mod decode;
mod dismissed;
mod diverse;
mod durable;
mod encode;
mod error;
mod etags;
mod export;
mod facets;
mod feed;
mod fuse;
mod generation;
mod hot;
mod index;
mod kept;
mod keys;
mod labels;
mod log;
mod meta;
mod objects;
mod open;
mod per_filter;
mod read;
mod scan;
mod schema;
mod search;
mod sql;
mod tags;
mod terms;
mod titles;
mod verify;
mod write;

pub use adapter::{adapter_path, read_adapter, remove_adapter, write_adapter};
pub use assets::{Assets, add_assets, read_assets};
pub use attributes::AttributeKinds;
pub use dismissed::{Dismissal, Dismissed, add_dismissals, read_dismissed};
pub use export::{
    ExportError, Exported, export_csv, export_google, export_jsonl, export_parquet, export_shopify,
};
pub use feed::ParquetTable;
pub use labels::{
    DecisionFile, append_decisions, is_label_set_name, label_set_path, label_sets, read_decisions,
    read_label_set, remove_label_set, write_label_set,
};
pub use meta::is_being_written;
pub use objects::{Objects, ObjectsConfig, ObjectsCredentials};
pub use open::LanceCatalogue;
pub use showroom_catalog::json::{CategoryJson, HitJson, LabelJson, PhotoJson, WhyJson};

/// Photos from which indices pay; below, comparing with every row is faster, and none are built.
pub const INDEX_FROM_ROWS: usize = 20_000;
