//! A coarse mask → alpha for every pixel of the photo.
//!
//! The mask network sees 320 × 320 pixels. Its outline is right to a cell or so, which on a large photo is
//! twenty pixels. So:
//!
//! 1. at a size near the mask's own, a band round its outline, and wherever it is undecided, becomes
//!    *unknown*; the rest is product or background for good;
//! 2. in the band alpha is found from the photo's own colours ([`closed_form`]), with a weak belief in what
//!    the mask and the colours of both sides ([`colours`]) say, which settles holes and thin parts;
//! 3. the size is doubled until it is the photo's own; each time alpha is found again in the band where it
//!    is neither 0 nor 1, which by now is a few pixels wide. This goes tile by tile, so that memory and time
//!    go with the outline and not with the photo.

mod closed_form;
mod colours;
mod crumbs;
mod holes;
mod missed;
mod pyramid;
mod surface;

use showroom_catalog::Pixels;
use showroom_catalog::seams::SoftMask;

use closed_form::{Region, solve};
use colours::ColourModel;
use crumbs::swept;
use holes::holes;
use missed::missed;
use pyramid::{Level, stretched};
use surface::Surface;

/// Longer side of the smallest size, in pixels: about twice the mask's.
const BASE_SIDE: usize = 640;
/// How much the belief in mask and colours weighs against the photo's own edges: near the outline, and
/// where the mask is undecided further in. Where the colours tell nothing, a share of it.
const BELIEF: f32 = 0.01;
const DEEP_BELIEF: f32 = 0.1;
const LEAST_BELIEF: f32 = 0.03;
/// Steps of the solver at the smallest size, and at each larger one, where it begins near the end.
const BASE_STEPS: usize = 200;
const FINE_STEPS: usize = 15;
/// Pixels round a hole in which its edge is looked for.
const HOLE_RIM: usize = 2;
/// What is taken from alpha at both ends, the rest being stretched over 0–1: where the photo shows no edge, the
/// solver leaves a veil. At the smallest size, and at the end.
const BASE_VEIL: f32 = 0.08;
const LAST_VEIL: f32 = 0.04;
/// Alpha below and above these is 0 and 1.
const CLEAR: f32 = 0.02;
const SOLID: f32 = 0.98;
/// At larger sizes the band reaches this far beyond where alpha is neither 0 nor 1, in pixels.
const FINE_BAND: usize = 2;
/// Side of a tile, and how far it looks beyond, in pixels.
const TILE: usize = 256;
const HALO: usize = 12;

/// Which pixels are to be found again: those about which the mask is not sure, and those near them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// The mask is sure of the background up to this, 0–1.
    pub sure_not: f32,
    /// The mask is sure of the product from this on, 0–1.
    pub sure: f32,
    pub reach: Reach,
}

/// How far a band reaches beyond where the mask is not sure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reach {
    /// Cells of the mask.
    Cells(f32),
    /// Pixels of the photo.
    Pixels(u32),
}

impl Default for Band {
    /// Chosen, as the beliefs were, on 19 cut-outs with a known alpha over other photos' backgrounds.
    fn default() -> Self {
        Band {
            sure_not: 0.05,
            sure: 0.95,
            reach: Reach::Cells(0.5),
        }
    }
}

/// Alpha of every pixel of a photo: 0 background, 255 product.
pub struct Matte {
    pub alpha: Vec<u8>,
    /// How unlike the coarse mask it is: the mean difference, 0–1, over the pixels where either shows
    /// the product.
    pub moved: f32,
}

/// Finds the alpha of every pixel of `pixels` from the mask, which must have a value for each of its own.
pub fn refine(pixels: &Pixels, mask: &SoftMask, band: Band) -> Matte {
    let full = pixels.width.max(pixels.height) as f32;
    let mut levels = vec![Level::of(pixels.width, pixels.height, &pixels.rgba)];
    while let Some(last) = levels
        .last()
        .filter(|last| last.width.max(last.height) > BASE_SIDE)
    {
        levels.push(last.halved());
    }
    let mut alpha = Vec::new();
    let mut moved = 0.0;
    let mut size = (0, 0);
    // From the smallest on; each is freed when it is done with.
    while let Some(level) = levels.pop() {
        let to = (level.width, level.height);
        if alpha.is_empty() {
            let coarse = stretched(
                &mask.values,
                (mask.width as usize, mask.height as usize),
                to,
            );
            let cell = (to.0 as f32 / mask.width as f32).max(to.1 as f32 / mask.height as f32);
            let reach = match band.reach {
                Reach::Cells(cells) => cells * cell,
                Reach::Pixels(pixels) => pixels as f32 * to.0.max(to.1) as f32 / full,
            };
            alpha = at_base(&level, &coarse, band, reach.round().max(1.0) as usize);
            moved = difference(&alpha, &coarse);
        } else {
            alpha = finer(&level, stretched(&alpha, size, to));
        }
        size = to;
    }
    let byte = |alpha: f32| (255.0 * unveiled(alpha, LAST_VEIL)).round() as u8;
    Matte {
        alpha: alpha.into_iter().map(byte).collect(),
        moved,
    }
}

/// Alpha at the smallest size, with a band that reaches `reach` pixels.
fn at_base(level: &Level, coarse: &[f32], band: Band, reach: usize) -> Vec<f32> {
    let (width, height) = (level.width, level.height);
    let near = |flags: Vec<bool>| grown(&flags, width, height, reach);
    let not_product = near(coarse.iter().map(|&value| value < band.sure).collect());
    let not_background = near(coarse.iter().map(|&value| value > band.sure_not).collect());
    // A product that is thin all over has no pixel that is far from its outline.
    let is_thin = !not_product.contains(&false);
    let sure = |at: usize| match (not_product[at], not_background[at]) {
        (false, _) => Some(true),
        (true, false) => Some(false),
        (true, true) => (is_thin && coarse[at] >= band.sure).then_some(true),
    };
    let mut sure: Vec<Option<bool>> = (0..coarse.len()).map(sure).collect();
    let mut coarse = coarse.to_vec();
    let surface = Surface::of(level, &sure);
    let (hole, more) = match &surface {
        Some(surface) => (holes(level, &sure, surface), missed(level, &sure, surface)),
        None => (vec![false; sure.len()], vec![false; sure.len()]),
    };
    let brim = grown(&more, width, height, HOLE_RIM);
    for (at, (more, brim)) in more.iter().zip(brim).enumerate() {
        if brim {
            sure[at] = sure[at].filter(|product| *product);
        }
        if *more {
            coarse[at] = 1.0;
        }
    }
    let rim = grown(&hole, width, height, HOLE_RIM);
    for (at, (hole, rim)) in hole.iter().zip(rim).enumerate() {
        if *hole {
            (sure[at], coarse[at]) = (Some(false), 0.0);
        } else if rim && sure[at] == Some(true) {
            sure[at] = None;
        }
    }
    let coarse = &coarse;
    // On a plain background that grows lighter or darker a colour says more beside what lies behind it.
    let colour = |at: usize| match &surface {
        Some(surface) => surface.evened(level, at),
        None => level.rgb[at],
    };
    let model = ColourModel::new((0..sure.len()).map(|at| (colour(at), sure[at])));
    let is_sure = sure.iter().map(Option::is_some).collect::<Vec<_>>();
    let shallow = grown(&is_sure, width, height, reach + 1);
    let mut prior = coarse.to_vec();
    let mut weight = vec![0.0; coarse.len()];
    let mut alpha = coarse.to_vec();
    for (at, sure) in sure.iter().enumerate() {
        match sure {
            Some(product) => alpha[at] = f32::from(u8::from(*product)),
            None => {
                let (probability, trust) = model.judge(colour(at));
                prior[at] = trust * probability + (1.0 - trust) * coarse[at];
                let belief = if shallow[at] { BELIEF } else { DEEP_BELIEF };
                weight[at] = belief * trust.max(LEAST_BELIEF);
            }
        }
    }
    let unknown: Vec<bool> = sure.iter().map(Option::is_none).collect();
    let colours: Vec<[f32; 3]> = level.rgb.iter().map(|&rgb| unit(rgb)).collect();
    let region = Region {
        width,
        height,
        colours: &colours,
        unknown: &unknown,
        prior: &prior,
        weight: &weight,
    };
    solve(&region, &mut alpha, BASE_STEPS);
    alpha
        .iter_mut()
        .for_each(|alpha| *alpha = unveiled(*alpha, BASE_VEIL));
    swept(&mut alpha, width, CLEAR);
    alpha
}

/// Alpha at a larger size, from alpha that was brought up to it.
fn finer(level: &Level, before: Vec<f32>) -> Vec<f32> {
    let (width, height) = (level.width, level.height);
    let mut after: Vec<f32> = before.iter().map(|&alpha| snapped(alpha)).collect();
    for top in (0..height).step_by(TILE) {
        for left in (0..width).step_by(TILE) {
            let tile = Tile::round(left, top, width, height);
            tile.refine(level, &before, &mut after);
        }
    }
    after
}

/// A part of a photo with what lies round it.
struct Tile {
    /// With what lies round it: first column and row, and those behind the last.
    outer: [usize; 4],
    /// Without.
    inner: [usize; 4],
}

impl Tile {
    fn round(left: usize, top: usize, width: usize, height: usize) -> Tile {
        let (right, bottom) = ((left + TILE).min(width), (top + TILE).min(height));
        Tile {
            outer: [
                left.saturating_sub(HALO),
                top.saturating_sub(HALO),
                (right + HALO).min(width),
                (bottom + HALO).min(height),
            ],
            inner: [left, top, right, bottom],
        }
    }

    fn refine(&self, level: &Level, before: &[f32], after: &mut [f32]) {
        let [left, top, right, bottom] = self.outer;
        let (width, height) = (right - left, bottom - top);
        let rows = move || (top..bottom).map(move |y| y * level.width + left);
        let prior: Vec<f32> = rows()
            .flat_map(|at| &before[at..at + width])
            .copied()
            .collect();
        let soft: Vec<bool> = prior
            .iter()
            .map(|&alpha| alpha > CLEAR && alpha < SOLID)
            .collect();
        if !soft.contains(&true) {
            return;
        }
        let unknown = grown(&soft, width, height, FINE_BAND);
        let mut alpha = prior.clone();
        for (alpha, unknown) in alpha.iter_mut().zip(&unknown) {
            if !unknown {
                *alpha = snapped(*alpha);
            }
        }
        let colours: Vec<[f32; 3]> = rows()
            .flat_map(|at| &level.rgb[at..at + width])
            .map(|&rgb| unit(rgb))
            .collect();
        let weight = vec![BELIEF; prior.len()];
        let region = Region {
            width,
            height,
            colours: &colours,
            unknown: &unknown,
            prior: &prior,
            weight: &weight,
        };
        solve(&region, &mut alpha, FINE_STEPS);
        let [from, first, to, last] = self.inner;
        for y in first..last {
            let inside = &alpha[(y - top) * width + from - left..][..to - from];
            after[y * level.width + from..][..to - from].copy_from_slice(inside);
        }
    }
}

/// The flags and all that is at most `reach` pixels (across, down, or both) from one that is set.
fn grown(flags: &[bool], width: usize, height: usize, reach: usize) -> Vec<bool> {
    let across: Vec<bool> = flags
        .chunks_exact(width)
        .flat_map(|row| grown_line(row.iter().copied(), reach))
        .collect();
    let mut out = vec![false; flags.len()];
    for x in 0..width {
        let column = (0..height).map(|y| across[y * width + x]);
        for (y, flag) in grown_line(column, reach).into_iter().enumerate() {
            out[y * width + x] = flag;
        }
    }
    out
}

fn grown_line(flags: impl Iterator<Item = bool>, reach: usize) -> Vec<bool> {
    let flags: Vec<bool> = flags.collect();
    let mut out = flags.clone();
    let mut pass = |places: &mut dyn Iterator<Item = usize>| {
        let mut steps_since = usize::MAX;
        for at in places {
            steps_since = if flags[at] {
                0
            } else {
                steps_since.saturating_add(1)
            };
            out[at] |= steps_since <= reach;
        }
    };
    pass(&mut (0..flags.len()));
    pass(&mut (0..flags.len()).rev());
    out
}

fn unveiled(alpha: f32, veil: f32) -> f32 {
    ((alpha - veil) / (1.0 - 2.0 * veil)).clamp(0.0, 1.0)
}

fn snapped(alpha: f32) -> f32 {
    match alpha {
        alpha if alpha <= CLEAR => 0.0,
        alpha if alpha >= SOLID => 1.0,
        alpha => alpha,
    }
}

fn unit(rgb: [u8; 3]) -> [f32; 3] {
    rgb.map(|value| f32::from(value) / 255.0)
}

fn difference(a: &[f32], b: &[f32]) -> f32 {
    let (mut sum, mut shown) = (0.0f64, 0.0f64);
    for (a, b) in a.iter().zip(b) {
        sum += f64::from((a - b).abs());
        shown += f64::from(a.max(*b));
    }
    (sum / shown.max(1.0)) as f32
}
