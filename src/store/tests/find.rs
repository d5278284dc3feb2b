//! What a search does beside comparing vectors: one photo a SKU, diversity, titles, facets.

use std::collections::BTreeMap;

use showroom_catalog::facets::{Count, Facets};
use showroom_catalog::seams::{Catalogue, StoreError};
use showroom_catalog::{
    AttributeValue, Attributes, Decision, Filter, Query, QueryPart, Record, VectorName,
};

use crate::filters::passes;
use crate::sample::{DIMENSIONS, record, records};

/// A vector that begins so and goes on with zeros.
fn vector(length: usize, first: &[f32]) -> Vec<f32> {
    let mut vector = vec![0.0; length];
    vector[..first.len()].copy_from_slice(first);
    vector
}

fn ask(on: VectorName, length: usize, k: usize) -> Query {
    Query {
        parts: vec![QueryPart {
            on,
            vector: vector(length, &[1.0]),
            weight: 1.0,
        }],
        k,
        ..Query::default()
    }
}

/// The numbers of the photos found, in order.
async fn found(catalogue: &dyn Catalogue, query: &Query) -> Vec<u32> {
    let hits = catalogue.search(query.clone()).await.unwrap().hits;
    hits.iter().map(|hit| hit.record.facts.width).collect()
}

/// Photos 0 and 1 look all but the same, 2 is another thing.
fn look_alikes() -> Vec<Record> {
    let shapes: [&[f32]; 3] = [&[0.8, 0.6], &[0.75, 0.6614378], &[0.6, 0.0, 0.8]];
    let mut rows = records(0..3);
    for (number, (row, shape)) in rows.iter_mut().zip(shapes).enumerate() {
        row.facts.width = number as u32;
        row.vectors.shape = vector(DIMENSIONS.shape, shape);
        row.vectors.colour = vec![0.0; DIMENSIONS.colour];
    }
    rows
}

pub async fn diversity_worked_by_hand(catalogue: &dyn Catalogue) {
    catalogue.upsert(look_alikes(), vec![]).await.unwrap();
    let with = |k, relevance| Query {
        relevance,
        ..ask(VectorName::Shape, DIMENSIONS.shape, k)
    };
    assert_eq!(found(catalogue, &with(3, None)).await, [0, 1, 2]);
    assert_eq!(found(catalogue, &with(3, Some(1.0))).await, [0, 1, 2]);
    // After 0: 1 gives .375 - .498, 2 gives .3 - .24.
    assert_eq!(found(catalogue, &with(3, Some(0.5))).await, [0, 2, 1]);
    assert_eq!(found(catalogue, &with(2, Some(0.5))).await, [0, 2]);
    let hits = catalogue.search(with(2, Some(0.5))).await.unwrap().hits;
    assert!(
        (hits[1].score - 0.6).abs() < 1e-6,
        "the score stays that of the vectors"
    );
    for wrong in [-0.1, 1.1, f32::NAN] {
        match catalogue.search(with(2, Some(wrong))).await {
            Err(StoreError::BadQuery(message)) => assert!(message.contains("from 0 to 1")),
            other => panic!("{other:?}"),
        }
    }
}

/// By vectors 0, 1, 2, 3; two titles are about red shoes.
fn titled() -> Vec<Record> {
    let titles = [
        None,
        Some("A mug"),
        Some("Red running shoe"),
        Some("Red shoe"),
    ];
    let mut rows = records(0..4);
    for (number, (row, title)) in rows.iter_mut().zip(titles).enumerate() {
        row.facts.width = number as u32;
        row.vectors.text = vector(DIMENSIONS.text, &[[0.9, 0.8, 0.7, 0.1][number]]);
        row.title = title.map(str::to_string);
        row.source.sku = None;
    }
    rows
}

pub async fn titles_and_vectors_are_joined_by_rank(catalogue: &dyn Catalogue) {
    catalogue.upsert(titled(), vec![]).await.unwrap();
    let with = |words: &str| Query {
        title_words: Some(words.into()),
        ..ask(VectorName::Text, DIMENSIONS.text, 4)
    };
    // 3: 1/64 + 1/61 = .03202 and 2: 1/63 + 1/62 = .03200, then 0: 1/61 and 1: 1/62.
    assert_eq!(found(catalogue, &with("red shoes")).await, [3, 2, 0, 1]);
    let hits = catalogue.search(with("red shoes")).await.unwrap().hits;
    let title = hits[0].title.as_ref().unwrap();
    assert_eq!(
        (title.words.join(" ").as_str(), title.score),
        ("red shoe", 1.0)
    );
    assert!((hits[0].score - 0.1).abs() < 1e-6 && hits[2].title.is_none());

    let filtered = Query {
        filter: Some("width < 3".parse::<Filter>().unwrap()),
        ..with("red shoes")
    };
    assert_eq!(found(catalogue, &filtered).await, [2, 0, 1]);
    // A row that is not among the best by vectors comes in by its title.
    let one = Query {
        k: 1,
        ..with("the red shoe")
    };
    assert_eq!(found(catalogue, &one).await, [3]);
    // Nothing but titles.
    let no_parts = Query {
        parts: vec![],
        ..with("mugs")
    };
    assert_eq!(found(catalogue, &no_parts).await[0], 1);
    for words in ["zebra", "the of", ""] {
        assert_eq!(
            found(catalogue, &with(words)).await,
            [0, 1, 2, 3],
            "{words}"
        );
    }
}

pub async fn a_catalogue_without_titles_is_searched_as_before(catalogue: &dyn Catalogue) {
    let mut rows = titled();
    rows.iter_mut().for_each(|row| row.title = None);
    catalogue.upsert(rows, vec![]).await.unwrap();
    let query = Query {
        title_words: Some("red shoe".into()),
        ..ask(VectorName::Text, DIMENSIONS.text, 4)
    };
    assert_eq!(found(catalogue, &query).await, [0, 1, 2, 3]);
}

pub async fn a_title_speaks_for_its_sku(catalogue: &dyn Catalogue) {
    let mut rows = titled();
    rows[2].source.sku = Some("X".into());
    rows[3].source.sku = Some("X".into());
    catalogue.upsert(rows, vec![]).await.unwrap();
    let query = Query {
        title_words: Some("red shoes".into()),
        one_a_sku: true,
        ..ask(VectorName::Text, DIMENSIONS.text, 4)
    };
    assert_eq!(found(catalogue, &query).await, [2, 0, 1]);
}

pub async fn facets_count_what_passes(catalogue: &dyn Catalogue) {
    let mut rows = records(0..300);
    // The longest attribute list that a facet shows is 50 values; prices are all different.
    rows[7].attributes = Attributes::from([(
        "size".into(),
        AttributeValue::List(vec!["S".into(), "M".into(), "S".into()]),
    )]);
    catalogue.upsert(rows.clone(), vec![]).await.unwrap();
    for filter in ["", "category = shoes", "width > 99999"] {
        let filter: Option<Filter> = (!filter.is_empty()).then(|| filter.parse().unwrap());
        let query = Query {
            filter: filter.clone(),
            facets: true,
            ..ask(VectorName::Shape, DIMENSIONS.shape, 1)
        };
        let facets = catalogue.search(query).await.unwrap().facets.unwrap();
        let pass = |row: &&Record| filter.as_ref().is_none_or(|filter| passes(filter, row));
        check_facets(&facets, &rows.iter().filter(pass).collect::<Vec<_>>());
    }
    let without = ask(VectorName::Shape, DIMENSIONS.shape, 1);
    assert_eq!(catalogue.search(without).await.unwrap().facets, None);
}

fn check_facets(facets: &Facets, rows: &[&Record]) {
    /// How many of the rows have each of the values, most frequent first.
    fn count(rows: &[&Record], values: impl Fn(&Record) -> Vec<String>) -> Vec<Count> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for row in rows {
            let mut values = values(row);
            values.sort();
            values.dedup();
            for value in values {
                *counts.entry(value).or_default() += 1;
            }
        }
        let counts = counts.into_iter();
        let mut counts: Vec<Count> = counts
            .map(|(value, photos)| Count { value, photos })
            .collect();
        counts.sort_by(|a, b| b.photos.cmp(&a.photos).then(a.value.cmp(&b.value)));
        counts.truncate(50);
        counts
    }
    assert_eq!(facets.photos, rows.len());
    let colours = count(rows, |row| {
        row.colours.iter().map(|c| c.name.clone()).collect()
    });
    assert_eq!(facets.colour, colours);
    let labels = count(rows, |row| {
        let used = row.labels.iter().filter(|l| l.decision != Decision::Reject);
        used.map(|l| l.name.clone()).collect()
    });
    assert_eq!(facets.label, labels);
    let formats = count(rows, |row| vec![row.facts.format.name().to_string()]);
    assert_eq!(facets.format, formats);
    // As many as the filter finds.
    for category in &facets.category {
        let filter: Filter = format!("category = '{}'", category.id).parse().unwrap();
        let passing = rows.iter().filter(|row| passes(&filter, row)).count();
        assert_eq!(category.photos, passing, "{category:?}");
    }
    assert_eq!(
        facets.category.is_empty(),
        rows.iter().all(|row| row.category.is_none())
    );
    for (name, counts) in &facets.attributes {
        let wanted = count(rows, |row| match row.attributes.get(name) {
            None => vec![],
            Some(AttributeValue::List(values)) => values.clone(),
            Some(value) => vec![value.to_string()],
        });
        assert_eq!(counts, &wanted, "{name}");
    }
    let named = rows.iter().flat_map(|row| row.attributes.keys());
    assert!(
        named
            .into_iter()
            .all(|name| facets.attributes.contains_key(name))
    );
}

pub async fn hits_bring_their_vectors_where_they_are_asked_for(catalogue: &dyn Catalogue) {
    catalogue.upsert(records(0..3), vec![]).await.unwrap();
    let query = Query {
        vectors: true,
        ..ask(VectorName::Shape, DIMENSIONS.shape, 3)
    };
    let hits = catalogue.search(query).await.unwrap().hits;
    assert_eq!(hits.len(), 3);
    for hit in hits {
        let number = hit.record.ingested_at_ms - record(0).ingested_at_ms;
        let without_classes = Record {
            classes: Vec::new(),
            ..record(number as u64)
        };
        assert_eq!(hit.record, without_classes);
    }
}
