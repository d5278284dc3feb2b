//! Options and environment resolved once into what the verbs use.

use std::path::{Path, PathBuf};

use showroom_vision::engines::device::PrecisionWish;
use showroom_vision::engines::{EngineWish, Wishes};

use crate::args::{EngineArg, Global, Part, PrecisionArg};
use crate::exit::Failure;

/// What every verb works with. Nothing below reads flags or the environment again.
#[derive(Clone, Debug)]
pub struct Config {
    pub store: PathBuf,
    pub cache: PathBuf,
    pub models: Option<PathBuf>,
    pub wishes: Wishes,
    /// Memory of the GPU that a batch may take, in bytes; `None` leaves it to the device.
    pub device_memory: Option<u64>,
    /// At least 1.
    pub threads: usize,
    pub json: bool,
    pub quiet: bool,
    /// Where models are asked for by hub id, and the token for it.
    pub hub: Hub,
    /// What a measurement does without; empty for all other work.
    pub without: Vec<Part>,
}

/// The model hub.
#[derive(Clone, Debug, Default)]
pub struct Hub {
    pub endpoint: Option<String>,
    pub token: Option<String>,
}

impl Config {
    pub fn resolve(global: &Global) -> Result<Config, Failure> {
        let cache = match &global.cache {
            Some(cache) => cache.clone(),
            None => user_cache()?.join("showroom"),
        };
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        Ok(Config {
            store: absolute(&global.store)?,
            cache: absolute(&cache)?,
            models: global.models.clone(),
            wishes: wishes(global),
            device_memory: global.device_memory.map(|mebibytes| mebibytes << 20),
            threads: match global.threads {
                0 => cores,
                threads => threads.into(),
            },
            json: global.json,
            quiet: global.quiet,
            hub: Hub {
                endpoint: variable("HF_ENDPOINT"),
                token: variable("HF_TOKEN"),
            },
            without: Vec::new(),
        })
    }

    /// Whether a measurement does without that part.
    pub fn lacks(&self, part: Part) -> bool {
        self.without.contains(&part)
    }

    /// A remark for the person at the terminal.
    pub fn say(&self, remark: impl std::fmt::Display) {
        if !self.quiet {
            eprintln!("{remark}");
        }
    }
}

fn wishes(global: &Global) -> Wishes {
    Wishes {
        engine: match global.engine {
            EngineArg::Auto => EngineWish::Auto,
            EngineArg::Onnxruntime => EngineWish::OnnxRuntime,
            EngineArg::Burn => EngineWish::Burn,
        },
        device: global.device.clone(),
        precision: match global.precision {
            PrecisionArg::Auto => PrecisionWish::Auto,
            PrecisionArg::F32 => PrecisionWish::F32,
            PrecisionArg::F16 => PrecisionWish::F16,
        },
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::Usage(format!("{} is no path: {error}", path.display())))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn user_cache() -> Result<PathBuf, Failure> {
    variable("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .ok_or_else(|| Failure::Usage("there is no HOME; name a folder with --cache DIR".into()))
}
