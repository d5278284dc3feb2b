//! Puts the parts together: which models stand behind the seams, and where the catalogue is.

use std::fmt;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use showroom_catalog::embedding::Dimensions;
use showroom_catalog::manifest::{STORE_FORMAT, StoreManifest};
use showroom_catalog::seams::{Encoder, Features, StoreError, Tagger, TextEncoder, TextQuery};
use showroom_catalog::{Photo, PhotoRef};
use showroom_pixels::{DecodeOptions, decode, photo_id};
use showroom_store::LanceCatalogue;
use showroom_vision::encoder::ProductModels;
use showroom_vision::engines::{EngineChoice, EngineWish};
use showroom_vision::sentence::SentenceEncoder;
use showroom_vision::tagging::{ClassTagger, Phrases, TEXT_DIMENSIONS, Taxonomy, WordQuery};
use showroom_vision::weights::{Library, WeightsError};
use tokio::runtime::Runtime;

use crate::args::EngineArg;
use crate::config::Config;
use crate::exit::Failure;
use crate::whole::write_whole;

const EMBEDDING: &str = "efficientnet-lite2";
const MATTE: &str = "u2netp";
const SENTENCES: &str = "all-minilm-l6-v2";
const TAXONOMY: &str = "shopify-taxonomy";
pub const ONNXRUNTIME: &str = "onnxruntime";

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
    Library::new(config.models.as_slice(), &config.cache)
}

/// The engine that this run takes; prints as the first line of a run.
pub struct Taken {
    choice: EngineChoice,
    threads: usize,
}

impl Taken {
    pub fn name(&self) -> &'static str {
        self.choice.engine.name()
    }

    /// What would make it faster, where something would.
    pub fn note(&self) -> Option<&str> {
        self.choice.note.as_deref()
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.threads == 1 { "" } else { "s" };
        write!(
            f,
            "engine: {}, {} thread{plural}",
            self.choice.engine.name(),
            self.threads
        )?;
        match &self.choice.note {
            Some(note) => write!(f, " ({note})"),
            None => Ok(()),
        }
    }
}

pub fn engine(config: &Config, library: &Library) -> Result<Taken, Failure> {
    let wish = match config.engine {
        EngineArg::Auto => EngineWish::Auto,
        EngineArg::Onnxruntime => EngineWish::OnnxRuntime,
        EngineArg::Burn => EngineWish::Burn,
    };
    let path = match library.file(ONNXRUNTIME, "library") {
        Ok(path) => Some(path),
        // A library that is there and must not be loaded is no reason to go on quietly.
        Err(error @ WeightsError::WrongBytes { .. }) => return Err(error.into()),
        Err(_) => None,
    };
    Ok(Taken {
        choice: EngineChoice::new(wish, path.as_deref())?,
        threads: config.threads,
    })
}

/// What `ingest` computes with.
pub struct Ingest {
    pub engine: Taken,
    /// One a thread: in bulk, workers of one thread each are faster than one of many.
    pub encoders: Vec<Box<dyn Encoder>>,
    pub tagger: Box<dyn Tagger>,
    pub manifest: StoreManifest,
}

impl Ingest {
    pub fn open(config: &Config) -> Result<Ingest, Failure> {
        let library = library(config)?;
        let engine = engine(config, &library)?;
        let models = product_models(&library, &engine)?;
        let encoders = (0..config.threads)
            .map(|_| Ok(Box::new(models.worker(1)?) as Box<dyn Encoder>))
            .collect::<Result<_, Failure>>()?;
        let tagger = class_tagger(&library)?;
        let manifest = StoreManifest {
            format: STORE_FORMAT,
            encoder: models.id().to_string(),
            dimensions: Dimensions {
                text: TEXT_DIMENSIONS,
                ..models.dimensions()
            },
        };
        Ok(Ingest {
            engine,
            encoders,
            tagger: Box::new(tagger),
            manifest,
        })
    }
}

fn product_models(library: &Library, engine: &Taken) -> Result<ProductModels, Failure> {
    Ok(ProductModels::load(
        library,
        EMBEDDING,
        MATTE,
        &engine.choice.engine,
    )?)
}

fn class_tagger(library: &Library) -> Result<ClassTagger, Failure> {
    let path = library.file(TAXONOMY, "taxonomy")?;
    let bytes = fs::read(&path)
        .map_err(|error| Failure::Model(format!("{} cannot be read: {error}", path.display())))?;
    Ok(ClassTagger::new(Taxonomy::from_json(&bytes)?)?)
}

pub fn tagger(config: &Config) -> Result<Box<dyn Tagger>, Failure> {
    Ok(Box::new(class_tagger(&library(config)?)?))
}

/// What understands words, for a catalogue of that manifest.
pub fn text_query(
    config: &Config,
    manifest: &StoreManifest,
) -> Result<Box<dyn TextQuery>, Failure> {
    if manifest.dimensions.text != TEXT_DIMENSIONS {
        return Err(other_model(config, manifest, "another tagger"));
    }
    let library = library(config)?;
    let engine = engine(config, &library)?;
    let sentences =
        SentenceEncoder::open(&library, SENTENCES, &engine.choice.engine, config.threads)?;
    let phrases = phrases(config, &sentences)?;
    Ok(Box::new(WordQuery::new(Arc::new(sentences), phrases)))
}

/// The phrases of the class table as vectors: some seconds of work, so they are kept in the cache.
fn phrases(config: &Config, sentences: &dyn TextEncoder) -> Result<Phrases, Failure> {
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
    let engine = engine(config, &library)?;
    let models = product_models(&library, &engine)?;
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
    let photo = Photo {
        id: photo_id(&bytes),
        source: PhotoRef {
            uri: path.display().to_string(),
            etag: String::new(),
            bytes: bytes.len() as u64,
            sku: None,
        },
        pixels: decoded.pixels,
        facts: decoded.facts,
    };
    match encoder.encode(&[photo])?.pop() {
        Some(Ok(features)) => Ok(features),
        Some(Err(reason)) => Err(bad(reason)),
        None => Err(bad("the encoder gave no answer".to_string())),
    }
}
