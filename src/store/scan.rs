//! Exact search through an accelerator, a chunk of the rows on disk at a time.

use std::mem;
use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use showroom_catalog::Query;
use showroom_catalog::embedding::Dimensions;

use crate::accelerator::{Accelerator, Proposals};
use crate::best::{Best, Row};
use crate::chunk::{Chunk, Layout};
use crate::compared::{Compared, Folded, TAME};
use crate::decode::Rows;
use crate::schema::ROW_ID;
use crate::search::skus;

/// Most rows, and most bytes of their vectors, that are in memory for the accelerator at once.
///
/// Handing over 20,000 rows of 1,600 numbers took 90 ms in one chunk of 128 MB, 38 ms in chunks of
/// 32 MB and 34 ms in chunks of 8 MB: memory that is used again costs less than fresh memory.
const MAX_CHUNK_ROWS: usize = 65_536;
const MAX_CHUNK_BYTES: usize = 32 << 20;

/// Some searches over the same rows.
pub(crate) struct Scan<'a> {
    accelerator: &'a Accelerator,
    /// From how many rows on, over all chunks, this is faster than comparing every row.
    pub(crate) min_rows: usize,
    layout: Layout,
    folded: Folded,
    chunk: Chunk,
    /// Rows of a full chunk, at least 1.
    capacity: usize,
    has_failed: bool,
}

impl<'a> Scan<'a> {
    /// `None` where the accelerator cannot serve these searches.
    pub(crate) fn new(
        accelerator: &'a Accelerator,
        dimensions: &Dimensions,
        searches: &[(Query, Best)],
    ) -> Option<Scan<'a>> {
        let layout = Layout::new(dimensions, searches);
        let limits = accelerator.limits(layout.dimension);
        let folded = Folded::new(&layout, &limits, searches)?;
        let capacity = MAX_CHUNK_ROWS
            .min(MAX_CHUNK_BYTES / (size_of::<f32>() * layout.dimension))
            .min(limits.max_rows);
        if capacity == 0 {
            return None;
        }
        Some(Scan {
            accelerator,
            min_rows: limits.min_rows,
            folded,
            chunk: Chunk::default(),
            capacity,
            has_failed: false,
            layout,
        })
    }

    /// Takes the rows of a batch in, and searches whenever that makes a chunk full. The error says
    /// what is wrong with the batch.
    pub(crate) async fn add(
        &mut self,
        batch: &RecordBatch,
        searches: &mut [(Query, Best)],
    ) -> Result<(), String> {
        let rows = Rows(batch);
        let uris = rows.words("uri")?;
        let ids = rows.u64s(ROW_ID)?;
        let one_a_sku = searches.iter().any(|(query, _)| query.one_a_sku);
        let skus = skus(&rows, one_a_sku)?;
        let vectors = self.layout.vectors(&rows)?;
        for (at, id) in ids.iter().enumerate() {
            let row = Row {
                id: *id,
                uri: uris.value(at),
                sku: skus.and_then(|skus| skus.is_valid(at).then(|| skus.value(at))),
            };
            self.chunk.push(row, at, &vectors);
            if self.chunk.ids.len() == self.capacity {
                self.search_chunk(searches).await;
            }
        }
        Ok(())
    }

    /// Searches the rows that were taken in since the last time.
    pub(crate) async fn search_chunk(&mut self, searches: &mut [(Query, Best)]) {
        let chunk = Arc::new(mem::take(&mut self.chunk));
        let mut proposals = self.propose(&chunk).await;
        for (at, (query, best)) in searches.iter_mut().enumerate() {
            let compared = Compared::new(&chunk, &self.layout, query, best, None);
            if let Err(nonsense) = self.folded.compare(compared, at, proposals.as_ref()) {
                self.fail(&nonsense);
                proposals = None;
            }
        }
        self.chunk = Arc::into_inner(chunk).map_or_else(Chunk::default, Chunk::emptied);
    }

    /// What the accelerator makes of the chunk; `None` where the CPU had better compare it.
    async fn propose(&mut self, chunk: &Arc<Chunk>) -> Option<Proposals> {
        let rows = chunk.ids.len();
        if self.has_failed || rows == 0 || !TAME.contains(&chunk.longest()) {
            return None;
        }
        let proposed = self.accelerator.propose(
            self.layout.dimension,
            chunk.clone(),
            self.folded.queries.clone(),
            self.folded.asked.min(rows),
        );
        let proposed = proposed.await;
        match proposed.and_then(|found| self.folded.check(&found).map(|()| found)) {
            Ok(proposals) => Some(proposals),
            Err(reason) => {
                self.fail(&reason);
                None
            }
        }
    }

    /// For the rest of this search the CPU compares every row.
    fn fail(&mut self, reason: &str) {
        self.has_failed = true;
        self.accelerator.failed(reason);
    }
}
