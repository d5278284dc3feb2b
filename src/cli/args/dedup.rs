//! Arguments of `showroom dedup`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use showroom_catalog::PairKind;

/// Find copies, near-copies, other views and other colours of the same product.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  showroom dedup
  showroom dedup --kind exact,near -o pairs.csv
  showroom dedup --where 'category = Shoes' --json | jq '.groups'
  showroom dedup dismiss SHOE-1 SHOE-2
  showroom dedup --dismiss pairs.csv

Each pair comes with the reason and its numbers. Nothing is removed. Pairs that are dismissed stay
so, for as long as the bytes of both photos are the same; `dedup restore A B` takes it back."
)]
pub struct Dedup {
    #[command(subcommand)]
    pub act: Option<DedupAct>,
    /// Which kinds of pairs.
    #[arg(long = "kind", value_enum, value_delimiter = ',', value_name = "KIND",
          env = "SHOWROOM_KIND", default_values_t = KindArg::value_variants().to_vec())]
    pub kinds: Vec<KindArg>,
    /// Only among photos for which this holds.
    #[arg(long = "where", value_name = "FILTER", env = "SHOWROOM_WHERE")]
    pub filter: Option<String>,
    /// File to write the pairs to, as CSV; - is standard output.
    #[arg(long, short, value_name = "FILE", env = "SHOWROOM_OUTPUT")]
    pub output: Option<PathBuf>,
    /// Photos that are read again to lay pictures over one another, at the most; 0 goes by the hash
    /// and the vectors alone.
    #[arg(long, value_name = "N", env = "SHOWROOM_READ_PHOTOS", default_value_t = 20_000,
          value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub read_photos: u32,
    /// Dismiss every pair of this file: CSV with the columns a_uri and b_uri, as -o writes it, less
    /// the lines that are to stay.
    #[arg(long, value_name = "FILE", env = "SHOWROOM_DISMISS",
          conflicts_with_all = ["output", "filter"])]
    pub dismiss: Option<PathBuf>,
}

/// What else can be done with pairs.
#[derive(Debug, Subcommand)]
pub enum DedupAct {
    /// Say that two photos are no pair; each a URI, an id, or a SKU with one photo.
    #[command(
        after_help = "Example:\n  showroom dedup dismiss photos/mug-blue.jpg photos/mug-navy.jpg"
    )]
    Dismiss {
        #[arg(value_name = "A")]
        a: String,
        #[arg(value_name = "B")]
        b: String,
    },
    /// Take back that two photos are no pair.
    #[command(after_help = "Example:\n  showroom dedup restore SHOE-1 SHOE-2")]
    Restore {
        #[arg(value_name = "A")]
        a: String,
        #[arg(value_name = "B")]
        b: String,
    },
}

/// A kind of pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KindArg {
    /// The same bytes.
    Exact,
    /// The same picture: resized, compressed again, cropped, framed, mirrored.
    Near,
    /// The same product in another photo.
    View,
    /// The same product in another colour.
    #[value(alias = "color")]
    Colour,
}

impl From<KindArg> for PairKind {
    fn from(kind: KindArg) -> PairKind {
        match kind {
            KindArg::Exact => PairKind::Exact,
            KindArg::Near => PairKind::Near,
            KindArg::View => PairKind::View,
            KindArg::Colour => PairKind::Colour,
        }
    }
}
