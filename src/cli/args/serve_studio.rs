//! How the server does what designers ask of it.

use clap::ValueEnum;

/// Cut-outs, backdrops and checks by the API and on the page.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Studio")]
pub struct StudioArgs {
    /// When the network that cuts out is loaded: it takes some hundred megabytes.
    #[arg(long, value_enum, env = "SHOWROOM_STUDIO", default_value = "first-use")]
    pub studio: StudioWhen,
    /// The network that cuts out where a request names none: u2net, or u2netp, which is small, quick and coarse.
    #[arg(
        long,
        value_name = "NAME",
        env = "SHOWROOM_STUDIO_MODEL",
        default_value = "u2net"
    )]
    pub studio_model: String,
    /// Photos that may wait for the studio, which takes one at a time; more are turned away with 429.
    #[arg(long, value_name = "N", env = "SHOWROOM_STUDIO_QUEUE", default_value_t = 8,
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub studio_queue: u16,
}

/// When the studio's network is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StudioWhen {
    /// When somebody first asks for something.
    FirstUse,
    /// Before the server is ready.
    Start,
    /// Never: there is no studio.
    Off,
}
