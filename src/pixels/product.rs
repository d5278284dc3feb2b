//! The pixels that are the product, by its mask: what colours are measured on.

use fast_image_resize::FilterType;
use fast_image_resize::pixels::{U8, U8x4};
use showroom_catalog::Pixels;

use crate::fit::composite_over_white;
use crate::reduce::{Alpha, resize};

/// Colours are measured on a copy whose longer side is this: nobody names the colour of a pixel.
pub const SIDE: u32 = 256;
/// A pixel is covered by a mask where its value is above this.
pub const UNCOVERED: u8 = 127;
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

/// What the colours of a photo are measured on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The photo over white, its longer side at most [`SIDE`].
    pub pixels: Pixels,
    /// The mask's value at each of those pixels; none where there is no mask.
    pub mask: Option<Vec<u8>>,
}

/// Which pixels of a sample are the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Those that the mask covers, without its rim: all eight neighbours are covered too.
    Inner,
    /// Those that the mask covers.
    Covered,
    Everything,
}

/// The product of a sample of `pixels` pixels, `covered` of which the mask covers, `inner` without its rim.
///
/// At the rim, one pixel wide, the background shines through, so it is left out; where too little
/// remains it is kept; where the mask found nothing, every pixel counts.
pub fn part(inner: usize, covered: usize, pixels: usize) -> Part {
    let least = (pixels as f32 * LEAST_SHARE).max(1.0);
    if inner as f32 >= least {
        Part::Inner
    } else if covered as f32 >= least {
        Part::Covered
    } else {
        Part::Everything
    }
}

/// The pixels of `pixels` that `mask` (of any size; it is stretched over the photo) gives to the product:
/// which [`part()`] that is depends on what the mask found. Without a mask every pixel counts.
pub fn product(pixels: &Pixels, mask: Option<&Mask>) -> Product {
    Sample::of(pixels, mask).product()
}

impl Sample {
    /// The sample of a photo and its mask, of any size; a mask without a value for each of its pixels is
    /// none.
    pub fn of(pixels: &Pixels, mask: Option<&Mask>) -> Sample {
        let pixels = reduced(pixels);
        let to = (pixels.width, pixels.height);
        let mask = mask.filter(|mask| mask.is_whole()).map(|mask| {
            let from = (mask.width, mask.height);
            if from == to {
                mask.values.clone()
            } else {
                resize::<U8>(&mask.values, from, to, FilterType::Bilinear, Alpha::None)
            }
        });
        Sample { pixels, mask }
    }

    /// The pixels that are the product.
    pub fn product(&self) -> Product {
        let rgb = |counts: &dyn Fn(usize) -> bool| -> Vec<[u8; 3]> {
            let pixels = self.pixels.rgba.as_chunks::<4>().0.iter().enumerate();
            pixels
                .filter(|(at, _)| counts(*at))
                .map(|(_, &[r, g, b, _])| [r, g, b])
                .collect()
        };
        let everything = |_| true;
        let Some(values) = &self.mask else {
            return Product {
                rgb: rgb(&everything),
                share: 0.0,
            };
        };
        let width = self.pixels.width as usize;
        let inner = rgb(&|at| least_around(values, width, at) > UNCOVERED);
        let covered = values.iter().filter(|&&value| value > UNCOVERED).count();
        let share = covered as f32 / values.len() as f32;
        match part(inner.len(), covered, values.len()) {
            Part::Inner => Product { rgb: inner, share },
            Part::Covered => Product {
                rgb: rgb(&|at| values[at] > UNCOVERED),
                share,
            },
            Part::Everything => Product {
                rgb: rgb(&everything),
                share: 0.0,
            },
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
