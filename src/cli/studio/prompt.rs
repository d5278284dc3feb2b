//! `showroom backdrop --prompt`: what is round the product is made of words, by a diffusion model whose weights
//! the user gives.

use std::path::Path;
use std::time::Instant;

use showroom_catalog::seams::{Maker, Wanted};
use showroom_pipeline::{AssetSummary, FolderSink};
use showroom_pixels::Limits;
use showroom_studio::backdrop::InpaintMaker;
use showroom_vision::diffusion::{Checkpoint, Diffusion, from_hub};

use super::{Each, Watch, make_watched};
use crate::args::studio::Backdrop as Verb;
use crate::config::Config;
use crate::exit::Failure;
use crate::progress::{Bar, human_seconds};
use crate::wire::{self, Work};

/// What names a checkpoint of the hub.
const HUB: &str = "hub:";
/// Its branch, where none is named.
const REVISION: &str = "main";

/// Makes the pictures; gives what was made of what.
pub fn make(
    config: &Config,
    verb: &Verb,
    prompt: &str,
    sink: &FolderSink,
    each: Each<'_>,
) -> Result<AssetSummary, Failure> {
    if prompt.trim().is_empty() {
        return Err(Failure::Usage(
            "--prompt has no words: say what is to be round the product".into(),
        ));
    }
    let checkpoint = checkpoint(config, verb.diffusion.as_deref())?;
    let (matting_engine, matting) = wire::matting(config, &verb.model, Work::Question)?;
    let (engine, model) = wire::diffusion(config, &checkpoint)?;
    config.say(&matting_engine);
    let watch = Watch::new(config)?;
    say_how_long(config, &engine, &model);
    let maker = |matting| -> Box<dyn Maker> {
        Box::new(InpaintMaker {
            matting,
            model: Box::new(model),
            wanted: Wanted {
                prompt: prompt.trim().to_string(),
                negative: verb.negative.trim().to_string(),
                steps: verb.steps,
                guidance: verb.guidance,
                seed: verb.seed,
            },
            fill: verb.fill,
            aspect: verb.aspect,
            longest_side: verb.size,
            format: verb.format.into(),
            quality: verb.quality,
            limits: Limits::default(),
            step: steps(&watch),
        })
    };
    // One at a time: the model takes most of the memory and all of the device.
    let makers = matting.into_iter().next().map(maker);
    make_watched(
        config,
        &verb.photos,
        makers.into_iter().collect(),
        sink,
        &watch,
        each,
    )
}

/// Moves the bar from step to step; stops once the user wants to.
fn steps(watch: &Watch) -> Box<dyn FnMut(usize, usize) -> bool + Send> {
    let (bar, cancel) = (watch.bar.clone(), watch.cancel.clone());
    let mut began = Instant::now();
    Box::new(move |done, all| {
        if done == 0 {
            began = Instant::now();
        }
        show(&bar, done, all, began.elapsed().as_secs_f64());
        !cancel.is_cancelled()
    })
}

fn show(bar: &Bar, done: usize, all: usize, seconds: f64) {
    let left = match done {
        0 => String::new(),
        done => {
            let left = seconds / done as f64 * (all - done) as f64;
            format!(", {} left for this photo", human_seconds(left))
        }
    };
    bar.show(done as u64, Some(all as u64), format!("steps{left}"));
}

/// Where it computes, and what that means.
fn say_how_long(config: &Config, engine: &wire::Taken, model: &Diffusion) {
    let name = showroom_catalog::seams::Inpainting::id(model);
    config.say(match engine.engine().gpu() {
        Some(gpu) => format!("{name} on {}, f32", gpu.adapter),
        None => format!(
            "{name} on the CPU, where a step of a full-size model takes from half a minute to some minutes, and \
             a photo --steps of them; a GPU is used where --device finds one"
        ),
    });
}

/// The checkpoint that `--diffusion` names.
fn checkpoint(config: &Config, named: Option<&str>) -> Result<Checkpoint, Failure> {
    let Some(named) = named else {
        return Err(Failure::Model(
            "--prompt needs the weights of a diffusion inpainting model, which do not come with showroom: give \
             --diffusion DIR, the folder of a Stable Diffusion 1.5 or 2 inpainting model in the layout of diffusers \
             (model_index.json and the folders unet, vae, text_encoder, tokenizer, scheduler), or --diffusion \
             hub:OWNER/NAME; or take --on with a scene (showroom backdrop --list), a picture or a TOML file"
                .to_string(),
        ));
    };
    let Some(repository) = named.strip_prefix(HUB) else {
        return Ok(Checkpoint::open(Path::new(named), None)?);
    };
    let (repository, revision) = repository.split_once('@').unwrap_or((repository, REVISION));
    let options = wire::pull_options(config);
    let mut asking = |file: &str| config.say(format!("fetching {file} of {repository}"));
    let named = (repository, revision);
    Ok(from_hub(&config.cache, &options, named, &mut asking)?)
}
