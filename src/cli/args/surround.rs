//! What surrounds the server: addresses, objects, renditions, webhooks, logs.

use std::path::PathBuf;

use super::fetch::FetchArgs;

/// How the server reaches others, and what it tells them.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Around the server")]
pub struct SurroundArgs {
    #[command(flatten)]
    pub fetch: FetchArgs,
    #[command(flatten)]
    pub s3: ObjectArgs,
    /// Memory on disk for renditions of photos, in MiB.
    #[arg(long, value_name = "MIB", env = "SHOWROOM_IMAGE_CACHE", default_value_t = 1024,
          value_parser = clap::value_parser!(u32).range(1..=(1 << 24)))]
    pub image_cache: u32,
    /// File with the 32 bytes that sign the addresses of renditions; made where there is none. Servers behind
    /// one name need the same; by default it is in the cache folder.
    #[arg(long, value_name = "FILE", env = "SHOWROOM_IMAGE_KEY")]
    pub image_key: Option<PathBuf>,
    /// What signs webhooks: whsec_ and base64 of 24 to 64 bytes; without it none are sent. Better in the
    /// environment, as others on the machine see a command line.
    #[arg(
        long,
        value_name = "SECRET",
        env = "SHOWROOM_WEBHOOK_SECRET",
        hide_env_values = true
    )]
    pub webhook_secret: Option<String>,
    /// What is logged on standard error, a line of JSON each: off, error, warn, info, debug, trace.
    #[arg(
        long,
        value_name = "LEVEL",
        env = "SHOWROOM_LOG",
        default_value = "info"
    )]
    pub log: String,
    /// Collector of traces (OTLP over HTTP), http://HOST:4318/v1/traces; without it none are sent.
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")]
    pub traces: Option<String>,
    /// Share of requests that are traced, 0 to 1, where the client has not decided.
    #[arg(
        long,
        value_name = "SHARE",
        env = "SHOWROOM_TRACES_SAMPLED",
        default_value_t = 1.0
    )]
    pub traces_sampled: f64,
}

/// Where objects (`s3://…`) are and who asks for them. Without a key none are read.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Objects (S3)")]
pub struct ObjectArgs {
    /// Address of a service that speaks S3; AWS itself where there is none.
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL")]
    pub s3_endpoint: Option<String>,
    /// Region.
    #[arg(long, value_name = "REGION", env = "AWS_REGION")]
    pub s3_region: Option<String>,
    /// Bucket in the host's name, as AWS wants it also where an endpoint is named.
    #[arg(long, env = "SHOWROOM_S3_VIRTUAL_HOST")]
    pub s3_virtual_host: bool,
    /// Read only from these buckets.
    #[arg(
        long,
        value_name = "BUCKET,BUCKET",
        env = "SHOWROOM_S3_BUCKETS",
        value_delimiter = ','
    )]
    pub s3_buckets: Vec<String>,
    /// Key of the service.
    #[arg(
        long,
        value_name = "KEY",
        env = "AWS_ACCESS_KEY_ID",
        hide_env_values = true
    )]
    pub s3_access_key: Option<String>,
    /// Its secret. Better in the environment, as others on the machine see a command line.
    #[arg(
        long,
        value_name = "SECRET",
        env = "AWS_SECRET_ACCESS_KEY",
        hide_env_values = true
    )]
    pub s3_secret_key: Option<String>,
    /// Token of a key that is only lent.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "AWS_SESSION_TOKEN",
        hide_env_values = true
    )]
    pub s3_session_token: Option<String>,
}
