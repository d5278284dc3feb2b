//! A model that nobody has written in burn: its ONNX file, which onnxruntime runs as it is.

use std::sync::Arc;

use showroom_catalog::seams::ModelError;

use crate::engines::{Architecture, BurnModel, Place};

pub struct OnnxOnly {
    pub name: String,
    pub file: Vec<u8>,
    /// Numbers of the input.
    pub input: usize,
}

impl Architecture for OnnxOnly {
    fn name(&self) -> &str {
        &self.name
    }

    fn onnx(&self) -> Result<Vec<u8>, ModelError> {
        Ok(self.file.clone())
    }

    fn burn(&self, _place: &Place) -> Result<Arc<dyn BurnModel>, ModelError> {
        Err(ModelError::Device(format!(
            "the model {} runs on onnxruntime alone; fetch it with: showroom models pull onnxruntime",
            self.name
        )))
    }

    /// No device of burn's ever holds one.
    fn largest_tensor(&self) -> usize {
        self.input
    }
}
