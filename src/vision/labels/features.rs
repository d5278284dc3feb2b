//! What examples are compared by.

use showroom_catalog::Vectors;
use showroom_catalog::embedding::{dot, normalise};

/// The vector of a photo, unit length: its shape and, with this weight, its colour. The dot product
/// of two of them is their weighted mean similarity.
pub fn features(vectors: &Vectors, colour: f32) -> Vec<f32> {
    let mut all = vectors.shape.clone();
    if colour > 0.0 {
        let weight = colour.sqrt();
        all.extend(vectors.colour.iter().map(|x| weight * x));
    }
    normalise(&mut all);
    all
}

/// Mean of the `k` highest similarities of `to` with these vectors; `None` where there are none.
pub fn nearness<'a>(to: &[f32], vectors: impl Iterator<Item = &'a [f32]>, k: usize) -> Option<f32> {
    let mut best: Vec<f32> = Vec::with_capacity(k + 1);
    for vector in vectors {
        let score = dot(to, vector);
        let at = best.partition_point(|known| *known >= score);
        if at < k {
            best.insert(at, score);
            best.truncate(k);
        }
    }
    let count = best.len() as f32;
    (!best.is_empty()).then(|| best.iter().sum::<f32>() / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_are_averaged() {
        let vectors = [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [-1.0, 0.0]];
        let near = |k| nearness(&[1.0, 0.0], vectors.iter().map(|v| v.as_slice()), k);
        assert_eq!(near(1), Some(1.0));
        assert_eq!(near(2), Some(0.8));
        assert_eq!(near(9), Some(0.15));
        assert_eq!(nearness(&[1.0], std::iter::empty(), 3), None);
    }

    #[test]
    fn colour_counts_by_its_weight() {
        let vectors = |shape: [f32; 2], colour: [f32; 2]| Vectors {
            shape: shape.into(),
            colour: colour.into(),
            text: vec![],
        };
        let a = vectors([1.0, 0.0], [1.0, 0.0]);
        let b = vectors([1.0, 0.0], [0.0, 1.0]);
        assert_eq!(dot(&features(&a, 0.0), &features(&b, 0.0)), 1.0);
        let mixed = dot(&features(&a, 3.0), &features(&b, 3.0));
        assert!((mixed - 0.25).abs() < 1e-6, "{mixed}");
    }
}
