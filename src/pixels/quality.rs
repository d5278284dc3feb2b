//! What is measured on every photo ([`Facts`]): sharpness, exposure, border, transparency, hash.
//!
//! All but the transparency is measured over white. All but the hash is measured on a copy whose longer
//! side is [`MEASURED_SIDE`], so that the numbers of a photo do not depend on the scale it was decoded
//! at (as long as that is no smaller) and photos of different sizes compare. Smaller photos are
//! measured as they are.

use fast_image_resize::FilterType;
use fast_image_resize::pixels::U8x4;
use showroom_catalog::{Facts, Format, Pixels};

use crate::fit::composite_over_white;
use crate::phash::phash;
use crate::reduce::{Alpha, resize};

/// The longer side, in pixels, of the copy that is measured (triangle filter, as Pillow's `BILINEAR`).
pub const MEASURED_SIDE: u32 = 500;

/// A pixel is black where no channel is above this. JPEG's ringing keeps even true black off 0.
pub const BLACK: u8 = 2;
/// A pixel is clipped white where no channel is below this.
pub const CLIPPED: u8 = 253;
/// A pixel of the border is white where no channel is below this.
pub const WHITE: u8 = 250;
/// The border is this share of the shorter side wide, at least one pixel.
const BORDER_SHARE: f32 = 0.02;
/// Pixels of the border are alike where no channel is further than this from the border's median.
pub const ALIKE: u8 = 16;

/// Weights of red, green and blue in the [`luma`], in parts of 65536.
pub const LUMA: [u32; 3] = [19595, 38470, 7471];

/// The facts that the [`measured_copy`] alone says; [`Facts`] tells what each is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    pub sharpness: f32,
    pub brightness: f32,
    pub clipped_dark: f32,
    pub clipped_bright: f32,
    pub border_white: f32,
    pub border_uniform: f32,
}

/// What is added up over a measured copy. All whole numbers, so that whoever adds them up, in whatever
/// order, gets the same facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// How many pixels there are; how many of them have four neighbours; how many are of the border.
    pub pixels: u64,
    pub inner: u64,
    pub border: u64,
    /// Of the lumas of all pixels.
    pub luma: u64,
    /// Pixels that are [`BLACK`], and that are [`CLIPPED`] white.
    pub dark: u64,
    pub bright: u64,
    /// Of `4·centre − left − right − up − down` of the luma over the inner pixels, and of its squares.
    pub edges: i64,
    pub edge_squares: u64,
    /// Pixels of the border that are [`WHITE`], and that are [`ALIKE`].
    pub border_white: u64,
    pub border_alike: u64,
}

impl Sums {
    /// Of a picture of this size, with nothing added up yet.
    pub fn sized(width: u32, height: u32) -> Sums {
        let within = |rim: u32| {
            let [width, height] = [width, height].map(|side| side.saturating_sub(2 * rim));
            u64::from(width) * u64::from(height)
        };
        Sums {
            pixels: within(0),
            inner: within(1),
            border: within(0) - within(border_thickness(width, height)),
            luma: 0,
            dark: 0,
            bright: 0,
            edges: 0,
            edge_squares: 0,
            border_white: 0,
            border_alike: 0,
        }
    }

    /// Of a measured copy.
    pub fn of(copy: &Pixels) -> Sums {
        let mut sums = Sums::sized(copy.width, copy.height);
        let (rgba, _) = copy.rgba.as_chunks::<4>();
        let lumas: Vec<u8> = rgba.iter().map(luma).collect();
        sums.luma = lumas.iter().map(|&luma| u64::from(luma)).sum();
        let (dark, bright) = rgba
            .iter()
            .fold((0u32, 0u32), |(dark, bright), &[r, g, b, _]| {
                (
                    dark + u32::from(r.max(g).max(b) <= BLACK),
                    bright + u32::from(r.min(g).min(b) >= CLIPPED),
                )
            });
        (sums.dark, sums.bright) = (u64::from(dark), u64::from(bright));
        sums.add_edges(&lumas, copy.width as usize);
        sums.add_border(copy);
        sums
    }

    /// The shares and the variance. The only place where anything is rounded.
    pub fn measured(&self) -> Measured {
        let share = |count: u64, of: u64| count as f32 / of.max(1) as f32;
        let inner = self.inner.max(1) as f64;
        let mean = self.edges as f64 / inner;
        Measured {
            sharpness: (self.edge_squares as f64 / inner - mean * mean) as f32,
            brightness: share(self.luma, self.pixels) / 255.0,
            clipped_dark: share(self.dark, self.pixels),
            clipped_bright: share(self.bright, self.pixels),
            border_white: share(self.border_white, self.border),
            border_uniform: share(self.border_alike, self.border),
        }
    }
}

/// Measures `pixels`; `size` is the upright size of the file, `bytes` its length.
pub fn measure(pixels: &Pixels, size: (u32, u32), bytes: u64, format: Format) -> Facts {
    let (rgba, _) = pixels.rgba.as_chunks::<4>();
    // One pass, without an early end, which the compiler vectorises.
    let (transparent, opaque) = rgba.iter().fold((0u32, 255), |(count, least), pixel| {
        (count + u32::from(pixel[3] < 128), pixel[3].min(least))
    });
    let opaque = opaque == 255;
    let flat;
    let flat = if opaque {
        pixels
    } else {
        let mut copy = pixels.clone();
        composite_over_white(&mut copy);
        flat = copy;
        &flat
    };
    let small = measured_copy(flat);
    let measured = Sums::of(&small).measured();
    Facts {
        width: size.0,
        height: size.1,
        bytes,
        format,
        sharpness: measured.sharpness,
        brightness: measured.brightness,
        clipped_dark: measured.clipped_dark,
        clipped_bright: measured.clipped_bright,
        border_white: measured.border_white,
        border_uniform: measured.border_uniform,
        transparent: transparent as f32 / rgba.len().max(1) as f32,
        product_share: 0.0,
        phash: phash(flat),
    }
}

/// Luma of ITU-R BT.601, rounded as Pillow's `convert("L")` does. Ignores alpha.
pub fn luma(&[r, g, b, _]: &[u8; 4]) -> u8 {
    let sum = u32::from(r) * LUMA[0] + u32::from(g) * LUMA[1] + u32::from(b) * LUMA[2];
    ((sum + 0x8000) >> 16) as u8
}

/// The copy of `pixels` (over white) that is measured: its longer side is at most [`MEASURED_SIDE`].
pub fn measured_copy(pixels: &Pixels) -> Pixels {
    let &Pixels {
        width,
        height,
        ref rgba,
    } = pixels;
    let longer = width.max(height);
    if longer <= MEASURED_SIDE {
        return pixels.clone();
    }
    let scaled = |side: u32| {
        let side = f64::from(side) * f64::from(MEASURED_SIDE) / f64::from(longer);
        (side.round() as u32).max(1)
    };
    let to = (scaled(width), scaled(height));
    let rgba = resize::<U8x4>(rgba, (width, height), to, FilterType::Bilinear, Alpha::None);
    Pixels {
        width: to.0,
        height: to.1,
        rgba,
    }
}

/// How many pixels wide the border of a picture is.
pub fn border_thickness(width: u32, height: u32) -> u32 {
    ((width.min(height) as f32 * BORDER_SHARE).round() as u32).max(1)
}

impl Sums {
    fn add_edges(&mut self, lumas: &[u8], width: usize) {
        let rows: Vec<&[u8]> = lumas.chunks_exact(width.max(1)).collect();
        for neighbours in rows.windows(3) {
            let [up, row, down] = [neighbours[0], neighbours[1], neighbours[2]];
            // Of pixels in a row of at most MEASURED_SIDE, so 32 bits hold their sums.
            let edges = row
                .windows(3)
                .zip(up.iter().zip(down).skip(1))
                .map(|(row, (up, down))| {
                    let around =
                        i32::from(*up) + i32::from(*down) + i32::from(row[0]) + i32::from(row[2]);
                    4 * i32::from(row[1]) - around
                });
            let (sum, squares) = edges.fold((0i32, 0u32), |(sum, squares), edge| {
                (sum + edge, squares + (edge * edge) as u32)
            });
            self.edges += i64::from(sum);
            self.edge_squares += u64::from(squares);
        }
    }

    fn add_border(&mut self, pixels: &Pixels) {
        let (width, height) = (pixels.width as usize, pixels.height as usize);
        let thick = border_thickness(pixels.width, pixels.height) as usize;
        let (rgba, _) = pixels.rgba.as_chunks::<4>();
        let mut border = Vec::new();
        for (y, row) in rgba.chunks_exact(width.max(1)).enumerate() {
            if y < thick || y + thick >= height || width <= 2 * thick {
                border.extend_from_slice(row);
            } else {
                border.extend_from_slice(&row[..thick]);
                border.extend_from_slice(&row[width - thick..]);
            }
        }
        if border.is_empty() {
            return;
        }
        let median: [u8; 3] = std::array::from_fn(|channel| {
            let mut values: Vec<u8> = border.iter().map(|pixel| pixel[channel]).collect();
            let middle = values.len() / 2;
            *values.select_nth_unstable(middle).1
        });
        let white = border
            .iter()
            .filter(|pixel| pixel[..3].iter().all(|&value| value >= WHITE));
        let alike = border.iter().filter(|pixel| {
            median
                .iter()
                .zip(pixel.iter())
                .all(|(median, value)| median.abs_diff(*value) <= ALIKE)
        });
        self.border_white = white.count() as u64;
        self.border_alike = alike.count() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(width: u32, height: u32, paint: impl Fn(u32, u32) -> [u8; 4]) -> Pixels {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let rgba = places.flat_map(|(x, y)| paint(x, y)).collect();
        Pixels {
            width,
            height,
            rgba,
        }
    }

    fn facts(pixels: &Pixels) -> Facts {
        measure(pixels, (pixels.width, pixels.height), 1, Format::Png)
    }

    #[test]
    fn sharpness_of_a_chequerboard_is_worked_by_hand() {
        // Each inner pixel of a board of 100 and 110 differs from its four neighbours by 10: ±40,
        // as many of each in an even square, so the mean is 0 and the variance 1600.
        let board = painted(10, 10, |x, y| {
            let value = 100 + 10 * ((x + y) % 2) as u8;
            [value, value, value, 255]
        });
        assert_eq!(facts(&board).sharpness, 1600.0);
        let flat = painted(10, 10, |_, _| [100, 100, 100, 255]);
        assert_eq!(facts(&flat).sharpness, 0.0);
    }

    #[test]
    fn border_and_exposure_are_counted() {
        // 50x50: the border is one pixel wide and has 196 pixels. A red bar of 10 pixels cuts the
        // top edge; a black square of 20x20 is in the middle.
        let product = painted(50, 50, |x, y| match (x, y) {
            (10..20, 0) => [200, 0, 0, 255],
            (15..35, 15..35) => [0, 1, 2, 255],
            _ => [255, 254, 253, 255],
        });
        let facts = facts(&product);
        assert_eq!(facts.border_white, 186.0 / 196.0);
        assert_eq!(facts.border_uniform, 186.0 / 196.0);
        assert_eq!(facts.clipped_dark, 400.0 / 2500.0);
        assert_eq!(facts.clipped_bright, 2090.0 / 2500.0);
        assert_eq!(facts.transparent, 0.0);
        // Lumas by hand: white (255,254,253) is 254, red (200,0,0) is 60, black (0,1,2) is 1.
        let mean = (2090.0 * 254.0 + 10.0 * 60.0 + 400.0 * 1.0) / 2500.0 / 255.0;
        assert!(
            (facts.brightness - mean).abs() < 1e-6,
            "{} {mean}",
            facts.brightness
        );
    }

    #[test]
    fn transparent_pixels_are_white() {
        let half = painted(
            40,
            40,
            |x, _| if x < 10 { [0, 0, 0, 0] } else { [0, 0, 0, 255] },
        );
        let facts = facts(&half);
        assert_eq!(facts.transparent, 0.25);
        assert_eq!(facts.clipped_bright, 0.25);
        assert_eq!(facts.clipped_dark, 0.75);
    }

    #[test]
    fn tiny_and_thin_photos_are_measured() {
        for (width, height) in [(1, 1), (2, 2), (1, 700), (700, 2), (3, 3)] {
            let facts = facts(&painted(width, height, |_, _| [255, 255, 255, 255]));
            assert_eq!(
                (facts.border_white, facts.border_uniform),
                (1.0, 1.0),
                "{width}x{height}"
            );
            assert_eq!(facts.brightness, 1.0);
        }
    }
}
