//! Light from all around: an equirectangular picture in linear light, and what it does to a surface.
//!
//! Directions: x to the right, y up, z towards the camera. Azimuth 0 is where the camera is, 90 the right,
//! 180 behind the product; the middle of the map's columns is azimuth 180.

use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::openexr::OpenExrDecoder;
use image::{DynamicImage, ImageDecoder};

/// A map is reduced to at most this many columns: light is smooth.
const COLUMNS: u32 = 512;
/// The largest map that is read, in pixels.
const MOST_PIXELS: u64 = 8192 * 4096;
/// Brighter light is taken for this: the sun in a map of a few pixels is no more exact.
const BRIGHTEST: f32 = 50_000.0;
/// The key light is the brightest cone of this half angle, in degrees.
const LOBE_DEGREES: f64 = 12.0;

/// Light from all around.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    width: usize,
    height: usize,
    /// Radiance row by row from the zenith; red, green, blue.
    radiance: Vec<[f32; 3]>,
}

/// Why a map cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEnvironment {
    #[error("it is no OpenEXR picture that can be read: {0}")]
    Unreadable(String),
    #[error("it has {width}x{height} pixels; an environment is twice as wide as high")]
    Shape { width: u32, height: u32 },
    #[error("it is all black")]
    Black,
}

impl Environment {
    /// A map of radiance, row by row from the zenith. What is no light (negative, not a number) is none.
    pub fn new(width: u32, height: u32, radiance: Vec<[f32; 3]>) -> Result<Self, BadEnvironment> {
        let whole = u64::from(width) * u64::from(height) == radiance.len() as u64;
        if !whole || height == 0 || width.abs_diff(2 * height) > 2 {
            return Err(BadEnvironment::Shape { width, height });
        }
        let is_light = |value: f32| match value.is_nan() {
            true => 0.0,
            false => value.clamp(0.0, BRIGHTEST),
        };
        let radiance: Vec<[f32; 3]> = radiance.iter().map(|rgb| rgb.map(is_light)).collect();
        if radiance.iter().all(|rgb| *rgb == [0.0; 3]) {
            return Err(BadEnvironment::Black);
        }
        let map = Environment {
            width: width as usize,
            height: height as usize,
            radiance,
        };
        Ok(map.reduced())
    }

    /// An OpenEXR picture, or the JavaScript file of an npm package that has one in it as Base64.
    pub fn read(bytes: &[u8]) -> Result<Self, BadEnvironment> {
        let unreadable = |reason: &str| BadEnvironment::Unreadable(reason.to_string());
        let unwrapped;
        let bytes = match bytes.starts_with(b"\x76\x2f\x31\x01") {
            true => bytes,
            false => {
                unwrapped = in_javascript(bytes)
                    .ok_or_else(|| unreadable("it is neither that nor a package's file of one"))?;
                &unwrapped
            }
        };
        let failed = |error: image::ImageError| BadEnvironment::Unreadable(error.to_string());
        let decoder = OpenExrDecoder::with_alpha_preference(Cursor::new(bytes), Some(false));
        let decoder = decoder.map_err(failed)?;
        let (width, height) = decoder.dimensions();
        if u64::from(width) * u64::from(height) > MOST_PIXELS {
            return Err(unreadable("it is larger than 8192x4096 pixels"));
        }
        let picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
        let radiance = picture
            .into_rgb32f()
            .pixels()
            .map(|pixel| pixel.0)
            .collect();
        Environment::new(width, height, radiance)
    }

    /// A large soft light from the upper left and a bright room: what there is without any file.
    pub fn softbox() -> Environment {
        let (width, height) = (128, 64);
        let lamp = direction_of(-38.0, 52.0);
        let radiance = (0..width * height)
            .map(|at| {
                let [x, y, z] = direction(at % width, at / width, width, height);
                let towards = x * lamp[0] + y * lamp[1] + z * lamp[2];
                let soft = ((towards - 0.86) / 0.06).clamp(0.0, 1.0) as f32;
                let room = 0.55 + 0.3 * y.max(0.0) as f32;
                [room + 11.0 * soft, room + 10.8 * soft, room + 10.4 * soft]
            })
            .collect();
        Environment {
            width,
            height,
            radiance,
        }
    }

    /// Each pixel: direction, solid angle in steradians, radiance.
    pub fn pixels(&self) -> impl Iterator<Item = ([f64; 3], f64, [f32; 3])> + '_ {
        let (width, height) = (self.width, self.height);
        self.radiance.iter().enumerate().map(move |(at, radiance)| {
            let (x, y) = (at % width, at / width);
            (
                direction(x, y, width, height),
                solid_angle(y, width, height),
                *radiance,
            )
        })
    }

    /// What falls on a surface with this normal (unit length): the radiance of the half of space before
    /// it, weighted by the cosine. Even light of radiance 1 makes π.
    pub fn irradiance(&self, normal: [f64; 3]) -> [f64; 3] {
        let mut sum = [0.0; 3];
        for (direction, solid_angle, radiance) in self.pixels() {
            let cosine = dot(direction, normal).max(0.0);
            for (sum, radiance) in sum.iter_mut().zip(radiance) {
                *sum += f64::from(radiance) * cosine * solid_angle;
            }
        }
        sum
    }

    /// Where most light for a floor comes from: azimuth and elevation in degrees, azimuth −180 to 180.
    pub fn key_light(&self) -> (f64, f64) {
        let above: Vec<([f64; 3], f64)> = self
            .pixels()
            .filter(|(direction, ..)| direction[1] > 0.0)
            .map(|(direction, solid_angle, radiance)| {
                let light = f64::from(super::tone::luminance(radiance));
                (direction, light * direction[1] * solid_angle)
            })
            .collect();
        let near = LOBE_DEGREES.to_radians().cos();
        let lobe = |middle: [f64; 3]| -> ([f64; 3], f64) {
            let mut sum = ([0.0; 3], 0.0);
            for (direction, light) in above.iter().filter(|(d, _)| dot(*d, middle) >= near) {
                sum.1 += light;
                for (sum, part) in sum.0.iter_mut().zip(direction) {
                    *sum += light * part;
                }
            }
            sum
        };
        let directions = (0..7).flat_map(|row| {
            (0..36).map(move |column| {
                direction_of(f64::from(column) * 10.0, f64::from(row) * 12.5 + 6.0)
            })
        });
        let brightest = directions.map(lobe).max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((sum, light)) = brightest.filter(|(_, light)| *light > 0.0) else {
            return (0.0, 90.0);
        };
        let [x, y, z] = sum.map(|part| part / light);
        let flat = (x * x + z * z).sqrt();
        (x.atan2(z).to_degrees(), y.atan2(flat).to_degrees())
    }

    /// Averaged down by a whole factor.
    fn reduced(self) -> Environment {
        let by = self.width.div_ceil(COLUMNS as usize).max(1);
        let (width, height) = (self.width / by, self.height / by);
        if by == 1 || height == 0 {
            return self;
        }
        let share = 1.0 / (by * by) as f32;
        let radiance = (0..width * height)
            .map(|at| {
                let (left, top) = (at % width * by, at / width * by);
                let mut sum = [0.0; 3];
                for y in top..top + by {
                    for rgb in &self.radiance[y * self.width + left..][..by] {
                        for (sum, value) in sum.iter_mut().zip(rgb) {
                            *sum += value * share;
                        }
                    }
                }
                sum
            })
            .collect();
        Environment {
            width,
            height,
            radiance,
        }
    }
}

/// Unit vector of an azimuth and an elevation in degrees.
pub fn direction_of(azimuth: f64, elevation: f64) -> [f64; 3] {
    let (azimuth, elevation) = (azimuth.to_radians(), elevation.to_radians());
    [
        azimuth.sin() * elevation.cos(),
        elevation.sin(),
        azimuth.cos() * elevation.cos(),
    ]
}

fn direction(x: usize, y: usize, width: usize, height: usize) -> [f64; 3] {
    let azimuth = (x as f64 + 0.5) / width as f64 * 360.0;
    let elevation = 90.0 - (y as f64 + 0.5) / height as f64 * 180.0;
    direction_of(azimuth, elevation)
}

/// Exact: the strip between two parallels, cut into the row's pixels.
fn solid_angle(y: usize, width: usize, height: usize) -> f64 {
    let edge = |y: usize| (std::f64::consts::PI * y as f64 / height as f64).cos();
    std::f64::consts::TAU * (edge(y) - edge(y + 1)) / width as f64
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// What `'data:application/exr;base64,…'` holds.
fn in_javascript(bytes: &[u8]) -> Option<Vec<u8>> {
    const BEFORE: &[u8] = b";base64,";
    let head = bytes.get(..bytes.len().min(4096))?;
    let start = head.windows(BEFORE.len()).position(|part| part == BEFORE)? + BEFORE.len();
    let digits = bytes[start..].split(|byte| b"'\"`".contains(byte)).next()?;
    STANDARD.decode(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(paint: impl Fn([f64; 3]) -> f32) -> Environment {
        let (width, height) = (256, 128);
        let radiance = (0..width * height)
            .map(|at| [paint(direction(at % width, at / width, width, height)); 3])
            .collect();
        Environment::new(width as u32, height as u32, radiance).unwrap()
    }

    #[track_caller]
    fn close(found: f64, wanted: f64, within: f64) {
        assert!((found - wanted).abs() <= within, "{found}, wanted {wanted}");
    }

    #[test]
    fn even_light_makes_pi_on_every_surface() {
        let even = map(|_| 1.0);
        for normal in [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]] {
            close(even.irradiance(normal)[0], std::f64::consts::PI, 1e-3);
        }
        let whole: f64 = even.pixels().map(|(_, solid_angle, _)| solid_angle).sum();
        close(whole, 4.0 * std::f64::consts::PI, 1e-9);
    }

    #[test]
    fn light_from_above_alone_makes_half_of_it_on_a_wall() {
        // ∫ cos θ over the quarter of the sphere that is above and before a wall: π / 2.
        let sky = map(|[_, y, _]| if y > 0.0 { 1.0 } else { 0.0 });
        close(
            sky.irradiance([0.0, 1.0, 0.0])[1],
            std::f64::consts::PI,
            1e-3,
        );
        close(
            sky.irradiance([0.0, 0.0, 1.0])[1],
            std::f64::consts::FRAC_PI_2,
            1e-2,
        );
        close(sky.irradiance([0.0, -1.0, 0.0])[1], 0.0, 1e-9);
    }

    #[test]
    fn the_key_light_is_where_the_lamp_is() {
        for (azimuth, elevation) in [(-120.0, 35.0), (5.0, 60.0), (90.0, 20.0), (178.0, 45.0)] {
            let lamp = direction_of(azimuth, elevation);
            let lit = map(|direction| match dot(direction, lamp) > 0.995 {
                true => 100.0,
                false => 0.2,
            });
            let (found_azimuth, found_elevation) = lit.key_light();
            let off = (found_azimuth - azimuth + 540.0).rem_euclid(360.0) - 180.0;
            close(off, 0.0, 1.5);
            close(found_elevation, elevation, 1.5);
        }
    }

    #[test]
    fn large_maps_are_averaged_and_keep_their_light() {
        let (width, height) = (2048u32, 1024u32);
        let radiance = (0..width * height)
            .map(|at| [if at % 2 == 0 { 2.0 } else { 0.0 }; 3])
            .collect();
        let map = Environment::new(width, height, radiance).unwrap();
        assert_eq!((map.width, map.height), (512, 256));
        close(
            map.irradiance([0.0, 1.0, 0.0])[2],
            std::f64::consts::PI,
            1e-2,
        );
    }

    #[test]
    fn what_is_no_environment_is_refused() {
        let shape = Environment::new(10, 10, vec![[1.0; 3]; 100]).unwrap_err();
        assert!(matches!(shape, BadEnvironment::Shape { .. }), "{shape}");
        let short = Environment::new(4, 2, vec![[1.0; 3]; 7]).unwrap_err();
        assert!(matches!(short, BadEnvironment::Shape { .. }), "{short}");
        let dark = Environment::new(4, 2, vec![[-1.0, f32::NAN, 0.0]; 8]).unwrap_err();
        assert_eq!(dark, BadEnvironment::Black);
        for bytes in [
            &b""[..],
            b"\x76\x2f\x31\x01",
            b"export default 'data:;base64,AAAA'",
        ] {
            let error = Environment::read(bytes).unwrap_err();
            assert!(matches!(error, BadEnvironment::Unreadable(_)), "{error}");
        }
    }

    #[test]
    fn base64_in_javascript_is_read() {
        let found = in_javascript(b"export default 'data:application/exr;base64,Zm9vYmE=';");
        assert_eq!(found.unwrap(), b"fooba");
        assert_eq!(in_javascript(b"export default 3"), None);
    }
}
