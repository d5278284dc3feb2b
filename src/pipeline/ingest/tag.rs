//! Step 5: features → tags, and the row is complete.

use crossbeam_channel::{Receiver, Sender};
use showroom_catalog::decide::settle;
use showroom_catalog::embedding::Dimensions;
use showroom_catalog::seams::{ModelError, Tagged, Tagger};
use showroom_catalog::{Facts, Record, Stage, Vectors};

use super::encode::Encoded;
use super::run::{Outcome, Run};
use crate::clock::now_ms;
use crate::guard::guarded;

pub fn stage(
    run: &Run<'_>,
    tagger: &dyn Tagger,
    dimensions: Dimensions,
    encoded: Receiver<Encoded>,
    out: Sender<Outcome>,
) {
    for photo in run.receive(Stage::Tag, &encoded) {
        let features = &photo.features;
        let tagged = run.busy(Stage::Tag, || {
            guarded(|| tagger.tag(&features.classes, &features.colours))
        });
        let sent = match tagged {
            Ok(mut tagged) => match check_text(tagged.text.len(), dimensions) {
                Ok(()) => {
                    if tagged.text.is_empty() {
                        tagged.text.clone_from(&photo.features.shape);
                    }
                    let mut record = record(photo, tagged, tagger.id());
                    settle(&mut record, &run.options.decisions);
                    run.send(Stage::Write, &out, Outcome::Record(Box::new(record)))
                }
                Err(e) => return run.fail(e),
            },
            Err(said) => {
                let reason = format!("the tagger failed on this photo: {said}");
                run.reject(Stage::Tag, photo.source, "tagger-failed", reason, &out)
            }
        };
        if !sent {
            return;
        }
    }
}

/// Text vectors of another length than the catalogue's are a tagger for another catalogue. None at all
/// stands for the shape vector, which then must be as long.
pub fn check_text(length: usize, dimensions: Dimensions) -> Result<(), ModelError> {
    if length == dimensions.text || (length == 0 && dimensions.text == dimensions.shape) {
        return Ok(());
    }
    let expected = dimensions.text;
    Err(ModelError::Failed(format!(
        "the tagger gives {length} numbers for text, the catalogue keeps {expected}"
    )))
}

fn record(photo: Encoded, tagged: Tagged, tagger: &str) -> Record {
    let Encoded {
        id,
        source,
        product,
        facts,
        features,
    } = photo;
    let product = product.unwrap_or_default();
    Record {
        id,
        source,
        title: product.title,
        attributes: product.attributes,
        facts: Facts {
            product_share: features.product_share,
            ..facts
        },
        category: tagged.category,
        colours: features.colours,
        labels: tagged.labels,
        classes: features.classes,
        vectors: Vectors {
            shape: features.shape,
            colour: features.colour,
            text: tagged.text,
        },
        tagger: tagger.to_string(),
        ingested_at_ms: now_ms(),
    }
}
