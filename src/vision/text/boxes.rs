//! What the network says of each pixel → boxes, as in "Real-time Scene Text Detection with Differentiable
//! Binarization" (Liao et al. 2020, <https://arxiv.org/abs/1911.08947>): pixels above a threshold, their
//! connected parts, the smallest rectangle round each, and that grown again, since the network is taught
//! shrunken text so that lines stay apart.

use showroom_catalog::seams::TextBox;

use super::rectangle::Rectangle;

/// A pixel is in the core of text above this.
const CORE: f32 = 0.3;
/// A box is text from this mean probability on.
const TEXT: f32 = 0.6;
/// A core is grown by `GROWN × area / outline`: the network was taught text shrunken so.
const GROWN: f32 = 1.6;
/// Shorter sides are no text: pixels, of the core and of the box.
const LEAST: (f32, f32) = (3.0, 5.0);
/// Boxes of one photo, at the most.
const MOST: usize = 1000;

/// The boxes of a map of probabilities, row by row.
pub fn text_boxes(map: &[f32], width: usize) -> Vec<TextBox> {
    let width = width.max(1);
    let height = map.len() / width;
    let map = &map[..width * height];
    let found = cores(map, width).into_iter();
    found
        .filter_map(|core| boxed(map, width, height, &core))
        .take(MOST)
        .collect()
}

fn boxed(map: &[f32], width: usize, height: usize, core: &[[f32; 2]]) -> Option<TextBox> {
    let mut found = Rectangle::round(core)?;
    let short = |found: &Rectangle| 2.0 * found.half[0].min(found.half[1]);
    if short(&found) < LEAST.0 {
        return None;
    }
    let score = mean_within(map, width, height, &found);
    // Written so that a NaN is no text.
    let is_text = score >= TEXT;
    if !is_text {
        return None;
    }
    let [across, down] = found.half;
    // Area over outline is 4ab / 4(a + b).
    let grown = GROWN * across * down / (across + down);
    found.half = [across + grown, down + grown];
    if short(&found) < LEAST.1 {
        return None;
    }
    let share = |[x, y]: [f32; 2]| {
        let [x, y] = [(x + 0.5) / width as f32, (y + 0.5) / height as f32];
        [x.clamp(0.0, 1.0), y.clamp(0.0, 1.0)]
    };
    Some(TextBox {
        corners: found.corners().map(share),
        score: score.clamp(0.0, 1.0),
    })
}

/// Connected parts of what is above [`CORE`], eight neighbours each: of each the first and last pixel of
/// every stretch along a row, which have the same hull as all.
fn cores(map: &[f32], width: usize) -> Vec<Vec<[f32; 2]>> {
    let height = map.len() / width;
    let mut left_over: Vec<bool> = map.iter().map(|&value| value > CORE).collect();
    let (mut found, mut stack) = (Vec::new(), Vec::new());
    for first in 0..left_over.len() {
        if !std::mem::take(&mut left_over[first]) {
            continue;
        }
        let mut core = Vec::new();
        stack.push(first);
        while let Some(at) = stack.pop() {
            let (x, y) = (at % width, at / width);
            let inner = x > 0 && x + 1 < width && map[at - 1] > CORE && map[at + 1] > CORE;
            if !inner {
                core.push([x as f32, y as f32]);
            }
            for ny in y.saturating_sub(1)..=(y + 1).min(height - 1) {
                for nx in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                    if std::mem::take(&mut left_over[ny * width + nx]) {
                        stack.push(ny * width + nx);
                    }
                }
            }
        }
        found.push(core);
    }
    found
}

/// Mean of the map in a rectangle; 0 where it holds no pixel.
fn mean_within(map: &[f32], width: usize, height: usize, within: &Rectangle) -> f32 {
    let corners = within.corners();
    let span = |side: usize, end: usize| {
        let values = corners.map(|corner| corner[side]);
        let low = values.iter().copied().fold(f32::INFINITY, f32::min);
        let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        (low.floor().max(0.0) as usize)..=(high.ceil().max(0.0) as usize).min(end - 1)
    };
    let (mut sum, mut count) = (0.0_f64, 0u32);
    for y in span(1, height) {
        for x in span(0, width) {
            if within.holds([x as f32, y as f32]) {
                sum += f64::from(map[y * width + x]);
                count += 1;
            }
        }
    }
    (sum / f64::from(count.max(1))) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map of 200 × 100 that is `value` where `is` says so.
    fn map(value: f32, is: impl Fn(usize, usize) -> bool) -> Vec<f32> {
        let places = (0..100).flat_map(|y| (0..200).map(move |x| (x, y)));
        places
            .map(|(x, y)| if is(x, y) { value } else { 0.01 })
            .collect()
    }

    #[test]
    fn a_core_is_grown_to_the_line_that_it_was_shrunken_from() {
        let found = text_boxes(
            &map(0.9, |x, y| {
                (50..=110).contains(&x) && (40..=50).contains(&y)
            }),
            200,
        );
        assert_eq!(found.len(), 1);
        assert!((found[0].score - 0.9).abs() < 1e-4);
        // 60 × 10 from centre to centre, grown by 1.6 · 600 / 140 = 6.857 all round.
        let xs = found[0].corners.map(|corner| corner[0] * 200.0 - 0.5);
        let ys = found[0].corners.map(|corner| corner[1] * 100.0 - 0.5);
        let low = |values: [f32; 4]| values.into_iter().fold(f32::INFINITY, f32::min);
        let high = |values: [f32; 4]| values.into_iter().fold(0.0, f32::max);
        for (found, wanted) in [
            (low(xs), 50.0 - 6.857),
            (high(xs), 110.0 + 6.857),
            (low(ys), 40.0 - 6.857),
            (high(ys), 50.0 + 6.857),
        ] {
            assert!((found - wanted).abs() < 0.01, "{found} and not {wanted}");
        }
    }

    #[test]
    fn what_is_faint_small_or_no_number_is_no_text() {
        let line = |x: usize, y: usize| (50..110).contains(&x) && (40..50).contains(&y);
        assert!(text_boxes(&map(0.5, line), 200).is_empty(), "faint");
        assert!(text_boxes(&map(f32::NAN, line), 200).is_empty());
        let dot = |x: usize, y: usize| (50..53).contains(&x) && (40..43).contains(&y);
        assert!(text_boxes(&map(0.9, dot), 200).is_empty(), "small");
        assert!(text_boxes(&[], 0).is_empty());
        assert!(text_boxes(&[0.9], 1).is_empty());
    }

    #[test]
    fn two_lines_are_two_boxes_and_stay_in_the_picture() {
        let lines = |x: usize, y: usize| x < 150 && (y < 10 || (30..40).contains(&y));
        let found = text_boxes(&map(0.8, lines), 200);
        assert_eq!(found.len(), 2);
        let corners = found.iter().flat_map(|found| found.corners).flatten();
        assert!(
            corners
                .into_iter()
                .all(|share| (0.0..=1.0).contains(&share))
        );
    }

    #[test]
    fn a_turned_line_has_a_turned_box() {
        // Along the diagonal, seven pixels thick.
        let found = text_boxes(
            &map(0.9, |x, y| (20..80).contains(&x) && x.abs_diff(y) <= 5),
            200,
        );
        assert_eq!(found.len(), 1);
        let [a, b, c, _] = found[0].corners.map(|[x, y]| [x * 200.0, y * 100.0]);
        let mut sides = [
            (b[0] - a[0]).hypot(b[1] - a[1]),
            (c[0] - b[0]).hypot(c[1] - b[1]),
        ];
        sides.sort_by(f32::total_cmp);
        assert!(sides[0] < 22.0 && sides[1] > 80.0, "{sides:?}");
        assert!(found[0].score > 0.8);
    }
}
