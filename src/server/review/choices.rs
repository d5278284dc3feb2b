//! `GET /v1/review/choices`: what a category or a label can be corrected to, as somebody types.

use std::cmp::Reverse;

use serde::Deserialize;
use serde_json::{Value as Any, json};
use showroom_catalog::decision::CATEGORY;

use super::Reviewer;
use crate::error::ApiError;
use crate::product::within;

const PAGE: usize = 12;
const MAX_PAGE: usize = 100;
/// Longest question, in characters.
const MAX_WORDS: usize = 200;

/// `?label=&q=&limit=`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// What is corrected: the id of a label, or `@category`.
    label: String,
    #[serde(default)]
    q: String,
    limit: Option<usize>,
}

impl Reviewer {
    /// `GET /v1/review/choices`.
    pub(super) async fn choices(&self, asked: Asked) -> Result<Any, ApiError> {
        if asked.q.chars().count() > MAX_WORDS {
            return Err(ApiError::bad(
                "bad_request",
                format!("q is longer than {MAX_WORDS} characters"),
            ));
        }
        let limit = within("limit", asked.limit, PAGE, 1..=MAX_PAGE)?;
        let words = words_of(&asked.q);
        let choices: Vec<Any> = match asked.label == CATEGORY {
            true => self.categories(&words, limit),
            false => self.labels(&asked.label, &words, limit),
        };
        Ok(json!({ "choices": choices }))
    }

    fn categories(&self, words: &[String], limit: usize) -> Vec<Any> {
        let nodes = self.categories.iter();
        let mut found: Vec<_> = nodes
            .filter_map(|node| Some((rank(words, &node.name, &node.path)?, node)))
            .collect();
        found.sort_by_key(|(rank, node)| (*rank, node.path.len()));
        let nodes = found.into_iter().take(limit);
        nodes.map(|(_, node)| json!(node)).collect()
    }

    /// First those that the label excludes, then the others of its set, then the rest.
    fn labels(&self, label: &str, words: &[String], limit: usize) -> Vec<Any> {
        let corrected = self.known_label(label);
        let nearness = |id: &String, source: &str| {
            let corrected = corrected.as_ref();
            let is_rival = corrected.is_some_and(|known| known.rivals.contains(id));
            let is_of_set = corrected.is_some_and(|known| known.source == source);
            (is_rival, is_of_set)
        };
        let known = self.labels.get();
        let labels = known.iter().filter(|known| known.id != label);
        let mut found: Vec<_> = labels
            .filter_map(|known| Some((rank(words, &known.name, &[])?, known)))
            .collect();
        found.sort_by_key(|(rank, known)| (Reverse(nearness(&known.id, &known.source)), *rank));
        let labels = found.into_iter().take(limit);
        let shown = |known: &showroom_catalog::decide::KnownLabel| json!({ "id": known.id, "name": known.name, "path": [known.name] });
        labels.map(|(_, known)| shown(known)).collect()
    }
}

/// Lower case, without what is between words.
fn words_of(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// How well a name answers the words, 0 best; none where one of them begins no word of the name or of
/// the path.
fn rank(words: &[String], name: &str, path: &[String]) -> Option<usize> {
    let (name, path) = (words_of(name), words_of(&path.join(" ")));
    let begins = |all: &[String], word: &String| all.iter().any(|one| one.starts_with(word));
    let is_in_name = |word: &String| begins(&name, word);
    if !(words.iter()).all(|word| is_in_name(word) || begins(&path, word)) {
        return None;
    }
    let (question, said) = (words.join(" "), name.join(" "));
    Some(match () {
        () if said == question => 0,
        () if said.starts_with(&question) => 1,
        () if words.iter().all(is_in_name) => 2,
        () => 3,
    })
}
