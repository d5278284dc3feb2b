//! Fixed pictures made by whole-number arithmetic, the same bytes as `models/pictures/pictures.py`
//! makes: what models check themselves on.

/// A picture that needs no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// Red grows to the right, green downwards, blue along the diagonal.
    Gradient,
    /// All white.
    White,
    /// Every byte a hash of its place.
    Noise,
    /// A red disc with a dark rim, a little off the centre, on white.
    Disc,
    /// Four dark letters on white.
    Letters,
}

/// The letters, square by square.
const LETTERS: [&[u8; 23]; 7] = [
    b".####..###..#.....#####",
    b"#.....#...#.#.....#....",
    b"#.....#...#.#.....#....",
    b".###..#####.#.....####.",
    b"....#.#...#.#.....#....",
    b"....#.#...#.#.....#....",
    b"####..#...#.#####.#####",
];

impl Picture {
    /// The picture of that name, as a manifest's self-check has it.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "gradient" => Picture::Gradient,
            "white" => Picture::White,
            "noise" => Picture::Noise,
            "disc" => Picture::Disc,
            "letters" => Picture::Letters,
            _ => return None,
        })
    }

    /// RGB, row by row, `size * size * 3` bytes. `size` is at least 2.
    pub fn rgb(self, size: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(size * size * 3);
        for y in 0..size {
            for x in 0..size {
                bytes.extend(self.pixel(x, y, size));
            }
        }
        bytes
    }

    fn pixel(self, x: usize, y: usize, size: usize) -> [u8; 3] {
        match self {
            Picture::Gradient => {
                let last = size - 1;
                let parts = [x * 255 / last, y * 255 / last, (x + y) * 255 / (2 * last)];
                parts.map(|part| part as u8)
            }
            Picture::White => [255; 3],
            Picture::Noise => [0, 1, 2].map(|channel| hash(((y * size + x) * 3 + channel) as u32)),
            Picture::Letters => {
                let [column, row] = [32 * x / size, 32 * y / size];
                let inside = (4..27).contains(&column) && (12..19).contains(&row);
                match inside && LETTERS[row - 12][column - 4] == b'#' {
                    true => [20; 3],
                    false => [255; 3],
                }
            }
            Picture::Disc => {
                let square = |n: usize, centre: usize| (100 * n).abs_diff(centre * size).pow(2);
                let distance = square(x, 45) + square(y, 55);
                if distance < (28 * size).pow(2) {
                    [200, 30, 40]
                } else if distance < (32 * size).pow(2) {
                    [60, 10, 10]
                } else {
                    [255; 3]
                }
            }
        }
    }
}

fn hash(index: u32) -> u8 {
    let mut value = index.wrapping_mul(2_654_435_761);
    value ^= value >> 15;
    (value.wrapping_mul(2_246_822_519) >> 24) as u8
}
