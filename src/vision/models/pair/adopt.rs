//! A checkpoint as a hub has it (a folder with `config.json`, `model.safetensors` and so on) → the
//! manifest and the card under which it is a model here.
//!
//! Nothing is fetched or copied here: the manifest names the files, and a pull takes them into the cache.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::config::{Family, PairConfig};
use crate::weights::WeightsError;
use crate::weights::manifest::{
    ColourOrder, FileSource, How, ImageInput, Layout, Licence, Manifest, ModelFile, Output,
    ResizeFilter, Scale, Task, TextInput,
};

/// The longest of the small files, bytes.
const MAX_JSON_BYTES: u64 = 64 << 20;
/// What stands for the licence where a checkpoint does not say one.
const NO_LICENCE: &str = "NOASSERTION";
/// The files that are part of the model: role and name. Others are only looked at.
pub const FILES: [(&str, &str); 3] = [
    ("weights", "model.safetensors"),
    ("config", "config.json"),
    ("tokenizer", "tokenizer.json"),
];
/// How pictures are prepared.
pub const PREPROCESSOR: &str = "preprocessor_config.json";
/// Padding and case of words, and the licence; they may be missing.
pub const OPTIONAL: [&str; 2] = ["tokenizer_config.json", "README.md"];

/// Where a checkpoint is from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// The folder itself.
    Folder,
    /// A repository of the hub, at a revision; the folder holds what was fetched of it.
    Hub { hub: String, revision: String },
}

/// A model to be: its manifest and its card.
#[derive(Clone, Debug)]
pub struct Adopted {
    pub manifest: Manifest,
    pub card: String,
}

impl Adopted {
    /// Looks at the checkpoint in `folder`. Fails where a file is missing, or the model is none that can
    /// run here; the error names the file.
    pub fn of(folder: &Path, name: &str, origin: &Origin) -> Result<Self, WeightsError> {
        let folder = fs::canonicalize(folder).map_err(|error| wrong(folder, &error.to_string()))?;
        let config_file = folder.join("config.json");
        let config = PairConfig::parse(&read(&config_file)?)
            .map_err(|reason| wrong(&config_file, &reason))?;
        let words = WordSettings::read(&folder, config.family)?;
        let (spdx, evidence) = licence(&folder, origin);
        let files = FILES.map(|(role, file)| model_file(&folder, role, file, origin));
        let manifest = Manifest {
            name: name.to_string(),
            summary: format!(
                "Pictures and words in one space ({}, {} × {1} pixels)",
                config.family.name(),
                config.image
            ),
            task: Task::ImageTextEmbedding,
            architecture: config.family.name().to_string(),
            licence: Licence { spdx, evidence },
            image: Some(image_input(&folder.join(PREPROCESSOR), &config)?),
            text: Some(TextInput {
                max_tokens: config.positions,
                lower_case: words.lower_case,
                pooling: match config.family {
                    Family::Clip => "end".into(),
                    Family::Siglip => "last".into(),
                },
                pad_token: words.pad_token,
            }),
            outputs: vec![Output {
                name: "embedding".into(),
                dimensions: config.shared,
                meaning: "place in the space that pictures and words share; L2-normalised by us"
                    .into(),
            }],
            files: files.into_iter().collect::<Result<_, WeightsError>>()?,
            check: None,
        };
        let adopted = Adopted {
            card: card(&manifest, origin, &folder),
            manifest,
        };
        adopted.toml()?;
        Ok(adopted)
    }

    /// Names the folder no more as a source of files that the hub has: what was fetched goes.
    pub fn forget_folder(&mut self) {
        for file in &mut self.manifest.files {
            if file.sources.len() > 1 {
                file.sources
                    .retain(|source| !matches!(source, FileSource::Path { .. }));
            }
        }
    }

    /// The manifest as it is written. What is written can be read: names are checked here.
    fn toml(&self) -> Result<String, WeightsError> {
        let origin = format!("of {}", self.manifest.name);
        let text = toml::to_string(&self.manifest).map_err(|error| WeightsError::Manifest {
            origin: origin.clone(),
            reason: error.to_string(),
        })?;
        Manifest::parse(&text, &origin)?;
        Ok(text)
    }

    /// Writes `FOLDER/NAME/manifest.toml` and `card.md`, in the place of those that are there.
    pub fn write(&self, models: &Path) -> Result<PathBuf, WeightsError> {
        let folder = models.join(&self.manifest.name);
        let manifest = self.toml()?;
        let attempt = || -> io::Result<()> {
            fs::create_dir_all(&folder)?;
            // The manifest last: without it a folder is no model.
            for (name, text) in [("card.md", &self.card), ("manifest.toml", &manifest)] {
                let new = tempfile::NamedTempFile::new_in(&folder)?;
                fs::write(new.path(), text)?;
                new.persist(folder.join(name))?;
            }
            Ok(())
        };
        attempt().map_err(|error| wrong(&folder, &format!("it cannot be written: {error}")))?;
        Ok(folder)
    }
}

fn wrong(path: &Path, reason: &str) -> WeightsError {
    WeightsError::Manifest {
        origin: format!("for {}", path.display()),
        reason: reason.to_string(),
    }
}

/// A small file, whole.
fn read(path: &Path) -> Result<Vec<u8>, WeightsError> {
    let missing = "it is missing or cannot be read, and the model needs it; take the folder as the hub has it";
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_JSON_BYTES).read_to_end(&mut bytes))
        .map_err(|error| wrong(path, &format!("{missing} ({error})")))?;
    Ok(bytes)
}

fn json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, WeightsError> {
    serde_json::from_slice(&read(path)?).map_err(|error| wrong(path, &error.to_string()))
}

/// Name, size and hash of a file.
fn model_file(
    folder: &Path,
    role: &str,
    name: &str,
    origin: &Origin,
) -> Result<ModelFile, WeightsError> {
    let path = folder.join(name);
    let hash = || -> io::Result<(u64, Sha256)> {
        let mut file = File::open(&path)?;
        let mut hasher = Sha256::new();
        let bytes = io::copy(&mut file, &mut hasher)?;
        Ok((bytes, hasher))
    };
    let (bytes, hasher) = hash().map_err(|error| {
        wrong(
            &path,
            &format!("it is missing or cannot be read, and the model needs it ({error})"),
        )
    })?;
    let digest = hasher.finalize();
    let mut sources = vec![FileSource::Path { path }];
    if let Origin::Hub { hub, revision } = origin {
        sources.push(FileSource::Hub {
            hub: hub.clone(),
            revision: revision.clone(),
            file: name.to_string(),
        });
    }
    Ok(ModelFile {
        role: role.to_string(),
        name: name.to_string(),
        platform: None,
        sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        bytes,
        sources,
    })
}

/// `preprocessor_config.json`, old and new.
#[derive(Deserialize)]
struct Preprocessor {
    size: Edges,
    crop_size: Option<Edges>,
    #[serde(default)]
    do_center_crop: bool,
    resample: Option<u8>,
    rescale_factor: Option<f64>,
    image_mean: [f32; 3],
    image_std: [f32; 3],
}

#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Edges {
    Square(u32),
    Both { height: u32, width: u32 },
    Shortest { shortest_edge: u32 },
}

impl Edges {
    fn size(self) -> [u32; 2] {
        match self {
            Edges::Square(edge) => [edge; 2],
            Edges::Both { height, width } => [width, height],
            Edges::Shortest { shortest_edge } => [shortest_edge; 2],
        }
    }
}

fn image_input(path: &Path, config: &PairConfig) -> Result<ImageInput, WeightsError> {
    let found: Preprocessor = json(path)?;
    let cut = found.crop_size.filter(|_| found.do_center_crop);
    let [width, height] = cut.unwrap_or(found.size).size();
    if [width, height].map(|edge| edge as usize) != [config.image; 2] {
        let wanted = config.image;
        return Err(wrong(
            path,
            &format!(
                "it makes {width} × {height} pixels where the model takes {wanted} × {wanted}"
            ),
        ));
    }
    let scale = found.rescale_factor.unwrap_or(1.0 / 255.0);
    if (scale * 255.0 - 1.0).abs() > 1e-3 {
        return Err(wrong(
            path,
            &format!("its rescale_factor {scale} is not 1/255"),
        ));
    }
    Ok(ImageInput {
        width,
        height,
        colours: ColourOrder::Rgb,
        layout: Layout::Nchw,
        scale: Scale::Unit,
        mean: found.image_mean,
        std: found.image_std,
        how: match cut {
            Some(_) => How::Cover,
            None => How::Stretch,
        },
        // Pillow's numbers.
        filter: match found.resample {
            Some(1) => ResizeFilter::Lanczos3,
            Some(2) => ResizeFilter::Bilinear,
            None | Some(3) => ResizeFilter::Bicubic,
            Some(4) => ResizeFilter::Box,
            Some(other) => {
                return Err(wrong(path, &format!("its resample {other} is not known")));
            }
        },
    })
}

/// What of `tokenizer_config.json` is not in `tokenizer.json`.
struct WordSettings {
    lower_case: bool,
    pad_token: Option<String>,
}

impl WordSettings {
    fn read(folder: &Path, family: Family) -> Result<Self, WeightsError> {
        #[derive(Default, Deserialize)]
        struct Found {
            do_lower_case: Option<bool>,
            pad_token: Option<Token>,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Token {
            Plain(String),
            Full { content: String },
        }
        let path = folder.join("tokenizer_config.json");
        let found: Found = match path.is_file() {
            true => json(&path)?,
            false => Found::default(),
        };
        Ok(WordSettings {
            // CLIP's tokenizer does it itself; SigLIP was trained on lower case.
            lower_case: family == Family::Siglip && found.do_lower_case.unwrap_or(true),
            pad_token: (family == Family::Siglip).then(|| match found.pad_token {
                Some(Token::Plain(token) | Token::Full { content: token }) => token,
                None => "<pad>".into(),
            }),
        })
    }
}

/// The licence that the checkpoint's own card names, and where that stands.
fn licence(folder: &Path, origin: &Origin) -> (String, Vec<String>) {
    let from = match origin {
        Origin::Folder => folder.display().to_string(),
        Origin::Hub { hub, revision } => format!("hub {hub} at {revision}"),
    };
    let readme = read(&folder.join("README.md")).unwrap_or_default();
    let readme = String::from_utf8_lossy(&readme);
    // Between two lines of three dashes at its beginning, as hubs have it.
    let head = readme
        .strip_prefix("---")
        .and_then(|rest| rest.split_once("\n---"));
    let named = head.and_then(|(head, _)| {
        let mut lines = head
            .lines()
            .filter_map(|line| line.strip_prefix("license:"));
        lines
            .next()
            .map(|name| name.trim().trim_matches(['"', '\'']))
    });
    match named.filter(|name| !name.is_empty()) {
        Some(name) => (
            name.to_string(),
            vec![format!("{from}, README.md: `license: {name}`")],
        ),
        None => (
            NO_LICENCE.into(),
            vec![format!(
                "{from}: no licence is named there; ask its authors before you use it"
            )],
        ),
    }
}

fn card(manifest: &Manifest, origin: &Origin, folder: &Path) -> String {
    let from = match origin {
        Origin::Folder => format!("the folder {}", folder.display()),
        Origin::Hub { hub, revision } => format!("the hub's {hub} at {revision}"),
    };
    let Licence { spdx, evidence } = &manifest.licence;
    format!(
        "# {}\n\n{}. Added from {from}.\n\n\
         **Check the licence before you use it.** The checkpoint names `{spdx}` ({}). A licence of the \
         weights says nothing of the pictures that they were trained on.\n\n\
         Categories and labels still come from the default model; this one makes the vectors that photos \
         and words are compared with. What it knows, and of whom it has prejudices, is in the card of its \
         authors; it has not been measured here.\n",
        manifest.name,
        manifest.summary,
        evidence.join("; ")
    )
}
