//! Words → vectors in the space of a pair's pictures: the tokenizer and the tower of words.

use std::sync::{Mutex, PoisonError};

use showroom_catalog::embedding::normalise;
use showroom_catalog::seams::{ModelError, TextEncoder, TextQuery};
use tokenizers::{Tokenizer, TruncationParams};

use crate::engines::{Engine, Input, Network, Output};
use crate::models;
use crate::models::pair::config::{Family, PairConfig};
use crate::weights::library::Library;
use crate::weights::manifest::TextInput;

/// Texts that run together.
const BATCH: usize = 16;
/// Only so much of a text is read: far more than the tokens that any of these models takes.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// A tower of words with its tokenizer. Threads that share one take turns.
pub struct SharedWords {
    id: String,
    tokens: PairTokenizer,
    width: usize,
    network: Mutex<Box<dyn Network>>,
}

impl SharedWords {
    /// Opens the words of the model `name` on an engine with `threads` threads (0: all cores).
    pub fn open(
        library: &Library,
        name: &str,
        engine: &Engine,
        threads: usize,
    ) -> Result<Self, ModelError> {
        let tower = models::load_words(library, name)?;
        let network = engine.prepare(&tower)?.open(threads)?;
        Ok(SharedWords {
            id: models::id(&library.model(name)?.manifest),
            tokens: PairTokenizer::open(library, name, &tower.config)?,
            width: tower.config.shared,
            network: Mutex::new(network),
        })
    }

    /// Vectors as the model gives them, not scaled: their lengths matter to the logits alone.
    pub fn raw(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for texts in texts.chunks(BATCH) {
            let batch = self.tokens.batch(texts)?;
            // A panic in another thread leaves no half-made state in a network.
            let mut network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
            let outputs = batch.run(&mut **network)?;
            match outputs.as_slice() {
                [output] if output.data.len() == texts.len() * self.width => {
                    let rows = output.data.chunks_exact(self.width);
                    vectors.extend(rows.map(<[f32]>::to_vec));
                }
                _ => {
                    return Err(ModelError::Failed(format!(
                        "the model {} gave outputs of the wrong size",
                        self.id
                    )));
                }
            }
        }
        Ok(vectors)
    }
}

impl TextEncoder for SharedWords {
    fn id(&self) -> &str {
        &self.id
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut vectors = self.raw(texts)?;
        vectors.iter_mut().for_each(|vector| normalise(vector));
        Ok(vectors)
    }
}

impl TextQuery for SharedWords {
    fn text_query(&self, words: &str) -> Result<Vec<f32>, ModelError> {
        if words.trim().is_empty() {
            return Err(ModelError::BadInput(
                "there are no words to look for; say what it is, or its colour".into(),
            ));
        }
        let mut vectors = self.encode(&[words.trim()])?;
        vectors
            .pop()
            .ok_or_else(|| ModelError::Failed(format!("the model {} gave nothing", self.id)))
    }
}

/// Texts → token ids, as the model was trained.
pub struct PairTokenizer {
    model: String,
    tokenizer: Tokenizer,
    lower_case: bool,
    /// Every text is filled up to so many tokens with this one; `None` where the longest text of a batch
    /// decides.
    padded: Option<(usize, i64)>,
    family: Family,
    end: Option<i64>,
}

impl PairTokenizer {
    /// Opens the tokenizer of the model `name`.
    pub fn open(library: &Library, name: &str, config: &PairConfig) -> Result<Self, ModelError> {
        let path = library.file(name, "tokenizer")?;
        let refused = |reason: String| {
            ModelError::Refused(format!(
                "the tokenizer {} is refused: {reason}",
                path.display()
            ))
        };
        let text = library.model(name)?.manifest.text.as_ref();
        let text: &TextInput = text
            .filter(|text| (2..=config.positions).contains(&text.max_tokens))
            .ok_or_else(|| {
                refused(format!(
                    "the manifest does not say a number of tokens from 2 to {}",
                    config.positions
                ))
            })?;
        let mut tokenizer =
            Tokenizer::from_file(&path).map_err(|error| refused(error.to_string()))?;
        let known = tokenizer.get_vocab_size(true);
        if known > config.vocabulary {
            return Err(refused(format!(
                "it knows {known} tokens and the model {}",
                config.vocabulary
            )));
        }
        let truncation = TruncationParams {
            max_length: text.max_tokens,
            ..Default::default()
        };
        tokenizer
            .with_truncation(Some(truncation))
            .map_err(|error| refused(error.to_string()))?;
        tokenizer.with_padding(None);
        let padded = match &text.pad_token {
            Some(token) => {
                let id = tokenizer.token_to_id(token);
                let id = id.ok_or_else(|| refused(format!("it has no padding token {token:?}")))?;
                Some((text.max_tokens, i64::from(id)))
            }
            None => None,
        };
        Ok(PairTokenizer {
            model: name.to_string(),
            tokenizer,
            lower_case: text.lower_case,
            padded,
            family: config.family,
            end: config.end,
        })
    }

    /// The ids of one text, with padding where the model was trained with it.
    pub fn ids(&self, text: &str) -> Result<Vec<i64>, ModelError> {
        let head = &text[..text.floor_char_boundary(MAX_TEXT_BYTES)];
        let lower = self.lower_case.then(|| head.to_lowercase());
        let encoded = self
            .tokenizer
            .encode(lower.as_deref().unwrap_or(head), true)
            .map_err(|error| {
                let model = &self.model;
                ModelError::Failed(format!(
                    "the model {model} cannot split a text into tokens: {error}"
                ))
            })?;
        let mut ids: Vec<i64> = encoded.get_ids().iter().map(|id| i64::from(*id)).collect();
        if let Some((tokens, pad)) = self.padded {
            ids.resize(tokens, pad);
        }
        Ok(ids)
    }

    /// Which of the tokens answers for the text.
    fn answer(&self, ids: &[i64]) -> usize {
        let last = ids.len() - 1;
        if self.family == Family::Siglip {
            return last;
        }
        let end = self.end.or_else(|| ids.iter().copied().max());
        let end = ids.iter().position(|id| Some(*id) == end);
        end.unwrap_or(last)
    }

    fn batch(&self, texts: &[&str]) -> Result<Batch, ModelError> {
        let texts: Vec<Vec<i64>> = texts
            .iter()
            .map(|text| self.ids(text))
            .collect::<Result<_, _>>()?;
        // An empty text has a token too, so that there is one that answers.
        let longest = texts.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let mut batch = Batch {
            texts: texts.len(),
            longest,
            ids: vec![0; texts.len() * longest],
            answers: vec![0.0; texts.len() * longest],
        };
        for (row, ids) in texts.iter().enumerate().filter(|(_, ids)| !ids.is_empty()) {
            batch.ids[row * longest..][..ids.len()].copy_from_slice(ids);
            batch.answers[row * longest + self.answer(ids)] = 1.0;
        }
        Ok(batch)
    }
}

/// Texts as the tower takes them.
struct Batch {
    texts: usize,
    longest: usize,
    /// Texts × longest. What follows a text's end is seen by none of its tokens.
    ids: Vec<i64>,
    /// 1 at the token that answers.
    answers: Vec<f32>,
}

impl Batch {
    fn run(&self, network: &mut dyn Network) -> Result<Vec<Output>, ModelError> {
        let positions = (0..self.longest as i64).collect::<Vec<_>>();
        let shape = [self.texts, self.longest];
        network.run(&[
            Input::I64(&shape, &self.ids),
            Input::F32(&shape, &self.answers),
            Input::I64(&[self.longest], &positions),
        ])
    }
}
