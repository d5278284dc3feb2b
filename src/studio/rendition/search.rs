//! The lowest quality that is good enough, by bisection.

use showroom_catalog::Pixels;
use showroom_pixels::{DecodeOptions, decode_pixels};

use super::avif;
use super::ssim::dssim;
use crate::write::{ImageFormat, Metadata, WriteError, encode, tagged};

/// Qualities that are tried. Above, files grow and nobody sees why; 100 is lossless for WebP.
const LEAST: u8 = 10;
const MOST: u8 = 98;

/// A file, and how good it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub quality: u8,
    pub dssim: f64,
    pub file: Vec<u8>,
}

/// The file of the lowest quality whose DSSIM is at most `target`, or of the highest quality where none
/// is. Seven encodings at the most: the distance is taken to fall as the quality rises, which encoders
/// keep to but for a step or two, so that the file found is within the target and at most a step too large.
pub fn lowest_quality(
    pixels: &Pixels,
    format: ImageFormat,
    target: f64,
    metadata: &Metadata,
) -> Result<Found, WriteError> {
    if format == ImageFormat::Png {
        return attempt(pixels, format, 100, metadata);
    }
    let (mut low, mut high) = (LEAST, MOST);
    let mut best: Option<Found> = None;
    while low <= high {
        let middle = low + (high - low) / 2;
        let found = attempt(pixels, format, middle, metadata)?;
        if found.dssim <= target {
            best = Some(found);
            high = middle - 1;
        } else {
            low = middle + 1;
        }
    }
    match best {
        Some(best) => Ok(best),
        None => attempt(pixels, format, MOST, metadata),
    }
}

fn attempt(
    pixels: &Pixels,
    format: ImageFormat,
    quality: u8,
    metadata: &Metadata,
) -> Result<Found, WriteError> {
    if format == ImageFormat::Avif {
        return attempt_avif(pixels, quality, metadata);
    }
    let file = encode(pixels, format, quality, metadata)?;
    let whole = DecodeOptions {
        min_side: u32::MAX,
        ..DecodeOptions::default()
    };
    let shown = decode_pixels(&file, &whole).map_err(|error| WriteError::Encoder {
        format,
        reason: format!("what it wrote cannot be read again: {error}"),
    })?;
    Ok(Found {
        quality,
        dssim: dssim(pixels, &shown),
        file,
    })
}

fn attempt_avif(pixels: &Pixels, quality: u8, metadata: &Metadata) -> Result<Found, WriteError> {
    let format = ImageFormat::Avif;
    let encoded =
        avif::encode(pixels, quality).map_err(|reason| WriteError::Encoder { format, reason })?;
    Ok(Found {
        quality,
        dssim: dssim(pixels, &encoded.luma),
        file: tagged(encoded.file, format, metadata)?,
    })
}
