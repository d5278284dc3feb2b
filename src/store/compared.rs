//! Rows of a chunk compared with a query, by what an accelerator proposes or one by one.
//!
//! The accelerator proposes and the CPU decides: rows that it proposes are scored as they are
//! without it, and a chunk of which they cannot be shown to be the best is compared whole. So it
//! changes how long a search takes and not its answer. What cannot be seen from here is a row that
//! it leaves out although its own scores say otherwise.

use std::mem;
use std::ops::RangeInclusive;
use std::sync::Arc;

use showroom_catalog::Query;
use showroom_catalog::embedding::{dot, dot_error};
use showroom_catalog::seams::{Scored, SearchLimits};

use crate::accelerator::Proposals;
use crate::best::Best;
use crate::chunk::{Chunk, Layout};
use crate::search::score;

/// Rows that are asked for beyond the hits: with them a chunk is settled unless more rows than this
/// lie closer behind the last hit than rounding can tell, some ten-thousandths of the score.
const MARGIN: usize = 64;

/// Roundings of a score besides those of the dot product: weights, parts, and the lengths that go
/// into the bound itself.
const OTHER_ROUNDINGS: usize = 64;

/// Sizes of weights and vectors between which nothing overflows and nothing becomes too small for
/// its relative error to be what [`dot_error`] says.
pub(crate) const TAME: RangeInclusive<f32> = 1e-9..=1e9;

/// Some searches over rows of one layout, as an accelerator is asked them.
pub(crate) struct Folded {
    /// The queries one after another, each folded to one vector over a whole row.
    pub(crate) queries: Arc<[f32]>,
    /// Upper bound on the score of a row of length 1, for each query.
    reach: Vec<f32>,
    /// Proposals that are asked for.
    pub(crate) asked: usize,
    dimension: usize,
}

impl Folded {
    /// `None` where an accelerator with these limits cannot serve the searches.
    pub(crate) fn new(
        layout: &Layout,
        limits: &SearchLimits,
        searches: &[(Query, Best)],
    ) -> Option<Folded> {
        let most_hits = searches.iter().map(|(query, _)| query.k).max()?;
        let reach: Vec<f32> = searches.iter().map(|(query, _)| reach(query)).collect();
        let weights = searches.iter().map(|(query, _)| query.weight_sum());
        let mut sizes = weights.chain(reach.iter().copied());
        let asked = (most_hits + MARGIN).min(limits.max_k);
        if layout.dimension == 0
            || most_hits == 0
            || asked == 0
            || !sizes.all(|size| TAME.contains(&size))
        {
            return None;
        }
        let folded = searches.iter().flat_map(|(query, _)| layout.fold(query));
        Some(Folded {
            queries: folded.collect(),
            reach,
            asked,
            dimension: layout.dimension,
        })
    }

    /// What is wrong with proposals as a whole.
    pub(crate) fn check(&self, proposals: &Proposals) -> Result<(), String> {
        let (lists, wanted) = (proposals.lists.len(), self.reach.len());
        if lists != wanted {
            return Err(format!("it answered {lists} of {wanted} queries"));
        }
        let error = proposals.error;
        match (0.0..=1.0).contains(&error) {
            true => Ok(()),
            false => Err(format!("it says that its scores are off by {error}")),
        }
    }

    /// Compares what is proposed for query `at`, and where that is not enough, or is nothing, every
    /// row. The error says what is wrong with the proposals.
    pub(crate) fn compare(
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

    /// How far the accelerator's score of a row and ours may be apart, each being off by no more than
    /// its rounding.
    fn slack(&self, query: usize, longest: f32, error: f32) -> f32 {
        let ours = dot_error(self.dimension + OTHER_ROUNDINGS);
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
pub(crate) struct Compared<'a> {
    chunk: &'a Chunk,
    layout: &'a Layout,
    query: &'a Query,
    best: &'a mut Best,
    /// For each row, whether it was compared, or is not to be.
    done: Vec<bool>,
    /// Rows that are to be compared.
    rows: usize,
    dots: Vec<f32>,
}

impl<'a> Compared<'a> {
    /// Of all rows, or of those whose bit in `allowed` is set.
    pub(crate) fn new(
        chunk: &'a Chunk,
        layout: &'a Layout,
        query: &'a Query,
        best: &'a mut Best,
        allowed: Option<&[u32]>,
    ) -> Compared<'a> {
        let rows = chunk.ids.len();
        let done: Vec<bool> = match allowed {
            Some(allowed) => (0..rows).map(|row| !is_set(allowed, row)).collect(),
            None => vec![false; rows],
        };
        Compared {
            rows: done.iter().filter(|done| !**done).count(),
            done,
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
        let (rows, wanted) = (self.chunk.ids.len(), asked.min(self.rows));
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
                return Err(format!("it gave row {row} twice, or when it was not to"));
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
        Ok(list.len() == self.rows || are_worse)
    }

    /// Compares the rows that were not.
    pub(crate) fn rest(&mut self) {
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

/// Whether a row's bit is set in a bitmap of 32 rows a word, the lowest bit first.
pub(crate) fn is_set(bits: &[u32], row: usize) -> bool {
    let word = bits.get(row / 32);
    word.is_some_and(|word| word >> (row % 32) & 1 == 1)
}
