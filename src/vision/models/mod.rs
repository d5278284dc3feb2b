//! The models, one file each: what it takes and gives, its weights by the checkpoint's names, its
//! layers in burn and the same layers as an ONNX file.

pub mod efficientnet_lite;
pub mod layers;
pub mod minilm;
mod onnx_only;
pub mod pair;
pub mod transformer;
pub mod u2net;

use std::fs;

use showroom_catalog::seams::ModelError;

use self::efficientnet_lite::{EfficientNetLite, Variant};
use self::layers::Weights;
use self::minilm::MiniLm;
use self::onnx_only::OnnxOnly;
use self::pair::config::PairConfig;
use self::pair::{PictureTower, WordTower};
use self::u2net::U2Net;
use crate::engines::Architecture;
use crate::weights::library::Library;
use crate::weights::manifest::Manifest;

/// Name and the first eight digits of the hash of the weights: changes whenever the model does.
pub fn id(manifest: &Manifest) -> String {
    let weights = manifest.files.iter().find(|file| file.role == "weights");
    let hash = weights.map_or("", |file| &file.sha256[..8]);
    format!("{}@{hash}", manifest.name)
}

/// Reads the weights of a model into the code for its architecture; of a pair of towers that of pictures.
pub fn load(library: &Library, name: &str) -> Result<Box<dyn Architecture>, ModelError> {
    let manifest = &library.model(name)?.manifest;
    let weights = || -> Result<Weights, ModelError> {
        let tensors = library.tensors(name)?;
        Ok(Weights {
            model: name.to_string(),
            tensors,
        })
    };
    let edge = manifest
        .image
        .as_ref()
        .map(|image| (image.width, image.height));
    Ok(match (manifest.architecture.as_str(), edge) {
        ("efficientnet-lite", Some((224, 224))) => Box::new(EfficientNetLite {
            variant: Variant::Lite0,
            weights: weights()?,
        }),
        ("efficientnet-lite", Some((260, 260))) => Box::new(EfficientNetLite {
            variant: Variant::Lite2,
            weights: weights()?,
        }),
        ("u2net" | "u2netp", Some((320, 320))) => {
            let file = onnx_file(library, name)?;
            let widths = match manifest.architecture.as_str() {
                "u2net" => u2net::FULL,
                _ => u2net::SMALL,
            };
            Box::new(U2Net {
                file,
                widths,
                weights: weights()?,
            })
        }
        ("pp-ocr-det", Some((width, height))) => Box::new(OnnxOnly {
            name: name.to_string(),
            file: onnx_file(library, name)?,
            input: 3 * width as usize * height as usize,
        }),
        ("clip" | "siglip", Some(size)) => {
            let config = pair_config(library, name)?;
            if [size.0, size.1].map(|edge| edge as usize) != [config.image; 2] {
                return Err(ModelError::Refused(format!(
                    "the manifest of {name} makes pictures of another size than its config.json, {} pixels",
                    config.image
                )));
            }
            let mut weights = weights()?;
            weights
                .tensors
                .retain(|tensor, _| PictureTower::owns(tensor));
            Box::new(PictureTower { config, weights })
        }
        ("bert", None) => Box::new(MiniLm {
            weights: weights()?,
        }),
        (architecture, _) => {
            return Err(ModelError::Refused(format!(
                "no code here runs the model {name}: architecture {architecture:?}{}",
                edge.map_or(String::new(), |(width, height)| format!(
                    " at {width} × {height} pixels"
                ))
            )));
        }
    })
}

/// The weights of a model that is an ONNX file.
fn onnx_file(library: &Library, name: &str) -> Result<Vec<u8>, ModelError> {
    let path = library.file(name, "weights")?;
    fs::read(&path)
        .map_err(|error| ModelError::Failed(format!("{} cannot be read: {error}", path.display())))
}

/// Reads the tower of words of a pair.
pub fn load_words(library: &Library, name: &str) -> Result<WordTower, ModelError> {
    let config = pair_config(library, name)?;
    let mut tensors = library.tensors(name)?;
    tensors.retain(|tensor, _| WordTower::owns(tensor));
    Ok(WordTower {
        config,
        weights: Weights {
            model: name.to_string(),
            tensors,
        },
    })
}

/// The `config.json` of a pair, which must be of the family that the manifest says.
pub fn pair_config(library: &Library, name: &str) -> Result<PairConfig, ModelError> {
    let path = library.file(name, "config")?;
    let refused =
        |reason: String| ModelError::Refused(format!("{} is refused: {reason}", path.display()));
    let json = fs::read(&path).map_err(|error| refused(error.to_string()))?;
    let config = PairConfig::parse(&json).map_err(refused)?;
    let manifest = &library.model(name)?.manifest;
    if config.family.name() == manifest.architecture {
        return Ok(config);
    }
    Err(refused(format!(
        "it is of the family {}, the manifest says {}",
        config.family.name(),
        manifest.architecture
    )))
}
