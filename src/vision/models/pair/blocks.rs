//! What all four towers are made of: blocks of attention and two dense layers, each behind a layer norm.

use burn::tensor::Tensor;
use showroom_catalog::seams::ModelError;

use crate::engines::Place;
use crate::models::layers::{LayerNorm, Weights};
use crate::models::transformer::{Attention, AttentionWeights, Mlp, Tower, Writer};

/// The attention of the block `at`.
fn attention_weights(
    weights: &Weights,
    at: &str,
    tower: &Tower,
) -> Result<AttentionWeights, ModelError> {
    let names = ["q_proj", "k_proj", "v_proj", "out_proj"];
    AttentionWeights::of(weights, &format!("{at}.self_attn"), names, tower)
}

/// The dense layers `at`.
pub fn mlp(weights: &Weights, at: &str, tower: &Tower, place: &Place) -> Result<Mlp, ModelError> {
    let names = [format!("{at}.fc1"), format!("{at}.fc2")];
    Mlp::new(weights, [&names[0], &names[1]], tower, place)
}

/// The same in an ONNX graph.
pub fn write_mlp(writer: &mut Writer<'_>, at: &str, x: &str) -> Result<String, ModelError> {
    let names = [format!("{at}.fc1"), format!("{at}.fc2")];
    writer.mlp([&names[0], &names[1]], x)
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
            let attention = attention_weights(weights, &at, tower)?;
            Ok(Block {
                layer_norm1: norm("layer_norm1")?,
                self_attn: Attention::new(attention, place),
                layer_norm2: norm("layer_norm2")?,
                mlp: mlp(weights, &format!("{at}.mlp"), tower, place)?,
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
pub fn write_blocks(
    writer: &mut Writer<'_>,
    at: &str,
    x: &str,
    bias: Option<&str>,
) -> Result<String, ModelError> {
    let mut x = x.to_string();
    for layer in 0..writer.tower.layers {
        let at = format!("{at}.encoder.layers.{layer}");
        let weights = attention_weights(writer.weights, &at, &writer.tower)?;
        let normed = writer.norm(&format!("{at}.layer_norm1"), &x)?;
        let seen = writer.attention(&weights, &normed, &normed, bias);
        x = writer.op("Add", &[&x, &seen]);
        let normed = writer.norm(&format!("{at}.layer_norm2"), &x)?;
        let y = write_mlp(writer, &format!("{at}.mlp"), &normed)?;
        x = writer.op("Add", &[&x, &y]);
    }
    Ok(x)
}
