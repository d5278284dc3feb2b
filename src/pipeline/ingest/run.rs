//! What the stages of one run share: whether to go on, how far it is, and what went wrong.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use showroom_catalog::seams::{FoundProduct, Source};
use showroom_catalog::{PhotoRef, Record, Reject, Stage};

use super::{IngestError, IngestOptions};
use crate::cancel::Cancel;
use crate::clock::now_ms;
use crate::progress::{Snapshot, StageLoad};

/// What reaches the writer.
pub enum Outcome {
    Record(Box<Record>),
    /// A photo that is in as it is, of which the feed says something new.
    Product(Box<FoundProduct>),
    Reject(Reject),
}

/// The order of the work, and of [`Run::meters`].
pub const STAGES: [Stage; 6] = [
    Stage::List,
    Stage::Fetch,
    Stage::Decode,
    Stage::Encode,
    Stage::Tag,
    Stage::Write,
];

#[derive(Default)]
struct Meter {
    busy_ns: AtomicU64,
    waiting: AtomicU64,
}

#[derive(Default)]
pub struct Counts {
    pub listed: AtomicU64,
    pub listing_done: AtomicBool,
    pub unchanged: AtomicU64,
    pub rejected_before: AtomicU64,
    pub added: AtomicU64,
    pub updated: AtomicU64,
    pub rejected: AtomicU64,
    pub handled: AtomicU64,
    pub deletion_held: AtomicBool,
}

/// One run, seen from its threads.
pub struct Run<'a> {
    pub options: IngestOptions,
    pub source: &'a dyn Source,
    pub counts: Counts,
    /// URIs that came in this run and are in the catalogue in another version.
    pub changed: Mutex<HashSet<String>>,
    /// Of these, those that a feed brought and this source, which knows of no products, brings
    /// again: their titles and attributes stay.
    pub kept: Mutex<HashSet<String>>,
    /// What the source does not list any more; `None` where that cannot be said.
    pub missing: Mutex<Option<Vec<String>>>,
    cancel: &'a Cancel,
    encoders: usize,
    meters: [Meter; 6],
    failure: Mutex<Option<IngestError>>,
    failed: AtomicBool,
    began: Instant,
}

impl<'a> Run<'a> {
    pub fn new(
        options: IngestOptions,
        source: &'a dyn Source,
        encoders: usize,
        cancel: &'a Cancel,
    ) -> Run<'a> {
        Run {
            options,
            source,
            counts: Counts::default(),
            changed: Mutex::default(),
            kept: Mutex::default(),
            missing: Mutex::default(),
            cancel,
            encoders,
            meters: Default::default(),
            failure: Mutex::default(),
            failed: AtomicBool::new(false),
            began: Instant::now(),
        }
    }

    /// Whether nothing new is to be begun.
    pub fn stopping(&self) -> bool {
        self.failed.load(Relaxed) || self.cancel.is_cancelled()
    }

    /// Ends the run with this error; the first one counts.
    pub fn fail(&self, error: impl Into<IngestError>) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error.into());
        self.failed.store(true, Relaxed);
    }

    pub fn take_failure(&self) -> Option<IngestError> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Does `work`, and counts its time as work of `stage`.
    pub fn busy<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let made = work();
        self.add_busy(stage, began.elapsed());
        made
    }

    pub fn add_busy(&self, stage: Stage, spent: Duration) {
        let spent_ns = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        self.meter(stage).busy_ns.fetch_add(spent_ns, Relaxed);
    }

    /// Hands something to `stage`; `false` where that stage is gone, so that the sender ends too.
    pub fn send<T>(&self, stage: Stage, to: &Sender<T>, item: T) -> bool {
        self.meter(stage).waiting.fetch_add(1, Relaxed);
        to.send(item).is_ok()
    }

    /// What waits for `stage`, one after the other, until the stage before is gone.
    pub fn receive<'r, T>(
        &'r self,
        stage: Stage,
        from: &'r Receiver<T>,
    ) -> impl Iterator<Item = T> + 'r {
        from.iter().inspect(move |_| self.received(stage))
    }

    pub fn received(&self, stage: Stage) {
        self.meter(stage).waiting.fetch_sub(1, Relaxed);
    }

    pub fn reject(
        &self,
        stage: Stage,
        source: PhotoRef,
        code: &str,
        reason: String,
        out: &Sender<Outcome>,
    ) -> bool {
        let code = code.to_string();
        let reject = Reject {
            source,
            stage,
            code,
            reason,
            rejected_at_ms: now_ms(),
        };
        self.send(Stage::Write, out, Outcome::Reject(reject))
    }

    pub fn snapshot(&self) -> Snapshot {
        let get = |count: &AtomicU64| count.load(Relaxed);
        let options = &self.options;
        let threads = [1, options.fetchers, options.decoders, self.encoders, 1, 1];
        let stages = STAGES.iter().zip(&self.meters).zip(threads);
        Snapshot {
            listed: get(&self.counts.listed),
            listing_done: self.counts.listing_done.load(Relaxed),
            unchanged: get(&self.counts.unchanged),
            rejected_before: get(&self.counts.rejected_before),
            added: get(&self.counts.added),
            updated: get(&self.counts.updated),
            rejected: get(&self.counts.rejected),
            handled: get(&self.counts.handled),
            skipped_other_files: self.source.skipped(),
            seconds: self.began.elapsed().as_secs_f64(),
            stages: stages
                .map(|((&stage, meter), threads)| StageLoad {
                    stage,
                    threads,
                    busy_seconds: get(&meter.busy_ns) as f64 / 1e9,
                    waiting: get(&meter.waiting),
                })
                .collect(),
        }
    }

    fn meter(&self, stage: Stage) -> &Meter {
        // The variants of `Stage` are in the order of the work, as `STAGES` is.
        &self.meters[stage as usize]
    }
}

/// One more.
pub fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
