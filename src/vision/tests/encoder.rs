//! The way from a photo to its features, against Pillow, onnxruntime and PyTorch
//! (`models/efficientnet-lite2/expected/make_product.py`), and photos that are awkward.

use serde::Deserialize;
use showroom_catalog::Photo;
use showroom_catalog::embedding::dot;
use showroom_catalog::seams::{Encoder, Features};
use showroom_vision::encoder::{ProductEncoder, ProductModels};
use showroom_vision::engines::EngineWish;

use crate::common::{engine, library, models_folder, photo, picture};

/// Least cosine to the reference. Pillow resizes the crop with its white border at once, we the photo's
/// part alone, so that pixels along the border differ.
const MIN_COSINE: f32 = 0.999;

fn encoder(wish: EngineWish) -> ProductEncoder {
    let library = library();
    let engine = engine(&library, wish);
    let models = ProductModels::load(&library, "efficientnet-lite2", "u2netp", &engine).unwrap();
    models.worker(1).unwrap()
}

/// Part of a picture of 320 × 320 pixels: left, top, right, bottom.
fn part(name: &str, [left, top, right, bottom]: [usize; 4]) -> Photo {
    let rgb = picture(name, 320);
    let mut rgba = Vec::new();
    for y in top..bottom {
        for x in left..right {
            rgba.extend_from_slice(&rgb[(y * 320 + x) * 3..][..3]);
            rgba.push(255);
        }
    }
    photo((right - left) as u32, (bottom - top) as u32, rgba)
}

#[derive(Deserialize)]
struct Case {
    picture: String,
    part: [usize; 4],
    shape: Vec<f32>,
    top: usize,
    top_share: f32,
}

#[derive(Deserialize)]
struct Expected {
    cases: Vec<Case>,
}

fn cases() -> Vec<Case> {
    let path = models_folder().join("efficientnet-lite2/expected/product.json");
    serde_json::from_str::<Expected>(&std::fs::read_to_string(path).unwrap())
        .unwrap()
        .cases
}

fn assert_same(found: &Features, single: &Features, what: &str) {
    assert!(dot(&found.shape, &single.shape) > 0.99999, "{what}");
    assert_eq!(
        (&found.colours, &found.colour),
        (&single.colours, &single.colour),
        "{what}"
    );
    assert_eq!(found.product_share, single.product_share, "{what}");
}

#[test]
fn features_equal_the_reference_one_by_one_and_in_a_batch() {
    // The networks themselves are compared on both engines in `models.rs`; burn is slow with masks.
    for (wish, count) in [(EngineWish::OnnxRuntime, usize::MAX), (EngineWish::Burn, 1)] {
        let mut encoder = encoder(wish);
        let cases = cases().into_iter().take(count).collect::<Vec<_>>();
        let photos = cases
            .iter()
            .map(|case| part(&case.picture, case.part))
            .collect::<Vec<_>>();
        let batch = encoder.encode(&photos).unwrap();
        for ((case, photo), in_batch) in cases.iter().zip(&photos).zip(batch) {
            let what = format!("{wish:?}, {} {:?}", case.picture, case.part);
            let found = encoder
                .encode(std::slice::from_ref(photo))
                .unwrap()
                .remove(0)
                .unwrap();
            let cosine = dot(&found.shape, &case.shape);
            assert!(cosine > MIN_COSINE, "{what}: cosine {cosine}");
            let top = (0..1000).max_by(|&a, &b| found.classes[a].total_cmp(&found.classes[b]));
            assert_eq!(top, Some(case.top), "{what}");
            let share = found.classes[case.top];
            assert!(
                (share - case.top_share).abs() < 0.03,
                "{what}: {share} and not {}",
                case.top_share
            );
            assert!(
                (found.classes.iter().sum::<f32>() - 1.0).abs() < 1e-4,
                "{what}"
            );
            assert_same(&in_batch.unwrap(), &found, &what);
        }
    }
}

#[test]
fn colours_are_those_of_the_product_and_not_of_its_background() {
    let mut encoder = encoder(EngineWish::OnnxRuntime);
    let found = encoder
        .encode(&[part("disc", [0, 0, 320, 320])])
        .unwrap()
        .remove(0)
        .unwrap();
    assert_eq!(found.colours[0].name, "red", "{:?}", found.colours);
    assert!(
        found.colours.iter().all(|colour| colour.name != "white"),
        "{:?}",
        found.colours
    );
    // The disc covers π · 0.32² of the picture.
    assert!(
        (found.product_share - 0.32).abs() < 0.02,
        "{}",
        found.product_share
    );
    assert!((dot(&found.colour, &found.colour) - 1.0).abs() < 1e-4);
}

#[test]
fn transparency_is_the_mask_of_a_photo_that_was_cut_out() {
    // A green square in the upper left quarter; under the transparent rest the pixels are red.
    let inside = |i: usize| i % 100 < 50 && i / 100 < 50;
    let rgba = (0..100 * 100).flat_map(|i| {
        if inside(i) {
            [20, 140, 40, 255]
        } else {
            [255, 0, 0, 0]
        }
    });
    let mut encoder = encoder(EngineWish::OnnxRuntime);
    let found = encoder
        .encode(&[photo(100, 100, rgba.collect())])
        .unwrap()
        .remove(0)
        .unwrap();
    assert_eq!(found.colours.len(), 1, "{:?}", found.colours);
    assert_eq!(found.colours[0].name, "green");
    assert!(
        (found.product_share - 0.25).abs() < 0.01,
        "{}",
        found.product_share
    );
}

#[test]
fn a_broken_photo_among_good_ones_is_an_error_of_its_own() {
    let mut encoder = encoder(EngineWish::OnnxRuntime);
    let good = part("coffee", [0, 0, 320, 240]);
    let one_pixel = photo(1, 1, vec![10, 20, 200, 255]);
    let white = photo(40, 3, vec![255; 480]);
    let photos = [
        photo(0, 0, vec![]),
        good.clone(),
        photo(9, 9, vec![1, 2, 3]),
        one_pixel,
        white,
    ];
    let found = encoder.encode(&photos).unwrap();
    let alone = encoder.encode(&[good]).unwrap().remove(0).unwrap();
    assert!(found[0].is_err() && found[2].is_err());
    assert_same(found[1].as_ref().unwrap(), &alone, "the good one");
    let one_pixel = found[3].as_ref().unwrap();
    assert_eq!(
        (one_pixel.colours[0].name.as_str(), one_pixel.product_share),
        ("blue", 0.0)
    );
    let white = found[4].as_ref().unwrap();
    assert_eq!(
        (white.colours[0].name.as_str(), white.product_share),
        ("white", 0.0)
    );
    assert!((dot(&white.shape, &white.shape) - 1.0).abs() < 1e-4);
    assert!(encoder.encode(&[]).unwrap().is_empty());
}
