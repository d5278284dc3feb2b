//! Bombs, lies, cuts and flipped bytes: every photo gives pixels or a typed error, never a panic.

use std::io::Write;

use showroom_pixels::{DecodeOptions, Limits, PixelError, decode, decode_pixels};

use crate::scaled::{jpeg, png};
use crate::{fixture, pattern};

fn refused(bytes: &[u8]) -> PixelError {
    decode(bytes, &DecodeOptions::default()).unwrap_err()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(body);
    let len = (body.len() as u32).to_be_bytes();
    [&len[..], kind, body, &crc.sum().to_be_bytes()].concat()
}

/// An RGB PNG that says it is `width` × `height`, with `extra` chunks and this pixel data.
fn png_of(width: u32, height: u32, extra: &[u8], data: &[u8]) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 0]);
    let (ihdr, idat) = (chunk(b"IHDR", &header), chunk(b"IDAT", data));
    [
        b"\x89PNG\r\n\x1a\n",
        &ihdr[..],
        extra,
        &idat,
        &chunk(b"IEND", b""),
    ]
    .concat()
}

/// The place of the frame header's body (precision, height, width, …) in a JPEG.
fn frame_header(jpeg: &[u8]) -> usize {
    let at = jpeg
        .windows(2)
        .position(|w| w[0] == 0xff && matches!(w[1], 0xc0..=0xc2))
        .unwrap();
    at + 4
}

/// A JPEG of which the header says that it is `width` × `height`.
fn lying_jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = fixture("plain-420.jpg");
    let at = frame_header(&bytes);
    bytes[at + 1..at + 3].copy_from_slice(&height.to_be_bytes());
    bytes[at + 3..at + 5].copy_from_slice(&width.to_be_bytes());
    bytes
}

#[test]
fn pictures_larger_than_the_limits_are_refused_by_their_header() {
    let some_data = deflated(&[0; 1 << 20]);
    let mut gif = fixture("animated.gif");
    gif[6..10].fill(0xff);
    let mut bmp = fixture("rgb.bmp");
    bmp[18..22].copy_from_slice(&20_000u32.to_le_bytes());
    // The height may be negative; this one has no positive twin.
    bmp[22..26].copy_from_slice(&i32::MIN.to_le_bytes());
    let mut webp = fixture("lossless.webp");
    webp[21..25].fill(0xff);
    let mut tiff = fixture("raw.tif");
    let width = tiff
        .windows(4)
        .rposition(|w| w == [0, 1, 3, 0] || w == [0, 1, 4, 0])
        .unwrap();
    tiff[width + 2] = 4;
    tiff[width + 8..width + 12].fill(0xff);
    let cases = [
        (
            "900 megapixels",
            png_of(30_000, 30_000, &[], &some_data),
            "too-many-pixels",
        ),
        (
            "144 megapixels",
            png_of(12_000, 12_000, &[], &some_data),
            "too-many-pixels",
        ),
        (
            "a line",
            png_of(1, 8_000_000, &[], &some_data),
            "too-long-side",
        ),
        ("nothing", png_of(0, 10, &[], &some_data), "corrupt"),
        (
            "the largest",
            png_of(u32::MAX, u32::MAX, &[], &some_data),
            "too-many-pixels",
        ),
        (
            "a lying JPEG",
            lying_jpeg(65_500, 65_500),
            "too-many-pixels",
        ),
        ("a JPEG of no width", lying_jpeg(0, 10), "corrupt"),
        ("a GIF", gif, "too-many-pixels"),
        ("a BMP", bmp, "too-many-pixels"),
        ("a WebP", webp, "too-many-pixels"),
        ("a TIFF", tiff, "too-many-pixels"),
    ];
    for (what, bytes, code) in cases {
        let error = refused(&bytes);
        assert_eq!(error.code(), code, "{what}: {error}");
    }
    let error = refused(&png_of(30_000, 30_000, &[], &some_data)).to_string();
    assert!(
        error.contains("30000x30000") && error.contains("--max-pixels"),
        "{error}"
    );
}

#[test]
fn limits_are_those_that_are_given() {
    let photo = png(&pattern(100, 80));
    let with = |limits: Limits| {
        decode(
            &photo,
            &DecodeOptions {
                limits,
                ..Default::default()
            },
        )
    };
    let limits = Limits::default;
    let code = |limits: Limits| with(limits).unwrap_err().code();
    let bytes = photo.len() as u64;
    assert!(
        with(Limits {
            max_bytes: bytes,
            ..limits()
        })
        .is_ok()
    );
    assert_eq!(
        code(Limits {
            max_bytes: bytes - 1,
            ..limits()
        }),
        "too-many-bytes"
    );
    assert!(
        with(Limits {
            max_pixels: 8000,
            ..limits()
        })
        .is_ok()
    );
    assert_eq!(
        code(Limits {
            max_pixels: 7999,
            ..limits()
        }),
        "too-many-pixels"
    );
    assert!(
        with(Limits {
            max_side: 100,
            ..limits()
        })
        .is_ok()
    );
    assert_eq!(
        code(Limits {
            max_side: 99,
            ..limits()
        }),
        "too-long-side"
    );
    // RGB as decoded and RGBA handed on.
    assert!(
        with(Limits {
            max_memory: 8000 * 7,
            ..limits()
        })
        .is_ok()
    );
    assert_eq!(
        code(Limits {
            max_memory: 8000 * 7 - 1,
            ..limits()
        }),
        "too-much-memory"
    );
}

#[test]
fn a_header_that_promises_more_than_the_file_holds_is_truncated() {
    assert_eq!(refused(&lying_jpeg(9000, 9000)).code(), "truncated");
    let short = png_of(3000, 3000, &[], &deflated(&[0; 4096]));
    assert!(
        matches!(refused(&short).code(), "truncated" | "corrupt"),
        "{:?}",
        refused(&short)
    );
}

#[test]
fn more_data_than_pixels_costs_nothing() {
    // Ten by ten pixels, 50 MB of them: what is too much is not read.
    let row = [0; 31];
    let data = deflated(&row.repeat(50 << 20 >> 5));
    let _ = decode(&png_of(10, 10, &[], &data), &DecodeOptions::default());
}

#[test]
fn swollen_profiles_and_texts_do_not_swell() {
    let zeros = deflated(&vec![0; 100 << 20]);
    let icc = chunk(b"iCCP", &[b"bomb\0\0", &zeros[..]].concat());
    let text = chunk(b"zTXt", &[b"Comment\0\0", &zeros[..]].concat());
    let data = deflated(&[0; 31 * 10]);
    for extra in [icc, text] {
        let pixels = decode_pixels(&png_of(10, 10, &extra, &data), &DecodeOptions::default());
        let pixels = pixels.unwrap();
        assert_eq!(pixels.rgba, [0, 0, 0, 255].repeat(100));
    }
    // A JPEG with as many profile pieces as there can be.
    let plain = fixture("plain-420.jpg");
    let mut bytes = plain[..2].to_vec();
    for number in 1..=255 {
        bytes.extend([0xff, 0xe2, 0xff, 0xff]);
        bytes.extend(b"ICC_PROFILE\0");
        bytes.extend([number, 255]);
        bytes.extend(vec![number; 0xffff - 2 - 14]);
    }
    bytes.extend(&plain[2..]);
    let options = DecodeOptions::default();
    assert_eq!(
        decode_pixels(&bytes, &options),
        decode_pixels(&plain, &options)
    );
}

#[test]
fn a_jpeg_of_thousands_of_scans_is_refused() {
    let bytes = fixture("progressive.jpg");
    let is_marker = |w: &[u8]| w[0] == 0xff && w[1] == 0xda;
    let last_scan = bytes.windows(2).rposition(is_marker).unwrap();
    let (head, scan) = (&bytes[..last_scan], &bytes[last_scan..bytes.len() - 2]);
    let many = [head, &scan.repeat(5000), b"\xff\xd9"].concat();
    assert_eq!(refused(&many), PixelError::TooManyScans { limit: 100 });
}

#[test]
fn a_progressive_jpeg_counts_what_libjpeg_holds() {
    // 48×32 in 4:2:0 is 6×4 blocks of luma and 2 × 3×2 of chroma, 128 bytes each, beside the pixels.
    let held = (24 + 12) * 128 + 48 * 32 * 4;
    let with = |max_memory| {
        let limits = Limits {
            max_memory,
            ..Default::default()
        };
        let bytes = fixture("progressive.jpg");
        decode_pixels(
            &bytes,
            &DecodeOptions {
                limits,
                ..Default::default()
            },
        )
    };
    assert!(with(held).is_ok());
    assert_eq!(with(held - 1).unwrap_err().code(), "too-much-memory");
}

#[test]
fn of_many_frames_only_the_first_is_read() {
    let bytes = fixture("animated.gif");
    // Everything from the second graphic control extension to the trailer, ten thousand times.
    let controls: Vec<usize> = (0..bytes.len() - 1)
        .filter(|&at| bytes[at..].starts_with(&[0x21, 0xf9, 4]))
        .collect();
    let second = controls[controls.len() - 1];
    let (head, frame) = (&bytes[..second], &bytes[second..bytes.len() - 1]);
    let many = [head, &frame.repeat(10_000), b"\x3b"].concat();
    let options = DecodeOptions::default();
    assert_eq!(
        decode_pixels(&many, &options),
        decode_pixels(&bytes, &options)
    );
    assert!(decode_pixels(&many, &options).is_ok());
}

#[test]
fn a_jpeg_that_is_not_whole_is_refused_as_truncated() {
    for bytes in [
        jpeg(&pattern(200, 150)),
        fixture("progressive.jpg"),
        fixture("cmyk.jpg"),
    ] {
        for percent in 1..100 {
            let cut = &bytes[..bytes.len() * percent / 100];
            let error = refused(cut);
            // Three bytes are the least that tell a JPEG.
            let code = if cut.len() < 3 {
                "not-an-image"
            } else {
                "truncated"
            };
            assert_eq!(error.code(), code, "{percent} %: {error}");
        }
        // Even where only the end marker is missing: then nobody knows what else is.
        assert_eq!(refused(&bytes[..bytes.len() - 2]).code(), "truncated");
    }
}

#[test]
fn rubbish_in_a_jpeg_header_loses_no_photo() {
    let plain = fixture("plain-420.jpg");
    let options = DecodeOptions::default();
    // After the start marker and the JFIF segment.
    let (start, rest) = plain.split_at(20);
    // What libjpeg warns of: bytes that belong to no segment, a profile in pieces that do not add up.
    let stray = [start, &[0, 1, 2, 3], rest].concat();
    let icc = b"\xff\xe2\x00\x14ICC_PROFILE\0\x07\x02abcd";
    let pieces = [start, icc, rest].concat();
    for bytes in [stray, pieces] {
        assert_eq!(
            decode_pixels(&bytes, &options),
            decode_pixels(&plain, &options)
        );
        let cut = &bytes[..bytes.len() - 20];
        assert_eq!(
            decode_pixels(cut, &options).unwrap_err().code(),
            "truncated"
        );
    }
    assert!(decode_pixels(&plain, &options).is_ok());
}

#[test]
fn a_tiff_of_planar_tiles_is_refused() {
    // Tags 284 (planar configuration 2) and 322 (tile width) in the place of two others.
    let mut bytes = fixture("raw.tif");
    let entry = |bytes: &[u8], tag: u16| {
        let [low, high] = tag.to_le_bytes();
        (8..bytes.len() - 12)
            .step_by(2)
            .rfind(|&at| bytes[at..at + 2] == [low, high])
    };
    let planar = entry(&bytes, 284).unwrap();
    bytes[planar + 8] = 2;
    let strips = entry(&bytes, 278).unwrap();
    bytes[strips..strips + 2].copy_from_slice(&322u16.to_le_bytes());
    assert_eq!(refused(&bytes).code(), "unsupported-pixels");
}

#[test]
fn what_is_cut_short_is_pixels_or_a_typed_error() {
    let names = [
        "rgb.png",
        "palette.png",
        "animated.png",
        "rgba-16.png",
        "lossy.webp",
        "lossless.webp",
        "animated.webp",
        "alpha.webp",
        "animated.gif",
        "rgb.bmp",
        "palette.bmp",
        "raw.tif",
        "deflate.tif",
        "orientation-7.tif",
        "big-tiff.tif",
    ];
    for name in names {
        let bytes = fixture(name);
        let whole = decode_pixels(&bytes, &DecodeOptions::default()).unwrap();
        for percent in 0..100 {
            let cut = &bytes[..bytes.len() * percent / 100];
            match decode_pixels(cut, &DecodeOptions::default()) {
                // What is missing may be no pixel: the end of a file, a second frame.
                Ok(pixels) => assert_eq!(pixels, whole, "{name} at {percent} %"),
                Err(error) => assert!(
                    matches!(
                        error.code(),
                        "empty" | "not-an-image" | "truncated" | "corrupt"
                    ),
                    "{name} at {percent} %: {error}"
                ),
            }
        }
    }
}

#[test]
fn flipped_bytes_never_panic() {
    let names = [
        "plain-420.jpg",
        "progressive.jpg",
        "cmyk-icc.jpg",
        "orientation-6.jpg",
        "icc-adobe-rgb.jpg",
        "grey-icc.jpg",
        "rgb.png",
        "orientation-6.png",
        "icc-p3.png",
        "palette-transparent.png",
        "lossy.webp",
        "alpha.webp",
        "animated.webp",
        "icc-adobe-rgb.webp",
        "animated.gif",
        "palette.bmp",
        "one-bit.bmp",
        "deflate.tif",
        "alpha.tif",
        "icc-adobe-rgb.tif",
        "big-tiff.tif",
    ];
    // A quarter of a megapixel at most, so that a flipped size costs no time here.
    let limits = Limits {
        max_pixels: 250_000,
        ..Default::default()
    };
    let options = DecodeOptions {
        limits,
        ..Default::default()
    };
    let mut random = Random(0x5eed);
    for name in names {
        let bytes = fixture(name);
        let mut refusals = 0;
        for _ in 0..300 {
            let mut mutant = bytes.clone();
            for _ in 0..1 + random.below(8) {
                let at = random.below(mutant.len());
                mutant[at] = random.below(256) as u8;
            }
            match decode(&mutant, &options) {
                Ok(decoded) => {
                    let pixels = decoded.pixels;
                    assert_eq!(
                        pixels.rgba.len(),
                        (pixels.width * pixels.height * 4) as usize
                    );
                }
                Err(_) => refusals += 1,
            }
        }
        assert!(
            refusals < 300,
            "{name}: every mutant was refused, so none was tested"
        );
    }
}

/// Marsaglia's xorshift: the same mutants everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}
