//! What feeds, watching, deleting and exports take.

use std::path::PathBuf;

use clap::ValueEnum;

/// How a feed is read.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Options of feeds")]
pub struct FeedArgs {
    /// Folder that the photos' relative paths are in; by default the feed's own.
    #[arg(long, value_name = "DIR", env = "SHOWROOM_IMAGE_ROOT")]
    pub image_root: Option<PathBuf>,
    /// What a column is: sku=COLUMN, title=COLUMN, image=COLUMN,COLUMN, ignore=COLUMN, or
    /// ATTRIBUTE=COLUMN. May be given several times; the rest is guessed from the headings.
    #[arg(
        long,
        value_name = "WHAT=COLUMN",
        env = "SHOWROOM_MAP",
        value_delimiter = '\n'
    )]
    pub map: Vec<String>,
    /// The same as a TOML file: sku, title, image and ignore are lists of columns, [attributes] has
    /// name = "column".
    #[arg(long, value_name = "FILE", env = "SHOWROOM_MAPPING")]
    pub mapping: Option<PathBuf>,
    /// Read the feeds and say what was understood; take nothing in.
    #[arg(long, env = "SHOWROOM_DRY_RUN")]
    pub dry_run: bool,
    /// Delete what came from these folders, or from any feed, and is not in them any more. Nothing is
    /// deleted while a folder or a row of a feed cannot be read.
    #[arg(long, env = "SHOWROOM_DELETE_MISSING")]
    pub delete_missing: bool,
    #[command(flatten)]
    pub fetch: super::fetch::FetchArgs,
}

/// How folders and feeds are kept in step.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "Options of watching")]
pub struct WatchArgs {
    /// Go on until Ctrl-C, and take in whatever changes; what is gone is deleted.
    #[arg(long, env = "SHOWROOM_WATCH", conflicts_with = "dry_run")]
    pub watch: bool,
    /// Seconds between two looks, 0.1 to 3600.
    #[arg(long, value_name = "SECONDS", env = "SHOWROOM_WATCH_EVERY", default_value_t = 2.0,
          value_parser = super::seconds)]
    pub watch_every: f32,
}

/// Format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One JSON object a line and photo.
    Jsonl,
    /// A row a photo: sku, title, image, attributes, and what was measured as showroom_….
    Csv,
    /// The same columns with their types.
    Parquet,
    /// Shopify's product CSV: a product a SKU, a row a photo.
    Shopify,
    /// Google Merchant's TSV: a row a SKU.
    Google,
}

/// Take photos out of the catalogue. The files stay where they are.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("which").required(true).multiple(true).args(["keys", "filter"]),
    after_help = "Examples:
  showroom delete SHOE-1 SHOE-2
  showroom delete /photos/old.jpg
  showroom delete --where \"brand = Acme and price < 5\" --dry-run

A photo that is still in the folder or feed comes back with the next ingest."
)]
pub struct Delete {
    /// SKU (all its photos), URI, or id; of an id the first 8 digits do where they are one photo's.
    #[arg(value_name = "KEY")]
    pub keys: Vec<String>,
    /// All photos for which this holds.
    #[arg(long = "where", value_name = "FILTER", env = "SHOWROOM_WHERE")]
    pub filter: Option<String>,
    /// Say what would be deleted, and delete nothing.
    #[arg(long, env = "SHOWROOM_DRY_RUN")]
    pub dry_run: bool,
}
