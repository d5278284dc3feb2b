//! Whatever colours a file uses → sRGB: ICC profiles through moxcms, CMYK with or without one.

use moxcms::{ColorProfile, DataColorSpace, Layout, ParsingOptions, TransformOptions};

use crate::decode::{Channels, Raster, guarded};

/// Profiles larger than this are not read: the largest real ones (CMYK presses) have 3 MiB.
const MAX_PROFILE_BYTES: usize = 8 << 20;

/// RGBA in sRGB. Where there is no profile, or it is broken or of the wrong kind, RGB and grey are
/// taken for sRGB and CMYK is mixed naively, as browsers and Pillow do.
pub(crate) fn to_srgb(mut raster: Raster) -> Vec<u8> {
    if raster.channels == Channels::InvertedCmyk {
        // From here on 255 is full ink.
        raster.pixels.iter_mut().for_each(|ink| *ink = 255 - *ink);
    }
    let converted = raster
        .icc
        .as_deref()
        .and_then(|icc| guarded(|| convert(&raster, icc)).flatten());
    match converted {
        Some(rgba) => rgba,
        None if raster.channels == Channels::InvertedCmyk => {
            mix_inks(&mut raster.pixels);
            raster.pixels
        }
        None => raster.pixels,
    }
}

/// Through the profile; None where it cannot be used, or changes nothing.
fn convert(raster: &Raster, icc: &[u8]) -> Option<Vec<u8>> {
    let options = ParsingOptions {
        max_profile_size: MAX_PROFILE_BYTES,
        ..Default::default()
    };
    let profile = ColorProfile::new_from_slice_with_options(icc, options).ok()?;
    let (space, layout) = match raster.channels {
        Channels::Rgba => (DataColorSpace::Rgb, Layout::Rgba),
        Channels::GreyAsRgba => (DataColorSpace::Gray, Layout::GrayAlpha),
        // moxcms takes four inks in the layout of RGBA.
        Channels::InvertedCmyk => (DataColorSpace::Cmyk, Layout::Rgba),
    };
    if profile.color_space != space {
        return None;
    }
    let transform = profile
        .create_transform_8bit(
            layout,
            &ColorProfile::new_srgb(),
            Layout::Rgba,
            TransformOptions::default(),
        )
        .ok()?;
    if raster.channels == Channels::Rgba && changes_nothing(transform.as_ref()) {
        return None;
    }
    let mut rgba = vec![255; raster.pixels.len()];
    if raster.channels == Channels::GreyAsRgba {
        let (pixels, _) = raster.pixels.as_chunks::<4>();
        let grey: Vec<u8> = pixels
            .iter()
            .flat_map(|&[grey, _, _, alpha]| [grey, alpha])
            .collect();
        transform.transform(&grey, &mut rgba).ok()?;
    } else {
        transform.transform(&raster.pixels, &mut rgba).ok()?;
    }
    Some(rgba)
}

/// Whether a transform moves no colour by more than one level, as most profiles of shop photos (sRGB
/// itself) do: tried on a lattice of 9³ colours.
fn changes_nothing(transform: &(dyn moxcms::TransformExecutor<u8> + Send + Sync)) -> bool {
    let level = |step: usize| (step * 255 / 8) as u8;
    let lattice: Vec<u8> = (0..9 * 9 * 9)
        .flat_map(|i| [level(i % 9), level(i / 9 % 9), level(i / 81), 255])
        .collect();
    let mut moved = vec![0; lattice.len()];
    transform.transform(&lattice, &mut moved).is_ok()
        && lattice.iter().zip(&moved).all(|(a, b)| a.abs_diff(*b) <= 1)
}

/// CMYK (255 is full ink) to RGBA without a profile: each ink takes its share of what black leaves.
/// Rounds as Pillow does.
fn mix_inks(pixels: &mut [u8]) {
    let (pixels, _) = pixels.as_chunks_mut::<4>();
    for pixel in pixels {
        let [c, m, y, k] = *pixel;
        let left = u32::from(255 - k);
        let mix = |ink: u8| {
            let product = u32::from(ink) * left + 128;
            (left - (((product >> 8) + product) >> 8).min(left)) as u8
        };
        *pixel = [mix(c), mix(m), mix(y), 255];
    }
}
