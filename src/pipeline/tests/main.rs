//! The pipeline on real files, with a catalogue in memory and models that are made up.

mod assets;
mod dedup;
mod evaluate;
mod fakes;
mod feed;
mod folder;
mod ingest;
mod ingest_bounds;
mod ingest_failures;
mod labels;
mod reindex;
mod retag;
