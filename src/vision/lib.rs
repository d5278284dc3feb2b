//! Models: weights, engines, encoders, taggers. The only crate that names burn, candle or onnxruntime.

pub mod weights;
