//! Shape vectors that are close: the nearest rows of each row.
//!
//! Up to [`EXHAUSTIVE`] rows each is compared with each. Beyond, about √n of the rows are centres; each
//! row belongs to the centre that it is nearest to and is compared with the rows of its [`PROBES`]
//! nearest centres: n·√n comparisons in place of n². A pair is missed only where neither has the
//! other's centre among its nearest; how often that happens is measured on some rows.
//!
//! Where an [`ExactSearch`] is at hand (a GPU) each is compared with each up to [`EXHAUSTIVE_HELD`] rows,
//! and beyond it finds the centres of the rows.

use std::cell::RefCell;

use showroom_catalog::seams::ExactSearch;

use super::DedupProgress;
use super::looks::{Bytes, Looks};
use super::parallel::in_chunks;
use super::proposed;
use super::verdict::LEAST_SHAPE;
use crate::cancel::Cancel;

const EXHAUSTIVE: usize = 4096;
/// As [`EXHAUSTIVE`] with an [`ExactSearch`]: 2·10⁹ pairs, some 5·10¹² sums and products of the default
/// vectors, which is seconds of a GPU.
const EXHAUSTIVE_HELD: usize = 65_536;
const PROBES: usize = 4;
/// Pairs of one row, the nearest first.
const MAX_NEIGHBOURS: usize = 16;
/// A row is compared with so many times the mean of a cell at the most, those that are as far from
/// the centre as it is: where one picture is there ten thousand times, its cell has no other end.
const MOST_OF_MEAN: usize = 8;
/// Rows of which the neighbours are looked for among all, to measure the recall.
const SAMPLES: usize = 64;
const ROWS_AT_ONCE: usize = 128;

/// How to look.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    pub threads: usize,
    pub search: Option<&'a dyn ExactSearch>,
    pub cancel: &'a Cancel,
    pub progress: &'a DedupProgress<'a>,
}

/// What was found.
pub struct Near {
    /// The lesser row first, in order, each once.
    pub pairs: Vec<(u32, u32)>,
    /// Whether each was compared with each.
    pub exhaustive: bool,
    pub cells: usize,
    /// Share of the pairs of some rows that were found; `None` where all were, or where there are none.
    pub recall: Option<f32>,
    /// What searched in place of the CPU.
    pub device: Option<String>,
    /// Why the CPU did in the end what something else was asked for.
    pub device_failed: Option<String>,
}

/// The pairs of `rows` whose shapes have a cosine of [`LEAST_SHAPE`] or more.
pub fn find(looks: &Looks, rows: &[u32], look: Look<'_>) -> Near {
    let held = Held::new(&looks.shape, rows.len(), look);
    let (mut pairs, exhaustive, cells) = match held.pairs(rows) {
        Some(pairs) => (pairs, true, 1),
        None => by_cells(&looks.shape, rows, look, &held),
    };
    pairs.sort_unstable();
    pairs.dedup();
    let failed = held.failed.into_inner();
    Near {
        recall: (!exhaustive && !look.cancel.is_cancelled())
            .then(|| recall(&looks.shape, rows, &pairs))
            .flatten(),
        pairs,
        exhaustive,
        cells,
        device: (held.search.filter(|_| failed.is_none())).map(|search| search.name()),
        device_failed: failed,
    }
}

fn by_cells(
    shape: &Bytes,
    rows: &[u32],
    look: Look<'_>,
    held: &Held<'_>,
) -> (Vec<(u32, u32)>, bool, usize) {
    let total = rows.len() as u64;
    let say = |done: usize| (look.progress)(done as u64, total, "photos compared");
    let exhaustive = rows.len() <= EXHAUSTIVE;
    let cells = match exhaustive {
        true => Cells::one(rows),
        false => Cells::new(shape, rows, look, held),
    };
    let found = in_chunks(
        rows.len(),
        ROWS_AT_ONCE,
        look.threads,
        look.cancel,
        &say,
        |range| range.flat_map(|at| cells.neighbours(shape, at)).collect(),
    );
    (found, exhaustive, cells.starts.len() - 1)
}

/// What an [`ExactSearch`] does of the work, until it fails.
struct Held<'a> {
    search: Option<&'a dyn ExactSearch>,
    failed: RefCell<Option<String>>,
    shape: &'a Bytes,
    look: Look<'a>,
}

impl<'a> Held<'a> {
    fn new(shape: &'a Bytes, rows: usize, look: Look<'a>) -> Held<'a> {
        let pays = |search: &&dyn ExactSearch| rows >= search.limits(shape.dimension()).min_rows;
        Held {
            search: look.search.filter(pays),
            failed: RefCell::default(),
            shape,
            look,
        }
    }

    /// The pairs, each row compared with each; `None` where that is left to the CPU.
    fn pairs(&self, rows: &[u32]) -> Option<Vec<(u32, u32)>> {
        if rows.len() > EXHAUSTIVE_HELD {
            return None;
        }
        // One more, as each row is nearest to itself.
        let near = self.nearest(rows, rows, MAX_NEIGHBOURS + 1)?;
        let mut pairs = Vec::new();
        for (row, near) in rows.iter().zip(near) {
            let others = near.into_iter().filter_map(|(cosine, place)| {
                let other = rows[place as usize];
                (cosine >= LEAST_SHAPE && other != *row).then_some(other)
            });
            let ordered = |other: u32| ((*row).min(other), (*row).max(other));
            pairs.extend(others.take(MAX_NEIGHBOURS).map(ordered));
        }
        Some(pairs)
    }

    /// The centres that each row is nearest to; `None` where that is left to the CPU.
    fn centres(&self, rows: &[u32], centres: &[u32]) -> Option<Vec<[Near1; PROBES]>> {
        let near = self.nearest(centres, rows, PROBES)?;
        let filled = |near: Vec<Near1>| {
            let mut best = [(f32::NEG_INFINITY, 0); PROBES];
            best.iter_mut().zip(near).for_each(|(at, one)| *at = one);
            best
        };
        Some(near.into_iter().map(filled).collect())
    }

    fn nearest(&self, held: &[u32], asked: &[u32], wanted: usize) -> Option<Vec<Vec<Near1>>> {
        let search = self.search.filter(|_| self.failed.borrow().is_none())?;
        let total = asked.len() as u64;
        let say = |done: usize| (self.look.progress)(done as u64, total, "photos compared");
        let found = proposed::nearest(
            search,
            self.shape,
            held,
            asked,
            wanted,
            self.look.cancel,
            &say,
        );
        match found {
            Ok(near) => near,
            Err(reason) => {
                *self.failed.borrow_mut() = Some(format!("{}: {reason}", search.name()));
                None
            }
        }
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

    fn new(shape: &Bytes, rows: &[u32], look: Look<'_>, held: &Held<'_>) -> Cells {
        let count = (rows.len() as f64).sqrt() as usize;
        let centres = spread(rows, count);
        let compare = || {
            in_chunks(
                rows.len(),
                ROWS_AT_ONCE,
                look.threads,
                look.cancel,
                &|_| (),
                |range| {
                    let rows = &rows[range];
                    rows.iter()
                        .map(|row| nearest(shape, &centres, *row))
                        .collect()
                },
            )
        };
        let probes = held.centres(rows, &centres).unwrap_or_else(compare);
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
    use crate::dedup::looks::Look as Photo;
    use showroom_catalog::PhotoId;
    use showroom_catalog::seams::{HeldVectors, ModelError, Scored, SearchLimits};

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
            looks.photos.push(Photo {
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
        found_with(looks, None)
    }

    fn found_with(looks: &Looks, search: Option<&dyn ExactSearch>) -> Near {
        let rows: Vec<u32> = (0..looks.photos.len() as u32).collect();
        let look = Look {
            threads: 2,
            search,
            cancel: &Cancel::new(),
            progress: &|_, _, _| (),
        };
        find(looks, &rows, look)
    }

    /// Compares on the CPU, and goes wrong where it is told to.
    struct Plain {
        max_rows: usize,
        /// Added to every score.
        off: f32,
        fails: bool,
    }

    impl ExactSearch for Plain {
        fn name(&self) -> String {
            "plain".into()
        }

        fn limits(&self, _: usize) -> SearchLimits {
            SearchLimits {
                min_rows: 10,
                max_rows: self.max_rows,
                max_k: 100,
            }
        }

        fn hold(&self, dimension: usize, rows: &[f32]) -> Result<Box<dyn HeldVectors>, ModelError> {
            assert!(rows.len() <= self.max_rows * dimension);
            match self.fails {
                true => Err(ModelError::Failed("no memory".into())),
                false => Ok(Box::new(Rows(dimension, rows.to_vec(), self.off))),
            }
        }
    }

    struct Rows(usize, Vec<f32>, f32);

    impl HeldVectors for Rows {
        fn error(&self) -> f32 {
            1e-5
        }

        fn top_k(
            &self,
            queries: &[f32],
            _: Option<&[u32]>,
            k: usize,
        ) -> Result<Vec<Vec<Scored>>, ModelError> {
            let list = |query: &[f32]| {
                let rows = self.1.chunks(self.0).zip(0u32..);
                let score = |row: &[f32]| row.iter().zip(query).map(|(a, b)| a * b).sum::<f32>();
                let mut scored: Vec<Scored> = rows
                    .map(|(values, row)| Scored {
                        row,
                        score: score(values) + self.2,
                    })
                    .collect();
                scored.sort_by(|a, b| b.score.total_cmp(&a.score));
                scored.truncate(k);
                scored
            };
            Ok(queries.chunks(self.0).map(list).collect())
        }
    }

    fn plain(max_rows: usize) -> Plain {
        Plain {
            max_rows,
            off: 0.0,
            fails: false,
        }
    }

    #[test]
    fn a_search_on_a_device_finds_the_pairs_that_the_cpu_finds() {
        let looks = grouped(1000);
        let near = found_with(&looks, Some(&plain(300)));
        assert!(near.exhaustive && near.recall.is_none());
        assert_eq!(near.device.as_deref(), Some("plain"));
        assert!(near.pairs.len() == 1500);
        assert_eq!(near.pairs, found(&looks).pairs);
        // Beyond what is compared on the CPU whole.
        let looks = grouped(EXHAUSTIVE + 8);
        let near = found_with(&looks, Some(&plain(10_000)));
        assert!(near.exhaustive);
        assert_eq!(near.pairs.len(), looks.photos.len() / 4 * 6);
    }

    #[test]
    fn a_device_that_answers_wrongly_or_not_at_all_is_named_and_the_cpu_does_it() {
        let looks = grouped(400);
        let wrong = Plain {
            off: 0.1,
            ..plain(1000)
        };
        let broken = Plain {
            fails: true,
            ..plain(1000)
        };
        for (search, reason) in [(wrong, "that scores"), (broken, "no memory")] {
            let near = found_with(&looks, Some(&search));
            assert_eq!(near.pairs, found(&looks).pairs);
            assert!(near.device.is_none());
            let told = near.device_failed.unwrap();
            assert!(
                told.starts_with("plain: ") && told.contains(reason),
                "{told}"
            );
        }
        let few = found_with(&grouped(8), Some(&plain(1000)));
        assert!(few.device.is_none() && few.device_failed.is_none());
    }

    #[test]
    fn the_centres_of_rows_may_come_from_a_device() {
        let looks = grouped(EXHAUSTIVE + 1000);
        let rows: Vec<u32> = (0..looks.photos.len() as u32).collect();
        let look = Look {
            threads: 2,
            search: None,
            cancel: &Cancel::new(),
            progress: &|_, _, _| (),
        };
        let search = plain(50);
        let on_device = Held::new(
            &looks.shape,
            rows.len(),
            Look {
                search: Some(&search),
                ..look
            },
        );
        let on_cpu = Held::new(&looks.shape, rows.len(), look);
        let of = |held: &Held<'_>| Cells::new(&looks.shape, &rows, look, held);
        let (wanted, cells) = (of(&on_cpu), of(&on_device));
        assert!(on_device.failed.borrow().is_none());
        assert!(wanted.starts == cells.starts && wanted.rows == cells.rows);
        assert!(wanted.probes == cells.probes);
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
