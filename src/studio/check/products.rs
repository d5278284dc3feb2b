//! How many products a mask shows: a pair counts as one.

use showroom_catalog::Pixels;

use super::components::Part;

/// A part of the mask counts as a product from this share of the largest on.
const PART_SHARE: f64 = 0.08;
/// The two of a pair are alike in area, height and width: the lesser is at least this share of the greater.
const ALIKE: f64 = 0.7;
/// They stand beside each other: their heights share at least this much of the lesser.
const BESIDE: f64 = 0.5;
/// And they have the same colours: what their histograms share.
const SAME_COLOURS: f64 = 0.7;

/// Separate parts that are large enough to be products; two that are alike and side by side are a pair,
/// and one. `is_product` has the size of the picture.
pub(super) fn count(parts: &[Part], picture: &Pixels, is_product: &[bool]) -> usize {
    let largest = parts.iter().map(|part| part.area).max().unwrap_or(0);
    let least = largest as f64 * PART_SHARE;
    let large: Vec<&Part> = parts
        .iter()
        .filter(|part| part.area as f64 >= least)
        .collect();
    match large[..] {
        [one, other] if is_pair(one, other, picture, is_product) => 1,
        _ => large.len(),
    }
}

fn is_pair(one: &Part, other: &Part, picture: &Pixels, is_product: &[bool]) -> bool {
    let alike = |a: usize, b: usize| a.min(b) as f64 >= ALIKE * a.max(b) as f64;
    let shared = one.bottom.min(other.bottom) as f64 - one.top.max(other.top) as f64;
    let lesser = one.height().min(other.height()) as f64;
    if !alike(one.area, other.area)
        || !alike(one.height(), other.height())
        || !alike(one.width(), other.width())
        || shared < BESIDE * lesser
    {
        return false;
    }
    let one = colours(one, picture, is_product);
    let other = colours(other, picture, is_product);
    let same: f64 = one.iter().zip(&other).map(|(a, b)| a.min(*b)).sum();
    same >= SAME_COLOURS
}

/// Shares of the part's pixels in the 64 cells of a colour cube of 4 × 4 × 4.
fn colours(part: &Part, picture: &Pixels, is_product: &[bool]) -> [f64; 64] {
    let (rgba, _) = picture.rgba.as_chunks::<4>();
    let width = picture.width as usize;
    let (mut cells, mut all) = ([0u32; 64], 0u32);
    for y in part.top..part.bottom {
        for at in y * width + part.left..y * width + part.right {
            if is_product[at] {
                let [r, g, b, _] = rgba[at].map(|value| usize::from(value >> 6));
                cells[r * 16 + g * 4 + b] += 1;
                all += 1;
            }
        }
    }
    cells.map(|count| f64::from(count) / f64::from(all.max(1)))
}
