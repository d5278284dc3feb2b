//! Where the pixels of a view come from and go to: what the kernel and its twin both follow.

use burn::tensor::DType;
use showroom_pixels::{Fit, How, Rect};

use super::axis::Span;
use super::{Target, View};
use crate::device::GpuError;

/// Longest side of a view, in pixels: no photo is longer.
const MAX_VIEW: u32 = 1 << 18;
/// Farthest that a view begins from the picture's corner, in pixels.
const MAX_OFFSET: u32 = 1 << 24;
/// Longest side of a target, in pixels.
const MAX_TARGET: u32 = 1 << 14;
/// Views at a time: a launch counts no further in one direction.
const MAX_VIEWS: usize = 65_535;

/// Size of a picture in pixels, and whether it had no transparency before it was laid over white.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub width: u32,
    pub height: u32,
    pub opaque: bool,
}

/// One view worked out.
#[derive(Debug)]
pub(super) struct Plan {
    /// The part of the target that the view fills.
    pub placed: Rect,
    /// Where the lines of `columns` and `rows` begin, in pixels of the picture.
    pub origin: [i32; 2],
    pub columns: Span,
    pub rows: Span,
}

/// Refuses what no target can be made of.
pub(super) fn check(sizes: &[Size], views: &[View], target: &Target) -> Result<(), GpuError> {
    let refused = |reason: String| Err(GpuError::BadInput(reason));
    let Fit { width, height, .. } = target.fit;
    if !(1..=MAX_TARGET).contains(&width) || !(1..=MAX_TARGET).contains(&height) {
        return refused(format!(
            "a target of {width}x{height} pixels cannot be made; a side has 1 to {MAX_TARGET}"
        ));
    }
    if !matches!(target.dtype, DType::F32 | DType::F16) {
        return refused(format!(
            "a tensor of {:?} holds no picture; F32 and F16 do",
            target.dtype
        ));
    }
    if views.is_empty() || views.len() > MAX_VIEWS {
        let count = views.len();
        return refused(format!(
            "{count} views at a time cannot be made; 1 to {MAX_VIEWS} can"
        ));
    }
    for view in views {
        let View {
            picture,
            x,
            y,
            width,
            height,
        } = *view;
        if picture as usize >= sizes.len() {
            let count = sizes.len();
            return refused(format!(
                "there is no picture {picture} to view among {count}"
            ));
        }
        let sides = [width, height]
            .iter()
            .all(|side| (1..=MAX_VIEW).contains(side));
        if !sides || x.unsigned_abs() > MAX_OFFSET || y.unsigned_abs() > MAX_OFFSET {
            return refused(format!(
                "{view:?} is empty or too large; a side has 1 to {MAX_VIEW} pixels"
            ));
        }
    }
    Ok(())
}

impl Plan {
    /// Of a view that passed [`check`].
    pub fn new(view: &View, size: Size, fit: &Fit) -> Self {
        let (view, placed) = place(*view, fit);
        let inside = |at: i32, length: u32, side: u32| {
            at >= 0 && i64::from(at) + i64::from(length) <= i64::from(side)
        };
        let inside =
            inside(view.x, view.width, size.width) && inside(view.y, view.height, size.height);
        // As showroom-pixels does it: at the edge of a crop the filter takes in the photo beyond; but of a
        // photo that was laid over white the crop alone counts, and so does a square with white in it.
        let line = |at: i32, length: u32, side: u32, out: u32| {
            if inside && size.opaque {
                (
                    0,
                    Span {
                        size: side,
                        start: at as u32,
                        length,
                        out,
                    },
                )
            } else {
                (
                    at,
                    Span {
                        size: length,
                        start: 0,
                        length,
                        out,
                    },
                )
            }
        };
        let (left, columns) = line(view.x, view.width, size.width, placed.width);
        let (top, rows) = line(view.y, view.height, size.height, placed.height);
        Plan {
            placed,
            origin: [left, top],
            columns,
            rows,
        }
    }
}

/// The part of the view that is shown, and the part of the target that it fills.
fn place(view: View, fit: &Fit) -> (View, Rect) {
    let (w, h) = (f64::from(view.width), f64::from(view.height));
    let (across, down) = (f64::from(fit.width) / w, f64::from(fit.height) / h);
    let side = |length: f64, most: u32| (length.round() as u32).clamp(1, most);
    let mut placed = Rect {
        x: 0,
        y: 0,
        width: fit.width,
        height: fit.height,
    };
    let mut shown = view;
    match fit.how {
        How::Stretch => {}
        How::Cover => {
            let scale = across.max(down);
            shown.width = side(f64::from(fit.width) / scale, view.width);
            shown.height = side(f64::from(fit.height) / scale, view.height);
            shown.x += ((view.width - shown.width) / 2) as i32;
            shown.y += ((view.height - shown.height) / 2) as i32;
        }
        How::Letterbox(_) => {
            let scale = across.min(down);
            placed.width = side(w * scale, fit.width);
            placed.height = side(h * scale, fit.height);
            placed.x = (fit.width - placed.width) / 2;
            placed.y = (fit.height - placed.height) / 2;
        }
    }
    (shown, placed)
}
