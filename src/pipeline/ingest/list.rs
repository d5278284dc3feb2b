//! Step 1: name the photos, and leave out those that were dealt with already.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use showroom_catalog::seams::{Catalogue, StoreError};
use showroom_catalog::{PhotoRef, Reject, Stage};

use super::encode::ENCODER_FAILED;
use super::run::{Outcome, Run, count};

/// What the catalogue knew before the run.
pub struct Before {
    pub known: HashMap<String, Known>,
    /// By URI.
    pub rejects: HashMap<String, Reject>,
}

/// What is known of one URI.
pub struct Known {
    /// `None` where it is to be dealt with whatever its etag is.
    etag: Option<String>,
    is_reject: bool,
    /// Whether the source named it in this run: a photo that is named twice is taken once.
    listed: bool,
}

/// What the catalogue knows. Its rejects are tried again where what went wrong may be mended
/// without the file changing: it could not be listed or fetched, the encoder failed, or the caller
/// says so.
pub async fn before(catalogue: &dyn Catalogue, retry: bool) -> Result<Before, StoreError> {
    let seen = catalogue.seen().await?;
    let rejects = catalogue.rejects().await?;
    let known = |(uri, etag)| {
        (
            uri,
            Known {
                etag: Some(etag),
                is_reject: false,
                listed: false,
            },
        )
    };
    let mut known: HashMap<_, _> = seen.into_iter().map(known).collect();
    for reject in &rejects {
        if let Some(known) = known.get_mut(&reject.source.uri) {
            known.is_reject = true;
            let is_mendable =
                matches!(reject.stage, Stage::List | Stage::Fetch) || reject.code == ENCODER_FAILED;
            if retry || is_mendable {
                known.etag = None;
            }
        }
    }
    let by_uri = |reject: Reject| (reject.source.uri.clone(), reject);
    Ok(Before {
        known,
        rejects: rejects.into_iter().map(by_uri).collect(),
    })
}

pub fn stage(
    run: &Run<'_>,
    known: HashMap<String, Known>,
    to_fetch: Sender<PhotoRef>,
    out: Sender<Outcome>,
) {
    let mut lister = Lister {
        run,
        known,
        to_fetch,
        out,
        waited: Duration::ZERO,
        cut_short: false,
    };
    let began = Instant::now();
    let listed = run.source.list(&mut |found| {
        lister.cut_short = !lister.take(found);
        !lister.cut_short
    });
    // Waiting for a full queue is no work.
    run.add_busy(Stage::List, began.elapsed().saturating_sub(lister.waited));
    match listed {
        Ok(()) => run.counts.listing_done.store(!lister.cut_short, Relaxed),
        Err(e) => run.fail(e),
    }
}

struct Lister<'a> {
    run: &'a Run<'a>,
    known: HashMap<String, Known>,
    to_fetch: Sender<PhotoRef>,
    out: Sender<Outcome>,
    waited: Duration,
    /// Whether the source was told to stop before its end.
    cut_short: bool,
}

impl Lister<'_> {
    /// Whether to go on.
    fn take(&mut self, found: Result<PhotoRef, Reject>) -> bool {
        if self.run.stopping() {
            return false;
        }
        let photo = match &found {
            Ok(photo) => photo,
            Err(reject) => &reject.source,
        };
        if !self.is_to_do(photo) {
            return true;
        }
        let began = Instant::now();
        let sent = match found {
            Ok(photo) => self.run.send(Stage::Fetch, &self.to_fetch, photo),
            Err(reject) => self
                .run
                .send(Stage::Write, &self.out, Outcome::Reject(reject)),
        };
        self.waited += began.elapsed();
        sent
    }

    fn is_to_do(&mut self, photo: &PhotoRef) -> bool {
        let counts = &self.run.counts;
        let Some(known) = self.known.get_mut(&photo.uri) else {
            count(&counts.listed);
            let known = Known {
                etag: None,
                is_reject: false,
                listed: true,
            };
            self.known.insert(photo.uri.clone(), known);
            return true;
        };
        if std::mem::replace(&mut known.listed, true) {
            return false;
        }
        count(&counts.listed);
        if known.etag.as_ref() == Some(&photo.etag) {
            count(&counts.unchanged);
            if known.is_reject {
                count(&counts.rejected_before);
            }
            return false;
        }
        if !known.is_reject {
            let mut changed = self
                .run
                .changed
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            changed.insert(photo.uri.clone());
        }
        true
    }
}
