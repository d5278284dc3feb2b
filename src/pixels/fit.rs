//! Pixels → what models eat: crop, antialiased resize, alpha over white, contiguous `f32` in NCHW.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x4;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use showroom_catalog::Pixels;

/// A rectangle in whole pixels from the top left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

impl Rect {
    pub fn whole(pixels: &Pixels) -> Self {
        Rect {
            x: 0,
            y: 0,
            width: pixels.width,
            height: pixels.height,
        }
    }

    fn lies_in(self, pixels: &Pixels) -> bool {
        let ends_in = |at: u32, len: u32, side: u32| {
            len > 0 && at.checked_add(len).is_some_and(|end| end <= side)
        };
        ends_in(self.x, self.width, pixels.width) && ends_in(self.y, self.height, pixels.height)
    }
}

/// How a rectangle of another aspect ratio is brought into the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Each axis by its own factor.
    Stretch,
    /// Fills the target; what sticks out on the longer axis is cut off on both sides alike, in whole
    /// pixels.
    Cover,
    /// Fits into the target, centred; the rest is filled with this colour.
    Letterbox([u8; 3]),
}

/// Resampling filter. All widen with the reduction (no aliasing), as Pillow's do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    Box,
    Bilinear,
    /// Catmull-Rom (a = −0.5), which is Pillow's `BICUBIC`.
    Bicubic,
    Lanczos3,
}

/// The picture that a model wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    pub width: u32,
    pub height: u32,
    pub how: How,
    pub filter: Filter,
}

/// `(value − mean) / std` for red, green, blue, with values 0–255.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    pub mean: [f32; 3],
    pub std: [f32; 3],
}

/// What was asked of [`Fitter`] does not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    #[error("{rect:?} does not lie within {width}x{height} pixels")]
    Outside { rect: Rect, width: u32, height: u32 },
    #[error("a picture of {width}x{height} pixels does not hold {bytes} bytes")]
    Uneven {
        width: u32,
        height: u32,
        bytes: usize,
    },
    #[error("a target of {width}x{height} pixels cannot be made")]
    NoTarget { width: u32, height: u32 },
    #[error("the tensor holds {found} values, {wanted} are needed")]
    WrongLength { found: usize, wanted: usize },
}

/// Where the source lies in the target: to carry a mask back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The part of the source that is shown.
    pub source: Rect,
    /// The part of the target that it fills.
    pub target: Rect,
}

/// Fits pictures; keeps its scratch memory from one to the next.
#[derive(Default)]
pub struct Fitter {
    resizer: Resizer,
    /// The rectangle over white, where there is alpha.
    white: Vec<u8>,
}

impl Fitter {
    pub fn new() -> Self {
        Fitter::default()
    }

    /// RGB of the target, `width * height * 3` bytes row by row.
    pub fn rgb(
        &mut self,
        pixels: &Pixels,
        rect: Rect,
        fit: &Fit,
    ) -> Result<(Vec<u8>, Placement), FitError> {
        let (rgba, placement) = self.resize(pixels, rect, fit)?;
        let (rgba, _) = rgba.as_chunks::<4>();
        let rgb = rgba.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect();
        Ok((rgb, placement))
    }

    /// Fills `out` (`3 * height * width` values: all red, all green, all blue).
    pub fn nchw(
        &mut self,
        pixels: &Pixels,
        rect: Rect,
        fit: &Fit,
        normal: &Normal,
        out: &mut [f32],
    ) -> Result<Placement, FitError> {
        let (rgba, placement) = self.resize(pixels, rect, fit)?;
        let plane = rgba.len() / 4;
        if out.len() != 3 * plane {
            return Err(FitError::WrongLength {
                found: out.len(),
                wanted: 3 * plane,
            });
        }
        let (rgba, _) = rgba.as_chunks::<4>();
        for (channel, out) in out.chunks_exact_mut(plane).enumerate() {
            let (mean, std) = (normal.mean[channel], normal.std[channel]);
            // Divides once for each value there is, not once a pixel.
            let table: [f32; 256] = std::array::from_fn(|value| (value as f32 - mean) / std);
            for (out, pixel) in out.iter_mut().zip(rgba) {
                *out = table[usize::from(pixel[channel])];
            }
        }
        Ok(placement)
    }

    /// Opaque RGBA of the target.
    fn resize(
        &mut self,
        pixels: &Pixels,
        rect: Rect,
        fit: &Fit,
    ) -> Result<(Vec<u8>, Placement), FitError> {
        let Pixels {
            width,
            height,
            rgba,
        } = pixels;
        if !rect.lies_in(pixels) {
            return Err(FitError::Outside {
                rect,
                width: *width,
                height: *height,
            });
        }
        if rgba.len() as u64 != u64::from(*width) * u64::from(*height) * 4 {
            return Err(FitError::Uneven {
                width: *width,
                height: *height,
                bytes: rgba.len(),
            });
        }
        let no_target = FitError::NoTarget {
            width: fit.width,
            height: fit.height,
        };
        if fit.width == 0 || fit.height == 0 {
            return Err(no_target);
        }
        let placement = place(rect, fit);
        let source = placement.source;
        let opaque =
            rows(pixels, source).all(|row| row.as_chunks::<4>().0.iter().all(|p| p[3] == 255));
        let (bytes, (full_width, full_height), at) = if opaque {
            (rgba.as_slice(), (*width, *height), source)
        } else {
            self.white.clear();
            for row in rows(pixels, source) {
                let (row, _) = row.as_chunks::<4>();
                self.white.extend(row.iter().flat_map(over_white));
            }
            let at = Rect {
                x: 0,
                y: 0,
                ..source
            };
            (self.white.as_slice(), (source.width, source.height), at)
        };
        let Rect { width, height, .. } = placement.target;
        let mut small = vec![0; width as usize * height as usize * 4];
        let filter = match fit.filter {
            Filter::Box => FilterType::Box,
            Filter::Bilinear => FilterType::Bilinear,
            Filter::Bicubic => FilterType::CatmullRom,
            Filter::Lanczos3 => FilterType::Lanczos3,
        };
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(filter))
            .use_alpha(false)
            .crop(at.x.into(), at.y.into(), at.width.into(), at.height.into());
        let large = TypedImageRef::<U8x4>::from_buffer(full_width, full_height, bytes);
        let view = TypedImage::<U8x4>::from_buffer(width, height, &mut small);
        let (Ok(large), Ok(mut view)) = (large, view) else {
            return Err(no_target);
        };
        self.resizer
            .resize_typed(&large, &mut view, &options)
            .map_err(|_| no_target)?;
        let How::Letterbox([r, g, b]) = fit.how else {
            return Ok((small, placement));
        };
        let mut boxed = [r, g, b, 255].repeat(fit.width as usize * fit.height as usize);
        let (row_len, left) = (fit.width as usize * 4, placement.target.x as usize * 4);
        let target_rows = boxed
            .chunks_exact_mut(row_len)
            .skip(placement.target.y as usize);
        for (row, small) in target_rows.zip(small.chunks_exact(width as usize * 4)) {
            row[left..left + small.len()].copy_from_slice(small);
        }
        Ok((boxed, placement))
    }
}

/// Which part of `rect` goes where in the target.
fn place(rect: Rect, fit: &Fit) -> Placement {
    let (w, h) = (f64::from(rect.width), f64::from(rect.height));
    let (target_w, target_h) = (f64::from(fit.width), f64::from(fit.height));
    let whole = Rect {
        x: 0,
        y: 0,
        width: fit.width,
        height: fit.height,
    };
    let side = |len: f64, most: u32| (len.round() as u32).clamp(1, most);
    match fit.how {
        How::Stretch => Placement {
            source: rect,
            target: whole,
        },
        How::Cover => {
            let scale = (target_w / w).max(target_h / h);
            let width = side(target_w / scale, rect.width);
            let height = side(target_h / scale, rect.height);
            let x = rect.x + (rect.width - width) / 2;
            let y = rect.y + (rect.height - height) / 2;
            Placement {
                source: Rect {
                    x,
                    y,
                    width,
                    height,
                },
                target: whole,
            }
        }
        How::Letterbox(_) => {
            let scale = (target_w / w).min(target_h / h);
            let (width, height) = (side(w * scale, fit.width), side(h * scale, fit.height));
            let (x, y) = ((fit.width - width) / 2, (fit.height - height) / 2);
            Placement {
                source: rect,
                target: Rect {
                    x,
                    y,
                    width,
                    height,
                },
            }
        }
    }
}

fn rows(pixels: &Pixels, rect: Rect) -> impl Iterator<Item = &[u8]> {
    let (stride, left) = (pixels.width as usize * 4, rect.x as usize * 4);
    let rows = pixels
        .rgba
        .chunks_exact(stride)
        .skip(rect.y as usize)
        .take(rect.height as usize);
    rows.map(move |row| &row[left..left + rect.width as usize * 4])
}

fn over_white(&[r, g, b, a]: &[u8; 4]) -> [u8; 4] {
    let over = |value: u8| {
        let sum = u32::from(value) * u32::from(a) + 255 * (255 - u32::from(a));
        ((sum + 127) / 255) as u8
    };
    [over(r), over(g), over(b), 255]
}

/// The photo over white: every alpha becomes 255.
pub fn composite_over_white(pixels: &mut Pixels) {
    let (rgba, _) = pixels.rgba.as_chunks_mut::<4>();
    for pixel in rgba.iter_mut().filter(|pixel| pixel[3] != 255) {
        *pixel = over_white(pixel);
    }
}

/// The pixels within `rect`.
pub fn crop(pixels: &Pixels, rect: Rect) -> Result<Pixels, FitError> {
    if !rect.lies_in(pixels) {
        return Err(FitError::Outside {
            rect,
            width: pixels.width,
            height: pixels.height,
        });
    }
    let rgba = rows(pixels, rect).flatten().copied().collect();
    Ok(Pixels {
        width: rect.width,
        height: rect.height,
        rgba,
    })
}
