//! Exact search through an accelerator, a chunk of rows at a time.
//!
//! The accelerator proposes and the CPU decides: rows that it proposes are scored as they are
//! without it, and a chunk of which they cannot be shown to be the best is compared whole. So it
//! changes how long a search takes and not its answer. What cannot be seen from here is a row that
//! it leaves out although its own scores say otherwise.

use std::mem;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use showroom_catalog::Query;
use showroom_catalog::embedding::{Dimensions, dot, dot_error};
use showroom_catalog::seams::Scored;

use crate::accelerator::{Accelerator, Proposals};
use crate::best::{Best, Row};
use crate::chunk::{Chunk, Layout};
use crate::decode::Rows;
use crate::schema::ROW_ID;
use crate::search::{score, skus};

/// Most rows, and most bytes of their vectors, that are in memory for the accelerator at once.
///
/// Handing over 20,000 rows of 1,600 numbers took 90 ms in one chunk of 128 MB, 38 ms in chunks of
/// 32 MB and 34 ms in chunks of 8 MB: memory that is used again costs less than fresh memory.
const MAX_CHUNK_ROWS: usize = 65_536;
const MAX_CHUNK_BYTES: usize = 32 << 20;

/// Rows that are asked for beyond the hits: with them a chunk is settled unless more rows than this
/// lie closer behind the last hit than rounding can tell, some ten-thousandths of the score.
const MARGIN: usize = 64;

/// Roundings of a score besides those of the dot product: weights, parts, and the lengths that go
/// into the bound itself.
const OTHER_ROUNDINGS: usize = 64;

/// Sizes of weights and vectors between which nothing overflows and nothing becomes too small for
/// its relative error to be what [`dot_error`] says.
const TAME: RangeInclusive<f32> = 1e-9..=1e9;

/// Some searches over the same rows.
pub(crate) struct Scan<'a> {
    accelerator: &'a Accelerator,
    /// From how many rows on, over all chunks, this is faster than comparing every row.
    pub(crate) min_rows: usize,
    layout: Layout,
    /// The queries one after another, each folded to one vector over a whole row of the chunk.
    folded: Arc<[f32]>,
    /// Upper bound on the score of a row of length 1, for each query.
    reach: Vec<f32>,
    /// Proposals that are asked for.
    asked: usize,
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
        let most_hits = searches.iter().map(|(query, _)| query.k).max()?;
        let reach: Vec<f32> = searches.iter().map(|(query, _)| reach(query)).collect();
        let weights = searches.iter().map(|(query, _)| query.weight_sum());
        let mut sizes = weights.chain(reach.iter().copied());
        if layout.dimension == 0 || !sizes.all(|size| TAME.contains(&size)) {
            return None;
        }
        let limits = accelerator.limits(layout.dimension);
        let capacity = MAX_CHUNK_ROWS
            .min(MAX_CHUNK_BYTES / (size_of::<f32>() * layout.dimension))
            .min(limits.max_rows);
        let asked = (most_hits + MARGIN).min(limits.max_k);
        if most_hits == 0 || capacity == 0 || asked == 0 {
            return None;
        }
        let folded = searches.iter().flat_map(|(query, _)| layout.fold(query));
        Some(Scan {
            accelerator,
            min_rows: limits.min_rows,
            folded: folded.collect(),
            reach,
            asked,
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
            let compared = Compared::new(&chunk, &self.layout, query, best);
            if let Err(nonsense) = self.compare(compared, at, proposals.as_ref()) {
                self.fail(&nonsense);
                proposals = None;
            }
        }
        self.chunk = Arc::into_inner(chunk).map_or_else(Chunk::default, Chunk::emptied);
    }

    /// Compares what is proposed for query `at`, and where that is not enough, or is nothing, every
    /// row. The error says what is wrong with the proposals.
    fn compare(
        &self,
        mut compared: Compared,
        at: usize,
        proposals: Option<&Proposals>,
    ) -> Result<(), String> {
        let settled = match proposals {
            Some(Proposals { error, lists }) => {
                let slack = self.slack(at, compared.chunk.longest(), *error);
                compared.settle(&lists[at], self.asked, slack)
            }
            None => Ok(false),
        };
        if settled != Ok(true) {
            compared.rest();
        }
        settled.map(|_| ())
    }

    /// What the accelerator makes of the chunk; `None` where the CPU had better compare it.
    async fn propose(&mut self, chunk: &Arc<Chunk>) -> Option<Proposals> {
        let rows = chunk.ids.len();
        if self.has_failed || rows == 0 || !TAME.contains(&chunk.longest()) {
            return None;
        }
        let proposals = self.accelerator.propose(
            self.layout.dimension,
            chunk.clone(),
            self.folded.clone(),
            self.asked.min(rows),
        );
        let wanted = self.reach.len();
        match proposals.await {
            Ok(Proposals { lists, .. }) if lists.len() != wanted => {
                self.fail(&format!("it answered {} of {wanted} queries", lists.len()));
            }
            Ok(Proposals { error, .. }) if !(0.0..=1.0).contains(&error) => {
                self.fail(&format!("it says that its scores are off by {error}"));
            }
            Ok(proposals) => return Some(proposals),
            Err(reason) => self.fail(&reason),
        }
        None
    }

    /// For the rest of this search the CPU compares every row.
    fn fail(&mut self, reason: &str) {
        self.has_failed = true;
        self.accelerator.failed(reason);
    }

    /// How far the accelerator's score of a row and ours may be apart, each being off by no more than
    /// its rounding.
    fn slack(&self, query: usize, longest: f32, error: f32) -> f32 {
        let ours = dot_error(self.layout.dimension + OTHER_ROUNDINGS);
        self.reach[query] * longest * (error + ours)
    }
}

/// The score of a row of length 1 is no larger.
fn reach(query: &Query) -> f32 {
    let sum = query.weight_sum();
    let length = |vector: &[f32]| dot(vector, vector).sqrt();
    (query.parts.iter())
        .map(|part| (part.weight / sum).abs() * length(&part.vector))
        .sum()
}

/// One search over the rows of a chunk.
struct Compared<'a> {
    chunk: &'a Chunk,
    layout: &'a Layout,
    query: &'a Query,
    best: &'a mut Best,
    /// For each row, whether it was compared.
    done: Vec<bool>,
    dots: Vec<f32>,
}

impl<'a> Compared<'a> {
    fn new(
        chunk: &'a Chunk,
        layout: &'a Layout,
        query: &'a Query,
        best: &'a mut Best,
    ) -> Compared<'a> {
        Compared {
            done: vec![false; chunk.ids.len()],
            dots: vec![0.0; query.parts.len()],
            chunk,
            layout,
            query,
            best,
        }
    }

    /// Compares the rows that were proposed, and says whether every other row of the chunk is worse
    /// than the hits by now. The error says what shows that the list cannot be right.
    fn settle(&mut self, list: &[Scored], asked: usize, slack: f32) -> Result<bool, String> {
        let rows = self.chunk.ids.len();
        let wanted = asked.min(rows);
        if list.len() != wanted {
            return Err(format!("it gave {} rows, not {wanted}", list.len()));
        }
        let mut last = f32::INFINITY;
        for Scored { row, score } in list {
            let at = *row as usize;
            if at >= rows {
                return Err(format!("it gave row {row} of {rows}"));
            }
            if mem::replace(&mut self.done[at], true) {
                return Err(format!("it gave row {row} twice"));
            }
            let own = self.compare(at);
            let agree = (score - own).abs() <= slack;
            if !agree {
                return Err(format!("it scored a row {score} that scores {own}"));
            }
            if *score > last {
                return Err("its rows are not in the order of their scores".into());
            }
            last = *score;
        }
        // The others score at most `last` there, and so at most `last + slack` here.
        let are_worse = self.best.least().is_some_and(|least| least > last + slack);
        Ok(list.len() == rows || are_worse)
    }

    /// Compares the rows that were not.
    fn rest(&mut self) {
        for at in 0..self.chunk.ids.len() {
            if !self.done[at] {
                self.compare(at);
            }
        }
    }

    fn compare(&mut self, at: usize) -> f32 {
        let start = at * self.layout.dimension;
        let row = &self.chunk.rows[start..start + self.layout.dimension];
        let vector = |name| &row[self.layout.place(name)];
        let score = score(self.query, vector, &mut self.dots);
        self.best.offer(score, self.chunk.row(at), &self.dots);
        score
    }
}
