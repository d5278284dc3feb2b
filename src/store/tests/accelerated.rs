//! A plain implementation of `ExactSearch`, one that can go wrong in every way, and a catalogue
//! that searches with it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use showroom_catalog::embedding::dot_error;
use showroom_catalog::seams::{ExactSearch, HeldVectors, ModelError, Scored, SearchLimits};
use showroom_store::LanceCatalogue;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trick {
    None,
    CannotHold,
    CannotSearch,
    Panics,
    NoLists,
    NoRows,
    /// As a failed launch reads back.
    AllZero,
    RowOutOfRange,
    SameRowTwice,
    NotANumber,
    WrongScores,
    WorstFirst,
    UnboundedError,
    /// Nobody can see this one from outside.
    LeavesOutTheBest,
}

pub const ROOMY: SearchLimits = SearchLimits {
    min_rows: 0,
    max_rows: usize::MAX,
    max_k: 1000,
};

#[derive(Default)]
struct Counts {
    held: AtomicUsize,
    most_queries: AtomicUsize,
}

/// A catalogue with a [`Plain`] one.
pub struct Accelerated {
    pub catalogue: LanceCatalogue,
    counts: Arc<Counts>,
    told: Arc<Mutex<Vec<String>>>,
}

impl Accelerated {
    pub fn new(catalogue: LanceCatalogue, limits: SearchLimits, trick: Trick) -> Accelerated {
        let counts = Arc::new(Counts::default());
        let told = Arc::new(Mutex::new(Vec::new()));
        let plain = Plain {
            limits,
            trick,
            counts: counts.clone(),
        };
        let hear = told.clone();
        let tell = move |sentence: &str| hear.lock().unwrap().push(sentence.to_string());
        Accelerated {
            catalogue: catalogue.with_exact_search(Arc::new(plain), tell),
            counts,
            told,
        }
    }

    /// How often rows were handed over.
    pub fn held(&self) -> usize {
        self.counts.held.load(Ordering::Relaxed)
    }

    /// Most queries of one call.
    pub fn most_queries(&self) -> usize {
        self.counts.most_queries.load(Ordering::Relaxed)
    }

    pub fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}

struct Plain {
    limits: SearchLimits,
    trick: Trick,
    counts: Arc<Counts>,
}

impl ExactSearch for Plain {
    fn name(&self) -> String {
        "the plain one".into()
    }

    fn limits(&self, _dimension: usize) -> SearchLimits {
        self.limits
    }

    fn hold(&self, dimension: usize, rows: &[f32]) -> Result<Box<dyn HeldVectors>, ModelError> {
        // What the seam promises; the tests hold that nothing is told, so a panic here is seen.
        assert!(!rows.is_empty() && rows.len().is_multiple_of(dimension));
        assert!(rows.len() / dimension <= self.limits.max_rows);
        self.counts.held.fetch_add(1, Ordering::Relaxed);
        if self.trick == Trick::CannotHold {
            return Err(ModelError::Failed("no memory left".into()));
        }
        Ok(Box::new(PlainRows {
            dimension,
            rows: rows.to_vec(),
            max_k: self.limits.max_k,
            trick: self.trick,
            counts: self.counts.clone(),
        }))
    }
}

struct PlainRows {
    dimension: usize,
    rows: Vec<f32>,
    max_k: usize,
    trick: Trick,
    counts: Arc<Counts>,
}

impl HeldVectors for PlainRows {
    fn error(&self) -> f32 {
        match self.trick {
            Trick::UnboundedError => f32::NAN,
            _ => dot_error(self.dimension),
        }
    }

    fn top_k(
        &self,
        queries: &[f32],
        allowed: Option<&[u32]>,
        k: usize,
    ) -> Result<Vec<Vec<Scored>>, ModelError> {
        assert!((1..=self.max_k).contains(&k));
        assert!(queries.iter().all(|number| number.is_finite()));
        let queries = queries.chunks_exact(self.dimension);
        assert!(queries.len() > 0 && queries.remainder().is_empty());
        self.counts
            .most_queries
            .fetch_max(queries.len(), Ordering::Relaxed);
        match self.trick {
            Trick::CannotSearch => Err(ModelError::Failed("the device is lost".into())),
            Trick::Panics => panic!("a bug of the driver"),
            Trick::NoLists => Ok(Vec::new()),
            _ => Ok(queries.map(|query| self.best(query, allowed, k)).collect()),
        }
    }
}

impl PlainRows {
    fn best(&self, query: &[f32], allowed: Option<&[u32]>, k: usize) -> Vec<Scored> {
        let rows = self.rows.chunks_exact(self.dimension);
        let mut all: Vec<Scored> = (0..)
            .zip(rows)
            .filter(|(row, _)| allowed.is_none_or(|bits| (bits[row / 32] >> (row % 32)) & 1 == 1))
            .map(|(row, vector)| Scored {
                row: row as u32,
                score: backwards_dot(query, vector),
            })
            .collect();
        // Equal ones in the order that the catalogue would not take.
        all.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.row.cmp(&a.row)));
        if self.trick == Trick::LeavesOutTheBest {
            all.remove(0);
        }
        all.truncate(k);
        self.spoil(&mut all);
        all
    }

    fn spoil(&self, list: &mut Vec<Scored>) {
        let middle = list.len() / 2;
        match self.trick {
            Trick::NoRows => list.clear(),
            Trick::AllZero => list.fill(Scored { row: 0, score: 0.0 }),
            Trick::RowOutOfRange => list[middle].row = u32::MAX,
            Trick::SameRowTwice => list[middle] = list[middle - 1],
            Trick::NotANumber => list[middle].score = f32::NAN,
            Trick::WrongScores => list.iter_mut().for_each(|scored| scored.score *= 0.5),
            Trick::WorstFirst => list.reverse(),
            _ => {}
        }
    }
}

/// Added up in another order than the CPU of the catalogue does, so that it rounds differently.
fn backwards_dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).rev().map(|(x, y)| x * y).sum()
}
