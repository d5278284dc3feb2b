//! The colours of the product under its mask, for a batch of photos: their names, and the histogram over
//! CIE Lab that colours are searched by.
//!
//! The rules are [`showroom_pixels`]': [`Sample::product`], [`colour_histogram`] and [`named_colours`]. The
//! kernel counts pixels, by a table of all colours made with those functions, and the same code as on
//! the CPU makes the colours of the counts, so they are equal to the last bit.
//!
//! [`colour_histogram`]: showroom_pixels::colour_histogram
//! [`named_colours`]: showroom_pixels::named_colours

pub mod cases;
pub mod cpu;
mod gpu;

use showroom_catalog::Colour;
use showroom_pixels::product::{SIDE, Sample};

use crate::GpuError;
use crate::launch::check_picture;

pub use gpu::Kernel;

/// The colours of one photo's product.
#[derive(Clone, Debug, PartialEq)]
pub struct ProductColours {
    /// As [`named_colours`](showroom_pixels::named_colours) says them.
    pub colours: Vec<Colour>,
    /// As [`colour_histogram`](showroom_pixels::colour_histogram) makes it.
    pub histogram: Vec<f32>,
    /// Share of the photo that the mask covers, 0–1; 0 where it found nothing.
    pub share: f32,
}

/// Says which sample, if any, cannot be measured: it is larger than a sample is, or its bytes or its mask
/// do not fit its size.
fn check(samples: &[Sample]) -> Result<(), GpuError> {
    samples.iter().enumerate().try_for_each(|(at, sample)| {
        let (width, height) = (sample.pixels.width, sample.pixels.height);
        check_picture(at, (width, height), sample.pixels.rgba.len(), SIDE)?;
        match &sample.mask {
            Some(mask) if mask.len() * 4 != sample.pixels.rgba.len() => {
                Err(GpuError::BadInput(format!(
                    "picture {at} of {width}x{height} pixels cannot have a mask of {} values",
                    mask.len()
                )))
            }
            _ => Ok(()),
        }
    })
}
