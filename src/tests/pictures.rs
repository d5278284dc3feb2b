//! Drawn product photos and files that are none.

use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, Rgb, RgbImage};

/// Side of a drawn photo in pixels.
const SIDE: u32 = 240;
/// Colours that have a name of their own: every photo's main colour is known.
pub const COLOURS: [(&str, [u8; 3]); 4] = [
    ("red", [200, 20, 30]),
    ("blue", [30, 60, 200]),
    ("green", [20, 140, 50]),
    ("black", [15, 15, 18]),
];

/// JPEG of a product on white; each number another one, its colour `COLOURS[number % 4]`.
pub fn product(number: usize) -> Vec<u8> {
    let colour = Rgb(COLOURS[number % COLOURS.len()].1);
    let (width, height) = (
        70.0 + (number * 7 % 40) as f32,
        60.0 + (number * 13 % 45) as f32,
    );
    let square = (number / COLOURS.len()).is_multiple_of(2);
    let centre = SIDE as f32 / 2.0;
    let mut picture = RgbImage::from_pixel(SIDE, SIDE, Rgb([255, 255, 255]));
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let (dx, dy) = (
            (x as f32 - centre).abs() / width,
            (y as f32 - centre).abs() / height,
        );
        let inside = if square {
            dx.max(dy) < 1.0
        } else {
            dx * dx + dy * dy < 1.0
        };
        if inside {
            *pixel = colour;
        }
    }
    // Shade enough that no two numbers give the same bytes.
    for bit in 0..24 {
        if number >> bit & 1 == 1 {
            picture.put_pixel(2 + bit * 4, 2, Rgb([235, 235, 235]));
        }
    }
    jpeg(&picture)
}

fn jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 95)
        .encode(
            picture,
            picture.width(),
            picture.height(),
            ExtendedColorType::Rgb8,
        )
        .unwrap();
    bytes
}

/// A whole and right PNG of 30,000 × 30,000 pixels of one bit, in some hundred kilobytes.
pub fn png_of_900_megapixels() -> Vec<u8> {
    let side: u32 = 30_000;
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], data: &[u8]| {
        png.extend((data.len() as u32).to_be_bytes());
        let mut crc = Crc::new();
        crc.update(kind);
        crc.update(data);
        png.extend(kind);
        png.extend(data);
        png.extend(crc.sum().to_be_bytes());
    };
    let mut header = [side.to_be_bytes(), side.to_be_bytes()].concat();
    header.extend([1, 0, 0, 0, 0]);
    chunk(b"IHDR", &header);
    let mut data = ZlibEncoder::new(Vec::new(), Compression::default());
    let row = vec![0; 1 + side.div_ceil(8) as usize];
    for _ in 0..side {
        data.write_all(&row).unwrap();
    }
    chunk(b"IDAT", &data.finish().unwrap());
    chunk(b"IEND", &[]);
    png
}
