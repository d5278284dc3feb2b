//! Backdrops of drawn cut-outs: what stays, where the shadow falls, what bad cut-outs do.

use std::sync::Arc;

use showroom_catalog::seams::Maker;
use showroom_catalog::{PhotoId, Pixels};
use showroom_pixels::{DecodeOptions, Limits, decode_pixels};
use showroom_studio::backdrop::{
    Backdrop, BackdropMaker, Environment, Gradient, Layout, Lit, Scene, compose, direction_of,
};
use showroom_studio::place::PlaceError;
use showroom_studio::write::{ImageFormat, Metadata, encode};

use crate::drawn::{DarkIsProduct, painted, product_grey};

fn layout() -> Layout {
    Layout {
        fill: None,
        aspect: None,
        longest_side: None,
        harmonise: 0.0,
        seed: 1,
    }
}

/// A box of 120 × 90 with a soft rim, on transparent ground.
fn cutout() -> Pixels {
    painted(200, 160, |x, y| {
        let from_edge = [x as i32 - 40, 159 - x as i32, y as i32 - 30, 119 - y as i32];
        let alpha = match from_edge.into_iter().min() {
            Some(..0) => 0,
            Some(0) => 90,
            Some(1) => 200,
            _ => 255,
        };
        [product_grey(x, y), x as u8, y as u8, alpha]
    })
}

const SCENE: &str = "
name = 'test'
title = 'Test'
vignette = 0.0
[light]
environment = 'softbox'
softness = 0.5
tint = 1.0
[floor]
colour = '#808080'
[wall]
colour = '#808080'
distance = 4.0
";

fn scene(text: &str, environment: &Environment) -> Backdrop {
    let scene = Scene::parse(text).unwrap();
    Backdrop::Scene(Box::new(Lit::new(scene, environment, 1)))
}

/// Dim light from everywhere, and a lamp.
fn lamp(azimuth: f64, elevation: f64, colour: [f32; 3]) -> Environment {
    let lamp = direction_of(azimuth, elevation);
    let radiance = (0..256 * 128)
        .map(|at| {
            let azimuth = (f64::from(at % 256) + 0.5) / 256.0 * 360.0;
            let elevation = 90.0 - (f64::from(at / 256) + 0.5) / 128.0 * 180.0;
            let towards = direction_of(azimuth, elevation);
            let near: f64 = towards.iter().zip(lamp).map(|(a, b)| a * b).sum();
            if near > 0.99 {
                colour.map(|c| 60.0 * c)
            } else {
                [0.25; 3]
            }
        })
        .collect();
    Environment::new(256, 128, radiance).unwrap()
}

/// Every opaque pixel of the cut-out, where it is found again in the picture; none is missing or changed.
#[track_caller]
fn holds_the_product(picture: &Pixels, cutout: &Pixels) -> (u32, u32) {
    let solid = |pixels: &Pixels, x: u32, y: u32| -> [u8; 4] {
        let at = ((y * pixels.width + x) * 4) as usize;
        std::array::from_fn(|c| pixels.rgba[at + c])
    };
    let first = solid(cutout, 60, 60);
    let row: Vec<[u8; 4]> = (42..158).map(|x| solid(cutout, x, 60)).collect();
    for y in 0..picture.height {
        for x in 0..picture.width.saturating_sub(116) {
            if solid(picture, x + 18, y) == first
                && (0..116).all(|dx| solid(picture, x + dx, y) == row[dx as usize])
            {
                // The whole of it, not only the row.
                for (cx, cy) in (32..118).flat_map(|cy| (42..158).map(move |cx| (cx, cy))) {
                    let (px, py) = (x + cx - 42, y + cy - 60);
                    assert_eq!(
                        solid(picture, px, py),
                        solid(cutout, cx, cy),
                        "at {cx}, {cy}"
                    );
                }
                return (x - 2, y - 30);
            }
        }
    }
    panic!("the product is not there as it was");
}

#[test]
fn on_every_backdrop_the_product_keeps_its_bytes() {
    let cutout = cutout();
    let picture = painted(77, 31, |x, y| [x as u8, y as u8, 99, 255]);
    let gradient = Gradient {
        from: [250, 240, 230],
        to: [10, 20, 40],
        angle: 90.0,
    };
    for backdrop in [
        Backdrop::Plain([255; 3]),
        Backdrop::Gradient(gradient),
        Backdrop::Picture(picture),
        scene(SCENE, &Environment::softbox()),
    ] {
        let made = compose(&cutout, &backdrop, &layout()).unwrap();
        assert_eq!(made.width, made.height, "square unless told otherwise");
        assert!(
            made.rgba
                .iter()
                .skip(3)
                .step_by(4)
                .all(|alpha| *alpha == 255)
        );
        holds_the_product(&made, &cutout);
    }
}

#[test]
fn white_is_exactly_255_outside_the_product() {
    let mut cutout = cutout();
    // The haze of a mask far from the product.
    for pixel in cutout
        .rgba
        .as_chunks_mut::<4>()
        .0
        .iter_mut()
        .filter(|pixel| pixel[3] == 0)
    {
        pixel[3] = 3;
    }
    let made = compose(&cutout, &Backdrop::Plain([255; 3]), &layout()).unwrap();
    let (left, top) = holds_the_product(&made, &cutout);
    for (at, pixel) in made.rgba.as_chunks::<4>().0.iter().enumerate() {
        let (x, y) = (at as u32 % made.width, at as u32 / made.width);
        let inside = (left..left + 120).contains(&x) && (top..top + 90).contains(&y);
        if !inside {
            assert_eq!(*pixel, [255; 4], "at {x}, {y}");
        }
    }
    // The rim is mixed: 90 of 255 of the product, the rest white.
    let rim = ((top + 40) * made.width + left) as usize * 4;
    let own = (70 * 200 + 40) * 4;
    let mixed = (u32::from(cutout.rgba[own]) * 90 + 255 * 165 + 127) / 255;
    assert_eq!(u32::from(made.rgba[rim]), mixed);
}

#[test]
fn a_gradient_runs_where_it_says() {
    let gradient = |angle| Gradient {
        from: [0; 3],
        to: [255; 3],
        angle,
    };
    let drawn = |angle| {
        let backdrop = Backdrop::Gradient(gradient(angle));
        compose(&cutout(), &backdrop, &layout()).unwrap()
    };
    let at =
        |picture: &Pixels, x: u32, y: u32| picture.rgba[((y * picture.width + x) * 4) as usize];
    let across = drawn(0.0);
    let last = across.width - 1;
    assert!(at(&across, 0, 3) < 30 && at(&across, last, 3) > 250);
    let down = drawn(90.0);
    assert!(at(&down, 3, 0) < 30 && at(&down, 3, down.height - 1) > 250);
}

/// Mean level of the picture in a box, relative to the product's own box: shares of its width and height
/// from its lower left corner, upwards and to the right.
fn mean(picture: &Pixels, corner: (u32, u32), across: (f32, f32), up: (f32, f32)) -> f32 {
    let (left, bottom) = (corner.0 as f32, (corner.1 + 90) as f32);
    let x = |share: f32| (left + share * 120.0).max(0.0) as u32;
    let y = |share: f32| (bottom - share * 90.0).min(picture.height as f32 - 1.0) as u32;
    let (mut sum, mut count) = (0.0, 0);
    for py in y(up.1)..y(up.0) {
        for px in x(across.0)..x(across.1).min(picture.width) {
            sum += f32::from(picture.rgba[((py * picture.width + px) * 4) as usize]);
            count += 1;
        }
    }
    sum / count.max(1) as f32
}

#[test]
fn the_shadow_falls_away_from_the_lamp_and_touches_the_product() {
    let shadows = |azimuth: f64| {
        let backdrop = scene(SCENE, &lamp(azimuth, 40.0, [1.0; 3]));
        let made = compose(&cutout(), &backdrop, &layout()).unwrap();
        let corner = holds_the_product(&made, &cutout());
        let left = mean(&made, corner, (-0.22, -0.03), (0.0, 0.05));
        let right = mean(&made, corner, (1.03, 1.22), (0.0, 0.05));
        let before = mean(&made, corner, (0.2, 0.8), (-0.06, -0.02));
        let far = mean(&made, corner, (-0.3, -0.2), (-0.25, -0.2));
        (left, right, before, far)
    };
    let (left, right, before, far) = shadows(-80.0);
    assert!(right < left - 15.0, "from the left: {left} {right}");
    assert!(
        before < far - 4.0,
        "the floor before the product is darker: {before} {far}"
    );
    let (left, right, ..) = shadows(80.0);
    assert!(left < right - 15.0, "from the right: {left} {right}");
    let (_, _, behind, far) = shadows(180.0);
    assert!(
        behind < far - 15.0,
        "from behind it falls to the front: {behind} {far}"
    );
}

#[test]
fn light_has_a_colour_and_the_product_takes_it_on_when_asked() {
    let backdrop = scene(SCENE, &lamp(-40.0, 50.0, [1.0, 0.5, 0.25]));
    let made = compose(&cutout(), &backdrop, &layout()).unwrap();
    assert!(
        made.rgba[0] > made.rgba[2] + 20,
        "the wall is warm: {:?}",
        &made.rgba[..4]
    );
    let harmonised = Layout {
        harmonise: 0.6,
        ..layout()
    };
    let warm = compose(&cutout(), &backdrop, &harmonised).unwrap();
    let middle = (made.rgba.len() / 8 * 4 + made.width as usize * 2) / 4 * 4;
    assert_ne!(made.rgba[middle..middle + 3], warm.rgba[middle..middle + 3]);
}

#[test]
fn the_same_seed_makes_the_same_picture_and_another_does_not() {
    let text = SCENE.replace("[wall]", "material = 'concrete'\n[wall]");
    let backdrop = scene(&text, &Environment::softbox());
    let with = |seed| compose(&cutout(), &backdrop, &Layout { seed, ..layout() }).unwrap();
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
}

#[test]
fn every_scene_of_the_program_is_rendered() {
    for name in Scene::built_in_names() {
        let scene = Scene::built_in(name).unwrap().unwrap();
        let lit = Lit::new(scene, &Environment::softbox(), 3);
        let made = compose(&cutout(), &Backdrop::Scene(Box::new(lit)), &layout()).unwrap();
        holds_the_product(&made, &cutout());
        let levels: Vec<u8> = made.rgba.iter().step_by(4).copied().collect();
        let (least, most) = (levels.iter().min(), levels.iter().max());
        assert!(least < most, "{name} is one flat colour");
    }
}

#[test]
fn cut_outs_that_are_hardly_any_are_dealt_with() {
    let scene = scene(SCENE, &Environment::softbox());
    let empty = painted(50, 40, |_, _| [9, 9, 9, 0]);
    assert_eq!(compose(&empty, &scene, &layout()), Err(PlaceError::Empty));
    for solid in [
        painted(1, 1, |_, _| [9, 9, 9, 255]),
        painted(3, 400, |_, _| [9, 9, 9, 255]),
        painted(400, 2, |_, _| [9, 9, 9, 255]),
        // Full, and cut by the frame: there is nothing but product.
        painted(120, 120, |_, _| [9, 9, 9, 255]),
    ] {
        for backdrop in [&Backdrop::Plain([255; 3]), &scene] {
            let made = compose(&solid, backdrop, &layout()).unwrap();
            assert!(
                made.rgba.as_chunks::<4>().0.contains(&[9, 9, 9, 255]),
                "{solid:?}"
            );
        }
    }
    let long = painted(20_000, 1, |_, _| [9, 9, 9, 255]);
    let error = compose(&long, &scene, &layout()).unwrap_err();
    assert!(matches!(error, PlaceError::TooLarge { .. }));
    let smaller = Layout {
        longest_side: Some(500),
        ..layout()
    };
    let made = compose(&long, &scene, &smaller).unwrap();
    assert_eq!((made.width, made.height), (500, 500));
}

#[test]
fn a_maker_cuts_out_and_says_where_the_picture_comes_from() {
    let photo = painted(300, 240, |x, y| {
        let inside = (90..210).contains(&x) && (60..180).contains(&y);
        let value = if inside { product_grey(x, y) } else { 255 };
        [value, value, value, 255]
    });
    let file = encode(&photo, ImageFormat::Png, 100, &Metadata::default()).unwrap();
    let mut maker = BackdropMaker {
        matting: Box::new(DarkIsProduct),
        backdrop: Arc::new(scene(SCENE, &Environment::softbox())),
        backdrop_id: "test@1".to_string(),
        layout: layout(),
        format: ImageFormat::Png,
        quality: 90,
        limits: Limits::default(),
    };
    let id = PhotoId([5; 32]);
    let made = maker.make(id, &file).unwrap().unwrap();
    assert_eq!(vec![made[0].planned.clone()], maker.plan(id));
    let text = String::from_utf8_lossy(&made[0].bytes);
    assert!(text.contains("digitalsourcetype/compositeSynthetic"));
    assert!(text.contains(&id.to_string()));
    let shown = decode_pixels(&made[0].bytes, &DecodeOptions::default()).unwrap();
    assert_eq!((shown.width, shown.height), (made[0].width, made[0].height));
    assert_eq!(maker.make(id, &file).unwrap().unwrap(), made);
    maker.layout.seed = 2;
    assert_ne!(
        vec![made[0].planned.clone()],
        maker.plan(id),
        "another seed is another asset"
    );

    let white = painted(60, 60, |_, _| [255; 4]);
    let file = encode(&white, ImageFormat::Jpeg, 90, &Metadata::default()).unwrap();
    let bad = maker.make(id, &file).unwrap().unwrap_err();
    assert_eq!(bad.code, "no-product");
}
