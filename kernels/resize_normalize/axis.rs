//! The weights of an antialiased resize along one axis, in the whole numbers that showroom-pixels
//! (fast_image_resize, after Pillow-SIMD) computes with, so that the bytes are the same as there.

use std::f64::consts::PI;

use showroom_pixels::Filter;

/// Weights hold 15 bits and a sign, as the CPU multiplies 16 bits at a time.
const WEIGHT_BITS: u32 = 15;
/// Sums hold 32 bits: 8 for the value, and two for filters with negative lobes.
const MAX_SHIFT: u32 = 32 - 8 - 2 - 1;

/// `length` pixels from `start` of a line of `size` pixels become `out` pixels. A filter that reaches
/// beyond `length` takes in what lies there, up to the ends of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Span {
    pub size: u32,
    pub start: u32,
    pub length: u32,
    pub out: u32,
}

/// Pixel `i` is the sum of `values[i * window + tap]` times the line's pixel `starts[i] + tap`, over
/// 2^`shift`, rounded.
pub(super) struct Weights {
    /// Never falling; with weight zero a tap may lie beyond the line's end.
    pub starts: Vec<u32>,
    pub window: usize,
    pub values: Vec<i32>,
    /// At least 1.
    pub shift: u32,
}

impl Span {
    pub fn weights(self, filter: Filter) -> Weights {
        let scale = f64::from(self.length) / f64::from(self.out);
        // A reduction widens the filter, which is what keeps it free of aliasing.
        let widening = scale.max(1.0);
        let radius = support(filter) * widening;
        let narrowing = 1.0 / widening;
        let lines: Vec<(u32, Vec<f64>)> = (0..self.out)
            .map(|i| {
                let centre = f64::from(self.start) + (f64::from(i) + 0.5) * scale;
                let first = (centre - radius).floor().max(0.0) as u32;
                let end = (centre + radius).ceil().min(self.size.into()) as u32;
                let at = centre - 0.5;
                let weight = |x: u32| value(filter, (f64::from(x) - at) * narrowing);
                let mut weights: Vec<f64> = (first..end).map(weight).collect();
                let sum: f64 = weights.iter().sum();
                if sum != 0.0 {
                    weights.iter_mut().for_each(|weight| *weight /= sum);
                }
                (first, weights)
            })
            .collect();
        let most = lines
            .iter()
            .flat_map(|(_, weights)| weights)
            .copied()
            .fold(0.0, f64::max);
        let shift = shift(most);
        let window = lines
            .iter()
            .map(|(_, weights)| weights.len())
            .max()
            .unwrap_or(0);
        let mut values = vec![0; lines.len() * window];
        for ((_, weights), values) in lines.iter().zip(values.chunks_exact_mut(window.max(1))) {
            for (value, weight) in values.iter_mut().zip(weights) {
                *value = (weight * f64::from(1 << shift)).round() as i32;
            }
        }
        Weights {
            starts: lines.iter().map(|(first, _)| *first).collect(),
            window,
            values,
            shift,
        }
    }
}

impl Weights {
    /// Of all numbers that a kernel reads.
    pub fn length(&self) -> usize {
        self.starts.len() + self.values.len()
    }
}

/// The most bits that a whole number may have below the point so that the largest weight still fits.
fn shift(most: f64) -> u32 {
    let fits =
        |shift: &u32| (most * f64::from(1 << (shift + 1))).round() < f64::from(1 << WEIGHT_BITS);
    (0..MAX_SHIFT)
        .find(|shift| !fits(shift))
        .unwrap_or(MAX_SHIFT)
}

/// How far a filter reaches, in pixels of the target.
fn support(filter: Filter) -> f64 {
    match filter {
        Filter::Box => 0.5,
        Filter::Bilinear => 1.0,
        Filter::Bicubic => 2.0,
        Filter::Lanczos3 => 3.0,
    }
}

/// What a filter weighs at a distance in pixels of the target, before the sum is brought to one.
fn value(filter: Filter, distance: f64) -> f64 {
    let x = distance.abs();
    match filter {
        // Half open, so that each pixel counts once.
        Filter::Box if distance > -0.5 && distance <= 0.5 => 1.0,
        Filter::Bilinear => (1.0 - x).max(0.0),
        // Catmull-Rom: a = -0.5.
        Filter::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
        Filter::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5,
        Filter::Lanczos3 if (-3.0..3.0).contains(&distance) => {
            sinc(distance) * sinc(distance / 3.0)
        }
        Filter::Box | Filter::Bicubic | Filter::Lanczos3 => 0.0,
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else {
        (x * PI).sin() / (x * PI)
    }
}
