//! Crop and pad by the product: how much of the picture it fills, and the picture's shape and size.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use showroom_catalog::Pixels;
use showroom_pixels::{Rect, crop, scale};

/// Less alpha is no part of the product's extent.
const SOLID: u8 = 13;
/// Longest side of a picture, and its area, in pixels.
const MAX_SIDE: f64 = 32_768.0;
const MAX_AREA: f64 = 100_000_000.0;

/// Width to height of a picture: `1:1`, `4:5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aspect {
    pub width: u16,
    pub height: u16,
}

impl Aspect {
    fn ratio(self) -> f64 {
        f64::from(self.width) / f64::from(self.height)
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.width, self.height)
    }
}

impl FromStr for Aspect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once([':', 'x', '/']);
        let side = |text: &str| text.trim().parse::<u16>().ok().filter(|&side| side > 0);
        parts
            .and_then(|(width, height)| {
                Some(Aspect {
                    width: side(width)?,
                    height: side(height)?,
                })
            })
            .filter(|aspect| (0.01..=100.0).contains(&aspect.ratio()))
            .ok_or_else(|| format!("{text:?} is no aspect: take width:height, as in 1:1 or 4:5"))
    }
}

/// How a cut-out is framed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Share of the picture's width or height, whichever it fills more of, that the product takes; above 0
    /// up to 1.
    pub fill: f64,
    /// The product's own where there is none.
    pub aspect: Option<Aspect>,
    /// The picture's longer side in pixels; without it no pixel is resampled.
    pub size: Option<u32>,
}

/// Why a cut-out cannot be framed so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a picture of {width}x{height} pixels is too large; take a smaller --size, or a larger --fill"
)]
pub struct FrameError {
    pub width: u64,
    pub height: u64,
}

/// A framed cut-out.
#[derive(Clone, Debug, PartialEq)]
pub struct Framed {
    pub pixels: Pixels,
    /// Whether it has more pixels than the photo had.
    pub enlarged: bool,
}

impl Frame {
    /// The product in the middle of a transparent picture. What shows nothing stays as it is.
    pub fn apply(&self, cutout: &Pixels) -> Result<Framed, FrameError> {
        let Some(solid) = extent(cutout, SOLID) else {
            return Ok(Framed {
                pixels: cutout.clone(),
                enlarged: false,
            });
        };
        // Faint pixels come along, but do not shift the middle.
        let all = extent(cutout, 1).unwrap_or(solid);
        let fill = self.fill.clamp(0.01, 1.0);
        let [mut width, mut height] =
            [solid.width, solid.height].map(|side| f64::from(side) / fill);
        if let Some(aspect) = self.aspect {
            width = width.max(height * aspect.ratio());
            height = width / aspect.ratio();
        }
        let by = self
            .size
            .map_or(1.0, |size| f64::from(size) / width.max(height));
        let [width, height] = [width, height].map(|side| (side * by).round().max(1.0));
        if width.max(height) > MAX_SIDE || width * height > MAX_AREA {
            return Err(FrameError {
                width: width as u64,
                height: height as u64,
            });
        }
        let mut part = crop(cutout, all).unwrap_or_else(|_| cutout.clone());
        if self.size.is_some() {
            let side = |side: u32| (f64::from(side) * by).round().max(1.0) as u32;
            part = scale(&part, side(all.width), side(all.height));
        }
        // Where the part begins, so that the solid product is in the middle.
        let begin = |canvas: f64, first: u32, solid_first: u32, solid: u32| {
            let before = f64::from(solid_first - first) * by;
            ((canvas - f64::from(solid) * by) / 2.0 - before).round() as i64
        };
        let left = begin(width, all.x, solid.x, solid.width);
        let top = begin(height, all.y, solid.y, solid.height);
        let pixels = placed(&part, (width as u32, height as u32), (left, top));
        Ok(Framed {
            pixels,
            enlarged: by > 1.0,
        })
    }
}

/// The smallest rectangle with every pixel of at least that alpha.
fn extent(pixels: &Pixels, least: u8) -> Option<Rect> {
    let width = pixels.width as usize;
    let (mut left, mut right, mut top, mut bottom) = (usize::MAX, 0, usize::MAX, 0);
    for (y, row) in pixels.rgba.chunks_exact((width * 4).max(1)).enumerate() {
        let row = row.as_chunks::<4>().0;
        let is_solid = |pixel: &[u8; 4]| pixel[3] >= least;
        if let (Some(first), Some(last)) = (
            row.iter().position(is_solid),
            row.iter().rposition(is_solid),
        ) {
            (left, right) = (left.min(first), right.max(last + 1));
            (top, bottom) = (top.min(y), y + 1);
        }
    }
    (right > 0).then(|| Rect {
        x: left as u32,
        y: top as u32,
        width: (right - left) as u32,
        height: (bottom - top) as u32,
    })
}

/// `part` on a transparent canvas, its top left corner at `at`; what sticks out is left out.
fn placed(part: &Pixels, (width, height): (u32, u32), (left, top): (i64, i64)) -> Pixels {
    let mut rgba = vec![0; width as usize * height as usize * 4];
    let (from, to) = (
        left.max(0),
        (left + i64::from(part.width)).min(i64::from(width)),
    );
    let rows = part.rgba.chunks_exact((part.width as usize * 4).max(1));
    for (row, y) in rows.zip(top..) {
        if y < 0 || y >= i64::from(height) || from >= to {
            continue;
        }
        let begin = (y * i64::from(width) + from) as usize * 4;
        let cells = &row[(from - left) as usize * 4..(to - left) as usize * 4];
        rgba[begin..begin + cells.len()].copy_from_slice(cells);
    }
    Pixels {
        width,
        height,
        rgba,
    }
}
