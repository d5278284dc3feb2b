//! One test binary: the models and the encoder against their reference implementations.

mod common;
mod diffusion;
mod encoder;
mod models;
mod pair_fixtures;
mod pairs;
mod text;
mod tiny_diffusion;
