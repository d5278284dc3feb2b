//! A photo and where its product is → the product alone, with how far that can be trusted.

mod frame;
mod judge;
mod maker;
mod remove;

use showroom_catalog::Pixels;
use showroom_catalog::seams::SoftMask;
use showroom_pixels::Mask;

pub use frame::{Aspect, Frame, FrameError};
pub use judge::{Flag, Judgement};
pub(crate) use maker::RULES;
pub use maker::{CutoutMaker, CutoutOptions};
pub use remove::{BadParameter, RemoveError, RemoveParams, Removed, remove};

use crate::foreground;
use crate::matte::{Band, refine};

/// Share of the picture that the product fills where only its shape or size is asked for.
pub const DEFAULT_FILL: f64 = 0.85;

/// The network must be this sure somewhere in the photo, or there is no product: scaling would make a
/// mask of noise. On photos of products it is above .99, on a plain surface below ½.
const MIN_PEAK: f32 = 0.5;

/// The product of a photo, alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Cutout {
    /// As large as the photo. Where alpha is 255 each pixel is the photo's own, byte for byte; where it is
    /// less the background is taken out of its colour.
    pub pixels: Pixels,
    pub judgement: Judgement,
}

impl Cutout {
    /// Its alpha as a mask.
    pub fn mask(&self) -> Mask {
        let alpha = self
            .pixels
            .rgba
            .as_chunks::<4>()
            .0
            .iter()
            .map(|pixel| pixel[3]);
        Mask {
            width: self.pixels.width,
            height: self.pixels.height,
            values: alpha.collect(),
        }
    }
}

/// The cut-out of a photo that has been cut out already: its own transparency is right, and nothing changes.
pub fn of_transparent(pixels: &Pixels) -> Option<Cutout> {
    let mask = Mask::of_alpha(pixels)?;
    let judgement = judge::own_alpha(&mask);
    Some(Cutout {
        pixels: pixels.clone(),
        judgement,
    })
}

/// Cuts the product out of a photo. `mask` is what a matting network says of it.
pub fn cut(pixels: &Pixels, mask: &SoftMask, band: Band) -> Cutout {
    let size = pixels.width as usize * pixels.height as usize;
    if mask.peak < MIN_PEAK || size == 0 {
        let rgba = vec![0; pixels.rgba.len()];
        let empty = Pixels {
            width: pixels.width,
            height: pixels.height,
            rgba,
        };
        return Cutout {
            pixels: empty,
            judgement: judge::no_product(mask.peak),
        };
    }
    let matte = refine(pixels, mask, band);
    let judgement = judge::judge(mask, &matte, pixels.width as usize);
    Cutout {
        pixels: foreground::freed(pixels, &matte.alpha),
        judgement,
    }
}
