//! The tiny checkpoints of CLIP and SigLIP2 and what transformers says of them, for the tests of both
//! binaries.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use showroom_vision::engines::{Engine, Input};
use showroom_vision::input::PictureInput;
use showroom_vision::models;
use showroom_vision::models::pair::adopt::{Adopted, Origin};
use showroom_vision::weights::PullOptions;
use showroom_vision::weights::library::Library;

use crate::common::{self, picture};

pub const PAIRS: [&str; 2] = ["clip-tiny", "siglip2-tiny"];

#[derive(Deserialize)]
pub struct Expected {
    pub pictures: Vec<PictureCase>,
    pub texts: Vec<TextCase>,
}

#[derive(Deserialize)]
pub struct PictureCase {
    pub picture: String,
    pub embedding: Vec<f32>,
}

/// The tests on a GPU read the vectors alone.
#[allow(dead_code)]
#[derive(Deserialize)]
pub struct TextCase {
    pub text: String,
    pub ids: Vec<i64>,
    pub embedding: Vec<f32>,
    pub logits: Vec<f32>,
}

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
}

/// What transformers says of a checkpoint.
pub fn expected(name: &str) -> Expected {
    let text = std::fs::read(fixture(name).join("expected.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// A library over a cache of its own to which both checkpoints were added.
pub fn added() -> (tempfile::TempDir, Library) {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    for name in PAIRS {
        let adopted = Adopted::of(&fixture(name), name, &Origin::Folder).unwrap();
        adopted.write(&models).unwrap();
    }
    let cache = folder.path().join("cache");
    std::fs::create_dir_all(cache.join("models")).unwrap();
    // The built-in models are there too, but nothing is written where they really are.
    for model in std::fs::read_dir(common::cache().join("models")).unwrap() {
        let model = model.unwrap();
        let place = cache.join("models").join(model.file_name());
        std::os::unix::fs::symlink(model.path(), place).unwrap();
    }
    let library = Library::new(&[models], &cache).unwrap();
    let offline = PullOptions {
        offline: true,
        ..PullOptions::default()
    };
    for name in PAIRS {
        library.pull(name, &offline, &mut |_| {}).unwrap();
    }
    (folder, library)
}

/// The pictures of a checkpoint's cases through its tower, together.
pub fn embed(library: &Library, engine: &Engine, name: &str, pictures: &[&str]) -> Vec<Vec<f32>> {
    let input = PictureInput::new(&library.model(name).unwrap().manifest).unwrap();
    let mut tensor = Vec::new();
    for name in pictures {
        input.push(&picture(name, input.size()[0]), &mut tensor);
    }
    let tower = models::load(library, name).unwrap();
    let mut network = engine.prepare(&*tower).unwrap().open(1).unwrap();
    let outputs = network
        .run(&[Input::F32(&input.shape(pictures.len()), &tensor)])
        .unwrap();
    let width = outputs[0].data.len() / pictures.len();
    assert_eq!(outputs[0].shape, [pictures.len(), width]);
    outputs[0]
        .data
        .chunks_exact(width)
        .map(<[f32]>::to_vec)
        .collect()
}
