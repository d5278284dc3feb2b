//! Indices: they find nearly everything, and give nothing another score.

use std::collections::BTreeSet;

use showroom_catalog::embedding::dot;
use showroom_catalog::filter::Field;
use showroom_catalog::product::AttributeValue;
use showroom_catalog::seams::Catalogue;
use showroom_catalog::{Filter, Query, QueryPart, Record, VectorName};
use showroom_store::{INDEX_FROM_ROWS, LanceCatalogue};

use crate::accelerated::{Accelerated, ROOMY, Trick};
use crate::contract::assert_sound;
use crate::filters;
use crate::new_catalogue;
use crate::sample::{Random, changed, record, records};
use crate::search::part;

/// The share of the true hits that these indices find on random vectors, which are the hardest.
const LOWEST_RECALL: f64 = 0.95;

/// Of a filter that no more than so many times the root of all rows pass each row is compared, index or not.
const FEW_ROOTS: usize = 100;

/// Share of the exact hits that the search by index finds, where it is one and not `compared`.
async fn recall(catalogue: &dyn Catalogue, query: &Query, compared: bool) -> f64 {
    let found = catalogue.search(query.clone()).await.unwrap();
    let exactly = Query {
        exact: true,
        ..query.clone()
    };
    let exact = catalogue.search(exactly).await.unwrap();
    assert_eq!((exact.exact, found.exact), (true, compared), "{query:?}");
    let uris = |hits: &[showroom_catalog::Hit]| -> BTreeSet<String> {
        hits.iter()
            .map(|hit| hit.record.source.uri.clone())
            .collect()
    };
    for hit in &found.hits {
        let same = exact
            .hits
            .iter()
            .find(|e| e.record.source.uri == hit.record.source.uri);
        assert!(
            same.is_none_or(|same| same == hit),
            "another score or order of parts"
        );
    }
    let (found, exact) = (uris(&found.hits), uris(&exact.hits));
    found.intersection(&exact).count() as f64 / exact.len().max(1) as f64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_big_table_is_searched_by_index() {
    let (dir, catalogue) = new_catalogue().await;
    let many = INDEX_FROM_ROWS as u64 + 500;
    for start in (0..many).step_by(3000) {
        catalogue
            .upsert(sided(start..many.min(start + 3000)), vec![])
            .await
            .unwrap();
    }
    let stats = catalogue.build_index().await.unwrap();
    let columns: Vec<&str> = stats
        .indices
        .iter()
        .map(|index| index.column.as_str())
        .collect();
    let wanted = [
        "category_terms",
        "colour",
        "colour_names",
        "shape",
        "sku",
        "text",
        "title",
        "uri",
    ];
    assert_eq!(columns, wanted);
    for index in &stats.indices {
        assert_eq!(index.unindexed_rows, 0, "{index:?}");
        if ["shape", "colour", "text"].contains(&index.column.as_str()) {
            assert!(
                index.recall_at_10.unwrap() >= LOWEST_RECALL as f32,
                "{index:?}"
            );
        } else {
            assert_eq!(index.recall_at_10, None);
        }
    }

    // Recall is measured by many searches over one reading, and comes out the same.
    drop(catalogue);
    let catalogue = LanceCatalogue::open_for_write(dir.path()).await.unwrap();
    let accelerated = Accelerated::new(catalogue, ROOMY, Trick::None);
    let again = accelerated.catalogue.build_index().await.unwrap();
    assert_eq!(again.indices, stats.indices);
    assert!(accelerated.most_queries() > 10);
    assert_eq!(accelerated.told(), Vec::<String>::new());
    let catalogue = accelerated.catalogue;

    let rows = sided(0..many);
    filtered(&catalogue, &rows).await;
    let kept = LanceCatalogue::open_for_read(dir.path()).await.unwrap();
    let kept = kept.with_hot_rows(1 << 30);
    assert_eq!(kept.warm().await.unwrap(), Some((rows.len(), false)));
    filtered(&kept, &rows).await;

    // The same rows pass a filter, index or not. Narrow ones are enough to see, and quicker.
    let narrow: Filter = "width < 200".parse().unwrap();
    let of_indexed = [Field::Uri, Field::Sku, Field::Category, Field::Colour];
    let of_indexed = of_indexed.each_ref().map(Field::name);
    for filter in filters::filters_of_every_kind(&rows) {
        let text = filter.to_string();
        if of_indexed
            .iter()
            .any(|name| text.contains(&format!("{name} ")))
        {
            let both = Filter::And(Box::new(filter), Box::new(narrow.clone()));
            filters::check(&catalogue, &rows, &both).await;
        }
    }
    rows_of_after_the_index(&catalogue, many).await;
}

/// Searches with filters that few rows pass, many, and none of those that are nearest.
async fn filtered(catalogue: &dyn Catalogue, rows: &[Record]) {
    let random = &mut Random::new(3);
    let filters = [
        "",
        "not (colour = red and width < 300)",
        "category = shoes",
        "side = far",
        "sku = SKU-7",
        "colour = red and width < 300",
        "width > 9999",
    ];
    for filter in filters {
        let parsed = (!filter.is_empty()).then(|| filter.parse::<Filter>().unwrap());
        let pass = parsed.as_ref().map(|filter| {
            let pass = rows.iter().filter(|row| filters::passes(filter, row));
            pass.count()
        });
        let few = pass.is_some_and(|pass| pass <= FEW_ROOTS * rows.len().isqrt());
        if filter.starts_with("not") || filter.starts_with("side") {
            assert!(!few, "{filter} is to be left to the index, {pass:?} pass");
        }
        let mut recalls = Vec::new();
        for at in 0..8 {
            let weight = [1.0, 1.0, -1.0, 0.3][at % 4];
            let mut parts = vec![part(VectorName::Shape, random, weight)];
            if at % 4 == 1 {
                parts.push(part(VectorName::Text, random, -0.2));
            }
            if filter == "side = far" {
                parts = vec![QueryPart {
                    on: VectorName::Shape,
                    vector: direction(),
                    weight: 1.0,
                }];
            }
            let query = Query {
                parts,
                filter: parsed.clone(),
                k: 10,
                ..Query::default()
            };
            recalls.push(recall(catalogue, &query, few).await);
        }
        if filter != "width > 9999" {
            let mean = recalls.iter().sum::<f64>() / recalls.len() as f64;
            assert!(mean >= LOWEST_RECALL, "{filter:?}: {recalls:?}");
        }
    }
}

/// Records that say on which side of [`direction`] their shape is.
fn sided(numbers: std::ops::Range<u64>) -> Vec<Record> {
    let direction = direction();
    let mut rows = records(numbers);
    for row in &mut rows {
        // A fifth is near.
        let side = match dot(&row.vectors.shape, &direction) > 0.17 {
            true => "near",
            false => "far",
        };
        let side = AttributeValue::Text(side.into());
        row.attributes.insert("side".into(), side);
    }
    rows
}

fn direction() -> Vec<f32> {
    part(VectorName::Shape, &mut Random::new(77), 1.0).vector
}

/// Rows that are new, changed and gone since the index was built.
async fn rows_of_after_the_index(catalogue: &dyn Catalogue, many: u64) {
    let near = |record: &Record| Query {
        parts: vec![QueryPart {
            on: VectorName::Shape,
            vector: record.vectors.shape.clone(),
            weight: 1.0,
        }],
        k: 1,
        ..Query::default()
    };
    let first = async |query: Query| {
        let found = catalogue.search(query).await.unwrap();
        assert!(!found.exact);
        found.hits[0].record.source.clone()
    };
    let (mut new, updated, old) = (record(many + 1), changed(77, "2"), record(77));
    new.title = Some("Lamp, Zanzibar".into());
    let by_title = Query {
        title_words: Some("a lamp of Zanzibar".into()),
        k: 2,
        ..near(&old)
    };
    assert_eq!(first(near(&old)).await, old.source);
    catalogue
        .upsert(vec![new.clone(), updated.clone()], vec![])
        .await
        .unwrap();
    catalogue.delete(&[record(78).source.uri]).await.unwrap();
    let unindexed = |stats: showroom_catalog::seams::Stats| {
        stats
            .indices
            .iter()
            .map(|index| index.unindexed_rows)
            .collect::<Vec<_>>()
    };
    assert_eq!(unindexed(catalogue.stats().await.unwrap()), [2; 8]);
    for again in 0..2 {
        assert_eq!(first(near(&new)).await, new.source);
        assert_eq!(first(near(&updated)).await, updated.source);
        assert_ne!(first(near(&old)).await, old.source);
        assert_ne!(first(near(&record(78))).await, record(78).source);
        let found = catalogue.search(by_title.clone()).await.unwrap();
        let titled = |hit: &&showroom_catalog::Hit| hit.title.is_some();
        let titled: Vec<_> = found.hits.iter().filter(titled).collect();
        assert!(!found.exact && titled.len() == 1);
        assert_eq!(titled[0].record.source, new.source);
        if again == 0 {
            catalogue.compact().await.unwrap();
            assert_eq!(unindexed(catalogue.build_index().await.unwrap()), [0; 8]);
        }
    }
    assert_sound(catalogue).await;
}
