//! `showroom backdrop`: products on a colour, a gradient, a picture, in a lit scene, or ([`super::prompt`]) in
//! what a model makes of words.

use std::path::Path;
use std::sync::Arc;

use showroom_catalog::seams::Maker;
use showroom_pipeline::{AssetEvent, FolderSink};
use showroom_pixels::{DecodeOptions, Limits, decode_pixels};
use showroom_studio::backdrop::{
    Backdrop, BackdropMaker, Environment, Gradient, Layout, Lit, Scene, parse_colour,
};

use super::{ended, is_file, make, prompt, read_text, said, short_hash};
use crate::args::studio::Backdrop as Verb;
use crate::config::Config;
use crate::exit::Failure;
use crate::table::{print, print_json, table};
use crate::wire::{self, Work};

/// The model that has the environments.
const ENVIRONMENTS: &str = "environments";
/// The environment that needs no file.
const SOFTBOX: &str = "softbox";
/// The longest file of an environment or a picture, in bytes.
const MAX_BYTES: u64 = 256 << 20;

/// A backdrop, and what changes whenever it does.
pub(super) struct Named {
    pub backdrop: Backdrop,
    pub id: String,
}

pub fn run(config: &Config, verb: &Verb) -> Result<(), Failure> {
    if verb.list {
        return list(config);
    }
    let Some(output) = &verb.output else {
        return Err(Failure::Usage("name a folder with -o".into()));
    };
    let mut assets = Vec::new();
    let mut each = |event: &AssetEvent| {
        if let AssetEvent::Done { assets: done, .. } = event {
            assets.extend(done.iter().cloned());
        }
    };
    let (summary, what) = match (&verb.prompt, &verb.on) {
        (Some(prompt), _) => {
            let sink = FolderSink::new(output)?;
            let summary = prompt::make(config, verb, prompt, &sink, &mut each)?;
            (summary, format!("put on {prompt:?}"))
        }
        (None, Some(on)) => {
            let named = named(config, on, verb.seed)?;
            let what = format!("put on {}", named.id);
            let makers = makers(config, verb, named)?;
            let sink = FolderSink::new(output)?;
            (make(config, &verb.photos, makers, &sink, &mut each)?, what)
        }
        (None, None) => return Err(Failure::Usage("name a backdrop with --on".into())),
    };
    assets.sort_by(|a, b| a.uri.cmp(&b.uri));
    match config.json {
        true => assets.iter().try_for_each(print_json)?,
        false => assets
            .iter()
            .try_for_each(|asset| print(output.join(&asset.file).display()))?,
    }
    config.say(said(&summary, &what));
    ended(&summary, &verb.photos)
}

/// Makers that put products on a backdrop, as many as work at a time.
fn makers(config: &Config, verb: &Verb, named: Named) -> Result<Vec<Box<dyn Maker>>, Failure> {
    let backdrop = Arc::new(named.backdrop);
    let (engine, matting) = wire::matting(config, &verb.model, Work::Bulk)?;
    config.say(&engine);
    let maker = |matting| -> Box<dyn Maker> {
        Box::new(BackdropMaker {
            matting,
            backdrop: backdrop.clone(),
            backdrop_id: named.id.clone(),
            layout: Layout {
                fill: verb.fill,
                aspect: Some(verb.aspect),
                longest_side: verb.size,
                harmonise: verb.harmonise,
                seed: verb.seed,
            },
            format: verb.format.into(),
            quality: verb.quality,
            limits: Limits::default(),
        })
    };
    Ok(matting.into_iter().map(maker).collect())
}

/// What `--on` names.
fn named(config: &Config, on: &str, seed: u64) -> Result<Named, Failure> {
    if let Some(named) = built_in(config, on, seed) {
        return named;
    }
    let Some(path) = is_file(on) else {
        let names: Vec<&str> = Scene::built_in_names().collect();
        return Err(Failure::Usage(format!(
            "--on {on:?} is no colour (#rrggbb), no file and no scene; there are white, {}",
            names.join(", ")
        )));
    };
    let bad = |reason: String| Failure::BadInput(format!("{}: {reason}", path.display()));
    if path.extension().is_some_and(|ending| ending == "toml") {
        let scene = Scene::parse(&read_text(&path)?).map_err(bad)?;
        return lit(config, scene, path.parent(), seed);
    }
    let bytes = read(&path)?;
    let options = DecodeOptions {
        min_side: u32::MAX,
        ..DecodeOptions::default()
    };
    let picture = decode_pixels(&bytes, &options).map_err(|error| bad(error.to_string()))?;
    Ok(Named {
        backdrop: Backdrop::Picture(picture),
        id: format!("picture@{}", short_hash(&bytes)),
    })
}

/// A backdrop that needs no file of the user's: a colour, a gradient or a scene. `None` where it is none.
pub(super) fn built_in(config: &Config, on: &str, seed: u64) -> Option<Result<Named, Failure>> {
    if let Some(backdrop) = colours(on) {
        let named = backdrop.map(|backdrop| Named {
            backdrop,
            id: on.to_string(),
        });
        return Some(named.map_err(|reason| Failure::Usage(format!("--on: {reason}"))));
    }
    let scene = Scene::built_in(on)?;
    Some(
        scene
            .map_err(Failure::Other)
            .and_then(|scene| lit(config, scene, None, seed)),
    )
}

/// `white`, `#rrggbb` or a gradient. `None` where it is none of them.
pub(super) fn colours(on: &str) -> Option<Result<Backdrop, String>> {
    match on {
        "white" => Some(Ok(Backdrop::Plain([255; 3]))),
        _ if !on.starts_with('#') => None,
        _ if on.contains("..") => Some(gradient(on).map(Backdrop::Gradient)),
        _ => Some(parse_colour(on).map(Backdrop::Plain)),
    }
}

/// `#from..#to` or `#from..#to@degrees`.
fn gradient(on: &str) -> Result<Gradient, String> {
    let (colours, angle) = match on.split_once('@') {
        Some((colours, angle)) => {
            let bad = || format!("{angle:?} is no angle in degrees");
            let angle: f32 = angle.parse().map_err(|_| bad())?;
            (colours, angle.is_finite().then_some(angle).ok_or_else(bad)?)
        }
        None => (on, 90.0),
    };
    let (from, to) = colours
        .split_once("..")
        .ok_or("write a gradient as #from..#to")?;
    Ok(Gradient {
        from: parse_colour(from)?,
        to: parse_colour(to)?,
        angle,
    })
}

/// A scene with its light; a file of light is looked for beside the scene.
fn lit(config: &Config, scene: Scene, beside: Option<&Path>, seed: u64) -> Result<Named, Failure> {
    let name = scene.light.environment.clone();
    let library = wire::library(config)?;
    let path = match name.as_str() {
        SOFTBOX => None,
        name if name.ends_with(".exr") => Some(beside.unwrap_or(Path::new(".")).join(name)),
        name => Some(library.file(ENVIRONMENTS, name)?),
    };
    let (environment, hash) = match path {
        None => (Environment::softbox(), String::new()),
        Some(path) => {
            let bytes = read(&path)?;
            let environment = Environment::read(&bytes).map_err(|error| {
                Failure::BadInput(format!("{} gives no light: {error}", path.display()))
            })?;
            (environment, short_hash(&bytes))
        }
    };
    let id = format!(
        "{}@{}",
        scene.name,
        short_hash(format!("{scene:?} {hash}").as_bytes())
    );
    Ok(Named {
        backdrop: Backdrop::Scene(Box::new(Lit::new(scene, &environment, seed))),
        id,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let bad = |reason: String| Failure::BadInput(format!("{}: {reason}", path.display()));
    let size = std::fs::metadata(path)
        .map_err(|error| bad(error.to_string()))?
        .len();
    if size > MAX_BYTES {
        return Err(bad(format!("it is {size} bytes, more than {MAX_BYTES}")));
    }
    std::fs::read(path).map_err(|error| bad(error.to_string()))
}

fn list(config: &Config) -> Result<(), Failure> {
    let scenes = Scene::built_in_names().filter_map(Scene::built_in);
    let scenes: Vec<Scene> = scenes.collect::<Result<_, _>>().map_err(Failure::Other)?;
    if config.json {
        return scenes.iter().try_for_each(|scene| {
            print_json(&serde_json::json!({
                "name": scene.name, "title": scene.title, "environment": scene.light.environment,
            }))
        });
    }
    let mut rows = table(&["SCENE", "WHAT IT IS", "LIGHT"]);
    for scene in &scenes {
        rows.add_row([&scene.name, &scene.title, &scene.light.environment]);
    }
    print(rows)
}
