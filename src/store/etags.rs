//! What the tables hold, by URI: read once by the writer, kept up by it, and what `seen` answers.

use std::collections::HashMap;

use futures::TryStreamExt;
use lancedb::Table;
use lancedb::query::{ExecutableQuery, QueryBase, Select};
use showroom_catalog::seams::StoreError;

use crate::decode::Rows;
use crate::open::LanceCatalogue;
use crate::sql;

/// The version of each photo and of each reject.
#[derive(Debug, Default)]
pub(crate) struct Etags {
    pub(crate) photos: HashMap<String, String>,
    pub(crate) rejects: HashMap<String, String>,
}

impl Etags {
    fn of(photos: Versions, rejects: Versions) -> Etags {
        let only_etags = |versions: Versions| {
            let etag = |(uri, (etag, _))| (uri, etag);
            versions.into_iter().map(etag).collect()
        };
        Etags {
            photos: only_etags(photos),
            rejects: only_etags(rejects),
        }
    }

    /// The version of each URI that was dealt with last. A reject stands beside a photo only where
    /// it is about a later version of it, so the reject's counts.
    fn seen(&self) -> HashMap<String, String> {
        let mut seen = self.photos.clone();
        for (uri, etag) in &self.rejects {
            seen.insert(uri.clone(), etag.clone());
        }
        seen
    }
}

/// URI → etag and time of writing.
type Versions = HashMap<String, (String, i64)>;

impl LanceCatalogue {
    pub(crate) async fn seen_etags(&self) -> Result<HashMap<String, String>, StoreError> {
        let Some(writer) = &self.writer else {
            let rejects = self.versions(&self.rejects, "rejected_at_ms").await?;
            let photos = self.versions(&self.photos, "ingested_at_ms").await?;
            return Ok(Etags::of(photos, rejects).seen());
        };
        let mut kept = writer.etags.lock().await;
        let etags = match kept.take() {
            Some(etags) => etags,
            None => self.recover_etags().await?,
        };
        Ok(kept.insert(etags).seen())
    }

    /// For the writer: brings its tables to the newest version, removes the rejects that an
    /// interrupted write left beside the photo that came in, and reads what there is.
    ///
    /// A photo is written before its reject is removed, so what is left over has the photo's etag
    /// and is not younger than it.
    pub(crate) async fn recover_etags(&self) -> Result<Etags, StoreError> {
        for table in [&self.photos, &self.rejects] {
            let newest = table.checkout_latest().await;
            newest.map_err(|error| self.failed(error))?;
        }
        let photos = self.versions(&self.photos, "ingested_at_ms").await?;
        let mut rejects = self.versions(&self.rejects, "rejected_at_ms").await?;
        let is_left_over = |uri: &String, (etag, rejected_at_ms): &(String, i64)| {
            let photo = photos.get(uri);
            photo.is_some_and(|(photo, at_ms)| photo == etag && at_ms >= rejected_at_ms)
        };
        let left_over: Vec<String> = rejects
            .extract_if(|uri, version| is_left_over(uri, version))
            .map(|(uri, _)| uri)
            .collect();
        self.delete_from(&self.rejects, &left_over).await?;
        Ok(Etags::of(photos, rejects))
    }

    async fn versions(&self, table: &Table, time: &str) -> Result<Versions, StoreError> {
        let mut batches = table
            .query()
            .select(Select::columns(&["uri", "etag", time]))
            .execute()
            .await
            .map_err(|error| self.failed(error))?;
        let mut versions = HashMap::new();
        while let Some(batch) = batches
            .try_next()
            .await
            .map_err(|error| self.failed(error))?
        {
            let rows = Rows(&batch);
            for at in 0..batch.num_rows() {
                let row = || -> Result<_, String> {
                    Ok((
                        rows.word("uri", at)?,
                        (rows.word("etag", at)?, rows.i64(time, at)?),
                    ))
                };
                let (uri, version) = row().map_err(|reason| self.damaged(reason))?;
                versions.insert(uri, version);
            }
        }
        Ok(versions)
    }

    /// Deletes the rows of these URIs; how many there were.
    pub(crate) async fn delete_from(
        &self,
        table: &Table,
        uris: &[String],
    ) -> Result<usize, StoreError> {
        /// URIs in one statement.
        const AT_ONCE: usize = 500;
        let mut deleted = 0;
        for some in uris.chunks(AT_ONCE) {
            let which = sql::one_of("uri", some.iter().map(String::as_str));
            let done = table.delete(which.as_str()).await;
            deleted += done.map_err(|error| self.failed(error))?.num_deleted_rows as usize;
        }
        Ok(deleted)
    }
}
