//! The best rows so far.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::mem;

use showroom_catalog::query::Why;
use showroom_catalog::{Hit, Query, Record};

/// What names a row.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) id: u64,
    pub(crate) uri: &'a str,
    /// `None` also where nobody asked for it.
    pub(crate) sku: Option<&'a str>,
}

/// A row that may be a hit. The greatest is the worst: lowest score, then last URI.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) score: f32,
    pub(crate) uri: String,
    pub(crate) sku: Option<String>,
    pub(crate) row_id: u64,
    dots: Vec<f32>,
}

impl Candidate {
    pub(crate) fn into_hit(self, query: &Query, record: Record) -> Hit {
        let parts = query.parts.iter().zip(self.dots);
        Hit {
            record,
            score: self.score,
            why: parts
                .map(|(part, score)| Why {
                    part: part.on,
                    score,
                })
                .collect(),
            title: None,
        }
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_score = other.score.total_cmp(&self.score);
        by_score.then_with(|| self.uri.cmp(&other.uri))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// The `k` best so far.
pub(crate) struct Best {
    k: usize,
    one_a_sku: bool,
    /// URIs that are passed over.
    without: Vec<String>,
    heap: BinaryHeap<Candidate>,
}

impl Best {
    pub(crate) fn new(k: usize) -> Best {
        Best {
            k,
            one_a_sku: false,
            without: Vec::new(),
            heap: BinaryHeap::with_capacity(k + 1),
        }
    }

    /// The best of each SKU. `k` rows are enough to be exact: a SKU that had to go was worse than
    /// those that stayed, and what stays only gets better.
    pub(crate) fn one_a_sku(mut self, one: bool) -> Best {
        self.one_a_sku = one;
        self
    }

    /// Never the rows with these URIs.
    pub(crate) fn without(mut self, uris: Vec<String>) -> Best {
        self.without = uris;
        self
    }

    /// The score below which no row gets in; `None` while there is room for any row.
    pub(crate) fn least(&self) -> Option<f32> {
        let full = self.heap.len() == self.k;
        self.heap.peek().filter(|_| full).map(|worst| worst.score)
    }

    pub(crate) fn offer(&mut self, score: f32, row: Row<'_>, dots: &[f32]) {
        if self.without.iter().any(|uri| uri == row.uri) {
            return;
        }
        if self.heap.len() == self.k {
            let Some(worst) = self.heap.peek() else {
                return;
            };
            let better = score
                .total_cmp(&worst.score)
                .then_with(|| worst.uri.as_str().cmp(row.uri));
            if better != Ordering::Greater {
                return;
            }
        }
        let candidate = Candidate {
            score,
            uri: row.uri.into(),
            sku: row.sku.map(str::to_string),
            row_id: row.id,
            dots: dots.to_vec(),
        };
        if self.one_a_sku && candidate.sku.is_some() {
            let same = |other: &&Candidate| other.sku == candidate.sku;
            if let Some(other) = self.heap.iter().find(same) {
                if candidate < *other {
                    let mut rows = mem::take(&mut self.heap).into_vec();
                    rows.retain(|other| other.sku != candidate.sku);
                    rows.push(candidate);
                    self.heap = rows.into();
                }
                return;
            }
        }
        self.heap.push(candidate);
        if self.heap.len() > self.k {
            self.heap.pop();
        }
    }

    /// Best first.
    pub(crate) fn in_order(self) -> Vec<Candidate> {
        self.heap.into_sorted_vec()
    }
}
