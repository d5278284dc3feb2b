//! all-MiniLM-L6-v2: token ids → a vector of 384 numbers for the sentence.
//!
//! BERT with six layers of twelve heads, then the mean over the tokens (the mask says which are
//! padding). The caller scales the vector to unit length.
//! <https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2>.

use std::sync::Arc;

use burn::tensor::activation::{gelu, softmax};
use burn::tensor::module::embedding;
use burn::tensor::{Int, Tensor, TensorData as BurnData};
use showroom_catalog::seams::ModelError;

use super::layers::{LayerNorm, Linear, Weights, tensor};
use crate::engines::device::Precision;
use crate::engines::graph::{Graph, Size};
use crate::engines::{Architecture, BurnModel, Input, Output, Place};
use crate::weights::onnx::AttributeProto;

/// Length of a sentence's vector.
pub const WIDTH: usize = 384;
/// Tokens of one sentence at the most, as the model's `sentence_bert_config.json` says.
pub const MAX_TOKENS: usize = 256;
const INNER: usize = 1536;
const LAYERS: usize = 6;
const HEADS: usize = 12;
const HEAD: usize = WIDTH / HEADS;
const VOCABULARY: usize = 30522;
const POSITIONS: usize = 512;
const EPSILON: f64 = 1e-12;
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
        };

        let words = writer.gather("embeddings.word_embeddings.weight", VOCABULARY, &ids)?;
        let places = writer.gather(
            "embeddings.position_embeddings.weight",
            POSITIONS,
            &positions,
        )?;
        let kinds = self
            .weights
            .get("embeddings.token_type_embeddings.weight", &[2, WIDTH])?;
        let kind = writer.graph.constant(&[WIDTH], &kinds.data[..WIDTH]);
        let x = writer.op("Add", &[&words, &places]);
        let x = writer.op("Add", &[&x, &kind]);
        let mut x = writer.layer_norm("embeddings.LayerNorm", &x)?;

        let one = writer.graph.constant(&[], &[1.0]);
        let hidden = writer.graph.constant(&[], &[HIDDEN]);
        let heads_and_rows = writer.graph.list(&[1, 2]);
        let bias = writer.op("Sub", &[&one, &mask]);
        let bias = writer.op("Mul", &[&bias, &hidden]);
        let bias = writer.op("Unsqueeze", &[&bias, &heads_and_rows]);
        for layer in 0..LAYERS {
            x = writer.layer(layer, &x, &bias)?;
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
        (HEADS * MAX_TOKENS * MAX_TOKENS).max(MAX_TOKENS * INNER)
    }

    fn burn(&self, place: &Place) -> Result<Arc<dyn BurnModel>, ModelError> {
        let weights = &self.weights;
        let table = |name: &str, rows: usize| -> Result<Tensor<2>, ModelError> {
            let data = weights.get(&format!("embeddings.{name}.weight"), &[rows, WIDTH])?;
            Ok(tensor(data.clone(), place))
        };
        let norm = |name: &str| LayerNorm::new(weights, name, WIDTH, EPSILON, place);
        let layers = (0..LAYERS)
            .map(|layer| {
                let at = format!("encoder.layer.{layer}");
                let dense =
                    |name: &str, sizes| Linear::new(weights, &format!("{at}.{name}"), sizes, place);
                Ok(Layer {
                    query: dense("attention.self.query", [WIDTH, WIDTH])?,
                    key: dense("attention.self.key", [WIDTH, WIDTH])?,
                    value: dense("attention.self.value", [WIDTH, WIDTH])?,
                    attention_output: dense("attention.output.dense", [WIDTH, WIDTH])?,
                    attention_norm: norm(&format!("{at}.attention.output.LayerNorm"))?,
                    intermediate: dense("intermediate.dense", [WIDTH, INNER])?,
                    output: dense("output.dense", [INNER, WIDTH])?,
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

/// Writes the parts of BERT into an ONNX graph.
struct Writer<'a> {
    graph: Graph,
    weights: &'a Weights,
}

impl Writer<'_> {
    fn op(&mut self, op: &str, inputs: &[&str]) -> String {
        self.graph.node(op, inputs, vec![])
    }

    /// Rows of a table of embeddings.
    fn gather(&mut self, name: &str, rows: usize, indices: &str) -> Result<String, ModelError> {
        let table = self.weights.get(name, &[rows, WIDTH])?;
        let table = self.graph.constant(&table.shape, &table.data);
        Ok(self.op("Gather", &[&table, indices]))
    }

    fn layer_norm(&mut self, name: &str, x: &str) -> Result<String, ModelError> {
        let weight = &self.weights.get(&format!("{name}.weight"), &[WIDTH])?.data;
        let bias = &self.weights.get(&format!("{name}.bias"), &[WIDTH])?.data;
        let weight = self.graph.constant(&[WIDTH], weight);
        let bias = self.graph.constant(&[WIDTH], bias);
        let epsilon = AttributeProto::float("epsilon", EPSILON as f32);
        let attributes = vec![AttributeProto::int("axis", -1), epsilon];
        Ok(self
            .graph
            .node("LayerNormalization", &[x, &weight, &bias], attributes))
    }

    /// The checkpoint's weight is out × in; onnxruntime multiplies by in × out.
    fn linear(
        &mut self,
        name: &str,
        x: &str,
        [input, output]: [usize; 2],
    ) -> Result<String, ModelError> {
        let weight = &self
            .weights
            .get(&format!("{name}.weight"), &[output, input])?
            .data;
        let bias = &self.weights.get(&format!("{name}.bias"), &[output])?.data;
        let mut transposed = vec![0.0; weight.len()];
        for (row, values) in weight.chunks_exact(input).enumerate() {
            for (column, value) in values.iter().enumerate() {
                transposed[column * output + row] = *value;
            }
        }
        let weight = self.graph.constant(&[input, output], &transposed);
        let bias = self.graph.constant(&[output], bias);
        let y = self.op("MatMul", &[x, &weight]);
        Ok(self.op("Add", &[&y, &bias]))
    }

    /// (batch, tokens, width) → (batch, heads, tokens, head), or with the last two exchanged.
    fn heads(&mut self, x: &str, order: &[i64; 4]) -> String {
        let shape = self.graph.list(&[0, 0, HEADS as i64, HEAD as i64]);
        let x = self.op("Reshape", &[x, &shape]);
        self.graph.node(
            "Transpose",
            &[&x],
            vec![AttributeProto::ints("perm", order)],
        )
    }

    fn layer(&mut self, layer: usize, x: &str, bias: &str) -> Result<String, ModelError> {
        let at = format!("encoder.layer.{layer}");
        let name = |part: &str| format!("{at}.{part}");
        let square = [WIDTH, WIDTH];
        let query = self.linear(&name("attention.self.query"), x, square)?;
        let key = self.linear(&name("attention.self.key"), x, square)?;
        let value = self.linear(&name("attention.self.value"), x, square)?;
        let query = self.heads(&query, &[0, 2, 1, 3]);
        let key = self.heads(&key, &[0, 2, 3, 1]);
        let value = self.heads(&value, &[0, 2, 1, 3]);
        let scores = self.op("MatMul", &[&query, &key]);
        let scale = self.graph.constant(&[], &[1.0 / (HEAD as f32).sqrt()]);
        let scores = self.op("Mul", &[&scores, &scale]);
        let scores = self.op("Add", &[&scores, bias]);
        let shares = self
            .graph
            .node("Softmax", &[&scores], vec![AttributeProto::int("axis", -1)]);
        let seen = self.op("MatMul", &[&shares, &value]);
        let order = AttributeProto::ints("perm", &[0, 2, 1, 3]);
        let seen = self.graph.node("Transpose", &[&seen], vec![order]);
        let shape = self.graph.list(&[0, 0, WIDTH as i64]);
        let seen = self.op("Reshape", &[&seen, &shape]);
        let seen = self.linear(&name("attention.output.dense"), &seen, square)?;
        let x = self.op("Add", &[&seen, x]);
        let x = self.layer_norm(&name("attention.output.LayerNorm"), &x)?;
        let y = self.linear(&name("intermediate.dense"), &x, [WIDTH, INNER])?;
        let y = self.gelu(&y);
        let y = self.linear(&name("output.dense"), &y, [INNER, WIDTH])?;
        let y = self.op("Add", &[&y, &x]);
        self.layer_norm(&name("output.LayerNorm"), &y)
    }

    /// x / 2 · (1 + erf(x / √2)), in the order of nodes that onnxruntime fuses.
    fn gelu(&mut self, x: &str) -> String {
        let root = self.graph.constant(&[], &[std::f32::consts::SQRT_2]);
        let one = self.graph.constant(&[], &[1.0]);
        let half = self.graph.constant(&[], &[0.5]);
        let y = self.op("Div", &[x, &root]);
        let y = self.op("Erf", &[&y]);
        let y = self.op("Add", &[&y, &one]);
        let y = self.op("Mul", &[x, &y]);
        self.op("Mul", &[&y, &half])
    }
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

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attention_output: Linear,
    attention_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
}

impl Layer {
    /// `x`: (batch, tokens, width); `bias`: (batch, 1, 1, tokens), added to the scores.
    fn forward(&self, x: Tensor<3>, bias: Tensor<4>) -> Tensor<3> {
        let [batch, tokens, _] = x.dims();
        let heads = |x: Tensor<3>| x.reshape([batch, tokens, HEADS, HEAD]).swap_dims(1, 2);
        let query = heads(self.query.forward(x.clone()));
        let key = heads(self.key.forward(x.clone()));
        let value = heads(self.value.forward(x.clone()));
        let scores = query.matmul(key.swap_dims(2, 3)) / (HEAD as f64).sqrt();
        let seen = softmax(scores + bias, 3).matmul(value);
        let seen = seen.swap_dims(1, 2).reshape([batch, tokens, WIDTH]);
        let x = self
            .attention_norm
            .forward(self.attention_output.forward(seen) + x);
        let y = self
            .output
            .forward(gelu(self.intermediate.forward(x.clone())));
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
            x = layer.forward(x, bias.clone());
        }
        let weight = mask.reshape([batch, tokens, 1]);
        let mean = (x * weight.clone()).sum_dim(1) / weight.sum_dim(1);
        Ok(vec![Output::from_burn(mean.reshape([batch, WIDTH]))?])
    }

    fn forward(&self, _: Tensor<4>) -> Result<Vec<Tensor<2>>, ModelError> {
        Err(ModelError::Failed("MiniLM takes no pictures".into()))
    }
}
