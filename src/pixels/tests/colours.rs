//! Lab, colour histograms and colour names equal those of scikit-image, numpy and scipy.

use serde_json::Value;
use showroom_catalog::Pixels;
use showroom_pixels::lab::lab;
use showroom_pixels::{COLOUR_DIMENSIONS, Mask, colour_histogram, named_colours, product};

use crate::{expected, pattern};

#[test]
fn lab_equals_that_of_scikit_image() {
    // scikit-image's matrix has six decimals where the standard's has seven.
    const UNITS: f64 = 0.02;
    for case in expected()["lab"].as_array().unwrap() {
        let rgb = [0, 1, 2].map(|i| case["rgb"][i].as_u64().unwrap() as u8);
        for (i, found) in lab(rgb).into_iter().enumerate() {
            let wanted = case["lab"][i].as_f64().unwrap();
            assert!(
                (f64::from(found) - wanted).abs() < UNITS,
                "{rgb:?}: {found}, not {wanted}"
            );
        }
    }
}

/// `ellipse` of `oracle/make_expected.py`.
fn ellipse(width: u32, height: u32) -> Mask {
    let (w, h) = (i64::from(width), i64::from(height));
    let places = (0..h).flat_map(|y| (0..w).map(move |x| (x, y)));
    let values = places
        .map(|(x, y)| {
            let (across, down) = ((2 * x + 1 - w) * 3 * h, (2 * y + 1 - h) * 4 * w);
            if across.pow(2) + down.pow(2) < (2 * w * h).pow(2) {
                255
            } else {
                0
            }
        })
        .collect();
    Mask {
        width,
        height,
        values,
    }
}

fn number(value: &Value) -> f32 {
    value.as_f64().unwrap() as f32
}

/// `share` is how far shares of named colours may be off, `cosine` how like the histograms must be.
fn check(name: &str, pixels: &Pixels, mask: &Mask, share: f32, cosine: f32) {
    let expected = &expected()["colours"][name];
    let product = product(pixels, Some(mask));
    let pixels = product.rgb.len() as f32 / number(&expected["pixels"]);
    assert!(
        (pixels - 1.0).abs() <= share,
        "{name}: {pixels} times the pixels"
    );
    assert!(
        (product.share - number(&expected["share"])).abs() <= share,
        "{name}"
    );

    let found = named_colours(&product.rgb);
    let wanted = expected["names"].as_array().unwrap();
    assert_eq!(found.len(), wanted.len(), "{name}: {found:?}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert_eq!(found.name, wanted[0].as_str().unwrap(), "{name}");
        assert!(
            (found.share - number(&wanted[1])).abs() <= share,
            "{name}: {found:?} {wanted}"
        );
        for channel in 0..3 {
            let place = 1 + 2 * channel;
            let level = u8::from_str_radix(&found.hex[place..place + 2], 16).unwrap();
            let apart = (f32::from(level) - number(&wanted[2][channel])).abs();
            assert!(apart <= 4.0, "{name}: {found:?} {wanted}");
        }
    }

    let found = colour_histogram(&product.rgb);
    assert_eq!(found.len(), COLOUR_DIMENSIONS);
    let bins = expected["histogram"].as_object().unwrap();
    let alike: f32 = bins
        .iter()
        .map(|(bin, v)| found[bin.parse::<usize>().unwrap()] * number(v))
        .sum();
    assert!(alike >= cosine, "{name}: {alike}");
    let length: f32 = found.iter().map(|v| v * v).sum();
    assert!((length - 1.0).abs() < 1e-5, "{name}: {length}");
}

#[test]
fn colours_equal_those_of_numpy() {
    // Names are looked up for cells of 8×8×8 levels; pixels at the rim of a name may get its
    // neighbour's. The histogram is exact but for pixels within 0.02 of a bin's edge.
    check(
        "pattern-240x180",
        &pattern(240, 180),
        &ellipse(240, 180),
        0.02,
        0.9999,
    );
}

#[test]
fn large_photos_and_masks_of_another_size_are_brought_together() {
    // As above, and the resized pixels may be a level, the mask's rim a pixel apart.
    check(
        "pattern-700x900",
        &pattern(700, 900),
        &ellipse(320, 320),
        0.03,
        0.999,
    );
}

#[test]
fn the_rim_is_left_out_unless_nothing_would_remain() {
    let red_on_green = |inside: &dyn Fn(u32, u32) -> bool| {
        let mut pixels = Pixels {
            width: 100,
            height: 50,
            rgba: Vec::new(),
        };
        let mut values = Vec::new();
        for y in 0..50 {
            for x in 0..100 {
                let inside = inside(x, y);
                values.push(if inside { 255 } else { 0 });
                pixels.rgba.extend(if inside {
                    [200, 0, 0, 255]
                } else {
                    [0, 200, 0, 255]
                });
            }
        }
        (
            pixels,
            Mask {
                width: 100,
                height: 50,
                values,
            },
        )
    };
    // A square of 30×30 in the corner: its rim at the photo's edge stays, the other two sides go.
    let (pixels, mask) = red_on_green(&|x, y| x < 30 && y < 30);
    let found = product(&pixels, Some(&mask));
    assert_eq!((found.rgb.len(), found.share), (29 * 29, 0.18));
    assert!(found.rgb.iter().all(|rgb| *rgb == [200, 0, 0]));
    // A line of one pixel has nothing but rim.
    let (pixels, mask) = red_on_green(&|_, y| y == 20);
    let found = product(&pixels, Some(&mask));
    assert_eq!((found.rgb.len(), found.share), (100, 0.02));
    // Nothing, too little, no mask and a broken mask: the whole photo counts.
    let broken = Mask {
        width: 100,
        height: 50,
        values: vec![255; 7],
    };
    let nothing = Mask {
        values: vec![127; 5000],
        ..broken.clone()
    };
    let mut speck = nothing.clone();
    speck.values[..19].fill(255);
    for mask in [Some(&nothing), Some(&speck), Some(&broken), None] {
        let found = product(&pixels, mask);
        assert_eq!((found.rgb.len(), found.share), (5000, 0.0));
    }
}

#[test]
fn a_cut_out_brings_its_own_mask() {
    let cut_out = |clear: usize| {
        let mut rgba = [9, 9, 9, 249].repeat(clear);
        rgba.extend([9, 9, 9, 250].repeat(100 - clear));
        Mask::of_alpha(&Pixels {
            width: 10,
            height: 10,
            rgba,
        })
    };
    assert_eq!(cut_out(2), None);
    let mask = cut_out(3).unwrap();
    assert_eq!(
        (mask.width, mask.height, &mask.values[1..4]),
        (10, 10, &[249, 249, 250][..])
    );
}

#[test]
fn histograms_are_worked_by_hand() {
    // Black is in bin (0, 4, 4), white (L 100, a and b a hair off 0) in the last bin of L.
    let histogram = colour_histogram(&[[0, 0, 0], [0, 0, 0], [0, 0, 0], [255, 0, 0]]);
    assert_eq!(histogram[4 * 8 + 4], 0.75f32.sqrt());
    // Red is L 53.2, a 80.1, b 67.2: bin (2, 7, 7).
    assert_eq!(histogram[(2 * 8 + 7) * 8 + 7], 0.5);
    assert_eq!(colour_histogram(&[]), vec![0.0; COLOUR_DIMENSIONS]);
}
