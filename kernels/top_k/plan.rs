//! How a search is cut into steps that fit the device. Arithmetic only.

use std::ops::Range;

use super::resident::BLOCK;
use crate::Adapter;

/// How much is held and done at a time. Whatever they say, the same rows are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Of one buffer of vectors. At least 64 rows are put in one.
    pub tile_bytes: u64,
    /// Scores (4 bytes each) written down before the best of them are selected.
    pub scores: usize,
    /// Candidates (8 bytes each) of a query that are held before the best of them are selected.
    pub candidates: usize,
}

impl Bounds {
    /// What suits an adapter: tiles of 2 GiB (beyond it drivers differ in how they compute an address)
    /// or the largest that it binds, and at most 200 MiB besides the vectors.
    pub fn of(adapter: &Adapter) -> Self {
        Self {
            tile_bytes: adapter.max_binding_bytes.min(2 << 30),
            scores: 1 << 24,
            candidates: 1 << 20,
        }
    }
}

/// Threads of a workgroup, in all three kernels; of `scores.wgsl` also the rows.
pub(super) const THREADS: usize = 256;
/// Queries that share one reading of the vectors at the most.
pub(super) const WIDEST: usize = 8;
/// Candidates of a query that are read back as they are, for the CPU to sort.
pub(super) const FEW: usize = 8192;
/// Rows of a slab at the most, so that no dispatch has more than 65,535 workgroups in a dimension.
const MOST_ROWS: usize = 1 << 23;

#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub k: usize,
    /// Queries, and as how many the kernel takes them.
    pub queries: usize,
    pub width: usize,
    rows: usize,
    /// Rows whose scores are written down at a time; a multiple of 64.
    pub slab_rows: usize,
    /// Candidates that one workgroup selects from, 16 times what it keeps at the least.
    pub chunk: usize,
    /// Candidates that a workgroup lists before it sorts.
    pub room: usize,
    /// Candidates held of each query.
    pub capacity: usize,
}

impl Plan {
    /// For one or more rows and up to [`WIDEST`] queries.
    pub fn new(bounds: &Bounds, rows: usize, queries: usize, k: usize) -> Self {
        let width = match queries {
            1 => 1,
            2..=4 => 4,
            _ => WIDEST,
        };
        let most = (bounds.scores / width)
            .min(MOST_ROWS)
            .min(rows.next_multiple_of(BLOCK));
        let mut plan = Self {
            k,
            queries,
            width,
            rows,
            slab_rows: (most / BLOCK * BLOCK).max(BLOCK),
            chunk: (16 * k.next_power_of_two()).clamp(4096, 16384),
            room: (4 * k).next_power_of_two().clamp(512, 2048),
            capacity: 0,
        };
        // Room for what is left of a full buffer, at most a quarter and `k`, and for one more slab.
        let least = 4 * plan.kept(plan.slab_rows);
        let all = plan.slabs().map(|slab| plan.kept(slab.len())).sum();
        plan.capacity = bounds.candidates.max(least).min(all);
        plan
    }

    /// The rows that are scored and selected from in one step, in turn.
    pub fn slabs(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (rows, slab_rows) = (self.rows, self.slab_rows);
        (0..rows)
            .step_by(slab_rows)
            .map(move |first| first..(first + slab_rows).min(rows))
    }

    /// How many of so many candidates are left when the best of each chunk are selected.
    pub fn kept(&self, candidates: usize) -> usize {
        candidates.div_ceil(self.chunk) * self.k
    }
}
