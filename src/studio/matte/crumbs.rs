//! What hangs about apart from the product and is none: faint wisps, single specks.

/// A part that is nowhere more solid than this is a wisp.
const SOLID: f32 = 0.5;
/// A part of less than this share of the largest one is a speck.
const LEAST_SHARE: f32 = 0.001;

/// Sets alpha to 0 in every part (pixels of more than `clear`, joined at edges or corners) that is a wisp
/// or a speck.
pub fn swept(alpha: &mut [f32], width: usize, clear: f32) {
    let mut part_of = vec![usize::MAX; alpha.len()];
    let mut parts: Vec<Part> = Vec::new();
    let mut waiting = Vec::new();
    for start in 0..alpha.len() {
        if alpha[start] <= clear || part_of[start] != usize::MAX {
            continue;
        }
        let mut part = Part {
            mass: 0.0,
            most: 0.0,
        };
        part_of[start] = parts.len();
        waiting.push(start);
        while let Some(at) = waiting.pop() {
            part.mass += alpha[at];
            part.most = part.most.max(alpha[at]);
            for near in around(at, width, alpha.len()) {
                if alpha[near] > clear && part_of[near] == usize::MAX {
                    part_of[near] = parts.len();
                    waiting.push(near);
                }
            }
        }
        parts.push(part);
    }
    let largest = parts.iter().map(|part| part.mass).fold(0.0, f32::max);
    for (alpha, &part) in alpha.iter_mut().zip(&part_of) {
        if let Some(part) = parts.get(part)
            && (part.most < SOLID || part.mass < LEAST_SHARE * largest)
        {
            *alpha = 0.0;
        }
    }
}

/// Pixels that are joined: their alpha together, and the greatest.
struct Part {
    mass: f32,
    most: f32,
}

/// The up to eight pixels round one, and itself.
fn around(at: usize, width: usize, count: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (at % width, at / width);
    let rows = y.saturating_sub(1)..=(y + 1).min(count / width - 1);
    let columns = x.saturating_sub(1)..=(x + 1).min(width - 1);
    rows.flat_map(move |y| columns.clone().map(move |x| y * width + x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wisps_and_specks_go_and_parts_of_the_product_stay() {
        let (width, height) = (100, 60);
        let mut alpha = vec![0.0; width * height];
        let mut fill = |columns: std::ops::Range<usize>, rows: std::ops::Range<usize>, value| {
            for y in rows {
                alpha[y * width + columns.start..y * width + columns.end].fill(value);
            }
        };
        fill(5..55, 5..55, 1.0);
        fill(70..80, 5..15, 0.9);
        fill(70..80, 20..40, 0.4);
        fill(70..71, 50..51, 1.0);
        // A wisp that touches the product with a corner is its soft edge.
        fill(55..60, 55..58, 0.3);
        swept(&mut alpha, width, 0.02);
        let at = |x: usize, y: usize| alpha[y * width + x];
        assert_eq!([at(20, 20), at(75, 10), at(57, 56)], [1.0, 0.9, 0.3]);
        assert_eq!([at(75, 30), at(70, 50)], [0.0, 0.0]);
    }

    #[test]
    fn nothing_stays_nothing() {
        let mut alpha = vec![0.0; 7];
        swept(&mut alpha, 7, 0.02);
        assert_eq!(alpha, [0.0; 7]);
    }
}
