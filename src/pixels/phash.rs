//! A 64-bit perceptual hash, the same as `imagehash.phash(image)` of the Python package imagehash.
//!
//! 1. Luma (BT.601) of the photo over white, one byte a pixel.
//! 2. Resized to 32×32 with Lanczos, antialiased; the width first, rounded and clipped between.
//! 3. DCT-II of the columns and the rows; the 8×8 lowest frequencies are kept, the mean among them.
//! 4. A bit a coefficient, row by row, the first in the highest place: 1 where it is greater than the
//!    median of the 64.
//!
//! Coefficients that are nothing but rounding (below [`NOISE`]) count as 0, so that flat and symmetric
//! pictures have one hash on every machine.

use std::f64::consts::PI;
use std::sync::LazyLock;

use fast_image_resize::FilterType;
use fast_image_resize::pixels::U8;
use showroom_catalog::Pixels;

use crate::quality::luma;
use crate::reduce::{Alpha, resize};

const SIDE: usize = 32;
const KEPT: usize = 8;
/// Coefficients are sums of 1024 lumas of at most 255; rounding is about 1e-10 of that.
const NOISE: f64 = 1e-6;

/// `COSINES[k][n]` is `cos(π k (2n + 1) / 2N)` for N = 32.
static COSINES: LazyLock<[[f64; SIDE]; KEPT]> = LazyLock::new(|| {
    std::array::from_fn(|k| {
        std::array::from_fn(|n| (PI * (k * (2 * n + 1)) as f64 / (2 * SIDE) as f64).cos())
    })
});

/// The hash of opaque `pixels` (alpha is ignored). Near-duplicates differ in few bits
/// (`(a ^ b).count_ones()`), up to about 10; unrelated photos in about 32.
pub fn phash(pixels: &Pixels) -> u64 {
    let (rgba, _) = pixels.rgba.as_chunks::<4>();
    let lumas: Vec<u8> = rgba.iter().map(luma).collect();
    let lanczos =
        |lumas: &[u8], from, to| resize::<U8>(lumas, from, to, FilterType::Lanczos3, Alpha::None);
    let side = SIDE as u32;
    // In two calls, for Pillow's order; in one, the resizer would do the height first.
    let narrow = lanczos(&lumas, (pixels.width, pixels.height), (side, pixels.height));
    let small = lanczos(&narrow, (side, pixels.height), (side, side));
    hash(&low_frequencies(&small))
}

/// The lowest 8×8 coefficients of the two-dimensional DCT-II of 32×32 lumas, row by row, unscaled.
fn low_frequencies(lumas: &[u8]) -> [f64; KEPT * KEPT] {
    let dot = |cosines: &[f64; SIDE], values: [f64; SIDE]| -> f64 {
        cosines.iter().zip(values).map(|(c, v)| c * v).sum()
    };
    // Frequencies of the rows first: [row][frequency].
    let rows: Vec<[f64; KEPT]> = lumas
        .chunks_exact(SIDE)
        .map(|row| {
            let values = std::array::from_fn(|x| f64::from(row[x]));
            std::array::from_fn(|k| dot(&COSINES[k], values))
        })
        .collect();
    std::array::from_fn(|place| {
        let (down, across) = (place / KEPT, place % KEPT);
        let value = dot(&COSINES[down], std::array::from_fn(|y| rows[y][across]));
        if value.abs() < NOISE { 0.0 } else { value }
    })
}

fn hash(frequencies: &[f64; KEPT * KEPT]) -> u64 {
    let mut sorted = *frequencies;
    sorted.sort_by(f64::total_cmp);
    let median = (sorted[31] + sorted[32]) / 2.0;
    frequencies
        .iter()
        .fold(0, |hash, &value| hash << 1 | u64::from(value > median))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_picture_has_only_its_mean() {
        let rgba = [90, 90, 90, 255].repeat(100 * 60);
        let flat = Pixels {
            width: 100,
            height: 60,
            rgba,
        };
        assert_eq!(phash(&flat), 1 << 63);
    }
}
