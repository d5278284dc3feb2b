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

/// The drawn product in grey alone.
pub fn grey_product(number: usize) -> Vec<u8> {
    let grey = image::load_from_memory(&product(number))
        .unwrap()
        .into_luma8();
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 95)
        .encode(&grey, SIDE, SIDE, ExtendedColorType::L8)
        .unwrap();
    bytes
}

/// The drawn product in four inks, as a press takes it: CMYK, inverted as every such JPEG is.
pub fn cmyk_product(number: usize) -> Vec<u8> {
    let rgb = image::load_from_memory(&product(number))
        .unwrap()
        .into_rgb8();
    // 255 is no ink: without black the three others are what is left of red, green and blue.
    let inks: Vec<u8> = rgb
        .pixels()
        .flat_map(|Rgb([r, g, b])| [*r, *g, *b, 255])
        .collect();
    let mut compressor = turbojpeg::Compressor::new().unwrap();
    compressor.set_quality(95).unwrap();
    compressor
        .compress_to_vec(turbojpeg::Image {
            pixels: &inks[..],
            width: SIDE as usize,
            pitch: SIDE as usize * 4,
            height: SIDE as usize,
            format: turbojpeg::PixelFormat::CMYK,
        })
        .unwrap()
}

/// A product that is `solid`, over nothing: PNG with alpha, 200 × 200.
pub fn transparent(solid: impl Fn(u32, u32) -> bool) -> Vec<u8> {
    let picture = image::RgbaImage::from_fn(200, 200, |x, y| match solid(x, y) {
        true => image::Rgba([200, 20, 30, 255]),
        false => image::Rgba([0; 4]),
    });
    png(&picture.into())
}

/// A picture as PNG.
pub fn png(picture: &image::DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut to = std::io::Cursor::new(&mut bytes);
    picture.write_to(&mut to, image::ImageFormat::Png).unwrap();
    bytes
}

/// A whole and right PNG of 30,000 × 30,000 pixels of one bit, in some hundred kilobytes: all black.
pub fn png_of_900_megapixels() -> Vec<u8> {
    png_of_one_bit(30_000, 30_000, |_, _| false)
}

/// A PNG of a bit a pixel, which is white where `white` says so of eight columns (the number of their byte)
/// and the row. Of plain parts it has few bytes, however large it is.
pub fn png_of_one_bit(width: u32, height: u32, white: impl Fn(u32, u32) -> bool) -> Vec<u8> {
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
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([1, 0, 0, 0, 0]);
    chunk(b"IHDR", &header);
    let mut data = ZlibEncoder::new(Vec::new(), Compression::default());
    for y in 0..height {
        let eight = |x: u32| if white(x, y) { 255 } else { 0 };
        let row: Vec<u8> = std::iter::once(0)
            .chain((0..width.div_ceil(8)).map(eight))
            .collect();
        data.write_all(&row).unwrap();
    }
    chunk(b"IDAT", &data.finish().unwrap());
    chunk(b"IEND", &[]);
    png
}
