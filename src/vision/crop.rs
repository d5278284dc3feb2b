//! Where the product is: from what the mask network says to the part of the photo that is encoded.
//!
//! Pure functions of numbers. The margin and the square were chosen among fourteen crops on labelled
//! product photos (by the category's accuracy and by finding the same item again).

use showroom_catalog::Pixels;
use showroom_pixels::{Mask, Rect};

/// How sure the network must be somewhere in the photo (before scaling, 0 to 1), or there is no
/// product. On real product photos it is above 0.99, on a plain surface it never gets near 0.5, and
/// scaling would make a mask of noise.
const MIN_PEAK: f32 = 0.5;
/// A value of a mask belongs to the product above this.
const THRESHOLD: u8 = 127;
/// A smaller share of the photo is no product.
const MIN_SHARE: f32 = 0.004;
/// Added on each side of the product, as a share of its longer edge.
const MARGIN: f64 = 0.08;

/// The mask of a network's numbers (0 to 1, row by row): scaled so that the least is 0 and the
/// greatest 1, as the reference does. `None` where the network saw no product.
pub fn mask_of(values: &[f32], width: u32, height: u32) -> Option<Mask> {
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let peak = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let whole = values.len() as u64 == u64::from(width) * u64::from(height);
    // Written so that a NaN is sure of nothing.
    let sure = peak >= MIN_PEAK && peak > least;
    if !whole || !sure {
        return None;
    }
    let scaled = values.iter().map(|value| (value - least) / (peak - least));
    let values = scaled.map(|value| (255.0 * value).round() as u8).collect();
    Some(Mask {
        width,
        height,
        values,
    })
}

/// A square of a photo; it may reach beyond the photo, where it is white.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Square {
    /// The part of it that lies in the photo.
    pub rect: Rect,
    /// Where that part begins within the square: from the left, from the top.
    pub at: [u32; 2],
    /// Width and height in pixels of the photo, at least those of `rect`; rounding may make one of
    /// them a pixel longer.
    pub size: [u32; 2],
}

/// The square round the product with a margin, moved into the photo where it fits; round the whole
/// photo where there is no product.
pub fn square(pixels: &Pixels, mask: Option<&Mask>) -> Square {
    let (width, height) = (f64::from(pixels.width), f64::from(pixels.height));
    let [left, top, right, bottom] = mask.and_then(product_box).unwrap_or([0.0, 0.0, 1.0, 1.0]);
    let (across, down) = ((right - left) * width, (bottom - top) * height);
    let edge = (across.max(down) * (1.0 + 2.0 * MARGIN)).max(1.0);
    // Along one axis: start and length in the photo, where that begins in the square, the square's length.
    let place = |centre: f64, length: f64| {
        let middle = if edge >= length {
            length / 2.0
        } else {
            centre.clamp(edge / 2.0, length - edge / 2.0)
        };
        let (start, end) = ((middle - edge / 2.0).round(), (middle + edge / 2.0).round());
        let (first, last) = (start.max(0.0), end.min(length));
        [first, last - first, first - start, end - start].map(|n| n as u32)
    };
    let [x, rect_width, left, size_x] = place((left + right) / 2.0 * width, width);
    let [y, rect_height, top, size_y] = place((top + bottom) / 2.0 * height, height);
    Square {
        rect: Rect {
            x,
            y,
            width: rect_width,
            height: rect_height,
        },
        at: [left, top],
        size: [size_x, size_y],
    }
}

/// Left, top, right and bottom of the product, as shares of the photo.
fn product_box(mask: &Mask) -> Option<[f64; 4]> {
    let (width, height) = (mask.width as usize, mask.height as usize);
    let (mut left, mut top, mut right, mut bottom) = (width, height, 0, 0);
    let mut count = 0;
    for (y, row) in mask.values.chunks_exact(width.max(1)).enumerate() {
        for (x, _) in row
            .iter()
            .enumerate()
            .filter(|(_, value)| **value > THRESHOLD)
        {
            (left, right) = (left.min(x), right.max(x + 1));
            (top, bottom) = (top.min(y), bottom.max(y + 1));
            count += 1;
        }
    }
    let enough = count > 0 && count as f32 >= MIN_SHARE * mask.values.len() as f32;
    let share = |n: usize, all: usize| n as f64 / all as f64;
    enough.then(|| {
        [
            share(left, width),
            share(top, height),
            share(right, width),
            share(bottom, height),
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo(width: u32, height: u32) -> Pixels {
        Pixels {
            width,
            height,
            rgba: Vec::new(),
        }
    }

    /// A 10 × 10 mask with the product in these columns and rows.
    fn mask(columns: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> Mask {
        let inside = |i: usize| columns.contains(&(i % 10)) && rows.contains(&(i / 10));
        let values = (0..100).map(|i| if inside(i) { 200 } else { 20 }).collect();
        Mask {
            width: 10,
            height: 10,
            values,
        }
    }

    fn rect(x: u32, y: u32, width: u32, height: u32) -> Rect {
        Rect {
            x,
            y,
            width,
            height,
        }
    }

    fn inside(rect: Rect) -> Square {
        Square {
            rect,
            at: [0, 0],
            size: [rect.width, rect.height],
        }
    }

    #[test]
    fn the_square_lies_round_the_box_with_a_margin() {
        // The box is 200..600 by 400..600 of 1000 × 1000; its middle 400, 500; the edge 400 × 1.16.
        let found = square(&photo(1000, 1000), Some(&mask(2..6, 4..6)));
        assert_eq!(found, inside(rect(168, 268, 464, 464)));
    }

    #[test]
    fn the_square_is_moved_into_the_photo_where_it_fits() {
        // The box is 0..400 by 0..100 of 1000 × 500, so the square would begin at -32, -182.
        let found = square(&photo(1000, 500), Some(&mask(0..4, 0..2)));
        assert_eq!(found, inside(rect(0, 0, 464, 464)));
        let found = square(&photo(1000, 500), Some(&mask(6..10, 8..10)));
        assert_eq!(found, inside(rect(536, 36, 464, 464)));
    }

    #[test]
    fn the_square_reaches_beyond_the_photo_where_it_does_not_fit() {
        // The box is 100..900 wide, so the edge is 928: more than the photo is high.
        let found = square(&photo(1000, 500), Some(&mask(1..9, 4..6)));
        let wanted = Square {
            rect: rect(36, 0, 928, 500),
            at: [0, 214],
            size: [928, 928],
        };
        assert_eq!(found, wanted);
        let found = square(&photo(100, 50), None);
        let wanted = Square {
            rect: rect(0, 0, 100, 50),
            at: [8, 33],
            size: [116, 116],
        };
        assert_eq!(found, wanted);
        let found = square(&photo(1, 1), None);
        assert_eq!(found.rect, rect(0, 0, 1, 1));
    }

    #[test]
    fn a_speck_is_no_product() {
        let mut speck = Mask {
            width: 100,
            height: 100,
            values: vec![0; 10_000],
        };
        speck.values[77] = 255;
        assert_eq!(
            square(&photo(50, 50), Some(&speck)),
            square(&photo(50, 50), None)
        );
    }

    #[test]
    fn a_mask_needs_a_network_that_is_sure() {
        let mut values = vec![0.1; 100];
        assert_eq!(mask_of(&values, 10, 10), None, "all alike");
        values[3] = 0.4;
        assert_eq!(mask_of(&values, 10, 10), None, "never sure");
        values[3] = f32::NAN;
        assert_eq!(mask_of(&values, 10, 10), None, "not a number");
        values[3] = 0.9;
        assert_eq!(mask_of(&values, 10, 9), None, "too many numbers");
        values[4] = 0.5;
        let mask = mask_of(&values, 10, 10).unwrap();
        assert_eq!(mask.values[2..6], [0, 255, 128, 0]);
    }
}
