//! Own labels: examples are found wherever they are, tags of others stay, a person's word holds.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use showroom_catalog::decide::{KnownLabel, Made, decide_category, decide_label};
use showroom_catalog::decision::CategoryNode;
use showroom_catalog::label::{LabelAt, PERSON};
use showroom_catalog::seams::{Labeller, StoreError};
use showroom_catalog::{Decision, Decisions, PhotoId, Record, Tag, Vectors, Verdict};
use showroom_pipeline::labels::*;
use showroom_pipeline::*;
use tempfile::{TempDir, tempdir};

use crate::fakes::*;

const SOURCE: &str = "labels:shop";
const LABEL: LabelAt = LabelAt { group: 0, label: 0 };
const MADE: Made<'static> = Made {
    at_ms: 1,
    batch: "b",
    by: None,
};

fn filled(count: usize) -> (TempDir, Memory) {
    let folder = tempdir().unwrap();
    put_photos(folder.path(), count);
    let catalogue = Memory::new();
    run_ok(&counting(folder.path()), &catalogue);
    (folder, catalogue)
}

fn tag(model: &str, decision: Decision) -> Tag {
    Tag {
        id: "kind/round".into(),
        name: "round".into(),
        score: 0.7,
        calibrated: Some(0.8),
        decision,
        source: SOURCE.into(),
        model: model.into(),
    }
}

/// Finds photos round whose first pixel is dark, but for those that a person decided.
struct Round(&'static str);

impl Labeller for Round {
    fn source(&self) -> &str {
        SOURCE
    }

    fn label(&self, photo: PhotoId, vectors: &Vectors, decisions: &Decisions) -> Vec<Tag> {
        match decisions.of(photo, "kind/round") {
            Some(Verdict::Reject) => vec![tag(PERSON, Decision::Reject)],
            Some(Verdict::Accept) => vec![tag(PERSON, Decision::Accept)],
            None if vectors.shape[0] < 5.0 => vec![tag(self.0, Decision::Accept)],
            None => vec![],
        }
    }
}

fn apply(catalogue: &Memory, set: &'static str, decisions: &Decisions) -> (u64, u64, Labelled) {
    let (summary, counts) = relabel(
        catalogue,
        &[&Round(set)],
        decisions,
        &Cancel::new(),
        &mut |_| {},
        runtime().handle(),
    )
    .unwrap();
    let count = counts.get("kind/round").copied().unwrap_or_default();
    (summary.tagged, summary.current, count)
}

fn own(record: &Record) -> Vec<&Tag> {
    record
        .labels
        .iter()
        .filter(|tag| tag.source == SOURCE)
        .collect()
}

#[test]
fn labels_are_written_beside_those_of_others() {
    let (_folder, catalogue) = filled(12);
    let before = catalogue.records();
    let (tagged, current, count) = apply(&catalogue, "set-1", &Decisions::default());
    assert_eq!(
        (tagged, current),
        (5, 7),
        "only rows with new labels are written"
    );
    assert_eq!((count.accept, count.review, count.reject), (5, 0, 0));
    for (old, new) in before.iter().zip(catalogue.records()) {
        let mut expected = old.clone();
        expected.labels.extend(own(&new).into_iter().cloned());
        assert_eq!(new, expected);
        assert_eq!(own(&new).len(), usize::from(old.vectors.shape[0] < 5.0));
    }
    assert_eq!(
        apply(&catalogue, "set-1", &Decisions::default()).0,
        0,
        "the same again"
    );
    assert_eq!(
        apply(&catalogue, "set-2", &Decisions::default()).0,
        5,
        "another hash"
    );
    let records = catalogue.records();
    assert!(records.iter().flat_map(own).all(|tag| tag.model == "set-2"));
    assert_eq!(records.iter().flat_map(own).count(), 5);
}

#[test]
fn tagging_again_keeps_own_labels() {
    let (_folder, catalogue) = filled(6);
    apply(&catalogue, "set", &Decisions::default());
    let options = RetagOptions::default();
    let (cancel, runtime) = (Cancel::new(), runtime());
    let tagger = FakeTagger("tagger-2");
    retag(
        &catalogue,
        &tagger,
        &options,
        &cancel,
        &mut |_| {},
        runtime.handle(),
    )
    .unwrap();
    let records = catalogue.records();
    assert_eq!(records.iter().flat_map(own).count(), 5);
    assert!(
        records
            .iter()
            .all(|record| record.labels[0].id == "by-tagger-2")
    );
    assert!(
        records
            .iter()
            .all(|record| record.labels.iter().all(|tag| tag.id != "by-tagger-1"))
    );
}

#[test]
fn a_persons_word_holds_at_once_and_when_applied_again() {
    let (_folder, catalogue) = filled(6);
    apply(&catalogue, "set", &Decisions::default());
    let mut record = catalogue.records().remove(0);
    let round = KnownLabel {
        id: "kind/round".into(),
        name: "round".into(),
        source: SOURCE.into(),
        rivals: vec![],
    };
    let none = Decisions::default();
    let decided = decide_label(&mut record, &round, Verdict::Reject, MADE, &none);
    assert_eq!(own(&record)[0].decision, Decision::Reject);
    assert_eq!(own(&record)[0].model, PERSON);
    let (tagged, _, count) = apply(&catalogue, "set", &Decisions::new(decided));
    assert_eq!((tagged, count.accept, count.reject), (1, 4, 1));
}

#[test]
fn a_persons_word_holds_when_a_photo_is_tagged_or_taken_in_again() {
    let (folder, catalogue) = filled(3);
    let node = CategoryNode {
        id: "hg-1".into(),
        name: "Pots".into(),
        path: vec!["Home".into(), "Pots".into()],
    };
    let by_tagger = KnownLabel::from(&catalogue.records()[0].labels[0]);
    let mut decisions = Decisions::default();
    for mut record in catalogue.records().into_iter().take(1) {
        let none = Decisions::default();
        for line in decide_label(&mut record, &by_tagger, Verdict::Reject, MADE, &none) {
            decisions.add(line);
        }
        let line = decide_category(&mut record, &node, Verdict::Accept, MADE, &none);
        decisions.add(line);
    }
    let decisions = Arc::new(decisions);
    let holds = |catalogue: &Memory| {
        let records = catalogue.records();
        let category = records[0].category.as_ref().unwrap();
        assert_eq!(
            (category.id.as_str(), category.model.as_str()),
            ("hg-1", PERSON)
        );
        let tag = records[0].labels.iter().find(|tag| tag.id == by_tagger.id);
        assert_eq!(tag.unwrap().decision, Decision::Reject);
        assert_ne!(records[1].labels[0].model, PERSON);
    };
    // The rows know nothing of it yet; tagging brings them to it, though the tagger is the same.
    let (cancel, runtime) = (Cancel::new(), runtime());
    let retagged = |force| {
        let options = RetagOptions {
            force,
            decisions: decisions.clone(),
            ..RetagOptions::default()
        };
        let tagger = FakeTagger("tagger-1");
        retag(
            &catalogue,
            &tagger,
            &options,
            &cancel,
            &mut |_| {},
            runtime.handle(),
        )
        .unwrap()
    };
    assert_eq!(retagged(false).tagged, 1);
    holds(&catalogue);
    assert_eq!(retagged(false).tagged, 0);
    assert_eq!(retagged(true).tagged, 3);
    holds(&catalogue);
    // A new catalogue of the same photos.
    let again = Memory::new();
    let options = IngestOptions {
        decisions: decisions.clone(),
        ..IngestOptions::default()
    };
    run(
        &counting(folder.path()),
        encoder(),
        &again,
        options,
        &cancel,
    )
    .unwrap();
    holds(&again);
}

#[test]
fn examples_are_found_by_any_name_and_strangers_are_encoded() {
    let (folder, catalogue) = filled(6);
    let records = catalogue.records();
    let copy = put(folder.path(), "elsewhere/copy.png", &png([3, 100, 200]));
    let stranger = put(folder.path(), "elsewhere/new__2.png", &png([99, 1, 1]));
    let broken = put(folder.path(), "elsewhere/broken.png", b"no picture");
    let judged: Vec<Judged> = [
        (Who::Key("p000".into()), true),
        (Who::Key(records[1].source.uri.clone()), true),
        (
            Who::Key(records[2].id.to_string()[..9].to_uppercase()),
            false,
        ),
        (Who::Photo(records[2].id), true),
        (Who::File(PathBuf::from(&copy)), true),
        (Who::File(PathBuf::from(&stranger)), true),
        (Who::File(PathBuf::from(&broken)), true),
        (Who::File(folder.path().join("none.png")), true),
        (Who::Key("nobody".into()), true),
    ]
    .into_iter()
    .map(|(who, is_right)| Judged {
        who,
        label: LABEL,
        is_right,
        is_complete: is_right,
    })
    .collect();
    let mut asked = Vec::new();
    let mut encode = |path: &std::path::Path| -> Result<Result<Vectors, String>, StoreError> {
        asked.push(path.to_path_buf());
        if path.ends_with("broken.png") {
            return Ok(Err("broken.png: no picture".into()));
        }
        let shape = vec![9.0; 4];
        Ok(Ok(Vectors {
            shape,
            ..Vectors::default()
        }))
    };
    let found = gather(&catalogue, &judged, &mut encode, runtime().handle()).unwrap();
    assert_eq!(asked, [PathBuf::from(&stranger), PathBuf::from(&broken)]);
    let by_item: HashMap<&str, _> = found
        .examples
        .iter()
        .map(|example| (example.item.as_str(), example))
        .collect();
    assert_eq!(by_item.len(), 5);
    assert_eq!(by_item["p000"].vectors, records[0].vectors);
    assert_eq!(by_item["p002"].judged, [(LABEL, false), (LABEL, true)]);
    assert_eq!(
        by_item["p003"].vectors, records[3].vectors,
        "the same bytes elsewhere"
    );
    assert_eq!(by_item["new"].vectors.shape, [9.0; 4]);
    let said = found.problems.join("\n");
    assert_eq!(found.problems.len(), 3, "{said}");
    for part in [
        "none.png does not exist",
        "broken.png: no picture",
        "photo of the catalogue is \"nobody\"",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}
