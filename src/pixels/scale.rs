//! Pixels at another size, with their transparency.

use fast_image_resize::FilterType;
use fast_image_resize::pixels::{U8, U8x4};
use showroom_catalog::Pixels;

use crate::product::Mask;
use crate::reduce::{Alpha, resize};

/// All of `pixels` at `width` × `height` (each at least 1), antialiased: opaque ones with Lanczos's filter, others
/// with Hamming's, which never overshoots, as an alpha that is cut off at 255 would brighten the colours beside
/// it. Colours are weighted by alpha, so that transparent pixels lend none.
pub fn scale(pixels: &Pixels, width: u32, height: u32) -> Pixels {
    let from = (pixels.width, pixels.height);
    let to = (width.max(1), height.max(1));
    if from == to {
        return pixels.clone();
    }
    let opaque = pixels
        .rgba
        .as_chunks::<4>()
        .0
        .iter()
        .all(|pixel| pixel[3] == 255);
    let (filter, alpha) = match opaque {
        true => (FilterType::Lanczos3, Alpha::None),
        false => (FilterType::Hamming, Alpha::Weighs),
    };
    let rgba = resize::<U8x4>(&pixels.rgba, from, to, filter, alpha);
    Pixels {
        width: to.0,
        height: to.1,
        rgba,
    }
}

/// A mask at another size, bilinear.
pub fn scale_mask(mask: &Mask, width: u32, height: u32) -> Mask {
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
        // Left half red, right half transparent green.
        let pixel = |x: u32| {
            if x < 8 {
                [200, 0, 0, 255]
            } else {
                [0, 255, 0, 0]
            }
        };
        let rgba = (0..16 * 16).flat_map(|i| pixel(i % 16)).collect();
        let small = scale(
            &Pixels {
                width: 16,
                height: 16,
                rgba,
            },
            4,
            4,
        );
        assert_eq!((small.width, small.height), (4, 4));
        let (pixels, _) = small.rgba.as_chunks::<4>();
        assert_eq!(pixels[0], [200, 0, 0, 255]);
        assert!(
            pixels.iter().all(|pixel| pixel[3] == 0 || pixel[1] == 0),
            "{pixels:?}"
        );
        assert!(pixels.iter().any(|pixel| pixel[3] == 0));
    }

    #[test]
    fn the_same_size_is_the_same_bytes() {
        let pixels = Pixels {
            width: 2,
            height: 1,
            rgba: vec![1, 2, 3, 4, 5, 6, 7, 0],
        };
        assert_eq!(scale(&pixels, 2, 1), pixels);
    }

    #[test]
    fn a_mask_grows_and_shrinks() {
        let mask = Mask {
            width: 2,
            height: 1,
            values: vec![0, 255],
        };
        let large = scale_mask(&mask, 8, 2);
        assert_eq!(large.values.len(), 16);
        assert_eq!((large.values[0], large.values[7]), (0, 255));
        assert!(large.values[..8].is_sorted());
    }
}
