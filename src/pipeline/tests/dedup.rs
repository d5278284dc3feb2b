//! Copies that are made of drawn pictures are told from other views, other colours and strangers.

use std::collections::{BTreeMap, HashSet};
use std::io::Cursor;
use std::path::Path;
use std::sync::Mutex;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, crop_imm, flip_horizontal, overlay, resize};
use image::{Rgb, RgbImage};
use showroom_catalog::seams::Features;
use showroom_catalog::{PairKey, PairKind, Photo};
use showroom_pipeline::*;

use crate::fakes::{self, FakeEncoder, Memory, put};

/// Blobs of several sizes and colours, different with every seed.
fn scene(seed: u32) -> RgbImage {
    let seed = seed as f32;
    let wave = |n: f32| ((n.sin() * 0.25 + 0.5) * 255.0) as u8;
    RgbImage::from_fn(480, 360, |x, y| {
        let (x, y) = (x as f32 / 600.0, y as f32 / 600.0);
        Rgb([
            wave(9.0 * x + seed + 5.0 * (7.0 * y + seed).sin()),
            wave(23.0 * y - 3.0 * seed + 3.0 * (11.0 * x).cos()),
            wave(15.0 * (x + y) + 2.0 * seed),
        ])
    })
}

fn jpeg(picture: &RgbImage, quality: u8) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode_image(picture)
        .unwrap();
    bytes.into_inner()
}

fn framed(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    let mut frame = RgbImage::from_pixel(width + 80, height + 80, Rgb([255; 3]));
    overlay(&mut frame, picture, 40, 40);
    frame
}

fn other_channels(picture: &RgbImage) -> RgbImage {
    let grey = |Rgb([r, g, b]): &Rgb<u8>| {
        (u32::from(*r) * 299 + u32::from(*g) * 587 + u32::from(*b) * 114) / 1000
    };
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let level = grey(picture.get_pixel(x, y)) as u8;
        Rgb([level, level, level])
    })
}

/// Made up of the name: the word before `-` is the product, `other` anywhere another colour, `alike`
/// a shape that is a little off.
fn features(photo: &Photo) -> Features {
    let name = Path::new(&photo.source.uri)
        .file_name()
        .unwrap()
        .to_str()
        .unwrap();
    let product = name.split('-').next().unwrap();
    let mut shape = match product {
        "mug" => vec![1.0, 0.0, 0.0, 0.0],
        "lamp" => vec![0.0, 1.0, 0.0, 0.0],
        _ => vec![0.0, 0.0, 1.0, 0.0],
    };
    shape[3] = if name.contains("alike") { 0.4 } else { 0.1 };
    Features {
        shape,
        colour: if name.contains("other") {
            vec![0.0, 1.0]
        } else {
            vec![1.0, 0.0]
        },
        ..fakes::features(photo)
    }
}

/// A catalogue of the photos of a folder.
fn catalogue(folder: &Path) -> Memory {
    let catalogue = Memory::new();
    let source = FolderSource::new(&[folder], SkuFrom::Stem).unwrap();
    let encoder =
        FakeEncoder(|photos: &[Photo]| Ok(photos.iter().map(|p| Ok(features(p))).collect()));
    fakes::run(
        &source,
        Box::new(encoder),
        &catalogue,
        IngestOptions::default(),
        &Cancel::new(),
    )
    .unwrap();
    catalogue
}

fn find(catalogue: &Memory, with_pictures: bool, dismissed: &HashSet<PairKey>) -> DedupReport {
    let no_paths: [&Path; 0] = [];
    let source = FolderSource::new(&no_paths, SkuFrom::None).unwrap();
    let options = DedupOptions {
        filter: None,
        kinds: PairKind::ALL.to_vec(),
        threads: 2,
        source: with_pictures.then_some(&source),
        search: None,
        max_read: 1000,
        is_dismissed: &|pair| dismissed.contains(pair),
    };
    let told = Mutex::new(0);
    let progress = |done: u64, total: u64, _: &str| {
        assert!(done <= total);
        *told.lock().unwrap() += 1;
    };
    let runtime = fakes::runtime();
    let found = dedup(
        catalogue,
        &options,
        &Cancel::new(),
        &progress,
        runtime.handle(),
    );
    assert!(told.into_inner().unwrap() > 0);
    found.unwrap()
}

fn name(uri: &str) -> String {
    let path = Path::new(uri);
    path.file_stem().unwrap().to_str().unwrap().to_string()
}

/// Kind of each pair by the names of its photos, the lesser first.
fn kinds(report: &DedupReport) -> BTreeMap<(String, String), PairKind> {
    let pairs = report.pairs.iter();
    pairs
        .map(|pair| ((name(&pair.a.uri), name(&pair.b.uri)), pair.kind))
        .collect()
}

#[test]
fn each_kind_of_pair_is_told_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let mug = scene(1);
    let (width, height) = mug.dimensions();
    let cut = crop_imm(&mug, 50, 30, width * 85 / 100, height * 85 / 100).to_image();
    let photos = [
        ("mug-a.jpg", jpeg(&mug, 92)),
        ("mug-copy.jpg", jpeg(&mug, 92)),
        (
            "mug-small.jpg",
            jpeg(&resize(&mug, 160, 120, FilterType::Triangle), 90),
        ),
        ("mug-squeezed.jpg", jpeg(&mug, 30)),
        ("mug-cut.jpg", jpeg(&cut, 88)),
        ("mug-framed.jpg", jpeg(&framed(&mug), 88)),
        ("mug-flipped.jpg", jpeg(&flip_horizontal(&mug), 88)),
        ("mug-grey-other.jpg", jpeg(&other_channels(&mug), 88)),
        ("mug-view-alike.jpg", jpeg(&scene(5), 88)),
        ("lamp-a.jpg", jpeg(&scene(9), 88)),
        ("vase-a.jpg", jpeg(&scene(14), 88)),
        ("vase-b-other.jpg", jpeg(&scene(17), 88)),
    ];
    for (name, bytes) in &photos {
        put(dir.path(), name, bytes);
    }
    let catalogue = catalogue(dir.path());
    let report = find(&catalogue, true, &HashSet::new());
    let found = kinds(&report);
    let kind = |a: &str, b: &str| found.get(&(a.to_string(), b.to_string())).copied();
    assert_eq!(kind("mug-a", "mug-copy"), Some(PairKind::Exact));
    for copy in ["cut", "flipped", "framed", "small", "squeezed"] {
        assert_eq!(
            kind("mug-a", &format!("mug-{copy}")),
            Some(PairKind::Near),
            "{copy}"
        );
    }
    assert_eq!(kind("mug-a", "mug-grey-other"), Some(PairKind::Colour));
    assert_eq!(kind("mug-a", "mug-view-alike"), Some(PairKind::View));
    assert_eq!(kind("vase-a", "vase-b-other"), Some(PairKind::Colour));
    assert!(
        found
            .keys()
            .all(|(a, b)| !a.contains("lamp") && !b.contains("lamp"))
    );
    assert!(report.pairs.iter().all(|pair| !pair.reason.is_empty()));

    assert_eq!(report.photos, photos.len() as u64);
    assert_eq!(report.groups.len(), 1);
    let group = &report.groups[0];
    assert_eq!(group.uris.len(), 7, "{group:?}");
    assert_eq!(name(&group.keep), "mug-framed", "it has the most pixels");
    let copies = report.pairs.iter().filter(|pair| pair.group.is_some());
    assert!(copies.into_iter().all(|pair| pair.kind <= PairKind::Near));
    assert!(report.method.pictures_compared > 0 && report.method.unreadable == 0);

    // A pair that was dismissed is gone, whichever way round it was named, and only that one.
    let first = &report.pairs[0];
    let key = PairKey::new((first.b.id, &first.b.uri), (first.a.id, &first.a.uri));
    let without = find(&catalogue, true, &HashSet::from([key]));
    assert_eq!(without.dismissed, 1);
    assert_eq!(without.pairs.len() + 1, report.pairs.len());
    assert_eq!(
        without.groups[0].uris.len(),
        6,
        "the copy hangs by one pair"
    );

    // Where files are gone or were changed the vectors decide, and that is said.
    std::fs::remove_file(dir.path().join("mug-cut.jpg")).unwrap();
    put(dir.path(), "mug-framed.jpg", b"something else");
    let report = find(&catalogue, true, &HashSet::new());
    assert_eq!(report.method.unreadable, 2);
    let cut = kinds(&report)[&("mug-a".to_string(), "mug-cut".to_string())];
    assert_ne!(cut, PairKind::Near);
    let report = find(&catalogue, false, &HashSet::new());
    assert_eq!(report.method.pictures_compared, 0);
    let found = kinds(&report);
    let squeezed = &("mug-a".to_string(), "mug-squeezed".to_string());
    assert_eq!(found[squeezed], PairKind::Near, "the hash is enough");
}

#[test]
fn an_empty_catalogue_and_a_wish_to_stop_are_answered() {
    let empty = Memory::new();
    let options = DedupOptions {
        filter: None,
        kinds: PairKind::ALL.to_vec(),
        threads: 0,
        source: None,
        search: None,
        max_read: 0,
        is_dismissed: &|_| false,
    };
    let runtime = fakes::runtime();
    let run = |cancel: &Cancel| dedup(&empty, &options, cancel, &|_, _, _| (), runtime.handle());
    let report = run(&Cancel::new()).unwrap();
    assert!(report.pairs.is_empty() && report.groups.is_empty() && report.photos == 0);
    let cancel = Cancel::new();
    cancel.cancel();
    assert!(matches!(run(&cancel), Err(DedupError::Interrupted)));
}
