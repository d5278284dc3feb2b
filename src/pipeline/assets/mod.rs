//! Files made of photos: a cut-out of each, a backdrop, renditions.
//!
//! The work: list the photos; each worker reads a photo's bytes, asks its [`Maker`] what is to be made of
//! them, leaves alone what the [`Sink`] has already, and makes and keeps the rest. A photo that cannot
//! be used becomes a reject and never stops the others. The run fails where the source cannot list, a
//! model cannot go on or nothing can be kept; what was kept stays, and the same call goes on there.
//!
//! **Memory** is bounded by one photo a worker: its bytes, its pixels and what is made of them.

mod folder_sink;
mod list;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, Scope};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};
use serde::Serialize;
use showroom_catalog::product::file_of;
use showroom_catalog::seams::{Maker, ModelError, Sink, SinkError, Source, SourceError};
use showroom_catalog::{Asset, PhotoRef, Reject, Stage};
use showroom_pixels::photo_id;

pub use folder_sink::FolderSink;
pub use list::PhotoList;

use crate::cancel::Cancel;
use crate::clock::now_ms;
use crate::guard::guarded;
use crate::ingest::why_not_read;

/// Photos listed ahead of the work.
const LISTED_AHEAD: usize = 65_536;
/// The longest name of a photo in the names of its files, in bytes.
const MAX_STEM: usize = 120;

/// What a run is made of.
pub struct AssetParts<'a> {
    pub source: &'a dyn Source,
    /// At least one; each has a thread of its own.
    pub makers: Vec<Box<dyn Maker>>,
    pub sink: &'a dyn Sink,
}

/// How a run goes.
#[derive(Clone, Copy, Debug)]
pub struct AssetOptions {
    /// Largest photo that is read, in bytes.
    pub max_bytes: u64,
    /// Makes again what is there already.
    pub again: bool,
}

/// What happened to one photo.
#[derive(Clone, Debug, PartialEq)]
pub enum AssetEvent {
    /// Its files are there; `made` where they were not before.
    Done {
        assets: Vec<Asset>,
        made: bool,
    },
    Rejected(Reject),
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct AssetSummary {
    /// Photos that the source named, with what it could not list.
    pub listed: u64,
    /// Whether `listed` is final.
    pub listing_done: bool,
    /// Photos of which files were made.
    pub made: u64,
    /// Photos whose files were there already.
    pub kept: u64,
    /// Photos that could not be used.
    pub rejected: u64,
    /// Photos with a file that a person should look at, made now or earlier.
    pub flagged: u64,
    /// Since the run began.
    pub seconds: f64,
    /// Whether the user stopped it before its end.
    pub interrupted: bool,
}

impl AssetSummary {
    /// Photos that are dealt with.
    pub fn handled(&self) -> u64 {
        self.made + self.kept + self.rejected
    }
}

/// Why a run ended before its end. What was kept stays.
#[derive(Debug, thiserror::Error)]
pub enum AssetError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Sink(#[from] SinkError),
    #[error("a thread cannot be started: {0}; try fewer with --threads")]
    Thread(#[from] io::Error),
}

/// What the threads of a run share.
struct Run<'a> {
    source: &'a dyn Source,
    sink: &'a dyn Sink,
    options: AssetOptions,
    cancel: &'a Cancel,
    failed: AtomicBool,
    failure: Mutex<Option<AssetError>>,
    listed: AtomicU64,
    listing_done: AtomicBool,
}

/// Makes the files of every photo of the source. `each` is called for every photo, in the order in which
/// they are done, on the calling thread. Blocks.
pub fn make_assets(
    parts: AssetParts<'_>,
    options: AssetOptions,
    cancel: &Cancel,
    each: &mut dyn FnMut(&AssetEvent, &AssetSummary),
) -> Result<AssetSummary, AssetError> {
    let AssetParts {
        source,
        makers,
        sink,
    } = parts;
    let run = &Run {
        source,
        sink,
        options,
        cancel,
        failed: AtomicBool::new(false),
        failure: Mutex::new(None),
        listed: AtomicU64::new(0),
        listing_done: AtomicBool::new(false),
    };
    let began = Instant::now();
    let mut summary = AssetSummary::default();
    let (to_work, listed) = bounded(LISTED_AHEAD);
    let (out, events) = bounded(makers.len().max(1));
    std::thread::scope(|scope| {
        let start = move || -> io::Result<()> {
            spawn(scope, "list", move || run.list(&to_work))?;
            for maker in makers {
                let (listed, out) = (listed.clone(), out.clone());
                spawn(scope, "make", move || run.work(maker, &listed, &out))?;
            }
            Ok(())
        };
        if let Err(error) = start() {
            run.fail(error.into());
        }
        for event in &events {
            summary.count(&event);
            summary.listed = run.listed.load(Ordering::Relaxed);
            summary.listing_done = run.listing_done.load(Ordering::Relaxed);
            summary.seconds = began.elapsed().as_secs_f64();
            each(&event, &summary);
        }
    });
    let failure = run
        .failure
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some(failure) = failure {
        return Err(failure);
    }
    summary.listed = run.listed.load(Ordering::Relaxed);
    summary.listing_done = run.listing_done.load(Ordering::Relaxed);
    summary.seconds = began.elapsed().as_secs_f64();
    summary.interrupted =
        cancel.is_cancelled() && !(summary.listing_done && summary.handled() == summary.listed);
    Ok(summary)
}

fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() + Send + 'scope,
) -> io::Result<()> {
    Builder::new()
        .name(name.to_string())
        .spawn_scoped(scope, work)
        .map(drop)
}

impl AssetSummary {
    fn count(&mut self, event: &AssetEvent) {
        match event {
            AssetEvent::Rejected(_) => self.rejected += 1,
            AssetEvent::Done { assets, made } => {
                match made {
                    true => self.made += 1,
                    false => self.kept += 1,
                }
                self.flagged += u64::from(assets.iter().any(|asset| !asset.flags.is_empty()));
            }
        }
    }
}

impl Run<'_> {
    fn stopping(&self) -> bool {
        self.cancel.is_cancelled() || self.failed.load(Ordering::Relaxed)
    }

    fn fail(&self, error: AssetError) {
        let mut slot = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        slot.get_or_insert(error);
        self.failed.store(true, Ordering::Relaxed);
    }

    fn list(&self, to_work: &Sender<Result<PhotoRef, Reject>>) {
        let listed = self.source.list(&mut |found| {
            if self.stopping() {
                return false;
            }
            self.listed.fetch_add(1, Ordering::Relaxed);
            to_work.send(found).is_ok()
        });
        match listed {
            Ok(()) => self.listing_done.store(!self.stopping(), Ordering::Relaxed),
            Err(error) => self.fail(error.into()),
        }
    }

    fn work(
        &self,
        mut maker: Box<dyn Maker>,
        listed: &Receiver<Result<PhotoRef, Reject>>,
        out: &Sender<AssetEvent>,
    ) {
        for found in listed {
            if self.stopping() {
                return;
            }
            let event = match found {
                Ok(source) => self.one(maker.as_mut(), source),
                Err(reject) => Ok(AssetEvent::Rejected(reject)),
            };
            let sent = event.map(|event| out.send(event).is_ok());
            match sent {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.fail(error),
            }
        }
    }

    /// The files of one photo.
    fn one(&self, maker: &mut dyn Maker, source: PhotoRef) -> Result<AssetEvent, AssetError> {
        let bytes = match self.source.fetch(&source, self.options.max_bytes) {
            Ok(bytes) => bytes,
            Err(error) => {
                let (code, reason) = why_not_read(&error, false);
                return Ok(rejected(source, Stage::Fetch, code, reason));
            }
        };
        let (photo, stem) = (photo_id(&bytes), stem(&source.uri));
        let planned = maker.plan(photo);
        if !self.options.again {
            let there = planned
                .iter()
                .map(|planned| self.sink.get(&stem, planned))
                .collect::<Result<Option<Vec<_>>, _>>()?;
            if let Some(assets) = there {
                return Ok(AssetEvent::Done {
                    assets,
                    made: false,
                });
            }
        }
        // A decoder or a model that panics on a photo has a bug; the photo is refused and the others go on.
        let made = match guarded(|| maker.make(photo, &bytes)) {
            Ok(made) => made?,
            Err(said) => {
                let reason =
                    format!("the program failed on this photo ({said}); save it again as a JPEG");
                return Ok(rejected(source, Stage::Encode, "maker-failed", reason));
            }
        };
        match made {
            Ok(made) => {
                let keep = made
                    .into_iter()
                    .map(|made| self.sink.put(&stem, &source, photo, made));
                let assets = keep.collect::<Result<_, _>>()?;
                Ok(AssetEvent::Done { assets, made: true })
            }
            Err(bad) => Ok(rejected(source, bad.stage, &bad.code, bad.reason)),
        }
    }
}

fn rejected(source: PhotoRef, stage: Stage, code: &str, reason: String) -> AssetEvent {
    AssetEvent::Rejected(Reject {
        source,
        stage,
        code: code.to_string(),
        reason,
        rejected_at_ms: now_ms(),
    })
}

/// What a photo is called: its file's name without the ending.
fn stem(uri: &str) -> String {
    let name = Path::new(file_of(uri))
        .file_stem()
        .map(|stem| stem.to_string_lossy());
    let name = name.as_deref().unwrap_or("photo");
    name[..name.floor_char_boundary(MAX_STEM)].to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_is_called_as_its_file_within_bounds() {
        assert_eq!(stem("/photos/SHOE-1.front.jpg"), "SHOE-1.front");
        assert_eq!(stem("s3://bucket/a/b.png"), "b");
        assert_eq!(stem("/"), "photo");
        assert_eq!(stem(&format!("/{}.jpg", "é".repeat(100))), "é".repeat(60));
    }
}
