//! Stable Diffusion's inpainting models against diffusers, on tiny checkpoints with the options of 1.5 and of 2
//! (`models/stable-diffusion-inpainting/expected/make_expected.py`).

use serde::Deserialize;
use serde_json::{Map, Value};
use showroom_catalog::Pixels;
use showroom_catalog::seams::{Inpainting, ModelError, Wanted};
use showroom_vision::diffusion::scheduler::Scheduler;
use showroom_vision::diffusion::{Checkpoint, Diffusion, Keys};
use showroom_vision::engines::Engine;

use crate::tiny_diffusion::{described, uniform, write};

const KINDS: [&str; 2] = ["sd1-tiny", "sd2-tiny"];
/// Largest difference from the reference, of its largest number: some hundred roundings of f32 in a row.
const TOLERANCE: f32 = 2e-4;
/// And after all steps, each of which takes what the one before left.
const LOOP_TOLERANCE: f32 = 2e-3;
/// Latent pixels of the cases: width and height.
const SIZE: (usize, usize) = (12, 16);

#[derive(Deserialize)]
struct Expected {
    kept: usize,
    width: u32,
    height: u32,
    steps: u32,
    guidance: f32,
    prompt: String,
    negative: String,
    texts: Vec<Text>,
    unet: Step,
    encoded: Vec<f32>,
    decoded: Vec<f32>,
    loops: Vec<Loop>,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    ids: Vec<i64>,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Step {
    timestep: f64,
    out: Vec<f32>,
}

#[derive(Deserialize)]
struct Loop {
    name: String,
    scheduler: Map<String, Value>,
    latents: Vec<f32>,
    pixels: Option<Vec<u8>>,
}

fn expected(kind: &str) -> Expected {
    let text = std::fs::read(described(kind).join("expected.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn open(kind: &str) -> (tempfile::TempDir, Diffusion) {
    let folder = tempfile::tempdir().unwrap();
    write(kind, folder.path());
    let checkpoint = Checkpoint::open(folder.path(), Some(kind)).unwrap();
    let model = Diffusion::open(&checkpoint, &Engine::Flex).unwrap();
    (folder, model)
}

fn f32s(name: &str, count: usize) -> Vec<f32> {
    uniform(name, count).into_iter().map(|x| x as f32).collect()
}

#[track_caller]
fn assert_alike(found: &[f32], every: usize, wanted: &[f32], tolerance: f32, what: &str) {
    let found: Vec<f32> = found.iter().step_by(every).copied().collect();
    assert_eq!(found.len(), wanted.len(), "{what}");
    let most = wanted.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let off = found.iter().zip(wanted).map(|(a, b)| (a - b).abs());
    let off = off.fold(0.0, f32::max);
    assert!(off <= tolerance * most, "{what}: off by {off} of {most}");
}

/// The picture of make_expected.py: an ellipse of bytes that follow from their place.
fn product(width: u32, height: u32) -> Pixels {
    let bytes = uniform("picture", (width * height * 3) as usize);
    let bytes: Vec<u8> = bytes
        .into_iter()
        .map(|x| ((x + 1.0) * 127.0) as u8)
        .collect();
    let pixels = bytes.as_chunks::<3>().0.iter().enumerate();
    let rgba = pixels.flat_map(|(at, [r, g, b])| {
        let (x, y) = ((at as u32 % width) as f32, (at as u32 / width) as f32);
        let is_product = ((x - 11.5) / 8.0).powi(2) + ((y - 15.5) / 10.0).powi(2) < 1.0;
        [*r, *g, *b, if is_product { 255 } else { 0 }]
    });
    Pixels {
        width,
        height,
        rgba: rgba.collect(),
    }
}

fn wanted(expected: &Expected) -> Wanted {
    Wanted {
        prompt: expected.prompt.clone(),
        negative: expected.negative.clone(),
        steps: expected.steps,
        guidance: expected.guidance,
        seed: 0,
    }
}

#[test]
fn words_and_both_networks_equal_diffusers() {
    for kind in KINDS {
        let (expected, (_folder, model)) = (expected(kind), open(kind));
        for case in &expected.texts {
            let what = format!("{kind}, {:?}", case.text);
            assert_eq!(model.tokens(&case.text).unwrap(), case.ids, "{what}");
            let found = model.embed(&case.text).unwrap();
            assert_alike(&found, 7, &case.embedding, TOLERANCE, &what);
        }
        let every = expected.kept;
        let Step { timestep, out } = &expected.unet;
        let nine = f32s("nine", 9 * 16 * 12);
        let found = model.predict(nine, SIZE, *timestep, &expected.texts[0].text);
        assert_alike(
            &found.unwrap(),
            every,
            out,
            TOLERANCE,
            &format!("{kind}, U-Net"),
        );
        let pixels = f32s("pixels", 3 * 32 * 24);
        let found = model.encode(pixels, (24, 32)).unwrap();
        assert_alike(
            &found,
            every,
            &expected.encoded,
            TOLERANCE,
            &format!("{kind}, encoder"),
        );
        let found = model.decode(latents(), SIZE).unwrap();
        assert_alike(
            &found,
            every,
            &expected.decoded,
            TOLERANCE,
            &format!("{kind}, decoder"),
        );
    }
}

/// The noise of make_expected.py.
fn latents() -> Vec<f32> {
    let numbers = f32s("latents", 4 * 16 * 12).into_iter();
    numbers.map(|x| x * 3f32.sqrt()).collect()
}

#[test]
fn all_steps_equal_the_pipeline_of_diffusers_with_each_scheduler() {
    for kind in KINDS {
        let (expected, (_folder, mut model)) = (expected(kind), open(kind));
        let product = product(expected.width, expected.height);
        assert_eq!(
            model.size(24, 32),
            (24, 40),
            "about as many pixels as 32 × 32"
        );
        let wanted = wanted(&expected);
        for case in &expected.loops {
            let what = format!("{kind}, {}", case.name);
            let keys = Keys::of("scheduler", case.scheduler.clone());
            model = model.with_scheduler(Scheduler::parse(keys).unwrap());
            let mut told = Vec::new();
            let found = model.denoise(&wanted, &product, latents(), &mut |done, all| {
                told.push((done, all));
                true
            });
            let found = found.unwrap();
            assert_alike(&found, expected.kept, &case.latents, LOOP_TOLERANCE, &what);
            // PNDM makes its second step twice.
            let steps = expected.steps as usize
                + usize::from(what.contains("pndm") || what == "sd2-tiny, own");
            assert_eq!(
                told,
                (0..=steps).map(|done| (done, steps)).collect::<Vec<_>>(),
                "{what}"
            );
            let Some(pixels) = &case.pixels else { continue };
            let shown = model.picture(&found, 24, 32).unwrap();
            let rgb = shown.rgba.as_chunks::<4>().0.iter().flat_map(|p| &p[..3]);
            let off = rgb
                .step_by(expected.kept)
                .zip(pixels)
                .map(|(a, b)| a.abs_diff(*b));
            let (off, count) = off.fold((0, 0), |(most, count), off| (most.max(off), count + 1));
            assert!(off <= 1 && count == pixels.len(), "{what}: {off} levels");
        }
    }
}

#[test]
fn a_seed_gives_the_same_picture_and_a_run_can_be_stopped() {
    let (_folder, mut model) = open("sd1-tiny");
    let product = product(24, 32);
    let wanted = |seed| Wanted {
        seed,
        steps: 3,
        ..wanted(&expected("sd1-tiny"))
    };
    let mut paint = |wanted: &Wanted| model.paint(wanted, &product, &mut |_, _| true).unwrap();
    let first = paint(&wanted(1));
    assert_eq!((first.width, first.height), (24, 40));
    assert_eq!(first, paint(&wanted(1)));
    assert_ne!(first, paint(&wanted(2)));
    let other_words = Wanted {
        prompt: "on snow".into(),
        ..wanted(1)
    };
    assert_ne!(first, paint(&other_words));
    let stopped = model.paint(&wanted(1), &product, &mut |done, _| done < 2);
    assert!(matches!(stopped, Err(ModelError::Stopped)), "{stopped:?}");
    let too_many = Wanted {
        steps: 1001,
        ..wanted(1)
    };
    let error = model
        .paint(&too_many, &product, &mut |_, _| true)
        .unwrap_err();
    assert!(matches!(error, ModelError::BadInput(_)), "{error}");
}

#[test]
fn what_is_missing_wrong_or_not_known_is_said_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let error = |folder: &std::path::Path| {
        let checkpoint = Checkpoint::open(folder, None)?;
        Diffusion::open(&checkpoint, &Engine::Flex).map(drop)
    };
    let missing = error(folder.path()).unwrap_err();
    assert!(matches!(missing, ModelError::Missing(_)));
    assert!(
        missing.to_string().contains("has no model_index.json"),
        "{missing}"
    );
    write("sd1-tiny", folder.path());
    error(folder.path()).unwrap();
    // A file, what is replaced in it, and what is said.
    for (file, from, to, said) in [
        (
            "model_index.json",
            "StableDiffusionInpaintPipeline",
            "StableDiffusionXLPipeline",
            "StableDiffusionXLPipeline",
        ),
        (
            "unet/config.json",
            "\"in_channels\": 9",
            "\"in_channels\": 4",
            "an inpainting model",
        ),
        (
            "unet/config.json",
            "\"class_embed_type\": null",
            "\"class_embed_type\": \"timestep\"",
            "class_embed_type",
        ),
        (
            "unet/config.json",
            "\"cross_attention_dim\": 24",
            "\"cross_attention_dim\": 32",
            "parts of two models",
        ),
        (
            "unet/config.json",
            "\"layers_per_block\": 1",
            "\"layers_per_block\": 2",
            "there is no tensor",
        ),
        (
            "vae/config.json",
            "\"layers_per_block\": 1",
            "\"layers_per_block\": 2",
            "there is no tensor",
        ),
        (
            "vae/config.json",
            "\"shift_factor\": null",
            "\"shift_factor\": 0.1",
            "shift_factor",
        ),
        (
            "text_encoder/config.json",
            "quick_gelu",
            "relu",
            "hidden_act",
        ),
        (
            "scheduler/scheduler_config.json",
            "DDIMScheduler",
            "LCMScheduler",
            "EulerDiscreteScheduler",
        ),
        (
            "scheduler/scheduler_config.json",
            "\"clip_sample\": false",
            "\"clip_sample\": true",
            "clip_sample",
        ),
        (
            "scheduler/scheduler_config.json",
            "\"thresholding\": false",
            "\"thresholding\": true",
            "thresholding",
        ),
        ("tokenizer/vocab.json", "endoftext", "end", "endoftext"),
    ] {
        let path = folder.path().join(file);
        let right = std::fs::read_to_string(&path).unwrap();
        assert!(right.contains(from), "{file} has no {from}");
        std::fs::write(&path, right.replace(from, to)).unwrap();
        let refused = error(folder.path()).unwrap_err();
        assert!(
            matches!(refused, ModelError::Refused(_)),
            "{file}: {refused}"
        );
        let sentence = refused.to_string();
        assert!(sentence.contains(said), "{file}: {sentence}");
        std::fs::write(&path, right).unwrap();
    }
    // More than is known, less than is needed, and a file that is cut off.
    let unet = folder.path().join("unet");
    let config = unet.join("config.json");
    let right = std::fs::read_to_string(&config).unwrap();
    let dense = right.replace("\"flip_sin_to_cos\": true", "\"flip_sin_to_cos\": 1");
    std::fs::write(&config, dense).unwrap();
    assert!(
        error(folder.path())
            .unwrap_err()
            .to_string()
            .contains("flip_sin_to_cos")
    );
    std::fs::write(&config, right).unwrap();
    let weights = unet.join("diffusion_pytorch_model.safetensors");
    let bytes = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &bytes[..bytes.len() - 4]).unwrap();
    assert!(matches!(error(folder.path()), Err(ModelError::Refused(_))));
    std::fs::remove_file(&weights).unwrap();
    let missing = error(folder.path()).unwrap_err();
    assert!(matches!(missing, ModelError::Missing(_)), "{missing}");
    assert!(
        missing
            .to_string()
            .contains("unet/diffusion_pytorch_model.safetensors")
    );
}

#[test]
fn a_model_is_another_when_any_file_is() {
    let folder = tempfile::tempdir().unwrap();
    write("sd1-tiny", folder.path());
    let id = || {
        Checkpoint::open(folder.path(), Some("tiny"))
            .unwrap()
            .id()
            .unwrap()
    };
    let first = id();
    assert!(first.starts_with("tiny@") && first.len() == 21, "{first}");
    assert_eq!(first, id());
    let path = folder
        .path()
        .join("vae/diffusion_pytorch_model.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert_ne!(first, id());
}
