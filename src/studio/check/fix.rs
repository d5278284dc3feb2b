//! The picture that keeps the rules: the cut-out on white, cropped and padded, in the format asked for.

use showroom_catalog::Pixels;
use showroom_pixels::Mask;

use super::rules::Target;
use crate::place::{Canvas, PlaceError, canvas};
use crate::write::{ImageFormat, Metadata, WriteError, encode};

/// Qualities that are tried, best first, until the file is small enough.
const QUALITIES: [u8; 6] = [92, 86, 80, 70, 55, 40];

/// A picture that keeps the rules as far as the photo allows.
#[derive(Clone, Debug)]
pub struct Fixed {
    pub file: Vec<u8>,
    pub format: ImageFormat,
    /// 1 to 100; of no meaning for PNG.
    pub quality: u8,
    pub width: u32,
    pub height: u32,
    /// Where the product is in it.
    pub mask: Mask,
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FixError {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("the picture is larger than {limit} bytes at the lowest quality")]
    TooLarge { limit: u64 },
}

/// Puts a cut-out (straight alpha) on white as `target` says. Nothing is enlarged: where the product is
/// too small for the target's size, the picture is smaller.
pub fn fix(cutout: &Pixels, target: &Target, metadata: &Metadata) -> Result<Fixed, FixError> {
    let wanted = Canvas {
        fill: target.fill,
        aspect: Some(target.aspect),
        longest_side: Some(target.longest_side),
    };
    let placed = canvas(cutout, &wanted)?;
    let (width, height) = (placed.width, placed.height);
    let mask = Mask {
        width,
        height,
        values: placed.rgba.iter().skip(3).step_by(4).copied().collect(),
    };
    let mut white = placed;
    showroom_pixels::composite_over_white(&mut white);
    for quality in QUALITIES {
        let file = encode(&white, target.format, quality, metadata)?;
        if file.len() as u64 <= target.max_bytes {
            return Ok(Fixed {
                file,
                format: target.format,
                quality,
                width,
                height,
                mask,
            });
        }
        if target.format == ImageFormat::Png {
            break;
        }
    }
    Err(FixError::TooLarge {
        limit: target.max_bytes,
    })
}
