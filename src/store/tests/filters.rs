//! Filters against an evaluation of the same filter on records in memory.

use showroom_catalog::filter::{Comparison, Field, Value};
use showroom_catalog::seams::{Catalogue, Columns, StoreError};
use showroom_catalog::{AttributeValue, Decision, Filter, Query, Record};

use crate::sample::{record, records};

/// What a record has in a field: all words, or a number; neither where it is missing.
enum Has {
    Words(Vec<String>),
    Number(Option<f64>),
}

fn has(field: &Field, record: &Record) -> Has {
    let facts = &record.facts;
    let number = |fact: f32| Has::Number(Some(fact.into()));
    match field {
        Field::Id => Has::Words(vec![record.id.to_string()]),
        Field::Uri => Has::Words(vec![record.source.uri.clone()]),
        Field::Title => Has::Words(record.title.iter().map(|t| t.to_lowercase()).collect()),
        Field::Sku => Has::Words(record.source.sku.iter().cloned().collect()),
        Field::Format => Has::Words(vec![facts.format.name().into()]),
        Field::Category => {
            let Some(category) = &record.category else {
                return Has::Words(vec![]);
            };
            let ids = category.ancestors().map(str::to_lowercase);
            Has::Words(
                ids.chain(category.path.iter().map(|n| n.to_lowercase()))
                    .collect(),
            )
        }
        Field::Colour => Has::Words(record.colours.iter().map(|c| c.name.clone()).collect()),
        Field::Label => {
            let used = record
                .labels
                .iter()
                .filter(|l| l.decision != Decision::Reject);
            Has::Words(
                used.flat_map(|l| [l.id.clone(), l.name.to_lowercase()])
                    .collect(),
            )
        }
        Field::CategoryScore => Has::Number(record.category.as_ref().map(|c| c.score.into())),
        Field::Width => Has::Number(Some(facts.width.into())),
        Field::Height => Has::Number(Some(facts.height.into())),
        Field::Bytes => Has::Number(Some(facts.bytes as f64)),
        Field::Sharpness => number(facts.sharpness),
        Field::Brightness => number(facts.brightness),
        Field::ClippedDark => number(facts.clipped_dark),
        Field::ClippedBright => number(facts.clipped_bright),
        Field::BorderWhite => number(facts.border_white),
        Field::BorderUniform => number(facts.border_uniform),
        Field::Transparent => number(facts.transparent),
        Field::ProductShare => number(facts.product_share),
        Field::Attribute(name) => match record.attributes.get(name) {
            None => Has::Words(vec![]),
            Some(AttributeValue::Number(number)) => Has::Number(Some(*number)),
            Some(AttributeValue::List(words)) => {
                Has::Words(words.iter().map(|w| w.to_lowercase()).collect())
            }
            Some(other) => Has::Words(vec![other.to_string().to_lowercase()]),
        },
    }
}

fn compares(field: &Field, comparison: Comparison, value: &Value, record: &Record) -> bool {
    if comparison == Comparison::NotEqual {
        return !compares(field, Comparison::Equal, value, record);
    }
    match (has(field, record), value) {
        (Has::Words(words), Value::Word(word)) => words.contains(word),
        // What a feed wrote as a number may be asked for as a word, and the other way round.
        (Has::Words(words), Value::Number(number)) if !field.is_known() => {
            comparison == Comparison::Equal && words.contains(&number.to_string())
        }
        (Has::Number(Some(has)), Value::Word(word)) if !field.is_known() => word.parse() == Ok(has),
        (Has::Number(None), Value::Number(_)) => false,
        (Has::Number(Some(has)), Value::Number(number)) => {
            // Facts are f32: 0.1 is the f32 nearest to it. Whole numbers are exact.
            let whole = matches!(
                field,
                Field::Width | Field::Height | Field::Bytes | Field::Attribute(_)
            );
            let number = if whole {
                *number
            } else {
                f64::from(*number as f32)
            };
            match comparison {
                Comparison::Equal => has == number,
                Comparison::NotEqual => unreachable!(),
                Comparison::Less => has < number,
                Comparison::LessOrEqual => has <= number,
                Comparison::Greater => has > number,
                Comparison::GreaterOrEqual => has >= number,
            }
        }
        _ => panic!("{field:?} and {value:?}"),
    }
}

/// Whether the record passes the filter.
pub fn passes(filter: &Filter, record: &Record) -> bool {
    match filter {
        Filter::Compare(field, comparison, value) => compares(field, *comparison, value, record),
        Filter::OneOf(field, values) => values
            .iter()
            .any(|value| compares(field, Comparison::Equal, value, record)),
        Filter::Not(inner) => !passes(inner, record),
        Filter::And(left, right) => passes(left, record) && passes(right, record),
        Filter::Or(left, right) => passes(left, record) || passes(right, record),
    }
}

async fn scan(catalogue: &dyn Catalogue, filter: &Filter) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    let each = &mut |batch: Vec<Record>| {
        found.extend(batch.into_iter().map(|record| record.source.uri));
        true
    };
    catalogue
        .scan(Some(filter.clone()), Columns::Tags, each)
        .await?;
    Ok(found)
}

/// Holds that the filter lets through what it should; how many those are.
pub async fn check(catalogue: &dyn Catalogue, rows: &[Record], filter: &Filter) -> usize {
    let wanted: Vec<String> = rows
        .iter()
        .filter(|record| passes(filter, record))
        .map(|record| record.source.uri.clone())
        .collect();
    let found = scan(catalogue, filter)
        .await
        .unwrap_or_else(|error| panic!("{filter}: {error}"));
    assert_eq!(found, wanted, "{filter}");
    found.len()
}

/// Filters on every field with every comparison, made of values that rows have.
pub fn filters_of_every_kind(rows: &[Record]) -> Vec<Filter> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let mut filters = Vec::new();
    for field in Field::ALL {
        let values: Vec<Value> = rows
            .iter()
            .flat_map(|record| match has(&field, record) {
                Has::Words(words) => words.into_iter().map(Value::Word).collect(),
                Has::Number(number) => Vec::from_iter(number.map(Value::Number)),
            })
            .take(3)
            .collect();
        assert_eq!(values.len(), 3, "{field:?}");
        let comparisons: &[Comparison] = if field.is_number() {
            &[Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual]
        } else {
            &[Equal, NotEqual]
        };
        for comparison in comparisons {
            let compare = Filter::Compare(field.clone(), *comparison, values[1].clone());
            filters.push(Filter::Not(Box::new(compare.clone())));
            filters.push(compare);
        }
        let one_of = Filter::OneOf(field, values);
        filters.push(Filter::Not(Box::new(one_of.clone())));
        filters.push(one_of);
    }
    for text in [
        "width > 800.5",
        "width = 800.5",
        "width != 800.5",
        "width >= -3",
        "width < -0.5",
        "height <= 1e300",
        "bytes < 1e19",
        "bytes > 1e19",
        "sharpness < 1e300",
        "sharpness > -1e300",
        "brightness = 0.3",
        "brightness != .3",
        "brightness in (.1, .2, 5e-324)",
        "category_score = .9",
        "not category_score > .5",
        "not (not (category_score != .5))",
        "category = 'Apparel & Accessories'",
        "category = aa-8 and not category = aa-8-8",
        "category != shoes",
        "label = 'On Model'",
        "label = l-7",
        "colour = red and colour = navy or not (colour = white or width < 500)",
        "not (colour = red and (width < 900 or not sku = SKU-3))",
        "title = 'TITLE 4'",
        "price < 20 and brand = Acme",
        "not price < 20",
        "price >= 50.5 or brand != acme",
        "brand in ('müller & söhne', 'O''Neill')",
        "not brand = acme",
        "in_stock = true",
        "in_stock != true",
        "größe = 38",
        "GRÖßE = 40 or größe = '38'",
        "größe < 40",
        "größe in (xl, s)",
        "not größe in (xl, 37)",
        "sku in (SKU-1, SKU-2) or not sku in (SKU-1, SKU-3)",
    ] {
        filters.push(text.parse().unwrap());
    }
    filters
}

pub async fn every_field_and_comparison(catalogue: &dyn Catalogue) {
    let rows = records(0..200);
    catalogue.upsert(rows.clone(), vec![]).await.unwrap();
    let mut told_apart = 0;
    for filter in filters_of_every_kind(&rows) {
        let found = check(catalogue, &rows, &filter).await;
        told_apart += usize::from(found > 0 && found < rows.len());
    }
    assert!(told_apart > 100, "{told_apart}");
}

pub async fn words_never_become_sql(catalogue: &dyn Catalogue) {
    let attempts = [
        "x' or 1=1",
        "x' or '1'='1",
        "x') or (1=1",
        "' or uri like '%",
        "x'; drop table photos; --",
        "x\\' or 1=1 --",
        "x' or true /*",
        "'] or array_has(colour_names, 'red",
        "\" or \"1\"=\"1",
        "`uri`",
        "null",
        "''",
        "",
        "\u{0}' or 1=1",
        "\u{2019} or 1=1",
    ];
    let mut rows = records(0..40);
    for (number, attempt) in attempts.iter().enumerate() {
        // One photo has it, so that the literal is right, not only harmless.
        rows[number].source.sku = Some(attempt.to_string());
        rows[number].source.uri = format!("/photos/{number:06}{attempt}.jpg");
        if let Some(colour) = rows[number].colours.first_mut() {
            colour.name = attempt.to_string();
        }
    }
    catalogue.upsert(rows.clone(), vec![]).await.unwrap();
    for (number, attempt) in attempts.iter().enumerate() {
        let word = Value::Word(attempt.to_string());
        for field in Field::ALL.into_iter().filter(|field| !field.is_number()) {
            for filter in [
                Filter::Compare(field.clone(), Comparison::Equal, word.clone()),
                Filter::Compare(field.clone(), Comparison::NotEqual, word.clone()),
                Filter::OneOf(field.clone(), vec![word.clone(), Value::Word("red".into())]),
            ] {
                check(catalogue, &rows, &filter).await;
            }
        }
        let sku = Filter::Compare(Field::Sku, Comparison::Equal, word);
        assert_eq!(check(catalogue, &rows, &sku).await, 1);
        let uri = Value::Word(rows[number].source.uri.clone());
        let uri = Filter::Compare(Field::Uri, Comparison::Equal, uri);
        assert_eq!(check(catalogue, &rows, &uri).await, 1);
        let query = Query {
            exclude_uris: vec![rows[number].source.uri.clone()],
            k: 100,
            ..Query::default()
        };
        assert_eq!(catalogue.search(query).await.unwrap().hits.len(), 39);
    }
    // A number where a word belongs, and the other way round.
    for (field, value) in [
        (Field::Sku, Value::Number(1.0)),
        (Field::Width, Value::Word("1 or 1=1".into())),
        (Field::Sharpness, Value::Number(f64::NAN)),
    ] {
        let filter = Filter::Compare(field, Comparison::Equal, value);
        assert!(matches!(
            scan(catalogue, &filter).await,
            Err(StoreError::BadQuery(_))
        ));
    }
}

pub async fn long_and_deep_filters(catalogue: &dyn Catalogue) {
    let rows: Vec<Record> = (0..60).map(record).collect();
    catalogue.upsert(rows.clone(), vec![]).await.unwrap();
    let join = |many: usize, word: &str| -> Filter {
        let conditions: Vec<String> = (0..many)
            .map(|at| format!("width != {}", 100 + at))
            .collect();
        conditions.join(word).parse().unwrap()
    };
    check(catalogue, &rows, &join(200, " and ")).await;
    check(catalogue, &rows, &join(200, " or ")).await;
    let nots: Filter = format!("{}colour = red", "not ".repeat(99))
        .parse()
        .unwrap();
    check(catalogue, &rows, &nots).await;
    let mut deep: Filter = "width > 500".parse().unwrap();
    for level in 0..20 {
        let other: Filter = format!("height > {}", 100 * level).parse().unwrap();
        deep = if level % 2 == 0 {
            Filter::Or(Box::new(deep), Box::new(other))
        } else {
            Filter::And(Box::new(deep), Box::new(other))
        };
    }
    check(catalogue, &rows, &deep).await;
    for _ in 0..2 {
        let other: Filter = "height > 100".parse().unwrap();
        deep = Filter::Or(Box::new(deep), Box::new(other));
        let other: Filter = "height > 200".parse().unwrap();
        deep = Filter::And(Box::new(deep), Box::new(other));
    }
    for too_much in [deep, join(201, " or ")] {
        assert!(matches!(
            scan(catalogue, &too_much).await,
            Err(StoreError::BadQuery(_))
        ));
    }
}
