//! What the kernel is tested and measured on.

use super::{Options, Scores};

/// Of a component of a vector of length 1: sums of up to 1,000 f32 products and an `exp` that WGSL makes
/// to 3 + 2·|x| ulp, of which the terms that weigh anything have |x| below 20.
pub const TOLERANCE: f32 = 2e-5;

/// Scores are `rows` × `classes`, labels `classes` × `width`.
pub struct Case {
    pub name: &'static str,
    pub rows: usize,
    pub classes: usize,
    pub width: usize,
    pub scores: Vec<f32>,
    pub labels: Vec<f32>,
    pub options: Options,
}

/// All of them; each is small, for software GPUs.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (rows, classes, width, keep) in [
        (1, 1, 1, 1),
        (1, 1, 384, 1),
        (17, 3, 1, 2),
        (17, 3, 7, 3),
        (1, 1000, 384, 10),
        (17, 1000, 384, 10),
        (2, 1000, 129, 1),
        (2, 1000, 5, 1000),
        (3, 128, 128, 127),
        (3, 129, 256, 128),
    ] {
        for scores in [Scores::Logits { temperature: 1.0 }, Scores::Probabilities] {
            let options = Options {
                scores,
                keep,
                unit: true,
            };
            cases.push(case("every shape", rows, classes, width, options));
        }
    }
    cases.extend(chosen());
    cases.extend(hard());
    cases
}

/// Labels that are all of one class or another, so that the vector shows which classes were kept.
fn chosen() -> Vec<Case> {
    let scores = Scores::Logits { temperature: 4.0 };
    let one_hot = |name, keep, values: fn(usize) -> f32| {
        let options = Options {
            scores,
            keep,
            unit: false,
        };
        let mut case = case(name, 2, 150, 150, options);
        case.scores = (0..2 * 150).map(values).collect();
        case.labels = (0..150 * 150)
            .map(|i| f32::from(u8::from(i / 150 == i % 150)))
            .collect();
        case
    };
    vec![
        one_hot("all equal", 7, |_| 3.5),
        one_hot("all equal, all kept", 150, |_| -3.5),
        one_hot("ties across the cut", 40, |i| (hash(i) % 5) as f32 - 2.0),
        one_hot("ties of the least", 149, |i| (hash(i) % 2) as f32),
        one_hot("one better", 5, |i| if i % 150 == 140 { 1.0 } else { 0.0 }),
        one_hot("rising", 20, |i| (i % 150) as f32 * 0.1 - 9.0),
        one_hot("falling", 20, |i| 9.0 - (i % 150) as f32 * 0.1),
    ]
}

/// Scores at the ends of what f32 holds, and temperatures.
fn hard() -> Vec<Case> {
    let logits = |temperature| Options {
        scores: Scores::Logits { temperature },
        keep: 8,
        unit: true,
    };
    let of = |name, options, values: fn(usize) -> f32| {
        let mut case = case(name, 3, 20, 9, options);
        case.scores = (0..3 * 20).map(values).collect();
        case
    };
    let shares = Options {
        scores: Scores::Probabilities,
        ..logits(1.0)
    };
    vec![
        of("very large", logits(1.0), |i| 3e38 - (i % 20) as f32 * 1e32),
        of("very small", logits(1.0), |i| {
            -3e38 + (i % 20) as f32 * 1e32
        }),
        of("from end to end", logits(0.5), |i| {
            if i % 2 == 0 { 3.4e38 } else { -3.4e38 }
        }),
        of("cold", logits(0.01), |i| (hash(i) % 100) as f32 / 50.0),
        of("hot", logits(1000.0), |i| (hash(i) % 100) as f32 / 50.0),
        of("no share", shares, |_| 0.0),
        of("tiny shares", shares, |i| (1 + hash(i) % 9) as f32 * 1e-30),
        of("one share", shares, |i| f32::from(u8::from(i % 20 == 19))),
    ]
}

/// With logits from -8 to 8 or shares up to 1, and labels from -1 to 1.
pub fn case(
    name: &'static str,
    rows: usize,
    classes: usize,
    width: usize,
    options: Options,
) -> Case {
    let even = |i: usize| (hash(i) % 10_000) as f32 / 10_000.0;
    let score = |i| match options.scores {
        Scores::Logits { .. } => 16.0 * even(i) - 8.0,
        Scores::Probabilities => even(i).powi(8),
    };
    Case {
        name,
        rows,
        classes,
        width,
        scores: (0..rows * classes).map(score).collect(),
        labels: (0..classes * width)
            .map(|i| 2.0 * even(i + 1_000_000) - 1.0)
            .collect(),
        options,
    }
}

fn hash(i: usize) -> u32 {
    let mut value = (i as u32 + 1).wrapping_mul(2_654_435_761);
    value ^= value >> 15;
    value = value.wrapping_mul(2_246_822_519);
    value ^ (value >> 13)
}
