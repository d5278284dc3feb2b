//! Floor and wall in the light of an environment, with the product's shadows and its mirror image.

use showroom_catalog::Pixels;
use showroom_pixels::{Rect, crop};

use super::environment::Environment;
use super::ground::Outline;
use super::light::{Light, Use, light};
use super::noise::hashed;
use super::scene::{Scene, Surface};
use super::shadow::ShadowMap;
use super::stage::{Place, Stage};
use super::tone::{level, linear, luminance, shoulder};

/// The mirror image is blurred to this share of the product's size.
const MIRROR_SIDE: f32 = 220.0;
/// Where a product touches the floor no light comes in between: how dark that is, and how far it is seen, in
/// units along the floor.
const CONTACT_DARK: f32 = 0.75;
const CONTACT_REACH: f32 = 0.07;
/// The mirror image fades over this many units.
const MIRROR_REACH: f32 = 0.5;

/// A scene with its light: made once, used for every photo.
#[derive(Clone, Debug)]
pub struct Lit {
    pub scene: Scene,
    light: Light,
    /// Colour of the light on floor and wall: luminance about 1, as much tinted as the scene asks for.
    floor: [f32; 3],
    wall: [f32; 3],
}

/// What shading needs beside the scene.
struct Shading<'a> {
    stage: Stage,
    shadows: ShadowMap,
    outline: Outline,
    /// The product at a small size, and how many of its pixels one of the picture is.
    mirror: Option<(Pixels, f32)>,
    found: Rect,
    floor: Surfaced<'a>,
    wall: Surfaced<'a>,
    seed: u64,
}

struct Surfaced<'a> {
    surface: &'a Surface,
    colour: [f32; 3],
}

impl Lit {
    /// Lights a scene with the environment that it names.
    pub fn new(scene: Scene, environment: &Environment, seed: u64) -> Lit {
        let (azimuth, _) = environment.key_light();
        let light = light(
            environment,
            Use {
                turn: scene.light.from.map_or(0.0, |from| from - azimuth),
                softness: scene.light.softness,
                seed,
            },
        );
        // The brighter of both surfaces shows in the colour that is written.
        let most = luminance(light.floor).max(luminance(light.wall)).max(1e-9);
        let tinted = |fallen: [f32; 3]| {
            let bright = luminance(fallen).max(1e-9);
            fallen.map(|part| {
                let tint = 1.0 + (part / bright - 1.0) * scene.light.tint;
                // Both surfaces are kept from falling into the dark: in a room light bounces.
                tint * (0.7 + 0.3 * bright / most) * scene.light.exposure
            })
        };
        Lit {
            floor: tinted(light.floor),
            wall: tinted(light.wall),
            light,
            scene,
        }
    }

    /// The scene behind and below a placed product.
    pub(super) fn rendered(&self, placed: &Pixels, found: Rect, seed: u64) -> Pixels {
        let scene = &self.scene;
        let stage = Stage {
            width: placed.width,
            height: placed.height,
            scale: found.width.max(found.height) as f32,
            middle: found.x as f32 + found.width as f32 / 2.0,
            ground: (found.y + found.height) as f32,
            camera_height: scene.camera.height,
            camera_distance: scene.camera.distance,
            wall: scene.wall.distance,
        };
        let outline = Outline::of(placed, found);
        let shading = Shading {
            shadows: ShadowMap::cast(&outline, &stage, &self.light, seed),
            mirror: (scene.floor.gloss > 0.0).then(|| mirror(placed, found)),
            stage,
            outline,
            found,
            floor: Surfaced::new(&scene.floor),
            wall: Surfaced::new(&scene.wall.surface),
            seed,
        };
        let (width, height) = (placed.width, placed.height);
        let mut rgba = Vec::with_capacity(placed.rgba.len());
        for y in 0..height {
            for x in 0..width {
                // What the product covers is not seen.
                if placed.rgba[rgba.len() + 3] == 255 {
                    rgba.extend([0, 0, 0, 255]);
                    continue;
                }
                let noise = hashed(x as i32, y as i32, seed ^ 0xd17e) - 0.5;
                let light = self.pixel(&shading, x as f32 + 0.5, y as f32 + 0.5);
                rgba.extend(
                    light.map(|part| {
                        (level(shoulder(part)) + noise).round().clamp(0.0, 255.0) as u8
                    }),
                );
                rgba.push(255);
            }
        }
        Pixels {
            width,
            height,
            rgba,
        }
    }

    fn pixel(&self, with: &Shading, column: f32, row: f32) -> [f32; 3] {
        let (scene, stage) = (&self.scene, &with.stage);
        let place = stage.place(column, row);
        let on_wall = wall_share(place.along, stage.wall, scene.wall.sweep);
        let floor = with.floor.at(&place, with.seed);
        let wall = with.wall.at(&place, with.seed ^ 0x3a11);
        let arrives = arriving(with, &place, scene.wall.sweep);
        let contact = 1.0 - contact(with, column, row) * (1.0 - on_wall);
        let [width, height] = [stage.width, stage.height].map(|side| side as f32);
        let (dx, dy) = (column / width - 0.5, row / height - 0.5);
        let corner = 1.0 - scene.vignette * ((dx * dx + dy * dy) * 2.0).powf(1.5);
        let spot = 1.0 - scene.light.spot * (1.0 - spot(place, stage));
        let mut light: [f32; 3] = std::array::from_fn(|c| {
            let shadow = 1.0 - (1.0 - arrives[c] * contact) * scene.light.shadow;
            let on_floor = floor[c] * self.floor[c];
            let on_the_wall = wall[c] * self.wall[c];
            (on_floor + (on_the_wall - on_floor) * on_wall) * shadow * corner * spot
        });
        if on_wall < 1.0
            && let Some([r, g, b, alpha]) = mirrored(with, column, row)
        {
            let share = alpha * scene.floor.gloss * (1.0 - on_wall);
            for (light, part) in light.iter_mut().zip([r, g, b]) {
                *light += (part - *light) * share;
            }
        }
        light
    }

    /// Gives the product the colour of the scene's light, its brightness unchanged.
    pub(super) fn harmonised(&self, placed: &mut Pixels, strength: f32) {
        let light: [f32; 3] = std::array::from_fn(|c| self.light.floor[c] + self.light.wall[c]);
        let bright = luminance(light).max(1e-9);
        let tint = light.map(|part| 1.0 + (part / bright - 1.0) * strength);
        for pixel in placed.rgba.as_chunks_mut::<4>().0 {
            let colour = linear([pixel[0], pixel[1], pixel[2]]);
            let before = luminance(colour);
            let tinted: [f32; 3] = std::array::from_fn(|c| colour[c] * tint[c]);
            let keep = before / luminance(tinted).max(1e-9);
            for (level_of, part) in pixel.iter_mut().zip(tinted) {
                *level_of = level(part * keep).round() as u8;
            }
        }
    }
}

impl<'a> Surfaced<'a> {
    fn new(surface: &'a Surface) -> Surfaced<'a> {
        Surfaced {
            surface,
            colour: linear(surface.colour),
        }
    }

    fn at(&self, place: &Place, seed: u64) -> [f32; 3] {
        let scale = self.surface.scale;
        let pattern = self.surface.material.at(
            place.across / scale,
            place.along / scale,
            place.detail / scale,
            seed,
        );
        std::array::from_fn(|c| self.colour[c] * pattern[c])
    }
}

/// 0 on the floor, 1 on the wall, smooth over the sweep.
fn wall_share(along: f32, wall: f32, sweep: f32) -> f32 {
    let over = (along - wall) / (2.0 * sweep.max(0.01)) + 0.5;
    let share = over.clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}

/// What share of the light arrives. Over a sweep, where floor and wall are one surface, so are their
/// shadows: averaged over more the nearer to its middle.
fn arriving(with: &Shading, place: &Place, sweep: f32) -> [f32; 3] {
    const TAPS: i32 = 4;
    let reach = sweep - (place.along - with.stage.wall).abs();
    if reach <= 0.0 {
        return with.shadows.at(place.across, place.along);
    }
    let mut sum = [0.0; 3];
    for tap in -TAPS..=TAPS {
        let along = place.along + 0.7 * reach * tap as f32 / TAPS as f32;
        let at = with.shadows.at(place.across, along);
        sum.iter_mut().zip(at).for_each(|(sum, part)| *sum += part);
    }
    sum.map(|sum| sum / (2 * TAPS + 1) as f32)
}

/// How much darker the floor is where the product touches it.
fn contact(with: &Shading, column: f32, row: f32) -> f32 {
    let stage = &with.stage;
    let along = stage.scale * stage.camera_height / stage.camera_distance;
    let dark = |away: f32| CONTACT_DARK * (-away / CONTACT_REACH).exp();
    let feet = with
        .outline
        .feet_from(column, row)
        .map(|[across, down]| dark((across / stage.scale).hypot(down / along)));
    let touching = with.outline.contact_at(column);
    let line = match touching > 0.0 {
        true => touching * dark((row - with.outline.ground_at(column)).abs() / along),
        false => 0.0,
    };
    feet.fold(line, f32::max)
}

/// A pool of light round the product: 1 in its middle, towards 0 far from it.
fn spot(place: Place, stage: &Stage) -> f32 {
    let up = place.along - stage.wall.min(place.along.max(0.0)) - 0.35;
    let away = if stage.is_wall(place.along) {
        up
    } else {
        place.along * 0.5
    };
    (-(place.across * place.across + away * away) * 0.45).exp()
}

fn mirror(placed: &Pixels, found: Rect) -> (Pixels, f32) {
    let scale = (MIRROR_SIDE / found.width.max(found.height) as f32).min(1.0);
    let side = |side: u32| ((side as f32 * scale).round() as u32).max(1);
    // The box lies in the picture: it was found there.
    let product = crop(placed, found).unwrap_or_else(|_| placed.clone());
    (
        showroom_pixels::scale(&product, side(found.width), side(found.height)),
        scale,
    )
}

/// The product's mirror image in a floor pixel: linear light and how much of it is seen.
fn mirrored(with: &Shading, column: f32, row: f32) -> Option<[f32; 4]> {
    let (product, scale) = with.mirror.as_ref()?;
    let ground = with.outline.ground_at(column);
    let below = row - ground;
    if below < 0.0 {
        return None;
    }
    let x = (column - with.found.x as f32) * scale - 0.5;
    let y = (ground - below - with.found.y as f32) * scale - 0.5;
    let inside = x > -1.0 && y > -1.0 && x < product.width as f32 && y < product.height as f32;
    if !inside {
        return None;
    }
    let mut sum = [0.0f32; 4];
    let (left, top) = (x.floor(), y.floor());
    for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
        let (px, py) = (left as i64 + dx, top as i64 + dy);
        if px < 0 || py < 0 || px >= product.width.into() || py >= product.height.into() {
            continue;
        }
        let weight = (1.0 - (x - px as f32).abs()) * (1.0 - (y - py as f32).abs());
        let at = (py as usize * product.width as usize + px as usize) * 4;
        let alpha = f32::from(product.rgba[at + 3]) / 255.0 * weight;
        let colour = linear([product.rgba[at], product.rgba[at + 1], product.rgba[at + 2]]);
        for (sum, part) in sum.iter_mut().zip(colour) {
            *sum += part * alpha;
        }
        sum[3] += alpha;
    }
    let [r, g, b, alpha] = sum;
    let fade = (1.0 - below / (MIRROR_REACH * with.stage.scale)).max(0.0);
    (alpha > 1e-3).then(|| [r / alpha, g / alpha, b / alpha, alpha * fade * fade])
}
