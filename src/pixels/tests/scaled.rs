//! Decoding at a reduced scale shows the same photo as decoding it whole and averaging.

use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use showroom_catalog::Pixels;
use showroom_pixels::{DecodeOptions, Filter, Fit, Fitter, How, Rect, decode, decode_pixels};

use crate::pattern;

fn rgb(pixels: &Pixels) -> Vec<u8> {
    pixels
        .rgba
        .as_chunks::<4>()
        .0
        .iter()
        .flat_map(|&[r, g, b, _]| [r, g, b])
        .collect()
}

pub fn jpeg(pixels: &Pixels) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 92)
        .write_image(
            &rgb(pixels),
            pixels.width,
            pixels.height,
            ExtendedColorType::Rgb8,
        )
        .unwrap();
    bytes
}

pub fn png(pixels: &Pixels) -> Vec<u8> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(
            &rgb(pixels),
            pixels.width,
            pixels.height,
            ExtendedColorType::Rgb8,
        )
        .unwrap();
    bytes
}

fn at(min_side: u32) -> DecodeOptions {
    DecodeOptions {
        min_side,
        ..Default::default()
    }
}

fn averaged(pixels: &Pixels, width: u32, height: u32) -> Vec<u8> {
    let fit = Fit {
        width,
        height,
        how: How::Stretch,
        filter: Filter::Box,
    };
    Fitter::new()
        .rgb(pixels, Rect::whole(pixels), &fit)
        .unwrap()
        .0
}

fn mean_difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| f64::from(a.abs_diff(*b)))
        .sum::<f64>()
        / a.len() as f64
}

#[test]
fn the_shorter_side_stays_at_least_as_long_as_asked() {
    // Sides, what is asked, and the width that comes: the largest of 1/1, 1/2, 1/4, 1/8 that is enough.
    let cases = [
        ((800, 1000), 800, 800),
        ((800, 1000), 401, 800),
        ((800, 1000), 400, 400),
        ((800, 1000), 200, 200),
        ((800, 1000), 101, 200),
        ((800, 1000), 100, 100),
        ((800, 1000), 1, 100),
        ((797, 1003), 100, 100),
        ((797, 1003), 0, 100),
    ];
    for ((width, height), min_side, found) in cases {
        let photo = pattern(width, height);
        for (kind, bytes) in [("jpeg", jpeg(&photo)), ("png", png(&photo))] {
            let decoded = decode(&bytes, &at(min_side)).unwrap();
            assert_eq!(
                decoded.pixels.width, found,
                "{kind} {width}x{height} at {min_side}"
            );
            assert_eq!((decoded.facts.width, decoded.facts.height), (width, height));
            assert_eq!(
                decoded.pixels.rgba.len() as u32,
                found * decoded.pixels.height * 4
            );
        }
    }
}

#[test]
fn a_scaled_jpeg_is_the_whole_one_averaged() {
    // The inverse DCT of the low frequencies is no box filter: it rings and keeps a little more detail.
    // On this hard pattern that is a few levels on average; a shift of one pixel would be over 20.
    const MEAN_LEVELS: f64 = 6.0;
    let photo = pattern(1024, 768);
    let bytes = jpeg(&photo);
    let whole = decode_pixels(&bytes, &at(u32::MAX)).unwrap();
    assert!(mean_difference(&rgb(&photo), &rgb(&whole)) < 6.0);
    for min_side in [384, 192, 96] {
        let small = decode_pixels(&bytes, &at(min_side)).unwrap();
        assert_eq!(small.height, min_side);
        let averaged = averaged(&whole, small.width, small.height);
        let difference = mean_difference(&averaged, &rgb(&small));
        assert!(difference < MEAN_LEVELS, "{difference} at {min_side}");
    }
}

#[test]
fn a_scaled_png_is_the_whole_one_averaged() {
    let photo = pattern(640, 400);
    let small = decode_pixels(&png(&photo), &at(100)).unwrap();
    assert_eq!(rgb(&small), averaged(&photo, 160, 100));
}

#[test]
fn transparent_pixels_lend_no_colour_when_averaged() {
    // Opaque red beside transparent green, column by column: half of each pair is red.
    let rgba = [[255, 0, 0, 255], [0, 255, 0, 0]].concat().repeat(50 * 100);
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(&rgba, 100, 100, ExtendedColorType::Rgba8)
        .unwrap();
    let small = decode_pixels(&bytes, &at(50)).unwrap();
    assert_eq!((small.width, small.height), (50, 50));
    assert!(
        small
            .rgba
            .as_chunks::<4>()
            .0
            .iter()
            .all(|pixel| *pixel == [255, 0, 0, 128])
    );
}

#[test]
fn facts_hardly_depend_on_the_scale_of_decoding() {
    let bytes = jpeg(&pattern(2000, 1600));
    let whole = decode(&bytes, &at(u32::MAX)).unwrap().facts;
    let small = decode(&bytes, &at(500)).unwrap().facts;
    assert!((whole.brightness - small.brightness).abs() < 0.005);
    assert!((whole.phash ^ small.phash).count_ones() <= 4);
    assert!(
        (whole.sharpness / small.sharpness - 1.0).abs() < 0.5,
        "{whole:?} {small:?}"
    );
}
