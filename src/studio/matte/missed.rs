//! Parts of the product that the mask network has missed: a white shade before a grey wall, a steel tape on white.
//!
//! What hangs together with the product and is not the plain background, nor a shadow on it, belongs to the product,
//! unless it goes on beyond the frame.

use super::pyramid::Level;
use super::surface::{Surface, beside, joined, least};

/// A part that the network has missed differs from the background by this many levels, and this many times as much
/// as that does itself; it is lighter or of another hue, as what is darker may be a shadow.
const MISSED: (f32, f32) = (14.0, 5.0);
/// Such a part is no larger than this share of the product.
const MOST_MISSED: f32 = 1.0;

/// The pixels of parts that hang together with the product and are not the plain background, though the network
/// is sure that they are.
pub fn missed(level: &Level, sure: &[Option<bool>], surface: &Surface) -> Vec<bool> {
    let unlike = MISSED.0 + MISSED.1 * surface.spread;
    let differs: Vec<bool> = (0..sure.len())
        .map(|at| {
            let (apart, hue, darker) = surface.apart(level, at);
            apart >= unlike && (hue >= unlike || darker < 0.0)
        })
        .collect();
    // What is a pixel thin is the soft rim of the outline.
    let is_thick = |at: usize| {
        let mut near = beside(at, level.width, sure.len());
        differs[at] && near.all(|at| differs[at] || sure[at] != Some(false))
    };
    let is_missed = |at: usize| sure[at] == Some(false) && is_thick(at);
    let touches = |at: usize| beside(at, level.width, sure.len()).any(|at| sure[at] != Some(false));
    // The floor and what else goes on beyond the frame is background however it looks.
    let (width, height) = (level.width, sure.len() / level.width);
    let at_frame = |at: usize| {
        let (x, y) = (at % width, at / width);
        x == 0 || y == 0 || x + 1 == width || y + 1 == height
    };
    let product = sure.iter().filter(|sure| **sure == Some(true)).count();
    let sizes = least(sure.len())..=(MOST_MISSED * product as f32) as usize;
    let mut seen = vec![false; sure.len()];
    let mut found = vec![false; sure.len()];
    for start in 0..sure.len() {
        if seen[start] || !is_missed(start) || !touches(start) {
            continue;
        }
        let part = joined(vec![start], &mut seen, width, |_, at| is_missed(at));
        if sizes.contains(&part.len()) && !part.iter().any(|&at| at_frame(at)) {
            part.iter().for_each(|&at| found[at] = true);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 200;

    #[test]
    fn what_the_network_missed_is_the_product_s_where_it_is_no_shadow() {
        // A black foot that the network saw, and above it a shade that it did not.
        let missed_of = |shade: [u8; 3], top: usize| {
            let mut rgb = vec![[180u8; 3]; SIDE * SIDE];
            let mut sure = vec![Some(false); SIDE * SIDE];
            for at in 0..SIDE * SIDE {
                let (x, y) = (at % SIDE, at / SIDE);
                if (80..120).contains(&x) && (100..160).contains(&y) {
                    (rgb[at], sure[at]) = ([20; 3], Some(true));
                } else if (80..120).contains(&x) && (top..100).contains(&y) {
                    rgb[at] = shade;
                }
            }
            let level = Level {
                width: SIDE,
                height: SIDE,
                rgb,
            };
            let surface = Surface::of(&level, &sure).unwrap();
            let found = missed(&level, &sure, &surface);
            found.iter().filter(|missed| **missed).count()
        };
        // Without its outermost pixels.
        assert_eq!(missed_of([230; 3], 60), 38 * 39);
        assert_eq!(missed_of([180, 140, 90], 60), 38 * 39);
        assert_eq!(missed_of([130; 3], 60), 0, "a shadow");
        assert_eq!(missed_of([185; 3], 60), 0, "hardly another colour");
        assert_eq!(missed_of([230; 3], 0), 0, "it goes on beyond the frame");
        assert_eq!(missed_of([230; 3], 99), 0, "a rim");
    }
}
