//! What the scores of an encoder mean, measured on labelled shop photos.

use showroom_catalog::bands::{Bands, Thresholds};

/// Encoders whose ids begin so share the thresholds.
const MEASURED: &str = "efficientnet-lite2@";

const NEVER: f32 = f32::INFINITY;

const EFFICIENTNET_LITE2: Bands = Bands {
    look: Thresholds {
        same_product: 0.80,
        similar: 0.60,
        related: 0.45,
    },
    shape: Thresholds {
        same_product: 0.80,
        similar: 0.60,
        related: 0.45,
    },
    words: Thresholds {
        same_product: NEVER,
        similar: 0.5,
        related: 0.3,
    },
    colour_words: Thresholds {
        same_product: NEVER,
        similar: 0.5,
        related: 0.3,
    },
};

/// `None` where nobody has measured the encoder: its hits have scores and no names.
pub fn bands_of(encoder: &str) -> Option<Bands> {
    encoder.starts_with(MEASURED).then_some(EFFICIENTNET_LITE2)
}
