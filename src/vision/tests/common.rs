//! What the tests share: the cached models, the engines and the pictures.

use std::path::{Path, PathBuf};

use showroom_vision::engines::pictures::Picture;
use showroom_vision::engines::{Engine, EngineChoice, EngineWish};
use showroom_vision::weights::library::Library;

/// The models in the cache; `make test` has fetched them.
pub fn library() -> Library {
    let home = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = home("SHOWROOM_CACHE")
        .or_else(|| home("XDG_CACHE_HOME").map(|dir| dir.join("showroom")))
        .or_else(|| home("HOME").map(|dir| dir.join(".cache/showroom")))
        .expect("the models are in $SHOWROOM_CACHE or ~/.cache/showroom");
    Library::new(&[], &cache).expect("the built-in manifests are right")
}

/// An engine, with the library that `make test` has fetched.
pub fn engine(library: &Library, wish: EngineWish) -> Engine {
    let path = library
        .file("onnxruntime", "library")
        .expect("run `make test`, which fetches it");
    EngineChoice::new(wish, Some(&path))
        .expect("the engine loads")
        .engine
}

pub fn models_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models")
}

/// A picture of `models/pictures/pictures.py`, RGB.
pub fn picture(name: &str, size: usize) -> Vec<u8> {
    if let Some(picture) = Picture::named(name) {
        return picture.rgb(size);
    }
    let file = std::fs::read(models_folder().join(format!("pictures/{name}.ppm"))).unwrap();
    let small = file.strip_prefix(b"P6\n80 80\n255\n").unwrap();
    let place = |i: usize| ((i / size / 4) * 80 + i % size / 4) * 3;
    (0..size * size)
        .flat_map(|i| &small[place(i)..][..3])
        .copied()
        .collect()
}
