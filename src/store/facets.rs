//! Facets over the rows that pass a filter.

use futures::TryStreamExt;
use lancedb::Table;
use lancedb::query::{ExecutableQuery, QueryBase, Select};
use showroom_catalog::facets::{Counter, Facets};
use showroom_catalog::seams::StoreError;

use crate::decode;
use crate::open::LanceCatalogue;
use crate::read::small_batches;
use crate::{attributes, schema};

impl LanceCatalogue {
    /// Counts over every row that passes.
    pub(crate) async fn count_facets(
        &self,
        table: &Table,
        which: Option<&str>,
    ) -> Result<Facets, StoreError> {
        if let Some(hot) = &self.hot
            && let Some(kept) = self.hot_rows(table).await?
        {
            return self.facets_of_kept(table, hot, kept, which).await;
        }
        let schema = table.schema().await.map_err(|error| self.failed(error))?;
        let mut columns = schema::tag_columns();
        columns.extend(attributes::columns(&schema));
        let mut rows = table.query().select(Select::columns(&columns));
        if let Some(which) = which {
            rows = rows.only_if(which);
        }
        let batches = rows.execute_with_options(small_batches()).await;
        let mut batches = batches.map_err(|error| self.failed(error))?;
        let mut counter = Counter::default();
        while let Some(batch) = batches
            .try_next()
            .await
            .map_err(|error| self.failed(error))?
        {
            let records = decode::records(&batch).map_err(|reason| self.damaged(reason))?;
            records.iter().for_each(|record| counter.add(record));
        }
        Ok(counter.finish())
    }
}
