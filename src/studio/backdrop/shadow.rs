//! How much of each lamp's light reaches floor and wall behind and before a product.
//!
//! Each solid cell of the product is carried along the light onto the floor, or onto the wall behind it,
//! for each lamp and for a few depths within the product. Contact shadow, cast shadow and the soft
//! darkness between them are the same thing here: light of some lamps that does not arrive.

use super::ground::Outline;
use super::light::{Lamp, Light};
use super::noise::hashed;
use super::stage::Stage;

/// Units of a cell of the map.
const CELL: f32 = 1.0 / 220.0;
/// Cells of a map at the most; of a larger scene the cells are larger.
const MOST_CELLS: f32 = 3e6;
/// Bits of shadow of a cell as deep as can be, over its depth. Each lies at random within its share, else
/// hard light from the side would show them as stripes.
const SLICES: f32 = 4.0;
/// A product is at most this thick, in units, and as thick as it is wide by this factor.
const THICKEST: f32 = 0.3;
const ROUNDNESS: f32 = 1.4;
/// A product is at most about this deep behind its lowest point, in units: it may have been photographed from
/// further above than the scene is seen.
const DEEPEST: f32 = 0.6;
/// Each bit of shadow is moved aside at random by this share of its way from the product, as the lamps are
/// points and their shadows have edges; then the map is smoothed.
const SWAY: f32 = 0.05;
const SMOOTHED: usize = 3;

/// What share of the light arrives, over floor and wall.
#[derive(Clone, Debug, PartialEq)]
pub struct ShadowMap {
    left: f32,
    front: f32,
    cell: f32,
    columns: usize,
    rows: usize,
    /// Row by row from the front; red, green, blue; 0–1.
    share: Vec<[f32; 3]>,
}

impl ShadowMap {
    /// The shadows of a product on a stage.
    pub fn cast(outline: &Outline, stage: &Stage, light: &Light, seed: u64) -> ShadowMap {
        let [left, right, front, back] = stage.bounds();
        let (across, along) = ((right - left).max(0.01), (back - front).max(0.01));
        let cell = CELL.max((across * along / MOST_CELLS).sqrt());
        let size = |length: f32| (length / cell).ceil() as usize + 3;
        let mut map = ShadowMap {
            left: left - cell,
            front: front - cell,
            cell,
            columns: size(across),
            rows: size(along),
            share: Vec::new(),
        };
        let points = points(outline, stage);
        let count = map.columns * map.rows;
        let wall_row = map.row(stage.wall);
        let mut taken = vec![[0.0f32; 3]; count];
        // Which lamp darkened a cell last: each darkens it once.
        let mut last = vec![u16::MAX; count];
        for (number, lamp) in light.lamps.iter().enumerate() {
            let mut stamp = |across: f32, along: f32| {
                let (column, row) = (map.column(across), map.row(along));
                let (x, y) = (column.floor(), row.floor());
                if x < 0.0 || y < 0.0 || x + 1.0 >= map.columns as f32 || y + 1.0 >= map.rows as f32
                {
                    return;
                }
                let first = y as usize * map.columns + x as usize;
                for (at, up) in [
                    (first, 0.0),
                    (first + 1, 0.0),
                    (first + map.columns, 1.0),
                    (first + map.columns + 1, 1.0),
                ] {
                    if last[at] != number as u16 {
                        last[at] = number as u16;
                        let light = if y + up > wall_row {
                            lamp.wall
                        } else {
                            lamp.floor
                        };
                        taken[at]
                            .iter_mut()
                            .zip(light)
                            .for_each(|(sum, part)| *sum += part);
                    }
                }
            };
            for point in &points {
                carry(point, (number as i32, lamp), stage, seed, &mut stamp);
            }
        }
        map.share = taken
            .iter()
            .enumerate()
            .map(|(at, taken)| {
                let whole = match (at / map.columns) as f32 > wall_row {
                    true => light.wall,
                    false => light.floor,
                };
                std::array::from_fn(|c| (1.0 - taken[c] / whole[c].max(1e-9)).clamp(0.0, 1.0))
            })
            .collect();
        for _ in 0..SMOOTHED {
            map.smooth();
        }
        map
    }

    fn column(&self, across: f32) -> f32 {
        (across - self.left) / self.cell
    }

    fn row(&self, along: f32) -> f32 {
        (along - self.front) / self.cell
    }

    /// What share of the light arrives at a place; 1 beyond the map.
    pub fn at(&self, across: f32, along: f32) -> [f32; 3] {
        let (x, y) = (self.column(across), self.row(along));
        let inside =
            x >= 0.0 && y >= 0.0 && x < (self.columns - 1) as f32 && y < (self.rows - 1) as f32;
        if !inside {
            return [1.0; 3];
        }
        let (fx, fy) = (x.fract(), y.fract());
        let first = y as usize * self.columns + x as usize;
        std::array::from_fn(|c| {
            let at = |at: usize| self.share[at][c];
            let near = at(first) + (at(first + 1) - at(first)) * fx;
            let below = first + self.columns;
            let far = at(below) + (at(below + 1) - at(below)) * fx;
            near + (far - near) * fy
        })
    }

    /// Binomial over three cells, both ways.
    fn smooth(&mut self) {
        let (columns, rows) = (self.columns, self.rows);
        let mut across = self.share.clone();
        for y in 0..rows {
            for x in 1..columns - 1 {
                let at = y * columns + x;
                across[at] = std::array::from_fn(|c| {
                    0.25 * (self.share[at - 1][c] + self.share[at + 1][c]) + 0.5 * self.share[at][c]
                });
            }
        }
        for at in columns..columns * (rows - 1) {
            self.share[at] = std::array::from_fn(|c| {
                0.25 * (across[at - columns][c] + across[at + columns][c]) + 0.5 * across[at][c]
            });
        }
    }
}

/// A solid bit of the product in space: to the right, up, towards the camera.
struct Point {
    across: f32,
    up: f32,
    near: f32,
    /// How far it reaches backwards.
    thick: f32,
    /// How high a cell is there, in units.
    tall: f32,
    /// For what is random.
    number: i32,
}

fn points(outline: &Outline, stage: &Stage) -> Vec<Point> {
    let mut points = Vec::new();
    let units_of_cell = outline.cell[0].max(outline.cell[1]) / stage.scale;
    for column in 0..outline.columns {
        let x = outline.origin[0] + (column as f32 + 0.5) * outline.cell[0];
        for row in 0..outline.rows {
            let y = outline.origin[1] + (row as f32 + 0.5) * outline.cell[1];
            let ground = outline.ground_of(column, row);
            if !outline.is_solid(column, row) || y > ground {
                continue;
            }
            let behind = stage.distance_of_row(ground) - stage.camera_distance;
            let distance = stage.camera_distance + DEEPEST * (behind / DEEPEST).tanh();
            let units = distance / (stage.scale * stage.camera_distance);
            let inset = outline.inset[row * outline.columns + column] * units_of_cell;
            points.push(Point {
                across: (x - stage.middle) * units,
                up: ((ground - y) * units).max(0.0),
                // From the front backwards: what is seen of a product is its front.
                near: stage.camera_distance - distance,
                thick: (2.0 * ROUNDNESS * inset).min(THICKEST),
                tall: outline.cell[1] * units,
                number: (points.len() % (1 << 24)) as i32,
            });
        }
    }
    points
}

/// Where the shadow of a point falls for a lamp.
fn carry(
    point: &Point,
    (number, lamp): (i32, &Lamp),
    stage: &Stage,
    seed: u64,
    stamp: &mut impl FnMut(f32, f32),
) {
    let [right, up, near] = lamp.towards;
    // A cell is drawn out along the floor where the light is low: more than one stamp then, at random
    // heights within the cell, which also softens the steps.
    let drawn_out = (right * right + near * near).sqrt() / up;
    let steps = (drawn_out * 0.8).ceil().clamp(1.0, 3.0);
    let slices = (SLICES * point.thick / THICKEST).ceil().max(1.0);
    for slice in 0..slices as i32 {
        let which = point.number ^ (slice << 28);
        let depth = (slice as f32 + hashed(which, number, seed ^ 0xdee9)) / slices;
        let front = point.near - point.thick * depth;
        for step in 0..steps as i32 {
            let jitter = hashed(which, step, seed) - 0.5;
            let within = (step as f32 + 0.5 + jitter) / steps - 0.5;
            let height = (point.up + within * point.tall).max(0.0);
            let random = hashed(which ^ (step << 25), number, seed ^ 0x5a7);
            let aside = right + SWAY * (random - 0.5);
            // Another random number, of the digits that the first one hardly used.
            let off = SWAY * ((random * 4096.0).fract() - 0.5);
            let reach = height / up;
            let floor = front - reach * (near + off);
            if -floor <= stage.wall {
                stamp(point.across - reach * aside, -floor);
            } else if near > 1e-4 {
                let reach = (front + stage.wall) / near;
                let along = stage.wall + height - reach * (up + off);
                stamp(point.across - reach * aside, along);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use showroom_catalog::Pixels;
    use showroom_pixels::Rect;

    use super::*;

    #[test]
    fn hard_light_from_the_side_casts_no_stripes() {
        // A block of 100 × 100 pixels, lit from the left by one direction alone.
        let placed = Pixels {
            width: 400,
            height: 200,
            rgba: (0..400 * 200)
                .flat_map(|at| match (at % 400, at / 400) {
                    (50..150, 50..150) => [90, 90, 90, 255],
                    _ => [0; 4],
                })
                .collect(),
        };
        let found = Rect {
            x: 50,
            y: 50,
            width: 100,
            height: 100,
        };
        let stage = Stage {
            width: 400,
            height: 200,
            scale: 100.0,
            middle: 100.0,
            ground: 150.0,
            camera_height: 1.0,
            camera_distance: 4.0,
            wall: 2.0,
        };
        let lamp = Lamp {
            towards: [-0.8, 0.6, 0.0],
            floor: [1.0; 3],
            wall: [0.0; 3],
        };
        let light = Light {
            lamps: vec![lamp; 16],
            floor: [16.0; 3],
            wall: [0.0; 3],
        };
        let map = ShadowMap::cast(&Outline::of(&placed, found), &stage, &light, 1);
        // Beside the block, over the depth that it has: 0.3 units.
        let shadow: Vec<f32> = (2..28)
            .map(|step| map.at(0.9, step as f32 / 100.0)[0])
            .collect();
        assert!(shadow.iter().all(|share| *share < 0.2), "{shadow:?}");
        assert!(map.at(0.9, -0.1)[0] > 0.95 && map.at(0.9, 0.5)[0] > 0.95);
        assert!(map.at(-0.8, 0.1)[0] > 0.95, "none on the side of the light");
    }
}
