//! A linear head: logistic regression with an L2 penalty, trained in burn on the CPU.

use burn::tensor::activation::{sigmoid, softmax};
use burn::tensor::{Device, Tensor, TensorData};

use super::error::LabelError;

/// Steps at the most; a hundred are usual.
const MAX_STEPS: usize = 3000;
/// The largest entry of the gradient at which it is done. Probabilities are then within some
/// ten-thousandths of those at the bottom.
const DONE: f32 = 2e-5;
/// How often it is looked whether it is done.
const LOOK_EVERY: usize = 10;
/// Steps that estimate how far the examples spread along their widest axis.
const POWER_STEPS: usize = 30;
/// The estimate comes from below.
const POWER_MARGIN: f32 = 1.2;

/// What the head says of a row is `weights · row + bias`, a number a label.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Labels × width.
    pub weights: Vec<f32>,
    /// One a label.
    pub bias: Vec<f32>,
}

/// Examples to train on.
pub struct Examples<'a> {
    /// One after another, each `width` long.
    pub rows: &'a [f32],
    pub width: usize,
    /// Rows × labels: 1 where the label is right, 0 where it is wrong.
    pub targets: &'a [f32],
    /// Rows × labels: 0 where nothing is known, else 1. All 1 where labels exclude one another.
    pub known: &'a [f32],
    pub labels: usize,
    /// Whether each row has exactly one label (softmax), or any number of them (sigmoid).
    pub exclusive: bool,
}

/// Minimises `Σ loss + ‖weights‖² / (2 · strength)`, the bias being free, as scikit-learn's
/// `LogisticRegression(C = strength)` does. It starts at zero and draws nothing by chance.
///
/// By accelerated gradient descent that starts anew where the momentum points uphill (O'Donoghue and
/// Candès, Adaptive Restart for Accelerated Gradient Schemes, 2015). The step is safe because the
/// curvature of the loss is at most ½ (softmax; Böhning 1992) or ¼ (sigmoid) of the rows' spread.
pub fn train(examples: &Examples<'_>, strength: f32) -> Result<Head, LabelError> {
    let Examples {
        rows,
        width,
        targets,
        known,
        labels,
        exclusive,
    } = *examples;
    let count = rows.len() / width;
    let device = Device::flex();
    let tensor = |data: &[f32], shape: [usize; 2]| {
        Tensor::<2>::from_data(TensorData::new(data.to_vec(), shape), &device)
    };
    let x = tensor(rows, [count, width]);
    let targets = tensor(targets, [count, labels]);
    let known = tensor(known, [count, labels]);
    // About their mean, rows and bias hardly disturb one another. It is folded into the bias below.
    let mean = x.clone().mean_dim(0);
    let x = x - mean.clone();
    let xt = x.clone().transpose();
    let per_row = 1.0 / count as f32;
    let penalty = 1.0 / (strength * count as f32);
    let curvature = if exclusive { 0.5 } else { 0.25 };
    let spread = spread(&x, &xt, &device)? * per_row;
    // Twice each, since (a + b)² ≤ 2a² + 2b² parts the curvature of the weights from the bias's.
    let weight_step = 1.0 / (2.0 * curvature * spread + penalty);
    let bias_step = 1.0 / (2.0 * curvature);

    let mut weights = tensor(&vec![0.0; width * labels], [width, labels]);
    let mut bias = tensor(&vec![0.0; labels], [1, labels]);
    let (mut ahead, mut ahead_bias) = (weights.clone(), bias.clone());
    let mut momentum = 1f32;
    for step in 1..=MAX_STEPS {
        let scores = x.clone().matmul(ahead.clone()) + ahead_bias.clone();
        let said = if exclusive {
            softmax(scores, 1)
        } else {
            sigmoid(scores)
        };
        let off = (said - targets.clone()) * known.clone() * per_row;
        let slope = xt.clone().matmul(off.clone()) + ahead.clone() * penalty;
        let bias_slope = off.sum_dim(0);
        let next = ahead.clone() - slope.clone() * weight_step;
        let next_bias = ahead_bias.clone() - bias_slope.clone() * bias_step;
        let moved = next.clone() - weights;
        let bias_moved = next_bias.clone() - bias;
        let uphill =
            (slope.clone() * moved.clone()).sum() + (bias_slope.clone() * bias_moved.clone()).sum();
        if number(uphill)? > 0.0 {
            momentum = 1.0;
        }
        let after = (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt()) / 2.0;
        let carry = (momentum - 1.0) / after;
        momentum = after;
        ahead = next.clone() + moved * carry;
        ahead_bias = next_bias.clone() + bias_moved * carry;
        (weights, bias) = (next, next_bias);
        if step % LOOK_EVERY == 0 {
            let steepest = number(slope.abs().max())?.max(number(bias_slope.abs().max())?);
            if steepest < DONE {
                break;
            }
        }
    }
    let bias = bias - mean.matmul(weights.clone());
    Ok(Head {
        weights: numbers(weights.transpose())?,
        bias: numbers(bias)?,
    })
}

/// The largest eigenvalue of `xᵀx`, by power iteration from a vector that no symmetry hides.
fn spread(x: &Tensor<2>, xt: &Tensor<2>, device: &Device) -> Result<f32, LabelError> {
    let width = x.dims()[1];
    let start: Vec<f32> = (0..width).map(|at| 1.0 + (at % 7) as f32 / 10.0).collect();
    let mut axis = Tensor::<2>::from_data(TensorData::new(start, [width, 1]), device);
    let mut length = 0.0;
    for _ in 0..POWER_STEPS {
        let before = number(axis.clone().square().sum())?.sqrt();
        if before == 0.0 {
            return Ok(0.0);
        }
        axis = xt.clone().matmul(x.clone().matmul(axis / before));
        length = number(axis.clone().square().sum())?.sqrt();
    }
    Ok(length * POWER_MARGIN)
}

fn number(tensor: Tensor<1>) -> Result<f32, LabelError> {
    let value = numbers(tensor)?.first().copied().unwrap_or(f32::NAN);
    if value.is_finite() {
        return Ok(value);
    }
    Err(LabelError::Failed(
        "training ended in numbers that are not finite".into(),
    ))
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, LabelError> {
    let data = tensor.try_into_data().map_err(|error| format!("{error:?}"));
    data.and_then(|data| {
        data.try_to_vec::<f32>()
            .map_err(|error| format!("{error:?}"))
    })
    .map_err(|error| LabelError::Failed(format!("burn gave no numbers back: {error}")))
}
