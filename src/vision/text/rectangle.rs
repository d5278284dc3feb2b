//! The smallest rectangle round points, which may be turned.

/// A rectangle: its middle, the direction of its first axis (a unit vector), and how far it reaches from
/// the middle along that axis and across it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rectangle {
    pub middle: [f32; 2],
    pub axis: [f32; 2],
    pub half: [f32; 2],
}

impl Rectangle {
    /// The one of least area round these points; `None` round none. A side of it lies along a side of
    /// their convex hull (Freeman and Shapira 1975), so each of those is tried.
    pub fn round(points: &[[f32; 2]]) -> Option<Rectangle> {
        let hull = hull(points.to_vec());
        let first = *hull.first()?;
        let mut best = Rectangle {
            middle: first,
            axis: [1.0, 0.0],
            half: [0.0, 0.0],
        };
        let mut least = f32::INFINITY;
        for (at, from) in hull.iter().enumerate() {
            let to = hull[(at + 1) % hull.len()];
            let side = [to[0] - from[0], to[1] - from[1]];
            let length = side[0].hypot(side[1]);
            if length == 0.0 {
                continue;
            }
            let axis = side.map(|part| part / length);
            let found = along(axis, &hull);
            let area = found.half[0] * found.half[1];
            if area < least {
                (least, best) = (area, found);
            }
        }
        Some(best)
    }

    /// One after another round it.
    pub fn corners(&self) -> [[f32; 2]; 4] {
        let [x, y] = self.axis;
        [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]].map(|[along, across]| {
            let (along, across) = (along * self.half[0], across * self.half[1]);
            [
                self.middle[0] + along * x - across * y,
                self.middle[1] + along * y + across * x,
            ]
        })
    }

    /// Whether a point lies in it or on its rim.
    pub fn holds(&self, point: [f32; 2]) -> bool {
        let [x, y] = [point[0] - self.middle[0], point[1] - self.middle[1]];
        let along = x * self.axis[0] + y * self.axis[1];
        let across = y * self.axis[0] - x * self.axis[1];
        along.abs() <= self.half[0] && across.abs() <= self.half[1]
    }
}

/// The rectangle along an axis.
fn along(axis: [f32; 2], points: &[[f32; 2]]) -> Rectangle {
    let [x, y] = axis;
    let mut low = [f32::INFINITY; 2];
    let mut high = [f32::NEG_INFINITY; 2];
    for point in points {
        let turned = [point[0] * x + point[1] * y, point[1] * x - point[0] * y];
        for side in 0..2 {
            low[side] = low[side].min(turned[side]);
            high[side] = high[side].max(turned[side]);
        }
    }
    let middle = [0, 1].map(|side| (low[side] + high[side]) / 2.0);
    Rectangle {
        middle: [middle[0] * x - middle[1] * y, middle[0] * y + middle[1] * x],
        axis,
        half: [0, 1].map(|side| (high[side] - low[side]) / 2.0),
    }
}

/// The corners of the convex hull, one after another (Andrew 1979).
fn hull(mut points: Vec<[f32; 2]>) -> Vec<[f32; 2]> {
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    points.dedup();
    if points.len() < 3 {
        return points;
    }
    let mut corners: Vec<[f32; 2]> = Vec::new();
    let there = points.iter();
    let back = points.iter().rev().skip(1);
    let mut least = 2;
    for (step, point) in there.chain(back).enumerate() {
        if step == points.len() {
            least = corners.len() + 1;
        }
        while corners.len() >= least && !turns(&corners[corners.len() - 2..], point) {
            corners.pop();
        }
        corners.push(*point);
    }
    corners.pop();
    corners
}

/// Whether the way over the last two points to this one turns to the left.
fn turns(last: &[[f32; 2]], point: &[f32; 2]) -> bool {
    let first = [last[1][0] - last[0][0], last[1][1] - last[0][1]];
    let second = [point[0] - last[0][0], point[1] - last[0][1]];
    first[0] * second[1] - first[1] * second[0] > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(found: &Rectangle) -> [f32; 2] {
        let mut sides = found.half.map(|half| half * 2.0);
        sides.sort_by(f32::total_cmp);
        sides
    }

    #[test]
    fn a_rectangle_is_found_again_however_it_is_turned() {
        for degrees in [0.0_f32, 10.0, 45.0, 90.0, 123.0] {
            let (sin, cos) = degrees.to_radians().sin_cos();
            let mut points = Vec::new();
            for along in 0..=30 {
                for across in 0..=8 {
                    let (u, v) = (along as f32, across as f32);
                    points.push([100.0 + u * cos - v * sin, 50.0 + u * sin + v * cos]);
                }
            }
            let found = Rectangle::round(&points).unwrap();
            let [short, long] = sides(&found);
            assert!((short - 8.0).abs() < 0.01, "{degrees}: {short}");
            assert!((long - 30.0).abs() < 0.01, "{degrees}: {long}");
            let middle = [
                100.0 + 15.0 * cos - 4.0 * sin,
                50.0 + 15.0 * sin + 4.0 * cos,
            ];
            assert!((found.middle[0] - middle[0]).abs() < 0.01);
            assert!((found.middle[1] - middle[1]).abs() < 0.01);
            assert!(found.holds(middle));
            assert!(!found.holds([middle[0] + 40.0, middle[1]]));
            let corners = found.corners();
            let diagonal = (corners[2][0] - corners[0][0]).hypot(corners[2][1] - corners[0][1]);
            assert!((diagonal - 30.0_f32.hypot(8.0)).abs() < 0.01);
        }
    }

    #[test]
    fn a_point_a_line_and_nothing_have_no_area() {
        assert_eq!(Rectangle::round(&[]), None);
        let point = Rectangle::round(&[[3.0, 4.0]; 5]).unwrap();
        assert_eq!((point.middle, point.half), ([3.0, 4.0], [0.0, 0.0]));
        let line: Vec<[f32; 2]> = (0..9).map(|n| [n as f32, 2.0 * n as f32]).collect();
        let [short, long] = sides(&Rectangle::round(&line).unwrap());
        assert!(short < 1e-4 && (long - 8.0_f32.hypot(16.0)).abs() < 1e-3);
    }
}
