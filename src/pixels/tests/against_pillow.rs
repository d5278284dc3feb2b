//! Every fixture decodes to the pixels that Pillow, LittleCMS or numpy read from it.

use showroom_catalog::{Format, Pixels};
use showroom_pixels::{DecodeOptions, decode, decode_pixels};

use crate::{fixture, fixtures};

/// Same decoder (libjpeg-turbo), or lossless: not one level apart.
const EXACT: u8 = 0;
/// moxcms and LittleCMS round their tables differently, and LittleCMS interpolates the curves of
/// matrix profiles in 16 bits.
const ICC: u8 = 2;
/// A table of 5⁴ nodes over CMYK: between them LittleCMS interpolates by tetrahedra, moxcms linearly
/// along each ink. The mean difference is under one level.
const ICC_TABLE: u8 = 4;
/// libwebp and image-webp upsample chroma and convert to RGB with different rounding.
const LOSSY_WEBP: u8 = 3;

/// File, greatest difference of any channel of any pixel.
const FIXTURES: [(&str, u8); 53] = [
    ("orientation-1.jpg", EXACT),
    ("orientation-2.jpg", EXACT),
    ("orientation-3.jpg", EXACT),
    ("orientation-4.jpg", EXACT),
    ("orientation-5.jpg", EXACT),
    ("orientation-6.jpg", EXACT),
    ("orientation-7.jpg", EXACT),
    ("orientation-8.jpg", EXACT),
    ("orientation-6.png", EXACT),
    ("orientation-5.webp", EXACT),
    ("orientation-7.tif", EXACT),
    ("plain-420.jpg", EXACT),
    ("odd-size-422.jpg", EXACT),
    ("progressive.jpg", EXACT),
    ("rgb-coded.jpg", EXACT),
    ("restarts.jpg", EXACT),
    ("grey.jpg", EXACT),
    ("grey-icc.jpg", ICC),
    ("icc-adobe-rgb.jpg", ICC),
    ("icc-swapped.jpg", ICC),
    ("icc-broken.jpg", EXACT),
    ("icc-srgb.jpg", EXACT),
    ("cmyk.jpg", EXACT),
    ("ycck.jpg", EXACT),
    ("cmyk-icc.jpg", ICC_TABLE),
    ("rgb.png", EXACT),
    ("grey.png", EXACT),
    ("one-bit.png", EXACT),
    ("palette.png", EXACT),
    ("palette-transparent.png", EXACT),
    ("alpha.png", EXACT),
    ("grey-alpha.png", EXACT),
    ("rgb-16.png", EXACT),
    ("rgba-16.png", EXACT),
    ("grey-16.png", EXACT),
    ("icc-p3.png", ICC),
    ("animated.png", EXACT),
    ("lossless.webp", EXACT),
    ("lossy.webp", LOSSY_WEBP),
    ("alpha.webp", EXACT),
    ("animated.webp", EXACT),
    ("icc-adobe-rgb.webp", ICC),
    ("animated.gif", EXACT),
    ("transparent.gif", EXACT),
    ("rgb.bmp", EXACT),
    ("palette.bmp", EXACT),
    ("one-bit.bmp", EXACT),
    ("raw.tif", EXACT),
    ("deflate.tif", EXACT),
    ("grey-packbits.tif", EXACT),
    ("alpha.tif", EXACT),
    ("icc-adobe-rgb.tif", ICC),
    ("big-tiff.tif", EXACT),
];

fn options() -> DecodeOptions {
    DecodeOptions::default()
}

/// The greatest difference of any channel; a pixel that neither shows may have any colour.
pub fn greatest_difference(a: &Pixels, b: &Pixels) -> u8 {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let (a, b) = (a.rgba.as_chunks::<4>().0, b.rgba.as_chunks::<4>().0);
    let differences = a.iter().zip(b).map(|(a, b)| {
        let visible = if a[3] == 0 && b[3] == 0 { 0..0 } else { 0..4 };
        visible
            .map(|channel| a[channel].abs_diff(b[channel]))
            .max()
            .unwrap_or(0)
    });
    differences.max().unwrap()
}

#[test]
fn fixtures_decode_as_the_oracles_read_them() {
    let mut failures = Vec::new();
    for (name, tolerance) in FIXTURES {
        let pixels = match decode_pixels(&fixture(name), &options()) {
            Ok(pixels) => pixels,
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        let oracle = fixture(&format!("expected/{name}.png"));
        let oracle = decode_pixels(&oracle, &options()).unwrap();
        let difference = greatest_difference(&pixels, &oracle);
        if difference > tolerance {
            failures.push(format!(
                "{name}: {difference} levels apart, {tolerance} allowed"
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_fixture_is_tested() {
    let mut files: Vec<String> = std::fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    files.sort();
    let mut tested: Vec<&str> = FIXTURES.iter().map(|(name, _)| *name).collect();
    tested.sort();
    assert_eq!(files, tested);
}

/// The oracle's pictures are read by the same crate, so one is checked by hand: it is no zeros.
#[test]
fn a_picture_is_what_it_shows() {
    let pixels = decode_pixels(&fixture("rgb.png"), &options()).unwrap();
    assert_eq!((pixels.width, pixels.height), (48, 32));
    let at = |x: usize, y: usize| &pixels.rgba[(y * 48 + x) * 4..][..4];
    assert_eq!(at(0, 0), [230, 30, 40, 255]);
    assert_eq!(at(47, 0), [255, 0, 0, 255]);
    assert_eq!(at(0, 31), [0, 255, 0, 255]);
    assert_eq!(at(47, 31), [255, 255, 0, 255]);
}

#[test]
fn formats_are_told_by_their_bytes_and_sizes_are_upright() {
    let cases = [
        ("orientation-6.jpg", Format::Jpeg, (32, 48)),
        ("orientation-6.png", Format::Png, (32, 48)),
        ("lossy.webp", Format::Webp, (48, 32)),
        ("lossless.webp", Format::Webp, (48, 32)),
        ("orientation-5.webp", Format::Webp, (32, 48)),
        ("animated.gif", Format::Gif, (48, 32)),
        ("palette.bmp", Format::Bmp, (48, 32)),
        ("orientation-7.tif", Format::Tiff, (32, 48)),
        ("big-tiff.tif", Format::Tiff, (48, 32)),
    ];
    for (name, format, (width, height)) in cases {
        let bytes = fixture(name);
        let decoded = decode(&bytes, &options()).unwrap();
        let facts = decoded.facts;
        assert_eq!(
            (facts.format, facts.width, facts.height),
            (format, width, height),
            "{name}"
        );
        assert_eq!(
            (decoded.pixels.width, decoded.pixels.height),
            (width, height),
            "{name}"
        );
        assert_eq!(facts.bytes, bytes.len() as u64);
    }
}

#[test]
fn a_photo_id_is_the_blake3_of_its_bytes() {
    // From the test vectors of the BLAKE3 specification: no bytes, and the bytes 0, 1, 2.
    let id = |bytes: &[u8]| showroom_pixels::photo_id(bytes).to_string();
    assert_eq!(
        id(b""),
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    );
    assert_eq!(
        id(&[0, 1, 2]),
        "e1be4d7a8ab5560aa4199eea339849ba8e293d55ca0a81006726d184519e647f"
    );
}
