//! Facts, hashes and fitted pictures equal those of Pillow, numpy and imagehash.

use serde_json::Value;
use showroom_catalog::{Facts, Format, Pixels};
use showroom_pixels::{Filter, Fit, FitError, Fitter, How, Normal, Rect, crop, quality};

use crate::{expected, pattern};

/// `product` of `oracle/make_expected.py`.
fn product(width: u32, height: u32) -> Pixels {
    let (top, left) = (height / 4, width / 4);
    let inner = pattern(2 * left, 2 * top);
    let mut rgba = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let corner = y >= height - height / 6 && x >= width - width / 6;
            if corner {
                rgba.extend([0, 0, 0, 255]);
            } else if (top..3 * top).contains(&y) && (left..3 * left).contains(&x) {
                let at = ((y - top) * 2 * left + x - left) as usize * 4;
                rgba.extend_from_slice(&inner.rgba[at..at + 4]);
            } else {
                rgba.extend([255, 255, 255, 255]);
            }
        }
    }
    Pixels {
        width,
        height,
        rgba,
    }
}

fn measure(pixels: &Pixels) -> Facts {
    quality::measure(pixels, (pixels.width, pixels.height), 1, Format::Png)
}

#[test]
fn facts_equal_those_of_pillow_and_numpy() {
    // Where the photo is resized, single pixels are a level apart from Pillow's (rounding).
    const RESIZED: f64 = 0.002;
    const SHARPNESS_RESIZED: f64 = 0.005;
    let cases = [
        ("pattern-640x480", pattern(640, 480)),
        ("pattern-333x200", pattern(333, 200)),
        ("product-900x1200", product(900, 1200)),
        ("product-240x180", product(240, 180)),
    ];
    let expected = expected();
    for (name, pixels) in cases {
        let wanted = &expected["facts"][name];
        let number = |key: &str| wanted[key].as_f64().unwrap();
        let resized = pixels.width.max(pixels.height) > quality::MEASURED_SIDE;
        let tolerance = if resized { RESIZED } else { 1e-6 };
        let facts = measure(&pixels);
        let close = |key: &str, found: f32| {
            let (found, wanted) = (f64::from(found), number(key));
            assert!(
                (found - wanted).abs() <= tolerance,
                "{name} {key}: {found}, not {wanted}"
            );
        };
        close("brightness", facts.brightness);
        close("clipped_dark", facts.clipped_dark);
        close("clipped_bright", facts.clipped_bright);
        close("border_white", facts.border_white);
        close("border_uniform", facts.border_uniform);
        let ratio = f64::from(facts.sharpness) / number("sharpness");
        let tolerance = if resized { SHARPNESS_RESIZED } else { 1e-6 };
        assert!(
            (ratio - 1.0).abs() <= tolerance,
            "{name} sharpness: {ratio} times"
        );
        assert_eq!(
            format!("{:016x}", facts.phash),
            wanted["phash"].as_str().unwrap(),
            "{name}"
        );
    }
}

fn rect(value: &Value) -> Rect {
    let side = |i: usize| value[i].as_u64().unwrap() as u32;
    Rect {
        x: side(0),
        y: side(1),
        width: side(2),
        height: side(3),
    }
}

#[test]
fn fitted_pictures_equal_those_of_pillow() {
    // Both compute in fixed point with coefficients rounded differently; between the two passes a value
    // may be a level apart, which the negative lobes of Lanczos widen.
    const LEVELS: u8 = 1;
    const LEVELS_LANCZOS: u8 = 2;
    let photo = pattern(150, 90);
    let expected = expected();
    for case in expected["fits"].as_array().unwrap() {
        let filter = match case["filter"].as_str().unwrap() {
            "box" => Filter::Box,
            "bilinear" => Filter::Bilinear,
            "bicubic" => Filter::Bicubic,
            "lanczos3" => Filter::Lanczos3,
            other => panic!("{other}"),
        };
        let how = match case["how"].as_str().unwrap() {
            "stretch" => How::Stretch,
            "cover" => How::Cover,
            "letterbox" => How::Letterbox([1, 128, 254]),
            other => panic!("{other}"),
        };
        let side = |key: &str| case[key].as_u64().unwrap() as u32;
        let fit = Fit {
            width: side("width"),
            height: side("height"),
            how,
            filter,
        };
        let (rgb, _) = Fitter::new()
            .rgb(&photo, rect(&case["rect"]), &fit)
            .unwrap();
        let wanted: Vec<u8> = case["rgb"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_u64().unwrap() as u8)
            .collect();
        assert_eq!(rgb.len(), wanted.len());
        let worst = rgb
            .iter()
            .zip(&wanted)
            .map(|(a, b)| a.abs_diff(*b))
            .max()
            .unwrap();
        let levels = if filter == Filter::Lanczos3 {
            LEVELS_LANCZOS
        } else {
            LEVELS
        };
        assert!(worst <= levels, "{fit:?}: {worst} levels apart");
    }
}

#[test]
fn tensors_are_planar_and_normalised_and_transparency_is_white() {
    // Two by two pixels: red, half-transparent black, transparent, grey.
    let rgba = vec![255, 0, 0, 255, 0, 0, 0, 128, 9, 9, 9, 0, 100, 100, 100, 255];
    let photo = Pixels {
        width: 2,
        height: 2,
        rgba,
    };
    let fit = Fit {
        width: 2,
        height: 2,
        how: How::Stretch,
        filter: Filter::Bilinear,
    };
    let normal = Normal {
        mean: [127.0, 0.0, 100.0],
        std: [128.0, 1.0, 50.0],
    };
    let mut tensor = [0.0; 12];
    let whole = Rect::whole(&photo);
    let placed = Fitter::new()
        .nchw(&photo, whole, &fit, &normal, &mut tensor)
        .unwrap();
    assert_eq!((placed.source, placed.target), (whole, whole));
    // Black at alpha 128 over white is 127.
    let red = [1.0, 0.0, 1.0, -27.0 / 128.0];
    let green = [0.0, 127.0, 255.0, 100.0];
    let blue = [-2.0, 27.0 / 50.0, 155.0 / 50.0, 0.0];
    assert_eq!(tensor[..], [red, green, blue].concat());
}

#[test]
fn placements_carry_a_point_back() {
    let photo = pattern(200, 100);
    let fit = |how| Fit {
        width: 50,
        height: 50,
        how,
        filter: Filter::Bilinear,
    };
    let whole = Rect::whole(&photo);
    let mut fitter = Fitter::new();
    let (_, boxed) = fitter
        .rgb(&photo, whole, &fit(How::Letterbox([0; 3])))
        .unwrap();
    assert_eq!(
        boxed.target,
        Rect {
            x: 0,
            y: 12,
            width: 50,
            height: 25
        }
    );
    assert_eq!(boxed.source, whole);
    let (_, covered) = fitter.rgb(&photo, whole, &fit(How::Cover)).unwrap();
    assert_eq!(
        covered.source,
        Rect {
            x: 50,
            y: 0,
            width: 100,
            height: 100
        }
    );
}

#[test]
fn what_does_not_fit_is_an_error() {
    let photo = pattern(20, 10);
    let mut fitter = Fitter::new();
    let fit = Fit {
        width: 4,
        height: 4,
        how: How::Stretch,
        filter: Filter::Box,
    };
    let outside = [
        (0, 0, 21, 10),
        (19, 0, 2, 1),
        (0, 0, 0, 5),
        (u32::MAX, 0, 2, 2),
    ];
    for (x, y, width, height) in outside {
        let rect = Rect {
            x,
            y,
            width,
            height,
        };
        assert!(matches!(
            fitter.rgb(&photo, rect, &fit),
            Err(FitError::Outside { .. })
        ));
        assert!(crop(&photo, rect).is_err());
    }
    let whole = Rect::whole(&photo);
    let none = Fit { width: 0, ..fit };
    assert!(matches!(
        fitter.rgb(&photo, whole, &none),
        Err(FitError::NoTarget { .. })
    ));
    let short = Pixels {
        width: 20,
        height: 10,
        rgba: vec![0; 20],
    };
    assert!(matches!(
        fitter.rgb(&short, whole, &fit),
        Err(FitError::Uneven { .. })
    ));
    let normal = Normal {
        mean: [0.0; 3],
        std: [1.0; 3],
    };
    let wrong = fitter.nchw(&photo, whole, &fit, &normal, &mut [0.0; 47]);
    assert_eq!(
        wrong,
        Err(FitError::WrongLength {
            found: 47,
            wanted: 48
        })
    );
}

#[test]
fn a_crop_is_the_pixels_within() {
    let photo = pattern(20, 10);
    let cut = crop(
        &photo,
        Rect {
            x: 3,
            y: 4,
            width: 2,
            height: 3,
        },
    )
    .unwrap();
    let row = |y: usize| &photo.rgba[(y * 20 + 3) * 4..][..8];
    assert_eq!((cut.width, cut.height), (2, 3));
    assert_eq!(cut.rgba, [row(4), row(5), row(6)].concat());
}
