//! The product's own colour where the background shines through: what remains of a soft edge when the
//! background is taken away.
//!
//! Germer, Uelwer, Conrad, Harmeling 2020, "Fast multi-level foreground estimation": colours of foreground
//! and background that explain the photo and change as little as alpha does, found from one pixel up to
//! the full size. The photo is done tile by tile, as the colour at an edge depends on what is near it, and
//! tiles without a soft edge are passed over.

use showroom_catalog::Pixels;

/// How alike neighbours are where alpha is flat; the paper's value.
const SMOOTHNESS: f32 = 1e-5;
/// Passes over a level, up to and above [`SMALL`] pixels a side.
const SMALL_PASSES: usize = 10;
const LARGE_PASSES: usize = 2;
const SMALL: usize = 32;
/// Alpha of pixels whose colour a level of one pixel begins with.
const MOSTLY_PRODUCT: f32 = 0.9;
const MOSTLY_BACKGROUND: f32 = 0.1;
/// Side of a tile, and how far it looks beyond, in pixels.
const TILE: usize = 256;
const HALO: usize = 32;

/// The photo with `alpha` (a value a pixel), its colours freed of the background.
///
/// Where alpha is 255 the pixel is the photo's own, byte for byte; where it is 0 it is black. An alpha
/// that does not fit leaves every pixel transparent.
pub fn freed(pixels: &Pixels, alpha: &[u8]) -> Pixels {
    let (width, height) = (pixels.width as usize, pixels.height as usize);
    let mut rgba = vec![0; pixels.rgba.len()];
    let photo = pixels.rgba.as_chunks::<4>().0;
    for ((out, &[r, g, b, _]), &alpha) in
        rgba.as_chunks_mut::<4>().0.iter_mut().zip(photo).zip(alpha)
    {
        if alpha > 0 {
            *out = [r, g, b, alpha];
        }
    }
    let fits = alpha.len() == width * height && photo.len() == alpha.len();
    let corners = (0..height)
        .step_by(TILE)
        .flat_map(|y| (0..width).step_by(TILE).map(move |x| (x, y)));
    for (left, top) in corners.filter(|_| fits) {
        let tile = [
            left,
            top,
            (left + TILE).min(width),
            (top + TILE).min(height),
        ];
        let Some([left, top, right, bottom]) = soft_part(alpha, width, tile) else {
            continue;
        };
        let (x0, y0) = (left.saturating_sub(HALO), top.saturating_sub(HALO));
        let (x1, y1) = ((right + HALO).min(width), (bottom + HALO).min(height));
        let places = (y0..y1).flat_map(|y| y * width + x0..y * width + x1);
        let picture = Picture {
            width: x1 - x0,
            height: y1 - y0,
            colours: places.clone().map(|at| unit(&photo[at])).collect(),
            alpha: places.map(|at| f32::from(alpha[at]) / 255.0).collect(),
        };
        let found = foreground(&picture);
        for y in top..bottom {
            for x in left..right {
                let at = y * width + x;
                if is_soft(alpha[at]) {
                    let colour = found[(y - y0) * (x1 - x0) + x - x0];
                    let bytes = colour.map(|value| (255.0 * value).round() as u8);
                    rgba[4 * at..4 * at + 3].copy_from_slice(&bytes);
                }
            }
        }
    }
    Pixels {
        width: pixels.width,
        height: pixels.height,
        rgba,
    }
}

fn is_soft(alpha: u8) -> bool {
    alpha > 0 && alpha < 255
}

/// The smallest part of a tile (first column and row, those behind the last) with all its soft pixels.
fn soft_part(
    alpha: &[u8],
    width: usize,
    [left, top, right, bottom]: [usize; 4],
) -> Option<[usize; 4]> {
    let mut part: Option<[usize; 4]> = None;
    for y in top..bottom {
        let row = &alpha[y * width + left..y * width + right];
        let first = row.iter().position(|&alpha| is_soft(alpha));
        let last = row.iter().rposition(|&alpha| is_soft(alpha));
        if let (Some(first), Some(last)) = (first, last) {
            let [x0, y0, x1, _] = part.unwrap_or([right, y, left, y]);
            part = Some([x0.min(left + first), y0, x1.max(left + last + 1), y + 1]);
        }
    }
    part
}

/// A picture and its alpha, all 0–1, row by row.
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub colours: Vec<[f32; 3]>,
    pub alpha: Vec<f32>,
}

impl Picture {
    /// Every so many-th pixel, so that it has this size.
    fn thinned(&self, width: usize, height: usize) -> Picture {
        let from = (self.width, self.height);
        Picture {
            width,
            height,
            colours: thinned(&self.colours, from, (width, height)),
            alpha: thinned(&self.alpha, from, (width, height)),
        }
    }

    /// Mean colour of the pixels whose alpha passes; of all where none does.
    fn mean(&self, passes: impl Fn(f32) -> bool) -> [f32; 3] {
        let all = || self.colours.iter().zip(&self.alpha);
        let any = all().any(|(_, &alpha)| passes(alpha));
        let (mut sum, mut count) = ([0.0f64; 3], 0u32);
        for (colour, _) in all().filter(|(_, alpha)| !any || passes(**alpha)) {
            (0..3).for_each(|c| sum[c] += f64::from(colour[c]));
            count += 1;
        }
        sum.map(|sum| (sum / f64::from(count.max(1))) as f32)
    }
}

/// Colours of both sides at one level.
struct Sides {
    width: usize,
    height: usize,
    product: Vec<[f32; 3]>,
    background: Vec<[f32; 3]>,
}

/// The product's colour at every pixel.
pub fn foreground(picture: &Picture) -> Vec<[f32; 3]> {
    let longer = picture.width.max(picture.height);
    let levels = longer.max(1).next_power_of_two().ilog2();
    let mut sides = Sides {
        width: 1,
        height: 1,
        product: vec![picture.mean(|alpha| alpha > MOSTLY_PRODUCT)],
        background: vec![picture.mean(|alpha| alpha < MOSTLY_BACKGROUND)],
    };
    for level in 0..=levels {
        let share = f64::from(level) / f64::from(levels.max(1));
        let side = |full: usize| match level == levels {
            true => full,
            false => (full as f64).powf(share).round_ties_even() as usize,
        };
        let (width, height) = (side(picture.width), side(picture.height));
        let from = (sides.width, sides.height);
        sides = Sides {
            width,
            height,
            product: thinned(&sides.product, from, (width, height)),
            background: thinned(&sides.background, from, (width, height)),
        };
        let small = width <= SMALL && height <= SMALL;
        let thin = picture.thinned(width, height);
        for _ in 0..if small { SMALL_PASSES } else { LARGE_PASSES } {
            sides.pass(&thin);
        }
    }
    sides.product
}

impl Sides {
    /// Makes each pixel's two colours explain the photo, and like its neighbours' where alpha is like theirs.
    fn pass(&mut self, picture: &Picture) {
        let (width, height) = (self.width, self.height);
        for y in 0..height {
            for x in 0..width {
                let at = y * width + x;
                let around = [
                    at - usize::from(x > 0),
                    at + usize::from(x + 1 < width),
                    if y > 0 { at - width } else { at },
                    if y + 1 < height { at + width } else { at },
                ];
                let alpha = picture.alpha[at];
                let rest = 1.0 - alpha;
                let (mut a, b, mut d) = (alpha * alpha, alpha * rest, rest * rest);
                let mut product = picture.colours[at].map(|value| alpha * value);
                let mut background = picture.colours[at].map(|value| rest * value);
                for near in around {
                    let alike = SMOOTHNESS + (alpha - picture.alpha[near]).abs();
                    (a, d) = (a + alike, d + alike);
                    for c in 0..3 {
                        product[c] += alike * self.product[near][c];
                        background[c] += alike * self.background[near][c];
                    }
                }
                let scale = 1.0 / (a * d - b * b);
                for c in 0..3 {
                    let (p, q) = (product[c], background[c]);
                    self.product[at][c] = (scale * (d * p - b * q)).clamp(0.0, 1.0);
                    self.background[at][c] = (scale * (a * q - b * p)).clamp(0.0, 1.0);
                }
            }
        }
    }
}

/// Nearest neighbours, from one size to another.
fn thinned<T: Copy>(values: &[T], from: (usize, usize), to: (usize, usize)) -> Vec<T> {
    let row = |y: usize| y * from.1 / to.1 * from.0;
    (0..to.1)
        .flat_map(|y| (0..to.0).map(move |x| values[row(y) + x * from.0 / to.0]))
        .collect()
}

fn unit(&[r, g, b, _]: &[u8; 4]) -> [f32; 3] {
    [r, g, b].map(|value| f32::from(value) / 255.0)
}
