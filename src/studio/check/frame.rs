//! The border round a picture.

use showroom_catalog::Pixels;

/// Two colours are alike where no channel differs by more.
const ALIKE: u8 = 12;
/// A ring is a border where this share of it is alike, and the next one where it is not.
const RING: f64 = 0.98;
const AFTER: f64 = 0.6;
/// A border is at most this wide: share of the shorter side.
const WIDEST: f64 = 0.12;
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
