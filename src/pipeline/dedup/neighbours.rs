//! Shape vectors that are close: the nearest rows of each row.
//!
//! Up to [`EXHAUSTIVE`] rows each is compared with each. Beyond, about √n of the rows are centres; each
//! row belongs to the centre that it is nearest to and is compared with the rows of its [`PROBES`]
//! nearest centres: n·√n comparisons in place of n². A pair is missed only where neither has the
//! other's centre among its nearest; how often that happens is measured on some rows.

use super::DedupProgress;
use super::looks::{Bytes, Looks};
use super::parallel::in_chunks;
use super::verdict::LEAST_SHAPE;
use crate::cancel::Cancel;

const EXHAUSTIVE: usize = 4096;
const PROBES: usize = 4;
/// Pairs of one row, the nearest first.
const MAX_NEIGHBOURS: usize = 16;
/// A row is compared with so many times the mean of a cell at the most, those that are as far from
/// the centre as it is: where one picture is there ten thousand times, its cell has no other end.
const MOST_OF_MEAN: usize = 8;
/// Rows of which the neighbours are looked for among all, to measure the recall.
const SAMPLES: usize = 64;
const ROWS_AT_ONCE: usize = 128;

/// What was found.
pub struct Near {
    /// The lesser row first, in order, each once.
    pub pairs: Vec<(u32, u32)>,
    /// Whether each was compared with each.
    pub exhaustive: bool,
    pub cells: usize,
    /// Share of the pairs of some rows that were found; `None` where all were, or where there are none.
    pub recall: Option<f32>,
}

/// The pairs of `rows` whose shapes have a cosine of [`LEAST_SHAPE`] or more.
pub fn find(
    looks: &Looks,
    rows: &[u32],
    threads: usize,
    cancel: &Cancel,
    progress: &DedupProgress<'_>,
) -> Near {
    let total = rows.len() as u64;
    let say = |done: usize| progress(done as u64, total, "photos compared");
    let cells = if rows.len() <= EXHAUSTIVE {
        Cells::one(rows)
    } else {
        Cells::new(&looks.shape, rows, threads, cancel)
    };
    let mut pairs = in_chunks(rows.len(), ROWS_AT_ONCE, threads, cancel, &say, |range| {
        range
            .flat_map(|at| cells.neighbours(&looks.shape, at))
            .collect()
    });
    pairs.sort_unstable();
    pairs.dedup();
    let exhaustive = rows.len() <= EXHAUSTIVE;
    Near {
        recall: (!exhaustive && !cancel.is_cancelled())
            .then(|| recall(&looks.shape, rows, &pairs))
            .flatten(),
        pairs,
        exhaustive,
        cells: cells.starts.len() - 1,
    }
}

/// A centre, by its number, and the cosine with it.
type Near1 = (f32, u32);

/// Rows in the order of their cells, and within a cell of the cosine with its centre, greatest first.
struct Cells {
    rows: Vec<u32>,
    cosines: Vec<f32>,
    /// Where each cell begins in `rows`, and the end of all.
    starts: Vec<usize>,
    /// For each of `rows` the cells to look into.
    probes: Vec<[Near1; PROBES]>,
    most: usize,
}

impl Cells {
    fn one(rows: &[u32]) -> Cells {
        // A cell of its own is looked into once.
        let mut probes = [(f32::NEG_INFINITY, 0); PROBES];
        probes[0].0 = 0.0;
        Cells {
            cosines: vec![0.0; rows.len()],
            starts: vec![0, rows.len()],
            probes: vec![probes; rows.len()],
            most: rows.len(),
            rows: rows.to_vec(),
        }
    }

    fn new(shape: &Bytes, rows: &[u32], threads: usize, cancel: &Cancel) -> Cells {
        let count = (rows.len() as f64).sqrt() as usize;
        let centres = spread(rows, count);
        let probes: Vec<[Near1; PROBES]> = in_chunks(
            rows.len(),
            ROWS_AT_ONCE,
            threads,
            cancel,
            &|_| (),
            |range| {
                let rows = &rows[range];
                rows.iter()
                    .map(|row| nearest(shape, &centres, *row))
                    .collect()
            },
        );
        // Fewer where it was cancelled.
        let mut order: Vec<usize> = (0..probes.len()).collect();
        let place = |at: usize| (probes[at][0].1, probes[at][0].0);
        order.sort_unstable_by(|a, b| {
            let ((cell_a, cosine_a), (cell_b, cosine_b)) = (place(*a), place(*b));
            (cell_a.cmp(&cell_b))
                .then(cosine_b.total_cmp(&cosine_a))
                .then(a.cmp(b))
        });
        let starts = (0..=count as u32)
            .map(|cell| order.partition_point(|at| place(*at).0 < cell))
            .collect();
        Cells {
            rows: order.iter().map(|at| rows[*at]).collect(),
            cosines: order.iter().map(|at| place(*at).1).collect(),
            starts,
            probes: order.iter().map(|at| probes[*at]).collect(),
            most: MOST_OF_MEAN * (rows.len() / count),
        }
    }

    /// Pairs of the row that stands at `at`.
    fn neighbours(&self, shape: &Bytes, at: usize) -> Vec<(u32, u32)> {
        let Some(&row) = self.rows.get(at) else {
            return Vec::new();
        };
        let mut best: Vec<(f32, u32)> = Vec::new();
        for (to_centre, cell) in self.probes[at] {
            if to_centre == f32::NEG_INFINITY {
                continue;
            }
            for &other in &self.rows[self.window(cell as usize, to_centre)] {
                let cosine = shape.cosine(row as usize, other as usize);
                if cosine >= LEAST_SHAPE && other != row {
                    best.push((cosine, other));
                }
            }
            best.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            best.truncate(MAX_NEIGHBOURS);
        }
        let ordered = |other: u32| (row.min(other), row.max(other));
        best.into_iter().map(|(_, other)| ordered(other)).collect()
    }

    /// The rows of a cell, or where they are too many those that are about `to_centre` from its centre.
    fn window(&self, cell: usize, to_centre: f32) -> std::ops::Range<usize> {
        let (start, end) = (self.starts[cell], self.starts[cell + 1]);
        if end - start <= self.most {
            return start..end;
        }
        let place = start + self.cosines[start..end].partition_point(|cosine| *cosine > to_centre);
        let first = place.saturating_sub(self.most / 2).max(start);
        first..(first + self.most).min(end)
    }
}

/// `count` of the rows, spread by a multiplicative hash so that neighbours in the order of URIs (the
/// views of one product) are not taken together.
fn spread(rows: &[u32], count: usize) -> Vec<u32> {
    let mut spread: Vec<u32> = rows.to_vec();
    spread.sort_unstable_by_key(|row| row.wrapping_mul(0x9e37_79b1).rotate_left(16));
    spread.truncate(count);
    spread
}

/// The centres that a row is nearest to, the nearest first.
fn nearest(shape: &Bytes, centres: &[u32], row: u32) -> [Near1; PROBES] {
    let mut best = [(f32::NEG_INFINITY, 0); PROBES];
    for (cell, centre) in centres.iter().enumerate() {
        let cosine = shape.cosine(row as usize, *centre as usize);
        if cosine > best[PROBES - 1].0 {
            let place = best.partition_point(|(better, _)| *better >= cosine);
            best[place..].rotate_right(1);
            best[place] = (cosine, cell as u32);
        }
    }
    best
}

fn recall(shape: &Bytes, rows: &[u32], pairs: &[(u32, u32)]) -> Option<f32> {
    let (mut found, mut wanted) = (0, 0);
    for row in spread(rows, SAMPLES) {
        let mut near: Vec<(f32, u32)> = rows
            .iter()
            .map(|other| (shape.cosine(row as usize, *other as usize), *other))
            .filter(|(cosine, other)| *cosine >= LEAST_SHAPE && *other != row)
            .collect();
        near.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        near.truncate(MAX_NEIGHBOURS);
        wanted += near.len();
        let is_found = |other: u32| {
            pairs
                .binary_search(&(row.min(other), row.max(other)))
                .is_ok()
        };
        found += near.iter().filter(|(_, other)| is_found(*other)).count();
    }
    (wanted > 0).then(|| found as f32 / wanted as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedup::looks::Look;
    use showroom_catalog::PhotoId;

    const DIMENSION: usize = 64;

    /// `count` rows in groups of four that are near each other.
    fn grouped(count: usize) -> Looks {
        let mut state = 1u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        let mut looks = Looks::default();
        let mut base = Vec::new();
        for at in 0..count {
            if at % 4 == 0 {
                base = (0..DIMENSION).map(|_| random()).collect::<Vec<f32>>();
            }
            let vector: Vec<f32> = base.iter().map(|value| value + 0.2 * random()).collect();
            looks.shape.push(&vector);
            looks.colour.push(&[1.0]);
            looks.photos.push(Look {
                id: PhotoId([0; 32]),
                uri: at.to_string(),
                sku: None,
                width: 1,
                height: 1,
                bytes: 1,
                phash: 0,
            });
        }
        looks
    }

    fn found(looks: &Looks) -> Near {
        let rows: Vec<u32> = (0..looks.photos.len() as u32).collect();
        find(looks, &rows, 2, &Cancel::new(), &|_, _, _| ())
    }

    #[test]
    fn a_small_catalogue_is_compared_whole() {
        let near = found(&grouped(400));
        let wanted: Vec<(u32, u32)> = (0..400)
            .flat_map(|a| (a + 1..a / 4 * 4 + 4).map(move |b| (a, b)))
            .collect();
        assert!(near.exhaustive && near.recall.is_none());
        assert_eq!(near.pairs, wanted);
    }

    #[test]
    fn a_large_one_in_cells_with_nearly_all_pairs_and_the_recall_that_it_says() {
        let looks = grouped(EXHAUSTIVE + 1000);
        let near = found(&looks);
        let count = looks.photos.len() / 4 * 6;
        let share = near.pairs.len() as f32 / count as f32;
        assert!(!near.exhaustive && near.cells == 71);
        assert!(share > 0.95, "{share}");
        assert!((near.recall.unwrap() - share).abs() < 0.06);
    }

    #[test]
    fn one_picture_a_thousand_times_has_bounded_pairs() {
        let mut looks = grouped(4);
        for at in 4..EXHAUSTIVE + 500 {
            looks.shape.push(&[1.0; DIMENSION]);
            looks.colour.push(&[1.0]);
            looks.photos.push(looks.photos[0].clone());
            looks.photos[at].uri = at.to_string();
        }
        let near = found(&looks);
        assert!(near.pairs.len() <= looks.photos.len() * MAX_NEIGHBOURS);
        assert!(near.pairs.len() > looks.photos.len());
    }
}
