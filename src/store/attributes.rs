//! Attributes as columns: one for each name and kind of value, `attr_number_price`, null where a
//! photo has none. Columns are added when an attribute is first met, so that a filter on it is plain
//! SQL and other programs read it as what it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use lancedb::Table;
use lancedb::table::NewColumnTransform;
use showroom_catalog::product::{Attributes, MAX_ATTRIBUTES};
use showroom_catalog::seams::StoreError;
use showroom_catalog::{AttributeKind, AttributeValue, Record};

use crate::open::LanceCatalogue;
use crate::schema::{self, TITLE};

const PREFIX: &str = "attr_";

/// The attributes of a catalogue, and of which kinds their values are.
pub type AttributeKinds = BTreeMap<String, BTreeSet<AttributeKind>>;

/// The column of the values of this kind.
pub(crate) fn column(name: &str, kind: AttributeKind) -> String {
    format!("{PREFIX}{}_{name}", kind.name())
}

/// Name and kind of a column of attributes; `None` for every other column.
fn attribute(column: &str) -> Option<(&str, AttributeKind)> {
    let (kind, name) = column.strip_prefix(PREFIX)?.split_once('_')?;
    let kind = AttributeKind::ALL
        .into_iter()
        .find(|known| known.name() == kind)?;
    Some((name, kind))
}

/// The attributes that a table with this schema has columns for.
pub(crate) fn kinds(schema: &Schema) -> AttributeKinds {
    let mut kinds = AttributeKinds::new();
    for field in schema.fields() {
        if let Some((name, kind)) = attribute(field.name()) {
            kinds.entry(name.into()).or_default().insert(kind);
        }
    }
    kinds
}

/// Title and attributes among the columns of a table with this schema.
pub(crate) fn columns(schema: &Schema) -> Vec<String> {
    let names = schema.fields().iter().map(|field| field.name());
    names
        .filter(|name| *name == TITLE || attribute(name).is_some())
        .cloned()
        .collect()
}

/// The values of one column for these records.
pub(crate) fn values(records: &[Record], name: &str) -> Option<ArrayRef> {
    if name == TITLE {
        let titles = records.iter().map(|record| record.title.as_deref());
        return Some(Arc::new(StringArray::from_iter(titles)));
    }
    let (name, kind) = attribute(name)?;
    Some(of_kind(records, name, kind))
}

/// The values of this attribute that are of this kind; null where a record has none.
pub(crate) fn of_kind(records: &[Record], name: &str, kind: AttributeKind) -> ArrayRef {
    let values = records.iter().map(|record| record.attributes.get(name));
    match kind {
        AttributeKind::Bool => Arc::new(BooleanArray::from_iter(values.map(|value| match value {
            Some(AttributeValue::Bool(value)) => Some(*value),
            _ => None,
        }))),
        AttributeKind::Number => {
            Arc::new(Float64Array::from_iter(values.map(|value| match value {
                Some(AttributeValue::Number(value)) => Some(*value),
                _ => None,
            })))
        }
        AttributeKind::Text => Arc::new(StringArray::from_iter(values.map(|value| match value {
            Some(AttributeValue::Text(value)) => Some(value.as_str()),
            _ => None,
        }))),
        AttributeKind::List => {
            let builder = ListBuilder::new(StringBuilder::new());
            let mut lists = builder.with_field(schema::item(DataType::Utf8));
            for value in values {
                match value {
                    Some(AttributeValue::List(list)) => lists.append_value(list.iter().map(Some)),
                    _ => lists.append_null(),
                }
            }
            Arc::new(lists.finish())
        }
    }
}

/// The attributes of row `at`. The error says what is wrong with a column.
pub(crate) fn of_row(batch: &RecordBatch, at: usize) -> Result<Attributes, String> {
    let mut found = Attributes::new();
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let Some((name, kind)) = attribute(field.name()) else {
            continue;
        };
        if column.is_null(at) {
            continue;
        }
        let value = value(column, kind, at)
            .ok_or_else(|| format!("the column {} is not of its kind", field.name()))?;
        found.insert(name.into(), value);
    }
    Ok(found)
}

fn value(column: &ArrayRef, kind: AttributeKind, at: usize) -> Option<AttributeValue> {
    Some(match kind {
        AttributeKind::Bool => AttributeValue::Bool(column.as_boolean_opt()?.value(at)),
        AttributeKind::Number => {
            AttributeValue::Number(column.as_primitive_opt::<Float64Type>()?.value(at))
        }
        AttributeKind::Text => {
            AttributeValue::Text(column.as_string_opt::<i32>()?.value(at).into())
        }
        AttributeKind::List => {
            let list = column.as_list_opt::<i32>()?.value(at);
            let words = list.as_string_opt::<i32>()?;
            AttributeValue::List(words.iter().map(|word| word.unwrap_or("").into()).collect())
        }
    })
}

fn field(name: &str) -> Field {
    let of = match attribute(name).map(|(_, kind)| kind) {
        Some(AttributeKind::Bool) => DataType::Boolean,
        Some(AttributeKind::Number) => DataType::Float64,
        Some(AttributeKind::List) => DataType::List(schema::item(DataType::Utf8)),
        Some(AttributeKind::Text) | None => DataType::Utf8,
    };
    Field::new(name, of, true)
}

impl LanceCatalogue {
    /// The attributes that photos of this catalogue have or had.
    pub async fn attributes(&self) -> Result<AttributeKinds, StoreError> {
        let schema = self.photos.schema().await;
        let schema = schema.map_err(|error| self.failed(error))?;
        Ok(kinds(&schema))
    }

    /// Adds the columns that these records need and the table lacks, null in every row there is: one
    /// commit, which writes no row.
    pub(crate) async fn add_columns_for(&self, records: &[Record]) -> Result<(), StoreError> {
        let schema = self.photos.schema().await;
        let schema = schema.map_err(|error| self.failed(error))?;
        let mut wanted = BTreeSet::new();
        for record in records {
            if record.title.is_some() {
                wanted.insert(TITLE.to_string());
            }
            for (name, value) in &record.attributes {
                wanted.insert(column(name, value.kind()));
            }
        }
        wanted.retain(|name| schema.field_with_name(name).is_err());
        if wanted.is_empty() {
            return Ok(());
        }
        if columns(&schema).len() + wanted.len() > MAX_ATTRIBUTES {
            return Err(StoreError::Failed {
                at: self.at.clone(),
                reason: format!(
                    "it would have more than {MAX_ATTRIBUTES} attributes; leave some columns of \
                     the feed out with --map"
                ),
            });
        }
        let fields: Vec<Field> = wanted.iter().map(|name| field(name)).collect();
        add(&self.photos, fields)
            .await
            .map_err(|error| self.failed(error))
    }
}

async fn add(table: &Table, fields: Vec<Field>) -> lancedb::Result<()> {
    let nulls = NewColumnTransform::AllNulls(Arc::new(Schema::new(fields)));
    table.add_columns().transform(nulls).execute().await?;
    Ok(())
}
