//! The facts that a photo's measured copy says, for a batch of photos: sharpness, exposure, border.
//!
//! What each is, and every constant, is [`showroom_pixels::quality`]'s. The kernel adds up whole numbers
//! and the same code as on the CPU makes the facts of them, so they are equal to the last bit.

pub mod cases;
pub mod cpu;
mod gpu;

use showroom_catalog::Pixels;
use showroom_pixels::quality::MEASURED_SIDE;

use crate::GpuError;
use crate::launch::check_picture;

pub use gpu::Kernel;

/// Says which copy, if any, cannot be measured: its longer side is more than [`MEASURED_SIDE`], or its
/// bytes do not fit its size.
fn check(copies: &[Pixels]) -> Result<(), GpuError> {
    copies.iter().enumerate().try_for_each(|(at, copy)| {
        let size = (copy.width, copy.height);
        check_picture(at, size, copy.rgba.len(), MEASURED_SIDE)
    })
}
