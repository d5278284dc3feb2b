//! Records and rejects → rows of Arrow.

use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, Float32Builder, ListBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray, UInt32Array, UInt64Array,
};
use arrow_schema::{ArrowError, DataType, Schema};
use showroom_catalog::embedding::Dimensions;
use showroom_catalog::{Category, Colour, Decision, Record, Reject, Tag};

use crate::{attributes, schema};

/// Rows of the table `photos`, whose schema is `table`: it has a column for every attribute. Every
/// vector has its length.
pub(crate) fn photo_rows(
    records: &[Record],
    dimensions: &Dimensions,
    table: &Schema,
) -> Result<RecordBatch, ArrowError> {
    let fixed = fixed_columns(records, dimensions)?;
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    // In the order of the table, which grows at its end.
    for field in table.fields() {
        let column = fixed.column_by_name(field.name()).cloned();
        if let Some(column) = column.or_else(|| attributes::values(records, field.name())) {
            fields.push(field.clone());
            columns.push(column);
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// All that every record has.
fn fixed_columns(records: &[Record], dimensions: &Dimensions) -> Result<RecordBatch, ArrowError> {
    let words = |get: &dyn Fn(&Record) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(records.iter().map(get)))
    };
    let maybe = |get: &dyn Fn(&Record) -> Option<String>| -> ArrayRef {
        Arc::new(StringArray::from_iter(records.iter().map(get)))
    };
    let u32s = |get: &dyn Fn(&Record) -> u32| -> ArrayRef {
        Arc::new(UInt32Array::from_iter_values(records.iter().map(get)))
    };
    let u64s = |get: &dyn Fn(&Record) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(records.iter().map(get)))
    };
    let f32s = |get: &dyn Fn(&Record) -> f32| -> ArrayRef {
        Arc::new(Float32Array::from_iter_values(records.iter().map(get)))
    };
    let category = |get: fn(&Category) -> String| {
        maybe(&move |record: &Record| record.category.as_ref().map(get))
    };
    let colours = |get: fn(&Colour) -> String| {
        word_lists(records, move |record| {
            record.colours.iter().map(get).collect()
        })
    };
    let labels = |get: fn(&Tag) -> String| {
        word_lists(records, move |record| {
            record.labels.iter().map(get).collect()
        })
    };
    let columns: Vec<ArrayRef> = vec![
        words(&|r| r.id.to_string()),
        words(&|r| r.source.uri.clone()),
        words(&|r| r.source.etag.clone()),
        maybe(&|r| r.source.sku.clone()),
        u64s(&|r| r.source.bytes),
        u64s(&|r| r.facts.bytes),
        u32s(&|r| r.facts.width),
        u32s(&|r| r.facts.height),
        words(&|r| r.facts.format.name().into()),
        f32s(&|r| r.facts.sharpness),
        f32s(&|r| r.facts.brightness),
        f32s(&|r| r.facts.clipped_dark),
        f32s(&|r| r.facts.clipped_bright),
        f32s(&|r| r.facts.border_white),
        f32s(&|r| r.facts.border_uniform),
        f32s(&|r| r.facts.transparent),
        f32s(&|r| r.facts.product_share),
        u64s(&|r| r.facts.phash),
        category(|c| c.id.clone()),
        category(|c| c.name.clone()),
        word_lists(records, |r| {
            r.category
                .as_ref()
                .map(|c| c.path.clone())
                .unwrap_or_default()
        }),
        Arc::new(Float32Array::from_iter(
            records.iter().map(|r| r.category.as_ref().map(|c| c.score)),
        )),
        category(|c| c.model.clone()),
        word_lists(records, category_terms),
        colours(|c| c.name.clone()),
        colours(|c| c.hex.clone()),
        number_lists(records, |r| {
            r.colours.iter().map(|c| Some(c.share)).collect()
        }),
        labels(|l| l.id.clone()),
        labels(|l| l.name.clone()),
        number_lists(records, |r| {
            r.labels.iter().map(|l| Some(l.score)).collect()
        }),
        number_lists(records, |r| r.labels.iter().map(|l| l.calibrated).collect()),
        labels(|l| decision_name(l.decision).into()),
        labels(|l| l.source.clone()),
        labels(|l| l.model.clone()),
        word_lists(records, label_terms),
        words(&|r| r.tagger.clone()),
        Arc::new(Int64Array::from_iter_values(
            records.iter().map(|r| r.ingested_at_ms),
        )),
        maybe(&|r| r.title.clone()),
        vectors(records, dimensions.classes, |r| &r.classes),
        vectors(records, dimensions.shape, |r| &r.vectors.shape),
        vectors(records, dimensions.colour, |r| &r.vectors.colour),
        vectors(records, dimensions.text, |r| &r.vectors.text),
    ];
    RecordBatch::try_new(schema::photos(dimensions), columns)
}

/// Lower-case ids and names of the category and of all above it.
pub(crate) fn category_terms(record: &Record) -> Vec<String> {
    let Some(category) = &record.category else {
        return Vec::new();
    };
    let mut terms: Vec<String> = category
        .ancestors()
        .chain(category.path.iter().map(String::as_str))
        .chain([category.name.as_str()])
        .map(str::to_lowercase)
        .collect();
    terms.sort();
    terms.dedup();
    terms
}

/// Lower-case ids and names of the labels that are used.
fn label_terms(record: &Record) -> Vec<String> {
    let mut terms: Vec<String> = record
        .labels
        .iter()
        .filter(|label| label.decision != Decision::Reject)
        .flat_map(|label| [label.id.to_lowercase(), label.name.to_lowercase()])
        .collect();
    terms.sort();
    terms.dedup();
    terms
}

fn word_lists(records: &[Record], get: impl Fn(&Record) -> Vec<String>) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new()).with_field(schema::item(DataType::Utf8));
    for record in records {
        lists.append_value(get(record).into_iter().map(Some));
    }
    Arc::new(lists.finish())
}

fn number_lists(records: &[Record], get: impl Fn(&Record) -> Vec<Option<f32>>) -> ArrayRef {
    let mut lists =
        ListBuilder::new(Float32Builder::new()).with_field(schema::item(DataType::Float32));
    for record in records {
        lists.append_value(get(record));
    }
    Arc::new(lists.finish())
}

fn vectors(records: &[Record], length: usize, get: impl Fn(&Record) -> &Vec<f32>) -> ArrayRef {
    let mut lists = FixedSizeListBuilder::new(
        Float32Builder::with_capacity(length * records.len()),
        i32::try_from(length).unwrap_or(i32::MAX),
    )
    .with_field(schema::item(DataType::Float32));
    for record in records {
        lists.values().append_slice(get(record));
        lists.append(true);
    }
    Arc::new(lists.finish())
}

pub(crate) fn reject_rows(rejects: &[Reject]) -> Result<RecordBatch, ArrowError> {
    let words = |get: fn(&Reject) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rejects.iter().map(get)))
    };
    let columns: Vec<ArrayRef> = vec![
        words(|r| &r.source.uri),
        words(|r| &r.source.etag),
        Arc::new(UInt64Array::from_iter_values(
            rejects.iter().map(|r| r.source.bytes),
        )),
        Arc::new(StringArray::from_iter(
            rejects.iter().map(|r| r.source.sku.as_deref()),
        )),
        words(|r| r.stage.name()),
        words(|r| &r.code),
        words(|r| &r.reason),
        Arc::new(Int64Array::from_iter_values(
            rejects.iter().map(|r| r.rejected_at_ms),
        )),
    ];
    RecordBatch::try_new(schema::rejects(), columns)
}

pub(crate) fn decision_name(decision: Decision) -> &'static str {
    match decision {
        Decision::Accept => "accept",
        Decision::Review => "review",
        Decision::Reject => "reject",
    }
}
