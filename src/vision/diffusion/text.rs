//! Words → what the U-Net looks at: CLIP's tokenizer, and its tower of words up to the last layer norm.

use std::path::Path;

use burn::tensor::module::embedding;
use burn::tensor::{Int, Tensor, TensorData as BurnData};
use serde_json::{Value, json};
use showroom_catalog::seams::ModelError;
use tokenizers::{Tokenizer, TruncationParams};

use super::config::TextConfig;
use crate::engines::Place;
use crate::models::layers::{LayerNorm, Weights, tensor};
use crate::models::pair::blocks::Blocks;
use crate::weights::{TensorData, tensors};

const AT: &str = "text_model";
/// Only so much of a text is read: far more than the tokens that a model takes.
const MAX_TEXT_BYTES: usize = 64 << 10;
/// The longest file of a tokenizer, bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Added to the attention score of a token that comes later: its probability becomes zero.
const HIDDEN: f32 = -1e9;
/// What CLIP splits words by.
const WORDS: &str = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";
/// A file that may be there.
const SPECIAL: &str = "special_tokens_map.json";
const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";

/// CLIP's tokenizer from its `vocab.json` and `merges.txt`.
pub struct ClipTokenizer {
    tokenizer: Tokenizer,
    tokens: usize,
    pad: i64,
}

impl ClipTokenizer {
    /// Opens the folder `tokenizer` of a checkpoint.
    pub fn open(folder: &Path, config: &TextConfig) -> Result<ClipTokenizer, ModelError> {
        let refused = |reason: &str| {
            let folder = folder.display();
            ModelError::Refused(format!("the tokenizer {folder} is refused: {reason}"))
        };
        let read = |name: &str| {
            let path = folder.join(name);
            let text = std::fs::metadata(&path).and_then(|file| match file.len() {
                0..=MAX_FILE_BYTES => std::fs::read_to_string(&path),
                _ => Err(std::io::Error::other("it is too long")),
            });
            text.map_err(|error| refused(&format!("{name}: {error}")))
        };
        let json = |name: &str| -> Result<Value, ModelError> {
            serde_json::from_str(&read(name)?).map_err(|error| refused(&format!("{name}: {error}")))
        };
        let vocabulary = json("vocab.json")?;
        let merges = read("merges.txt")?;
        let merges: Vec<[&str; 2]> = merges
            .lines()
            .filter(|line| !line.starts_with("#version"))
            .filter_map(|line| line.split_once(' ').map(<[&str; 2]>::from))
            .collect();
        let id = |token: &str| {
            let id = vocabulary.get(token).and_then(Value::as_i64);
            id.filter(|id| (0..config.vocabulary as i64).contains(id))
                .ok_or_else(|| refused(&format!("it has no token {token}")))
        };
        let described = described(&vocabulary, &merges, [id(START)?, id(END)?]);
        let mut tokenizer = Tokenizer::from_bytes(described.to_string().as_bytes())
            .map_err(|error| refused(&error.to_string()))?;
        if tokenizer.get_vocab_size(true) > config.vocabulary {
            return Err(refused("it knows more tokens than the text encoder"));
        }
        let truncation = TruncationParams {
            max_length: config.tokens,
            ..Default::default()
        };
        tokenizer
            .with_truncation(Some(truncation))
            .map_err(|error| refused(&error.to_string()))?;
        let config_json = json("tokenizer_config.json")?;
        // The older of two files that may say it wins, as in transformers, unless the newer one is of the kind
        // that has all tokens in it.
        let is_older = config_json.get("added_tokens_decoder").is_none();
        let older = match is_older && folder.join(SPECIAL).is_file() {
            true => json(SPECIAL)?,
            false => Value::Null,
        };
        let pad = older.get("pad_token").or(config_json.get("pad_token"));
        // A word, or an object round it.
        let pad = pad.and_then(|pad| pad.get("content").unwrap_or(pad).as_str());
        Ok(ClipTokenizer {
            tokenizer,
            tokens: config.tokens,
            pad: id(pad.unwrap_or(END))?,
        })
    }

    /// As many ids as the tower has positions: start, words, end, padding. Longer texts are cut.
    pub fn ids(&self, text: &str) -> Result<Vec<i64>, ModelError> {
        let head = &text[..text.floor_char_boundary(MAX_TEXT_BYTES)];
        let encoded = self.tokenizer.encode(head, true).map_err(|error| {
            ModelError::Failed(format!("the words cannot be split into tokens: {error}"))
        })?;
        let mut ids: Vec<i64> = encoded.get_ids().iter().map(|id| i64::from(*id)).collect();
        ids.resize(self.tokens, self.pad);
        Ok(ids)
    }
}

/// The tokenizer as the library reads one.
fn described(vocabulary: &Value, merges: &[[&str; 2]], [start, end]: [i64; 2]) -> Value {
    let special = |id: i64, content: &str| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": true})
    };
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [special(start, START), special(end, END)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"},
            {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
            {"type": "Lowercase"},
        ]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": WORDS}, "behavior": "Removed", "invert": true},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        ]},
        "post_processor": {"type": "RobertaProcessing", "sep": [END, end], "cls": [START, start],
                           "trim_offsets": false, "add_prefix_space": false},
        "decoder": null,
        "model": {"type": "BPE", "dropout": null, "unk_token": END, "continuing_subword_prefix": "",
                  "end_of_word_suffix": "</w>", "fuse_unk": false, "byte_fallback": false,
                  "ignore_merges": false, "vocab": vocabulary, "merges": merges},
    })
}

/// The tower of words on a burn device; fields are named after the checkpoint's keys.
pub struct TextEncoder {
    token_embedding: Tensor<2>,
    position_embedding: Tensor<2>,
    encoder: Blocks,
    final_layer_norm: LayerNorm,
    /// Added to the scores (1, 1, tokens, tokens): who looks at whom.
    order: Tensor<4>,
    place: Place,
}

impl TextEncoder {
    pub fn load(
        config: &TextConfig,
        path: &Path,
        place: &Place,
    ) -> Result<TextEncoder, ModelError> {
        let weights = Weights {
            model: path.display().to_string(),
            tensors: tensors(path)?,
        };
        let (tower, tokens) = (&config.tower, config.tokens);
        let table = |name: &str, rows: usize| {
            let name = format!("{AT}.embeddings.{name}.weight");
            weights.get(&name, &[rows, tower.width]).cloned()
        };
        let order = TensorData {
            shape: vec![1, 1, tokens, tokens],
            data: (0..tokens * tokens)
                .map(|at| match at % tokens > at / tokens {
                    true => HIDDEN,
                    false => 0.0,
                })
                .collect(),
        };
        let name = format!("{AT}.final_layer_norm");
        Ok(TextEncoder {
            token_embedding: tensor(table("token_embedding", config.vocabulary)?, place),
            position_embedding: tensor(table("position_embedding", tokens)?, place),
            encoder: Blocks::new(&weights, AT, tower, place)?,
            final_layer_norm: LayerNorm::new(&weights, &name, tower.width, tower.epsilon, place)?,
            order: tensor(order, place),
            place: place.clone(),
        })
    }

    /// Ids, one for each position → (1, tokens, width).
    pub fn forward(&self, ids: Vec<i64>) -> Tensor<3> {
        let count = ids.len();
        let ids = Tensor::<2, Int>::from_data(BurnData::new(ids, [1, count]), &self.place.device);
        let places = self.position_embedding.clone().unsqueeze::<3>();
        let x = embedding(self.token_embedding.clone(), ids) + places;
        self.final_layer_norm
            .forward(self.encoder.forward(x, Some(&self.order)))
    }
}
