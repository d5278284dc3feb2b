//! Exact search through an accelerator gives what it gives without one.

use showroom_catalog::query::Hits;
use showroom_catalog::seams::{Catalogue, SearchLimits};
use showroom_catalog::{Query, QueryPart, Record, VectorName};
use showroom_store::LanceCatalogue;
use tempfile::TempDir;

use crate::accelerated::{Accelerated, ROOMY, Trick};
use crate::new_catalogue;
use crate::sample::{DIMENSIONS, Random, records};
use crate::search::{part, queries};

async fn written(rows: Vec<Record>) -> TempDir {
    let (dir, catalogue) = new_catalogue().await;
    for some in rows.chunks(500) {
        catalogue.upsert(some.to_vec(), vec![]).await.unwrap();
    }
    dir
}

async fn plain(dir: &TempDir) -> LanceCatalogue {
    LanceCatalogue::open_for_read(dir.path()).await.unwrap()
}

async fn accelerated(dir: &TempDir, limits: SearchLimits, trick: Trick) -> Accelerated {
    Accelerated::new(plain(dir).await, limits, trick)
}

async fn search(catalogue: &LanceCatalogue, query: &Query) -> Hits {
    catalogue.search(query.clone()).await.unwrap()
}

/// Holds that an accelerator is used, never fails and changes no answer: not the hits, nor their
/// order, nor a bit of a score or of what a part contributed.
async fn check(dir: &TempDir, queries: &[Query]) {
    let chunks_of = |max_rows| SearchLimits { max_rows, ..ROOMY };
    let few_at_once = SearchLimits {
        max_k: 5,
        ..chunks_of(100)
    };
    let without = plain(dir).await;
    for limits in [ROOMY, chunks_of(100), chunks_of(7), few_at_once] {
        let with = accelerated(dir, limits, Trick::None).await;
        for query in queries {
            let found = search(&with.catalogue, query).await;
            assert_eq!(found, search(&without, query).await, "{limits:?} {query:?}");
        }
        assert!(with.held() > 0);
        assert_eq!(with.told(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accelerator_changes_no_answer() {
    check(&written(records(0..1200)).await, &queries()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accelerator_changes_no_tie() {
    // Every row ties with a hundred others, more than are asked for beyond the hits.
    let mut rows = records(0..600);
    for (number, row) in rows.iter_mut().enumerate() {
        row.vectors.shape = vec![0.0; DIMENSIONS.shape];
        row.vectors.shape[number % 3] = [1.0, -1.0][number / 3 % 2];
    }
    let mut vector = vec![0.0; DIMENSIONS.shape];
    vector[0] = 1.0;
    let mut queries = Vec::new();
    for k in [1, 7, 100, 599, 1000] {
        for weight in [1.0, -1.0] {
            let parts = vec![QueryPart {
                on: VectorName::Shape,
                vector: vector.clone(),
                weight,
            }];
            queries.push(Query {
                parts,
                k,
                ..Query::default()
            });
        }
    }
    check(&written(rows).await, &queries).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accelerator_copes_with_odd_sizes() {
    let mut rows = records(0..300);
    let scale = |vector: &mut [f32], by: f32| vector.iter_mut().for_each(|number| *number *= by);
    scale(&mut rows[20].vectors.shape, 1e3);
    scale(&mut rows[21].vectors.shape, 1e-30);
    // The square of its length is more than a f32 holds.
    rows[22].vectors.colour = vec![1e20; DIMENSIONS.colour];
    rows[23].vectors.text = vec![0.0; DIMENSIONS.text];
    let dir = written(rows).await;
    let random = &mut Random::new(5);
    let mut queries = Vec::new();
    for on in VectorName::ALL {
        for (weight, by) in [
            (1.0, 1.0),
            (1e-20, 1.0),
            (-1e12, 1.0),
            (0.0, 1.0),
            (1.0, 0.0),
            (1.0, 1e5),
            (-0.5, 1e-20),
        ] {
            let mut one = part(on, random, weight);
            scale(&mut one.vector, by);
            // The second query has an opposite, so that nothing remains.
            let opposite = QueryPart {
                weight: -weight,
                ..one.clone()
            };
            for parts in [vec![one.clone()], vec![one, opposite]] {
                queries.push(Query {
                    parts,
                    k: 12,
                    ..Query::default()
                });
            }
        }
    }
    check(&dir, &queries).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_accelerator_changes_no_answer_and_is_told_of_once() {
    let dir = written(records(0..300)).await;
    let without = plain(&dir).await;
    let query = Query {
        parts: vec![part(VectorName::Shape, &mut Random::new(9), 1.0)],
        k: 10,
        ..Query::default()
    };
    let wanted = search(&without, &query).await;
    for (trick, says) in [
        (Trick::CannotHold, "no memory left"),
        (Trick::CannotSearch, "the device is lost"),
        (Trick::Panics, "a bug of the driver"),
        (Trick::NoLists, "it answered 0 of 1 queries"),
        (Trick::NoRows, "it gave 0 rows, not 74"),
        (Trick::AllZero, "it scored a row 0 that scores"),
        (Trick::RowOutOfRange, "it gave row 4294967295 of 150"),
        (Trick::SameRowTwice, "twice"),
        (Trick::NotANumber, "it scored a row NaN that scores"),
        (Trick::WrongScores, "it scored a row"),
        (Trick::WorstFirst, "not in the order"),
        (Trick::UnboundedError, "off by NaN"),
    ] {
        let limits = SearchLimits {
            max_rows: 150,
            ..ROOMY
        };
        let with = accelerated(&dir, limits, trick).await;
        for searches in 1..=2 {
            assert_eq!(search(&with.catalogue, &query).await, wanted, "{trick:?}");
            // The second chunk of a search is not tried; the next search is.
            assert_eq!(with.held(), searches, "{trick:?}");
        }
        let told = with.told();
        assert_eq!(told.len(), 1, "{trick:?}: {told:?}");
        assert!(told[0].starts_with("exact search on the plain one failed"));
        assert!(told[0].contains(says), "{trick:?}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_an_accelerator_proposes_is_compared() {
    // So a row that it leaves out is missed. That is no wish, but it proves the work is its own.
    let dir = written(records(0..1200)).await;
    let query = |k| Query {
        parts: vec![
            part(VectorName::Shape, &mut Random::new(9), 1.0),
            part(VectorName::Text, &mut Random::new(10), -0.6),
        ],
        k,
        ..Query::default()
    };
    let with = accelerated(&dir, ROOMY, Trick::LeavesOutTheBest).await;
    let found = search(&with.catalogue, &query(10)).await;
    let all = search(&plain(&dir).await, &query(11)).await;
    assert_eq!(found.hits, all.hits[1..]);
    assert_eq!(with.told(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accelerator_is_left_alone_where_it_cannot_help() {
    let dir = written(records(0..60)).await;
    let without = plain(&dir).await;
    let query = |k, parts| Query {
        parts,
        k,
        ..Query::default()
    };
    let shape = || vec![part(VectorName::Shape, &mut Random::new(9), 1.0)];
    for (limits, query) in [
        (
            SearchLimits {
                min_rows: 61,
                ..ROOMY
            },
            query(5, shape()),
        ),
        (
            SearchLimits {
                max_rows: 0,
                ..ROOMY
            },
            query(5, shape()),
        ),
        (SearchLimits { max_k: 0, ..ROOMY }, query(5, shape())),
        (ROOMY, query(0, shape())),
        (ROOMY, query(5, vec![])),
    ] {
        let with = accelerated(&dir, limits, Trick::Panics).await;
        let wanted = search(&without, &query).await;
        assert_eq!(search(&with.catalogue, &query).await, wanted);
        assert_eq!((with.held(), with.told()), (0, vec![]), "{limits:?}");
    }
    // What counts is the rows that pass the filter, in however many chunks they come.
    let limits = SearchLimits {
        min_rows: 60,
        max_rows: 7,
        ..ROOMY
    };
    let with = accelerated(&dir, limits, Trick::None).await;
    search(&with.catalogue, &query(5, shape())).await;
    assert_eq!(with.held(), 9);
    let fewer = Query {
        filter: Some("width > 300".parse().unwrap()),
        ..query(5, shape())
    };
    search(&with.catalogue, &fewer).await;
    assert_eq!(with.held(), 9);
    let empty = written(vec![]).await;
    let with = accelerated(&empty, ROOMY, Trick::Panics).await;
    let found = search(&with.catalogue, &query(5, shape())).await;
    assert_eq!((found.hits, found.exact), (vec![], true));
    assert_eq!(with.held(), 0);
}
