//! Averages large pictures down by a whole factor, so that a photo in flight is small whatever its format.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
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
    let (bytes, kind) = match picture {
        DynamicImage::ImageLuma8(grey) => (grey.into_raw(), PixelType::U8),
        DynamicImage::ImageRgb8(rgb) => (rgb.into_raw(), PixelType::U8x3),
        other => (other.into_rgba8().into_raw(), PixelType::U8x4),
    };
    let small = resize(
        &bytes,
        (width, height),
        (new_width, new_height),
        kind,
        FilterType::Box,
    );
    let rgba = match kind {
        PixelType::U8 => small
            .iter()
            .flat_map(|&grey| [grey, grey, grey, 255])
            .collect(),
        PixelType::U8x3 => {
            let (pixels, _) = small.as_chunks::<3>();
            pixels
                .iter()
                .flat_map(|&[r, g, b]| [r, g, b, 255])
                .collect()
        }
        _ => small,
    };
    (new_width, new_height, rgba)
}

/// Resizes pixels of `kind`, antialiased. The sizes fit the buffers, so the resizer has nothing to
/// refuse; if it did all the same the result would be black, and the tests would tell.
pub(crate) fn resize(
    bytes: &[u8],
    from: (u32, u32),
    to: (u32, u32),
    kind: PixelType,
    filter: FilterType,
) -> Vec<u8> {
    let mut small = Image::new(to.0, to.1, kind);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
    if let Ok(large) = ImageRef::new(from.0, from.1, bytes, kind) {
        let _ = Resizer::new().resize(&large, &mut small, &options);
    }
    small.into_vec()
}
