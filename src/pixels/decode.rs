//! Bytes → [`Raster`] (pixels as a decoder gives them) → upright RGBA in sRGB, at a bounded cost.

use std::io::{Cursor, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::{
    bmp::BmpDecoder, gif::GifDecoder, png::PngDecoder, tiff::TiffDecoder, webp::WebPDecoder,
};
use image::{DynamicImage, ImageDecoder, ImageError, ImageResult};
use showroom_catalog::{Facts, Format, Pixels};

use crate::error::PixelError;
use crate::limits::Limits;
use crate::orient::Orientation;
use crate::{colour, header, jpeg, orient, quality, reduce, sniff};

/// How far a photo may be scaled down while it is decoded, and what it may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeOptions {
    /// The shorter side of the pixels is at least this long, unless the photo itself is smaller. Photos
    /// at least twice as large are reduced (JPEGs by their blocks: by 2, 4 or 8; others by averaging).
    ///
    /// Default 750: a crop of a third of the side still has the 260 pixels that a model eats, and
    /// sides of 1500, 2000, 3000 and 4000 pixels are reduced to 750 or 1000. What a smaller value
    /// costs, measured on 1600×1067 photos reduced by 2 (533), EfficientNet-Lite2 against full decode:
    /// cosine 0.9995 (median) on the whole photo, 0.997 on its middle 60 %, 0.98 on its middle 35 %.
    /// `u32::MAX` decodes every pixel.
    pub min_side: u32,
    pub limits: Limits,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        DecodeOptions {
            min_side: 750,
            limits: Limits::default(),
        }
    }
}

/// A photo's pixels and what was measured on them.
#[derive(Clone, Debug)]
pub struct Decoded {
    pub pixels: Pixels,
    /// [`Facts::product_share`] is 0: it takes a mask to know.
    pub facts: Facts,
}

/// What the four (or fewer) bytes of a pixel mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channels {
    Rgba,
    /// Red, green and blue are the same grey, to which a grey ICC profile applies.
    GreyAsRgba,
    /// Four inks a pixel, 255 meaning none, as every CMYK JPEG is written.
    InvertedCmyk,
}

/// Decoded pixels, four bytes each, not yet upright and not yet in sRGB.
pub(crate) struct Raster {
    pub width: u32,
    pub height: u32,
    pub pixels: Vec<u8>,
    pub channels: Channels,
    pub icc: Option<Vec<u8>>,
}

/// Decodes and measures a photo.
///
/// The format is told by the bytes; size and format are checked against the limits before anything is
/// allocated for pixels. Of an animation the first frame is taken. A photo of which a part is missing
/// is refused. Never panics.
pub fn decode(bytes: &[u8], options: &DecodeOptions) -> Result<Decoded, PixelError> {
    let (format, size, pixels) = decode_upright(bytes, options)?;
    let facts = quality::measure(&pixels, size, bytes.len() as u64, format);
    Ok(Decoded { pixels, facts })
}

/// [`decode`] without measuring: upright sRGB pixels only.
pub fn decode_pixels(bytes: &[u8], options: &DecodeOptions) -> Result<Pixels, PixelError> {
    decode_upright(bytes, options).map(|(_, _, pixels)| pixels)
}

/// Format, upright size as in the file, pixels.
fn decode_upright(
    bytes: &[u8],
    options: &DecodeOptions,
) -> Result<(Format, (u32, u32), Pixels), PixelError> {
    let limits = &options.limits;
    limits.check_bytes(bytes)?;
    let format = sniff::sniff(bytes)?;
    let (header, raster) = match format {
        Format::Jpeg => {
            let head = jpeg::Head::read(bytes)?;
            let header = checked(format, head.header(), limits)?;
            (
                header,
                jpeg::decode(bytes, &head, options.min_side, limits)?,
            )
        }
        _ => {
            let header = checked(format, header::read(format, bytes)?, limits)?;
            (header, others(format, bytes, options)?)
        }
    };
    let (raster_width, raster_height) = (raster.width, raster.height);
    let rgba = colour::to_srgb(raster);
    let orientation: Orientation = header.orientation;
    let (width, height, rgba) = orient::turn(orientation, raster_width, raster_height, rgba);
    let size = orientation.upright(header.width, header.height);
    Ok((
        format,
        size,
        Pixels {
            width,
            height,
            rgba,
        },
    ))
}

fn checked(
    format: Format,
    header: header::Header,
    limits: &Limits,
) -> Result<header::Header, PixelError> {
    if header.width == 0 || header.height == 0 {
        return Err(PixelError::corrupt(
            format,
            "its header gives no width or no height",
        ));
    }
    limits.check_size(header.width, header.height)?;
    Ok(header)
}

/// Runs a decoder that may panic on hostile bytes; None if it did.
///
/// Needed: the `tiff` crate fails an assertion of its own on planar tiles (those are refused before), and
/// all of these decoders check their arithmetic by panicking. What they were making is dropped.
pub(crate) fn guarded<T>(decoder: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(decoder)).ok()
}

/// Decodes everything but JPEG.
fn others(format: Format, bytes: &[u8], options: &DecodeOptions) -> Result<Raster, PixelError> {
    if format == Format::Tiff && header::has_planar_tiles(bytes) {
        let reason = "tiles with a plane for each channel".to_string();
        return Err(PixelError::UnsupportedPixels { format, reason });
    }
    guarded(|| through_image(format, bytes, options))
        .unwrap_or_else(|| Err(PixelError::corrupt(format, "its decoder gave up")))
}

/// Decodes through the `image` crate.
fn through_image(
    format: Format,
    bytes: &[u8],
    options: &DecodeOptions,
) -> Result<Raster, PixelError> {
    let refuse = |error: ImageError| judge(format, error, &options.limits);
    let mut decoder = open(format, bytes, &options.limits).map_err(refuse)?;
    // Broken colour metadata is no reason to lose a photo.
    let icc = decoder.icc_profile().ok().flatten();
    let (width, height) = decoder.dimensions();
    // The decoder may see a larger picture than the header that was checked.
    options.limits.check_size(width, height)?;
    let per_pixel = u64::from(decoder.color_type().bytes_per_pixel()) + 4;
    options
        .limits
        .check_memory(u64::from(width) * u64::from(height) * per_pixel)?;
    let grey = !decoder.color_type().has_color();
    let picture = DynamicImage::from_decoder(decoder).map_err(refuse)?;
    let (width, height, pixels) = reduce::to_rgba(picture, options.min_side);
    let channels = if grey {
        Channels::GreyAsRgba
    } else {
        Channels::Rgba
    };
    Ok(Raster {
        width,
        height,
        pixels,
        channels,
        icc,
    })
}

fn open<'a>(
    format: Format,
    bytes: &'a [u8],
    limits: &Limits,
) -> ImageResult<Box<dyn ImageDecoder + 'a>> {
    let mut bounds = image::Limits::default();
    bounds.max_image_width = Some(limits.max_side);
    bounds.max_image_height = Some(limits.max_side);
    bounds.max_alloc = Some(limits.max_memory);
    // What a PNG may hold beside its pixels (texts, a profile): a few kilobytes inflate to gigabytes.
    let mut png_extras = bounds.clone();
    png_extras.max_alloc = Some(16 << 20);
    let bytes = Cursor::new(bytes);
    let mut decoder: Box<dyn ImageDecoder + 'a> = match format {
        Format::Png => Box::new(PngDecoder::with_limits(bytes, png_extras)?),
        Format::Webp => Box::new(WebPDecoder::new(bytes)?),
        Format::Gif => Box::new(GifDecoder::new(bytes)?),
        Format::Bmp => Box::new(BmpDecoder::new(bytes)?),
        Format::Tiff => Box::new(TiffDecoder::new(bytes)?),
        Format::Jpeg => Box::new(image::codecs::jpeg::JpegDecoder::new(bytes)?),
    };
    // TIFF's own bounds (256 MiB) are right for all but huge pictures, and for small ones the `image`
    // crate would set bounds that refuse their profiles and strip tables.
    if format != Format::Tiff || decoder.total_bytes() > 200 << 20 {
        decoder.set_limits(bounds)?;
    }
    Ok(decoder)
}

/// The `image` crate's errors as ours.
fn judge(format: Format, error: ImageError, limits: &Limits) -> PixelError {
    if ends_early(&error) {
        return PixelError::Truncated { format };
    }
    match &error {
        ImageError::Limits(_) => PixelError::TooMuchMemory {
            limit: limits.max_memory,
        },
        ImageError::Unsupported(what) => PixelError::UnsupportedPixels {
            format,
            reason: told(&what.to_string()),
        },
        _ => PixelError::corrupt(format, told(&error.to_string())),
    }
}

/// A decoder's sentence without the words that say which decoder it was.
fn told(sentence: &str) -> String {
    const KNOWN: [&str; 6] = [
        "does not support the format features ",
        "does not support the color type ",
        "Format error decoding Png: ",
        "Format error decoding Gif: ",
        "Format error decoding Bmp: ",
        "Format error decoding Tiff: ",
    ];
    let rest = KNOWN
        .iter()
        .find_map(|known| sentence.split_once(known))
        .map(|(_, rest)| rest);
    rest.unwrap_or(sentence).trim_end_matches('.').to_string()
}

/// Whether the bytes ran out. Decoders say so as an I/O error somewhere in the chain, or in words.
fn ends_early(error: &ImageError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>()
            && io.kind() == ErrorKind::UnexpectedEof
        {
            return true;
        }
        let text = inner.to_string().to_lowercase();
        if [
            "unexpected end",
            "unexpected eof",
            "end of file",
            "failed to fill whole buffer",
        ]
        .iter()
        .any(|words| text.contains(words))
        {
            return true;
        }
        cause = inner.source();
    }
    false
}
