//! What surfaces are made of: patterns that are computed, so that they have any size and no tile.

use serde::Deserialize;

use super::noise::{hashed, rough, smooth};

/// A pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Material {
    /// One colour.
    #[default]
    Plain,
    /// Seamless paper: a breath of unevenness.
    Paper,
    /// Trowelled plaster.
    Plaster,
    Concrete,
    /// Boards, running from left to right.
    Wood,
    /// Veined stone.
    Marble,
    Sand,
    /// Square tiles with joints.
    Tiles,
}

impl Material {
    /// How much light each colour of the surface throws back at a place, as a factor of its plain colour.
    /// `x` runs to the right and `y` away or up, both in units of the pattern; `detail` is how many of
    /// those a pixel covers: what is finer is left out.
    pub fn at(self, x: f32, y: f32, detail: f32, seed: u64) -> [f32; 3] {
        match self {
            Material::Plain => [1.0; 3],
            Material::Paper => [1.0 + 0.02 * (rough(x * 5.0, y * 5.0, 3, seed) - 0.5); 3],
            Material::Plaster => plaster(x, y, detail, seed),
            Material::Concrete => concrete(x, y, detail, seed),
            Material::Wood => wood(x, y, detail, seed),
            Material::Marble => marble(x, y, seed),
            Material::Sand => sand(x, y, detail, seed),
            Material::Tiles => tiles(x, y, detail, seed),
        }
    }
}

/// 1 where features of this size are larger than two pixels, falling to 0 where they are smaller than half.
fn seen(size: f32, detail: f32) -> f32 {
    (size / detail.max(1e-6) / 1.5 - 0.33).clamp(0.0, 1.0)
}

fn plaster(x: f32, y: f32, detail: f32, seed: u64) -> [f32; 3] {
    let clouds = rough(x * 1.5, y * 1.5, 4, seed) - 0.5;
    let strokes = rough(x * 3.0 + 2.0 * clouds, y * 14.0, 3, seed + 40) - 0.5;
    [1.0 + 0.10 * clouds + 0.05 * strokes * seen(0.07, detail); 3]
}

fn concrete(x: f32, y: f32, detail: f32, seed: u64) -> [f32; 3] {
    let clouds = rough(x * 1.3, y * 1.3, 5, seed) - 0.5;
    let grain = (smooth(x * 90.0, y * 90.0, seed + 9) - 0.5) * seen(0.012, detail);
    // A pore here and there.
    let pore = smooth(x * 26.0, y * 26.0, seed + 17);
    let pore = ((pore - 0.9) * 10.0).clamp(0.0, 1.0) * seen(0.03, detail);
    let value = 1.0 + 0.28 * clouds + 0.06 * grain - 0.16 * pore;
    [value, value, value * (1.0 + 0.02 * clouds)]
}

fn wood(x: f32, y: f32, detail: f32, seed: u64) -> [f32; 3] {
    const BOARD: f32 = 0.32;
    let board = (y / BOARD).floor();
    let within = y / BOARD - board;
    let own = seed.wrapping_add(board as i64 as u64).wrapping_mul(31);
    let tone = hashed(board as i32, 3, seed) - 0.5;
    // Rings of a trunk cut lengthways: long lines that wave a little.
    let shift = 20.0 * hashed(board as i32, 11, seed);
    let (x, y) = (x + shift, y + shift);
    let wave = rough(x * 0.8, y * 2.2, 3, own) * 2.0;
    let rings = (y * 34.0 + wave * 7.0).sin() * 0.5 + 0.5;
    let grain = rough(x * 3.0, y * 120.0, 3, own + 5) - 0.5;
    let pores = rough(x * 9.0, y * 260.0, 2, own + 8) - 0.5;
    let joint = (within.min(1.0 - within) * BOARD / 0.004).clamp(0.0, 1.0);
    let joint = 1.0 - (1.0 - joint) * 0.55 * seen(0.008, detail);
    let dark = 0.16 * rings * seen(0.09, detail) - 0.17 * grain * seen(0.02, detail)
        + 0.10 * pores * seen(0.008, detail);
    let value = (1.0 + 0.14 * tone - dark + 0.05) * joint;
    // Darker wood is redder.
    [
        value,
        value * (1.0 - 0.10 * dark),
        value * (1.0 - 0.22 * dark),
    ]
}

fn marble(x: f32, y: f32, seed: u64) -> [f32; 3] {
    let bend = rough(x * 1.1, y * 1.1, 5, seed) * 2.4;
    let vein = |freq: f32, at: u64, sharp: f32| {
        let run = rough(x * freq + bend, y * freq * 0.7 - bend, 4, seed + at) - 0.5;
        (1.0 - (run.abs() * sharp).min(1.0)).powi(3)
    };
    let clouds = rough(x * 0.9, y * 0.9, 4, seed + 60) - 0.5;
    let strength = smooth(x * 0.7, y * 0.7, seed + 90);
    let veins = 0.42 * vein(0.9, 20, 22.0) * strength + 0.16 * vein(2.1, 30, 18.0);
    let value = 1.0 + 0.05 * clouds - veins;
    [
        value,
        value * (1.0 + 0.01 * veins),
        value * (1.0 + 0.03 * veins),
    ]
}

fn sand(x: f32, y: f32, detail: f32, seed: u64) -> [f32; 3] {
    let dunes = rough(x * 1.2, y * 3.0, 4, seed) - 0.5;
    let ripple =
        ((y * 30.0 + rough(x * 2.0, y * 2.0, 3, seed + 4) * 9.0).sin()) * seen(0.1, detail);
    let grain = (smooth(x * 240.0, y * 240.0, seed + 7) - 0.5) * seen(0.006, detail);
    [1.0 + 0.14 * dunes + 0.025 * ripple + 0.12 * grain; 3]
}

fn tiles(x: f32, y: f32, detail: f32, seed: u64) -> [f32; 3] {
    const TILE: f32 = 0.5;
    let (column, row) = ((x / TILE).floor(), (y / TILE).floor());
    let (fx, fy) = (x / TILE - column, y / TILE - row);
    let edge = fx.min(1.0 - fx).min(fy).min(1.0 - fy) * TILE;
    let joint = 1.0 - (1.0 - (edge / 0.007).clamp(0.0, 1.0)) * 0.3 * seen(0.014, detail);
    let tone = hashed(column as i32, row as i32, seed) - 0.5;
    let clouds = rough(x * 2.0, y * 2.0, 3, seed + 2) - 0.5;
    [(1.0 + 0.05 * tone + 0.06 * clouds) * joint; 3]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_about_their_plain_colour_and_repeat() {
        use Material::*;
        for material in [Plain, Paper, Plaster, Concrete, Wood, Marble, Sand, Tiles] {
            let (mut sum, count) = (0.0, 4000);
            for at in 0..count {
                let (x, y) = (at as f32 * 0.037 - 40.0, at as f32 * 0.0131 - 20.0);
                let colour = material.at(x, y, 0.002, 5);
                assert!(
                    colour.iter().all(|part| (0.2..1.5).contains(part)),
                    "{material:?} {colour:?}"
                );
                assert_eq!(colour, material.at(x, y, 0.002, 5));
                sum += colour[1];
            }
            let mean = sum / count as f32;
            assert!((0.85..1.1).contains(&mean), "{material:?}: {mean}");
        }
    }
}
