//! The same on the CPU, where it is how `showroom-pixels` measures every photo.

use showroom_catalog::Pixels;
use showroom_pixels::quality::{Measured, Sums};

use crate::GpuError;

/// The facts of measured copies ([`measured_copy`](showroom_pixels::quality::measured_copy)), in their
/// order.
///
/// # Errors
/// [`GpuError::BadInput`] where a copy is larger than a measured copy is, or its bytes do not fit its size.
pub fn photo_facts(copies: &[Pixels]) -> Result<Vec<Measured>, GpuError> {
    super::check(copies)?;
    let measured = copies.iter().map(|copy| Sums::of(copy).measured());
    Ok(measured.collect())
}
