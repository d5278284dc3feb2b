//! Photos and masks: each edge of a rule, each odd size. There is no tolerance: the kernel counts pixels,
//! by a table that the CPU's own functions made.

use showroom_catalog::Pixels;
use showroom_pixels::Mask;

use crate::photo_facts::cases::{grey, noise, painted, scrambled};

/// A photo of any size, its mask of any size, and what they are.
pub struct Case {
    pub name: &'static str,
    pub pixels: Pixels,
    pub mask: Option<Mask>,
}

/// A mask painted value by value from its column and row.
pub fn mask(width: u32, height: u32, value: impl Fn(u32, u32) -> u8) -> Mask {
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let values = places.map(|(x, y)| value(x, y)).collect();
    Mask {
        width,
        height,
        values,
    }
}

/// Covers the columns and rows from `from` up to `to`.
fn square(side: u32, from: u32, to: u32) -> Mask {
    mask(side, side, |x, y| {
        let within = |at| (from..to).contains(&at);
        if within(x) && within(y) { 255 } else { 0 }
    })
}

/// An ellipse that fills most of the mask, with a soft rim.
pub fn ellipse(width: u32, height: u32) -> Mask {
    mask(width, height, |x, y| {
        let off = |at: u32, side: u32| (2.0 * at as f32 + 1.0) / side as f32 - 1.0;
        let far = off(x, width).hypot(off(y, height));
        ((0.8 - far) * 1000.0 + 128.0).clamp(0.0, 255.0) as u8
    })
}

pub fn cases() -> Vec<Case> {
    let case = |name, pixels, mask| Case { name, pixels, mask };
    let with = |name, pixels, mask| case(name, pixels, Some(mask));
    vec![
        with("one pixel, covered", noise(1, 1, 1), square(1, 0, 1)),
        with("one pixel, not covered", noise(1, 1, 2), square(1, 0, 0)),
        with("2x2", noise(2, 2, 3), square(2, 0, 1)),
        with(
            "3x3, all but a corner",
            noise(3, 3, 4),
            mask(3, 3, |x, y| u8::from(x + y > 0) * 255),
        ),
        with(
            "one column",
            noise(1, 700, 5),
            mask(1, 256, |_, y| (y % 256) as u8),
        ),
        with("two rows", noise(700, 2, 6), ellipse(30, 2)),
        with("odd sides", noise(97, 61, 7), ellipse(97, 61)),
        case("no mask", noise(80, 50, 8), None),
        with("empty mask", noise(80, 50, 9), mask(80, 50, |_, _| 0)),
        with("full mask", noise(80, 50, 10), mask(80, 50, |_, _| 255)),
        // Of 10,000 pixels 40 are the least that counts. A line is all rim.
        with("speck", two_colours(100, 100), square(100, 50, 51)),
        with(
            "least",
            two_colours(100, 100),
            mask(100, 100, |x, y| u8::from(y == 50 && x < 40) * 255),
        ),
        with(
            "too little",
            two_colours(100, 100),
            mask(100, 100, |x, y| u8::from(y == 50 && x < 39) * 255),
        ),
        // Without its rim 40 pixels of it remain, and 38 of the narrower one.
        with(
            "least within",
            noise(100, 100, 11),
            mask(100, 100, |x, y| u8::from(y < 3 && x < 21) * 255),
        ),
        with(
            "too little within",
            noise(100, 100, 12),
            mask(100, 100, |x, y| u8::from(y < 3 && x < 20) * 255),
        ),
        with(
            "lines are all rim",
            noise(90, 70, 12),
            mask(90, 70, |x, _| u8::from(x % 3 == 0) * 255),
        ),
        with("at the frame", noise(64, 64, 13), square(64, 0, 30)),
        with("at the other frame", noise(64, 64, 14), square(64, 30, 64)),
        with(
            "just covered and just not",
            noise(60, 40, 15),
            mask(60, 40, |x, _| 126 + (x / 10 % 3) as u8),
        ),
        with(
            "a mask of any values",
            noise(70, 70, 16),
            mask(70, 70, |x, y| scrambled(y * 512 + x) as u8),
        ),
        with("a larger mask", noise(120, 90, 17), ellipse(320, 320)),
        with("a smaller mask", noise(120, 90, 18), ellipse(20, 30)),
        with(
            "a broken mask",
            noise(20, 20, 19),
            Mask {
                values: vec![255; 7],
                ..mask(20, 20, |_, _| 0)
            },
        ),
        with(
            "larger than what is measured",
            noise(600, 300, 20),
            ellipse(600, 300),
        ),
        with("upright", noise(171, 256, 21), ellipse(171, 256)),
        with(
            "all white",
            painted(40, 40, |_, _| grey(255)),
            ellipse(40, 40),
        ),
        with(
            "all black",
            painted(40, 40, |_, _| grey(0)),
            ellipse(40, 40),
        ),
        case("every grey", painted(256, 3, |x, _| grey(x as u8)), None),
        case(
            "every step of red and blue",
            painted(256, 256, red_and_blue),
            None,
        ),
        with("see-through", painted(50, 50, see_through), ellipse(50, 50)),
    ]
}

/// Red above, blue below, so that which pixels are taken shows in the colour's name.
fn two_colours(width: u32, height: u32) -> Pixels {
    painted(width, height, |_, y| {
        if y < 50 {
            [200, 10, 20, 255]
        } else {
            [10, 20, 200, 255]
        }
    })
}

fn red_and_blue(x: u32, y: u32) -> [u8; 4] {
    [x as u8, ((x + y) / 2) as u8, y as u8, 255]
}

fn see_through(x: u32, y: u32) -> [u8; 4] {
    [200, (x * 5) as u8, 40, (y * 5) as u8]
}
