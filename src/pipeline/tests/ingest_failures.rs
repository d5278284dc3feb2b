//! Encoders, taggers and stores that fail: what is kept, what is an error, and that every run ends.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use showroom_catalog::seams::{Encoder, ModelError, Source, SourceError, StoreError};
use showroom_catalog::{Photo, PhotoRef, Reject};
use showroom_pipeline::*;
use tempfile::{TempDir, tempdir};

use crate::fakes::*;

fn photos(count: usize) -> TempDir {
    let folder = tempdir().unwrap();
    put_photos(folder.path(), count);
    folder
}

fn ingest_with(
    folder: &TempDir,
    catalogue: &Memory,
    encoder: impl FnMut(&[Photo]) -> Answers + Send + 'static,
) -> Result<IngestSummary, IngestError> {
    let options = IngestOptions {
        write_rows: 4,
        ..IngestOptions::default()
    };
    let encoder = Box::new(FakeEncoder(encoder));
    run(
        &counting(folder.path()),
        encoder,
        catalogue,
        options,
        &Cancel::new(),
    )
}

fn failed() -> ModelError {
    ModelError::Failed("out of memory".to_string())
}

/// Whether one of these is the photo with this number.
fn has(photos: &[Photo], number: u8) -> bool {
    photos.iter().any(|photo| photo.pixels.rgba[0] == number)
}

#[test]
fn a_batch_that_fails_is_done_one_by_one() {
    let (folder, catalogue) = (photos(40), Memory::new());
    let summary = ingest_with(&folder, &catalogue, |photos| match photos.len() {
        1 => all(photos),
        _ => Err(failed()),
    });
    assert_eq!(counts(&summary.unwrap()), [40, 0, 40, 0, 0]);
    let reds = catalogue
        .records()
        .iter()
        .map(|r| r.vectors.shape[0] as usize)
        .collect::<Vec<_>>();
    assert_eq!(
        reds,
        (0..40).collect::<Vec<_>>(),
        "each row has the features of its own photo"
    );
}

#[test]
fn a_photo_that_breaks_the_encoder_is_refused_alone_and_tried_again() {
    let (folder, catalogue) = (photos(20), Memory::new());
    let summary = ingest_with(&folder, &catalogue, |photos| match has(photos, 7) {
        true => Err(failed()),
        false => all(photos),
    });
    assert_eq!(counts(&summary.unwrap()), [20, 0, 19, 0, 1]);
    assert!(catalogue.rejected()[0].source.uri.ends_with("p007.png"));
    assert_eq!(catalogue.rejected()[0].code, "encoder-failed");
    let summary = ingest_with(&folder, &catalogue, all);
    assert_eq!(counts(&summary.unwrap()), [20, 19, 1, 0, 0]);
}

#[test]
fn a_panic_in_the_encoder_is_a_failure_of_that_photo() {
    let (folder, catalogue) = (photos(20), Memory::new());
    let summary = ingest_with(&folder, &catalogue, |photos| {
        assert!(!has(photos, 19), "a bug in the engine");
        all(photos)
    });
    assert_eq!(counts(&summary.unwrap()), [20, 0, 19, 0, 1]);
    assert!(
        catalogue.rejected()[0]
            .reason
            .contains("a bug in the engine")
    );
}

#[test]
fn a_panic_that_becomes_a_reject_is_not_printed() {
    static REPORTED: AtomicUsize = AtomicUsize::new(0);
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        match panic.payload_as_str() == Some("a panic of this test") {
            true => drop(REPORTED.fetch_add(1, SeqCst)),
            false => report(panic),
        }
    }));
    silence_guarded_panics();
    let (folder, catalogue) = (photos(2), Memory::new());
    let summary = ingest_with(&folder, &catalogue, |photos| match has(photos, 1) {
        true => panic!("a panic of this test"),
        false => all(photos),
    });
    assert_eq!(counts(&summary.unwrap()), [2, 0, 1, 0, 1]);
    assert_eq!(REPORTED.load(SeqCst), 0);
    // Any other panic is reported as before, also on a thread that was guarded once.
    let other = std::thread::spawn(|| panic!("a panic of this test")).join();
    assert!(other.is_err());
    assert_eq!(REPORTED.load(SeqCst), 1);
}

#[test]
fn what_the_encoder_refuses_is_a_reject() {
    let (folder, catalogue) = (photos(6), Memory::new());
    let summary = ingest_with(&folder, &catalogue, |photos| {
        let one = |photo: &Photo| match photo.pixels.rgba[0] {
            2 => Err("there is nothing on it".to_string()),
            3 => Ok(showroom_catalog::seams::Features {
                shape: vec![f32::NAN; 4],
                ..features(photo)
            }),
            _ => Ok(features(photo)),
        };
        Ok(photos.iter().map(one).collect())
    });
    assert_eq!(counts(&summary.unwrap()), [6, 0, 4, 0, 2]);
    let codes = catalogue
        .rejected()
        .iter()
        .map(|r| r.code.clone())
        .collect::<Vec<_>>();
    assert_eq!(codes, ["not-encoded", "not-finite"]);
    assert_eq!(
        counts(&ingest_with(&folder, &catalogue, all).unwrap()),
        [6, 6, 0, 0, 0]
    );
}

#[test]
fn an_encoder_that_breaks_ends_the_run_and_what_was_done_stays() {
    let (folder, catalogue) = (photos(60), Memory::new());
    let mut done = 0;
    let result = ingest_with(&folder, &catalogue, move |photos| {
        if done >= 10 {
            return Err(failed());
        }
        done += photos.len();
        all(photos)
    });
    assert!(
        matches!(result, Err(IngestError::Model(ModelError::Failed(_)))),
        "{result:?}"
    );
    let kept = catalogue.records().len();
    assert!((10..60).contains(&kept), "{kept}");
    let summary = ingest_with(&folder, &catalogue, all).unwrap();
    assert_eq!(counts(&summary), [60, kept as u64, 60 - kept as u64, 0, 0]);
    assert!(catalogue.rejected().is_empty());
}

#[test]
fn an_encoder_that_never_works_is_an_error_and_costs_no_photo() {
    for count in [1, 2, 30] {
        let (folder, catalogue) = (photos(count), Memory::new());
        let result = ingest_with(&folder, &catalogue, |_| Err(failed()));
        assert!(
            matches!(result, Err(IngestError::Model(_))),
            "{count}: {result:?}"
        );
        assert_eq!(catalogue.records().len(), 0);
        let summary = ingest_with(&folder, &catalogue, all).unwrap();
        assert_eq!(counts(&summary), [count as u64, 0, count as u64, 0, 0]);
    }
}

#[test]
fn answers_that_do_not_fit_are_an_error() {
    let too_few = |photos: &[Photo]| all(&photos[1..]);
    let too_short = |photos: &[Photo]| {
        let mut answers = all(photos)?;
        answers
            .iter_mut()
            .flatten()
            .for_each(|features| features.classes.truncate(2));
        Ok(answers)
    };
    for (encoder, says) in [
        (
            Box::new(FakeEncoder(too_few)) as Box<dyn Encoder>,
            "0 answers for 1 photos",
        ),
        (Box::new(FakeEncoder(too_short)), "2 numbers for classes"),
    ] {
        let (folder, catalogue) = (photos(5), Memory::new());
        let source = counting(folder.path());
        let options = IngestOptions::default();
        let result = run(&source, encoder, &catalogue, options, &Cancel::new());
        let said = result.unwrap_err().to_string();
        assert!(said.contains(says), "{said}");
        assert_eq!(catalogue.records().len(), 0);
    }
}

#[test]
fn a_tagger_that_panics_costs_photos_and_one_that_does_not_fit_the_run() {
    for (tagger, rejects) in [("panics", Some(3)), ("short", None)] {
        let (folder, catalogue) = (photos(3), Memory::new());
        let (source, tagger) = (counting(folder.path()), FakeTagger(tagger));
        let encoders = vec![encoder()];
        let parts = Parts {
            source: &source,
            encoders,
            tagger: &tagger,
            catalogue: &catalogue,
        };
        let options = IngestOptions::default();
        let result = ingest(parts, options, &Cancel::new(), &Quiet, runtime().handle());
        assert_eq!(result.ok().map(|summary| summary.totals.rejected), rejects);
        let codes = catalogue
            .rejected()
            .iter()
            .all(|r| r.code == "tagger-failed");
        assert!(codes && catalogue.records().is_empty());
    }
}

#[test]
fn a_store_that_fails_ends_the_run_and_keeps_what_it_acknowledged() {
    for full_from in [0, 1, 3] {
        let (folder, catalogue) = (photos(60), Memory::new());
        catalogue.full_from.store(full_from, SeqCst);
        let result = ingest_with(&folder, &catalogue, all);
        assert!(matches!(
            result,
            Err(IngestError::Store(StoreError::DiskFull { .. }))
        ));
        assert_eq!(catalogue.records().len(), 4 * full_from);
        assert_eq!(
            catalogue.upserts(),
            full_from + 1,
            "nothing is written after the error"
        );

        catalogue.full_from.store(usize::MAX, SeqCst);
        let summary = ingest_with(&folder, &catalogue, all).unwrap();
        let kept = 4 * full_from as u64;
        assert_eq!(counts(&summary), [60, kept, 60 - kept, 0, 0]);
    }
}

/// Every stage is blocked on the next one when the last of them ends.
#[test]
fn a_run_that_fails_while_all_stages_wait_ends() {
    let (folder, catalogue) = (photos(100), Memory::new());
    let options = IngestOptions {
        decoders: 4,
        queue: 1,
        batch: 1,
        write_rows: 1,
        max_pixel_bytes: 1,
        ..IngestOptions::default()
    };
    let broken = |_: &[Photo]| {
        // Lets the decoders come to wait for their share of the pixel budget.
        std::thread::sleep(std::time::Duration::from_millis(50));
        Err(failed())
    };
    let encoders = [Box::new(FakeEncoder(broken)) as Box<dyn Encoder>, encoder()];
    for encoder in encoders {
        catalogue.full_from.store(3, SeqCst);
        let source = counting(folder.path());
        let result = run(
            &source,
            encoder,
            &catalogue,
            options.clone(),
            &Cancel::new(),
        );
        assert!(matches!(
            result,
            Err(IngestError::Model(_) | IngestError::Store(_))
        ));
        assert!(source.fetches() < 100);
    }
}

#[test]
fn a_store_that_fails_on_the_last_rows_is_an_error_too() {
    let (folder, catalogue) = (photos(2), Memory::new());
    catalogue.full_from.store(0, SeqCst);
    let result = ingest_with(&folder, &catalogue, all);
    assert!(matches!(result, Err(IngestError::Store(_))));
}

#[test]
fn a_source_that_breaks_off_is_an_error_and_what_it_listed_is_kept() {
    struct Broken(FolderSource);
    impl Source for Broken {
        fn list(
            &self,
            found: &mut dyn FnMut(Result<PhotoRef, Reject>) -> bool,
        ) -> Result<(), SourceError> {
            self.0.list(found)?;
            let reason = "connection lost".to_string();
            Err(SourceError::Unreadable {
                uri: "s3://photos".to_string(),
                reason,
            })
        }
        fn fetch(&self, photo: &PhotoRef, max_bytes: u64) -> Result<Vec<u8>, SourceError> {
            self.0.fetch(photo, max_bytes)
        }
    }
    let (folder, catalogue) = (photos(5), Memory::new());
    let source = Broken(FolderSource::new(&[folder.path()], SkuFrom::Stem).unwrap());
    let options = IngestOptions::default();
    let result = run(&source, encoder(), &catalogue, options, &Cancel::new());
    assert!(matches!(result, Err(IngestError::Source(_))));
    assert!(catalogue.rejected().is_empty());
    let summary = run_ok(&counting(folder.path()), &catalogue);
    assert_eq!(summary.totals.unchanged + summary.totals.added, 5);
}

#[test]
fn parts_that_do_not_fit_together_are_refused_before_anything_is_read() {
    struct Other;
    impl Encoder for Other {
        fn id(&self) -> &str {
            "another"
        }
        fn encode(&mut self, photos: &[Photo]) -> Answers {
            all(photos)
        }
    }
    let (folder, catalogue) = (photos(1), Memory::new());
    let source = counting(folder.path());
    let single = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let multi = runtime();
    let cases: [(Vec<Box<dyn Encoder>>, _); 3] = [
        (vec![Box::new(Other)], multi.handle()),
        (vec![], multi.handle()),
        (vec![encoder()], single.handle()),
    ];
    for (encoders, runtime) in cases {
        let tagger = FakeTagger("tagger-1");
        let parts = Parts {
            source: &source,
            encoders,
            tagger: &tagger,
            catalogue: &catalogue,
        };
        let options = IngestOptions::default();
        let result = ingest(parts, options, &Cancel::new(), &Quiet, runtime);
        assert!(matches!(result, Err(IngestError::Wiring(_))));
    }
    assert_eq!(source.fetches(), 0);
}
