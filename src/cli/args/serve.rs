//! What `serve` takes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::BatchArg;

/// Answer searches over HTTP: Marqo's and OpenAI's shapes, an OpenAPI contract at /openapi.json, and /docs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  showroom serve --store shop
  showroom serve --listen 0.0.0.0:8080 --keys keys.toml
  SHOWROOM_KEY=read:… showroom serve --listen 0.0.0.0:8080 --read-only
  showroom serve --store new --create
  curl -d '{\"q\": \"red shoes\"}' -H 'content-type: application/json' localhost:8080/indexes/shop/search
  curl -F image=@photo.jpg -F q='but in blue' localhost:8080/indexes/shop/search

keys.toml has an entry for each key: [[key]] name = \"page\", scope = \"read\" (read, write or admin), and
key = \"…\" or sha256 = \"…\". Without keys everybody on this machine may do everything, and nobody else
anything. SIGTERM or Ctrl-C: /ready says no, then no connection is accepted, and requests that were are
answered. SIGHUP, or POST /v1/reload with a key of scope admin: label sets, what titles taught and the keys
are read again.")]
pub struct Serve {
    /// Address and port to listen at; port 0 takes a free one. Others than loopback take a key.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "SHOWROOM_LISTEN",
        default_value = "127.0.0.1:8080"
    )]
    pub listen: SocketAddr,
    /// File of keys, in TOML.
    #[arg(long, value_name = "FILE", env = "SHOWROOM_KEYS")]
    pub keys: Option<PathBuf>,
    /// A key, read:KEY, write:KEY or admin:KEY, of 16 characters or more; may be given several times. Better in
    /// the environment, as others on the machine see a command line.
    #[arg(
        long,
        value_name = "SCOPE:KEY",
        env = "SHOWROOM_KEY",
        hide_env_values = true
    )]
    pub key: Vec<String>,
    /// Answer questions, take nothing in. Another process may then write to the catalogue meanwhile.
    #[arg(long, env = "SHOWROOM_READ_ONLY")]
    pub read_only: bool,
    /// Make an empty catalogue where there is none.
    #[arg(long, env = "SHOWROOM_CREATE", conflicts_with = "read_only")]
    pub create: bool,
    /// What the API calls the index; by default the name of the store's folder.
    #[arg(long, value_name = "NAME", env = "SHOWROOM_INDEX_NAME")]
    pub index_name: Option<String>,
    /// Memory for the vectors of the catalogue, in MiB: a catalogue that takes more is searched on disk. 0 keeps none.
    #[arg(long, value_name = "MIB", env = "SHOWROOM_HOT_MEMORY", default_value_t = 2048,
          value_parser = clap::value_parser!(u32).range(0..=(1 << 24)))]
    pub hot_memory: u32,
    #[command(flatten)]
    pub limits: ServeLimits,
    #[command(flatten)]
    pub surround: super::surround::SurroundArgs,
    #[command(flatten)]
    pub studio: super::serve_studio::StudioArgs,
}

/// Bounds of the server.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub struct ServeLimits {
    /// Photos that go through the encoder together, at the most: 1 to 256; auto takes 4 on a CPU and measures what
    /// is best on a GPU, once.
    #[arg(long, value_name = "N", env = "SHOWROOM_BATCH", default_value = "auto")]
    pub batch: BatchArg,
    /// How long the first photo of a batch waits for others, in milliseconds; 0 takes only what is there.
    #[arg(long, value_name = "MS", env = "SHOWROOM_BATCH_WAIT", default_value_t = 2,
          value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub batch_wait: u16,
    /// Requests that may wait or be worked on; more are turned away with 429.
    #[arg(long, value_name = "N", env = "SHOWROOM_QUEUE", default_value_t = 64,
          value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub queue: u16,
    /// Searches, decodings and sentences that are worked on at once; 0 takes one a thread.
    #[arg(long, value_name = "N", env = "SHOWROOM_WORKERS", default_value_t = 0,
          value_parser = clap::value_parser!(u16).range(0..=1024))]
    pub workers: u16,
    /// Connections that are open at once.
    #[arg(long, value_name = "N", env = "SHOWROOM_CONNECTIONS", default_value_t = 1024,
          value_parser = clap::value_parser!(u16).range(1..=60_000))]
    pub connections: u16,
    /// Largest body of a request, in bytes.
    #[arg(long, value_name = "BYTES", env = "SHOWROOM_MAX_BODY", default_value_t = 32 << 20,
          value_parser = clap::value_parser!(u64).range(1024..=(1 << 30)))]
    pub max_body: u64,
    /// Memory for the bodies of all requests together, in MiB.
    #[arg(long, value_name = "MIB", env = "SHOWROOM_BODY_MEMORY", default_value_t = 512,
          value_parser = clap::value_parser!(u32).range(1..=(1 << 20)))]
    pub body_memory: u32,
    /// Largest photo that is read, in bytes.
    #[arg(long, value_name = "BYTES", env = "SHOWROOM_MAX_BYTES", default_value_t = 32 << 20,
          value_parser = clap::value_parser!(u64).range(1..=(1 << 30)))]
    pub max_bytes: u64,
    /// Largest photo that is decoded, in pixels.
    #[arg(long, value_name = "PIXELS", env = "SHOWROOM_MAX_PIXELS", default_value_t = 50_000_000,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub max_pixels: u64,
    /// From a request's header to its answer, in seconds.
    #[arg(long, value_name = "SECONDS", env = "SHOWROOM_REQUEST_TIMEOUT", default_value = "30",
          value_parser = seconds)]
    pub request_timeout: Duration,
    /// For a request's header to come, in seconds; also how long a connection may be idle.
    #[arg(long, value_name = "SECONDS", env = "SHOWROOM_HEADER_TIMEOUT", default_value = "10",
          value_parser = seconds)]
    pub header_timeout: Duration,
    /// Between the moment that /ready says no and that at which no connection is accepted, in seconds: as long as
    /// a load balancer takes to notice.
    #[arg(long, value_name = "SECONDS", env = "SHOWROOM_DRAIN_NOTICE", default_value = "0.5",
          value_parser = seconds)]
    pub drain_notice: Duration,
    /// How long requests that were accepted may take before the server ends without them, in seconds.
    #[arg(long, value_name = "SECONDS", env = "SHOWROOM_DRAIN_TIMEOUT", default_value = "30",
          value_parser = seconds)]
    pub drain_timeout: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f32 = text.parse().map_err(|_| "not a number".to_string())?;
    if (0.0..=3600.0).contains(&seconds) {
        Ok(Duration::from_secs_f32(seconds))
    } else {
        Err("must be between 0 and 3600".to_string())
    }
}
