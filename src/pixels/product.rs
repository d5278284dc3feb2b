//! The pixels that are the product, by its mask: what colours are measured on.

use fast_image_resize::FilterType;
use fast_image_resize::pixels::{U8, U8x4};
use showroom_catalog::Pixels;

use crate::fit::composite_over_white;
use crate::reduce::{Alpha, resize};

/// Colours are measured on a copy whose longer side is this: nobody names the colour of a pixel.
const SIDE: u32 = 256;
/// A mask of less than this share of the photo has found nothing.
const LEAST_SHARE: f32 = 0.004;
/// A photo is cut out by its alpha where more than this share of its pixels has an alpha below 250.
const CUT_OUT_SHARE: f32 = 0.02;

/// How surely each pixel is the product: 0 not, 255 surely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    pub width: u32,
    pub height: u32,
    /// `width * height` values, row by row.
    pub values: Vec<u8>,
}

impl Mask {
    /// The photo's own transparency as a mask, where it has been cut out already.
    pub fn of_alpha(pixels: &Pixels) -> Option<Mask> {
        let values: Vec<u8> = pixels
            .rgba
            .as_chunks::<4>()
            .0
            .iter()
            .map(|pixel| pixel[3])
            .collect();
        let cut_out = values.iter().filter(|&&alpha| alpha < 250).count();
        let (width, height) = (pixels.width, pixels.height);
        (cut_out as f32 > CUT_OUT_SHARE * values.len() as f32).then_some(Mask {
            width,
            height,
            values,
        })
    }

    /// Whether there is a value for each pixel of its size.
    fn is_whole(&self) -> bool {
        let count = u64::from(self.width) * u64::from(self.height);
        count > 0 && count == self.values.len() as u64
    }
}

/// The product's pixels, over white, in no meaningful order.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    pub rgb: Vec<[u8; 3]>,
    /// Share of the photo that the mask covers, 0–1; 0 where it found nothing.
    pub share: f32,
}

/// The pixels of `pixels` that `mask` (of any size; it is stretched over the photo) gives to the product.
///
/// Its rim, one pixel of the measured copy wide, is left out, since there the background shines
/// through. Where too little remains the rim is kept; where the mask found nothing, or there is none,
/// every pixel of the photo counts.
pub fn product(pixels: &Pixels, mask: Option<&Mask>) -> Product {
    let small = reduced(pixels);
    let (width, height) = (small.width, small.height);
    let rgb = |counts: &dyn Fn(usize) -> bool| -> Vec<[u8; 3]> {
        let pixels = small.rgba.as_chunks::<4>().0.iter().enumerate();
        pixels
            .filter(|(at, _)| counts(*at))
            .map(|(_, &[r, g, b, _])| [r, g, b])
            .collect()
    };
    let everything = |_| true;
    let Some(mask) = mask.filter(|mask| mask.is_whole()) else {
        return Product {
            rgb: rgb(&everything),
            share: 0.0,
        };
    };
    let values = if (mask.width, mask.height) == (width, height) {
        mask.values.clone()
    } else {
        let (from, to) = ((mask.width, mask.height), (width, height));
        resize::<U8>(&mask.values, from, to, FilterType::Bilinear, Alpha::None)
    };
    let least = (values.len() as f32 * LEAST_SHARE).max(1.0);
    let inner = rgb(&|at| least_around(&values, width as usize, at) > 127);
    let covered = values.iter().filter(|&&value| value > 127).count();
    let share = covered as f32 / values.len() as f32;
    if inner.len() as f32 >= least {
        Product { rgb: inner, share }
    } else if covered as f32 >= least {
        Product {
            rgb: rgb(&|at| values[at] > 127),
            share,
        }
    } else {
        Product {
            rgb: rgb(&everything),
            share: 0.0,
        }
    }
}

/// The copy that is measured, over white.
fn reduced(pixels: &Pixels) -> Pixels {
    let mut small = pixels.clone();
    composite_over_white(&mut small);
    let longer = small.width.max(small.height);
    if longer > SIDE {
        let scaled = |side: u32| {
            let side = f64::from(side) * f64::from(SIDE) / f64::from(longer);
            (side.round() as u32).max(1)
        };
        let (from, to) = (
            (small.width, small.height),
            (scaled(small.width), scaled(small.height)),
        );
        let rgba = resize::<U8x4>(&small.rgba, from, to, FilterType::Box, Alpha::None);
        small = Pixels {
            width: to.0,
            height: to.1,
            rgba,
        };
    }
    small
}

/// The least of a value and its eight neighbours; beyond the edge lie the values at the edge.
fn least_around(values: &[u8], width: usize, at: usize) -> u8 {
    let (x, y, height) = (at % width, at / width, values.len() / width);
    let columns = x.saturating_sub(1)..=(x + 1).min(width - 1);
    let rows = y.saturating_sub(1)..=(y + 1).min(height - 1);
    let around = rows.flat_map(|y| columns.clone().map(move |x| values[y * width + x]));
    around.min().unwrap_or(0)
}
