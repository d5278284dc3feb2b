//! `showroom dedup` with the real models: copies are found, dismissed, and stay so.

use std::fs;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, flip_horizontal, resize};
use serde_json::Value;

use crate::pictures;
use crate::shop::Shop;

/// Kind and file names of each pair.
fn pairs(report: &Value) -> Vec<(String, String, String)> {
    let name = |photo: &Value| {
        let uri = photo["uri"].as_str().unwrap();
        uri.rsplit('/').next().unwrap().to_string()
    };
    let pairs = report["pairs"].as_array().unwrap().iter();
    pairs
        .map(|pair| {
            let kind = pair["kind"].as_str().unwrap().to_string();
            (kind, name(&pair["a"]), name(&pair["b"]))
        })
        .collect()
}

#[test]
fn copies_are_found_and_a_dismissed_pair_stays_dismissed() {
    let shop = Shop::with_photos(4);
    let bytes = pictures::product(0);
    let picture = image::load_from_memory(&bytes).unwrap().into_rgb8();
    let jpeg = |picture: &image::RgbImage, quality| {
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, quality)
            .encode_image(picture)
            .unwrap();
        bytes
    };
    shop.add("copy.jpg", &bytes);
    shop.add("squeezed.jpg", &jpeg(&picture, 40));
    shop.add(
        "small.jpg",
        &jpeg(&resize(&picture, 120, 120, FilterType::Triangle), 90),
    );
    shop.add("zz-mirrored.jpg", &jpeg(&flip_horizontal(&picture), 90));
    shop.ingest();

    let report = shop.json(&["dedup", "--kind", "exact,near"]);
    let found = pairs(&report);
    let has = |kind: &str, a: &str, b: &str| {
        let is = |pair: &&(String, String, String)| pair.0 == kind && pair.1 == a && pair.2 == b;
        found.iter().any(|pair| is(&pair))
    };
    assert!(has("exact", "0000.jpg", "copy.jpg"), "{found:?}");
    for copy in ["small.jpg", "squeezed.jpg", "zz-mirrored.jpg"] {
        assert!(has("near", "0000.jpg", copy), "{copy}: {found:?}");
    }
    let people = shop.ok(&["dedup"]);
    assert!(people.stdout.contains("exact: 1 pair"), "{people:?}");
    assert!(people.stderr.contains("each photo compared with each"));

    let photos = shop.photos();
    let path = |name: &str| photos.join(name).to_str().unwrap().to_string();
    shop.ok(&["dedup", "dismiss", &path("copy.jpg"), &path("0000.jpg")]);
    let report = shop.json(&["dedup"]);
    assert_eq!(report["dismissed"], 1);
    assert!(pairs(&report).iter().all(|pair| pair.0 != "exact"));
    // Ingesting again, with the file touched, does not bring it back.
    fs::write(path("copy.jpg"), &bytes).unwrap();
    shop.ingest();
    assert_eq!(shop.json(&["dedup"])["dismissed"], 1);
    shop.ok(&["dedup", "restore", &path("0000.jpg"), &path("copy.jpg")]);
    assert_eq!(shop.json(&["dedup"])["dismissed"], 0);

    // All of a file at once.
    shop.ok(&["dedup", "--kind", "near", "-o", "pairs.csv"]);
    let count = pairs(&shop.json(&["dedup", "--kind", "near"])).len();
    assert!(count >= 3);
    let dismissed = shop.json(&["dedup", "--dismiss", "pairs.csv"]);
    assert_eq!(dismissed["dismissed"], count);
    let report = shop.json(&["dedup", "--kind", "near"]);
    assert_eq!(report["dismissed"], count);
    assert!(pairs(&report).is_empty());
}

#[test]
fn what_cannot_be_dismissed_is_refused_with_the_reason() {
    let shop = Shop::with_photos(2);
    shop.ingest();
    let refused = |args: &[&str], word: &str| {
        let run = shop.run(args);
        assert_eq!(run.code, Some(3), "{run:?}");
        assert!(run.stderr.contains(word), "{run:?}");
    };
    refused(
        &["dedup", "dismiss", "0000", "nothing"],
        "nothing is not in the catalogue",
    );
    refused(&["dedup", "dismiss", "0000", "0000"], "a pair needs two");
    refused(&["dedup", "--dismiss", "missing.csv"], "missing.csv");
    fs::write(shop.dir().join("bad.csv"), "a,b\n1,2\n").unwrap();
    refused(&["dedup", "--dismiss", "bad.csv"], "a_uri");
    assert_eq!(shop.run(&["dedup", "--kind", "twin"]).code, Some(2));
}
