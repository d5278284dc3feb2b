//! The sizes of a Stable Diffusion inpainting model, from the configurations of its parts.

use std::path::Path;

use serde::Deserialize;
use showroom_catalog::seams::ModelError;

use super::keys::Keys;
use crate::models::transformer::{Activation, Tower};

/// Bounds of what a configuration may ask for: far above every published model of this family.
const MAX_CHANNELS: usize = 4096;
const MAX_LAYERS: usize = 64;
const MAX_VOCABULARY: usize = 2_000_000;
const MAX_TOKENS: usize = 512;
/// Largest edge of the pictures that a model was trained with, in latent pixels.
const MAX_SAMPLE: usize = 128;
/// Channels of the picture that is denoised, of the mask, and of the picture that is kept.
pub const LATENTS: usize = 4;
const INPUTS: usize = 2 * LATENTS + 1;

/// One level of the U-Net.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    pub channels: usize,
    pub heads: usize,
    /// Whether it looks at the words.
    pub attends: bool,
}

/// The network that takes noise away.
#[derive(Clone, Debug, PartialEq)]
pub struct UnetConfig {
    /// From the finest on, on the way down.
    pub levels: Vec<Level>,
    /// Residual blocks of a level on the way down; on the way up one more.
    pub layers: usize,
    pub groups: usize,
    pub epsilon: f64,
    /// Numbers of a token of the words.
    pub context: usize,
    /// Cosines of the time before its sines.
    pub cosines_first: bool,
    pub frequency_shift: f64,
    /// Edge of the pictures that it was trained with, in latent pixels.
    pub sample: usize,
}

impl UnetConfig {
    pub fn read(path: &Path) -> Result<UnetConfig, ModelError> {
        let mut keys = Keys::read(path)?;
        let channels = keys.size("in_channels", LATENTS, MAX_CHANNELS)?;
        if channels != INPUTS {
            return Err(keys.refused(&format!(
                "its U-Net takes {channels} channels and one for inpainting {INPUTS}: give the weights of an \
                 inpainting model"
            )));
        }
        keys.only("out_channels", LATENTS)?;
        let channels = keys.sizes("block_out_channels", None, MAX_CHANNELS)?;
        let heads = keys.sizes("attention_head_dim", Some(channels.len()), MAX_CHANNELS)?;
        let down = keys.words("down_block_types", &["CrossAttnDownBlock2D", "DownBlock2D"])?;
        let up = keys.words("up_block_types", &["CrossAttnUpBlock2D", "UpBlock2D"])?;
        let attends = |word: &String| word.starts_with("Cross");
        let same = down.iter().map(attends).eq(up.iter().rev().map(attends));
        if down.len() != channels.len() || !same {
            return Err(keys.refused("its blocks on the way up are not those on the way down"));
        }
        let levels = channels.iter().zip(&heads).zip(&down);
        let levels: Vec<Level> = levels
            .map(|((&channels, &heads), block)| Level {
                channels,
                heads,
                attends: attends(block),
            })
            .collect();
        let config = UnetConfig {
            layers: keys.size("layers_per_block", 2, MAX_LAYERS)?,
            groups: keys.size("norm_num_groups", 32, MAX_CHANNELS)?,
            epsilon: keys.number("norm_eps", 1e-5)?,
            context: keys.size("cross_attention_dim", 1280, MAX_CHANNELS)?,
            cosines_first: keys.flag("flip_sin_to_cos", true)?,
            frequency_shift: keys.number("freq_shift", 0.0)?,
            sample: keys.size("sample_size", 64, MAX_SAMPLE)?,
            levels,
        };
        let whole = |level: &Level| {
            level.channels.is_multiple_of(config.groups)
                && level.channels.is_multiple_of(level.heads)
        };
        if !config.levels.iter().all(whole) || !config.levels[0].channels.is_multiple_of(2) {
            return Err(keys.refused("its channels cannot be split into its groups and heads"));
        }
        for (key, known) in [("act_fn", "silu"), ("attention_type", "default")] {
            keys.only(key, known)?;
        }
        keys.only("mid_block_type", "UNetMidBlock2DCrossAttn")?;
        keys.only("time_embedding_type", "positional")?;
        keys.only("resnet_time_scale_shift", "default")?;
        for key in [
            "downsample_padding",
            "mid_block_scale_factor",
            "resnet_out_scale_factor",
            "transformer_layers_per_block",
        ] {
            keys.only(key, 1)?;
        }
        keys.only("conv_in_kernel", 3)?;
        keys.only("conv_out_kernel", 3)?;
        // Both forms of the layers round an attention say the same; sums are made in f32 always, and a model
        // that has been trained drops nothing.
        keys.ignore(&["use_linear_projection", "upcast_attention", "dropout"]);
        // Of no meaning without the embedding that they are of.
        keys.ignore(&["addition_embed_type_num_heads"]);
        keys.end()?;
        Ok(config)
    }
}

/// The network between pictures and latent pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct VaeConfig {
    /// From the finest level on.
    pub channels: Vec<usize>,
    pub layers: usize,
    pub groups: usize,
    /// Latent pixels are so much smaller than what the encoder gives: their variance is 1.
    pub scaling: f64,
    pub quantises: bool,
}

impl VaeConfig {
    pub fn read(path: &Path) -> Result<VaeConfig, ModelError> {
        let mut keys = Keys::read(path)?;
        keys.only("in_channels", 3)?;
        keys.only("out_channels", 3)?;
        keys.only("latent_channels", LATENTS)?;
        let channels = keys.sizes("block_out_channels", None, MAX_CHANNELS)?;
        let down = keys.words("down_block_types", &["DownEncoderBlock2D"])?;
        let up = keys.words("up_block_types", &["UpDecoderBlock2D"])?;
        if down.len() != channels.len() || up.len() != channels.len() {
            return Err(keys.refused("it has not a block for each number of channels"));
        }
        let config = VaeConfig {
            layers: keys.size("layers_per_block", 1, MAX_LAYERS)?,
            groups: keys.size("norm_num_groups", 32, MAX_CHANNELS)?,
            scaling: keys.number("scaling_factor", 0.18215)?,
            quantises: keys.flag("use_quant_conv", true)?,
            channels,
        };
        let whole = |channels: &usize| channels.is_multiple_of(config.groups);
        if !config.channels.iter().all(whole) || config.scaling <= 0.0 {
            return Err(keys.refused("its channels cannot be split into its groups"));
        }
        keys.only("act_fn", "silu")?;
        keys.only("use_post_quant_conv", config.quantises)?;
        keys.only("mid_block_add_attention", true)?;
        keys.ignore(&["sample_size", "force_upcast"]);
        keys.end()?;
        Ok(config)
    }

    /// Pixels along the edge of a latent pixel.
    pub fn scale(&self) -> usize {
        1 << (self.channels.len() - 1)
    }
}

/// The tower of words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextConfig {
    pub tower: Tower,
    pub vocabulary: usize,
    /// Tokens of a text, with its start and its end.
    pub tokens: usize,
}

#[derive(Deserialize)]
struct RawText {
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    vocab_size: usize,
    #[serde(default = "usual_tokens")]
    max_position_embeddings: usize,
    #[serde(default = "usual_activation")]
    hidden_act: String,
    #[serde(default = "usual_epsilon")]
    layer_norm_eps: f64,
}

fn usual_tokens() -> usize {
    77
}

fn usual_activation() -> String {
    "quick_gelu".into()
}

fn usual_epsilon() -> f64 {
    1e-5
}

impl TextConfig {
    /// transformers writes many keys that say nothing of the network, so others are passed over here.
    pub fn read(path: &Path) -> Result<TextConfig, ModelError> {
        let refused =
            |reason: &str| ModelError::Refused(format!("{} is refused: {reason}", path.display()));
        let json = std::fs::read(path).map_err(|error| refused(&error.to_string()))?;
        let raw: RawText =
            serde_json::from_slice(&json).map_err(|error| refused(&error.to_string()))?;
        let activation = match raw.hidden_act.as_str() {
            "quick_gelu" => Activation::QuickGelu,
            "gelu" => Activation::Gelu,
            other => return Err(refused(&format!("its hidden_act {other:?} is not known"))),
        };
        let sizes = [raw.hidden_size, raw.intermediate_size];
        let bounded = sizes
            .iter()
            .all(|size| (1..=4 * MAX_CHANNELS).contains(size))
            && (1..=MAX_LAYERS).contains(&raw.num_hidden_layers)
            && (1..=MAX_VOCABULARY).contains(&raw.vocab_size)
            && (2..=MAX_TOKENS).contains(&raw.max_position_embeddings)
            && raw.num_attention_heads > 0
            && raw.hidden_size.is_multiple_of(raw.num_attention_heads);
        if !bounded {
            return Err(refused(
                "its sizes are those of no text encoder of this family",
            ));
        }
        Ok(TextConfig {
            tower: Tower {
                width: raw.hidden_size,
                inner: raw.intermediate_size,
                layers: raw.num_hidden_layers,
                heads: raw.num_attention_heads,
                activation,
                epsilon: raw.layer_norm_eps,
            },
            vocabulary: raw.vocab_size,
            tokens: raw.max_position_embeddings,
        })
    }
}
