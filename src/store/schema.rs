//! The columns of the two tables. They are flat, so that DuckDB, Polars and pandas read them, and
//! so that a filter is plain SQL.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use showroom_catalog::VectorName;
use showroom_catalog::embedding::Dimensions;

pub(crate) const PHOTOS: &str = "photos";
pub(crate) const REJECTS: &str = "rejects";

/// Class probabilities: the one column of numbers that is not searched.
pub(crate) const CLASSES: &str = "classes";
/// The shop's title of a product, null where there is none. Catalogues that were made before feeds
/// were read get it, as they get attributes, when the first one is written.
pub(crate) const TITLE: &str = "title";
/// Lance's own number of a row, valid within one version of a table.
pub(crate) const ROW_ID: &str = "_rowid";

/// Every column of `photos` but the title, attributes, classes and vectors.
pub(crate) fn tag_fields() -> Vec<Field> {
    let mut fields = vec![
        // BLAKE3 of the bytes, 64 hexadecimal digits.
        word("id"),
        // The key.
        word("uri"),
        word("etag"),
        word("sku").with_nullable(true),
        // Size as listed; `bytes` is the size as read.
        Field::new("listed_bytes", DataType::UInt64, false),
        Field::new("bytes", DataType::UInt64, false),
        Field::new("width", DataType::UInt32, false),
        Field::new("height", DataType::UInt32, false),
        word("format"),
    ];
    fields.extend(
        [
            "sharpness",
            "brightness",
            "clipped_dark",
            "clipped_bright",
            "border_white",
            "border_uniform",
            "transparent",
            "product_share",
        ]
        .map(number),
    );
    fields.extend([
        Field::new("phash", DataType::UInt64, false),
        // All five are null (the path empty) where the tagger abstained.
        word("category_id").with_nullable(true),
        word("category_name").with_nullable(true),
        words("category_path"),
        number("category_score").with_nullable(true),
        word("category_model").with_nullable(true),
        // Lower-case ids and names of the category and all above it: what `category = X` looks in.
        words("category_terms"),
        // Main colour first; the three lists have the same length.
        words("colour_names"),
        words("colour_hexes"),
        numbers("colour_shares"),
        // The lists of one record have the same length, but for the last.
        words("label_ids"),
        words("label_names"),
        numbers("label_scores"),
        numbers("label_calibrated"),
        words("label_decisions"),
        words("label_sources"),
        words("label_models"),
        // Lower-case ids and names of the labels that are used: what `label = X` looks in.
        words("label_terms"),
        word("tagger"),
        Field::new("ingested_at_ms", DataType::Int64, false),
    ]);
    fields
}

/// Names of [`tag_fields`].
pub(crate) fn tag_columns() -> Vec<String> {
    tag_fields()
        .iter()
        .map(|field| field.name().clone())
        .collect()
}

pub(crate) fn photos(dimensions: &Dimensions) -> SchemaRef {
    let mut fields = tag_fields();
    fields.push(word(TITLE).with_nullable(true));
    fields.push(vector(CLASSES, dimensions.classes));
    for name in VectorName::ALL {
        fields.push(vector(name.name(), length(dimensions, name)));
    }
    Arc::new(Schema::new(fields))
}

pub(crate) fn rejects() -> SchemaRef {
    Arc::new(Schema::new(vec![
        // The key.
        word("uri"),
        word("etag"),
        Field::new("listed_bytes", DataType::UInt64, false),
        word("sku").with_nullable(true),
        word("stage"),
        word("code"),
        word("reason"),
        Field::new("rejected_at_ms", DataType::Int64, false),
    ]))
}

pub(crate) fn length(dimensions: &Dimensions, name: VectorName) -> usize {
    match name {
        VectorName::Shape => dimensions.shape,
        VectorName::Colour => dimensions.colour,
        VectorName::Text => dimensions.text,
    }
}

/// The element of every list.
pub(crate) fn item(of: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", of, true))
}

fn word(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

fn number(name: &str) -> Field {
    Field::new(name, DataType::Float32, false)
}

fn words(name: &str) -> Field {
    Field::new(name, DataType::List(item(DataType::Utf8)), false)
}

fn numbers(name: &str) -> Field {
    Field::new(name, DataType::List(item(DataType::Float32)), false)
}

/// A column of vectors. Lengths are bounded when a store is made, so they fit.
fn vector(name: &str, length: usize) -> Field {
    let length = i32::try_from(length).unwrap_or(i32::MAX);
    Field::new(
        name,
        DataType::FixedSizeList(item(DataType::Float32), length),
        false,
    )
}
