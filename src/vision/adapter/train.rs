//! Learning: a linear map from titles to photos that tells the photo of a title from those of others.

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};
use showroom_catalog::adapter::Titled;

use super::error::AdapterError;
use super::space::Space;

/// Titles of one step, and as many photos: each photo is one that the other titles are to miss.
const BATCH: usize = 512;
/// How much sharper than their scores the shares of photos are: one through the temperature.
const SHARPNESS: f32 = 20.0;
/// Step length of Adam, its two memories, and what is added where the second is all but zero. Source:
/// Kingma and Ba, Adam, 2015; the decay of the weights as in Loshchilov and Hutter, Decoupled Weight
/// Decay Regularization, 2019.
const RATE: f32 = 1e-3;
const FIRST: f32 = 0.9;
const SECOND: f32 = 0.999;
const TINY: f32 = 1e-8;
const DECAY: f32 = 0.1;

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
/// The map starts at zero, and the loss (InfoNCE both ways: van den Oord et al. 2018, as CLIP has it)
/// has one bottom only; how far it is from there after so many steps is what keeps it from learning by
/// heart.
pub(super) fn train(
    lesson: &Lesson<'_>,
    stops: &[usize],
    step: &mut dyn FnMut(),
) -> Result<Vec<Vec<f32>>, AdapterError> {
    let device = Device::flex();
    let (titles, photos) = (lesson.space.title_width(), lesson.space.photo_width());
    let mut weights = tensor(vec![0.0; titles * photos], [titles, photos], &device);
    let (mut first, mut second) = (weights.clone(), weights.clone());
    let (mut first_left, mut second_left) = (1.0, 1.0);
    let mut batches = Batches::new(lesson);
    let mut maps = Vec::with_capacity(stops.len());
    for done in 1..=stops.last().copied().unwrap_or(0) {
        let [batch_titles, batch_photos] = batches.next(&device);
        let slope = slope(&weights, &batch_titles, &batch_photos);
        first = first * FIRST + slope.clone() * (1.0 - FIRST);
        second = second * SECOND + slope.square() * (1.0 - SECOND);
        first_left *= FIRST;
        second_left *= SECOND;
        let spread = (second.clone() / (1.0 - second_left)).sqrt() + TINY;
        let moved = first.clone() / spread * (RATE / (1.0 - first_left));
        weights = weights * (1.0 - RATE * DECAY) - moved;
        step();
        if stops.contains(&done) {
            maps.push(numbers(weights.clone())?);
        }
    }
    Ok(maps)
}

/// Slope of the mean of two losses: how surprising each title's own photo is among those of the batch,
/// and each photo's own title. Row `n` of `titles` and of `photos` belong together.
fn slope(weights: &Tensor<2>, titles: &Tensor<2>, photos: &Tensor<2>) -> Tensor<2> {
    let [count, _] = titles.dims();
    let scores = titles.clone().matmul(weights.clone());
    let scores = scores.matmul(photos.clone().transpose()) * SHARPNESS;
    let own = Tensor::<2>::eye(count, &scores.device());
    let off = softmax(scores.clone(), 1) + softmax(scores, 0) - own * 2.0;
    let to_photos = off.matmul(photos.clone());
    titles.clone().transpose().matmul(to_photos) * (SHARPNESS / (2.0 * count as f32))
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

fn numbers(tensor: Tensor<2>) -> Result<Vec<f32>, AdapterError> {
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
            sum * f64::from(SHARPNESS)
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
