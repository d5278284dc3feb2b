//! JPEG → 260×260 RGB as f32, plane by plane: showroom's way and two that one would write by hand.

use std::hint::black_box;
use std::path::Path;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use showroom_pixels::{DecodeOptions, Filter, Fit, Fitter, How, Normal, Rect};
use turbojpeg::{Decompressor, PixelFormat, ScalingFactor};

use crate::{Outcome, jpegs};

pub const SIDE: u32 = 260;
const NORMAL: Normal = Normal {
    mean: [127.0; 3],
    std: [128.0; 3],
};
const FIT: Fit = Fit {
    width: SIDE,
    height: SIDE,
    how: How::Cover,
    filter: Filter::Bicubic,
};

/// Does every JPEG of the folder; how many.
pub fn folder(who: &str, folder: &Path) -> Outcome<usize> {
    let mut fitter = Fitter::new();
    let mut resizer = Resizer::new();
    let paths = jpegs(folder)?;
    for path in &paths {
        let bytes = std::fs::read(path)?;
        let tensor = match who {
            "showroom" => {
                let pixels = showroom_pixels::decode_pixels(&bytes, &at_least(SIDE))?;
                fit(&mut fitter, &pixels)?
            }
            "showroom-ingest" => {
                let decoded = showroom_pixels::decode(&bytes, &DecodeOptions::default())?;
                black_box(&decoded.facts);
                fit(&mut fitter, &decoded.pixels)?
            }
            "turbojpeg" => turbojpeg(&mut resizer, &bytes)?,
            "zune" => zune(&mut resizer, &bytes)?,
            _ => return Err(format!("nobody is called {who}").into()),
        };
        black_box(tensor);
    }
    Ok(paths.len())
}

/// Options that leave the shorter side at least `min_side` long.
pub fn at_least(min_side: u32) -> DecodeOptions {
    DecodeOptions {
        min_side,
        ..DecodeOptions::default()
    }
}

/// showroom's fit of decoded pixels.
pub fn fit(fitter: &mut Fitter, pixels: &showroom_catalog::Pixels) -> Outcome<Vec<f32>> {
    let mut tensor = vec![0.0; (3 * SIDE * SIDE) as usize];
    fitter.nchw(pixels, Rect::whole(pixels), &FIT, &NORMAL, &mut tensor)?;
    Ok(tensor)
}

/// turbojpeg at the smallest scale that still holds the input (a quarter for photos of 2000 pixels, the
/// same rule as showroom's), then fast_image_resize.
fn turbojpeg(resizer: &mut Resizer, bytes: &[u8]) -> Outcome<Vec<f32>> {
    let mut decompressor = Decompressor::new()?;
    let header = decompressor.read_header(bytes)?;
    let scale = [
        ScalingFactor::ONE_EIGHTH,
        ScalingFactor::ONE_QUARTER,
        ScalingFactor::ONE_HALF,
        ScalingFactor::ONE,
    ]
    .into_iter()
    .find(|scale| scale.scale(header.width.min(header.height)) >= SIDE as usize)
    .unwrap_or(ScalingFactor::ONE);
    decompressor.set_scaling_factor(scale)?;
    let (width, height) = (scale.scale(header.width), scale.scale(header.height));
    let mut rgb = vec![0; width * height * 3];
    let image = turbojpeg::Image {
        pixels: rgb.as_mut_slice(),
        width,
        pitch: width * 3,
        height,
        format: PixelFormat::RGB,
    };
    decompressor.decompress(bytes, image)?;
    resize(resizer, width as u32, height as u32, &rgb)
}

/// The `image` crate's decoder (zune-jpeg), every pixel, then fast_image_resize.
fn zune(resizer: &mut Resizer, bytes: &[u8]) -> Outcome<Vec<f32>> {
    let photo = image::load_from_memory(bytes)?.into_rgb8();
    resize(resizer, photo.width(), photo.height(), photo.as_raw())
}

fn resize(resizer: &mut Resizer, width: u32, height: u32, rgb: &[u8]) -> Outcome<Vec<f32>> {
    let large = ImageRef::new(width, height, rgb, PixelType::U8x3)?;
    let mut small = Image::new(SIDE, SIDE, PixelType::U8x3);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom))
        .fit_into_destination(None);
    resizer.resize(&large, &mut small, &options)?;
    let (pixels, _) = small.buffer().as_chunks::<3>();
    let plane = |channel: usize| {
        pixels
            .iter()
            .map(move |p| (f32::from(p[channel]) - 127.0) / 128.0)
    };
    Ok((0..3).flat_map(plane).collect())
}
