//! Cut-outs: what stays of a photo, and what is said of doubtful ones.

use showroom_catalog::seams::SoftMask;
use showroom_studio::cutout::{Flag, cut, of_transparent};
use showroom_studio::matte::Band;

use crate::common::{alpha, disc, drawn, mask};

/// A speckled product in the middle over a shaded background: no two pixels alike.
fn photo(size: u32) -> showroom_catalog::Pixels {
    drawn(size, size, |x, y| {
        let at = |i: u32| (i as f32 + 0.5) / size as f32;
        let grain = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) >> 11;
        match disc(at(x), at(y)) > 0.0 {
            true => [180 + (grain % 40) as u8, 20 + (grain % 23) as u8, 30, 255],
            false => [40, 90 + (y * 60 / size) as u8, 120 + (grain % 7) as u8, 255],
        }
    })
}

#[test]
fn the_products_own_pixels_stay_byte_for_byte() {
    let photo = photo(900);
    let cutout = cut(&photo, &mask(320, disc), Band::default());
    let (mut solid, mut clear) = (0, 0);
    let both = photo
        .rgba
        .as_chunks::<4>()
        .0
        .iter()
        .zip(cutout.pixels.rgba.as_chunks::<4>().0);
    for (before, after) in both {
        match after[3] {
            255 => {
                assert_eq!(before, after);
                solid += 1;
            }
            0 => {
                assert_eq!(*after, [0; 4]);
                clear += 1;
            }
            _ => {}
        }
    }
    // The disc is π/9 of the photo; its rim is a few thousand pixels.
    let share = |count: usize| count as f64 / 810_000.0;
    assert!((share(solid) - 0.349).abs() < 0.01, "{}", share(solid));
    assert!((share(clear) - 0.651).abs() < 0.01, "{}", share(clear));
    assert_eq!(cutout.judgement.flags, []);
    assert!(cutout.judgement.confidence > 0.8, "{:?}", cutout.judgement);
    assert!((cutout.judgement.share - 0.349).abs() < 0.01);
}

#[test]
fn a_photo_without_a_product_gives_an_empty_cut_out_that_says_so() {
    let plain = drawn(50, 40, |_, _| [250, 250, 250, 255]);
    // Scaled noise, as a network gives of a plain surface.
    let noise = SoftMask {
        peak: 0.02,
        ..mask(320, |x, y| (x * 31.0 + y * 17.0).fract())
    };
    let cutout = cut(&plain, &noise, Band::default());
    assert!(alpha(&cutout.pixels).iter().all(|&a| a == 0));
    assert_eq!(cutout.judgement.flags, [Flag::NoProduct, Flag::Empty]);
    assert!(cutout.judgement.confidence < 0.1);
}

#[test]
fn masks_that_are_empty_full_or_cut_are_flagged() {
    let photo = photo(200);
    let flags =
        |value: fn(f32, f32) -> f32| cut(&photo, &mask(320, value), Band::default()).judgement;
    let empty = flags(|_, _| 0.0);
    assert!(
        empty.flags.contains(&Flag::Empty) && empty.flags.contains(&Flag::LowConfidence),
        "{empty:?}"
    );
    let full = flags(|_, _| 1.0);
    for flag in [Flag::Full, Flag::CutByFrame, Flag::LowConfidence] {
        assert!(full.flags.contains(&flag), "{full:?}");
    }
    let cut_off = flags(|x, y| f32::from(u8::from(x < 0.5 && (y - 0.5).abs() < 0.3)));
    assert!(cut_off.flags.contains(&Flag::CutByFrame), "{cut_off:?}");
}

#[test]
fn an_undecided_network_makes_a_doubtful_cut_out() {
    let cutout = cut(
        &photo(300),
        &mask(320, |x, y| 0.2 + 0.5 * disc(x, y)),
        Band::default(),
    );
    assert!(
        cutout.judgement.flags.contains(&Flag::LowConfidence),
        "{:?}",
        cutout.judgement
    );
}

#[test]
fn photos_of_one_pixel_and_of_one_row_are_cut_out_too() {
    for (width, height) in [(1, 1), (20_000, 1), (1, 5000), (2, 2)] {
        let pixels = drawn(width, height, |x, y| [x as u8, y as u8, 9, 255]);
        let cutout = cut(&pixels, &mask(320, disc), Band::default());
        assert_eq!((cutout.pixels.width, cutout.pixels.height), (width, height));
        assert_eq!(cutout.mask().values.len(), (width * height) as usize);
    }
}

#[test]
fn a_photo_that_is_cut_out_already_stays_as_it_is() {
    let pixels = drawn(40, 30, |x, y| {
        [x as u8, y as u8, 3, if x < 10 { 77 } else { 255 }]
    });
    let cutout = of_transparent(&pixels).expect("it has transparency");
    assert_eq!(cutout.pixels, pixels);
    assert_eq!(cutout.judgement.confidence, 1.0);
    assert!(of_transparent(&photo(20)).is_none());
}
