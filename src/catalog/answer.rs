//! What a search found, in the terms of what was asked: how good each hit is, and why it is one.
//!
//! `showroom search` and the search API say it with the same code, so that they say the same.

use serde::Serialize;

use crate::asked::{Asked, Term};
use crate::bands::{Bands, Match};
use crate::embedding::VectorName;
use crate::facets::Facets;
use crate::json::{HitJson, WhyJson};
use crate::query::{Hit, Hits, Query};
use crate::seams::{Matched, MatchedKind, TextQuery};

/// How much colour counts beside shape unless the caller says otherwise: on labelled shop photos
/// the same item is found best where both count alike.
pub const DEFAULT_COLOUR_WEIGHT: f32 = 1.0;

/// What a part of the query is called that an adapter has made of words.
const ADAPTER: &str = "adapter";

/// A search with its hits.
pub struct Answer<'a> {
    pub query: &'a Query,
    pub asked: &'a [Asked],
    /// What understood the words; `None` where there were none.
    pub words: Option<&'a dyn TextQuery>,
    /// `None` where nobody has measured what scores of this encoder mean.
    pub bands: Option<Bands>,
    pub hits: &'a Hits,
}

/// One thing that was asked with, as in `asked` of the JSON.
#[derive(Debug, Serialize)]
pub struct AskedJson<'a> {
    pub kind: &'static str,
    pub value: &'a str,
    /// Negative for what it should not be.
    pub weight: f32,
}

/// Facets as in the JSON.
#[derive(Debug, Serialize)]
pub struct FacetsJson<'a> {
    /// What was counted: `filter` for all photos that pass it, or `hits`.
    pub over: &'static str,
    #[serde(flatten)]
    pub counts: &'a Facets,
}

impl<'a> Answer<'a> {
    pub fn asked(&self) -> Vec<AskedJson<'a>> {
        let asked = self.asked.iter().map(|asked| AskedJson {
            kind: asked.kind.name(),
            value: &asked.value,
            weight: asked.term.weight,
        });
        asked.collect()
    }

    /// The hit with its verdict and its reasons.
    pub fn hit<'b>(&'b self, hit: &'b Hit) -> HitJson<'b> {
        HitJson {
            r#match: self.judge(hit),
            why: self.why(hit),
            ..HitJson::from(hit)
        }
    }

    pub fn judge(&self, hit: &Hit) -> Option<Match> {
        let terms: Vec<Term> = self.asked.iter().map(|asked| asked.term.clone()).collect();
        self.bands?.judge(&terms, &hit.why, hit.title.as_ref())
    }

    /// The best of the hits; *no good match* also where there is none.
    pub fn best(&self) -> Option<Match> {
        self.bands?;
        let hits = self.hits.hits.iter();
        let best = hits.filter_map(|hit| self.judge(hit)).max();
        Some(best.unwrap_or(Match::NoGoodMatch))
    }

    /// Each part of the query, and what answered it.
    pub fn why<'b>(&'b self, hit: &'b Hit) -> Vec<WhyJson<'b>> {
        let mut reasons = Vec::new();
        for asked in self.asked {
            let (mut learned, mut weight) = (0.0, 0.0);
            for place in asked.term.parts.clone() {
                let (part, why) = (&self.query.parts[place], &hit.why[place]);
                if asked.kind.is_words() && part.on != VectorName::Text {
                    learned += part.weight * why.score;
                    weight += part.weight;
                    continue;
                }
                let text = &hit.record.vectors.text;
                let matched = match self.words {
                    Some(words) if asked.kind.is_words() => words.matched(&part.vector, text),
                    _ => Vec::new(),
                };
                reasons.push(WhyJson {
                    part: why.part.name(),
                    score: why.score,
                    asked: Some(&asked.value),
                    weight: Some(part.weight),
                    matched,
                });
            }
            if weight != 0.0 {
                reasons.push(WhyJson {
                    part: ADAPTER,
                    score: learned / weight,
                    asked: Some(&asked.value),
                    weight: Some(weight),
                    matched: Vec::new(),
                });
            }
        }
        if let Some(title) = &hit.title {
            reasons.push(WhyJson {
                part: "title",
                score: title.score,
                asked: self.query.title_words.as_deref(),
                weight: None,
                matched: (title.words.iter())
                    .map(|word| Matched {
                        kind: MatchedKind::Title,
                        word: word.clone(),
                        share: None,
                    })
                    .collect(),
            });
        }
        reasons
    }
}
