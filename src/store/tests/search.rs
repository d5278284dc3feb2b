//! Search against a brute force in f64.

use std::collections::HashSet;

use showroom_catalog::seams::{Catalogue, StoreError};
use showroom_catalog::{Filter, Query, QueryPart, Record, VectorName};

use crate::contract::tags_of;
use crate::filters::passes;
use crate::sample::{DIMENSIONS, Random, record, records};

/// Scores are f32 sums of at most some dozen products; the oracle's are f64.
const SCORE_TOLERANCE: f64 = 1e-5;

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(x, y)| f64::from(*x) * f64::from(*y))
        .sum()
}

fn true_score(query: &Query, record: &Record) -> f64 {
    let weights: f64 = query
        .parts
        .iter()
        .map(|part| f64::from(part.weight.abs()))
        .sum();
    let score =
        |part: &QueryPart| f64::from(part.weight) * dot(&part.vector, record.vectors.get(part.on));
    query.parts.iter().map(score).sum::<f64>() / weights
}

pub fn part(on: VectorName, random: &mut Random, weight: f32) -> QueryPart {
    let length = match on {
        VectorName::Shape => DIMENSIONS.shape,
        VectorName::Colour => DIMENSIONS.colour,
        VectorName::Text => DIMENSIONS.text,
    };
    QueryPart {
        on,
        vector: random.unit_vector(length),
        weight,
    }
}

/// Holds that the hits are the best of `rows` that pass, in order, with their scores and tags.
pub async fn check(catalogue: &dyn Catalogue, rows: &[Record], query: &Query) {
    let found = catalogue.search(query.clone()).await.unwrap();
    let mut wanted: Vec<(f64, &Record)> = rows
        .iter()
        .filter(|record| {
            query
                .filter
                .as_ref()
                .is_none_or(|filter| passes(filter, record))
        })
        .filter(|record| !query.exclude_uris.contains(&record.source.uri))
        .map(|record| (true_score(query, record), record))
        .collect();
    wanted.sort_by(|a, b| {
        b.0.total_cmp(&a.0)
            .then(a.1.source.uri.cmp(&b.1.source.uri))
    });
    let mut skus = HashSet::new();
    wanted.retain(|(_, record)| match &record.source.sku {
        Some(sku) if query.one_a_sku => skus.insert(sku),
        _ => true,
    });
    wanted.truncate(query.k);
    assert!(found.exact);
    assert_eq!(found.hits.len(), wanted.len(), "{query:?}");
    for (hit, (score, record)) in found.hits.iter().zip(wanted) {
        assert!((f64::from(hit.score) - score).abs() < SCORE_TOLERANCE);
        // Another row may be here only where the two cannot be told apart in f32.
        let own = rows
            .iter()
            .find(|r| r.source.uri == hit.record.source.uri)
            .unwrap();
        let own_score = true_score(query, own);
        assert!(
            (own_score - score).abs() < SCORE_TOLERANCE,
            "{own_score} is not {score}"
        );
        assert!(own.source.uri == record.source.uri || own_score != score);
        assert_eq!(hit.record, tags_of(own));
        assert_eq!(hit.why.len(), query.parts.len());
        for (why, part) in hit.why.iter().zip(&query.parts) {
            assert_eq!(why.part, part.on);
            let similarity = dot(&part.vector, own.vectors.get(part.on));
            assert!((f64::from(why.score) - similarity).abs() < SCORE_TOLERANCE);
        }
    }
}

pub async fn exact_search_equals_brute_force(catalogue: &dyn Catalogue) {
    let rows = records(0..1200);
    for some in rows.chunks(500) {
        catalogue.upsert(some.to_vec(), vec![]).await.unwrap();
    }
    for query in queries() {
        check(catalogue, &rows, &query).await;
    }
}

/// Queries of every kind: parts that pull and push, filters, many hits and few.
pub fn queries() -> Vec<Query> {
    let random = &mut Random::new(77);
    let filters = [
        "",
        "category = shoes",
        "not (colour = red) and width > 800",
        "sku = 'SKU-7' or border_white > .9",
        "width > 99999",
    ];
    let mut queries = Vec::new();
    for (at, filter) in filters.into_iter().cycle().take(25).enumerate() {
        let mut parts = vec![part(VectorName::Shape, random, 1.0)];
        if at % 2 == 1 {
            parts.push(part(VectorName::Colour, random, 0.4));
        }
        if at % 3 == 1 {
            parts.push(part(VectorName::Text, random, -0.7));
        }
        if at % 5 == 3 {
            // The same vector of the rows twice, and nothing that pulls.
            parts.push(part(VectorName::Shape, random, -2.0));
            parts[0].weight = -0.5;
        }
        queries.push(Query {
            parts,
            filter: (!filter.is_empty()).then(|| filter.parse::<Filter>().unwrap()),
            k: [1, 10, 300, 1000][at % 4],
            exact: at % 2 == 0,
            exclude_uris: (at % 3 == 0)
                .then(|| record(at as u64).source.uri)
                .into_iter()
                .collect(),
            one_a_sku: at % 7 > 3,
            ..Query::default()
        });
    }
    queries
}

pub async fn ties_are_in_the_order_of_uris(catalogue: &dyn Catalogue) {
    let mut rows = records(0..60);
    for row in &mut rows {
        row.vectors.shape = vec![0.0; DIMENSIONS.shape];
        row.vectors.shape[(row.facts.width % 3) as usize] =
            if row.facts.width % 2 == 0 { 1.0 } else { -1.0 };
    }
    // Written backwards, so that the order of writing is not that of the URIs.
    rows.reverse();
    catalogue.upsert(rows.clone(), vec![]).await.unwrap();
    for k in [1, 7, 30, 60] {
        for weight in [1.0, -1.0] {
            let mut vector = vec![0.0; DIMENSIONS.shape];
            vector[0] = 1.0;
            let query = Query {
                parts: vec![QueryPart {
                    on: VectorName::Shape,
                    vector,
                    weight,
                }],
                k,
                ..Query::default()
            };
            check(catalogue, &rows, &query).await;
        }
    }
}

pub async fn a_search_without_parts_lists_what_passes(catalogue: &dyn Catalogue) {
    let rows = records(0..50);
    catalogue.upsert(rows.clone(), vec![]).await.unwrap();
    let filter: Filter = "category = shoes".parse().unwrap();
    let wanted: Vec<Record> = rows
        .iter()
        .filter(|r| passes(&filter, r))
        .map(tags_of)
        .collect();
    let query = Query {
        filter: Some(filter),
        k: 5,
        ..Query::default()
    };
    let found = catalogue.search(query).await.unwrap();
    let records: Vec<Record> = found.hits.iter().map(|hit| hit.record.clone()).collect();
    assert_eq!(records, wanted[..5]);
    assert!(
        found
            .hits
            .iter()
            .all(|hit| hit.score == 0.0 && hit.why.is_empty())
    );
    assert!(
        catalogue
            .search(Query::default())
            .await
            .unwrap()
            .hits
            .is_empty()
    );
}

pub async fn bad_queries_are_refused(catalogue: &dyn Catalogue) {
    catalogue.upsert(records(0..3), vec![]).await.unwrap();
    let good = || Query {
        parts: vec![part(VectorName::Colour, &mut Random::new(1), 1.0)],
        k: 3,
        ..Query::default()
    };
    assert_eq!(catalogue.search(good()).await.unwrap().hits.len(), 3);
    let mut long = good();
    long.parts[0].vector.push(0.0);
    let mut not_a_number = good();
    not_a_number.parts[0].vector[0] = f32::NAN;
    let mut endless = good();
    endless.parts[0].weight = f32::INFINITY;
    let mut greedy = good();
    greedy.k = 1001;
    for (query, says) in [
        (long, "colour vector has 13 numbers"),
        (not_a_number, "not finite"),
        (endless, "not finite"),
        (greedy, "at most 1000 hits"),
    ] {
        match catalogue.search(query).await {
            Err(StoreError::BadQuery(message)) => assert!(message.contains(says), "{message}"),
            other => panic!("{other:?}"),
        }
    }
}
