//! The arguments of `showroom eval`.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::Serialize;

use super::search::colour_weight;

/// Measure how good tags and searches are, on photos of which you say what is right.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  showroom eval photos/ --truth truth.csv --queries queries.csv
  showroom eval fashion-mnist -o results/
  showroom eval --store shop --truth truth.csv --json
  showroom eval photos/ --without mask,table

truth.csv names its columns in its first line: file (the end of the photo's path) and any of item
(photos of one item have the same), label (your word for what it is), category (a path of the
taxonomy, `A > B`; only the top is needed), colour, split. Several right categories or colours have |
between them. queries.csv: query, labels, colours, also_ok, kind; lists with | between them.
Without PHOTOS the catalogue of --store is measured; with it a temporary one is made. A name without a
path is a dataset fetched by datasets/fetch.py.")]
pub struct Eval {
    /// A folder of photos, or the name of a fetched dataset.
    #[arg(value_name = "PHOTOS")]
    pub photos: Option<PathBuf>,
    /// What is right for each photo; by default truth.csv among the photos.
    #[arg(long, value_name = "CSV", env = "SHOWROOM_TRUTH")]
    pub truth: Option<PathBuf>,
    /// What is right for each search by words; by default queries.csv among the photos.
    #[arg(long, value_name = "CSV", env = "SHOWROOM_QUERIES")]
    pub queries: Option<PathBuf>,
    /// Only the photos whose split is this.
    #[arg(long, value_name = "NAME", env = "SHOWROOM_SPLIT")]
    pub split: Option<String>,
    /// Folder for results.json, results.md and manifest.json.
    #[arg(long, short, value_name = "DIR", env = "SHOWROOM_EVAL_OUTPUT")]
    pub output: Option<PathBuf>,
    /// Photos to search with at the most, drawn with the seed.
    #[arg(long, value_name = "N", env = "SHOWROOM_QUESTIONS", default_value_t = 1000,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub questions: u32,
    /// Hits of a search that are looked at; mean average precision ends there.
    #[arg(long, value_name = "N", env = "SHOWROOM_DEPTH", default_value_t = 100,
          value_parser = clap::value_parser!(u16).range(10..=1000))]
    pub depth: u16,
    /// Seed of what is drawn.
    #[arg(long, value_name = "N", env = "SHOWROOM_SEED", default_value_t = 1)]
    pub seed: u64,
    /// How often the photos are drawn anew for the confidence intervals.
    #[arg(long, value_name = "N", env = "SHOWROOM_RESAMPLES", default_value_t = 1000,
          value_parser = clap::value_parser!(u16).range(100..=10_000))]
    pub resamples: u16,
    /// How much colour counts beside shape in searches by photo, as in `search`.
    #[arg(long, value_name = "W", env = "SHOWROOM_COLOUR_WEIGHT", alias = "color-weight",
          default_value_t = crate::search::DEFAULT_COLOUR_WEIGHT, value_parser = colour_weight)]
    pub colour_weight: f32,
    /// Leave out parts of the way from photo to answer, to see what each is worth on these photos.
    #[arg(
        long,
        value_name = "PART,PART",
        env = "SHOWROOM_WITHOUT",
        value_delimiter = ',',
        requires = "photos"
    )]
    pub without: Vec<Part>,
}

/// A part of the way from photo to answer that a measurement can do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Finding the product: the whole photo is encoded, and its colours are those of all pixels.
    Mask,
    /// The table that says where a class stands in the taxonomy: the likest name of a category does.
    Table,
    /// Summing the classes up the taxonomy: the likeliest class says the category.
    Tree,
    /// What shoppers call a class: ImageNet's label does.
    Phrases,
    /// Further phrases of a class: the first does.
    Synonyms,
    /// Words for colours: they are words like any others.
    ColourWords,
}
