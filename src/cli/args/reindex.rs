//! What `reindex` and `models add` take.

use std::path::PathBuf;

use super::BatchArg;

/// Encode every photo of the catalogue again with another model, beside the old vectors, and switch
/// over when all is done.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  showroom reindex --encoder clip-b32
  showroom reindex --encoder efficientnet-lite2

Searches go on meanwhile and see the old vectors until the last photo is done, then the new ones.
Categories, labels and decisions stay. Ctrl-C keeps what was done; the same command goes on from there.
A photo that cannot be read any more is listed by `showroom rejects`. The old vectors stay on the disk
until `showroom index compact`.")]
pub struct Reindex {
    /// The model that makes the vectors: the default, efficientnet-lite2, or one that was added with
    /// `showroom models add`.
    #[arg(
        long,
        visible_alias = "model",
        value_name = "NAME",
        env = "SHOWROOM_ENCODER"
    )]
    pub encoder: String,
    /// Switch over also where more than half of the photos could not be read.
    #[arg(long, env = "SHOWROOM_FORCE")]
    pub force: bool,
    /// Photos that a worker encodes at a time, 1 to 256; auto as in `ingest`.
    #[arg(long, value_name = "N", env = "SHOWROOM_BATCH", default_value = "auto")]
    pub batch: BatchArg,
    #[command(flatten)]
    pub fetch: super::fetch::FetchArgs,
}

/// Add a CLIP or SigLIP2 checkpoint, for `ingest --encoder NAME` and `reindex --encoder NAME`.
#[derive(Clone, Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("from").required(true).args(["hub", "path"]),
    after_help = "Examples:
  showroom models add clip-b32 --path downloads/clip-vit-base-patch32
  showroom models add clip-b32 --hub openai/clip-vit-base-patch32
  showroom models add siglip2 --hub google/siglip2-base-patch16-224 --revision main

It needs config.json, preprocessor_config.json, tokenizer.json and model.safetensors. The manifest and a
card go into --models DIR, or into the cache. Read the card's line about the licence."
)]
pub struct Add {
    /// What to call it: a-z, 0-9, - and .
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Repository of the model hub.
    #[arg(long, value_name = "OWNER/NAME", env = "SHOWROOM_HUB")]
    pub hub: Option<String>,
    /// A folder that has the files.
    #[arg(long, value_name = "DIR", env = "SHOWROOM_PATH")]
    pub path: Option<PathBuf>,
    /// Branch, tag or commit of the repository; a commit never changes.
    #[arg(
        long,
        value_name = "REVISION",
        env = "SHOWROOM_REVISION",
        default_value = "main"
    )]
    pub revision: String,
}
