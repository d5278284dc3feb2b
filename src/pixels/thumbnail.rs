//! Pixels → a small JPEG to show in a page.

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use showroom_catalog::Pixels;

use crate::fit::{Filter, Fit, FitError, Fitter, How, Rect};

/// Edges of a product on white show blocks below this.
const QUALITY: u8 = 80;

/// A baseline JPEG of all of `pixels`, over white, its longer side `max_side` pixels or less where
/// the picture is smaller: it is never enlarged.
pub fn thumbnail_jpeg(pixels: &Pixels, max_side: u32) -> Result<Vec<u8>, FitError> {
    let longest = u64::from(pixels.width.max(pixels.height));
    let side = u64::from(max_side).min(longest);
    // The shorter side of a strip a pixel high rounds to none.
    let scaled =
        |length: u32| ((u64::from(length) * side + longest / 2) / longest.max(1)).max(1) as u32;
    let fit = Fit {
        width: scaled(pixels.width),
        height: scaled(pixels.height),
        how: How::Stretch,
        filter: Filter::Lanczos3,
    };
    let (rgb, _) = Fitter::new().rgb(pixels, Rect::whole(pixels), &fit)?;
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .encode(&rgb, fit.width, fit.height, ExtendedColorType::Rgb8)
        .map_err(|_| FitError::NoTarget {
            width: fit.width,
            height: fit.height,
        })?;
    Ok(jpeg)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecodeOptions, decode};

    /// Left half one colour, right half another.
    fn halves(width: u32, height: u32, left: [u8; 4], right: [u8; 4]) -> Pixels {
        let rgba = (0..height)
            .flat_map(|_| (0..width).flat_map(move |x| if x < width / 2 { left } else { right }))
            .collect();
        Pixels {
            width,
            height,
            rgba,
        }
    }

    #[track_caller]
    fn check(pixels: &Pixels, max_side: u32, width: u32, height: u32) -> Pixels {
        let jpeg = thumbnail_jpeg(pixels, max_side).unwrap();
        let shown = decode(&jpeg, &DecodeOptions::default()).unwrap().pixels;
        assert_eq!((shown.width, shown.height), (width, height));
        shown
    }

    #[test]
    fn the_longer_side_is_bounded_and_nothing_is_enlarged() {
        let red_blue = |w, h| halves(w, h, [200, 20, 20, 255], [20, 20, 200, 255]);
        let shown = check(&red_blue(400, 300), 200, 200, 150);
        let at = |x: usize, y: usize| &shown.rgba[(y * 200 + x) * 4..][..3];
        assert!(
            at(30, 75)[0] > 180 && at(30, 75)[2] < 45,
            "{:?}",
            at(30, 75)
        );
        assert!(
            at(170, 75)[2] > 180 && at(170, 75)[0] < 45,
            "{:?}",
            at(170, 75)
        );
        check(&red_blue(300, 400), 200, 150, 200);
        check(&red_blue(40, 30), 200, 40, 30);
        check(&red_blue(4000, 1), 200, 200, 1);
    }

    #[test]
    fn what_is_transparent_is_white() {
        let shown = check(&halves(64, 64, [0, 0, 0, 0], [10, 10, 10, 255]), 64, 64, 64);
        assert!(shown.rgba[..3].iter().all(|channel| *channel > 240));
    }

    #[test]
    fn no_pixels_are_an_error() {
        assert!(thumbnail_jpeg(&halves(0, 0, [0; 4], [0; 4]), 200).is_err());
    }
}
