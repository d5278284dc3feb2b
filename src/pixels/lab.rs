//! sRGB → CIE L\*a\*b\* (D65, 2° observer), the space in which distances are roughly those that people see.

use std::sync::LazyLock;

/// Linear light of each sRGB level.
static LINEAR: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|level| {
        let value = level as f64 / 255.0;
        let linear = if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        };
        linear as f32
    })
});

/// Linear sRGB to XYZ (IEC 61966-2-1), each row divided by the white (0.95047, 1, 1.08883).
const TO_XYZ: [[f32; 3]; 3] = [
    [
        0.4124564 / 0.95047,
        0.3575761 / 0.95047,
        0.1804375 / 0.95047,
    ],
    [0.2126729, 0.7151522, 0.0721750],
    [
        0.0193339 / 1.08883,
        0.119_192 / 1.08883,
        0.9503041 / 1.08883,
    ],
];

/// L\* 0–100, a\* (green to red) about −86–98, b\* (blue to yellow) about −108–94.
pub fn lab(rgb: [u8; 3]) -> [f32; 3] {
    let linear = rgb.map(|level| LINEAR[usize::from(level)]);
    let [x, y, z] = TO_XYZ.map(|row| {
        let t = row[0] * linear[0] + row[1] * linear[1] + row[2] * linear[2];
        if t > 216.0 / 24389.0 {
            t.cbrt()
        } else {
            (24389.0 / 27.0 * t + 16.0) / 116.0
        }
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}
