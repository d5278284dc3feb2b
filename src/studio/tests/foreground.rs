//! Foreground colours against pymatting's `estimate_foreground_ml` (`oracle/make_expected.py`).

use serde::Deserialize;
use showroom_catalog::Pixels;
use showroom_studio::foreground::{Picture, foreground, freed};

use crate::common::drawn;

#[derive(Deserialize)]
struct Oracle {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
    alpha: Vec<u8>,
    foreground: Vec<f32>,
}

fn oracle() -> Oracle {
    serde_json::from_str(include_str!("expected.json")).unwrap()
}

#[test]
fn foreground_colours_are_those_of_pymatting() {
    let oracle = oracle();
    let unit = |value: u8| f32::from(value) / 255.0;
    let picture = Picture {
        width: oracle.width,
        height: oracle.height,
        colours: oracle
            .rgb
            .as_chunks::<3>()
            .0
            .iter()
            .map(|rgb| rgb.map(unit))
            .collect(),
        alpha: oracle.alpha.iter().copied().map(unit).collect(),
    };
    let found = foreground(&picture);
    // Both compute in f32, in the same order: half a step of eight bits.
    const TOLERANCE: f32 = 0.002;
    let wanted = oracle.foreground.as_chunks::<3>().0;
    assert_eq!(found.len(), wanted.len());
    for (at, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        for c in 0..3 {
            assert!(
                (found[c] - wanted[c]).abs() < TOLERANCE,
                "{at}: {found:?} and not {wanted:?}"
            );
        }
    }
}

#[test]
fn a_soft_edge_loses_the_background_and_the_inside_stays() {
    // A red product with an edge eight pixels soft over blue: what was mixed must become red again.
    let soft = |x: u32| ((x as f32 - 296.0) / 8.0).clamp(0.0, 1.0);
    let mixed = drawn(600, 300, |x, _| {
        let alpha = soft(x);
        let mix = |front: f32, back: f32| (front * alpha + back * (1.0 - alpha)).round() as u8;
        [mix(200.0, 20.0), mix(30.0, 40.0), mix(40.0, 220.0), 255]
    });
    let alpha: Vec<u8> = (0..600 * 300)
        .map(|i| (255.0 * soft(i % 600)).round() as u8)
        .collect();
    let found = freed(&mixed, &alpha);
    for (at, pixel) in found.rgba.as_chunks::<4>().0.iter().enumerate() {
        assert_eq!(pixel[3], alpha[at]);
        match pixel[3] {
            0 => assert_eq!(*pixel, [0; 4]),
            // Where a tenth and less of the pixel is product, its colour can be told only roughly.
            1..=50 => {}
            _ => {
                let off = [200, 30, 40]
                    .iter()
                    .zip(pixel)
                    .map(|(a, b): (&i32, &u8)| (a - i32::from(*b)).abs());
                assert!(off.max().unwrap() <= 12, "{at}: {pixel:?}");
            }
        }
    }
}

#[test]
fn an_alpha_that_does_not_fit_is_no_alpha() {
    let pixels = Pixels {
        width: 2,
        height: 1,
        rgba: vec![9; 8],
    };
    assert_eq!(freed(&pixels, &[]).rgba, [0; 8]);
    assert_eq!(freed(&pixels, &[255]).rgba, [9, 9, 9, 255, 0, 0, 0, 0]);
}
