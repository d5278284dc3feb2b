//! The main job: photos of a source become rows of a catalogue.
//!
//! The work, each step at the same time as the others, with a bounded queue between them:
//!
//! 1. **list**: name the photos; leave out those that the catalogue has with the same etag;
//! 2. **fetch** (`fetchers` threads): read the bytes;
//! 3. **decode** (`decoders` threads): bytes → pixels and facts;
//! 4. **encode** (one thread an encoder): pixels → features, in batches of what is there;
//! 5. **tag**: features → tags, and the row is complete;
//! 6. **write** (the calling thread): rows and rejects → the catalogue, a batch at a time.
//!
//! A photo that cannot be used becomes a reject at its step and never stops the others. Rejects are
//! rows too. The run itself fails where the source cannot list, no encoder goes on, or the catalogue
//! cannot be written; what was written stays.
//!
//! **A crash loses nothing**: a photo is in the catalogue when its write came back, and only then
//! does the next run leave it out. Rows are keyed by URI: what was written twice is there once.
//!
//! **Memory** is bounded whatever the photos are: see [`IngestOptions::most_in_flight`]. Besides,
//! there are the URIs and etags of the catalogue, 65,536 photos listed ahead (so that the time left
//! can be told), and up to three times `write_rows` rows.

mod budget;
mod encode;
mod list;
mod options;
mod photo;
mod run;
mod tag;
mod write;

use std::io;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{Builder, Scope};
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};
use showroom_catalog::seams::{
    Catalogue, Encoder, ModelError, Source, SourceError, StoreError, Tagger,
};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::cancel::Cancel;
use crate::progress::{IngestSummary, Progress};
use budget::Budget;
pub use options::IngestOptions;
pub(crate) use photo::why_not_read;
use run::Run;
pub(crate) use tag::check_text;

/// Photos listed ahead of the work.
const LISTED_AHEAD: usize = 65_536;
/// Time between two calls of [`Progress::update`].
const UPDATE_EVERY: Duration = Duration::from_millis(100);

/// What a run is made of.
pub struct Parts<'a> {
    pub source: &'a dyn Source,
    /// At least one, all with the id that the catalogue was made with.
    pub encoders: Vec<Box<dyn Encoder>>,
    pub tagger: &'a dyn Tagger,
    pub catalogue: &'a dyn Catalogue,
}

/// Why a run ended before its end. What was written stays, and the same call again goes on there.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a thread cannot be started: {0}; try fewer decoders")]
    Thread(#[from] io::Error),
    /// The parts do not fit together: a mistake of whoever wired them.
    #[error("{0}")]
    Wiring(String),
}

/// Brings the photos of the source into the catalogue. Blocks; must not be called from async code.
/// The catalogue's futures run on `runtime`, which must be multi-threaded.
pub fn ingest(
    parts: Parts<'_>,
    options: IngestOptions,
    cancel: &Cancel,
    progress: &dyn Progress,
    runtime: &Handle,
) -> Result<IngestSummary, IngestError> {
    let Parts {
        source,
        encoders,
        tagger,
        catalogue,
    } = parts;
    check_wiring(&encoders, catalogue, runtime)?;
    let run = Run::new(options.at_least_one(), source, encoders.len(), cancel);
    let budget = Budget::new(run.options.max_pixel_bytes);
    let before = runtime.block_on(list::before(catalogue, run.options.retry_rejects))?;
    let (run, budget) = (&run, &budget);
    let dimensions = catalogue.manifest().dimensions;

    let (queue, rows) = (run.options.queue, run.options.write_rows);
    let (to_fetch, listed) = bounded(LISTED_AHEAD);
    let (to_decode, fetched) = bounded(queue);
    let (to_encode, decoded) = bounded(queue);
    let (to_tag, encoded) = bounded(rows);
    let (out, outcomes) = bounded(rows);

    std::thread::scope(|scope| {
        // Ends when the sender is dropped, at the end of this closure.
        let (_over, is_over) = bounded::<()>(0);
        let threads = move || -> io::Result<()> {
            let known = before.known;
            let sender = out.clone();
            spawn(scope, "list", move || {
                list::stage(run, known, to_fetch, sender)
            })?;
            for _ in 0..run.options.fetchers {
                let (from, to, out) = (listed.clone(), to_decode.clone(), out.clone());
                spawn(scope, "fetch", move || {
                    photo::fetch_stage(run, from, to, out)
                })?;
            }
            for _ in 0..run.options.decoders {
                let (from, to, out) = (fetched.clone(), to_encode.clone(), out.clone());
                spawn(scope, "decode", move || {
                    photo::decode_stage(run, budget, from, to, out)
                })?;
            }
            for encoder in encoders {
                let (from, to, out) = (decoded.clone(), to_tag.clone(), out.clone());
                let encoder = encode::Careful::new(encoder, dimensions);
                spawn(scope, "encode", move || {
                    encode::stage(run, budget, encoder, from, to, out)
                })?;
            }
            spawn(scope, "tag", move || {
                tag::stage(run, tagger, dimensions, encoded, out)
            })?;
            spawn(scope, "progress", move || {
                while is_over.recv_timeout(UPDATE_EVERY) == Err(RecvTimeoutError::Timeout) {
                    progress.update(&run.snapshot());
                }
            })
        };
        // From here on each channel's ends are held by the stages at its ends alone: when a stage
        // is gone, for whatever reason, those beside it see it and end too.
        if let Err(e) = threads() {
            run.fail(e);
            budget.close();
        }
        write::stage(run, catalogue, before.rejects, progress, runtime, outcomes);
    });

    let totals = run.snapshot();
    progress.update(&totals);
    match run.take_failure() {
        Some(failure) => Err(failure),
        None => {
            let complete = totals.listing_done && totals.handled == totals.to_do();
            let interrupted = cancel.is_cancelled() && !complete;
            let deleted = delete_missing(run, catalogue, runtime)?;
            Ok(IngestSummary {
                totals,
                deleted,
                deletion_held: run.counts.deletion_held.load(Relaxed),
                interrupted,
            })
        }
    }
}

/// Deletes what the source does not list any more; how many photos that were.
fn delete_missing(
    run: &Run<'_>,
    catalogue: &dyn Catalogue,
    runtime: &Handle,
) -> Result<u64, StoreError> {
    let missing = run.missing.lock().unwrap_or_else(PoisonError::into_inner);
    match missing.as_deref() {
        None | Some([]) => Ok(0),
        Some(missing) => Ok(runtime.block_on(catalogue.delete(missing))? as u64),
    }
}

fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() + Send + 'scope,
) -> io::Result<()> {
    Builder::new()
        .name(format!("showroom-{name}"))
        .spawn_scoped(scope, work)
        .map(drop)
}

fn check_wiring(
    encoders: &[Box<dyn Encoder>],
    catalogue: &dyn Catalogue,
    runtime: &Handle,
) -> Result<(), IngestError> {
    let wanted = &catalogue.manifest().encoder;
    if encoders.is_empty() {
        return Err(IngestError::Wiring("a run needs an encoder".to_string()));
    }
    if let Some(other) = encoders.iter().find(|encoder| encoder.id() != wanted) {
        let other = other.id();
        let problem = format!("the catalogue was made by encoder {wanted}, this run has {other}");
        return Err(IngestError::Wiring(problem));
    }
    if runtime.runtime_flavor() != RuntimeFlavor::MultiThread {
        return Err(IngestError::Wiring(
            "the runtime must be multi-threaded".to_string(),
        ));
    }
    Ok(())
}
