//! An environment as a few hundred lamps, more of them where more light comes from.

use super::environment::Environment;
use super::noise::hashed;
use super::tone::luminance;

/// Lamps of a scene: shadows of fewer show steps, of more nobody sees a difference.
pub const LAMPS: usize = 224;

/// One lamp, far away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lamp {
    /// Towards it; unit length, y above 0.
    pub towards: [f32; 3],
    /// What it adds on the floor, and on a wall that faces the camera.
    pub floor: [f32; 3],
    pub wall: [f32; 3],
}

/// The light of a scene.
#[derive(Clone, Debug, PartialEq)]
pub struct Light {
    pub lamps: Vec<Lamp>,
    /// Sums of all lamps: what falls where no shadow is.
    pub floor: [f32; 3],
    pub wall: [f32; 3],
}

/// How an environment is used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Use {
    /// Degrees by which it is turned about the vertical.
    pub turn: f64,
    /// Standard deviation by which each lamp is spread, in degrees: a larger softbox.
    pub softness: f64,
    pub seed: u64,
}

/// Lamps of an environment above the horizon: systematic samples by importance, so that with the light
/// of each divided by its probability the sums are those of the whole map.
pub fn light(environment: &Environment, used: Use) -> Light {
    let turned = |[x, y, z]: [f64; 3]| {
        let (sin, cos) = used.turn.to_radians().sin_cos();
        [x * cos + z * sin, y, z * cos - x * sin]
    };
    let sky: Vec<([f64; 3], [f64; 3], f64)> = environment
        .pixels()
        .filter(|(direction, ..)| direction[1] > 1e-3)
        .map(|(direction, solid_angle, radiance)| {
            let towards = turned(direction);
            let light = radiance.map(|value| f64::from(value) * solid_angle);
            let both = 0.5 * towards[1] + 0.5 * towards[2].max(0.0);
            let weight = f64::from(luminance(radiance)) * solid_angle * both;
            (towards, light, weight)
        })
        .collect();
    let whole: f64 = sky.iter().map(|(.., weight)| weight).sum();
    let step = whole / LAMPS as f64;
    let mut lamps = Vec::with_capacity(LAMPS);
    let (mut passed, start) = (0.0, f64::from(hashed(0, 0, used.seed)));
    for (towards, light, weight) in &sky {
        passed += weight;
        while lamps.len() < LAMPS && passed > (lamps.len() as f64 + start) * step {
            let share = if *weight > 0.0 { step / weight } else { 0.0 };
            let number = lamps.len() as i32;
            let towards = spread(*towards, used, number);
            let on = |cosine: f32| light.map(|part| (part * share) as f32 * cosine.max(0.0));
            lamps.push(Lamp {
                towards,
                floor: on(towards[1]),
                wall: on(towards[2]),
            });
        }
    }
    let sum = |of: fn(&Lamp) -> [f32; 3]| {
        let mut sum = [0.0f32; 3];
        for lamp in &lamps {
            sum.iter_mut()
                .zip(of(lamp))
                .for_each(|(sum, part)| *sum += part);
        }
        sum
    };
    Light {
        floor: sum(|lamp| lamp.floor),
        wall: sum(|lamp| lamp.wall),
        lamps,
    }
}

/// A direction moved by a normal deviate across and one up, kept above the horizon.
fn spread(towards: [f64; 3], used: Use, number: i32) -> [f32; 3] {
    let deviate = |which: i32| {
        // Sum of four even numbers: near enough to normal, and within ±3.5 standard deviations.
        let sum: f32 = (0..4)
            .map(|part| hashed(number, which * 4 + part, !used.seed))
            .sum();
        f64::from(sum - 2.0) * 3.0f64.sqrt()
    };
    let by = used.softness.to_radians();
    let [x, y, z] = towards;
    let flat = (x * x + z * z).sqrt().max(1e-9);
    // Unit vectors across the direction: level, and upwards.
    let level = [z / flat, 0.0, -x / flat];
    let upwards = [-x * y / flat, flat, -z * y / flat];
    let (across, up) = (deviate(0) * by, deviate(1) * by);
    let moved: [f64; 3] =
        std::array::from_fn(|axis| towards[axis] + across * level[axis] + up * upwards[axis]);
    let lifted = [moved[0], moved[1].max(0.02), moved[2]];
    let length = lifted.iter().map(|part| part * part).sum::<f64>().sqrt();
    lifted.map(|part| (part / length) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backdrop::environment::direction_of;

    fn used(turn: f64, softness: f64) -> Use {
        Use {
            turn,
            softness,
            seed: 1,
        }
    }

    #[test]
    fn the_lamps_together_are_the_sky() {
        // Even light from above: π on the floor, π / 2 on the wall.
        let even = Environment::new(128, 64, vec![[1.0, 0.5, 0.25]; 128 * 64]).unwrap();
        let light = light(&even, used(0.0, 0.0));
        assert_eq!(light.lamps.len(), LAMPS);
        let pi = std::f32::consts::PI;
        for (found, wanted) in light.floor.iter().zip([pi, pi / 2.0, pi / 4.0]) {
            assert!((found / wanted - 1.0).abs() < 0.03, "{:?}", light.floor);
        }
        assert!(
            (light.wall[0] / (pi / 2.0) - 1.0).abs() < 0.05,
            "{:?}",
            light.wall
        );
    }

    #[test]
    fn a_turned_environment_lights_from_the_other_side() {
        // A lamp at azimuth 90, the right; turned by 180 it is on the left.
        let lamp = direction_of(90.0, 40.0);
        let radiance = (0..256 * 128)
            .map(|at| {
                let azimuth = (f64::from(at % 256) + 0.5) / 256.0 * 360.0;
                let elevation = 90.0 - (f64::from(at / 256) + 0.5) / 128.0 * 180.0;
                let towards = direction_of(azimuth, elevation);
                let near: f64 = towards.iter().zip(lamp).map(|(a, b)| a * b).sum();
                [if near > 0.99 { 500.0 } else { 0.0 }; 3]
            })
            .collect();
        let map = Environment::new(256, 128, radiance).unwrap();
        let sides = |turn: f64| {
            let lamps = light(&map, used(turn, 2.0)).lamps;
            lamps.iter().map(|lamp| lamp.towards[0]).sum::<f32>() / lamps.len() as f32
        };
        let across = 40f32.to_radians().cos();
        assert!((sides(0.0) - across).abs() < 0.05, "{}", sides(0.0));
        assert!((sides(180.0) + across).abs() < 0.05, "{}", sides(180.0));
        let turned = light(&map, used(-90.0, 0.0)).lamps[0].towards;
        assert!(
            turned[2] > 0.6 && turned[0].abs() < 0.15,
            "turned by −90 it is where the camera is: {turned:?}"
        );
    }
}
