//! Sentences → unit vectors: the tokenizer, a network and the scaling.

use std::sync::{Mutex, PoisonError};

use showroom_catalog::embedding::normalise;
use showroom_catalog::seams::{ModelError, TextEncoder};
use tokenizers::{Tokenizer, TruncationParams};

use crate::engines::check::verify;
use crate::engines::{Engine, Input, Network, Output};
use crate::models;
use crate::weights::library::Library;

/// Sentences that run together; they are padded to the longest.
const BATCH: usize = 32;
/// Only so much of a text is read: far more than the tokens that the model takes.
const MAX_TEXT_BYTES: usize = 64 << 10;
/// BERT knows so many positions.
const MAX_TOKENS: usize = 512;

/// A sentence model with its tokenizer. Threads that share one take turns.
pub struct SentenceEncoder {
    id: String,
    model: String,
    tokenizer: Tokenizer,
    network: Mutex<Box<dyn Network>>,
}

impl SentenceEncoder {
    /// Opens the model `name` on an engine with `threads` threads (0: all cores) and lets it check
    /// itself.
    pub fn open(
        library: &Library,
        name: &str,
        engine: &Engine,
        threads: usize,
    ) -> Result<Self, ModelError> {
        let manifest = &library.model(name)?.manifest;
        let text = manifest
            .text
            .as_ref()
            .ok_or_else(|| ModelError::Refused(format!("the model {name} takes no text")))?;
        if !(3..=MAX_TOKENS).contains(&text.max_tokens) {
            return Err(ModelError::Refused(format!(
                "the manifest of {name} wants {} tokens; 3 to {MAX_TOKENS} are possible",
                text.max_tokens
            )));
        }
        let path = library.file(name, "tokenizer")?;
        let refused = |error: tokenizers::Error| {
            ModelError::Refused(format!(
                "the tokenizer {} is refused: {error}",
                path.display()
            ))
        };
        let mut tokenizer = Tokenizer::from_file(&path).map_err(refused)?;
        let truncation = TruncationParams {
            max_length: text.max_tokens,
            ..Default::default()
        };
        tokenizer
            .with_truncation(Some(truncation))
            .map_err(refused)?;
        tokenizer.with_padding(None);
        let network = engine
            .prepare(&*models::load(library, name)?)?
            .open(threads)?;
        let encoder = SentenceEncoder {
            id: models::id(manifest),
            model: name.to_string(),
            tokenizer,
            network: Mutex::new(network),
        };
        if let Some(check) = &manifest.check
            && let Some(text) = &check.text
        {
            let vector = encoder.encode(&[text])?.concat();
            let answer = Output {
                shape: vec![1, vector.len()],
                data: vector,
            };
            verify(name, engine, check, &[answer])?;
        }
        Ok(encoder)
    }
}

impl TextEncoder for SentenceEncoder {
    fn id(&self) -> &str {
        &self.id
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        let failed =
            |reason: String| ModelError::Failed(format!("the model {} {reason}", self.model));
        let mut vectors = Vec::with_capacity(texts.len());
        for texts in texts.chunks(BATCH) {
            let tokens = Tokens::of(&self.tokenizer, texts)
                .map_err(|error| failed(format!("cannot split a text into tokens: {error}")))?;
            // A panic in another thread leaves no half-made state in a network.
            let mut network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
            let outputs = tokens.run(&mut **network)?;
            let [output] = outputs.as_slice() else {
                return Err(failed(format!("gave {} outputs and not 1", outputs.len())));
            };
            let width = output.data.len() / texts.len();
            if width == 0 {
                return Err(failed("gave no numbers".into()));
            }
            vectors.extend(output.data.chunks_exact(width).map(|vector| {
                let mut vector = vector.to_vec();
                normalise(&mut vector);
                vector
            }));
        }
        Ok(vectors)
    }
}

/// A batch of sentences as the network takes them.
struct Tokens {
    sentences: usize,
    longest: usize,
    /// Sentences × longest; 0 is padding.
    ids: Vec<i64>,
    /// 1 where there is a token.
    mask: Vec<f32>,
}

impl Tokens {
    fn of(tokenizer: &Tokenizer, texts: &[impl AsRef<str>]) -> tokenizers::Result<Self> {
        let sentences = texts
            .iter()
            .map(|text| tokenizer.encode(head(text.as_ref()), true))
            .collect::<tokenizers::Result<Vec<_>>>()?;
        let longest = sentences
            .iter()
            .map(|sentence| sentence.len())
            .max()
            .unwrap_or(0);
        let mut ids = vec![0; sentences.len() * longest];
        let mut mask = vec![0.0; ids.len()];
        for (row, sentence) in sentences.iter().enumerate() {
            for (column, id) in sentence.get_ids().iter().enumerate() {
                ids[row * longest + column] = i64::from(*id);
                mask[row * longest + column] = 1.0;
            }
        }
        Ok(Tokens {
            sentences: sentences.len(),
            longest,
            ids,
            mask,
        })
    }

    fn run(&self, network: &mut dyn Network) -> Result<Vec<Output>, ModelError> {
        let positions = (0..self.longest as i64).collect::<Vec<_>>();
        let shape = [self.sentences, self.longest];
        network.run(&[
            Input::I64(&shape, &self.ids),
            Input::F32(&shape, &self.mask),
            Input::I64(&[self.longest], &positions),
        ])
    }
}

/// The first [`MAX_TEXT_BYTES`] of a text, cut between characters.
fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]
}
