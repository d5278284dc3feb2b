//! How stores are made, opened, refused and shared.

use std::fs;
use std::path::Path;

use showroom_catalog::manifest::StoreManifest;
use showroom_catalog::seams::{Catalogue, Columns, StoreError};
use showroom_store::LanceCatalogue;

use crate::contract::{all, assert_sound};
use crate::sample::{manifest, record, records, reject};
use crate::{new_catalogue, open};

async fn refused(dir: &Path) -> StoreError {
    LanceCatalogue::open_for_read(dir).await.err().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_is_there_when_it_is_opened_again() {
    let (dir, catalogue) = new_catalogue().await;
    catalogue
        .upsert(records(0..10), vec![reject(20, "1")])
        .await
        .unwrap();
    drop(catalogue);
    for _ in 0..2 {
        let catalogue = open(&dir, &manifest()).await;
        assert_eq!(all(&catalogue).await, records(0..10));
        assert_eq!(catalogue.rejects().await.unwrap(), vec![reject(20, "1")]);
        catalogue
            .upsert(vec![record(3)], vec![reject(20, "1")])
            .await
            .unwrap();
        assert_sound(&catalogue).await;
    }
    let catalogue = LanceCatalogue::open_for_write(dir.path()).await.unwrap();
    assert_eq!(catalogue.delete(&[record(0).source.uri]).await.unwrap(), 1);
    assert_eq!(all(&catalogue).await, records(1..10));
}

#[tokio::test]
async fn there_is_none() {
    let dir = tempfile::tempdir().unwrap();
    for at in [dir.path().join("nothing"), dir.path().to_path_buf()] {
        let error = refused(&at).await;
        assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
        assert!(error.to_string().contains("showroom ingest"), "{error}");
        let error = LanceCatalogue::open_for_write(&at).await.err().unwrap();
        assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
    }
    // Asking made nothing.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn another_model_or_format_is_refused_and_changes_nothing() {
    let (dir, catalogue) = new_catalogue().await;
    catalogue.upsert(records(0..2), vec![]).await.unwrap();
    drop(catalogue);
    let other = StoreManifest {
        encoder: "sample-2".into(),
        ..manifest()
    };
    let error = LanceCatalogue::create_or_open_for_write(dir.path(), &other)
        .await
        .err()
        .unwrap();
    assert!(matches!(error, StoreError::OtherModel { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("encoder sample-1, this run uses sample-2"),
        "{error}"
    );
    let mut longer = manifest();
    longer.dimensions.text += 1;
    let error = LanceCatalogue::create_or_open_for_write(dir.path(), &longer)
        .await
        .err()
        .unwrap();
    assert!(matches!(error, StoreError::OtherModel { .. }), "{error}");

    let file = dir.path().join("showroom.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace("\"format\": 1", "\"format\": 9, \"new\": 1"),
    )
    .unwrap();
    let error = refused(dir.path()).await;
    let as_told = matches!(
        error,
        StoreError::OtherFormat {
            found: 9,
            wanted: 1,
            ..
        }
    );
    assert!(as_told, "{error}");

    fs::write(&file, text).unwrap();
    assert_eq!(all(&open(&dir, &manifest()).await).await, records(0..2));
}

#[tokio::test]
async fn damage_is_told() {
    let (dir, catalogue) = new_catalogue().await;
    catalogue.upsert(records(0..2), vec![]).await.unwrap();
    drop(catalogue);
    let file = dir.path().join("showroom.json");
    let text = fs::read_to_string(&file).unwrap();
    for broken in ["", "{", "[]", "{\"format\": 1}", "\u{0}\u{0}\u{0}"] {
        fs::write(&file, broken).unwrap();
        let error = refused(dir.path()).await;
        assert!(
            matches!(error, StoreError::Damaged { .. }),
            "{broken:?}: {error}"
        );
    }
    // Rows without the manifest are somebody's photos: no new store is made over them.
    fs::remove_file(&file).unwrap();
    let error = LanceCatalogue::create_or_open_for_write(dir.path(), &manifest()).await;
    let error = error.err().unwrap();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    fs::write(&file, &text).unwrap();
    assert_eq!(all(&open(&dir, &manifest()).await).await, records(0..2));

    let wrong = text.replace("\"shape\": 24", "\"shape\": 25");
    fs::write(&file, wrong).unwrap();
    let error = refused(dir.path()).await;
    assert!(error.to_string().contains("column shape"), "{error}");
    fs::write(&file, &text).unwrap();

    fs::rename(dir.path().join("rejects.lance"), dir.path().join("away")).unwrap();
    let error = refused(dir.path()).await;
    assert!(
        error.to_string().contains("table rejects is missing"),
        "{error}"
    );
    fs::rename(dir.path().join("away"), dir.path().join("rejects.lance")).unwrap();

    // A data file that is gone or was cut is told by verify, and by nothing but an error elsewhere.
    let data = dir.path().join("photos.lance/data");
    let data = fs::read_dir(data).unwrap().next().unwrap().unwrap().path();
    let bytes = fs::read(&data).unwrap();
    for rest in [Some(&bytes[..bytes.len() / 2]), Some(&[][..]), None] {
        match rest {
            Some(rest) => fs::write(&data, rest).unwrap(),
            None => fs::remove_file(&data).unwrap(),
        }
        let reader = LanceCatalogue::open_for_read(dir.path()).await.unwrap();
        let problems = reader.verify().await.unwrap();
        assert!(
            problems[0].contains("cannot be read to the end"),
            "{problems:?}"
        );
        assert!(
            reader
                .get("/photos/000001.jpg", Columns::All)
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn a_making_that_was_broken_off_is_done_again() {
    let (dir, catalogue) = new_catalogue().await;
    drop(catalogue);
    // As if killed before the manifest, then before the second table, then within the first.
    for left in ["rejects.lance", "photos.lance/_versions"] {
        fs::remove_file(dir.path().join("showroom.json")).unwrap();
        let again = open(&dir, &manifest()).await;
        again.upsert(vec![], vec![]).await.unwrap();
        drop(again);
        fs::remove_dir_all(dir.path().join(left)).unwrap();
        fs::remove_file(dir.path().join("showroom.json")).unwrap();
        let again = open(&dir, &manifest()).await;
        assert_sound(&again).await;
        drop(again);
    }
    let again = open(&dir, &manifest()).await;
    again.upsert(records(0..2), vec![]).await.unwrap();
    assert_eq!(all(&again).await, records(0..2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_new_rows_and_cannot_write() {
    let (dir, writer) = new_catalogue().await;
    let reader = LanceCatalogue::open_for_read(dir.path()).await.unwrap();
    for number in 0..4 {
        assert_eq!(all(&reader).await, records(0..number));
        writer
            .upsert(vec![record(number)], vec![reject(100 + number, "1")])
            .await
            .unwrap();
        assert_eq!(reader.rejects().await.unwrap().len(), number as usize + 1);
        assert_eq!(reader.stats().await.unwrap().photos, number as usize + 1);
        assert_eq!(reader.seen().await.unwrap(), writer.seen().await.unwrap());
    }
    writer.compact().await.unwrap();
    assert_eq!(all(&reader).await, records(0..4));
    let error = reader.upsert(vec![record(9)], vec![]).await.unwrap_err();
    assert!(error.to_string().contains("opened for reading"), "{error}");
    assert!(reader.delete(&[]).await.is_err());
    assert!(reader.compact().await.is_err());
    assert!(reader.build_index().await.is_err());
}

#[tokio::test]
async fn odd_paths() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a b", "50%20#?x", "é💡", "it's", "c:", "-x", "[a]*"] {
        let at = dir.path().join("deep").join(name);
        let catalogue = LanceCatalogue::create_or_open_for_write(&at, &manifest()).await;
        let catalogue = catalogue.unwrap_or_else(|error| panic!("{name}: {error}"));
        catalogue.upsert(records(0..2), vec![]).await.unwrap();
        drop(catalogue);
        let reader = LanceCatalogue::open_for_read(&at).await.unwrap();
        assert_eq!(all(&reader).await, records(0..2), "{name}");
        assert!(at.join("photos.lance").is_dir(), "{name}");
    }
    // A file where the folder should be.
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = LanceCatalogue::create_or_open_for_write(&file, &manifest())
        .await
        .err()
        .unwrap();
    assert!(matches!(error, StoreError::Failed { .. }), "{error}");
    let error = refused(&file).await;
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_interrupted_write_left_is_put_right() {
    let (dir, catalogue) = new_catalogue().await;
    catalogue
        .upsert(vec![], vec![reject(1, "2"), reject(2, "2")])
        .await
        .unwrap();
    drop(catalogue);
    // The photo came in and the reject was not removed: written here by keeping the old rejects.
    let old = dir.path().join("old");
    copy(&dir.path().join("rejects.lance"), &old);
    let catalogue = open(&dir, &manifest()).await;
    let mut mended = crate::sample::changed(1, "2");
    mended.ingested_at_ms = reject(1, "2").rejected_at_ms + 1;
    catalogue
        .upsert(vec![mended.clone()], vec![])
        .await
        .unwrap();
    drop(catalogue);
    fs::remove_dir_all(dir.path().join("rejects.lance")).unwrap();
    fs::rename(&old, dir.path().join("rejects.lance")).unwrap();

    let catalogue = open(&dir, &manifest()).await;
    assert_eq!(catalogue.rejects().await.unwrap().len(), 2);
    assert_eq!(catalogue.seen().await.unwrap().len(), 2);
    assert_eq!(catalogue.rejects().await.unwrap(), vec![reject(2, "2")]);
    assert_eq!(all(&catalogue).await, vec![mended]);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
