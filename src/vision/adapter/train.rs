//! Learning: a linear map from titles to photos that tells the photo of a title from those of others.

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};
use showroom_catalog::adapter::Titled;

use super::error::AdapterError;
use super::space::Space;

/// Titles of one step, and as many photos: each photo is one that the other titles are to miss.
const BATCH: usize = 512;
/// Most of a step that the next one takes over. Without a bound what a batch has by chance would add up.
const MOST_MOMENTUM: f32 = 0.95;
/// Steps that estimate how far titles and photos spread along their widest axis, and what is added to the
/// estimate, as it comes from below and is that of one batch.
const POWER_STEPS: usize = 20;
const POWER_MARGIN: f32 = 1.2;

/// What is learned from.
pub(super) struct Lesson<'a> {
    pub pairs: &'a Titled,
    /// A vector a title.
    pub vectors: &'a [Vec<f32>],
    /// Places of the photos of each title.
    pub photos_of: &'a [Vec<usize>],
    pub space: &'a Space,
    /// Places of the titles to learn from; at least two.
    pub learn: &'a [usize],
}

/// The map after each of these numbers of steps, which ascend: title numbers × photo numbers, a row a
/// title number. It is the same on every run. `step` is called after each step.
///
/// Descent with Nesterov's momentum, from a map of zeros. The loss (InfoNCE both ways: van den Oord et al.
/// 2018, as CLIP has it; the temperature is in the length of the map) is convex, and its steps are safe; what
/// most titles have to do with comes first, so that stopping early is what keeps it from learning by heart
/// (Yao, Rosasco and Caponnetto, On Early Stopping in Gradient Descent Learning, 2007).
pub(super) fn train(
    lesson: &Lesson<'_>,
    stops: &[usize],
    step: &mut dyn FnMut(),
) -> Result<Vec<Vec<f32>>, AdapterError> {
    let device = Device::flex();
    let sizes = [lesson.space.title_width(), lesson.space.photo_width()];
    let mut batches = Batches::new(lesson);
    let [titles, photos] = batches.next(&device);
    let length = safe_step(&titles, &photos, &device)?;
    let mut weights = tensor(vec![0.0; sizes[0] * sizes[1]], sizes, &device);
    let mut ahead = weights.clone();
    let mut maps = Vec::with_capacity(stops.len());
    for done in 1..=stops.last().copied().unwrap_or(0) {
        let [titles, photos] = batches.next(&device);
        let next = ahead.clone() - slope(&ahead, &titles, &photos) * length;
        let momentum = (done as f32 / (done as f32 + 3.0)).min(MOST_MOMENTUM);
        ahead = next.clone() + (next.clone() - weights) * momentum;
        weights = next;
        step();
        if stops.contains(&done) {
            maps.push(numbers(weights.clone())?);
        }
    }
    Ok(maps)
}

/// A step that cannot overshoot: one through a bound of the loss's curvature. The log of a sum of
/// exponentials curves by a variance of what is summed, which is at most the square of the longest: for the
/// photos of a title times the spread of the titles, and the other way round, in the mean.
fn safe_step(titles: &Tensor<2>, photos: &Tensor<2>, device: &Device) -> Result<f32, AdapterError> {
    let longest = |rows: &Tensor<2>| number(rows.clone().square().sum_dim(1).max());
    let bound =
        spread(titles, device)? * longest(photos)? + spread(photos, device)? * longest(titles)?;
    Ok(2.0 / bound.max(f32::MIN_POSITIVE))
}

/// The largest eigenvalue of `rowsᵀ · rows` a row, by power iteration from a vector that no symmetry hides.
fn spread(rows: &Tensor<2>, device: &Device) -> Result<f32, AdapterError> {
    let [count, width] = rows.dims();
    let start: Vec<f32> = (0..width).map(|at| 1.0 + (at % 7) as f32 / 10.0).collect();
    let mut axis = tensor(start, [width, 1], device);
    let mut length = 0.0;
    for _ in 0..POWER_STEPS {
        let before = number(axis.clone().square().sum())?.sqrt();
        if before == 0.0 {
            return Ok(0.0);
        }
        axis = (rows.clone().transpose()).matmul(rows.clone().matmul(axis / before));
        length = number(axis.clone().square().sum())?.sqrt();
    }
    Ok(length * POWER_MARGIN / count as f32)
}

/// Slope of the mean of two losses: how surprising each title's own photo is among those of the batch,
/// and each photo's own title. Row `n` of `titles` and of `photos` belong together.
fn slope(weights: &Tensor<2>, titles: &Tensor<2>, photos: &Tensor<2>) -> Tensor<2> {
    let [count, _] = titles.dims();
    let scores = titles.clone().matmul(weights.clone());
    let scores = scores.matmul(photos.clone().transpose());
    let own = Tensor::<2>::eye(count, &scores.device());
    let off = softmax(scores.clone(), 1) + softmax(scores, 0) - own * 2.0;
    let to_photos = off.matmul(photos.clone());
    titles.clone().transpose().matmul(to_photos) / (2.0 * count as f32)
}

/// Titles in an order that is drawn anew each time all have been, each with one of its photos in turn.
struct Batches<'a> {
    lesson: &'a Lesson<'a>,
    order: Vec<usize>,
    round: usize,
    next: usize,
}

impl<'a> Batches<'a> {
    fn new(lesson: &'a Lesson<'a>) -> Self {
        Batches {
            lesson,
            order: lesson.learn.to_vec(),
            round: 0,
            next: usize::MAX,
        }
    }

    fn next(&mut self, device: &Device) -> [Tensor<2>; 2] {
        let size = BATCH.min(self.order.len());
        // What is left of a round and fills no batch is left out: the next round has another rest.
        if self.next.saturating_add(size) > self.order.len() {
            self.round += 1;
            self.next = 0;
            let round = self.round as u64;
            self.order
                .sort_by_cached_key(|title| mixed((round << 32) ^ *title as u64));
        }
        let Lesson { pairs, space, .. } = self.lesson;
        let (mut titles, mut photos) = (Vec::new(), Vec::new());
        for &title in &self.order[self.next..self.next + size] {
            let own = &self.lesson.photos_of[title];
            let photo = &pairs.photos[own[self.round % own.len()]];
            space.push_title(&self.lesson.vectors[title], &mut titles);
            space.push_photo(&photo.vectors, &mut photos);
        }
        self.next += size;
        [
            tensor(titles, [size, space.title_width()], device),
            tensor(photos, [size, space.photo_width()], device),
        ]
    }
}

/// The mixing of SplitMix64 (Steele, Lea and Flood, 2014).
pub(super) fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn tensor(data: Vec<f32>, shape: [usize; 2], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(data, shape), device)
}

fn number(tensor: Tensor<1>) -> Result<f32, AdapterError> {
    Ok(numbers(tensor)?.first().copied().unwrap_or(0.0))
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, AdapterError> {
    let failed = |reason: String| AdapterError::Failed(format!("burn gave no numbers: {reason}"));
    let data = tensor
        .try_into_data()
        .map_err(|e| failed(format!("{e:?}")))?;
    let data = data.try_to_vec::<f32>();
    let data = data.map_err(|e| failed(format!("{e:?}")))?;
    match data.iter().all(|x| x.is_finite()) {
        true => Ok(data),
        false => Err(AdapterError::Failed(
            "learning ended in numbers that are not finite".into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The loss as the papers write it, number by number in f64.
    fn loss(weights: &[f32], titles: &[f32], photos: &[f32], [n, t, p]: [usize; 3]) -> f64 {
        let score = |title: usize, photo: usize| -> f64 {
            let mut sum = 0.0;
            for i in 0..t {
                for j in 0..p {
                    let pair = f64::from(titles[title * t + i]) * f64::from(photos[photo * p + j]);
                    sum += pair * f64::from(weights[i * p + j]);
                }
            }
            sum
        };
        let surprise =
            |own: f64, all: Vec<f64>| all.iter().map(|x| x.exp()).sum::<f64>().ln() - own;
        let both = (0..n).map(|at| {
            surprise(
                score(at, at),
                (0..n).map(|photo| score(at, photo)).collect(),
            ) + surprise(
                score(at, at),
                (0..n).map(|title| score(title, at)).collect(),
            )
        });
        both.sum::<f64>() / (2.0 * n as f64)
    }

    /// Numbers from -½ to ½.
    fn some(count: usize, seed: u64) -> Vec<f32> {
        let each = (0..count as u64).map(|at| mixed((seed << 32) + at + 1));
        each.map(|x| (x >> 40) as f32 / (1u64 << 24) as f32 - 0.5)
            .collect()
    }

    #[test]
    fn the_slope_is_that_of_the_loss() {
        let sizes @ [n, t, p] = [4, 3, 5];
        let (weights, titles, photos) = (some(t * p, 1), some(n * t, 2), some(n * p, 3));
        let device = Device::flex();
        let as_tensor = |data: &[f32], shape| tensor(data.to_vec(), shape, &device);
        let found = slope(
            &as_tensor(&weights, [t, p]),
            &as_tensor(&titles, [n, t]),
            &as_tensor(&photos, [n, p]),
        );
        let found = numbers(found).unwrap();
        const STEP: f32 = 1e-4;
        for at in 0..t * p {
            let at_distance = |by: f32| {
                let mut moved = weights.clone();
                moved[at] += by;
                (loss(&moved, &titles, &photos, sizes), moved[at])
            };
            let ((up, right), (down, left)) = (at_distance(STEP), at_distance(-STEP));
            let want = (up - down) / f64::from(right - left);
            // The third derivative of the loss leaves an error of the square of the step.
            assert!(
                (f64::from(found[at]) - want).abs() < 1e-4,
                "{at}: {} {want}",
                found[at]
            );
        }
    }
}
