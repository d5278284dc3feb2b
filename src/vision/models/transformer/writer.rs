//! Attention and dense layers as nodes of an ONNX graph.

use showroom_catalog::seams::ModelError;

use super::{Activation, AttentionWeights, Dense, GELU_CUBE, GELU_SCALE, QUICK, Tower};
use crate::engines::graph::Graph;
use crate::models::layers::Weights;
use crate::weights::onnx::AttributeProto;

/// Writes layers into an ONNX graph.
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

    pub fn scalar(&mut self, op: &str, x: &str, number: f32) -> String {
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

    /// As [`super::Attention::forward`].
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

    /// Two dense layers by their names, with the activation between them.
    pub fn mlp(&mut self, [first, second]: [&str; 2], x: &str) -> Result<String, ModelError> {
        let (width, inner) = (self.tower.width, self.tower.inner);
        let first = Dense::of(self.weights, first, [width, inner])?;
        let second = Dense::of(self.weights, second, [inner, width])?;
        let y = self.dense(x, &first);
        let y = self.activation(&y);
        Ok(self.dense(&y, &second))
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
}
