//! What transformers are made of: attention, and two dense layers with an activation between them. Each
//! is there twice, in burn and as nodes of an ONNX graph.

mod layers;
mod writer;

use showroom_catalog::seams::ModelError;

use super::layers::{Linear, Weights};
use crate::engines::Place;
use crate::weights::TensorData;

pub use layers::{Attention, Mlp};
pub use writer::Writer;

/// √(2 / π) and the weight of the cube in the tanh form of GELU.
const GELU_SCALE: f32 = 0.797_884_6;
const GELU_CUBE: f32 = 0.044_715;
/// Steepness of the sigmoid form of GELU.
const QUICK: f32 = 1.702;

/// What stands between the two layers of a block's second half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// x · sigmoid(1.702 x)
    QuickGelu,
    /// x · Φ(x)
    Gelu,
    /// The same with tanh for Φ.
    GeluTanh,
}

/// Sizes of one tower's blocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tower {
    /// Numbers a token.
    pub width: usize,
    /// Numbers between the two layers of the second half.
    pub inner: usize,
    pub layers: usize,
    pub heads: usize,
    pub activation: Activation,
    pub epsilon: f64,
}

/// A dense layer, not yet anywhere.
pub struct Dense {
    /// Out × in, as the checkpoint has it.
    pub weight: TensorData,
    pub bias: Option<Vec<f32>>,
}

impl Dense {
    /// Takes `name.weight` (out × in) and `name.bias`.
    pub fn of(
        weights: &Weights,
        name: &str,
        [input, output]: [usize; 2],
    ) -> Result<Self, ModelError> {
        let bias = weights.get(&format!("{name}.bias"), &[output])?;
        Ok(Dense {
            bias: Some(bias.data.clone()),
            ..Dense::without_bias(weights, name, [input, output])?
        })
    }

    /// Takes `name.weight` (out × in) alone.
    pub fn without_bias(
        weights: &Weights,
        name: &str,
        [input, output]: [usize; 2],
    ) -> Result<Self, ModelError> {
        let weight = weights.get(&format!("{name}.weight"), &[output, input])?;
        Ok(Dense {
            weight: weight.clone(),
            bias: None,
        })
    }

    pub fn burn(self, place: &Place) -> Linear {
        Linear::of(self.weight, self.bias, place)
    }
}

/// The four layers of an attention.
pub struct AttentionWeights {
    pub query: Dense,
    pub key: Dense,
    pub value: Dense,
    pub out: Dense,
    pub heads: usize,
}

impl AttentionWeights {
    /// Takes a tensor for each, by these names below `at`: query, key, value, out.
    pub fn of(
        weights: &Weights,
        at: &str,
        [query, key, value, out]: [&str; 4],
        tower: &Tower,
    ) -> Result<Self, ModelError> {
        let square = [tower.width, tower.width];
        let dense = |name: &str| Dense::of(weights, &format!("{at}.{name}"), square);
        Ok(AttentionWeights {
            query: dense(query)?,
            key: dense(key)?,
            value: dense(value)?,
            out: dense(out)?,
            heads: tower.heads,
        })
    }

    /// Of PyTorch's `MultiheadAttention`, which has query, key and value in one tensor.
    pub fn packed(weights: &Weights, at: &str, tower: &Tower) -> Result<Self, ModelError> {
        let width = tower.width;
        let weight = weights.get(&format!("{at}.in_proj_weight"), &[3 * width, width])?;
        let bias = weights.get(&format!("{at}.in_proj_bias"), &[3 * width])?;
        let part = |index: usize| Dense {
            weight: TensorData {
                shape: vec![width, width],
                data: weight.data[index * width * width..][..width * width].to_vec(),
            },
            bias: Some(bias.data[index * width..][..width].to_vec()),
        };
        Ok(AttentionWeights {
            query: part(0),
            key: part(1),
            value: part(2),
            out: Dense::of(weights, &format!("{at}.out_proj"), [width, width])?,
            heads: tower.heads,
        })
    }
}
