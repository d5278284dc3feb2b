//! The same on the CPU, where it is how the colours of every photo are measured.

use showroom_pixels::product::Sample;
use showroom_pixels::{colour_histogram, named_colours};

use super::ProductColours;
use crate::GpuError;

/// The colours of these samples' products, in their order.
///
/// # Errors
/// [`GpuError::BadInput`] where a sample is larger than [`Sample::of`] makes it, or its bytes or its mask
/// do not fit its size.
pub fn masked_lab_histogram(samples: &[Sample]) -> Result<Vec<ProductColours>, GpuError> {
    super::check(samples)?;
    let colours = samples.iter().map(|sample| {
        let product = sample.product();
        ProductColours {
            colours: named_colours(&product.rgb),
            histogram: colour_histogram(&product.rgb),
            share: product.share,
        }
    });
    Ok(colours.collect())
}
