//! Noise that is the same on every machine: a hash of whole numbers, smoothed.

/// 0–1 for a place and a seed.
pub fn hashed(x: i32, y: i32, seed: u64) -> f32 {
    // The finaliser of SplitMix64 over the three numbers.
    let place = (u64::from(x as u32) << 32) | u64::from(y as u32);
    let mut bits = place ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    (bits >> 40) as f32 / (1u64 << 24) as f32
}

/// Smooth noise, 0–1, with a feature a unit.
pub fn smooth(x: f32, y: f32, seed: u64) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (fx, fy) = (ease(x - left), ease(y - top));
    let (x, y) = (left as i32, top as i32);
    let at = |dx, dy| hashed(x.wrapping_add(dx), y.wrapping_add(dy), seed);
    let above = at(0, 0) + (at(1, 0) - at(0, 0)) * fx;
    let below = at(0, 1) + (at(1, 1) - at(0, 1)) * fx;
    above + (below - above) * fy
}

/// Noise of several sizes, each half as large and half as strong as the one before; 0–1, mean ½.
pub fn rough(x: f32, y: f32, octaves: u32, seed: u64) -> f32 {
    let (mut sum, mut weights, mut weight, mut scale) = (0.0, 0.0, 1.0, 1.0);
    for octave in 0..octaves {
        sum += weight * smooth(x * scale, y * scale, seed.wrapping_add(u64::from(octave)));
        weights += weight;
        weight *= 0.5;
        scale *= 2.03;
    }
    if weights > 0.0 { sum / weights } else { 0.5 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_even_and_repeats() {
        let count = 10_000;
        let mean = (0..count).map(|at| hashed(at, -at, 7)).sum::<f32>() / count as f32;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        assert_eq!(smooth(3.25, -8.5, 1), smooth(3.25, -8.5, 1));
        assert_ne!(smooth(3.25, -8.5, 1), smooth(3.25, -8.5, 2));
        assert!((0..1000).all(|at| (0.0..=1.0).contains(&rough(at as f32 * 0.37, 2.0, 5, 3))));
    }
}
