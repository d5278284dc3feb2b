//! The catalogue written out: JSON Lines (one [`PhotoJson`] a line), CSV and Parquet with a row a
//! photo in the order of the URIs, Shopify and Google Merchant with a product a SKU.

mod columns;
mod csv;
mod google_category;
mod parquet;
mod shops;

use std::io::{self, Write};

use showroom_catalog::Filter;
use showroom_catalog::seams::{Catalogue, Columns, StoreError};

pub use csv::export_csv;
pub use parquet::export_parquet;
pub use shops::{Exported, export_google, export_shopify};
use showroom_catalog::json::PhotoJson;

/// Why an export stopped.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output takes no more: a full disk, a closed pipe.
    #[error("the export cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// The error of a format's writer: where the output itself failed, that error.
fn output(error: impl std::error::Error + Send + Sync + 'static) -> ExportError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return ExportError::Output(io::Error::new(io.kind(), io.to_string()));
        }
        cause = inner.source();
    }
    ExportError::Output(io::Error::other(error))
}

/// Writes the photos that pass the filter to `out`; how many there were. Memory stays bounded.
pub async fn export_jsonl(
    catalogue: &dyn Catalogue,
    filter: Option<Filter>,
    out: &mut (dyn Write + Send),
) -> Result<usize, ExportError> {
    let mut written = 0;
    let mut broken: io::Result<()> = Ok(());
    catalogue
        .scan(filter, Columns::Tags, &mut |records| {
            broken = records.iter().try_for_each(|record| {
                serde_json::to_writer(&mut *out, &PhotoJson::from(record))?;
                out.write_all(b"\n")?;
                written += 1;
                Ok(())
            });
            broken.is_ok()
        })
        .await?;
    broken?;
    out.flush()?;
    Ok(written)
}
