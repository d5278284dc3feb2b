//! The `config.json` of a CLIP or SigLIP checkpoint: sizes, with the defaults that transformers has for
//! what is left out.

use serde::Deserialize;

use crate::models::transformer::{Activation, Tower};

/// Bounds of what a configuration may ask for: far above every published model of both families.
const MAX_WIDTH: usize = 8192;
const MAX_LAYERS: usize = 128;
const MAX_IMAGE: usize = 1024;
const MAX_VOCABULARY: usize = 2_000_000;
const MAX_POSITIONS: usize = 1024;
/// CLIP's first checkpoints say this, which is not their end token; it then is the largest id.
const OLD_CLIP_END: i64 = 2;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A class token pools the picture, the end token the words, which are read left to right.
    Clip,
    /// Attention pools the picture, the last of the padded tokens the words.
    Siglip,
}

impl Family {
    /// As a manifest's `architecture` has it.
    pub fn name(self) -> &'static str {
        match self {
            Family::Clip => "clip",
            Family::Siglip => "siglip",
        }
    }
}

/// Sizes of a pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairConfig {
    pub family: Family,
    pub picture: Tower,
    /// Edge of the square picture, pixels.
    pub image: usize,
    /// Edge of a square patch, pixels.
    pub patch: usize,
    pub words: Tower,
    /// Tokens that are known.
    pub vocabulary: usize,
    /// Tokens of a text at the most.
    pub positions: usize,
    /// Id of the token at the end of a text; `None` where it is the largest id. CLIP's alone.
    pub end: Option<i64>,
    /// Length of the vectors of both towers.
    pub shared: usize,
}

#[derive(Deserialize)]
struct Raw {
    model_type: String,
    projection_dim: Option<usize>,
    #[serde(default)]
    text_config: RawTower,
    #[serde(default)]
    vision_config: RawTower,
}

#[derive(Default, Deserialize)]
struct RawTower {
    hidden_size: Option<usize>,
    intermediate_size: Option<usize>,
    num_hidden_layers: Option<usize>,
    num_attention_heads: Option<usize>,
    hidden_act: Option<String>,
    layer_norm_eps: Option<f64>,
    vocab_size: Option<usize>,
    max_position_embeddings: Option<usize>,
    eos_token_id: Option<i64>,
    projection_size: Option<usize>,
    image_size: Option<usize>,
    patch_size: Option<usize>,
    num_channels: Option<usize>,
    vision_use_head: Option<bool>,
}

/// What transformers takes where a configuration is silent: width, inner, layers, heads.
const CLIP_TEXT: [usize; 4] = [512, 2048, 12, 8];
const OTHERS: [usize; 4] = [768, 3072, 12, 12];

impl PairConfig {
    /// Reads a `config.json`. The error is a phrase about the file.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let raw: Raw = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let family = match raw.model_type.as_str() {
            "clip" => Family::Clip,
            "siglip" => Family::Siglip,
            other => {
                return Err(format!(
                    "its model_type is {other:?}; models of type \"clip\" and \"siglip\" can be used (SigLIP2 of \
                     fixed size is of type \"siglip\", its NaFlex kind is not)"
                ));
            }
        };
        let (text, vision) = (&raw.text_config, &raw.vision_config);
        let is_clip = family == Family::Clip;
        let words = text.tower(family, if is_clip { CLIP_TEXT } else { OTHERS })?;
        let picture = vision.tower(family, OTHERS)?;
        if vision.num_channels.unwrap_or(3) != 3 || vision.vision_use_head == Some(false) {
            return Err("its picture tower has not three colours, or no pooling head".into());
        }
        let config = PairConfig {
            family,
            picture,
            image: bounded("image_size", vision.image_size, 224, MAX_IMAGE)?,
            patch: bounded(
                "patch_size",
                vision.patch_size,
                if is_clip { 32 } else { 16 },
                MAX_IMAGE,
            )?,
            words,
            vocabulary: bounded(
                "vocab_size",
                text.vocab_size,
                if is_clip { 49_408 } else { 32_000 },
                MAX_VOCABULARY,
            )?,
            positions: bounded(
                "max_position_embeddings",
                text.max_position_embeddings,
                if is_clip { 77 } else { 64 },
                MAX_POSITIONS,
            )?,
            end: text
                .eos_token_id
                .filter(|id| *id != OLD_CLIP_END && is_clip),
            shared: match family {
                Family::Clip => bounded("projection_dim", raw.projection_dim, 512, MAX_WIDTH)?,
                Family::Siglip => picture.width,
            },
        };
        let words_give = text.projection_size.unwrap_or(words.width);
        if family == Family::Siglip && words_give != config.shared {
            return Err(format!(
                "words give {words_give} numbers and pictures {}",
                config.shared
            ));
        }
        if !config.image.is_multiple_of(config.patch) {
            return Err(format!(
                "a picture of {} pixels is not cut evenly into patches of {}",
                config.image, config.patch
            ));
        }
        Ok(config)
    }

    /// Patches of a picture.
    pub fn patches(&self) -> usize {
        (self.image / self.patch).pow(2)
    }
}

impl RawTower {
    fn tower(
        &self,
        family: Family,
        [width, inner, layers, heads]: [usize; 4],
    ) -> Result<Tower, String> {
        let (activation, epsilon) = match family {
            Family::Clip => ("quick_gelu", 1e-5),
            Family::Siglip => ("gelu_pytorch_tanh", 1e-6),
        };
        let activation = match self.hidden_act.as_deref().unwrap_or(activation) {
            "quick_gelu" => Activation::QuickGelu,
            "gelu" => Activation::Gelu,
            "gelu_pytorch_tanh" | "gelu_new" => Activation::GeluTanh,
            other => return Err(format!("its hidden_act {other:?} is not known")),
        };
        let tower = Tower {
            width: bounded("hidden_size", self.hidden_size, width, MAX_WIDTH)?,
            inner: bounded(
                "intermediate_size",
                self.intermediate_size,
                inner,
                4 * MAX_WIDTH,
            )?,
            layers: bounded(
                "num_hidden_layers",
                self.num_hidden_layers,
                layers,
                MAX_LAYERS,
            )?,
            heads: bounded(
                "num_attention_heads",
                self.num_attention_heads,
                heads,
                MAX_WIDTH,
            )?,
            activation,
            epsilon: self.layer_norm_eps.unwrap_or(epsilon),
        };
        if !tower.width.is_multiple_of(tower.heads) {
            return Err(format!(
                "{} numbers are not shared out evenly among {} heads",
                tower.width, tower.heads
            ));
        }
        Ok(tower)
    }
}

fn bounded(
    name: &str,
    found: Option<usize>,
    otherwise: usize,
    most: usize,
) -> Result<usize, String> {
    let value = found.unwrap_or(otherwise);
    if (1..=most).contains(&value) {
        return Ok(value);
    }
    Err(format!("its {name} is {value}; 1 to {most} are possible"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_as_published() {
        // google/siglip2-base-patch16-224 says no more than this.
        let config = PairConfig::parse(
            br#"{"model_type": "siglip", "text_config": {"vocab_size": 256000}, "vision_config": {}}"#,
        );
        let config = config.unwrap();
        assert_eq!(
            (config.shared, config.patches(), config.positions),
            (768, 196, 64)
        );
        assert_eq!((config.vocabulary, config.end), (256_000, None));
        let config =
            PairConfig::parse(br#"{"model_type": "clip", "text_config": {"eos_token_id": 2}}"#);
        let config = config.unwrap();
        assert_eq!(
            (config.shared, config.patches(), config.end),
            (512, 49, None)
        );
        assert_eq!((config.words.heads, config.words.width), (8, 512));
    }

    #[test]
    fn what_cannot_be_run_is_refused_with_its_name() {
        for (json, said) in [
            (r#"{"model_type": "siglip2"}"#, "model_type"),
            (
                r#"{"model_type": "clip", "vision_config": {"patch_size": 30}}"#,
                "patches of 30",
            ),
            (
                r#"{"model_type": "clip", "text_config": {"hidden_act": "relu"}}"#,
                "relu",
            ),
            (
                r#"{"model_type": "clip", "text_config": {"num_attention_heads": 7}}"#,
                "7 heads",
            ),
            (
                r#"{"model_type": "clip", "vision_config": {"num_hidden_layers": 0}}"#,
                "num_hidden_layers",
            ),
            (
                r#"{"model_type": "siglip", "text_config": {"projection_size": 5}}"#,
                "5 numbers",
            ),
        ] {
            let error = PairConfig::parse(json.as_bytes()).unwrap_err();
            assert!(error.contains(said), "{json}: {error}");
        }
    }
}
