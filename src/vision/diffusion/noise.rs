//! Noise that follows from a seed: the same on every machine and in every version.

/// The odd constant of splitmix64: its counter moves on by so much.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// `count` numbers of the standard normal distribution, by Box and Muller from splitmix64.
pub fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed;
    let mut uniform = || {
        state = state.wrapping_add(STEP);
        // 53 bits; never 0, whose logarithm is none.
        ((mixed(state) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    let pairs = (0..count.div_ceil(2)).flat_map(|_| {
        let radius = (-2.0 * uniform().ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * uniform()).sin_cos();
        [(radius * cos) as f32, (radius * sin) as f32]
    });
    pairs.take(count).collect()
}

fn mixed(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_splitmix64() {
        // The first numbers of Vigna's splitmix64.c from the seed 1234567.
        let found = [1, 2, 3].map(|n: u64| mixed(1_234_567u64.wrapping_add(STEP.wrapping_mul(n))));
        assert_eq!(
            found,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn noise_is_normal_and_follows_from_its_seed() {
        let found = noise(7, 20_001);
        assert_eq!(found, noise(7, 20_001));
        assert_eq!(found[..99], noise(7, 99));
        assert_ne!(found, noise(8, 20_001));
        let count = found.len() as f32;
        let moment = |power: i32| found.iter().map(|x| x.powi(power)).sum::<f32>() / count;
        assert!(moment(1).abs() < 0.03, "{}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.04, "{}", moment(2));
        assert!((moment(4) - 3.0).abs() < 0.3, "{}", moment(4));
        // Neighbours are independent.
        let both: f32 = found.windows(2).map(|pair| pair[0] * pair[1]).sum();
        assert!((both / count).abs() < 0.03);
    }
}
