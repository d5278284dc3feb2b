//! `showroom ingest --watch`: looks again and again, and takes in whatever changed.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use showroom_catalog::Photo;
use showroom_catalog::seams::{Encoder, Features, ModelError};
use showroom_pipeline::{Cancel, fingerprint};

use crate::config::Config;
use crate::exit::Failure;

/// Looks at a source that changes each time before it is taken in all the same.
const MOST_LOOKS: usize = 10;
/// The longest that Ctrl-C waits for.
const NAP: Duration = Duration::from_millis(50);

/// Calls `look` for the source as it is now, and `take` where it is not what it was when it was last
/// taken, until the user asks to stop. What changes is taken once it stays the same for one look, so
/// that a photo that is being copied is not read by halves. A look that fails is told and tried again.
pub fn watch<S: showroom_catalog::seams::Source>(
    config: &Config,
    every: Duration,
    cancel: &Cancel,
    mut look: impl FnMut() -> Result<S, Failure>,
    mut take: impl FnMut(&S) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut taken = None;
    let mut last = None;
    let mut changes = 0;
    let mut told = String::new();
    while !cancel.is_cancelled() {
        match look().and_then(|source| Ok((fingerprint(&source)?, source))) {
            Ok((now, source)) => {
                told.clear();
                let has_settled = last == Some(now) || taken.is_none() || changes >= MOST_LOOKS;
                if taken != Some(now) && has_settled {
                    match take(&source) {
                        Ok(()) => taken = Some(now),
                        // The next look tries again: another process writes just now.
                        Err(failure @ Failure::Store(_)) => config.say(&failure),
                        Err(failure) => return Err(failure),
                    }
                    changes = 0;
                } else if taken != Some(now) {
                    changes += 1;
                }
                last = Some(now);
            }
            Err(failure) => {
                let sentence = failure.to_string();
                if sentence != told {
                    config.say(&sentence);
                }
                told = sentence;
            }
        }
        let began = Instant::now();
        while began.elapsed() < every && !cancel.is_cancelled() {
            sleep(NAP.min(every));
        }
    }
    Ok(())
}

/// An encoder that is used again in the next round.
pub struct Lent {
    id: String,
    encoder: Arc<Mutex<Box<dyn Encoder>>>,
}

impl Lent {
    pub fn all(encoders: Vec<Box<dyn Encoder>>) -> Vec<Lent> {
        let lent = |encoder: Box<dyn Encoder>| Lent {
            id: encoder.id().to_string(),
            encoder: Arc::new(Mutex::new(encoder)),
        };
        encoders.into_iter().map(lent).collect()
    }

    pub fn again(all: &[Lent]) -> Vec<Box<dyn Encoder>> {
        let lend = |lent: &Lent| -> Box<dyn Encoder> {
            Box::new(Lent {
                id: lent.id.clone(),
                encoder: lent.encoder.clone(),
            })
        };
        all.iter().map(lend).collect()
    }
}

impl Encoder for Lent {
    fn id(&self) -> &str {
        &self.id
    }

    fn encode(&mut self, photos: &[Photo]) -> Result<Vec<Result<Features, String>>, ModelError> {
        let mut encoder = self.encoder.lock().unwrap_or_else(PoisonError::into_inner);
        encoder.encode(photos)
    }
}
