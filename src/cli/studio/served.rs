//! The studio of the server: what a request asks for becomes a call of one of the studio's makers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use showroom_catalog::seams::{
    BadPhoto, Maker, Matting, ModelError, SoftMask, Studio, StudioWork, TextBox, TextDetector,
};
use showroom_catalog::studio::{
    RulesChoice, SceneChoice, StudioChoices, StudioError, StudioFile, StudioTask,
};
use showroom_catalog::{Made, PhotoId, Pixels, Stage};
use showroom_pixels::{DecodeOptions, Limits, PixelError, decode_pixels, photo_id};
use showroom_studio::backdrop::{Backdrop, BackdropMaker, Scene};
use showroom_studio::check::{CheckMaker, RuleSet};
use showroom_studio::cutout::{RemoveError, RemoveParams, remove};
use showroom_studio::making::{flag_names, refused};
use showroom_studio::write::WriteError;

use super::asked::{Asked, BackdropAsk, CheckAsk};
use super::backdrop::built_in;
use super::check::{LOOKS, NOT_ASKED};
use crate::config::Config;
use crate::exit::Failure;
use crate::wire::{self, Work};

/// Masks that are kept, as one photo is often put on several backdrops: half a megabyte each.
const KEPT_MASKS: usize = 16;
/// Scenes whose light is kept: some kilobytes each.
const KEPT_SCENES: usize = 64;

/// Makes what designers ask the server for. Models are loaded when they are first needed.
pub struct ServedStudio(Arc<Shared>);

struct Shared {
    config: Config,
    /// Those that may be asked for, the usual one first.
    models: Vec<String>,
    limits: Limits,
    loaded: Mutex<HashMap<String, Arc<Mutex<Loaded>>>>,
    /// What finds text, once a check has asked for it; the error says why nothing does.
    text: Mutex<Option<Result<LentText, String>>>,
    scenes: Mutex<HashMap<(String, u64), Scenery>>,
}

/// A backdrop and its id.
type Scenery = (Arc<Backdrop>, String);

struct Loaded {
    matting: Box<dyn Matting>,
    /// The latest last, each under the width and the hash of the photo's pixels.
    masks: VecDeque<((u32, PhotoId), SoftMask)>,
}

impl ServedStudio {
    /// `limits` are those of a photo; `model` is the usual one.
    pub fn new(config: &Config, model: &str, limits: Limits) -> Result<ServedStudio, Failure> {
        let mut models = wire::matting_models(config)?;
        let at = models.iter().position(|known| known == model);
        let at = at.ok_or_else(|| {
            let known = models.join(", ");
            Failure::Usage(format!(
                "--studio-model {model:?} is none that finds products; there are {known}"
            ))
        })?;
        models[..=at].rotate_right(1);
        Ok(ServedStudio(Arc::new(Shared {
            config: config.clone(),
            models,
            limits,
            loaded: Mutex::default(),
            text: Mutex::default(),
            scenes: Mutex::default(),
        })))
    }

    /// Loads the usual model now and not when somebody asks.
    pub fn load(&self) -> Result<(), Failure> {
        let usual = self.0.models.first().cloned().unwrap_or_default();
        self.0.loaded(&usual).map(drop)
    }
}

impl Studio for ServedStudio {
    fn choices(&self) -> StudioChoices {
        let hex = |[r, g, b]: [u8; 3]| format!("#{r:02x}{g:02x}{b:02x}");
        let scenes = Scene::built_in_names().filter_map(Scene::built_in);
        let rules = RuleSet::built_in_names().filter_map(RuleSet::built_in);
        StudioChoices {
            models: self.0.models.clone(),
            scenes: scenes
                .flatten()
                .map(|scene| SceneChoice {
                    wall: hex(scene.wall.surface.colour),
                    floor: hex(scene.floor.colour),
                    name: scene.name,
                    title: scene.title,
                })
                .collect(),
            rules: rules
                .flatten()
                .map(|rules| RulesChoice {
                    name: rules.name,
                    title: rules.title,
                    source: rules.source,
                    read: rules.read,
                })
                .collect(),
        }
    }

    fn understand(
        &self,
        task: StudioTask,
        asked: &[(String, String)],
    ) -> Result<Box<dyn StudioWork>, StudioError> {
        let shared = self.0.clone();
        let asked = Asked(asked);
        let model = asked.model(&shared.models)?;
        Ok(match task {
            StudioTask::Cutout => Box::new(CutoutWork {
                params: asked.cutout()?,
                model,
                shared,
            }),
            StudioTask::Backdrop => Box::new(BackdropWork {
                ask: asked.backdrop()?,
                model,
                shared,
            }),
            StudioTask::Check => Box::new(CheckWork {
                ask: asked.check()?,
                shared,
            }),
        })
    }
}

struct CutoutWork {
    shared: Arc<Shared>,
    model: String,
    params: RemoveParams,
}

impl StudioWork for CutoutWork {
    fn run(&self, photo: &[u8]) -> Result<StudioFile, StudioError> {
        let mut matting = self.shared.lent(&self.model, photo)?;
        let done = remove(photo, &self.params, &mut matting, &self.shared.limits);
        let done = done.map_err(not_removed)?;
        Ok(StudioFile {
            mime: done.format.mime(),
            extension: done.format.extension(),
            bytes: done.bytes,
            confidence: Some(done.judgement.confidence),
            flags: flag_names(&done.judgement),
        })
    }
}

struct BackdropWork {
    shared: Arc<Shared>,
    model: String,
    ask: BackdropAsk,
}

impl StudioWork for BackdropWork {
    fn run(&self, photo: &[u8]) -> Result<StudioFile, StudioError> {
        let ask = &self.ask;
        let matting = Box::new(self.shared.lent(&self.model, photo)?);
        let (backdrop, backdrop_id) = self.shared.scenery(&ask.on, ask.layout.seed)?;
        let mut maker = BackdropMaker {
            matting,
            backdrop,
            backdrop_id,
            layout: ask.layout,
            format: ask.format,
            quality: ask.quality,
            limits: self.shared.limits.clone(),
        };
        made(&mut maker, photo, ask.format.mime())
    }
}

struct CheckWork {
    shared: Arc<Shared>,
    ask: CheckAsk,
}

impl StudioWork for CheckWork {
    fn run(&self, photo: &[u8]) -> Result<StudioFile, StudioError> {
        let mut maker = CheckMaker {
            rules: self.ask.rules.clone(),
            rules_hash: self.ask.hash.clone(),
            matting: Box::new(self.shared.lent(LOOKS, photo)?),
            text: match self.ask.rules.asks_for_text() {
                true => self.shared.lent_text()?,
                false => Err(NOT_ASKED.to_string()),
            },
            cutter: None,
            limits: self.shared.limits.clone(),
        };
        made(&mut maker, photo, "application/json")
    }
}

/// The one file that a maker makes of a photo.
fn made(
    maker: &mut dyn Maker,
    photo: &[u8],
    mime: &'static str,
) -> Result<StudioFile, StudioError> {
    let files = maker.make(photo_id(photo), photo)?;
    let file = files.map_err(StudioError::Photo)?.pop();
    let Made {
        planned,
        bytes,
        confidence,
        flags,
        ..
    } = file.ok_or_else(|| ModelError::Failed("nothing was made of the photo".into()))?;
    Ok(StudioFile {
        mime,
        extension: planned.extension,
        bytes,
        confidence,
        flags,
    })
}

fn undecodable(error: &PixelError) -> StudioError {
    StudioError::Photo(BadPhoto {
        stage: Stage::Decode,
        code: error.code().to_string(),
        reason: error.to_string(),
    })
}

fn not_removed(error: RemoveError) -> StudioError {
    let said = error.to_string();
    StudioError::Photo(match error {
        RemoveError::Model(error) => return StudioError::Model(error),
        RemoveError::Photo(error) => return undecodable(&error),
        RemoveError::BadPhoto(_) => refused("no-mask", said),
        RemoveError::Frame(_)
        | RemoveError::SlowAvif { .. }
        | RemoveError::Write(WriteError::TooLarge { .. }) => refused("too-large", said),
        RemoveError::Write(_) => refused("not-written", said),
    })
}

impl Shared {
    /// A model that is loaded, or is now.
    fn loaded(&self, model: &str) -> Result<Arc<Mutex<Loaded>>, Failure> {
        let mut loaded = lock(&self.loaded);
        if let Some(there) = loaded.get(model) {
            return Ok(there.clone());
        }
        let (engine, workers) = wire::matting(&self.config, model, Work::Question)?;
        let nothing = || Failure::Model(format!("the model {model} cannot be used"));
        let matting = workers.into_iter().next().ok_or_else(nothing)?;
        self.config
            .say(format!("studio: {model} is loaded; {engine}"));
        let kept = Arc::new(Mutex::new(Loaded {
            matting,
            masks: VecDeque::new(),
        }));
        loaded.insert(model.to_string(), kept.clone());
        Ok(kept)
    }

    /// A model for this photo. What is no photo is refused before a model is loaded for it.
    fn lent(&self, model: &str, photo: &[u8]) -> Result<Lent, StudioError> {
        if !lock(&self.loaded).contains_key(model) {
            let options = DecodeOptions {
                min_side: 1,
                limits: self.limits.clone(),
            };
            decode_pixels(photo, &options).map_err(|error| undecodable(&error))?;
        }
        let loaded = self.loaded(model).map_err(unable)?;
        let id = lock(&loaded).matting.id().to_string();
        Ok(Lent { id, loaded })
    }

    fn lent_text(&self) -> Result<Result<Box<dyn TextDetector>, String>, StudioError> {
        let mut text = lock(&self.text);
        if text.is_none() {
            let detectors = wire::text_detectors(&self.config, 1).map_err(unable)?;
            let one = detectors.and_then(|detectors| {
                let one = detectors.into_iter().next();
                one.ok_or_else(|| "no text model can be used".to_string())
            });
            *text = Some(one.map(|detector| LentText {
                id: detector.id().to_string(),
                detector: Arc::new(Mutex::new(detector)),
            }));
        }
        let kept = text.clone().unwrap_or_else(|| Err(NOT_ASKED.to_string()));
        Ok(kept.map(|lent| Box::new(lent) as Box<dyn TextDetector>))
    }

    fn scenery(&self, on: &str, seed: u64) -> Result<Scenery, StudioError> {
        let key = (on.to_string(), seed);
        if let Some(there) = lock(&self.scenes).get(&key) {
            return Ok(there.clone());
        }
        let missing = || Failure::Usage(format!("there is no backdrop {on:?}"));
        let named = built_in(&self.config, on, seed).ok_or_else(missing);
        let named = named.and_then(|named| named).map_err(unable)?;
        let scenery = (Arc::new(named.backdrop), named.id);
        let mut scenes = lock(&self.scenes);
        if scenes.len() >= KEPT_SCENES {
            scenes.clear();
        }
        scenes.insert(key, scenery.clone());
        Ok(scenery)
    }
}

/// A model, as long as a photo takes; the others wait.
struct Lent {
    id: String,
    loaded: Arc<Mutex<Loaded>>,
}

impl Matting for Lent {
    fn id(&self) -> &str {
        &self.id
    }

    fn matte(&mut self, pixels: &Pixels) -> Result<Result<SoftMask, String>, ModelError> {
        let key = (pixels.width, photo_id(&pixels.rgba));
        let mut loaded = lock(&self.loaded);
        if let Some((_, mask)) = loaded.masks.iter().find(|(known, _)| *known == key) {
            return Ok(Ok(mask.clone()));
        }
        let mask = loaded.matting.matte(pixels)?;
        if let Ok(mask) = &mask {
            if loaded.masks.len() >= KEPT_MASKS {
                loaded.masks.pop_front();
            }
            loaded.masks.push_back((key, mask.clone()));
        }
        Ok(mask)
    }
}

/// What finds text, as long as a photo takes.
#[derive(Clone)]
struct LentText {
    id: String,
    detector: Arc<Mutex<Box<dyn TextDetector>>>,
}

impl TextDetector for LentText {
    fn id(&self) -> &str {
        &self.id
    }

    fn detect(&mut self, pixels: &Pixels) -> Result<Result<Vec<TextBox>, String>, ModelError> {
        lock(&self.detector).detect(pixels)
    }
}

/// Why a model or a scene cannot be used, for a client.
fn unable(failure: Failure) -> StudioError {
    StudioError::Model(match failure {
        Failure::Model(reason) => ModelError::Missing(reason),
        other => ModelError::Failed(other.to_string()),
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
