//! Labels learned from made-up photos, and training against scikit-learn (`fixtures/labels.py`).

use std::collections::HashMap;

use serde::Deserialize;
use showroom_catalog::decision::Details;
use showroom_catalog::embedding::{Dimensions, normalise};
use showroom_catalog::label::{Example, HumanDecision, LabelAt, PERSON};
use showroom_catalog::manifest::{STORE_FORMAT, StoreManifest};
use showroom_catalog::seams::Labeller;
use showroom_catalog::{Decision, Decisions, PhotoId, Tag, Vectors, Verdict};

use super::calibration::Platt;
use super::head::{self, Examples};
use super::*;

/// Probabilities of our head and of scikit-learn's, which computes in f64.
const HEAD_TOLERANCE: f32 = 2e-3;
/// Slopes and offsets; the optimisers differ, and stop a little apart.
const PLATT_TOLERANCE: f64 = 2e-3;

#[derive(Deserialize)]
struct Golden {
    width: usize,
    rows: Vec<Vec<f32>>,
    probes: Vec<Vec<f32>>,
    heads: Vec<GoldenHead>,
    platts: Vec<GoldenPlatt>,
}

#[derive(Deserialize)]
struct GoldenHead {
    strength: f32,
    exclusive: bool,
    targets: Vec<Vec<f32>>,
    known: Vec<Vec<f32>>,
    probabilities: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct GoldenPlatt {
    evidence: Vec<f32>,
    right: Vec<bool>,
    slope: f64,
    offset: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../fixtures/labels.json")).unwrap()
}

#[test]
fn heads_equal_those_of_scikit_learn() {
    let golden = golden();
    let rows = golden.rows.concat();
    assert_eq!(golden.heads.len(), 4);
    for head in golden.heads {
        let labels = head.targets[0].len();
        let (targets, known) = (head.targets.concat(), head.known.concat());
        // What is not known must not count, whatever stands there.
        let trained = head::train(
            &Examples {
                rows: &rows,
                width: golden.width,
                targets: &targets,
                known: &known,
                labels,
                exclusive: head.exclusive,
            },
            head.strength,
        )
        .unwrap();
        for (probe, expected) in golden.probes.iter().zip(&head.probabilities) {
            let weights = trained.weights.chunks_exact(golden.width);
            let scores: Vec<f32> = weights
                .zip(&trained.bias)
                .map(|(w, b)| w.iter().zip(probe).map(|(w, x)| w * x).sum::<f32>() + b)
                .collect();
            let sum: f32 = scores.iter().map(|score| score.exp()).sum();
            for (score, expected) in scores.iter().zip(expected) {
                let got = if head.exclusive {
                    score.exp() / sum
                } else {
                    1.0 / (1.0 + (-score).exp())
                };
                assert!(
                    (got - expected).abs() < HEAD_TOLERANCE,
                    "strength {}: {got}, not {expected}",
                    head.strength
                );
            }
        }
    }
}

#[test]
fn calibrations_equal_those_of_scikit_learn() {
    for case in golden().platts {
        let pairs: Vec<(f32, bool)> = case.evidence.into_iter().zip(case.right).collect();
        let platt = Platt::fit(&pairs).unwrap();
        let slope = f64::from(platt.slope) - case.slope;
        let off = slope
            .abs()
            .max((f64::from(platt.offset) - case.offset).abs());
        assert!(
            off < PLATT_TOLERANCE,
            "{platt:?}, not {} {}",
            case.slope,
            case.offset
        );
    }
}

const DIMENSIONS: Dimensions = Dimensions {
    shape: 8,
    colour: 2,
    text: 4,
    classes: 3,
};

fn manifest() -> StoreManifest {
    StoreManifest {
        format: STORE_FORMAT,
        encoder: "made-up".into(),
        dimensions: DIMENSIONS,
    }
}

fn options() -> LearnOptions {
    LearnOptions {
        name: "shop".into(),
        encoder: "made-up".into(),
        accept_precision: 0.95,
    }
}

/// A photo near axis `kind`; `number` shakes it, by up to `noise` an axis.
fn vectors(kind: usize, number: usize, noise: f32) -> Vectors {
    // Multiplicative congruential numbers: the same on every run.
    let mut state = (number as u64 * 2 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut shake = || {
        state = state.wrapping_mul(0xD120_2C4E_5F2D_6E69).rotate_left(23);
        ((state >> 40) as f32 / (1u64 << 24) as f32 - 0.5) * 2.0 * noise
    };
    let mut shape: Vec<f32> = (0..DIMENSIONS.shape).map(|_| 0.3 + shake()).collect();
    shape[kind] += 1.0;
    normalise(&mut shape);
    let mut text = vec![0.01; DIMENSIONS.text];
    text[kind % DIMENSIONS.text] = 0.8 + shake() / 10.0;
    normalise(&mut text);
    Vectors {
        shape,
        colour: vec![1.0, 0.0],
        text,
    }
}

fn id(number: usize) -> PhotoId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(
        &(number as u64)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .to_le_bytes(),
    );
    PhotoId(bytes)
}

fn example(label: usize, number: usize, noise: f32) -> Example {
    Example {
        id: id(number),
        item: format!("item {number}"),
        vectors: vectors(label, number, noise),
        judged: vec![(LabelAt { group: 0, label }, true)],
        is_complete: true,
    }
}

fn spec(text: &str) -> Spec {
    Spec::from_text(text).unwrap()
}

/// Three labels that exclude one another and go by examples alone.
fn necklines() -> Spec {
    let names = ["V-neck", "crew", "boat"].map(|label| ("neckline".to_string(), label.to_string()));
    Spec::from_folders(names, |_| false).unwrap()
}

fn no_words(_: &str) -> Result<Vec<f32>, ()> {
    Err(())
}

/// Learned from `each` examples a label.
fn learned(each: usize, noise: f32) -> LabelSet {
    let examples: Vec<Example> = (0..3 * each)
        .map(|number| example(number % 3, number, noise))
        .collect();
    let phrasings = Phrasings::encode(&necklines(), &examples, no_words).unwrap();
    learn(&necklines(), &examples, &phrasings, &options()).unwrap()
}

fn say(set: &LabelSet, kind: usize, number: usize) -> Vec<Tag> {
    set.label(
        id(number),
        &vectors(kind, number, 0.1),
        &Decisions::default(),
    )
}

#[test]
fn enough_examples_are_learned_and_accepted() {
    let set = learned(30, 0.15);
    let report = set.reports().next().unwrap();
    assert_eq!(
        report.compared.len(),
        2,
        "a head was tried beside the nearest: {report:?}"
    );
    assert!(report.accuracy.unwrap() > 0.95, "{report:?}");
    assert!(
        report.reliability.as_ref().unwrap().ece < 0.15,
        "{report:?}"
    );
    assert_eq!(report.held_back, 90);
    for (kind, name) in ["V-neck", "crew", "boat"].into_iter().enumerate() {
        let tags = say(&set, kind, 1000 + kind);
        assert_eq!(tags.len(), 1, "{tags:?}");
        assert_eq!(
            (tags[0].name.as_str(), tags[0].decision),
            (name, Decision::Accept)
        );
        assert_eq!(tags[0].source, "labels:shop");
        assert!(
            tags[0].model.starts_with("labels:shop-"),
            "{}",
            tags[0].model
        );
        assert!(tags[0].calibrated.unwrap() > 0.5 && tags[0].calibrated.unwrap() <= 1.0);
    }
    assert_eq!(say(&set, 0, 1)[0].id, "neckline/v-neck");
}

#[test]
fn what_is_like_no_example_is_not_sure() {
    let set = learned(30, 0.15);
    assert!(say(&set, 6, 1000).is_empty());
}

#[test]
fn few_examples_are_never_accepted() {
    let set = learned(4, 0.1);
    let report = set.reports().next().unwrap();
    assert_eq!(report.way, "neighbours");
    assert!(
        report
            .labels
            .iter()
            .all(|label| label.accept_from.is_none()),
        "{report:?}"
    );
    let tags = say(&set, 1, 500);
    assert!(
        tags.iter().all(|tag| tag.decision == Decision::Review),
        "{tags:?}"
    );
}

#[test]
fn labels_that_cannot_be_told_apart_are_not_sure() {
    // The same photos, whatever the label.
    let examples: Vec<Example> = (0..60)
        .map(|number| Example {
            vectors: vectors(0, number, 0.2),
            ..example(number % 3, number, 0.2)
        })
        .collect();
    let phrasings = Phrasings::encode(&necklines(), &examples, no_words).unwrap();
    let set = learn(&necklines(), &examples, &phrasings, &options()).unwrap();
    let report = set.reports().next().unwrap();
    assert!(report.accuracy.unwrap() < 0.6, "{report:?}");
    assert!(
        report
            .labels
            .iter()
            .all(|label| label.accept_from.is_none()),
        "{report:?}"
    );
    let accepted = (0..20).flat_map(|number| say(&set, 0, number));
    assert_eq!(
        accepted
            .filter(|tag| tag.decision == Decision::Accept)
            .count(),
        0
    );
}

#[test]
fn several_labels_of_a_group_may_hold() {
    let names = ["summer", "sport"].map(|label| ("occasion".to_string(), label.to_string()));
    let spec = Spec::from_folders(names, |_| true).unwrap();
    // Kind 0 has both, kind 1 the first, kind 2 the second, kind 3 none.
    let of = |number: usize| -> Vec<(LabelAt, bool)> {
        let kind = number % 4;
        [(0, kind < 2), (1, kind.is_multiple_of(2))]
            .map(|(label, is_right)| (LabelAt { group: 0, label }, is_right))
            .into()
    };
    let examples: Vec<Example> = (0..80)
        .map(|number| Example {
            judged: of(number),
            ..example(number % 4, number, 0.1)
        })
        .collect();
    let phrasings = Phrasings::encode(&spec, &examples, no_words).unwrap();
    let set = learn(&spec, &examples, &phrasings, &options()).unwrap();
    let names = |kind| -> Vec<String> {
        say(&set, kind, 900 + kind)
            .into_iter()
            .map(|tag| tag.name)
            .collect()
    };
    assert_eq!(names(0), ["summer", "sport"]);
    assert_eq!(names(1), ["summer"]);
    assert_eq!(names(2), ["sport"]);
    assert!(names(3).is_empty());
}

#[test]
fn a_persons_word_wins_over_the_model() {
    let set = learned(30, 0.15);
    let decide = |label: &str, verdict| {
        let decision = HumanDecision {
            at_ms: 0,
            photo: id(7),
            uri: String::new(),
            sku: None,
            label: label.into(),
            verdict,
            details: Details::default(),
        };
        set.label(id(7), &vectors(0, 7, 0.1), &Decisions::new([decision]))
    };
    let tags = decide("neckline/boat", Verdict::Accept);
    assert_eq!(tags.len(), 1, "the others are excluded: {tags:?}");
    assert_eq!(
        (tags[0].name.as_str(), tags[0].model.as_str()),
        ("boat", PERSON)
    );
    assert_eq!(
        (tags[0].decision, tags[0].calibrated),
        (Decision::Accept, Some(1.0))
    );
    let tags = decide("neckline/v-neck", Verdict::Reject);
    let rejected = &tags[0];
    assert_eq!(
        (rejected.name.as_str(), rejected.decision),
        ("V-neck", Decision::Reject)
    );
    assert!(tags[1..].iter().all(|tag| tag.name != "V-neck"), "{tags:?}");
}

#[test]
fn words_alone_are_never_more_than_to_be_reviewed() {
    let spec = spec("# what\n[kind]\nshoe | sneaker | boot\nmug\n");
    assert_eq!(
        spec.groups[0].labels[0].phrases,
        ["shoe", "sneaker", "boot"]
    );
    let axes: HashMap<&str, usize> = [("shoe", 0), ("sneaker", 0), ("boot", 0), ("mug", 1)].into();
    let words = |phrase: &str| -> Result<Vec<f32>, ()> {
        let mut vector = vec![0.0; DIMENSIONS.text];
        vector[*axes.get(phrase).ok_or(())?] = 1.0;
        Ok(vector)
    };
    let phrasings = Phrasings::encode(&spec, &[], words).unwrap();
    let mut set = learn(&spec, &[], &phrasings, &options()).unwrap();
    let mut unbanded = set.unbanded().expect("nothing was judged");
    for number in 0..100 {
        let kind = if number < 10 {
            number % 2
        } else {
            2 + number % 2
        };
        assert!(unbanded.observe(&set, &vectors(kind, number, 0.1)));
    }
    set = unbanded.settle(set);
    let tags = say(&set, 0, 1);
    assert_eq!((tags.len(), tags[0].name.as_str()), (1, "shoe"));
    assert_eq!(
        (tags[0].decision, tags[0].calibrated),
        (Decision::Review, None)
    );
    assert_eq!(say(&set, 1, 2)[0].name, "mug");
    assert!(say(&set, 2, 3).is_empty() && say(&set, 3, 4).is_empty());
    // Judged photos make them probabilities.
    let examples: Vec<Example> = (0..40)
        .map(|number| Example {
            is_complete: false,
            ..example(number % 2, number, 0.1)
        })
        .collect();
    let phrasings = Phrasings::encode(&spec, &examples, words).unwrap();
    let set = learn(&spec, &examples, &phrasings, &options()).unwrap();
    assert!(set.unbanded().is_none());
    assert_eq!(say(&set, 0, 1)[0].decision, Decision::Accept);
}

#[test]
fn a_kept_label_set_says_the_same() {
    let set = learned(10, 0.2);
    let bytes = set.to_bytes();
    let kept = LabelSet::from_bytes(&bytes, &manifest()).unwrap();
    assert_eq!(kept, set);
    assert_eq!(
        learned(10, 0.2).to_bytes(),
        bytes,
        "learning is the same on every run"
    );
    let refused = |bytes: &[u8], manifest: &StoreManifest, said: &str| {
        let error = LabelSet::from_bytes(bytes, manifest)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(said) && error.contains("labels learn"),
            "{error}"
        );
    };
    let other = |encoder: &str, shape| StoreManifest {
        encoder: encoder.into(),
        dimensions: Dimensions {
            shape,
            ..DIMENSIONS
        },
        ..manifest()
    };
    refused(
        &bytes,
        &other("another", 8),
        "encoded by made-up, the catalogue's by another",
    );
    refused(&bytes, &other("made-up", 9), "group neckline does not fit");
    refused(
        &bytes[..bytes.len() / 2],
        &manifest(),
        "this is no label set",
    );
    let text = String::from_utf8(bytes)
        .unwrap()
        .replacen("\"format\":1", "\"format\":9", 1);
    refused(text.as_bytes(), &manifest(), "format 9");
}

#[test]
fn a_label_nobody_shows_is_named() {
    let examples = [example(0, 1, 0.1), example(1, 2, 0.1)];
    let error = learn(&necklines(), &examples, &Phrasings::default(), &options()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no photo shows the label boat of the group neckline"
    );
}

#[test]
fn specs_are_read() {
    let text = spec("plain\n\n[neckline]\nv-neck|plunging\ncrew\n[occasion] multi\nbeach\nsport\n");
    let groups: Vec<(&str, bool, usize)> = text
        .groups
        .iter()
        .map(|group| (group.name.as_str(), group.exclusive, group.labels.len()))
        .collect();
    assert_eq!(
        groups,
        [
            ("labels", false, 1),
            ("neckline", true, 2),
            ("occasion", false, 2)
        ]
    );
    let found = text.find("V-Neck").unwrap();
    assert_eq!(text.id(found), "neckline/v-neck");
    assert_eq!(
        text.find("neckline/crew").unwrap(),
        LabelAt { group: 1, label: 1 }
    );
    assert!(text.find("no").unwrap_err().contains("no label \"no\""));

    let toml = Spec::from_toml(
        "[[group]]\nname = 'a'\n[[group.label]]\nname = 'x'\nexamples = ['S1']\nnot = ['S2']\n\
         [[group.label]]\nname = 'y'\nfolder = 'y/'\n",
    )
    .unwrap();
    assert!(toml.groups[0].exclusive);
    assert_eq!(toml.groups[0].labels[0].examples, ["S1"]);
    assert_eq!(toml.groups[0].labels[1].folder.as_deref(), Some("y/"));

    for (text, said) in [
        ("", "there is no label"),
        ("[a\nb", "line 1: the ] of the group is missing"),
        ("[a] several\nb", "line 1: after ] comes multi"),
        ("[a]\n[b]\nc", "the group a has no label"),
        ("a\nA", "the label labels/a is there twice"),
        ("a/b", "has a / in its name"),
    ] {
        let error = Spec::from_text(text).unwrap_err().to_string();
        assert!(error.contains(said), "{text:?}: {error}");
    }
    let error = Spec::from_toml("[[group]]\nname = 'a'\ncolor = 1\n")
        .unwrap_err()
        .to_string();
    assert!(error.contains("unknown field `color`"), "{error}");
}
