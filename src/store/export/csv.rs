//! The catalogue as CSV: a row a photo.

use std::io::Write;

use csv::WriterBuilder;
use showroom_catalog::product::file_of;
use showroom_catalog::seams::{Catalogue, Columns};
use showroom_catalog::{AttributeValue, Filter};

use super::columns::{MEASURED, attributes};
use super::{ExportError, output};

/// Writes the photos that pass the filter; how many there were. Reads the catalogue twice: the
/// attributes must be known before the first row.
pub async fn export_csv(
    catalogue: &dyn Catalogue,
    filter: Option<Filter>,
    out: &mut (dyn Write + Send),
) -> Result<usize, ExportError> {
    let attributes = attributes(catalogue, filter.as_ref(), true).await?;
    let mut writer = WriterBuilder::new().from_writer(out);
    let headings = ["sku", "title", "image"]
        .into_iter()
        .chain(
            attributes
                .iter()
                .map(|attribute| attribute.heading.as_str()),
        )
        .chain(MEASURED.iter().map(|(heading, _)| *heading));
    writer.write_record(headings).map_err(output)?;
    let mut written = 0;
    let mut broken = Ok(());
    catalogue
        .scan(filter, Columns::Tags, &mut |records| {
            broken = records.iter().try_for_each(|record| {
                written += 1;
                let source = &record.source;
                let first = [
                    source.sku.clone().unwrap_or_default(),
                    record.title.clone().unwrap_or_default(),
                    file_of(&source.uri).to_string(),
                ];
                let values = attributes.iter().map(|attribute| {
                    let value = record.attributes.get(&attribute.name);
                    let value = value.filter(|value| value.kind() == attribute.kind);
                    value.map(text).unwrap_or_default()
                });
                let measured = MEASURED
                    .iter()
                    .map(|(_, get)| get(record).unwrap_or_default());
                let cells: Vec<String> = first.into_iter().chain(values).chain(measured).collect();
                writer.write_record(&cells)
            });
            broken.is_ok()
        })
        .await?;
    broken.map_err(output)?;
    writer.flush()?;
    Ok(written)
}

/// A list as JSON, so that its elements may hold anything.
pub(super) fn text(value: &AttributeValue) -> String {
    match value {
        AttributeValue::List(values) => serde_json::json!(values).to_string(),
        value => value.to_string(),
    }
}
