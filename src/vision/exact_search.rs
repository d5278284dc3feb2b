//! Exact search on a GPU: [`showroom_kernels::top_k`] behind the seam that the store asks.

use showroom_catalog::embedding::dot_error;
use showroom_catalog::seams::{ExactSearch, HeldVectors, ModelError, Scored, SearchLimits};
use showroom_kernels::Gpu;
use showroom_kernels::top_k::{Bitmap, Element, GpuVectors, MAX_K, Vectors, top_k};

use crate::encoder::batch::budget;
use crate::engines::failed;

/// Vectors are held in f32, so that what the GPU proposes is right but for the order of sums.
const ELEMENT: Element = Element::F32;
const ELEMENT_BYTES: u64 = 4;

/// A GPU that searches.
pub struct GpuSearch {
    gpu: Gpu,
    min_rows: usize,
    budget_bytes: u64,
}

impl GpuSearch {
    /// Fewer rows than `min_rows` are left to the CPU; vectors take at most `memory` bytes of the device
    /// at a time (by default half of what it has).
    pub fn new(gpu: Gpu, min_rows: usize, memory: Option<u64>) -> Self {
        GpuSearch {
            budget_bytes: budget(&gpu.adapter, memory),
            gpu,
            min_rows,
        }
    }
}

impl ExactSearch for GpuSearch {
    fn name(&self) -> String {
        self.gpu.adapter.to_string()
    }

    fn limits(&self, dimension: usize) -> SearchLimits {
        let rows = self.budget_bytes / (dimension as u64 * ELEMENT_BYTES).max(1);
        SearchLimits {
            min_rows: self.min_rows,
            max_rows: rows.clamp(1, u64::from(u32::MAX - 1)) as usize,
            max_k: MAX_K,
        }
    }

    fn hold(&self, dimension: usize, rows: &[f32]) -> Result<Box<dyn HeldVectors>, ModelError> {
        let vectors = Vectors::encode(ELEMENT, dimension, rows).map_err(failed)?;
        let vectors = GpuVectors::upload(&self.gpu, &vectors).map_err(failed)?;
        Ok(Box::new(Held(vectors)))
    }
}

struct Held(GpuVectors);

impl HeldVectors for Held {
    fn error(&self) -> f32 {
        dot_error(self.0.dimension())
    }

    fn top_k(
        &self,
        queries: &[f32],
        allowed: Option<&[u32]>,
        k: usize,
    ) -> Result<Vec<Vec<Scored>>, ModelError> {
        let allowed = allowed.map(|words| {
            let is_set = |row: usize| {
                words
                    .get(row / 32)
                    .is_some_and(|word| word >> (row % 32) & 1 == 1)
            };
            Bitmap::of(self.0.len(), is_set)
        });
        let found = top_k(&self.0, queries, allowed.as_ref(), k).map_err(failed)?;
        let list = |list: Vec<showroom_kernels::top_k::Scored>| {
            let scored = list.into_iter().map(|found| Scored {
                row: found.row,
                score: found.score,
            });
            scored.collect()
        };
        Ok(found.into_iter().map(list).collect())
    }
}
