//! The device and engine that a run takes, and how many photos a GPU takes at a time.

use std::fmt;
use std::path::PathBuf;

use showroom_vision::encoder::ProductModels;
use showroom_vision::encoder::batch::{self, Memory};
use showroom_vision::engines::device::{DeviceWish, Gpu};
use showroom_vision::engines::{Engine, EngineChoice, Wishes};
use showroom_vision::weights::{Library, WeightsError};

use super::ONNXRUNTIME;
use crate::args::BatchArg;
use crate::config::Config;
use crate::exit::Failure;

/// What a verb computes: many photos, or one question.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Bulk,
    /// `--device auto` answers it on the CPU, which is done before a GPU has compiled its kernels.
    Question,
}

/// The device and engine that this run takes; prints as the first line of a run.
pub struct Taken {
    pub(super) choice: EngineChoice,
    threads: usize,
    /// Photos at a time and how that is known, on a GPU.
    pub(super) batch: Option<String>,
}

impl Taken {
    pub fn engine(&self) -> &Engine {
        &self.choice.engine
    }

    /// The first line of a run that takes no model: the CPU, and why it is not a GPU.
    pub fn without_engine(&self) -> String {
        let threads = crate::table::counted(self.threads as u64, "thread");
        let reason = self.choice.notes.first();
        let reason = reason.map_or(String::new(), |note| format!(" ({note})"));
        format!("device: CPU, {threads}{reason}")
    }

    /// Why it is not a GPU, and what would make it faster.
    pub fn notes(&self) -> &[String] {
        &self.choice.notes
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.threads == 1 { "" } else { "s" };
        match &self.choice.engine {
            Engine::Gpu(gpu, precision) => write!(f, "device: {}, {precision}", gpu.adapter)?,
            engine => write!(f, "device: CPU, {engine}, {} thread{plural}", self.threads)?,
        }
        if let Some(batch) = &self.batch {
            write!(f, ", {batch}")?;
        }
        match self.choice.notes.as_slice() {
            [] => Ok(()),
            notes => write!(f, " ({})", notes.join("; ")),
        }
    }
}

pub fn engine(config: &Config, library: &Library, work: Work) -> Result<Taken, Failure> {
    let mut wishes = config.wishes.clone();
    let question = work == Work::Question && wishes.device == DeviceWish::Auto;
    if question {
        wishes.device = DeviceWish::Cpu;
    }
    let mut taken = take(config, library, &wishes)?;
    if question {
        taken
            .choice
            .notes
            .push("quickest for a single question".to_string());
    }
    Ok(taken)
}

pub(super) fn take(config: &Config, library: &Library, wishes: &Wishes) -> Result<Taken, Failure> {
    let path = onnxruntime(library)?;
    Ok(Taken {
        choice: EngineChoice::new(wishes, path.as_deref())?,
        threads: config.threads,
        batch: None,
    })
}

/// Its library, where it is here.
pub(super) fn onnxruntime(library: &Library) -> Result<Option<PathBuf>, Failure> {
    match library.file(ONNXRUNTIME, "library") {
        Ok(path) => Ok(Some(path)),
        // A library that is there and must not be loaded is no reason to go on quietly.
        Err(error @ WeightsError::WrongBytes { .. }) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

/// Settles how many photos the GPU takes at a time; says how.
pub(super) fn gpu_batch(
    config: &Config,
    models: &ProductModels,
    gpu: &Gpu,
    wanted: BatchArg,
) -> Result<String, Failure> {
    let said = |how: &str| format!("batch {} ({how})", models.batch());
    if let BatchArg::Photos(photos) = wanted {
        models.set_batch(photos);
        return Ok(match models.batch() {
            batch if batch == photos => said("as asked"),
            _ => said("more do not fit into a buffer of this device"),
        });
    }
    if gpu.adapter.is_software() {
        models.set_batch(1);
        return Ok(said("software gains nothing from more"));
    }
    let budget = batch::budget(&gpu.adapter, config.device_memory);
    let memory = Memory::new(&config.cache.join("devices"), &gpu.adapter);
    let key = models.batch_key(budget);
    if let Some(measured) = memory.get(&key) {
        models.set_batch(measured.batch);
        return Ok(said("measured before"));
    }
    config.say("measuring how many photos this GPU takes at a time best; done once");
    let measured = models.measure_batch(budget)?;
    if let Err(error) = memory.put(&key, measured) {
        config.say(format!("the measurement is not kept: {error}"));
    }
    Ok(said("measured now"))
}
