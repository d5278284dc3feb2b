//! Attention and dense layers in burn.

use burn::tensor::Tensor;
use burn::tensor::activation::{gelu, sigmoid, softmax, tanh};
use showroom_catalog::seams::ModelError;

use super::{Activation, AttentionWeights, GELU_CUBE, GELU_SCALE, QUICK, Tower};
use crate::engines::Place;
use crate::models::layers::{Linear, Weights};

/// Beyond this tanh is ±1 in f32; some drivers give NaN for large numbers.
const TANH_MOST: f32 = 15.0;

/// Attention in burn.
pub struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    heads: usize,
}

impl Attention {
    pub fn new(weights: AttentionWeights, place: &Place) -> Self {
        Attention {
            query: weights.query.burn(place),
            key: weights.key.burn(place),
            value: weights.value.burn(place),
            out: weights.out.burn(place),
            heads: weights.heads,
        }
    }

    /// `asking` (batch, asking tokens, width) looks at `x` (batch, tokens, width); `bias`
    /// (batch or 1, 1, asking tokens or 1, tokens) is added to the scores.
    pub fn forward(&self, asking: Tensor<3>, x: Tensor<3>, bias: Option<&Tensor<4>>) -> Tensor<3> {
        let [batch, rows, width] = asking.dims();
        let head = width / self.heads;
        let heads = |x: Tensor<3>| {
            let [batch, tokens, _] = x.dims();
            x.reshape([batch, tokens, self.heads, head]).swap_dims(1, 2)
        };
        // Scaled before the product, which keeps it small enough for f16.
        let query = heads(self.query.forward(asking)) / (head as f64).sqrt();
        let key = heads(self.key.forward(x.clone()));
        let value = heads(self.value.forward(x));
        let mut scores = query.matmul(key.swap_dims(2, 3));
        if let Some(bias) = bias {
            scores = scores + bias.clone();
        }
        let seen = softmax(scores, 3).matmul(value);
        let seen = seen.swap_dims(1, 2).reshape([batch, rows, width]);
        self.out.forward(seen)
    }
}

/// The two dense layers of a block in burn.
pub struct Mlp {
    first: Linear,
    second: Linear,
    activation: Activation,
}

impl Mlp {
    /// Takes the two layers by their names.
    pub fn new(
        weights: &Weights,
        [first, second]: [&str; 2],
        tower: &Tower,
        place: &Place,
    ) -> Result<Self, ModelError> {
        let (width, inner) = (tower.width, tower.inner);
        Ok(Mlp {
            first: Linear::new(weights, first, [width, inner], place)?,
            second: Linear::new(weights, second, [inner, width], place)?,
            activation: tower.activation,
        })
    }

    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let x = self.first.forward(x);
        self.second.forward(match self.activation {
            Activation::QuickGelu => x.clone() * sigmoid(x * QUICK),
            Activation::Gelu => gelu(x),
            Activation::GeluTanh => {
                let square = x.clone() * x.clone();
                let inner = x.clone() * (square * (GELU_CUBE * GELU_SCALE) + GELU_SCALE);
                x * 0.5 * (tanh(inner.clamp(-TANH_MOST, TANH_MOST)) + 1.0)
            }
        })
    }
}
