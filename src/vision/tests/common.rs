//! What the tests share: the cached models, the engines and the pictures.

use std::path::{Path, PathBuf};

use showroom_catalog::{Facts, Format, Photo, PhotoId, PhotoRef, Pixels};
use showroom_vision::engines::device::DeviceWish;
use showroom_vision::engines::pictures::Picture;
use showroom_vision::engines::{Engine, EngineChoice, EngineWish, Wishes};
use showroom_vision::weights::library::Library;

/// Where `make test` has fetched the models to.
pub fn cache() -> PathBuf {
    let home = |name: &str| std::env::var_os(name).map(PathBuf::from);
    home("SHOWROOM_CACHE")
        .or_else(|| home("XDG_CACHE_HOME").map(|dir| dir.join("showroom")))
        .or_else(|| home("HOME").map(|dir| dir.join(".cache/showroom")))
        .expect("the models are in $SHOWROOM_CACHE or ~/.cache/showroom")
}

/// The models in the cache.
pub fn library() -> Library {
    Library::new(&[], &cache()).expect("the built-in manifests are right")
}

/// An engine of the CPU, with the library that `make test` has fetched.
pub fn engine(library: &Library, engine: EngineWish) -> Engine {
    let path = library
        .file("onnxruntime", "library")
        .expect("run `make test`, which fetches it");
    let wishes = Wishes {
        engine,
        device: DeviceWish::Cpu,
        ..Wishes::default()
    };
    EngineChoice::new(&wishes, Some(&path))
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

/// A photo of these pixels, of which nothing else is known.
pub fn photo(width: u32, height: u32, rgba: Vec<u8>) -> Photo {
    Photo {
        id: PhotoId([0; 32]),
        source: PhotoRef {
            uri: String::new(),
            etag: String::new(),
            bytes: 0,
            sku: None,
        },
        pixels: Pixels {
            width,
            height,
            rgba,
        },
        facts: Facts {
            width,
            height,
            bytes: 0,
            format: Format::Png,
            sharpness: 0.0,
            brightness: 0.0,
            clipped_dark: 0.0,
            clipped_bright: 0.0,
            border_white: 0.0,
            border_uniform: 0.0,
            transparent: 0.0,
            product_share: 0.0,
            phash: 0,
        },
    }
}
