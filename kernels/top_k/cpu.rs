//! The same search on the CPU, over the same stored rows: the oracle, and what runs without a GPU.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::thread;

use super::order::{best, key};
use super::{Bitmap, Scored, Vectors, check};
use crate::GpuError;

/// A thread for fewer rows costs more than it saves.
const MIN_ROWS_A_THREAD: usize = 1024;

/// The `k` rows (at most [`MAX_K`](super::MAX_K)) with the largest dot products with each query, of those
/// allowed; best first, equal scores in the order of rows, and fewer than `k` where there are no more. A
/// row whose score is NaN is never found.
///
/// `queries` are `n × dimension` numbers, and the answer has `n` lists. Sums are f32; all cores take part.
///
/// # Errors
/// [`GpuError::BadInput`] where `k`, the queries or the filter do not fit.
pub fn top_k(
    vectors: &Vectors,
    queries: &[f32],
    allowed: Option<&Bitmap>,
    k: usize,
) -> Result<Vec<Vec<Scored>>, GpuError> {
    let count = check(vectors.dimension(), vectors.len(), queries, allowed, k)?;
    let rows = vectors.len();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(rows.div_ceil(MIN_ROWS_A_THREAD)).max(1);
    let share = rows.div_ceil(threads);
    let parts: Vec<Vec<Best>> = thread::scope(|scope| {
        let parts = (0..threads).map(|i| (i * share).min(rows)..((i + 1) * share).min(rows));
        let parts =
            parts.map(|rows| scope.spawn(move || scores(vectors, queries, allowed, k, rows)));
        // All are started before the first is waited for.
        let parts: Vec<_> = parts.collect();
        let parts = parts.into_iter();
        parts
            .map(|part| part.join().expect("no scores panic"))
            .collect()
    });
    let merged = |query: usize| {
        let keys = parts.iter().flat_map(|part| part[query].keys.iter());
        best(keys.map(|&Reverse(key)| key).collect(), k)
    };
    Ok((0..count).map(merged).collect())
}

/// The best of some rows, for each query; a row is read once for all of them.
fn scores(
    vectors: &Vectors,
    queries: &[f32],
    allowed: Option<&Bitmap>,
    k: usize,
    rows: Range<usize>,
) -> Vec<Best> {
    let dimension = vectors.dimension();
    let mut found: Vec<Best> = queries.chunks(dimension).map(|_| Best::new(k)).collect();
    let mut scratch = vec![0.0; dimension];
    for row in rows {
        if allowed.is_some_and(|allowed| !allowed.allows(row)) {
            continue;
        }
        let vector = vectors.decode(row, &mut scratch);
        for (query, found) in queries.chunks(dimension).zip(&mut found) {
            found.offer(dot(vector, query), row as u32);
        }
    }
    found
}

/// The `k` best seen, the worst of them on top.
struct Best {
    k: usize,
    keys: BinaryHeap<Reverse<u64>>,
}

impl Best {
    fn new(k: usize) -> Self {
        let keys = BinaryHeap::with_capacity(k);
        Self { k, keys }
    }

    fn offer(&mut self, score: f32, row: u32) {
        let Some(key) = key(score, row) else { return };
        if self.keys.len() < self.k {
            self.keys.push(Reverse(key));
        } else if let Some(mut worst) = self.keys.peek_mut()
            && key > worst.0
        {
            *worst = Reverse(key);
        }
    }
}

/// Sixteen sums side by side, which the compiler turns into vector instructions: it may not reorder one
/// sum.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    let mut sums = [0.0_f32; 16];
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    for (sum, (a, b)) in sums.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *sum += a * b;
    }
    sums.iter().sum()
}
