//! A picture at another size, transparency and all.

use fast_image_resize::FilterType;
use fast_image_resize::pixels::{U8, U8x4};
use showroom_catalog::Pixels;

use crate::product::Mask;
use crate::reduce::{Alpha, resize};

/// `pixels` at this size (Catmull-Rom, antialiased, colours weighted by alpha); a side of 0 is 1. A
/// picture of that size already is given back as it is, to the byte.
pub fn scaled(pixels: &Pixels, width: u32, height: u32) -> Pixels {
    let to = (width.max(1), height.max(1));
    let from = (pixels.width, pixels.height);
    if from == to {
        return pixels.clone();
    }
    let opaque = pixels.rgba.as_chunks::<4>().0.iter().all(|p| p[3] == 255);
    let alpha = if opaque { Alpha::None } else { Alpha::Weighs };
    Pixels {
        width: to.0,
        height: to.1,
        rgba: resize::<U8x4>(&pixels.rgba, from, to, FilterType::CatmullRom, alpha),
    }
}

/// A mask at another size, bilinear.
pub fn scaled_mask(mask: &Mask, width: u32, height: u32) -> Mask {
    let to = (width.max(1), height.max(1));
    let from = (mask.width, mask.height);
    if from == to {
        return mask.clone();
    }
    Mask {
        width: to.0,
        height: to.1,
        values: resize::<U8>(&mask.values, from, to, FilterType::Bilinear, Alpha::None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparent_pixels_lend_no_colour() {
        // Left half opaque red, right half transparent green.
        let rgba = (0..16 * 8)
            .flat_map(|i| {
                if i % 16 < 8 {
                    [200, 0, 0, 255]
                } else {
                    [0, 255, 0, 0]
                }
            })
            .collect();
        let picture = Pixels {
            width: 16,
            height: 8,
            rgba,
        };
        let small = scaled(&picture, 5, 3);
        assert_eq!((small.width, small.height), (5, 3));
        for pixel in small.rgba.as_chunks::<4>().0.iter().filter(|p| p[3] > 0) {
            assert!(pixel[1] <= 2, "green came in: {pixel:?}");
        }
        assert_eq!(scaled(&picture, 16, 8), picture);
        assert_eq!(scaled(&picture, 0, 0).rgba.len(), 4);
    }

    #[test]
    fn a_mask_grows_and_shrinks() {
        let mask = Mask {
            width: 2,
            height: 1,
            values: vec![0, 255],
        };
        let large = scaled_mask(&mask, 8, 2);
        assert_eq!(large.values.len(), 16);
        assert_eq!((large.values[0], large.values[7]), (0, 255));
        assert!(
            large
                .values
                .windows(2)
                .take(7)
                .all(|pair| pair[0] <= pair[1])
        );
    }
}
