//! Pairs of towers that put pictures and words into one space: CLIP and SigLIP (and SigLIP2, which is
//! SigLIP with another tokenizer), of any size that their `config.json` says.
//!
//! Radford et al. 2021, <https://arxiv.org/abs/2103.00020>; Zhai et al. 2023,
//! <https://arxiv.org/abs/2303.15343>; Tschannen et al. 2025, <https://arxiv.org/abs/2502.14786>.
//! Tensors and configuration have the names of Hugging Face's checkpoints, which the numbers of the
//! tests come from.

pub mod adopt;
pub(crate) mod blocks;
pub mod config;
mod picture;
mod words;

pub use self::picture::PictureTower;
pub use self::words::WordTower;
