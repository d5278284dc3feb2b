//! The CPU twin of the kernel in `kernel.rs`: the same choice of classes, sums in the same order.

use super::{Options, Scores, check};
use crate::device::GpuError;

/// A vector for each row: `scores` are rows × `classes`, `labels` are `classes` × the vector's length.
/// Fails as [`super::conse`] does, and where the numbers do not fill whole rows.
pub fn conse(
    scores: &[f32],
    labels: &[f32],
    classes: usize,
    options: &Options,
) -> Result<Vec<f32>, GpuError> {
    let rows = |values: &[f32], width: usize| values.len().checked_div(width).unwrap_or(0);
    let (count, width) = (rows(scores, classes), rows(labels, classes));
    if count * classes != scores.len() || width * classes != labels.len() {
        return Err(GpuError::BadInput(format!(
            "{} scores and {} numbers of labels are no whole rows of {classes} classes",
            scores.len(),
            labels.len()
        )));
    }
    check([count, classes], [classes, width], options)?;
    let mut output = Vec::with_capacity(count * width);
    for scores in scores.chunks_exact(classes) {
        let kept = best(scores, options.keep);
        let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut vector = vec![0.0; width];
        let mut total = 0.0;
        for class in kept {
            let weight = weight(scores[class], most, options.scores);
            for (value, label) in vector.iter_mut().zip(&labels[class * width..]) {
                *value += weight * label;
            }
            total += weight;
        }
        if total > 0.0 {
            vector.iter_mut().for_each(|value| *value /= total);
        }
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        if options.unit && length > 0.0 {
            vector.iter_mut().for_each(|value| *value /= length);
        }
        output.extend(vector);
    }
    Ok(output)
}

/// The classes of the best `keep` scores, in the order of classes.
fn best(scores: &[f32], keep: usize) -> Vec<usize> {
    let mut classes: Vec<usize> = (0..scores.len()).collect();
    classes.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    classes.truncate(keep);
    classes.sort_unstable();
    classes
}

/// In proportion to a probability; 1 for the best class.
fn weight(score: f32, most: f32, scores: Scores) -> f32 {
    match scores {
        // Nothing below counts beside 1, and far below is the difference of large logits infinite.
        Scores::Logits { temperature } => ((score - most) / temperature).max(-100.0).exp(),
        Scores::Probabilities if most > 0.0 => score / most,
        Scores::Probabilities => 0.0,
    }
}
