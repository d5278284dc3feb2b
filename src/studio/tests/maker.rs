//! Bytes in, files out: formats of every kind, keys, rembg's parameters, photos that cannot be used.

use std::io::Cursor;
use std::path::Path;

use showroom_catalog::seams::{Maker, ModelError};
use showroom_catalog::{AssetKind, Pixels, Stage};
use showroom_pixels::{DecodeOptions, Limits, decode_pixels, photo_id};
use showroom_studio::cutout::{
    CutoutMaker, CutoutOptions, Frame, RemoveError, RemoveParams, remove,
};
use showroom_studio::write::{ImageFormat, Metadata, encode};

use crate::common::{Told, Unasked, alpha, disc, drawn, mask};

fn jpeg() -> Vec<u8> {
    let photo = drawn(120, 90, |x, y| {
        let inside = (x as f32 - 60.0).hypot(y as f32 - 45.0) < 30.0;
        if inside {
            [200, 30, 40, 255]
        } else {
            [90, 120, 150, 255]
        }
    });
    encode(&photo, ImageFormat::Jpeg, 95, &Metadata::default()).unwrap()
}

fn read(file: &[u8]) -> Pixels {
    decode_pixels(
        file,
        &DecodeOptions {
            min_side: u32::MAX,
            ..DecodeOptions::default()
        },
    )
    .unwrap()
}

fn maker(options: CutoutOptions) -> CutoutMaker {
    CutoutMaker::new(Box::new(Told(Ok(mask(320, disc)))), options)
}

#[test]
fn what_is_planned_is_what_is_made() {
    let bytes = jpeg();
    let photo = photo_id(&bytes);
    for (format, ending) in [
        (ImageFormat::Png, "png"),
        (ImageFormat::Webp, "webp"),
        (ImageFormat::Avif, "avif"),
    ] {
        let mut maker = maker(CutoutOptions {
            format,
            mask: true,
            ..CutoutOptions::default()
        });
        let planned = maker.plan(photo);
        let made = maker.make(photo, &bytes).unwrap().unwrap();
        assert_eq!(
            planned,
            made.iter()
                .map(|made| made.planned.clone())
                .collect::<Vec<_>>()
        );
        let kinds: Vec<_> = planned
            .iter()
            .map(|one| (one.kind, one.extension))
            .collect();
        assert_eq!(
            kinds,
            [(AssetKind::Cutout, ending), (AssetKind::Mask, "png")]
        );
        for made in &made {
            assert_eq!((made.width, made.height), (120, 90));
            assert_eq!(made.recipe.model.as_deref(), Some("told@1"));
        }
        assert_eq!(made[0].recipe.parameters["format"], ending);
    }
}

#[test]
fn every_option_that_changes_the_file_changes_its_key() {
    let photo = photo_id(b"x");
    let plain = CutoutOptions::default();
    let frame = |fill, size| {
        Some(Frame {
            fill,
            aspect: None,
            size,
        })
    };
    let options = [
        plain.clone(),
        CutoutOptions {
            format: ImageFormat::Webp,
            ..plain.clone()
        },
        CutoutOptions {
            format: ImageFormat::Webp,
            quality: 50,
            ..plain.clone()
        },
        CutoutOptions {
            frame: frame(0.85, None),
            ..plain.clone()
        },
        CutoutOptions {
            frame: frame(0.9, None),
            ..plain.clone()
        },
        CutoutOptions {
            frame: frame(0.85, Some(100)),
            ..plain.clone()
        },
        CutoutOptions {
            frame: Some(Frame {
                aspect: "1:1".parse().ok(),
                fill: 0.85,
                size: None,
            }),
            ..plain.clone()
        },
    ];
    let keys: std::collections::BTreeSet<String> = options
        .iter()
        .map(|options| maker(options.clone()).plan(photo)[0].key.clone())
        .collect();
    assert_eq!(keys.len(), options.len());
    // Quality changes nothing of a PNG.
    let other = maker(CutoutOptions {
        quality: 3,
        ..plain.clone()
    })
    .plan(photo);
    assert_eq!(other, maker(plain).plan(photo));
}

#[test]
fn grey_ink_and_broken_colour_photos_are_cut_out() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pixels/tests/fixtures");
    for name in [
        "grey.jpg",
        "cmyk.jpg",
        "ycck.jpg",
        "cmyk-icc.jpg",
        "grey-16.png",
        "one-bit.png",
        "palette.bmp",
        "icc-broken.jpg",
        "orientation-6.jpg",
    ] {
        let bytes = std::fs::read(fixtures.join(name)).unwrap();
        let files = maker(CutoutOptions::default())
            .make(photo_id(&bytes), &bytes)
            .unwrap()
            .unwrap();
        let (photo, cutout) = (read(&bytes), read(&files[0].bytes));
        assert_eq!(
            (cutout.width, cutout.height),
            (photo.width, photo.height),
            "{name}"
        );
        for (before, after) in photo
            .rgba
            .as_chunks::<4>()
            .0
            .iter()
            .zip(cutout.rgba.as_chunks::<4>().0)
        {
            assert!(after[3] < 255 || before == after, "{name}");
        }
    }
}

#[test]
fn what_is_no_photo_is_refused_with_its_reason() {
    let cases: [(&[u8], &str); 3] = [
        (b"", "empty"),
        (b"hello", "not-an-image"),
        (&jpeg()[..300], "truncated"),
    ];
    for (bytes, code) in cases {
        let bad = maker(CutoutOptions::default())
            .make(photo_id(bytes), bytes)
            .unwrap()
            .unwrap_err();
        assert_eq!(
            (bad.stage, bad.code.as_str()),
            (Stage::Decode, code),
            "{}",
            bad.reason
        );
    }
    let small = Limits {
        max_pixels: 100,
        ..Limits::default()
    };
    let bytes = jpeg();
    let bad = maker(CutoutOptions {
        limits: small,
        ..CutoutOptions::default()
    })
    .make(photo_id(&bytes), &bytes)
    .unwrap()
    .unwrap_err();
    assert_eq!(bad.code, "too-many-pixels");
    let mut maker = CutoutMaker::new(
        Box::new(Told(Err("no mask".into()))),
        CutoutOptions::default(),
    );
    let bad = maker.make(photo_id(&bytes), &bytes).unwrap().unwrap_err();
    assert_eq!(
        (bad.code.as_str(), bad.reason.as_str()),
        ("no-mask", "no mask")
    );
    let mut maker = CutoutMaker::new(Box::new(Unasked), CutoutOptions::default());
    assert!(matches!(
        maker.make(photo_id(&bytes), &bytes),
        Err(ModelError::Failed(_))
    ));
}

#[test]
fn a_photo_with_transparency_of_its_own_needs_no_network() {
    let photo = drawn(30, 30, |x, y| {
        [x as u8, y as u8, 5, if x < 15 { 0 } else { 255 }]
    });
    let mut bytes = Vec::new();
    image::RgbaImage::from_raw(30, 30, photo.rgba.clone())
        .unwrap()
        .write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png)
        .unwrap();
    let mut maker = CutoutMaker::new(Box::new(Unasked), CutoutOptions::default());
    let files = maker.make(photo_id(&bytes), &bytes).unwrap().unwrap();
    assert_eq!(read(&files[0].bytes).rgba, photo.rgba);
    assert_eq!(files[0].confidence, Some(1.0));
}

#[test]
fn rembgs_parameters_do_what_they_say() {
    let bytes = jpeg();
    let done = |pairs: &[(&str, &str)]| {
        let params = RemoveParams::from_pairs(pairs.iter().copied()).unwrap();
        let mut matting = Told(Ok(mask(320, disc)));
        let done = remove(&bytes, &params, &mut matting, &Limits::default());
        done.unwrap().bytes
    };
    let plain = read(&done(&[]));
    assert_eq!((plain.width, plain.height), (120, 90));
    assert!(alpha(&plain).contains(&0) && alpha(&plain).contains(&255));
    let only_mask = image::load_from_memory(&done(&[("om", "true")])).unwrap();
    assert_eq!(only_mask.color(), image::ColorType::L8);
    assert_eq!(only_mask.into_luma8().into_raw(), alpha(&plain));
    let hard = read(&done(&[("ppm", "true")]));
    assert!(alpha(&hard).iter().all(|&a| a == 0 || a == 255));
    let behind = read(&done(&[("bgc", "0,255,0,255")]));
    assert_eq!(behind.rgba[..4], [0, 255, 0, 255]);
    assert!(alpha(&behind).iter().all(|&a| a == 255));
    let wide = read(&done(&[("a", "true"), ("ae", "15")]));
    assert_eq!(wide.rgba.len(), plain.rgba.len());
    // The disc is 80 pixels across, and its soft edge some more: at a fill of a half it is in the middle of 160.
    let framed = done(&[
        ("fill", "0.5"),
        ("aspect", "1:1"),
        ("format", "webp"),
        ("quality", "100"),
    ]);
    assert_eq!(&framed[8..12], b"WEBP");
    let framed = read(&framed);
    assert_eq!(framed.width, framed.height);
    assert!((156..=168).contains(&framed.width), "{}", framed.width);
    let middle =
        (framed.width as usize * (framed.height as usize / 2) + framed.width as usize / 2) * 4;
    assert_eq!((framed.rgba[3], framed.rgba[middle + 3]), (0, 255));
    let mut matting = Told(Ok(mask(320, disc)));
    let error = remove(
        b"nothing",
        &RemoveParams::default(),
        &mut matting,
        &Limits::default(),
    );
    assert!(matches!(error, Err(RemoveError::Photo(_))));
}
