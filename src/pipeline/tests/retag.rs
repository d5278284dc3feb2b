//! Tagging again: without photos, without doing twice what is done, without losing a reject.

use std::sync::atomic::Ordering::SeqCst;

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
    catalogue: &Memory,
    tagger: &'static str,
    options: &RetagOptions,
    cancel: &Cancel,
    progress: &mut dyn FnMut(&RetagSummary),
) -> Result<RetagSummary, IngestError> {
    retag(
        catalogue,
        &FakeTagger(tagger),
        options,
        cancel,
        progress,
        runtime().handle(),
    )
}

fn small() -> RetagOptions {
    RetagOptions {
        force: false,
        write_rows: 10,
        ..RetagOptions::default()
    }
}

#[test]
fn rows_get_the_new_tags_and_keep_the_rest() {
    let (_folder, catalogue) = filled(33);
    let before = catalogue.records();
    let upserts = catalogue.upserts();
    let mut steps = Vec::new();
    let summary = again(
        &catalogue,
        "tagger-2",
        &small(),
        &Cancel::new(),
        &mut |now| {
            steps.push(now.tagged);
        },
    );
    let summary = summary.unwrap();
    assert_eq!(
        (summary.photos, summary.tagged, summary.current),
        (33, 33, 0)
    );
    assert!(!summary.interrupted);
    assert_eq!(steps, [10, 20, 30, 33]);
    assert_eq!(catalogue.upserts() - upserts, 4);
    for (old, new) in before.iter().zip(catalogue.records()) {
        assert_eq!(
            (new.tagger.as_str(), new.labels[0].id.as_str()),
            ("tagger-2", "by-tagger-2")
        );
        let mut expected = old.clone();
        expected.tagger = new.tagger.clone();
        expected.labels = new.labels.clone();
        assert_eq!(new, expected);
    }
}

#[test]
fn what_is_current_is_left_alone_unless_forced() {
    let (_folder, catalogue) = filled(12);
    let upserts = catalogue.upserts();
    let summary = again(
        &catalogue,
        "tagger-1",
        &small(),
        &Cancel::new(),
        &mut |_| {},
    )
    .unwrap();
    assert_eq!((summary.tagged, summary.current), (0, 12));
    assert_eq!(catalogue.upserts(), upserts);
    let forced = RetagOptions {
        force: true,
        ..small()
    };
    let summary = again(&catalogue, "tagger-1", &forced, &Cancel::new(), &mut |_| {}).unwrap();
    assert_eq!((summary.tagged, summary.current), (12, 0));
}

#[test]
fn a_run_that_was_stopped_goes_on() {
    let (_folder, catalogue) = filled(50);
    let cancel = Cancel::new();
    let stop = cancel.clone();
    let summary = again(&catalogue, "tagger-2", &small(), &cancel, &mut |_| {
        stop.cancel()
    })
    .unwrap();
    assert!(summary.interrupted);
    let tagged = summary.tagged;
    assert!(tagged >= 10);
    let done = catalogue
        .records()
        .iter()
        .filter(|r| r.tagger == "tagger-2")
        .count();
    assert_eq!(done as u64, tagged);
    let summary = again(
        &catalogue,
        "tagger-2",
        &small(),
        &Cancel::new(),
        &mut |_| {},
    )
    .unwrap();
    assert_eq!((summary.tagged, summary.current), (50 - tagged, tagged));
}

#[test]
fn a_store_that_fails_ends_it_and_keeps_what_was_written() {
    let (_folder, catalogue) = filled(200);
    catalogue.full_from.store(catalogue.upserts() + 2, SeqCst);
    let result = again(
        &catalogue,
        "tagger-2",
        &small(),
        &Cancel::new(),
        &mut |_| {},
    );
    assert!(matches!(result, Err(IngestError::Store(_))));
    let done = catalogue
        .records()
        .iter()
        .filter(|r| r.tagger == "tagger-2")
        .count();
    assert_eq!(done, 20);
}

#[test]
fn a_tagger_that_does_not_fit_changes_nothing() {
    for tagger in ["short", "panics"] {
        let (_folder, catalogue) = filled(5);
        let before = catalogue.records();
        let result = again(&catalogue, tagger, &small(), &Cancel::new(), &mut |_| {});
        assert!(
            matches!(result, Err(IngestError::Model(_))),
            "{tagger}: {result:?}"
        );
        assert_eq!(catalogue.records(), before);
    }
}

#[test]
fn the_reject_of_a_later_version_stays() {
    let (folder, catalogue) = filled(3);
    put(folder.path(), "p001.png", b"");
    run_ok(&counting(folder.path()), &catalogue);
    let rejects = catalogue.rejected();
    assert_eq!(rejects.len(), 1);
    again(
        &catalogue,
        "tagger-2",
        &small(),
        &Cancel::new(),
        &mut |_| {},
    )
    .unwrap();
    assert_eq!(catalogue.rejected(), rejects);
    assert!(
        catalogue
            .records()
            .iter()
            .all(|record| record.tagger == "tagger-2")
    );
}

#[test]
fn an_empty_catalogue_is_no_error() {
    let catalogue = Memory::new();
    let summary = again(
        &catalogue,
        "tagger-2",
        &small(),
        &Cancel::new(),
        &mut |_| {},
    )
    .unwrap();
    assert_eq!(
        (summary.photos, summary.tagged, catalogue.upserts()),
        (0, 0, 0)
    );
}
