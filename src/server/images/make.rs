//! Photo → rendition: decode at a scale that is enough, fit, encode. And the placeholder.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::codecs::avif::AvifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use showroom_catalog::Pixels;
use showroom_pixels::fit::{Filter, Fit as PixelFit, Fitter, How, Rect};
use showroom_pixels::{DecodeOptions, Limits, decode_pixels};

use super::ask::{Ask, Fit, MAX_SIDE, Output};
use crate::error::ApiError;

/// Edges of a product on white show blocks below these.
const JPEG_QUALITY: u8 = 82;
const WEBP_QUALITY: u8 = 80;
const AVIF_QUALITY: u8 = 60;
/// `ravif`'s, 1 (slow) to 10.
const AVIF_SPEED: u8 = 8;
/// More takes longer than anybody waits for a picture.
const MAX_AVIF_PIXELS: u64 = 4 << 20;
/// Longer side of a placeholder, and its quality: some 100 bytes.
const PLACEHOLDER_SIDE: u32 = 16;
const PLACEHOLDER_QUALITY: f32 = 40.0;
/// Longest placeholder that is given.
const MAX_PLACEHOLDER: usize = 400;

/// The size of a rendition, and the share of the photo's own size that it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    pub width: u32,
    pub height: u32,
    /// At most 1: nothing is enlarged.
    pub scale: f64,
    how: How,
}

/// How a photo of `width` × `height` pixels becomes what is asked.
pub fn plan(width: u32, height: u32, ask: &Ask) -> Plan {
    let (w, h) = (f64::from(width.max(1)), f64::from(height.max(1)));
    let side = |length: f64| (length.round() as u32).clamp(1, MAX_SIDE);
    let (box_w, box_h) = match (ask.width, ask.height) {
        (Some(box_w), Some(box_h)) if ask.fit != Fit::Inside => (box_w, box_h),
        (box_w, box_h) => {
            let by_w = f64::from(box_w.unwrap_or(MAX_SIDE)) / w;
            let by_h = f64::from(box_h.unwrap_or(MAX_SIDE)) / h;
            let scale = by_w.min(by_h).min(1.0);
            return Plan {
                width: side(w * scale),
                height: side(h * scale),
                scale,
                how: How::Stretch,
            };
        }
    };
    let (by_w, by_h) = (f64::from(box_w) / w, f64::from(box_h) / h);
    let (scale, how) = match ask.fit {
        Fit::Cover => (by_w.max(by_h), How::Cover),
        _ => (by_w.min(by_h), How::Letterbox([255; 3])),
    };
    // The box shrinks with the photo that is too small for it, and keeps its shape.
    let shrink = scale.max(1.0);
    Plan {
        width: side(f64::from(box_w) / shrink),
        height: side(f64::from(box_h) / shrink),
        scale: scale.min(1.0),
        how,
    }
}

/// A rendition, and the placeholder of the photo, which costs nothing once it is decoded.
pub struct Rendered {
    pub bytes: Vec<u8>,
    /// A `data:` URI of at most 400 bytes.
    pub placeholder: Option<String>,
}

/// Makes a rendition of a photo of `width` × `height` pixels. Blocks for as long as it takes: a
/// millisecond to some seconds. What is transparent becomes white.
pub fn render(
    photo: &[u8],
    (width, height): (u32, u32),
    ask: &Ask,
    output: Output,
    limits: &Limits,
) -> Result<Rendered, ApiError> {
    let plan = plan(width, height, ask);
    if output == Output::Avif && u64::from(plan.width) * u64::from(plan.height) > MAX_AVIF_PIXELS {
        let message = format!("AVIF is made of up to {MAX_AVIF_PIXELS} pixels; ask for webp");
        return Err(ApiError::bad("too_large_for_avif", message));
    }
    let shorter = (f64::from(width.min(height)) * plan.scale).ceil();
    let options = DecodeOptions {
        min_side: (shorter as u32).max(PLACEHOLDER_SIDE),
        limits: limits.clone(),
    };
    let pixels = decode_pixels(photo, &options)?;
    let fit = PixelFit {
        width: plan.width,
        height: plan.height,
        how: plan.how,
        filter: Filter::Lanczos3,
    };
    let mut fitter = Fitter::new();
    let (rgb, _) = fitter
        .rgb(&pixels, Rect::whole(&pixels), &fit)
        .map_err(|error| ApiError::internal(&error))?;
    let bytes = encode(&rgb, plan.width, plan.height, output, ask.quality)
        .map_err(|reason| ApiError::internal(&reason))?;
    Ok(Rendered {
        bytes,
        placeholder: placeholder(&mut fitter, &pixels),
    })
}

fn encode(
    rgb: &[u8],
    width: u32,
    height: u32,
    output: Output,
    quality: Option<u8>,
) -> Result<Vec<u8>, String> {
    let said = |error: image::ImageError| error.to_string();
    let mut bytes = Vec::new();
    match output {
        Output::Webp => return webp(rgb, width, height, quality.unwrap_or(WEBP_QUALITY).into()),
        Output::Avif => {
            let quality = quality.unwrap_or(AVIF_QUALITY);
            AvifEncoder::new_with_speed_quality(&mut bytes, AVIF_SPEED, quality)
                .with_num_threads(Some(1))
                .write_image(rgb, width, height, ExtendedColorType::Rgb8)
                .map_err(said)?;
        }
        Output::Jpeg => {
            JpegEncoder::new_with_quality(&mut bytes, quality.unwrap_or(JPEG_QUALITY))
                .encode(rgb, width, height, ExtendedColorType::Rgb8)
                .map_err(said)?;
        }
    }
    Ok(bytes)
}

fn webp(rgb: &[u8], width: u32, height: u32, quality: f32) -> Result<Vec<u8>, String> {
    webp::Encoder::from_rgb(rgb, width, height)
        .encode_simple(false, quality)
        .map(|encoded| encoded.to_vec())
        .map_err(|error| format!("libwebp: {error:?}"))
}

/// The photo 16 pixels wide, as a `data:` URI; `None` where that is longer than it may be.
fn placeholder(fitter: &mut Fitter, pixels: &Pixels) -> Option<String> {
    let longer = f64::from(pixels.width.max(pixels.height).max(1));
    let scale = (f64::from(PLACEHOLDER_SIDE) / longer).min(1.0);
    let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    let fit = PixelFit {
        width: side(pixels.width),
        height: side(pixels.height),
        how: How::Stretch,
        filter: Filter::Box,
    };
    let (rgb, _) = fitter.rgb(pixels, Rect::whole(pixels), &fit).ok()?;
    let bytes = webp(&rgb, fit.width, fit.height, PLACEHOLDER_QUALITY).ok()?;
    let uri = format!("data:image/webp;base64,{}", BASE64_STANDARD.encode(bytes));
    (uri.len() <= MAX_PLACEHOLDER).then_some(uri)
}
