//! All models that are known (the built-in ones and a user's own) and what of them is in the cache.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::Serialize;

use super::cache;
use super::error::WeightsError;
use super::manifest::{Manifest, ModelFile, Task, this_platform};
use super::tensors::{self, TensorData};

/// The longest manifest or card, bytes.
const MAX_TEXT_BYTES: u64 = 1 << 20;

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        [$((
            $name,
            include_str!(concat!("../../../models/", $name, "/manifest.toml")),
            include_str!(concat!("../../../models/", $name, "/card.md")),
        )),*]
    };
}

/// Name, manifest and card of the models that are part of the program.
const BUILT_IN: [(&str, &str, &str); 9] = built_in![
    "efficientnet-lite2",
    "efficientnet-lite0",
    "u2netp",
    "u2net",
    "pp-ocr",
    "all-minilm-l6-v2",
    "shopify-taxonomy",
    "onnxruntime",
    "environments",
];

/// A model that is known.
#[derive(Clone, Debug)]
pub struct Model {
    pub manifest: Manifest,
    /// The card, Markdown.
    pub card: String,
    /// The folder of the manifest; `None` for a built-in model.
    pub folder: Option<PathBuf>,
}

/// The known models over one cache.
#[derive(Debug)]
pub struct Library {
    models: Vec<Model>,
    cache: PathBuf,
    /// Cached files whose hash this process has checked.
    checked: Mutex<BTreeSet<PathBuf>>,
}

/// Whether a file is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// In the cache.
    Cached,
    /// Not in the cache; `pull` fetches it.
    Missing,
    /// In the cache, with the wrong bytes.
    Corrupt,
    /// There is none for this machine.
    NotForThisMachine,
}

/// A model as `showroom models ls` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Listing {
    pub name: String,
    pub summary: String,
    pub task: Task,
    pub licence: String,
    /// Size of all files for this machine.
    pub bytes: u64,
    /// The worst state of its files. Sizes are looked at, not hashes: `verify` does that.
    pub state: State,
    /// Whether the model is part of the program.
    pub built_in: bool,
}

/// What `showroom models verify` found out about one file.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub model: String,
    pub file: String,
    pub state: State,
    /// Where the file is or would be.
    pub path: PathBuf,
    /// What is wrong and what to do, where something is.
    pub problem: Option<String>,
}

impl Library {
    /// The built-in models and those in `folders`: a folder that has a `manifest.toml`, or whose
    /// sub-folders have one. A user's model takes the place of a built-in one of the same name.
    /// Reads manifests only; `cache` need not exist.
    pub fn new(folders: &[PathBuf], cache: &Path) -> Result<Self, WeightsError> {
        let mut models = Vec::new();
        for (name, manifest, card) in BUILT_IN {
            let manifest = Manifest::parse(manifest, name)?;
            models.push(Model {
                manifest,
                card: card.to_owned(),
                folder: None,
            });
        }
        for folder in folders {
            for folder in manifest_folders(folder)? {
                let model = read_model(&folder)?;
                models.retain(|other| other.manifest.name != model.manifest.name);
                models.push(model);
            }
        }
        Ok(Self {
            models,
            cache: cache.to_owned(),
            checked: Mutex::default(),
        })
    }

    /// All models, the defaults first.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The model of that name.
    pub fn model(&self, name: &str) -> Result<&Model, WeightsError> {
        let names = || self.models.iter().map(|m| m.manifest.name.as_str());
        self.models
            .iter()
            .find(|m| m.manifest.name == name)
            .ok_or_else(|| {
                let known = names().collect::<Vec<_>>().join(", ");
                WeightsError::UnknownModel {
                    name: name.to_owned(),
                    known,
                }
            })
    }

    /// The folder that holds `models/`.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// The file of a model with that role (`weights`, `tokenizer`, …), in the cache and with the right
    /// hash. The hash is taken once a process (0.3 s for 91 MB on a busy two-core machine).
    pub fn file(&self, model: &str, role: &str) -> Result<PathBuf, WeightsError> {
        let manifest = &self.model(model)?.manifest;
        let file = manifest
            .files_here()
            .find(|file| file.role == role)
            .ok_or_else(|| WeightsError::NotForThisMachine {
                model: model.to_owned(),
                role: role.to_owned(),
                platform: this_platform(),
            })?;
        let path = cache::place_of(&self.cache, file);
        let known = |set: &BTreeSet<PathBuf>| set.contains(&path);
        if self.checked.lock().is_ok_and(|set| known(&set)) && path.is_file() {
            return Ok(path);
        }
        self.check_file(manifest, file)?;
        if let Ok(mut set) = self.checked.lock() {
            set.insert(path.clone());
        }
        Ok(path)
    }

    /// The floating-point tensors of a model's weights.
    pub fn tensors(
        &self,
        model: &str,
    ) -> Result<std::collections::BTreeMap<String, TensorData>, WeightsError> {
        tensors::tensors(&self.file(model, "weights")?)
    }

    /// What is known and what of it is here. Looks at sizes only.
    pub fn list(&self) -> Vec<Listing> {
        self.models
            .iter()
            .map(|model| self.listing(model))
            .collect()
    }

    fn listing(&self, model: &Model) -> Listing {
        let manifest = &model.manifest;
        let state = |file: &ModelFile| match fs::metadata(cache::place_of(&self.cache, file)) {
            Ok(found) if found.len() == file.bytes => State::Cached,
            Ok(_) => State::Corrupt,
            Err(_) => State::Missing,
        };
        let states: Vec<State> = manifest.files_here().map(state).collect();
        let state = [State::Corrupt, State::Missing, State::Cached]
            .into_iter()
            .find(|state| states.contains(state))
            .unwrap_or(State::NotForThisMachine);
        Listing {
            name: manifest.name.clone(),
            summary: manifest.summary.clone(),
            task: manifest.task,
            licence: manifest.licence.spdx.clone(),
            bytes: manifest.files_here().map(|file| file.bytes).sum(),
            state,
            built_in: model.folder.is_none(),
        }
    }

    /// Takes the hash of every cached file of a model. A bad file is moved aside, and said.
    pub fn verify(&self, model: &str) -> Result<Vec<Verdict>, WeightsError> {
        let manifest = &self.model(model)?.manifest;
        let verdict = |file: &ModelFile| {
            let (state, problem) = match self.check_file(manifest, file) {
                Ok(()) => (State::Cached, None),
                Err(e @ WeightsError::Missing { .. }) => (State::Missing, Some(e.to_string())),
                Err(e) => (State::Corrupt, Some(e.to_string())),
            };
            Verdict {
                model: manifest.name.clone(),
                file: file.name.clone(),
                state,
                path: cache::place_of(&self.cache, file),
                problem,
            }
        };
        Ok(manifest.files_here().map(verdict).collect())
    }

    /// Whether a cached file has the right bytes; one that has not is moved aside.
    pub(super) fn check_file(
        &self,
        manifest: &Manifest,
        file: &ModelFile,
    ) -> Result<(), WeightsError> {
        let path = cache::place_of(&self.cache, file);
        let wrong = match cache::inspect(&path, file) {
            Ok(None) => return Ok(()),
            Ok(Some(wrong)) => wrong,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let model = manifest.name.clone();
                return Err(WeightsError::Missing {
                    model,
                    file: file.name.clone(),
                });
            }
            Err(e) => return Err(WeightsError::io("read the cached file", &path)(e)),
        };
        let aside = cache::move_aside(&path)
            .map_err(WeightsError::io("move the damaged file aside", &path))?;
        let (model, wrong) = (manifest.name.clone(), wrong.to_string());
        Err(WeightsError::WrongBytes {
            path,
            model,
            wrong,
            aside,
        })
    }
}

/// The folders at or right below `folder` that have a manifest, in the order of their names.
fn manifest_folders(folder: &Path) -> Result<Vec<PathBuf>, WeightsError> {
    if folder.join("manifest.toml").is_file() {
        return Ok(vec![folder.to_owned()]);
    }
    let unreadable = "read the models folder";
    let entries = fs::read_dir(folder).map_err(WeightsError::io(unreadable, folder))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(WeightsError::io(unreadable, folder))?.path();
        if path.join("manifest.toml").is_file() {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(WeightsError::Manifest {
            origin: folder.display().to_string(),
            reason: "the folder has no manifest.toml, and no folder in it has one".into(),
        });
    }
    Ok(found)
}

fn read_model(folder: &Path) -> Result<Model, WeightsError> {
    let path = folder.join("manifest.toml");
    let origin = path.display().to_string();
    let text = |bytes: Vec<u8>| {
        String::from_utf8(bytes).map_err(|_| WeightsError::Manifest {
            origin: origin.clone(),
            reason: "it is not UTF-8".into(),
        })
    };
    let manifest = text(tensors::read_bounded(&path, MAX_TEXT_BYTES)?)?;
    let manifest = Manifest::parse(&manifest, &origin)?;
    let card = folder.join("card.md");
    let card = match card.is_file() {
        true => text(tensors::read_bounded(&card, MAX_TEXT_BYTES)?)?,
        false => format!("# {}\n\nThis model came without a card.\n", manifest.name),
    };
    Ok(Model {
        manifest,
        card,
        folder: Some(folder.to_owned()),
    })
}
