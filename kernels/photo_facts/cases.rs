//! Photos that the facts are measured on: each edge of a rule, each odd size. There is no tolerance: the
//! sums are whole numbers and both sides make the facts of them with the same code.

use showroom_catalog::Pixels;

/// A photo, of any size and with any alpha, and what it is.
pub struct Case {
    pub name: &'static str,
    pub pixels: Pixels,
}

/// A picture painted pixel by pixel from its column and row.
pub fn painted(width: u32, height: u32, paint: impl Fn(u32, u32) -> [u8; 4]) -> Pixels {
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let rgba = places.flat_map(|(x, y)| paint(x, y)).collect();
    Pixels {
        width,
        height,
        rgba,
    }
}

pub fn grey(level: u8) -> [u8; 4] {
    [level, level, level, 255]
}

/// Any colour with any probability, the same ones each time.
pub fn noise(width: u32, height: u32, seed: u32) -> Pixels {
    painted(width, height, |x, y| {
        let [r, g, b, _] = scrambled(seed ^ (y * 65536 + x)).to_le_bytes();
        [r, g, b, 255]
    })
}

/// Mixes the bits of a number (the finish of MurmurHash3).
pub fn scrambled(mut value: u32) -> u32 {
    value = (value ^ value >> 16).wrapping_mul(0x85eb_ca6b);
    value = (value ^ value >> 13).wrapping_mul(0xc2b2_ae35);
    value ^ value >> 16
}

fn chequerboard(width: u32, height: u32, levels: [u8; 2]) -> Pixels {
    painted(width, height, |x, y| grey(levels[((x + y) % 2) as usize]))
}

/// The board whose sharpness is worked by hand: each pixel within differs from its four neighbours by 10,
/// so the Laplacian is ±40, as often one as the other.
pub fn board() -> Pixels {
    chequerboard(10, 10, [100, 110])
}

pub fn cases() -> Vec<Case> {
    let case = |name, pixels| Case { name, pixels };
    vec![
        case("one pixel", painted(1, 1, |_, _| [10, 200, 30, 255])),
        case("2x2", noise(2, 2, 1)),
        case("one column", noise(1, 700, 2)),
        case("one column, not reduced", noise(1, 499, 2)),
        case("two rows", noise(700, 2, 3)),
        case("3x3", noise(3, 3, 4)),
        case("odd sides", noise(97, 61, 5)),
        case("odd sides, upright", noise(61, 97, 6)),
        case("as wide as a workgroup", noise(256, 9, 7)),
        case("all white", painted(40, 40, |_, _| grey(255))),
        case("all black", painted(40, 40, |_, _| grey(0))),
        case("flat grey", painted(33, 47, |_, _| grey(100))),
        case("chequerboard", board()),
        // The largest squares there can be, in the largest copy.
        case("sharpest", chequerboard(500, 500, [0, 255])),
        case("every level", painted(256, 20, |x, _| grey(x as u8))),
        case("each side of each limit", painted(64, 64, limits)),
        case("product on white", painted(50, 50, on_white)),
        case("a border in two halves", painted(60, 60, halves)),
        case("a border about its median", painted(200, 150, about_grey)),
        case("a border of ten pixels", noise(500, 480, 8)),
        case("larger than what is measured", noise(731, 640, 9)),
        case("smooth", painted(320, 240, smooth)),
        case("half transparent", painted(40, 40, see_through)),
    ]
}

/// One below, at and above the levels at which a pixel is black, clipped and white, a channel at a time.
fn limits(x: u32, y: u32) -> [u8; 4] {
    const LEVELS: [u8; 9] = [0, 1, 2, 3, 249, 250, 251, 252, 253];
    let one = LEVELS[(x % 9) as usize];
    let others = LEVELS[(y % 9) as usize];
    let mut pixel = grey(others);
    pixel[((x + y) % 3) as usize] = one;
    pixel
}

/// A red bar cuts the upper edge, a black square lies in the middle.
fn on_white(x: u32, y: u32) -> [u8; 4] {
    match (x, y) {
        (10..20, 0) => [200, 0, 0, 255],
        (15..35, 15..35) => [0, 1, 2, 255],
        _ => [255, 254, 253, 255],
    }
}

/// As many pixels of the border are of one colour as of the other: the median is the higher of two.
fn halves(x: u32, _: u32) -> [u8; 4] {
    if x < 30 {
        [20, 30, 40, 255]
    } else {
        [200, 190, 180, 255]
    }
}

/// Up to 17 levels off a grey, where 16 are alike.
fn about_grey(x: u32, y: u32) -> [u8; 4] {
    let off = [0, 16, 17][(scrambled(y * 512 + x) % 8 / 3) as usize];
    let signed = if (x + y).is_multiple_of(2) {
        128 + off
    } else {
        128 - off
    };
    let mut pixel = grey(128);
    pixel[(x % 3) as usize] = signed;
    pixel
}

fn smooth(x: u32, y: u32) -> [u8; 4] {
    [
        (x * 255 / 319) as u8,
        (y * 255 / 239) as u8,
        ((x + y) * 255 / 558) as u8,
        255,
    ]
}

fn see_through(x: u32, y: u32) -> [u8; 4] {
    [(x * 6) as u8, (y * 6) as u8, 90, (x * 255 / 39) as u8]
}
