//! The catalogue as Parquet: a row a photo, attributes with their types.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use showroom_catalog::product::file_of;
use showroom_catalog::seams::{Catalogue, Columns};
use showroom_catalog::{AttributeKind, Filter, Record};

use super::columns::{Attribute, MEASURED, attributes};
use super::{ExportError, output};
use crate::attributes::of_kind;
use crate::schema::item;

/// Rows of a group: what a reader takes at once.
const GROUP_ROWS: usize = 65_536;

/// Writes the photos that pass the filter; how many there were.
pub async fn export_parquet(
    catalogue: &dyn Catalogue,
    filter: Option<Filter>,
    out: &mut (dyn Write + Send),
) -> Result<usize, ExportError> {
    let attributes = attributes(catalogue, filter.as_ref(), false).await?;
    let schema = Arc::new(Schema::new(fields(&attributes)));
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build();
    let mut writer = ArrowWriter::try_new(out, schema.clone(), Some(properties)).map_err(output)?;
    let mut written = 0;
    let mut broken = Ok(());
    catalogue
        .scan(filter, Columns::Tags, &mut |records| {
            written += records.len();
            broken = RecordBatch::try_new(schema.clone(), columns(&records, &attributes))
                .map_err(output)
                .and_then(|batch| writer.write(&batch).map_err(output));
            broken.is_ok()
        })
        .await?;
    broken?;
    writer.close().map_err(output)?;
    Ok(written)
}

fn fields(attributes: &[Attribute]) -> Vec<Field> {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let of_attributes = attributes.iter().map(|attribute| {
        let of = match attribute.kind {
            AttributeKind::Bool => DataType::Boolean,
            AttributeKind::Number => DataType::Float64,
            AttributeKind::Text => DataType::Utf8,
            AttributeKind::List => DataType::List(item(DataType::Utf8)),
        };
        Field::new(&attribute.heading, of, true)
    });
    ["sku", "title", "image"]
        .map(text)
        .into_iter()
        .chain(of_attributes)
        .chain(MEASURED.iter().map(|(heading, _)| text(heading)))
        .collect()
}

fn columns(records: &[Record], attributes: &[Attribute]) -> Vec<ArrayRef> {
    let texts = |get: &dyn Fn(&Record) -> Option<String>| -> ArrayRef {
        Arc::new(StringArray::from_iter(records.iter().map(get)))
    };
    let mut columns = vec![
        texts(&|r| r.source.sku.clone()),
        texts(&|r| r.title.clone()),
        texts(&|r| Some(file_of(&r.source.uri).to_string())),
    ];
    columns.extend(
        attributes
            .iter()
            .map(|attribute| of_kind(records, &attribute.name, attribute.kind)),
    );
    columns.extend(MEASURED.iter().map(|(_, get)| texts(get)));
    columns
}
