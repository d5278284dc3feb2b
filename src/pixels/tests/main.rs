//! showroom-pixels against independent implementations (Pillow, LittleCMS, imagehash, scikit-image, numpy:
//! `oracle/make_expected.py` made the fixtures and numbers) and against hostile bytes.

mod against_pillow;
mod colours;
mod hostile;
mod numbers;
mod scaled;

use std::path::{Path, PathBuf};

use showroom_catalog::Pixels;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn fixture(name: &str) -> Vec<u8> {
    let path = fixtures().join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The numbers of `oracle/make_expected.py`.
fn expected() -> serde_json::Value {
    serde_json::from_str(include_str!("expected.json")).unwrap()
}

/// `pattern` of `oracle/make_expected.py`: the same bytes, made by the same integer formulas.
fn pattern(width: u32, height: u32) -> Pixels {
    let (w, h) = (u64::from(width), u64::from(height));
    let places = (0..h).flat_map(|y| (0..w).map(move |x| (x, y)));
    let rgba = places
        .flat_map(|(x, y)| {
            let red = (x * x * 3 + y * y * 5 + x * y) >> 9;
            let green = if (x / 37 + y / 29) % 2 == 0 {
                x * 255 / w
            } else {
                y * 255 / h
            };
            let blue = ((x ^ y) * 3) >> 1;
            [red as u8, green as u8, blue as u8, 255]
        })
        .collect();
    Pixels {
        width,
        height,
        rgba,
    }
}
