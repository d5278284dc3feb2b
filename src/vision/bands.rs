//! What the scores of an encoder mean, measured on labelled shop photos.

use showroom_catalog::bands::{Bands, PhotoBands, WordBands};

/// Encoders whose ids begin so share the thresholds.
const MEASURED: &str = "efficientnet-lite2@";

/// Measured on 258 labelled shop photos (202 items, 84 types of product, 66,306 pairs; tuned on the same
/// photos, so expect less of others).
///
/// *Same product*, the mean of shape and colour: from .88 on, .71 of all pairs and .80 of first hits are
/// the same item, which finds .70 of the pairs of photos of one item; of the wrong ones a sixth is the same
/// model in another colour. A logistic regression weighs shape and colour alike here, and for the
/// others shape ten times as much as colour, which is why they look at shape alone.
///
/// *Similar*, shape: from .80 on, .57 of the first five hits are of the same type (the rest mostly of a
/// neighbouring one); where there is another photo of the type, .68 of searches have a hit so called.
///
/// *Related*, shape: from .45 on, .98 of the first five hits are of the same top-level category. Where a
/// photo's whole category was hidden, .88 of searches said *no good match*; where it was there, .06 did.
///
/// Words, on 69 searches with what counts as right. Without colours: from .40 on, .78 of the first five
/// hits are right or acceptable; from .20 on, .99 of them are of the right top-level category, and where
/// the whole category was hidden, .88 of searches said *no good match*. With colours (17 searches): .67
/// from .65 on, .93 from .50 on, and .88. Colours alone (15 searches): .68 from .45 on have that main
/// colour and .76 a neighbouring one; from .30 on it is .39 and .50, which finds .89 of all.
const EFFICIENTNET_LITE2: Bands = Bands {
    photo: PhotoBands {
        same_product: 0.88,
        similar: 0.80,
        related: 0.45,
    },
    words: WordBands {
        similar: 0.40,
        related: 0.20,
    },
    coloured_words: WordBands {
        similar: 0.65,
        related: 0.50,
    },
    colour_words: WordBands {
        similar: 0.45,
        related: 0.30,
    },
};

/// `None` where nobody has measured the encoder: its hits have scores and no names.
pub fn bands_of(encoder: &str) -> Option<Bands> {
    encoder.starts_with(MEASURED).then_some(EFFICIENTNET_LITE2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_in_order_and_only_of_what_was_measured() {
        let bands = bands_of("efficientnet-lite2@9656183e+u2netp@309c8469+product-1").unwrap();
        assert!(bands.photo.similar > bands.photo.related && bands.photo.related > 0.0);
        for words in [bands.words, bands.coloured_words, bands.colour_words] {
            assert!(words.similar > words.related && words.related > 0.0);
        }
        assert_eq!(bands_of("efficientnet-lite0@00000000"), None);
        assert_eq!(bands_of("clip"), None);
    }
}
