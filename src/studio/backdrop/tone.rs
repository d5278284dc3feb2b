//! sRGB and linear light (IEC 61966-2-1).

use std::sync::LazyLock;

static LINEAR: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|level| {
        let value = level as f64 / 255.0;
        let linear = match value <= 0.04045 {
            true => value / 12.92,
            false => ((value + 0.055) / 1.055).powf(2.4),
        };
        linear as f32
    })
});

/// Above this share of white, light is compressed, so that a lit surface does not burn out at once.
const KNEE: f32 = 0.8;

/// Linear light of each channel, 0–1.
pub fn linear(rgb: [u8; 3]) -> [f32; 3] {
    rgb.map(|level| LINEAR[usize::from(level)])
}

/// The sRGB level of linear light, 0–255, not rounded.
pub fn level(linear: f32) -> f32 {
    let value = linear.clamp(0.0, 1.0);
    let srgb = match value <= 0.003_130_8 {
        true => value * 12.92,
        false => 1.055 * value.powf(1.0 / 2.4) - 0.055,
    };
    srgb * 255.0
}

/// Any amount of light within 0–1: as it is below the knee, smoothly towards white above.
pub fn shoulder(light: f32) -> f32 {
    if light <= KNEE {
        return light.max(0.0);
    }
    let over = (light - KNEE) / (1.0 - KNEE);
    KNEE + (1.0 - KNEE) * (1.0 - (-over).exp())
}

/// Luminance of linear light (ITU-R BT.709).
pub fn luminance(rgb: [f32; 3]) -> f32 {
    0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_comes_back() {
        for value in 0..=255 {
            let [back, _, _] = linear([value; 3]).map(|light| level(light).round() as u8);
            assert_eq!(back, value);
        }
    }

    #[test]
    fn the_shoulder_rises_and_never_passes_white() {
        let steps: Vec<f32> = (0..400).map(|at| shoulder(at as f32 / 100.0)).collect();
        assert!(
            steps
                .windows(2)
                .all(|pair| pair[0] < pair[1] || pair[1] > 0.9999)
        );
        assert!(steps.iter().all(|value| *value <= 1.0));
        assert_eq!(shoulder(0.5), 0.5);
        assert_eq!(shoulder(-1.0), 0.0);
    }
}
