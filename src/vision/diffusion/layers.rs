//! What the U-Net and the autoencoder are made of, in burn. Fields are named after the checkpoint's keys.

use burn::tensor::activation::{gelu, silu, softmax};
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{DType, Tensor};
use showroom_catalog::seams::ModelError;

use super::reader::Reader;
use crate::engines::Place;
use crate::models::layers::{Conv, LayerNorm, Linear, vector};

/// Scores of an attention that are in memory at once (256 MB): the rows that ask are taken in parts.
const MAX_SCORES: usize = 64 << 20;
/// Of the norm before an attention.
const ATTENTION_EPSILON: f64 = 1e-6;

/// Normalisation over groups of channels, in f32 whatever the numbers around it are.
pub struct GroupNorm {
    /// (1, channels, 1, 1)
    weight: Tensor<4>,
    bias: Tensor<4>,
    groups: usize,
    epsilon: f64,
}

impl GroupNorm {
    pub fn new(data: [Vec<f32>; 2], groups: usize, epsilon: f64, place: &Place) -> GroupNorm {
        let [weight, bias] = data.map(|data| {
            let channels = data.len();
            let x = vector(data, place).cast(DType::F32);
            x.reshape([1, channels, 1, 1])
        });
        GroupNorm {
            weight,
            bias,
            groups,
            epsilon,
        }
    }

    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let shape @ [batch, channels, height, width] = x.dims();
        let dtype = x.dtype();
        let group = channels / self.groups * height * width;
        let x = x.cast(DType::F32).reshape([batch, self.groups, group]);
        let x = x.clone() - x.mean_dim(2);
        let variance = (x.clone() * x.clone()).mean_dim(2);
        let x = (x / (variance + self.epsilon).sqrt()).reshape(shape);
        (x * self.weight.clone() + self.bias.clone()).cast(dtype)
    }
}

/// A residual block.
pub struct Resnet {
    norm1: GroupNorm,
    conv1: Conv,
    time_emb_proj: Option<Linear>,
    norm2: GroupNorm,
    conv2: Conv,
    conv_shortcut: Option<Conv>,
}

/// What the residual blocks of a network have in common.
#[derive(Clone, Copy)]
pub struct ResnetShape {
    pub groups: usize,
    pub epsilon: f64,
    /// Numbers of the time; the autoencoder knows none.
    pub time: Option<usize>,
}

impl Resnet {
    pub fn new(
        reader: &mut Reader,
        at: &str,
        sizes @ [input, output]: [usize; 2],
        shape: ResnetShape,
    ) -> Result<Resnet, ModelError> {
        let ResnetShape {
            groups,
            epsilon,
            time,
        } = shape;
        let project = |time| reader.linear(&format!("{at}.time_emb_proj"), [time, output]);
        let time_emb_proj = time.map(project).transpose()?;
        let conv_shortcut = match input == output {
            true => None,
            false => Some(reader.conv(&format!("{at}.conv_shortcut"), sizes, 1)?),
        };
        Ok(Resnet {
            norm1: reader.group_norm(&format!("{at}.norm1"), input, groups, epsilon)?,
            conv1: reader.conv(&format!("{at}.conv1"), sizes, 3)?,
            time_emb_proj,
            norm2: reader.group_norm(&format!("{at}.norm2"), output, groups, epsilon)?,
            conv2: reader.conv(&format!("{at}.conv2"), [output; 2], 3)?,
            conv_shortcut,
        })
    }

    /// `time`: (batch, numbers of the time), after its activation.
    pub fn forward(&self, x: Tensor<4>, time: Option<&Tensor<2>>) -> Tensor<4> {
        let mut y = self.conv1.forward(silu(self.norm1.forward(x.clone())));
        if let (Some(project), Some(time)) = (&self.time_emb_proj, time) {
            let time = project.forward(time.clone());
            let [batch, channels] = time.dims();
            y = y + time.reshape([batch, channels, 1, 1]);
        }
        let y = self.conv2.forward(silu(self.norm2.forward(y)));
        match &self.conv_shortcut {
            Some(conv) => conv.forward(x) + y,
            None => x + y,
        }
    }
}

/// Twice the size, each pixel four times, and a convolution.
pub struct Upsample(Conv);

impl Upsample {
    pub fn new(reader: &mut Reader, at: &str, channels: usize) -> Result<Upsample, ModelError> {
        let conv = reader.conv(&format!("{at}.upsamplers.0.conv"), [channels; 2], 3)?;
        Ok(Upsample(conv))
    }

    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let options = InterpolateOptions::new(InterpolateMode::Nearest)
            .with_output_size([2 * height, 2 * width]);
        self.0.forward(interpolate(x, options))
    }
}

/// Attention of `query` (batch, heads, rows, numbers) to tokens (batch, heads, tokens, numbers).
fn attend(query: Tensor<4>, key: Tensor<4>, value: Tensor<4>) -> Tensor<4> {
    let [batch, heads, rows, numbers] = query.dims();
    let [_, _, tokens, _] = key.dims();
    let query = query / (numbers as f64).sqrt();
    let key = key.swap_dims(2, 3);
    let at_once = (MAX_SCORES / (batch * heads * tokens)).clamp(1, rows);
    let parts = (0..rows).step_by(at_once).map(|first| {
        let asking = query.clone().narrow(2, first, at_once.min(rows - first));
        softmax(asking.matmul(key.clone()), 3).matmul(value.clone())
    });
    Tensor::cat(parts.collect(), 2)
}

/// Query, key, value and what comes after.
pub struct Attention {
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
    heads: usize,
}

impl Attention {
    /// The attention of pixels to tokens of `context` numbers.
    fn new(
        reader: &mut Reader,
        at: &str,
        width: usize,
        context: usize,
        heads: usize,
    ) -> Result<Attention, ModelError> {
        Ok(Attention {
            to_q: reader.linear_without_bias(&format!("{at}.to_q"), [width; 2])?,
            to_k: reader.linear_without_bias(&format!("{at}.to_k"), [context, width])?,
            to_v: reader.linear_without_bias(&format!("{at}.to_v"), [context, width])?,
            to_out: reader.linear(&format!("{at}.to_out.0"), [width; 2])?,
            heads,
        })
    }

    /// `asking`: (batch, rows, width); `x`: (batch, tokens, context).
    fn forward(&self, asking: Tensor<3>, x: Tensor<3>) -> Tensor<3> {
        let [batch, rows, width] = asking.dims();
        let heads = |x: Tensor<3>| {
            let [batch, tokens, _] = x.dims();
            x.reshape([batch, tokens, self.heads, width / self.heads])
                .swap_dims(1, 2)
        };
        let query = heads(self.to_q.forward(asking));
        let key = heads(self.to_k.forward(x.clone()));
        let value = heads(self.to_v.forward(x));
        let seen = attend(query, key, value).swap_dims(1, 2);
        self.to_out.forward(seen.reshape([batch, rows, width]))
    }
}

/// Pixels that look at one another, and at the words.
pub struct Transformer {
    norm: GroupNorm,
    proj_in: Linear,
    norm1: LayerNorm,
    attn1: Attention,
    norm2: LayerNorm,
    attn2: Attention,
    norm3: LayerNorm,
    /// `ff.net.0.proj`: twice as wide as what comes out of it.
    ff_gated: Linear,
    /// `ff.net.2`
    ff_out: Linear,
    proj_out: Linear,
}

impl Transformer {
    pub fn new(
        reader: &mut Reader,
        at: &str,
        width: usize,
        (heads, context, groups): (usize, usize, usize),
    ) -> Result<Transformer, ModelError> {
        let block = format!("{at}.transformer_blocks.0");
        let inner = 4 * width;
        Ok(Transformer {
            norm: reader.group_norm(&format!("{at}.norm"), width, groups, ATTENTION_EPSILON)?,
            proj_in: reader.linear(&format!("{at}.proj_in"), [width; 2])?,
            norm1: reader.layer_norm(&format!("{block}.norm1"), width)?,
            attn1: Attention::new(reader, &format!("{block}.attn1"), width, width, heads)?,
            norm2: reader.layer_norm(&format!("{block}.norm2"), width)?,
            attn2: Attention::new(reader, &format!("{block}.attn2"), width, context, heads)?,
            norm3: reader.layer_norm(&format!("{block}.norm3"), width)?,
            ff_gated: reader.linear(&format!("{block}.ff.net.0.proj"), [width, 2 * inner])?,
            ff_out: reader.linear(&format!("{block}.ff.net.2"), [inner, width])?,
            proj_out: reader.linear(&format!("{at}.proj_out"), [width; 2])?,
        })
    }

    /// `words`: (batch, tokens, context)
    pub fn forward(&self, x: Tensor<4>, words: &Tensor<3>) -> Tensor<4> {
        let shape = x.dims();
        let mut y = self.proj_in.forward(rows(self.norm.forward(x.clone())));
        let normed = self.norm1.forward(y.clone());
        y = y + self.attn1.forward(normed.clone(), normed);
        let normed = self.norm2.forward(y.clone());
        y = y + self.attn2.forward(normed, words.clone());
        let gated = self.ff_gated.forward(self.norm3.forward(y.clone()));
        let inner = gated.dims()[2] / 2;
        let gate = gelu(gated.clone().narrow(2, inner, inner));
        y = y + self.ff_out.forward(gated.narrow(2, 0, inner) * gate);
        x + pixels(self.proj_out.forward(y), shape)
    }
}

/// The attention in the middle of the autoencoder: one head.
pub struct PixelAttention {
    group_norm: GroupNorm,
    attention: Attention,
}

impl PixelAttention {
    pub fn new(
        reader: &mut Reader,
        at: &str,
        width: usize,
        groups: usize,
    ) -> Result<PixelAttention, ModelError> {
        // The first checkpoints have other names.
        let names = match reader.has(&format!("{at}.to_q.weight")) {
            true => ["to_q", "to_k", "to_v", "to_out.0"],
            false => ["query", "key", "value", "proj_attn"],
        };
        let mut linear = |name: &str| reader.linear(&format!("{at}.{name}"), [width; 2]);
        let attention = Attention {
            to_q: linear(names[0])?,
            to_k: linear(names[1])?,
            to_v: linear(names[2])?,
            to_out: linear(names[3])?,
            heads: 1,
        };
        let name = format!("{at}.group_norm");
        Ok(PixelAttention {
            group_norm: reader.group_norm(&name, width, groups, ATTENTION_EPSILON)?,
            attention,
        })
    }

    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let shape = x.dims();
        let y = rows(self.group_norm.forward(x.clone()));
        x + pixels(self.attention.forward(y.clone(), y), shape)
    }
}

/// (batch, channels, height, width) → (batch, pixels, channels)
fn rows(x: Tensor<4>) -> Tensor<3> {
    let [batch, channels, height, width] = x.dims();
    x.reshape([batch, channels, height * width]).swap_dims(1, 2)
}

/// And back.
fn pixels(x: Tensor<3>, shape: [usize; 4]) -> Tensor<4> {
    x.swap_dims(1, 2).reshape(shape)
}
