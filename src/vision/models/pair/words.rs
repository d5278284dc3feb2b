//! The tower of words: token ids → a vector in the shared space.
//!
//! CLIP reads left to right (a token sees those before it) and answers with the end token; SigLIP sees
//! all tokens, padding too, and answers with the last. Which token that is the caller says.

use std::sync::Arc;

use burn::tensor::module::embedding;
use burn::tensor::{Int, Tensor, TensorData as BurnData};
use showroom_catalog::seams::ModelError;

use super::blocks::{Blocks, write_blocks};
use super::config::{Family, PairConfig};
use crate::engines::device::Precision;
use crate::engines::graph::{Graph, Size};
use crate::engines::{Architecture, BurnModel, Input, Output, Place};
use crate::models::layers::{LayerNorm, Linear, Weights, tensor};
use crate::models::transformer::{Dense, Writer};
use crate::weights::TensorData;
use crate::weights::onnx::AttributeProto;

const AT: &str = "text_model";
/// Added to the attention score of a token that comes later: its probability becomes zero.
const HIDDEN: f32 = -1e9;
/// The same in f16, whose largest number is 65,504.
const HIDDEN_F16: f32 = -3e4;

/// The tower as its weights. Takes token ids (batch, tokens), which of them answers (batch, tokens; 1 at
/// one, else 0) and their positions (0, 1, … tokens - 1); gives vectors (batch, shared), whose lengths
/// mean nothing.
pub struct WordTower {
    pub config: PairConfig,
    pub weights: Weights,
}

impl WordTower {
    /// The names of its tensors among those of the pair.
    pub fn owns(tensor: &str) -> bool {
        tensor.starts_with("text_model.") || tensor == "text_projection.weight"
    }

    /// The table of tokens, then that of positions.
    fn tables(&self) -> Result<[&TensorData; 2], ModelError> {
        let PairConfig {
            words,
            vocabulary,
            positions,
            ..
        } = self.config;
        let table = |name: &str, rows: usize| {
            let name = format!("{AT}.embeddings.{name}.weight");
            self.weights.get(&name, &[rows, words.width])
        };
        Ok([
            table("token_embedding", vocabulary)?,
            table("position_embedding", positions)?,
        ])
    }

    fn projection(&self) -> Result<Dense, ModelError> {
        let sizes = [self.config.words.width, self.config.shared];
        match self.config.family {
            Family::Clip => Dense::without_bias(&self.weights, "text_projection", sizes),
            Family::Siglip => Dense::of(&self.weights, &format!("{AT}.head"), sizes),
        }
    }

    /// What is added to the scores (positions, positions), row by row of the token that looks; `None`
    /// where every token sees every other.
    fn order(&self, hidden: f32) -> Option<TensorData> {
        let positions = self.config.positions;
        (self.config.family == Family::Clip).then(|| TensorData {
            shape: vec![positions, positions],
            data: (0..positions * positions)
                .map(|at| match at % positions > at / positions {
                    true => hidden,
                    false => 0.0,
                })
                .collect(),
        })
    }
}

impl Architecture for WordTower {
    fn name(&self) -> &str {
        &self.weights.model
    }

    fn onnx(&self) -> Result<Vec<u8>, ModelError> {
        let mut graph = Graph::default();
        let (batch, tokens) = (Size::Free("batch"), Size::Free("tokens"));
        let ids = graph.input_i64("ids", &[batch, tokens]);
        let answers = graph.input_f32("answers", &[batch, tokens]);
        let positions = graph.input_i64("positions", &[tokens]);
        let mut writer = Writer {
            graph,
            weights: &self.weights,
            tower: self.config.words,
        };
        let [words, places] = self.tables()?;
        let words = writer.graph.constant(&words.shape, &words.data);
        let places = writer.graph.constant(&places.shape, &places.data);
        let words = writer.op("Gather", &[&words, &ids]);
        let places = writer.op("Gather", &[&places, &positions]);
        let x = writer.op("Add", &[&words, &places]);
        let bias = self.order(HIDDEN).map(|order| {
            let order = writer.graph.constant(&order.shape, &order.data);
            let rows = writer.op("Gather", &[&order, &positions]);
            let columns = vec![AttributeProto::int("axis", 1)];
            writer.graph.node("Gather", &[&rows, &positions], columns)
        });
        let x = write_blocks(&mut writer, AT, &x, bias.as_deref())?;
        let middle = writer.graph.list(&[1]);
        let answers = writer.op("Unsqueeze", &[&answers, &middle]);
        let x = writer.op("MatMul", &[&answers, &x]);
        let x = writer.norm(&format!("{AT}.final_layer_norm"), &x)?;
        let x = writer.dense(&x, &self.projection()?);
        let x = writer.reshape(&x, &[-1, self.config.shared as i64]);
        let shape = [batch, Size::Fixed(self.config.shared)];
        writer.graph.output("embedding", &x, &shape);
        Ok(writer.graph.finish(self.name()))
    }

    /// The attention scores of the longest text, or its inner layer.
    fn largest_tensor(&self) -> usize {
        let (tokens, tower) = (self.config.positions, &self.config.words);
        (tower.heads * tokens * tokens).max(tokens * tower.inner)
    }

    fn burn(&self, place: &Place) -> Result<Arc<dyn BurnModel>, ModelError> {
        let tower = &self.config.words;
        let [words, places] = self.tables()?;
        let hidden = match place.precision {
            Precision::F32 => HIDDEN,
            Precision::F16 => HIDDEN_F16,
        };
        let name = format!("{AT}.final_layer_norm");
        Ok(Arc::new(Net {
            token_embedding: tensor(words.clone(), place),
            position_embedding: tensor(places.clone(), place),
            order: self.order(hidden).map(|order| tensor(order, place)),
            encoder: Blocks::new(&self.weights, AT, tower, place)?,
            final_layer_norm: LayerNorm::new(
                &self.weights,
                &name,
                tower.width,
                tower.epsilon,
                place,
            )?,
            projection: self.projection()?.burn(place),
            config: self.config,
            place: place.clone(),
        }))
    }
}

/// The tower in burn; fields are named after the checkpoint's keys.
struct Net {
    token_embedding: Tensor<2>,
    position_embedding: Tensor<2>,
    /// (positions, positions)
    order: Option<Tensor<2>>,
    encoder: Blocks,
    final_layer_norm: LayerNorm,
    projection: Linear,
    config: PairConfig,
    place: Place,
}

impl BurnModel for Net {
    fn run(&self, inputs: &[Input<'_>]) -> Result<Vec<Output>, ModelError> {
        let &[
            Input::I64(&[batch, tokens], ids),
            Input::F32(_, answers),
            Input::I64(_, _),
        ] = inputs
        else {
            return Err(ModelError::Failed(
                "a tower of words takes token ids, which of them answers, and positions".into(),
            ));
        };
        if tokens > self.config.positions {
            return Err(ModelError::Failed(format!(
                "{tokens} tokens are more than the {} that this tower reads",
                self.config.positions
            )));
        }
        let device = &self.place.device;
        let ids = Tensor::<2, Int>::from_data(BurnData::new(ids.to_vec(), [batch, tokens]), device);
        let answers = BurnData::new(answers.to_vec(), [batch, 1, tokens]);
        let answers = Tensor::<3>::from_data(answers, device).cast(self.place.precision.dtype());
        let places = self.position_embedding.clone().narrow(0, 0, tokens);
        let x = embedding(self.token_embedding.clone(), ids) + places.unsqueeze::<3>();
        let order = self.order.as_ref().map(|order| {
            let order = order.clone().narrow(0, 0, tokens).narrow(1, 0, tokens);
            order.reshape([1, 1, tokens, tokens])
        });
        let x = self.encoder.forward(x, order.as_ref());
        let x = self.final_layer_norm.forward(answers.matmul(x));
        let x = self.projection.forward(x);
        Ok(vec![Output::from_burn(
            x.reshape([batch, self.config.shared]),
        )?])
    }

    fn forward(&self, _: Tensor<4>) -> Result<Vec<Tensor<2>>, ModelError> {
        Err(ModelError::Failed(
            "a tower of words takes no pictures".into(),
        ))
    }
}
