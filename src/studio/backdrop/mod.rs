//! A cut-out on something else: a colour, a gradient, a picture, a rendered scene, or what a model makes of
//! words ([`InpaintMaker`]).
//!
//! The product's own pixels stay as they are: where the cut-out is opaque the result has its bytes, unless
//! it has to be made smaller ([`Layout::longest_side`]) or [`Layout::harmonise`] asks for the light of the
//! scene on it. The same input and seed give the same pixels.

mod environment;
mod ground;
mod inpaint;
mod light;
mod maker;
mod material;
mod noise;
mod render;
mod scene;
mod shadow;
mod stage;
mod tone;

use showroom_catalog::Pixels;
use showroom_pixels::{Rect, crop};

pub use environment::{BadEnvironment, Environment, direction_of};
pub use inpaint::InpaintMaker;
pub use light::{Lamp, Light, Use, light};
pub use maker::BackdropMaker;
pub use material::Material;
pub use render::Lit;
pub use scene::{Camera, Scene, SceneLight, Standing, Surface, Wall, parse_colour};

use crate::place::{Canvas, PlaceError, VISIBLE, canvas, visible_box};

/// What the product is put on.
#[derive(Clone, Debug)]
pub enum Backdrop {
    Plain([u8; 3]),
    Gradient(Gradient),
    /// Scaled and cut so that it covers all of the result.
    Picture(Pixels),
    Scene(Box<Lit>),
}

/// A colour that goes over into another in a straight line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gradient {
    pub from: [u8; 3],
    pub to: [u8; 3],
    /// Degrees: 0 from left to right, 90 from top to bottom.
    pub angle: f32,
}

/// How the product is laid out, and what is done to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layout {
    /// How much of the picture the product takes along the axis that it fills more, 0–1; `None` is what the
    /// backdrop suggests.
    pub fill: Option<f64>,
    /// Width / height; `None` is 1.
    pub aspect: Option<f64>,
    /// Pixels of the longer side; `None` keeps the product's pixels one for one. Nothing is enlarged.
    pub longest_side: Option<u32>,
    /// How far the product takes on the light's colour, 0–1; 0 leaves its pixels alone. Scenes only.
    pub harmonise: f32,
    pub seed: u64,
}

/// How much of a plain picture a product takes.
const FILL: f64 = 0.8;

/// Puts a cut-out (straight alpha) on a backdrop. The result is opaque.
pub fn compose(
    cutout: &Pixels,
    backdrop: &Backdrop,
    layout: &Layout,
) -> Result<Pixels, PlaceError> {
    let standing = match backdrop {
        Backdrop::Scene(lit) => Some(lit.scene.product),
        _ => None,
    };
    let wanted = Canvas {
        fill: layout
            .fill
            .unwrap_or(standing.map_or(FILL, |standing| standing.fill)),
        aspect: Some(layout.aspect.unwrap_or(1.0)),
        longest_side: layout.longest_side,
    };
    let mut placed = canvas(cutout, &wanted)?;
    let mut found = visible_box(&placed).ok_or(PlaceError::Empty)?;
    if let Some(standing) = standing {
        (placed, found) = stood(placed, found, standing.baseline);
    }
    let (width, height) = (placed.width, placed.height);
    let mut under = match backdrop {
        Backdrop::Plain([r, g, b]) => Pixels {
            width,
            height,
            rgba: [*r, *g, *b, 255].repeat(width as usize * height as usize),
        },
        Backdrop::Gradient(gradient) => gradient.drawn(width, height, layout.seed),
        Backdrop::Picture(picture) => covering(picture, width, height),
        Backdrop::Scene(lit) => lit.rendered(&placed, found, layout.seed),
    };
    if let Backdrop::Scene(lit) = backdrop
        && layout.harmonise > 0.0
    {
        lit.harmonised(&mut placed, layout.harmonise);
    }
    over(&placed, &mut under);
    Ok(under)
}

/// The picture moved so that the product's lowest point is at `baseline`, or as near to it as leaves all
/// of the product in the picture.
fn stood(placed: Pixels, found: Rect, baseline: f64) -> (Pixels, Rect) {
    let lowest = (f64::from(placed.height) * baseline).round() as i64;
    let top = (lowest - i64::from(found.height)).clamp(0, i64::from(placed.height - found.height));
    let top = top as u32;
    let stride = placed.width as usize * 4;
    let mut rgba = vec![0; placed.rgba.len()];
    let from = found.y as usize * stride;
    let count = found.height as usize * stride;
    let to = top as usize * stride;
    rgba[to..to + count].copy_from_slice(&placed.rgba[from..from + count]);
    (Pixels { rgba, ..placed }, Rect { y: top, ..found })
}

/// Lays a picture with alpha over an opaque one of the same size.
fn over(placed: &Pixels, under: &mut Pixels) {
    let (below, _) = under.rgba.as_chunks_mut::<4>();
    for (below, above) in below.iter_mut().zip(placed.rgba.as_chunks::<4>().0) {
        match above[3] {
            // What is fainter is the haze of a mask, which a pure background must not keep.
            0..VISIBLE => {}
            255 => *below = *above,
            alpha => {
                let alpha = u32::from(alpha);
                for (below, above) in below.iter_mut().zip(above).take(3) {
                    let sum = u32::from(*above) * alpha + u32::from(*below) * (255 - alpha);
                    *below = ((sum + 127) / 255) as u8;
                }
            }
        }
    }
}

/// The middle of a picture at this size.
fn covering(picture: &Pixels, width: u32, height: u32) -> Pixels {
    let scale = (f64::from(width) / f64::from(picture.width.max(1)))
        .max(f64::from(height) / f64::from(picture.height.max(1)));
    let part =
        |side: u32, most: u32| ((f64::from(side) / scale).round() as u32).clamp(1, most.max(1));
    let (part_width, part_height) = (part(width, picture.width), part(height, picture.height));
    let middle = Rect {
        x: (picture.width.saturating_sub(part_width)) / 2,
        y: (picture.height.saturating_sub(part_height)) / 2,
        width: part_width,
        height: part_height,
    };
    let mut shown = crop(picture, middle).unwrap_or_else(|_| picture.clone());
    showroom_pixels::composite_over_white(&mut shown);
    showroom_pixels::scale(&shown, width, height)
}

impl Gradient {
    /// In linear light, so that the middle is as bright as it looks between both; with noise of half a
    /// level, so that no steps are seen.
    fn drawn(&self, width: u32, height: u32, seed: u64) -> Pixels {
        let (from, to) = (tone::linear(self.from), tone::linear(self.to));
        let (sin, cos) = self.angle.to_radians().sin_cos();
        let (w, h) = (width as f32, height as f32);
        // Half of the picture's extent along the line.
        let reach = (0.5 * (w * cos.abs() + h * sin.abs())).max(0.5);
        let mut rgba = Vec::with_capacity(width as usize * height as usize * 4);
        for y in 0..height {
            for x in 0..width {
                let along = (x as f32 + 0.5 - w / 2.0) * cos + (y as f32 + 0.5 - h / 2.0) * sin;
                let share = (0.5 + 0.5 * along / reach).clamp(0.0, 1.0);
                let noise = noise::hashed(x as i32, y as i32, seed) - 0.5;
                for (from, to) in from.iter().zip(to) {
                    let level = tone::level(from + (to - from) * share);
                    rgba.push((level + noise).round().clamp(0.0, 255.0) as u8);
                }
                rgba.push(255);
            }
        }
        Pixels {
            width,
            height,
            rgba,
        }
    }
}
