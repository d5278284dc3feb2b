//! The colour vector of a photo: a histogram of the product's pixels over CIE Lab.

use crate::lab::lab;

/// Bins along L\*, a\* and b\*.
const BINS: [usize; 3] = [5, 8, 8];
/// Where the first bin begins, and how wide each is; what lies outside falls into the outermost.
const FIRST: [f32; 3] = [0.0, -80.0, -80.0];
const BIN_WIDTH: f32 = 20.0;

/// Length of the vector that [`colour_histogram`] makes.
pub const COLOUR_DIMENSIONS: usize = BINS[0] * BINS[1] * BINS[2];

/// The bin of a colour, below [`COLOUR_DIMENSIONS`].
pub fn colour_bin(rgb: [u8; 3]) -> usize {
    let value = lab(rgb);
    let bin = |axis: usize| {
        let bin = ((value[axis] - FIRST[axis]) / BIN_WIDTH).floor();
        bin.clamp(0.0, (BINS[axis] - 1) as f32) as usize
    };
    (bin(0) * BINS[1] + bin(1)) * BINS[2] + bin(2)
}

/// Shares of the pixels in 5×8×8 bins of L\*, a\*, b\* (b\* fastest), each square-rooted, so that the dot
/// product of two histograms is their Bhattacharyya coefficient: 1 for the same colours, 0 for none in
/// common. Unit length; all zero where there is no pixel.
pub fn colour_histogram(rgb: &[[u8; 3]]) -> Vec<f32> {
    let mut counts = [0; COLOUR_DIMENSIONS];
    for &pixel in rgb {
        counts[colour_bin(pixel)] += 1;
    }
    histogram_of_counts(&counts)
}

/// [`colour_histogram`] of pixels that are counted already, by their [`colour_bin`].
pub fn histogram_of_counts(counts: &[u32; COLOUR_DIMENSIONS]) -> Vec<f32> {
    let total: u64 = counts.iter().map(|&count| u64::from(count)).sum();
    let total = total.max(1) as f32;
    counts
        .iter()
        .map(|&count| (count as f32 / total).sqrt())
        .collect()
}
