//! Closed-form matting: in every 3 × 3 window, alpha is taken to be a linear function of the colour.
//!
//! Levin, Lischinski, Weiss 2008, "A closed-form solution to natural image matting". The Laplacian is never
//! stored: its product with a vector is a sum over windows, and only windows that hold an unknown pixel
//! count, so that the cost goes with the length of the outline.

/// Keeps windows of one colour solvable; of colours 0–1. Larger is smoother.
const EPSILON: f32 = 1e-6;
/// The residual falls to this share of the first.
const ENOUGH: f64 = 1e-3;
const WINDOW: usize = 9;

/// A rectangle of a photo, row by row.
pub struct Region<'a> {
    pub width: usize,
    pub height: usize,
    /// Red, green and blue, 0–1.
    pub colours: &'a [[f32; 3]],
    /// Which pixels are to be found; the others' alpha is right.
    pub unknown: &'a [bool],
    /// What alpha is believed to be where it is unknown.
    pub prior: &'a [f32],
    /// How much that belief weighs.
    pub weight: &'a [f32],
}

/// One window: its pixels' numbers in the list, their mean colour, the inverse of their covariance
/// (xx, xy, xz, yy, yz, zz).
struct Window {
    pixels: [u32; WINDOW],
    mean: [f32; 3],
    inverse: [f32; 6],
}

/// Fills in `alpha` (0–1) where it is unknown, beginning with what is there, in at most `iterations`
/// steps of the conjugate gradient method. A region less than three pixels wide or high stays as it is.
pub fn solve(region: &Region<'_>, alpha: &mut [f32], iterations: usize) {
    let Some(system) = System::new(region) else {
        return;
    };
    let pixels = &system.pixels;
    let unknown = system.unknown;
    let weight: Vec<f32> = pixels[..unknown]
        .iter()
        .map(|&at| region.weight[at as usize])
        .collect();

    // (L + W) x = W prior − L known
    let mut full: Vec<f32> = vec![0.0; pixels.len()];
    for (value, &at) in full.iter_mut().zip(pixels).skip(unknown) {
        *value = alpha[at as usize];
    }
    let mut product = vec![0.0; pixels.len()];
    system.apply(&full, &mut product);
    let mut residual: Vec<f32> = (0..unknown)
        .map(|i| weight[i] * region.prior[pixels[i] as usize] - product[i])
        .collect();
    full[unknown..].fill(0.0);
    let mut x: Vec<f32> = pixels[..unknown]
        .iter()
        .map(|&at| alpha[at as usize])
        .collect();
    full[..unknown].copy_from_slice(&x);
    system.apply(&full, &mut product);
    for i in 0..unknown {
        residual[i] -= product[i] + weight[i] * x[i];
    }
    let scale: Vec<f32> = system
        .diagonal()
        .iter()
        .zip(&weight)
        .map(|(d, w)| 1.0 / (d + w).max(1e-6))
        .collect();
    let mut z: Vec<f32> = residual.iter().zip(&scale).map(|(r, s)| r * s).collect();
    let mut direction = z.clone();
    let mut energy = dot(&residual, &z);
    let enough = energy * ENOUGH * ENOUGH;
    for _ in 0..iterations {
        // Written so that a NaN ends it.
        if !(energy > enough && energy > 0.0) {
            break;
        }
        full[..unknown].copy_from_slice(&direction);
        system.apply(&full, &mut product);
        for i in 0..unknown {
            product[i] += weight[i] * direction[i];
        }
        let curvature = dot(&direction, &product[..unknown]);
        if !(curvature > 0.0) {
            break;
        }
        let step = (energy / curvature) as f32;
        for i in 0..unknown {
            x[i] += step * direction[i];
            residual[i] -= step * product[i];
            z[i] = residual[i] * scale[i];
        }
        let next = dot(&residual, &z);
        let turn = (next / energy) as f32;
        energy = next;
        for (direction, z) in direction.iter_mut().zip(&z) {
            *direction = z + turn * *direction;
        }
    }
    for (&at, x) in pixels.iter().zip(x) {
        if x.is_finite() {
            alpha[at as usize] = x.clamp(0.0, 1.0);
        }
    }
}

/// The windows that hold an unknown pixel, and the pixels that they hold.
struct System {
    windows: Vec<Window>,
    /// Where each pixel is in the region; the unknown ones first.
    pixels: Vec<u32>,
    colours: Vec<[f32; 3]>,
    unknown: usize,
}

impl System {
    /// `None` where nothing is unknown or no window fits.
    fn new(region: &Region<'_>) -> Option<System> {
        let (width, height) = (region.width, region.height);
        if width < 3 || height < 3 || !region.unknown.contains(&true) {
            return None;
        }
        let around =
            |x: usize, y: usize| (0..WINDOW).map(move |i| (y + i / 3 - 1) * width + x + i % 3 - 1);
        let centres: Vec<(usize, usize)> = (1..height - 1)
            .flat_map(|y| (1..width - 1).map(move |x| (x, y)))
            .filter(|&(x, y)| around(x, y).any(|at| region.unknown[at]))
            .collect();
        const NONE: u32 = u32::MAX;
        let mut number = vec![NONE; width * height];
        let mut pixels: Vec<u32> = Vec::new();
        for (at, &unknown) in region.unknown.iter().enumerate() {
            if unknown {
                number[at] = pixels.len() as u32;
                pixels.push(at as u32);
            }
        }
        let unknown = pixels.len();
        for at in centres.iter().flat_map(|&(x, y)| around(x, y)) {
            if number[at] == NONE {
                number[at] = pixels.len() as u32;
                pixels.push(at as u32);
            }
        }
        let windows = centres.iter().map(|&(x, y)| {
            let mut members = [0; WINDOW];
            let mut colours = [[0.0; 3]; WINDOW];
            for (i, at) in around(x, y).enumerate() {
                members[i] = number[at];
                colours[i] = region.colours[at];
            }
            Window::new(members, &colours)
        });
        Some(System {
            windows: windows.collect(),
            colours: pixels
                .iter()
                .map(|&at| region.colours[at as usize])
                .collect(),
            pixels,
            unknown,
        })
    }

    /// `out = L p`.
    fn apply(&self, p: &[f32], out: &mut [f32]) {
        out.fill(0.0);
        for window in &self.windows {
            let (mut sum, mut slope) = (0.0, [0.0; 3]);
            let mut offsets = [[0.0; 3]; WINDOW];
            let mut values = [0.0; WINDOW];
            for (i, &at) in window.pixels.iter().enumerate() {
                values[i] = p[at as usize];
                offsets[i] = minus(self.colours[at as usize], window.mean);
                sum += values[i];
                for (slope, offset) in slope.iter_mut().zip(offsets[i]) {
                    *slope += offset * values[i];
                }
            }
            let mean = sum / WINDOW as f32;
            let slope = window.times_inverse(slope.map(|s| s / WINDOW as f32));
            for (i, &at) in window.pixels.iter().enumerate() {
                out[at as usize] += values[i] - mean - inner(slope, offsets[i]);
            }
        }
    }

    /// Of the unknown pixels.
    fn diagonal(&self) -> Vec<f32> {
        let mut diagonal = vec![0.0; self.unknown];
        for window in &self.windows {
            for &at in &window.pixels {
                if let Some(sum) = diagonal.get_mut(at as usize) {
                    let offset = minus(self.colours[at as usize], window.mean);
                    let own = 1.0 + inner(offset, window.times_inverse(offset));
                    *sum += 1.0 - own / WINDOW as f32;
                }
            }
        }
        diagonal
    }
}

impl Window {
    fn new(pixels: [u32; WINDOW], colours: &[[f32; 3]; WINDOW]) -> Window {
        let count = WINDOW as f32;
        let mut mean = [0.0; 3];
        for colour in colours {
            (0..3).for_each(|c| mean[c] += colour[c] / count);
        }
        let [mut xx, mut xy, mut xz, mut yy, mut yz, mut zz] = [0.0f32; 6];
        for &colour in colours {
            let [x, y, z] = minus(colour, mean);
            xx += x * x / count;
            xy += x * y / count;
            xz += x * z / count;
            yy += y * y / count;
            yz += y * z / count;
            zz += z * z / count;
        }
        let some = EPSILON / count;
        (xx, yy, zz) = (xx + some, yy + some, zz + some);
        // In f64: colours of one hue leave a determinant of nearly nothing.
        let [xx, xy, xz, yy, yz, zz] = [xx, xy, xz, yy, yz, zz].map(f64::from);
        let minors = [
            yy * zz - yz * yz,
            xz * yz - xy * zz,
            xy * yz - xz * yy,
            xx * zz - xz * xz,
            xy * xz - xx * yz,
            xx * yy - xy * xy,
        ];
        let determinant = xx * minors[0] + xy * minors[1] + xz * minors[2];
        Window {
            pixels,
            mean,
            inverse: minors.map(|minor| (minor / determinant) as f32),
        }
    }

    fn times_inverse(&self, [x, y, z]: [f32; 3]) -> [f32; 3] {
        let [xx, xy, xz, yy, yz, zz] = self.inverse;
        [
            xx * x + xy * y + xz * z,
            xy * x + yy * y + yz * z,
            xz * x + yz * y + zz * z,
        ]
    }
}

fn minus(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn inner(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| f64::from(*a) * f64::from(*b))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    /// See `tests/oracle/make_expected.py`.
    #[derive(Deserialize)]
    struct Oracle {
        width: usize,
        height: usize,
        weight: f32,
        rgb: Vec<u8>,
        alpha: Vec<u8>,
        closed_form: Vec<f32>,
    }

    #[test]
    fn alpha_is_the_one_that_solves_the_system() {
        let oracle: Oracle = serde_json::from_str(include_str!("../tests/expected.json")).unwrap();
        let colours: Vec<[f32; 3]> = (oracle.rgb.as_chunks::<3>().0.iter())
            .map(|rgb| rgb.map(|value| f32::from(value) / 255.0))
            .collect();
        let mut alpha: Vec<f32> = oracle.alpha.iter().map(|&a| f32::from(a) / 255.0).collect();
        let unknown: Vec<bool> = oracle.alpha.iter().map(|&a| a > 0 && a < 255).collect();
        assert!(unknown.iter().filter(|&&u| u).count() > 200);
        for (alpha, unknown) in alpha.iter_mut().zip(&unknown) {
            if *unknown {
                *alpha = 0.5;
            }
        }
        let region = Region {
            width: oracle.width,
            height: oracle.height,
            colours: &colours,
            unknown: &unknown,
            prior: &vec![0.5; unknown.len()],
            weight: &vec![oracle.weight; unknown.len()],
        };
        solve(&region, &mut alpha, 1000);
        // The solver stops at a thousandth of the residual.
        const TOLERANCE: f32 = 5e-3;
        for (at, (found, wanted)) in alpha.iter().zip(&oracle.closed_form).enumerate() {
            assert!(
                (found - wanted).abs() < TOLERANCE,
                "{at}: {found} and not {wanted}"
            );
        }
    }

    #[test]
    fn what_has_no_window_stays() {
        for (width, height) in [(1, 1), (2, 9), (9, 2)] {
            let count = width * height;
            let region = Region {
                width,
                height,
                colours: &vec![[0.5; 3]; count],
                unknown: &vec![true; count],
                prior: &vec![1.0; count],
                weight: &vec![1.0; count],
            };
            let mut alpha = vec![0.25; count];
            solve(&region, &mut alpha, 10);
            assert_eq!(alpha, vec![0.25; count]);
        }
    }
}
