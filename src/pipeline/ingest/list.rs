//! Step 1: name the photos, and leave out those that were dealt with already.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use showroom_catalog::product::split_etag;
use showroom_catalog::seams::{Catalogue, FoundProduct, StoreError};
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
    etag: String,
    /// Whether it is to be dealt with whatever its etag is.
    again: bool,
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
                etag,
                again: false,
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
                known.again = true;
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
    to_fetch: Sender<FoundProduct>,
    out: Sender<Outcome>,
) {
    let mut lister = Lister {
        run,
        known,
        to_fetch,
        out,
        waited: Duration::ZERO,
        cut_short: false,
        is_whole: true,
    };
    let began = Instant::now();
    let listed = run.source.list_products(&mut |found| {
        lister.cut_short = !lister.take(found);
        !lister.cut_short
    });
    // Waiting for a full queue is no work.
    run.add_busy(Stage::List, began.elapsed().saturating_sub(lister.waited));
    match listed {
        Ok(()) if lister.cut_short => {}
        Ok(()) => {
            run.counts.listing_done.store(true, Relaxed);
            lister.tell_missing();
        }
        Err(e) => run.fail(e),
    }
}

struct Lister<'a> {
    run: &'a Run<'a>,
    known: HashMap<String, Known>,
    to_fetch: Sender<FoundProduct>,
    out: Sender<Outcome>,
    waited: Duration,
    /// Whether the source was told to stop before its end.
    cut_short: bool,
    /// Whether all of the source could be read, so that what it does not list is gone.
    is_whole: bool,
}

impl Lister<'_> {
    /// Whether to go on.
    fn take(&mut self, found: Result<FoundProduct, Reject>) -> bool {
        if self.run.stopping() {
            return false;
        }
        if let Err(reject) = &found {
            self.is_whole &= !HIDES_OTHERS.contains(&reject.code.as_str());
        }
        let (photo, knows_products) = match &found {
            Ok(found) => (&found.photo, found.product.is_some()),
            Err(reject) => (&reject.source, false),
        };
        let todo = self.todo(photo, knows_products);
        let began = Instant::now();
        let sent = match (todo, found) {
            (Todo::Nothing, _) => return true,
            (Todo::Product, Ok(found)) => {
                let outcome = Outcome::Product(Box::new(found));
                self.run.send(Stage::Write, &self.out, outcome)
            }
            (_, Ok(found)) => self.run.send(Stage::Fetch, &self.to_fetch, found),
            (_, Err(reject)) => self
                .run
                .send(Stage::Write, &self.out, Outcome::Reject(reject)),
        };
        self.waited += began.elapsed();
        sent
    }

    fn todo(&mut self, photo: &PhotoRef, knows_products: bool) -> Todo {
        let counts = &self.run.counts;
        let Some(known) = self.known.get_mut(&photo.uri) else {
            count(&counts.listed);
            let known = Known {
                etag: String::new(),
                again: true,
                is_reject: false,
                listed: true,
            };
            self.known.insert(photo.uri.clone(), known);
            return Todo::Photo;
        };
        if std::mem::replace(&mut known.listed, true) {
            return Todo::Nothing;
        }
        count(&counts.listed);
        let (old_file, old_product) = split_etag(&known.etag);
        let (file, product) = split_etag(&photo.etag);
        let same_file = !known.again && old_file == file;
        if same_file && !known.is_reject && knows_products && old_product != product {
            return Todo::Product;
        }
        if same_file {
            count(&counts.unchanged);
            if known.is_reject {
                count(&counts.rejected_before);
            }
            return Todo::Nothing;
        }
        if !known.is_reject {
            let insert = |into: &Mutex<HashSet<String>>| {
                let mut into = into.lock().unwrap_or_else(PoisonError::into_inner);
                into.insert(photo.uri.clone());
            };
            insert(&self.run.changed);
            if !knows_products && old_product.is_some() {
                insert(&self.run.kept);
            }
        }
        Todo::Photo
    }

    /// Notes what the source does not list any more and listed before.
    fn tell_missing(&mut self) {
        let run = self.run;
        // A source that lists nothing at all is a disk that is not there rather than a shop that
        // sells nothing.
        let may_delete =
            run.options.delete_missing && self.is_whole && run.counts.listed.load(Relaxed) > 0;
        let missing = self
            .known
            .iter()
            .filter(|(uri, known)| {
                !known.listed
                    && (run.source.is_note(uri) || may_delete && run.source.owns(uri, &known.etag))
            })
            .map(|(uri, _)| uri.clone());
        let missing = Some(missing.collect());
        *run.missing.lock().unwrap_or_else(PoisonError::into_inner) = missing;
        run.counts
            .deletion_held
            .store(run.options.delete_missing && !may_delete, Relaxed);
    }
}

/// What there is to do about a photo.
enum Todo {
    Nothing,
    /// The file is as it was; what the feed says of it is not.
    Product,
    Photo,
}

/// Codes of rejects behind which photos may hide that are there: while there is one, nothing is taken
/// to be gone.
const HIDES_OTHERS: [&str; 3] = ["unreadable-folder", "bad-row", "no-sku"];
