//! Models: weights, engines, encoders, taggers. The only crate that names burn, candle or onnxruntime.

pub mod adapter;
pub mod bands;
pub mod crop;
pub mod diffusion;
pub mod encoder;
pub mod engines;
pub mod exact_search;
pub mod input;
pub mod labels;
pub mod matting;
pub mod models;
pub mod sentence;
pub mod shared_space;
pub mod tagging;
pub mod text;
pub mod weights;
