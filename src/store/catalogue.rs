//! [`Catalogue`] for [`LanceCatalogue`]: each method is one call into the file that does the work.

use std::collections::HashMap;

use showroom_catalog::manifest::StoreManifest;
use showroom_catalog::query::Hits;
use showroom_catalog::seams::{BoxFuture, Catalogue, Columns, PhotoKey, Stats, StoreError};
use showroom_catalog::{Filter, Query, Record, Reject};

use crate::open::LanceCatalogue;

impl Catalogue for LanceCatalogue {
    fn manifest(&self) -> &StoreManifest {
        &self.manifest
    }

    fn seen(&self) -> BoxFuture<'_, Result<HashMap<String, String>, StoreError>> {
        Box::pin(self.seen_etags())
    }

    fn upsert(
        &self,
        records: Vec<Record>,
        rejects: Vec<Reject>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.upsert_rows(records, rejects))
    }

    fn get<'a>(
        &'a self,
        key: &'a str,
        columns: Columns,
    ) -> BoxFuture<'a, Result<Vec<Record>, StoreError>> {
        Box::pin(self.rows_of_key(key, columns))
    }

    fn search(&self, query: Query) -> BoxFuture<'_, Result<Hits, StoreError>> {
        Box::pin(self.search_rows(query))
    }

    fn scan<'a>(
        &'a self,
        filter: Option<Filter>,
        columns: Columns,
        each: &'a mut (dyn FnMut(Vec<Record>) -> bool + Send),
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.scan_rows(filter, columns, each))
    }

    fn keys(&self, filter: Option<Filter>) -> BoxFuture<'_, Result<Vec<PhotoKey>, StoreError>> {
        Box::pin(self.keys_of_rows(filter))
    }

    fn delete<'a>(&'a self, uris: &'a [String]) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(self.delete_rows(uris))
    }

    fn rejects(&self) -> BoxFuture<'_, Result<Vec<Reject>, StoreError>> {
        Box::pin(self.all_rejects())
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        Box::pin(self.numbers())
    }

    fn build_index(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        Box::pin(self.build_indices())
    }

    fn compact(&self) -> BoxFuture<'_, Result<Stats, StoreError>> {
        Box::pin(self.compact_files())
    }

    fn verify(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        Box::pin(self.problems())
    }
}
