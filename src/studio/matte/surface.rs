//! A plain background: its colour at every place, from what lies round the product.

use super::pyramid::Level;

/// The background is plain where its colours are at most this far from the surface that fits them, in levels
/// (root mean square), and at least this share of it fits.
const PLAIN: f32 = 7.0;
const FITS: f32 = 0.8;
/// Times that the surface is fitted to what was near it before: within this many median distances, and a level.
const FITTED: usize = 4;
const NEAR: f32 = 3.0;
/// On a background whose channels differ by this a part of the product will hardly have its colour.
const COLOURED: f32 = 40.0;
/// The background is white beyond telling from here on, in its darkest channel.
const WHITE: f32 = 249.0;

/// A part that is told from the network's word has at least this share of the pixels, and so many of them.
const LEAST: (f32, usize) = (0.0004, 30);

/// Pixels of the least part that is told from the network's word, of that many.
pub fn least(pixels: usize) -> usize {
    ((LEAST.0 * pixels as f32) as usize).max(LEAST.1)
}

/// How many terms the surface has: 1, x, y, x², xy, y².
const TERMS: usize = 6;

/// The background's colour as it changes over the photo, where that is plain.
pub struct Surface {
    channels: [[f64; TERMS]; 3],
    /// Root mean square of what is left.
    pub spread: f32,
    /// In the middle of the photo.
    middle: [f32; 3],
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
            middle: [0.0; 3],
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
        surface.middle = surface.at(surface.width / 2 + surface.height / 2 * surface.width);
        let fits = kept.len() as f32 >= FITS * all.len() as f32;
        (fits && surface.spread <= PLAIN).then_some(surface)
    }

    /// Its darkest and its lightest channel in the middle of the photo.
    fn ends(&self) -> (f32, f32) {
        let middle = self.middle;
        let darkest = middle.iter().copied().fold(f32::MAX, f32::min);
        (darkest, middle.iter().copied().fold(f32::MIN, f32::max))
    }

    pub fn is_white(&self) -> bool {
        self.ends().0 >= WHITE
    }

    pub fn is_coloured(&self) -> bool {
        let (darkest, lightest) = self.ends();
        lightest - darkest >= COLOURED
    }

    /// A pixel's colour as if the background were everywhere what it is in the middle of the photo.
    pub fn evened(&self, level: &Level, at: usize) -> [u8; 3] {
        let here = self.at(at);
        let even = |c: usize| f32::from(level.rgb[at][c]) + self.middle[c] - here[c];
        std::array::from_fn(|c| even(c).round().clamp(0.0, 255.0) as u8)
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
    pub fn apart(&self, level: &Level, at: usize) -> (f32, f32, f32) {
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
pub fn joined(
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
pub fn beside(at: usize, width: usize, count: usize) -> impl Iterator<Item = usize> {
    let x = at % width;
    let left = (x > 0).then(|| at - 1);
    let right = (x + 1 < width).then_some(at + 1);
    let above = at.checked_sub(width);
    let below = (at + width < count).then_some(at + width);
    [left, right, above, below].into_iter().flatten()
}
