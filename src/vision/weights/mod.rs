//! Model files: what they are, where they come from, whether they are whole and safe, and the numbers
//! in them.

pub mod error;
pub mod onnx;
mod pickle;
mod safetensors;
pub mod tensors;
mod torch;

pub use error::WeightsError;
pub use tensors::{TensorData, tensors};
