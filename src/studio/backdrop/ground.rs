//! Where a product touches the floor, and how thick it is, both guessed from its outline.
//!
//! The columns whose lowest point is near the lowest of all touch; the ground line is the hull under
//! those points, and goes on along an edge that lies on the hull, as that of a hammer seen from above. Feet
//! that end above it stand further back, each at its own depth, and the floor under a seat is free. A part
//! is taken to be as thick as it is wide.

use showroom_catalog::Pixels;
use showroom_pixels::{Mask, Rect, scale_mask};

/// Cells along the product's longer side.
const CELLS: f32 = 220.0;
/// A point touches where it is at most this far above the lowest of all: share of the product's height.
const TOUCHING: f32 = 0.1;
/// Or this far, where the ground line rises to it no more steeply than this: the edge of a bag seen from its
/// corner, and not the side of a ball.
const SLANTING: (f32, f32) = (0.3, 0.5);
/// Or this steeply, where the outline itself lies on the hull for this share of the product's width: something
/// that is tilted in the photo lies on the floor along that edge. As near as this share of the height, in this
/// share of its columns.
const LYING: (f32, f32) = (1.6, 0.3);
const ON_THE_HULL: (f32, f32) = (0.05, 0.75);
/// A foot ends at most this far above the ground line, and reaches this far down below what is on both sides
/// of it: shares of the height. And it is at most this wide: share of the width.
const FOOT_ABOVE: f32 = 0.22;
const FOOT_FREE: f32 = 0.07;
const FOOT_WIDTH: f32 = 0.2;
/// A column is in contact where its lowest point is nearer to the ground line than this share of the height.
const CONTACT: f32 = 0.04;
/// Cells over which contact fades at its ends.
const FADES: usize = 5;
/// A cell is the product from this alpha on.
const SOLID: u8 = 128;

/// A product as cells: which are solid, where each column stands, how thick each cell is.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    pub columns: usize,
    pub rows: usize,
    /// Pixels of a cell, and where the first cell begins in the picture.
    pub cell: [f32; 2],
    pub origin: [f32; 2],
    /// Alpha row by row.
    pub alpha: Vec<u8>,
    /// Row of the picture (in pixels) at which each column stands, its feet aside.
    ground: Vec<f32>,
    /// Feet that stand further back than the ground line.
    feet: Vec<Foot>,
    /// How far each column is in contact with the floor, 0–1, with [`Outline::MARGIN`] columns more on
    /// both sides.
    contact: Vec<f32>,
    /// Distance of each cell from the outline, in cells; 0 outside.
    pub inset: Vec<f32>,
}

/// A part that ends above the ground line, with nothing beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Foot {
    /// First column and the one behind the last.
    columns: [usize; 2],
    /// Its first row that has nothing beside it, and the row at which it stands, one past its last.
    rows: [usize; 2],
}

impl Outline {
    const MARGIN: usize = 2 * FADES;

    /// Of a placed cut-out and the box round what can be seen of it.
    pub fn of(placed: &Pixels, found: Rect) -> Outline {
        let longest = found.width.max(found.height) as f32;
        let side = |pixels: u32| {
            (pixels as f32 / longest * CELLS)
                .ceil()
                .clamp(1.0, pixels as f32)
        };
        let (columns, rows) = (side(found.width), side(found.height));
        let width = placed.width as usize;
        let alpha = (found.y..found.y + found.height).flat_map(|y| {
            (found.x..found.x + found.width)
                .map(move |x| placed.rgba[(y as usize * width + x as usize) * 4 + 3])
        });
        let whole = Mask {
            width: found.width,
            height: found.height,
            values: alpha.collect(),
        };
        let alpha = scale_mask(&whole, columns as u32, rows as u32).values;
        let (columns, rows) = (columns as usize, rows as usize);
        let cell = [
            found.width as f32 / columns as f32,
            found.height as f32 / rows as f32,
        ];
        let lowest = lowest_points(&alpha, columns, rows);
        let ground = ground_line(&lowest, rows);
        let feet = feet(&lowest, &ground, rows);
        let contact = contacts(&lowest, &ground, rows, Outline::MARGIN);
        Outline {
            columns,
            rows,
            cell,
            origin: [found.x as f32, found.y as f32],
            ground: ground
                .iter()
                .map(|row| found.y as f32 + row * cell[1])
                .collect(),
            feet,
            contact,
            inset: insets(&alpha, columns, rows),
            alpha,
        }
    }

    pub fn is_solid(&self, column: usize, row: usize) -> bool {
        self.alpha[row * self.columns + column] >= SOLID
    }

    /// Row of the picture, in pixels, at which stands what is seen in a cell.
    pub fn ground_of(&self, column: usize, row: usize) -> f32 {
        let own = self.feet.iter().find(|foot| {
            (foot.columns[0]..foot.columns[1]).contains(&column) && row >= foot.rows[0]
        });
        own.map_or(self.ground[column], |foot| self.row(foot.rows[1]))
    }

    fn row(&self, row: usize) -> f32 {
        self.origin[1] + row as f32 * self.cell[1]
    }

    /// How far a place of the picture is from each foot, in pixels across and down.
    pub fn feet_from(&self, column: f32, row: f32) -> impl Iterator<Item = [f32; 2]> {
        self.feet.iter().map(move |foot| {
            let [left, right] = foot
                .columns
                .map(|at| self.origin[0] + at as f32 * self.cell[0]);
            let across = (left - column).max(column - right).max(0.0);
            [across, row - self.row(foot.rows[1])]
        })
    }

    /// Row at which the product stands in a column of the picture, in pixels.
    pub fn ground_at(&self, column: f32) -> f32 {
        let at = ((column - self.origin[0]) / self.cell[0]).floor();
        let at = (at.max(0.0) as usize).min(self.columns - 1);
        self.ground[at]
    }

    /// How far the product is in contact with the floor in a column of the picture, 0–1.
    pub fn contact_at(&self, column: f32) -> f32 {
        let at = (column - self.origin[0]) / self.cell[0] + Outline::MARGIN as f32 - 0.5;
        if at < 0.0 {
            return 0.0;
        }
        let of = |at: usize| self.contact.get(at).copied().unwrap_or(0.0);
        let left = at as usize;
        of(left) + (of(left + 1) - of(left)) * at.fract()
    }
}

/// One past the lowest solid cell of each column; `None` where there is none.
fn lowest_points(alpha: &[u8], columns: usize, rows: usize) -> Vec<Option<usize>> {
    let column = |x: usize| (0..rows).rev().find(|y| alpha[y * columns + x] >= SOLID);
    (0..columns).map(|x| column(x).map(|y| y + 1)).collect()
}

/// The hull under the touching points, level beyond the first and the last.
fn ground_line(lowest: &[Option<usize>], rows: usize) -> Vec<f32> {
    let least = lowest.iter().flatten().copied().max().unwrap_or(rows) as f32;
    let hull = hull(lowest);
    let Some(middle) = hull.iter().position(|point| point.1 == least) else {
        return vec![least; lowest.len()];
    };
    // From the lowest point outwards, as far as the points touch.
    let touches = |from: (f32, f32), to: (f32, f32)| {
        let slope = (from.1 - to.1).abs() / (from.0 - to.0).abs();
        let slants = slope <= SLANTING.1 && to.1 >= least - SLANTING.0 * rows as f32;
        to.1 >= least - TOUCHING * rows as f32 || slants || lies(lowest, rows, from, to)
    };
    let after = hull[middle..]
        .windows(2)
        .take_while(|p| touches(p[0], p[1]));
    let end = middle + after.count();
    let before = hull[..=middle].windows(2).rev();
    let start = middle - before.take_while(|p| touches(p[1], p[0])).count();
    let touching = &hull[start..=end];
    let at = |x: f32| {
        let after = touching.iter().position(|point| point.0 >= x);
        match after {
            Some(0) => touching[0].1,
            Some(after) => {
                let (from, to) = (touching[after - 1], touching[after]);
                from.1 + (to.1 - from.1) * (x - from.0) / (to.0 - from.0)
            }
            None => hull[end].1,
        }
    };
    (0..lowest.len()).map(|x| at(x as f32)).collect()
}

/// Whether the outline itself lies on an edge of the hull, a long one and not too steep.
fn lies(lowest: &[Option<usize>], rows: usize, from: (f32, f32), to: (f32, f32)) -> bool {
    let run = (from.0 - to.0).abs();
    let slope = (to.1 - from.1) / (to.0 - from.0);
    if slope.abs() > LYING.0 || run < LYING.1 * lowest.len() as f32 {
        return false;
    }
    let (first, last) = (from.0.min(to.0) as usize, from.0.max(to.0) as usize);
    let on_the_hull = |x: &usize| {
        let row = from.1 + slope * (*x as f32 - from.0);
        lowest[*x].is_some_and(|lowest| row - lowest as f32 <= ON_THE_HULL.0 * rows as f32)
    };
    let count = (first..=last).filter(on_the_hull).count();
    count as f32 >= ON_THE_HULL.1 * (last - first + 1) as f32
}

/// Parts that end above the ground line, narrow and free on both sides: the back feet of a chair.
fn feet(lowest: &[Option<usize>], ground: &[f32], rows: usize) -> Vec<Foot> {
    let height = rows as f32;
    let bottom = |x: usize| lowest[x].unwrap_or(0);
    let mut found = Vec::new();
    let mut left = 0;
    while left < lowest.len() {
        // A run of columns that end within a little of each other, and lower than what is beside them.
        let mut right = left + 1;
        let mut low = bottom(left);
        while right < lowest.len()
            && bottom(right).abs_diff(bottom(right - 1)) as f32 <= 0.03 * height
        {
            low = low.max(bottom(right));
            right += 1;
        }
        let beside = |x: Option<usize>| {
            x.and_then(|x| lowest.get(x))
                .map_or(0, |low| low.unwrap_or(0))
        };
        let top = beside(left.checked_sub(1)).max(beside(Some(right)));
        let line = ground[(left + right) / 2];
        let above = line - low as f32;
        let narrow = (right - left) as f32 <= FOOT_WIDTH * lowest.len() as f32;
        let free = low as f32 - top as f32 >= FOOT_FREE * height;
        if narrow && free && above > CONTACT * height && above <= FOOT_ABOVE * height {
            found.push(Foot {
                columns: [left, right],
                rows: [top, low],
            });
        }
        left = right;
    }
    found
}

/// The hull under the lowest points, from left to right.
fn hull(lowest: &[Option<usize>]) -> Vec<(f32, f32)> {
    let points = lowest
        .iter()
        .enumerate()
        .filter_map(|(x, lowest)| Some((x as f32, (*lowest)? as f32)));
    // Monotone chain: rows grow downwards, so the lower hull has the greatest rows.
    let mut hull: Vec<(f32, f32)> = Vec::new();
    for point in points {
        while let [.., before, last] = hull[..] {
            let turn = (last.0 - before.0) * (point.1 - before.1)
                - (last.1 - before.1) * (point.0 - before.0);
            if turn < 0.0 {
                break;
            }
            hull.pop();
        }
        hull.push(point);
    }
    hull
}

/// How far each column is in contact, faded over a few cells, with `margin` columns more on both sides.
fn contacts(lowest: &[Option<usize>], ground: &[f32], rows: usize, margin: usize) -> Vec<f32> {
    let near = |(lowest, ground): (&Option<usize>, &f32)| {
        let gap = lowest.map_or(f32::MAX, |lowest| ground - lowest as f32);
        (1.0 - gap / (CONTACT * rows as f32).max(1.0)).clamp(0.0, 1.0)
    };
    let none = || std::iter::repeat_n(0.0, margin);
    let own = lowest.iter().zip(ground).map(near);
    let mut contact: Vec<f32> = none().chain(own).chain(none()).collect();
    for _ in 0..2 {
        let faded = |at: usize| {
            let from = at.saturating_sub(FADES / 2);
            let part = &contact[from..(at + FADES / 2 + 1).min(contact.len())];
            part.iter().sum::<f32>() / part.len() as f32
        };
        contact = (0..contact.len()).map(faded).collect();
    }
    contact
}

/// Chamfer distance (1, √2) to what is not solid; beyond the grid nothing is.
fn insets(alpha: &[u8], columns: usize, rows: usize) -> Vec<f32> {
    const DIAGONAL: f32 = std::f32::consts::SQRT_2;
    let stride = columns + 2;
    let mut far = vec![0.0f32; stride * (rows + 2)];
    for (y, row) in alpha.chunks_exact(columns).enumerate() {
        for (x, alpha) in row.iter().enumerate() {
            if *alpha >= SOLID {
                far[(y + 1) * stride + x + 1] = f32::MAX;
            }
        }
    }
    let inner = || (1..=rows).flat_map(|y| (1..=columns).map(move |x| y * stride + x));
    for at in inner() {
        let near = (far[at - 1] + 1.0)
            .min(far[at - stride] + 1.0)
            .min(far[at - stride - 1] + DIAGONAL)
            .min(far[at - stride + 1] + DIAGONAL);
        far[at] = far[at].min(near);
    }
    for at in inner().collect::<Vec<_>>().into_iter().rev() {
        let near = (far[at + 1] + 1.0)
            .min(far[at + stride] + 1.0)
            .min(far[at + stride + 1] + DIAGONAL)
            .min(far[at + stride - 1] + DIAGONAL);
        far[at] = far[at].min(near);
    }
    inner().map(|at| far[at]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(picture: &[&str]) -> (Vec<u8>, usize, usize) {
        let text = picture.concat();
        let alpha = text.bytes().map(|b| if b == b'#' { 255 } else { 0 });
        (alpha.collect(), picture[0].len(), picture.len())
    }

    #[test]
    fn a_chair_stands_on_its_feet() {
        // Front feet at row 20, a back foot a row higher; the seat does not touch.
        let mut picture = vec!["#########"; 12];
        picture.extend(vec!["#...#...#"; 7]);
        picture.push("#.......#");
        let (alpha, columns, rows) = drawn(&picture);
        let lowest = lowest_points(&alpha, columns, rows);
        assert_eq!(lowest[0], Some(20));
        assert_eq!(lowest[1], Some(12));
        assert_eq!(lowest[4], Some(19));
        let ground = ground_line(&lowest, rows);
        assert!(ground.iter().all(|row| *row == 20.0), "{ground:?}");
    }

    #[test]
    fn a_ball_stands_on_its_lowest_part_and_a_slanting_edge_on_all_of_it() {
        let ball: Vec<Option<usize>> = (-50i32..=50)
            .map(|x| Some((50.0 + f64::from(2500 - x * x).sqrt()).round() as usize))
            .collect();
        let ground = ground_line(&ball, 100);
        let highest = ground.iter().copied().fold(f32::MAX, f32::min);
        assert!((88.0..=96.0).contains(&highest), "{highest}");
        let contact = contacts(&ball, &ground, 100, 4);
        assert!(contact[54] > 0.9 && contact[8] < 0.05, "{contact:?}");
        // It rises by a quarter of the height, one in three.
        let bag: Vec<Option<usize>> = (0..75).map(|x| Some(100 - x / 3)).collect();
        let ground = ground_line(&bag, 100);
        assert!(ground[74] < 77.0 && contacts(&bag, &ground, 100, 4)[70] > 0.6);
    }

    #[test]
    fn a_slanting_base_slants_the_ground_line() {
        let lowest: Vec<Option<usize>> = (0..9).map(|x| Some(100 - x)).collect();
        let ground = ground_line(&lowest, 100);
        assert_eq!(ground, (0..9).map(|x| (100 - x) as f32).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_tilted_lies_along_its_edge() {
        // A stick that rises as steeply as it goes to the right, and a wedge on its tip that does not.
        let stick: Vec<Option<usize>> = (0..90).map(|x| Some(100 - x)).collect();
        let ground = ground_line(&stick, 100);
        assert!((ground[80] - 20.0).abs() < 1.0, "{ground:?}");
        let steep: Vec<Option<usize>> = (0..40).map(|x| Some(100 - 2 * x)).collect();
        assert!(ground_line(&steep, 100)[39] > 85.0);
        // A bowl on a foot: the hull goes from the foot to the rim, the outline does not.
        let bowl = |x: usize| if x < 10 { 100 } else { 45 };
        let bowl: Vec<Option<usize>> = (0..60).map(|x| Some(bowl(x))).collect();
        assert!(ground_line(&bowl, 100)[59] > 85.0);
    }

    #[test]
    fn back_feet_stand_where_they_end() {
        // Front feet at 100, back feet at 85, the seat at 50.
        let end = |x: usize| match x {
            0..5 | 95..100 => 100,
            30..34 | 66..70 => 85,
            _ => 50,
        };
        let lowest: Vec<Option<usize>> = (0..100).map(|x| Some(end(x))).collect();
        let ground = ground_line(&lowest, 100);
        assert!(ground.iter().all(|row| *row == 100.0));
        let foot = |left: usize| Foot {
            columns: [left, left + 4],
            rows: [50, 85],
        };
        assert_eq!(feet(&lowest, &ground, 100), [foot(30), foot(66)]);
        // Nothing else has feet: a ball, a box.
        let ball: Vec<Option<usize>> = (-50i32..=50)
            .map(|x| Some((50.0 + f64::from(2500 - x * x).sqrt()).round() as usize))
            .collect();
        assert_eq!(feet(&ball, &ground_line(&ball, 100), 100), []);
        let shelf = [Some(100); 50];
        assert_eq!(feet(&shelf, &ground_line(&shelf, 100), 100), []);
    }

    #[test]
    fn what_hangs_over_stands_where_the_base_ends() {
        // A wine glass: the bowl is wide, the foot narrow.
        let lowest = [Some(50), Some(50), Some(100), Some(100), Some(50), None];
        assert_eq!(ground_line(&lowest, 100), [100.0; 6]);
        assert_eq!(ground_line(&[None, None], 7), [7.0; 2]);
    }

    #[test]
    fn the_middle_of_a_part_is_farthest_from_its_outline() {
        let (alpha, columns, rows) = drawn(&["#####", "#####", "#####", "....."]);
        let found = insets(&alpha, columns, rows);
        assert_eq!(found[..5], [1.0; 5]);
        assert_eq!(found[5..10], [1.0, 2.0, 2.0, 2.0, 1.0]);
        assert_eq!(found[15..], [0.0; 5]);
    }
}
