//! The part of the ONNX file format that we read and write, as protobuf messages, and the weights
//! inside such a file.
//!
//! Field numbers are those of `onnx/onnx.proto3` of the ONNX project (IR version 3 to 13). Fields that
//! we never use (training info, quantisation notes, metadata) are left out: protobuf skips what it
//! does not know.

use std::collections::BTreeMap;
use std::path::Path;

use prost::Message;

use super::error::WeightsError;
use super::tensors::{TensorData, element_count};

/// Element types of [`TensorProto::data_type`] and of tensor-valued inputs.
pub mod data_type {
    pub const FLOAT: i32 = 1;
    pub const UINT8: i32 = 2;
    pub const INT8: i32 = 3;
    pub const INT32: i32 = 6;
    pub const INT64: i32 = 7;
    pub const BOOL: i32 = 9;
    pub const FLOAT16: i32 = 10;
    pub const DOUBLE: i32 = 11;
    pub const BFLOAT16: i32 = 16;
}

/// Values of [`AttributeProto::kind`]; a reader must find one, so a writer must set it.
pub mod attribute_kind {
    pub const FLOAT: i32 = 1;
    pub const INT: i32 = 2;
    pub const STRING: i32 = 3;
    pub const TENSOR: i32 = 4;
    pub const GRAPH: i32 = 5;
    pub const FLOATS: i32 = 6;
    pub const INTS: i32 = 7;
    pub const STRINGS: i32 = 8;
}

/// A whole `.onnx` file.
#[derive(Clone, PartialEq, Message)]
pub struct ModelProto {
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    #[prost(string, tag = "2")]
    pub producer_name: String,
    #[prost(string, tag = "3")]
    pub producer_version: String,
    #[prost(string, tag = "4")]
    pub domain: String,
    #[prost(int64, tag = "5")]
    pub model_version: i64,
    #[prost(string, tag = "6")]
    pub doc_string: String,
    #[prost(message, optional, tag = "7")]
    pub graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSetIdProto>,
}

/// Which version of which operator set the graph is written in; the empty domain is ONNX's own.
#[derive(Clone, PartialEq, Message)]
pub struct OperatorSetIdProto {
    #[prost(string, tag = "1")]
    pub domain: String,
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// Nodes in an order in which they can run, weights, inputs and outputs.
#[derive(Clone, PartialEq, Message)]
pub struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<NodeProto>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<TensorProto>,
    #[prost(string, tag = "10")]
    pub doc_string: String,
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "13")]
    pub value_info: Vec<ValueInfoProto>,
}

/// One operation; an empty input name is an optional input that is left out.
#[derive(Clone, PartialEq, Message)]
pub struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(string, tag = "4")]
    pub op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<AttributeProto>,
    #[prost(string, tag = "6")]
    pub doc_string: String,
    #[prost(string, tag = "7")]
    pub domain: String,
}

/// A constant argument of a node.
#[derive(Clone, PartialEq, Message)]
pub struct AttributeProto {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(float, tag = "2")]
    pub f: f32,
    #[prost(int64, tag = "3")]
    pub i: i64,
    #[prost(bytes = "vec", tag = "4")]
    pub s: Vec<u8>,
    #[prost(message, optional, tag = "5")]
    pub t: Option<TensorProto>,
    #[prost(message, optional, tag = "6")]
    pub g: Option<GraphProto>,
    #[prost(float, repeated, tag = "7")]
    pub floats: Vec<f32>,
    #[prost(int64, repeated, tag = "8")]
    pub ints: Vec<i64>,
    #[prost(bytes = "vec", repeated, tag = "9")]
    pub strings: Vec<Vec<u8>>,
    #[prost(string, tag = "13")]
    pub doc_string: String,
    /// One of [`attribute_kind`]; the field is called `type` in the ONNX schema.
    #[prost(int32, tag = "20")]
    pub kind: i32,
}

/// A tensor with its numbers, in `raw_data` (little-endian) or in the field of its element type.
#[derive(Clone, PartialEq, Message)]
pub struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    #[prost(float, repeated, tag = "4")]
    pub float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    pub int32_data: Vec<i32>,
    #[prost(int64, repeated, tag = "7")]
    pub int64_data: Vec<i64>,
    #[prost(string, tag = "8")]
    pub name: String,
    #[prost(bytes = "vec", tag = "9")]
    pub raw_data: Vec<u8>,
    #[prost(double, repeated, tag = "10")]
    pub double_data: Vec<f64>,
    /// 1 when the numbers lie in another file, which we refuse.
    #[prost(int32, tag = "14")]
    pub data_location: i32,
}

/// Name and type of an input, an output or a value between two nodes.
#[derive(Clone, PartialEq, Message)]
pub struct ValueInfoProto {
    #[prost(string, tag = "1")]
    pub name: String,
    /// Called `type` in the ONNX schema.
    #[prost(message, optional, tag = "2")]
    pub kind: Option<TypeProto>,
}

/// A type; only tensors are known to us.
#[derive(Clone, PartialEq, Message)]
pub struct TypeProto {
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorTypeProto>,
}

/// Element type and shape of a tensor.
#[derive(Clone, PartialEq, Message)]
pub struct TensorTypeProto {
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShapeProto>,
}

/// The dimensions of a tensor.
#[derive(Clone, PartialEq, Message)]
pub struct TensorShapeProto {
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<DimensionProto>,
}

/// One dimension: a number, or a name for a number that is known when the model runs.
#[derive(Clone, PartialEq, Message)]
pub struct DimensionProto {
    #[prost(oneof = "Dimension", tags = "1, 2")]
    pub value: Option<Dimension>,
}

/// The two kinds of [`DimensionProto`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Dimension {
    #[prost(int64, tag = "1")]
    Fixed(i64),
    #[prost(string, tag = "2")]
    Named(String),
}

impl AttributeProto {
    /// A whole-number attribute.
    pub fn int(name: &str, value: i64) -> Self {
        Self {
            name: name.into(),
            i: value,
            kind: attribute_kind::INT,
            ..Self::default()
        }
    }

    /// A list of whole numbers, such as the strides of a convolution.
    pub fn ints(name: &str, values: &[i64]) -> Self {
        let ints = values.to_vec();
        Self {
            name: name.into(),
            ints,
            kind: attribute_kind::INTS,
            ..Self::default()
        }
    }

    /// A floating-point attribute.
    pub fn float(name: &str, value: f32) -> Self {
        Self {
            name: name.into(),
            f: value,
            kind: attribute_kind::FLOAT,
            ..Self::default()
        }
    }

    /// A text attribute.
    pub fn text(name: &str, value: &str) -> Self {
        let s = value.as_bytes().to_vec();
        Self {
            name: name.into(),
            s,
            kind: attribute_kind::STRING,
            ..Self::default()
        }
    }
}

impl TensorProto {
    /// An f32 tensor with its numbers in `raw_data`. `data` must have as many numbers as `shape` says.
    pub fn from_f32(name: &str, shape: &[usize], data: &[f32]) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), data.len());
        Self {
            name: name.into(),
            dims: shape.iter().map(|&d| d as i64).collect(),
            data_type: data_type::FLOAT,
            raw_data: data.iter().flat_map(|v| v.to_le_bytes()).collect(),
            ..Self::default()
        }
    }

    /// An i64 tensor, as shapes and axes are in ONNX.
    pub fn from_i64(name: &str, shape: &[usize], data: &[i64]) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), data.len());
        Self {
            name: name.into(),
            dims: shape.iter().map(|&d| d as i64).collect(),
            data_type: data_type::INT64,
            raw_data: data.iter().flat_map(|v| v.to_le_bytes()).collect(),
            ..Self::default()
        }
    }
}

impl ValueInfoProto {
    /// A tensor of the given element type (see [`data_type`]) and dimensions.
    pub fn tensor(name: &str, elem_type: i32, dims: Vec<Dimension>) -> Self {
        let dim = dims
            .into_iter()
            .map(|d| DimensionProto { value: Some(d) })
            .collect();
        let tensor_type = TensorTypeProto {
            elem_type,
            shape: Some(TensorShapeProto { dim }),
        };
        Self {
            name: name.into(),
            kind: Some(TypeProto {
                tensor_type: Some(tensor_type),
            }),
        }
    }
}

/// Reads an ONNX file's message. `path` is for the error only.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<ModelProto, WeightsError> {
    ModelProto::decode(bytes)
        .map_err(|e| WeightsError::malformed(path, format!("it is not a whole ONNX file: {e}")))
}

/// The floating-point weights ("initializers") of the main graph, as f32.
pub(super) fn weights(
    path: &Path,
    bytes: &[u8],
) -> Result<BTreeMap<String, TensorData>, WeightsError> {
    let graph = parse(path, bytes)?
        .graph
        .ok_or_else(|| WeightsError::malformed(path, "the ONNX file has no graph".into()))?;
    let mut tensors = BTreeMap::new();
    for tensor in graph.initializer {
        let name = tensor.name.clone();
        let values = tensor_values(tensor)
            .map_err(|reason| WeightsError::malformed(path, format!("tensor {name:?} {reason}")))?;
        if let Some(values) = values
            && tensors.insert(name.clone(), values).is_some()
        {
            return Err(WeightsError::malformed(
                path,
                format!("tensor {name:?} is there twice"),
            ));
        }
    }
    Ok(tensors)
}

/// The numbers of one tensor; `None` where they are not floating-point (shapes, axes, counters).
fn tensor_values(tensor: TensorProto) -> Result<Option<TensorData>, String> {
    if tensor.data_location != 0 {
        return Err("keeps its numbers in another file, which is not supported".into());
    }
    let shape = tensor
        .dims
        .iter()
        .map(|&d| usize::try_from(d).map_err(|_| format!("has a dimension of {d}")))
        .collect::<Result<Vec<_>, _>>()?;
    let count = element_count(&shape).ok_or("has more numbers than memory can hold")?;
    let raw = &tensor.raw_data;
    let data: Vec<f32> = match (tensor.data_type, raw.is_empty()) {
        (data_type::FLOAT, false) => little_endian(raw, f32::from_le_bytes)?,
        (data_type::FLOAT, true) => tensor.float_data,
        (data_type::DOUBLE, false) => little_endian(raw, |b| f64::from_le_bytes(b) as f32)?,
        (data_type::DOUBLE, true) => tensor.double_data.iter().map(|&v| v as f32).collect(),
        (data_type::FLOAT16, false) => {
            little_endian(raw, |b| half::f16::from_le_bytes(b).to_f32())?
        }
        (data_type::FLOAT16, true) => tensor
            .int32_data
            .iter()
            .map(|&v| half::f16::from_bits(v as u16).to_f32())
            .collect(),
        (data_type::BFLOAT16, false) => {
            little_endian(raw, |b| half::bf16::from_le_bytes(b).to_f32())?
        }
        (data_type::BFLOAT16, true) => tensor
            .int32_data
            .iter()
            .map(|&v| half::bf16::from_bits(v as u16).to_f32())
            .collect(),
        _ => return Ok(None),
    };
    if data.len() != count {
        return Err(format!(
            "has {} numbers where its shape {shape:?} needs {count}",
            data.len()
        ));
    }
    Ok(Some(TensorData { shape, data }))
}

/// Splits `raw` into groups of `N` bytes and reads each.
fn little_endian<const N: usize>(
    raw: &[u8],
    read: impl Fn([u8; N]) -> f32,
) -> Result<Vec<f32>, String> {
    let (groups, rest) = raw.as_chunks::<N>();
    if !rest.is_empty() {
        return Err(format!(
            "has {} bytes, which is no multiple of {N}",
            raw.len()
        ));
    }
    Ok(groups.iter().map(|group| read(*group)).collect())
}
