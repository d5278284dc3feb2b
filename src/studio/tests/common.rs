//! Drawn pictures and a matting network that says what it is told.

use showroom_catalog::Pixels;
use showroom_catalog::seams::{Matting, ModelError, SoftMask};

/// Pixels by a formula.
pub fn drawn(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 4]) -> Pixels {
    let rgba = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    Pixels {
        width,
        height,
        rgba: rgba.flat_map(|(x, y)| pixel(x, y)).collect(),
    }
}

/// A mask by a formula of where in the photo it is, 0–1 in both directions.
pub fn mask(size: u32, value: impl Fn(f32, f32) -> f32) -> SoftMask {
    let at = |i: u32| (i as f32 + 0.5) / size as f32;
    let values = (0..size * size).map(|i| value(at(i % size), at(i / size)));
    SoftMask {
        width: size,
        height: size,
        values: values.collect(),
        peak: 1.0,
    }
}

/// A disc in the middle, a third of the photo wide.
pub fn disc(x: f32, y: f32) -> f32 {
    f32::from(u8::from((x - 0.5).hypot(y - 0.5) < 1.0 / 3.0))
}

/// Alpha of the pixels.
pub fn alpha(pixels: &Pixels) -> Vec<u8> {
    pixels
        .rgba
        .as_chunks::<4>()
        .0
        .iter()
        .map(|pixel| pixel[3])
        .collect()
}

/// Says the same of every photo.
pub struct Told(pub Result<SoftMask, String>);

impl Matting for Told {
    fn id(&self) -> &str {
        "told@1"
    }

    fn matte(&mut self, _: &Pixels) -> Result<Result<SoftMask, String>, ModelError> {
        Ok(self.0.clone())
    }
}

/// Is never asked.
pub struct Unasked;

impl Matting for Unasked {
    fn id(&self) -> &str {
        "unasked@1"
    }

    fn matte(&mut self, _: &Pixels) -> Result<Result<SoftMask, String>, ModelError> {
        Err(ModelError::Failed("the network was asked".into()))
    }
}
