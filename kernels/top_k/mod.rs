//! Exact search: the `k` rows with the largest dot product with a query, over vectors held on the GPU.
//!
//! [`Vectors`] are the rows as they are stored (f32, f16 or i8), [`GpuVectors`] the same rows on a GPU.
//! [`top_k`] searches the latter and [`cpu::top_k`] the former; both find the same rows, up to the
//! rounding of sums. Nothing is approximated: every row that the [`Bitmap`] allows is scored, so recall
//! is 1.
//!
//! On the GPU a search is three steps: the scores of the rows for up to eight queries at one reading of
//! the vectors (`scores.wgsl`), the best `k` of each chunk of scores (`select.wgsl`), and the best of
//! those, again by `select.wgsl` until few are left, which the CPU sorts. Scores are written down because
//! their 4 bytes are little next to a row, and because the selection then has a workgroup's shared memory
//! to itself, which a `k` of 1,000 takes.
//!
//! Source: the selection keeps a list of what beats the k-th best so far, as in Johnson, Douze and
//! Jégou, "Billion-scale similarity search with GPUs" (2017), with a bitonic sort (Batcher 1968).

mod bitmap;
pub mod cases;
pub mod cpu;
mod gpu;
mod order;
mod pipelines;
mod plan;
mod resident;
mod vectors;

pub use bitmap::Bitmap;
pub use gpu::top_k;
pub use order::Scored;
pub use plan::Bounds;
pub use resident::GpuVectors;
pub use vectors::{Element, Vectors};

use crate::GpuError;

/// The most hits that can be asked for.
pub const MAX_K: usize = 1000;

/// How many queries there are, if what was asked for fits together.
fn check(
    dimension: usize,
    rows: usize,
    queries: &[f32],
    allowed: Option<&Bitmap>,
    k: usize,
) -> Result<usize, GpuError> {
    let bad = |reason| Err(GpuError::BadInput(reason));
    if !(1..=MAX_K).contains(&k) {
        return bad(format!(
            "{k} hits asked for; between 1 and {MAX_K} can be found"
        ));
    }
    if !queries.len().is_multiple_of(dimension) {
        let given = queries.len();
        return bad(format!(
            "{given} numbers are no whole queries of dimension {dimension}"
        ));
    }
    match allowed {
        Some(allowed) if allowed.len() != rows => {
            let given = allowed.len();
            bad(format!(
                "the filter is for {given} rows, and there are {rows}"
            ))
        }
        _ => Ok(queries.len() / dimension),
    }
}
