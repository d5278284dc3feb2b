//! The models and the catalogue of a server.

use std::sync::Arc;

use showroom_catalog::manifest::StoreManifest;
use showroom_catalog::seams::Catalogue;
use showroom_store::LanceCatalogue;
use showroom_vision::encoder::ProductEncoder;
use showroom_vision::exact_search::GpuSearch;

use super::device::{Taken, Work, engine, gpu_batch};
use super::words::Words;
use super::{
    CPU_BATCH, GPU_WORKERS, create_or_open, encoder_for, library, manifest_of, open,
    open_for_write, other_model, product_models,
};
use crate::args::{BatchArg, Serve};
use crate::config::Config;
use crate::exit::Failure;

/// The models of photos that a server answers with, loaded once.
pub struct Served {
    pub engine: Taken,
    /// On a CPU one with all threads: a single request is then answered soonest.
    pub encoders: Vec<ProductEncoder>,
    /// Photos that an encoder takes at a time.
    pub batch: usize,
    manifest: StoreManifest,
}

impl Served {
    /// The models of the catalogue that there is. Where there is none, fails unless one is to be made.
    pub fn open(config: &Config, batch: BatchArg, create: bool) -> Result<Served, Failure> {
        if !create {
            // What is wrong with a catalogue is said before models are loaded.
            super::runtime()?.block_on(open(config))?;
        }
        let library = library(config)?;
        let shared = encoder_for(config, None)?;
        let (mut engine, models) = product_models(config, &library, Work::Bulk, shared.as_deref())?;
        let (workers, threads, batch) = match engine.engine().gpu().cloned() {
            Some(gpu) => {
                engine.batch = Some(gpu_batch(config, &models, &gpu, batch)?);
                let threads = (config.threads / GPU_WORKERS).max(1);
                (GPU_WORKERS, threads, models.batch())
            }
            None => match batch {
                BatchArg::Auto => (1, config.threads, CPU_BATCH),
                BatchArg::Photos(photos) => (1, config.threads, photos),
            },
        };
        let encoders = (0..workers).map(|_| Ok(models.worker(threads)?));
        Ok(Served {
            encoders: encoders.collect::<Result<_, Failure>>()?,
            engine,
            batch,
            manifest: manifest_of(&models, shared.as_deref()),
        })
    }

    /// What understands words, for a catalogue of that manifest.
    pub fn words(&self, config: &Config, manifest: &StoreManifest) -> Result<Words, Failure> {
        let engine = engine(config, &library(config)?, Work::Question)?;
        Words::open(config, manifest, &engine)
    }
}

/// The catalogue of a server: its vectors stay in memory, and on the GPU where the server runs on one.
pub async fn open_to_serve(
    config: &Config,
    served: &Served,
    verb: &Serve,
) -> Result<LanceCatalogue, Failure> {
    let catalogue = match (verb.read_only, verb.create) {
        (true, _) => open(config).await?,
        (false, true) => create_or_open(config, &served.manifest).await?,
        (false, false) => open_for_write(config).await?,
    };
    if catalogue.manifest().encoder != served.manifest.encoder {
        return Err(other_model(
            config,
            catalogue.manifest(),
            &served.manifest.encoder,
        ));
    }
    let catalogue = match verb.hot_memory {
        0 => catalogue,
        mebibytes => catalogue.with_hot_rows(u64::from(mebibytes) << 20),
    };
    let catalogue = match served.engine.engine().gpu() {
        Some(gpu) => {
            let search = GpuSearch::new(gpu.clone(), 0, config.device_memory);
            let quiet = config.quiet;
            catalogue.with_exact_search(Arc::new(search), move |failure| {
                if !quiet {
                    eprintln!("{failure}");
                }
            })
        }
        None => catalogue,
    };
    match catalogue.warm().await? {
        Some((_, true)) => config.say("the vectors are kept on the GPU"),
        Some((_, false)) | None if verb.hot_memory == 0 => {}
        Some((_, false)) => config.say("the vectors are kept in memory"),
        None => config.say(format!(
            "the catalogue is searched on disk, which takes many times as long: in memory it takes {} MiB, and \
             --hot-memory is {}; with an index (`showroom index build`) it takes less long",
            catalogue.hot_bytes().await?.div_ceil(1 << 20),
            verb.hot_memory
        )),
    }
    Ok(catalogue)
}
