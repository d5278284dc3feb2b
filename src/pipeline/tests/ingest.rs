//! What comes in, what is left out in the next run, and what becomes a reject.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Mutex;

use showroom_catalog::seams::Encoder;
use showroom_catalog::{PhotoRef, Reject};
use showroom_pipeline::*;
use tempfile::tempdir;

use crate::fakes::*;

fn at_most_bytes(max_bytes: u64) -> IngestOptions {
    let mut options = IngestOptions::default();
    options.decode.limits.max_bytes = max_bytes;
    options
}

#[test]
fn photos_become_rows() {
    let folder = tempdir().unwrap();
    let one = put(folder.path(), "SHOE__1.png", &png([10, 20, 30]));
    // The format is told by the bytes.
    let two = put(folder.path(), "sub/odd name\n☂.jpg", &png([40, 50, 60]));
    put(folder.path(), "README.md", b"# photos");
    let catalogue = Memory::new();
    let summary = run_ok(&counting(folder.path()), &catalogue);
    assert_eq!(counts(&summary), [2, 0, 2, 0, 0]);
    assert_eq!(summary.totals.skipped_other_files, 1);
    assert!(!summary.interrupted);

    let record = catalogue.record(&one);
    assert_eq!(record.source.sku.as_deref(), Some("SHOE"));
    assert_eq!(record.source.bytes, record.facts.bytes);
    assert_eq!((record.facts.width, record.facts.height), (6, 4));
    assert_eq!(record.facts.product_share, 0.5);
    assert_eq!(record.vectors.shape, [10.0, 1.0, 2.0, 3.0]);
    assert_eq!(record.vectors.colour, [0.6, 0.8]);
    assert_eq!(text_vector(&record), [10.0 / 255.0; 3]);
    assert_eq!(record.classes, [10.0 / 255.0, 0.25, 0.25, 0.25, 0.25]);
    assert_eq!(record.colours[0].name, "teal");
    assert_eq!(record.labels[0].id, "by-tagger-1");
    assert_eq!(record.tagger, "tagger-1");
    assert!(record.ingested_at_ms > 1_700_000_000_000);
    assert_eq!(catalogue.record(&two).vectors.shape[0], 40.0);
    assert_ne!(catalogue.record(&two).id, record.id);
}

#[test]
fn an_empty_folder_is_no_error() {
    let folder = tempdir().unwrap();
    let catalogue = Memory::new();
    assert_eq!(
        counts(&run_ok(&counting(folder.path()), &catalogue)),
        [0; 5]
    );
    assert_eq!(catalogue.upserts(), 0);
}

#[test]
fn a_second_run_touches_nothing() {
    let folder = tempdir().unwrap();
    put_photos(folder.path(), 30);
    put(folder.path(), "text.jpg", b"no photo at all");
    let catalogue = Memory::new();
    assert_eq!(
        counts(&run_ok(&counting(folder.path()), &catalogue)),
        [31, 0, 30, 0, 1]
    );
    let (before, upserts) = (catalogue.records(), catalogue.upserts());

    let source = counting(folder.path());
    let summary = run_ok(&source, &catalogue);
    assert_eq!(counts(&summary), [31, 31, 0, 0, 0]);
    assert_eq!(summary.totals.rejected_before, 1);
    assert_eq!(source.fetches(), 0);
    assert_eq!(catalogue.records(), before);
    assert_eq!(catalogue.upserts(), upserts);
}

#[test]
fn a_changed_photo_is_replaced_and_a_new_one_added() {
    let folder = tempdir().unwrap();
    put_photos(folder.path(), 3);
    let catalogue = Memory::new();
    run_ok(&counting(folder.path()), &catalogue);
    let uri = put(folder.path(), "p001.png", &png([250, 0, 0]));
    let modified = fs::metadata(&uri).unwrap().modified().unwrap();
    let later = modified + std::time::Duration::from_millis(5);
    fs::File::options()
        .write(true)
        .open(&uri)
        .unwrap()
        .set_modified(later)
        .unwrap();
    put(folder.path(), "p9.png", &png([9, 9, 9]));

    let source = counting(folder.path());
    assert_eq!(counts(&run_ok(&source, &catalogue)), [4, 2, 1, 1, 0]);
    assert_eq!(source.fetches(), 2);
    assert_eq!(catalogue.record(&uri).vectors.shape[0], 250.0);
    assert_eq!(catalogue.records().len(), 4);
}

#[test]
fn broken_photos_are_rejects_and_stop_nothing() {
    let folder = tempdir().unwrap();
    put_photos(folder.path(), 5);
    let whole = png([1, 2, 3]);
    let empty = put(folder.path(), "empty.png", b"");
    let text = put(folder.path(), "text.jpg", b"this is no photo, only text");
    let cut = put(folder.path(), "cut.png", &whole[..whole.len() / 2]);
    let heic = put(
        folder.path(),
        "a.heic",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    );
    symlink("/nowhere/at/all", folder.path().join("link.jpg")).unwrap();
    let link = folder.path().canonicalize().unwrap().join("link.jpg");

    let catalogue = Memory::new();
    let summary = run_ok(&counting(folder.path()), &catalogue);
    assert_eq!(counts(&summary), [10, 0, 5, 0, 5]);
    assert_eq!(catalogue.reject_of(&empty), "decode empty");
    assert_eq!(catalogue.reject_of(&text), "decode not-an-image");
    assert!(catalogue.reject_of(&cut).starts_with("decode "));
    assert_eq!(catalogue.reject_of(&heic), "decode unsupported-format");
    assert_eq!(
        catalogue.reject_of(link.to_str().unwrap()),
        "list unreadable"
    );
    assert!(
        catalogue.rejected().iter().all(|r| r.reason.len() > 20),
        "each says why"
    );

    // Mended: in, and no reject any more.
    put(folder.path(), "cut.png", &whole);
    assert_eq!(
        counts(&run_ok(&counting(folder.path()), &catalogue)),
        [10, 8, 1, 0, 1]
    );
    assert_eq!(catalogue.rejected().len(), 4);
}

#[test]
fn a_folder_of_broken_photos_alone() {
    let folder = tempdir().unwrap();
    for i in 0..20 {
        put(
            folder.path(),
            &format!("{i}.jpg"),
            format!("text {i}").as_bytes(),
        );
    }
    let catalogue = Memory::new();
    assert_eq!(
        counts(&run_ok(&counting(folder.path()), &catalogue)),
        [20, 0, 0, 0, 20]
    );
    assert_eq!(
        (catalogue.records().len(), catalogue.rejected().len()),
        (0, 20)
    );
}

#[test]
fn a_photo_stays_where_its_later_version_is_broken() {
    let folder = tempdir().unwrap();
    put_photos(folder.path(), 2);
    let catalogue = Memory::new();
    run_ok(&counting(folder.path()), &catalogue);
    let before = catalogue.records();
    let uri = put(folder.path(), "p000.png", b"");
    assert_eq!(
        counts(&run_ok(&counting(folder.path()), &catalogue)),
        [2, 1, 0, 0, 1]
    );
    assert_eq!(catalogue.records(), before);
    assert_eq!(catalogue.reject_of(&uri), "decode empty");
    assert_eq!(
        counts(&run_ok(&counting(folder.path()), &catalogue)),
        [2, 2, 0, 0, 0]
    );
}

#[test]
fn one_row_a_uri_whatever_the_bytes() {
    let folder = tempdir().unwrap();
    let one = put(folder.path(), "a.png", &png([7, 7, 7]));
    let two = put(folder.path(), "copy/a.png", &png([7, 7, 7]));
    let catalogue = Memory::new();
    // The same file named by itself and in its folder is one photo.
    let paths = [one.as_str(), folder.path().to_str().unwrap(), one.as_str()];
    let source = FolderSource::new(&paths, SkuFrom::Stem).unwrap();
    assert_eq!(counts(&run_ok(&source, &catalogue)), [2, 0, 2, 0, 0]);
    assert_eq!(catalogue.record(&one).id, catalogue.record(&two).id);
}

#[test]
fn files_that_vanish_or_grow_are_rejects_until_they_can_be_read() {
    let folder = tempdir().unwrap();
    put_photos(folder.path(), 4);
    let good = png([5, 5, 5]);
    let source = counting_with(folder.path(), |photo: &PhotoRef| {
        if photo.uri.ends_with("p000.png") {
            fs::remove_file(&photo.uri).unwrap();
        } else if photo.uri.ends_with("p001.png") {
            fs::write(&photo.uri, vec![0; 5000]).unwrap();
        } else if photo.uri.ends_with("p002.png") {
            fs::remove_file(&photo.uri).unwrap();
            fs::create_dir(&photo.uri).unwrap();
        }
    });
    let catalogue = Memory::new();
    let options = at_most_bytes(4000);
    let summary = run(&source, encoder(), &catalogue, options, &Cancel::new()).unwrap();
    assert_eq!(counts(&summary), [4, 0, 1, 0, 3]);
    let uri = |name| {
        folder
            .path()
            .canonicalize()
            .unwrap()
            .join(name)
            .display()
            .to_string()
    };
    assert_eq!(catalogue.reject_of(&uri("p000.png")), "fetch not-found");
    assert_eq!(
        catalogue.reject_of(&uri("p001.png")),
        "fetch too-many-bytes"
    );
    assert_eq!(catalogue.reject_of(&uri("p002.png")), "fetch unreadable");

    put(folder.path(), "p000.png", &good);
    put(folder.path(), "p001.png", &good);
    assert_eq!(
        counts(&run_ok(&counting(folder.path()), &catalogue)),
        [3, 1, 2, 0, 0]
    );
}

#[test]
fn a_limit_that_was_raised_takes_what_it_refused() {
    let folder = tempdir().unwrap();
    let uri = put(folder.path(), "a.png", &png([1, 1, 1]));
    let catalogue = Memory::new();
    let small = at_most_bytes(10);
    let refuse = || {
        let source = counting(folder.path());
        counts(
            &run(
                &source,
                encoder(),
                &catalogue,
                small.clone(),
                &Cancel::new(),
            )
            .unwrap(),
        )
    };
    assert_eq!(refuse(), [1, 0, 0, 0, 1]);
    assert_eq!(catalogue.reject_of(&uri), "fetch too-many-bytes");
    let (upserts, at) = (catalogue.upserts(), catalogue.rejected()[0].rejected_at_ms);
    // Tried again and refused again; the same reject is not written twice.
    assert_eq!(refuse(), [1, 0, 0, 0, 1]);
    assert_eq!(
        (catalogue.upserts(), catalogue.rejected()[0].rejected_at_ms),
        (upserts, at)
    );

    assert_eq!(
        counts(&run_ok(&counting(folder.path()), &catalogue)),
        [1, 0, 1, 0, 0]
    );
    assert!(catalogue.rejected().is_empty());
}

#[test]
fn rejects_are_tried_again_when_asked() {
    let folder = tempdir().unwrap();
    put_photos(folder.path(), 2);
    put(folder.path(), "text.jpg", b"text");
    let catalogue = Memory::new();
    run_ok(&counting(folder.path()), &catalogue);
    let source = counting(folder.path());
    let options = IngestOptions {
        retry_rejects: true,
        ..IngestOptions::default()
    };
    let summary = run(&source, encoder(), &catalogue, options, &Cancel::new()).unwrap();
    assert_eq!(counts(&summary), [3, 2, 0, 0, 1]);
    assert_eq!(source.fetches(), 1);
}

#[test]
fn who_looks_on_sees_rejects_and_the_end() {
    #[derive(Default)]
    struct Watcher {
        rejects: Mutex<Vec<String>>,
        last: Mutex<Snapshot>,
    }
    impl Progress for Watcher {
        fn update(&self, now: &Snapshot) {
            *self.last.lock().unwrap() = now.clone();
        }
        fn rejected(&self, reject: &Reject) {
            self.rejects.lock().unwrap().push(reject.code.clone());
        }
    }
    let folder = tempdir().unwrap();
    put_photos(folder.path(), 3);
    put(folder.path(), "empty.jpg", b"");
    let (source, catalogue, watcher) = (counting(folder.path()), Memory::new(), Watcher::default());
    let encoders: Vec<Box<dyn Encoder>> = vec![encoder(), encoder()];
    let tagger = FakeTagger("tagger-1");
    let parts = Parts {
        source: &source,
        encoders,
        tagger: &tagger,
        catalogue: &catalogue,
    };
    let options = IngestOptions::default();
    let summary = ingest(parts, options, &Cancel::new(), &watcher, runtime().handle()).unwrap();
    assert_eq!(*watcher.rejects.lock().unwrap(), ["empty"]);
    let last = watcher.last.lock().unwrap().clone();
    assert_eq!(last, summary.totals);
    assert_eq!(
        (last.handled, last.to_do(), last.stages[3].threads),
        (4, 4, 2)
    );
    assert!(last.rate() > 0.0 && last.slowest().is_some());
}
