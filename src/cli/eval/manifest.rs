//! What another machine needs to repeat a run, and to see that it is the same.

use serde::Serialize;
use showroom_catalog::seams::Catalogue;
use showroom_pipeline::{EvaluateOptions, Evaluation};
use showroom_store::read_adapter;

use super::Asked;
use crate::args::{Eval, Part};
use crate::config::Config;
use crate::exit::Failure;
use crate::wire;

/// The run's identity: two runs with the same manifest give the same numbers, within the rounding of
/// their devices.
#[derive(Clone, Debug, Serialize)]
pub struct RunManifest {
    pub showroom: &'static str,
    /// Id of the encoder whose vectors were searched.
    pub encoder: String,
    pub taggers: Vec<String>,
    pub models: Vec<Weights>,
    /// BLAKE3 of the catalogue's adapter, hex, where it has one.
    pub adapter_blake3: Option<String>,
    pub parameters: Parameters,
    pub data: Data,
    /// The device that was asked for, and the machine's kind.
    pub device: String,
    pub machine: String,
}

/// The files of a model by their hashes.
#[derive(Clone, Debug, Serialize)]
pub struct Weights {
    pub name: String,
    pub files: Vec<WeightsFile>,
}

#[derive(Clone, Debug, Serialize)]
pub struct WeightsFile {
    pub name: String,
    pub sha256: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Parameters {
    pub colour_weight: f32,
    pub without: Vec<Part>,
    #[serde(flatten)]
    pub options: EvaluateOptions,
}

/// What was measured on. Hashes are BLAKE3, hex.
#[derive(Clone, Debug, Serialize)]
pub struct Data {
    pub photos: usize,
    /// Over names and contents.
    pub photos_blake3: String,
    pub truth_blake3: String,
    pub questions_blake3: Option<String>,
}

impl RunManifest {
    pub fn of(
        config: &Config,
        verb: &Eval,
        catalogue: &dyn Catalogue,
        results: &Evaluation,
        asked: &Asked,
    ) -> Result<RunManifest, Failure> {
        Ok(RunManifest {
            showroom: env!("CARGO_PKG_VERSION"),
            encoder: catalogue.manifest().encoder.clone(),
            taggers: results.taggers.clone(),
            models: weights(config)?,
            adapter_blake3: read_adapter(&config.store)?
                .map(|bytes| showroom_pixels::photo_id(&bytes).to_string()),
            parameters: Parameters {
                colour_weight: verb.colour_weight,
                without: verb.without.clone(),
                options: asked.options.clone(),
            },
            data: Data {
                photos: results.photos,
                photos_blake3: results.photos_hash.clone(),
                truth_blake3: asked.truth.hash.clone(),
                questions_blake3: asked.questions.as_ref().map(|table| table.hash.clone()),
            },
            device: config.wishes.device.to_string(),
            machine: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
        })
    }
}

/// The models that a run may load, as their manifests pin them; the library checks each file before use.
fn weights(config: &Config) -> Result<Vec<Weights>, Failure> {
    let library = wire::library(config)?;
    let models = wire::DEFAULT_MODELS.iter().map(|name| {
        let files = library.model(name)?.manifest.files.iter();
        let files = files.filter(|file| file.is_for_this_machine());
        Ok(Weights {
            name: name.to_string(),
            files: files
                .map(|file| WeightsFile {
                    name: file.name.clone(),
                    sha256: file.sha256.clone(),
                })
                .collect(),
        })
    });
    models.collect()
}
