//! Puts the parts together: which models stand behind the seams, and where the catalogue is.

mod device;
mod serve;
mod text;
mod words;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use showroom_catalog::bands::Bands;
use showroom_catalog::decision::CategoryNode;
use showroom_catalog::embedding::Dimensions;
use showroom_catalog::manifest::{STORE_FORMAT, StoreManifest};
use showroom_catalog::seams::{
    Catalogue, Encoder, Features, Matting, ModelError, StoreError, Tagger, TextEncoder, TextQuery,
};
use showroom_catalog::{Photo, PhotoRef};
use showroom_pixels::{DecodeOptions, decode, photo_id};
use showroom_store::{LanceCatalogue, read_adapter};
use showroom_vision::bands::bands_of;
use showroom_vision::diffusion::{Checkpoint, Diffusion};
use showroom_vision::encoder::{ProductEncoder, ProductModels};
use showroom_vision::engines::device::{DeviceWish, Precision, PrecisionWish};
use showroom_vision::exact_search::GpuSearch;
use showroom_vision::matting::MattingModel;
use showroom_vision::models;
use showroom_vision::sentence::SentenceEncoder;
use showroom_vision::tagging::{ClassTagger, Phrases, TEXT_DIMENSIONS, Taxonomy, Wording};
use showroom_vision::weights::manifest::Task;
use showroom_vision::weights::{Library, PullOptions, WeightsError};
use tokio::runtime::Runtime;

use crate::args::{BatchArg, Part};
use crate::config::Config;
use crate::exit::Failure;
use crate::whole::write_whole;
pub use device::{Taken, Work, engine};
use device::{gpu_batch, take};
pub use serve::{Served, open_to_serve};
pub use text::text_detectors;
use words::Shared;
pub use words::Words;

const EMBEDDING: &str = "efficientnet-lite2";
const MATTE: &str = "u2netp";
const SENTENCES: &str = "all-minilm-l6-v2";
const TAXONOMY: &str = "shopify-taxonomy";
pub const ONNXRUNTIME: &str = "onnxruntime";

/// Folder of the cache with the manifests of models that were added.
const ADDED: &str = "added";

/// Photos that an encoder takes at a time on a CPU, where more bring nothing.
const CPU_BATCH: usize = 4;
/// Encoders that share a GPU: while the batch of one is computed, the other uploads and reads back.
const GPU_WORKERS: usize = 2;

/// Cut-outs that are made at a time, at the most: each takes some hundred megabytes for the model and as
/// much for a large photo.
const MATTING_WORKERS: usize = 4;

/// The models that the verbs need unless told otherwise.
pub const DEFAULT_MODELS: [&str; 5] = [EMBEDDING, MATTE, SENTENCES, TAXONOMY, ONNXRUNTIME];

/// The threads that wait for disk and network; the work itself has threads of its own.
pub fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Other(format!("threads cannot be started: {error}")))
}

pub async fn open(config: &Config) -> Result<LanceCatalogue, StoreError> {
    LanceCatalogue::open_for_read(&config.store).await
}

/// The catalogue, opened to be searched. On a GPU that was asked for, exact searches ask it first; `auto`
/// leaves them to the CPU, which has compared the rows before they have reached a GPU.
pub async fn open_for_search(config: &Config, exact: bool) -> Result<LanceCatalogue, Failure> {
    let catalogue = open(config).await?;
    let taken = engine(config, &library(config)?, Work::Question)?;
    let Some(gpu) = taken.engine().gpu() else {
        return Ok(catalogue);
    };
    if exact {
        config.say(format!("exact search on {}", gpu.adapter));
    }
    let search = GpuSearch::new(gpu.clone(), 0, config.device_memory);
    let quiet = config.quiet;
    Ok(
        catalogue.with_exact_search(Arc::new(search), move |failure| {
            if !quiet {
                eprintln!("{failure}");
            }
        }),
    )
}

/// Rows from which comparing each with each pays on a GPU that nobody asked for by name.
const BULK_SEARCH_FROM_ROWS: usize = 4096;

/// What compares many vectors with many: a GPU, where this run takes one. Says which.
pub fn bulk_search(config: &Config) -> Result<Option<GpuSearch>, Failure> {
    let taken = engine(config, &library(config)?, Work::Bulk)?;
    let Some(gpu) = taken.engine().gpu() else {
        config.say(taken.without_engine());
        return Ok(None);
    };
    config.say(format!("device: {}", gpu.adapter));
    let min_rows = match config.wishes.device {
        DeviceWish::Auto => BULK_SEARCH_FROM_ROWS,
        _ => 0,
    };
    Ok(Some(GpuSearch::new(
        gpu.clone(),
        min_rows,
        config.device_memory,
    )))
}

pub async fn open_for_write(config: &Config) -> Result<LanceCatalogue, StoreError> {
    LanceCatalogue::open_for_write(&config.store).await
}

pub async fn create_or_open(
    config: &Config,
    manifest: &StoreManifest,
) -> Result<LanceCatalogue, StoreError> {
    LanceCatalogue::create_or_open_for_write(&config.store, manifest).await
}

/// The known models over the cache.
pub fn library(config: &Config) -> Result<Library, WeightsError> {
    // What `models add` has put into the cache, where the user names no folder of models.
    let added = config.cache.join(ADDED);
    let models = fs::read_dir(&added).into_iter().flatten().flatten();
    let any = models
        .into_iter()
        .any(|entry| entry.path().join("manifest.toml").is_file());
    let added = any.then_some(added);
    let folders: Vec<PathBuf> = added.into_iter().chain(config.models.clone()).collect();
    Library::new(&folders, &config.cache)
}

/// The folder into which `models add` writes.
pub fn added_models(config: &Config) -> PathBuf {
    config
        .models
        .clone()
        .unwrap_or_else(|| config.cache.join(ADDED))
}

/// How model files are fetched.
pub fn pull_options(config: &Config) -> PullOptions {
    let mut options = PullOptions {
        hub_token: config.hub.token.clone(),
        ..PullOptions::default()
    };
    if let Some(endpoint) = &config.hub.endpoint {
        options.hub_endpoint.clone_from(endpoint);
    }
    options
}

/// The pair of towers that makes the vectors, `None` for the default encoder: the model that is asked
/// for, else the one that the catalogue was made with.
pub fn encoder_for(config: &Config, wanted: Option<&str>) -> Result<Option<String>, Failure> {
    let library = library(config)?;
    match wanted {
        Some(EMBEDDING) => Ok(None),
        Some(name) => {
            library.model(name)?;
            Ok(Some(name.to_string()))
        }
        // Whatever is wrong with a catalogue is told by whoever opens it to use it.
        None => match runtime()?.block_on(open(config)) {
            Ok(catalogue) => shared_model(config, &library, catalogue.manifest()),
            Err(_) => Ok(None),
        },
    }
}

/// The pair of towers that a catalogue was made with; `None` where it was the default encoder.
fn shared_model(
    config: &Config,
    library: &Library,
    manifest: &StoreManifest,
) -> Result<Option<String>, Failure> {
    let name = manifest.encoder.split('@').next().unwrap_or_default();
    match library.model(name) {
        Ok(model) if model.manifest.task == Task::ImageTextEmbedding => {
            let id = models::id(&model.manifest);
            match manifest.encoder.starts_with(&format!("{id}+")) {
                true => Ok(Some(name.to_string())),
                false => Err(other_model(config, manifest, &id)),
            }
        }
        Err(_) if manifest.dimensions.text != TEXT_DIMENSIONS => Err(Failure::Model(format!(
            "the catalogue was made with the model {name}, which is not known here; add it with `showroom \
             models add {name}`, or name its folder with --models DIR"
        ))),
        _ => Ok(None),
    }
}

/// What `ingest` computes with.
pub struct Ingest {
    pub engine: Taken,
    /// On a CPU one a thread: in bulk, workers of one thread each are faster than one of many.
    pub encoders: Vec<ProductEncoder>,
    /// Photos that an encoder takes at a time.
    pub batch: usize,
    pub tagger: Box<dyn Tagger>,
    pub manifest: StoreManifest,
}

impl Ingest {
    pub fn open(config: &Config, batch: BatchArg) -> Result<Ingest, Failure> {
        Ingest::open_with(config, batch, None)
    }

    /// With the vectors of a pair of towers, where one is named; see [`encoder_for`].
    pub fn open_with(
        config: &Config,
        batch: BatchArg,
        shared: Option<&str>,
    ) -> Result<Ingest, Failure> {
        let library = library(config)?;
        let (mut engine, models) = product_models(config, &library, Work::Bulk, shared)?;
        let (workers, threads, batch) = match engine.engine().gpu().cloned() {
            Some(gpu) => {
                engine.batch = Some(gpu_batch(config, &models, &gpu, batch)?);
                (
                    GPU_WORKERS,
                    (config.threads / GPU_WORKERS).max(1),
                    models.batch(),
                )
            }
            None => match batch {
                BatchArg::Auto => (config.threads, 1, CPU_BATCH),
                BatchArg::Photos(photos) => (config.threads, 1, photos),
            },
        };
        let encoders = (0..workers)
            .map(|_| Ok(models.worker(threads)?))
            .collect::<Result<_, Failure>>()?;
        let tagger = reduced_tagger(config, &library, &engine)?;
        let tagger = match shared {
            Some(_) => tagger.in_shared_space(),
            None => tagger,
        };
        Ok(Ingest {
            engine,
            encoders,
            batch,
            tagger: Box::new(tagger),
            manifest: manifest_of(&models, shared),
        })
    }

    /// The encoders as the pipeline takes them.
    pub fn boxed_encoders(encoders: Vec<ProductEncoder>) -> Vec<Box<dyn Encoder>> {
        let boxed = encoders
            .into_iter()
            .map(|encoder| Box::new(encoder) as Box<dyn Encoder>);
        boxed.collect()
    }
}

/// What a catalogue is that these models make.
fn manifest_of(models: &ProductModels, shared: Option<&str>) -> StoreManifest {
    StoreManifest {
        format: STORE_FORMAT,
        encoder: models.id().to_string(),
        dimensions: match shared {
            Some(_) => models.dimensions(),
            None => Dimensions {
                text: TEXT_DIMENSIONS,
                ..models.dimensions()
            },
        },
    }
}

/// The models of photos, on the device that the user wished for. Under `--device auto` a GPU that
/// fails the models' self-check is left, f16 first, and the reason is told.
fn product_models(
    config: &Config,
    library: &Library,
    work: Work,
    shared: Option<&str>,
) -> Result<(Taken, ProductModels), Failure> {
    on_a_device(config, library, work, |taken| {
        let mut models = ProductModels::load(library, EMBEDDING, MATTE, taken.engine())?;
        if config.lacks(Part::Mask) {
            models = models.of_whole_photos();
        }
        match shared {
            Some(shared) => models.with_shared_space(library, shared),
            None => Ok(models),
        }
    })
}

/// What `load` makes on the device that the user wished for, or on the next best as told above.
fn on_a_device<T>(
    config: &Config,
    library: &Library,
    work: Work,
    load: impl Fn(&Taken) -> Result<T, ModelError>,
) -> Result<(Taken, T), Failure> {
    let mut taken = engine(config, library, work)?;
    let mut wishes = config.wishes.clone();
    let mut left = Vec::new();
    loop {
        let error = match load(&taken) {
            Ok(models) => {
                taken.choice.notes.splice(0..0, left);
                return Ok((taken, models));
            }
            Err(error) => error,
        };
        let is_gpu = taken.engine().gpu().is_some();
        if is_gpu
            && taken.engine().precision() == Precision::F16
            && wishes.precision == PrecisionWish::Auto
        {
            wishes.precision = PrecisionWish::F32;
        } else if is_gpu && wishes.device == DeviceWish::Auto {
            wishes.device = DeviceWish::Cpu;
        } else {
            return Err(error.into());
        }
        left.push(error.to_string());
        taken = take(config, library, &wishes)?;
    }
}

/// Every category that a photo may have.
pub fn categories(config: &Config) -> Result<Vec<CategoryNode>, Failure> {
    Ok(taxonomy(&library(config)?)?.categories().collect())
}

/// What finds products for cut-outs: workers that each have a copy of the model, and share the threads.
pub fn matting(
    config: &Config,
    model: &str,
    work: Work,
) -> Result<(Taken, Vec<Box<dyn Matting>>), Failure> {
    let library = library(config)?;
    let load = |taken: &Taken| MattingModel::load(&library, model, taken.engine());
    let (taken, model) = on_a_device(config, &library, work, load)?;
    let workers = match work {
        Work::Question => 1,
        Work::Bulk => config.threads.clamp(1, MATTING_WORKERS),
    };
    let threads = (config.threads / workers).max(1);
    let workers = (0..workers)
        .map(|_| Ok(Box::new(model.worker(threads)?) as Box<dyn Matting>))
        .collect::<Result<_, Failure>>()?;
    Ok((taken, workers))
}

/// Names of the networks that find products for cut-outs.
pub fn matting_models(config: &Config) -> Result<Vec<String>, Failure> {
    let library = library(config)?;
    let all = library.models().iter().map(|model| &model.manifest);
    let matting = all.filter(|manifest| manifest.task == Task::Matte);
    Ok(matting.map(|manifest| manifest.name.clone()).collect())
}

/// An inpainting model, on a GPU where there is one, else on the CPU.
pub fn diffusion(config: &Config, checkpoint: &Checkpoint) -> Result<(Taken, Diffusion), Failure> {
    let taken = engine(config, &library(config)?, Work::Bulk)?;
    let model = Diffusion::open(checkpoint, taken.engine())?;
    Ok((taken, model))
}

fn class_tagger(library: &Library) -> Result<ClassTagger, Failure> {
    Ok(ClassTagger::new(taxonomy(library)?)?)
}

/// The tagger, without the parts that a measurement does without.
fn reduced_tagger(
    config: &Config,
    library: &Library,
    engine: &Taken,
) -> Result<ClassTagger, Failure> {
    let tagger = match config.lacks(Part::Table) {
        true => {
            let sentences =
                SentenceEncoder::open(library, SENTENCES, engine.engine(), config.threads)?;
            ClassTagger::by_names(taxonomy(library)?, &sentences)?
        }
        false => class_tagger(library)?,
    };
    Ok(match config.lacks(Part::Tree) {
        true => tagger.of_likeliest(),
        false => tagger,
    })
}

fn taxonomy(library: &Library) -> Result<Taxonomy, Failure> {
    let path = library.file(TAXONOMY, "taxonomy")?;
    let bytes = fs::read(&path)
        .map_err(|error| Failure::Model(format!("{} cannot be read: {error}", path.display())))?;
    Ok(Taxonomy::from_json(&bytes)?)
}

/// The tagger of a catalogue of that manifest.
pub fn tagger(config: &Config, manifest: &StoreManifest) -> Result<Box<dyn Tagger>, Failure> {
    let library = library(config)?;
    let tagger = class_tagger(&library)?;
    Ok(match shared_model(config, &library, manifest)? {
        Some(_) => Box::new(tagger.in_shared_space()),
        None => Box::new(tagger),
    })
}

/// What understands words, for a catalogue of that manifest.
pub fn text_query(
    config: &Config,
    manifest: &StoreManifest,
) -> Result<Box<dyn TextQuery>, Failure> {
    let engine = engine(config, &library(config)?, Work::Question)?;
    config.say(&engine);
    let words = Words::open(config, manifest, &engine)?;
    // What does not fit is told: searches do without.
    let adapted = read_adapter(&config.store)?.map(|kept| words.with_titles(&kept));
    let adapted = adapted.and_then(|adapted| adapted.map_err(|error| config.say(error)).ok());
    Ok(Box::new(Shared(adapted.unwrap_or_else(|| words.plain()))))
}

/// Reads titles, for a catalogue of that manifest; nothing where its words and photos share a space,
/// which nothing has to lead from one to the other.
pub fn sentences(
    config: &Config,
    manifest: &StoreManifest,
) -> Result<Option<SentenceEncoder>, Failure> {
    let library = library(config)?;
    if shared_model(config, &library, manifest)?.is_some() {
        return Ok(None);
    }
    let engine = engine(config, &library, Work::Question)?;
    let sentences = SentenceEncoder::open(&library, SENTENCES, engine.engine(), config.threads)?;
    Ok(Some(sentences))
}

/// The phrases of the class table as vectors: some seconds of work, so they are kept in the cache.
fn phrases(config: &Config, sentences: &dyn TextEncoder) -> Result<Phrases, Failure> {
    let wording = [
        (Part::Phrases, Wording::Labels),
        (Part::Synonyms, Wording::First),
    ];
    if let Some((_, wording)) = wording.into_iter().find(|(part, _)| config.lacks(*part)) {
        return Ok(Phrases::encode_as(sentences, wording)?);
    }
    let path = config.cache.join("phrases").join(Phrases::key(sentences));
    if let Some(kept) = fs::read(&path)
        .ok()
        .and_then(|bytes| Phrases::from_bytes(&bytes))
    {
        return Ok(kept);
    }
    config.say("encoding the shop's words; done once");
    let phrases = Phrases::encode(sentences)?;
    let kept = fs::create_dir_all(config.cache.join("phrases"))
        .map_err(|error| Failure::write(&path, &error))
        .and_then(|()| {
            write_whole(&path, |out| {
                out.write_all(&phrases.to_bytes())
                    .map_err(|error| Failure::write(&path, &error))
            })
        });
    if let Err(failure) = kept {
        // A cache that takes nothing makes the next search slower, no more.
        config.say(format!("the encoded words are not kept: {failure}"));
    }
    Ok(phrases)
}

/// What encodes a query photo, with all threads, for a catalogue of that manifest.
pub fn query_encoder(
    config: &Config,
    manifest: &StoreManifest,
) -> Result<Box<dyn Encoder>, Failure> {
    let library = library(config)?;
    let shared = shared_model(config, &library, manifest)?;
    let (engine, models) = product_models(config, &library, Work::Question, shared.as_deref())?;
    config.say(&engine);
    if models.id() != manifest.encoder {
        return Err(other_model(config, manifest, models.id()));
    }
    Ok(Box::new(models.worker(config.threads)?))
}

fn other_model(config: &Config, manifest: &StoreManifest, wanted: &str) -> Failure {
    Failure::Store(StoreError::OtherModel {
        at: config.store.display().to_string(),
        found: manifest.encoder.clone(),
        wanted: wanted.to_string(),
    })
}

/// The features of one photo file.
pub fn encode_file(encoder: &mut dyn Encoder, path: &Path) -> Result<Features, Failure> {
    let bad = |reason: String| Failure::BadInput(format!("{}: {reason}", path.display()));
    match encoder.encode(&[decode_file(path)?])?.pop() {
        Some(Ok(features)) => Ok(features),
        Some(Err(reason)) => Err(bad(reason)),
        None => Err(bad("the encoder gave no answer".to_string())),
    }
}

/// One photo file, decoded as `ingest` decodes it unless told otherwise.
pub fn decode_file(path: &Path) -> Result<Photo, Failure> {
    let bad = |reason: String| Failure::BadInput(format!("{}: {reason}", path.display()));
    let options = DecodeOptions::default();
    let max_bytes = options.limits.max_bytes;
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| {
            file.take(max_bytes.saturating_add(1))
                .read_to_end(&mut bytes)
        })
        .map_err(|error| bad(error.to_string()))?;
    let decoded = decode(&bytes, &options).map_err(|error| bad(error.to_string()))?;
    Ok(Photo {
        id: photo_id(&bytes),
        source: PhotoRef {
            uri: path.display().to_string(),
            etag: String::new(),
            bytes: bytes.len() as u64,
            sku: None,
        },
        pixels: decoded.pixels,
        facts: decoded.facts,
    })
}

/// What scores mean in a catalogue of that manifest; `None` where nobody has measured it.
pub fn bands(manifest: &StoreManifest) -> Option<Bands> {
    bands_of(&manifest.encoder)
}
