//! Step 4: pixels → features, in batches of what is there.
//!
//! A batch that fails as a whole is done again one photo at a time, so that one photo never takes
//! others with it. An encoder that fails on [`MOST_FAILURES`] photos one after the other, or on all
//! there are, is itself what is broken: the run ends with its error. The rejects of an encoder's
//! failures are tried again in every run, so that a broken encoder costs no photo.

use crossbeam_channel::{Receiver, Sender};
use showroom_catalog::embedding::Dimensions;
use showroom_catalog::seams::{Encoder, Features, ModelError};
use showroom_catalog::{Facts, Photo, PhotoId, PhotoRef, Product, Stage};

use super::budget::{Budget, Share};
use super::photo::Decoded;
use super::run::{Outcome, Run};
use crate::guard::guarded;

/// Photos in a row on which an encoder may fail before it is taken to be broken.
const MOST_FAILURES: usize = 3;

/// Code of the rejects of photos on which the encoder itself failed.
pub const ENCODER_FAILED: &str = "encoder-failed";

/// A photo whose pixels are done with.
pub struct Encoded {
    pub id: PhotoId,
    pub source: PhotoRef,
    pub product: Option<Product>,
    pub facts: Facts,
    pub features: Features,
}

/// Closes the budget when the encoder's thread ends, however it ends: decoders that wait for their
/// share would wait for ever.
struct CloseAtEnd<'a>(&'a Budget);

impl Drop for CloseAtEnd<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

pub fn stage(
    run: &Run<'_>,
    budget: &Budget,
    mut encoder: Careful,
    decoded: Receiver<Decoded<'_>>,
    to_tag: Sender<Encoded>,
    out: Sender<Outcome>,
) {
    let _close_at_end = CloseAtEnd(budget);
    while let Ok(first) = decoded.recv() {
        let (photos, products, shares) = batch(first, &decoded, run.options.batch);
        photos.iter().for_each(|_| run.received(Stage::Encode));
        let answers = run.busy(Stage::Encode, || encoder.encode(&photos));
        for ((photo, product), answer) in photos.into_iter().zip(products).zip(answers) {
            let Photo {
                id, source, facts, ..
            } = photo;
            let sent = match answer {
                Ok(features) => run.send(
                    Stage::Tag,
                    &to_tag,
                    Encoded {
                        id,
                        source,
                        product,
                        facts,
                        features,
                    },
                ),
                Err((code, reason)) => run.reject(Stage::Encode, source, code, reason, &out),
            };
            if !sent {
                return;
            }
        }
        drop(shares);
        if let Some(error) = encoder.broken.take() {
            return run.fail(error);
        }
    }
    if let Some(error) = encoder.never_worked() {
        run.fail(error);
    }
}

/// What is there, `most` photos at the most.
fn batch<'a>(
    first: Decoded<'a>,
    decoded: &Receiver<Decoded<'a>>,
    most: usize,
) -> (Vec<Photo>, Vec<Option<Product>>, Vec<Share<'a>>) {
    let rest = decoded.try_iter().take(most - 1);
    std::iter::once(first)
        .chain(rest)
        .map(|d| (d.photo, d.product, d.share))
        .collect()
}

/// Features of one photo, or code and reason of its reject.
type Answer = Result<Features, (&'static str, String)>;

/// An encoder whose failures and panics are held to the photos they came from.
pub struct Careful {
    encoder: Box<dyn Encoder>,
    dimensions: Dimensions,
    worked: bool,
    failures_in_row: usize,
    last_failure: Option<ModelError>,
    /// Set once the encoder is of no more use.
    broken: Option<ModelError>,
}

impl Careful {
    pub fn new(encoder: Box<dyn Encoder>, dimensions: Dimensions) -> Careful {
        Careful {
            encoder,
            dimensions,
            worked: false,
            failures_in_row: 0,
            last_failure: None,
            broken: None,
        }
    }

    /// One answer a photo, fewer where the encoder breaks.
    fn encode(&mut self, photos: &[Photo]) -> Vec<Answer> {
        if let Ok(answers) = self.attempt(photos) {
            self.worked = true;
            self.failures_in_row = 0;
            return answers;
        }
        let mut answers = Vec::with_capacity(photos.len());
        for photo in photos {
            match self.attempt(std::slice::from_ref(photo)) {
                Ok(one) => {
                    self.worked = true;
                    self.failures_in_row = 0;
                    answers.extend(one);
                }
                Err(error) => {
                    self.failures_in_row += 1;
                    // Weights that are missing or refused are no matter of this photo.
                    let is_final = matches!(error, ModelError::Missing(_) | ModelError::Refused(_));
                    if is_final || self.failures_in_row >= MOST_FAILURES {
                        self.broken = Some(error);
                        break;
                    }
                    let reason = format!(
                        "the encoder failed on this photo ({error}); it is tried again in the next run"
                    );
                    answers.push(Err((ENCODER_FAILED, reason)));
                    self.last_failure = Some(error);
                }
            }
        }
        answers
    }

    /// The error of an encoder that failed on every photo it was given.
    fn never_worked(self) -> Option<ModelError> {
        if self.worked { None } else { self.last_failure }
    }

    fn attempt(&mut self, photos: &[Photo]) -> Result<Vec<Answer>, ModelError> {
        let answers = guarded(|| self.encoder.encode(photos))
            .map_err(|said| ModelError::Failed(format!("the encoder panicked: {said}")))??;
        if answers.len() != photos.len() {
            let counts = (answers.len(), photos.len());
            let problem = format!(
                "the encoder gave {} answers for {} photos",
                counts.0, counts.1
            );
            return Err(ModelError::Failed(problem));
        }
        answers
            .into_iter()
            .map(|answer| self.check(answer))
            .collect()
    }

    /// Vectors of another length, or with a NaN in them, would spoil every search.
    fn check(&self, answer: Result<Features, String>) -> Result<Answer, ModelError> {
        let features = match answer {
            Ok(features) => features,
            Err(reason) => return Ok(Err(("not-encoded", reason))),
        };
        let expected = &self.dimensions;
        for (name, values, length) in [
            ("shape", &features.shape, expected.shape),
            ("colour", &features.colour, expected.colour),
            ("classes", &features.classes, expected.classes),
        ] {
            if values.len() != length {
                let found = values.len();
                return Err(ModelError::Failed(format!(
                    "the encoder gives {found} numbers for {name}, the catalogue keeps {length}"
                )));
            }
            if !values.iter().all(|value| value.is_finite()) {
                let reason = format!("the encoder made numbers for {name} that are not finite");
                return Ok(Err(("not-finite", reason)));
            }
        }
        Ok(Ok(features))
    }
}
