//! What the kernels are tested and measured on.

use burn::tensor::DType;
use showroom_catalog::Pixels;

use super::{Filter, Fit, How, Scale, Target, View};

/// Kernel and twin with a fixed scale, f32: the sums are whole numbers and the levels come from one table.
pub const EXACT: f32 = 0.0;
/// With the picture's maximum as the scale, f32, relative: two divisions, each rounded by WGSL to 2.5 ulp.
pub const DIVIDED: f32 = 6e-7;
/// f16, relative: the last of 11 bits may be rounded either way.
pub const HALF: f32 = 1e-3;

/// Pictures, what is taken of them, and what is made of it.
pub struct Case {
    pub name: &'static str,
    pub pictures: Vec<Pixels>,
    pub views: Vec<View>,
    pub target: Target,
}

impl Case {
    /// Greatest difference of kernel and twin, relative to the value where that is above one.
    pub fn tolerance(&self) -> f32 {
        match (self.target.dtype, self.target.scale) {
            (DType::F16, _) => HALF,
            (_, Scale::PictureMaximum) => DIVIDED,
            (_, Scale::By(_)) => EXACT,
        }
    }
}

/// All of them; each is small, for software GPUs.
pub fn cases() -> Vec<Case> {
    let mut cases = filters();
    cases.extend(sizes());
    cases.extend(views());
    cases.extend(targets());
    cases
}

/// Every filter, reducing and enlarging.
fn filters() -> Vec<Case> {
    let named = [
        ("box", Filter::Box),
        ("bilinear", Filter::Bilinear),
        ("bicubic", Filter::Bicubic),
        ("lanczos3", Filter::Lanczos3),
    ];
    let case = |(name, filter)| Case {
        name,
        pictures: vec![chequers(77, 103), product(300, 400), noise(9, 7, 1)],
        views: vec![whole(0, 77, 103), whole(1, 300, 400), whole(2, 9, 7)],
        target: target(32, 40, filter, How::Stretch),
    };
    named.map(case).into()
}

/// Pictures of every shape, alone.
fn sizes() -> Vec<Case> {
    let case = |name, picture: Pixels, width, height| Case {
        name,
        views: vec![whole(0, picture.width, picture.height)],
        pictures: vec![picture],
        target: target(width, height, Filter::Bicubic, How::Stretch),
    };
    vec![
        case("one pixel", noise(1, 1, 2), 9, 5),
        case("one column", noise(1, 700, 3), 16, 16),
        case("one row", noise(700, 1, 4), 16, 16),
        case("to one pixel", product(64, 48), 1, 1),
        case("exact size", noise(24, 24, 5), 24, 24),
        case("exact width", noise(24, 50, 6), 24, 20),
        case("exact height", noise(50, 24, 7), 20, 24),
        case("wider and lower", noise(13, 90, 8), 31, 17),
        case("larger than a cube", noise(301, 37, 9), 131, 9),
        case("black", flat([0, 0, 0, 255], 30, 30), 8, 8),
        case("white", flat([255; 4], 30, 30), 8, 8),
    ]
}

/// Crops within a picture, at its edges and beyond them.
fn views() -> Vec<Case> {
    let case = |name, picture: Pixels, views: &[(i32, i32, u32, u32)]| Case {
        name,
        pictures: vec![picture],
        views: views
            .iter()
            .map(|&(x, y, width, height)| View {
                picture: 0,
                x,
                y,
                width,
                height,
            })
            .collect(),
        target: target(20, 20, Filter::Bicubic, How::Stretch),
    };
    let edges = [
        (0, 0, 40, 40),
        (50, 0, 40, 40),
        (0, 30, 40, 40),
        (50, 30, 40, 40),
        (33, 21, 7, 11),
        (0, 0, 90, 70),
    ];
    let beyond = [
        (-10, 5, 60, 60),
        (45, 5, 60, 60),
        (10, -20, 60, 60),
        (10, 25, 60, 60),
        (-9, -19, 108, 108),
        (-1, -1, 92, 72),
        (200, 300, 50, 50),
    ];
    vec![
        case("crops at the edges", noise(90, 70, 10), &edges),
        case("beyond the picture", noise(90, 70, 11), &beyond),
        case("transparent, crops", cut_out(90, 70), &edges),
        case("transparent, beyond", cut_out(90, 70), &beyond),
        case("enlarged, beyond", noise(6, 5, 12), &[(-2, -3, 11, 11)]),
    ]
}

/// What a network may want.
fn targets() -> Vec<Case> {
    let pictures = || {
        vec![
            product(64, 48),
            noise(50, 99, 13),
            cut_out(31, 41),
            noise(1, 1, 14),
        ]
    };
    let views = || {
        let sizes = [(64, 48), (50, 99), (31, 41), (1, 1), (64, 48)];
        let views = sizes.iter().enumerate();
        views
            .map(|(i, &(width, height))| whole(i as u32 % 4, width, height))
            .collect()
    };
    let plain = target(24, 28, Filter::Bilinear, How::Stretch);
    let case = |name, target| Case {
        name,
        pictures: pictures(),
        views: views(),
        target,
    };
    let how = |how| target(24, 28, Filter::Bilinear, how);
    let maximum = Target {
        scale: Scale::PictureMaximum,
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
        ..plain
    };
    let dark = Case {
        name: "by the maximum of a black picture and a dark one",
        pictures: vec![flat([0, 0, 0, 255], 9, 9), flat([3, 1, 2, 255], 9, 9)],
        views: vec![whole(0, 9, 9), whole(1, 9, 9)],
        target: maximum,
    };
    let half = DType::F16;
    vec![
        dark,
        case("letterbox", how(How::Letterbox([114, 7, 200]))),
        case("cover", how(How::Cover)),
        case("by the maximum", maximum),
        case(
            "by the maximum, letterbox, bgr",
            Target {
                fit: how(How::Letterbox([0; 3])).fit,
                bgr: true,
                ..maximum
            },
        ),
        case(
            "bgr, 0 to 1",
            Target {
                scale: Scale::By(255.0),
                mean: [0.406, 0.456, 0.485],
                std: [0.225, 0.224, 0.229],
                bgr: true,
                ..plain
            },
        ),
        case(
            "f16",
            Target {
                dtype: half,
                ..plain
            },
        ),
        case(
            "f16, by the maximum",
            Target {
                dtype: half,
                ..maximum
            },
        ),
    ]
}

/// Bytes to -1 to 1, as EfficientNet-Lite takes them.
pub fn target(width: u32, height: u32, filter: Filter, how: How) -> Target {
    Target {
        fit: Fit {
            width,
            height,
            how,
            filter,
        },
        scale: Scale::By(1.0),
        mean: [127.0; 3],
        std: [128.0; 3],
        bgr: false,
        dtype: DType::F32,
    }
}

/// The whole of a picture of that size.
pub fn whole(picture: u32, width: u32, height: u32) -> View {
    View {
        picture,
        x: 0,
        y: 0,
        width,
        height,
    }
}

fn picture(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 4]) -> Pixels {
    let rows = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    Pixels {
        width,
        height,
        rgba: rows.flat_map(|(x, y)| pixel(x, y)).collect(),
    }
}

fn flat(pixel: [u8; 4], width: u32, height: u32) -> Pixels {
    picture(width, height, |_, _| pixel)
}

/// Every byte a hash of its place; opaque.
pub fn noise(width: u32, height: u32, seed: u32) -> Pixels {
    picture(width, height, |x, y| {
        let [r, g, b] = [0, 1, 2].map(|colour| hash(seed, ((y * width + x) * 3) + colour));
        [r, g, b, 255]
    })
}

/// Black and white by turns: the lobes of the filters reach beyond both.
fn chequers(width: u32, height: u32) -> Pixels {
    picture(width, height, |x, y| {
        let level = if (x / 5 + y / 5) % 2 == 0 { 0 } else { 255 };
        [level, 255 - level, level, 255]
    })
}

/// As a shop's photo is: a shaded disc with a sharp rim on white that grows darker downwards.
pub fn product(width: u32, height: u32) -> Pixels {
    picture(width, height, |x, y| {
        // From the middle, in thousandths of a side, squared.
        let off = |n: u32, side: u32| ((1000 * n).abs_diff(500 * side) / side).pow(2);
        if off(x, width) + off(y, height) < 300_u32.pow(2) {
            let shade = (x * 90 / width) as u8;
            [
                200 - shade,
                30 + shade,
                40 + hash(0, y * width + x) / 16,
                255,
            ]
        } else {
            let level = (255 - y * 20 / height) as u8;
            [level, level, level, 255]
        }
    })
}

/// Transparent here and there, so that every crop is, with colours below that must not show.
fn cut_out(width: u32, height: u32) -> Pixels {
    picture(width, height, |x, y| {
        let [r, g, b] = [3, 4, 5].map(|seed| hash(seed, y * width + x));
        let alpha = if (x + 2 * y) % 3 == 0 {
            hash(6, x)
        } else {
            255
        };
        [r, g, b, alpha]
    })
}

fn hash(seed: u32, place: u32) -> u8 {
    let mut value = (place ^ seed.wrapping_mul(0x9e37_79b9)).wrapping_mul(2_654_435_761);
    value ^= value >> 15;
    (value.wrapping_mul(2_246_822_519) >> 24) as u8
}
