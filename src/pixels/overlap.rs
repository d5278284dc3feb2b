//! Whether one picture is the other, or a part of it: laid over it at every scale and place, it
//! agrees with it in luma, in detail and in colour.
//!
//! Coarsely at 32 pixels first, then at 64 around the best place. That finds copies that are resized,
//! compressed again, brightened (a correlation does not see it), cut down to [`LEAST_SCALE`] of their
//! width, framed or mirrored; not such as are turned, stretched or cut out of both ends.

use fast_image_resize::FilterType;
use fast_image_resize::pixels::{U8, U8x3};
use showroom_catalog::{Overlap, Pixels};

use crate::fit::{Filter, Fit, FitError, Fitter, How, Rect};
use crate::lab::lab;
use crate::quality::luma;
use crate::reduce::{Alpha, resize};

/// Longer sides: of what is kept of a photo, and of the larger picture in both passes.
const KEPT: u32 = 64;
const COARSE: f32 = 32.0;
const FINE: f32 = 64.0;

/// Sides of the smaller picture at the least, as a share of the largest that fits.
const LEAST_SCALE: f32 = 0.6;
const COARSE_STEP: f32 = 0.05;
const FINE_STEP: f32 = 0.0125;

/// A picture smaller than this on a side says too little.
const LEAST_SIDE: usize = 8;

/// Half the window of the surroundings that detail is told from, in pixels of the fine pass.
const AROUND: usize = 2;

/// Pixels lighter than this L\* and paler than this distance from grey, in both pictures, are
/// background and say nothing about colour.
const WHITE_LIGHTNESS: f32 = 96.0;
const WHITE_CHROMA: f32 = 5.0;

/// A photo small enough to keep many: RGB over white, the longer side [`KEPT`] pixels.
#[derive(Clone, Debug)]
pub struct Small {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Small {
    /// Fails where `pixels` are none.
    pub fn of(pixels: &Pixels) -> Result<Small, FitError> {
        let longest = pixels.width.max(pixels.height).max(1) as f32;
        let scaled = |side: u32| ((side as f32 * KEPT as f32 / longest).round() as u32).max(1);
        let fit = Fit {
            width: scaled(pixels.width),
            height: scaled(pixels.height),
            how: How::Stretch,
            filter: Filter::Bilinear,
        };
        let (rgb, _) = Fitter::new().rgb(pixels, Rect::whole(pixels), &fit)?;
        Ok(Small {
            width: fit.width,
            height: fit.height,
            rgb,
        })
    }

    fn size(&self) -> (f32, f32) {
        (self.width as f32, self.height as f32)
    }

    fn rgb(&self, width: usize, height: usize, mirrored: bool) -> Vec<[u8; 3]> {
        let (from, to) = ((self.width, self.height), (width as u32, height as u32));
        let bytes = resize::<U8x3>(&self.rgb, from, to, FilterType::Bilinear, Alpha::None);
        let mut rgb = bytes.as_chunks::<3>().0.to_vec();
        if mirrored {
            rgb.chunks_mut(width).for_each(<[_]>::reverse);
        }
        rgb
    }

    fn plane(&self, width: usize, height: usize, mirrored: bool) -> Plane {
        let (rgb, _) = self.rgb.as_chunks::<3>();
        let lumas: Vec<u8> = rgb.iter().map(|&[r, g, b]| luma(&[r, g, b, 255])).collect();
        let (from, to) = ((self.width, self.height), (width as u32, height as u32));
        let mut lumas = resize::<U8>(&lumas, from, to, FilterType::Bilinear, Alpha::None);
        if mirrored {
            lumas.chunks_mut(width).for_each(<[_]>::reverse);
        }
        Plane {
            width,
            height,
            values: lumas.into_iter().map(f32::from).collect(),
        }
    }
}

/// Where `a` and `b` agree best.
pub fn overlap(a: &Small, b: &Small) -> Overlap {
    let ways = [(a, b), (b, a)];
    let ways = ways.iter().flat_map(|way| [(*way, false), (*way, true)]);
    let best = ways
        .filter_map(|((inner, outer), mirrored)| {
            let search = Search::new(inner, outer, mirrored, COARSE);
            Some((search.everywhere()?, inner, outer, mirrored))
        })
        // The first of equals: not mirrored.
        .reduce(|best, next| {
            if next.0.score > best.0.score {
                next
            } else {
                best
            }
        });
    let Some((coarse, inner, outer, mirrored)) = best else {
        return Overlap {
            share: 0.0,
            luma: 0.0,
            detail: 0.0,
            chroma: 0.0,
            mirrored: false,
        };
    };
    let search = Search::new(inner, outer, mirrored, FINE);
    let place = search.around(coarse);
    let window = search.outer.window(&place);
    let small = inner.plane(place.width, place.height, mirrored);
    Overlap {
        share: (place.width * place.height) as f32 / search.outer.values.len() as f32,
        luma: place.score,
        detail: correlation(&small.detail(), &window.detail()),
        chroma: search.chroma(&place),
        mirrored,
    }
}

/// Where the smaller picture lies on the larger one, and how well they agree.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Of the largest scale at which it fits.
    scale: f32,
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    score: f32,
}

/// One picture laid over another at one resolution.
struct Search<'a> {
    inner: &'a Small,
    larger: &'a Small,
    outer: Plane,
    mirrored: bool,
}

impl<'a> Search<'a> {
    fn new(inner: &'a Small, larger: &'a Small, mirrored: bool, side: f32) -> Search<'a> {
        let (width, height) = larger.size();
        let by = side / width.max(height);
        let scaled = |side: f32| ((side * by).round() as usize).max(1);
        Search {
            inner,
            outer: larger.plane(scaled(width), scaled(height), false),
            larger,
            mirrored,
        }
    }

    /// `None` where the pictures are too narrow.
    fn everywhere(&self) -> Option<Place> {
        let steps = ((1.0 - LEAST_SCALE) / COARSE_STEP).round() as usize;
        let scales = (0..=steps).map(|step| 1.0 - COARSE_STEP * step as f32);
        self.best(scales, |room| 0..=room, |room| 0..=room)
    }

    /// The best near a place that was found at half the resolution.
    fn around(&self, coarse: Place) -> Place {
        let scales = (-2..=2).map(|step| (coarse.scale + FINE_STEP * step as f32).min(1.0));
        let near = |at: usize| {
            move |room: usize| (2 * at).saturating_sub(2).min(room)..=(2 * at + 2).min(room)
        };
        self.best(scales, near(coarse.x), near(coarse.y))
            .unwrap_or(coarse)
    }

    fn best<X, Y, R>(&self, scales: impl Iterator<Item = f32>, xs: X, ys: Y) -> Option<Place>
    where
        X: Fn(usize) -> R,
        Y: Fn(usize) -> R,
        R: Iterator<Item = usize>,
    {
        let (inner_width, inner_height) = self.inner.size();
        let (outer_width, outer_height) = (self.outer.width as f32, self.outer.height as f32);
        let fit = (outer_width / inner_width).min(outer_height / inner_height);
        let mut best: Option<Place> = None;
        for scale in scales {
            let scaled = |side: f32, most: usize| ((side * fit * scale).round() as usize).min(most);
            let width = scaled(inner_width, self.outer.width);
            let height = scaled(inner_height, self.outer.height);
            if width.min(height) < LEAST_SIDE {
                continue;
            }
            let inner = self.inner.plane(width, height, self.mirrored).centred();
            for y in ys(self.outer.height - height) {
                for x in xs(self.outer.width - width) {
                    let score = self.outer.agrees(&inner, x, y);
                    if best.is_none_or(|best| score > best.score) {
                        best = Some(Place {
                            scale,
                            x,
                            y,
                            width,
                            height,
                            score,
                        });
                    }
                }
            }
        }
        best
    }

    fn chroma(&self, place: &Place) -> f32 {
        let inner = self.inner.rgb(place.width, place.height, self.mirrored);
        let outer = self.larger.rgb(self.outer.width, self.outer.height, false);
        let (mut sum, mut count) = (0.0, 0u32);
        for (row, inner) in inner.chunks(place.width).enumerate() {
            let start = (place.y + row) * self.outer.width + place.x;
            for (one, other) in inner.iter().zip(&outer[start..start + place.width]) {
                let (one, other) = (lab(*one), lab(*other));
                if is_white(one) && is_white(other) {
                    continue;
                }
                sum += (one[1] - other[1]).hypot(one[2] - other[2]);
                count += 1;
            }
        }
        sum / count.max(1) as f32
    }
}

fn is_white([l, a, b]: [f32; 3]) -> bool {
    l > WHITE_LIGHTNESS && a.hypot(b) < WHITE_CHROMA
}

/// Luma, 0–255, row by row.
#[derive(Debug)]
struct Plane {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Plane {
    /// Less its mean, and of length 1; all zero where it is flat.
    fn centred(mut self) -> Plane {
        let mean = self.values.iter().sum::<f32>() / self.values.len() as f32;
        self.values.iter_mut().for_each(|value| *value -= mean);
        let length = self.values.iter().map(|v| v * v).sum::<f32>().sqrt();
        // Less than a level a pixel is noise.
        let by = if length > (self.values.len() as f32).sqrt() {
            1.0 / length
        } else {
            0.0
        };
        self.values.iter_mut().for_each(|value| *value *= by);
        self
    }

    /// Correlation with a centred plane laid over it at (x, y).
    fn agrees(&self, inner: &Plane, x: usize, y: usize) -> f32 {
        let (mut product, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for (row, inner) in inner.values.chunks(inner.width).enumerate() {
            let start = (y + row) * self.width + x;
            let outer = &self.values[start..start + inner.len()];
            let (mut p, mut s, mut q) = ([0f32; 4], [0f32; 4], [0f32; 4]);
            let (one, one_rest) = inner.as_chunks::<4>();
            let (other, other_rest) = outer.as_chunks::<4>();
            for (a, b) in one.iter().zip(other) {
                for lane in 0..4 {
                    p[lane] += a[lane] * b[lane];
                    s[lane] += b[lane];
                    q[lane] += b[lane] * b[lane];
                }
            }
            for (a, b) in one_rest.iter().zip(other_rest) {
                p[0] += a * b;
                s[0] += b;
                q[0] += b * b;
            }
            product += p.iter().sum::<f32>();
            sum += s.iter().sum::<f32>();
            squares += q.iter().sum::<f32>();
        }
        let count = inner.values.len() as f32;
        let spread = squares - sum * sum / count;
        if spread > count {
            product / spread.sqrt()
        } else {
            0.0
        }
    }

    fn window(&self, place: &Place) -> Plane {
        let rows = place.y..place.y + place.height;
        Plane {
            width: place.width,
            height: place.height,
            values: rows
                .flat_map(|y| &self.values[y * self.width + place.x..][..place.width])
                .copied()
                .collect(),
        }
    }

    /// Each value less the mean of those around it.
    fn detail(&self) -> Vec<f32> {
        let around =
            |at: usize, most: usize| at.saturating_sub(AROUND)..(at + AROUND + 1).min(most);
        let mut detail = Vec::with_capacity(self.values.len());
        for y in 0..self.height {
            for x in 0..self.width {
                let (mut sum, mut count) = (0.0, 0.0);
                for row in around(y, self.height) {
                    for column in around(x, self.width) {
                        sum += self.values[row * self.width + column];
                        count += 1.0;
                    }
                }
                detail.push(self.values[y * self.width + x] - sum / count);
            }
        }
        detail
    }
}

/// Cosine of two lists of differences from a mean; 0 where one is flat.
fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let sum = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>();
    let lengths = (sum(a, a) * sum(b, b)).sqrt();
    if lengths > 1e-3 {
        sum(a, b) / lengths
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::crop;

    /// Blobs of several sizes and colours, different with every seed.
    fn picture(seed: u32, width: u32, height: u32) -> Pixels {
        let wave = |n: f32| (n.sin() * 0.5 + 0.5) * 255.0;
        let seed = seed as f32;
        let rgba = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x as f32 / 300.0, y as f32 / 300.0)))
            .flat_map(|(x, y)| {
                let r = wave(9.0 * x + seed + 5.0 * (7.0 * y + seed).sin());
                let g = wave(23.0 * y - 3.0 * seed + 3.0 * (11.0 * x).cos());
                let b = wave(15.0 * (x + y) + 2.0 * seed);
                [r as u8, g as u8, b as u8, 255]
            })
            .collect();
        Pixels {
            width,
            height,
            rgba,
        }
    }

    fn between(a: &Pixels, b: &Pixels) -> Overlap {
        overlap(&Small::of(a).unwrap(), &Small::of(b).unwrap())
    }

    fn cut(pixels: &Pixels, x: u32, y: u32, width: u32, height: u32) -> Pixels {
        let rect = Rect {
            x,
            y,
            width,
            height,
        };
        crop(pixels, rect).unwrap()
    }

    #[test]
    fn a_part_is_found_in_the_whole_whichever_comes_first() {
        let whole = picture(1, 400, 300);
        let part = cut(&whole, 50, 30, 320, 240);
        for found in [between(&whole, &part), between(&part, &whole)] {
            assert!(found.luma > 0.95 && found.detail > 0.8, "{found:?}");
            assert!((found.share - 0.64).abs() < 0.06, "{found:?}");
            assert!(found.chroma < 8.0 && !found.mirrored, "{found:?}");
        }
    }

    #[test]
    fn a_mirrored_picture_is_told() {
        let whole = picture(2, 300, 300);
        let mut mirrored = whole.clone();
        let (pixels, _) = mirrored.rgba.as_chunks_mut::<4>();
        pixels.chunks_mut(300).for_each(<[_]>::reverse);
        let found = between(&whole, &mirrored);
        assert!(found.mirrored && found.luma > 0.98, "{found:?}");
        assert!(!between(&whole, &whole).mirrored);
    }

    #[test]
    fn another_picture_does_not_agree_and_another_colour_is_seen() {
        let one = picture(3, 300, 300);
        let other = between(&one, &picture(4, 300, 300));
        assert!(other.luma < 0.9 && other.detail < 0.5, "{other:?}");
        let mut recoloured = one.clone();
        let (pixels, _) = recoloured.rgba.as_chunks_mut::<4>();
        pixels.iter_mut().for_each(|pixel| {
            let grey = luma(pixel);
            *pixel = [grey, grey, grey, 255];
        });
        let found = between(&one, &recoloured);
        assert!(found.luma > 0.98 && found.chroma > 20.0, "{found:?}");
    }

    #[test]
    fn pictures_that_are_flat_or_a_line_agree_with_nothing() {
        let flat = |width, height| Pixels {
            width,
            height,
            rgba: [200, 200, 200, 255].repeat((width * height) as usize),
        };
        assert_eq!(between(&flat(50, 50), &flat(50, 50)).luma, 0.0);
        assert_eq!(between(&flat(4000, 1), &picture(1, 300, 300)).luma, 0.0);
        assert!(Small::of(&flat(0, 0)).is_err());
    }
}
