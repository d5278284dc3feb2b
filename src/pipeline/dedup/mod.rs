//! Photos of the catalogue that are the same picture, or show the same product.
//!
//! 1. Rows are read once and kept small ([`looks`]): the hash, and both vectors in 8 bits a number.
//! 2. Candidates: the same id (a hash map), perceptual hashes that are close ([`hashes`], exact), and
//!    shape vectors that are close ([`neighbours`]; exact up to some thousand rows, then among rows
//!    near the same centres, with the recall measured).
//! 3. Pictures of which the vectors say that they may be copies are laid over one another, where the
//!    files are still there ([`compare`]).
//! 4. A verdict with its reason for each pair ([`verdict`]), and groups.
//!
//! No step compares every photo with every other one, and each has a bound, which is reported where
//! it is reached.

mod compare;
mod groups;
mod hashes;
mod looks;
mod neighbours;
mod parallel;
mod proposed;
mod report;
mod verdict;

use std::collections::HashMap;
use std::time::Instant;

use showroom_catalog::seams::{Catalogue, ExactSearch, Source, StoreError};
use showroom_catalog::{Evidence, Filter, PairKey, PairKind, PhotoId};
use tokio::runtime::Handle;

use crate::cancel::Cancel;
use compare::{Compared, Reading};
use looks::Looks;
use report::Found;
pub use report::{DedupReport, DuplicateGroup, DuplicatePair, DuplicatePhoto, Method};

/// Rows that are looked through at the most: 1.7 KB of memory each.
const MAX_ROWS: usize = 2_000_000;
/// Pairs that are reported at the most.
const MAX_PAIRS: usize = 1_000_000;

/// What to look for.
pub struct DedupOptions<'a> {
    pub filter: Option<Filter>,
    /// Pairs of other kinds are left out.
    pub kinds: Vec<PairKind>,
    /// Threads to compare with; 0 is taken as 1.
    pub threads: usize,
    /// What finds the nearest of many vectors faster than the CPU, where there is such a thing.
    pub search: Option<&'a dyn ExactSearch>,
    /// Where the photos can be read again to compare pictures; `None` goes by the vectors alone.
    pub source: Option<&'a dyn Source>,
    /// Photos that are read again at the most.
    pub max_read: usize,
    /// Pairs that somebody has said are none.
    pub is_dismissed: &'a (dyn Fn(&PairKey) -> bool + Sync),
}

/// How far a run has come: what is done of how many, and of what.
pub type DedupProgress<'a> = dyn Fn(u64, u64, &str) + Sync + 'a;

/// Why pairs could not be looked for.
#[derive(Debug, thiserror::Error)]
pub enum DedupError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "more than {MAX_ROWS} photos are too many to compare at once; take a part of them with --where"
    )]
    TooMany,
    #[error("interrupted")]
    Interrupted,
}

/// Finds the pairs. Blocks; must not be called from async code.
pub fn dedup(
    catalogue: &dyn Catalogue,
    options: &DedupOptions<'_>,
    cancel: &Cancel,
    progress: &DedupProgress<'_>,
    runtime: &Handle,
) -> Result<DedupReport, DedupError> {
    let began = Instant::now();
    let looks = looks::read(catalogue, options.filter.clone(), cancel, progress, runtime)?;
    let copies = copies(&looks);
    let mut candidates = hashes::candidates(&looks, &copies.first_of_each);
    let threads = options.threads.max(1);
    let look = neighbours::Look {
        threads,
        search: options.search,
        cancel,
        progress,
    };
    let near = neighbours::find(&looks, &copies.first_of_each, look);
    candidates.extend(&near.pairs);
    candidates.sort_unstable();
    candidates.dedup();
    check(cancel)?;

    let mut evidence: Vec<Evidence> = candidates
        .iter()
        .map(|&(a, b)| looks.evidence(a as usize, b as usize))
        .collect();
    let compared = match options.source {
        Some(source) => {
            let reading = Reading {
                source,
                max_read: options.max_read,
                threads,
            };
            compare::pictures(
                &looks,
                &reading,
                &candidates,
                &mut evidence,
                cancel,
                progress,
            )
        }
        None => Compared::default(),
    };
    check(cancel)?;

    let exact = copies.pairs.iter().map(|pair| Found {
        pair: *pair,
        kind: PairKind::Exact,
        reason: "the same bytes".to_string(),
        evidence: looks.evidence(pair.0 as usize, pair.1 as usize),
    });
    let judged = candidates.iter().zip(evidence);
    let judged = judged.filter_map(|(pair, evidence)| {
        let (kind, reason) = verdict::verdict(&evidence)?;
        Some(Found {
            pair: *pair,
            kind,
            reason,
            evidence,
        })
    });
    let mut dismissed = 0;
    let mut found: Vec<Found> = exact
        .chain(judged)
        .filter(|found| options.kinds.contains(&found.kind))
        .filter(|found| {
            let is_dismissed = (options.is_dismissed)(&looks.key(found.pair));
            dismissed += u64::from(is_dismissed);
            !is_dismissed
        })
        .collect();
    // The surest first, so that a bound costs the least.
    found.sort_by(|a, b| {
        (a.kind.cmp(&b.kind))
            .then(b.evidence.shape.total_cmp(&a.evidence.shape))
            .then(a.pair.cmp(&b.pair))
    });
    let left_out = found.len().saturating_sub(MAX_PAIRS) as u64;
    found.truncate(MAX_PAIRS);
    let groups = groups::groups(&looks, &found);
    Ok(DedupReport {
        dismissed,
        left_out,
        method: Method {
            exhaustive: near.exhaustive,
            cells: near.cells,
            recall: near.recall,
            device: near.device,
            device_failed: near.device_failed,
            pictures_compared: compared.pairs,
            unreadable: compared.unreadable,
            pictures_left_out: compared.left_out,
        },
        seconds: began.elapsed().as_secs_f64(),
        ..DedupReport::of(&looks, found, &groups)
    })
}

fn check(cancel: &Cancel) -> Result<(), DedupError> {
    if cancel.is_cancelled() {
        return Err(DedupError::Interrupted);
    }
    Ok(())
}

/// Photos of the same bytes.
struct Copies {
    /// Each with the first of its bytes.
    pairs: Vec<(u32, u32)>,
    first_of_each: Vec<u32>,
}

fn copies(looks: &Looks) -> Copies {
    let mut first: HashMap<PhotoId, u32> = HashMap::with_capacity(looks.photos.len());
    let mut copies = Copies {
        pairs: Vec::new(),
        first_of_each: Vec::new(),
    };
    for (at, photo) in looks.photos.iter().enumerate() {
        let at = at as u32;
        match first.get(&photo.id) {
            Some(first) => copies.pairs.push((*first, at)),
            None => {
                first.insert(photo.id, at);
                copies.first_of_each.push(at);
            }
        }
    }
    copies
}
