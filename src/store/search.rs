//! Search: a weighted sum of dot products over the vectors of the rows that pass the filter.
//!
//! Exact search reads every such row, and compares it here or through an accelerator. Where the vectors have indices, candidates come from them,
//! and are then compared exactly, with every part of the query: so an index can make a search miss
//! a row but never gives it another score.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap, HashSet};

use arrow_array::RecordBatch;
use futures::TryStreamExt;
use lancedb::query::{ExecutableQuery, QueryBase, Select};
use lancedb::{DistanceType, Table};
use showroom_catalog::embedding::dot;
use showroom_catalog::query::{Hits, Why};
use showroom_catalog::seams::{Columns, StoreError};
use showroom_catalog::{Hit, Query, Record, VectorName};

use crate::decode::Rows;
use crate::open::LanceCatalogue;
use crate::read::{ROWS_AT_ONCE, small_batches};
use crate::scan::Scan;
use crate::schema::{self, ROW_ID};
use crate::sql;

/// Most hits of one search, and most parts of one query.
const MAX_K: usize = 1000;
const MAX_PARTS: usize = 16;

/// Candidates that each index gives: this many, or so many times `k`, whichever is more.
const MIN_CANDIDATES: usize = 200;
const CANDIDATES_PER_HIT: usize = 20;

/// Partitions of an index that are looked into at the least. There is no upper bound: with a filter
/// the search goes on until it has found enough rows that pass.
const MIN_PROBES: usize = 20;

/// Candidates of an index by compressed vectors, per one that is kept by the true ones.
const REFINE_FACTOR: u32 = 2;

impl LanceCatalogue {
    pub(crate) async fn search_rows(&self, mut query: Query) -> Result<Hits, StoreError> {
        self.check_query(&query)?;
        let table = self.snapshot().await?;
        let which = self.which_rows(&table, &query).await?;
        let guides = guides(&query);
        let exact = query.exact || guides.is_empty() || !self.are_indexed(&table, &guides).await?;
        let mut best = Best::new(query.k);
        if exact {
            let mut searches = [(query, best)];
            self.compare_all(&table, which, &mut searches).await?;
            [(query, best)] = searches;
        } else {
            let ids = self.candidates(&table, which, &query, &guides).await?;
            let columns = columns_of(&query);
            for some in ids.chunks(ROWS_AT_ONCE) {
                for batch in self.take_batches(&table, some, &columns).await? {
                    compare(&batch, &query, &mut best).map_err(|reason| self.damaged(reason))?;
                }
            }
        }
        let best = best.in_order();
        let ids: Vec<u64> = best.iter().map(|candidate| candidate.row_id).collect();
        let records = self.take(&table, &ids, Columns::Tags).await?;
        let hits = best
            .into_iter()
            .zip(records)
            .map(|(c, r)| c.into_hit(&query, r));
        Ok(Hits {
            hits: hits.collect(),
            exact,
        })
    }

    /// The condition on the rows: the filter, and not the one that is left out.
    async fn which_rows(&self, table: &Table, query: &Query) -> Result<Option<String>, StoreError> {
        let filter = self.which(table, query.filter.as_ref()).await?;
        let exclude = query
            .exclude_uri
            .as_deref()
            .map(|uri| format!("uri != {}", sql::quote(uri)));
        Ok(match (filter, exclude) {
            (Some(filter), Some(exclude)) => Some(format!("({filter}) and {exclude}")),
            (filter, exclude) => filter.or(exclude),
        })
    }

    fn check_query(&self, query: &Query) -> Result<(), StoreError> {
        let bad = |message: String| Err(StoreError::BadQuery(message));
        if query.k > MAX_K {
            return bad(format!(
                "a search gives at most {MAX_K} hits, not {}",
                query.k
            ));
        }
        if query.parts.len() > MAX_PARTS {
            return bad(format!("a query has at most {MAX_PARTS} parts"));
        }
        for part in &query.parts {
            let name = part.on.name();
            let length = schema::length(&self.manifest.dimensions, part.on);
            if part.vector.len() != length {
                return bad(format!(
                    "the query's {name} vector has {} numbers, the catalogue at {} has {length}; \
                     ask with the model that made it",
                    part.vector.len(),
                    self.at,
                ));
            }
            if !part.weight.is_finite() || part.vector.iter().any(|number| !number.is_finite()) {
                return bad(format!(
                    "the query's {name} part holds a number that is not finite"
                ));
            }
        }
        Ok(())
    }

    /// Compares every row that passes with each of the queries, in one pass. The queries are about
    /// the same vectors.
    pub(crate) async fn compare_all(
        &self,
        table: &Table,
        which: Option<String>,
        searches: &mut [(Query, Best)],
    ) -> Result<(), StoreError> {
        let Some((first, _)) = searches.first() else {
            return Ok(());
        };
        let columns = columns_of(first);
        let mut scan = (self.accelerator.as_ref())
            .and_then(|accelerator| Scan::new(accelerator, &self.manifest.dimensions, searches));
        if let Some(Scan { min_rows, .. }) = scan
            && self.count(table, which.as_deref()).await? < min_rows
        {
            scan = None;
        }
        let mut rows = table
            .query()
            .select(Select::columns(&columns))
            .with_row_id();
        if let Some(which) = which {
            rows = rows.only_if(which);
        }
        let batches = rows.execute_with_options(small_batches()).await;
        let mut batches = batches.map_err(|error| self.failed(error))?;
        while let Some(batch) = batches
            .try_next()
            .await
            .map_err(|error| self.failed(error))?
        {
            match &mut scan {
                Some(scan) => scan.add(&batch, searches).await,
                None => searches
                    .iter_mut()
                    .try_for_each(|(query, best)| compare(&batch, query, best)),
            }
            .map_err(|reason| self.damaged(reason))?;
        }
        if let Some(mut scan) = scan {
            scan.search_chunk(searches).await;
        }
        Ok(())
    }

    async fn are_indexed(&self, table: &Table, guides: &[Guide]) -> Result<bool, StoreError> {
        let indices = table.list_indices().await;
        let indices = indices.map_err(|error| self.failed(error))?;
        let indexed: HashSet<&str> = indices
            .iter()
            .flat_map(|index| &index.columns)
            .map(String::as_str)
            .collect();
        Ok(guides.iter().all(|guide| indexed.contains(guide.on.name())))
    }

    /// Ids of the rows that the indices, and a look at the rows that are not in them yet, bring.
    async fn candidates(
        &self,
        table: &Table,
        which: Option<String>,
        query: &Query,
        guides: &[Guide],
    ) -> Result<Vec<u64>, StoreError> {
        let many = MIN_CANDIDATES.max(CANDIDATES_PER_HIT * query.k);
        let mut ids = Vec::new();
        for guide in guides {
            let nearest = || -> lancedb::Result<_> {
                let mut nearest = table
                    .vector_search(guide.vector.as_slice())?
                    .column(guide.on.name())
                    .distance_type(DistanceType::Dot)
                    .minimum_nprobes(MIN_PROBES)?
                    .maximum_nprobes(None)?
                    .refine_factor(REFINE_FACTOR)
                    .select(Select::columns(&["uri"]))
                    .with_row_id()
                    .limit(many);
                if let Some(which) = &which {
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

/// A vector whose neighbours are candidates.
struct Guide {
    on: VectorName,
    vector: Vec<f32>,
}

/// What the indices are asked for: the parts that pull towards their vectors; where there are none,
/// the opposites of those that push away.
fn guides(query: &Query) -> Vec<Guide> {
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

/// URI and the vectors that the query compares.
fn columns_of(query: &Query) -> Vec<String> {
    let mut columns = vec!["uri".to_string()];
    for name in VectorName::ALL {
        if query.parts.iter().any(|part| part.on == name) {
            columns.push(name.name().into());
        }
    }
    columns
}

/// Compares the rows of a batch and keeps the best.
fn compare(batch: &RecordBatch, query: &Query, best: &mut Best) -> Result<(), String> {
    let rows = Rows(batch);
    let uris = rows.words("uri")?;
    let ids = rows.u64s(ROW_ID)?;
    let mut columns = HashMap::new();
    for part in &query.parts {
        columns.insert(part.on, rows.vectors(part.on.name())?);
    }
    let mut dots = vec![0.0; query.parts.len()];
    for at in 0..batch.num_rows() {
        let vector = |on: VectorName| {
            let (all, length) = columns[&on];
            &all[at * length..(at + 1) * length]
        };
        let score = score(query, vector, &mut dots);
        best.offer(score, uris.value(at), ids[at], &dots);
    }
    Ok(())
}

/// The score of one row, whose vectors `vector` gives. Fills `dots`, as long as there are parts,
/// with the dot product of each part.
pub(crate) fn score<'a>(
    query: &Query,
    vector: impl Fn(VectorName) -> &'a [f32],
    dots: &mut [f32],
) -> f32 {
    let mut sum = 0.0;
    for (part, dot_of_part) in query.parts.iter().zip(dots) {
        *dot_of_part = dot(&part.vector, vector(part.on));
        sum += part.weight * *dot_of_part;
    }
    // Adding zero makes -0 the 0 that it equals, so that the URI decides between them.
    sum / query.weight_sum() + 0.0
}

/// A row that may be a hit. The greatest is the worst: lowest score, then last URI.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) score: f32,
    uri: String,
    row_id: u64,
    dots: Vec<f32>,
}

impl Candidate {
    fn into_hit(self, query: &Query, record: Record) -> Hit {
        let parts = query.parts.iter().zip(self.dots);
        Hit {
            record,
            score: self.score,
            why: parts
                .map(|(part, score)| Why {
                    part: part.on,
                    score,
                })
                .collect(),
        }
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_score = other.score.total_cmp(&self.score);
        by_score.then_with(|| self.uri.cmp(&other.uri))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// The `k` best so far.
pub(crate) struct Best {
    k: usize,
    heap: BinaryHeap<Candidate>,
}

impl Best {
    pub(crate) fn new(k: usize) -> Best {
        Best {
            k,
            heap: BinaryHeap::with_capacity(k + 1),
        }
    }

    /// The score below which no row gets in; `None` while there is room for any row.
    pub(crate) fn least(&self) -> Option<f32> {
        let full = self.heap.len() == self.k;
        self.heap.peek().filter(|_| full).map(|worst| worst.score)
    }

    pub(crate) fn offer(&mut self, score: f32, uri: &str, row_id: u64, dots: &[f32]) {
        if self.heap.len() == self.k {
            let Some(worst) = self.heap.peek() else {
                return;
            };
            let better = score
                .total_cmp(&worst.score)
                .then_with(|| worst.uri.as_str().cmp(uri));
            if better != Ordering::Greater {
                return;
            }
        }
        self.heap.push(Candidate {
            score,
            uri: uri.into(),
            row_id,
            dots: dots.to_vec(),
        });
        if self.heap.len() > self.k {
            self.heap.pop();
        }
    }

    /// Best first.
    pub(crate) fn in_order(self) -> Vec<Candidate> {
        self.heap.into_sorted_vec()
    }
}
