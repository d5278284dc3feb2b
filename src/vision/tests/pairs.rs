//! CLIP and SigLIP2 on each engine of the CPU against transformers, on tiny checkpoints of random weights
//! (`fixtures/make_pairs.py`), added as a user adds a folder.

use showroom_catalog::embedding::dot;
use showroom_catalog::seams::{ModelError, TextEncoder, TextQuery};
use showroom_vision::engines::EngineWish;
use showroom_vision::models;
use showroom_vision::models::pair::adopt::{Adopted, Origin};
use showroom_vision::shared_space::{PairTokenizer, SharedWords};

use crate::common::{engine, library};
use crate::pair_fixtures::{PAIRS, added, embed, expected, fixture};

/// Least cosine to the reference: f32 sums in another order stay far above it.
const MIN_COSINE: f32 = 0.9999;
/// Largest difference of a number (they are of the order of 1) from the reference: a few thousand
/// roundings of f32, which is what the layers have.
const TOLERANCE: f32 = 5e-4;
/// And of a logit, the sum of some dozens of them, times the scale of 10.
const LOGIT_TOLERANCE: f32 = 5e-3;

fn assert_alike(found: &[f32], wanted: &[f32], what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    let cosine = dot(found, wanted) / (dot(found, found) * dot(wanted, wanted)).sqrt();
    let off = found.iter().zip(wanted).map(|(a, b)| (a - b).abs());
    let off = off.fold(0.0, f32::max);
    assert!(
        cosine > MIN_COSINE && off < TOLERANCE,
        "{what}: cosine {cosine}, off by {off}"
    );
}

fn unit(vector: &[f32]) -> Vec<f32> {
    let length = dot(vector, vector).sqrt();
    vector.iter().map(|x| x / length).collect()
}

#[test]
fn towers_and_logits_equal_transformers_on_both_engines() {
    let (_folder, pairs) = added();
    for wish in [EngineWish::Burn, EngineWish::OnnxRuntime] {
        let engine = engine(&library(), wish);
        for name in PAIRS {
            let expected = expected(name);
            let names: Vec<&str> = expected
                .pictures
                .iter()
                .map(|case| &*case.picture)
                .collect();
            let pictures = embed(&pairs, &engine, name, &names);
            for (case, in_batch) in expected.pictures.iter().zip(&pictures) {
                let what = format!("{name}, {engine}, {}", case.picture);
                assert_alike(in_batch, &case.embedding, &what);
                let single = embed(&pairs, &engine, name, &[&case.picture]);
                assert_alike(&single[0], in_batch, &format!("{what} alone"));
            }
            let words = SharedWords::open(&pairs, name, &engine, 1).unwrap();
            let texts: Vec<&str> = expected.texts.iter().map(|case| &*case.text).collect();
            let tensors = pairs.tensors(name).unwrap();
            let scale = tensors["logit_scale"].data[0].exp();
            let bias = tensors.get("logit_bias").map_or(0.0, |bias| bias.data[0]);
            // Texts of 2 to 77 tokens together, so that most are shorter than the batch.
            for (case, in_batch) in expected.texts.iter().zip(words.raw(&texts).unwrap()) {
                let what = format!("{name}, {engine}, {:?}", case.text);
                assert_alike(&in_batch, &case.embedding, &what);
                let single = words.raw(&[&case.text]).unwrap();
                assert_alike(&single[0], &in_batch, &format!("{what} alone"));
                for (picture, wanted) in pictures.iter().zip(&case.logits) {
                    let logit = dot(&unit(picture), &unit(&in_batch)) * scale + bias;
                    assert!(
                        (logit - wanted).abs() < LOGIT_TOLERANCE,
                        "{what}: logit {logit} and not {wanted}"
                    );
                }
            }
        }
    }
}

#[test]
fn tokens_equal_those_of_transformers() {
    let (_folder, pairs) = added();
    for name in PAIRS {
        let config = models::pair_config(&pairs, name).unwrap();
        let tokenizer = PairTokenizer::open(&pairs, name, &config).unwrap();
        for case in expected(name).texts {
            assert_eq!(
                tokenizer.ids(&case.text).unwrap(),
                case.ids,
                "{name}, {:?}",
                case.text
            );
        }
    }
}

#[test]
fn questions_are_of_unit_length_and_blank_ones_refused() {
    let (_folder, pairs) = added();
    let engine = engine(&library(), EngineWish::OnnxRuntime);
    let words = SharedWords::open(&pairs, "clip-tiny", &engine, 1).unwrap();
    assert!(words.id().starts_with("clip-tiny@"));
    let question = words.text_query("red shoes").unwrap();
    assert_eq!(question.len(), 24);
    assert!((dot(&question, &question) - 1.0).abs() < 1e-5);
    let error = words.text_query("  \t").unwrap_err();
    assert!(matches!(error, ModelError::BadInput(_)), "{error}");
}

#[test]
fn a_folder_that_is_no_such_model_is_refused_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let copy = |name: &str| {
        std::fs::copy(fixture("clip-tiny").join(name), folder.path().join(name)).unwrap();
    };
    let refusal = |name: &str| {
        let adopted = Adopted::of(folder.path(), name, &Origin::Folder);
        adopted.unwrap_err().to_string()
    };
    assert!(refusal("x").contains("config.json"), "{}", refusal("x"));
    copy("config.json");
    assert!(
        refusal("x").contains("preprocessor_config.json")
            || refusal("x").contains("model.safetensors")
    );
    for name in ["model.safetensors", "preprocessor_config.json"] {
        copy(name);
    }
    assert!(refusal("x").contains("tokenizer.json"), "{}", refusal("x"));
    copy("tokenizer.json");
    assert!(refusal("../x").contains("name"), "{}", refusal("../x"));
    let adopted = Adopted::of(folder.path(), "x", &Origin::Folder).unwrap();
    let licence = &adopted.manifest.licence.spdx;
    assert_eq!(licence, "NOASSERTION", "no README names a licence");
    assert!(adopted.card.contains("Check the licence"));
    let json = std::fs::read_to_string(folder.path().join("preprocessor_config.json")).unwrap();
    let wrong = json.replace("32", "40");
    std::fs::write(folder.path().join("preprocessor_config.json"), wrong).unwrap();
    assert!(refusal("x").contains("40 × 40"), "{}", refusal("x"));
}
