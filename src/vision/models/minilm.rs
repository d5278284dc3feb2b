//! all-MiniLM-L6-v2: token ids → a vector of 384 numbers for the sentence.
//!
//! BERT with six layers of twelve heads, then the mean over the tokens (the mask says which are
//! padding). The caller scales the vector to unit length.
//! <https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2>.

use std::sync::Arc;

use burn::tensor::module::embedding;
use burn::tensor::{Int, Tensor, TensorData as BurnData};
use showroom_catalog::seams::ModelError;

use super::layers::{LayerNorm, Weights, tensor};
use super::transformer::{Activation, Attention, AttentionWeights, Mlp, Tower, Writer};
use crate::engines::device::Precision;
use crate::engines::graph::{Graph, Size};
use crate::engines::{Architecture, BurnModel, Input, Output, Place};
use crate::weights::onnx::AttributeProto;

/// Length of a sentence's vector.
pub const WIDTH: usize = 384;
/// Tokens of one sentence at the most, as the model's `sentence_bert_config.json` says.
pub const MAX_TOKENS: usize = 256;
const TOWER: Tower = Tower {
    width: WIDTH,
    inner: 1536,
    layers: 6,
    heads: 12,
    activation: Activation::Gelu,
    epsilon: 1e-12,
};
const VOCABULARY: usize = 30522;
const POSITIONS: usize = 512;
/// Added to the attention score of padding: its probability becomes zero.
const HIDDEN: f32 = -1e9;
/// The same in f16, whose largest number is 65,504.
const HIDDEN_F16: f32 = -3e4;

/// The model as its weights. Takes token ids (batch, tokens), their mask (batch, tokens; 1 or 0) and
/// their positions (0, 1, … tokens - 1); gives vectors (batch, 384).
pub struct MiniLm {
    pub weights: Weights,
}

impl Architecture for MiniLm {
    fn name(&self) -> &str {
        &self.weights.model
    }

    fn onnx(&self) -> Result<Vec<u8>, ModelError> {
        let mut graph = Graph::default();
        let (batch, tokens) = (Size::Free("batch"), Size::Free("tokens"));
        let ids = graph.input_i64("ids", &[batch, tokens]);
        let mask = graph.input_f32("mask", &[batch, tokens]);
        let positions = graph.input_i64("positions", &[tokens]);
        let mut writer = Writer {
            graph,
            weights: &self.weights,
            tower: TOWER,
        };

        let words = gather(&mut writer, "word_embeddings", VOCABULARY, &ids)?;
        let places = gather(&mut writer, "position_embeddings", POSITIONS, &positions)?;
        let kinds = self
            .weights
            .get("embeddings.token_type_embeddings.weight", &[2, WIDTH])?;
        let kind = writer.graph.constant(&[WIDTH], &kinds.data[..WIDTH]);
        let x = writer.op("Add", &[&words, &places]);
        let x = writer.op("Add", &[&x, &kind]);
        let mut x = writer.norm("embeddings.LayerNorm", &x)?;

        let one = writer.graph.constant(&[], &[1.0]);
        let hidden = writer.graph.constant(&[], &[HIDDEN]);
        let heads_and_rows = writer.graph.list(&[1, 2]);
        let bias = writer.op("Sub", &[&one, &mask]);
        let bias = writer.op("Mul", &[&bias, &hidden]);
        let bias = writer.op("Unsqueeze", &[&bias, &heads_and_rows]);
        for layer in 0..TOWER.layers {
            x = write_layer(&mut writer, layer, &x, &bias)?;
        }

        let last = writer.graph.list(&[-1]);
        let token_axis = writer.graph.list(&[1]);
        let weight = writer.op("Unsqueeze", &[&mask, &last]);
        let x = writer.op("Mul", &[&x, &weight]);
        let drop = vec![AttributeProto::int("keepdims", 0)];
        let sum = writer
            .graph
            .node("ReduceSum", &[&x, &token_axis], drop.clone());
        let count = writer
            .graph
            .node("ReduceSum", &[&weight, &token_axis], drop);
        let mean = writer.op("Div", &[&sum, &count]);
        writer
            .graph
            .output("vector", &mean, &[batch, Size::Fixed(WIDTH)]);
        Ok(writer.graph.finish(self.name()))
    }

    /// The attention scores of the longest sentence, or its inner layer.
    fn largest_tensor(&self) -> usize {
        (TOWER.heads * MAX_TOKENS * MAX_TOKENS).max(MAX_TOKENS * TOWER.inner)
    }

    fn burn(&self, place: &Place) -> Result<Arc<dyn BurnModel>, ModelError> {
        let weights = &self.weights;
        let table = |name: &str, rows: usize| -> Result<Tensor<2>, ModelError> {
            let data = weights.get(&format!("embeddings.{name}.weight"), &[rows, WIDTH])?;
            Ok(tensor(data.clone(), place))
        };
        let norm = |name: &str| LayerNorm::new(weights, name, WIDTH, TOWER.epsilon, place);
        let layers = (0..TOWER.layers)
            .map(|layer| {
                let at = format!("encoder.layer.{layer}");
                let [first, second] = dense_names(&at);
                Ok(Layer {
                    attention: Attention::new(attention_weights(weights, &at)?, place),
                    attention_norm: norm(&format!("{at}.attention.output.LayerNorm"))?,
                    dense: Mlp::new(weights, [&first, &second], &TOWER, place)?,
                    output_norm: norm(&format!("{at}.output.LayerNorm"))?,
                })
            })
            .collect::<Result<_, ModelError>>()?;
        Ok(Arc::new(Net {
            word_embeddings: table("word_embeddings", VOCABULARY)?,
            position_embeddings: table("position_embeddings", POSITIONS)?,
            token_type_embeddings: table("token_type_embeddings", 2)?,
            norm: norm("embeddings.LayerNorm")?,
            layers,
            place: place.clone(),
        }))
    }
}

/// Rows of a table of embeddings.
fn gather(
    writer: &mut Writer<'_>,
    name: &str,
    rows: usize,
    indices: &str,
) -> Result<String, ModelError> {
    let name = format!("embeddings.{name}.weight");
    let table = writer.weights.get(&name, &[rows, WIDTH])?;
    let table = writer.graph.constant(&table.shape, &table.data);
    Ok(writer.op("Gather", &[&table, indices]))
}

fn attention_weights(weights: &Weights, at: &str) -> Result<AttentionWeights, ModelError> {
    let names = ["self.query", "self.key", "self.value", "output.dense"];
    AttentionWeights::of(weights, &format!("{at}.attention"), names, &TOWER)
}

/// The two dense layers of the layer `at`.
fn dense_names(at: &str) -> [String; 2] {
    ["intermediate", "output"].map(|name| format!("{at}.{name}.dense"))
}

/// As [`Layer::forward`], into an ONNX graph.
fn write_layer(
    writer: &mut Writer<'_>,
    layer: usize,
    x: &str,
    bias: &str,
) -> Result<String, ModelError> {
    let at = format!("encoder.layer.{layer}");
    let attention = attention_weights(writer.weights, &at)?;
    let seen = writer.attention(&attention, x, x, Some(bias));
    let x = writer.op("Add", &[&seen, x]);
    let x = writer.norm(&format!("{at}.attention.output.LayerNorm"), &x)?;
    let [first, second] = dense_names(&at);
    let y = writer.mlp([&first, &second], &x)?;
    let y = writer.op("Add", &[&y, &x]);
    writer.norm(&format!("{at}.output.LayerNorm"), &y)
}

/// The model in burn; fields are named after the checkpoint's keys.
struct Net {
    word_embeddings: Tensor<2>,
    position_embeddings: Tensor<2>,
    token_type_embeddings: Tensor<2>,
    norm: LayerNorm,
    layers: Vec<Layer>,
    place: Place,
}

/// Unlike the towers of a pair, each half is followed by its layer norm.
struct Layer {
    attention: Attention,
    attention_norm: LayerNorm,
    dense: Mlp,
    output_norm: LayerNorm,
}

impl Layer {
    /// `x`: (batch, tokens, width); `bias`: (batch, 1, 1, tokens), added to the scores.
    fn forward(&self, x: Tensor<3>, bias: &Tensor<4>) -> Tensor<3> {
        let seen = self.attention.forward(x.clone(), x.clone(), Some(bias));
        let x = self.attention_norm.forward(seen + x);
        let y = self.dense.forward(x.clone());
        self.output_norm.forward(y + x)
    }
}

impl BurnModel for Net {
    fn run(&self, inputs: &[Input<'_>]) -> Result<Vec<Output>, ModelError> {
        let &[
            Input::I64(&[batch, tokens], ids),
            Input::F32(_, mask),
            Input::I64(_, _),
        ] = inputs
        else {
            return Err(ModelError::Failed(
                "MiniLM takes token ids, mask and positions".into(),
            ));
        };
        let ids = BurnData::new(ids.to_vec(), [batch, tokens]);
        let ids = Tensor::<2, Int>::from_data(ids, &self.place.device);
        let mask = BurnData::new(mask.to_vec(), [batch, tokens]);
        let mask =
            Tensor::<2>::from_data(mask, &self.place.device).cast(self.place.precision.dtype());
        let places = self.position_embeddings.clone().narrow(0, 0, tokens);
        let kind = self.token_type_embeddings.clone().narrow(0, 0, 1);
        let mut x = embedding(self.word_embeddings.clone(), ids)
            + places.unsqueeze::<3>()
            + kind.unsqueeze::<3>();
        x = self.norm.forward(x);
        let hidden = match self.place.precision {
            Precision::F32 => HIDDEN,
            Precision::F16 => HIDDEN_F16,
        };
        let bias = ((mask.clone() - 1.0) * -hidden).reshape([batch, 1, 1, tokens]);
        for layer in &self.layers {
            x = layer.forward(x, &bias);
        }
        let weight = mask.reshape([batch, tokens, 1]);
        let mean = (x * weight.clone()).sum_dim(1) / weight.sum_dim(1);
        Ok(vec![Output::from_burn(mean.reshape([batch, WIDTH]))?])
    }

    fn forward(&self, _: Tensor<4>) -> Result<Vec<Tensor<2>>, ModelError> {
        Err(ModelError::Failed("MiniLM takes no pictures".into()))
    }
}
