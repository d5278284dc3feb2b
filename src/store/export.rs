//! The catalogue as JSON Lines: one [`PhotoJson`] a line, in the order of the URIs.

use std::io::{self, Write};

use showroom_catalog::Filter;
use showroom_catalog::seams::{Catalogue, Columns, StoreError};

use crate::json::PhotoJson;

/// Why an export stopped.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output takes no more: a full disk, a closed pipe.
    #[error("the export cannot be written: {0}")]
    Output(#[from] io::Error),
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
