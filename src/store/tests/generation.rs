//! New vectors beside the old: who sees what, and what an interruption leaves.

use std::fs;

use showroom_catalog::Record;
use showroom_catalog::embedding::Dimensions;
use showroom_catalog::manifest::StoreManifest;
use showroom_catalog::seams::{Catalogue, StoreError};
use showroom_store::LanceCatalogue;

use crate::contract::{all, assert_sound};
use crate::new_catalogue;
use crate::sample::{DIMENSIONS, manifest, records, reject};

/// Of another encoder, with vectors of other lengths.
fn other() -> StoreManifest {
    StoreManifest {
        encoder: "sample-2".into(),
        dimensions: Dimensions {
            shape: 6,
            text: 6,
            ..DIMENSIONS
        },
        ..manifest()
    }
}

fn encoded_again(number: std::ops::Range<u64>) -> Vec<Record> {
    let mut records = records(number);
    for record in &mut records {
        record.vectors.shape = vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        record.vectors.text = record.vectors.shape.clone();
    }
    records
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_the_old_until_the_switch_and_may_read_on_in_it() {
    let (dir, old) = new_catalogue().await;
    old.upsert(records(0..9), vec![reject(20, "1")])
        .await
        .unwrap();
    let before = LanceCatalogue::open_for_read(dir.path()).await.unwrap();

    let next = old.next_generation(&other()).await.unwrap();
    assert_eq!(next.manifest(), &other());
    assert!(next.seen().await.unwrap().is_empty());
    next.upsert(encoded_again(0..9), vec![]).await.unwrap();
    // Also who opens it now.
    let during = LanceCatalogue::open_for_read(dir.path()).await.unwrap();
    assert_eq!(all(&during).await, records(0..9));
    // And nobody writes beside the two.
    let error = LanceCatalogue::open_for_write(dir.path())
        .await
        .err()
        .unwrap();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");

    old.switch_to(&next).await.unwrap();
    drop(next);
    for reader in [&before, &during] {
        assert_eq!(all(reader).await, records(0..9));
        assert_eq!(reader.manifest(), &manifest());
    }
    let after = LanceCatalogue::open_for_write(dir.path()).await.unwrap();
    assert_eq!(after.manifest(), &other());
    assert_eq!(all(&after).await, encoded_again(0..9));
    assert_sound(&after).await;

    // The old goes when the catalogue is compacted, and a third generation may follow.
    assert!(dir.path().join("photos.lance").exists());
    after.compact().await.unwrap();
    assert!(!dir.path().join("photos.lance").exists());
    assert!(!dir.path().join("rejects.lance").exists());
    let next = after.next_generation(&manifest()).await.unwrap();
    next.upsert(records(0..3), vec![]).await.unwrap();
    after.switch_to(&next).await.unwrap();
    let last = LanceCatalogue::open_for_read(dir.path()).await.unwrap();
    assert_eq!(all(&last).await, records(0..3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_begun_is_taken_up_again_as_long_as_it_is_the_same() {
    let (dir, old) = new_catalogue().await;
    old.upsert(records(0..9), vec![]).await.unwrap();
    let next = old.next_generation(&other()).await.unwrap();
    next.upsert(encoded_again(0..4), vec![]).await.unwrap();
    drop((old, next));

    let open = || async { LanceCatalogue::open_for_write(dir.path()).await.unwrap() };
    let old = open().await;
    assert_eq!(all(&old).await, records(0..9));
    let next = old.next_generation(&other()).await.unwrap();
    assert_eq!(all(&next).await, encoded_again(0..4), "it goes on");
    drop(next);
    let elsewhere = StoreManifest {
        encoder: "sample-3".into(),
        ..other()
    };
    let next = old.next_generation(&elsewhere).await.unwrap();
    assert!(all(&next).await.is_empty(), "another model begins anew");
    next.upsert(encoded_again(0..4), vec![]).await.unwrap();
    drop(next);
    old.upsert(records(9..10), vec![]).await.unwrap();
    let next = old.next_generation(&elsewhere).await.unwrap();
    assert!(
        all(&next).await.is_empty(),
        "photos that changed begin anew"
    );
    // Half made: the tables are there, the note about them is not.
    next.upsert(encoded_again(0..2), vec![]).await.unwrap();
    drop(next);
    fs::remove_file(dir.path().join("reindex.json")).unwrap();
    let next = old.next_generation(&elsewhere).await.unwrap();
    assert!(all(&next).await.is_empty());
    drop((old, next));
    assert_eq!(all(&open().await).await, records(0..10));
}
