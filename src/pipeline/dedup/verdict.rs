//! Evidence → what two photos are to each other, and why.
//!
//! The numbers were chosen with the default models on 600 copies made of 150 photos in twelve ways, and on
//! 258 labelled shop photos of 202 products, all of them in view: expect less on others. There, of the
//! copies .97 were told to be near and .98 of the near pairs were copies; of the other views of a product
//! .63 were told, .71 of the pairs so told were views; of the other colours .28, and .65 of those
//! told were.

use showroom_catalog::{Evidence, Overlap, PairKind};

use super::hashes::RADIUS;

/// Shapes that are less alike than this are no candidates: nine of ten photos cut down by a fifth are
/// above it.
pub const LEAST_SHAPE: f32 = 0.75;

/// Shapes that are so alike, or less but with colours that are, may be of one picture.
const MAY_BE_COPY_SHAPE: f32 = 0.88;
const MAY_BE_COPY_COLOUR: f32 = 0.85;

/// Pictures are the same where they correlate so much, in luma and in what is finer than shapes: 95 of
/// 100 copies are above .78 in detail, 95 of 100 photos of other products below .6.
const SAME_LUMA: f32 = 0.94;
const SAME_DETAIL: f32 = 0.72;
/// … or so much where the hashes agree: what was made small and large again has lost its detail.
const SAME_BITS_DETAIL: f32 = 0.45;
/// … and of another colour from this distance in a\* and b\* on, or from the lesser one where the
/// colours of the products differ too (a small product on a large ground).
const OTHER_CHROMA: f32 = 9.0;
const MAYBE_OTHER_CHROMA: f32 = 3.5;
const MAYBE_OTHER_COLOUR: f32 = 0.6;

/// Without the pictures, hashes that differ in so few bits are of one picture, if the shapes do not
/// say otherwise; its colour is another below the cosine.
const SAME_BITS: u32 = 4;
const SAME_BITS_SHAPE: f32 = 0.6;
const SAME_BITS_COLOUR: f32 = 0.6;

/// The same product from elsewhere.
const VIEW_SHAPE: f32 = 0.80;
const VIEW_COLOUR: f32 = 0.90;

/// The same product in another colour.
const VARIANT_SHAPE: f32 = 0.88;
const VARIANT_COLOUR: f32 = 0.75;

/// Whether laying the pictures over one another can change the verdict.
pub fn needs_pictures(evidence: &Evidence) -> bool {
    let colours_agree = evidence
        .colour
        .is_none_or(|colour| colour >= MAY_BE_COPY_COLOUR);
    evidence.phash_bits <= RADIUS
        || evidence.shape >= MAY_BE_COPY_SHAPE
        || evidence.shape >= LEAST_SHAPE && colours_agree
}

/// `None` where they have nothing to do with each other.
pub fn verdict(evidence: &Evidence) -> Option<(PairKind, String)> {
    let copy = match evidence.overlap {
        Some(overlap) => by_picture(&overlap, evidence),
        None => by_hash(evidence),
    };
    copy.or_else(|| by_vectors(evidence))
}

fn by_picture(overlap: &Overlap, evidence: &Evidence) -> Option<(PairKind, String)> {
    let Overlap {
        share,
        luma,
        detail,
        chroma,
        mirrored,
    } = *overlap;
    let least_detail = if evidence.phash_bits <= SAME_BITS {
        SAME_BITS_DETAIL
    } else {
        SAME_DETAIL
    };
    if luma < SAME_LUMA || detail < least_detail {
        return None;
    }
    let mut how = match share {
        0.97.. => "the same picture".to_string(),
        share => format!("one is a part of the other ({:.0} %)", share * 100.0),
    };
    if mirrored {
        how += ", mirrored";
    }
    let numbers = format!("luma {luma:.3}, detail {detail:.2}, colours {chroma:.1} apart");
    let colours_differ = (evidence.colour).is_some_and(|colour| colour < MAYBE_OTHER_COLOUR);
    let other_colour = chroma > OTHER_CHROMA || colours_differ && chroma > MAYBE_OTHER_CHROMA;
    Some(if other_colour {
        (PairKind::Colour, format!("{how}, coloured anew: {numbers}"))
    } else {
        (PairKind::Near, format!("{how}: {numbers}"))
    })
}

fn by_hash(evidence: &Evidence) -> Option<(PairKind, String)> {
    let Evidence {
        phash_bits,
        shape,
        colour,
        ..
    } = *evidence;
    if phash_bits > SAME_BITS || shape < SAME_BITS_SHAPE {
        return None;
    }
    let numbers = format!(
        "hashes {phash_bits} of 64 bits apart, shape {shape:.3}{}; the pictures were not compared",
        in_words(colour)
    );
    Some(match colour {
        Some(colour) if colour < SAME_BITS_COLOUR => (
            PairKind::Colour,
            format!("alike but for the colour: {numbers}"),
        ),
        _ => (PairKind::Near, format!("alike: {numbers}")),
    })
}

fn by_vectors(evidence: &Evidence) -> Option<(PairKind, String)> {
    let (shape, colour) = (evidence.shape, evidence.colour?);
    let numbers = format!("shape {shape:.3}{}", in_words(Some(colour)));
    if shape >= VIEW_SHAPE && colour >= VIEW_COLOUR {
        Some((
            PairKind::View,
            format!("shape and colours agree: {numbers}"),
        ))
    } else if shape >= VARIANT_SHAPE && colour < VARIANT_COLOUR {
        Some((
            PairKind::Colour,
            format!("the shape agrees, the colours do not: {numbers}"),
        ))
    } else {
        None
    }
}

fn in_words(colour: Option<f32>) -> String {
    colour.map_or(String::new(), |colour| format!(", colour {colour:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(evidence: Evidence, wanted: Option<PairKind>) {
        let found = verdict(&evidence);
        assert_eq!(found.as_ref().map(|found| found.0), wanted, "{found:?}");
    }

    fn evidence(phash_bits: u32, shape: f32, colour: f32) -> Evidence {
        Evidence {
            phash_bits,
            shape,
            colour: Some(colour),
            overlap: None,
        }
    }

    fn overlap(luma: f32, detail: f32, chroma: f32) -> Option<Overlap> {
        Some(Overlap {
            share: 0.8,
            luma,
            detail,
            chroma,
            mirrored: false,
        })
    }

    #[test]
    fn each_kind_has_its_evidence() {
        use PairKind::{Colour, Near, View};
        check(evidence(2, 0.9, 0.95), Some(Near));
        check(evidence(2, 0.9, 0.1), Some(Colour));
        check(evidence(20, 0.9, 0.95), Some(View));
        check(evidence(20, 0.9, 0.3), Some(Colour));
        check(evidence(20, 0.78, 0.3), None);
        check(evidence(2, 0.2, 0.95), None);
        let with = |overlap| Evidence {
            overlap,
            ..evidence(20, 0.9, 0.95)
        };
        check(with(overlap(0.99, 0.9, 2.0)), Some(Near));
        check(with(overlap(0.99, 0.9, 40.0)), Some(Colour));
        check(with(overlap(0.8, 0.9, 2.0)), Some(View));
    }

    #[test]
    fn pictures_outweigh_the_hash() {
        let other = Evidence {
            overlap: overlap(0.9, 0.1, 2.0),
            ..evidence(0, 0.79, 0.95)
        };
        check(other, None);
        assert!(needs_pictures(&other));
        assert!(!needs_pictures(&evidence(30, 0.80, 0.3)));
    }

    #[test]
    fn the_reason_has_the_numbers() {
        let with = Evidence {
            overlap: overlap(0.991, 0.9, 2.0),
            ..evidence(20, 0.9, 0.95)
        };
        let (_, reason) = verdict(&with).unwrap();
        for part in ["80 %", "0.991", "2.0"] {
            assert!(reason.contains(part), "{reason}");
        }
    }
}
