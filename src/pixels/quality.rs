//! What is measured on every photo ([`Facts`]): sharpness, exposure, border, transparency, hash.
//!
//! All but the transparency is measured over white. All but the hash is measured on a copy whose longer
//! side is [`MEASURED_SIDE`], so that the numbers of a photo do not depend on the scale it was decoded
//! at (as long as that is no smaller) and photos of different sizes compare. Smaller photos are
//! measured as they are.

use fast_image_resize::FilterType;
use fast_image_resize::pixels::U8x4;
use showroom_catalog::{Facts, Format, Pixels};

use crate::fit::composite_over_white;
use crate::phash::phash;
use crate::reduce::{Alpha, resize};

/// The longer side, in pixels, of the copy that is measured (triangle filter, as Pillow's `BILINEAR`).
pub const MEASURED_SIDE: u32 = 500;

/// A pixel is black where no channel is above this. JPEG's ringing keeps even true black off 0.
const BLACK: u8 = 2;
/// A pixel is clipped white where no channel is below this.
const CLIPPED: u8 = 253;
/// A pixel of the border is white where no channel is below this.
const WHITE: u8 = 250;
/// The border is this share of the shorter side wide, at least one pixel.
const BORDER_SHARE: f32 = 0.02;
/// Pixels of the border are alike where no channel is further than this from the border's median.
const ALIKE: u8 = 16;

/// Measures `pixels`; `size` is the upright size of the file, `bytes` its length.
pub fn measure(pixels: &Pixels, size: (u32, u32), bytes: u64, format: Format) -> Facts {
    let (rgba, _) = pixels.rgba.as_chunks::<4>();
    // One pass, without an early end, which the compiler vectorises.
    let (transparent, opaque) = rgba.iter().fold((0u32, 255), |(count, least), pixel| {
        (count + u32::from(pixel[3] < 128), pixel[3].min(least))
    });
    let opaque = opaque == 255;
    let flat;
    let flat = if opaque {
        pixels
    } else {
        let mut copy = pixels.clone();
        composite_over_white(&mut copy);
        flat = copy;
        &flat
    };
    let small = measured_copy(flat);
    let (small_rgba, _) = small.rgba.as_chunks::<4>();
    let lumas: Vec<u8> = small_rgba.iter().map(luma).collect();
    let count = small_rgba.len().max(1) as f32;
    let (dark, bright) = small_rgba
        .iter()
        .fold((0u32, 0u32), |(dark, bright), &[r, g, b, _]| {
            (
                dark + u32::from(r.max(g).max(b) <= BLACK),
                bright + u32::from(r.min(g).min(b) >= CLIPPED),
            )
        });
    let (border_white, border_uniform) = border(&small);
    Facts {
        width: size.0,
        height: size.1,
        bytes,
        format,
        sharpness: laplacian_variance(&lumas, small.width as usize),
        brightness: lumas.iter().map(|&l| f64::from(l)).sum::<f64>() as f32 / count / 255.0,
        clipped_dark: dark as f32 / count,
        clipped_bright: bright as f32 / count,
        border_white,
        border_uniform,
        transparent: transparent as f32 / rgba.len().max(1) as f32,
        product_share: 0.0,
        phash: phash(flat),
    }
}

/// Luma of ITU-R BT.601, rounded as Pillow's `convert("L")` does. Ignores alpha.
pub fn luma(&[r, g, b, _]: &[u8; 4]) -> u8 {
    let sum = u32::from(r) * 19595 + u32::from(g) * 38470 + u32::from(b) * 7471;
    ((sum + 0x8000) >> 16) as u8
}

fn measured_copy(pixels: &Pixels) -> Pixels {
    let &Pixels {
        width,
        height,
        ref rgba,
    } = pixels;
    let longer = width.max(height);
    if longer <= MEASURED_SIDE {
        return pixels.clone();
    }
    let scaled = |side: u32| {
        let side = f64::from(side) * f64::from(MEASURED_SIDE) / f64::from(longer);
        (side.round() as u32).max(1)
    };
    let to = (scaled(width), scaled(height));
    let rgba = resize::<U8x4>(rgba, (width, height), to, FilterType::Bilinear, Alpha::None);
    Pixels {
        width: to.0,
        height: to.1,
        rgba,
    }
}

/// Variance of `4·centre − left − right − up − down` over all pixels that have four neighbours.
fn laplacian_variance(lumas: &[u8], width: usize) -> f32 {
    let rows: Vec<&[u8]> = lumas.chunks_exact(width.max(1)).collect();
    let (mut count, mut sum, mut squares) = (0usize, 0i64, 0i64);
    for neighbours in rows.windows(3) {
        let [up, row, down] = [neighbours[0], neighbours[1], neighbours[2]];
        // Of pixels in a row of at most MEASURED_SIDE, so 32 bits hold their sums.
        let edges = row
            .windows(3)
            .zip(up.iter().zip(down).skip(1))
            .map(|(row, (up, down))| {
                let around =
                    i32::from(*up) + i32::from(*down) + i32::from(row[0]) + i32::from(row[2]);
                4 * i32::from(row[1]) - around
            });
        let (row_sum, row_squares) = edges.fold((0, 0), |(sum, squares), edge| {
            (sum + edge, squares + edge * edge)
        });
        count += width.saturating_sub(2);
        (sum, squares) = (sum + i64::from(row_sum), squares + i64::from(row_squares));
    }
    if count == 0 {
        return 0.0;
    }
    let mean = sum as f64 / count as f64;
    (squares as f64 / count as f64 - mean * mean) as f32
}

/// How much of the border is white, and how much of it is like its median colour; both 0–1.
fn border(pixels: &Pixels) -> (f32, f32) {
    let (width, height) = (pixels.width as usize, pixels.height as usize);
    let thick = ((width.min(height) as f32 * BORDER_SHARE).round() as usize).max(1);
    let (rgba, _) = pixels.rgba.as_chunks::<4>();
    let mut border = Vec::new();
    for (y, row) in rgba.chunks_exact(width.max(1)).enumerate() {
        if y < thick || y + thick >= height || width <= 2 * thick {
            border.extend_from_slice(row);
        } else {
            border.extend_from_slice(&row[..thick]);
            border.extend_from_slice(&row[width - thick..]);
        }
    }
    if border.is_empty() {
        return (0.0, 0.0);
    }
    let median: [u8; 3] = std::array::from_fn(|channel| {
        let mut values: Vec<u8> = border.iter().map(|pixel| pixel[channel]).collect();
        let middle = values.len() / 2;
        *values.select_nth_unstable(middle).1
    });
    let share = |count: usize| count as f32 / border.len() as f32;
    let white = border
        .iter()
        .filter(|pixel| pixel[..3].iter().all(|&value| value >= WHITE));
    let alike = border.iter().filter(|pixel| {
        median
            .iter()
            .zip(pixel.iter())
            .all(|(median, value)| median.abs_diff(*value) <= ALIKE)
    });
    (share(white.count()), share(alike.count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(width: u32, height: u32, paint: impl Fn(u32, u32) -> [u8; 4]) -> Pixels {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let rgba = places.flat_map(|(x, y)| paint(x, y)).collect();
        Pixels {
            width,
            height,
            rgba,
        }
    }

    fn facts(pixels: &Pixels) -> Facts {
        measure(pixels, (pixels.width, pixels.height), 1, Format::Png)
    }

    #[test]
    fn sharpness_of_a_chequerboard_is_worked_by_hand() {
        // Each inner pixel of a board of 100 and 110 differs from its four neighbours by 10: ±40,
        // as many of each in an even square, so the mean is 0 and the variance 1600.
        let board = painted(10, 10, |x, y| {
            let value = 100 + 10 * ((x + y) % 2) as u8;
            [value, value, value, 255]
        });
        assert_eq!(facts(&board).sharpness, 1600.0);
        let flat = painted(10, 10, |_, _| [100, 100, 100, 255]);
        assert_eq!(facts(&flat).sharpness, 0.0);
    }

    #[test]
    fn border_and_exposure_are_counted() {
        // 50x50: the border is one pixel wide and has 196 pixels. A red bar of 10 pixels cuts the
        // top edge; a black square of 20x20 is in the middle.
        let product = painted(50, 50, |x, y| match (x, y) {
            (10..20, 0) => [200, 0, 0, 255],
            (15..35, 15..35) => [0, 1, 2, 255],
            _ => [255, 254, 253, 255],
        });
        let facts = facts(&product);
        assert_eq!(facts.border_white, 186.0 / 196.0);
        assert_eq!(facts.border_uniform, 186.0 / 196.0);
        assert_eq!(facts.clipped_dark, 400.0 / 2500.0);
        assert_eq!(facts.clipped_bright, 2090.0 / 2500.0);
        assert_eq!(facts.transparent, 0.0);
        // Lumas by hand: white (255,254,253) is 254, red (200,0,0) is 60, black (0,1,2) is 1.
        let mean = (2090.0 * 254.0 + 10.0 * 60.0 + 400.0 * 1.0) / 2500.0 / 255.0;
        assert!(
            (facts.brightness - mean).abs() < 1e-6,
            "{} {mean}",
            facts.brightness
        );
    }

    #[test]
    fn transparent_pixels_are_white() {
        let half = painted(
            40,
            40,
            |x, _| if x < 10 { [0, 0, 0, 0] } else { [0, 0, 0, 255] },
        );
        let facts = facts(&half);
        assert_eq!(facts.transparent, 0.25);
        assert_eq!(facts.clipped_bright, 0.25);
        assert_eq!(facts.clipped_dark, 0.75);
    }

    #[test]
    fn tiny_and_thin_photos_are_measured() {
        for (width, height) in [(1, 1), (2, 2), (1, 700), (700, 2), (3, 3)] {
            let facts = facts(&painted(width, height, |_, _| [255, 255, 255, 255]));
            assert_eq!(
                (facts.border_white, facts.border_uniform),
                (1.0, 1.0),
                "{width}x{height}"
            );
            assert_eq!(facts.brightness, 1.0);
        }
    }
}
