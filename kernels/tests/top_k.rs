//! Search on the GPU against its CPU twin, and both against sums in f64.

use std::collections::HashSet;
use std::thread;

use showroom_kernels::top_k::cases::{self, Case, Fill, Filter};
use showroom_kernels::top_k::{
    Bitmap, Bounds, Element, GpuVectors, MAX_K, Scored, Vectors, cpu, top_k,
};
use showroom_kernels::{Gpu, GpuError};

use crate::support::{OnGpu, Plain};

pub const PLAIN: &[Plain] = &[
    ("top_k::the_twin_ranks_whole_numbers_as_f64_does", || {
        ranks_whole_numbers(None)
    }),
    ("top_k::the_twin_finds_all_that_f64_finds", || {
        finds_all(None)
    }),
    (
        "top_k::elements_are_rounded_as_documented",
        elements_are_rounded,
    ),
    ("top_k::signed_zeros_are_equal", signed_zeros_are_equal),
    ("top_k::a_bitmap_allows_what_it_was_told", bitmap_allows),
    ("top_k::what_does_not_fit_is_refused", misfits_are_refused),
];
pub const ON_GPU: &[OnGpu] = &[
    ("top_k::gpu_and_twin_agree", gpu_agrees),
    ("top_k::the_gpu_ranks_whole_numbers_as_f64_does", |gpu| {
        ranks_whole_numbers(Some(gpu))
    }),
    ("top_k::the_gpu_finds_all_that_f64_finds", |gpu| {
        finds_all(Some(gpu))
    }),
    (
        "top_k::queries_together_are_as_one_by_one",
        together_as_alone,
    ),
    ("top_k::threads_search_at_once", threads_search_at_once),
    ("top_k::vectors_know_their_size", vectors_know_their_size),
    (
        "top_k::the_gpu_refuses_what_does_not_fit",
        gpu_refuses_misfits,
    ),
];

const PLAIN_CASE: Case = Case {
    element: Element::F32,
    dimension: 32,
    rows: 6000,
    queries: 3,
    k: 200,
    fill: Fill::Random,
    filter: Filter::Open,
    bounds: None,
};

/// On the GPU if there is one, else on the CPU.
fn search(gpu: Option<&Gpu>, vectors: &Vectors, queries: &[f32], k: usize) -> Vec<Vec<Scored>> {
    match gpu {
        Some(gpu) => top_k(&GpuVectors::upload(gpu, vectors).unwrap(), queries, None, k).unwrap(),
        None => cpu::top_k(vectors, queries, None, k).unwrap(),
    }
}

fn exact(row: &[f32], query: &[f32]) -> f64 {
    row.iter()
        .zip(query)
        .map(|(x, y)| f64::from(*x) * f64::from(*y))
        .sum()
}

fn length(vector: &[f32]) -> f64 {
    exact(vector, vector).sqrt()
}

/// Rows and scores by decreasing score, then by row, in f64.
fn ranked(vectors: &Vectors, query: &[f32]) -> Vec<(u32, f64)> {
    let scores = (0..vectors.len()).map(|row| (row as u32, exact(&vectors.decoded(row), query)));
    let mut ranked: Vec<_> = scores.collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    ranked
}

/// Rows and queries of small whole numbers: their sums are exact in f32, and many of them are equal.
fn whole(case: &Case) -> (Vectors, Vec<f32>) {
    let whole = |numbers: Vec<f32>| -> Vec<f32> {
        numbers.into_iter().map(|x| (x * 4.0).round()).collect()
    };
    let vectors = Vectors::encode(case.element, case.dimension, &whole(case.rows())).unwrap();
    (vectors, whole(case.queries()))
}

fn ranks_whole_numbers(gpu: Option<&Gpu>) {
    for element in [Element::F32, Element::F16] {
        let case = Case {
            element,
            ..PLAIN_CASE
        };
        let (vectors, queries) = whole(&case);
        let found = search(gpu, &vectors, &queries, case.k);
        for (query, found) in queries.chunks(case.dimension).zip(found) {
            let ranked = ranked(&vectors, query);
            let expected: Vec<_> = ranked.into_iter().take(case.k).collect();
            let scores: HashSet<_> = expected.iter().map(|(_, score)| *score as i64).collect();
            assert!(
                scores.len() < case.k / 2,
                "{} of the scores differ",
                scores.len()
            );
            let found: Vec<_> = found
                .iter()
                .map(|hit| (hit.row, f64::from(hit.score)))
                .collect();
            assert_eq!(found, expected, "{element:?}");
        }
    }
}

/// Recall against f64 on unrounded random rows.
fn finds_all(gpu: Option<&Gpu>) {
    let case = PLAIN_CASE;
    let (vectors, queries) = (case.vectors(), case.queries());
    let found = search(gpu, &vectors, &queries, case.k);
    for (query, found) in queries.chunks(case.dimension).zip(found) {
        let ranked = ranked(&vectors, query);
        let right: HashSet<u32> = ranked.iter().take(case.k).map(|(row, _)| *row).collect();
        let hits = found.iter().filter(|hit| right.contains(&hit.row)).count();
        assert_eq!(hits as f64 / case.k as f64, 1.0);
    }
}

fn gpu_agrees(gpu: &Gpu) {
    for case in cases::all() {
        let (vectors, queries, allowed) = (case.vectors(), case.queries(), case.allowed());
        let resident = match case.bounds {
            Some(bounds) => GpuVectors::upload_bounded(gpu, &vectors, bounds).unwrap(),
            None => GpuVectors::upload(gpu, &vectors).unwrap(),
        };
        let found = top_k(&resident, &queries, allowed.as_ref(), case.k).unwrap();
        let expected = cpu::top_k(&vectors, &queries, allowed.as_ref(), case.k).unwrap();
        assert_eq!(found.len(), case.queries, "{case:?}");
        assert_eq!(expected.len(), case.queries, "{case:?}");
        for (query, (found, expected)) in queries
            .chunks(case.dimension)
            .zip(found.iter().zip(&expected))
        {
            agree(&case, &vectors, query, found, expected);
        }
    }
}

/// The same rows but where scores are too close to tell, and the same scores but for rounding.
fn agree(case: &Case, vectors: &Vectors, query: &[f32], found: &[Scored], expected: &[Scored]) {
    assert_eq!(found.len(), expected.len(), "{case:?}");
    let allowed = case.allowed();
    // Equal by construction, so that nothing but their order tells rows apart.
    let tied = matches!(case.fill, Fill::Equal | Fill::Zeros);
    for (found, expected) in found.iter().zip(expected) {
        let told = || format!("{case:?}: {found:?} where {expected:?} was expected");
        assert!(
            allowed
                .as_ref()
                .is_none_or(|allowed| allowed.allows(found.row as usize))
        );
        if tied || expected.score.is_infinite() {
            assert_eq!(found.row, expected.row, "{}", told());
        }
        let row = vectors.decoded(found.row as usize);
        if row.iter().all(|x| x.is_finite()) {
            let within = cases::tolerance(case.dimension) * length(&row) * length(query);
            let own = exact(&row, query);
            assert!(
                (f64::from(found.score) - own).abs() <= within,
                "{}: {own}",
                told()
            );
            let apart = f64::from(found.score) - f64::from(expected.score);
            assert!(apart.abs() <= within, "{}", told());
        } else {
            assert_eq!(found.score, expected.score, "{}", told());
        }
    }
    for pair in found.windows(2) {
        let [a, b] = [pair[0], pair[1]];
        let in_order = a.score > b.score || (a.score == b.score && a.row < b.row);
        assert!(in_order, "{case:?}: {a:?} before {b:?}");
    }
    let rows: HashSet<u32> = found.iter().map(|hit| hit.row).collect();
    assert_eq!(rows.len(), found.len(), "{case:?}: a row twice");
}

fn together_as_alone(gpu: &Gpu) {
    let case = Case {
        queries: 11,
        element: Element::F16,
        ..PLAIN_CASE
    };
    let (vectors, queries) = whole(&case);
    let resident = GpuVectors::upload(gpu, &vectors).unwrap();
    let together = top_k(&resident, &queries, None, case.k).unwrap();
    assert_eq!(together.len(), 11);
    for (query, together) in queries.chunks(case.dimension).zip(&together) {
        let alone = top_k(&resident, query, None, case.k).unwrap();
        assert_eq!(alone, std::slice::from_ref(together));
    }
    assert_eq!(
        top_k(&resident, &[], None, case.k).unwrap(),
        Vec::<Vec<Scored>>::new()
    );
}

fn threads_search_at_once(gpu: &Gpu) {
    let case = Case {
        queries: 4,
        ..PLAIN_CASE
    };
    let (vectors, queries) = whole(&case);
    let resident = GpuVectors::upload(gpu, &vectors).unwrap();
    let expected = top_k(&resident, &queries, None, 50).unwrap();
    thread::scope(|scope| {
        for (query, expected) in queries.chunks(case.dimension).zip(&expected) {
            let resident = &resident;
            scope.spawn(move || {
                for k in [1, 50, 10] {
                    let found = top_k(resident, query, None, k).unwrap();
                    assert_eq!(found, [expected[..k].to_vec()]);
                }
            });
        }
    });
}

fn vectors_know_their_size(gpu: &Gpu) {
    let of = |element, dimension, rows, bounds| {
        let numbers = vec![0.5; dimension * rows];
        let vectors = Vectors::encode(element, dimension, &numbers).unwrap();
        GpuVectors::upload_bounded(gpu, &vectors, bounds).unwrap()
    };
    let bounds = Bounds::of(&gpu.adapter);
    let f16 = of(Element::F16, 320, 100, bounds);
    assert_eq!(
        (f16.len(), f16.dimension(), f16.element()),
        (100, 320, Element::F16)
    );
    // Two blocks of 64 rows.
    assert_eq!((f16.tiles(), f16.bytes()), (1, 128 * 640));
    let i8 = of(Element::I8, 320, 100, bounds);
    assert_eq!(i8.bytes(), 128 * 320 + 100 * 4);
    let tiled = of(
        Element::F32,
        16,
        200,
        Bounds {
            tile_bytes: 128 * 64,
            ..bounds
        },
    );
    assert_eq!((tiled.tiles(), tiled.bytes()), (2, 256 * 64));
    let none = of(Element::F32, 16, 0, bounds);
    assert_eq!((none.tiles(), none.bytes(), none.is_empty()), (0, 0, true));
}

fn elements_are_rounded() {
    let encode = |element, rows: &[f32]| Vectors::encode(element, 4, rows).unwrap();
    let row = [1.0, -0.3, 1e-3, 70_000.0];
    let f32 = encode(Element::F32, &row);
    assert_eq!(f32.decoded(0), row);
    let f16 = encode(Element::F16, &row);
    assert_eq!(
        f16.decoded(0),
        [1.0, -0.300_048_83, 0.001_000_404_4, f32::INFINITY]
    );
    let i8 = encode(Element::I8, &[0.0, -254.0, 127.0, 2.9, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(i8.decoded(0), [0.0, -254.0, 128.0, 2.0]);
    assert_eq!(i8.decoded(1), [0.0; 4]);
    let poisoned = encode(Element::I8, &[1.0, f32::INFINITY, 0.0, 0.0]);
    assert!(poisoned.decoded(0).iter().all(|x| x.is_nan()));
}

fn signed_zeros_are_equal() {
    let vectors = Vectors::encode(Element::F32, 1, &[-0.0, 0.0, -1.0, 1.0, f32::NAN]).unwrap();
    let found = cpu::top_k(&vectors, &[1.0, -1.0], None, 10).unwrap();
    let rows = |found: &[Scored]| found.iter().map(|hit| hit.row).collect::<Vec<_>>();
    assert_eq!(rows(&found[0]), [3, 0, 1, 2]);
    assert_eq!(rows(&found[1]), [2, 0, 1, 3]);
}

fn bitmap_allows() {
    let some = Bitmap::of(70, |row| row % 3 == 1);
    assert_eq!((some.len(), some.allowed()), (70, 23));
    assert!(some.allows(67) && !some.allows(68));
    assert_eq!(
        (Bitmap::all(70).allowed(), Bitmap::none(70).allowed()),
        (70, 0)
    );
    assert_eq!(Bitmap::of(70, |_| true), Bitmap::all(70));
    assert!(Bitmap::all(0).is_empty());
}

fn misfits_are_refused() {
    let vectors = Vectors::encode(Element::F32, 2, &[1.0, 2.0, 3.0, 4.0]).unwrap();
    let told = |allowed: Option<&Bitmap>, queries: &[f32], k| {
        refusal(cpu::top_k(&vectors, queries, allowed, k).unwrap_err())
    };
    assert!(told(None, &[1.0; 2], 0).starts_with("0 hits"));
    assert!(told(None, &[1.0; 2], MAX_K + 1).starts_with("1001 hits"));
    assert!(told(None, &[1.0; 3], 1).starts_with("3 numbers are no whole queries"));
    assert!(told(Some(&Bitmap::all(3)), &[1.0; 2], 1).starts_with("the filter is for 3 rows"));
    for (dimension, numbers) in [(0, 0), (0, 2), (3, 2)] {
        let refused = Vectors::encode(Element::F16, dimension, &vec![1.0; numbers]);
        assert!(refusal(refused.unwrap_err()).contains("no whole rows"));
    }
}

fn gpu_refuses_misfits(gpu: &Gpu) {
    let vectors = Vectors::encode(Element::F32, 2, &[1.0, 2.0, 3.0, 4.0]).unwrap();
    let resident = GpuVectors::upload(gpu, &vectors).unwrap();
    let told = |k| refusal(top_k(&resident, &[1.0; 2], None, k).unwrap_err());
    assert!(told(0).starts_with("0 hits"));
    assert!(told(MAX_K + 1).starts_with("1001 hits"));
    // 64 rows of it are more than a buffer holds.
    let dimension = gpu.adapter.max_binding_bytes as usize / 64;
    if dimension <= 4 << 20 {
        let wide = Vectors::encode(Element::I8, dimension + 1, &vec![1.0; dimension + 1]).unwrap();
        let refused = GpuVectors::upload(gpu, &wide).map(|_| ());
        assert!(refusal(refused.unwrap_err()).contains("binds only"));
    }
}

fn refusal(error: GpuError) -> String {
    let GpuError::BadInput(reason) = error else {
        panic!("{error}");
    };
    reason
}
