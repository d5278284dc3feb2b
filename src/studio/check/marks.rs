//! Borders and letters, by their shape alone: no text is read.

use showroom_catalog::Pixels;
use showroom_pixels::Mask;

use super::components::{Part, parts};
use super::measure::{PRODUCT, dilated};

/// Two colours are alike where no channel differs by more.
const ALIKE: u8 = 12;
/// A pixel is a mark where a channel differs from the background by more.
const MARKED: u8 = 40;
/// A background is plain where this share of it is alike.
const PLAIN: f64 = 0.9;
/// Marks this near to the product are its shadow or its rim: share of the longer side.
const RIM: f64 = 0.015;
/// A ring is a border where this share of it is alike, and the next one where it is not.
const RING: f64 = 0.98;
const AFTER: f64 = 0.6;
/// A border is at most this wide: share of the shorter side.
const WIDEST: f64 = 0.12;
/// Letters: at least so many in a row.
const LETTERS: usize = 3;

/// Width of a border of one colour round a picture, as a share of its shorter side; 0 without one.
///
/// A border ends all round at once. A plain background that goes over into the product does not.
pub fn frame(pixels: &Pixels) -> f64 {
    let (width, height) = (pixels.width as usize, pixels.height as usize);
    let shorter = width.min(height);
    let widest = ((shorter as f64 * WIDEST) as usize).min(shorter.saturating_sub(1) / 2);
    let (rgba, _) = pixels.rgba.as_chunks::<4>();
    let Some(colour) = median(ring(rgba, width, height, 0)) else {
        return 0.0;
    };
    let alike_share = |depth: usize| {
        let (mut all, mut alike) = (0u64, 0u64);
        for pixel in ring(rgba, width, height, depth) {
            all += 1;
            alike += u64::from(differs(pixel, colour) <= ALIKE);
        }
        alike as f64 / all.max(1) as f64
    };
    let end = (0..=widest).find(|depth| alike_share(*depth) < RING);
    match end {
        // The ring behind may be half of both, where a border was drawn smoothly.
        Some(end) if end > 0 => {
            let inside = alike_share(end).min(alike_share((end + 1).min(shorter / 2)));
            if inside < 1.0 - AFTER {
                end as f64 / shorter as f64
            } else {
                0.0
            }
        }
        _ => 0.0,
    }
}

/// How many marks beside the product stand in rows, as letters do. The error says why nobody can tell.
///
/// Both have one size, of at most a few hundred thousand pixels.
pub fn rows_of_marks(pixels: &Pixels, mask: &Mask) -> Result<usize, String> {
    let (width, height) = (pixels.width as usize, pixels.height as usize);
    let is_product: Vec<bool> = mask.values.iter().map(|&value| value > PRODUCT).collect();
    let rim = ((width.max(height) as f64 * RIM) as usize).max(3);
    let near = dilated(&is_product, width, rim);
    let (rgba, _) = pixels.rgba.as_chunks::<4>();
    let beside = rgba.iter().zip(&near).filter(|(_, near)| !**near);
    let Some(colour) = median(beside.clone().map(|(pixel, _)| pixel)) else {
        return Err("the product leaves no background to look at".to_string());
    };
    let (mut all, mut alike) = (0u64, 0u64);
    for (pixel, _) in beside {
        all += 1;
        alike += u64::from(differs(pixel, colour) <= ALIKE);
    }
    if (alike as f64) < PLAIN * all as f64 {
        return Err("the background is not plain, so that letters cannot be told".to_string());
    }
    let marked: Vec<bool> = rgba
        .iter()
        .zip(&near)
        .map(|(pixel, near)| !near && differs(pixel, colour) > MARKED)
        .collect();
    let least = (height as f64 * 0.008).max(4.0) as usize;
    let letters: Vec<Part> = parts(&marked, width)
        .into_iter()
        .filter(|part| part.height() >= least && part.height() * 100 <= height * 15)
        .filter(|part| part.width() <= part.height() * 6)
        .collect();
    Ok(letters
        .iter()
        .map(|letter| row_of(letter, &letters))
        .filter(|row| *row >= LETTERS)
        .count())
}

/// How many parts of about the same height stand at the height of this one, not far apart.
fn row_of(letter: &Part, letters: &[Part]) -> usize {
    let middle = |part: &Part| (part.top + part.bottom) as f64 / 2.0;
    let tall = letter.height() as f64;
    let mut row: Vec<&Part> = letters
        .iter()
        .filter(|other| {
            let other_tall = other.height() as f64;
            let alike = other_tall <= 2.0 * tall && tall <= 2.0 * other_tall;
            alike && (middle(other) - middle(letter)).abs() < tall * 0.5
        })
        .collect();
    row.sort_by_key(|part| part.left);
    let own = row.iter().position(|part| *part == letter).unwrap_or(0);
    let close = |pair: [&Part; 2]| (pair[1].left as f64 - pair[0].right as f64) < tall * 2.5;
    let after = row[own..]
        .windows(2)
        .take_while(|pair| close([pair[0], pair[1]]))
        .count();
    let before = row[..=own]
        .windows(2)
        .rev()
        .take_while(|pair| close([pair[0], pair[1]]))
        .count();
    1 + before + after
}

/// The pixels at this distance from the nearest edge.
fn ring(
    rgba: &[[u8; 4]],
    width: usize,
    height: usize,
    depth: usize,
) -> impl Iterator<Item = &[u8; 4]> {
    let (right, bottom) = (width.saturating_sub(depth), height.saturating_sub(depth));
    let across = (depth..right).flat_map(move |x| [(x, depth), (x, bottom.saturating_sub(1))]);
    let down = (depth + 1..bottom.saturating_sub(1))
        .flat_map(move |y| [(depth, y), (right.saturating_sub(1), y)]);
    across
        .chain(down)
        .filter(move |_| depth < bottom && depth < right)
        .filter_map(move |(x, y)| rgba.get(y * width + x))
}

/// Largest difference of a channel.
fn differs(pixel: &[u8; 4], colour: [u8; 3]) -> u8 {
    let differences = pixel.iter().zip(&colour).map(|(a, b)| a.abs_diff(*b));
    differences.max().unwrap_or(0)
}

/// The middle value of each channel; none of no pixels.
fn median<'a>(pixels: impl Iterator<Item = &'a [u8; 4]>) -> Option<[u8; 3]> {
    let mut counts = [[0u64; 256]; 3];
    let mut all = 0;
    for pixel in pixels {
        all += 1;
        for (counts, &value) in counts.iter_mut().zip(pixel) {
            counts[usize::from(value)] += 1;
        }
    }
    let middle = |counts: [u64; 256]| {
        let mut seen = 0;
        let at = counts.iter().position(|count| {
            seen += count;
            2 * seen >= all
        });
        at.unwrap_or(0) as u8
    };
    (all > 0).then(|| counts.map(middle))
}
