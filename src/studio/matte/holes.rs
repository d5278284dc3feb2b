//! Holes that the mask network has closed: within a ring, between straps, behind a handle.
//!
//! Where the background is plain its colour at every place is known from what lies round the product. A part
//! inside the mask that has just that colour and ends all round in edges is the background seen through a
//! hole; so is the soft shadow that goes on from it. White on a background that is white without any shade
//! says nothing, as print and highlights look the same: there the network's word stands.

use super::pyramid::Level;
use super::surface::{Surface, joined, least};

/// A pixel has the background's colour within this many levels, and this many times the background's own distance.
const ALIKE: (f32, f32) = (5.0, 2.0);
/// A shadow has the background's hue within this, is darker by at most this, and begins softly: its luma changes
/// by no more than this from pixel to pixel.
const SAME_HUE: f32 = 6.0;
const DARKER: f32 = 60.0;
const SOFTLY: f32 = 4.0;
/// Round a hole colours change by this many levels, for this share of its rim.
const EDGE: f32 = 20.0;
const EDGED: f32 = 0.6;
/// A hole is as far from the surface as this, in levels (root mean square): a mirror image of the background on the
/// product is further.
const LIKE: f32 = 7.5;
/// A part of this share of the pixels is as far as the background itself, or little more: this many times as far, and
/// so many levels, where a product may well have the background's colour. Of smaller parts much is rim.
const LARGE: f32 = 0.001;
const JUST_LIKE: (f32, f32) = (1.5, 1.0);
const LEAST_LIKE: f32 = 3.0;
/// The pixels of holes, without their rims. `sure` says of each pixel whether it surely is the product's
/// or the background's.
pub fn holes(level: &Level, sure: &[Option<bool>], surface: &Surface) -> Vec<bool> {
    let mut found = vec![false; sure.len()];
    if surface.is_white() {
        return found;
    }
    let reach = ALIKE.0 + ALIKE.1 * surface.spread;
    let just_like = (JUST_LIKE.0 * surface.spread + JUST_LIKE.1).clamp(LEAST_LIKE, LIKE);
    // There the background goes on without an edge where the network is not sure of it.
    let is_coloured = surface.is_coloured();
    let goes_on = |at: usize| is_coloured && sure[at] == Some(false);
    let may_be = |at: usize| sure[at] != Some(false);
    let least = least(sure.len());
    let mut seen = vec![false; sure.len()];
    for start in 0..sure.len() {
        if seen[start] || !may_be(start) || surface.apart(level, start).0 > reach {
            continue;
        }
        let alike = |_: usize, at: usize| may_be(at) && surface.apart(level, at).0 <= reach;
        let mut part = joined(vec![start], &mut seen, level.width, alike);
        let inside = part.iter().filter(|&&at| sure[at] == Some(true)).count();
        let squares: f32 = part
            .iter()
            .map(|&at| surface.apart(level, at).0.powi(2))
            .sum();
        let is_large = part.len() as f32 >= LARGE * sure.len() as f32;
        let like = match is_large && !is_coloured {
            true => just_like,
            false => LIKE,
        };
        let is_like = squares <= like * like * part.len() as f32;
        if part.len() < least || 2 * inside < part.len() || !is_like {
            continue;
        }
        let mut in_shadow = vec![false; sure.len()];
        part.iter().for_each(|&at| in_shadow[at] = true);
        part = joined(part, &mut in_shadow, level.width, |from, at| {
            let (_, hue, darker) = surface.apart(level, at);
            let step = (luma(level.rgb[at]) - luma(level.rgb[from])).abs();
            may_be(at) && hue <= SAME_HUE && (0.0..=DARKER).contains(&darker) && step <= SOFTLY
        });
        if is_edged(level, &part, &in_shadow, goes_on) {
            part.iter().for_each(|&at| found[at] = true);
        }
    }
    found
}

fn luma(rgb: [u8; 3]) -> f32 {
    rgb.iter().map(|&value| f32::from(value)).sum::<f32>() / 3.0
}

/// Whether the colour changes at nearly all of a part's rim, within three pixels outwards.
/// Where the background goes on nothing is asked.
fn is_edged(
    level: &Level,
    part: &[usize],
    inside: &[bool],
    goes_on: impl Fn(usize) -> bool,
) -> bool {
    let (width, height) = (level.width as isize, (inside.len() / level.width) as isize);
    let (mut rim, mut edged) = (0u32, 0u32);
    for &at in part {
        let (x, y) = (at as isize % width, at as isize / width);
        for (dx, dy) in [(-1, 0), (1, 0), (0, -1), (0, 1)] {
            let outwards = |steps: isize| {
                let (x, y) = (x + dx * steps, y + dy * steps);
                let is_in = x >= 0 && y >= 0 && x < width && y < height;
                is_in.then_some((y * width + x) as usize)
            };
            if outwards(1).is_some_and(|at| inside[at] || goes_on(at)) {
                continue;
            }
            rim += 1;
            let changes = |steps: isize| {
                let other = outwards(steps).map(|at| level.rgb[at]);
                other.is_some_and(|other| {
                    let own = level.rgb[at];
                    (0..3).any(|c| f32::from(own[c].abs_diff(other[c])) >= EDGE)
                })
            };
            edged += u32::from((1..=3).any(changes));
        }
    }
    edged as f32 >= EDGED * rim as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 200;

    /// A ring round the middle on a background that grows darker downwards, with grain; what is inside the
    /// ring is `filled`.
    fn ring(background: f32, filled: impl Fn(f32, f32) -> f32) -> (Level, Vec<Option<bool>>) {
        let mut rgb = Vec::new();
        let mut sure = Vec::new();
        for at in 0..SIDE * SIDE {
            let (x, y) = ((at % SIDE) as f32 - 100.0, (at / SIDE) as f32 - 100.0);
            let behind = (background - 0.2 * y).min(255.0);
            let grain = ((at * 7919) % 3) as f32 * 0.5;
            let away = x.hypot(y);
            let value = match away {
                away if away < 40.0 => filled(behind, away),
                away if away < 60.0 => 40.0,
                _ => behind,
            };
            rgb.push([(value + grain).clamp(0.0, 255.0) as u8; 3]);
            sure.push(Some(away < 60.0));
        }
        let level = Level {
            width: SIDE,
            height: SIDE,
            rgb,
        };
        (level, sure)
    }

    fn found(background: f32, filled: impl Fn(f32, f32) -> f32) -> usize {
        let (level, sure) = ring(background, filled);
        let surface = Surface::of(&level, &sure).unwrap();
        let found = holes(&level, &sure, &surface);
        found.iter().filter(|hole| **hole).count()
    }

    /// Pixels of the disc within the ring.
    const DISC: usize = 5026;

    #[test]
    fn the_background_within_a_ring_is_a_hole() {
        let count = found(180.0, |behind, _| behind);
        assert!(count.abs_diff(DISC) < 150, "{count}");
        // With the ring's soft shadow, 30 levels deep.
        let shadowed = found(180.0, |behind, away| behind - (away - 20.0).max(0.0) * 1.5);
        assert!(shadowed.abs_diff(DISC) < 150, "{shadowed}");
    }

    #[test]
    fn what_only_looks_a_little_like_the_background_is_none() {
        assert_eq!(found(180.0, |_, _| 230.0), 0, "another colour");
        // A part of the product whose shade passes through the background's colour.
        assert_eq!(found(180.0, |_, away| 140.0 + 2.0 * away), 0, "no edge");
        assert_eq!(found(275.0, |_, _| 255.0), 0, "white on white");
    }

    #[test]
    fn a_large_part_of_the_background_s_colour_with_a_shade_of_its_own_is_no_hole() {
        // Folds four levels deep, on a background that is even to within a level.
        let folded = |behind: f32, away: f32| behind + 4.0 * (away * 0.7).sin() + 2.0;
        assert_eq!(found(180.0, folded), 0);
    }

    #[test]
    fn on_a_coloured_background_a_hole_may_run_into_it() {
        // A loop that is open to the right, where the network saw the product: purple within, and outside.
        let (mut level, mut sure) = ring(180.0, |behind, _| behind);
        for (at, sure) in sure.iter_mut().enumerate() {
            let (x, y) = ((at % SIDE) as f32 - 100.0, (at / SIDE) as f32 - 100.0);
            let is_ring = (40.0..60.0).contains(&x.hypot(y)) && x < 0.0;
            level.rgb[at] = if is_ring {
                [240, 160, 60]
            } else {
                [139, 64, 159]
            };
            *sure = Some(x.hypot(y) < 60.0);
        }
        let holes_of = |level: &Level| {
            let surface = Surface::of(level, &sure).unwrap();
            let found = holes(level, &sure, &surface);
            found.iter().filter(|hole| **hole).count()
        };
        let purple = holes_of(&level);
        assert!(purple.abs_diff(DISC + 3142) < 150, "{purple}");
        // On grey a white or grey product may have that colour: the network's word stands.
        for rgb in level.rgb.iter_mut().filter(|rgb| rgb[0] == 139) {
            *rgb = [150; 3];
        }
        assert_eq!(holes_of(&level), 0);
    }

    #[test]
    fn a_background_with_a_pattern_and_none_at_all_say_nothing() {
        let (mut level, sure) = ring(180.0, |behind, _| behind);
        for (at, rgb) in level.rgb.iter_mut().enumerate() {
            if (at % SIDE / 10 + at / SIDE / 10).is_multiple_of(2) {
                *rgb = [90; 3];
            }
        }
        assert!(Surface::of(&level, &sure).is_none());
        assert!(Surface::of(&level, &vec![Some(true); SIDE * SIDE]).is_none());
    }
}
