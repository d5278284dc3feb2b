//! Each model on each engine against its reference implementation (`models/<name>/expected`), and a
//! batch against its singles.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use showroom_catalog::embedding::dot;
use showroom_catalog::seams::TextEncoder;
use showroom_vision::engines::{Engine, EngineWish, Input, Network, Output};
use showroom_vision::input::PictureInput;
use showroom_vision::models;
use showroom_vision::sentence::SentenceEncoder;
use showroom_vision::weights::library::Library;

use crate::common::{engine, library, models_folder, picture};

/// Least cosine to the reference: f32 sums in another order stay far above it.
const MIN_COSINE: f32 = 0.9999;
/// Largest difference of a mask's value (0 to 1) from the reference.
const MASK_TOLERANCE: f32 = 1e-3;
/// Least intersection over union with the reference's mask.
const MIN_OVERLAP: f32 = 0.995;

fn both_engines(library: &Library) -> [Engine; 2] {
    [EngineWish::OnnxRuntime, EngineWish::Burn].map(|wish| engine(library, wish))
}

fn expected<T: DeserializeOwned>(model: &str) -> Vec<T> {
    #[derive(Deserialize)]
    struct Expected<T> {
        cases: Vec<T>,
    }
    let path = models_folder().join(model).join("expected/expected.json");
    let text = std::fs::read_to_string(path).unwrap();
    serde_json::from_str::<Expected<T>>(&text).unwrap().cases
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn assert_alike(found: &[f32], wanted: &[f32], what: &str) {
    let cosine = cosine(found, wanted);
    let ratio = (dot(found, found) / dot(wanted, wanted)).sqrt();
    assert!(
        cosine > MIN_COSINE && (ratio - 1.0).abs() < 1e-3,
        "{what}: cosine {cosine}, length × {ratio}"
    );
}

fn open(library: &Library, engine: &Engine, model: &str) -> (Box<dyn Network>, PictureInput) {
    let network = engine
        .prepare(&*models::load(library, model).unwrap())
        .unwrap()
        .open(1)
        .unwrap();
    (
        network,
        PictureInput::new(&library.model(model).unwrap().manifest).unwrap(),
    )
}

fn run(network: &mut dyn Network, input: &PictureInput, pictures: &[Vec<u8>]) -> Vec<Output> {
    let mut tensor = Vec::new();
    pictures.iter().for_each(|rgb| input.push(rgb, &mut tensor));
    network
        .run(&[Input::F32(&input.shape(pictures.len()), &tensor)])
        .unwrap()
}

#[derive(Deserialize)]
struct EmbeddingCase {
    picture: String,
    embedding: Vec<f32>,
    logits: Vec<f32>,
}

fn efficientnet_is_right(model: &str) {
    let library = library();
    let cases = expected::<EmbeddingCase>(model);
    for engine in both_engines(&library) {
        let (mut network, input) = open(&library, &engine, model);
        let pictures = cases
            .iter()
            .map(|case| picture(&case.picture, input.size()[0]));
        let pictures = pictures.collect::<Vec<_>>();
        let batch = run(&mut *network, &input, &pictures);
        assert_eq!(batch[0].shape, [cases.len(), 1280]);
        assert_eq!(batch[1].shape, [cases.len(), 1000]);
        for (i, case) in cases.iter().enumerate() {
            let what = |part| format!("{model}, {}, {}, {part}", engine, case.picture);
            let single = run(&mut *network, &input, &pictures[i..=i]);
            assert_alike(&single[0].data, &case.embedding, &what("embedding"));
            assert_alike(&single[1].data, &case.logits, &what("logits"));
            let row = &batch[0].data[i * 1280..][..1280];
            assert_alike(row, &single[0].data, &what("embedding in a batch"));
            let row = &batch[1].data[i * 1000..][..1000];
            assert_alike(row, &single[1].data, &what("logits in a batch"));
        }
    }
}

#[test]
fn efficientnet_lite0_equals_its_reference_on_both_engines() {
    efficientnet_is_right("efficientnet-lite0");
}

#[test]
fn efficientnet_lite2_equals_its_reference_on_both_engines() {
    efficientnet_is_right("efficientnet-lite2");
}

#[derive(Deserialize)]
struct MaskCase {
    picture: String,
    min: f32,
    max: f32,
    mask: Vec<f32>,
}

/// Intersection over union of what two masks call product.
fn overlap(a: &[f32], b: &[f32]) -> f32 {
    let count = |both: fn(bool, bool) -> bool| {
        let pairs = a.iter().zip(b).map(|(a, b)| both(*a > 0.5, *b > 0.5));
        pairs.filter(|&is| is).count() as f32
    };
    count(|a, b| a && b) / count(|a, b| a || b).max(1.0)
}

fn mask_is_right(model: &str, engine: &Engine, library: &Library, cases: &[MaskCase]) {
    let (mut network, input) = open(library, engine, model);
    for case in cases {
        let what = format!("{model}, {engine}, {}", case.picture);
        let outputs = run(&mut *network, &input, &[picture(&case.picture, 320)]);
        let mask = &outputs[0];
        assert_eq!(mask.shape, [1, 1, 320, 320]);
        let grid = (4..320).step_by(8);
        let sampled = grid
            .clone()
            .flat_map(|y| grid.clone().map(move |x| mask.data[y * 320 + x]));
        let sampled = sampled.collect::<Vec<_>>();
        // Where nothing is seen the direction of the numbers is that of their rounding.
        if case.mask.iter().any(|&value| value > 5e-4) {
            assert_alike(&sampled, &case.mask, &what);
        }
        if case.max > 0.9 {
            let overlap = overlap(&sampled, &case.mask);
            assert!(overlap >= MIN_OVERLAP, "{what}: {overlap}");
        }
        let least = mask.data.iter().copied().fold(f32::INFINITY, f32::min);
        let most = mask.data.iter().copied().fold(0.0, f32::max);
        for (found, wanted) in sampled
            .iter()
            .zip(&case.mask)
            .chain([(&least, &case.min), (&most, &case.max)])
        {
            assert!(
                (found - wanted).abs() < MASK_TOLERANCE,
                "{what}: {found} and not {wanted}"
            );
        }
    }
}

#[test]
fn u2netp_equals_its_reference_on_both_engines() {
    let library = library();
    let cases = expected::<MaskCase>("u2netp");
    for engine in both_engines(&library) {
        mask_is_right("u2netp", &engine, &library, &cases);
    }
}

#[test]
fn u2net_equals_its_reference_on_both_engines() {
    let library = library();
    let cases = expected::<MaskCase>("u2net");
    let [onnxruntime, burn] = both_engines(&library);
    mask_is_right("u2net", &onnxruntime, &library, &cases);
    // Forty times the work of u2netp, of which burn's CPU backend takes seconds: one real photo.
    let photo = cases
        .iter()
        .position(|case| case.picture == "coffee")
        .unwrap();
    mask_is_right("u2net", &burn, &library, &cases[photo..=photo]);
}

#[derive(Deserialize)]
struct SentenceCase {
    text: String,
    vector: Vec<f32>,
}

#[test]
fn minilm_equals_its_reference_on_both_engines() {
    let library = library();
    let cases = expected::<SentenceCase>("all-minilm-l6-v2");
    let texts = cases
        .iter()
        .map(|case| case.text.as_str())
        .collect::<Vec<_>>();
    for engine in both_engines(&library) {
        let encoder = SentenceEncoder::open(&library, "all-minilm-l6-v2", &engine, 1).unwrap();
        // Sentences of 2 to 256 tokens together, so that most are padded.
        let batch = encoder.encode(&texts).unwrap();
        for (case, in_batch) in cases.iter().zip(&batch) {
            let what = format!(
                "{}, {:?}",
                engine,
                case.text.get(..20).unwrap_or(&case.text)
            );
            let single = &encoder.encode(&[&case.text]).unwrap()[0];
            assert_alike(single, &case.vector, &what);
            assert_alike(in_batch, single, &format!("{what} in a batch"));
        }
    }
}
