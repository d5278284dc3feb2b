//! Structural similarity of two pictures (Wang, Bovik, Sheikh, Simoncelli 2004): a Gaussian window of
//! 11 × 11 with σ = 1.5, K₁ = .01, K₂ = .03, on luma of 0–255, averaged over every whole window.

use showroom_catalog::Pixels;

const WINDOW: usize = 11;
const SIGMA: f64 = 1.5;
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);
/// Averages of one window: a, b, a², b², ab.
const MOMENTS: usize = 5;

/// 1 for the same picture, less the less alike; of pictures of different sizes 0. Transparent pixels are
/// taken over white. Where a side is shorter than the window, the whole picture is one window.
pub fn ssim(a: &Pixels, b: &Pixels) -> f64 {
    let (width, height) = (a.width as usize, a.height as usize);
    if (a.width, a.height) != (b.width, b.height) || width * height == 0 {
        return 0.0;
    }
    let (a, b) = (lumas(a), lumas(b));
    if width.min(height) < WINDOW {
        return one_window(&a, &b);
    }
    windows(&a, &b, width)
}

/// How far two pictures are from each other: (1 − SSIM) / 2, 0 for the same picture.
pub fn dssim(a: &Pixels, b: &Pixels) -> f64 {
    (1.0 - ssim(a, b)) / 2.0
}

/// Luma of ITU-R BT.601, over white, not rounded.
fn lumas(pixels: &Pixels) -> Vec<f32> {
    let pixels = pixels.rgba.as_chunks::<4>().0.iter();
    pixels
        .map(|&[r, g, b, alpha]| {
            let luma = 0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b);
            let alpha = f32::from(alpha) / 255.0;
            luma * alpha + 255.0 * (1.0 - alpha)
        })
        .collect()
}

fn weights() -> [f32; WINDOW] {
    let middle = (WINDOW / 2) as f64;
    let bell: [f64; WINDOW] =
        std::array::from_fn(|at| (-(at as f64 - middle).powi(2) / (2.0 * SIGMA * SIGMA)).exp());
    let sum: f64 = bell.iter().sum();
    bell.map(|weight| (weight / sum) as f32)
}

/// Rows are weighted across as they come and the last eleven kept, which is all that a window needs.
fn windows(a: &[f32], b: &[f32], width: usize) -> f64 {
    let weights = weights();
    let inner = width + 1 - WINDOW;
    let mut kept: Vec<[Vec<f32>; MOMENTS]> =
        std::iter::repeat_with(|| std::array::from_fn(|_| vec![0.0; inner]))
            .take(WINDOW)
            .collect();
    let (mut sum, mut count) = (0.0, 0u64);
    let mut averages: [Vec<f32>; MOMENTS] = std::array::from_fn(|_| vec![0.0; inner]);
    for (y, (a, b)) in a.chunks_exact(width).zip(b.chunks_exact(width)).enumerate() {
        across(a, b, &weights, &mut kept[y % WINDOW]);
        if y + 1 < WINDOW {
            continue;
        }
        for (moment, average) in averages.iter_mut().enumerate() {
            average.fill(0.0);
            for (at, weight) in weights.iter().enumerate() {
                let row = &kept[(y + 1 + at) % WINDOW][moment];
                for (average, value) in average.iter_mut().zip(row) {
                    *average += weight * value;
                }
            }
        }
        let [mean_a, mean_b, aa, bb, ab] = &averages;
        for at in 0..inner {
            let moments = [mean_a[at], mean_b[at], aa[at], bb[at], ab[at]];
            sum += similarity(moments.map(f64::from));
        }
        count += inner as u64;
    }
    sum / count as f64
}

fn across(a: &[f32], b: &[f32], weights: &[f32; WINDOW], out: &mut [Vec<f32>; MOMENTS]) {
    for row in out.iter_mut() {
        row.fill(0.0);
    }
    let [mean_a, mean_b, aa, bb, ab] = out;
    let inner = mean_a.len();
    for (at, weight) in weights.iter().enumerate() {
        let (a, b) = (&a[at..at + inner], &b[at..at + inner]);
        for x in 0..inner {
            let (a, b) = (a[x], b[x]);
            mean_a[x] += weight * a;
            mean_b[x] += weight * b;
            aa[x] += weight * a * a;
            bb[x] += weight * b * b;
            ab[x] += weight * a * b;
        }
    }
}

fn one_window(a: &[f32], b: &[f32]) -> f64 {
    let count = a.len() as f64;
    let mut moments = [0.0; MOMENTS];
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (f64::from(*a), f64::from(*b));
        for (moment, value) in moments.iter_mut().zip([a, b, a * a, b * b, a * b]) {
            *moment += value / count;
        }
    }
    similarity(moments)
}

fn similarity([mean_a, mean_b, aa, bb, ab]: [f64; MOMENTS]) -> f64 {
    // Rounding may make a variance a hair negative.
    let var_a = (aa - mean_a * mean_a).max(0.0);
    let var_b = (bb - mean_b * mean_b).max(0.0);
    let both = ab - mean_a * mean_b;
    let means = (2.0 * mean_a * mean_b + C1) / (mean_a * mean_a + mean_b * mean_b + C1);
    means * (2.0 * both + C2) / (var_a + var_b + C2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: u32, height: u32, paint: impl Fn(u32, u32) -> u8) -> Pixels {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Pixels {
            width,
            height,
            rgba: places
                .flat_map(|(x, y)| {
                    let value = paint(x, y);
                    [value, value, value, 255]
                })
                .collect(),
        }
    }

    #[test]
    fn two_flat_pictures_are_worked_by_hand() {
        // No variance: (2·100·120 + C1) / (100² + 120² + C1), with C1 = 6.5025.
        let wanted = (24_000.0 + 6.5025) / (24_400.0 + 6.5025);
        for (width, height) in [(32, 20), (5, 4), (1, 1)] {
            let found = ssim(
                &grey(width, height, |_, _| 100),
                &grey(width, height, |_, _| 120),
            );
            assert!(
                // Squares of 120 are added up in f32.
                (found - wanted).abs() < 1e-4,
                "{width}x{height}: {found} {wanted}"
            );
        }
    }

    #[test]
    fn the_same_picture_is_1_and_another_size_is_0() {
        let noise = grey(40, 30, |x, y| (x * 37 + y * 91 % 251) as u8);
        assert!((ssim(&noise, &noise) - 1.0).abs() < 1e-6);
        assert_eq!(ssim(&noise, &grey(40, 31, |_, _| 0)), 0.0);
    }
}
