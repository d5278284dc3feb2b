//! The text detector against its reference (`models/pp-ocr/expected`): the network's numbers against
//! onnxruntime for Python, the boxes against rapidocr's.

use serde::Deserialize;
use showroom_catalog::Pixels;
use showroom_catalog::seams::{ModelError, TextBox, TextDetector};
use showroom_pixels::{DecodeOptions, decode_pixels};
use showroom_vision::engines::{EngineWish, Input};
use showroom_vision::input::PictureInput;
use showroom_vision::models;
use showroom_vision::text::TextModel;

use crate::common::{engine, library, models_folder, picture};

const MODEL: &str = "pp-ocr";
/// Largest difference of a probability from the reference: sums in another order.
const TOLERANCE: f32 = 1e-3;
/// Least overlap with a box that rapidocr makes of the same map: it rounds corners to pixels and takes
/// contours of OpenCV.
const SAME_MAP: f64 = 0.9;
/// And with a box of its whole detector, which looks at another size and grows the map before.
const WHOLE: f64 = 0.7;

#[derive(Deserialize)]
struct Expected {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Case {
    Map {
        size: usize,
        max: f32,
        map: Vec<f32>,
    },
    Boxes {
        boxes: Vec<[f64; 8]>,
        scores: Vec<f32>,
        whole: Vec<[f64; 8]>,
    },
}

fn expected() -> Vec<Case> {
    let path = models_folder().join(MODEL).join("expected/expected.json");
    let text = std::fs::read_to_string(path).unwrap();
    serde_json::from_str::<Expected>(&text).unwrap().cases
}

fn drawn() -> Pixels {
    let path = models_folder().join(MODEL).join("expected/text.png");
    decode_pixels(&std::fs::read(path).unwrap(), &DecodeOptions::default()).unwrap()
}

/// Intersection over union of two rectangles, counted on a grid.
fn overlap(one: &[[f64; 2]; 4], other: &[[f64; 2]; 4]) -> f64 {
    let inside = |corners: &[[f64; 2]; 4], x: f64, y: f64| {
        let side = |at: usize| {
            let (from, to) = (corners[at], corners[(at + 1) % 4]);
            (to[0] - from[0]) * (y - from[1]) - (to[1] - from[1]) * (x - from[0])
        };
        let sides = [0, 1, 2, 3].map(side);
        sides.iter().all(|side| *side >= 0.0) || sides.iter().all(|side| *side <= 0.0)
    };
    let (mut both, mut either) = (0u32, 0u32);
    for y in 0..640 {
        for x in 0..960 {
            let (x, y) = ((f64::from(x) + 0.5) / 960.0, (f64::from(y) + 0.5) / 640.0);
            let (a, b) = (inside(one, x, y), inside(other, x, y));
            both += u32::from(a && b);
            either += u32::from(a || b);
        }
    }
    f64::from(both) / f64::from(either.max(1))
}

fn corners(flat: &[f64; 8]) -> [[f64; 2]; 4] {
    [0, 1, 2, 3].map(|at| [flat[2 * at], flat[2 * at + 1]])
}

/// The index of the box that a wanted one is found as, and how well.
fn nearest(found: &[TextBox], wanted: &[f64; 8]) -> (usize, f64) {
    let overlaps = found.iter().map(|found| {
        let found = found.corners.map(|corner| corner.map(f64::from));
        overlap(&found, &corners(wanted))
    });
    let best = overlaps.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
    best.expect("something is found")
}

#[test]
fn the_network_gives_the_numbers_of_its_reference() {
    let library = library();
    let engine = engine(&library, EngineWish::OnnxRuntime);
    let model = models::load(&library, MODEL).unwrap();
    let mut network = engine.prepare(&*model).unwrap().open(1).unwrap();
    let input = PictureInput::new(&library.model(MODEL).unwrap().manifest).unwrap();
    let mut cases = 0;
    for case in expected() {
        let Case::Map { size, max, map } = case else {
            continue;
        };
        cases += 1;
        let mut tensor = Vec::new();
        input.push(&picture("letters", size), &mut tensor);
        let outputs = network
            .run(&[Input::F32(&[1, 3, size, size], &tensor)])
            .unwrap();
        let found = &outputs[0].data;
        assert_eq!(found.len(), size * size);
        let grid = (16..size).step_by(32);
        let sampled = grid
            .clone()
            .flat_map(|y| grid.clone().map(move |x| found[y * size + x]));
        let most = found.iter().copied().fold(0.0, f32::max);
        assert!(max > 0.9, "the letters are seen");
        let pairs = sampled.zip(map).chain([(most, max)]);
        for (at, (found, wanted)) in pairs.enumerate() {
            assert!(
                (found - wanted).abs() < TOLERANCE,
                "{at}: {found}, {wanted}"
            );
        }
    }
    assert_eq!(cases, 1);
}

#[test]
fn boxes_are_where_rapidocr_finds_them() {
    let library = library();
    let engine = engine(&library, EngineWish::OnnxRuntime);
    let model = TextModel::load(&library, MODEL, &engine).unwrap();
    let found = model.worker(1).unwrap().detect(&drawn()).unwrap().unwrap();
    let mut cases = 0;
    for case in expected() {
        let Case::Boxes {
            boxes,
            scores,
            whole,
        } = case
        else {
            continue;
        };
        cases += 1;
        assert_eq!(found.len(), boxes.len(), "{found:?}");
        for (wanted, score) in boxes.iter().zip(scores) {
            let (at, overlap) = nearest(&found, wanted);
            assert!(overlap >= SAME_MAP, "{wanted:?}: {overlap}");
            let difference = (found[at].score - score).abs();
            assert!(
                difference < 0.05,
                "{wanted:?}: {} and not {score}",
                found[at].score
            );
        }
        assert!(whole.len() >= 5, "the five lines");
        for wanted in &whole {
            let (_, overlap) = nearest(&found, wanted);
            assert!(overlap >= WHOLE, "{wanted:?}: {overlap}");
        }
    }
    assert_eq!(cases, 1);
}

#[test]
fn tiny_and_thin_photos_have_no_text_and_are_no_error() {
    let library = library();
    let engine = engine(&library, EngineWish::OnnxRuntime);
    let model = TextModel::load(&library, MODEL, &engine).unwrap();
    let mut worker = model.worker(1).unwrap();
    for (width, height) in [(1, 1), (3000, 2), (2, 700)] {
        let plain = Pixels {
            width,
            height,
            rgba: vec![255; width as usize * height as usize * 4],
        };
        let found = worker.detect(&plain).unwrap().unwrap();
        assert!(found.is_empty(), "{width} × {height}: {found:?}");
    }
}

#[test]
fn an_engine_that_cannot_run_it_and_another_model_are_refused_in_words() {
    let library = library();
    let burn = engine(&library, EngineWish::Burn);
    let error = TextModel::load(&library, MODEL, &burn).err();
    assert!(
        matches!(&error, Some(ModelError::Device(why)) if why.contains("models pull onnxruntime")),
        "{error:?}"
    );
    let onnxruntime = engine(&library, EngineWish::OnnxRuntime);
    let error = TextModel::load(&library, "u2netp", &onnxruntime).err();
    assert!(
        matches!(&error, Some(ModelError::BadInput(why)) if why.contains("pp-ocr")),
        "{error:?}"
    );
}
