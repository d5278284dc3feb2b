//! Averages large pictures down by a whole factor, so that a photo in flight is small whatever its format.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x3, U8x4};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use image::DynamicImage;

/// Eight-bit RGBA of `picture`, reduced by the largest of 8, 4, 2 that leaves the shorter side at least
/// `min_side` long. Colours are weighted by alpha, so that transparent pixels lend none.
pub fn to_rgba(picture: DynamicImage, min_side: u32) -> (u32, u32, Vec<u8>) {
    let (width, height) = (picture.width(), picture.height());
    let side = width.min(height);
    let factor = [8, 4, 2]
        .into_iter()
        .find(|by| side.div_ceil(*by) >= min_side)
        .unwrap_or(1);
    if factor == 1 {
        return (width, height, picture.into_rgba8().into_raw());
    }
    let (new_width, new_height) = (width.div_ceil(factor), height.div_ceil(factor));
    // Grey and RGB are reduced as they are: turning them into RGBA first would cost more memory.
    let (from, to) = ((width, height), (new_width, new_height));
    let rgba = match picture {
        DynamicImage::ImageLuma8(grey) => {
            let small = resize::<U8>(&grey, from, to, FilterType::Box, Alpha::None);
            small
                .iter()
                .flat_map(|&grey| [grey, grey, grey, 255])
                .collect()
        }
        DynamicImage::ImageRgb8(rgb) => {
            let small = resize::<U8x3>(&rgb, from, to, FilterType::Box, Alpha::None);
            let (pixels, _) = small.as_chunks::<3>();
            pixels
                .iter()
                .flat_map(|&[r, g, b]| [r, g, b, 255])
                .collect()
        }
        other => resize::<U8x4>(
            &other.into_rgba8(),
            from,
            to,
            FilterType::Box,
            Alpha::Weighs,
        ),
    };
    (new_width, new_height, rgba)
}

/// Whether colours are weighted by alpha while they are averaged, which costs two passes more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alpha {
    Weighs,
    /// There is none, or every pixel is opaque.
    None,
}

/// Resizes pixels of type `P`, antialiased. The sizes fit the buffers, so the resizer has nothing to
/// refuse; if it did all the same the result would be black, and the tests would tell.
///
/// Typed, because the untyped way compiles every pixel type there is.
pub(crate) fn resize<P: PixelTrait>(
    bytes: &[u8],
    from: (u32, u32),
    to: (u32, u32),
    filter: FilterType,
    alpha: Alpha,
) -> Vec<u8> {
    let mut small = vec![0; to.0 as usize * to.1 as usize * P::size()];
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        .use_alpha(alpha == Alpha::Weighs);
    if let Ok(large) = TypedImageRef::<P>::from_buffer(from.0, from.1, bytes)
        && let Ok(mut view) = TypedImage::<P>::from_buffer(to.0, to.1, &mut small)
    {
        let _ = Resizer::new().resize_typed(&large, &mut view, &options);
    }
    small
}
