//! The colour vector of a photo: a histogram of the product's pixels over CIE Lab.

use crate::lab::lab;

/// Bins along L\*, a\* and b\*.
const BINS: [usize; 3] = [5, 8, 8];
/// Where the first bin begins, and how wide each is; what lies outside falls into the outermost.
const FIRST: [f32; 3] = [0.0, -80.0, -80.0];
const BIN_WIDTH: f32 = 20.0;

/// Length of the vector that [`colour_histogram`] makes.
pub const COLOUR_DIMENSIONS: usize = BINS[0] * BINS[1] * BINS[2];

/// Shares of the pixels in 5×8×8 bins of L\*, a\*, b\* (b\* fastest), each square-rooted, so that the dot
/// product of two histograms is their Bhattacharyya coefficient: 1 for the same colours, 0 for none in
/// common. Unit length; all zero where there is no pixel.
pub fn colour_histogram(rgb: &[[u8; 3]]) -> Vec<f32> {
    let mut counts = [0u32; COLOUR_DIMENSIONS];
    for &pixel in rgb {
        let value = lab(pixel);
        let bin = |axis: usize| {
            let bin = ((value[axis] - FIRST[axis]) / BIN_WIDTH).floor();
            bin.clamp(0.0, (BINS[axis] - 1) as f32) as usize
        };
        counts[(bin(0) * BINS[1] + bin(1)) * BINS[2] + bin(2)] += 1;
    }
    let total = rgb.len().max(1) as f32;
    counts
        .iter()
        .map(|&count| (count as f32 / total).sqrt())
        .collect()
}
