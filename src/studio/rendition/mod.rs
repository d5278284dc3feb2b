//! The pictures of a page: each width in each format, as small as a perceptual target allows.
//!
//! The target is the distance DSSIM = (1 − SSIM) / 2 from the same picture at the same width, not a
//! quality number: what 75 means differs between formats and from photo to photo.

mod avif;
mod maker;
mod search;
mod snippet;
mod ssim;

use serde::{Deserialize, Serialize};
use showroom_catalog::Pixels;
use showroom_pixels::composite_over_white;

pub use maker::{Listed, RenditionList, RenditionMaker};
pub use search::{Found, lowest_quality};
pub use snippet::{Placeholder, Shown, picture, placeholder};
pub use ssim::{dssim, ssim};

use crate::write::{ImageFormat, Metadata, WriteError};

/// What to make.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Pixels. What is wider than the photo is made at the photo's own width, once.
    pub widths: Vec<u32>,
    pub formats: Vec<ImageFormat>,
    /// The largest DSSIM.
    pub target: f64,
}

/// One picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendition {
    pub told: Told,
    pub file: Vec<u8>,
}

/// What is told of a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    pub format: ImageFormat,
    pub width: u32,
    pub height: u32,
    pub bytes: u64,
    /// 1 to 100, in the encoder's own scale.
    pub quality: u8,
    /// Measured on the file, decoded again.
    pub dssim: f64,
    /// Whether that is within the target; otherwise it is the best that the format does.
    pub reached: bool,
}

impl Wanted {
    /// The widths that a photo of this width gets, rising.
    pub fn widths_of(&self, photo: u32) -> Vec<u32> {
        let widths = self
            .widths
            .iter()
            .map(|width| (*width).clamp(1, photo.max(1)));
        let mut widths: Vec<u32> = widths.collect();
        widths.sort_unstable();
        widths.dedup();
        widths
    }
}

/// Makes all of them, by rising width and in the order of the formats.
pub fn renditions(
    pixels: &Pixels,
    wanted: &Wanted,
    metadata: &Metadata,
) -> Result<Vec<Rendition>, WriteError> {
    let mut made = Vec::new();
    for width in wanted.widths_of(pixels.width) {
        let height = f64::from(pixels.height) * f64::from(width) / f64::from(pixels.width.max(1));
        let small = showroom_pixels::scale(pixels, width, (height.round() as u32).max(1));
        for &format in &wanted.formats {
            let shown = match format.has_alpha() {
                true => small.clone(),
                false => {
                    let mut white = small.clone();
                    composite_over_white(&mut white);
                    white
                }
            };
            let found = lowest_quality(&shown, format, wanted.target, metadata)?;
            made.push(Rendition {
                told: Told {
                    format,
                    width: shown.width,
                    height: shown.height,
                    bytes: found.file.len() as u64,
                    quality: found.quality,
                    dssim: found.dssim,
                    reached: found.dssim <= wanted.target,
                },
                file: found.file,
            });
        }
    }
    Ok(made)
}
