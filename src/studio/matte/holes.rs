//! Holes that the mask network has closed (within a ring, between straps, behind a handle), and parts that it missed.
//!
//! Where the background is plain its colour at every place is known from what lies round the product. A part
//! inside the mask that has just that colour and ends all round in edges is the background seen through a
//! hole; so is the soft shadow that goes on from it. White on a background that is white without any shade
//! says nothing, as print and highlights look the same: there the network's word stands.

use super::pyramid::Level;

/// The background is plain where its colours are at most this far from the surface that fits them, in levels
/// (root mean square), and at least this share of it fits.
const PLAIN: f32 = 7.0;
const FITS: f32 = 0.8;
/// Times that the surface is fitted to what was near it before: within this many median distances, and a level.
const FITTED: usize = 4;
const NEAR: f32 = 3.0;
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
/// On a background whose channels differ by this a part of the product will hardly have its colour.
const COLOURED: f32 = 40.0;
/// A hole has at least this share of the pixels, and so many of them.
const LEAST: (f32, usize) = (0.0004, 30);
/// The background is white beyond telling from here on, in its darkest channel.
const WHITE: f32 = 249.0;

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
    let goes_on = |at: usize| surface.is_coloured() && sure[at] == Some(false);
    let may_be = |at: usize| sure[at] != Some(false);
    let least = ((LEAST.0 * sure.len() as f32) as usize).max(LEAST.1);
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
        let like = match is_large && !surface.is_coloured() {
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

/// How many terms the surface has: 1, x, y, x², xy, y².
const TERMS: usize = 6;

/// A part that the network has missed differs from the background by this many levels, and this many times as much
/// as that does itself; it is lighter or of another hue, as what is darker may be a shadow.
const MISSED: (f32, f32) = (14.0, 5.0);
/// Such a part is no larger than this share of the product.
const MOST_MISSED: f32 = 1.0;

/// The pixels of parts that hang together with the product and are not the plain background, though the network
/// is sure that they are.
pub fn missed(level: &Level, sure: &[Option<bool>], surface: &Surface) -> Vec<bool> {
    let least = MISSED.0 + MISSED.1 * surface.spread;
    let differs: Vec<bool> = (0..sure.len())
        .map(|at| {
            let (apart, hue, darker) = surface.apart(level, at);
            apart >= least && (hue >= least || darker < 0.0)
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
    let most = (MOST_MISSED * product as f32) as usize;
    let least = ((LEAST.0 * sure.len() as f32) as usize).max(LEAST.1);
    let mut seen = vec![false; sure.len()];
    let mut found = vec![false; sure.len()];
    for start in 0..sure.len() {
        if seen[start] || !is_missed(start) || !touches(start) {
            continue;
        }
        let part = joined(vec![start], &mut seen, width, |_, at| is_missed(at));
        if (least..=most).contains(&part.len()) && !part.iter().any(|&at| at_frame(at)) {
            part.iter().for_each(|&at| found[at] = true);
        }
    }
    found
}

/// The background's colour as it changes over the photo, where that is plain.
pub struct Surface {
    channels: [[f64; TERMS]; 3],
    /// Root mean square of what is left.
    spread: f32,
    width: usize,
    height: usize,
}

impl Surface {
    /// By least squares over what surely is the background; `None` where that is not plain.
    pub fn of(level: &Level, sure: &[Option<bool>]) -> Option<Surface> {
        let all: Vec<usize> = (0..sure.len())
            .filter(|&at| sure[at] == Some(false))
            .collect();
        if all.len() < sure.len() / 20 {
            return None;
        }
        let mut surface = Surface {
            channels: [[0.0; TERMS]; 3],
            spread: 0.0,
            width: level.width,
            height: sure.len() / level.width,
        };
        let mut kept = all.clone();
        for _ in 0..FITTED {
            surface.fit(level, &kept)?;
            let mut apart: Vec<f32> = all.iter().map(|&at| surface.apart(level, at).0).collect();
            let within = apart.clone();
            let middle = apart.len() / 2;
            let median = *apart.select_nth_unstable_by(middle, f32::total_cmp).1;
            let near = all.iter().zip(&within);
            let near = near.filter(|(_, apart)| **apart <= NEAR * median + 1.0);
            kept = near.clone().map(|(at, _)| *at).collect();
            let squares: f32 = near.map(|(_, apart)| apart * apart).sum();
            surface.spread = (squares / kept.len().max(1) as f32).sqrt();
        }
        let fits = kept.len() as f32 >= FITS * all.len() as f32;
        (fits && surface.spread <= PLAIN).then_some(surface)
    }

    /// Its darkest and its lightest channel in the middle of the photo.
    fn ends(&self) -> (f32, f32) {
        let middle = self.at(self.width / 2 + self.height / 2 * self.width);
        let darkest = middle.iter().copied().fold(f32::MAX, f32::min);
        (darkest, middle.iter().copied().fold(f32::MIN, f32::max))
    }

    fn is_white(&self) -> bool {
        self.ends().0 >= WHITE
    }

    fn is_coloured(&self) -> bool {
        let (darkest, lightest) = self.ends();
        lightest - darkest >= COLOURED
    }

    /// A pixel's colour as if the background were a middle grey everywhere.
    pub fn relative(&self, level: &Level, at: usize) -> [u8; 3] {
        let wanted = self.at(at);
        let apart = |c: usize| f32::from(level.rgb[at][c]) - wanted[c];
        std::array::from_fn(|c| (128.0 + apart(c)).round().clamp(0.0, 255.0) as u8)
    }

    fn fit(&mut self, level: &Level, places: &[usize]) -> Option<()> {
        let mut products = [[0.0; TERMS]; TERMS];
        let mut sums = [[0.0; TERMS]; 3];
        for &at in places {
            let terms = self.terms(at);
            for i in 0..TERMS {
                (0..TERMS).for_each(|j| products[i][j] += terms[i] * terms[j]);
                (0..3).for_each(|c| sums[c][i] += terms[i] * f64::from(level.rgb[at][c]));
            }
        }
        for (channel, sums) in self.channels.iter_mut().zip(sums) {
            *channel = solved(products, sums)?;
        }
        Some(())
    }

    fn terms(&self, at: usize) -> [f64; TERMS] {
        let x = (at % self.width) as f64 / self.width as f64 - 0.5;
        let y = (at / self.width) as f64 / self.height as f64 - 0.5;
        [1.0, x, y, x * x, x * y, y * y]
    }

    fn at(&self, at: usize) -> [f32; 3] {
        let terms = self.terms(at);
        self.channels.map(|channel| {
            let sum: f64 = channel.iter().zip(terms).map(|(a, b)| a * b).sum();
            sum as f32
        })
    }

    /// How far a pixel is from it, in levels: the largest difference of a channel; the same without what light or its
    /// lack changes, which takes as much from each channel or the same share; how much darker it is.
    fn apart(&self, level: &Level, at: usize) -> (f32, f32, f32) {
        let wanted = self.at(at);
        let by: [f32; 3] = std::array::from_fn(|c| wanted[c] - f32::from(level.rgb[at][c]));
        let darker = by.iter().sum::<f32>() / 3.0;
        let most = |values: [f32; 3]| values.iter().fold(0.0f32, |most, by| most.max(by.abs()));
        let sum: f32 = wanted.iter().sum();
        let share = 3.0 * darker / sum.max(1.0);
        let scaled = std::array::from_fn(|c| by[c] - share * wanted[c]);
        let hue = most(by.map(|by| by - darker)).min(most(scaled));
        (most(by), hue, darker)
    }
}

fn luma(rgb: [u8; 3]) -> f32 {
    rgb.iter().map(|&value| f32::from(value)).sum::<f32>() / 3.0
}

/// A system of equations by Gauss's elimination; `None` where it has no one answer.
fn solved(mut m: [[f64; TERMS]; TERMS], mut right: [f64; TERMS]) -> Option<[f64; TERMS]> {
    for column in 0..TERMS {
        let largest = |a: &usize, b: &usize| m[*a][column].abs().total_cmp(&m[*b][column].abs());
        let pivot = (column..TERMS).max_by(largest)?;
        if m[pivot][column].abs() < 1e-9 {
            return None;
        }
        m.swap(column, pivot);
        right.swap(column, pivot);
        for row in 0..TERMS {
            if row != column {
                let times = m[row][column] / m[column][column];
                (0..TERMS).for_each(|at| m[row][at] -= times * m[column][at]);
                right[row] -= times * right[column];
            }
        }
    }
    Some(std::array::from_fn(|at| right[at] / m[at][at]))
}

/// All that hangs together with `part` at pixels' edges, where `passes` lets from one pixel to the next.
fn joined(
    mut part: Vec<usize>,
    seen: &mut [bool],
    width: usize,
    passes: impl Fn(usize, usize) -> bool,
) -> Vec<usize> {
    part.iter().for_each(|&at| seen[at] = true);
    let mut next = 0;
    while let Some(&at) = part.get(next) {
        next += 1;
        for near in beside(at, width, seen.len()) {
            if !seen[near] && passes(at, near) {
                seen[near] = true;
                part.push(near);
            }
        }
    }
    part
}

/// The up to four pixels beside one.
fn beside(at: usize, width: usize, count: usize) -> impl Iterator<Item = usize> {
    let x = at % width;
    let left = (x > 0).then(|| at - 1);
    let right = (x + 1 < width).then_some(at + 1);
    let above = at.checked_sub(width);
    let below = (at + width < count).then_some(at + width);
    [left, right, above, below].into_iter().flatten()
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
