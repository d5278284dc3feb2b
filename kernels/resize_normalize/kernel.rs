//! The kernels, in CubeCL. A table has one row of [`FIELDS`] numbers for each view; `axes` holds, for each
//! axis, the start of every pixel's taps and then every pixel's weights.

use cubecl::prelude::*;

/// Place of each number in a view's row of the table.
pub const FIRST: usize = 0;
pub const PICTURE_WIDTH: usize = 1;
pub const PICTURE_HEIGHT: usize = 2;
/// The part of the target that is filled.
pub const LEFT: usize = 3;
pub const TOP: usize = 4;
pub const WIDTH: usize = 5;
pub const HEIGHT: usize = 6;
/// Where the view's columns lie in the strip, how many there are, and the picture's column of the first.
pub const STRIP: usize = 7;
pub const STRIP_WIDTH: usize = 8;
pub const STRIP_LEFT: usize = 9;
/// Where the weights along the rows lie, taps for each pixel, bits below the point.
pub const COLUMNS: usize = 10;
pub const COLUMNS_WINDOW: usize = 11;
pub const COLUMNS_SHIFT: usize = 12;
/// The same down the columns, and the picture's row that their starts count from.
pub const ROWS: usize = 13;
pub const ROWS_WINDOW: usize = 14;
pub const ROWS_SHIFT: usize = 15;
pub const ROWS_ORIGIN: usize = 16;
/// Place in the batch.
pub const SLOT: usize = 17;
/// What is the same for all views: the target's size, what is round a letterboxed view (red in the lowest
/// byte), and the channels of red and blue.
pub const TARGET_WIDTH: usize = 18;
pub const TARGET_HEIGHT: usize = 19;
pub const FILL: usize = 20;
pub const RED_CHANNEL: usize = 21;
pub const BLUE_CHANNEL: usize = 22;
pub const FIELDS: usize = 23;

/// Units of a cube that works on one view alone.
pub const UNITS: u32 = 256;

/// Down the columns: a unit makes one pixel of the strip. Cubes along z are views.
#[cube(launch)]
pub fn vertical(pixels: &[u32], views: &[i32], axes: &[i32], strip: &mut [u32]) {
    let view = CUBE_POS_Z as usize * FIELDS;
    let column = ABSOLUTE_POS_X as i32;
    let row = ABSOLUTE_POS_Y as i32;
    let width = views[view + STRIP_WIDTH];
    let height = views[view + HEIGHT];
    if column < width && row < height {
        let picture_width = views[view + PICTURE_WIDTH];
        let picture_height = views[view + PICTURE_HEIGHT];
        let x = views[view + STRIP_LEFT] + column;
        let inside_x = x >= 0 && x < picture_width;
        let rows = views[view + ROWS];
        let window = views[view + ROWS_WINDOW];
        let shift = views[view + ROWS_SHIFT] as u32;
        let start = views[view + ROWS_ORIGIN] + axes[(rows + row) as usize];
        let weights = rows + height + row * window;
        let first = views[view + FIRST] + x;
        let mut red = 0i32;
        let mut green = 0i32;
        let mut blue = 0i32;
        for tap in 0..window {
            let y = start + tap;
            let weight = axes[(weights + tap) as usize];
            // White.
            let mut pixel = 0x00ff_ffffu32;
            if inside_x && y >= 0 && y < picture_height {
                pixel = pixels[(first + y * picture_width) as usize];
            }
            red += weight * ((pixel & 255) as i32);
            green += weight * (((pixel >> 8) & 255) as i32);
            blue += weight * (((pixel >> 16) & 255) as i32);
        }
        let red = byte(red, shift);
        let green = byte(green, shift);
        let blue = byte(blue, shift);
        let at = views[view + STRIP] + row * width + column;
        strip[at as usize] = red | (green << 8) | (blue << 16);
    }
}

/// Along the rows, and each byte to its level: a unit makes one pixel of the target, of all three
/// colours. `levels` are red's 256, green's and blue's.
#[cube(launch)]
pub fn horizontal<F: Float>(
    strip: &[u32],
    views: &[i32],
    axes: &[i32],
    levels: &[f32],
    output: &mut [F],
) {
    let view = CUBE_POS_Z as usize * FIELDS;
    let x = ABSOLUTE_POS_X as i32;
    let y = ABSOLUTE_POS_Y as i32;
    let target_width = views[view + TARGET_WIDTH];
    let target_height = views[view + TARGET_HEIGHT];
    if x < target_width && y < target_height {
        let column = x - views[view + LEFT];
        let row = y - views[view + TOP];
        let width = views[view + WIDTH];
        let mut pixel = views[view + FILL] as u32;
        if column >= 0 && column < width && row >= 0 && row < views[view + HEIGHT] {
            let columns = views[view + COLUMNS];
            let window = views[view + COLUMNS_WINDOW];
            let shift = views[view + COLUMNS_SHIFT] as u32;
            let start = axes[(columns + column) as usize] - axes[columns as usize];
            let from = views[view + STRIP] + row * views[view + STRIP_WIDTH] + start;
            let weights = columns + width + column * window;
            let mut red = 0i32;
            let mut green = 0i32;
            let mut blue = 0i32;
            for tap in 0..window {
                let weight = axes[(weights + tap) as usize];
                let pixel = strip[(from + tap) as usize];
                red += weight * ((pixel & 255) as i32);
                green += weight * (((pixel >> 8) & 255) as i32);
                blue += weight * (((pixel >> 16) & 255) as i32);
            }
            pixel = byte(red, shift) | (byte(green, shift) << 8) | (byte(blue, shift) << 16);
        }
        let plane = target_width * target_height;
        let at = views[view + SLOT] * 3 * plane + y * target_width + x;
        let red = (at + views[view + RED_CHANNEL] * plane) as usize;
        let green = (at + plane) as usize;
        let blue = (at + views[view + BLUE_CHANNEL] * plane) as usize;
        output[red] = F::cast_from(levels[(pixel & 255) as usize]);
        output[green] = F::cast_from(levels[(256 + ((pixel >> 8) & 255)) as usize]);
        output[blue] = F::cast_from(levels[(512 + ((pixel >> 16) & 255)) as usize]);
    }
}

/// The bytes of one view → values over the largest of them. A cube works on one view; `normal` is mean
/// and std of the three channels.
#[cube(launch)]
pub fn by_maximum<F: Float>(output: &mut [F], normal: &[f32], plane: u32) {
    let mut largest = Shared::<[f32]>::new_slice(UNITS as usize);
    let first = CUBE_POS_X * 3 * plane;
    let unit = UNIT_POS as usize;
    let mut most = 1.0f32;
    let mut i = UNIT_POS;
    while i < 3 * plane {
        most = max(most, f32::cast_from(output[(first + i) as usize]));
        i += UNITS;
    }
    largest[unit] = most;
    sync_cube();
    let mut half = CUBE_DIM / 2;
    while half > 0 {
        if UNIT_POS < half {
            largest[unit] = max(largest[unit], largest[unit + half as usize]);
        }
        sync_cube();
        half /= 2;
    }
    let most = largest[0];
    let mut i = UNIT_POS;
    while i < 3 * plane {
        let channel = (i / plane) as usize;
        let at = (first + i) as usize;
        let value = f32::cast_from(output[at]) / most;
        output[at] = F::cast_from((value - normal[channel]) / normal[3 + channel]);
        i += UNITS;
    }
}

/// A sum of weighted bytes, rounded, as a byte: the lobes of a filter may have carried it beyond.
#[cube]
fn byte(sum: i32, shift: u32) -> u32 {
    let rounded = sum + ((1u32 << (shift - 1)) as i32);
    min((max(rounded, 0) as u32) >> shift, 255)
}
