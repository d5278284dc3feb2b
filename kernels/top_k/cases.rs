//! What a search is tried on, and how far two correct ones may differ.

use super::{Bitmap, Bounds, Element, Vectors};

/// How far apart two scores of one row may lie, as a share of the row's length times the query's: each of
/// the `dimension` products and sums, and the rounding of a scaled element, is off by half an epsilon at
/// the most, in either score.
pub fn tolerance(dimension: usize) -> f64 {
    (dimension + 2) as f64 * f64::from(f32::EPSILON)
}

/// How the rows' elements are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Evenly from −1 to 1.
    Random,
    /// All rows the same, so that they rank in their order.
    Equal,
    /// All products and sums zero, of either sign.
    Zeros,
    /// Each row scores more than the one before: what is selected is thrown out again and again.
    Ascending,
    /// The best rows are the first ones, all in one workgroup.
    Descending,
    /// As ascending, below zero.
    Negative,
    /// NaN, infinities that cancel and ones that do not, and very large numbers.
    Poison,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// There is none.
    Open,
    All,
    Nothing,
    /// Only the last row.
    One,
    /// Each hundredth row.
    Percent,
    /// Only the rows from 1,024 on: workgroups that have nothing to do.
    Late,
}

/// One search, or several at once.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub element: Element,
    pub dimension: usize,
    pub rows: usize,
    pub queries: usize,
    pub k: usize,
    pub fill: Fill,
    pub filter: Filter,
    /// Other than the adapter's.
    pub bounds: Option<Bounds>,
}

/// Tiles of 64 rows, and many selections among candidates.
const SMALL: Bounds = Bounds {
    tile_bytes: 1,
    scores: 1,
    candidates: 1,
};
/// Slabs of 1,024 rows for one query, which lie in several tiles of a few hundred rows each, and candidates
/// that fill up on the way.
const MEDIUM: Bounds = Bounds {
    tile_bytes: 40 << 10,
    scores: 1024,
    candidates: 9000,
};

const ELEMENTS: [Element; 3] = [Element::F32, Element::F16, Element::I8];

/// All of them; small enough for a software adapter.
pub fn all() -> Vec<Case> {
    let of_elements = |make: &dyn Fn(Element) -> Vec<Case>| ELEMENTS.map(make).concat();
    [
        of_elements(&shapes),
        of_elements(&fills),
        of_elements(&filters),
        of_elements(&bounds),
    ]
    .concat()
}

fn plain(element: Element) -> Case {
    Case {
        element,
        dimension: 8,
        rows: 5000,
        queries: 1,
        k: 10,
        fill: Fill::Random,
        filter: Filter::Open,
        bounds: None,
    }
}

/// Dimensions that fill a word, a group of words, what is held of a query, and ones that do not; all three
/// widths of the kernel; more rows and fewer than `k`.
fn shapes(element: Element) -> Vec<Case> {
    let shapes = [
        // dimension, rows, queries, k
        (1, 65, 1, 10),
        (3, 64, 2, 1),
        (5, 0, 2, 10),
        (7, 1, 1, 1000),
        (8, 5000, 3, 1000),
        (13, 257, 8, 300),
        (320, 63, 5, 10),
        (512, 600, 1, 10),
        (1280, 200, 9, 1000),
        (1281, 130, 4, 100),
    ];
    let case = |(dimension, rows, queries, k)| Case {
        dimension,
        rows,
        queries,
        k,
        ..plain(element)
    };
    shapes.map(case).to_vec()
}

fn fills(element: Element) -> Vec<Case> {
    let fills = [
        Fill::Equal,
        Fill::Zeros,
        Fill::Ascending,
        Fill::Descending,
        Fill::Negative,
        Fill::Poison,
    ];
    let case = |fill| {
        [10, 1000].map(|k| Case {
            fill,
            k,
            ..plain(element)
        })
    };
    fills.map(case).concat()
}

fn filters(element: Element) -> Vec<Case> {
    let filters = [
        Filter::All,
        Filter::Nothing,
        Filter::One,
        Filter::Percent,
        Filter::Late,
    ];
    let case = |filter| {
        [1, 100].map(|k| Case {
            filter,
            k,
            queries: 2,
            ..plain(element)
        })
    };
    filters.map(case).concat()
}

fn bounds(element: Element) -> Vec<Case> {
    use {Fill::*, Filter::*};
    let bounds = [
        // bounds, rows, queries, k, fill, filter
        (Some(SMALL), 1000, 1, 10, Random, Percent),
        (Some(SMALL), 1000, 2, 1000, Random, Open),
        (Some(MEDIUM), 20_000, 1, 1000, Random, Open),
        (Some(MEDIUM), 20_000, 5, 10, Random, Open),
        // 17 slabs: as many candidates as there is room for are left for the end.
        (Some(MEDIUM), 17_000, 1, 1000, Ascending, Open),
        (Some(MEDIUM), 20_000, 1, 10, Equal, Late),
        // More candidates from one slab than are read back.
        (None, 150_000, 1, 1000, Random, Open),
    ];
    let case = |(bounds, rows, queries, k, fill, filter)| Case {
        bounds,
        rows,
        queries,
        k,
        fill,
        filter,
        ..plain(element)
    };
    bounds.map(case).to_vec()
}

impl Case {
    /// As many as `queries`, one after the other, from −1 to 1.
    pub fn queries(&self) -> Vec<f32> {
        numbers(1).take(self.queries * self.dimension).collect()
    }

    /// The rows before they are stored, one after the other.
    pub fn rows(&self) -> Vec<f32> {
        let (rows, dimension) = (self.rows, self.dimension);
        let query = &self.queries()[..dimension];
        let along = |length: &dyn Fn(usize) -> f32| {
            let row = |row| query.iter().map(move |x| x * row);
            (0..rows).flat_map(|i| row(length(i))).collect()
        };
        match self.fill {
            Fill::Random => numbers(2).take(rows * dimension).collect(),
            Fill::Equal => numbers(2).take(dimension).collect::<Vec<_>>().repeat(rows),
            Fill::Zeros => along(&|i| if i % 3 == 0 { -0.0 } else { 0.0 }),
            Fill::Ascending => along(&|i| (i + 1) as f32 / rows as f32),
            Fill::Descending => along(&|i| (rows - i) as f32 / rows as f32),
            Fill::Negative => along(&|i| (i + 1) as f32 / rows as f32 - 2.0),
            Fill::Poison => {
                let mut numbers: Vec<f32> = numbers(2).take(rows * dimension).collect();
                for (i, row) in numbers.chunks_mut(dimension).enumerate() {
                    poison(row, i);
                }
                numbers
            }
        }
    }

    pub fn vectors(&self) -> Vectors {
        let vectors = Vectors::encode(self.element, self.dimension, &self.rows());
        vectors.expect("cases have whole rows")
    }

    pub fn allowed(&self) -> Option<Bitmap> {
        let rows = self.rows;
        match self.filter {
            Filter::Open => None,
            Filter::All => Some(Bitmap::all(rows)),
            Filter::Nothing => Some(Bitmap::none(rows)),
            Filter::One => Some(Bitmap::of(rows, |row| row + 1 == rows)),
            Filter::Percent => Some(Bitmap::of(rows, |row| row % 100 == 99)),
            Filter::Late => Some(Bitmap::of(rows, |row| row >= 1024)),
        }
    }
}

fn poison(row: &mut [f32], i: usize) {
    let (at, last) = (i % row.len(), row.len() - 1);
    match i % 7 {
        0 => row[at] = f32::NAN,
        1 => row[at] = f32::INFINITY,
        2 => row[at] = f32::NEG_INFINITY,
        3 => (row[0], row[last]) = (f32::INFINITY, f32::NEG_INFINITY),
        4 => row[at] = 1e30,
        _ => (),
    }
}

/// Evenly from −1 to 1, the same for the same seed (splitmix64).
fn numbers(seed: u64) -> impl Iterator<Item = f32> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // 24 bits, all that an f32 holds between two powers of two.
        (mixed >> 40) as f32 / (1 << 23) as f32 - 1.0
    })
}
