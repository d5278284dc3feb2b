//! Files made of photos: what is there is left alone, bad photos are passed over, failures end the run.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use showroom_catalog::seams::{BadPhoto, Maker, ModelError, Sink, SinkError};
use showroom_catalog::{Asset, AssetKind, Made, PhotoId, PhotoRef, Planned, Recipe, Stage};
use showroom_pipeline::*;

use crate::fakes::{put, put_photos};

/// Makes a file of the photo's length, and counts; what it does of some photos is told by their bytes.
struct Lengths(Arc<AtomicUsize>);

const BAD: &[u8] = b"bad";
const PANICS: &[u8] = b"panics";
const ENDS: &[u8] = b"model ends";

fn planned(photo: PhotoId) -> Planned {
    Planned {
        kind: AssetKind::Cutout,
        key: photo.to_string(),
        extension: "txt",
    }
}

impl Maker for Lengths {
    fn plan(&self, photo: PhotoId) -> Vec<Planned> {
        vec![planned(photo)]
    }

    fn make(
        &mut self,
        photo: PhotoId,
        bytes: &[u8],
    ) -> Result<Result<Vec<Made>, BadPhoto>, ModelError> {
        match bytes {
            BAD => {
                let (code, reason) = ("bad".to_string(), "a bad photo".to_string());
                return Ok(Err(BadPhoto {
                    stage: Stage::Decode,
                    code,
                    reason,
                }));
            }
            PANICS => panic!("a bug"),
            ENDS => return Err(ModelError::Failed("no more".into())),
            _ => {}
        }
        self.0.fetch_add(1, SeqCst);
        let flags = if bytes.len().is_multiple_of(2) {
            vec!["even".to_string()]
        } else {
            Vec::new()
        };
        Ok(Ok(vec![Made {
            planned: planned(photo),
            recipe: Recipe::default(),
            width: 1,
            height: 1,
            confidence: None,
            flags,
            bytes: bytes.len().to_string().into_bytes(),
        }]))
    }
}

fn run(
    folder: &Path,
    sink: &dyn Sink,
    again: bool,
    cancel: &Cancel,
) -> (Result<AssetSummary, AssetError>, Vec<AssetEvent>) {
    run_counted(folder, sink, again, cancel, &Arc::default())
}

/// `made` counts what the makers made.
fn run_counted(
    folder: &Path,
    sink: &dyn Sink,
    again: bool,
    cancel: &Cancel,
    made: &Arc<AtomicUsize>,
) -> (Result<AssetSummary, AssetError>, Vec<AssetEvent>) {
    let source = FolderSource::new(&[folder], SkuFrom::Stem).unwrap();
    let makers: Vec<Box<dyn Maker>> = vec![
        Box::new(Lengths(made.clone())),
        Box::new(Lengths(made.clone())),
    ];
    let parts = AssetParts {
        source: &source,
        makers,
        sink,
    };
    let options = AssetOptions {
        max_bytes: 10_000,
        again,
    };
    let mut events = Vec::new();
    let done = make_assets(parts, options, cancel, &mut |event, _| {
        events.push(event.clone())
    });
    (done, events)
}

#[test]
fn each_photo_is_made_once_and_again_where_it_is_asked_for() {
    silence_guarded_panics();
    let dir = tempfile::tempdir().unwrap();
    let (photos, out) = (dir.path().join("photos"), dir.path().join("out/deep"));
    put(&photos, "even.png", b"1234");
    put(&photos, "odd.png", b"12345");
    put(&photos, "bad.png", BAD);
    put(&photos, "panics.png", PANICS);
    put(&photos, "large.png", &[0; 10_001]);
    let sink = FolderSink::new(&out).unwrap();
    let (done, events) = run(&photos, &sink, false, &Cancel::new());
    let done = done.unwrap();
    assert_eq!(
        (
            done.listed,
            done.made,
            done.kept,
            done.rejected,
            done.flagged
        ),
        (5, 2, 0, 3, 1)
    );
    assert!(done.listing_done && !done.interrupted);
    let mut codes: Vec<(Stage, &str)> = events
        .iter()
        .filter_map(|event| match event {
            AssetEvent::Rejected(reject) => Some((reject.stage, reject.code.as_str())),
            AssetEvent::Done { .. } => None,
        })
        .collect();
    codes.sort_by_key(|(_, code)| *code);
    let wanted = [
        (Stage::Decode, "bad"),
        (Stage::Encode, "maker-failed"),
        (Stage::Fetch, "too-many-bytes"),
    ];
    assert_eq!(codes, wanted);

    let made = Arc::default();
    let (done, events) = run_counted(&photos, &sink, false, &Cancel::new(), &made);
    let done = done.unwrap();
    assert_eq!(
        (done.made, done.kept, done.rejected, done.flagged),
        (0, 2, 3, 1)
    );
    assert_eq!(made.load(SeqCst), 0, "nothing was made again");
    let names: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            AssetEvent::Done {
                assets,
                made: false,
            } => assets.first().map(|a| a.file.as_str()),
            _ => None,
        })
        .collect();
    assert!(
        names.iter().all(|name| out.join(name).is_file()),
        "{names:?}"
    );
    let (done, _) = run(&photos, &sink, true, &Cancel::new());
    assert_eq!(done.unwrap().made, 2);
    // No temporary file is left: two files and their JSON.
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 4);
}

#[test]
fn a_model_that_cannot_go_on_ends_the_run_and_what_was_kept_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (photos, out) = (dir.path().join("photos"), dir.path().join("out"));
    put(&photos, "a.png", b"first");
    put(&photos, "b.png", ENDS);
    let sink = FolderSink::new(&out).unwrap();
    let (done, _) = run(&photos, &sink, false, &Cancel::new());
    assert!(
        matches!(done, Err(AssetError::Model(ModelError::Failed(_)))),
        "{done:?}"
    );
    std::fs::remove_file(photos.join("b.png")).unwrap();
    let (done, _) = run(&photos, &sink, false, &Cancel::new());
    let done = done.unwrap();
    assert_eq!(done.made + done.kept, 1);
}

/// A disk that is full from the start.
struct Full;

impl Sink for Full {
    fn get(&self, _: &str, _: &Planned) -> Result<Option<Asset>, SinkError> {
        Ok(None)
    }

    fn put(&self, _: &str, _: &PhotoRef, _: PhotoId, _: Made) -> Result<Asset, SinkError> {
        Err(SinkError::Full { path: "out".into() })
    }
}

#[test]
fn a_full_disk_ends_the_run_with_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    put_photos(dir.path(), 50);
    let (done, _) = run(dir.path(), &Full, false, &Cancel::new());
    let error = done.unwrap_err();
    assert!(matches!(error, AssetError::Sink(SinkError::Full { .. })));
    assert!(error.to_string().contains("no room left"), "{error}");
}

#[test]
fn a_run_that_is_cancelled_says_so_and_goes_on_later() {
    let dir = tempfile::tempdir().unwrap();
    let (photos, out) = (dir.path().join("photos"), dir.path().join("out"));
    put_photos(&photos, 20);
    let sink = FolderSink::new(&out).unwrap();
    let cancel = Cancel::new();
    cancel.cancel();
    let (done, events) = run(&photos, &sink, false, &cancel);
    assert!(done.unwrap().interrupted && events.is_empty());
    let (done, _) = run(&photos, &sink, false, &Cancel::new());
    let done = done.unwrap();
    assert_eq!((done.made + done.kept, done.interrupted), (20, false));
}

#[test]
fn a_json_that_is_another_assets_or_none_at_all_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let sink = FolderSink::new(dir.path()).unwrap();
    let photo = PhotoId([3; 32]);
    let source = PhotoRef {
        uri: "/a/b.jpg".into(),
        etag: String::new(),
        bytes: 1,
        sku: None,
    };
    let made = Made {
        planned: planned(photo),
        recipe: Recipe::default(),
        width: 1,
        height: 1,
        confidence: Some(0.5),
        flags: Vec::new(),
        bytes: b"file".to_vec(),
    };
    let asset = sink.put("b", &source, photo, made).unwrap();
    assert_eq!(sink.get("b", &planned(photo)).unwrap(), Some(asset.clone()));
    // The same first digits, another key.
    let other = Planned {
        key: format!("{}f", &asset.key[..63]),
        ..planned(photo)
    };
    assert_eq!(sink.get("b", &other).unwrap(), None);
    std::fs::write(dir.path().join(format!("{}.json", asset.file)), b"{").unwrap();
    assert_eq!(sink.get("b", &planned(photo)).unwrap(), None);
    assert_eq!(sink.get("c", &planned(photo)).unwrap(), None);
}
