//! Crop and pad: sizes by hand, pixels that stay, and what cannot be framed.

use showroom_studio::cutout::{Aspect, Frame};

use crate::common::{alpha, drawn};

/// 100 × 60 with a product of 40 × 20 at 10, 30, each pixel of its own colour.
fn cutout() -> showroom_catalog::Pixels {
    drawn(100, 60, |x, y| {
        match (10..50).contains(&x) && (30..50).contains(&y) {
            true => [x as u8, y as u8, 77, 255],
            false => [0; 4],
        }
    })
}

fn aspect(text: &str) -> Option<Aspect> {
    Some(text.parse().unwrap())
}

#[test]
fn the_product_fills_its_share_of_the_shape_that_was_asked_for() {
    // 40 / 0.8 = 50 wide; 1:1 makes it 50 high.
    let frame = Frame {
        fill: 0.8,
        aspect: aspect("1:1"),
        size: None,
    };
    let framed = frame.apply(&cutout()).unwrap();
    assert_eq!((framed.pixels.width, framed.pixels.height), (50, 50));
    assert!(!framed.enlarged);
    // In the middle, and every pixel as it was.
    for y in 0..50 {
        for x in 0..50 {
            let at = (y * 50 + x) as usize * 4;
            let inside = (5..45).contains(&x) && (15..35).contains(&y);
            let wanted = if inside {
                [x as u8 + 5, y as u8 + 15, 77, 255]
            } else {
                [0; 4]
            };
            assert_eq!(framed.pixels.rgba[at..at + 4], wanted, "{x}, {y}");
        }
    }
    // 20 / 0.5 = 40 high; 4:1 makes it 160 wide.
    let frame = Frame {
        fill: 0.5,
        aspect: aspect("4:1"),
        size: None,
    };
    let framed = frame.apply(&cutout()).unwrap();
    assert_eq!((framed.pixels.width, framed.pixels.height), (160, 40));
    // Without a shape the product's own.
    let frame = Frame {
        fill: 1.0,
        aspect: None,
        size: None,
    };
    assert_eq!(
        frame.apply(&cutout()).unwrap().pixels.rgba.len(),
        40 * 20 * 4
    );
}

#[test]
fn the_longer_side_has_the_size_that_was_asked_for() {
    let frame = |size| Frame {
        fill: 0.8,
        aspect: aspect("1:1"),
        size: Some(size),
    };
    let small = frame(25).apply(&cutout()).unwrap();
    assert_eq!(
        (small.pixels.width, small.pixels.height, small.enlarged),
        (25, 25, false)
    );
    let solid = alpha(&small.pixels).iter().filter(|&&a| a > 127).count();
    assert_eq!(solid, 20 * 10);
    let large = frame(200).apply(&cutout()).unwrap();
    assert_eq!((large.pixels.width, large.enlarged), (200, true));
}

#[test]
fn what_shows_nothing_stays_and_what_is_too_large_is_refused() {
    let frame = Frame {
        fill: 0.85,
        aspect: aspect("1:1"),
        size: Some(2000),
    };
    let empty = drawn(30, 20, |_, _| [0; 4]);
    assert_eq!(frame.apply(&empty).unwrap().pixels, empty);
    let speck = drawn(9000, 1, |x, _| [1, 2, 3, if x < 8999 { 255 } else { 0 }]);
    let frame = Frame {
        fill: 0.5,
        aspect: aspect("1:1"),
        size: None,
    };
    let error = frame.apply(&speck).unwrap_err();
    assert_eq!((error.width, error.height), (17_998, 17_998));
}

#[test]
fn shapes_are_read_as_people_write_them() {
    for text in ["4:5", "4x5", "4/5", " 4 : 5"] {
        assert_eq!(
            text.parse::<Aspect>().unwrap(),
            Aspect {
                width: 4,
                height: 5
            },
            "{text}"
        );
    }
    for text in ["", "1", "1:0", "0:1", "1:1000", "a:b", "1:1:1", "-1:1"] {
        assert!(text.parse::<Aspect>().is_err(), "{text}");
    }
}
