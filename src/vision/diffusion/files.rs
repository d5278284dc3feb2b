//! The files of a checkpoint in the layout of diffusers: a folder for each part, its configuration and its
//! weights in it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use showroom_catalog::seams::ModelError;

use super::keys::Keys;

/// What a checkpoint is, beside its weights.
pub const FILES: [&str; 8] = [
    "model_index.json",
    "unet/config.json",
    "vae/config.json",
    "text_encoder/config.json",
    "scheduler/scheduler_config.json",
    "tokenizer/vocab.json",
    "tokenizer/merges.txt",
    "tokenizer/tokenizer_config.json",
];

/// What may be there too.
pub const OPTIONAL: &str = "tokenizer/special_tokens_map.json";

/// A part that has weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Unet,
    Vae,
    TextEncoder,
}

impl Part {
    pub const ALL: [Part; 3] = [Part::TextEncoder, Part::Vae, Part::Unet];

    /// Names that its weights may have. The first that is there is taken: f32 before f16, as sums are made in
    /// f32.
    pub fn weights(self) -> [&'static str; 3] {
        match self {
            Part::Unet => [
                "unet/diffusion_pytorch_model.safetensors",
                "unet/diffusion_pytorch_model.fp16.safetensors",
                "unet/diffusion_pytorch_model.bin",
            ],
            Part::Vae => [
                "vae/diffusion_pytorch_model.safetensors",
                "vae/diffusion_pytorch_model.fp16.safetensors",
                "vae/diffusion_pytorch_model.bin",
            ],
            Part::TextEncoder => [
                "text_encoder/model.safetensors",
                "text_encoder/model.fp16.safetensors",
                "text_encoder/pytorch_model.bin",
            ],
        }
    }
}

/// A folder that has all that a model needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    folder: PathBuf,
    name: String,
}

impl Checkpoint {
    /// `name` is what people call it; `None` takes the folder's.
    pub fn open(folder: &Path, name: Option<&str>) -> Result<Checkpoint, ModelError> {
        let missing = |file: &str| {
            ModelError::Missing(format!(
                "{} has no {file}: give the folder of a Stable Diffusion inpainting model in the layout of \
                 diffusers ({}, and weights as {}, {} and {})",
                folder.display(),
                FILES.join(", "),
                Part::Unet.weights()[0],
                Part::Vae.weights()[0],
                Part::TextEncoder.weights()[0],
            ))
        };
        if let Some(file) = FILES.iter().find(|file| !folder.join(file).is_file()) {
            return Err(missing(file));
        }
        let usual = || {
            let path = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            name.unwrap_or_else(|| "diffusion".to_string())
        };
        let checkpoint = Checkpoint {
            folder: folder.to_path_buf(),
            name: name.map_or_else(usual, String::from),
        };
        for part in Part::ALL {
            if checkpoint.found(part).is_none() {
                return Err(missing(part.weights()[0]));
            }
        }
        let mut index = Keys::read(&checkpoint.file("model_index.json"))?;
        index.only("_class_name", "StableDiffusionInpaintPipeline")?;
        Ok(checkpoint)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn found(&self, part: Part) -> Option<PathBuf> {
        let mut paths = part.weights().into_iter().map(|name| self.file(name));
        paths.find(|path| path.is_file())
    }

    pub fn weights(&self, part: Part) -> Result<PathBuf, ModelError> {
        self.found(part).ok_or_else(|| {
            let file = self.file(part.weights()[0]);
            ModelError::Missing(format!("{} is not there any more", file.display()))
        })
    }

    /// Name, and the first 16 digits of the SHA-256 of all files' SHA-256: changes whenever the model does.
    /// Reads all of them.
    pub fn id(&self) -> Result<String, ModelError> {
        let mut all = Sha256::new();
        let weights = Part::ALL.map(|part| self.weights(part));
        let optional = Some(OPTIONAL).filter(|name| self.file(name).is_file());
        let files = FILES.into_iter().chain(optional);
        let files = files.map(|name| Ok(self.file(name)));
        for path in files.chain(weights) {
            all.update(hash(&path?)?);
        }
        let digits: String = all.finalize()[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(format!("{}@{digits}", self.name))
    }
}

fn hash(path: &Path) -> Result<[u8; 32], ModelError> {
    let failed = |error: std::io::Error| {
        ModelError::Failed(format!("{} cannot be read: {error}", path.display()))
    };
    let mut file = File::open(path).map_err(failed)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(hasher.finalize().into()),
            count => hasher.update(&buffer[..count]),
        }
    }
}
