//! Words → vectors, on threads of their own, with those understood lately kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use showroom_catalog::seams::{ModelError, TextQuery, Understood};
use tokio::sync::Semaphore;

use crate::state::Observe;

/// Sentences that are kept: about 6 KB each.
const KEPT: usize = 1024;

/// Understands words.
pub struct Words {
    query: Arc<dyn TextQuery>,
    threads: Arc<Semaphore>,
    kept: Mutex<Kept>,
    observe: Arc<dyn Observe>,
}

impl Words {
    /// With at most so many sentences at once.
    pub fn new(query: Arc<dyn TextQuery>, threads: usize, observe: Arc<dyn Observe>) -> Words {
        Words {
            query,
            threads: Arc::new(Semaphore::new(threads.max(1))),
            kept: Mutex::new(Kept::new(KEPT)),
            observe,
        }
    }

    pub fn query(&self) -> &dyn TextQuery {
        self.query.as_ref()
    }

    /// Where the caller goes away before it is begun, nothing is computed.
    pub async fn understand(&self, words: &str) -> Result<Understood, ModelError> {
        if let Some(known) = self
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(words)
        {
            return Ok(known);
        }
        let place = self.threads.clone().acquire_owned().await;
        let (query, asked) = (self.query.clone(), words.to_string());
        let began = Instant::now();
        let understood = tokio::task::spawn_blocking(move || {
            let _place = place;
            query.understand(&asked)
        });
        let failed = |_| ModelError::Failed("the model of words panicked".into());
        let understood = understood.await.map_err(failed)??;
        self.observe.stage("words", began.elapsed());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put(words, &understood);
        Ok(understood)
    }
}

/// The sentences that were asked for last.
struct Kept {
    most: usize,
    clock: u64,
    known: HashMap<String, (u64, Understood)>,
}

impl Kept {
    fn new(most: usize) -> Kept {
        Kept {
            most,
            clock: 0,
            known: HashMap::new(),
        }
    }

    fn get(&mut self, words: &str) -> Option<Understood> {
        self.clock += 1;
        let (used, understood) = self.known.get_mut(words)?;
        *used = self.clock;
        Some(understood.clone())
    }

    fn put(&mut self, words: &str, understood: &Understood) {
        if self.known.len() >= self.most {
            // The older half at once, so that it is rarely done.
            let mut used: Vec<u64> = self.known.values().map(|(used, _)| *used).collect();
            used.sort_unstable();
            let middle = used[used.len() / 2];
            self.known.retain(|_, (used, _)| *used > middle);
        }
        self.clock += 1;
        let entry = (self.clock, understood.clone());
        self.known.insert(words.to_string(), entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_last_is_kept() {
        let mut kept = Kept::new(4);
        for words in ["a", "b", "c", "d"] {
            kept.put(words, &Understood::default());
        }
        assert!(kept.get("a").is_some());
        kept.put("e", &Understood::default());
        assert!(kept.known.len() <= 4);
        let there = |words: &str| kept.known.contains_key(words);
        assert!(there("a") && there("e") && !there("b"));
    }
}
