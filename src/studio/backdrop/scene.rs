//! A scene as data: floor, wall, light, camera. `models/backdrops/*.toml`, or a designer's own file.
//!
//! Lengths are in units of the product's longer side, so that a scene fits a ring and a sofa.

use serde::Deserialize;

use super::material::Material;

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../models/backdrops/", $name, ".toml")))),*]
    };
}

/// Name and text of the scenes that are part of the program.
const BUILT_IN: [(&str, &str); 12] = built_in![
    "studio-white",
    "studio-grey",
    "dark-studio",
    "blush-sweep",
    "sage-sweep",
    "concrete",
    "oak-table",
    "walnut-shelf",
    "marble",
    "sand-sun",
    "terracotta-evening",
    "sky-terrace",
];

/// A floor and a wall in some light.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    pub name: String,
    /// One line for people.
    pub title: String,
    pub light: SceneLight,
    #[serde(default)]
    pub camera: Camera,
    pub floor: Surface,
    pub wall: Wall,
    #[serde(default)]
    pub product: Standing,
    /// How much darker the corners of the picture are, 0–1.
    #[serde(default = "vignette")]
    pub vignette: f32,
}

/// Where the light comes from.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SceneLight {
    /// `softbox` (always there), the name of an environment of `showroom models pull environments`, or
    /// an OpenEXR file beside the scene.
    pub environment: String,
    /// Azimuth of the key light in degrees: 0 the camera, −90 the left, 90 the right, 180 behind the
    /// product. `None` leaves the environment as it is.
    #[serde(default)]
    pub from: Option<f64>,
    /// How far the light is spread, standard deviation in degrees: 1 is the sun, 10 a large softbox.
    #[serde(default = "softness")]
    pub softness: f64,
    /// Brightness; at 1 the surfaces show in the colours that are written, where no shadow is.
    #[serde(default = "one")]
    pub exposure: f32,
    /// How much of the light's own colour is seen, 0–1.
    #[serde(default = "tint")]
    pub tint: f32,
    /// How much of the shadow is seen, 0–1; 1 is as computed.
    #[serde(default = "one")]
    pub shadow: f32,
    /// How much brighter the middle of the scene is than its edges, 0–1: a spot on the wall.
    #[serde(default)]
    pub spot: f32,
}

/// Where the scene is seen from.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Camera {
    /// Above the floor.
    pub height: f32,
    /// From the product.
    pub distance: f32,
}

/// A surface.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surface {
    /// `#rrggbb`.
    #[serde(deserialize_with = "colour")]
    pub colour: [u8; 3],
    #[serde(default)]
    pub material: Material,
    /// Size of the material's pattern; 1 suits a product of half a metre.
    #[serde(default = "one")]
    pub scale: f32,
    /// How much of the product is mirrored, 0–1.
    #[serde(default)]
    pub gloss: f32,
}

/// The wall behind.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wall {
    #[serde(flatten)]
    pub surface: Surface,
    /// Behind the product.
    pub distance: f32,
    /// Radius over which floor and wall go over into each other: 0 is a corner, 1 a paper sweep.
    #[serde(default)]
    pub sweep: f32,
}

/// How the product stands in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Standing {
    /// How much of the picture the product takes along the axis that it fills more, 0–1.
    pub fill: f64,
    /// Where its lowest point is, from the top, as a share of the picture's height.
    pub baseline: f64,
}

impl Default for Camera {
    fn default() -> Self {
        Camera {
            height: 1.2,
            distance: 4.5,
        }
    }
}

impl Default for Standing {
    fn default() -> Self {
        Standing {
            fill: 0.62,
            baseline: 0.8,
        }
    }
}

impl Scene {
    /// A scene that is part of the program.
    pub fn built_in(name: &str) -> Option<Result<Scene, String>> {
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Scene::parse(text))
    }

    /// Their names.
    pub fn built_in_names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// Reads a scene. The error says what is wrong, without the file.
    pub fn parse(text: &str) -> Result<Scene, String> {
        let scene: Scene = toml::from_str(text).map_err(|error| error.to_string())?;
        let bounds = [
            ("camera.height", scene.camera.height, 0.2, 3.0),
            ("camera.distance", scene.camera.distance, 1.5, 20.0),
            ("wall.distance", scene.wall.distance, 0.2, 20.0),
            ("wall.sweep", scene.wall.sweep, 0.0, 5.0),
            ("light.softness", scene.light.softness as f32, 0.0, 45.0),
            ("light.exposure", scene.light.exposure, 0.05, 5.0),
            ("light.tint", scene.light.tint, 0.0, 1.0),
            ("light.shadow", scene.light.shadow, 0.0, 1.0),
            ("light.spot", scene.light.spot, 0.0, 1.0),
            ("floor.gloss", scene.floor.gloss, 0.0, 1.0),
            ("floor.scale", scene.floor.scale, 0.01, 100.0),
            ("wall.scale", scene.wall.surface.scale, 0.01, 100.0),
            ("vignette", scene.vignette, 0.0, 1.0),
            ("product.fill", scene.product.fill as f32, 0.05, 0.95),
            ("product.baseline", scene.product.baseline as f32, 0.3, 0.97),
        ];
        for (name, value, least, most) in bounds {
            // Written so that a NaN is out of bounds.
            if !(value >= least && value <= most) {
                return Err(format!("{name} is {value}; it must be {least} to {most}"));
            }
        }
        if scene.light.from.is_some_and(|from| !from.is_finite()) {
            return Err("light.from must be an angle in degrees".to_string());
        }
        Ok(scene)
    }
}

/// `#rrggbb` or `#rgb`.
pub fn parse_colour(text: &str) -> Result<[u8; 3], String> {
    let bad = || format!("{text:?} is no colour: take #rrggbb");
    let digits = text.strip_prefix('#').ok_or_else(bad)?;
    let value = |part: &str| u8::from_str_radix(part, 16).map_err(|_| bad());
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(bad());
    }
    match digits.len() {
        6 => Ok([
            value(&digits[..2])?,
            value(&digits[2..4])?,
            value(&digits[4..])?,
        ]),
        3 => Ok([
            value(&digits[..1])? * 17,
            value(&digits[1..2])? * 17,
            value(&digits[2..])? * 17,
        ]),
        _ => Err(bad()),
    }
}

fn colour<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<[u8; 3], D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_colour(&text).map_err(serde::de::Error::custom)
}

fn vignette() -> f32 {
    0.12
}

fn softness() -> f64 {
    4.0
}

fn one() -> f32 {
    1.0
}

fn tint() -> f32 {
    0.3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scene_of_the_program_can_be_read_and_has_its_own_name() {
        for name in Scene::built_in_names() {
            let scene = Scene::built_in(name).unwrap();
            let scene = scene.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(scene.name, name);
        }
        assert_eq!(Scene::built_in("nowhere"), None);
    }

    #[test]
    fn what_is_out_of_bounds_or_unknown_is_refused_by_name() {
        let good = BUILT_IN[0].1;
        for (add, said) in [
            ("vignette = 2.0\n", "vignette"),
            ("vignete = 0.1\n", "vignete"),
            ("vignette = nan\n", "vignette"),
        ] {
            let error = Scene::parse(&format!("{add}{good}")).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        assert!(Scene::parse("").is_err());
    }

    #[test]
    fn colours_are_read() {
        assert_eq!(parse_colour("#0aF"), Ok([0, 170, 255]));
        assert_eq!(parse_colour("#102030"), Ok([16, 32, 48]));
        for bad in ["102030", "#12", "#gggggg", "#ééé", ""] {
            assert!(parse_colour(bad).is_err(), "{bad}");
        }
    }
}
