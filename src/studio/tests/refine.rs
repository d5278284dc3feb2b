//! Alpha from coarse masks, on drawn pictures whose alpha is known: sums of absolute differences before
//! and after.

use showroom_catalog::Pixels;
use showroom_studio::matte::{Band, refine};

use crate::common::{drawn, mask};

/// Share of a pixel that lies inside, by 4 × 4 samples; `inside` takes shares of the side.
fn coverage(size: u32, x: u32, y: u32, inside: &impl Fn(f32, f32) -> bool) -> f32 {
    let hits = (0..16).filter(|i| {
        let at = |n: u32, i: u32| (n as f32 + (i as f32 + 0.5) / 4.0) / size as f32;
        inside(at(x, i % 4), at(y, i / 4))
    });
    hits.count() as f32 / 16.0
}

/// A photo with a textured product of that shape over a shaded background, and its alpha.
fn photo(size: u32, inside: impl Fn(f32, f32) -> bool) -> (Pixels, Vec<f32>) {
    let alpha: Vec<f32> = (0..size * size)
        .map(|i| coverage(size, i % size, i / size, &inside))
        .collect();
    let pixels = drawn(size, size, |x, y| {
        let a = alpha[(y * size + x) as usize];
        let grain = f32::from(((x * 7 + y * 13) % 11) as u8);
        let front = [170.0 + grain, 40.0 + grain, 60.0 - grain];
        let back = [
            90.0 + 40.0 * x as f32 / size as f32,
            130.0,
            150.0 + grain / 2.0,
        ];
        let mix = |c: usize| (front[c] * a + back[c] * (1.0 - a)).round() as u8;
        [mix(0), mix(1), mix(2), 255]
    });
    (pixels, alpha)
}

/// Mean difference times the number of pixels.
fn apart(found: &[u8], wanted: &[f32]) -> f32 {
    found
        .iter()
        .zip(wanted)
        .map(|(&a, b)| (f32::from(a) / 255.0 - b).abs())
        .sum()
}

/// What the mask says at each pixel, bilinear, as other tools leave it.
fn stretched(pixels: &Pixels, mask: &showroom_catalog::seams::SoftMask) -> Vec<u8> {
    let value = |x: f32, y: f32| {
        let side = mask.width as f32;
        let at = |v: f32| (v * side - 0.5).clamp(0.0, side - 1.0);
        let (x, y) = (at(x), at(y));
        let cell = |i: f32, j: f32| {
            let side = mask.width as usize;
            mask.values[(j as usize).min(side - 1) * side + (i as usize).min(side - 1)]
        };
        let (fx, fy) = (x.fract(), y.fract());
        let row = |j: f32| cell(x.floor(), j) * (1.0 - fx) + cell(x.floor() + 1.0, j) * fx;
        row(y.floor()) * (1.0 - fy) + row(y.floor() + 1.0) * fy
    };
    let (w, h) = (pixels.width, pixels.height);
    let share = |i: u32, of: u32| (i as f32 + 0.5) / of as f32;
    (0..w * h)
        .map(|i| (255.0 * value(share(i % w, w), share(i / w, h))).round() as u8)
        .collect()
}

/// The network's mask of a shape: what it covers of each of 80 × 80 cells, its rim softened over a cell.
fn coarse(inside: impl Fn(f32, f32) -> bool) -> showroom_catalog::seams::SoftMask {
    mask(80, |x, y| {
        let near = [
            (0.0, 0.0),
            (0.01, 0.0),
            (-0.01, 0.0),
            (0.0, 0.01),
            (0.0, -0.01),
        ];
        near.iter()
            .filter(|(dx, dy)| inside(x + dx, y + dy))
            .count() as f32
            / 5.0
    })
}

#[test]
fn an_outline_becomes_right_to_a_fraction_of_a_pixel() {
    let inside = |x: f32, y: f32| (x - 0.5).hypot(1.3 * (y - 0.5)) < 0.31;
    // Larger than the smallest size that is worked at, so that it is doubled twice.
    let (pixels, wanted) = photo(1500, inside);
    let mask = coarse(inside);
    let matte = refine(&pixels, &mask, Band::default());
    let (before, after) = (
        apart(&stretched(&pixels, &mask), &wanted),
        apart(&matte.alpha, &wanted),
    );
    assert!(after < 0.15 * before, "{before} before, {after} after");
    assert!(matte.moved < 0.05, "{}", matte.moved);
}

#[test]
fn a_hole_that_the_network_half_sees_is_opened() {
    let ring = |x: f32, y: f32| (0.16..0.3).contains(&(x - 0.5).hypot(y - 0.5));
    let (pixels, wanted) = photo(700, ring);
    let mut mask = coarse(|x, y| (x - 0.5).hypot(y - 0.5) < 0.3);
    let side = mask.width as usize;
    for (i, value) in mask.values.iter_mut().enumerate() {
        let at = |n: usize| (n as f32 + 0.5) / side as f32 - 0.5;
        if at(i % side).hypot(at(i / side)) < 0.15 {
            *value = 0.7;
        }
    }
    let matte = refine(&pixels, &mask, Band::default());
    let (before, after) = (
        apart(&stretched(&pixels, &mask), &wanted),
        apart(&matte.alpha, &wanted),
    );
    assert!(after < 0.1 * before, "{before} before, {after} after");
    assert_eq!(matte.alpha[350 * 700 + 350], 0, "the middle of the hole");
}

#[test]
fn a_strap_that_fades_in_the_mask_is_kept() {
    let bag = |x: f32, y: f32| (0.3..0.7).contains(&x) && (0.5..0.8).contains(&y);
    let strap = |x: f32, y: f32| (0.19..0.2).contains(&(x - 0.5).hypot(y - 0.5)) && y < 0.52;
    let (pixels, wanted) = photo(900, |x, y| bag(x, y) || strap(x, y));
    let mut mask = coarse(bag);
    let side = mask.width as usize;
    for (i, value) in mask.values.iter_mut().enumerate() {
        let at = |n: usize| (n as f32 + 0.5) / side as f32;
        let (x, y) = (at(i % side), at(i / side));
        if (0.185..0.205).contains(&(x - 0.5).hypot(y - 0.5)) && y < 0.5 {
            *value = 0.3;
        }
    }
    let matte = refine(&pixels, &mask, Band::default());
    let (before, after) = (
        apart(&stretched(&pixels, &mask), &wanted),
        apart(&matte.alpha, &wanted),
    );
    assert!(after < 0.35 * before, "{before} before, {after} after");
}

#[test]
fn a_flat_photo_keeps_what_the_mask_says() {
    // No edge anywhere: the photo has nothing to say, and the product must not run out.
    let pixels = drawn(400, 400, |_, _| [128, 128, 128, 255]);
    let inside = |x: f32, y: f32| (x - 0.5).hypot(y - 0.5) < 0.3;
    let matte = refine(&pixels, &coarse(inside), Band::default());
    let wanted: Vec<f32> = (0..160_000)
        .map(|i| coverage(400, i % 400, i / 400, &inside))
        .collect();
    let area: f32 = wanted.iter().sum();
    // The rim is as wide as a cell of the mask, of which there are some hundred and fifty round the disc.
    let rim = apart(&matte.alpha, &wanted);
    assert!(rim < 0.08 * area, "{rim} of {area}");
}

#[test]
fn photos_of_any_shape_are_taken() {
    for (width, height) in [(1, 1), (2, 2), (3, 1), (1, 700), (20_000, 1), (641, 3)] {
        let pixels = drawn(width, height, |x, _| [(x % 251) as u8, 9, 200, 255]);
        let matte = refine(&pixels, &mask(320, |x, _| x), Band::default());
        assert_eq!(matte.alpha.len() as u32, width * height, "{width}x{height}");
        assert!((0.0..=1.0).contains(&matte.moved));
    }
}
