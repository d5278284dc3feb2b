//! Reading rows: by key, in the order of their URIs, and the rejects.

use std::collections::HashMap;

use arrow_array::RecordBatch;
use futures::TryStreamExt;
use lancedb::Table;
use lancedb::query::{ExecutableQuery, QueryBase, QueryExecutionOptions, Select};
use showroom_catalog::seams::{Columns, PhotoKey, StoreError};
use showroom_catalog::{Filter, Record, Reject, VectorName};

use crate::decode::{self, Rows};
use crate::open::LanceCatalogue;
use crate::schema::{self, CLASSES, ROW_ID};
use crate::{attributes, sql};

/// Rows that are in memory at once while many are read: about 16 KB each with their vectors.
pub(crate) const ROWS_AT_ONCE: usize = 512;

/// As many as there are: more than a table can have, and within what Lance counts with.
pub(crate) const ALL_ROWS: usize = i64::MAX as usize;

/// Shortest beginning of an id that is taken for one.
const SHORTEST_ID: usize = 8;

impl LanceCatalogue {
    pub(crate) async fn rows_of_key(
        &self,
        key: &str,
        columns: Columns,
    ) -> Result<Vec<Record>, StoreError> {
        let literal = sql::quote(key);
        let mut which = format!("uri = {literal} or sku = {literal}");
        let id = key.to_ascii_lowercase();
        if (SHORTEST_ID..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit()) {
            // All that begin with these digits: `g` comes after every hexadecimal digit.
            which += &format!(" or (id >= '{id}' and id < '{id}g')");
        }
        let table = self.snapshot().await?;
        if columns != Columns::All
            && let Some(kept) = self.hot_rows(&table).await?
        {
            let rows = kept.of_key(key, (SHORTEST_ID..=64).contains(&id.len()).then_some(&id));
            return kept
                .records(&rows, columns)
                .map_err(|reason| self.damaged(reason));
        }
        let mut found = Vec::new();
        self.rows_in_order(&table, Some(which), columns, &mut |records| {
            found.extend(records);
            true
        })
        .await?;
        Ok(found)
    }

    pub(crate) async fn scan_rows(
        &self,
        filter: Option<Filter>,
        columns: Columns,
        each: &mut (dyn FnMut(Vec<Record>) -> bool + Send),
    ) -> Result<(), StoreError> {
        let table = self.snapshot().await?;
        let which = self.which(&table, filter.as_ref()).await?;
        self.rows_in_order(&table, which, columns, each).await
    }

    /// URI and SKU of the rows that pass, in the order of the URIs.
    pub(crate) async fn keys_of_rows(
        &self,
        filter: Option<Filter>,
    ) -> Result<Vec<PhotoKey>, StoreError> {
        let table = self.snapshot().await?;
        let mut query = table.query().select(Select::columns(&["uri", "sku"]));
        if let Some(which) = self.which(&table, filter.as_ref()).await? {
            query = query.only_if(which);
        }
        let batches = query.execute().await.map_err(|error| self.failed(error))?;
        let batches: Vec<RecordBatch> = batches
            .try_collect()
            .await
            .map_err(|error| self.failed(error))?;
        let mut keys = Vec::new();
        for batch in &batches {
            let rows = Rows(batch);
            let both = || Ok((rows.words("uri")?, rows.words("sku")?));
            let (uris, skus) = both().map_err(|reason: String| self.damaged(reason))?;
            let both = uris.iter().zip(skus.iter());
            keys.extend(
                both.map(|(uri, sku)| (uri.unwrap_or("").to_string(), sku.map(str::to_string))),
            );
        }
        keys.sort_unstable();
        Ok(keys)
    }

    /// URIs first (they fit in memory), sorted; then the rows, a batch at a time.
    async fn rows_in_order(
        &self,
        table: &Table,
        which: Option<String>,
        columns: Columns,
        each: &mut (dyn FnMut(Vec<Record>) -> bool + Send),
    ) -> Result<(), StoreError> {
        let mut keys = self.uris(table, which.as_deref()).await?;
        keys.sort_unstable();
        let kept = match columns {
            Columns::All => None,
            Columns::Tags | Columns::Vectors => self.hot_rows(table).await?,
        };
        for some in keys.chunks(ROWS_AT_ONCE) {
            let ids: Vec<u64> = some.iter().map(|(_, id)| *id).collect();
            let records = match &kept {
                Some(kept) => {
                    (kept.records(&ids, columns)).map_err(|reason| self.damaged(reason))?
                }
                None => self.take(table, &ids, columns).await?,
            };
            if !each(records) {
                break;
            }
        }
        Ok(())
    }

    /// The photos as they are now, whatever is written meanwhile; row ids hold within it.
    pub(crate) async fn snapshot(&self) -> Result<Table, StoreError> {
        let table = self.photos.query_snapshot().await;
        table.map_err(|error| self.failed(error))
    }

    /// The SQL of a filter, whose attributes are those of `table`.
    pub(crate) async fn which(
        &self,
        table: &Table,
        filter: Option<&Filter>,
    ) -> Result<Option<String>, StoreError> {
        let Some(filter) = filter else {
            return Ok(None);
        };
        let schema = table.schema().await.map_err(|error| self.failed(error))?;
        sql::to_sql(filter, &schema).map(Some)
    }

    pub(crate) async fn uris(
        &self,
        table: &Table,
        which: Option<&str>,
    ) -> Result<Vec<(String, u64)>, StoreError> {
        let mut found = Vec::new();
        for batch in self.passing(table, which, "uri", ALL_ROWS).await? {
            let rows = Rows(&batch);
            let both = || Ok((rows.words("uri")?, rows.u64s(ROW_ID)?));
            let (uris, ids) = both().map_err(|reason: String| self.damaged(reason))?;
            let uris = uris.iter().map(|uri| uri.unwrap_or("").to_string());
            found.extend(uris.zip(ids.iter().copied()));
        }
        Ok(found)
    }

    /// The ids of the rows that pass, `most` of them at the most.
    pub(crate) async fn row_ids(
        &self,
        table: &Table,
        which: Option<&str>,
        most: usize,
    ) -> Result<Vec<u64>, StoreError> {
        let mut found = Vec::new();
        // A column must be read: one of few bytes.
        for batch in self.passing(table, which, "bytes", most).await? {
            let ids = Rows(&batch).u64s(ROW_ID).map(<[u64]>::to_vec);
            found.extend(ids.map_err(|reason| self.damaged(reason))?);
        }
        Ok(found)
    }

    /// One column, and the row ids, of the rows that pass, `most` of them at the most.
    async fn passing(
        &self,
        table: &Table,
        which: Option<&str>,
        column: &str,
        most: usize,
    ) -> Result<Vec<RecordBatch>, StoreError> {
        let mut query = table
            .query()
            .select(Select::columns(&[column]))
            .with_row_id()
            .limit(most);
        if let Some(which) = which {
            query = query.only_if(which);
        }
        let batches = query.execute().await.map_err(|error| self.failed(error))?;
        let batches = batches.try_collect().await;
        batches.map_err(|error| self.failed(error))
    }

    /// The rows with these ids, in this order.
    pub(crate) async fn take(
        &self,
        table: &Table,
        ids: &[u64],
        columns: Columns,
    ) -> Result<Vec<Record>, StoreError> {
        let schema = table.schema().await.map_err(|error| self.failed(error))?;
        let mut wanted = schema::tag_columns();
        wanted.extend(attributes::columns(&schema));
        if columns != Columns::Tags {
            wanted.extend(VectorName::ALL.map(|name| name.name().to_string()));
        }
        if columns == Columns::All {
            wanted.push(CLASSES.into());
        }
        let mut found: HashMap<u64, Record> = HashMap::with_capacity(ids.len());
        for batch in self.take_batches(table, ids, &wanted).await? {
            let records = decode::records(&batch).map_err(|reason| self.damaged(reason))?;
            let rows = Rows(&batch);
            let row_ids = rows.u64s(ROW_ID).map_err(|reason| self.damaged(reason))?;
            found.extend(row_ids.iter().copied().zip(records));
        }
        ids.iter()
            .map(|id| {
                found
                    .remove(id)
                    .ok_or_else(|| self.damaged("a row cannot be found again"))
            })
            .collect()
    }

    /// Columns and row ids of the rows with these ids, in no order.
    pub(crate) async fn take_batches(
        &self,
        table: &Table,
        ids: &[u64],
        columns: &[String],
    ) -> Result<Vec<RecordBatch>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let query = table
            .take_row_ids(ids.to_vec())
            .select(Select::columns(columns))
            .with_row_id();
        let batches = query.execute().await.map_err(|error| self.failed(error))?;
        batches
            .try_collect()
            .await
            .map_err(|error| self.failed(error))
    }

    pub(crate) async fn all_rejects(&self) -> Result<Vec<Reject>, StoreError> {
        let mut batches = self
            .rejects
            .query()
            .execute()
            .await
            .map_err(|error| self.failed(error))?;
        let mut found = Vec::new();
        while let Some(batch) = batches
            .try_next()
            .await
            .map_err(|error| self.failed(error))?
        {
            found.extend(decode::rejects(&batch).map_err(|reason| self.damaged(reason))?);
        }
        found.sort_by(|a, b| a.source.uri.cmp(&b.source.uri));
        Ok(found)
    }
}

/// Batches that are small enough to bound memory.
pub(crate) fn small_batches() -> QueryExecutionOptions {
    let mut options = QueryExecutionOptions::default();
    options.max_batch_length = ROWS_AT_ONCE as u32;
    options
}
