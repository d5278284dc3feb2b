//! Encoding a catalogue again: what stays of a row, what is new, what is rejected, and going on.

use std::fs;

use showroom_catalog::Decision;
use showroom_catalog::seams::Catalogue;
use showroom_pipeline::*;
use tempfile::{TempDir, tempdir};

use crate::fakes::*;

fn filled(count: usize) -> (TempDir, Memory) {
    let folder = tempdir().unwrap();
    put_photos(folder.path(), count);
    let catalogue = Memory::new();
    run_ok(&counting(folder.path()), &catalogue);
    (folder, catalogue)
}

fn again(
    folder: &TempDir,
    old: &Memory,
    next: &Memory,
    cancel: &Cancel,
    each: impl Fn() + Sync + Send + Clone + 'static,
) -> ReindexSummary {
    let parts = ReindexParts {
        source: &counting(folder.path()),
        encoders: vec![Box::new(FakeEncoder(
            move |photos: &[showroom_catalog::Photo]| {
                each();
                let features = photos.iter().map(|photo| {
                    let mut features = features(photo);
                    features.shape[1] = 9.0;
                    Ok(features)
                });
                Ok(features.collect())
            },
        ))],
        tagger: &FakeTagger("tagger-2"),
        old,
        next,
    };
    let options = IngestOptions {
        batch: 1,
        queue: 1,
        ..IngestOptions::default()
    };
    reindex(parts, options, cancel, &Quiet, runtime().handle()).unwrap()
}

#[test]
fn vectors_are_new_and_what_was_said_of_a_photo_stays() {
    let (folder, old) = filled(20);
    // Somebody has decided about one.
    let mut decided = old.records()[3].clone();
    decided.labels[0].decision = Decision::Accept;
    decided.source.sku = Some("SHOE-3".into());
    let wait = runtime();
    wait.block_on(old.upsert(vec![decided.clone()], vec![]))
        .unwrap();
    let before = old.records();
    let next = Memory::new();
    let done = again(&folder, &old, &next, &Cancel::new(), || {});
    assert_eq!((done.photos, done.encoded, done.lost), (20, 20, 0));
    assert_eq!(old.records(), before, "the old is left alone");
    for (record, before) in next.records().iter().zip(&before) {
        let mut wanted = before.clone();
        wanted.vectors.shape[1] = 9.0;
        assert_eq!(record, &wanted);
        assert_eq!(record.tagger, "tagger-1");
    }
    assert_eq!(next.records()[3].labels, decided.labels);
}

#[test]
fn photos_that_are_gone_or_spoilt_become_rejects_and_old_rejects_stay() {
    let (folder, old) = filled(6);
    let bad = put(folder.path(), "bad.png", b"no picture");
    run_ok(&counting(folder.path()), &old);
    let uri = |name: &str| {
        let path = folder.path().canonicalize().unwrap().join(name);
        path.to_str().unwrap().to_string()
    };
    fs::remove_file(uri("p001.png")).unwrap();
    put(folder.path(), "p002.png", b"spoilt");
    let changed = put(folder.path(), "p003.png", &png([200, 100, 200]));
    let next = Memory::new();
    let done = again(&folder, &old, &next, &Cancel::new(), || {});
    assert_eq!((done.photos, done.encoded, done.lost), (6, 4, 2));
    assert_eq!(next.reject_of(&uri("p001.png")), "fetch not-found");
    assert!(next.reject_of(&uri("p002.png")).starts_with("decode "));
    assert_eq!(next.reject_of(&bad), old.reject_of(&bad));
    // Another picture in the same place has tags of its own, and is looked at by the next ingest.
    let (now, was) = (next.record(&changed), old.record(&changed));
    assert_ne!(now.id, was.id);
    assert_eq!(
        (now.tagger.as_str(), &now.source),
        ("tagger-2", &was.source)
    );
    let summary = run_ok(&counting(folder.path()), &next);
    assert_eq!(summary.totals.updated, 1, "{:?}", summary.totals);
}

#[test]
fn a_stopped_run_goes_on_and_keeps_what_was_said() {
    let (folder, old) = filled(60);
    let next = Memory::new();
    let cancel = Cancel::new();
    let stop = cancel.clone();
    let done = again(&folder, &old, &next, &cancel, move || stop.cancel());
    assert!(done.interrupted, "{done:?}");
    let so_far = next.records().len();
    assert!((1..60).contains(&so_far), "{so_far}");
    let done = again(&folder, &old, &next, &Cancel::new(), || {});
    assert_eq!((done.encoded, done.lost), (60, 0));
    assert_eq!(done.totals.unchanged, so_far as u64);
    for (record, before) in next.records().iter().zip(old.records()) {
        assert_eq!(
            (&record.tagger, &record.labels),
            (&before.tagger, &before.labels)
        );
        assert_eq!(record.vectors.shape[1], 9.0);
    }
}
