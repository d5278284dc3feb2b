//! Where the camera sees what: pixels of the picture ↔ places on floor and wall.
//!
//! The camera looks level, as a shift lens does, so that upright edges stay upright. Lengths are in units
//! of the product's longer side; the product stands at the origin.

/// A camera before a floor and a wall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// Pixels of the picture.
    pub width: u32,
    pub height: u32,
    /// Pixels of a unit where the product stands.
    pub scale: f32,
    /// Column of the product's middle, row of its lowest point.
    pub middle: f32,
    pub ground: f32,
    pub camera_height: f32,
    pub camera_distance: f32,
    /// Behind the product.
    pub wall: f32,
}

/// What a pixel shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// To the right of the product's middle.
    pub across: f32,
    /// Along the floor away from the camera, from the product's lowest point, and on up the wall.
    pub along: f32,
    /// Units that a pixel covers there, across.
    pub detail: f32,
}

impl Stage {
    /// Row of the horizon: above all of the floor.
    pub fn horizon(&self) -> f32 {
        self.ground - self.camera_height * self.scale
    }

    fn focal(&self) -> f32 {
        self.scale * self.camera_distance
    }

    /// Distance from the camera of the floor that this row shows, were there no wall.
    pub fn distance_of_row(&self, row: f32) -> f32 {
        let below = (row - self.horizon()).max(1e-3);
        self.camera_height * self.focal() / below
    }

    /// Whether a place is on the wall.
    pub fn is_wall(&self, along: f32) -> bool {
        along > self.wall
    }

    /// What the pixel at this column and row shows.
    pub fn place(&self, column: f32, row: f32) -> Place {
        let far = self.camera_distance + self.wall;
        let distance = match row > self.horizon() {
            true => self.distance_of_row(row).min(far),
            false => far,
        };
        let detail = distance / self.focal();
        let along = match distance < far {
            true => distance - self.camera_distance,
            // Height on the wall, above the floor.
            false => self.wall + self.camera_height + (self.horizon() - row) * detail,
        };
        Place {
            across: (column - self.middle) * detail,
            along,
            detail,
        }
    }

    /// Least and greatest of what the picture shows: across, along.
    pub fn bounds(&self) -> [f32; 4] {
        let (width, height) = (self.width as f32, self.height as f32);
        let [left, right] = [0.0, width].map(|column| self.place(column, 0.0).across);
        [
            left,
            right,
            self.place(0.0, height).along,
            self.place(0.0, 0.0).along.max(self.wall),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 pixels a unit, the camera 1 high and 4 away, a wall 2 behind.
    fn stage() -> Stage {
        Stage {
            width: 400,
            height: 400,
            scale: 100.0,
            middle: 200.0,
            ground: 300.0,
            camera_height: 1.0,
            camera_distance: 4.0,
            wall: 2.0,
        }
    }

    #[test]
    fn places_are_worked_by_hand() {
        let stage = stage();
        assert_eq!(stage.horizon(), 200.0);
        // Where the product stands a unit is 100 pixels.
        let at_product = stage.place(250.0, 300.0);
        assert!((at_product.across - 0.5).abs() < 1e-5 && at_product.along.abs() < 1e-5);
        // 5 away the floor is 400 / 5 = 80 pixels below the horizon, and a unit is 80 pixels.
        let behind = stage.place(280.0, 280.0);
        assert!((behind.across - 1.0).abs() < 1e-5 && (behind.along - 1.0).abs() < 1e-5);
        // The wall begins 400 / 6 pixels below the horizon; at the horizon it is as high as the camera.
        let wall = stage.place(200.0, 200.0);
        assert!(
            (wall.along - 3.0).abs() < 1e-5,
            "2 of floor and 1 of wall: {wall:?}"
        );
        assert!(!stage.is_wall(stage.place(0.0, 268.0).along));
        assert!(stage.is_wall(stage.place(0.0, 265.0).along));
    }

    #[test]
    fn going_up_the_picture_never_comes_nearer() {
        let stage = stage();
        let along: Vec<f32> = (0..400)
            .rev()
            .map(|row| stage.place(9.0, row as f32).along)
            .collect();
        assert!(along.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
