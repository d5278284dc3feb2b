//! Adapters from made-up titles and photos: what there is to learn is known.

use showroom_catalog::adapter::{HeldBack, Titled, TitledPhoto};
use showroom_catalog::embedding::{Dimensions, dot, normalise};
use showroom_catalog::manifest::{STORE_FORMAT, StoreManifest};
use showroom_catalog::{VectorName, Vectors};

use super::train::mixed;
use super::*;

/// Kinds of product; each has a direction of its own in titles and in photos.
const KINDS: usize = 6;
const TITLES: usize = 90;
const TITLE: usize = 12;
const SHAPE: usize = 20;
const COLOUR: usize = 4;
const TEXT: usize = 3;

/// `length` numbers from -½ to ½.
fn some(length: usize, seed: usize) -> Vec<f32> {
    let each = (0..length as u64).map(|at| mixed(((seed as u64) << 32) + at + 1));
    each.map(|x| (x >> 40) as f32 / (1u64 << 24) as f32 - 0.5)
        .collect()
}

/// A unit vector near the `direction` of its kind, with what all have in common.
fn near(direction: usize, length: usize, seed: usize) -> Vec<f32> {
    let noise = some(length, seed);
    let kind = some(length, 1000 + direction);
    let mut vector: Vec<f32> = (noise.iter().zip(&kind))
        .map(|(noise, kind)| 1.0 + kind + 0.3 * noise)
        .collect();
    normalise(&mut vector);
    vector
}

/// Titles with two photos each. `kind_of_photo` says what kind the photos of a title show; the title
/// itself is of kind `title % KINDS`.
fn shop(kind_of_photo: impl Fn(usize) -> usize) -> (Titled, Vec<Vec<f32>>) {
    let mut pairs = Titled::default();
    let mut vectors = Vec::new();
    for title in 0..TITLES {
        pairs.titles.push(format!("title {title}"));
        vectors.push(near(title % KINDS, TITLE, 5000 + title));
        for view in 0..2 {
            let seed = 10_000 + 2 * title + view;
            pairs.photos.push(TitledPhoto {
                title,
                vectors: Vectors {
                    shape: near(100 + kind_of_photo(title), SHAPE, seed),
                    colour: near(200, COLOUR, seed),
                    text: some(TEXT, seed),
                },
            });
        }
    }
    (pairs, vectors)
}

fn rehearsed(pairs: &Titled, titles: &[Vec<f32>]) -> Vec<HeldBack> {
    let (mut steps, mut asked) = (0, 0);
    let outcomes = rehearse(
        pairs,
        titles,
        &mut |_| {
            asked += 1;
            Ok(vec![0.0; TEXT])
        },
        &mut || steps += 1,
    );
    assert_eq!(steps, rehearsal_steps(pairs));
    assert_eq!(asked, pairs.titles.len());
    outcomes.unwrap()
}

/// Mean share of a photo's rank that is better than the middle one: 0 by lot, ½ at best.
fn gain(outcomes: &[HeldBack], setting: usize) -> f32 {
    let pool = (2 * TITLES / 3) as f32;
    let first = outcomes.iter().map(|one| one.adapted[setting][0] as f32);
    // The first of two by lot comes at a third.
    1.0 / 3.0 - first.sum::<f32>() / pool / outcomes.len() as f32
}

#[test]
fn titles_find_photos_of_their_kind_that_were_held_back() {
    let (pairs, titles) = shop(|title| title % KINDS);
    let outcomes = rehearsed(&pairs, &titles);
    assert_eq!(outcomes.len(), TITLES, "every title is held back once");
    let parts: std::collections::BTreeSet<_> = outcomes.iter().map(|one| one.part).collect();
    assert_eq!(parts.len(), 3, "30 titles in each");
    let best = (0..settings().len()).map(|at| gain(&outcomes, at));
    let best = best.fold(f32::MIN, f32::max);
    // Within one of six kinds nothing tells one title from another: 5 of 60 photos is what can be had.
    assert!(best > 0.22, "{best}");
    assert_eq!(
        rehearsed(&pairs, &titles),
        outcomes,
        "nothing is left to chance"
    );
}

#[test]
fn titles_that_say_nothing_of_their_photos_teach_nothing() {
    let (pairs, titles) = shop(|title| mixed(title as u64 + 7) as usize % KINDS);
    let outcomes = rehearsed(&pairs, &titles);
    for setting in 0..settings().len() {
        let gain = gain(&outcomes, setting);
        assert!(gain < 0.12, "setting {setting}: {gain}");
    }
}

#[test]
fn too_few_titles_are_refused() {
    let (mut pairs, mut titles) = shop(|title| title % KINDS);
    pairs.titles.truncate(59);
    titles.truncate(59);
    pairs.photos.truncate(2 * 59);
    let refused = rehearse(&pairs, &titles, &mut |_| Ok(vec![0.0; TEXT]), &mut || ());
    let said = refused.unwrap_err().to_string();
    assert!(
        said.contains("59 different titles") && said.contains("60"),
        "{said}"
    );
}

fn manifest() -> StoreManifest {
    StoreManifest {
        format: STORE_FORMAT,
        encoder: "encoder@1".into(),
        dimensions: Dimensions {
            shape: SHAPE,
            colour: COLOUR,
            text: TEXT,
            classes: 1,
        },
    }
}

fn adapter() -> (Adapter, Titled, Vec<Vec<f32>>) {
    let (pairs, titles) = shop(|title| title % KINDS);
    let setting = Setting {
        steps: 60,
        weight: 2.0,
    };
    let map = learn(&pairs, &titles, setting, &mut || ()).unwrap();
    let about = About {
        encoder: "encoder@1".into(),
        sentences: "sentences@1".into(),
        weight: setting.weight,
        titles: TITLES,
        photos: 2 * TITLES,
    };
    (Adapter::new(about, map), pairs, titles)
}

#[test]
fn a_search_asks_for_what_such_a_title_looks_like() {
    let (adapter, pairs, titles) = adapter();
    let parts = adapter.parts(&titles[0]);
    let names: Vec<_> = parts.iter().map(|part| part.on).collect();
    assert_eq!(names, [VectorName::Shape, VectorName::Colour]);
    let lengths: f32 = parts.iter().map(|part| part.weight.powi(2)).sum();
    assert!(
        (lengths - 4.0).abs() < 1e-4,
        "together they count 2: {lengths}"
    );
    let score = |photo: &TitledPhoto| -> f32 {
        let of = |on| {
            dot(
                photo.vectors.get(on),
                &parts[usize::from(on == VectorName::Colour)].vector,
            )
        };
        parts.iter().map(|part| part.weight * of(part.on)).sum()
    };
    let mean = |of_kind: bool| {
        let photos = pairs.photos.iter();
        let such = photos.filter(|photo| (photo.title % KINDS == 0) == of_kind);
        let scores: Vec<f32> = such.map(score).collect();
        scores.iter().sum::<f32>() / scores.len() as f32
    };
    // What all photos have in common counts nothing, so that others have about 0.
    assert!(
        mean(true) > 0.1 && mean(false) < 0.0,
        "{} {}",
        mean(true),
        mean(false)
    );
}

#[test]
fn an_adapter_is_kept_and_is_refused_where_it_does_not_fit() {
    let (adapter, _, _) = adapter();
    let bytes = adapter.to_bytes();
    let read = |bytes: &[u8], manifest: &StoreManifest, sentences: &str| {
        Adapter::from_bytes(bytes, manifest, sentences).map_err(|error| error.to_string())
    };
    assert_eq!(
        read(&bytes, &manifest(), "sentences@1"),
        Ok(adapter.clone())
    );
    let refused = |bytes: &[u8], manifest: &StoreManifest, sentences: &str, said: &str| {
        let error = read(bytes, manifest, sentences).unwrap_err();
        assert!(
            error.contains(said) && error.contains("showroom adapt"),
            "{error}"
        );
    };
    for cut in [0, 8, 40, bytes.len() / 2, bytes.len() - 1] {
        refused(&bytes[..cut], &manifest(), "sentences@1", "damaged");
    }
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    refused(&flipped, &manifest(), "sentences@1", "damaged");
    refused(&bytes, &manifest(), "sentences@2", "sentences@2");
    let other = StoreManifest {
        encoder: "encoder@2".into(),
        ..manifest()
    };
    refused(&bytes, &other, "sentences@1", "encoder@2");
    let mut wider = manifest();
    wider.dimensions.shape += 1;
    refused(&bytes, &wider, "sentences@1", "does not fit");
}
