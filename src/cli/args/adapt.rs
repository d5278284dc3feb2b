//! What `showroom adapt` takes.

/// Learn from the titles of the shop's products what they look like, so that words find more: also photos
/// without a title, and what no title says in these words.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  showroom adapt                # learn, measure, and use it where it helps
  showroom adapt --dry-run      # only learn and measure
  showroom adapt --forget       # search without it again

Titles come with a feed: showroom ingest feed.csv. Every title is held back once, and the adapter is used
only where it finds the photos of such titles better than the words alone do, beyond doubt. `search --text`
then uses it by itself. To be run again after many products came in, and after `reindex`.")]
pub struct Adapt {
    /// Learn and measure, but keep nothing.
    #[arg(long, env = "SHOWROOM_DRY_RUN", conflicts_with = "forget")]
    pub dry_run: bool,
    /// Remove the adapter.
    #[arg(long)]
    pub forget: bool,
    /// Seed of the confidence intervals.
    #[arg(
        long,
        value_name = "N",
        env = "SHOWROOM_SEED",
        default_value_t = 1,
        conflicts_with = "forget"
    )]
    pub seed: u64,
}
