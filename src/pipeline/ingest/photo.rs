//! Steps 2 and 3, of one photo alone: read its bytes, make pixels of them.

use crossbeam_channel::{Receiver, Sender};
use showroom_catalog::seams::{FoundProduct, SourceError};
use showroom_catalog::{Photo, Product, Stage};
use showroom_pixels::{decode, photo_id};

use super::budget::{Budget, Share};
use super::run::{Outcome, Run};
use crate::guard::guarded;

/// A file in memory.
pub struct Fetched {
    source: FoundProduct,
    bytes: Vec<u8>,
}

/// A photo in memory, with its share of the pixel budget.
pub struct Decoded<'a> {
    pub photo: Photo,
    pub product: Option<Product>,
    pub share: Share<'a>,
}

pub fn fetch_stage(
    run: &Run<'_>,
    listed: Receiver<FoundProduct>,
    to_decode: Sender<Fetched>,
    out: Sender<Outcome>,
) {
    let max_bytes = run.options.decode.limits.max_bytes;
    for source in run.receive(Stage::Fetch, &listed) {
        // What is listed but not read is not in flight: the next run takes it.
        if run.stopping() {
            return;
        }
        let fetched = run.busy(Stage::Fetch, || run.source.fetch(&source.photo, max_bytes));
        let sent = match fetched {
            Ok(bytes) => run.send(Stage::Decode, &to_decode, Fetched { source, bytes }),
            Err(e) => {
                let (code, reason) = why_not_read(&e);
                run.reject(Stage::Fetch, source.photo, code, reason, &out)
            }
        };
        if !sent {
            return;
        }
    }
}

/// Code and reason. The reason does not name the photo, as the reject does.
pub fn why_not_read(error: &SourceError) -> (&'static str, String) {
    match error {
        SourceError::NotFound { .. } => (
            "not-found",
            "the file vanished while the run went on".to_string(),
        ),
        SourceError::TooLarge { bytes, limit, .. } => {
            let size = format!("the file is {bytes} bytes, more than the limit of {limit}");
            (
                "too-many-bytes",
                format!("{size}; raise --max-bytes to take it"),
            )
        }
        SourceError::Unreadable { reason, .. } => {
            ("unreadable", format!("the file cannot be read: {reason}"))
        }
    }
}

pub fn decode_stage<'a>(
    run: &Run<'_>,
    budget: &'a Budget,
    fetched: Receiver<Fetched>,
    to_encode: Sender<Decoded<'a>>,
    out: Sender<Outcome>,
) {
    for Fetched { source, bytes } in run.receive(Stage::Decode, &fetched) {
        let FoundProduct {
            photo: source,
            product,
        } = source;
        // A decoder that panics on a photo has a bug; the photo is refused and the others go on.
        let decoded = run.busy(Stage::Decode, || {
            guarded(|| decode(&bytes, &run.options.decode).map(|d| (photo_id(&bytes), d)))
        });
        drop(bytes);
        let sent = match decoded {
            Ok(Ok((id, decoded))) => {
                let photo = Photo {
                    id,
                    source,
                    pixels: decoded.pixels,
                    facts: decoded.facts,
                };
                let Some(share) = budget.take(photo.pixels.rgba.len() as u64) else {
                    return;
                };
                let decoded = Decoded {
                    photo,
                    product,
                    share,
                };
                run.send(Stage::Encode, &to_encode, decoded)
            }
            Ok(Err(e)) => run.reject(Stage::Decode, source, e.code(), e.to_string(), &out),
            Err(said) => {
                let reason =
                    format!("the decoder failed on this file ({said}); save it again as a JPEG");
                run.reject(Stage::Decode, source, "decoder-failed", reason, &out)
            }
        };
        if !sent {
            return;
        }
    }
}
