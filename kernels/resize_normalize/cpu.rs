//! The CPU twin of the kernels in `kernel.rs`, loop for loop.

use burn::tensor::DType;
use half::f16;
use showroom_catalog::Pixels;

use super::axis::Weights;
use super::pictures::over_white;
use super::plan::{Plan, Size, check};
use super::{How, Scale, Target, View};
use crate::device::GpuError;

const WHITE: u32 = 0x00ff_ffff;

/// Views of pictures as a network takes them: `views.len() * 3 * height * width` values, for an `F16`
/// target rounded to such. Fails as [`super::resize_normalize`] and [`super::Pictures::upload`] do.
pub fn resize_normalize(
    pictures: &[&Pixels],
    views: &[View],
    target: &Target,
) -> Result<Vec<f32>, GpuError> {
    let pictures = pictures.iter().map(|picture| over_white(picture));
    let pictures = pictures.collect::<Result<Vec<_>, _>>()?;
    let sizes: Vec<Size> = pictures.iter().map(|(_, size)| *size).collect();
    check(&sizes, views, target)?;
    let plane = target.fit.width as usize * target.fit.height as usize;
    let mut output = vec![0.0; views.len() * 3 * plane];
    for (view, output) in views.iter().zip(output.chunks_exact_mut(3 * plane)) {
        let (rgba, size) = &pictures[view.picture as usize];
        let plan = Plan::new(view, *size, &target.fit);
        let columns = plan.columns.weights(target.fit.filter);
        let strip = vertical(rgba, *size, &plan, &columns, target);
        horizontal(&strip, &plan, &columns, target, output);
        if target.scale == Scale::PictureMaximum {
            by_maximum(output, target);
        }
    }
    if target.dtype == DType::F16 {
        output
            .iter_mut()
            .for_each(|value| *value = f16::from_f32(*value).to_f32());
    }
    Ok(output)
}

/// Down the columns: the height becomes that of the target, the columns stay those of the picture, as
/// many as the rows will need.
fn vertical(rgba: &[u8], size: Size, plan: &Plan, columns: &Weights, target: &Target) -> Vec<u32> {
    let rows = plan.rows.weights(target.fit.filter);
    let left = plan.origin[0] + columns.starts[0] as i32;
    let mut strip = Vec::new();
    for row in 0..plan.placed.height as usize {
        for column in 0..strip_width(columns) {
            let x = left + column as i32;
            let inside_x = x >= 0 && x < size.width as i32;
            let start = plan.origin[1] + rows.starts[row] as i32;
            let weights = row * rows.window;
            let (mut red, mut green, mut blue) = (0, 0, 0);
            for tap in 0..rows.window {
                let y = start + tap as i32;
                let weight = rows.values[weights + tap];
                let mut pixel = WHITE;
                if inside_x && y >= 0 && y < size.height as i32 {
                    let at = (y as usize * size.width as usize + x as usize) * 4;
                    pixel = u32::from_le_bytes([rgba[at], rgba[at + 1], rgba[at + 2], 255]);
                }
                red += weight * (pixel & 255) as i32;
                green += weight * ((pixel >> 8) & 255) as i32;
                blue += weight * ((pixel >> 16) & 255) as i32;
            }
            let [red, green, blue] = [red, green, blue].map(|sum| byte(sum, rows.shift));
            strip.push(red | green << 8 | blue << 16);
        }
    }
    strip
}

/// Along the rows, and each byte to its level.
fn horizontal(strip: &[u32], plan: &Plan, columns: &Weights, target: &Target, output: &mut [f32]) {
    let (width, height) = (target.fit.width as usize, target.fit.height as usize);
    let (plane, levels) = (width * height, target.levels());
    let [red_channel, blue_channel] = if target.bgr { [2, 0] } else { [0, 2] };
    for y in 0..height {
        for x in 0..width {
            let column = x as i32 - plan.placed.x as i32;
            let row = y as i32 - plan.placed.y as i32;
            let mut pixel = fill(target);
            if column >= 0
                && column < plan.placed.width as i32
                && row >= 0
                && row < plan.placed.height as i32
            {
                let start = (columns.starts[column as usize] - columns.starts[0]) as usize;
                let from = row as usize * strip_width(columns) + start;
                let weights = column as usize * columns.window;
                let (mut red, mut green, mut blue) = (0, 0, 0);
                for tap in 0..columns.window {
                    let weight = columns.values[weights + tap];
                    let pixel = strip[from + tap];
                    red += weight * (pixel & 255) as i32;
                    green += weight * ((pixel >> 8) & 255) as i32;
                    blue += weight * ((pixel >> 16) & 255) as i32;
                }
                let [red, green, blue] = [red, green, blue].map(|sum| byte(sum, columns.shift));
                pixel = red | green << 8 | blue << 16;
            }
            let at = y * width + x;
            output[red_channel * plane + at] = levels[0][(pixel & 255) as usize];
            output[plane + at] = levels[1][((pixel >> 8) & 255) as usize];
            output[blue_channel * plane + at] = levels[2][((pixel >> 16) & 255) as usize];
        }
    }
}

/// The bytes of one view → values over the largest of them.
fn by_maximum(output: &mut [f32], target: &Target) {
    let largest = output.iter().copied().fold(1.0, f32::max);
    let plane = output.len() / 3;
    for (i, value) in output.iter_mut().enumerate() {
        *value = target.normalised(*value, largest, i / plane);
    }
}

/// A sum of weighted bytes, rounded, as a byte: the lobes of a filter may have carried it beyond.
fn byte(sum: i32, shift: u32) -> u32 {
    let rounded = sum + (1 << (shift - 1));
    (rounded.max(0) as u32 >> shift).min(255)
}

/// Columns of the picture that the rows are made of, those included that only weigh zero.
pub(super) fn strip_width(columns: &Weights) -> usize {
    let [first, .., last] = columns.starts[..] else {
        return columns.window;
    };
    (last - first) as usize + columns.window
}

/// What is round a letterboxed view, red in the lowest byte.
pub(super) fn fill(target: &Target) -> u32 {
    match target.fit.how {
        How::Letterbox([r, g, b]) => u32::from_le_bytes([r, g, b, 0]),
        How::Stretch | How::Cover => WHITE,
    }
}
