//! What the user can type after `showroom labels`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

/// Your own labels: learn them from words or example photos, apply them, and decide what is doubtful.
#[derive(Clone, Debug, Subcommand)]
#[command(after_help = "Examples:
  showroom labels learn necklines.txt         # words: one label a line, phrasings after |
  showroom labels learn examples/             # photos in GROUP/LABEL/ folders
  showroom labels learn shop.toml --truth judged.csv
  showroom labels apply
  showroom labels review
  showroom labels decide SKU-123 v-neck reject
  showroom export --where \"label = 'v-neck'\"

A label is `accept`, `review`, or not there: not sure. What was decided by hand always holds.")]
pub enum Labels {
    Learn(Learn),
    Apply(Apply),
    Show(Show),
    Review(Review),
    Decide(Decide),
    Forget(Forget),
}

/// Learn labels and measure how far they can be trusted.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  showroom labels learn examples/             # examples/neckline/v-neck/*.jpg
  showroom labels learn necklines.txt --truth judged.csv
  showroom labels learn shop.toml --accept-precision 0.98 --json

A text file has a label a line, further phrasings after |, and groups as [neckline] lines; of a
group a photo has one label at the most, of [occasion] multi any number. A TOML file says more:

  [[group]]
  name = \"neckline\"
  exclusive = true          # false where a photo may have several
  colour = 0.0              # how much colour counts beside shape, which counts 1
  [[group.label]]
  name = \"v-neck\"
  phrases = [\"v-neck top\", \"plunging neckline\"]
  examples = [\"SKU-1\", \"SKU-2\"]
  not = [\"SKU-9\"]
  folder = \"photos/v-neck\"

A folder has GROUP/LABEL/photo or LABEL/photo in it; a group in which a photo lies in two folders is
one of which a photo may have several. Decisions made with `labels decide` are examples too.")]
pub struct Learn {
    /// A text file, a TOML file, or a folder of examples.
    #[arg(value_name = "SPEC|FOLDER")]
    pub spec: PathBuf,
    /// What the label set is called; by default as the file or folder. Learning under the same name
    /// replaces it.
    #[arg(long, value_name = "NAME", env = "SHOWROOM_LABELS_NAME")]
    pub name: Option<String>,
    /// Judged photos to calibrate with: CSV with the columns sku, label and, optionally, right.
    #[arg(long, value_name = "CSV", env = "SHOWROOM_TRUTH")]
    pub truth: Option<PathBuf>,
    /// Share of accepted photos that must be right, from 0.5 to 1.
    #[arg(long, value_name = "P", env = "SHOWROOM_ACCEPT_PRECISION", default_value_t = 0.95,
          value_parser = precision)]
    pub accept_precision: f32,
    /// File to write instead of keeping the label set with the catalogue.
    #[arg(long, short, value_name = "FILE", env = "SHOWROOM_OUTPUT")]
    pub output: Option<PathBuf>,
}

/// Tag the catalogue with learned labels; tags of others stay, photos are not read again.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  showroom labels apply                # every label set of the catalogue
  showroom labels apply necklines
  showroom labels apply shop.json      # a file of `labels learn -o`, kept from now on

To be run again after photos came in.")]
pub struct Apply {
    /// Label sets, by name or file; none means all that the catalogue has.
    #[arg(value_name = "NAME|FILE")]
    pub sets: Vec<String>,
}

/// Print what was measured when labels were learned: thresholds, precision, reliability.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  showroom labels show\n  showroom labels show necklines --json"
)]
pub struct Show {
    /// Label sets, by name or file; none means all that the catalogue has.
    #[arg(value_name = "NAME|FILE")]
    pub sets: Vec<String>,
}

/// List what a person should look at, the most doubtful first.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  showroom labels review
  showroom labels review --label v-neck --limit 20 --json")]
pub struct Review {
    /// Only this label, by name or id.
    #[arg(long, value_name = "LABEL", env = "SHOWROOM_LABEL")]
    pub label: Option<String>,
    /// Also what the default tagger is not sure of.
    #[arg(long, env = "SHOWROOM_REVIEW_ALL")]
    pub all: bool,
    /// How many at the most.
    #[arg(long, value_name = "N", env = "SHOWROOM_LIMIT", default_value_t = 50,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
}

/// Say that a label is right or wrong. It holds at once and for good: tagging, applying and learning
/// again keep to it.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  showroom labels decide SKU-123 v-neck accept
  showroom labels decide 74cb6ca7 neckline/crew reject

A decision holds for the bytes of a photo. A new picture of the same SKU is judged anew.")]
pub struct Decide {
    /// SKU, id (or its first 8 digits) or URI of photos of the catalogue.
    #[arg(value_name = "SKU|ID")]
    pub key: String,
    /// Name or id of the label.
    #[arg(value_name = "LABEL")]
    pub label: String,
    #[arg(value_enum, value_name = "VERDICT")]
    pub verdict: VerdictArg,
}

/// Remove a label set and its tags. Decisions are kept.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:\n  showroom labels forget necklines")]
pub struct Forget {
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// What a person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerdictArg {
    Accept,
    Reject,
}

fn precision(text: &str) -> Result<f32, String> {
    let precision: f32 = text.parse().map_err(|_| "not a number".to_string())?;
    if (0.5..=1.0).contains(&precision) {
        Ok(precision)
    } else {
        Err("must be between 0.5 and 1".to_string())
    }
}
