//! Vectors that stay in memory change no answer, whatever is written meanwhile.

use std::collections::HashSet;

use showroom_catalog::query::Hits;
use showroom_catalog::seams::{Catalogue, SearchLimits};
use showroom_catalog::{Query, VectorName};
use showroom_store::LanceCatalogue;

use crate::accelerated::{Accelerated, ROOMY, Trick};
use crate::sample::{Random, manifest, records};
use crate::search::{part, queries};

const ROOM: u64 = 1 << 30;

async fn search(catalogue: &LanceCatalogue, query: &Query) -> Hits {
    catalogue.search(query.clone()).await.unwrap()
}

async fn same(hot: &LanceCatalogue, cold: &LanceCatalogue, queries: &[Query]) {
    for query in queries {
        assert_eq!(
            search(hot, query).await,
            search(cold, query).await,
            "{query:?}"
        );
    }
}

fn plain_queries() -> Vec<Query> {
    let mut all = queries();
    all.push(Query {
        parts: vec![part(VectorName::Shape, &mut Random::new(3), 1.0)],
        one_a_sku: true,
        relevance: Some(0.7),
        k: 9,
        ..Query::default()
    });
    let facets = Query {
        parts: vec![part(VectorName::Text, &mut Random::new(4), 1.0)],
        facets: true,
        vectors: true,
        k: 5,
        ..Query::default()
    };
    let filtered = Query {
        filter: Some("width > 1000 and not colour = red".parse().unwrap()),
        ..facets.clone()
    };
    // The same once more, as what was counted is kept.
    all.extend([facets.clone(), filtered.clone(), facets, filtered]);
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_answers_as_what_is_read_through_every_write() {
    let dir = tempfile::tempdir().unwrap();
    let writer = LanceCatalogue::create_or_open_for_write(dir.path(), &manifest())
        .await
        .unwrap()
        .with_hot_rows(ROOM);
    assert_eq!(writer.warm().await.unwrap(), Some((0, false)));
    let cold = LanceCatalogue::open_for_read(dir.path()).await.unwrap();
    let reader = LanceCatalogue::open_for_read(dir.path())
        .await
        .unwrap()
        .with_hot_rows(ROOM);
    let queries = plain_queries();
    let uri = |number: u64| records(number..number + 1)[0].source.uri.clone();
    // New rows, changed rows (one takes another's vectors), rows that go, and merged fragments.
    writer.upsert(records(0..400), vec![]).await.unwrap();
    same(&writer, &cold, &queries).await;
    same(&reader, &cold, &queries).await;
    for number in 400..430 {
        let one = records(number..number + 1);
        writer.upsert(one, vec![]).await.unwrap();
    }
    let mut changed = records(10..20);
    for (row, other) in changed.iter_mut().zip(records(300..310)) {
        row.vectors = other.vectors;
        row.title = Some("changed".into());
    }
    writer.upsert(changed, vec![]).await.unwrap();
    let gone: Vec<String> = (30..60).map(uri).collect();
    assert_eq!(writer.delete(&gone).await.unwrap(), 30);
    same(&writer, &cold, &queries).await;
    same(&reader, &cold, &queries).await;
    writer.compact().await.unwrap();
    same(&writer, &cold, &queries).await;
    let gone: Vec<String> = (60..350).map(uri).collect();
    writer.delete(&gone).await.unwrap();
    same(&writer, &cold, &queries).await;
    same(&reader, &cold, &queries).await;
    assert_eq!(writer.warm().await.unwrap(), Some((110, false)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalogue_that_takes_too_much_memory_is_read_and_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let writer = LanceCatalogue::create_or_open_for_write(dir.path(), &manifest())
        .await
        .unwrap();
    writer.upsert(records(0..50), vec![]).await.unwrap();
    // Three vectors of 53 numbers, and what is reckoned for the rest of a row.
    let bytes = 50 * (53 * 4 + 1024);
    for (room, kept) in [(bytes, Some((50, false))), (bytes - 1, None)] {
        let hot = LanceCatalogue::open_for_read(dir.path())
            .await
            .unwrap()
            .with_hot_rows(room);
        assert_eq!(hot.warm().await.unwrap(), kept);
        same(&hot, &writer, &plain_queries()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accelerator_holds_them_once_for_all_searches() {
    let dir = tempfile::tempdir().unwrap();
    let writer = LanceCatalogue::create_or_open_for_write(dir.path(), &manifest())
        .await
        .unwrap();
    writer.upsert(records(0..500), vec![]).await.unwrap();
    let open = async |limits, trick| {
        let catalogue = LanceCatalogue::open_for_read(dir.path()).await.unwrap();
        Accelerated::new(catalogue.with_hot_rows(ROOM), limits, trick)
    };
    let queries = plain_queries();
    let hot = open(ROOMY, Trick::None).await;
    assert_eq!(hot.catalogue.warm().await.unwrap(), Some((500, true)));
    same(&hot.catalogue, &writer, &queries).await;
    assert_eq!((hot.held(), hot.told()), (1, vec![]));
    // Only what is new is handed over.
    writer.upsert(records(500..520), vec![]).await.unwrap();
    same(&hot.catalogue, &writer, &queries).await;
    assert_eq!((hot.held(), hot.told()), (2, vec![]));
    // Its answers are used, and filters are its own.
    let left_out = open(ROOMY, Trick::LeavesOutTheBest).await;
    let query = Query {
        parts: vec![part(VectorName::Shape, &mut Random::new(9), 1.0)],
        exclude_uris: vec![records(7..8)[0].source.uri.clone()],
        k: 10,
        ..Query::default()
    };
    let found = search(&left_out.catalogue, &query).await;
    let all = search(
        &writer,
        &Query {
            k: 12,
            ..query.clone()
        },
    )
    .await;
    // The first of each of the two parts is missed.
    let uris = |hits: &Hits| -> HashSet<String> {
        let hits = hits.hits.iter();
        hits.map(|hit| hit.record.source.uri.clone()).collect()
    };
    assert!(!uris(&found).contains(&all.hits[0].record.source.uri));
    assert!(uris(&found).is_subset(&uris(&all)));

    let few = SearchLimits {
        max_rows: 519,
        ..ROOMY
    };
    let does_not_fit = open(few, Trick::Panics).await;
    assert_eq!(
        does_not_fit.catalogue.warm().await.unwrap(),
        Some((520, false))
    );
    same(&does_not_fit.catalogue, &writer, &queries).await;
    assert_eq!((does_not_fit.held(), does_not_fit.told()), (0, vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accelerator_that_breaks_while_it_holds_them_is_asked_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let writer = LanceCatalogue::create_or_open_for_write(dir.path(), &manifest())
        .await
        .unwrap();
    writer.upsert(records(0..200), vec![]).await.unwrap();
    for trick in [
        Trick::CannotHold,
        Trick::CannotSearch,
        Trick::Panics,
        Trick::NoLists,
        Trick::AllZero,
        Trick::RowOutOfRange,
        Trick::WrongScores,
        Trick::UnboundedError,
    ] {
        let catalogue = LanceCatalogue::open_for_read(dir.path()).await.unwrap();
        let hot = Accelerated::new(catalogue.with_hot_rows(ROOM), ROOMY, trick);
        same(&hot.catalogue, &writer, &plain_queries()).await;
        assert_eq!((hot.held(), hot.told().len()), (1, 1), "{trick:?}");
        assert_eq!(hot.catalogue.warm().await.unwrap(), Some((200, false)));
    }
}
