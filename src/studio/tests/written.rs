//! Files that were written, read by other people's decoders.

use std::io::Cursor;

use image::codecs::{jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder};
use image::{DynamicImage, ImageDecoder};
use showroom_catalog::Pixels;
use showroom_pixels::Mask;
use showroom_studio::write::{ImageFormat, Metadata, SourceType, WriteError, encode, encode_mask};

use crate::common::drawn;

fn metadata() -> Metadata {
    Metadata {
        source_type: Some(SourceType::AlgorithmicallyEnhanced),
        photo: Some("ab".repeat(32)),
        description: Some("Ärmel & <Kragen>".into()),
    }
}

/// Soft alpha across, with colours everywhere.
fn soft(width: u32, height: u32) -> Pixels {
    drawn(width, height, |x, y| {
        [
            (x * 3) as u8,
            (y * 5) as u8,
            120,
            (x * 255 / width.max(1)) as u8,
        ]
    })
}

fn opaque(width: u32, height: u32) -> Pixels {
    drawn(width, height, |x, y| {
        [(x * 2) as u8, (y * 2) as u8, 90, 255]
    })
}

/// The XMP that the decoder finds, and the pixels.
fn read(file: &[u8], format: ImageFormat) -> (String, DynamicImage) {
    let bytes = Cursor::new(file);
    let mut decoder: Box<dyn ImageDecoder> = match format {
        ImageFormat::Png => Box::new(PngDecoder::new(bytes).unwrap()),
        ImageFormat::Webp => Box::new(WebPDecoder::new(bytes).unwrap()),
        ImageFormat::Jpeg => Box::new(JpegDecoder::new(bytes).unwrap()),
        ImageFormat::Avif => panic!("nothing here reads AVIF"),
    };
    let xmp = decoder.xmp_metadata().unwrap().expect("the file has XMP");
    (
        String::from_utf8(xmp).unwrap(),
        DynamicImage::from_decoder(decoder).unwrap(),
    )
}

#[test]
fn xmp_is_found_where_decoders_look_for_it() {
    // Odd and even sizes, transparent and not, exact and not: WebP has a form for each.
    for (pixels, formats) in [
        (soft(61, 37), &[ImageFormat::Png, ImageFormat::Webp][..]),
        (
            opaque(64, 40),
            &[ImageFormat::Png, ImageFormat::Webp, ImageFormat::Jpeg][..],
        ),
        (
            opaque(1, 1),
            &[ImageFormat::Png, ImageFormat::Webp, ImageFormat::Jpeg][..],
        ),
    ] {
        for &format in formats {
            for quality in [1, 80, 100] {
                let file = encode(&pixels, format, quality, &metadata()).unwrap();
                let (xmp, picture) = read(&file, format);
                let size = (picture.width(), picture.height());
                assert_eq!(size, (pixels.width, pixels.height), "{format} {quality}");
                assert_eq!(xmp.as_bytes(), metadata().packet(), "{format} {quality}");
                assert!(xmp.contains(
                    "<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/\
                     algorithmicallyEnhanced<"
                ));
                assert!(xmp.contains("Ärmel &amp; &lt;Kragen&gt;"));
            }
        }
    }
}

#[test]
fn png_is_exact_and_webp_at_100_where_anything_shows() {
    let pixels = soft(50, 20);
    let (_, png) = read(
        &encode(&pixels, ImageFormat::Png, 1, &metadata()).unwrap(),
        ImageFormat::Png,
    );
    assert_eq!(png.into_rgba8().into_raw(), pixels.rgba);
    let (_, webp) = read(
        &encode(&pixels, ImageFormat::Webp, 100, &metadata()).unwrap(),
        ImageFormat::Webp,
    );
    let found = webp.into_rgba8().into_raw();
    for (found, wanted) in found
        .as_chunks::<4>()
        .0
        .iter()
        .zip(pixels.rgba.as_chunks::<4>().0)
    {
        assert!(
            found == wanted || (found[3], wanted[3]) == (0, 0),
            "{found:?} {wanted:?}"
        );
    }
}

#[test]
fn the_same_picture_is_the_same_bytes() {
    for format in [ImageFormat::Png, ImageFormat::Webp, ImageFormat::Avif] {
        let pixels = soft(40, 30);
        let write = || encode(&pixels, format, 70, &metadata()).unwrap();
        assert_eq!(write(), write(), "{format}");
    }
}

/// Boxes of an ISO media file: name, where its content begins, where it ends.
fn boxes(file: &[u8], mut at: usize, end: usize) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    while at < end {
        let size = u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        let name = String::from_utf8(file[at + 4..at + 8].to_vec()).unwrap();
        found.push((name, at + 8, at + size));
        at += size;
    }
    assert_eq!(at, end);
    found
}

#[test]
fn an_avif_has_its_xmp_as_an_item_that_describes_the_picture() {
    for pixels in [soft(48, 32), opaque(48, 32)] {
        let file = encode(&pixels, ImageFormat::Avif, 60, &metadata()).unwrap();
        let packet = metadata().packet();
        let top = boxes(&file, 0, file.len());
        let names: Vec<&str> = top.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names, ["ftyp", "meta", "mdat", "mdat"]);
        assert_eq!(file[top[3].1..top[3].2], packet);
        let inner = boxes(&file, top[1].1 + 4, top[1].2);
        let part = |name: &str| {
            let (_, from, to) = inner.iter().find(|(found, ..)| found == name).unwrap();
            &file[*from..*to]
        };
        // Every place of `iloc` lies in the data, one of them on the packet, none on another.
        let iloc = part("iloc");
        let number = |at: usize| u32::from_be_bytes(iloc[at..at + 4].try_into().unwrap()) as usize;
        let items = usize::from(u16::from_be_bytes([iloc[6], iloc[7]]));
        let mut places: Vec<(usize, usize)> = (0..items)
            .map(|i| (number(8 + i * 14 + 6), number(8 + i * 14 + 10)))
            .collect();
        places.sort();
        assert_eq!(
            places[0].0, top[2].1,
            "the first lies at the start of the picture's data"
        );
        assert_eq!(places[items - 1], (top[3].1, packet.len()));
        let pictures: usize = places[..items - 1].iter().map(|(_, length)| length).sum();
        assert_eq!(pictures, top[2].2 - top[2].1, "the others fill it");
        assert!(
            part("iinf")
                .windows(20)
                .any(|text| text == b"application/rdf+xml\0")
        );
        assert!(part("iref").windows(4).any(|text| text == b"cdsc"));
    }
}

#[test]
fn what_a_format_cannot_hold_is_refused_with_the_remedy() {
    let wide = opaque(20_000, 1);
    let error = encode(&wide, ImageFormat::Webp, 80, &metadata()).unwrap_err();
    assert!(
        error.to_string().contains("at most 16383; take png"),
        "{error}"
    );
    assert!(encode(&wide, ImageFormat::Png, 80, &metadata()).is_ok());
    assert_eq!(
        encode(&soft(4, 4), ImageFormat::Jpeg, 80, &metadata()),
        Err(WriteError::NoAlpha)
    );
    for (width, height, bytes) in [(0, 0, 0), (2, 2, 15), (u32::MAX, u32::MAX, 4)] {
        let broken = Pixels {
            width,
            height,
            rgba: vec![0; bytes],
        };
        for format in [
            ImageFormat::Png,
            ImageFormat::Webp,
            ImageFormat::Avif,
            ImageFormat::Jpeg,
        ] {
            let refused = encode(&broken, format, 80, &metadata());
            assert!(
                matches!(refused, Err(WriteError::Uneven { .. })),
                "{refused:?}"
            );
        }
    }
}

#[test]
fn a_mask_is_a_grey_png() {
    let mask = Mask {
        width: 3,
        height: 2,
        values: vec![0, 50, 255, 1, 2, 3],
    };
    let (_, picture) = read(&encode_mask(&mask, &metadata()).unwrap(), ImageFormat::Png);
    assert_eq!(picture.color(), image::ColorType::L8);
    assert_eq!(picture.into_luma8().into_raw(), mask.values);
    let broken = Mask {
        width: 3,
        height: 2,
        values: vec![0; 5],
    };
    assert!(encode_mask(&broken, &metadata()).is_err());
}
