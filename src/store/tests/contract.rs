//! What every `Catalogue` does. Each function is given an empty one.

use std::collections::HashMap;

use showroom_catalog::seams::{Catalogue, Columns, StoreError};
use showroom_catalog::{Filter, Record, Vectors};

use crate::sample::{changed, manifest, record, records, reject};

pub async fn all(catalogue: &dyn Catalogue) -> Vec<Record> {
    let mut found = Vec::new();
    catalogue
        .scan(None, Columns::All, &mut |batch| {
            found.extend(batch);
            true
        })
        .await
        .unwrap();
    found
}

pub async fn assert_sound(catalogue: &dyn Catalogue) {
    assert_eq!(catalogue.verify().await.unwrap(), Vec::<String>::new());
}

/// The record as a search hit or a scan of the tags shows it.
pub fn tags_of(record: &Record) -> Record {
    Record {
        classes: Vec::new(),
        vectors: Vectors::default(),
        ..record.clone()
    }
}

pub async fn an_empty_catalogue_answers(catalogue: &dyn Catalogue) {
    assert_eq!(catalogue.manifest(), &manifest());
    assert!(catalogue.seen().await.unwrap().is_empty());
    assert!(
        catalogue
            .get("/photos/1.jpg", Columns::All)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(all(catalogue).await.is_empty());
    assert!(catalogue.rejects().await.unwrap().is_empty());
    assert_eq!(
        catalogue.delete(&["/photos/1.jpg".into()]).await.unwrap(),
        0
    );
    catalogue.upsert(vec![], vec![]).await.unwrap();
    assert_sound(catalogue).await;
    assert_eq!(catalogue.compact().await.unwrap().photos, 0);
    assert_eq!(catalogue.build_index().await.unwrap().indices, vec![]);
}

pub async fn a_record_comes_back_as_it_went_in(catalogue: &dyn Catalogue) {
    let written = records(0..40);
    assert!(written.iter().any(|r| r.category.is_none()));
    assert!(
        written
            .iter()
            .any(|r| r.labels.iter().any(|l| l.calibrated.is_none()))
    );
    catalogue.upsert(written.clone(), vec![]).await.unwrap();
    assert_eq!(all(catalogue).await, written);

    let mut tags = Vec::new();
    catalogue
        .scan(None, Columns::Tags, &mut |batch| {
            tags.extend(batch);
            true
        })
        .await
        .unwrap();
    assert_eq!(tags, written.iter().map(tags_of).collect::<Vec<_>>());
    assert_sound(catalogue).await;
}

pub async fn the_same_record_twice_is_one_row(catalogue: &dyn Catalogue) {
    catalogue.upsert(records(0..3), vec![]).await.unwrap();
    catalogue.upsert(records(0..3), vec![]).await.unwrap();
    assert_eq!(all(catalogue).await, records(0..3));
    assert_sound(catalogue).await;
}

pub async fn a_changed_record_replaces_its_row(catalogue: &dyn Catalogue) {
    catalogue.upsert(records(0..5), vec![]).await.unwrap();
    let second = changed(2, "2");
    // Old and new ones in one go.
    catalogue
        .upsert(vec![second.clone(), record(7)], vec![])
        .await
        .unwrap();
    let mut wanted = records(0..5);
    wanted[2] = second;
    wanted.push(record(7));
    assert_eq!(all(catalogue).await, wanted);
    assert_eq!(catalogue.seen().await.unwrap()["/photos/000002.jpg"], "2");
    assert_sound(catalogue).await;
}

pub async fn one_upsert_may_hold_the_same_uri_twice(catalogue: &dyn Catalogue) {
    let last = changed(1, "2");
    catalogue
        .upsert(vec![record(1), record(0), last.clone()], vec![])
        .await
        .unwrap();
    assert_eq!(all(catalogue).await, vec![record(0), last]);
    catalogue
        .upsert(vec![], vec![reject(9, "1"), reject(9, "2")])
        .await
        .unwrap();
    assert_eq!(catalogue.rejects().await.unwrap(), vec![reject(9, "2")]);
    assert_sound(catalogue).await;
}

pub async fn a_reject_is_kept_and_goes_when_the_photo_comes_in(catalogue: &dyn Catalogue) {
    catalogue
        .upsert(vec![record(0)], vec![reject(2, "1"), reject(1, "1")])
        .await
        .unwrap();
    assert_eq!(
        catalogue.rejects().await.unwrap(),
        vec![reject(1, "1"), reject(2, "1")]
    );
    let seen = catalogue.seen().await.unwrap();
    let uris = [0, 1, 2].map(|number| (record(number).source.uri, "1".to_string()));
    assert_eq!(seen, HashMap::from(uris));

    // Rejected again, for another reason.
    let mut again = reject(2, "2");
    again.code = "too-many-pixels".into();
    catalogue.upsert(vec![], vec![again.clone()]).await.unwrap();
    assert_eq!(
        catalogue.rejects().await.unwrap(),
        vec![reject(1, "1"), again.clone()]
    );

    // Mended.
    let mended = changed(1, "2");
    catalogue
        .upsert(vec![mended.clone()], vec![])
        .await
        .unwrap();
    assert_eq!(catalogue.rejects().await.unwrap(), vec![again]);
    assert_eq!(all(catalogue).await, vec![record(0), mended]);
    assert_sound(catalogue).await;
}

pub async fn a_rejected_newer_version_leaves_the_photo(catalogue: &dyn Catalogue) {
    catalogue.upsert(vec![record(1)], vec![]).await.unwrap();
    catalogue
        .upsert(vec![], vec![reject(1, "2")])
        .await
        .unwrap();
    assert_eq!(all(catalogue).await, vec![record(1)]);
    assert_eq!(catalogue.rejects().await.unwrap(), vec![reject(1, "2")]);
    // So that the bad version is not tried for ever.
    assert_eq!(catalogue.seen().await.unwrap()["/photos/000001.jpg"], "2");

    let mended = changed(1, "3");
    catalogue
        .upsert(vec![mended.clone()], vec![])
        .await
        .unwrap();
    assert_eq!(all(catalogue).await, vec![mended]);
    assert!(catalogue.rejects().await.unwrap().is_empty());
    assert_eq!(catalogue.seen().await.unwrap()["/photos/000001.jpg"], "3");
}

pub async fn tagging_again_keeps_the_reject_of_a_newer_version(catalogue: &dyn Catalogue) {
    catalogue.upsert(vec![record(1)], vec![]).await.unwrap();
    catalogue
        .upsert(vec![], vec![reject(1, "2")])
        .await
        .unwrap();
    let mut tagged = record(1);
    tagged.tagger = "another".into();
    catalogue
        .upsert(vec![tagged.clone()], vec![])
        .await
        .unwrap();
    assert_eq!(all(catalogue).await, vec![tagged]);
    assert_eq!(catalogue.rejects().await.unwrap(), vec![reject(1, "2")]);
    assert_eq!(catalogue.seen().await.unwrap()["/photos/000001.jpg"], "2");
}

pub async fn photos_are_found_by_id_prefix_uri_and_sku(catalogue: &dyn Catalogue) {
    let mut written = records(0..20);
    written[3].source.sku = Some("It's 100%_x".into());
    written[5].source.sku = Some("It's 100%_x".into());
    // The same bytes in two places.
    written[7].id = written[6].id;
    catalogue.upsert(written.clone(), vec![]).await.unwrap();
    let get = async |key: &str| catalogue.get(key, Columns::All).await.unwrap();

    assert_eq!(get(&written[4].source.uri).await, vec![written[4].clone()]);
    assert_eq!(
        get("It's 100%_x").await,
        vec![written[3].clone(), written[5].clone()]
    );
    let id = written[4].id.to_string();
    assert_eq!(get(&id).await, vec![written[4].clone()]);
    assert_eq!(get(&id[..8]).await, vec![written[4].clone()]);
    assert_eq!(get(&id[..9].to_uppercase()).await, vec![written[4].clone()]);
    assert!(get(&id[..7]).await.is_empty());
    let both = get(&written[6].id.to_string()[..12]).await;
    assert_eq!(both, written[6..8]);
    for nothing in ["", "'", "x' or '1'='1", "%", "/photos/", &format!("{id}0")] {
        assert!(get(nothing).await.is_empty(), "{nothing:?}");
    }
    let tags = catalogue.get(&id, Columns::Tags).await.unwrap();
    assert_eq!(tags, vec![tags_of(&written[4])]);
    for key in [
        "It's 100%_x",
        &id[..8],
        &id[..7],
        &written[4].source.uri,
        "'",
        "%",
    ] {
        let without_classes = |record: Record| Record {
            classes: Vec::new(),
            ..record
        };
        let whole: Vec<Record> = get(key).await.into_iter().map(without_classes).collect();
        let vectors = catalogue.get(key, Columns::Vectors).await.unwrap();
        assert_eq!(vectors, whole, "{key}");
        let tags = catalogue.get(key, Columns::Tags).await.unwrap();
        assert_eq!(tags, whole.iter().map(tags_of).collect::<Vec<_>>(), "{key}");
    }
}

pub async fn scans_are_in_order_and_stop_when_told(catalogue: &dyn Catalogue) {
    // Written in another order, in several goes, enough for several batches.
    let mut written = records(0..1500);
    written.reverse();
    for some in written.chunks(400) {
        catalogue.upsert(some.to_vec(), vec![]).await.unwrap();
    }
    assert_eq!(all(catalogue).await, records(0..1500));
    let mut first = Vec::new();
    catalogue
        .scan(None, Columns::Tags, &mut |batch| {
            first.extend(batch);
            false
        })
        .await
        .unwrap();
    assert!(!first.is_empty() && first.len() < 1500, "{}", first.len());
    assert_eq!(first[0], tags_of(&record(0)));
    let key = |record: Record| (record.source.uri, record.source.sku);
    let keys: Vec<_> = records(0..1500).into_iter().map(key).collect();
    assert_eq!(catalogue.keys(None).await.unwrap(), keys);
    let wide: Filter = "width >= 800".parse().unwrap();
    let mut passed = Vec::new();
    let mut each = |batch: Vec<Record>| {
        passed.extend(batch.into_iter().map(key));
        true
    };
    let scan = catalogue.scan(Some(wide.clone()), Columns::Tags, &mut each);
    scan.await.unwrap();
    assert!(
        !passed.is_empty() && passed.len() < 1500,
        "{}",
        passed.len()
    );
    assert_eq!(catalogue.keys(Some(wide)).await.unwrap(), passed);
    assert_sound(catalogue).await;
}

pub async fn delete_removes_photos_and_rejects(catalogue: &dyn Catalogue) {
    catalogue
        .upsert(records(0..5), vec![reject(1, "2"), reject(8, "1")])
        .await
        .unwrap();
    let uri = |number| record(number).source.uri;
    // Twice in the list, not there at all, only a reject.
    let uris = [uri(1), uri(3), uri(1), "x' or '1'='1".into(), uri(8)];
    assert_eq!(catalogue.delete(&uris).await.unwrap(), 2);
    assert_eq!(all(catalogue).await, vec![record(0), record(2), record(4)]);
    assert!(catalogue.rejects().await.unwrap().is_empty());
    assert_eq!(catalogue.seen().await.unwrap().len(), 3);
    // And they can come back.
    catalogue.upsert(vec![record(1)], vec![]).await.unwrap();
    assert_eq!(
        all(catalogue).await,
        vec![record(0), record(1), record(2), record(4)]
    );
    assert_sound(catalogue).await;
}

pub async fn odd_words_come_back(catalogue: &dyn Catalogue) {
    let odd = [
        "", "'", "''", "\"", "\\", "\\'", "a\nb", "%_", "é💡", "\u{0}", "-- x", "`", "$1",
    ];
    let mut written = Vec::new();
    for (number, word) in odd.iter().enumerate() {
        let mut record = record(number as u64);
        record.source.uri = format!("/odd/{number:02}{word}");
        record.source.sku = Some(format!("{number}{word}"));
        record.source.etag = word.to_string();
        written.push(record);
    }
    catalogue.upsert(written.clone(), vec![]).await.unwrap();
    // Changed as well, which takes another way.
    for record in &mut written {
        record.tagger = "another".into();
    }
    catalogue.upsert(written.clone(), vec![]).await.unwrap();
    assert_eq!(all(catalogue).await, written);
    for record in &written {
        let uri = record.source.uri.as_str();
        let sku = record.source.sku.as_deref().unwrap();
        let found = catalogue.get(uri, Columns::All).await.unwrap();
        assert_eq!(found, vec![record.clone()], "{uri:?}");
        let found = catalogue.get(sku, Columns::All).await.unwrap();
        assert_eq!(found, vec![record.clone()], "{sku:?}");
        assert_eq!(
            catalogue.delete(&[uri.to_string()]).await.unwrap(),
            1,
            "{uri:?}"
        );
    }
    assert!(all(catalogue).await.is_empty());
}

pub async fn a_spoilt_record_is_refused_and_changes_nothing(catalogue: &dyn Catalogue) {
    catalogue.upsert(records(0..2), vec![]).await.unwrap();
    let mut short = record(3);
    short.vectors.colour.pop();
    let mut not_a_number = record(3);
    not_a_number.vectors.text[2] = f32::NAN;
    let mut endless = record(3);
    endless.classes[0] = f32::INFINITY;
    for spoilt in [short, not_a_number, endless] {
        let error = catalogue
            .upsert(vec![record(2), spoilt], vec![])
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Failed { .. }), "{error}");
        assert!(
            error.to_string().contains("/photos/000003.jpg: "),
            "{error}"
        );
    }
    assert_eq!(all(catalogue).await, records(0..2));
}

pub async fn stats_count(catalogue: &dyn Catalogue) {
    let written = records(0..30);
    let categorised = written.iter().filter(|r| r.category.is_some()).count();
    assert!(categorised > 0 && categorised < 30);
    catalogue
        .upsert(written, vec![reject(40, "1")])
        .await
        .unwrap();
    let stats = catalogue.stats().await.unwrap();
    assert_eq!(
        (stats.photos, stats.rejects, stats.categorised),
        (30, 1, categorised)
    );
    assert!(stats.bytes_on_disk > 1000);
    assert_eq!(stats.manifest, manifest());
}

pub async fn verify_tells_what_is_wrong(catalogue: &dyn Catalogue) {
    let mut rows = records(0..8);
    let category = record(0)
        .category
        .or(record(1).category)
        .or(record(2).category)
        .unwrap();
    for row in &mut rows[3..6] {
        row.category = Some(category.clone());
    }
    rows[0]
        .vectors
        .shape
        .iter_mut()
        .for_each(|number| *number *= 2.0);
    rows[1].vectors.shape.fill(0.0);
    rows[2].classes.fill(0.0);
    rows[3]
        .category
        .as_mut()
        .unwrap()
        .path
        .push("Deeper".into());
    rows[4].category.as_mut().unwrap().score = 1.5;
    rows[5].category.as_mut().unwrap().id = "aa-1-2-3-4".into();
    // These are sound: a photo without a product, and one of which little is known.
    rows[6].vectors.colour.fill(0.0);
    rows[7]
        .vectors
        .text
        .iter_mut()
        .for_each(|number| *number *= 0.7);
    catalogue.upsert(rows, vec![]).await.unwrap();
    let told = catalogue.verify().await.unwrap();
    for (number, says) in [
        (0, "shape vector has length"),
        (1, "shape vector has length 0"),
        (2, "class probabilities add up to 0"),
        (3, "not the end of its path"),
        (4, "has the score 1.5"),
        (5, "not on the level of its path"),
    ] {
        let uri = record(number).source.uri;
        let problem = |told: &&String| told.starts_with(&uri) && told.contains(says);
        assert!(
            told.iter().any(|told| problem(&told)),
            "{uri} {says}: {told:?}"
        );
    }
    let sound = [6, 7].map(|number| record(number).source.uri);
    assert!(
        !told
            .iter()
            .any(|told| sound.iter().any(|uri| told.starts_with(uri))),
        "{told:?}"
    );
}
