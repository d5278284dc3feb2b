//! Rows that the indices of the vectors propose to a search.

use std::collections::HashSet;

use futures::TryStreamExt;
use lancedb::query::{ExecutableQuery, QueryBase, Select};
use lancedb::{DistanceType, Table};
use showroom_catalog::seams::StoreError;
use showroom_catalog::{Query, VectorName};

use crate::decode::Rows;
use crate::open::LanceCatalogue;
use crate::schema::ROW_ID;

/// Candidates that each index gives: this many, or so many times `k`, whichever is more.
const MIN_CANDIDATES: usize = 200;
const CANDIDATES_PER_HIT: usize = 20;

/// Partitions of an index that are looked into at the least. There is no upper bound: with a filter
/// the search goes on until it has found enough rows that pass.
const MIN_PROBES: usize = 20;

/// Candidates of an index by compressed vectors, per one that is kept by the true ones. Where these are in memory
/// they cost nothing, and all are kept.
const REFINE_FACTOR: u32 = 2;

/// A vector whose neighbours are candidates.
pub(crate) struct Guide {
    on: VectorName,
    vector: Vec<f32>,
}

/// What the indices are asked for: the parts that pull towards their vectors; where there are none,
/// the opposites of those that push away.
pub(crate) fn guides(query: &Query) -> Vec<Guide> {
    let pulls = query.parts.iter().any(|part| part.weight > 0.0);
    let sign = if pulls { 1.0 } else { -1.0 };
    query
        .parts
        .iter()
        .filter(|part| part.weight * sign > 0.0)
        .map(|part| Guide {
            on: part.on,
            vector: part.vector.iter().map(|number| number * sign).collect(),
        })
        .collect()
}

/// Candidates that each index is to give for so many hits.
pub(crate) fn candidates_for(query: &Query, hits: usize) -> usize {
    // Photos of one SKU are alike: where only one is kept, several may go.
    let per_hit = match query.one_a_sku {
        true => 2 * CANDIDATES_PER_HIT,
        false => CANDIDATES_PER_HIT,
    };
    MIN_CANDIDATES.max(per_hit * hits)
}

impl LanceCatalogue {
    pub(crate) async fn are_indexed(
        &self,
        table: &Table,
        guides: &[Guide],
    ) -> Result<bool, StoreError> {
        let indices = table.list_indices().await;
        let indices = indices.map_err(|error| self.failed(error))?;
        let indexed: HashSet<&str> = indices
            .iter()
            .flat_map(|index| &index.columns)
            .map(String::as_str)
            .collect();
        Ok(guides.iter().all(|guide| indexed.contains(guide.on.name())))
    }

    /// Ids of the rows that the indices, and a look at the rows that are not in them yet, bring: `many` for each
    /// guide. `refined` has the true vectors read to choose among more of them.
    pub(crate) async fn candidates(
        &self,
        table: &Table,
        which: Option<&str>,
        guides: &[Guide],
        many: usize,
        refined: bool,
    ) -> Result<Vec<u64>, StoreError> {
        let mut ids = Vec::new();
        for guide in guides {
            let nearest = || -> lancedb::Result<_> {
                let mut nearest = table
                    .vector_search(guide.vector.as_slice())?
                    .column(guide.on.name())
                    .distance_type(DistanceType::Dot)
                    .minimum_nprobes(MIN_PROBES)?
                    .maximum_nprobes(None)?
                    // Nothing but the row's id: reading another column is most of the work.
                    .select(Select::columns(&["_distance"]))
                    .with_row_id();
                nearest = match refined {
                    true => nearest.limit(many).refine_factor(REFINE_FACTOR),
                    // All of them are compared by the true vectors.
                    false => nearest.limit(many * REFINE_FACTOR as usize),
                };
                if let Some(which) = which {
                    nearest = nearest.only_if(which);
                }
                Ok(nearest)
            };
            let nearest = nearest().map_err(|error| self.failed(error))?;
            let batches = nearest.execute().await;
            let mut batches = batches.map_err(|error| self.failed(error))?;
            while let Some(batch) = batches
                .try_next()
                .await
                .map_err(|error| self.failed(error))?
            {
                let found = Rows(&batch);
                ids.extend(found.u64s(ROW_ID).map_err(|reason| self.damaged(reason))?);
            }
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }
}
