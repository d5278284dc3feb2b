//! Cancelling, and the bounds: photos in flight, pixels in flight, rows that wait to be written.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use showroom_catalog::Photo;
use showroom_catalog::seams::Encoder;
use showroom_pipeline::*;
use tempfile::tempdir;

use crate::fakes::*;

#[test]
fn cancelling_writes_what_is_in_flight_and_the_next_run_does_the_rest() {
    let folder = tempdir().unwrap();
    put_photos(folder.path(), 200);
    let catalogue = Memory::new();
    let cancel = Cancel::new();
    let fetched = AtomicUsize::new(0);
    let source = counting_with(folder.path(), |_| {
        if fetched.fetch_add(1, SeqCst) == 20 {
            cancel.cancel();
        }
    });
    let options = IngestOptions {
        write_rows: 7,
        ..IngestOptions::default()
    };
    let summary = run(&source, encoder(), &catalogue, options.clone(), &cancel).unwrap();
    assert!(summary.interrupted);
    let [_, unchanged, added, updated, rejected] = counts(&summary);
    assert_eq!([unchanged, updated, rejected], [0; 3]);
    assert_eq!(added, source.fetches() as u64, "what was read is written");
    assert_eq!(added, catalogue.records().len() as u64);
    assert!(
        (21..=21 + options.fetchers as u64).contains(&added),
        "{added}"
    );

    let rest = counting(folder.path());
    let summary = run_ok(&rest, &catalogue);
    assert_eq!(counts(&summary), [200, added, 200 - added, 0, 0]);
    assert_eq!(
        source.fetches() + rest.fetches(),
        200,
        "no photo was read twice"
    );
    assert_eq!(catalogue.records().len(), 200);
}

#[test]
fn cancelled_before_it_began() {
    let folder = tempdir().unwrap();
    put_photos(folder.path(), 5);
    let (source, catalogue, cancel) = (counting(folder.path()), Memory::new(), Cancel::new());
    cancel.cancel();
    let summary = run(
        &source,
        encoder(),
        &catalogue,
        IngestOptions::default(),
        &cancel,
    )
    .unwrap();
    assert!(summary.interrupted);
    assert_eq!((source.fetches(), catalogue.records().len()), (0, 0));
}

#[test]
fn a_run_that_had_nothing_left_to_do_was_not_interrupted() {
    let folder = tempdir().unwrap();
    put_photos(folder.path(), 3);
    let cancel = Cancel::new();
    let asked = cancel.clone();
    let mut encoded = 0;
    let encoder = FakeEncoder(move |photos: &[Photo]| {
        encoded += photos.len();
        if encoded == 3 {
            asked.cancel();
        }
        all(photos)
    });
    let (source, catalogue) = (counting(folder.path()), Memory::new());
    let options = IngestOptions::default();
    let summary = run(&source, Box::new(encoder), &catalogue, options, &cancel).unwrap();
    assert!(!summary.interrupted);
    assert_eq!(counts(&summary), [3, 0, 3, 0, 0]);
}

#[test]
fn photos_in_flight_are_bounded() {
    let folder = tempdir().unwrap();
    put_photos(folder.path(), 120);
    let options = IngestOptions {
        fetchers: 2,
        decoders: 3,
        queue: 5,
        batch: 4,
        ..IngestOptions::default()
    };
    let bound = options.most_in_flight(1);
    assert_eq!(bound, 2 + 5 + 3 + 5 + 4);
    let before_encoder = bound - options.batch;

    let fetched = Arc::new(AtomicUsize::new(0));
    let most_seen = Arc::new(AtomicUsize::new(0));
    let source = counting_with(folder.path(), |_| {
        fetched.fetch_add(1, SeqCst);
    });
    let (fetched_so_far, most) = (fetched.clone(), most_seen.clone());
    let mut encoded = 0;
    let encoder = FakeEncoder(move |photos: &[Photo]| {
        // Everything before the encoder runs on until it is full, or there is nothing left …
        let full = (encoded + photos.len() + before_encoder).min(120);
        let give_up = Instant::now() + Duration::from_secs(60);
        while fetched_so_far.load(SeqCst) < full {
            assert!(Instant::now() < give_up, "the stages do not work at once");
            std::thread::sleep(Duration::from_millis(1));
        }
        // … and then no further.
        std::thread::sleep(Duration::from_millis(10));
        most.fetch_max(fetched_so_far.load(SeqCst) - encoded, SeqCst);
        encoded += photos.len();
        all(photos)
    });
    let catalogue = Memory::new();
    let summary = run(
        &source,
        Box::new(encoder),
        &catalogue,
        options,
        &Cancel::new(),
    )
    .unwrap();
    assert_eq!(counts(&summary), [120, 0, 120, 0, 0]);
    let most = most_seen.load(SeqCst);
    assert!(most <= bound, "{most} in flight, {bound} allowed");
    assert!(most > before_encoder, "{most} in flight");
}

#[test]
fn pixels_in_flight_are_bounded() {
    let folder = tempdir().unwrap();
    put_photos(folder.path(), 30);
    // A photo is 6×4 pixels, 96 bytes: two fit, or one that is bigger than the budget.
    for (max_pixel_bytes, most_photos) in [(2 * 96 + 50, 2), (1, 1)] {
        let batches = Arc::new(AtomicUsize::new(0));
        let seen = batches.clone();
        let encoder: Box<dyn Encoder> = Box::new(FakeEncoder(move |photos: &[Photo]| {
            std::thread::sleep(Duration::from_millis(2));
            seen.fetch_max(photos.len(), SeqCst);
            all(photos)
        }));
        let options = IngestOptions {
            max_pixel_bytes,
            decoders: 4,
            ..IngestOptions::default()
        };
        let catalogue = Memory::new();
        let source = counting(folder.path());
        let summary = run(&source, encoder, &catalogue, options, &Cancel::new()).unwrap();
        assert_eq!(counts(&summary), [30, 0, 30, 0, 0]);
        let most = batches.load(SeqCst);
        assert!((1..=most_photos).contains(&most), "{most} at once");
    }
}

#[test]
fn rows_are_written_while_the_run_goes_on() {
    let folder = tempdir().unwrap();
    put_photos(folder.path(), 3);
    let catalogue = Arc::new(Memory::new());
    let seen = catalogue.clone();
    // The second photo is encoded only when the first is in the catalogue.
    let mut encoded = 0;
    let encoder = FakeEncoder(move |photos: &[Photo]| {
        let give_up = Instant::now() + Duration::from_secs(60);
        while seen.records().len() < encoded {
            assert!(Instant::now() < give_up, "nothing was written");
            std::thread::sleep(Duration::from_millis(1));
        }
        encoded += photos.len();
        all(photos)
    });
    let options = IngestOptions {
        batch: 1,
        write_every: Duration::from_millis(1),
        ..IngestOptions::default()
    };
    let source = counting(folder.path());
    let summary = run(
        &source,
        Box::new(encoder),
        &catalogue,
        options,
        &Cancel::new(),
    )
    .unwrap();
    assert_eq!(counts(&summary), [3, 0, 3, 0, 0]);
}

#[test]
fn rows_are_written_in_batches_of_the_size_asked_for() {
    let folder = tempdir().unwrap();
    put_photos(folder.path(), 25);
    put(folder.path(), "empty.jpg", b"");
    let catalogue = Memory::new();
    let options = IngestOptions {
        write_rows: 10,
        write_every: Duration::from_secs(3600),
        ..IngestOptions::default()
    };
    let source = counting(folder.path());
    run(&source, encoder(), &catalogue, options, &Cancel::new()).unwrap();
    assert_eq!(catalogue.upserts(), 3, "10 + 10 + 6");
}

#[test]
fn sizes_of_zero_are_ones() {
    let folder = tempdir().unwrap();
    put_photos(folder.path(), 4);
    let options = IngestOptions {
        fetchers: 0,
        decoders: 0,
        queue: 0,
        batch: 0,
        write_rows: 0,
        max_pixel_bytes: 0,
        write_every: Duration::ZERO,
        ..IngestOptions::default()
    };
    let (source, catalogue) = (counting(folder.path()), Memory::new());
    let summary = run(&source, encoder(), &catalogue, options, &Cancel::new()).unwrap();
    assert_eq!(counts(&summary), [4, 0, 4, 0, 0]);
}
