//! Where text is: beside the product, or printed on it.

use serde::{Deserialize, Serialize};
use showroom_catalog::seams::TextBox;

use super::components::Part;

/// A box is print on the product from this share of it on.
const ON_PRODUCT: f64 = 0.5;
/// A box round more than this share of the product is the product, taken for one large letter.
const IS_PRODUCT: f64 = 0.5;
/// A part of the mask is text and no product from this share of its box on.
const IS_TEXT: f64 = 0.6;

/// A line or a word of text that was found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextFound {
    /// The upright box round it in pixels of the photo.
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
    /// How probably it is text, 0–1.
    pub score: f32,
    /// Whether it lies on the product; `null` where no product was found.
    pub on_product: Option<bool>,
}

impl TextFound {
    /// A box in a photo of this size.
    pub(super) fn new(found: &TextBox, width: u32, height: u32, on_product: Option<bool>) -> Self {
        let span = |side: usize, length: u32| {
            let values = found.corners.map(|corner| corner[side]);
            let low = values.iter().copied().fold(1.0, f32::min);
            let high = values.iter().copied().fold(0.0, f32::max);
            let first = ((low * length as f32) as u32).min(length.saturating_sub(1));
            let end =
                ((high * length as f32).ceil() as u32).clamp(first + 1, length.max(first + 1));
            (first, end - first)
        };
        let (x, width) = span(0, width);
        let (y, height) = span(1, height);
        TextFound {
            x,
            y,
            width,
            height,
            score: found.score,
            on_product,
        }
    }
}

/// The boxes that are text: not those in which the detector took the product itself for a letter, as it does
/// where a thing stands alone on white.
pub(super) fn without_product(
    found: &[TextBox],
    is_product: &[bool],
    width: usize,
) -> Vec<TextBox> {
    let height = is_product.len() / width.max(1);
    let all = is_product.iter().filter(|is| **is).count() as f64;
    let is_text = |found: &&TextBox| {
        let inside = places(found, width, height).into_iter();
        let inside = inside.filter(|&at| is_product[at]).count();
        inside as f64 <= IS_PRODUCT * all
    };
    found.iter().filter(is_text).copied().collect()
}

/// Boxes drawn on a small copy of the photo.
pub(super) struct Drawn {
    width: usize,
    /// Places of each box.
    boxes: Vec<Vec<usize>>,
    /// Places of any.
    any: Vec<bool>,
}

impl Drawn {
    pub(super) fn new(found: &[TextBox], width: usize, height: usize) -> Drawn {
        let boxes: Vec<Vec<usize>> = found
            .iter()
            .map(|found| places(found, width, height))
            .collect();
        let mut any = vec![false; width * height];
        boxes.iter().flatten().for_each(|&at| any[at] = true);
        Drawn { width, boxes, any }
    }

    /// Takes out of a map of the product the parts that are nothing but text: networks take a stamp for a
    /// thing.
    pub(super) fn without_text(&self, is_product: &mut [bool], parts: &[Part]) {
        for part in parts {
            let places = (part.top..part.bottom)
                .flat_map(|y| (part.left..part.right).map(move |x| y * self.width + x));
            let text = places.clone().filter(|&at| self.any[at]).count();
            if text as f64 >= IS_TEXT * (part.width() * part.height()) as f64 {
                places.for_each(|at| is_product[at] = false);
            }
        }
    }

    /// Of each box whether it lies on the product.
    pub(super) fn on_product(&self, is_product: &[bool]) -> Vec<bool> {
        let share = |places: &Vec<usize>| {
            let product = places.iter().filter(|&&at| is_product[at]).count();
            product as f64 / places.len().max(1) as f64
        };
        let boxes = self.boxes.iter();
        boxes.map(|places| share(places) >= ON_PRODUCT).collect()
    }

    /// Share of the photo within the boxes that are not on the product.
    pub(super) fn share_beside(&self, on_product: &[bool]) -> f64 {
        let mut beside = vec![false; self.any.len()];
        let boxes = self.boxes.iter().zip(on_product);
        for (places, _) in boxes.filter(|(_, on_product)| !**on_product) {
            places.iter().for_each(|&at| beside[at] = true);
        }
        let count = beside.iter().filter(|is| **is).count();
        count as f64 / beside.len().max(1) as f64
    }
}

/// The pixels whose middle lies in a box; at least one.
fn places(found: &TextBox, width: usize, height: usize) -> Vec<usize> {
    let corners = found
        .corners
        .map(|[x, y]| [x * width as f32, y * height as f32]);
    let span = |side: usize, end: usize| {
        let values = corners.map(|corner| corner[side]);
        let low = values.iter().copied().fold(f32::INFINITY, f32::min);
        let high = values.iter().copied().fold(0.0, f32::max);
        let first = (low.max(0.0) as usize).min(end - 1);
        first..(high.ceil() as usize).clamp(first + 1, end)
    };
    let inside = |x: usize, y: usize| {
        let point = [x as f32 + 0.5, y as f32 + 0.5];
        let side = |at: usize| {
            let (from, to) = (corners[at], corners[(at + 1) % 4]);
            (to[0] - from[0]) * (point[1] - from[1]) - (to[1] - from[1]) * (point[0] - from[0])
        };
        let sides = [0, 1, 2, 3].map(side);
        sides.iter().all(|side| *side >= 0.0) || sides.iter().all(|side| *side <= 0.0)
    };
    let (rows, columns) = (span(1, height), span(0, width));
    let first = rows.start * width + columns.start;
    let all = rows.flat_map(|y| columns.clone().map(move |x| (x, y)));
    let mut places: Vec<usize> = all
        .filter(|&(x, y)| inside(x, y))
        .map(|(x, y)| y * width + x)
        .collect();
    if places.is_empty() {
        places.push(first);
    }
    places
}
