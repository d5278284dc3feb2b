//! The GPU behind the seam of exact search.

use showroom_catalog::embedding::{dot, dot_error};
use showroom_catalog::seams::{ExactSearch, ModelError};
use showroom_kernels::Gpu;
use showroom_vision::exact_search::GpuSearch;

use crate::support::OnGpu;

pub const ON_GPU: &[OnGpu] = &[
    (
        "search::the_best_rows_are_found_among_those_allowed",
        best_rows,
    ),
    ("search::what_is_no_vector_is_an_error", no_vectors),
];

const DIMENSION: usize = 24;
const ROWS: usize = 500;

/// Numbers from -0.5 to 0.5 by whole-number arithmetic.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let hash = |i: usize| (i as u32 ^ seed).wrapping_mul(2_654_435_761) >> 8;
    (0..count)
        .map(|i| hash(i) as f32 / (1 << 24) as f32 - 0.5)
        .collect()
}

fn best_rows(gpu: &Gpu) {
    let search = GpuSearch::new(gpu.clone(), 10, Some(1 << 30));
    assert_eq!(search.name(), gpu.adapter.to_string());
    let limits = search.limits(DIMENSION);
    assert_eq!((limits.min_rows, limits.max_k), (10, 1000));
    assert_eq!(limits.max_rows, (1 << 30) / (4 * DIMENSION));
    let rows = numbers(ROWS * DIMENSION, 7);
    let queries = numbers(2 * DIMENSION, 99);
    let held = search.hold(DIMENSION, &rows).unwrap();
    assert_eq!(held.error(), dot_error(DIMENSION));
    // Every third row.
    let is_allowed = |row: usize| row.is_multiple_of(3);
    let words: Vec<u32> = (0..ROWS.div_ceil(32))
        .map(|word| {
            (0..32)
                .filter(|bit| is_allowed(word * 32 + bit))
                .fold(0, |all, bit| all | 1 << bit)
        })
        .collect();
    for allowed in [None, Some(&words[..])] {
        let found = held.top_k(&queries, allowed, 5).unwrap();
        for (query, found) in queries.chunks(DIMENSION).zip(&found) {
            let mut wanted: Vec<(usize, f32)> = (0..ROWS)
                .filter(|&row| allowed.is_none() || is_allowed(row))
                .map(|row| (row, dot(query, &rows[row * DIMENSION..][..DIMENSION])))
                .collect();
            wanted.sort_by(|a, b| b.1.total_cmp(&a.1));
            assert_eq!(found.len(), 5);
            for (found, wanted) in found.iter().zip(wanted) {
                assert_eq!(found.row as usize, wanted.0);
                assert!(
                    (found.score - wanted.1).abs() < 1e-5,
                    "{found:?} {wanted:?}"
                );
            }
        }
    }
}

fn no_vectors(gpu: &Gpu) {
    let search = GpuSearch::new(gpu.clone(), 0, None);
    let error = search.hold(7, &[1.0; 20]).err().unwrap();
    assert!(matches!(error, ModelError::Failed(_)), "{error}");
    let held = search.hold(2, &[1.0; 20]).unwrap();
    assert!(held.top_k(&[1.0; 3], None, 1).is_err());
}
