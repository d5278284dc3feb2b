//! The nearest rows as an [`ExactSearch`] proposes them.
//!
//! It proposes and the CPU settles: every score that is used is the CPU's, and a proposal whose score
//! is not the CPU's within what the search says of itself is an error, after which the CPU does all of
//! it. Among rows that are equally near within that error it may take others than the CPU would.

use showroom_catalog::embedding::dot_error;
use showroom_catalog::seams::{ExactSearch, HeldVectors, Scored};

use super::looks::Bytes;
use crate::cancel::Cancel;

/// Most bytes of vectors that are handed over at once, so that the copy in memory stays small.
const MAX_HELD_BYTES: usize = 256 << 20;
/// Rows that are asked with at a time.
const QUERIES_AT_ONCE: usize = 256;
/// Proposals beyond those wanted: the row itself, and some that rounding puts in another order.
const MARGIN: usize = 8;

/// What is near a row: the cosine, and the place among the rows that were looked through.
pub type Nearby = (f32, u32);

/// For each of `asked` the `wanted` rows of `held` with the greatest cosines, the greatest first;
/// `None` where it was cancelled, or where the search takes no such vectors. The error says what shows that the
/// search cannot be right, or why it failed. `done` is told how many of `asked` are behind.
pub fn nearest(
    search: &dyn ExactSearch,
    shape: &Bytes,
    held: &[u32],
    asked: &[u32],
    wanted: usize,
    cancel: &Cancel,
    done: &dyn Fn(usize),
) -> Result<Option<Vec<Vec<Nearby>>>, String> {
    let dimension = shape.dimension();
    let limits = search.limits(dimension);
    let at_once = limits
        .max_rows
        .min(MAX_HELD_BYTES / (size_of::<f32>() * dimension.max(1)));
    if dimension == 0 || at_once == 0 || wanted + MARGIN > limits.max_k || held.is_empty() {
        return Ok(None);
    }
    let mut near: Vec<Vec<Nearby>> = vec![Vec::new(); asked.len()];
    let chunks = held.len().div_ceil(at_once);
    for (chunk, rows) in held.chunks(at_once).enumerate() {
        let vectors = search
            .hold(dimension, &unit_vectors(shape, rows))
            .map_err(|error| error.to_string())?;
        let part = Part {
            shape,
            rows,
            first: (chunk * at_once) as u32,
            wanted,
        };
        for (block, queries) in asked.chunks(QUERIES_AT_ONCE).enumerate() {
            if cancel.is_cancelled() {
                return Ok(None);
            }
            let start = block * QUERIES_AT_ONCE;
            part.search(vectors.as_ref(), queries, &mut near[start..])?;
            done((chunk * asked.len() + start + queries.len()) / chunks);
        }
    }
    Ok(Some(near))
}

/// Some of the rows that are looked through.
struct Part<'a> {
    shape: &'a Bytes,
    rows: &'a [u32],
    /// Place of the first of them among all.
    first: u32,
    wanted: usize,
}

impl Part<'_> {
    /// Puts what is near each of `queries` into the list at its place.
    fn search(
        &self,
        vectors: &dyn HeldVectors,
        queries: &[u32],
        near: &mut [Vec<Nearby>],
    ) -> Result<(), String> {
        let k = (self.wanted + MARGIN).min(self.rows.len());
        let slack = vectors.error() + dot_error(self.shape.dimension());
        if !(0.0..=1.0).contains(&slack) {
            return Err(format!("it says that its scores are off by {slack}"));
        }
        let lists = vectors
            .top_k(&unit_vectors(self.shape, queries), None, k)
            .map_err(|error| error.to_string())?;
        if lists.len() != queries.len() || lists.iter().any(|list| list.len() != k) {
            return Err("it answered with fewer rows than it was asked for".to_string());
        }
        for ((query, list), near) in queries.iter().zip(lists).zip(near) {
            for proposed in list {
                near.push(self.settle(*query, proposed, slack)?);
            }
            near.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            near.truncate(self.wanted);
        }
        Ok(())
    }

    /// The CPU's cosine of what is proposed.
    fn settle(&self, query: u32, proposed: Scored, slack: f32) -> Result<Nearby, String> {
        let Scored { row, score } = proposed;
        let Some(found) = self.rows.get(row as usize) else {
            return Err(format!("it gave row {row} of {}", self.rows.len()));
        };
        let cosine = self.shape.cosine(query as usize, *found as usize);
        let agree = (score - cosine).abs() <= slack;
        if !agree {
            return Err(format!("it scored a row {score} that scores {cosine}"));
        }
        Ok((cosine, self.first + row))
    }
}

/// The vectors of rows one after another, each of length 1, or 0 where it is all zero.
fn unit_vectors(shape: &Bytes, rows: &[u32]) -> Vec<f32> {
    let mut vectors = Vec::with_capacity(rows.len() * shape.dimension());
    for row in rows {
        vectors.extend(shape.unit(*row as usize));
    }
    vectors
}
