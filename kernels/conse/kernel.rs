//! The kernel, in CubeCL.

use cubecl::prelude::*;

/// Units of a cube.
pub const UNITS: u32 = 128;

/// A cube makes row `CUBE_POS_X`. `classes` has `class_bits` bits; a class is numbered from 0.
#[cube(launch)]
pub fn conse<S: Float, L: Float>(
    scores: &[S],
    labels: &[L],
    output: &mut [f32],
    sizes: &[u32],
    temperature: f32,
    #[comptime] logits: bool,
    #[comptime] unit: bool,
) {
    let classes = sizes[0];
    let width = sizes[1];
    let keep = sizes[2];
    let class_bits = sizes[3];
    let mut counts = Shared::<[u32]>::new_slice(UNITS as usize);
    let mut numbers = Shared::<[f32]>::new_slice(UNITS as usize);
    let row = CUBE_POS_X * classes;

    // The largest key that `keep` scores reach.
    let mut least = 0u32;
    for i in 0..32u32 {
        let tried = least | (0x8000_0000u32 >> i);
        let mine = count(scores, row, classes, tried, classes);
        if sum::<u32>(&mut counts, mine) >= keep {
            least = tried;
        }
    }
    // Of the scores with that key the first ones: the last class that is still needed.
    let mut last = 0u32;
    for i in 0..class_bits {
        let tried = last | (1u32 << (class_bits - 1 - i));
        let mine = count(scores, row, classes, least, tried);
        if sum::<u32>(&mut counts, mine) < keep {
            last = tried;
        }
    }
    let end = last + 1;

    let mut best = f32::cast_from(scores[row as usize]);
    let mut class = UNIT_POS;
    while class < classes {
        best = max(best, f32::cast_from(scores[(row + class) as usize]));
        class += UNITS;
    }
    let most = maximum(&mut numbers, best);

    let mut squares = 0.0f32;
    let mut first = 0u32;
    while first < width {
        let column = first + UNIT_POS;
        let mut value = 0.0f32;
        let mut total = 0.0f32;
        let mut block = 0u32;
        while block < classes {
            // Each unit weighs one class, then all take in all of them.
            let class = block + UNIT_POS;
            let mut weight = 0.0f32;
            if class < classes {
                let score = f32::cast_from(scores[(row + class) as usize]);
                if is_kept(key(score), class, least, end) {
                    if logits {
                        weight = max((score - most) / temperature, -100.0f32).exp();
                    } else {
                        weight = select(most > 0.0, score / most, 0.0f32);
                    }
                }
            }
            numbers[UNIT_POS as usize] = weight;
            sync_cube();
            if column < width {
                let here = min(UNITS, classes - block);
                for i in 0..here {
                    let weight = numbers[i as usize];
                    if weight > 0.0 {
                        let label = labels[((block + i) * width + column) as usize];
                        value += weight * f32::cast_from(label);
                        total += weight;
                    }
                }
            }
            sync_cube();
            block += UNITS;
        }
        if column < width {
            if total > 0.0 {
                value /= total;
            }
            squares += value * value;
            output[(CUBE_POS_X * width + column) as usize] = value;
        }
        first += UNITS;
    }
    if unit {
        let length = sum::<f32>(&mut numbers, squares).sqrt();
        let mut column = UNIT_POS;
        while column < width {
            if length > 0.0 {
                output[(CUBE_POS_X * width + column) as usize] /= length;
            }
            column += UNITS;
        }
    }
}

/// Of this unit's classes: how many are kept.
#[cube]
fn count<S: Float>(scores: &[S], row: u32, classes: u32, least: u32, end: u32) -> u32 {
    let mut count = 0u32;
    let mut class = UNIT_POS;
    while class < classes {
        let score = f32::cast_from(scores[(row + class) as usize]);
        if is_kept(key(score), class, least, end) {
            count += 1;
        }
        class += UNITS;
    }
    count
}

/// Keys above `least` are kept, and of those equal to it the classes before `end`.
#[cube]
fn is_kept(key: u32, class: u32, least: u32, end: u32) -> bool {
    key > least || (key == least && class < end)
}

/// A whole number that grows with the score.
#[cube]
fn key(score: f32) -> u32 {
    let bits = u32::reinterpret(score);
    let negative = bits >> 31 == 1;
    select(negative, !bits, bits | 0x8000_0000u32)
}

#[cube]
fn sum<N: Numeric>(parts: &mut Shared<[N]>, mine: N) -> N {
    let unit = UNIT_POS as usize;
    parts[unit] = mine;
    sync_cube();
    let mut half = CUBE_DIM / 2;
    while half > 0 {
        if UNIT_POS < half {
            let other = parts[unit + half as usize];
            parts[unit] += other;
        }
        sync_cube();
        half /= 2;
    }
    let whole = parts[0];
    // The parts may be written again.
    sync_cube();
    whole
}

#[cube]
fn maximum(parts: &mut Shared<[f32]>, mine: f32) -> f32 {
    let unit = UNIT_POS as usize;
    parts[unit] = mine;
    sync_cube();
    let mut half = CUBE_DIM / 2;
    while half > 0 {
        if UNIT_POS < half {
            parts[unit] = max(parts[unit], parts[unit + half as usize]);
        }
        sync_cube();
        half /= 2;
    }
    let whole = parts[0];
    sync_cube();
    whole
}
