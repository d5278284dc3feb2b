//! What surrounds the server, opened: what fetches, what makes renditions, what tells others.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use showroom_catalog::seams::Fetch;
use showroom_pipeline::Web;
use showroom_pixels::Limits;
use showroom_server::images::bytes::PhotoBytes;
use showroom_server::images::sign::Signer;
use showroom_server::images::{RenditionConfig, Renditions};
use showroom_server::telemetry::{Telemetry, TelemetryOptions};
use showroom_server::webhooks::Webhooks;
use showroom_store::{Objects, ObjectsConfig, ObjectsCredentials};

use crate::args::surround::{ObjectArgs, SurroundArgs};
use crate::config::Config;
use crate::exit::Failure;

/// Requests that may wait for each rendition that is being made.
const WAITING_PER_WORKER: usize = 32;

/// What the server fetches with, and what it shows and tells.
pub struct Surround {
    pub fetch: Option<Arc<dyn Fetch>>,
    pub objects: Option<Arc<dyn Fetch>>,
    pub renditions: Renditions,
    pub webhooks: Option<Webhooks>,
}

impl Surround {
    /// `limits` are those of a photo.
    pub fn open(config: &Config, args: &SurroundArgs, limits: Limits) -> Result<Surround, Failure> {
        let web = args.fetch.web();
        let fetch = web.clone().map(|web| Arc::new(web) as Arc<dyn Fetch>);
        let objects = objects(&args.s3).map(|objects| Arc::new(objects) as Arc<dyn Fetch>);
        let photos = PhotoBytes {
            web: fetch.clone(),
            objects: objects.clone(),
        };
        Ok(Surround {
            renditions: renditions(config, args, photos, limits)?,
            webhooks: webhooks(args, web)?,
            fetch,
            objects,
        })
    }
}

/// Sends logs to standard error and traces to the collector from here on; to be ended at the end.
pub fn telemetry(args: &SurroundArgs) -> Result<Telemetry, Failure> {
    let options = TelemetryOptions {
        level: args.log.clone(),
        lines: Box::new(|| Box::new(std::io::stderr())),
        traces: args.traces.clone(),
        sampled: args.traces_sampled,
    };
    Telemetry::install(options).map_err(Failure::Usage)
}

fn objects(args: &ObjectArgs) -> Option<Objects> {
    let credentials = ObjectsCredentials {
        access_key: args.s3_access_key.clone()?,
        secret_key: args.s3_secret_key.clone()?,
        session_token: args.s3_session_token.clone(),
    };
    Some(Objects::new(ObjectsConfig {
        endpoint: args.s3_endpoint.clone(),
        region: args.s3_region.clone(),
        path_style: args.s3_endpoint.is_some() && !args.s3_virtual_host,
        credentials: Some(credentials),
        buckets: args.s3_buckets.clone(),
    }))
}

fn webhooks(args: &SurroundArgs, web: Option<Web>) -> Result<Option<Webhooks>, Failure> {
    let (Some(web), Some(secret)) = (web, &args.webhook_secret) else {
        return Ok(None);
    };
    let waits: Vec<Duration> = Webhooks::usual_waits();
    Webhooks::new(Arc::new(web), secret, waits)
        .map(Some)
        .map_err(Failure::Usage)
}

fn renditions(
    config: &Config,
    args: &SurroundArgs,
    photos: PhotoBytes,
    limits: Limits,
) -> Result<Renditions, Failure> {
    // Not in the store, which a server that only reads may not be allowed to write to.
    let folder = config.cache.join("renditions");
    let failed = |what: &PathBuf, error: std::io::Error| {
        Failure::Other(format!("{} cannot be used: {error}", what.display()))
    };
    std::fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
    let key = args
        .image_key
        .clone()
        .unwrap_or_else(|| folder.join("image.key"));
    let signer = Signer::from_file(&key).map_err(|error| failed(&key, error))?;
    Renditions::new(RenditionConfig {
        signer,
        cache: folder.join("made"),
        max_cache_bytes: u64::from(args.image_cache) << 20,
        photos,
        limits,
        workers: config.threads,
        queue: WAITING_PER_WORKER * config.threads,
    })
    .map_err(|error| failed(&folder, error))
}
