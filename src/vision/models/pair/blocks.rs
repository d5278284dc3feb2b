//! What all four towers are made of: blocks of attention and two dense layers, each behind a layer norm.

use burn::tensor::Tensor;
use burn::tensor::activation::{gelu, sigmoid, softmax, tanh};
use showroom_catalog::seams::ModelError;

use super::config::{Activation, Tower};
use crate::engines::Place;
use crate::engines::graph::Graph;
use crate::models::layers::{LayerNorm, Linear, Weights};
use crate::weights::TensorData;
use crate::weights::onnx::AttributeProto;

/// Beyond this tanh is ±1 in f32; some drivers give NaN for large numbers.
const TANH_MOST: f32 = 15.0;
/// √(2 / π) and the weight of the cube in the tanh form of GELU.
const GELU_SCALE: f32 = 0.797_884_6;
const GELU_CUBE: f32 = 0.044_715;
/// Steepness of the sigmoid form of GELU.
const QUICK: f32 = 1.702;

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
    /// Of a block, which has a tensor for each.
    fn of(weights: &Weights, at: &str, tower: &Tower) -> Result<Self, ModelError> {
        let square = [tower.width, tower.width];
        let dense = |name: &str| Dense::of(weights, &format!("{at}.{name}"), square);
        Ok(AttentionWeights {
            query: dense("q_proj")?,
            key: dense("k_proj")?,
            value: dense("v_proj")?,
            out: dense("out_proj")?,
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

/// Attention in burn.
pub struct Attention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
    heads: usize,
}

impl Attention {
    pub fn new(weights: AttentionWeights, place: &Place) -> Self {
        Attention {
            q_proj: weights.query.burn(place),
            k_proj: weights.key.burn(place),
            v_proj: weights.value.burn(place),
            out_proj: weights.out.burn(place),
            heads: weights.heads,
        }
    }

    /// `asking` (batch, asking tokens, width) looks at `x` (batch, tokens, width); `bias`
    /// (1, 1, asking tokens, tokens) is added to the scores.
    pub fn forward(&self, asking: Tensor<3>, x: Tensor<3>, bias: Option<&Tensor<4>>) -> Tensor<3> {
        let [batch, rows, width] = asking.dims();
        let head = width / self.heads;
        let heads = |x: Tensor<3>| {
            let [batch, tokens, _] = x.dims();
            x.reshape([batch, tokens, self.heads, head]).swap_dims(1, 2)
        };
        // Scaled before the product, which keeps it small enough for f16.
        let query = heads(self.q_proj.forward(asking)) / (head as f64).sqrt();
        let key = heads(self.k_proj.forward(x.clone()));
        let value = heads(self.v_proj.forward(x));
        let mut scores = query.matmul(key.swap_dims(2, 3));
        if let Some(bias) = bias {
            scores = scores + bias.clone();
        }
        let seen = softmax(scores, 3).matmul(value);
        let seen = seen.swap_dims(1, 2).reshape([batch, rows, width]);
        self.out_proj.forward(seen)
    }
}

/// The two dense layers of a block in burn.
pub struct Mlp {
    fc1: Linear,
    fc2: Linear,
    activation: Activation,
}

impl Mlp {
    pub fn new(
        weights: &Weights,
        at: &str,
        tower: &Tower,
        place: &Place,
    ) -> Result<Self, ModelError> {
        let (width, inner) = (tower.width, tower.inner);
        Ok(Mlp {
            fc1: Linear::new(weights, &format!("{at}.fc1"), [width, inner], place)?,
            fc2: Linear::new(weights, &format!("{at}.fc2"), [inner, width], place)?,
            activation: tower.activation,
        })
    }

    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let x = self.fc1.forward(x);
        self.fc2.forward(match self.activation {
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

/// One block in burn; fields are named after the checkpoint's keys.
struct Block {
    layer_norm1: LayerNorm,
    self_attn: Attention,
    layer_norm2: LayerNorm,
    mlp: Mlp,
}

/// All blocks of a tower in burn.
pub struct Blocks(Vec<Block>);

impl Blocks {
    /// Takes `at.encoder.layers.0` and so on.
    pub fn new(
        weights: &Weights,
        at: &str,
        tower: &Tower,
        place: &Place,
    ) -> Result<Self, ModelError> {
        let block = |layer: usize| {
            let at = format!("{at}.encoder.layers.{layer}");
            let norm = |name: &str| {
                let name = format!("{at}.{name}");
                LayerNorm::new(weights, &name, tower.width, tower.epsilon, place)
            };
            let attention = AttentionWeights::of(weights, &format!("{at}.self_attn"), tower)?;
            Ok(Block {
                layer_norm1: norm("layer_norm1")?,
                self_attn: Attention::new(attention, place),
                layer_norm2: norm("layer_norm2")?,
                mlp: Mlp::new(weights, &format!("{at}.mlp"), tower, place)?,
            })
        };
        let blocks = (0..tower.layers).map(block);
        Ok(Blocks(blocks.collect::<Result<_, ModelError>>()?))
    }

    /// `x`: (batch, tokens, width); `bias`: (1, 1, tokens, tokens), added to the scores.
    pub fn forward(&self, mut x: Tensor<3>, bias: Option<&Tensor<4>>) -> Tensor<3> {
        for block in &self.0 {
            let normed = block.layer_norm1.forward(x.clone());
            x = x + block.self_attn.forward(normed.clone(), normed, bias);
            x = x.clone() + block.mlp.forward(block.layer_norm2.forward(x));
        }
        x
    }
}

/// Writes the same into an ONNX graph.
pub struct Writer<'a> {
    pub graph: Graph,
    pub weights: &'a Weights,
    pub tower: Tower,
}

impl Writer<'_> {
    pub fn op(&mut self, op: &str, inputs: &[&str]) -> String {
        self.graph.node(op, inputs, vec![])
    }

    pub fn transpose(&mut self, x: &str, order: &[i64]) -> String {
        let order = AttributeProto::ints("perm", order);
        self.graph.node("Transpose", &[x], vec![order])
    }

    pub fn reshape(&mut self, x: &str, shape: &[i64]) -> String {
        let shape = self.graph.list(shape);
        self.op("Reshape", &[x, &shape])
    }

    fn scalar(&mut self, op: &str, x: &str, number: f32) -> String {
        let number = self.graph.constant(&[], &[number]);
        self.op(op, &[x, &number])
    }

    pub fn norm(&mut self, name: &str, x: &str) -> Result<String, ModelError> {
        let width = self.tower.width;
        let mut part = |part: &str| -> Result<String, ModelError> {
            let data = &self.weights.get(&format!("{name}.{part}"), &[width])?.data;
            Ok(self.graph.constant(&[width], data))
        };
        let (weight, bias) = (part("weight")?, part("bias")?);
        let attributes = vec![
            AttributeProto::int("axis", -1),
            AttributeProto::float("epsilon", self.tower.epsilon as f32),
        ];
        let inputs = [x, &weight, &bias];
        Ok(self.graph.node("LayerNormalization", &inputs, attributes))
    }

    /// The checkpoint's weight is out × in; onnxruntime multiplies by in × out.
    pub fn dense(&mut self, x: &str, dense: &Dense) -> String {
        let (output, input) = (dense.weight.shape[0], dense.weight.shape[1]);
        let mut transposed = vec![0.0; input * output];
        for (row, values) in dense.weight.data.chunks_exact(input).enumerate() {
            for (column, value) in values.iter().enumerate() {
                transposed[column * output + row] = *value;
            }
        }
        let weight = self.graph.constant(&[input, output], &transposed);
        let y = self.op("MatMul", &[x, &weight]);
        match &dense.bias {
            Some(bias) => {
                let bias = self.graph.constant(&[output], bias);
                self.op("Add", &[&y, &bias])
            }
            None => y,
        }
    }

    pub fn attention(
        &mut self,
        weights: &AttentionWeights,
        asking: &str,
        x: &str,
        bias: Option<&str>,
    ) -> String {
        let (width, heads) = (self.tower.width, weights.heads);
        let head = width / heads;
        let split = [0, 0, heads as i64, head as i64];
        let mut part = |x: &str, dense: &Dense, order: &[i64; 4]| {
            let x = self.dense(x, dense);
            let x = self.reshape(&x, &split);
            self.transpose(&x, order)
        };
        let query = part(asking, &weights.query, &[0, 2, 1, 3]);
        let key = part(x, &weights.key, &[0, 2, 3, 1]);
        let value = part(x, &weights.value, &[0, 2, 1, 3]);
        let query = self.scalar("Div", &query, (head as f32).sqrt());
        let mut scores = self.op("MatMul", &[&query, &key]);
        if let Some(bias) = bias {
            scores = self.op("Add", &[&scores, bias]);
        }
        let last = vec![AttributeProto::int("axis", -1)];
        let shares = self.graph.node("Softmax", &[&scores], last);
        let seen = self.op("MatMul", &[&shares, &value]);
        let seen = self.transpose(&seen, &[0, 2, 1, 3]);
        let seen = self.reshape(&seen, &[0, 0, width as i64]);
        self.dense(&seen, &weights.out)
    }

    pub fn mlp(&mut self, at: &str, x: &str) -> Result<String, ModelError> {
        let (width, inner) = (self.tower.width, self.tower.inner);
        let fc1 = Dense::of(self.weights, &format!("{at}.fc1"), [width, inner])?;
        let fc2 = Dense::of(self.weights, &format!("{at}.fc2"), [inner, width])?;
        let y = self.dense(x, &fc1);
        let y = self.activation(&y);
        Ok(self.dense(&y, &fc2))
    }

    fn activation(&mut self, x: &str) -> String {
        match self.tower.activation {
            Activation::QuickGelu => {
                let y = self.scalar("Mul", x, QUICK);
                let y = self.op("Sigmoid", &[&y]);
                self.op("Mul", &[x, &y])
            }
            Activation::Gelu => {
                // In the order of nodes that onnxruntime fuses.
                let y = self.scalar("Div", x, std::f32::consts::SQRT_2);
                let y = self.op("Erf", &[&y]);
                let y = self.scalar("Add", &y, 1.0);
                let y = self.op("Mul", &[x, &y]);
                self.scalar("Mul", &y, 0.5)
            }
            Activation::GeluTanh => {
                let y = self.op("Mul", &[x, x]);
                let y = self.scalar("Mul", &y, GELU_CUBE * GELU_SCALE);
                let y = self.scalar("Add", &y, GELU_SCALE);
                let y = self.op("Mul", &[x, &y]);
                let y = self.op("Tanh", &[&y]);
                let y = self.scalar("Add", &y, 1.0);
                let y = self.op("Mul", &[x, &y]);
                self.scalar("Mul", &y, 0.5)
            }
        }
    }

    /// All blocks below `at`.
    pub fn blocks(&mut self, at: &str, x: &str, bias: Option<&str>) -> Result<String, ModelError> {
        let mut x = x.to_string();
        for layer in 0..self.tower.layers {
            let at = format!("{at}.encoder.layers.{layer}");
            let weights =
                AttentionWeights::of(self.weights, &format!("{at}.self_attn"), &self.tower)?;
            let normed = self.norm(&format!("{at}.layer_norm1"), &x)?;
            let seen = self.attention(&weights, &normed, &normed, bias);
            x = self.op("Add", &[&x, &seen]);
            let normed = self.norm(&format!("{at}.layer_norm2"), &x)?;
            let y = self.mlp(&format!("{at}.mlp"), &normed)?;
            x = self.op("Add", &[&x, &y]);
        }
        Ok(x)
    }
}
