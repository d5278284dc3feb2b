//! The vectors of a record: what a search compares.

use serde::{Deserialize, Serialize};

/// Which vector of a record. Every search is a weighted sum of dot products over these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VectorName {
    /// Embedding of the photo cropped to the product: what the product is (unit length).
    Shape,
    /// Square-rooted Lab histogram of the product's pixels (unit length).
    Colour,
    /// What the photo shows in the space of words and colour words: what text is compared with
    /// (unit length at the most, shorter by what is not known of the photo).
    Text,
}

impl VectorName {
    pub const ALL: [VectorName; 3] = [VectorName::Shape, VectorName::Colour, VectorName::Text];

    /// Lower-case name: the column in the store and the word in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            VectorName::Shape => "shape",
            VectorName::Colour => "colour",
            VectorName::Text => "text",
        }
    }
}

/// The three vectors of one photo, f32.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vectors {
    pub shape: Vec<f32>,
    pub colour: Vec<f32>,
    pub text: Vec<f32>,
}

impl Vectors {
    pub fn get(&self, name: VectorName) -> &[f32] {
        match name {
            VectorName::Shape => &self.shape,
            VectorName::Colour => &self.colour,
            VectorName::Text => &self.text,
        }
    }
}

/// Length of each vector; fixed when a store is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dimensions {
    pub shape: usize,
    pub colour: usize,
    pub text: usize,
    /// Number of class probabilities.
    pub classes: usize,
}

/// Dot product. Both slices must have the same length.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    debug_assert_eq!(a.len(), b.len());
    // Eight independent sums let the compiler vectorise; order of addition is fixed, so results are
    // the same on every run.
    let mut sums = [0f32; 8];
    let (a8, a_rest) = a.as_chunks::<8>();
    let (b8, b_rest) = b.as_chunks::<8>();
    for (x, y) in a8.iter().zip(b8) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

/// How far a dot product of vectors that are `dimension` long may be from the true one when it is
/// added up in f32, in whatever order: at the most this much times the lengths of both vectors.
/// Infinite from eight million numbers on, where nothing can be said.
///
/// Source: Higham, Accuracy and Stability of Numerical Algorithms, §3.1: n·u / (1 − n·u). Here u is
/// the error of rounding to either neighbour, since that is what WGSL promises of a GPU; a CPU, which
/// rounds to the nearer one, stays within half of it.
pub fn dot_error(dimension: usize) -> f32 {
    let sum = dimension as f32 * f32::EPSILON;
    if sum < 1.0 {
        sum / (1.0 - sum)
    } else {
        f32::INFINITY
    }
}

/// Scales `vector` to unit length; a zero vector stays zero.
pub fn normalise(vector: &mut [f32]) {
    let length = dot(vector, vector).sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_takes_every_element() {
        let a: Vec<f32> = (1..=19).map(|x| x as f32).collect();
        let b = vec![2.0; 19];
        assert_eq!(dot(&a, &b), 380.0);
    }

    #[test]
    fn dot_keeps_to_its_error() {
        // Numbers of very different sizes that all but cancel out: what rounding is worst at.
        let a: Vec<f32> = (0..1600)
            .map(|at| [1.0, 1e-3, -0.999, 3e-4][at % 4] * (1.0 + at as f32 * 1e-5))
            .collect();
        let b: Vec<f32> = (0..1600).map(|at| 0.5 + (at % 7) as f32 * 0.1).collect();
        let exact = |a: &[f32], b: &[f32]| -> f64 {
            a.iter()
                .zip(b)
                .map(|(x, y)| f64::from(*x) * f64::from(*y))
                .sum()
        };
        let lengths = exact(&a, &a).sqrt() * exact(&b, &b).sqrt();
        let off = (f64::from(dot(&a, &b)) - exact(&a, &b)).abs();
        assert!(
            off > 0.0 && off <= f64::from(dot_error(1600)) * lengths,
            "{off}"
        );
    }

    #[test]
    fn normalise_makes_unit_length_and_leaves_zero() {
        let mut vector = [3.0, 4.0];
        normalise(&mut vector);
        assert_eq!(vector, [0.6, 0.8]);
        let mut zero = [0.0; 3];
        normalise(&mut zero);
        assert_eq!(zero, [0.0; 3]);
    }
}
