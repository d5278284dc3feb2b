//! Pixels → the bytes of a picture file, with an XMP packet that says what was done to it.

mod avif;
mod jpeg;
mod png;
mod webp;
mod xmp;

use std::fmt;
use std::str::FromStr;

use image::codecs::avif::AvifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, ImageError};
use serde::{Deserialize, Serialize};
use showroom_catalog::Pixels;
use showroom_pixels::Mask;

pub use xmp::{Metadata, SourceType};

/// How much time AVIF takes for its size, 1 (slow) to 10: 8 codes a megapixel in about a second a core.
const AVIF_SPEED: u8 = 8;
/// Longest side of a WebP, in pixels (14 bits).
const WEBP_SIDE: u32 = 16_383;
/// Longest side of a JPEG and an AVIF, in pixels.
const SIDE_16_BITS: u32 = 65_535;

/// What files are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageFormat {
    Png,
    Webp,
    Avif,
    Jpeg,
}

impl ImageFormat {
    /// Lower-case name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            ImageFormat::Png => "png",
            ImageFormat::Webp => "webp",
            ImageFormat::Avif => "avif",
            ImageFormat::Jpeg => "jpeg",
        }
    }

    /// The usual ending of a file's name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            ImageFormat::Jpeg => "jpg",
            other => other.name(),
        }
    }

    /// The media type.
    pub fn mime(self) -> &'static str {
        match self {
            ImageFormat::Png => "image/png",
            ImageFormat::Webp => "image/webp",
            ImageFormat::Avif => "image/avif",
            ImageFormat::Jpeg => "image/jpeg",
        }
    }

    /// Whether pixels may be transparent.
    pub fn has_alpha(self) -> bool {
        self != ImageFormat::Jpeg
    }

    /// The longest side that the format can say, in pixels.
    fn max_side(self) -> u32 {
        match self {
            ImageFormat::Png => i32::MAX as u32,
            ImageFormat::Webp => WEBP_SIDE,
            ImageFormat::Avif | ImageFormat::Jpeg => SIDE_16_BITS,
        }
    }
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ImageFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "png" => Ok(ImageFormat::Png),
            "webp" => Ok(ImageFormat::Webp),
            "avif" => Ok(ImageFormat::Avif),
            "jpeg" | "jpg" => Ok(ImageFormat::Jpeg),
            _ => Err(format!(
                "{text:?} is no format: take png, webp, avif or jpeg"
            )),
        }
    }
}

/// Why a picture was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    #[error("a picture of {width}x{height} pixels does not hold {bytes} bytes")]
    Uneven {
        width: u32,
        height: u32,
        bytes: usize,
    },
    #[error(
        "a picture of {width}x{height} pixels is too large for {format}, whose sides are at most {most}; take png"
    )]
    TooLarge {
        format: ImageFormat,
        width: u32,
        height: u32,
        most: u32,
    },
    #[error(
        "JPEG has no transparency; take png, webp or avif, or put the picture on a background first"
    )]
    NoAlpha,
    #[error("the {format} encoder failed: {reason}")]
    Encoder { format: ImageFormat, reason: String },
}

/// The bytes of a file.
///
/// `quality` is 1 to 100 (others are brought into that range): PNG is always exact and WebP at 100;
/// colours of wholly transparent pixels are not kept by WebP and AVIF. The same pixels, format, quality
/// and metadata give the same bytes.
pub fn encode(
    pixels: &Pixels,
    format: ImageFormat,
    quality: u8,
    metadata: &Metadata,
) -> Result<Vec<u8>, WriteError> {
    let Pixels {
        width,
        height,
        rgba,
    } = pixels;
    let (width, height) = (*width, *height);
    check(format, width, height, rgba.len(), 4)?;
    let quality = quality.clamp(1, 100);
    let opaque = rgba.as_chunks::<4>().0.iter().all(|pixel| pixel[3] == 255);
    let flat: Vec<u8>;
    let (bytes, colours) = if opaque {
        flat = rgba
            .as_chunks::<4>()
            .0
            .iter()
            .flat_map(|&[r, g, b, _]| [r, g, b])
            .collect();
        (flat.as_slice(), ExtendedColorType::Rgb8)
    } else if format.has_alpha() {
        (rgba.as_slice(), ExtendedColorType::Rgba8)
    } else {
        return Err(WriteError::NoAlpha);
    };
    let failed = |error: ImageError| WriteError::Encoder {
        format,
        reason: error.to_string(),
    };
    let mut file = Vec::new();
    match format {
        ImageFormat::Png => png_encoder(&mut file)
            .write_image(bytes, width, height, colours)
            .map_err(failed)?,
        ImageFormat::Jpeg => JpegEncoder::new_with_quality(&mut file, quality)
            .write_image(bytes, width, height, colours)
            .map_err(failed)?,
        ImageFormat::Avif => AvifEncoder::new_with_speed_quality(&mut file, AVIF_SPEED, quality)
            .write_image(bytes, width, height, colours)
            .map_err(failed)?,
        ImageFormat::Webp => file = webp::encode(bytes, width, height, opaque, quality)?,
    }
    tagged(file, format, metadata)
}

/// A mask as a grey PNG: white is the product.
pub fn encode_mask(mask: &Mask, metadata: &Metadata) -> Result<Vec<u8>, WriteError> {
    let format = ImageFormat::Png;
    check(format, mask.width, mask.height, mask.values.len(), 1)?;
    let mut file = Vec::new();
    png_encoder(&mut file)
        .write_image(&mask.values, mask.width, mask.height, ExtendedColorType::L8)
        .map_err(|error| WriteError::Encoder {
            format,
            reason: error.to_string(),
        })?;
    tagged(file, format, metadata)
}

/// Fast, as PNG's slower settings save a tenth of the bytes for ten times the time.
fn png_encoder(file: &mut Vec<u8>) -> PngEncoder<&mut Vec<u8>> {
    PngEncoder::new_with_quality(file, CompressionType::Fast, FilterType::Adaptive)
}

fn check(
    format: ImageFormat,
    width: u32,
    height: u32,
    bytes: usize,
    channels: u64,
) -> Result<(), WriteError> {
    let needed = (u64::from(width) * u64::from(height)).checked_mul(channels);
    let whole = needed == Some(bytes as u64) && bytes > 0;
    if !whole {
        return Err(WriteError::Uneven {
            width,
            height,
            bytes,
        });
    }
    let most = format.max_side();
    if width.max(height) > most {
        return Err(WriteError::TooLarge {
            format,
            width,
            height,
            most,
        });
    }
    Ok(())
}

/// The file with its metadata in the place that its format has for it.
pub(crate) fn tagged(
    file: Vec<u8>,
    format: ImageFormat,
    metadata: &Metadata,
) -> Result<Vec<u8>, WriteError> {
    let packet = metadata.packet();
    let tagged = match format {
        ImageFormat::Png => png::with_xmp(&file, &packet),
        ImageFormat::Webp => webp::with_xmp(&file, &packet),
        ImageFormat::Avif => avif::with_xmp(&file, &packet),
        ImageFormat::Jpeg => jpeg::with_xmp(&file, &packet),
    };
    tagged.ok_or_else(|| WriteError::Encoder {
        format,
        reason: "it wrote a file that has no place for metadata".to_string(),
    })
}
