//! Writing an ONNX file: a graph that is built node by node, in the order in which it runs.

use prost::Message;

use crate::models::layers::ConvWeights;
use crate::weights::onnx::{
    AttributeProto, Dimension, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    ValueInfoProto, data_type,
};

/// Version of the file format; every onnxruntime since 1.12 reads it.
const IR_VERSION: i64 = 8;
/// Version of ONNX's operators, the one of IR version 8 (it has `LayerNormalization`).
const OPSET: i64 = 17;

/// A graph under construction. Values go by their names.
#[derive(Default)]
pub struct Graph {
    graph: GraphProto,
    values: usize,
}

impl Graph {
    /// An f32 input; a size is a number or a name such as `"batch"`.
    pub fn input_f32(&mut self, name: &str, shape: &[Size]) -> String {
        self.input(name, data_type::FLOAT, shape)
    }

    /// An i64 input.
    pub fn input_i64(&mut self, name: &str, shape: &[Size]) -> String {
        self.input(name, data_type::INT64, shape)
    }

    fn input(&mut self, name: &str, element: i32, shape: &[Size]) -> String {
        self.graph.input.push(value_info(name, element, shape));
        name.to_string()
    }

    /// Names the value `from` as an f32 output.
    pub fn output(&mut self, name: &str, from: &str, shape: &[Size]) {
        self.push("Identity", &[from], name.to_string(), vec![]);
        self.graph
            .output
            .push(value_info(name, data_type::FLOAT, shape));
    }

    /// An operation with one result; its name is returned.
    pub fn node(&mut self, op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
        self.values += 1;
        let output = format!("v{}", self.values);
        self.push(op, inputs, output.clone(), attributes);
        output
    }

    fn push(&mut self, op: &str, inputs: &[&str], output: String, attribute: Vec<AttributeProto>) {
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|name| name.to_string()).collect(),
            name: output.clone(),
            output: vec![output],
            op_type: op.to_string(),
            attribute,
            ..Default::default()
        });
    }

    /// A constant f32 tensor.
    pub fn constant(&mut self, shape: &[usize], data: &[f32]) -> String {
        self.values += 1;
        let name = format!("v{}", self.values);
        self.graph
            .initializer
            .push(TensorProto::from_f32(&name, shape, data));
        name
    }

    /// A constant list of whole numbers, as axes and shapes are.
    pub fn list(&mut self, data: &[i64]) -> String {
        self.values += 1;
        let name = format!("v{}", self.values);
        self.graph
            .initializer
            .push(TensorProto::from_i64(&name, &[data.len()], data));
        name
    }

    /// A convolution with its bias.
    pub fn conv(&mut self, x: &str, conv: &ConvWeights) -> String {
        let weight = self.constant(&conv.weight.shape, &conv.weight.data);
        let bias = self.constant(&[conv.bias.len()], &conv.bias);
        let kernel = conv.weight.shape[2] as i64;
        let [top, left, bottom, right] = conv.padding.map(|n| n as i64);
        let stride = conv.stride as i64;
        self.node(
            "Conv",
            &[x, &weight, &bias],
            vec![
                AttributeProto::ints("kernel_shape", &[kernel, kernel]),
                AttributeProto::ints("strides", &[stride, stride]),
                AttributeProto::ints("pads", &[top, left, bottom, right]),
                AttributeProto::int("group", conv.groups as i64),
            ],
        )
    }

    /// The bytes of the ONNX file.
    pub fn finish(mut self, name: &str) -> Vec<u8> {
        self.graph.name = name.to_string();
        ModelProto {
            ir_version: IR_VERSION,
            producer_name: "showroom".into(),
            graph: Some(self.graph),
            opset_import: vec![OperatorSetIdProto {
                domain: String::new(),
                version: OPSET,
            }],
            ..Default::default()
        }
        .encode_to_vec()
    }
}

/// The size of one dimension.
#[derive(Clone, Copy, Debug)]
pub enum Size {
    Fixed(usize),
    /// Known when the model runs; the same name is the same number.
    Free(&'static str),
}

fn value_info(name: &str, element: i32, shape: &[Size]) -> ValueInfoProto {
    let dimensions = shape
        .iter()
        .map(|size| match size {
            Size::Fixed(n) => Dimension::Fixed(*n as i64),
            Size::Free(name) => Dimension::Named(name.to_string()),
        })
        .collect();
    ValueInfoProto::tensor(name, element, dimensions)
}
