//! Pillow's test images, the malformed ones among them, through the main job.

use std::path::PathBuf;

use crate::shop::Shop;

#[test]
fn every_picture_is_a_row_or_a_reject() {
    let pictures = cache().join("datasets/pillow-test-images");
    assert!(
        pictures.is_dir(),
        "{} is missing; fetch it with: python3 datasets/fetch.py pillow-test-images",
        pictures.display()
    );
    let shop = Shop::with_photos(0);
    let run = shop.ok(&["ingest", pictures.to_str().unwrap(), "--json"]);
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    let summary: serde_json::Value = run.parse();
    let count = |field: &str| summary[field].as_u64().unwrap();
    assert!(count("listed") > 500, "{summary}");
    assert!(count("added") > 200 && count("rejected") > 20, "{summary}");
    assert_eq!(
        count("listed"),
        count("added") + count("rejected"),
        "{summary}"
    );
    let photos = shop.exported();
    let rejects = shop.rejects();
    assert_eq!(photos.len() as u64, count("added"));
    assert!(rejects.values().all(|code| !code.is_empty()));
    shop.verify();
}

/// Where the models and the datasets are.
fn cache() -> PathBuf {
    let variable = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    variable("SHOWROOM_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|dir| dir.join("showroom")))
        .or_else(|| variable("HOME").map(|dir| dir.join(".cache/showroom")))
        .expect("a HOME")
}
