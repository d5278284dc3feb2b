//! The text vector of a photo: what it shows and its colours, so that a dot product answers a query.

use showroom_catalog::Colour;

use super::classes::CLASSES;
use super::words::NAMES;

/// Length of a text vector: classes, then colour names.
pub const DIMENSIONS: usize = CLASSES + NAMES.len();

/// Square roots, so that many small hints outweigh one loud wrong class; each half as long as the other when
/// the colours cover the product, and together of unit length.
pub fn text_vector(classes: &[f32], colours: &[Colour]) -> Vec<f32> {
    let mut vector = vec![0.0; DIMENSIONS];
    let (class_part, colour_part) = vector.split_at_mut(CLASSES);
    for (slot, &probability) in class_part.iter_mut().zip(classes) {
        *slot = probability;
    }
    for colour in colours {
        if let Some(place) = NAMES.iter().position(|name| *name == colour.name) {
            colour_part[place] += colour.share;
        }
    }
    vector
        .iter_mut()
        .for_each(|x| *x = (x.max(0.0) / 2.0).sqrt());
    vector
}
