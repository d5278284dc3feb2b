//! Pictures that are drawn, and stand-ins for the mask network.

use showroom_catalog::seams::{Matting, ModelError, SoftMask, TextBox, TextDetector};
use showroom_catalog::{Facts, Format, Pixels};
use showroom_pixels::Mask;
use showroom_pixels::quality::measure;

/// A picture painted pixel by pixel.
pub fn painted(width: u32, height: u32, paint: impl Fn(u32, u32) -> [u8; 4]) -> Pixels {
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    Pixels {
        width,
        height,
        rgba: places.flat_map(|(x, y)| paint(x, y)).collect(),
    }
}

/// A mask of the pixels that `is` the product.
pub fn masked(width: u32, height: u32, is: impl Fn(u32, u32) -> bool) -> Mask {
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    Mask {
        width,
        height,
        values: places
            .map(|(x, y)| if is(x, y) { 255 } else { 0 })
            .collect(),
    }
}

/// Facts of a picture as if it were a file of this format.
pub fn facts(pixels: &Pixels, format: Format) -> Facts {
    measure(pixels, (pixels.width, pixels.height), 100_000, format)
}

/// A patterned product, so that it is sharp: greys that change every few pixels.
pub fn product_grey(x: u32, y: u32) -> u8 {
    60 + ((x / 3 + y / 3) % 2) as u8 * 80
}

/// Sees a product in every pixel that is not nearly white.
pub struct DarkIsProduct;

impl Matting for DarkIsProduct {
    fn id(&self) -> &str {
        "dark@1"
    }

    fn matte(&mut self, pixels: &Pixels) -> Result<Result<SoftMask, String>, ModelError> {
        let values: Vec<f32> = pixels
            .rgba
            .as_chunks::<4>()
            .0
            .iter()
            .map(|pixel| {
                if pixel[..3].iter().any(|value| *value < 225) {
                    1.0
                } else {
                    0.0
                }
            })
            .collect();
        let peak = values.iter().copied().fold(0.0, f32::max);
        Ok(Ok(SoftMask {
            width: pixels.width,
            height: pixels.height,
            values,
            peak,
        }))
    }
}

/// Sees these boxes in every photo.
pub struct Sees(pub Vec<TextBox>);

impl TextDetector for Sees {
    fn id(&self) -> &str {
        "sees@1"
    }

    fn detect(&mut self, _pixels: &Pixels) -> Result<Result<Vec<TextBox>, String>, ModelError> {
        Ok(Ok(self.0.clone()))
    }
}

/// An upright box of text, in shares of the photo.
pub fn text_at(left: f32, top: f32, right: f32, bottom: f32) -> TextBox {
    TextBox {
        corners: [[left, top], [right, top], [right, bottom], [left, bottom]],
        score: 0.9,
    }
}
