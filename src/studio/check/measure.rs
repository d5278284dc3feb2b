//! What of a photo the rules are about, in numbers.

use std::collections::BTreeMap;

use showroom_catalog::seams::TextBox;
use showroom_catalog::{Facts, Pixels};
use showroom_pixels::quality::{self, BLACK, CLIPPED, border_thickness, luma};
use showroom_pixels::{Mask, Rect, composite_over_white, crop, scale_mask};

use super::components::parts;
use super::frame::frame;
use super::products;
use super::rules::Measure;
use super::text::{Drawn, TextFound, without_product};

/// A mask is the product above this.
const PRODUCT: u8 = 127;
/// A mask is background below this; between the two lies the soft rim of the product.
const BACKGROUND: u8 = 13;
/// The background begins this far from the product: what a JPEG smears lies nearer. Pixels, and share of
/// the longer side; the larger counts.
const RIM: (usize, f64) = (16, 0.01);
/// Every channel of near-white is at least this.
const NEAR_WHITE: u8 = 240;
/// A pixel of the rim of a photo is marked where a channel is below this.
const UNMARKED: u8 = 245;
/// The longer side of the copy on which text and parts are looked at.
const COPY_SIDE: u32 = 800;

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    Name(String),
    /// It cannot be told, and why.
    Unknown(String),
}

/// All measures of a photo.
#[derive(Clone, Debug, Default)]
pub struct Measures {
    values: BTreeMap<Measure, Value>,
    /// Where text is; `None` where it was not looked for.
    pub text: Option<Vec<TextFound>>,
}

impl Measures {
    pub fn get(&self, measure: Measure) -> Value {
        let missing = || Value::Unknown("it was not measured".to_string());
        self.values.get(&measure).cloned().unwrap_or_else(missing)
    }

    fn number(&mut self, measure: Measure, value: f64) {
        self.values.insert(measure, Value::Number(value));
    }

    fn unknown(&mut self, measures: &[Measure], why: &str) {
        for measure in measures {
            self.values
                .insert(*measure, Value::Unknown(why.to_string()));
        }
    }
}

/// Measures a photo at full size, with the mask of its product (of any size); `None` where no product
/// was found. The photo's own transparency is a mask, whatever is given. The error of `text` says why it
/// was not looked for.
pub fn measure(
    pixels: &Pixels,
    facts: &Facts,
    mask: Option<&Mask>,
    text: Result<&[TextBox], &str>,
) -> Measures {
    let mut measures = Measures::default();
    of_the_file(facts, &mut measures);
    let own = Mask::of_alpha(pixels);
    let mut flat = pixels.clone();
    composite_over_white(&mut flat);
    measures.number(Measure::Frame, frame(&flat));
    let mask = own.as_ref().or(mask);
    let mask = mask.map(|mask| scale_mask(mask, flat.width, flat.height));
    let mask = mask.filter(|mask| mask.values.iter().any(|&value| value > PRODUCT));
    match &mask {
        Some(mask) => of_the_product(&flat, facts, mask, &mut measures),
        None => measures.unknown(
            &[
                Measure::BackgroundExactWhite,
                Measure::BackgroundNearWhite,
                Measure::Fill,
                Measure::CutByFrame,
                Measure::EdgeMarks,
                Measure::Products,
                Measure::Sharpness,
                Measure::Brightness,
                Measure::ClippedDark,
                Measure::ClippedBright,
            ],
            "no product was found in the photo",
        ),
    }
    on_a_copy(&flat, mask.as_ref(), text, &mut measures);
    measures
}

fn of_the_file(facts: &Facts, measures: &mut Measures) {
    let (width, height) = (f64::from(facts.width), f64::from(facts.height));
    let format = Value::Name(facts.format.name().to_string());
    measures.values.insert(Measure::Format, format);
    measures.number(Measure::Bytes, facts.bytes as f64);
    measures.number(Measure::Width, width);
    measures.number(Measure::Height, height);
    measures.number(Measure::LongestSide, width.max(height));
    measures.number(Measure::ShortestSide, width.min(height));
    measures.number(Measure::Megapixels, width * height / 1e6);
    measures.number(Measure::Aspect, width / height.max(1.0));
    measures.number(Measure::Transparent, facts.transparent.into());
}

/// `mask` has the size of `flat` and covers something.
fn of_the_product(flat: &Pixels, facts: &Facts, mask: &Mask, measures: &mut Measures) {
    let (width, height) = (flat.width as usize, flat.height as usize);
    let is_product: Vec<bool> = mask.values.iter().map(|&value| value > PRODUCT).collect();
    let rim = RIM.0.max((width.max(height) as f64 * RIM.1) as usize);
    let near = dilated(&is_product, width, rim);
    let (rgba, _) = flat.rgba.as_chunks::<4>();

    let mut background = [0u64; 3];
    for ((pixel, &near), &value) in rgba.iter().zip(&near).zip(&mask.values) {
        if !near && value < BACKGROUND {
            let least = pixel[0].min(pixel[1]).min(pixel[2]);
            background[0] += 1;
            background[1] += u64::from(least == 255);
            background[2] += u64::from(least >= NEAR_WHITE);
        }
    }
    let [all, exact, nearly] = background.map(|count| count as f64);
    if all > 0.0 {
        measures.number(Measure::BackgroundExactWhite, exact / all);
        measures.number(Measure::BackgroundNearWhite, nearly / all);
    } else {
        measures.unknown(
            &[Measure::BackgroundExactWhite, Measure::BackgroundNearWhite],
            "the product leaves no background to look at",
        );
    }

    let found = bounds(&is_product, width);
    let across = f64::from(found.width) / width as f64;
    let down = f64::from(found.height) / height as f64;
    measures.number(Measure::Fill, across.max(down));
    on_the_edge(rgba, &is_product, &near, (width, height), measures);
    of_its_pixels(rgba, &is_product, measures);
    if let Ok(part) = crop(flat, found) {
        let size = (part.width, part.height);
        let sharpness = quality::measure(&part, size, facts.bytes, facts.format).sharpness;
        measures.number(Measure::Sharpness, sharpness.into());
    }
}

/// Products and text. `mask` has the size of `flat`.
fn on_a_copy(
    flat: &Pixels,
    mask: Option<&Mask>,
    text: Result<&[TextBox], &str>,
    measures: &mut Measures,
) {
    let scale = f64::from(COPY_SIDE) / f64::from(flat.width.max(flat.height));
    let small = |side: u32| ((f64::from(side) * scale.min(1.0)).round() as u32).max(1);
    let (width, height) = (small(flat.width), small(flat.height));
    let mut is_product = mask.map(|mask| -> Vec<bool> {
        let values = scale_mask(mask, width, height).values;
        values.iter().map(|&value| value > PRODUCT).collect()
    });
    let boxes = text.unwrap_or_default();
    let boxes = match &is_product {
        Some(is_product) => without_product(boxes, is_product, width as usize),
        None => boxes.to_vec(),
    };
    let drawn = Drawn::new(&boxes, width as usize, height as usize);
    if let Some(is_product) = &mut is_product {
        let all = parts(is_product, width as usize);
        drawn.without_text(is_product, &all);
        let copy = showroom_pixels::scale(flat, width, height);
        let left = parts(is_product, width as usize);
        let products = products::count(&left, &copy, is_product);
        measures.number(Measure::Products, products as f64);
    }
    let on_product = is_product.map(|is_product| drawn.on_product(&is_product));
    if let Err(why) = text {
        return measures.unknown(&[Measure::Text, Measure::TextShare], why);
    }
    let found = boxes.iter().enumerate().map(|(at, found)| {
        let on_product = on_product.as_ref().map(|on_product| on_product[at]);
        TextFound::new(found, flat.width, flat.height, on_product)
    });
    measures.text = Some(found.collect());
    match on_product {
        None if !boxes.is_empty() => measures.unknown(
            &[Measure::Text, Measure::TextShare],
            "no product was found in the photo, on which the text that is there may be printed",
        ),
        on_product => {
            let on_product = on_product.unwrap_or_default();
            let beside = on_product.iter().filter(|on_product| !**on_product).count();
            measures.number(Measure::Text, beside as f64);
            measures.number(Measure::TextShare, drawn.share_beside(&on_product));
        }
    }
}

/// What lies on the outermost pixels, and on the rim of the photo.
fn on_the_edge(
    rgba: &[[u8; 4]],
    is_product: &[bool],
    near: &[bool],
    (width, height): (usize, usize),
    measures: &mut Measures,
) {
    let thick = border_thickness(width as u32, height as u32) as usize;
    let (mut outermost, mut cut, mut rim, mut marked) = (0u64, 0u64, 0u64, 0u64);
    for (at, pixel) in rgba.iter().enumerate() {
        let (x, y) = (at % width, at / width);
        let from_edge = x.min(y).min(width - 1 - x).min(height - 1 - y);
        if from_edge == 0 {
            outermost += 1;
            cut += u64::from(is_product[at]);
        }
        if from_edge < thick {
            rim += 1;
            let dark = pixel[..3].iter().any(|&value| value < UNMARKED);
            marked += u64::from(dark && !near[at]);
        }
    }
    measures.number(Measure::CutByFrame, cut as f64 / outermost.max(1) as f64);
    measures.number(Measure::EdgeMarks, marked as f64 / rim.max(1) as f64);
}

fn of_its_pixels(rgba: &[[u8; 4]], is_product: &[bool], measures: &mut Measures) {
    let (mut count, mut light, mut dark, mut bright) = (0u64, 0u64, 0u64, 0u64);
    for (pixel, _) in rgba.iter().zip(is_product).filter(|(_, is)| **is) {
        let [r, g, b, _] = *pixel;
        count += 1;
        light += u64::from(luma(pixel));
        dark += u64::from(r.max(g).max(b) <= BLACK);
        bright += u64::from(r.min(g).min(b) >= CLIPPED);
    }
    let share = |part: u64| part as f64 / count.max(1) as f64;
    measures.number(Measure::Brightness, share(light) / 255.0);
    measures.number(Measure::ClippedDark, share(dark));
    measures.number(Measure::ClippedBright, share(bright));
}

/// The box round what is `true`; a pixel where nothing is.
fn bounds(map: &[bool], width: usize) -> Rect {
    let (mut left, mut top, mut right, mut bottom) = (usize::MAX, usize::MAX, 0, 0);
    for (at, _) in map.iter().enumerate().filter(|(_, is)| **is) {
        let (x, y) = (at % width, at / width);
        (left, right) = (left.min(x), right.max(x));
        (top, bottom) = (top.min(y), bottom.max(y));
    }
    let (left, top) = (left.min(right), top.min(bottom));
    Rect {
        x: left as u32,
        y: top as u32,
        width: (right - left) as u32 + 1,
        height: (bottom - top) as u32 + 1,
    }
}

/// What is within a square of `radius` of something that is `true`.
fn dilated(map: &[bool], width: usize, radius: usize) -> Vec<bool> {
    let height = map.len() / width.max(1);
    let mut across = vec![false; map.len()];
    for (row, out) in map.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
        spread(width, radius, |x| row[x], |x| out[x] = true);
    }
    let mut down = vec![false; map.len()];
    for x in 0..width {
        let column = |y: usize| across[y * width + x];
        spread(height, radius, column, |y| down[y * width + x] = true);
    }
    down
}

/// Calls `mark` for every place within `radius` of one that `is`.
fn spread(length: usize, radius: usize, is: impl Fn(usize) -> bool, mut mark: impl FnMut(usize)) {
    let mut marked_to = 0;
    for at in (0..length).filter(|at| is(*at)) {
        let first = at.saturating_sub(radius).max(marked_to);
        let end = (at + radius + 1).min(length);
        (first..end).for_each(&mut mark);
        marked_to = end.max(marked_to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_grows_by_its_radius() {
        let mut map = vec![false; 7 * 5];
        map[2 * 7 + 3] = true;
        let grown = dilated(&map, 7, 1);
        let found = bounds(&grown, 7);
        assert_eq!((found.x, found.y, found.width, found.height), (2, 1, 3, 3));
        assert_eq!(grown.iter().filter(|is| **is).count(), 9);
        assert!(dilated(&map, 7, 10).iter().all(|is| *is));
    }
}
