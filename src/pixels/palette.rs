//! The named colours of a product: which words of the [`VOCABULARY`] its pixels bear, and their shares.

use std::sync::LazyLock;

use showroom_catalog::Colour;

use crate::lab::lab;
use crate::vocabulary::VOCABULARY;

/// Colours with a smaller share are not named, unless no other has a larger one.
const LEAST_SHARE: f32 = 0.05;
/// At most so many colours are named.
const MOST_COLOURS: usize = 5;
/// What a pixel of these colours counts towards being the main colour; of any other 1. Shadow and shine turn
/// white to grey and blue to navy, and people wear brown (hair, skin), so of these a product is not
/// what most of its pixels are. Chosen on labelled shop photos: of 258, .75 got the right main colour
/// without and .77 with (chosen on half of the items and scored on the rest: .77).
const WEIGHTS: [(&str, f32); 4] = [("grey", 0.7), ("navy", 0.7), ("brown", 0.85), ("blue", 1.5)];

/// Names are looked up by the five highest bits of each channel, which no eye tells apart.
const BITS: u32 = 5;

/// Place in [`VOCABULARY`] of the name of each cell of 8×8×8 colours, by the colour in its middle.
static NAMES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let anchors: Vec<(u8, [f32; 3])> = VOCABULARY
        .iter()
        .zip(0..)
        .flat_map(|((_, anchors), name)| {
            anchors
                .iter()
                .map(move |anchor| (name, squash(anchor.map(f32::from))))
        })
        .collect();
    (0..1u32 << (3 * BITS))
        .map(|cell| {
            let middle = |shift: u32| {
                let step = cell >> shift & ((1 << BITS) - 1);
                (step << (8 - BITS) | 1 << (7 - BITS)) as u8
            };
            let colour = squash(lab([middle(2 * BITS), middle(BITS), middle(0)]));
            let distance = |anchor: &[f32; 3]| -> f32 {
                anchor
                    .iter()
                    .zip(&colour)
                    .map(|(a, b)| (a - b) * (a - b))
                    .sum()
            };
            // Of equals the first in the table.
            let nearest = anchors
                .iter()
                .min_by(|a, b| distance(&a.1).total_cmp(&distance(&b.1)));
            nearest.map_or(0, |(name, _)| *name)
        })
        .collect()
});

/// Lab bent so that plain distance serves naming: lightness counts half, and differences of chroma count
/// the less the stronger the colour (as in CIE94).
fn squash([l, a, b]: [f32; 3]) -> [f32; 3] {
    let chroma = 0.045 * a.hypot(b);
    let scale = if chroma > 0.0 {
        chroma.ln_1p() / chroma
    } else {
        1.0
    };
    [0.5 * l, scale * a, scale * b]
}

/// The name of one colour.
pub fn colour_name(rgb: [u8; 3]) -> &'static str {
    VOCABULARY[name_place(rgb)].0
}

/// The place of a colour's name in the [`VOCABULARY`].
pub fn name_place([r, g, b]: [u8; 3]) -> usize {
    let cell = [r, g, b].iter().fold(0, |cell, level| {
        cell << BITS | usize::from(level >> (8 - BITS))
    });
    usize::from(NAMES[cell])
}

/// The colours of these pixels, main colour first: those of at least 5 %, at most five, and the largest
/// in any case. They stand in the order of their shares, where grey, navy and brown count for less and
/// blue for more. Empty where there is no pixel.
pub fn named_colours(rgb: &[[u8; 3]]) -> Vec<Colour> {
    let mut sums = [[0; 4]; VOCABULARY.len()];
    for pixel in rgb {
        let sum = &mut sums[name_place(*pixel)];
        sum[0] += 1;
        for (sum, level) in sum[1..].iter_mut().zip(pixel) {
            *sum += u64::from(*level);
        }
    }
    colours_of_sums(&sums)
}

/// [`named_colours`] of pixels that are added up already: for each word of the [`VOCABULARY`] how many
/// bear it, and the sums of their reds, greens and blues.
pub fn colours_of_sums(sums: &[[u64; 4]; VOCABULARY.len()]) -> Vec<Colour> {
    let total = sums.iter().map(|sum| sum[0]).sum::<u64>() as f32;
    let mut ranked: Vec<(&str, [u64; 4])> = VOCABULARY
        .iter()
        .zip(sums)
        .map(|((name, _), sum)| (*name, *sum))
        .collect();
    // Stable, so that of equals the first in the table comes first.
    ranked.sort_by_key(|(_, sum)| std::cmp::Reverse(sum[0]));
    let named = ranked
        .into_iter()
        .take(MOST_COLOURS)
        .filter(|(_, sum)| sum[0] > 0)
        .map(|(name, [count, sums @ ..])| {
            let [r, g, b] = sums.map(|sum| (sum + count / 2) / count);
            let hex = format!("#{r:02x}{g:02x}{b:02x}");
            Colour {
                name: name.to_string(),
                hex,
                share: count as f32 / total,
            }
        })
        .enumerate()
        .take_while(|(rank, colour)| *rank == 0 || colour.share >= LEAST_SHARE);
    let mut colours: Vec<Colour> = named.map(|(_, colour)| colour).collect();
    colours.sort_by(|a, b| weighted(b).total_cmp(&weighted(a)));
    colours
}

/// How much speaks for it that this is the main colour.
fn weighted(colour: &Colour) -> f32 {
    let weight = WEIGHTS.iter().find(|(name, _)| *name == colour.name);
    colour.share * weight.map_or(1.0, |(_, weight)| *weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_colours_have_their_names() {
        let cases = [
            ([0, 0, 0], "black"),
            ([128, 128, 128], "grey"),
            ([255, 255, 255], "white"),
            ([255, 0, 0], "red"),
            ([255, 140, 0], "orange"),
            ([255, 255, 0], "yellow"),
            ([0, 128, 0], "green"),
            ([0, 0, 255], "blue"),
            ([0, 0, 200], "blue"),
            ([0, 0, 128], "navy"),
            ([0, 0, 96], "navy"),
            ([31, 38, 62], "navy"),
            ([75, 0, 130], "purple"),
            ([128, 0, 160], "purple"),
            ([255, 105, 180], "pink"),
            ([101, 67, 33], "brown"),
            ([205, 190, 170], "beige"),
            ([64, 224, 208], "turquoise"),
        ];
        for (rgb, name) in cases {
            assert_eq!(colour_name(rgb), name, "{rgb:?}");
        }
    }

    #[test]
    fn small_shares_are_dropped_but_never_all() {
        let mut pixels = vec![[255, 0, 0]; 90];
        pixels.extend([[0, 0, 255]; 6]);
        pixels.extend([[0, 128, 0]; 4]);
        let colours = named_colours(&pixels);
        let told: Vec<_> = colours
            .iter()
            .map(|c| (c.name.as_str(), c.hex.as_str(), c.share))
            .collect();
        assert_eq!(told, [("red", "#ff0000", 0.9), ("blue", "#0000ff", 0.06)]);
        assert_eq!(named_colours(&[]), []);
        assert_eq!(named_colours(&[[10, 10, 10], [0, 0, 0]])[0].hex, "#050505");
    }

    #[test]
    fn what_shadow_makes_is_not_the_main_colour() {
        let main_of = |pixels: &[([u8; 3], usize)]| {
            let pixels: Vec<_> = pixels
                .iter()
                .flat_map(|(rgb, count)| vec![*rgb; *count])
                .collect();
            let colours = named_colours(&pixels);
            (colours[0].name.clone(), colours[0].share)
        };
        let (white, grey, blue, navy) = ([250; 3], [140; 3], [0, 0, 255], [0, 0, 96]);
        assert_eq!(main_of(&[(white, 45), (grey, 55)]), ("white".into(), 0.45));
        assert_eq!(main_of(&[(white, 35), (grey, 65)]), ("grey".into(), 0.65));
        assert_eq!(main_of(&[(blue, 40), (navy, 60)]), ("blue".into(), 0.4));
        assert_eq!(main_of(&[(blue, 20), (navy, 80)]), ("navy".into(), 0.8));
    }
}
