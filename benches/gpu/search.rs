//! Exact search on the device.

use showroom_kernels::Gpu;
use showroom_kernels::top_k::{Element, GpuVectors, Vectors, top_k};

use crate::{Outcome, median_seconds};

const HITS: usize = 10;

/// The vectors of the last request, kept for the next one of the same shape.
#[derive(Default)]
pub struct Held(Option<(String, GpuVectors)>);

impl Held {
    /// Milliseconds a search and the bytes that it reads.
    pub fn search(
        &mut self,
        gpu: &Gpu,
        element: &str,
        [rows, dimension, queries]: [usize; 3],
        runs: usize,
    ) -> Outcome<String> {
        let (element, bytes) = match element {
            "f32" => (Element::F32, 4),
            "f16" => (Element::F16, 2),
            "i8" => (Element::I8, 1),
            _ => return Err(format!("{element} is no element").into()),
        };
        let key = format!("{element:?} {rows} {dimension}");
        if self.0.as_ref().is_none_or(|(held, _)| *held != key) {
            // Freed before the next are made.
            self.0 = None;
            let numbers = random(rows * dimension, 1);
            let vectors = Vectors::encode(element, dimension, &numbers)?;
            self.0 = Some((key, GpuVectors::upload(gpu, &vectors)?));
        }
        let Some((_, held)) = &self.0 else {
            return Err("no vectors".into());
        };
        let queries = random(queries * dimension, 2);
        let seconds = median_seconds(gpu, runs, || top_k(held, &queries, None, HITS).map(drop))?;
        Ok(format!("{} {}", seconds * 1e3, rows * dimension * bytes))
    }
}

/// Numbers from -1 to 1 (xorshift64, Marsaglia 2003).
fn random(count: usize, seed: u64) -> Vec<f32> {
    let mut state = 0x9e37_79b9_7f4a_7c15 ^ seed;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}
