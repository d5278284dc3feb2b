//! `showroom serve`: the catalogue as a service.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use showroom_catalog::seams::{Catalogue, ModelError};
use showroom_server::jobs::{ApiJobs, JobOptions, Jobs};
use showroom_server::metrics::Metrics;
use showroom_server::studio::Bench;
use showroom_server::webhooks::Webhooks;
use showroom_server::{
    App, Around, Batching, DeviceMemory, Drain, Limits, ModelCard, Observe, Parts, Uploads, router,
    work,
};
use showroom_store::DecisionFile;
use tokio::net::TcpListener;

use crate::args::serve_studio::{StudioArgs, StudioWhen};
use crate::args::{Serve, ServeLimits};
use crate::config::Config;
use crate::exit::Failure;
use crate::keys::keys;
use crate::models::word;
use crate::reload::Reader;
use crate::studio::served::ServedStudio;
use crate::surround::{self, Surround};
use crate::table::{counted, print, print_json};
use crate::{interrupt, wire};

/// Folder of the store with the photos that come by the API.
const UPLOADS: &str = "uploads";
/// Folder of the store with the jobs.
const JOBS: &str = "jobs";

pub fn run(config: &Config, verb: &Serve) -> Result<(), Failure> {
    let keys = keys(&verb.key, verb.keys.as_deref())?;
    if keys.is_empty() && !verb.listen.ip().is_loopback() {
        return Err(Failure::Usage(format!(
            "{} can be reached from other machines, and there is no key; give --keys FILE or --key, or listen \
             at 127.0.0.1",
            verb.listen
        )));
    }
    let index_name = index_name(config, verb)?;
    let telemetry = surround::telemetry(&verb.surround)?;
    let runtime = wire::runtime()?;
    let stop = interrupt::asked(&runtime)?;
    let served = wire::Served::open(config, verb.limits.batch, verb.create)?;
    config.say(&served.engine);
    let (catalogue, uploads) = runtime.block_on(async {
        let catalogue = wire::open_to_serve(config, &served, verb).await?;
        let photos = catalogue.stats().await?.photos;
        config.say(format!(
            "store: {}, {}",
            config.store.display(),
            counted(photos as u64, "photo")
        ));
        let uploads = match verb.read_only {
            true => None,
            false => Uploads::new(&config.store.join(UPLOADS)),
        };
        Ok::<_, Failure>((catalogue, uploads))
    })?;
    let limits = limits(config, &verb.limits, served.batch);
    let Surround {
        fetch,
        objects,
        renditions,
        webhooks,
    } = Surround::open(config, &verb.surround, limits.decode.limits.clone())?;
    let metrics = Arc::new(Metrics::new());
    let studio = studio(config, &verb.studio, &limits, metrics.clone())?;
    let cards_of = renditions.clone();
    let words = served.words(config, catalogue.manifest())?;
    let reader = Reader::new(config, verb, catalogue.manifest(), words);
    let device_memory = device_memory(&served);
    let parts = Parts {
        bands: wire::bands(catalogue.manifest()),
        learned: reader.read_what_fits(keys),
        reload: Some(Arc::new(reader)),
        tagger: Arc::from(wire::tagger(config, catalogue.manifest())?),
        catalogue: Arc::new(catalogue),
        index_name: index_name.clone(),
        encoders: wire::Ingest::boxed_encoders(served.encoders),
        fetch,
        objects,
        uploads,
        models: cards(config)?,
        decisions: Arc::new(DecisionFile {
            dir: config.store.clone(),
        }),
        categories: wire::categories(config)?,
        pictures: Arc::new(move |record| {
            serde_json::to_value(cards_of.card(record)).unwrap_or_default()
        }),
        limits,
        observe: metrics.clone(),
    };
    let app = App::new(parts)
        .map_err(|error| Failure::Other(format!("a thread cannot be started: {error}")))?;
    let jobs = jobs(config, verb, &app, webhooks)?;
    let around = Around {
        renditions,
        jobs: jobs.clone(),
        metrics,
        device_memory,
        studio,
    };
    let reloading = app.clone();
    interrupt::on_hang_up(&runtime, move || {
        let app = reloading.clone();
        // It says in the log what came of it.
        async move { drop(app.reload().await) }
    })?;
    let done = runtime.block_on(async {
        let workers = jobs.as_ref().map_or_else(Vec::new, Jobs::start);
        let done = serve(config, verb, app, around, stop).await;
        if let Some(jobs) = &jobs {
            // What runs is taken up by the next server.
            jobs.close();
        }
        for worker in workers {
            // A worker that panicked has said so; the server ends all the same.
            let _ = worker.await;
        }
        done
    });
    telemetry.end();
    done
}

/// How much memory the GPU gives, where the server runs on one.
fn device_memory(served: &wire::Served) -> Option<DeviceMemory> {
    let gpu = served.engine.engine().gpu()?.clone();
    Some(Box::new(move || {
        let memory = gpu.memory()?;
        Some((memory.used_bytes, memory.reserved_bytes))
    }))
}

/// What does what designers ask for; none where the server is to do without.
fn studio(
    config: &Config,
    args: &StudioArgs,
    limits: &Limits,
    observe: Arc<dyn Observe>,
) -> Result<Option<Bench>, Failure> {
    if args.studio == StudioWhen::Off {
        return Ok(None);
    }
    let studio = ServedStudio::new(config, &args.studio_model, limits.decode.limits.clone())?;
    if args.studio == StudioWhen::Start {
        studio.load()?;
    }
    Bench::start(Arc::new(studio), args.studio_queue.into(), observe)
        .map(Some)
        .map_err(|error| Failure::Other(format!("a thread cannot be started: {error}")))
}

/// The jobs of the store; none for a server that only reads.
fn jobs(
    config: &Config,
    verb: &Serve,
    app: &App,
    webhooks: Option<Webhooks>,
) -> Result<Option<Jobs>, Failure> {
    if verb.read_only {
        return Ok(None);
    }
    let folder = config.store.join(JOBS);
    let runner = ApiJobs::new(work(app.clone()), &app.index_name);
    let jobs = Jobs::open(&folder, JobOptions::default(), Arc::new(runner), webhooks);
    jobs.map(Some)
        .map_err(|error| Failure::Other(format!("{} cannot be used: {error}", folder.display())))
}

async fn serve(
    config: &Config,
    verb: &Serve,
    app: App,
    around: Around,
    stop: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let failed = |error: io::Error| {
        let address = verb.listen;
        Failure::Other(format!(
            "{address} cannot be listened at: {error}; choose another with --listen"
        ))
    };
    let listener = TcpListener::bind(verb.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let index = app.index_name.clone();
    match config.json {
        true => print_json(
            &serde_json::json!({ "address": format!("http://{address}"), "index": index }),
        )?,
        false => print(format!(
            "listening at http://{address}, index {index}, see http://{address}/docs"
        ))?,
    }
    let warming = app.clone();
    let warmed = tokio::spawn(async move { warming.warm_up().await });
    if !verb.read_only {
        let behind = app.clone();
        tokio::spawn(async move { behind.catch_up().await });
    }
    let service = showroom_server::serve(listener, router(app.clone(), around), app, stop);
    let mut service = std::pin::pin!(service);
    let cut = tokio::select! {
        cut = &mut service => cut,
        Ok(Err(error)) = warmed => {
            // A server that can never answer is no server.
            return Err(ModelError::Failed(format!("a first question failed: {}", error.message)).into());
        }
    };
    match cut.map_err(failed)? {
        0 => config.say("stopped; every request that was accepted has its answer"),
        cut => config.say(format!(
            "stopped; {} took longer than --drain-timeout and got no answer",
            counted(cut as u64, "connection")
        )),
    }
    Ok(())
}

fn index_name(config: &Config, verb: &Serve) -> Result<String, Failure> {
    let folder = || {
        config
            .store
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
    };
    let name = verb.index_name.clone().or_else(folder).unwrap_or_default();
    let is_plain = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    match (1..=100).contains(&name.chars().count()) && name.chars().all(is_plain) {
        true => Ok(name),
        false => Err(Failure::Usage(format!(
            "{name:?} cannot be the name of an index: it has letters, digits, - _ and . only; give another with \
             --index-name"
        ))),
    }
}

fn limits(config: &Config, asked: &ServeLimits, batch: usize) -> Limits {
    let mut limits = Limits {
        body_bytes: usize::try_from(asked.max_body).unwrap_or(usize::MAX),
        all_bodies_bytes: (asked.body_memory as usize).saturating_mul(1 << 20),
        queue: asked.queue.into(),
        workers: match asked.workers {
            0 => config.threads,
            workers => workers.into(),
        },
        connections: asked.connections.into(),
        header_timeout: asked.header_timeout,
        request_timeout: asked.request_timeout,
        batching: Batching {
            most: batch,
            wait: Duration::from_millis(asked.batch_wait.into()),
        },
        drain: Drain {
            notice: asked.drain_notice,
            patience: asked.drain_timeout,
        },
        ..Limits::default()
    };
    limits.decode.limits.max_bytes = asked.max_bytes;
    limits.decode.limits.max_pixels = asked.max_pixels;
    limits
}

/// What `showroom models` knows, for `/v1/models`.
fn cards(config: &Config) -> Result<Vec<ModelCard>, Failure> {
    let library = wire::library(config)?;
    let cards = library.list().into_iter().map(|listing| {
        let card = library.model(&listing.name)?.card.clone();
        let task = serde_json::to_value(listing.task).unwrap_or_default();
        Ok(ModelCard {
            task: task.as_str().unwrap_or_default().to_string(),
            id: listing.name,
            summary: listing.summary,
            licence: listing.licence,
            bytes: listing.bytes,
            state: word(listing.state).to_string(),
            card,
        })
    });
    cards.collect()
}
