//! How far a cut-out can be used unseen.

use serde::{Deserialize, Serialize};
use showroom_catalog::seams::SoftMask;
use showroom_pixels::Mask;

use crate::matte::Matte;

/// What a person should look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// The network sees no product.
    NoProduct,
    /// The product goes on beyond the photo's edge.
    CutByFrame,
    /// Nothing is left.
    Empty,
    /// Nothing, or next to nothing, was taken away.
    Full,
    /// The outline is doubtful.
    LowConfidence,
    /// There are fewer pixels than were asked for.
    Enlarged,
}

impl Flag {
    /// The word in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            Flag::NoProduct => "no_product",
            Flag::CutByFrame => "cut_by_frame",
            Flag::Empty => "empty",
            Flag::Full => "full",
            Flag::LowConfidence => "low_confidence",
            Flag::Enlarged => "enlarged",
        }
    }
}

/// How far a cut-out can be trusted, and what of it should be looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// 0–1; see [`CONFIDENT`]. Not a probability.
    pub confidence: f32,
    /// Without a flag there is nothing to look at.
    pub flags: Vec<Flag>,
    /// Share of the photo that is product, 0–1.
    pub share: f32,
}

/// Below this a cut-out is flagged [`Flag::LowConfidence`]. Of 38 pictures with a known alpha (benches/cutout.py)
/// 8 are below it, 7 of them with an outline that is wrong (intersection over union under .95), and 1 such is
/// above. At .5 it was 6, all wrong, and 2 above.
pub const CONFIDENT: f32 = 0.75;
/// A smaller share of the photo is nothing, a larger one everything.
const LEAST_SHARE: f32 = 0.002;
const MOST_SHARE: f32 = 0.98;
/// The product touches a longer part of an edge of the photo than this: it is cut.
const MOST_CONTACT: f32 = 0.02;
/// What a mask that is decided everywhere has of undecided pixels, as a share of the product; the rim of
/// 320 × 320 pixels cannot be sharper. What counts beyond that halves the confidence.
const USUAL_DOUBT: f32 = 0.05;
const HALVING_DOUBT: f32 = 0.12;
/// How far a right outline moves when it is found again on the photo's own pixels, and what beyond that
/// halves the confidence.
const USUAL_MOVE: f32 = 0.03;
const HALVING_MOVE: f32 = 0.08;

/// Where no product was found.
pub fn no_product(peak: f32) -> Judgement {
    Judgement {
        confidence: peak.min(0.1),
        flags: vec![Flag::NoProduct, Flag::Empty],
        share: 0.0,
    }
}

/// Of a photo's own transparency.
pub fn own_alpha(mask: &Mask) -> Judgement {
    let share = share(&mask.values);
    Judgement {
        confidence: 1.0,
        flags: shape_flags(&mask.values, mask.width as usize, share),
        share,
    }
}

/// Of what was found on a photo of that width.
pub fn judge(mask: &SoftMask, matte: &Matte, width: usize) -> Judgement {
    let share = share(&matte.alpha);
    let mut flags = shape_flags(&matte.alpha, width, share);
    let sure = ((mask.peak - 0.5) / 0.4).clamp(0.0, 1.0);
    let doubt = halved(doubt(mask), USUAL_DOUBT, HALVING_DOUBT);
    let moved = halved(matte.moved, USUAL_MOVE, HALVING_MOVE);
    let fits = if flags.contains(&Flag::Empty) || flags.contains(&Flag::Full) {
        0.2
    } else {
        1.0
    };
    let confidence = sure * doubt * moved * fits;
    if confidence < CONFIDENT {
        flags.push(Flag::LowConfidence);
    }
    Judgement {
        confidence,
        flags,
        share,
    }
}

/// 1 up to `usual`, and half as much for each `halving` beyond.
fn halved(value: f32, usual: f32, halving: f32) -> f32 {
    (-(value - usual).max(0.0) / halving).exp2()
}

/// Share of the product's area about which the network is undecided: 4 m (1 − m) is 1 at ½.
fn doubt(mask: &SoftMask) -> f32 {
    let undecided: f32 = mask.values.iter().map(|m| 4.0 * m * (1.0 - m)).sum();
    let product: f32 = mask.values.iter().sum();
    undecided / product.max(1.0)
}

fn share(alpha: &[u8]) -> f32 {
    let sum: u64 = alpha.iter().map(|&alpha| u64::from(alpha)).sum();
    (sum as f64 / (255.0 * alpha.len().max(1) as f64)) as f32
}

fn shape_flags(alpha: &[u8], width: usize, share: f32) -> Vec<Flag> {
    if share < LEAST_SHARE {
        return vec![Flag::Empty];
    }
    let mut flags = Vec::new();
    if share > MOST_SHARE {
        flags.push(Flag::Full);
    }
    if contact(alpha, width) > MOST_CONTACT {
        flags.push(Flag::CutByFrame);
    }
    flags
}

/// The longest share of an edge of the photo that the product touches.
fn contact(alpha: &[u8], width: usize) -> f32 {
    let width = width.max(1);
    let height = alpha.len() / width;
    if height == 0 {
        return 0.0;
    }
    let touched = |places: &mut dyn Iterator<Item = usize>| {
        let (mut on, mut all) = (0u32, 0u32);
        for at in places {
            on += u32::from(alpha[at] > 127);
            all += 1;
        }
        on as f32 / all.max(1) as f32
    };
    let last = (height - 1) * width;
    [
        touched(&mut (0..width)),
        touched(&mut (last..last + width)),
        touched(&mut (0..height).map(|y| y * width)),
        touched(&mut (0..height).map(|y| y * width + width - 1)),
    ]
    .into_iter()
    .fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 × 100, product where `inside` says so.
    fn alpha(inside: impl Fn(usize, usize) -> bool) -> Vec<u8> {
        (0..10_000)
            .map(|i| if inside(i % 100, i / 100) { 255 } else { 0 })
            .collect()
    }

    fn flags(inside: impl Fn(usize, usize) -> bool) -> Vec<Flag> {
        let alpha = alpha(inside);
        shape_flags(&alpha, 100, share(&alpha))
    }

    #[test]
    fn a_product_that_stands_free_is_not_flagged() {
        assert_eq!(
            flags(|x, y| (20..80).contains(&x) && (20..80).contains(&y)),
            []
        );
    }

    #[test]
    fn a_product_that_leaves_the_photo_on_any_side_is_flagged() {
        let cut = [Flag::CutByFrame];
        assert_eq!(flags(|x, y| x < 40 && (20..80).contains(&y)), cut);
        assert_eq!(flags(|x, y| x >= 60 && (20..80).contains(&y)), cut);
        assert_eq!(flags(|x, y| y < 40 && (20..80).contains(&x)), cut);
        assert_eq!(flags(|x, y| y >= 60 && (20..80).contains(&x)), cut);
        // A corner that only touches is none.
        assert_eq!(flags(|x, y| (50..52).contains(&x) && y < 60), []);
    }

    #[test]
    fn nothing_and_everything_are_flagged() {
        assert_eq!(flags(|x, y| x == 50 && y < 10), [Flag::Empty]);
        assert_eq!(flags(|_, _| true), [Flag::Full, Flag::CutByFrame]);
        assert_eq!(shape_flags(&[], 0, share(&[])), [Flag::Empty]);
    }

    #[test]
    fn confidence_falls_with_every_doubt() {
        let mask = |values: Vec<f32>, peak: f32| SoftMask {
            width: 100,
            height: 100,
            values,
            peak,
        };
        let inside = |x: usize, y: usize| (20..80).contains(&x) && (20..80).contains(&y);
        let right = alpha(inside);
        let coarse: Vec<f32> = right.iter().map(|&a| f32::from(a) / 255.0).collect();
        let of = |values: &[f32], peak, moved| {
            judge(
                &mask(values.to_vec(), peak),
                &Matte {
                    alpha: right.clone(),
                    moved,
                },
                100,
            )
        };
        assert_eq!(of(&coarse, 1.0, 0.0).confidence, 1.0);
        // .03 is usual, .11 is .08 beyond: half.
        assert!((of(&coarse, 1.0, 0.11).confidence - 0.5).abs() < 1e-6);
        assert_eq!(of(&coarse, 1.0, 0.2).flags, [Flag::LowConfidence]);
        // Half-sure everywhere: 4·½·½ over ½ is 2.
        let grey: Vec<f32> = coarse.iter().map(|m| m * 0.5).collect();
        assert!(of(&grey, 1.0, 0.0).confidence < 1e-3);
        assert_eq!(of(&coarse, 0.6, 0.0).flags, [Flag::LowConfidence]);
    }
}
